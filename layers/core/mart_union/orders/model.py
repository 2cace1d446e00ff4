"""Orders: a purchase's part at one store. Lines carry their state, who fulfils them, their frozen split and their escrow.

Own and mediated lines of one order ship, complete and refund apart, so steps name lines and the order's state is derived.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import msgspec
from msgspec import Struct, field

from mart_union.catalog.procedures import Procedure
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import RuleViolation

ENDED = frozenset({"completed", "refused", "cancelled", "expired"})
PROGRESS = (
    "awaiting_payment",
    "placed",
    "scheduled",
    "accepted",
    "making",
    "ready",
    "shipped",
    "delivered",
    "completed",
)
"""The states of a line that goes well, from furthest behind to done. A procedure uses some of them."""
STATES = frozenset(PROGRESS) | ENDED
REMINDERS = {"fulfiller": "remind", "customer": "remind_customer", "operator": "escalate"}
"""What an order's history says when one of them was told that lines still wait: these move nothing."""
LATE = "late"
"""What it says when lines had not arrived by when they were promised or expected: this moves nothing, either."""
TOLD = frozenset({*REMINDERS.values(), LATE})
"""All of a history that moves nothing."""
SYSTEM = "system"
"""The role of deadlines, and of whatever else nobody in particular does."""
OPERATOR = "operator"
"""The role of the union's operator, who answers and decides what was escalated."""
ON_DELIVERY = "on_delivery"
"""How an order is paid that is paid in cash when it is handed over, and not yet."""


class Share(Struct, frozen=True, omit_defaults=True):
    """What one account gets of a line when the line completes; `kind` is supply, commission, tax, fee_tax (on the commission),
    delivery or sale. `reversed_minor` is what of it has been given back; the amount itself stays as it was frozen. `kept_minor` is what its account
    keeps of it for goods that came back: their store gave that instead."""

    account: str
    kind: str
    amount_minor: int
    reversed_minor: int = 0
    kept_minor: int = 0

    @property
    def left_minor(self) -> int:
        """What of the share has not been given back."""
        return self.amount_minor - self.reversed_minor

    @property
    def open_minor(self) -> int:
        """What of the share is for goods that have not been given back."""
        return self.left_minor - self.kept_minor


MOST_TEXT = 30_000
"""Characters of notes, reasons, answers and places in one order: 120 KB at most."""

MOST_BYTES = 300_000
"""Of an order as it is kept, beyond which no return and no partial refund of it is begun: what was begun still comes to its end within the 400 KB that an
item of the table holds."""


class Line(Struct, frozen=True, omit_defaults=True):
    """A quantity of one listing in an order. `fulfiller` is `store/<id>` or `supplier/<id>`.

    `split` is frozen when the purchase is made and sums to what was charged: goods, the tax added to them (`tax_minor`) and the line's
    part of delivery. `rates` are the rates of commission and tax that it was made with (`catalog.fees.frozen_rates`). What is as it
    usually is (no tax added, nothing given back) is not written, which keeps an order small.
    `supply_minor` is what a unit of an offer cost the store when the purchase was made, at the quantity of the line, whatever its supplier asks later or
    is given back; `supply_schedule` what units cost by volume then ('': the same each).
    `escrow_minor` is what of it the order still holds; `held_minor` what the seller's deposit holds for it. `refunded_minor` is what the
    payer got back of it (where a shop took the money: its store's deposit, of the supply cost), `returned` how many of its units went back into stock or were written off, `withheld_minor` what of those units' price stayed.
    `draws` is written where the units do not all come from `level`: how many come from which, in the order in which they are counted (shards),
    or, with `is_bundle`, how many of each level all units of the line together have. `slot` names the time for which a service is booked.
    `sale` is the urgent sale that it was sold in, `sale_limit` how many units of that a customer might have (0: no limit). `kind` is its listing's:
    goods or service. `accepts_returns`: its supplier takes back what customers return for no fault of the supplier's, as its offer said.
    `promised_by` is written where the line is promised before its order (`Order.promise_of`).
    """

    number: int
    sku: str
    titles: dict[str, str]
    quantity: int
    price_minor: int
    amount_minor: int
    delivery_minor: int
    level: str
    fulfiller: str
    split: tuple[Share, ...]
    escrow_minor: int
    state: str
    held_minor: int = 0
    glyph: str = ""
    offer: str = ""
    tax_minor: int = 0
    rates: dict[str, str] = field(default_factory=dict)
    returned: int = 0
    refunded_minor: int = 0
    supply_minor: int = 0
    supply_schedule: str = ""
    draws: dict[str, int] = field(default_factory=dict)
    is_bundle: bool = False
    sale: str = ""
    sale_limit: int = 0
    slot: str = ""
    kind: str = "goods"
    accepts_returns: bool = True
    withheld_minor: int = 0
    promised_by: str = ""

    @property
    def charged_minor(self) -> int:
        """What the buyer was charged for it: goods, the tax added to them, and its part of delivery."""
        return self.amount_minor + self.tax_minor + self.delivery_minor

    @property
    def left_units(self) -> int:
        """How many of the units have not come back."""
        return self.quantity - self.returned


