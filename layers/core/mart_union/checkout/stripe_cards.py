"""Stripe behind the port of card processors (https://docs.stripe.com/api/payment_intents). Imported only where a card is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import requests
import stripe

from mart_union.checkout.card_port import (
    DECLINED,
    RELEASED,
    CardRefund,
    Dispute,
    Intent,
    Movement,
    Notice,
    ProviderFailed,
)
from mart_union.checkout.stripe_amounts import from_stripe, to_stripe
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import CurrencyMismatch, KeyReused, ProviderUnavailable, RuleViolation, Unauthenticated
from mart_union.kernel.settings import settings

T = TypeVar("T")

_CONNECT_SECONDS, _READ_SECONDS = 2, 8
_KEPT = 500
_FAILED = frozenset({"failed", "canceled"})
_DISPUTES = {"won": "won", "lost": "lost", "needs_response": "open", "under_review": "open"}
_KINDS = {"payment_intent": "intent", "refund": "refund", "dispute": "dispute"}


class _CardRefused(RuleViolation):
    """The card itself was refused, at whatever was asked of it: how its intent stands by then, the intent says."""


class StripeCards:
    """The union's account at Stripe.

    Stripe keeps each answer under its idempotency key, a 500 as well, for a day at least (https://docs.stripe.com/api/idempotent_requests). So
    what an intent's own state lets happen once (confirm, capture, cancel) goes under a key of each call's own, which the library makes;
    what is new each time (an intent, a refund) under a key of its caller's.
    """

    def __init__(self, key: str, webhook_key: str, api: str) -> None:
        self._webhook_key = webhook_key
        self._session = requests.Session()
        http = stripe.RequestsClient(timeout=(_CONNECT_SECONDS, _READ_SECONDS), session=self._session)
        client = stripe.StripeClient(key, base_addresses={"api": api}, http_client=http, max_network_retries=1)
        self._api = client.v1

    def close(self) -> None:
        """Close the connections that are kept for the next call."""
        self._session.close()

    def create(self, purchase: str, amount_minor: int, currency: str, payment_method: str, key: str) -> Intent:
        """An intent with its payment method, captured by hand; cards only, so that no other page of Stripe's takes the customer away."""
        made = _call(
            lambda: self._api.payment_intents.create(
                {
                    "amount": to_stripe(amount_minor, settings().currency),
                    "currency": currency.lower(),
                    "capture_method": "manual",
                    "payment_method": payment_method,
                    "allowed_payment_method_types": ["card"],
                    "metadata": {"union": settings().union, "purchase": purchase},
                },
                {"idempotency_key": key},
            ),
            failed=ProviderFailed,
        )
        return _intent(made)

    def confirm(self, intent: str) -> Intent:
        """Authorize. Stripe answers a refused card with an error; the intent then says why."""
        try:
            return _intent(_call(lambda: self._api.payment_intents.confirm(intent, {"use_stripe_sdk": True})))
        except _CardRefused as error:
            found, reason = self.find(intent), str(error.facts.get("reason") or "declined")
            return msgspec.structs.replace(found, state=DECLINED, problem=found.problem or reason)
        except RuleViolation:
            return self.find(intent)  # confirmed or released at the same moment: it says itself how it stands

    def find(self, intent: str) -> Intent:
        """The intent as it is."""
        return _intent(_call(lambda: self._api.payment_intents.retrieve(intent)))

    def capture(self, intent: str, amount_minor: int) -> Intent:
        """Capture once; Stripe lets no second capture happen (https://docs.stripe.com/api/payment_intents/capture: it must be
        `requires_capture`)."""
        amount = to_stripe(amount_minor, settings().currency)
        return _intent(_call(lambda: self._api.payment_intents.capture(intent, {"amount_to_capture": amount})))

    def release(self, intent: str) -> Intent:
        """Cancel the intent, if nobody has done so."""
        try:
            return _intent(_call(lambda: self._api.payment_intents.cancel(intent)))
        except RuleViolation:
            found = self.find(intent)
            if found.state != RELEASED:
                raise
            return found

    def refund(self, intent: str, amount_minor: int, transfer: str, attempt: int = 0) -> CardRefund:
        """Looked for first: Stripe forgets keys after a day or more, and a dead letter can be older; and what a 500 has left behind is
        listed at once (https://docs.stripe.com/search#data-freshness). Until then the same key gets the same refusal or failure again,
        so another attempt has another one."""
        for made in self.refunds(intent):
            if made.transfer == transfer:
                return made
        refund = _call(
            lambda: self._api.refunds.create(
                {
                    "payment_intent": intent,
                    "amount": to_stripe(amount_minor, settings().currency),
                    "metadata": {"transfer": transfer},
                },
                {"idempotency_key": f"refund-{transfer}-{attempt}" if attempt else f"refund-{transfer}"},
            ),
            failed=ProviderFailed,
        )
        return _refund(refund)

    def refunds(self, intent: str) -> list[CardRefund]:
        """All refunds of the intent; those made in Stripe's dashboard carry no transfer of ours."""
        found = _call(lambda: list(self._api.refunds.list({"payment_intent": intent, "limit": 100}).auto_paging_iter()))
        return [_refund(refund) for refund in found]

    def is_disputed(self, intent: str) -> bool:
        """Whether a dispute of it has moved money and was not won."""
        found = _call(lambda: self._api.disputes.list({"payment_intent": intent, "limit": 100}).data)
        return any(_DISPUTES.get(each.status) in {"open", "lost"} for each in found)

    def find_refund(self, refund: str) -> CardRefund:
        """The refund as it is."""
        return _refund(_call(lambda: self._api.refunds.retrieve(refund)))

    def find_dispute(self, dispute: str) -> Dispute:
        """The dispute as it is. Of one that was partially won the status is `lost`, and one of its balance transactions brings a part back
        (https://support.stripe.com/questions/dispute-for-full-charge-amount-after-a-partial-refund-was-issued)."""
        found = _call(lambda: self._api.disputes.retrieve(dispute)).to_dict()
        state = _DISPUTES.get(found["status"], "inquiry")
        own = settings().currency.code.lower()
        moved = [each for each in found.get("balance_transactions") or () if each["currency"] == own]
        back = sum(max(_minor(each, "amount"), 0) for each in moved)
        return Dispute(found["id"], _id(found.get("payment_intent")), _minor(found, "amount"), state, back)

    def read_notice(self, text: str, signature: str) -> Notice:
        """Verify Stripe's signature over the body."""
        try:
            event = stripe.Webhook.construct_event(text, signature, self._webhook_key)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise Unauthenticated("the signature is missing, wrong or too old") from error
        about = event.to_dict()["data"]["object"]
        return Notice(event.id, _KINDS.get(about.get("object", ""), ""), about.get("id", ""))

    def balance(self) -> int:
        """Stripe's balance in the union's currency: what can be paid out and what cannot yet."""
        found = _call(self._api.balance.retrieve).to_dict()
        own = settings().currency.code.lower()
        parts = [*found.get("available", ()), *found.get("pending", ())]
        return sum(_minor(part, "amount") for part in parts if part["currency"] == own)

    def movements(self, begin: datetime, end: datetime) -> Iterator[Movement]:
        """Stripe's balance transactions of the time, with what each is about."""
        pages = _call(
            lambda: list(
                self._api.balance_transactions.list(
                    {
                        "created": {"gte": int(begin.timestamp()), "lt": int(end.timestamp())},
                        "limit": 100,
                        "expand": ["data.source"],
                    }
                ).auto_paging_iter()
            )
        )
        return (_movement(each) for each in pages)


def _call(call: Callable[[], T], *, failed: type[ProviderUnavailable] = ProviderUnavailable) -> T:
    """What a call gives, its errors as ours; `failed` for a 500, which Stripe keeps under the call's key.

    Raises:
        ProviderUnavailable: nobody answered, or Stripe is in trouble.
        KeyReused: the key was used with another request.
        RuleViolation: Stripe refuses it, or the card does (`_CardRefused`).
    """
    try:
        return call()
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise ProviderUnavailable("the card provider does not answer; try again") from error
    except stripe.IdempotencyError as error:
        raise KeyReused("this payment was begun with other details") from error
    except stripe.InvalidRequestError as error:
        raise RuleViolation("the card provider does not take this", reason=error.code or "") from error
    except stripe.CardError as error:
        raise _CardRefused("the card was refused", reason=error.code or "") from error
    except (stripe.AuthenticationError, stripe.PermissionError):
        raise
    except stripe.APIError as error:
        kind = failed if error.http_status == _KEPT else ProviderUnavailable
        raise kind("the card provider is in trouble; try again") from error


def _intent(made: stripe.PaymentIntent) -> Intent:
    found = made.to_dict()
    error = found.get("last_payment_error") or {}
    metadata = found.get("metadata") or {}
    return Intent(
        id=found["id"],
        state=found["status"],
        amount_minor=_minor(found, "amount"),
        captured_minor=_minor(found, "amount_received"),
        currency=found["currency"].upper(),
        union=metadata.get("union", ""),
        purchase=metadata.get("purchase", ""),
        payment_method=_id(found.get("payment_method")),
        problem=error.get("decline_code") or error.get("code") or "",
        client_secret=found.get("client_secret") or "",
    )


def _refund(made: stripe.Refund) -> CardRefund:
    found = made.to_dict()
    transfer = (found.get("metadata") or {}).get("transfer", "")
    failed = found["status"] in _FAILED
    amount = _minor(found, "amount")
    return CardRefund(found["id"], _id(found.get("payment_intent")), transfer, amount, failed)


def _movement(made: stripe.BalanceTransaction) -> Movement:
    found = made.to_dict()
    named = found.get("source")
    source: dict[str, Any] = named if isinstance(named, dict) else {}
    kind = source.get("object", "")
    transfer = ""
    if kind == "charge":
        transfer = f"card-{_id(source.get('payment_intent'))}"
    elif kind == "refund":
        transfer = (source.get("metadata") or {}).get("transfer", "")
        transfer = f"refund-failed-{transfer}" if found["type"] == "refund_failure" else transfer
    elif kind == "dispute":
        transfer = f"chargeback-{source['id']}" + ("" if found["amount"] < 0 else "-closed")
    elif kind == "payout":
        transfer = f"bank-{source['id']}" + ("" if found["amount"] < 0 else "-returned")
    at = iso(datetime.fromtimestamp(found["created"], UTC))
    try:
        amount, fee = _minor(found, "amount"), _minor(found, "fee")
    except CurrencyMismatch:
        foreign = f"{found['amount']} of {found['currency'].upper()}"
        return Movement(found["id"], found["type"], 0, 0, transfer, at, foreign)
    return Movement(found["id"], found["type"], amount, fee, transfer, at)


def _minor(found: Mapping[str, Any], name: str) -> int:
    """An amount of one of Stripe's objects, which say their currency beside it."""
    own = settings().currency
    return from_stripe(found.get(name) or 0, found.get("currency") or own.code, own)


def _id(reference: Any) -> str:
    """The id of something that Stripe names, or gives whole."""
    if not reference:
        return ""
    return reference if isinstance(reference, str) else str(reference["id"])
