"""docs/ledger.md against the ledger: each event of its table is played, and has to post what the table says, and nothing else.

A new event is a row a posting in the table, and a function of its name here: it brings a market to where the event begins, yields, and
makes the event happen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import CardRefund, card_provider
from mart_union.checkout.card_refunds import settle_refund
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.paying import expire_purchase, pay_pending, receive_payment
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import get_purchase, place_purchase
from mart_union.customers.model import DestinationFields
from mart_union.customers.service import save_profile
from mart_union.customers.withdrawals import withdraw
from mart_union.ledger.census import Ledger, whole_ledger
from mart_union.ledger.due import mark_due
from mart_union.ledger.model import ACCOUNT, BankFile, has_floor
from mart_union.ledger.service import get_transfer
from mart_union.mediation.deposits import withdraw_deposit
from mart_union.orders.model import ReturnedLine
from mart_union.orders.refunding import RefundWish
from mart_union.orders.returns import Decision
from mart_union.orders.service import get_order, take_step
from mart_union.settlement.bank_formats import Paid
from mart_union.settlement.channels import BankFiles
from mart_union.settlement.chargebacks import post_dispute
from mart_union.settlement.completion import complete_order
from mart_union.settlement.payouts import return_payout, send_payouts
from mart_union.settlement.refunding import ask_return, refund_order, settle_return
from mart_union.settlement.suspense import Assignment, decide_suspended, undo_assignment
from payments.webhooks import TransferReceived, record
from tests.card_desk import Desk
from tests.conftest import ROOT
from tests.services.buckets import own_bucket
from tests.services.market import NOW, Market, fill_pool, give_money, open_market, save_mediated
from tests.services.settling import settle_day, verify_account

DOCUMENT = ROOT / "docs" / "ledger.md"
LATER = NOW + timedelta(days=1)
SETTLED_AT = NOW + timedelta(days=9)


@dataclass
class Scene:
    """A market, the purchase made in it, and the words of the document for its names."""

    market: Market
    name: str
    purchase: Purchase | None = None
    desk: Desk | None = None

    def buy_by_card(self) -> None:
        """Three teas by card: authorized, accepted and captured."""
        assert self.desk is not None
        self.buy(method="card", card=self.desk.card())
        take_step(self.order, "accept", "staff", "store", "a", NOW, fulfiller=f"store/{self.market.store}")
        self.capture()

    def capture(self) -> None:
        assert self.purchase is not None
        capture_purchase(self.purchase.id, NOW)
        self.purchase = get_purchase(self.purchase.id)

    def dispute(self, state: str = "") -> None:
        """The customer's bank disputes what was captured; `state` is how it decided."""
        assert self.desk is not None
        assert self.purchase is not None
        assert self.purchase.card is not None
        made = self.desk.dispute(payment_intent=self.purchase.card.intent, amount=96_000)
        post_dispute(card_provider().find_dispute(made), LATER)
        if state:
            self.desk.dispute(id=made, status=state)
            post_dispute(card_provider().find_dispute(made), LATER)

    @property
    def notice(self) -> str:
        """The bank's id of what it tells."""
        return f"notice-of-{self.name}"

    def come_unknown(self, amount_minor: int = 50_000) -> None:
        """Money comes under a reference that means nothing."""
        record(TransferReceived(self.notice, "TWD", amount_minor, "for the tea"), NOW)

    def decide(self, reference: str) -> None:
        """The operator says whose that money is; without a reference, that it is sent back."""
        sender = None if reference else DestinationFields("Wang", "000123456789", "822")
        decide_suspended(self.notice, Assignment(reference, sender), "operator", NOW)

    @property
    def names(self) -> list[str]:
        """What only the transfers of this scene speak of."""
        return [self.name, self.purchase.id] if self.purchase else [self.name]

    @property
    def order(self) -> str:
        assert self.purchase is not None
        return self.purchase.orders[0]

    def buy(
        self, sku: str = "TEA", *, price: int = 30_000, quantity: int = 3, method: str = "account", card: str = ""
    ) -> None:
        self.purchase = place_purchase(
            self.market.customer,
            [Wanted(self.market.store, sku, quantity)],
            recipient=self.market.recipient,
            total_seen=quantity * price + 6_000,
            method=method,
            payment_method=card,
            key="purchase-0001",
            now=NOW,
        )

    def offer(self, *, price: int, supply: int) -> None:
        fill_pool(self.market.supplier, 5, supply)
        save_mediated(self.market.store, "HERB", self.market.supplier, price_minor=price, supply_minor=supply)

    def sell_in_the_shop(self) -> None:
        wanted = [Wanted(self.market.store, "HERB", 2)]
        self.purchase = place_shop_sale(
            self.market.store, f"shop-{self.name}", wanted, recipient=self.market.recipient, key="sale-0001", now=NOW
        )

    def ship(self, party: str) -> None:
        role = party.partition("/")[0]
        take_step(self.order, "accept", "staff", role, "a", NOW, fulfiller=party)
        take_step(self.order, "ship", "staff", role, "s", NOW, fulfiller=party, tracking=("hct", "HCT1"))

    def deliver(self) -> None:
        take_step(self.order, "deliver", "system", "system", "d", NOW)

    def complete(self) -> None:
        complete_order(self.order, actor="settlement", role="system", key="", now=LATER)

    def in_words(self, account: str) -> str:
        """An account or reference as the document writes it."""
        assert self.market is not None
        words = {
            self.market.customer: "{customer}",
            self.market.store: "{store}",
            self.market.supplier: "{supplier}",
            self.notice: "{notice}",
        }
        if self.purchase is not None:
            words = {self.order: "{order}", self.purchase.id: "{purchase}"} | words
        for name, word in words.items():
            account = account.replace(name, word)
        return account


