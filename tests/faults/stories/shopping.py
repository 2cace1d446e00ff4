"""Stories of shoppers: consent, language, carts, purchases."""

from __future__ import annotations

from tests.faults.stories.preparing import with_sale
from tests.faults.stories.telling import Story, request, sample


def _looked_at(path: str) -> tuple[Story, ...]:
    """A shopper who has agreed looks at a page; who looks again has looked twice."""
    return request("GET", path, cookie="mu_session={{session}}; mu_consent=yes", adds="a view")


STORIES: dict[str, tuple[Story, ...]] = {
    "browse GET /": _looked_at("/"),
    "browse GET /stores/{store}": _looked_at("/stores/emei-tea"),
    "browse GET /stores/{store}/{sku}": _looked_at("/stores/emei-tea/OB-TOP"),
    "browse GET /categories/{category}": _looked_at("/categories/tea"),
    "browse GET /go/{store}": _looked_at("/go/emei-tea"),
    "checkout GET /cart": _looked_at("/cart"),
    "checkout GET /checkout": _looked_at("/checkout"),
    "checkout GET /checkout/{store}/{sku}": _looked_at("/checkout/emei-tea/OB-TOP"),
    "browse POST /consent": (*sample("post-consent-with-a-session.303"), Story("post-consent.303", adds="a session")),
    "browse POST /language": sample("post-language.303"),
    "checkout POST /api/cart/lines": (
        *sample("post-cart-line"),
        *sample("post-cart-line-of-a-time"),
        Story("post-cart-line-first", adds="a session with its cart"),
    ),
    "checkout POST /api/quotes": sample("post-quote"),
    "checkout POST /api/purchases": (
        *sample("post-purchase.201"),
        *sample("post-purchase-on-delivery.201"),
        *sample("post-purchase-with-ticket-1.201"),
        *sample("post-purchase-of-a-bundle.201"),
        *sample("post-purchase-of-a-time.201"),
        *request(
            "POST",
            "/api/purchases",
            key="purchase-by-card",
            body='{"lines": [{"store": "emei-tea", "sku": "OB-TOP", "quantity": 1}], "recipient": "{{recipient}}", '
            '"total_minor": 176000, "method": "card", "payment_method": "pm_card_visa"}',
        ),
        *request(
            "POST",
            "/api/purchases",
            key="purchase-in-a-sale",
            prepare=with_sale,
            body='{"lines": [{"store": "emei-tea", "sku": "OB-FINE-75G", "quantity": 3}], "recipient": "{{recipient}}", '
            '"total_minor": 188000}',
        ),
    ),
    "checkout POST /api/admissions": sample("post-admission.201"),
    "checkout POST /admissions/{store}/{sku}": sample("post-turn-page.303"),
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
}
