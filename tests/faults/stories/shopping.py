"""Stories of shoppers: consent, language, carts, purchases."""

from __future__ import annotations

from tests.faults.stories.telling import Story, request, sample

STORIES: dict[str, tuple[Story, ...]] = {
    "browse POST /consent": (*sample("post-consent-with-a-session.303"), Story("post-consent.303", adds="a session")),
    "browse POST /language": sample("post-language.303"),
    "checkout POST /api/cart/lines": (
        *sample("post-cart-line"),
        Story("post-cart-line-first", adds="a session with its cart"),
    ),
    "checkout POST /api/quotes": sample("post-quote"),
    "checkout POST /api/purchases": (
        *sample("post-purchase.201"),
        *request(
            "POST",
            "/api/purchases",
            key="purchase-by-card",
            body='{"lines": [{"store": "emei-tea", "sku": "OB-TOP", "quantity": 1}], "recipient": "{{recipient}}", '
            '"total_minor": 176000, "method": "card", "payment_method": "pm_card_visa"}',
        ),
    ),
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
