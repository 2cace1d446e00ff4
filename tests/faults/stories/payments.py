"""Stories of payments, withdrawals, and what providers tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.faults.place import Place
from tests.faults.stories.preparing import with_card_authorized, with_card_charged
from tests.faults.stories.telling import Story, request, sample
from tests.gateway import gateway_event
from tests.world import OPERATOR


def _card_notice(kind: str, about: str, prepare: Callable[[Place], None]) -> tuple[Story, ...]:
    """The card processor tells of something about the purchase by card."""
    body = json.dumps({"id": "evt_1", "type": "any", "data": {"object": {"object": kind, "id": about}}})
    event = gateway_event(
        "POST", "/api/payments/webhooks/stripe", body=body, headers={"Stripe-Signature": "{{signature_stripe}}"}
    )
    return (Story(f"the card processor tells of {about}", event, prepare=prepare),)


def _decision(body: str) -> dict[str, Any]:
    """What the operator says of money under an unknown reference."""
    return gateway_event("POST", "/api/operate/suspense", body=body, subject=OPERATOR, role="operator")


STORIES: dict[str, tuple[Story, ...]] = {
    "payments POST /api/payments": (
        *sample("post-payments.201"),
        *request(
            "POST",
            "/api/payments",
            key="pay-by-card-01",
            body='{"purchase": "{{purchase_unpaid}}", "amount_minor": {{total_unpaid}}, "payment_method": "pm_card_visa"}',
        ),
    ),
    "payments POST /api/me/withdrawals": sample("post-withdrawals.201"),
    "payments POST /pay/{purchase}": request(
        "POST", "/pay/{{purchase_unpaid}}", amount_minor="{{total_unpaid}}", idempotency_key="pay-key-0001"
    ),
    "payments POST /api/operate/suspense": (
        *sample("post-suspense-decision", "post-bank-notice-unknown-reference"),
        Story(
            "an assignment undone",
            _decision('{"id": "tw-bank-000482", "undo": "the wrong Lin"}'),
            before=("post-bank-notice-unknown-reference", "post-suspense-decision"),
        ),
        Story(
            "money sent back",
            _decision(
                '{"id": "tw-bank-000482", "sender": {"holder": "Wang", "account": "000123456789", "bank": "822"}}'
            ),
            before=("post-bank-notice-unknown-reference",),
        ),
    ),
    "payments POST /operate/suspense": sample("post-suspense-page.303", "post-bank-notice-unknown-reference"),
    "payments POST /account/withdrawals": request(
        "POST", "/account/withdrawals", amount="250", idempotency_key="withdraw-key-1"
    ),
    "payments POST /api/payments/webhooks/{provider}": (
        *sample("post-bank-notice"),
        *sample("post-bank-notice-deposit"),
        *sample("post-bank-notice-unknown-reference"),
        *sample("post-payout-returned"),
        Story(
            "a report of the account",
            gateway_event(
                "POST",
                "/api/payments/webhooks/bank",
                body='{"type": "account.reported", "data": {"id": "report-9", "currency": "TWD", "day": "2026-11-22", '
                '"entries": [{"id": "tw-bank-000481", "kind": "received", "amount_minor": 250000}]}}',
                headers={
                    "webhook-id": "msg_10",
                    "webhook-timestamp": "{{timestamp}}",
                    "webhook-signature": "{{signature_bank}}",
                },
            ),
            before=("post-bank-notice",),
        ),
        Story(
            "a notice for a purchase",
            gateway_event(
                "POST",
                "/api/payments/webhooks/bank",
                body='{"type": "transfer.received", "data": {"id": "tw-bank-9", "amount_minor": {{total_unpaid}}, '
                '"currency": "TWD", "reference": "purchase/{{purchase_unpaid}}"}}',
                headers={
                    "webhook-id": "msg_9",
                    "webhook-timestamp": "{{timestamp}}",
                    "webhook-signature": "{{signature_bank}}",
                },
            ),
        ),
        *_card_notice("payment_intent", "{{intent_card}}", with_card_authorized),
        *_card_notice("dispute", "dp-open-{{intent_card}}", with_card_charged),
        *_card_notice("dispute", "dp-won-{{intent_card}}", with_card_charged),
        *_card_notice("dispute", "dp-lost-{{intent_card}}", with_card_charged),
    ),
}
