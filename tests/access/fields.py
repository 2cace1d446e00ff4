"""Fields of bodies, forms and queries that name something, found from the APIs' OpenAPI documents: which of them could name another's
object. Every name that stands here neither as plain nor as free wants a row in `bodies.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mart_union.web.center_openapi import describe_center, load_router
from mart_union.web.openapi import describe, find_apis
from tests.conftest import ROOT

PLAIN: dict[str, str] = {
    "texts that somebody writes": (
        "account address address_lines address_more answer area bank base_url brand city code currency email file_name glyph group gtin holder "
        "hours last_view name names next note options password path phone postcode postcodes reason reference region registration text "
        "texts titles tracking_number tracking_url url words"
    ),
    "boxes of mails that are not wanted": "no_answers no_progress no_statements no_stock",
    "amounts, written as text in forms": "amount cap collected fixed floor level markup minimum minimum_price price rate suggested_price supply_price turnover",
    "supply prices by volume: from how many units on": "tiers",
    "moments": "appointment_at at day days ends_at estimated_by first from last month slot starts_at times",
    "choices among words of ours": (
        "access collected_by consent decision event how kind lang language languages method on part procedure role scope settlement_period state step "
        "stock then type unwanted_mails wants what"
    ),
    "what the union describes for all its stores": "carrier classification place union_category",
    "a part of the path's own level, by its number": "shard",
    "what describes a procedure: states, steps, roles, reasons of returns and words for people": (
        "description effect fault from_states gives kinds needs payment roles title to to_state way_back"
    ),
    "a word that opens one order, told to who picks it up": "pickup_code",
    "a card, as the provider's own page hands it to its payer": "payment_method",
}
"""Words in the names of fields that name nobody's object, by the reason."""

FREE: dict[str, str] = {
    "POST /api/purchases lines.store": "goods for everybody",
    "POST /api/purchases lines.sku": "goods for everybody",
    "POST /checkout lines": "goods for everybody",
    "GET /checkout/{store}/{sku} quantity": "how many units",
    "POST /api/admissions store": "goods for everybody",
    "POST /api/admissions sku": "goods for everybody",
    "POST /api/manage/{store}/links sku": "the new listing's own name in the path's store",
    "POST /manage/{store}/links sku": "the new listing's own name in the path's store",
    "POST /api/manage/{store}/link-jobs prefix": "how the new listings' own names in the path's store begin",
    "POST /manage/{store}/link-jobs prefix": "how the new listings' own names in the path's store begin",
    "POST /supply/{supplier}/offers sku": "the offer's own name at the path's supplier",
    "POST /supply/{supplier}/offers/{sku}/allotments store": "any store to which the path's offer is granted",
    "POST /api/manage/{store}/urgent-sales/{sku}/end sale": "the path's listing's own sale, or nothing is ended",
    "POST /manage/{store}/urgent-sales/{sku}/end sale": "the path's listing's own sale, or nothing is ended",
    "POST /api/shops/{shop}/state links.sku": "what the path's shop shows; what is no link of its store is told so",
    "POST /api/shops/{shop}/state after": "a name in the path's store to go on after",
    "POST /api/shops/{shop}/state links.availability": "a word that is compared",
    "GET /manage/{store}/urgent-sales sku": "stands in the form; who sends the form is asked",
    "POST /api/manage/{store}/orders/{order}/events shipment": "a parcel of the path's order, by its number",
    "POST /manage/{store}/orders/{order}/events shipment": "a parcel of the path's order, by its number",
    "POST /api/supply/{supplier}/orders/{order}/events shipment": "a parcel of the path's order, by its number",
    "POST /supply/{supplier}/orders/{order}/events shipment": "a parcel of the path's order, by its number",
    "POST /api/shops/{shop}/sales sale": "the shop's own number of its sale",
    "POST /api/shops/{shop}/sales/cancel sale": "the path's shop's own number of its sale; nobody else's is found by it",
    "POST /api/shops/{shop}/sales/cancel skus": "lines of the path's shop's own sale",
    "POST /api/shops/{shop}/sales/returns sale": "the path's shop's own number of its sale; nobody else's is found by it",
    "POST /api/shops/{shop}/sales/returns id": "the shop's own number of its return",
    "POST /api/shops/{shop}/sales/returns lines.sku": "lines of the path's shop's own sale",
    "POST /api/manage/{store}/orders/{order}/sale/cancel skus": "lines of the path's order",
    "POST /manage/{store}/orders/{order}/sale/cancel sku": "a line of the path's order",
    "POST /api/manage/{store}/orders/{order}/sale/returns lines.sku": "lines of the path's order",
    "POST /manage/{store}/orders/{order}/sale/returns sku": "a line of the path's order",
    "POST /api/payments/webhooks/{provider} data": "the bank may tell of anybody's money; who signs is in machines.py",
    "POST /unions union": "the network operator's to give",
    "POST /unions client_id": "the network operator's to give",
}
"""Single fields that may name what they like, and why."""

_OPERATORS = ("/operate", "/api/operate")


@dataclass(frozen=True)
class Field:
    """A field of a request, by the name of its route; `name` has the names of what it stands in before it."""

    route: str
    where: str
    name: str

    def __str__(self) -> str:
        return f"{self.route} {self.name}"

    @property
    def is_plain(self) -> bool:
        """Whether it names nobody's object."""
        return self.name.split(".")[-1] in plain_names()

    @property
    def is_operators(self) -> bool:
        """Whether the union's operator sends it, who may name everything in the union."""
        return self.route.split(" ")[1].startswith(_OPERATORS)


@cache
def plain_names() -> frozenset[str]:
    """All names that stand in PLAIN."""
    return frozenset(name for names in PLAIN.values() for name in names.split())


@cache
def all_fields() -> tuple[Field, ...]:
    """Every field that holds a text, or texts, of every route of both APIs."""
    documents = (describe(find_apis(ROOT / "functions"), "0"), describe_center(load_router(ROOT / "functions"), "0"))
    return tuple(field for document in documents for field in _fields_of(document))


def _fields_of(document: Mapping[str, Any]) -> Iterator[Field]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            route = f"{method.upper()} {path}"
            yield from (
                Field(route, "query", each["name"]) for each in said.get("parameters", ()) if each["in"] == "query"
            )
            for media_type, content in said.get("requestBody", {}).get("content", {}).items():
                where = "form" if "form" in media_type else "body"
                yield from (Field(route, where, name) for name in _texts(document, content["schema"], ""))


def _texts(document: Mapping[str, Any], schema: Mapping[str, Any], before: str) -> Iterator[str]:
    """The names of the texts in a schema; what it refers to and what its lists hold included."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for each in schema.get("anyOf", ()):
        yield from _texts(document, each, before)
    if "items" in schema:
        yield from _texts(document, schema["items"], before)
    for name, inner in schema.get("properties", {}).items():
        yield from _texts(document, inner, f"{before}.{name}" if before else name)
    is_open = schema.get("type") == "object" and "properties" not in schema
    if before and (schema.get("type") == "string" or "enum" in schema or is_open):
        yield before
