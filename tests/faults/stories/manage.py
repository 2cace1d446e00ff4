"""Stories of a store's staff."""

from __future__ import annotations

from typing import Any

from tests.faults.stories.preparing import with_delivered_sale_of_a_shop, with_sale_of_a_shop
from tests.faults.stories.telling import Story, request, sample
from tests.world import OTHER_STORE, STORE

_OWNER: dict[str, Any] = {"subject": "owner-emei", "role": "owner"}
_MANAGER: dict[str, Any] = {"subject": "manager-emei", "role": "manager"}
_SOLD_PAGE = f"/manage/{STORE}/orders/{{{{order_of_shop}}}}/sale"
_SOLD = f"/api{_SOLD_PAGE}"

STORIES: dict[str, tuple[Story, ...]] = {
    "manage POST /api/manage/{store}/webhooks": sample("post-webhooks.201"),
    "manage POST /api/manage/{store}/webhooks/{webhook}/secret": sample("post-webhook-secret"),
    "manage POST /api/manage/{store}/webhooks/{webhook}/state": sample("post-webhook-state"),
    "manage POST /api/manage/{store}/webhooks/{webhook}/address": sample("post-webhook-address"),
    "manage DELETE /api/manage/{store}/webhooks/{webhook}": (
        *sample("remove-webhook-1"),
        *sample("remove-webhook-2-again", "remove-webhook-1"),
    ),
    "manage POST /manage/{store}/webhooks": sample("post-webhooks-page"),
    "manage POST /manage/{store}/webhooks/{webhook}/secret": sample("post-webhooks-page-secret"),
    "manage POST /manage/{store}/webhooks/{webhook}/address": sample("post-webhooks-page-address.303"),
    "manage POST /manage/{store}/webhooks/{webhook}/state": sample("post-webhooks-page-state.303"),
    "manage POST /manage/{store}/webhooks/{webhook}/replays": sample("post-webhooks-page-replay.303"),
    "manage POST /manage/{store}/webhooks/{webhook}/remove": sample("remove-webhook-0-by-form.303"),
    "manage POST /api/manage/{store}/webhooks/{webhook}/replays": sample("post-webhook-replay.202"),
    "manage PUT /api/manage/{store}/listings/{sku}": (
        *sample("put-catalog-listing"),
        *sample("put-catalog-listing-mark"),
        *sample("put-catalog-listing-of-parts"),
        *sample("put-catalog-listing-of-times"),
    ),
    "manage POST /api/manage/{store}/listings/{sku}/state": sample("post-catalog-listing-state"),
    "manage POST /manage/{store}/listings": sample("post-listing-form.303"),
    "manage POST /manage/{store}/listings/{sku}": sample("post-one-listing-form.303", "post-listing-form.303"),
    "manage POST /manage/{store}/listings/{sku}/state": sample(
        "post-one-listing-form-state.303", "post-listing-form.303"
    ),
    "manage POST /api/manage/{store}/listings/{sku}/slots": sample("post-slots"),
    "manage PUT /api/manage/{store}/listings/{sku}/slots/{slot}": sample("put-slot"),
    "manage POST /api/manage/{store}/listings/{sku}/slots/{slot}/close": sample("post-slot-close"),
    "manage POST /manage/{store}/listings/{sku}/slots": sample("post-slots-page.303"),
    "manage POST /manage/{store}/listings/{sku}/slots/{slot}": sample("post-slot-page.303"),
    "manage POST /manage/{store}/listings/{sku}/slots/{slot}/close": sample("post-slot-page-close.303"),
    "manage POST /api/manage/{store}/urgent-sales": (
        *sample("post-urgent-sale-1.201"),
        *sample("post-urgent-sale-with-terms.201"),
    ),
    "manage POST /api/manage/{store}/urgent-sales/{sku}/end": sample(
        "post-urgent-sale-3-end", "post-urgent-sale-1.201"
    ),
    "manage POST /manage/{store}/urgent-sales": sample("post-urgent-sales-page-1.303"),
    "manage POST /manage/{store}/urgent-sales/{sku}/end": sample(
        "post-urgent-sales-page-2-end.303", "post-urgent-sale-1.201"
    ),
    "manage PUT /api/manage/{store}/categories/{category}": sample("put-catalog-category"),
    "manage DELETE /api/manage/{store}/categories/{category}": sample("remove-category", "put-catalog-category"),
    "manage POST /api/manage/{store}/categories/{category}/merge": sample("merge-category"),
    "manage POST /manage/{store}/categories": sample("post-categories-form.303"),
    "manage POST /manage/{store}/categories/{category}": sample("post-category-form.303"),
    "manage POST /manage/{store}/categories/{category}/merge": sample("merge-category-form.303"),
    "manage POST /manage/{store}/categories/{category}/remove": sample(
        "remove-category-form.303", "put-catalog-category"
    ),
    "manage POST /api/manage/{store}/uploads": sample("post-uploads.201"),
    "manage POST /manage/{store}/uploads": sample("post-upload-form.303"),
    "manage POST /api/manage/{store}/staff/invitations": sample(
        "post-staff-invitation.201", adds="an invitation that lapses, unused"
    ),
    "manage DELETE /api/manage/{store}/staff/{subject}": request(
        "DELETE", f"/api/manage/{STORE}/staff/packer-emei", **_OWNER
    ),
    "manage POST /manage/{store}/staff": sample("post-staff-form", adds="an invitation that lapses, unused"),
    "manage POST /manage/{store}/staff/{subject}/remove": request(
        "POST", f"/manage/{STORE}/staff/packer-emei/remove", **_OWNER
    ),
    "manage PUT /api/manage/{store}/settings": sample("put-settings"),
    "manage POST /api/manage/{store}/settings/state": sample("post-settings-state"),
    "manage POST /manage/{store}/settings": sample("post-settings-form.303"),
    "manage POST /manage/{store}/settings/state": request(
        "POST", f"/manage/{STORE}/settings/state", state="paused", **_OWNER
    ),
    "manage POST /api/manage/{store}/orders/{order}/steps": (
        *sample("post-order-step-1-accept"),
        *sample("post-order-step-2-ship", "post-order-step-1-accept"),
        *sample("post-order-step-refuse"),
        *sample("post-order-step-deliver-for-cash-2"),
        *request(
            "POST",
            f"/api/manage/{OTHER_STORE}/orders/{{{{order_cash}}}}/steps",
            subject="owner-jianshi",
            role="owner",
            key="turn-away-0001",
            body='{"step": "turn_away"}',
        ),
    ),
    "manage POST /api/manage/{store}/orders/{order}/events": sample("post-order-event"),
    "manage POST /manage/{store}/orders/{order}/events": sample("post-order-page-event.303"),
    "manage POST /manage/{store}/orders/{order}/steps": sample("post-order-page-step.303"),
    "manage POST /api/manage/{store}/orders/{order}/refunds": (
        *sample("post-order-refunds-1.201"),
        *sample("post-order-refunds-2-amount.201", "post-order-refunds-1.201"),
        *sample("post-order-refunds-after-completion.201"),
    ),
    "manage POST /api/manage/{store}/orders/{order}/returns": (
        *sample("post-order-returns-1-accept"),
        *sample("post-order-returns-2-receive", "post-order-returns-1-accept"),
        *sample("post-order-returns-3-replace", "post-order-returns-1-accept", "post-order-returns-2-receive"),
        *sample(
            "post-order-returns-4-ship",
            "post-order-returns-1-accept",
            "post-order-returns-2-receive",
            "post-order-returns-3-replace",
        ),
    ),
    "manage POST /manage/{store}/orders/{order}/refunds": sample("post-order-page-refund.303"),
    "manage POST /manage/{store}/orders/{order}/returns": (
        *sample("post-order-page-return.303"),
        *sample("post-order-page-returned.303", "post-order-page-return.303"),
    ),
    "manage POST /api/manage/{store}/orders/{order}/sale/cancel": request(
        "POST", f"{_SOLD}/cancel", prepare=with_sale_of_a_shop, body={}, **_MANAGER
    ),
    "manage POST /manage/{store}/orders/{order}/sale/cancel": request(
        "POST", f"{_SOLD_PAGE}/cancel", prepare=with_sale_of_a_shop, sku="GX-HERBTEA", **_MANAGER
    ),
    "manage POST /api/manage/{store}/orders/{order}/sale/returns": request(
        "POST",
        f"{_SOLD}/returns",
        prepare=with_delivered_sale_of_a_shop,
        body={"lines": [{"sku": "GX-HERBTEA", "quantity": 1}], "reason": "changed_mind"},
        key="by-hand-return-1",
        **_MANAGER,
    ),
    "manage POST /manage/{store}/orders/{order}/sale/returns": request(
        "POST",
        f"{_SOLD_PAGE}/returns",
        prepare=with_delivered_sale_of_a_shop,
        sku="GX-HERBTEA",
        quantity="1",
        reason="changed_mind",
        idempotency_key="by-hand-return-2",
        **_MANAGER,
    ),
    "manage POST /api/manage/{store}/responses/{order}/{response}/answer": sample("post-response-answer"),
    "manage POST /manage/{store}/responses/{order}/{response}/answer": sample("post-response-page-answer.303"),
    "manage POST /api/manage/{store}/responses/{order}/{response}/reports": sample("post-response-report.201"),
    "manage POST /manage/{store}/responses/{order}/{response}/reports": sample("post-response-report-page.303"),
    "manage PUT /api/manage/{store}/procedures": sample("put-procedures"),
    "manage POST /manage/{store}/procedures": sample("post-procedures-page.303"),
    "manage PUT /api/manage/{store}/procedures/{procedure}": sample("put-own-procedure"),
    "manage POST /manage/{store}/procedures/{procedure}": sample("post-own-procedure-page.303"),
    "manage POST /api/manage/{store}/procedures/{procedure}/trials": (
        *sample("post-procedure-trial"),
        *sample("post-procedure-trial-of-a-description"),
    ),
    "manage POST /manage/{store}/procedures/{procedure}/trials": sample("post-procedure-trial-page"),
    "manage PUT /api/manage/{store}/assignments": sample("put-assignment"),
    "manage POST /manage/{store}/assignments": sample("post-assignment-page.303"),
    "manage POST /api/manage/{store}/stock/{sku}/in": sample("post-stock-in"),
    "manage POST /api/manage/{store}/stock/{sku}/out": sample("post-stock-out"),
    "manage POST /manage/{store}/stock/{sku}/in": sample("post-stock-page-in.303"),
    "manage POST /manage/{store}/stock/{sku}/out": sample("post-stock-page-out.303"),
    "manage PUT /api/manage/{store}/suppliers/{supplier}": (
        *sample("put-supplier-terms"),
        *sample("put-supplier-terms-of-an-own-supplier"),
    ),
    "manage POST /manage/{store}/suppliers/{supplier}": sample("post-supplier-terms-page.303"),
    "manage POST /api/manage/{store}/replenishments": sample("post-replenishment.201"),
    "manage POST /api/manage/{store}/replenishments/{replenishment}/receipts": sample("post-replenishment-receipt.201"),
    "manage POST /api/manage/{store}/replenishments/{replenishment}/cancel": sample("replenishment-cancel"),
    "manage POST /manage/{store}/replenishments": sample("post-replenishment-page.303"),
    "manage POST /manage/{store}/replenishments/{replenishment}/receipts": sample(
        "post-replenishment-receipt-page.303"
    ),
    "manage POST /manage/{store}/replenishments/{replenishment}/cancel": sample("replenishment-cancel-page.303"),
    "manage POST /api/manage/{store}/links": sample("post-links.201"),
    "manage PUT /api/manage/{store}/links/{sku}": (
        *sample("put-link"),
        *sample("put-link-with-a-backup"),
        *sample("put-link-without-its-backup", "put-link-with-a-backup"),
    ),
    "manage POST /api/manage/{store}/links/{sku}/state": (
        *sample("post-links-state-1-paused"),
        *sample("post-links-state-2-linked", "post-links-state-1-paused"),
    ),
    "manage POST /manage/{store}/links": sample("post-links-page.303"),
    "manage POST /manage/{store}/links/{sku}/state": sample("post-links-state-page.303"),
    "manage POST /api/manage/{store}/link-jobs": sample("post-link-jobs.201"),
    "manage POST /manage/{store}/link-jobs": sample("post-link-jobs-page.303"),
    "manage POST /api/manage/{store}/shops": sample("post-shops.201"),
    "manage POST /api/manage/{store}/shops/{shop}/replay": sample("post-shops-replay"),
    "manage POST /api/manage/{store}/shops/{shop}/state": sample("post-shops-state-1-paused"),
    "manage POST /manage/{store}/shops": sample("post-shops-page.303"),
    "manage POST /manage/{store}/shops/{shop}/replay": sample("post-shops-replay-page.303"),
    "manage POST /manage/{store}/shops/{shop}/state": sample(
        "post-shops-state-2-page-active.303", "post-shops-state-1-paused"
    ),
    "manage POST /api/manage/{store}/deposit/withdrawals": sample("post-deposit-withdrawals.201"),
    "manage POST /manage/{store}/deposit/withdrawals": sample("post-deposit-withdrawals-page.303"),
    "manage PUT /api/manage/{store}/destination": sample("put-destination"),
    "manage POST /manage/{store}/destination": sample("post-destination-page.303"),
}
