"""The OpenAPI document: made from the routes, valid, and true to them."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from mart_union.kernel.paging import Page
from mart_union.web.access import MANAGER, PUBLIC
from mart_union.web.answer import Page as HtmlPage
from mart_union.web.answer import Raw, Redirect
from mart_union.web.api import Api, Route
from mart_union.web.openapi import describe, find_apis, query_names, schemas_of
from mart_union.web.request import Request
from tests.conftest import ROOT

FUNCTIONS = ROOT / "functions"


@dataclass(frozen=True)
class Thing:
    """Something to have."""

    id: str
    price_minor: int
    parts: tuple[Thing, ...] = ()


@dataclass(frozen=True)
class NewThing:
    """Something to make."""

    price_minor: int


def sample() -> Api:
    api = Api("things")

    @api.get("/api/things", PUBLIC, answer=Page[Thing])
    def list_things(request: Request) -> Any:
        """List things, newest first.

        Not in the summary.
        """
        return cursor_of(request), request.query["color"], request.page_number(), request.month()

    @api.post("/api/manage/{store}/things", MANAGER, body=NewThing, answer=Thing, status=201, key=True)
    def make_thing(request: Request) -> Any:
        return request.content

    @api.get("/things/{thing}", PUBLIC)
    def show_thing(request: Request) -> Any:
        """A thing's page."""

    @api.post("/manage/{store}/things", MANAGER, body=NewThing, key=True)
    def make_thing_from_form(request: Request) -> Any:
        """Make a thing from a form."""

    return api


def cursor_of(request: Request) -> str:
    return request.query.get("cursor", "")


@pytest.fixture
def document() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(json.dumps(describe([sample()], "1.2.3")))
    return described


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method]
    return found


