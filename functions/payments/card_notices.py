"""What the card processor tells, in its own events (https://docs.stripe.com/api/events)."""

from __future__ import annotations

from datetime import datetime

from mart_union.checkout.card_port import card_provider
from mart_union.checkout.card_refunds import settle_refund
from mart_union.checkout.cards import settle_intent
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import CardDeclined
from mart_union.settlement.chargebacks import post_dispute


def take_card_notice(text: str, signature: str) -> tuple[str, str]:
    """The notice's id and what became of it: how its purchase or dispute stands by now, `declined`, `credited` or `ignored`.

    Only what it is about is believed; how that stands is read at the processor. So it may come twice, late or out of order.

    Raises:
        Unauthenticated: the processor did not sign it within the last five minutes.
    """
    provider, now = card_provider(), utc_now()
    notice = provider.read_notice(text, signature)
    if notice.kind == "intent":
        return notice.id, _settled(notice.about, now)
    if notice.kind == "refund" and settle_refund(provider.find_refund(notice.about), now):
        return notice.id, "credited"
    if notice.kind == "dispute":
        return notice.id, post_dispute(provider.find_dispute(notice.about), now)
    return notice.id, "ignored"


def _settled(intent: str, now: datetime) -> str:
    try:
        purchase = settle_intent(card_provider().find(intent), now)
    except CardDeclined:
        return "declined"
    return purchase.payment if purchase else "ignored"
