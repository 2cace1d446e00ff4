"""How each command is told: the event that starts it, what happened before, and when. Every command has a row here, and no other thing.

Most are the function's sample events; a request without one is written out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.conftest import ROOT
from tests.faults import chance
from tests.faults.place import Place
from tests.gateway import gateway_event
from tests.test_events import filled
from tests.world import CUSTOMER, OPERATOR, STORE, SUPPLIER

Prepare = Callable[[Place], datetime | None]
"""Brings the world to where a story begins; answers with the moment of it, if that is not the usual one."""


@dataclass(frozen=True)
class Story:
    """One way in which a command is run: a sample event (or a written one), after other events and preparations.

    `adds` says what its repeat does once more, since nothing tells it from a second wish; then only repeats that the SDK makes must
    count once. `reports` says what it tells its caller that it could not do, and does not try again by itself.
    """

    name: str
    event: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    prepare: Prepare | None = None
    adds: str = ""
    reports: str = ""

    def event_in(self, function: str, names: Mapping[str, str]) -> dict[str, Any]:
        """The event as it is fed in."""
        if self.event:
            return filled(json.dumps(self.event), dict(names))
        return sample_event(function, self.name, names)


def sample_event(function: str, name: str, names: Mapping[str, str]) -> dict[str, Any]:
    """One of a function's sample events, with the names of the world filled in."""
    return filled((ROOT / "events" / function / f"{name}.json").read_text(encoding="utf-8"), dict(names))


def sample(
    name: str, *before: str, prepare: Prepare | None = None, adds: str = "", reports: str = ""
) -> tuple[Story, ...]:
    """The story of one sample event, after others."""
    return (Story(name, before=before, prepare=prepare, adds=adds, reports=reports),)


def request(
    method: str,
    path: str,
    /,
    *,
    subject: str = CUSTOMER,
    role: str = "",
    prepare: Prepare | None = None,
    adds: str = "",
    body: Any = None,
    cookie: str = "",
    key: str = "",
    **form: str,
) -> tuple[Story, ...]:
    """The story of a request that is written out here: with a JSON body, or a form."""
    headers = {"Cookie": cookie} if cookie else {}
    if key:
        headers["Idempotency-Key"] = key
    if body is None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    event = gateway_event(method, path, body=body, headers=headers, subject=subject, role=role)
    if body is None:  # written by hand, so that names in braces stay readable until they are filled in
        event["body"] = "&".join(f"{name.replace('__', '-')}={value}" for name, value in form.items())
    return (Story(f"{method} {path}", event, prepare=prepare, adds=adds),)


def _with_pool(place: Place) -> None:
    place.open_pool()


def _with_question(place: Place) -> None:
    """A customer has asked about a supplier's line."""
    from mart_union.orders.responses import add_response

    made = add_response(
        place.names["order_mediated"],
        "question",
        "有機嗎？",
        line=1,
        customer=CUSTOMER,
        key="question-to-supplier",
        now=chance.now(),
    )
    place.names["response_supplied"] = made.id


def _with_reservation_over(place: Place) -> datetime:
    """The sweeper has run a moment ago, and the unpaid purchase's time has just ended."""
    from mart_union.checkout.service import get_purchase
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs

    ends = from_iso(get_purchase(place.names["purchase_unpaid"]).expires_at)
    jobs.set_checkpoint("expire_unpaid", ends.isoformat()[:16])
    jobs.set_checkpoint("order_deadlines", ends.isoformat()[:13])
    return ends + timedelta(minutes=1)


def _with_acceptance_over(place: Place) -> datetime:
    """The sweeper has run an hour ago, and nobody has answered an order in time."""
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.service import get_order

    ends = from_iso(get_order(place.names["order"]).clock_at)
    jobs.set_checkpoint("expire_unpaid", ends.isoformat()[:16])
    jobs.set_checkpoint("order_deadlines", ends.isoformat()[:13])
    return ends + timedelta(minutes=1)


def _with_windows_over(place: Place) -> datetime:
    """The return window of the delivered order is over, and what the completed one owes is due."""
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.service import get_order

    ends = from_iso(get_order(place.names["order_delivered"]).clock_at)
    jobs.set_checkpoint("complete_due", ends.isoformat()[:13])
    jobs.set_checkpoint("settle_due", (ends - timedelta(days=7)).date().isoformat())
    jobs.set_checkpoint("reconcile", "9999-12-31")
    return ends + timedelta(minutes=1)


