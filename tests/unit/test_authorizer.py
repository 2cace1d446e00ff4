"""The authorizer: tokens that are not exactly right are nobody's, and what is not granted is denied."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from authorizer import app, rules, tokens
from authorizer.tokens import Identity
from mart_union.kernel.errors import Forbidden, Unauthenticated
from mart_union.kernel.settings import settings

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EVENTS = Path(__file__).parents[2] / "events" / "authorizer"
ARN = "arn:aws:execute-api:ap-northeast-1:000000000000:abc123/union/GET/api/me"
ROLES = {("owner", "store", "emei-tea"): "owner", ("maker", "supplier", "guanxi"): "owner"}


def token(key: rsa.RSAPrivateKey = KEY, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "sub": "customer",
        "iss": settings().pool_issuer,
        "client_id": settings().pool_client_id,
        "token_use": "access",
        "iat": now,
        "exp": now + 3600,
    } | changes
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm="RS256")


def verify(given: str) -> Identity:
    return tokens.verify(
        given,
        issuer=settings().pool_issuer,
        client_id=settings().pool_client_id,
        signing_key=lambda _: KEY.public_key(),
    )


@pytest.fixture(autouse=True)
def pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "pool_signing_key", lambda _issuer: lambda _token: KEY.public_key())
    monkeypatch.setattr(app, "find_role", lambda *question: ROLES.get(question, ""))


def event(resource: str, given: str | None = None, *, cookie: bool = False, **parameters: str) -> dict[str, Any]:
    headers = (
        {}
        if given is None
        else {"cookie": f"a=b; mu_token={given}"}
        if cookie
        else {"Authorization": f"Bearer {given}"}
    )
    return {"resource": resource, "methodArn": ARN, "headers": headers, "pathParameters": parameters or None}


def answer(effect: str, subject: str, role: str = "") -> dict[str, Any]:
    return {
        "principalId": subject or "nobody",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": ARN}],
        },
        "context": {"subject": subject, "role": role},
    }


def test_a_good_token_tells_the_subject_and_the_groups() -> None:
    assert verify(token()) == Identity("customer", frozenset())
    assert verify(token(**{"cognito:groups": ["operator.hsinchu"]})).groups == {"operator.hsinchu"}


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "not-a-token",
        token(OTHER_KEY),
        token(exp=int(time.time()) - 60),
        token(exp=None),
        token(sub=None),
        token(iat=None),
        token(iss="https://other.example"),
        token(client_id="other"),
        token(client_id=None),
        token(token_use="id"),
        token(token_use=None),
        jwt.encode({"sub": "customer"}, "secret-secret-secret-secret-secret-secret", algorithm="HS256"),
        jwt.encode({"sub": "customer"}, None, algorithm="none"),
    ],
    ids=range(14),
)
def test_any_other_token_is_nobodys(bad: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(bad)


def test_a_token_may_come_in_a_header_or_in_the_session_cookie_and_the_header_comes_first() -> None:
    assert tokens.token_of({"authorization": "bearer abc"}) == "abc"
    assert tokens.token_of({"Cookie": "mu_language=en; mu_token=def"}) == "def"
    assert tokens.token_of({"Authorization": "Bearer abc", "Cookie": "mu_token=def"}) == "abc"
    assert tokens.token_of({"Authorization": "Basic abc"}) == ""
    assert tokens.token_of({}) == ""


def test_the_keys_are_at_the_issuer_unless_the_sdk_is_told_of_another_endpoint() -> None:
    issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"
    assert tokens.key_set_url(issuer, {}) == f"{issuer}/.well-known/jwks.json"
    elsewhere = "http://127.0.0.1:4566/eu-west-1_abc/.well-known/jwks.json"
    assert tokens.key_set_url(issuer, {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/"}) == elsewhere


@pytest.mark.parametrize("given", [None, "bad", token(exp=1)])
def test_the_api_answers_401_without_a_good_token(given: str | None) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        app.lambda_handler(event("/api/me", given), None)


@pytest.mark.parametrize("given", [None, "bad", token(exp=1)])
def test_a_page_lets_an_unknown_caller_pass_as_nobody(given: str | None) -> None:
    assert app.lambda_handler(event("/account", given), None) == answer("Allow", "")
    assert app.lambda_handler(event("/manage/{store}", given, store="emei-tea"), None) == answer("Allow", "")


def test_any_signed_in_customer_may_take_a_customers_route() -> None:
    assert app.lambda_handler(event("/api/me", token()), None) == answer("Allow", "customer")
    assert app.lambda_handler(event("/account", token(), cookie=True), None) == answer("Allow", "customer")


def test_a_role_is_looked_up_in_the_store_or_supplier_of_the_path() -> None:
    store = event("/api/manage/{store}/orders", token(sub="owner"), store="emei-tea")
    assert app.lambda_handler(store, None) == answer("Allow", "owner", "owner")
    supplier = event("/api/supply/{supplier}/{rest+}", token(sub="maker"), supplier="guanxi", rest="offers/A-1")
    assert app.lambda_handler(supplier, None) == answer("Allow", "maker", "owner")


@pytest.mark.parametrize(
    ("resource", "parameters"),
    [
        ("/api/manage/{store}/orders", {"store": "emei-tea"}),
        ("/api/manage/{store}/orders", {}),
        ("/api/supply/{supplier}/offers", {"supplier": "guanxi"}),
        ("/api/supply/{supplier}/offers", {"store": "emei-tea"}),
        ("/api/operate/purchases", {}),
        ("/api/manage/{store}/{rest+}", {"store": "emei-tea", "rest": "nothing"}),
        ("/api/supply/{supplier}/{rest+}", {"supplier": "guanxi", "rest": "nothing"}),
        ("/api/operate/{rest+}", {"rest": "manage/emei-tea"}),
    ],
)
def test_the_api_denies_whoever_has_no_role_there(resource: str, parameters: dict[str, str]) -> None:
    assert app.lambda_handler(event(resource, token(), **parameters), None) == answer("Deny", "customer")


def test_membership_of_one_store_opens_no_other_and_no_supplier() -> None:
    other = event("/api/manage/{store}/orders", token(sub="owner"), store="other")
    assert app.lambda_handler(other, None) == answer("Deny", "owner")
    supplier = event("/api/supply/{supplier}/offers", token(sub="owner"), supplier="emei-tea")
    assert app.lambda_handler(supplier, None) == answer("Deny", "owner")


def test_a_page_without_membership_passes_without_a_role() -> None:
    assert app.lambda_handler(event("/manage/{store}", token(), store="emei-tea"), None) == answer("Allow", "customer")


def test_an_operator_operates_the_union_of_the_group_and_no_other() -> None:
    own = token(**{"cognito:groups": ["operator.hsinchu"]})
    assert app.lambda_handler(event("/api/operate/fees", own), None) == answer("Allow", "customer", "operator")
    other = token(**{"cognito:groups": ["operator.gangwon", "operator", "operator.hsinchu2"]})
    assert app.lambda_handler(event("/api/operate/fees", other), None) == answer("Deny", "customer")


def test_rules_raise_for_a_missing_role() -> None:
    with pytest.raises(Forbidden):
        rules.role_for(
            Identity("x", frozenset()), "/api/operate/fees", {}, union="hsinchu", find_role=lambda *_: "owner"
        )


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.name)
def test_each_sample_event_has_the_outcome_in_its_name(path: Path) -> None:
    sample = json.loads(path.read_text().replace("{{token}}", token()))
    outcome = path.name.split(".")[1]
    if outcome == "401":
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            app.lambda_handler(sample, None)
    else:
        effect = app.lambda_handler(sample, None)["policyDocument"]["Statement"][0]["Effect"]
        assert effect == outcome.capitalize()


@pytest.mark.parametrize("store", ["x" * 129, "茶" * 900, "a\x00b"])
def test_no_role_is_looked_up_in_what_no_store_could_be_called(store: str) -> None:
    asked: list[str] = []
    with pytest.raises(Forbidden):
        rules.role_for(
            Identity("x", frozenset()),
            "/api/manage/{store}/orders",
            {"store": store},
            union="hsinchu",
            find_role=lambda *question: asked.append(str(question)) or "owner",
        )
    assert asked == []
