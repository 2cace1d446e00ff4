"""Terms with suppliers and replenishments: what may be ordered, what may come, and how far it has come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from mart_union.kernel.errors import Invalid, KeyReused, RuleViolation
from mart_union.kernel.money import Currency
from mart_union.mediation.replenishment import (
    MOST_RECEIPTS,
    Receipt,
    Replenishment,
    Supplied,
    SupplierTerms,
    checked_terms,
    find_receipt,
    ordered,
    received,
    without_rest,
)

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)  # the 23rd in Taipei
TERMS = SupplierTerms("emei", "guanxi", {"A": Supplied(1_000, "G-1"), "B": Supplied(250)}, 3, 5_000)


def order(wanted: dict[str, int] | None = None, terms: SupplierTerms = TERMS, note: str = "") -> Replenishment:
    units = {"A": 10, "B": 4} if wanted is None else wanted
    return ordered(
        terms,
        units,
        replenishment="r",
        request="q",
        actor="a",
        note=note,
        now=NOW,
        time_zone="Asia/Taipei",
        currency=Currency("TWD", 100),
    )


def receipt(key: str = "k", **units: int) -> Receipt:
    return Receipt(key, f"request of {key}", "2026-11-24T00:00:00.000Z", "packer", units)


def counts(found: Replenishment) -> dict[str, tuple[int, int, int, int]]:
    return {line.sku: (line.ordered, line.received, line.cancelled, line.outstanding) for line in found.lines}


def test_a_replenishment_has_the_prices_of_the_terms_and_is_expected_when_the_suppliers_days_are_over() -> None:
    made = order()
    assert [(line.sku, line.ordered, line.unit_minor) for line in made.lines] == [("A", 10, 1_000), ("B", 4, 250)]
    assert (made.total_minor, made.expected_on, made.state, made.is_open) == (11_000, "2026-11-26", "ordered", True)


@pytest.mark.parametrize("wanted", [{}, {"A": 0}, {"A": -1}, {"A": 10**9 + 1}, {f"S-{n}": 1 for n in range(51)}])
def test_nothing_too_much_or_too_many_lines_cannot_be_ordered(wanted: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        order(wanted)
    with pytest.raises(Invalid):
        order(note="x" * 501)


def test_what_is_not_supplied_or_comes_to_less_than_the_least_order_is_refused_by_name() -> None:
    with pytest.raises(RuleViolation) as refused:
        order({"A": 10, "C": 1})
    assert (refused.value.facts["reason"], refused.value.facts["skus"]) == ("not-supplied", ["C"])
    with pytest.raises(RuleViolation) as refused:
        order({"A": 4, "B": 3})
    assert refused.value.detail == "guanxi takes no order of less than 50 TWD: this one comes to 47.50 TWD"
    assert refused.value.facts == {"reason": "minimum", "minimum_minor": 5_000, "total_minor": 4_750}
    assert order({"A": 5}).total_minor == 5_000


@pytest.mark.parametrize(
    "changes",
    [
        {"supplies": {"A": Supplied(-1)}},
        {"supplies": {"A": Supplied(1, "x" * 65)}},
        {"supplies": {f"S-{n}": Supplied(1) for n in range(51)}},
        {"lead_days": -1},
        {"lead_days": 731},
        {"minimum_minor": -1},
    ],
)
def test_terms_that_cannot_be_meant_are_refused(changes: dict[str, object]) -> None:
    assert checked_terms(TERMS) is TERMS
    with pytest.raises(Invalid):
        checked_terms(replace(TERMS, **changes))


def test_receipts_add_up_until_nothing_is_to_come() -> None:
    part = received(order(), receipt("1", A=4, B=4), more=False)
    assert counts(part) == {"A": (10, 4, 0, 6), "B": (4, 4, 0, 0)}
    assert (part.state, part.is_open, part.sequence) == ("partly_received", True, 2)
    whole = received(part, receipt("2", A=6), more=False)
    assert (whole.state, whole.is_open, [each.key for each in whole.receipts]) == ("received", False, ["1", "2"])


def test_more_than_is_to_come_comes_only_if_that_is_said() -> None:
    before = received(order(), receipt("1", A=4), more=False)
    with pytest.raises(RuleViolation) as refused:
        received(before, receipt("2", A=7, B=4), more=False)
    assert (refused.value.facts["reason"], refused.value.facts["excess"]) == ("more", {"A": 1})
    after = received(before, receipt("2", A=7, B=4), more=True)
    assert counts(after) == {"A": (10, 11, 0, 0), "B": (4, 4, 0, 0)}
    assert after.state == "received"


@pytest.mark.parametrize(
    ("units", "kind"), [({}, Invalid), ({"A": 0}, Invalid), ({"A": -2}, Invalid), ({"C": 1}, RuleViolation)]
)
def test_a_receipt_of_nothing_or_of_what_was_not_ordered_is_refused(
    units: dict[str, int], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        received(order(), receipt(**units), more=True)


def test_a_replenishment_has_so_many_receipts_and_no_more() -> None:
    full = replace(order(), receipts=tuple(receipt(str(number), A=1) for number in range(MOST_RECEIPTS)))
    with pytest.raises(RuleViolation, match="at most 50 receipts"):
        received(full, receipt("one more", A=1), more=False)


def test_a_key_that_came_before_is_found_and_for_other_units_refused() -> None:
    known = received(order(), receipt("1", A=4), more=False)
    assert find_receipt(known, "1", "request of 1") == receipt("1", A=4)
    assert find_receipt(known, "2", "request of 2") is None
    with pytest.raises(KeyReused):
        find_receipt(known, "1", "another request")


def test_the_rest_is_cancelled_once_and_what_came_stays() -> None:
    nothing_came = without_rest(order(), NOW)
    assert (nothing_came.state, counts(nothing_came)["A"]) == ("cancelled", (10, 0, 10, 0))
    part = without_rest(received(order(), receipt("1", A=4), more=False), NOW)
    assert (part.state, part.is_open) == ("closed", False)
    assert counts(part) == {"A": (10, 4, 6, 0), "B": (4, 0, 4, 0)}
    assert without_rest(part, NOW) is part
    with pytest.raises(RuleViolation) as refused:
        received(part, receipt("2", A=1), more=False)
    assert refused.value.facts["reason"] == "more"
    whole = received(order(), receipt("1", A=10, B=4), more=False)
    with pytest.raises(RuleViolation) as refused:
        without_rest(whole, NOW)
    assert refused.value.facts["reason"] == "received"
