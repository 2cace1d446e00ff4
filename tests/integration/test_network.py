"""The network as a whole: unions join, are listed and get their shoppers; nobody speaks for another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import httpx
import pytest

from infra.invariants import check_local
from infra.local import http
from mart_union.directory.model import Heartbeat
from mart_union.directory.presence import CenterUnreachable, Credentials, Presence

Network = dict[str, Any]


Clients = Callable[..., httpx.Client]


@pytest.fixture
def client() -> Iterator[Clients]:
    """Makes clients of an address, and closes them."""
    with ExitStack() as stack:
        yield lambda url, token="": stack.enter_context(http.client(url, token=token))


@pytest.fixture
def center(network: Network, client: Clients) -> Clients:
    """Makes clients of the service center, of nobody or of a person."""

    def make(account: dict[str, Any] | None = None) -> httpx.Client:
        return client(network["service_center"], token=token(network, account) if account else "")

    return make


def aws(network: Network, service: str, region: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=region,
        endpoint_url=network["emulator"],
        aws_access_key_id=network["access_key_id"],
        aws_secret_access_key=network["secret_access_key"],
    )


def token(network: Network, account: dict[str, Any]) -> str:
    pool = network["pool"]
    answer = aws(network, "cognito-idp", pool["PoolRegion"]).initiate_auth(
        ClientId=pool["PoolClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": account["email"], "PASSWORD": account["password"]},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


def someone(network: Network, union: str, role: str) -> dict[str, Any]:
    """The first account of a union with a role that begins so."""
    accounts: list[dict[str, Any]] = network["unions"][union]["accounts"]
    return next(each for each in accounts if any(held.startswith(role) for held in each["roles"]))


def test_every_union_has_registered_itself_with_what_it_serves(network: Network, center: Clients) -> None:
    listed = {each["union"]: each for each in center().get("/unions").json()["unions"]}
    assert set(listed) == set(network["unions"])
    for union, facts in network["unions"].items():
        shown = listed[union]
        assert (shown["healthy"], shown["url"], shown["region"]) == (True, facts["url"], facts["region"])
        assert (shown["currency"], shown["languages"]) == (facts["currency"], facts["languages"])


@pytest.mark.parametrize(
    ("question", "union"),
    [
        ("place=300", "hsinchu"),
        ("place=속초시", "gangwon"),
        ("place=Paris", None),
        ("language=ko", "gangwon"),
        ("union=hsinchu", "hsinchu"),
    ],
)
def test_a_shopper_is_sent_to_the_union_of_the_place_or_language(
    network: Network, center: Clients, question: str, union: str | None
) -> None:
    answer = center().get(f"/go?{question}")
    if union is None:
        assert answer.status_code == 404
    else:
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(network["unions"][union]["url"] + "/")


def test_a_union_cannot_speak_for_another(network: Network, center: Clients) -> None:
    facts = network["unions"]["gangwon"]
    secret = aws(network, "secretsmanager", facts["region"]).get_secret_value(SecretId=facts["secret"])["SecretString"]
    keys = json.loads(secret)
    credentials = Credentials(f"{network['emulator']}/oauth2/token", keys["client_id"], keys["client_secret"])
    before = center().get("/unions/hsinchu").json()
    lie = Heartbeat("https://evil.example", "eu-west-1", "EUR", ("en",))
    with pytest.raises(CenterUnreachable, match="answered 403"):
        Presence("hsinchu", network["service_center"], credentials).report(lie)
    after = center().get("/unions/hsinchu").json()
    assert (after["url"], after["region"]) == (before["url"], before["region"])


def test_only_a_network_operator_admits_unions(network: Network, center: Clients) -> None:
    admission = {"union": "atlantis", "client_id": "somebody", "names": {"en": "Atlantis"}}
    assert center().post("/unions", json=admission).status_code == 401
    for role in ("customer", "operator"):
        person = someone(network, "hsinchu", role)
        assert center(person).post("/unions", json=admission).status_code == 403
    assert center().get("/unions/atlantis").status_code == 404


def test_a_persons_token_is_no_heartbeat(network: Network, center: Clients) -> None:
    beat = {"base_url": "https://evil.example", "region": "r", "currency": "EUR", "languages": ["en"]}
    person = network["accounts"][0]
    assert center(person).put("/unions/hsinchu/heartbeat", json=beat).status_code == 401


@pytest.mark.parametrize("union", ["hsinchu", "gangwon"])
def test_the_api_answers_401_to_nobody_and_403_to_who_is_no_member(
    network: Network, client: Clients, union: str
) -> None:
    url = network["unions"][union]["url"]
    owner = someone(network, union, "store/")
    store = next(role for role in owner["roles"] if role.startswith("store/")).split("/")[1]
    path = f"/api/manage/{store}/orders"
    assert client(url).get(path).status_code == 401
    assert client(url, token="broken").get(path).status_code == 401
    customer = someone(network, union, "customer")
    assert client(url, token=token(network, customer)).get(path).status_code == 403
    assert client(url, token=token(network, customer)).get("/api/operate/enterprises").status_code == 403
    assert client(url, token=token(network, owner)).get(path).status_code == 200


def test_an_operator_of_one_union_is_nobody_in_another(network: Network, client: Clients) -> None:
    operator = token(network, someone(network, "hsinchu", "operator"))
    path = "/api/operate/enterprises"
    assert client(network["unions"]["hsinchu"]["url"], token=operator).get(path).status_code == 200
    assert client(network["unions"]["gangwon"]["url"], token=operator).get(path).status_code == 403


def test_a_page_sends_nobody_to_the_sign_in_page(network: Network, client: Clients) -> None:
    answer = client(network["unions"]["hsinchu"]["url"]).get("/account")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/account/sign-in?next=")


def test_pages_come_compressed(network: Network, client: Clients) -> None:
    answer = client(network["unions"]["hsinchu"]["url"]).get("/", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["Content-Encoding"] == "gzip"


def test_a_level_of_stock_is_told_again_from_its_journal(network: Network) -> None:
    told, agrees = check_local(network, "hsinchu", "listing/emei-tea/OB-TOP")
    assert agrees, told
    assert re.search(r"^hsinchu: listing/emei-tea/OB-TOP: (\d+) of \1 movements$", told, re.MULTILINE), told
    told, agrees = check_local(network, "hsinchu", "listing/emei-tea/NO-SUCH")
    assert (agrees, "NO-SUCH" in told) == (False, True)
