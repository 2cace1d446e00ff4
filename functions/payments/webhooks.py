"""The bank's notices of money received, signed as Standard Webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from mart_union.checkout.card_port import cards_are_offered
from mart_union.checkout.paying import receive_payment
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import CurrencyMismatch, Invalid, NotFound, Unauthenticated
from mart_union.kernel.money import checked_amount
from mart_union.kernel.secrets import webhook_key
from mart_union.kernel.settings import settings
from mart_union.ledger.model import ReportEntry, Transfer, postings_of
from mart_union.ledger.service import post
from mart_union.ledger.suspense import find_suspended, suspend
from mart_union.settlement.service import account_of, keep_bank_report, return_payout
from mart_union.web.access import PUBLIC
from mart_union.web.api import Api
from mart_union.web.request import Request, decode
from payments.card_notices import take_card_notice

TRANSFER_RECEIVED = "transfer.received"
_ID = re.compile(r"^[\x21-\x7e]{1,64}$")


class TransferReceived(Struct, frozen=True):
    """What a notice is about, under the bank's own `id`.

    Of money that came (`transfer.received`): what it is for, as `customer/<id>`, `deposit/<store>` or `purchase/<id>`. Of one that the bank
    could not pay (`payout.returned`): the payout and the bank's code for the reason. Of a day (`account.reported`): all that moved.
    """

    id: str
    currency: str
    amount_minor: int = 0
    reference: str = ""
    payout: str = ""
    reason: str = ""
    day: str = ""
    entries: tuple[ReportEntry, ...] = ()


class Notice(Struct, frozen=True):
    """What the bank sends."""

    type: str
    data: TransferReceived


class AnyNotice(Struct, frozen=True):
    """What any provider sends: the bank a `Notice`, the card processor one of its events (https://docs.stripe.com/api/events)."""

    type: str
    data: dict[str, Any]


class Received(Struct, frozen=True):
    """What became of the money: `posted` to an account, `confirmed` a purchase, `credited` to its customer's account instead, or
    `suspended`, under a reference that means nothing here, until the operator has found whose it is; of a
    payout: `returned`; of a report: `kept`; of a card: how its purchase or dispute stands by now, or `ignored`."""

    id: str
    outcome: str


def add_routes(api: Api) -> None:
    """Declare the route."""
    api.post("/api/payments/webhooks/{provider}", PUBLIC, body=AnyNotice, answer=Received)(receive)


def receive(request: Request) -> Received:
    """Take a provider's notice. Its repeat gives the first answer; other content under the same id is refused."""
    provider = request.params["provider"]
    if provider == "stripe" and cards_are_offered():
        return Received(*take_card_notice(request.text, request.headers.get("stripe-signature", "")))
    if provider != "bank":
        raise NotFound(f"there is no payment provider '{provider}'")
    verify(webhook_key("bank_key"), request.text, request.headers)
    notice = decode(Notice, request.text)
    handle = _HANDLERS.get(notice.type)
    if handle is None:
        raise Invalid(f"'{notice.type}' is not a notice that we know", errors=[{"field": "type", "reason": "unknown"}])
    return Received(notice.data.id, handle(checked_id(notice.data), utc_now()))


def verify(key: str, text: str, headers: Mapping[str, str]) -> None:
    """Nothing, if a body was signed with the key within the last five minutes.

    Raises:
        Unauthenticated: it was not.
    """
    try:
        Webhook(key).verify(text, dict(headers), json_parse=False)
    except (WebhookVerificationError, binascii.Error, ValueError) as error:
        raise Unauthenticated("the signature is missing, wrong or too old") from error


def checked_id(received: TransferReceived) -> TransferReceived:
    """The notice itself, if it has an id and is about the union's currency.

    Raises:
        Invalid: bad id.
        CurrencyMismatch: another currency.
    """
    if not _ID.match(received.id):
        raise Invalid(
            "a notice has an id of 1 to 64 visible ASCII characters",
            errors=[{"field": "data.id", "reason": "malformed"}],
        )
    if received.currency != settings().currency.code:
        reason = f"this union trades in {settings().currency.code}"
        raise CurrencyMismatch(reason, errors=[{"field": "data.currency", "reason": reason}])
    return received


def record(received: TransferReceived, now: datetime) -> str:
    """Post the money where its reference says; `posted`, `confirmed` or `credited`. For it has come, it is kept where the reference
    names nothing that we know, or nothing now, and where it is no amount that the union charges: `suspended`.

    Raises:
        AmountOutOfRange: no amount of money: not positive, or out of range.
        KeyReused: a notice of this id said something else; nothing was posted.
    """
    is_whole = not checked_amount(received.amount_minor) % settings().currency.step
    if is_whole and find_suspended(received.id) is None:
        try:
            return _post(received, now)
        except NotFound:
            pass
    suspend(received.id, received.amount_minor, received.currency, received.reference, now)
    return "suspended"


def _post(received: TransferReceived, now: datetime) -> str:
    kind, _, name = received.reference.partition("/")
    if kind == "purchase" and name:
        return receive_payment(name, received.amount_minor, reference=received.id, now=now)
    account, transfer_kind = account_of(received.reference)
    amounts = {"provider/bank": -received.amount_minor, account: received.amount_minor}
    post(
        Transfer(
            f"bank-{received.id}", transfer_kind, received.currency, postings_of(amounts), received.reference, iso(now)
        )
    )
    return "posted"


def take_back(returned: TransferReceived, now: datetime) -> str:
    """Credit a payout again that the bank could not deliver, once; `returned`.

    Raises:
        NotFound, Invalid, RuleViolation, Conflict: as `settlement.service.return_payout`.
    """
    return_payout(
        returned.payout, notice=returned.id, amount_minor=returned.amount_minor, reason=returned.reason, now=now
    )
    return "returned"


def keep(reported: TransferReceived, now: datetime) -> str:
    """Keep what the bank says moved on the union's account on a day, for the reconciliation to compare; `kept`.

    Raises:
        Invalid: no day, a day that has not come, or an entry of an unknown kind.
        KeyReused: a report of this id said something else.
    """
    keep_bank_report(reported.id, reported.day, reported.entries, now)
    return "kept"


_HANDLERS: dict[str, Callable[[TransferReceived, datetime], str]] = {
    TRANSFER_RECEIVED: record,
    "payout.returned": take_back,
    "account.reported": keep,
}
