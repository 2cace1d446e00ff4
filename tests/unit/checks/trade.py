"""Books in memory, kept by the union's own pure rules: what is bought, paid, delivered, given back and settled here is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import Listing, OfferReference, Store, Union, listing_level, offer_level
from mart_union.catalog.urgent_terms import UrgentSale
from mart_union.checkout.drafting import Asked, draft_purchase
from mart_union.checkout.model import CardPayment, Disputed, Purchase, Wanted
from mart_union.checkout.payers import CARDS, is_awaited
from mart_union.checkout.pricing import Terms
from mart_union.kernel.clock import iso
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import Currency
from mart_union.ledger.census import Ledger
from mart_union.ledger.model import (
    SUSPENSE,
    Account,
    BankFile,
    Payable,
    Payout,
    PayoutTerms,
    ReportEntry,
    Statement,
    StatementLine,
    Suspended,
    Transfer,
    has_floor,
    postings_of,
)
from mart_union.ledger.payouts import return_transfer
from mart_union.ledger.suspense import assignment_id, back_id
from mart_union.orders.cash import CASH, due_minor, paying_transfer
from mart_union.orders.draws import units_left
from mart_union.orders.model import ON_DELIVERY, Order, ReturnedLine
from mart_union.orders.refunding import Change, RefundWish, refund_part
from mart_union.orders.refunds import refund_amounts
from mart_union.orders.return_decisions import Decision
from mart_union.orders.return_rules import stocks_for
from mart_union.orders.returns import decide_return, request_return
from mart_union.orders.steps import Details, apply_step
from mart_union.settlement.checks.model import Books, amounts_of
from mart_union.settlement.shares import completion_amounts, completion_transfer, payables_of
from mart_union.stock.model import Level
from mart_union.stock.slotting import slot_level

TWD = Currency("TWD", 100)
NOW = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)
MONDAY = "2026-11-09"
"""When what is completed in the week of NOW falls due."""
REPORTED = ("2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04", "2026-11-07")
"""The days of which the bank has told: all of NOW's is in the second, and what left on it has been there for four days in the last."""
TEA, POT, LOSS = listing_level("tea", "TEA"), offer_level("kiln", "POT"), offer_level("kiln", "LOSS")
FIRM = offer_level("kiln", "FIRM")
CUP, CAN = listing_level("cups", "CUP"), listing_level("tea", "CAN")
RUSH = listing_level("tea", "RUSH")
SALE = UrgentSale(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), "s1", 20, per_customer=5)
SLOT = "20261105T0200Z"
VISIT = slot_level("tea", "VISIT", SLOT)


def _listing(sku: str, price_minor: int, supply_minor: int = 0, *, accepts_returns: bool = True) -> Listing:
    level = offer_level("kiln", sku) if supply_minor else listing_level("tea", sku)
    offer = OfferReference("kiln", sku, supply_minor, accepts_returns=accepts_returns) if supply_minor else None
    return Listing("tea", sku, {"en": sku}, {}, "tea", "food", "goods", price_minor, "on_sale", level, offer=offer)


TERMS = Terms(
    Union(
        "hsinchu",
        {},
        {},
        (),
        ("en",),
        (),
        (),
        fees=(CommissionRule("all", "union", rate_basis_points=600),),
        taxes=(TaxRule("goods", "vat", 500), TaxRule("sales", "sales", 200, included=False)),
    ),
    {
        "tea": Store("tea", "tea-co", {}, {}, "food", "open", "", carrier="hct", delivery_amount=6_000),
        "cups": Store("cups", "tea-co", {}, {}, "food", "open", "", procedure="carrier_cash", carrier="hct"),
    },
    {
        ("tea", listing.sku): listing
        for listing in (
            _listing("TEA", 30_000),
            _listing("POT", 23_000, 15_000),
            _listing("LOSS", 20_000, 30_000),
            _listing("FIRM", 20_000, 30_000, accepts_returns=False),
            replace(_listing("SET", 70_000), parts={"TEA": 2, "CAN": 1}),
        )
    }
    | {("cups", "CUP"): replace(_listing("CUP", 9_000), store="cups", level=CUP)}
    | {("tea", "RUSH"): replace(_listing("RUSH", 20_000), urgent=SALE)}
    | {("tea", "VISIT"): replace(_listing("VISIT", 40_000), kind="service", slot_minutes=60)},
    NOW,
)
"""A store with tea of its own, alone and in a set with a can, some of it in an urgent sale with a limit, visits at one time, a supplier's pot, and
another of the supplier's that it sells below its cost, and one such that the supplier does not take back; and one whose cups can be paid in cash."""


