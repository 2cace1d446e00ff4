"""Who gets what when lines complete."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mart_union.kernel.money import Currency
from mart_union.ledger.model import Statement, checked
from mart_union.orders.model import Line, Order, Share
from mart_union.settlement.shares import completion_amounts, completion_transfer, payables_of
from mart_union.settlement.statements import next_period
from tests.orders_examples import line_of, order_of

TWD = Currency("TWD", 100)
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

OWN = replace(
    line_of(1),
    split=(
        Share("union/commission", "commission", 7_700),
        Share("tax/vat", "tax", 6_100),
        Share("carrier/hct", "delivery", 8_000),
        Share("store/emei-tea", "sale", 114_200),
    ),
    escrow_minor=136_000,
    held_minor=0,
)
MEDIATED_SHORT = replace(
    line_of(2, supplier="guanxi"),
    split=(
        Share("supplier/guanxi", "supply", 30_000),
        Share("union/commission", "commission", 1_000),
        Share("supplier/guanxi", "delivery", 2_000),
    ),
    escrow_minor=31_000,
    held_minor=2_000,
)


def test_an_own_line_pays_commission_tax_carrier_and_leaves_the_store_the_rest() -> None:
    assert completion_amounts(order_of(OWN), [1]) == {
        "order/p1-1": -136_000,
        "union/commission": 7_700,
        "tax/vat": 6_100,
        "carrier/hct": 8_000,
        "store/emei-tea": 114_200,
    }


def test_what_the_escrow_lacks_comes_from_the_held_deposit_and_the_supplier_gets_all_its_shares() -> None:
    assert completion_amounts(order_of(OWN, MEDIATED_SHORT), [2]) == {
        "order/p1-1": -31_000,
        "store/emei-tea/held": -2_000,
        "supplier/guanxi": 32_000,
        "union/commission": 1_000,
    }


def test_a_line_that_holds_nothing_moves_nothing() -> None:
    empty = replace(OWN, split=(), escrow_minor=0)
    assert completion_amounts(order_of(empty), [1]) == {}


def test_each_party_gets_one_payable_with_its_own_titles_and_its_own_period() -> None:
    order = replace(order_of(OWN, MEDIATED_SHORT), facts={"period:supplier/guanxi": "monthly"})
    transfer = completion_transfer(order, completion_amounts(order, [1, 2]), NOW)
    payables = payables_of(order, [1, 2], transfer, NOW, "Asia/Taipei")
    assert [(each.party, each.amount_minor, each.due, each.titles["en"]) for each in payables] == [
        ("carrier/hct", 8_000, "2026-11-23", "Oriental Beauty"),
        ("store/emei-tea", 114_200, "2026-11-23", "Oriental Beauty"),
        ("supplier/guanxi", 32_000, "2026-12-01", "Oriental Beauty"),
    ]
    assert payables_of(order, [1, 2], transfer, NOW, "Asia/Taipei") == payables


amounts_minor = st.integers(0, 10**9)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    lines: list[Line] = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        shares = tuple(
            Share(account, "share", draw(amounts_minor))
            for account in ("supplier/s", "union/commission", "tax/vat", "carrier/c", "store/emei-tea")
        )
        lines.append(
            replace(OWN, number=number, split=shares, escrow_minor=draw(amounts_minor), held_minor=draw(amounts_minor))
        )
    return order_of(*lines)


@given(orders())
def test_a_completion_always_balances_and_pays_others_exactly_their_frozen_shares(order: Order) -> None:
    numbers = [line.number for line in order.lines]
    amounts = completion_amounts(order, numbers)
    assert sum(amounts.values()) == 0
    for account in ("supplier/s", "union/commission", "tax/vat", "carrier/c"):
        owed = sum(share.amount_minor for line in order.lines for share in line.split if share.account == account)
        assert amounts.get(account, 0) == owed
    if amounts:  # where nothing is left to be shared, nothing is posted
        checked(completion_transfer(order, amounts, NOW))


def test_later_statements_of_a_day_are_numbered() -> None:
    first = Statement("s", "store/a", "2026-11-23", "TWD", 1, "paid", "", 1)
    assert next_period("2026-11-23", None) == "2026-11-23"
    assert next_period("2026-11-23", first) == "2026-11-23.002"
    assert next_period("2026-11-23", replace(first, period="2026-11-23.009")) == "2026-11-23.010"


def test_every_partys_payable_names_the_rates_that_it_follows_and_so_does_a_refund_of_them() -> None:
    own = replace(OWN, rates={"commission": "all", "basis_points": "600", "tax/vat": "500"})
    order = order_of(own, replace(own, number=3), MEDIATED_SHORT)
    amounts = completion_amounts(order, [1, 2, 3])
    transfer = completion_transfer(order, amounts, NOW)
    rates = {each.party: each.rates for each in payables_of(order, [1, 2, 3], transfer, NOW, "Asia/Taipei")}
    assert rates["supplier/guanxi"] == {"supply": "15000 x 2", "delivery": "2000"}
    assert rates["carrier/hct"] == {"delivery": "8000"}
    assert rates["store/emei-tea"]["tax"] == "vat: 5 %"
    refund = replace(transfer, kind="refund", postings=tuple(replace(p, amount_minor=-1) for p in transfer.postings))
    given_back = {each.party: each.rates for each in payables_of(order, [1, 2, 3], refund, NOW, "Asia/Taipei")}
    assert given_back == rates
