"""The check of cards: no more is authorized than a purchase costs, and exactly what was accepted is charged, once."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.checkout.model import CardPayment, Purchase
from mart_union.ledger.census import Ledger
from mart_union.ledger.model import Posting, Transfer
from mart_union.orders.model import Order
from mart_union.settlement.checks.cards import check_cards
from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference
from tests.orders_examples import line_of, order_of

ACCEPTED = line_of(1).charged_minor
TOTAL = 2 * ACCEPTED


def order() -> Order:
    """One line accepted, the other refused before the card was charged."""
    made = replace(order_of(line_of(1), line_of(2), state="accepted"), payer="provider/stripe")
    return replace(made, lines=(made.lines[0], replace(made.lines[1], state="refused")))


def purchase(**changes: Any) -> Purchase:
    made = Purchase(
        id="p1",
        customer="customer-lin",
        request="",
        orders=("p1-1",),
        lines=(),
        goods_minor=TOTAL,
        delivery_minor=0,
        total_minor=TOTAL,
        currency="TWD",
        method="card",
        payment="paid",
        transfer="purchase-p1",
        recipient="r",
        language="en",
        placed_at="2026-11-22T04:00:00.000Z",
        facts={"paid_by": "card-pi_1"},
        card=CardPayment("pi_1", "pm_1", TOTAL, ACCEPTED, ACCEPTED),
    )
    return replace(made, **changes)


def check(bought: Purchase, *transfers: Transfer) -> list[Difference]:
    return list(check_cards(Books(Ledger(transfers=list(transfers)), [order()], [bought])))


def payment(amount_minor: int) -> Transfer:
    postings = (Posting("order/p1-1", amount_minor), Posting("provider/stripe", -amount_minor))
    return Transfer("card-pi_1", "payment", "TWD", postings, "purchase/p1", "2026-11-22T05:00:00.000Z")


def test_a_card_charged_for_what_was_accepted_agrees() -> None:
    assert check(purchase(), payment(ACCEPTED)) == []
    waits = purchase(payment="authorized", facts={}, card=CardPayment("pi_1", "pm_1", TOTAL))
    assert check(waits) == []


@pytest.mark.parametrize(
    ("wrong", "posted"),
    [
        ({}, TOTAL),
        ({}, 0),
        ({"card": CardPayment("pi_1", "pm_1", TOTAL, TOTAL, TOTAL)}, TOTAL),
        ({"card": CardPayment("pi_1", "pm_1", TOTAL + 100, ACCEPTED, ACCEPTED)}, ACCEPTED),
        ({"payment": "voided", "facts": {}}, ACCEPTED),
    ],
    ids=["posted too much", "not posted", "charged too much", "authorized too much", "charged, and voided"],
)
def test_a_card_charged_for_anything_else_is_named(wrong: dict[str, Any], posted: int) -> None:
    transfers = [payment(posted)] if posted else []
    found = check(purchase(**wrong), *transfers)
    assert {(each.invariant, each.subject) for each in found} == {(4, "purchase/p1")}
