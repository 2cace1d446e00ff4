"""What carriers report, signed as Standard Webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Unauthenticated
from mart_union.kernel.secrets import derived_webhook_key
from mart_union.orders.tracking import add_tracking_event
from mart_union.web.access import PUBLIC
from mart_union.web.api import Api
from mart_union.web.request import Request


class Report(Struct, frozen=True):
    """What happened to a shipment: picked_up, in_transit, out_for_delivery, failed_attempt or delivered, when and where, and when it is expected to
    arrive; with what the carrier took, in minor units, for an order that is paid on delivery."""

    order: str
    shipment: str
    event: str
    at: str
    collected_minor: int = 0
    place: str = ""
    estimated_by: str = ""


class Received(Struct, frozen=True):
    """The state of the shipment's order after a report."""

    order: str
    state: str
    sequence: int


def add_routes(api: Api) -> None:
    """Declare the route."""
    api.post("/api/carriers/{carrier}/events", PUBLIC, body=Report, answer=Received)(receive_report)


def receive_report(request: Request) -> Received:
    """Record a carrier's signed report of its shipment; the same again changes nothing, whatever the order of arrival."""
    _check_signature(request)
    report: Report = request.content
    carrier = request.params["carrier"]
    order = add_tracking_event(
        report.order,
        report.shipment,
        report.event,
        report.at,
        carrier=carrier,
        now=utc_now(),
        collected_minor=report.collected_minor,
        place=report.place,
        estimated_by=report.estimated_by,
    )
    return Received(order.id, order.state, order.sequence)


def _check_signature(request: Request) -> None:
    from standardwebhooks import Webhook, WebhookVerificationError  # shoppers' requests start without it

    try:
        key = derived_webhook_key("carrier_key", f"carrier/{request.params['carrier']}")
        Webhook(key).verify(request.text, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError) as error:
        raise Unauthenticated("the webhook's signature does not fit its body, or is too old") from error
