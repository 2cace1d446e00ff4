"""The card processor as checkout sees it: one port, and who stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Protocol

from msgspec import Struct

from mart_union.checkout.stripe_amounts import require_chargeable
from mart_union.kernel.errors import ProviderUnavailable, RuleViolation
from mart_union.kernel.secrets import read_secret
from mart_union.kernel.settings import settings

UNTRIED = "requires_confirmation"
AUTHORIZED = "requires_capture"
TO_ACT = "requires_action"
DECLINED = "requires_payment_method"
CAPTURED = "succeeded"
RELEASED = "canceled"


class ProviderFailed(ProviderUnavailable):
    """The provider has failed at what was asked under a key, and answers so to that key for a day or more. Whether anything was done of it,
    only what it has on its books says; what was not done is asked for under another key."""


class Intent(Struct, frozen=True):
    """A card payment as the provider has it now. `state` is the provider's word: one of those above, or `processing`."""

    id: str
    state: str
    amount_minor: int
    captured_minor: int
    currency: str
    union: str
    purchase: str
    payment_method: str
    problem: str = ""
    client_secret: str = ""


class CardRefund(Struct, frozen=True):
    """A refund at the provider; `transfer` is the transfer of ours that asked for it ('': somebody gave it back by hand), `failed` whether the
    money came back to us."""

    id: str
    intent: str
    transfer: str
    amount_minor: int
    failed: bool


class Dispute(Struct, frozen=True):
    """A customer's dispute with their bank: `state` is open, won or lost; `inquiry` while no money has moved. `back_minor` is what came back of it
    to us: a part, of one that is lost but for that part."""

    id: str
    intent: str
    amount_minor: int
    state: str
    back_minor: int = 0


class Notice(Struct, frozen=True):
    """What a verified webhook is about: a kind of thing (intent, refund, dispute; '' for what does not concern us) and its id.

    What it says is not believed: the thing is read at the provider, as it is by now.
    """

    id: str
    kind: str
    about: str


class Movement(Struct, frozen=True):
    """A movement of the provider's balance: positive for what it owes us more. `transfer` is the one of ours that it must match.

    `fee_minor` is what the provider kept for it. `at` is when it moved (ISO). `foreign` is the money of a movement outside the union's
    currency, in the provider's own words: it is no part of the balance that we compare, and its amounts are 0.
    """

    id: str
    kind: str
    amount_minor: int
    fee_minor: int
    transfer: str
    at: str = ""
    foreign: str = ""


class CardProvider(Protocol):
    """What a card processor does. Every call may be repeated: it is found by its key or id, and counts once. What brings an intent on is
    let happen once by the intent itself, whatever was heard of earlier calls.

    All raise ProviderUnavailable where nobody knows what became of the call, and RuleViolation where the provider refuses it.
    """

    def create(self, purchase: str, amount_minor: int, currency: str, payment_method: str, key: str) -> Intent:
        """An intent, unconfirmed: nothing is authorized yet, and nothing ever of one that nobody confirms. Raises ProviderFailed."""

    def confirm(self, intent: str) -> Intent:
        """Try to authorize it, once. A refused card is a state, DECLINED, with its problem."""

    def find(self, intent: str) -> Intent:
        """How it stands now."""

    def capture(self, intent: str, amount_minor: int) -> Intent:
        """Charge a part of what is authorized, once; the rest is released."""

    def release(self, intent: str) -> Intent:
        """Give up what is not captured."""

    def refund(self, intent: str, amount_minor: int, transfer: str, attempt: int = 0) -> CardRefund:
        """Give back a part of what was captured, once for a transfer. What was refused, or failed (ProviderFailed), in one `attempt` can be
        asked for in another."""

    def refunds(self, intent: str) -> Sequence[CardRefund]:
        """All refunds of what was captured, those that somebody made by hand among them."""

    def is_disputed(self, intent: str) -> bool:
        """Whether the customer's bank has taken back, for now or for good, what was captured of it."""

    def find_refund(self, refund: str) -> CardRefund:
        """How a refund stands now."""

    def find_dispute(self, dispute: str) -> Dispute:
        """How a dispute stands now."""

    def read_notice(self, text: str, signature: str) -> Notice:
        """What a webhook is about; Unauthenticated when the provider did not sign it within five minutes."""

    def close(self) -> None:
        """Close the connections that are kept for the next call."""

    def balance(self) -> int:
        """What stands at the provider now, in minor units of the union's currency, whether it can be paid out already or not."""

    def movements(self, begin: datetime, end: datetime) -> Iterator[Movement]:
        """The movements of the provider's balance from a moment until before another."""


def cards_are_offered() -> bool:
    """Whether the union has a card processor."""
    return bool(settings().card_key)


def require_cards() -> None:
    """Nothing, if the union takes cards and its prices can be charged to them.

    Raises:
        RuleViolation: it takes none.
        NotChargeable: its steps are finer than the processor's.
    """
    if not cards_are_offered():
        raise RuleViolation("this union takes no cards: pay from your account, or by bank transfer", reason="no-cards")
    require_chargeable(settings().currency)


@cache
def card_provider() -> CardProvider:
    """The union's card processor; its library is imported here, when the first card is used.

    Raises:
        RuleViolation: the union has none.
    """
    if not cards_are_offered():
        raise RuleViolation("this union takes no cards")
    from mart_union.checkout.stripe_cards import StripeCards

    return StripeCards(read_secret("stripe_key"), read_secret("stripe_webhook_key"), settings().card_api)
