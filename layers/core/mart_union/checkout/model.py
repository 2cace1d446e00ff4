"""Purchases: one checkout of a customer, over one or more stores, and how its money is split."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from mart_union.orders.model import ON_DELIVERY

METHODS = ("account", "bank_transfer", "card", ON_DELIVERY)
"""How a customer can pay: from the union account at once, by a bank transfer that is awaited while the stock is reserved, by card, or in cash
when the goods are handed over."""

PAYMENTS = ("pending", "authorized", "capturing", "paid", "expired", "voided", ON_DELIVERY)
"""How a purchase is paid: it waits for money, its card is authorized and orders can be answered, the accepted sum is being captured, the
money is there; or its time ended, or it was given up, before it was paid. On delivery each order is paid by itself: it says whether it was."""


class Wanted(Struct, frozen=True, omit_defaults=True):
    """A quantity of a listing that a shopper wants; of a bookable service, at the time that `slot` names."""

    store: str
    sku: str
    quantity: int
    slot: str = ""


class PurchaseLine(Struct, frozen=True):
    """A line as the purchase register shows it: money, title, quantity."""

    order: str
    store: str
    sku: str
    titles: dict[str, str]
    quantity: int
    amount_minor: int
    glyph: str = ""


class Disputed(Struct, frozen=True):
    """A dispute of a card's charge: `state` is open, won or lost. Of a lost one `back_minor` came back all the same, where it was won in part, and
    `bears` says what each order's store, and the `union`, bear of the rest by now, in minor units."""

    amount_minor: int
    state: str = "open"
    bears: dict[str, int] = field(default_factory=dict)
    back_minor: int = 0

    @property
    def lost_minor(self) -> int:
        """What the bank keeps."""
        return self.amount_minor - self.back_minor if self.state == "lost" else 0


class CardPayment(Struct, frozen=True):
    """How a purchase's card payment stands: the provider's intent and its name of the card, what was authorized, what the stores accepted
    of it (once all have answered), what was captured.

    `problem` says why nothing was authorized: `requires_action` (the customer has to confirm to their bank), or the card's refusal.
    `returns` is what goes back of it, by the refund's transfer, to the card or else to the customer's account; `by_hand_minor` what of
    refunds is not among that because somebody had given it back at the provider by hand. `tries` counts the keys under which the provider
    failed at a refund that it has not carried out yet. `disputes` are by the provider's ids.
    """

    intent: str
    payment_method: str = ""
    authorized_minor: int = 0
    accepted_minor: int = 0
    captured_minor: int = 0
    problem: str = ""
    returns: dict[str, int] = field(default_factory=dict)
    by_hand_minor: int = 0
    tries: dict[str, int] = field(default_factory=dict)
    disputes: dict[str, Disputed] = field(default_factory=dict)


class Purchase(Struct, frozen=True):
    """One checkout. Its state is derived from its orders; only how it is paid is its own (`payment`, one of PAYMENTS).

    `expires_at` is when the system acts: it frees what an unpaid purchase reserves, and captures what was accepted of an authorized one.

    `total_minor` is goods, delivery and `tax_minor`, the tax that was added to the prices (what they contain is not told apart).
    """

    id: str
    customer: str
    request: str
    orders: tuple[str, ...]
    lines: tuple[PurchaseLine, ...]
    goods_minor: int
    delivery_minor: int
    total_minor: int
    currency: str
    method: str
    payment: str
    transfer: str
    recipient: str
    language: str
    placed_at: str
    session: str = ""
    last_view: str = ""
    expires_at: str = ""
    channel: str = "union"
    facts: dict[str, str] = field(default_factory=dict)
    tax_minor: int = 0
    card: CardPayment | None = None

    @property
    def buyer(self) -> str:
        """Who may cancel it: its customer, or the shop that sold it, for a buyer of its own."""
        return self.customer or self.channel

    def for_customer(self) -> Purchase:
        """As its customer sees it: who bears what of a disputed charge is between the union and its stores."""
        if self.card is None:
            return self
        disputes = {name: replace(dispute, bears={}) for name, dispute in self.card.disputes.items()}
        return replace(self, card=replace(self.card, disputes=disputes, by_hand_minor=0, tries={}))


class QuotedLine(Struct, frozen=True):
    """A cart line priced now; `tax_minor` is added to its amount; `problem` says why it cannot be bought ('' when it can)."""

    store: str
    sku: str
    titles: dict[str, str]
    glyph: str
    quantity: int
    price_minor: int
    amount_minor: int
    problem: str = ""
    tax_minor: int = 0
    slot: str = ""


class QuotedStore(Struct, frozen=True):
    """The part of a cart at one store. `by_postcode`: another postcode may change what delivery costs, when it comes, or whether it does; without one
    it is told as for where no beginning of postcodes is named."""

    store: str
    names: dict[str, str]
    lines: tuple[QuotedLine, ...]
    goods_minor: int
    delivery_minor: int
    promised_by: str
    tax_minor: int = 0
    by_postcode: bool = False


class Quote(Struct, frozen=True):
    """What a cart costs now. `total_minor` is what a checkout must state as the total that the shopper saw; `on_delivery` says whether it can be
    paid when it is handed over."""

    stores: tuple[QuotedStore, ...]
    goods_minor: int
    delivery_minor: int
    total_minor: int
    currency: str
    ready: bool
    tax_minor: int = 0
    on_delivery: bool = False