_THIRTY = RefundWish(1, amount_minor=30_000)

EVENTS: dict[str, Callable[[Scene], Iterator[None]]] = {}


def event(name: str) -> Callable[[Callable[[Scene], Iterator[None]]], Callable[[Scene], Iterator[None]]]:
    """The function that plays an event of the table."""

    def keep(play: Callable[[Scene], Iterator[None]]) -> Callable[[Scene], Iterator[None]]:
        EVENTS[name] = play
        return play

    return keep


@event("top-up of a customer's account")
def _(scene: Scene) -> Iterator[None]:
    save_profile(scene.market.customer, name="王小明", email="wang@example.com", language="en", now=NOW)
    yield
    record(TransferReceived(f"n-{scene.name}", "TWD", 50_000, f"customer/{scene.market.customer}"), NOW)


@event("top-up of a deposit")
def _(scene: Scene) -> Iterator[None]:
    yield
    record(TransferReceived(f"n-{scene.name}", "TWD", 50_000, f"deposit/{scene.market.store}"), NOW)


@event("money under an unknown reference")
def _(scene: Scene) -> Iterator[None]:
    yield
    scene.come_unknown()


@event("money under an unknown reference: assigned to a customer")
def _(scene: Scene) -> Iterator[None]:
    save_profile(scene.market.customer, name="王小明", email="wang@example.com", language="en", now=NOW)
    scene.come_unknown()
    yield
    scene.decide(f"customer/{scene.market.customer}")


@event("money under an unknown reference: assigned to a deposit")
def _(scene: Scene) -> Iterator[None]:
    scene.come_unknown()
    yield
    scene.decide(f"deposit/{scene.market.store}")


@event("money under an unknown reference: assigned to a purchase")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    scene.come_unknown(96_000)
    yield
    assert scene.purchase is not None
    scene.decide(f"purchase/{scene.purchase.id}")


@event("money under an unknown reference: an assignment undone")
def _(scene: Scene) -> Iterator[None]:
    save_profile(scene.market.customer, name="王小明", email="wang@example.com", language="en", now=NOW)
    scene.come_unknown()
    scene.decide(f"customer/{scene.market.customer}")
    yield
    undo_assignment(scene.notice, "another Wang", NOW)


@event("money under an unknown reference: sent back")
def _(scene: Scene) -> Iterator[None]:
    scene.come_unknown()
    yield
    scene.decide("")


@event("purchase from the account")
def _(scene: Scene) -> Iterator[None]:
    yield
    scene.buy()


@event("purchase that waits for a bank transfer")
def _(scene: Scene) -> Iterator[None]:
    yield
    scene.buy(method="bank_transfer")


@event("payment by the awaited bank transfer")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    yield
    assert scene.purchase is not None
    receive_payment(scene.purchase.id, 96_000, reference=scene.name, now=NOW)


@event("payment from the account instead")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    yield
    assert scene.purchase is not None
    pay_pending(scene.purchase.id, scene.market.customer, 96_000, key="payment-0001", now=NOW)


@event("bank transfer that fits no waiting purchase")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    yield
    assert scene.purchase is not None
    receive_payment(scene.purchase.id, 95_000, reference=scene.name, now=NOW)


@event("purchase that is not paid in time")
def _(scene: Scene) -> Iterator[None]:
    scene.buy(method="bank_transfer")
    yield
    assert scene.purchase is not None
    assert expire_purchase(scene.purchase.id, LATER)


