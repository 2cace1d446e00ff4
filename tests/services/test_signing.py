"""Signing in, up and out, against a user pool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from botocore.session import get_session
from msgspec.structs import replace

from account.app import lambda_handler
from account.signing import safe_next
from mart_union.customers import pool
from mart_union.customers import service as customers
from mart_union.customers.model import CartLine
from mart_union.kernel.settings import settings
from tests.gateway import CONTEXT, cookies_of, gateway_event, headers_of

PASSWORD = "correct-horse-7"


@pytest.fixture(scope="module")
def client_id(tables: None) -> str:
    """A user pool like the service center's, in the region where the emulator looks when nobody signs the request."""
    cognito: Any = get_session().create_client("cognito-idp", region_name="us-east-1")
    made = cognito.create_user_pool(
        PoolName="test",
        UsernameAttributes=["email"],
        AutoVerifiedAttributes=["email"],
        Policies={"PasswordPolicy": {"MinimumLength": 10, "RequireUppercase": False, "RequireSymbols": False}},
    )
    client = cognito.create_user_pool_client(
        UserPoolId=made["UserPool"]["Id"],
        ClientName="web",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        PreventUserExistenceErrors="ENABLED",
        EnableTokenRevocation=True,
    )
    pool_id, web = made["UserPool"]["Id"], client["UserPoolClient"]["ClientId"]
    attributes = [
        {"Name": "email", "Value": "lin@example.com"},
        {"Name": "email_verified", "Value": "true"},
        {"Name": "name", "Value": "林小安"},
    ]
    cognito.admin_create_user(
        UserPoolId=pool_id, Username="lin@example.com", UserAttributes=attributes, MessageAction="SUPPRESS"
    )
    cognito.admin_set_user_password(UserPoolId=pool_id, Username="lin@example.com", Password=PASSWORD, Permanent=True)
    return str(web)


@pytest.fixture(autouse=True)
def user_pool(client_id: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = replace(settings(), pool_client_id=client_id, pool_region="us-east-1")
    monkeypatch.setattr(pool, "settings", lambda: known)
    pool._pool.cache_clear()
    yield
    pool._pool.cache_clear()


def send(
    method: str, path: str, form: dict[str, str] | None = None, cookies: dict[str, str] | None = None, **query: str
) -> dict[str, Any]:
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())} if cookies else {}
    answer: dict[str, Any] = lambda_handler(
        gateway_event(method, path, form=form, query=query, headers=headers), CONTEXT
    )
    return answer


def set_cookies(answer: dict[str, Any]) -> dict[str, str]:
    return dict(cookie.split(";")[0].split("=", 1) for cookie in cookies_of(answer))


def sign_in(
    next_path: str = "/cart", cookies: dict[str, str] | None = None, password: str = PASSWORD
) -> dict[str, Any]:
    form = {"email": "lin@example.com", "password": password, "next": next_path}
    return send("POST", "/account/sign-in", form, cookies)


def test_signing_in_sets_tokens_makes_the_profile_and_joins_the_session() -> None:
    session = customers.start_session(True)
    customers.change_cart(session.id, "tea", "OB", 2)
    answer = sign_in(cookies={"mu_session": session.id})
    cookies = set_cookies(answer)
    subject = jwt.decode(cookies["mu_token"], options={"verify_signature": False})["sub"]
    assert (answer["statusCode"], headers_of(answer)["location"]) == (303, "/union/cart")
    assert cookies["mu_session"] == session.id
    profile = customers.get_profile(subject)
    assert profile is not None
    assert (profile.name, profile.email) == ("林小安", "lin@example.com")
    assert customers.get_cart(session.id).lines == (CartLine("tea", "OB", 2),)
    found = customers.find_session(session.id)
    assert found is not None
    assert found.customer == subject


def test_tokens_are_kept_from_scripts_and_the_refresh_token_goes_to_the_account_only() -> None:
    by_name = {cookie.split("=")[0]: cookie for cookie in cookies_of(sign_in())}
    for name in ("mu_token", "mu_refresh", "mu_session"):
        assert {"HttpOnly", "Secure", "SameSite=Lax"} <= {part.strip() for part in by_name[name].split(";")}
    assert "Path=/union/account;" in by_name["mu_refresh"]
    assert "Path=/union/;" in by_name["mu_token"]


