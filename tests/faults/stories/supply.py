"""Stories of a supplier's staff, and shops' sales."""

from __future__ import annotations

from typing import Any

from tests.faults.stories.preparing import with_question
from tests.faults.stories.telling import Story, request, sample
from tests.world import SUPPLIER

_SUPPLIER: dict[str, Any] = {"subject": "owner-guanxi", "role": "owner"}

STORIES: dict[str, tuple[Story, ...]] = {
    "supply POST /api/supply/{supplier}/webhooks": sample("post-webhooks.201"),
    "supply POST /api/supply/{supplier}/webhooks/{webhook}/secret": sample("post-webhook-secret"),
    "supply POST /api/supply/{supplier}/webhooks/{webhook}/state": sample("post-webhook-state"),
    "supply POST /api/supply/{supplier}/webhooks/{webhook}/address": sample("post-webhook-address"),
    "supply DELETE /api/supply/{supplier}/webhooks/{webhook}": (
        *sample("remove-webhook-1"),
        *sample("remove-webhook-2-again", "remove-webhook-1"),
    ),
    "supply POST /supply/{supplier}/webhooks": sample("post-webhooks-page"),
    "supply POST /supply/{supplier}/webhooks/{webhook}/secret": sample("post-webhooks-page-secret"),
    "supply POST /supply/{supplier}/webhooks/{webhook}/address": sample("post-webhooks-page-address.303"),
    "supply POST /supply/{supplier}/webhooks/{webhook}/state": sample("post-webhooks-page-state.303"),
    "supply POST /supply/{supplier}/webhooks/{webhook}/replays": sample("post-webhooks-page-replay.303"),
    "supply POST /supply/{supplier}/webhooks/{webhook}/remove": sample("remove-webhook-0-by-form.303"),
    "supply POST /api/supply/{supplier}/webhooks/{webhook}/replays": sample("post-webhook-replay.202"),
    "supply POST /api/supply/{supplier}/staff/invitations": sample(
        "post-staff-invitation.201", adds="an invitation that lapses, unused"
    ),
    "supply DELETE /api/supply/{supplier}/staff/{subject}": request(
        "DELETE", f"/api/supply/{SUPPLIER}/staff/member-guanxi", **_SUPPLIER
    ),
    "supply POST /supply/{supplier}/staff": sample("post-staff-form", adds="an invitation that lapses, unused"),
    "supply POST /supply/{supplier}/staff/{subject}/remove": request(
        "POST", f"/supply/{SUPPLIER}/staff/member-guanxi/remove", **_SUPPLIER
    ),
    "supply PUT /api/supply/{supplier}/destination": sample("put-destination"),
    "supply POST /supply/{supplier}/destination": sample("post-destination-page.303"),
    "supply POST /api/suppliers": sample("post-suppliers-1.201"),
    "supply POST /suppliers/apply": sample("post-apply-page.303"),
    "supply PUT /api/supply/{supplier}/offers/{sku}": sample("put-offer-1"),
    "supply POST /supply/{supplier}/offers": sample("post-offers-page.303"),
    "supply PUT /api/supply/{supplier}/offers/{sku}/allotments/{store}": (
        *sample("put-allotment-1"),
        *sample("put-allotment-2-ended", "put-allotment-1"),
    ),
    "supply POST /supply/{supplier}/offers/{sku}/allotments": sample("post-offers-page-allotment.303"),
    "supply POST /api/supply/{supplier}/uploads": sample("post-uploads.201"),
    "supply POST /supply/{supplier}/uploads": sample("post-uploads-page.303"),
    "supply POST /api/supply/{supplier}/orders/{order}/steps": (
        *sample("post-step-1-accept"),
        *sample("post-step-3-ship", "post-step-1-accept"),
    ),
    "supply POST /api/supply/{supplier}/orders/{order}/events": sample(
        "post-step-4-event", "post-step-1-accept", "post-step-3-ship"
    ),
    "supply POST /supply/{supplier}/orders/{order}/events": sample(
        "post-step-4-page-event.303", "post-step-1-accept", "post-step-3-ship"
    ),
    "supply POST /supply/{supplier}/orders/{order}/steps": sample(
        "post-step-5-page-deliver.303", "post-step-1-accept", "post-step-3-ship"
    ),
    "supply POST /api/supply/{supplier}/orders/{order}/returns": sample("post-returns-1-accept"),
    "supply POST /supply/{supplier}/orders/{order}/returns": (
        *sample("post-returns-2-page-receive.303", "post-returns-1-accept"),
        *sample("post-returns-3-page-refund.303", "post-returns-1-accept", "post-returns-2-page-receive.303"),
    ),
    "supply POST /api/supply/{supplier}/responses/{order}/{response}/answer": request(
        "POST",
        f"/api/supply/{SUPPLIER}/responses/{{{{order_mediated}}}}/{{{{response_supplied}}}}/answer",
        prepare=with_question,
        body={"text": "是的"},
        **_SUPPLIER,
    ),
    "supply POST /api/supply/{supplier}/responses/{order}/{response}/reports": request(
        "POST",
        f"/api/supply/{SUPPLIER}/responses/{{{{order_mediated}}}}/{{{{response_supplied}}}}/reports",
        prepare=with_question,
        body={"reason": "insulting", "text": "罵人"},
        key="report-of-guanxi",
        **_SUPPLIER,
    ),
    "supply POST /supply/{supplier}/responses/{order}/{response}/reports": request(
        "POST",
        f"/supply/{SUPPLIER}/responses/{{{{order_mediated}}}}/{{{{response_supplied}}}}/reports",
        prepare=with_question,
        reason="insulting",
        key="report-of-guanxi-here",
        **_SUPPLIER,
    ),
    "supply POST /supply/{supplier}/responses/{order}/{response}/answer": request(
        "POST",
        f"/supply/{SUPPLIER}/responses/{{{{order_mediated}}}}/{{{{response_supplied}}}}/answer",
        prepare=with_question,
        text="Yes",
        **_SUPPLIER,
    ),
    "supply POST /api/shops/{shop}/sales": sample("post-sales-1.201"),
    "supply POST /api/shops/{shop}/sales/cancel": sample("post-sales-cancel-2", "post-sales-cancel-1-sale.201"),
    "supply POST /api/shops/{shop}/sales/returns": sample(
        "post-sales-returns-6.201",
        "post-sales-returns-1-sale.201",
        "post-sales-returns-3-accept",
        "post-sales-returns-4-ship",
        "post-sales-returns-5-deliver",
    ),
    "supply POST /api/shops/{shop}/state": sample("post-shop-state"),
}
