"""The union's description."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict, replace

from mart_union.catalog.carriers import Carrier
from mart_union.catalog.model import Classification, Place, Texts, Union
from mart_union.catalog.service import change_union, get_union
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request


class Description(Struct, frozen=True):
    """How the union introduces itself, and what its stores choose from; its rules of fees, tax and deposits are told apart."""

    id: str
    names: Texts
    texts: Texts
    places: tuple[Place, ...]
    languages: tuple[str, ...]
    classifications: tuple[Classification, ...]
    carriers: tuple[Carrier, ...]


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/union", OPERATOR, answer=Union)(read_union)
    api.put("/api/operate/union", OPERATOR, body=Description, answer=Union)(write_union)


def read_union(request: Request) -> Union:
    """The union as its operator described it."""
    return get_union()


def write_union(request: Request) -> Union:
    """Describe the union; the same description again changes nothing, and its rules stay as they are."""
    described = asdict(request.content)
    fresh = Union(**described)
    return change_union(
        lambda union: replace(union, **described), request.caller.subject, "union described", fresh=fresh
    )
