"""The service center's router: each sample event has the outcome in its name, in the order of their names."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto import mock_aws

from mart_union.directory.tables import UnionItem
from mart_union.kernel import storage
from tests.gateway import CONTEXT, headers_of

ROOT = Path(__file__).parents[2]
EVENTS = sorted((ROOT / "events" / "router").glob("*.json"))


class Loader(yaml.SafeLoader):
    """Reads a template without what its functions mean."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: {suffix: getattr(node, "value", None)})


@pytest.fixture(scope="module")
def router() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SILENT_MINUTES", "10")
        patch.setenv("OPERATOR_GROUP", "network-operator")
        with mock_aws():
            storage.client.cache_clear()
            UnionItem.create_table(billing_mode="PAY_PER_REQUEST")
            yield importlib.import_module("router.app").app
    storage.client.cache_clear()


def outcome(path: Path) -> int:
    parts = path.name.split(".")
    return int(parts[1]) if len(parts) == 3 else 200


def answer(router: Any, name: str) -> dict[str, Any]:
    event = json.loads((ROOT / "events" / "router" / name).read_text())
    return dict(router(event, CONTEXT))


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.name)
def test_each_sample_event_has_the_outcome_in_its_name(router: Any, path: Path) -> None:
    response = answer(router, path.name)
    assert response["statusCode"] == outcome(path), response["body"]
    kind = headers_of(response).get("content-type", "")
    if response["statusCode"] >= 400 and "page" not in path.name:
        assert kind == "application/problem+json"
        assert json.loads(response["body"])["status"] == response["statusCode"]


def test_a_shopper_is_redirected_to_the_unions_own_address(router: Any) -> None:
    assert headers_of(answer(router, "05-get-go-by-place.302.json"))["location"] == "https://hsinchu.example/"
    spoken = headers_of(answer(router, "05-get-go-by-language.302.json"))["location"]
    assert spoken == "https://hsinchu.example/?lang=zh-TW"


def test_the_page_lists_the_unions_in_the_language_of_the_browser(router: Any) -> None:
    response = answer(router, "05-get-page.json")
    assert headers_of(response)["content-type"] == "text/html; charset=utf-8"
    assert '<html lang="zh-TW">' in response["body"]
    assert "新竹市集聯盟" in response["body"]
    assert 'action="/center/go"' in response["body"]
    assert 'href="/center/go?union=hsinchu"' in response["body"]


def test_a_person_whose_place_nobody_serves_sees_the_unions_and_not_a_bare_problem(router: Any) -> None:
    body = answer(router, "05-get-go-unknown-place-page.404.json")["body"]
    assert "還沒有聯盟服務這個地點" in body
    assert 'value="Atlantis"' in body


def test_unions_are_shown_without_the_client_that_speaks_for_them(router: Any) -> None:
    body = answer(router, "05-get-unions.json")["body"]
    assert "client" not in body
    (union,) = json.loads(body)["unions"]
    assert (union["union"], union["healthy"], union["open_stores"]) == ("hsinchu", True, 16)
    assert union["places"] == [{"names": {"zh-TW": "新竹市", "en": "Hsinchu City"}, "postcodes": ["300"]}]


def test_what_nobody_expected_leaks_nothing(router: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("table mart-union-directory said: secret")

    monkeypatch.setattr("mart_union.directory.service.list_unions", fail)
    response = answer(router, "05-get-unions.json")
    assert response["statusCode"] == 500
    assert "secret" not in response["body"]


def test_the_template_names_every_route_of_the_router_and_no_other(router: Any) -> None:
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader)
    events = template["Resources"]["Router"]["Properties"]["Events"].values()
    named = {(each["Properties"]["Method"], each["Properties"]["Path"]) for each in events}
    assert named == {(method, path) for path, methods in router.routes.items() for method in methods}
