"""The Purchases table.

| question | key or index | requests | units |
|---|---|---|---|
| a purchase | `PURCHASE#<id>`/`PURCHASE` | 1 | 0.5 read a 4 KB |
| a customer's purchases, newest first | index `by_customer` | 1 a page | by size |
| the union's purchases of a day | index `by_day` | 1 a page | by size |
| purchases whose time is up: to free, or to capture | index `clock` | 1 a minute of the clock | by size |
| the next turn of an urgent sale's line | `GATE#<sale>#<gate>`/`GATE` | 1 where somebody waits, else 2 | 1 write each |
| a customer's place in that line | `PLACE#<sale>#<customer>`/`PLACE` | 1; 2 to take it; in its purchase | 1 read; 1 write each; 2 write |

A purchase enters `by_customer` and `by_day` once (1 write unit each). Those that wait for money, or for the capture of a card's, are in
`clock` (1 to enter, 1 to leave, 2 to change its moment; keys only). Gates and places enter no index, and expire (`expires_at`) a day after
they have come to mean nothing.

A purchase by card, its payment method given with it, takes 2 requests to the database to reserve (one batch read, one transaction of
2 x (levels + orders + deposit holds + 3) write units), 2 to the provider (the intent is made, and confirmed), and 2 to confirm: 1 write of the
intent's id, and one transaction of 2 x (levels + orders + 1). A card that is given later costs 2 reads more. The capture takes 3 reads, 2
transactions of 2 x (orders + 1) and 2 x (orders + deposits held + 3), and 1 request to the provider, in no customer's request.
"""

from __future__ import annotations

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from mart_union.checkout.model import Purchase
from mart_union.kernel.clock import local_date
from mart_union.kernel.ids import input_hash
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import Document, Item, table_name


class ByCustomer(GlobalSecondaryIndex["PurchaseItem"]):
    """A customer's purchases in order of time."""

    class Meta:
        index_name = "by_customer"
        projection = AllProjection()

    customer = UnicodeAttribute(hash_key=True)
    placed_at = UnicodeAttribute(range_key=True)


class ByDay(GlobalSecondaryIndex["PurchaseItem"]):
    """The union's purchases of a day of its time zone."""

    class Meta:
        index_name = "by_day"
        projection = AllProjection()

    day = UnicodeAttribute(hash_key=True)
    placed_at = UnicodeAttribute(range_key=True)


class Clock(GlobalSecondaryIndex["PurchaseItem"]):
    """Purchases that are not paid yet, by the minute in which the system acts on them."""

    class Meta:
        index_name = "clock"
        projection = KeysOnlyProjection()

    clock_pk = UnicodeAttribute(hash_key=True)
    clock_sk = UnicodeAttribute(range_key=True)


class PurchaseItem(Item):
    """A purchase."""

    class Meta:
        table_name = table_name("purchases")

    document = Document(Purchase)
    customer = UnicodeAttribute(null=True)
    placed_at = UnicodeAttribute()
    day = UnicodeAttribute()
    payment = UnicodeAttribute()
    intent = UnicodeAttribute(null=True)
    returns = UnicodeAttribute(null=True)
    clock_pk = UnicodeAttribute(null=True)
    clock_sk = UnicodeAttribute(null=True)
    by_customer = ByCustomer()
    by_day = ByDay()
    clock = Clock()


class GateItem(Item):
    """A gate of an urgent sale's line: when the next turn that it gives out comes, in microseconds since 1970, and who claimed the last."""

    class Meta:
        table_name = table_name("purchases")

    next_at = NumberAttribute()
    last = UnicodeAttribute()
    expires_at = NumberAttribute(null=True)


class PlaceItem(Item):
    """A customer's place in an urgent sale's line: who claimed it, the turn that was taken for it, in microseconds since 1970 (none yet: it is being
    taken), and which purchase used it."""

    class Meta:
        table_name = table_name("purchases")

    claim = UnicodeAttribute()
    turn = NumberAttribute(null=True)
    purchase = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


def gate_key(sale: str, gate: int) -> tuple[str, str]:
    """The key of a sale's gate, counted from 0."""
    return f"GATE#{sale}#{gate}", "GATE"


def place_key(sale: str, customer: str) -> tuple[str, str]:
    """The key of a customer's place in a sale's line."""
    return f"PLACE#{sale}#{customer}", "PLACE"


def purchase_key(purchase: str) -> tuple[str, str]:
    """The key of a purchase."""
    return f"PURCHASE#{purchase}", "PURCHASE"


def returns_mark(purchase: Purchase) -> str | None:
    """What of a purchase's item changes with every change of what goes back to its card, or of its disputes; None where nothing does."""
    card = purchase.card
    if card is None or not (card.returns or card.disputes):
        return None
    return input_hash((card.returns, card.by_hand_minor, card.tries, card.disputes))


def purchase_item(purchase: Purchase) -> PurchaseItem:
    """The item of a purchase, with the index keys that its customer, day and payment call for."""
    pk, sk = purchase_key(purchase.id)
    placed = datetime.fromisoformat(purchase.placed_at)
    waits = purchase.payment in {"pending", "authorized", "capturing"}
    return PurchaseItem(
        pk,
        sk,
        document=purchase,
        customer=purchase.customer or None,
        placed_at=purchase.placed_at,
        day=local_date(placed, settings().time_zone).isoformat(),
        payment=purchase.payment,
        intent=purchase.card.intent if purchase.card else None,
        returns=returns_mark(purchase),
        clock_pk=purchase.expires_at[:16] if waits else None,
        clock_sk=f"{purchase.expires_at}#{purchase.id}" if waits else None,
    )