@event("purchase whose price does not cover its cost")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    scene.offer(price=20_000, supply=30_000)
    yield
    scene.buy("HERB", price=20_000, quantity=2)


@event("sale of the seller's own shop")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    scene.offer(price=23_000, supply=15_000)
    yield
    scene.sell_in_the_shop()


@event("refusal, or cancelling of an order")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    yield
    take_step(scene.order, "refuse", "staff", "store", "r", NOW, fulfiller=f"store/{scene.market.store}")


@event("cancelling of a purchase")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    yield
    assert scene.purchase is not None
    cancel_purchase(scene.purchase.id, actor=scene.market.customer, role="customer", key="cancel-0001", now=NOW)


@event("refusal of a shop's sale")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    scene.offer(price=23_000, supply=15_000)
    scene.sell_in_the_shop()
    yield
    supplier = f"supplier/{scene.market.supplier}"
    take_step(scene.order, "refuse", "staff", "supplier", "r", NOW, fulfiller=supplier)


@event("partial refund before completion")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    yield
    _refund(scene)


@event("partial refund after completion")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    scene.ship(f"store/{scene.market.store}")
    scene.deliver()
    scene.complete()
    yield
    _refund(scene)


@event("refund beyond the goods after they have left")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    scene.ship(f"store/{scene.market.store}")
    yield
    _refund(scene, RefundWish(1, amount_minor=94_000))


@event("refund of a delivery for its carrier's fault")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    scene.ship(f"store/{scene.market.store}")
    scene.deliver()
    scene.complete()
    yield
    _refund(scene, RefundWish(1, amount_minor=2_500, carrier_gives=True))


def _refund(scene: Scene, wish: RefundWish = _THIRTY) -> None:
    wishes = [wish]
    refund_order(scene.order, wishes, store=scene.market.store, reason="r", actor="staff", key="refund-0001", now=LATER)


@event("return of a supplier's goods after completion")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    scene.offer(price=20_000, supply=30_000)
    scene.buy("HERB", price=20_000, quantity=2)
    supplier = f"supplier/{scene.market.supplier}"
    scene.ship(supplier)
    scene.deliver()
    scene.complete()
    lines = [ReturnedLine(1, 1)]
    asked = ask_return(
        scene.order, lines, customer=scene.market.customer, reason="r", key="return-0001", now=LATER
    ).returns[0]
    facts = {"fulfiller": supplier, "actor": "staff", "now": LATER}
    settle_return(scene.order, asked.id, Decision("accept"), key="accept-0001", **facts)  # type: ignore[arg-type]
    yield
    received = Decision("receive", stock="reserve")
    settle_return(scene.order, asked.id, received, key="receive-0001", **facts)  # type: ignore[arg-type]


@event("completion of own lines")
def _(scene: Scene) -> Iterator[None]:
    scene.buy()
    scene.ship(f"store/{scene.market.store}")
    scene.deliver()
    yield
    scene.complete()


@event("completion of a supplier's lines")
def _(scene: Scene) -> Iterator[None]:
    scene.offer(price=23_000, supply=15_000)
    scene.buy("HERB", price=23_000, quantity=2)
    scene.ship(f"supplier/{scene.market.supplier}")
    scene.deliver()
    yield
    scene.complete()


@event("completion of lines whose price does not cover their cost")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    scene.offer(price=20_000, supply=30_000)
    scene.buy("HERB", price=20_000, quantity=2)
    scene.ship(f"supplier/{scene.market.supplier}")
    scene.deliver()
    yield
    scene.complete()


@event("completion of a shop's sale")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    scene.offer(price=23_000, supply=15_000)
    scene.sell_in_the_shop()
    scene.ship(f"supplier/{scene.market.supplier}")
    scene.deliver()
    yield
    scene.complete()


@event("purchase by card: authorization")
def _(scene: Scene) -> Iterator[None]:
    yield
    assert scene.desk is not None
    scene.buy(method="card", card=scene.desk.card())


@event("capture of a card payment")
def _(scene: Scene) -> Iterator[None]:
    assert scene.desk is not None
    scene.buy(method="card", card=scene.desk.card())
    take_step(scene.order, "accept", "staff", "store", "a", NOW, fulfiller=f"store/{scene.market.store}")
    yield
    scene.capture()


@event("partial refund of a card payment")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    _refund(scene)


@event("refund that the card processor could not carry out")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    _refund(scene)
    yield
    refund = get_transfer(get_order(scene.order).refunds[0].id)
    settle_refund(CardRefund("re_1", "pi_1", refund.id, 30_000, failed=True), LATER)


