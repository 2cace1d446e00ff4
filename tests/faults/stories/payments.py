"""Stories of payments, withdrawals, and what providers tell."""

from __future__ import annotations

from tests.faults.stories.telling import Story, request, sample
from tests.gateway import gateway_event

STORIES: dict[str, tuple[Story, ...]] = {
    "payments POST /api/payments": sample("post-payments.201"),
    "payments POST /api/me/withdrawals": sample("post-withdrawals.201"),
    "payments POST /pay/{purchase}": request(
        "POST", "/pay/{{purchase_unpaid}}", amount_minor="{{total_unpaid}}", idempotency_key="pay-key-0001"
    ),
    "payments POST /account/withdrawals": request(
        "POST", "/account/withdrawals", amount="250", idempotency_key="withdraw-key-1"
    ),
    "payments POST /api/payments/webhooks/{provider}": (
        *sample("post-bank-notice"),
        *sample("post-bank-notice-deposit"),
        *sample("post-payout-returned"),
        *sample("post-account-reported"),
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
    ),
}
