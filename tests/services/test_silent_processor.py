"""A card processor that takes connections and never answers: everything else goes on, and cards are charged once it speaks again."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from mart_union.checkout import stripe_cards
from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_port import card_provider
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import get_purchase, place_purchase
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import ProviderUnavailable
from mart_union.kernel.settings import settings
from mart_union.ledger import jobs
from mart_union.orders.service import get_order
from sweeper import app as sweeper
from tests.card_desk import Desk
from tests.services.card_payments import TOTAL, answer, intent_of
from tests.services.market import NOW, Market, open_market

EARLY = NOW - timedelta(days=100)  # no other test's purchases are due then
MINUTE = timedelta(minutes=1)
READ_SECONDS = 0.3
ASKED_A_CALL = 2  # by the library, which tries once more
ROUNDS = {"expire_unpaid": 16, "capture_accepted": 16, "order_deadlines": 13, "erase_recipients": 13}


class Silence:
    """An address at which nobody ever answers."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._server.setblocking(False)
        self._taken: list[socket.socket] = []
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def asked(self) -> int:
        """How many have asked since this was looked at last."""
        before = len(self._taken)
        try:
            while True:
                self._taken.append(self._server.accept()[0])
        except BlockingIOError:
            return len(self._taken) - before

    def close(self) -> None:
        """Give up the address."""
        for each in (self._server, *self._taken):
            each.close()


@pytest.fixture
def silence() -> Iterator[Silence]:
    silence = Silence()
    yield silence
    silence.close()


@pytest.fixture(autouse=True)
def _rounds_begin_here() -> Iterator[None]:
    """Every round of the sweeper has just been until the time of this test."""
    before = {job: jobs.get_progress(job) for job in ROUNDS}
    for job, characters in ROUNDS.items():
        jobs.set_checkpoint(job, iso(EARLY)[:characters])
    yield
    for job, progress in before.items():
        jobs.set_checkpoint(job, progress.done_until or iso(NOW)[: ROUNDS[job]], progress.left)


def buy(market: Market, number: int, method: str = "card", card: str = "", at: datetime = EARLY) -> Purchase:
    return place_purchase(
        market.customer,
        [Wanted(market.store, "TEA", 1)],
        recipient=market.recipient,
        total_seen=TOTAL,
        method=method,
        payment_method=card,
        key=f"key-0000000{number}",
        now=at,
    )


def let_speak(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    card_provider().close()
    monkeypatch.setenv("CARD_API", address)
    settings.cache_clear()
    card_provider.cache_clear()


def sweep(monkeypatch: pytest.MonkeyPatch, at: datetime) -> float:
    """One run of the sweeper at a moment; the seconds that it took."""
    monkeypatch.setattr(sweeper, "utc_now", lambda: at)
    begin = time.monotonic()
    sweeper.lambda_handler({}, None)
    return time.monotonic() - begin


def test_while_the_processor_is_silent_the_sweeper_does_all_else_and_asks_for_one_card_a_minute(
    unique: str, desk: Desk, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = open_market(unique, money=100_000, stock=50)
    cards = [buy(market, number, card=desk.card()) for number in range(4)]
    for purchase in cards:
        answer(purchase.orders[0], "accept", EARLY)
    waiting = buy(market, 5, "bank_transfer")
    unanswered = buy(market, 6, "account", at=EARLY - timedelta(days=2) + 90 * MINUTE)
    monkeypatch.setattr(stripe_cards, "_READ_SECONDS", READ_SECONDS)
    let_speak(monkeypatch, silence.address)
    for number, purchase in enumerate(cards):
        with pytest.raises(ProviderUnavailable):
            capture_purchase(purchase.id, EARLY + (5 + number) * MINUTE)
    silence.asked()

    expired = from_iso(waiting.expires_at) + MINUTE
    took = sweep(monkeypatch, expired)
    assert (get_purchase(waiting.id).payment, silence.asked()) == ("expired", ASKED_A_CALL)
    assert took < ASKED_A_CALL * READ_SECONDS + 3  # and not four times as long

    late = from_iso(get_order(unanswered.orders[0]).clock_at) + MINUTE
    sweep(monkeypatch, late)
    assert (get_order(unanswered.orders[0]).state, silence.asked()) == ("refused", ASKED_A_CALL)
    moments = [get_purchase(purchase.id).expires_at for purchase in cards]
    assert moments[:2] == [
        iso(expired + MINUTE),
        iso(late + MINUTE),
    ]  # each has had its turn and stands behind the others
    assert moments[2:] == [iso(EARLY + 7 * MINUTE), iso(EARLY + 8 * MINUTE)]

    let_speak(monkeypatch, desk.address)
    sweep(monkeypatch, late + 2 * MINUTE)
    assert [get_purchase(purchase.id).payment for purchase in cards] == ["paid"] * 4
    assert [desk.intent(intent_of(purchase))["amount_received"] for purchase in cards] == [TOTAL] * 4


def test_a_card_at_which_the_processor_always_fails_holds_up_no_other_for_longer_than_a_minute(
    unique: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = open_market(unique, money=100_000, stock=50)
    before = EARLY - timedelta(days=2) + 10 * MINUTE
    cards = [buy(market, number, card=desk.card(), at=before) for number in range(3)]
    broken = intent_of(cards[0])
    capture = stripe_cards.StripeCards.capture

    def fail(self: stripe_cards.StripeCards, intent: str, amount_minor: int) -> object:
        if intent == broken:
            raise ProviderUnavailable("the card provider is in trouble; try again")
        return capture(self, intent, amount_minor)

    monkeypatch.setattr(stripe_cards.StripeCards, "capture", fail)
    for purchase in cards:
        answer(purchase.orders[0], "accept", EARLY)
    with pytest.raises(ProviderUnavailable):
        capture_purchase(cards[0].id, EARLY)
    due = from_iso(get_purchase(cards[1].id).expires_at)
    for job, characters in ROUNDS.items():
        jobs.set_checkpoint(job, iso(EARLY if job == "capture_accepted" else due)[:characters])
    for minute in range(1, 3):
        sweep(monkeypatch, due + minute * MINUTE)
    assert [get_purchase(purchase.id).payment for purchase in cards] == ["capturing", "paid", "paid"]