class TrackingEvent(Struct, frozen=True, array_like=True, order=True):
    """What happened to a shipment, when (ISO), and where, if that was said; `estimated_by` is when it is expected to arrive, as was said then. `by` is whose
    word it is: the `store`'s or `supplier`'s that sent it, or '' its carrier's."""

    at: str
    event: str
    place: str = ""
    estimated_by: str = ""
    by: str = ""

    @property
    def told(self) -> tuple[str, str, str, str]:
        """What was said, whoever said it."""
        return self.at, self.event, self.place, self.estimated_by


class Shipment(Struct, frozen=True):
    """A parcel or hand-over of some lines by a provider of delivery. `estimated_by` (ISO) is when it is expected: as the newest event says that says it,
    else as the carrier's days of transit do; '' where nobody does."""

    id: str
    lines: tuple[int, ...]
    carrier: str
    tracking_number: str
    shipped_at: str
    events: tuple[TrackingEvent, ...] = ()
    estimated_by: str = ""


class StepTaken(Struct, frozen=True, omit_defaults=True):
    """One step of the history: what, by whom in which role, when, for which lines; `key` makes its repeat harmless, and `request` fingerprints what was
    asked for under it."""

    step: str
    role: str
    actor: str
    at: str
    lines: tuple[int, ...]
    key: str = ""
    note: str = ""
    request: str = ""


class RefundedLine(Struct, frozen=True, omit_defaults=True):
    """A line's part of a refund: what the payer got back of it (where a shop took the money: its store's deposit), and the units that came back with it (0: money only).

    `borne_by` is `all` when every share gave back at its original rate, `but_supplier` when all but the supplier's did and the store gave that
    part, too, `store` when the store alone gave, `carrier` when the carrier did. `withheld_minor` is what of the units' price did not go back, since they came back
    damaged, or, where a shop took the money, since their supplier keeps it.
    """

    number: int
    units: int
    amount_minor: int
    borne_by: str = "all"
    withheld_minor: int = 0


class Refund(Struct, frozen=True):
    """Money given back for a part of some lines; its id is the transfer's. `request` fingerprints what was asked for under `key`."""

    id: str
    at: str
    actor: str
    reason: str
    lines: tuple[RefundedLine, ...]
    amount_minor: int
    key: str
    request: str


class ReturnedLine(Struct, frozen=True):
    """Units of a line that a customer sends back."""

    number: int
    units: int


class Return(Struct, frozen=True, omit_defaults=True):
    """Goods that a customer gives back: `requested`, then `accepted` or `refused` with an answer, `sent` by a carrier or handed in, `received`, and when
    they were looked at `refunded`, `refused` after all, or `replacing` until another one is on its way, `replaced`. What is `refunded` without having been
    received, its customer keeps.

    All its lines have one fulfiller. `taker` takes them back and decides: that fulfiller, or the store. `reason` is one of the order's procedure, `note` what the customer wrote beside it, `wants` a
    refund or a replacement. `stock` says where the units went: `reserve` or `written_off`. `history` has its steps, `replacement` names the
    shipment of the order that it became.
    """

    id: str
    taker: str
    lines: tuple[ReturnedLine, ...]
    reason: str
    at: str
    request: str
    state: str = "requested"
    answer: str = ""
    stock: str = ""
    refund: str = ""
    note: str = ""
    wants: str = "refund"
    carrier: str = ""
    tracking_number: str = ""
    replacement: str = ""
    history: tuple[StepTaken, ...] = ()


