"""The union's description, its rates and its tree of categories."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.model import Category, Union
from mart_union.catalog.service import get_union, list_categories, save_category, save_union
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request


class Fees(Struct, frozen=True):
    """The union's rates, in basis points (1 = 1/10,000): its commission on goods, and the tax that prices contain."""

    commission_basis_points: int
    tax_basis_points: int


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/union", OPERATOR, answer=Union)(read_union)
    api.put("/api/operate/union", OPERATOR, body=Union, answer=Union)(write_union)
    api.get("/api/operate/fees", OPERATOR, answer=Fees)(read_fees)
    api.put("/api/operate/fees", OPERATOR, body=Fees, answer=Fees)(write_fees)
    api.get("/api/operate/categories", OPERATOR, answer=list[Category])(read_categories)
    api.put("/api/operate/categories", OPERATOR, body=list[Category], answer=list[Category])(write_categories)


def read_union(request: Request) -> Union:
    """The union as its operator described it."""
    return get_union()


def write_union(request: Request) -> Union:
    """Describe the union; the same description again changes nothing."""
    return save_union(request.content, request.caller.subject)


def read_fees(request: Request) -> Fees:
    """The rates that hold for purchases from now on."""
    union = get_union()
    return Fees(union.commission_basis_points, union.tax_basis_points)


def write_fees(request: Request) -> Fees:
    """Change the rates; purchases made before keep the split that they were made with."""
    fees: Fees = request.content
    changed = replace(
        get_union(),
        commission_basis_points=fees.commission_basis_points,
        tax_basis_points=fees.tax_basis_points,
    )
    save_union(changed, request.caller.subject)
    return fees


def read_categories(request: Request) -> list[Category]:
    """The union's tree of categories, to which stores map their own."""
    return list_categories()


def write_categories(request: Request) -> list[Category]:
    """Write categories of the union's tree, parents before children; what is not named stays as it is."""
    return [save_category("", category, request.caller.subject) for category in request.content]
