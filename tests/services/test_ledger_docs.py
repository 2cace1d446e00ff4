"""docs/ledger.md against the ledger: each event of its table is played, and has to post what the table says, and nothing else.

A new event is a row a posting in the table, and a function of its name in tests/services/ledger_events: it brings a market to where the event
begins, yields, and makes the event happen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mart_union.ledger.census import Ledger, whole_ledger
from mart_union.ledger.model import ACCOUNT, has_floor
from mart_union.settlement.checks.transfers import KINDS, kind_of
from tests.conftest import ROOT
from tests.services.buckets import own_bucket
from tests.services.ledger_events import (  # noqa: F401 - they fill EVENTS
    bank,
    buying,
    cards,
    completing,
    refunding,
)
from tests.services.ledger_events.document import documented, documented_patterns, rows_of
from tests.services.ledger_events.scene import EVENTS, Scene
from tests.services.market import open_market


@pytest.fixture(autouse=True)
def payout_bucket() -> Iterator[None]:
    with own_bucket():
        yield


def made_between(scene: Scene, before: Ledger, after: Ledger) -> list[tuple[str, str, int, str]]:
    known = {one.id for one in before.transfers}
    statements = {one.id: "{statement}" for one in after.statements}
    made = []
    for transfer in after.transfers:
        named = " ".join([transfer.reference, *(posting.account for posting in transfer.postings)])
        if transfer.id in known or not any(name in named for name in scene.names):
            continue
        kind = f"{transfer.kind} (pending)" if transfer.pending else transfer.kind
        reference = statements.get(transfer.reference) or scene.in_words(transfer.reference)
        made += [(kind, scene.in_words(one.account), one.amount_minor, reference) for one in transfer.postings]
    return made


def test_every_event_of_the_document_is_played_here_and_every_event_here_is_in_the_document() -> None:
    assert sorted(documented()) == sorted(EVENTS)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_posts_what_the_document_says_and_nothing_else(
    unique: str, name: str, request: pytest.FixtureRequest
) -> None:
    scene = Scene(open_market(unique), unique)
    if "card" in name:
        scene.desk = request.getfixturevalue("desk")
    play = EVENTS[name](scene)
    next(play)
    before = whole_ledger()
    assert next(play, "done") == "done"
    posted = made_between(scene, before, whole_ledger())
    assert sorted(posted) == sorted(documented()[name])
    assert sum(amount for _, _, amount, _ in posted) == 0


def test_the_chart_names_every_kind_of_account_and_whether_it_has_a_floor() -> None:
    chart = {row[0]: row[1] == "yes" for row in rows_of("Chart of accounts")}
    kinds = {re.sub(r"{\w+}", "x", name): floor for name, floor in chart.items()}
    assert all(ACCOUNT.fullmatch(name) and has_floor(name) == floor for name, floor in kinds.items())
    patterns = re.sub(r"\(/deposit\|/held\)\?", "", ACCOUNT.pattern.strip("()")).split("|")
    expected = {pattern.replace(r"[\w-]+", "x") for pattern in patterns} | {"store/x/deposit", "store/x/held"}
    assert set(kinds) == expected


def kinds_made(file: Path) -> set[str]:
    """The kinds of transfers that a module of the code names, where it makes a transfer or hands its kind on."""
    calls = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]
    kinds = set()
    for call in calls:
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        given = [word.value for word in call.keywords if word.arg == "kind"]
        if name in {"Transfer", "pay_out"}:
            given += call.args[1:2]
        if name == "_following":
            given += call.args[2:3]
        if name in {"Transfer", "_following", "withdraw", "withdraw_from", "replace", "reverse", "pay_out"}:
            kinds |= {one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return kinds


def test_every_kind_of_transfer_that_the_code_makes_is_in_the_document() -> None:
    sources = [*(ROOT / "layers" / "core").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    made = set().union(*(kinds_made(file) for file in sources))
    told = {kind.removesuffix(" (pending)") for postings in documented().values() for kind, *_ in postings}
    assert made - told == set()


def test_the_checker_lets_a_kind_of_transfer_move_exactly_what_the_document_says() -> None:
    chart = {re.sub(r"{\w+}", "x", row[0]) for row in rows_of("Chart of accounts")} - {"provider/x"}
    accounts = {"tax" if account == "tax/x" else kind_of(account): account for account in chart}
    accounts |= {"provider/bank": "provider/bank", "provider/stripe": "provider/stripe"}
    allowed = {
        f"{kind} {sign}{of}"
        for kind, sides in KINDS.items()
        for sign, side in zip("-+", sides, strict=True)
        for of, account in accounts.items()
        if re.fullmatch(side, account)
    }
    assert {pattern.partition(" about ")[0] for pattern in documented_patterns()} == allowed
