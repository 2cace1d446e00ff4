"""What README says that an idle union costs is counted in the template."""

from __future__ import annotations

import re
from decimal import Decimal

from tests.template.reading import ROOT, UNION, functions, resources

_TITLE = "**A union without a shopper**"


def rows() -> list[tuple[str, str, Decimal]]:
    """The table of README: what, how it is calculated, dollars a month; the sum comes last."""
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition(_TITLE)[2].strip().split("\n\n")[1]
    cells = [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    return [(what, how, Decimal(dollars)) for what, how, dollars in cells]


def calculation(of: str) -> str:
    """How a row is calculated."""
    [found] = [how for what, how, _ in rows() if what == of]
    return found


def first_number(of: str) -> int:
    """How many there are of what a row is about."""
    return int(calculation(of).partition(" ")[0])


def sources(kind: str) -> list[str]:
    """The functions that sources of a kind call, one a source."""
    return [
        name
        for name, function in functions(UNION).items()
        for event in function.get("Events", {}).values()
        if event["Type"] == kind
    ]


def test_alarms_are_counted() -> None:
    assert first_number("Alarms") == len(resources(UNION, "AWS::CloudWatch::Alarm"))


def test_polled_queues_are_counted() -> None:
    assert first_number("Polled queues") == len(sources("SQS"))


def test_every_scheduled_function_is_named() -> None:
    named = re.findall(r"sweeper|presence|settlement", calculation("Lambda calls"))
    assert sorted(named) == sorted(name.lower() for name in sources("ScheduleV2"))


def test_dollars_add_up() -> None:
    *parts, total = [dollars for _, _, dollars in rows()]
    assert sum(parts) == total
    assert len(parts) == 10
