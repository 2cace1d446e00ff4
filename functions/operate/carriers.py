"""The union's carriers with what each needs in order to report: where to, and its own key."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.model import Texts
from mart_union.catalog.service import get_union
from mart_union.kernel.secrets import derived_webhook_key
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page
from mart_union.web.api import Api
from mart_union.web.request import Request


class CarrierKey(Struct, frozen=True):
    """A carrier, the path that takes its reports, and the key that signs them (Standard Webhooks)."""

    id: str
    names: Texts
    path: str
    key: str


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/union/carriers", OPERATOR, answer=list[CarrierKey])(read_carriers)
    api.get("/operate/union/carriers", OPERATOR)(show_carriers)


def read_carriers(request: Request) -> list[CarrierKey]:
    """The carriers with their keys, to be handed to each; nothing keeps a key.

    Raises:
        NotFound: the union has not been described.
    """
    return [
        CarrierKey(
            each.id,
            each.names,
            f"/api/carriers/{each.id}/events",
            derived_webhook_key("carrier_key", f"carrier/{each.id}"),
        )
        for each in get_union().carriers
    ]


def show_carriers(request: Request) -> Page:
    """The carriers with their keys."""
    return Page("operate/carriers.html", {"carriers": read_carriers(request)})