@event("dispute of a card payment: opened")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    scene.dispute()


@event("dispute of a card payment: opened and won")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    scene.dispute("won")


@event("dispute of a card payment: opened and lost")
def _(scene: Scene) -> Iterator[None]:
    scene.buy_by_card()
    yield
    scene.dispute("lost")


@event("withdrawal from a customer's account")
def _(scene: Scene) -> Iterator[None]:
    account = f"customer/{scene.market.customer}"
    verify_account(account, NOW)
    yield
    withdraw(account, account, 50_000, payout=scene.name, kind="withdrawal", reference=account, now=NOW)


@event("withdrawal from a deposit")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    verify_account(f"store/{scene.market.store}", NOW)
    yield
    withdraw_deposit(scene.market.store, 50_000, "withdraw-0001", NOW)


@event("payout of a statement")
def _(scene: Scene) -> Iterator[None]:
    verify_account(f"store/{scene.market.store}", NOW)
    scene.buy()
    scene.ship(f"store/{scene.market.store}")
    scene.deliver()
    scene.complete()
    yield
    _settle(scene)


@event("withdrawal that the bank returns")
def _(scene: Scene) -> Iterator[None]:
    account = f"customer/{scene.market.customer}"
    verify_account(account, NOW)
    withdraw(account, account, 50_000, payout=scene.name, kind="withdrawal", reference=account, now=NOW)
    send_payouts(NOW)
    yield
    return_payout(scene.name, notice="n", amount_minor=50_000, reason="AC04", now=LATER)


@event("withdrawal from a deposit that the bank returns")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    verify_account(f"store/{scene.market.store}", NOW)
    payout = withdraw_deposit(scene.market.store, 50_000, "withdraw-0001", NOW).id
    send_payouts(NOW)
    yield
    return_payout(payout, notice="n", amount_minor=50_000, reason="AC04", now=LATER)


@event("payout that no bank file can hold")
def _(scene: Scene) -> Iterator[None]:
    account = f"customer/{scene.market.customer}"
    verify_account(account, NOW)
    send_payouts(NOW)
    withdraw(account, account, 50_000, payout=scene.name, kind="withdrawal", reference=account, now=NOW)
    yield
    send_payouts(NOW, NoPlace())


class NoPlace(BankFiles):
    """A format that has no place for any payout."""

    def unfit(self, file: BankFile, paid: Sequence[Paid]) -> list[Paid]:
        return list(paid)


@event("payout that the bank returns")
def _(scene: Scene) -> Iterator[None]:
    verify_account(f"store/{scene.market.store}", NOW)
    scene.buy()
    scene.ship(f"store/{scene.market.store}")
    scene.deliver()
    scene.complete()
    _settle(scene)
    send_payouts(SETTLED_AT)
    [payout] = [one for one in whole_ledger().payouts if one.party == f"store/{scene.market.store}"]
    yield
    return_payout(payout.id, notice="n", amount_minor=payout.amount_minor, reason="AC04", now=SETTLED_AT)


def _settle(scene: Scene) -> None:
    party = f"store/{scene.market.store}"
    mark_due([one for one in whole_ledger().payables if one.party == party], LATER)
    settle_day("2026-11-30", SETTLED_AT, scene.market.store)


@pytest.fixture(autouse=True)
def payout_bucket() -> Iterator[None]:
    with own_bucket():
        yield


def rows_of(heading: str) -> list[list[str]]:
    """The rows of the table under a heading of the document, without code marks."""
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]


def documented() -> dict[str, list[tuple[str, str, int, str]]]:
    """Kind, account, amount and reference of each posting, by event."""
    events: dict[str, list[tuple[str, str, int, str]]] = {}
    for name, kind, account, amount, reference in rows_of("Postings of each event"):
        posting = [(kind, account, int(amount.replace(",", "")), reference)] if account else []
        events.setdefault(name, []).extend(posting)
    return events


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
        if name in {"Transfer", "_closing"}:
            given += call.args[1:2]
        if name == "pay_out":
            given += call.args[1:2]
        if name in {"Transfer", "_closing", "withdraw", "withdraw_from", "replace", "reverse", "pay_out"}:
            kinds |= {one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return kinds


def test_every_kind_of_transfer_that_the_code_makes_is_in_the_document() -> None:
    sources = [*(ROOT / "layers" / "core").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    made = set().union(*(kinds_made(file) for file in sources))
    told = {kind.removesuffix(" (pending)") for postings in documented().values() for kind, *_ in postings}
    assert made - told == {
        "provider_fees"
    }  # of all that the processor kept on a day: tests/services/test_card_notices.py