def _quietly(place: Place) -> None:
    """Every schedule has just run."""
    from mart_union.ledger import jobs

    moment = chance.now().isoformat()
    for job, characters in (("complete_due", 13), ("settle_due", 10), ("expire_unpaid", 16), ("order_deadlines", 13)):
        jobs.set_checkpoint(job, moment[:characters])


_UNION = {
    "id": "hsinchu",
    "names": {"zh-TW": "新竹", "en": "Hsinchu"},
    "texts": {},
    "places": [],
    "languages": ["zh-TW", "en"],
    "classifications": [{"id": "food-drink", "names": {"en": "Food"}}],
    "carriers": [],
    "commission_basis_points": 500,
    "tax_basis_points": 500,
}
_OWNER: dict[str, Any] = {"subject": "owner-emei", "role": "owner"}
_SUPPLIER: dict[str, Any] = {"subject": "owner-guanxi", "role": "owner"}

_BUSY_ROWS = "rows whose level kept changing, in the upload's report"

STORIES: dict[str, tuple[Story, ...]] = {
    "account POST /account/sign-in": request(
        "POST",
        "/account/sign-in",
        prepare=_with_pool,
        cookie="mu_session={{session_new}}",
        email="lin@example.com",
        password="correct-horse-7",
        next="/cart",
    ),
    "account POST /account/sign-up": request(
        "POST", "/account/sign-up", prepare=_with_pool, name="Wu", email="wu@example.com", password="correct-horse-7"
    ),
    "account POST /account/confirm": request(
        "POST", "/account/confirm", prepare=_with_pool, email="chen@example.com", code="123456"
    ),
    "account POST /account/sign-out": request(
        "POST", "/account/sign-out", prepare=_with_pool, cookie="mu_refresh=never-given"
    ),
    "account POST /account/profile": request("POST", "/account/profile", name="Lin", language="en"),
    "account POST /account/recipients": sample("post-recipient-form.303"),
    "account POST /account/recipients/{recipient}/remove": request("POST", "/account/recipients/{{recipient}}/remove"),
    "account POST /account/views/erase": request("POST", "/account/views/erase"),
    "account PUT /api/me": sample("put-me"),
    "account DELETE /api/me/views": sample("delete-me-views"),
    "account POST /api/me/recipients": sample("post-recipients.201"),
    "account DELETE /api/me/recipients/{recipient}": request("DELETE", "/api/me/recipients/{{recipient}}"),
    "account POST /api/enterprises": sample("post-enterprises.201"),
    "account POST /api/enterprises/{enterprise}/stores": sample("post-store.201"),
    "account POST /account/enterprises": request(
        "POST",
        "/account/enterprises",
        enterprise="wu-noodles",
        name__en="Wu Noodles",
        name__zh__TW="Wu",
        registration="HS-77",
    ),
    "account POST /account/enterprises/{enterprise}/stores": request(
        "POST",
        "/account/enterprises/xu-family-tea/stores",
        subject="owner-emei",
        store="emei-second",
        name__en="Second",
        name__zh__TW="Second",
        classification="food-drink",
    ),
    "account POST /api/invitations/{code}": sample("post-invitation"),
    "account POST /invitations/{code}": request("POST", "/invitations/{{invitation}}"),
    "authorizer": sample("get-me.allow"),
    "browse POST /consent": (*sample("post-consent-with-a-session.303"), Story("post-consent.303", adds="a session")),
    "browse POST /language": sample("post-language.303"),
    "catalog_import": (
        *sample("store-catalog", reports=_BUSY_ROWS),
        *sample("supply-offers"),
        *sample("store-catalog-told-twice", reports=_BUSY_ROWS),
        *sample("store-catalog-with-every-kind-of-error", reports=_BUSY_ROWS),
    ),
    "checkout POST /api/cart/lines": (
        *sample("post-cart-line"),
        Story("post-cart-line-first", adds="a session with its cart"),
    ),
    "checkout POST /api/quotes": sample("post-quote"),
    "checkout POST /api/purchases": sample("post-purchase.201"),
    "checkout POST /cart/lines": sample("post-cart-line-page.303", adds="to the cart, where the shopper sees it"),
    "checkout POST /checkout": request(
        "POST",
        "/checkout",
        cookie="mu_session={{session}}",
        lines="emei-tea:OB-FINE-75G:1",
        recipient="{{recipient}}",
        total_minor="96000",
        method="account",
        idempotency_key="checkout-key-1",
    ),
    "manage PUT /api/manage/{store}/listings/{sku}": sample("put-catalog-listing"),
    "manage POST /api/manage/{store}/listings/{sku}/state": sample("post-catalog-listing-state"),
    "manage POST /manage/{store}/listings": sample("post-listing-form.303"),
    "manage POST /manage/{store}/listings/{sku}": sample("post-one-listing-form.303", "post-listing-form.303"),
    "manage POST /manage/{store}/listings/{sku}/state": sample(
        "post-one-listing-form-state.303", "post-listing-form.303"
    ),
    "manage POST /api/manage/{store}/urgent-sales": sample("post-urgent-sale-1.201"),
    "manage POST /api/manage/{store}/urgent-sales/{sku}/end": sample(
        "post-urgent-sale-3-end", "post-urgent-sale-1.201"
    ),
    "manage POST /manage/{store}/urgent-sales": sample("post-urgent-sales-page-1.303"),
    "manage POST /manage/{store}/urgent-sales/{sku}/end": sample(
        "post-urgent-sales-page-2-end.303", "post-urgent-sale-1.201"
    ),
    "manage PUT /api/manage/{store}/categories/{category}": sample("put-catalog-category"),
    "manage POST /manage/{store}/categories/{category}": sample("post-category-form.303"),
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
    ),
    "manage POST /manage/{store}/orders/{order}/steps": sample("post-order-page-step.303"),
    "manage POST /api/manage/{store}/responses/{order}/{response}/answer": sample("post-response-answer"),
    "manage POST /manage/{store}/responses/{order}/{response}/answer": sample("post-response-page-answer.303"),
    "manage PUT /api/manage/{store}/procedures": sample("put-procedures"),
    "manage POST /manage/{store}/procedures": sample("post-procedures-page.303"),
    "manage POST /api/manage/{store}/stock/{sku}/in": sample("post-stock-in"),
    "manage POST /api/manage/{store}/stock/{sku}/out": sample("post-stock-out"),
    "manage POST /manage/{store}/stock/{sku}/in": sample("post-stock-page-in.303"),
    "manage POST /manage/{store}/stock/{sku}/out": sample("post-stock-page-out.303"),
    "manage POST /api/manage/{store}/links": sample("post-links.201"),
    "manage PUT /api/manage/{store}/links/{sku}": sample("put-link"),
    "manage POST /api/manage/{store}/links/{sku}/state": (
        *sample("post-links-state-1-paused"),
        *sample("post-links-state-2-linked", "post-links-state-1-paused"),
    ),
    "manage POST /manage/{store}/links": sample("post-links-page.303"),
    "manage POST /manage/{store}/links/{sku}/state": sample("post-links-state-page.303"),
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
    "notifications": (
        *sample("order-placed"),
        *sample("order-placed-twice-and-shipped"),
        *sample("statement-made"),
        *sample("response-received-and-answered"),
    ),
    "operate PUT /api/operate/union": request(
        "PUT", "/api/operate/union", body=_UNION, subject=OPERATOR, role="operator"
    ),
    "operate PUT /api/operate/fees": sample("put-fees"),
    "operate PUT /api/operate/categories": sample("put-categories"),
    "operate POST /api/operate/enterprises/{enterprise}/decision": sample("post-enterprise-decision"),
    "operate POST /api/operate/suppliers/{supplier}/decision": sample("post-supplier-decision"),
    "operate POST /api/operate/reconciliations": sample("post-reconciliation.202"),
    "operate POST /operate/enterprises/{enterprise}/decision": sample("post-enterprise-decision-page.303"),
    "operate POST /operate/suppliers/{supplier}/decision": sample("post-supplier-decision-page.303"),
    "operate POST /operate/fees": sample("post-fees-page.303"),
    "operate POST /operate/union": sample("post-union-page.303"),
    "operate POST /operate/union/classifications": sample("post-classification-page.303"),
    "operate POST /operate/union/carriers": sample("post-carrier-page.303"),
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
    "presence": sample("schedule"),
    "relay orders": sample("orders"),
    "relay catalog": sample("catalog"),
    "relay mediation": sample("mediation"),
    "relay ledger": sample("ledger"),
    "router POST /unions": sample("01-post-union.201"),
    "router PUT /unions/{union}/heartbeat": sample("04-put-heartbeat.204", "01-post-union.201"),
    "router POST /unions/{union}/heartbeat": sample("04-post-heartbeat.204", "01-post-union.201"),
    "settlement": (*sample("schedule", prepare=_with_windows_over), *sample("reconcile", prepare=_quietly)),
    "shelving": (
        *sample("listing-changed-three-times"),
        *sample("store-and-union-changed"),
        *sample("categories-changed"),
    ),
    "stock_adjustment": (*sample("levels"), *sample("gap")),
    "supply POST /api/suppliers": sample("post-suppliers-1.201"),
    "supply POST /suppliers/apply": sample("post-apply-page.303"),
    "supply PUT /api/supply/{supplier}/offers/{sku}": sample("put-offer-1"),
    "supply POST /supply/{supplier}/offers": sample("post-offers-page.303"),
    "supply POST /api/supply/{supplier}/uploads": sample("post-uploads.201"),
    "supply POST /supply/{supplier}/uploads": sample("post-uploads-page"),
    "supply POST /api/supply/{supplier}/orders/{order}/steps": (
        *sample("post-step-1-accept"),
        *sample("post-step-3-ship", "post-step-1-accept"),
    ),
    "supply POST /supply/{supplier}/orders/{order}/steps": sample(
        "post-step-5-page-deliver.303", "post-step-1-accept", "post-step-3-ship"
    ),
    "supply POST /api/supply/{supplier}/responses/{order}/{response}/answer": request(
        "POST",
        f"/api/supply/{SUPPLIER}/responses/{{{{order_mediated}}}}/{{{{response_supplied}}}}/answer",
        prepare=_with_question,
        body={"text": "是的"},
        **_SUPPLIER,
    ),
    "supply POST /supply/{supplier}/responses/{order}/{response}/answer": request(
        "POST",
        f"/supply/{SUPPLIER}/responses/{{{{order_mediated}}}}/{{{{response_supplied}}}}/answer",
        prepare=_with_question,
        text="Yes",
        **_SUPPLIER,
    ),
    "supply POST /api/shops/{shop}/sales": sample("post-sales-1.201"),
    "sweeper": (
        *sample("schedule", prepare=_with_reservation_over),
        *sample("schedule", prepare=_with_acceptance_over),
    ),
    "syndication LinkChanged": (*sample("link-changed"), *sample("link-changed-twice-and-late")),
    "syndication LinkReplayed": sample("link-replayed"),
    "syndication ShopChanged": sample("shop-changed"),
    "syndication OfferChanged": sample("offer-changed-twice"),
    "syndication StockLow": sample("stock-out-low-and-back"),
    "syndication StockOut": sample("stock-out-low-and-back"),
    "syndication StockBack": sample("stock-out-low-and-back"),
    "syndication Order*": sample("orders-out-of-order"),
    "tracking POST /api/purchases/{purchase}/cancel": sample("post-purchase-cancel"),
    "tracking POST /api/orders/{order}/steps": (
        *sample("post-order-step-cancel"),
        *sample("post-order-step-receive"),
    ),
    "tracking POST /api/orders/{order}/responses": sample("post-order-response.201"),
    "tracking POST /api/carriers/{carrier}/events": (
        *sample("post-carrier-event-1-in-transit"),
        *sample("post-carrier-event-2-delivered", "post-carrier-event-1-in-transit"),
    ),
    "tracking POST /purchases/{purchase}/cancel": sample("post-purchase-page-cancel.303"),
    "tracking POST /orders/{order}/steps": sample("post-order-page-step.303"),
    "tracking POST /orders/{order}/responses": sample("post-order-page-response.303"),
}
"""Every command's stories, by its name."""
