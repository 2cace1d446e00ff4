"""Partial refunds: their pure rules under any sequence, and the check that names whatever is wrong with one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mart_union.ledger.census import Ledger
from mart_union.ledger.model import Posting, Transfer
from mart_union.orders.model import Line, Order, RefundedLine, Share
from mart_union.orders.refunding import Change, give_parts_back
from mart_union.orders.refunds import refundable_minor, value_of_units
from mart_union.settlement.checks.model import Books
from mart_union.settlement.checks.refunds import check_partial_refunds
from mart_union.settlement.differences import Difference
from tests.orders_examples import line_of, order_of

STEP = 100


def check(orders: list[Order], transfers: list[Transfer]) -> list[Difference]:
    """What differs between parts of orders that went back and their transfers."""
    return list(check_partial_refunds(Books(Ledger(transfers=transfers), orders, step=STEP)))


SPLIT = (
    Share("supplier/guanxi", "supply", 60_000),
    Share("union/commission", "commission", 7_700),
    Share("tax/vat", "tax", 6_100),
    Share("carrier/hct", "delivery", 8_000),
    Share("store/emei-tea", "sale", 54_200),
)


def bought(**changes: object) -> Order:
    """Two teas for NT$1,280 and NT$80 of delivery, of which others than the store get NT$818."""
    return order_of(replace(line_of(), split=SPLIT, **changes), state="delivered")  # type: ignore[arg-type]


def give(order: Order, amount_minor: int, *, units: int = 0, borne_by: str = "all") -> Change:
    parts = [RefundedLine(1, units, amount_minor, borne_by)]
    return give_parts_back(order, parts, reason="r", actor="a", key="k", request="h", at="now", step=STEP)


def transfers_of(*changes: Change) -> list[Transfer]:
    made = []
    for change in changes:
        postings = tuple(Posting(account, amount) for account, amount in change.amounts.items())
        made.append(Transfer(change.order.refunds[-1].id, "refund", "TWD", postings, "order/p1-1", "now"))
    return made


def with_line(order: Order, **changes: object) -> Order:
    return replace(order, lines=(replace(order.lines[0], **changes),))  # type: ignore[arg-type]


def with_share(order: Order, position: int, taken: int) -> Order:
    shares = list(order.lines[0].split)
    shares[position] = replace(shares[position], reversed_minor=taken)
    return with_line(order, split=tuple(shares))


def test_refunds_that_are_right_are_not_named() -> None:
    first = give(bought(), 30_000)
    second = give(first.order, 64_000 - 15_000, units=1)
    third = give(second.order, 2_000, borne_by="store")
    assert check([third.order], transfers_of(first, second, third)) == []


def test_what_came_back_at_the_stores_cost_leaves_its_supplier_what_it_is_owed() -> None:
    order = bought(fulfiller="supplier/guanxi", held_minor=0)
    first = give(order, 64_000, units=1, borne_by="but_supplier")
    assert first.amounts == {
        "customer/customer-lin": 64_000,
        "order/p1-1": -34_000,
        "store/emei-tea": -30_000,
    }
    supply = first.order.lines[0].split[0]
    assert (supply.left_minor, supply.kept_minor, supply.open_minor) == (60_000, 30_000, 30_000)
    second = give(first.order, 64_000, units=1)
    assert second.amounts["order/p1-1"] == -64_000
    assert [share.left_minor for share in second.order.lines[0].split] == [30_000, 0, 0, 8_000, 0]


def test_once_it_is_paid_out_the_store_gives_the_suppliers_part_with_its_own() -> None:
    order = bought(fulfiller="supplier/guanxi", escrow_minor=0, held_minor=0)
    order = replace(order, lines=(replace(order.lines[0], state="completed"),))
    given_back = give(order, 64_000, units=1, borne_by="but_supplier")
    commission, tax = -given_back.amounts["union/commission"], -given_back.amounts["tax/vat"]
    assert (commission, tax) == (3_900, 3_000)
    assert given_back.amounts["store/emei-tea"] == -(64_000 - commission - tax)
    assert given_back.order.lines[0].split[0].kept_minor == 30_000


@pytest.mark.parametrize(
    ("spoil", "detail"),
    [
        (lambda order: with_line(order, refunded_minor=29_900), "29900 went back, 30000 in its refunds"),
        (lambda order: with_line(order, returned=1), "1 units of 2 came back, 0 in its refunds"),
        (lambda order: with_share(order, 0, 14_900), "supplier/guanxi has 45100 left, its rate gives 45937.50"),
        (lambda order: with_share(order, 1, 0), "union/commission has 7700 left"),
        (lambda order: with_share(order, 4, 54_300), "more was taken from store/emei-tea than it got"),
        (lambda order: replace(order, payer="provider/stripe"), "gave 0 back, the order says 30000"),
    ],
)
def test_each_thing_that_is_wrong_with_a_refund_is_named(spoil: Callable[[Order], Order], detail: str) -> None:
    given = give(bought(), 30_000)
    found = check([spoil(given.order)], transfers_of(given))
    assert [(each.invariant, each.subject) for each in found] == [(8, "order/p1-1")]
    assert detail in found[0].detail


def test_money_that_went_back_without_a_refund_is_named_with_every_share_that_gave_some() -> None:
    found = [each.detail for each in check([replace(give(bought(), 30_000).order, refunds=())], [])]
    assert found[0] == "line 1: 30000 went back, 0 in its refunds"
    assert [detail.split()[2] for detail in found[1:]] == ["supplier/guanxi", "union/commission", "tax/vat"]


def test_a_refund_whose_transfer_is_missing_is_named() -> None:
    [found] = check([give(bought(), 30_000).order], [])
    assert found.detail == "refund-p1-1-2 gave 0 back, the order says 30000"


AMOUNTS = st.integers(0, 300).map(lambda steps: steps * STEP)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """A line of one to nine units, split at random, whose price may not cover its cost."""
    shares = [Share(f"supplier/{n}", "supply", draw(AMOUNTS)) for n in range(draw(st.integers(1, 4)))]
    goods, delivery = sum(share.amount_minor for share in shares), draw(AMOUNTS)
    held = draw(st.integers(0, goods // STEP)) * STEP
    shares.append(Share("carrier/hct", "delivery", delivery))
    return replace(
        line_of(quantity=draw(st.integers(1, 9))),
        amount_minor=goods - held,
        delivery_minor=delivery,
        split=tuple(share for share in shares if share.amount_minor),
        escrow_minor=goods - held + delivery,
        held_minor=held,
    )


@given(
    line=lines(), wishes=st.lists(st.one_of(st.integers(1, 3), st.floats(0, 1)), max_size=6), completed=st.booleans()
)
def test_any_sequence_of_refunds_keeps_every_share_at_its_rate_and_adds_up(
    line: Line, wishes: list[int | float], completed: bool
) -> None:
    order = order_of(line, state="completed" if completed else "delivered")
    if completed:
        order = with_line(order, escrow_minor=0, held_minor=0)
    changes: list[Change] = []
    total = sum(share.amount_minor for share in line.split)
    for wish in [*wishes, 1.0]:
        now = order.lines[0]
        if isinstance(wish, int):
            units = min(wish, now.left_units)
            amount = value_of_units(order, now, units, STEP) if units else 0
        else:
            units, amount = 0, round(sum(refundable_minor(order, now)) * wish / STEP) * STEP
        changes.append(give(order, amount, units=units))
        assert sum(changes[-1].amounts.values()) == 0
        order = changes[-1].order
        now = order.lines[0]
        if not completed:
            assert now.escrow_minor + now.held_minor == sum(share.left_minor for share in now.split)
    assert check([order], transfers_of(*changes)) == []
    given_back = order.lines[0]
    assert given_back.refunded_minor == line.charged_minor
    if line.charged_minor > line.delivery_minor:
        left = {share.kind: share.left_minor for share in given_back.split if share.left_minor}
        assert left == ({"delivery": line.delivery_minor} if line.delivery_minor else {})
        deposits = sum(change.amounts.get("store/emei-tea/deposit", 0) for change in changes)
        assert deposits == total - line.charged_minor


@given(
    line=lines(),
    wishes=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(("all", "but_supplier"))), max_size=6),
    completed=st.booleans(),
)
def test_any_sequence_of_returns_by_whose_fault_they_are_leaves_a_supplier_what_it_keeps_and_adds_up(
    line: Line, wishes: list[tuple[int, str]], completed: bool
) -> None:
    line = replace(line, fulfiller="supplier/0", offer="supplier/0")
    order = order_of(line, state="completed" if completed else "delivered")
    if completed:
        order = with_line(order, escrow_minor=0, held_minor=0)
    changes: list[Change] = []
    for units, borne_by in [*wishes, (9, "but_supplier"), (9, "all")]:
        now = order.lines[0]
        units = min(units, now.left_units)  # noqa: PLW2901 - as many as there are
        amount = value_of_units(order, now, units, STEP) if units else 0
        changes.append(give(order, amount, units=units, borne_by=borne_by))
        assert sum(changes[-1].amounts.values()) == 0
        order = changes[-1].order
        now = order.lines[0]
        assert all(share.open_minor >= 0 for share in now.split)
        if not completed:
            assert now.escrow_minor + now.held_minor == sum(share.left_minor for share in now.split)
            assert min(now.escrow_minor, now.held_minor) >= 0
    after = order.lines[0]
    assert after.refunded_minor == line.charged_minor - line.delivery_minor
    if line.charged_minor > line.delivery_minor:
        assert {share.account for share in after.split if share.open_minor} <= {"carrier/hct"}
    assert all(share.account == "supplier/0" for share in after.split if share.kept_minor)
    asked = [each for each in check([order], transfers_of(*changes)) if "of no return" not in each.detail]
    assert asked == []
