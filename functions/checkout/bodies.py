"""What comes in: JSON bodies and forms of the checkout routes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from mart_union.checkout.model import Wanted
from mart_union.customers.model import SESSION_DAYS, CartLine
from mart_union.kernel.errors import Invalid
from mart_union.stock.slotting import slot_moment
from mart_union.web.answer import SetCookie

Quantity = Annotated[int, Meta(ge=1, le=999)]
Slug = Annotated[str, Meta(min_length=1, max_length=64)]
CardName = Annotated[str, Meta(pattern=r"^(pm_\w{1,100})?$")]
TicketText = Annotated[str, Meta(max_length=1000)]
SlugOrNone = Annotated[str, Meta(max_length=64)]
PostcodeOrNone = Annotated[str, Meta(max_length=16)]
SlotOrNone = Annotated[str, Meta(pattern=r"^(2[0-9]{7}T[0-9]{4}Z)?$")]


class _OfSlot(Struct, frozen=True):
    """What may name a time: refused unless there is such a one."""

    def __post_init__(self) -> None:
        slot = getattr(self, "slot", "")
        if slot and slot_moment(slot) is None:
            raise ValueError("there is no such time")


class WantedLine(_OfSlot, frozen=True):
    """A quantity of a listing; of a bookable service, at the time that `slot` names (such as 20261201T0200Z, UTC)."""

    store: Slug
    sku: Slug
    quantity: Quantity
    slot: SlotOrNone = ""


class Wishes(Struct, frozen=True):
    """Lines. `admission` are tickets of urgent sales that let their buyers in one after another."""

    lines: Annotated[list[WantedLine], Meta(min_length=1, max_length=100)]
    admission: Annotated[list[TicketText], Meta(max_length=10)] = []

    def wanted(self) -> list[Wanted]:
        """The lines as checkout takes them."""
        return [Wanted(line.store, line.sku, line.quantity, line.slot) for line in self.lines]


class Priced(Wishes, frozen=True, kw_only=True):
    """Lines to price, and the postcode to which they would be delivered, where that is known."""

    postcode: PostcodeOrNone = ""


class NewPurchase(Wishes, frozen=True, kw_only=True):
    """A purchase: its lines, where to, how paid, and the total that the shopper saw, in minor units.

    By card, `payment_method` is the card processor's name of it; without one it is given afterwards, by a payment request.
    """

    recipient: Slug
    total_minor: Annotated[int, Meta(ge=1)]
    method: Slug = "account"
    payment_method: CardName = ""
    last_view: SlugOrNone = ""


class CartChange(_OfSlot, frozen=True):
    """The quantity of a listing, at its time if it is bookable, in a cart; 0 takes it out."""

    store: Slug
    sku: Slug
    quantity: Annotated[int, Meta(ge=0, le=999)]
    slot: SlotOrNone = ""


class LineForm(_OfSlot, frozen=True):
    """The buy form of a listing, and the quantity form of the cart."""

    store: Slug
    sku: Slug
    quantity: Annotated[int, Meta(ge=0, le=999)] = 1
    slot: SlotOrNone = ""
    add: bool = False
    idempotency_key: str = ""


class OneWish(_OfSlot, frozen=True):
    """How many of one listing, and at which of its times: the query of its own checkout."""

    quantity: Quantity
    slot: SlotOrNone


class CheckoutForm(Struct, frozen=True):
    """The checkout page's form. `lines` are those that the page showed, so that its repeat buys the same; `only` says that they were one listing's,
    and not the cart's."""

    lines: str
    recipient: Slug
    total_minor: Annotated[int, Meta(ge=1)]
    method: Slug
    idempotency_key: str
    payment_method: CardName = ""
    last_view: SlugOrNone = ""
    admission: str = ""
    only: bool = False


def write_lines(lines: Iterable[CartLine]) -> str:
    """Cart lines as one form field."""
    return ",".join(f"{line.store}:{line.sku}:{line.quantity}{'@' if line.slot else ''}{line.slot}" for line in lines)


def read_lines(text: str) -> list[Wanted]:
    """The lines that `write_lines` wrote.

    Raises:
        Invalid: the field was tampered with.
    """
    lines = []
    for part in text.split(","):
        store, _, rest = part.partition(":")
        sku, _, ending = rest.rpartition(":")
        quantity, _, slot = ending.partition("@")
        is_time = not slot or slot_moment(slot) is not None
        if not (store and sku and is_time and quantity.isascii() and quantity.isdigit()):
            raise Invalid(
                "the checkout form is damaged: open the checkout again",
                errors=[{"field": "lines", "reason": "unreadable"}],
            )
        lines.append(Wanted(store, sku, int(quantity), slot))
    return lines


def session_cookie(session: str) -> SetCookie:
    """The cookie that carries a session."""
    return SetCookie("mu_session", session, SESSION_DAYS * 86_400)