class Order(Struct, frozen=True, omit_defaults=True):
    """An order as its store, its customer and its suppliers work with it. Name and address are behind `recipient`.

    `promised_by` is when the last of its lines is promised. `payer` is the account that paid and is refunded; '' means the customer's own. `transit_days` is how long its carrier says to be on the way, where
    it says so. A procedure of the store's own making stands on the order as it
    was when that was placed (`own_procedure`); of one that is shipped, name and version do. `channel` is where it was sold: in the union, or by `shop/<id>`, a shop of its store's own,
    which took the money itself; then nobody is its customer here.
    """

    id: str
    purchase: str
    store: str
    store_names: dict[str, str]
    enterprise: str
    customer: str
    recipient: str
    language: str
    currency: str
    lines: tuple[Line, ...]
    total_minor: int
    procedure: str
    procedure_version: int
    carrier: str
    placed_at: str
    promised_by: str
    return_window_days: int
    settlement_period: str
    payment: str
    history: tuple[StepTaken, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    clock_at: str = ""
    sequence: int = 1
    facts: dict[str, str] = field(default_factory=dict)
    payer: str = ""
    refunds: tuple[Refund, ...] = ()
    returns: tuple[Return, ...] = ()
    own_procedure: Procedure | None = None
    transit_days: int | None = None
    channel: str = "union"

    @property
    def buyer(self) -> str:
        """Who cancels it and gives goods back: its customer, or the shop that sold it, for a buyer of its own."""
        return self.customer or self.channel

    @property
    def is_seller_collected(self) -> bool:
        """Whether a shop of its store's own took the money: the union holds no more than the supply cost, on the store's deposit."""
        return not (self.customer or self.payer)

    @property
    def state(self) -> str:
        """Derived from the lines."""
        return state_of(line.state for line in self.lines)

    def promise_of(self, *lines: Line) -> str:
        """The moment (ISO) by which lines of it are promised, all of them together."""
        return max(line.promised_by or self.promised_by for line in lines)

    def ship_by(self, line: Line) -> str:
        """The moment (ISO) until which a line has to leave in order to arrive as promised."""
        return iso(from_iso(self.promise_of(line)) - timedelta(days=self.transit_days or 0))

    @property
    def escrow_minor(self) -> int:
        """What the order holds of the customer's money."""
        return sum(line.escrow_minor for line in self.lines)

    @property
    def refunded_minor(self) -> int:
        """What its payer got back of it."""
        return sum(line.refunded_minor for line in self.lines)


def checked_text(order: Order, text: str) -> str:
    """The text itself, if the order has room for it: an item of the table holds 400 KB, and what people write is the part that they choose.

    Raises:
        RuleViolation: the order's notes, reasons, answers and places would be too long together; `left` says how many characters fit.
    """
    left = _room_for_text(order)
    if len(text) > left:
        raise RuleViolation(f"an order keeps {MOST_TEXT} characters of notes and reasons: {left} are left", left=left)
    return text


def fitting_text(order: Order, text: str) -> str:
    """As much of a text as an order has room for: of what has to go on whether there is room for all words or not."""
    return text[: _room_for_text(order)]


def _room_for_text(order: Order) -> int:
    written = sum(len(taken.note) for taken in order.history) + sum(len(refund.reason) for refund in order.refunds)
    written += sum(len(each.note) for each in order.returns)
    written += sum(len(taken.note) for each in order.returns for taken in each.history)
    written += sum(len(each.place) for parcel in order.shipments for each in parcel.events)
    return max(MOST_TEXT - written, 0)


def check_room(order: Order) -> None:
    """Nothing, if an order has room for a return or a partial refund more.

    Raises:
        RuleViolation: it has not.
    """
    if len(msgspec.json.encode(order)) > MOST_BYTES:
        raise RuleViolation(
            f"an order holds {MOST_BYTES} bytes: nothing more of it can be given back here", most=MOST_BYTES
        )


def order_id(purchase: str, number: int) -> str:
    """The id of a purchase's order, counted from 1: who knows the purchase can read its first order along with it."""
    return f"{purchase}-{number}"


def state_of(states: Iterable[str]) -> str:
    """The state of the line that is furthest behind among those still going on; else how they ended."""
    all_states = set(states)
    going_on = [state for state in PROGRESS if state in all_states and state != "completed"]
    if going_on:
        return going_on[0]
    return "completed" if "completed" in all_states else sorted(all_states)[0]


class TakenDown(Struct, frozen=True):
    """That the union's operator took a response down, or its answer alone (`part`), when (ISO) and why: for which reason, and in words for whoever
    wrote it."""

    at: str
    part: str
    reason: str
    note: str = ""


class Response(Struct, frozen=True):
    """A customer's question, complaint or review about an order or one line of it (`line` 0: the whole order), and its answer.

    `suppliers` are those whose lines it is about: they see and may answer it as the store does. `request` fingerprints what was
    sent under its key. A question or complaint is to be answered by `reply_by`; what is not, is escalated to the union's operator then
    (`escalated_at`), who may answer it, too. `sku` is the listing of its line. What was `taken_down` is shown to its author only.
    """

    id: str
    order: str
    store: str
    kind: str
    text: str
    customer: str
    at: str
    state: str = "open"
    stars: int = 0
    line: int = 0
    answer: str = ""
    answered_at: str = ""
    answered_by: str = ""
    suppliers: tuple[str, ...] = ()
    request: str = ""
    sequence: int = 1
    reply_by: str = ""
    escalated_at: str = ""
    sku: str = ""
    taken_down: TakenDown | None = None

    @property
    def fulfillers(self) -> set[str]:
        """Who received it: its store, and the suppliers that it is about."""
        return {f"store/{self.store}", *(f"supplier/{supplier}" for supplier in self.suppliers)}

    @property
    def is_withheld(self) -> bool:
        """Whether all of it was taken down, and not its answer alone: nobody waits for an answer to it."""
        return self.taken_down is not None and self.taken_down.part == "response"

    @property
    def is_public(self) -> bool:
        """Whether everybody reads it with its listing, in whose rating it counts."""
        return self.kind == "review" and bool(self.sku) and not self.is_withheld

    @property
    def shown_answer(self) -> str:
        """Its answer, as long as that is not taken down."""
        return "" if self.taken_down is not None else self.answer


REPLY_HOURS = {"question": 48, "complaint": 48}
"""How long the store and the suppliers concerned have to answer. A review needs no answer."""

RESPONSE_KINDS = ("question", "complaint", "review")