def test_a_wrong_password_shows_the_form_again_and_sets_nothing() -> None:
    answer = sign_in(password="wrong-horse-7")
    assert (answer["statusCode"], cookies_of(answer)) == (401, [])
    assert "lin@example.com" in answer["body"]
    assert "wrong-horse-7" not in answer["body"]


def test_a_refresh_token_signs_in_silently_once_the_access_token_has_run_out() -> None:
    refresh = set_cookies(sign_in())["mu_refresh"]
    answer = send("GET", "/account/sign-in", cookies={"mu_refresh": refresh}, next="/cart")
    assert (answer["statusCode"], headers_of(answer)["location"]) == (303, "/union/cart")
    assert set(set_cookies(answer)) == {"mu_token"}
    refused = send("GET", "/account/sign-in", cookies={"mu_refresh": refresh, "mu_token": "refused"}, next="/cart")
    assert refused["statusCode"] == 200


def test_a_refresh_token_that_is_over_is_forgotten() -> None:
    answer = send("GET", "/account/sign-in", cookies={"mu_refresh": "never-given"})
    assert (answer["statusCode"], set_cookies(answer)) == (200, {"mu_refresh": ""})


def test_signing_out_revokes_the_refresh_token_and_forgets_the_browsers_session() -> None:
    refresh = set_cookies(sign_in())["mu_refresh"]
    answer = send("POST", "/account/sign-out", {"x": "y"}, {"mu_refresh": refresh})
    assert answer["statusCode"] == 303
    assert set_cookies(answer) == {"mu_token": "", "mu_refresh": "", "mu_session": "", "mu_consent": ""}
    assert send("GET", "/account/sign-in", cookies={"mu_refresh": refresh})["statusCode"] == 200


def test_an_address_must_be_confirmed_before_it_signs_in() -> None:
    form = {"name": "Chen", "email": "chen@example.com", "password": PASSWORD}
    assert send("POST", "/account/sign-up", form)["statusCode"] == 200
    waiting = send("POST", "/account/sign-in", form)
    assert 'name="code"' in waiting["body"]
    assert cookies_of(waiting) == []
    again = send("POST", "/account/confirm", {"email": "chen@example.com"})
    assert (again["statusCode"], 'role="status"' in again["body"]) == (200, True)
    assert send("POST", "/account/confirm", {"email": "nobody@example.com", "code": "123456"})["statusCode"] == 422
    # The emulator checks codes only where it checks permissions, too: here any code confirms.
    assert (
        'name="password"' in send("POST", "/account/confirm", {"email": "chen@example.com", "code": "123456"})["body"]
    )
    assert send("POST", "/account/sign-in", form)["statusCode"] == 303


def test_signing_up_tells_nobody_whether_an_address_has_an_account() -> None:
    form = {"name": "Lin", "password": PASSWORD}
    new = send("POST", "/account/sign-up", form | {"email": "new-one@example.com"})
    known = send("POST", "/account/sign-up", form | {"email": "lin@example.com"})
    assert new["statusCode"] == known["statusCode"] == 200
    assert new["body"].replace("new-one@example.com", "lin@example.com") == known["body"]


def test_a_weak_password_is_refused_with_its_reason() -> None:
    answer = send("POST", "/account/sign-up", {"name": "Wu", "email": "wu@example.com", "password": "short"})
    assert answer["statusCode"] == 422
    assert 'name="password"' in answer["body"]


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/cart", "/cart"),
        ("/stores/tea?page=2", "/stores/tea?page=2"),
        ("", "/account"),
        ("https://evil.example/", "/account"),
        ("//evil.example/", "/account"),
        ("/\\evil.example", "/account"),
        ("/a\r\nSet-Cookie: x=y", "/account"),
        ("javascript:alert(1)", "/account"),
    ],
)
def test_signing_in_goes_on_to_this_unions_pages_only(wanted: str, goes_to: str) -> None:
    assert safe_next(wanted) == goes_to


@pytest.mark.parametrize("code", [" ", "\t"])
def test_a_code_of_nothing_asks_for_a_new_one(code: str) -> None:
    answer = send("POST", "/account/confirm", {"email": "nobody@example.com", "code": code})
    assert answer["statusCode"] == 200


@pytest.mark.parametrize("path", ["/account/sign-up", "/account/confirm"])
def test_an_address_of_nothing_is_refused(path: str) -> None:
    form = {"name": "Lin", "email": " ", "password": PASSWORD, "code": "123456"}
    assert send("POST", path, form)["statusCode"] == 422
