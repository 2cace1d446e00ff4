"""Stories of customers and carriers who follow orders."""

from __future__ import annotations

from tests.faults.stories.preparing import with_bargain, with_card_authorized
from tests.faults.stories.telling import Story, request, sample

STORIES: dict[str, tuple[Story, ...]] = {
    "tracking POST /api/purchases/{purchase}/cancel": (
        *sample("post-purchase-cancel"),
        *request(
            "POST",
            "/api/purchases/{{purchase_card}}/cancel",
            key="cancel-by-card",
            body="{}",
            prepare=with_card_authorized,
        ),
        *request(
            "POST",
            "/api/purchases/{{purchase_bargain}}/cancel",
            key="cancel-a-bargain",
            body="{}",
            prepare=with_bargain,
        ),
    ),
    "tracking POST /api/orders/{order}/steps": (
        *sample("post-order-step-cancel"),
        *sample("post-order-step-receive"),
    ),
    "tracking POST /api/orders/{order}/responses": (
        *sample("post-order-response.201"),
        *sample("post-order-review.201"),
    ),
    "tracking POST /api/listings/{store}/{sku}/reviews/{review}/reports": sample("post-review-report.201"),
    "tracking POST /stores/{store}/{sku}/reviews/{review}/reports": sample("post-review-report-page.303"),
    "tracking POST /api/orders/{order}/returns": sample("post-order-returns.201"),
    "tracking POST /orders/{order}/returns": sample("post-order-page-return.303"),
    "tracking POST /api/orders/{order}/returns/{return}/sent": sample("post-order-return-sent"),
    "tracking POST /orders/{order}/returns/{return}/sent": sample("post-order-page-return-sent.303"),
    "tracking POST /api/carriers/{carrier}/events": (
        *sample("post-carrier-event-1-in-transit"),
        *sample("post-carrier-event-2-delivered", "post-carrier-event-1-in-transit"),
        *sample("post-carrier-event-delivered-for-cash-2"),
    ),
    "tracking POST /purchases/{purchase}/cancel": sample("post-purchase-page-cancel.303"),
    "tracking POST /orders/{order}/steps": sample("post-order-page-step.303"),
    "tracking POST /orders/{order}/responses": sample("post-order-page-response.303"),
}
