"""The scene in which an event of docs/ledger.md is played, and the register of the events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import card_provider
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import get_purchase, place_purchase
from mart_union.customers.model import DestinationFields
from mart_union.kernel.clock import iso
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.due import mark_due
from mart_union.orders.refunding import RefundWish
from mart_union.orders.service import take_step
from mart_union.orders.tracking import add_tracking_event
from mart_union.settlement.chargebacks import post_dispute
from mart_union.settlement.completion import complete_order
from mart_union.settlement.refunding import refund_order
from mart_union.settlement.suspense import Assignment, decide_suspended
from payments.webhooks import TransferReceived, record
from tests.card_desk import Desk
from tests.services.market import NOW, Market, fill_pool, give_money, save_mediated, save_store, save_union
from tests.services.settling import settle_day, verify_account

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

    def buy_of_two_by_card(self) -> None:
        """A tea of each of two stores by card: authorized, accepted and captured."""
        assert self.desk is not None
        self.purchase = place_purchase(
            self.market.customer,
            [Wanted(store, "TEA", 1) for store in (self.market.store, self.market.other_store)],
            recipient=self.market.recipient,
            total_seen=72_000,
            method="card",
            payment_method=self.desk.card(),
            key="purchase-0001",
            now=NOW,
        )
        for order, store in zip(self.purchase.orders, (self.market.store, self.market.other_store), strict=True):
            take_step(order, "accept", "staff", "store", f"a-{store}", NOW, fulfiller=f"store/{store}")
        self.capture()

    def capture(self) -> None:
        assert self.purchase is not None
        capture_purchase(self.purchase.id, NOW)
        self.purchase = get_purchase(self.purchase.id)

    def dispute(self, *states: str, amount: int = 96_000) -> str:
        """The customer's bank disputes what was captured; `states` are how it decided, one after the other. The dispute's id."""
        assert self.desk is not None
        assert self.purchase is not None
        assert self.purchase.card is not None
        made = self.desk.dispute(payment_intent=self.purchase.card.intent, amount=amount)
        post_dispute(card_provider().find_dispute(made), LATER)
        for state in states:
            self.decide_dispute(made, state)
        return made

    def decide_dispute(self, made: str, state: str, **more: int) -> None:
        """The bank decides a dispute so."""
        assert self.desk is not None
        self.desk.dispute(id=made, status=state, **more)
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

    def offer(self, *, price: int, supply: int, accepts_returns: bool = True) -> None:
        fill_pool(self.market.supplier, 5, supply)
        terms = {"price_minor": price, "supply_minor": supply}
        save_mediated(self.market.store, "HERB", self.market.supplier, **terms, accepts_returns=accepts_returns)

    def sell_in_the_shop(self) -> None:
        wanted = [Wanted(self.market.store, "HERB", 2)]
        self.purchase = place_shop_sale(
            self.market.store, f"shop-{self.name}", wanted, recipient=self.market.recipient, key="sale-0001", now=NOW
        )

    def ship(self, party: str, carrier: str = "hct") -> None:
        role = party.partition("/")[0]
        take_step(self.order, "accept", "staff", role, "a", NOW, fulfiller=party)
        take_step(self.order, "ship", "staff", role, "s", NOW, fulfiller=party, tracking=(carrier, "HCT1"))

    def deliver(self) -> None:
        take_step(self.order, "deliver", "system", "system", "d", NOW)

    def deliver_own(self, carrier: str = "hct") -> None:
        """Three teas from the account, shipped by the store and delivered."""
        self.buy()
        self.ship(f"store/{self.market.store}", carrier)
        self.deliver()

    @property
    def carrier(self) -> str:
        """A carrier that works for nobody else."""
        return f"by-{self.name}"

    def owe(self, kind: str) -> str:
        """A party of a kind, with a verified bank account, that is owed for what is complete; its account."""
        if kind == "supplier":
            self.offer(price=23_000, supply=15_000)
            self.buy("HERB", price=23_000, quantity=2)
            self.ship(f"supplier/{self.market.supplier}")
            self.deliver()
        else:
            save_store(self.market.store, carrier=self.carrier)
            self.deliver_own(self.carrier)
        self.complete()
        party = f"{kind}/{getattr(self.market, kind, self.carrier)}"
        verify_account(party, NOW)
        return party

    def offer_at_a_loss(self, *, accepts_returns: bool = True) -> None:
        """Goods whose price does not cover what they cost, and a deposit that does."""
        give_money(f"store/{self.market.store}/deposit", 100_000)
        self.offer(price=20_000, supply=30_000, accepts_returns=accepts_returns)

    def deliver_at_a_loss(self, *, accepts_returns: bool = True) -> None:
        """Two of them, delivered by their supplier."""
        self.offer_at_a_loss(accepts_returns=accepts_returns)
        self.deliver_supplied(20_000)

    def deliver_supplied(self, price: int) -> None:
        """Two of what is on offer, delivered by its supplier."""
        self.buy("HERB", price=price, quantity=2)
        self.ship(f"supplier/{self.market.supplier}")
        self.deliver()

    def sell_supplied(self, *, accepts_returns: bool = True) -> None:
        """A supplier's goods with a deposit behind them, sold in the seller's own shop."""
        give_money(f"store/{self.market.store}/deposit", 100_000)
        self.offer(price=23_000, supply=15_000, accepts_returns=accepts_returns)
        self.sell_in_the_shop()

    def deliver_from_the_shop(self, *, accepts_returns: bool = True) -> None:
        """What the seller's own shop sold is shipped by the supplier and delivered."""
        self.sell_supplied(accepts_returns=accepts_returns)
        self.ship(f"supplier/{self.market.supplier}")
        self.deliver()

    def take_cash(self) -> None:
        """The union takes cash on delivery, and the store's orders can be paid so."""
        save_union(cash_limit_minor=100_000)
        save_store(self.market.store, procedure="carrier_cash")

    def collect(self, collected_by: str) -> None:
        """What was shipped is delivered, and its 960 dollars are taken."""
        if collected_by == "carrier":
            add_tracking_event(self.order, "1", "delivered", iso(NOW), carrier="hct", now=NOW, collected_minor=96_000)
            return
        party = f"store/{self.market.store}"
        take_step(self.order, "deliver", "staff", "store", "d", NOW, fulfiller=party, collected_minor=96_000)

    def complete(self) -> None:
        complete_order(self.order, actor="settlement", role="system", key="", now=LATER)

    def in_words(self, account: str) -> str:
        """An account or reference as the document writes it."""
        assert self.market is not None
        words = {
            self.market.customer: "{customer}",
            self.market.store: "{store}",
            self.market.other_store: "{other}",
            self.market.supplier: "{supplier}",
            self.notice: "{notice}",
            self.carrier: "{carrier}",
            f"po_{self.name}": "{payout}",
            f"movement/{self.name}": "movement/{movement}",
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


def refund_part(scene: Scene, wish: RefundWish = _THIRTY) -> None:
    wishes = [wish]
    refund_order(scene.order, wishes, store=scene.market.store, reason="r", actor="staff", key="refund-0001", now=LATER)


def settle(party: str) -> None:
    mark_due([one for one in whole_ledger().payables if one.party == party], LATER)
    settle_day("2026-11-30", SETTLED_AT, party)
