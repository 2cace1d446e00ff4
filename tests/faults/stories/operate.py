"""Stories of a union's operator."""

from __future__ import annotations

from tests.faults.stories.preparing import with_review_taken_down
from tests.faults.stories.telling import Story, request, sample
from tests.world import OPERATOR

_UNION = {
    "id": "hsinchu",
    "names": {"zh-TW": "新竹", "en": "Hsinchu"},
    "texts": {},
    "places": [],
    "languages": ["zh-TW", "en"],
    "classifications": [{"id": "food-drink", "names": {"en": "Food"}}],
    "carriers": [],
}

STORIES: dict[str, tuple[Story, ...]] = {
    "operate PUT /api/operate/union": request(
        "PUT", "/api/operate/union", body=_UNION, subject=OPERATOR, role="operator"
    ),
    "operate PUT /api/operate/fees": sample("put-fees"),
    "operate PUT /api/operate/categories": sample("put-categories"),
    "operate DELETE /api/operate/categories/{category}": sample(
        "union-category-remove", "union-category-make-form.303"
    ),
    "operate POST /api/operate/categories/{category}/merge": sample("union-category-merge", "put-categories"),
    "operate POST /operate/categories": sample("union-category-make-form.303"),
    "operate POST /operate/categories/{category}": sample("union-category-change-form.303", "put-categories"),
    "operate POST /operate/categories/{category}/merge": sample("union-category-merge-form.303", "put-categories"),
    "operate POST /operate/categories/{category}/remove": sample(
        "union-category-remove-form.303", "union-category-make-form.303"
    ),
    "operate POST /api/operate/responses/{order}/{response}/answer": sample("post-escalated-answer"),
    "operate POST /operate/responses/{order}/{response}/answer": sample("post-escalated-answer-page.303"),
    "operate POST /api/operate/reports/{order}/{response}/decisions": (
        *sample("post-report-decision"),
        *request(
            "POST",
            "/api/operate/reports/{{order_reported}}/{{response_reported}}/decisions",
            body={"decision": "reinstate"},
            key="decision-reinstated",
            prepare=with_review_taken_down,
            subject=OPERATOR,
            role="operator",
        ),
    ),
    "operate POST /operate/reports/{order}/{response}/decisions": sample("post-report-decision-page.303"),
    "operate POST /api/operate/orders/{order}/returns": sample("post-return-escalated"),
    "operate POST /operate/orders/{order}/returns": sample("post-return-escalated-page.303"),
    "operate POST /api/operate/orders/{order}/steps": sample("post-order-step"),
    "operate POST /operate/orders/{order}/steps": sample("post-order-step-page.303"),
    "operate POST /api/operate/enterprises/{enterprise}/decision": sample("post-enterprise-decision"),
    "operate POST /api/operate/suppliers/{supplier}/decision": (
        *sample("post-supplier-decision"),
        *sample("post-supplier-suspended"),
    ),
    "operate POST /api/operate/mails/replays": sample("post-mail-replay.202"),
    "operate POST /operate/mails/replays": sample("post-mail-replay-page.303"),
    "operate POST /api/operate/reconciliations": sample("post-reconciliation.202"),
    "operate PUT /api/operate/payout-terms": sample("put-payout-terms"),
    "operate POST /operate/payouts": sample("post-payout-terms-page.303"),
    "operate PUT /api/operate/destinations/{kind}/{party}": sample("put-destination-of-a-carrier"),
    "operate POST /api/operate/destinations/{kind}/{party}": sample("post-destination-decision"),
    "operate POST /operate/destinations/{kind}/{party}": sample("post-destination-decision-page.303"),
    "operate POST /operate/enterprises/{enterprise}/decision": sample("post-enterprise-decision-page.303"),
    "operate POST /operate/suppliers/{supplier}/decision": sample("post-supplier-decision-page.303"),
    "operate PUT /api/operate/stores/{store}/deposit": sample("put-store-deposit"),
    "operate POST /operate/stores/{store}/deposit": sample("post-store-deposit-page.303"),
    "operate PUT /api/operate/stores/{store}/classification": sample("put-store-classification"),
    "operate POST /operate/stores/{store}/classification": sample("post-store-classification-page.303"),
    "operate POST /operate/fees": sample("post-fees-page.303"),
    "operate POST /operate/union": sample("post-union-page.303"),
    "operate POST /operate/union/classifications": sample("post-classification-page.303"),
    "operate POST /operate/union/carriers": sample("post-carrier-page.303"),
    "operate PUT /api/operate/union/carriers/{carrier}": sample("put-carrier"),
    "operate POST /api/operate/union/carriers/{carrier}/uploads": sample("post-carrier-uploads.201"),
    "operate POST /operate/union/carriers/{carrier}/uploads": sample("post-carrier-upload-form.303"),
    "operate POST /operate/union/carriers/{carrier}": sample("post-carrier-terms-page.303"),
}