class Trade:
    """A union's books that are kept as the union keeps them: a method a thing that happens."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.orders: dict[str, Order] = {}
        self.purchases: dict[str, Purchase] = {}
        own = (TEA, CUP, CAN, RUSH, VISIT)
        self.levels = {level: Level(level, reserve=50, corrected=50) for level in (*own, POT, LOSS, FIRM)}
        self.bought: Counter[str] = Counter()

    def books(self) -> Books:
        """Copies of the books as they are now, so that one thing in them can be made wrong."""
        parts = Books(
            self.ledger, list(self.orders.values()), list(self.purchases.values()), list(self.levels.values())
        )
        balances, kept = parts.balances(), Counter[str]()
        for transfer in self.ledger.transfers:
            if transfer.pending and transfer.id not in self.ledger.outcomes:
                kept.update({each.account: min(each.amount_minor, 0) for each in transfer.postings})
        names = sorted(name for name in {*balances, *kept} if has_floor(name))
        accounts = [Account(name, balances[name], balances[name] + kept[name]) for name in names]
        ledger, bought = replace(self.ledger, accounts=accounts), dict(self.bought)
        return replace(parts, ledger=ledger, time_zone="Asia/Taipei", step=TWD.step, bought=bought)

    def post(self, name: str, kind: str, amounts: Mapping[str, int], reference: str, **facts: str) -> Transfer:
        """Money moves."""
        made = Transfer(name, kind, "TWD", postings_of(dict(amounts)), reference, iso(NOW), **facts)
        self.ledger.transfers.append(made)
        return made

    def give(self, account: str, amount_minor: int) -> None:
        """Money comes from the bank."""
        kind = "deposit" if account.endswith("/deposit") else "top-up"
        name = f"bank-{len(self.ledger.transfers)}"
        self.post(name, kind, {"provider/bank": -amount_minor, account: amount_minor}, account)

    def keep(
        self, notice: str, amount_minor: int, decision: str = "", state: str = "waiting", returned: int = 0
    ) -> None:
        """Money comes from the bank under a reference that means nothing, and is decided on."""
        kept = Suspended(notice, amount_minor, "TWD", "?", iso(NOW), state, decision, returned=returned)
        self.ledger.suspended.append(kept)
        about = f"suspense/{notice}"
        self.post(f"bank-{notice}", "suspense", {"provider/bank": -amount_minor, SUSPENSE: amount_minor}, about)
        if state == "assigned":
            self.post(assignment_id(kept), "top-up", {SUSPENSE: -amount_minor, decision: amount_minor}, decision)
        elif state == "sent_back":
            self.withdraw(f"suspense/{kept.name}", SUSPENSE, amount_minor, "sent_back", about, back_id(kept))

    def buy(self, name: str, wanted: Mapping[str, int], method: str = "account", channel: str = "union") -> None:
        """A purchase of so many units of each SKU at the tea's or the cups' store, by Lin or through the store's own shop."""
        customer = "lin" if channel == "union" else ""
        asked = Asked(name, "hash", customer, "r1", method, "en", NOW, channel=channel, reservation_seconds=600)
        store = "cups" if "CUP" in wanted else "tea"
        wishes = [Wanted(store, sku, n, SLOT if sku == "VISIT" else "") for sku, n in sorted(wanted.items())]
        draft = draft_purchase(asked, wishes, TERMS, TWD)
        self.ledger.transfers.extend([draft.transfer] if draft.transfer is not None else [])
        self.purchases[name] = draft.purchase
        self.orders |= {order.id: order for order in draft.orders}
        for level, units in draft.units.items():
            self.move(level, reserve=-units, **{"reserved" if is_awaited(method) else "sold": units})
        self.bought[_COUNT] += wanted.get("RUSH", 0)

    def move(self, level: str, **counts: int) -> None:
        """Units move between a level's counts."""
        before = self.levels[level]
        self.levels[level] = replace(before, **{name: getattr(before, name) + count for name, count in counts.items()})

    def pay(self, name: str) -> None:
        """The bank transfer that a purchase waits for has come."""
        pending = next(each for each in self.ledger.transfers if each.id == f"purchase-{name}")
        self.ledger.outcomes[pending.id] = "voided"
        self.ledger.transfers.append(replace(pending, id=f"bank-{name}", kind="payment", pending=False))
        self._change(name, "paid", "pay", paid_by=f"bank-{name}")

    def expire(self, name: str) -> None:
        """Nobody paid in time."""
        self.ledger.outcomes[f"purchase-{name}"] = "expired"
        self._change(name, "expired", "expire")

    def authorize(self, name: str) -> None:
        """A card is authorized, and stores can answer."""
        self._change(name, "authorized", "pay")
        card = CardPayment("pi", "pm", self.purchases[name].total_minor)
        self.purchases[name] = replace(self.purchases[name], card=card)

    def capture(self, name: str) -> None:
        """The card is charged for what was accepted."""
        purchase, order = self.purchases[name], self.orders[f"{name}-1"]
        self.ledger.outcomes[purchase.transfer] = "voided"
        held = sum(line.held_minor for line in order.lines)
        amounts = {CARDS: -order.escrow_minor, f"order/{order.id}": order.escrow_minor}
        deposits = {"store/tea/deposit": -held, "store/tea/held": held}
        self.post("card-pi", "payment", amounts | deposits, f"purchase/{name}")
        assert purchase.card is not None
        card = replace(purchase.card, accepted_minor=order.escrow_minor, captured_minor=order.escrow_minor)
        facts = purchase.facts | {"paid_by": "card-pi"}
        self.purchases[name] = replace(purchase, payment="paid", card=card, facts=facts)
        self.orders[order.id] = replace(order, payment="paid")

    def _change(self, name: str, payment: str, step: str, **facts: str) -> None:
        before = self.purchases[name]
        self.purchases[name] = replace(before, payment=payment, facts=before.facts | facts)
        order = self.orders[f"{name}-1"]
        stepped = apply_step(order, step, role="system", actor="checkout", at=iso(NOW), key=f"{step}-{name}")
        payer = "" if payment == "paid" else order.payer
        self.orders[order.id] = replace(stepped, payment=payment, payer=payer)
        for line in order.lines:
            to = "reserve" if payment == "expired" else "sold"
            for level, units in units_left(line).items():
                self.move(level, reserved=-units, **{to: units})

    def step(self, order: str, step: str, by: str = "store/tea", lines: Sequence[int] | None = None) -> None:
        """A step of some lines, with the refund that it makes."""
        before, role = self.orders[order], by.partition("/")[0]
        details = Details(tracking_number="HCT123456", collected_minor=due_minor(before), collected_by="store")
        key = f"{step}-{before.sequence}"
        after = apply_step(
            before, step, role=role, actor="a", at=iso(NOW), key=key, lines=lines, fulfiller=by, details=details
        )
        self.orders[order] = after
        if before.payment == ON_DELIVERY and after.payment == "paid":
            self._collect(before, after)
        if step in {"refuse", "cancel"}:
            amounts = refund_amounts(before, after.history[-1].lines)
            if amounts:
                self.post(f"refund-{order}-{after.sequence}", "refund", amounts, f"order/{order}")
            for line in before.lines:
                for level, units in units_left(line).items() if line.number in after.history[-1].lines else ():
                    self.move(level, sold=-units, reserve=units)
                if line.sale and line.number in after.history[-1].lines:
                    self.bought[_COUNT] -= line.left_units

    def _collect(self, before: Order, after: Order) -> None:
        collector, amount = after.facts[CASH], due_minor(before)
        moved = {collector: -amount, f"order/{before.id}": amount}
        made = self.post(paying_transfer(before), "collection", moved, f"order/{before.id}")
        identity = derived_id("collection", before.id, collector)
        self.ledger.payables.append(Payable(identity, collector, before.id, -amount, MONDAY, "collection", made.id))

    def deliver(self, order: str) -> None:
        """All lines are accepted, shipped, delivered."""
        for fulfiller in sorted({line.fulfiller for line in self.orders[order].lines if line.state == "placed"}):
            for step in ("accept", "ship", "deliver"):
                self.step(order, step, fulfiller)

    def complete(self, order: str) -> None:
        """The customer has it, and each party gets its share."""
        before = self.orders[order]
        after = apply_step(before, "complete", role="system", actor="settlement", at=iso(NOW), key="")
        numbers = after.history[-1].lines
        made = completion_transfer(before, completion_amounts(before, numbers), NOW)
        self.orders[order] = after
        self.ledger.transfers.append(made)
        self.ledger.payables.extend(payables_of(before, numbers, made, NOW, "Asia/Taipei"))

    def refund(self, order: str, *wishes: RefundWish) -> None:
        """The store gives a part back."""
        before = self.orders[order]
        key = f"refund-{before.sequence}"
        change = refund_part(
            before, wishes, reason="r", fulfiller="store/tea", actor="a", key=key, at=iso(NOW), currency=TWD
        )
        self._give_back(before, change)
        if before.lines[0].sale:
            self.bought[_COUNT] -= sum(wish.units for wish in wishes)

    def take_back(self, order: str, number: int, units: int, reason: str = "changed_mind") -> None:
        """The customer returns units of a line, and whoever takes them back receives and refunds them."""
        at, lines = iso(NOW + timedelta(days=1)), [ReturnedLine(number, units)]
        before = request_return(self.orders[order], lines, reason=reason, key=f"return-{reason}", at=at)
        asked, taker = before.returns[-1].id, before.returns[-1].taker
        decision = Decision("refund", "", stocks_for(before, before.returns[-1])[0])
        for wish in (Decision("accept"), Decision("receive"), decision):
            change = decide_return(before, asked, wish, taker=taker, actor="a", key=wish.decision, at=at, currency=TWD)
            if wish is decision:
                self._give_back(before, change, to=decision.stock)
            before = change.order

    def _give_back(self, before: Order, change: Change, to: str = "reserve") -> None:
        refund = change.order.refunds[-1]
        made = self.post(refund.id, "refund", change.amounts, f"order/{before.id}")
        numbers = [part.number for part in refund.lines]
        self.ledger.payables.extend(payables_of(before, numbers, made, NOW, "Asia/Taipei"))
        self.orders[before.id] = change.order
        for level, units in change.units.items():
            self.move(level, sold=-units, **{to: units})

    def owed(self, party: str) -> list[Payable]:
        """What no statement has claimed of a party's payables."""
        return [each for each in self.ledger.payables if each.party == party and not each.statement]

    def settle(self, party: str, period: str = MONDAY, destination: str = "d1", state: str = "") -> Statement:
        """All that a party is owed becomes a statement, which is paid, carried or, if told so, still collects."""
        payables = self.owed(party)
        total, identity = sum(each.amount_minor for each in payables), derived_id("statement", party, period)
        lines = [_line(each) for each in payables]
        self.ledger.payables[:] = [
            replace(each, statement=identity) if each in payables else each for each in self.ledger.payables
        ]
        self.ledger.lines[identity] = lines
        made = Statement(identity, party, period, "TWD", total, state or "ready", iso(NOW), 1)
        if not state and (total < 0 or not destination):
            made = replace(made, state="carried", reason="negative" if total < 0 else "no_destination")
            carried = Payable(derived_id("carried", identity), party, "", total, period[:10], "carried", "")
            self.ledger.payables.append(carried)
        elif not state:
            paid = self.post(
                derived_id("payout", identity), "payout", {party: -total, "bank/out": total}, reference=identity
            )
            made = replace(made, payout=paid.id)
            self.ledger.payouts.append(
                Payout(paid.id, party, party, total, "TWD", destination, identity, iso(NOW), period=period)
            )
        self.ledger.statements.append(made)
        return made

    def withdraw(
        self, party: str, account: str, amount_minor: int, kind: str, about: str = "", identity: str = ""
    ) -> None:
        """Money goes from an account to its party's bank."""
        name, about = identity or f"withdrawal-{len(self.ledger.payouts)}", about or account
        self.post(name, kind, {account: -amount_minor, "bank/out": amount_minor}, about)
        self.ledger.payouts.append(Payout(name, party, account, amount_minor, "TWD", "d2", about, iso(NOW)))

    def send(self) -> None:
        """All payouts that are ready go to the bank in one file."""
        name = f"{MONDAY}.{len(self.ledger.bank_files) + 1:03d}"
        ready = [each for each in self.ledger.payouts if each.state == "ready"]
        total = sum(each.amount_minor for each in ready)
        key = f"bank/{name}.csv"
        self.ledger.bank_files.append(
            BankFile(name, MONDAY, "sent", iso(NOW), PayoutTerms(), 1, len(ready), total, key, iso(NOW))
        )
        self.ledger.file_payouts[name] = ready
        self.ledger.payouts[:] = [
            replace(each, state="sent", file=name) if each in ready else each for each in self.ledger.payouts
        ]
        self._stand({each.reference for each in ready}, "paid")

    def come_back(self, payout: str) -> None:
        """The bank could not deliver a payout."""
        [sent] = [each for each in self.ledger.payouts if each.id == payout]
        position = self.ledger.payouts.index(sent)
        self.ledger.payouts[position] = replace(sent, state="returned", returned_by="notice", reason="AC04")
        made = return_transfer(sent, NOW)
        self.ledger.transfers.append(made)
        if sent.period:
            again = Payable(derived_id("returned", payout), sent.party, "", sent.amount_minor, MONDAY, _AGAIN, made.id)
            self.ledger.payables.append(again)
            self._stand({sent.reference}, "returned")

    def report(self) -> None:
        """The bank tells of all that moved on the union's account: what came on its day, what went a day later, what came back after that."""
        came = [each for each in self.ledger.transfers if "provider/bank" in amounts_of(each) and not each.pending]
        gone = [each for each in self.ledger.payouts if each.file]
        back = [each for each in gone if each.state == "returned"]
        self.ledger.reports.update({("bank", day): [] for day in REPORTED})
        self.ledger.reports["bank", REPORTED[1]] += [
            ReportEntry(each.id.removeprefix("bank-"), "received", -amounts_of(each)["provider/bank"]) for each in came
        ]
        for day, kind, payouts in ((REPORTED[2], "sent", gone), (REPORTED[3], "returned", back)):
            self.ledger.reports["bank", day] += [ReportEntry(each.id, kind, each.amount_minor) for each in payouts]

    def _stand(self, statements: set[str], state: str) -> None:
        self.ledger.statements[:] = [
            replace(each, state=state) if each.id in statements else each for each in self.ledger.statements
        ]

    def note_return(self, name: str, refund: str, amount_minor: int) -> None:
        """The purchase notes what of a refund goes back to its card."""
        purchase = self.purchases[name]
        assert purchase.card is not None
        self.purchases[name] = replace(purchase, card=replace(purchase.card, returns={refund: amount_minor}))

    def dispute(self, name: str, amount_minor: int, *endings: str, case: str = "dp") -> None:
        """A customer's bank takes back what their card paid, and decides."""
        about, borne, purchase = f"purchase/{name}", "union/chargebacks", self.purchases[name]
        assert purchase.card is not None
        state = {"": "open", "lost": "lost"}.get(endings[-1] if endings else "", "won")
        stands = Disputed(amount_minor, state, {f"{name}-1": amount_minor} if state == "lost" else {})
        disputes = purchase.card.disputes | {case: stands}
        self.purchases[name] = replace(purchase, card=replace(purchase.card, disputes=disputes))
        self.post(f"chargeback-{case}", "chargeback", {CARDS: amount_minor, borne: -amount_minor}, about)
        moves = {
            "won": {CARDS: -amount_minor, borne: amount_minor},
            "lost": {"store/tea": -amount_minor, borne: amount_minor},
            "reinstated": {"store/tea": amount_minor, CARDS: -amount_minor},
        }
        for ending in endings:
            made = self.post(
                f"chargeback-{case}-{ending}",
                f"chargeback_{ending}",
                moves[ending],
                about,
                reverses=f"chargeback-{case}",
            )
            amount = moves[ending].get("store/tea", 0)
            if amount:
                identity = derived_id("chargeback", made.id, f"{name}-1")
                self.ledger.payables.append(
                    Payable(identity, "store/tea", f"{name}-1", amount, MONDAY, "chargeback", made.id)
                )


_AGAIN = "returned_payout"
_COUNT = f"{SALE.id}#lin"


def _line(payable: Payable) -> StatementLine:
    return StatementLine(
        payable.id,
        payable.order,
        payable.amount_minor,
        payable.kind,
        payable.transfer,
        payable.titles,
        payable.gross_minor,
        payable.deductions,
        payable.rates,
    )
