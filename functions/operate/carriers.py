"""The union's carriers: where, for how much and when each delivers; and what each needs in order to report."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict, replace

from mart_union.catalog.carriers import Carrier, Zone
from mart_union.catalog.hours import DAYS
from mart_union.catalog.model import Texts
from mart_union.catalog.service import get_union
from mart_union.catalog.unions import save_carrier
from mart_union.kernel.errors import NotFound
from mart_union.kernel.secrets import derived_webhook_key
from mart_union.kernel.settings import settings
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request
from operate.carrier_form import carrier_of, zone_rows
from operate.texts import texts_of


class CarrierKey(Struct, frozen=True):
    """A carrier, the path that takes its reports, and the key that signs them (Standard Webhooks)."""

    id: str
    names: Texts
    path: str
    key: str


class CarrierTerms(Struct, frozen=True):
    """All that can be said of a carrier; amounts in minor units. `Carrier` says what each means."""

    names: Texts
    tracking_url: str = ""
    area: tuple[str, ...] = ()
    zones: tuple[Zone, ...] = ()
    priced_by: str = "goods"
    cut_off: str = ""
    collects: tuple[str, ...] = ()


class NamedForm(Struct, frozen=True):
    """The form that adds a carrier or renames it; names come as one field a language."""

    id: str
    tracking_url: str = ""


def add_routes(api: Api) -> None:
    """Declare the routes."""
    one = "/operate/union/carriers/{carrier}"
    api.get("/api/operate/union/carriers", OPERATOR, answer=list[CarrierKey])(read_carriers)
    api.put(f"/api{one}", OPERATOR, body=CarrierTerms, answer=Carrier)(write_carrier)
    api.get("/operate/union/carriers", OPERATOR)(show_carriers)
    api.post("/operate/union/carriers", OPERATOR, body=NamedForm)(add_carrier)
    api.get(one, OPERATOR)(show_carrier)
    api.post(one, OPERATOR, body=dict[str, str])(change_carrier)


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


def write_carrier(request: Request) -> Carrier:
    """Say of a carrier where it delivers, for how much and when; it holds for purchases from now on. The same again changes nothing."""
    carrier = Carrier(request.params["carrier"], **asdict(request.content))
    return save_carrier(carrier.id, lambda _: carrier, request.caller.subject)


def show_carriers(request: Request) -> Page:
    """The carriers with their keys."""
    return Page("operate/carriers.html", {"carriers": read_carriers(request)})


def add_carrier(request: Request) -> Redirect:
    """Add a provider of delivery, or change its names and its tracking link."""
    form: NamedForm = request.content
    named = Carrier(form.id, texts_of(request, "name"), form.tracking_url)

    def edit(before: Carrier | None) -> Carrier:
        return replace(before, names=named.names, tracking_url=named.tracking_url) if before else named

    save_carrier(form.id, edit, request.caller.subject)
    return Redirect("/operate/union")


def show_carrier(request: Request) -> Page:
    """A carrier's area, prices and times as a form."""
    carrier, currency = _known(get_union().carrier(request.params["carrier"])), settings().currency
    context = {"carrier": carrier, "zones": zone_rows(carrier, currency), "days": DAYS, "currency": currency}
    return Page("operate/carrier.html", context)


def change_carrier(request: Request) -> Redirect:
    """Change what the form shows."""
    form = request.content

    def edit(before: Carrier | None) -> Carrier:
        return carrier_of(form, _known(before), settings().currency)

    carrier = save_carrier(request.params["carrier"], edit, request.caller.subject)
    return Redirect(f"/operate/union/carriers/{carrier.id}")


def _known(carrier: Carrier | None) -> Carrier:
    if carrier is None:
        raise NotFound("the union has no such carrier")
    return carrier
