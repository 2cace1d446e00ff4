"""The service center's router: each sample event has the outcome in its name, in the order of their names."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto import mock_aws
from openapi_spec_validator import OpenAPIV31SpecValidator

from mart_union.directory.tables import UnionItem
from mart_union.kernel import storage
from mart_union.web.center_openapi import describe_center
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


def changed(name: str, **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / "router" / name).read_text())
    return {**event, **changes}


def problem_type(response: dict[str, Any]) -> str:
    assert headers_of(response)["content-type"] == "application/problem+json"
    return str(json.loads(response["body"])["type"])


@pytest.mark.parametrize("union", ["x" * 129, "茶" * 400, "a\r\nb"])
def test_what_no_union_could_be_called_is_not_found(router: Any, union: str) -> None:
    response = router(changed("05-get-union.json", pathParameters={"union": union}), CONTEXT)
    assert (response["statusCode"], problem_type(response)) == (404, "urn:mart-union:problem:not-found")


@pytest.mark.parametrize("address", ["https://a.example/\r\nSet-Cookie: a=b", "https://茶.example", "https://a b"])
def test_an_address_to_which_no_header_can_lead_is_refused_and_not_kept(router: Any, address: str) -> None:
    event = changed("04-put-heartbeat.204.json")
    event["body"] = json.dumps({**json.loads(event["body"]), "base_url": address})
    before = answer(router, "05-get-union.json")["body"]
    response = router(event, CONTEXT)
    assert (response["statusCode"], problem_type(response)) == (422, "urn:mart-union:problem:invalid")
    assert answer(router, "05-get-union.json")["body"] == before


def test_a_body_that_says_that_it_is_no_json_is_a_problem_too(router: Any) -> None:
    event = changed("01-post-union.201.json")
    event["headers"] = {**event["headers"], "Content-Type": "application/xml"}
    event["multiValueHeaders"] = {**event["multiValueHeaders"], "Content-Type": ["application/xml"]}
    response = router(event, CONTEXT)
    assert (response["statusCode"], problem_type(response)) == (415, "urn:mart-union:problem:unsupported-media-type")


def test_a_body_without_end_is_refused(router: Any) -> None:
    response = router(changed("01-post-union.201.json", body='{"union": "' + "x" * 256_000 + '"}'), CONTEXT)
    assert (response["statusCode"], problem_type(response)) == (413, "urn:mart-union:problem:too-large")


# The document


def test_the_centers_document_is_valid_and_names_every_route_with_the_authorizer_of_the_template(router: Any) -> None:
    document = json.loads(json.dumps(describe_center(importlib.import_module("router.app"), "0")))
    OpenAPIV31SpecValidator(document).validate()
    described = {
        (method.upper(), path): [name for each in operation["security"] for name in each]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader)
    events = [each["Properties"] for each in template["Resources"]["Router"]["Properties"]["Events"].values()]
    schemes = {"NONE": [], "NetworkOperator": ["operator"], "Union": ["union"]}
    assert described == {(each["Method"], each["Path"]): schemes[each["Auth"]["Authorizer"]] for each in events}


def test_the_centers_document_can_be_written_without_its_settings() -> None:
    command = [sys.executable, "-m", "mart_union.web.center_openapi", "--functions", str(ROOT / "functions")]
    environment = {"PATH": "", "PYTHONPATH": str(ROOT / "layers" / "core")}
    written = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60)
    assert set(json.loads(written.stdout)["components"]["schemas"]) >= {
        "UnionShown",
        "Unions",
        "Admission",
        "Heartbeat",
    }