def test_the_document_of_some_routes_is_valid(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    assert (document["openapi"], document["info"]["version"]) == ("3.1.0", "1.2.3")


def test_an_operation_says_what_comes_in_and_what_goes_out(document: dict[str, Any]) -> None:
    make = operation(document, "post", "/api/manage/{store}/things")
    assert make["operationId"] == "post_api_manage_by_store_things"
    assert make["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/NewThing"}
    answer = make["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Thing"}
    assert document["components"]["schemas"]["Thing"]["required"] == ["id", "price_minor"]


def test_a_form_comes_in_as_a_form_and_leads_to_a_page(document: dict[str, Any]) -> None:
    make = operation(document, "post", "/manage/{store}/things")
    assert list(make["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    assert "303" in make["responses"]
    assert "text/html" in operation(document, "get", "/things/{thing}")["responses"]["200"]["content"]


def test_an_operation_names_who_may_take_it(document: dict[str, Any]) -> None:
    make = operation(document, "post", "/api/manage/{store}/things")
    assert make["security"] == [{"bearer": []}, {"cookie": []}]
    assert make["x-roles"] == ["manager", "owner"]
    assert {"401", "403", "404", "409", "422", "500", "503"} <= set(make["responses"])
    listing = operation(document, "get", "/api/things")
    assert listing["security"] == []
    assert not {"401", "403"} & set(listing["responses"])


def test_parameters_are_those_of_path_query_and_key(document: dict[str, Any]) -> None:
    def parameters(method: str, path: str) -> list[tuple[str, str]]:
        return [(each["in"], each["name"]) for each in operation(document, method, path)["parameters"]]

    assert parameters("get", "/api/things") == [
        ("query", "color"),
        ("query", "cursor"),
        ("query", "month"),
        ("query", "page"),
    ]
    assert parameters("post", "/api/manage/{store}/things") == [("path", "store"), ("header", "Idempotency-Key")]


def test_a_summary_is_the_first_line_of_the_handlers_docstring_or_its_name(document: dict[str, Any]) -> None:
    assert operation(document, "get", "/api/things")["summary"] == "List things, newest first."
    assert operation(document, "post", "/api/manage/{store}/things")["summary"] == "make thing"


def test_what_a_handler_reads_from_the_query_is_found_in_the_functions_it_calls() -> None:
    def outer(request: Request) -> str:
        return cursor_of(request)

    assert query_names(outer) == ["cursor"]


def test_what_a_handler_reads_from_the_query_is_found_however_deep() -> None:
    def outer(request: Request) -> str:
        return inner(request)

    def inner(request: Request) -> str:
        return cursor_of(request)

    assert query_names(outer) == ["cursor"]


def test_whatever_the_functions_read_from_the_query_is_described() -> None:
    read, elsewhere = set[str](), []
    for file in sorted(FUNCTIONS.glob("*/*.py")):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        names = [name for name in map(name_read, nodes) if name]
        read |= {f"{file.parent.name} {name}" for name in names}
        elsewhere += [str(file)] * (sum(is_query(node) for node in nodes) - len(names))
    assert elsewhere == [], "a query is read in a way that the document does not see"
    handlers = [route.handler for api in find_apis(FUNCTIONS) for route in api.routes]
    described = {f"{each.__module__.partition('.')[0]} {name}" for each in handlers for name in query_names(each)}
    assert sorted(read - described) == []


@pytest.mark.parametrize("path", ["/api/manage/{store}/replenishments", "/api/supply/{supplier}/replenishments"])
def test_replenishments_are_asked_for_by_month_and_in_pages(path: str) -> None:
    parameters = operation(describe(find_apis(FUNCTIONS), "0"), "get", path)["parameters"]
    assert [each["name"] for each in parameters if each["in"] == "query"] == ["cursor", "month"]


def is_query(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "request.query"


def name_read(node: ast.AST) -> str:
    """The name under which a piece of code reads one value of the query; '' for any other."""
    match node:
        case ast.Call(func=ast.Attribute(value=read, attr="get"), args=[ast.Constant(str(name)), *_]) if is_query(read):
            return name
        case ast.Subscript(value=read, slice=ast.Constant(str(name))) if is_query(read):
            return name
    return ""


def test_the_unions_own_document_is_valid_and_names_every_route() -> None:
    apis = find_apis(FUNCTIONS)
    document = json.loads(json.dumps(describe(apis, "0")))
    OpenAPIV31SpecValidator(document).validate()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    declared = [(route.method, route.path) for api in apis for route in api.routes]
    assert sorted(declared) == sorted(described), "a route is declared twice or not described"


def test_every_api_route_of_the_union_says_what_it_takes_and_gives() -> None:
    routes = [route for api in find_apis(FUNCTIONS) for route in api.routes if not route.is_page]
    assert [
        f"{route.method} {route.path} does not name its answer"
        for route in routes
        if route.answer is None and route.status != 204 and route.method == "GET" and not is_file(route)
    ] == []


def is_file(route: Route) -> bool:
    """Whether it answers with a file, whose media type the document names."""
    return get_type_hints(route.handler).get("return") is Raw


def test_the_document_can_be_written_without_a_unions_settings() -> None:
    command = [sys.executable, "-m", "mart_union.web.openapi", "--functions", str(FUNCTIONS), "--version", "9.9.9"]
    environment = {"PATH": "", "PYTHONPATH": str(ROOT / "layers" / "core")}
    written = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60)
    assert json.loads(written.stdout)["info"]["version"] == "9.9.9"


def responses(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = operation(document, method, path)["responses"]
    return found


def test_a_handlers_annotation_says_which_answers_it_gives() -> None:
    api = Api("things")

    @api.get("/sheet", PUBLIC)
    def send_sheet(request: Request) -> Raw:
        """A sheet."""
        return Raw("", "text/csv; charset=utf-8")

    @api.post("/things", PUBLIC)
    def make(request: Request) -> HtmlPage | Redirect:
        """Make a thing, or show the form again."""
        return Redirect("/")

    @api.get("/mine", MANAGER)
    def show_mine(request: Request) -> HtmlPage:
        """What is mine."""
        return HtmlPage("", {})

    document = describe([api], "0")
    assert list(responses(document, "get", "/sheet")["200"]["content"]) == ["text/csv"]
    made = responses(document, "post", "/things")
    assert list(made["200"]["content"]) == ["text/html"]
    assert made["303"]["headers"]["Location"]["required"]
    assert responses(document, "get", "/mine")["303"]["headers"]["Location"]["required"]


def test_a_refusal_names_the_codes_of_its_status_and_a_page_tells_it_in_html(document: dict[str, Any]) -> None:
    refusals = document["components"]["responses"]
    content = refusals["415"]["content"]["application/problem+json"]["schema"]["allOf"]
    assert content[1]["properties"]["type"]["enum"] == ["urn:mart-union:problem:unsupported-media-type"]
    assert content[1]["properties"]["status"] == {"const": 415}
    assert list(refusals["404-page"]["content"]) == ["text/html", "application/problem+json"]
    assert responses(document, "get", "/things/{thing}")["404"] == {"$ref": "#/components/responses/404-page"}
    assert responses(document, "post", "/api/manage/{store}/things")["413"] == {"$ref": "#/components/responses/413"}


def test_parameters_say_how_long_they_may_be(document: dict[str, Any]) -> None:
    store = operation(document, "post", "/api/manage/{store}/things")["parameters"][0]
    assert store["schema"] == {"type": "string", "minLength": 1, "maxLength": 128}
    color = operation(document, "get", "/api/things")["parameters"][0]
    assert color["schema"] == {"type": "string", "maxLength": 1024}


def test_a_machines_route_names_the_headers_of_its_signature() -> None:
    document = describe(find_apis(FUNCTIONS), "0")
    sales = "/api/shops/{shop}/sales"
    own = ("/api/payments/webhooks/{provider}", "/api/carriers/{carrier}/events")
    for path in (*own, sales, f"{sales}/cancel", f"{sales}/returns"):
        named = [each["name"] for each in operation(document, "post", path)["parameters"] if each["in"] == "header"]
        assert named == ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"], path
        assert "401" in responses(document, "post", path)


def test_a_tuple_of_equals_is_an_array_of_so_many() -> None:
    api = Api("things")

    @api.get("/api/hours", PUBLIC, answer=dict[str, tuple[str, str]])
    def read_hours(request: Request) -> Any:
        """Hours."""

    schema = responses(describe([api], "0"), "get", "/api/hours")["200"]["content"]["application/json"]["schema"]
    hours = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "string"}}
    assert schema == {"type": "object", "additionalProperties": hours}


def test_no_answer_of_the_union_is_a_loose_object() -> None:
    def loose(schema: Any, place: str) -> Iterator[str]:
        if isinstance(schema, dict):
            if schema in ({}, {"type": "object"}):
                yield place
            for name, each in schema.items():
                if name != "default":
                    yield from loose(each, f"{place}/{name}")

    answers = {route.answer for api in find_apis(FUNCTIONS) for route in api.routes if route.answer is not None}
    schemas, components = schemas_of(answers)
    assert list(loose({**components, **{str(kind): schemas[kind] for kind in answers}}, "")) == []
