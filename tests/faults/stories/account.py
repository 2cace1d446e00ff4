"""Stories of who somebody is: signing in, profiles, recipients, enterprises and their stores, invitations."""

from __future__ import annotations

from tests.faults.stories.preparing import with_pool
from tests.faults.stories.telling import Story, request, sample

STORIES: dict[str, tuple[Story, ...]] = {
    "account PUT /api/me/destination": sample("put-destination"),
    "account POST /account/destination": sample("post-destination-page.303"),
    "account POST /account/sign-in": request(
        "POST",
        "/account/sign-in",
        prepare=with_pool,
        cookie="mu_session={{session_new}}",
        email="lin@example.com",
        password="correct-horse-7",
        next="/cart",
    ),
    "account POST /account/sign-up": request(
        "POST", "/account/sign-up", prepare=with_pool, name="Wu", email="wu@example.com", password="correct-horse-7"
    ),
    "account POST /account/confirm": request(
        "POST", "/account/confirm", prepare=with_pool, email="chen@example.com", code="123456"
    ),
    "account POST /account/sign-out": request(
        "POST", "/account/sign-out", prepare=with_pool, cookie="mu_refresh=never-given"
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
}
