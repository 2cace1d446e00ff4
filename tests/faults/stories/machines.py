"""Stories of what no person starts: schedules, queues, streams, the bucket, the authorizer, and the service center."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.faults.place import Place
from tests.faults.stories.preparing import (
    quietly,
    with_acceptance_over,
    with_card_acceptance_over,
    with_card_accepted,
    with_card_given_up,
    with_card_refunded,
    with_card_refused,
    with_reservation_over,
    with_something_due,
    with_windows_over,
)
from tests.faults.stories.telling import Story, sample


def _told(name: str, entity: str, prepare: Callable[[Place], None]) -> tuple[Story, ...]:
    """The cards' queue brings an event about the purchase by card."""
    data = {"payment": "authorized", "purchase": "{{purchase_card}}"}
    detail = {
        "id": "e-1",
        "name": name,
        "entity": entity,
        "sequence": 2,
        "at": "2026-11-22T04:00:00.000Z",
        "data": data,
    }
    body = json.dumps({"detail-type": name, "detail": detail})
    record = {"messageId": "m-1", "body": body, "attributes": {}, "messageAttributes": {}, "eventSource": "aws:sqs"}
    return (Story(f"{name} of a card", {"Records": [record]}, prepare=prepare),)


_BUSY_ROWS = "rows whose level kept changing, in the upload's report"

STORIES: dict[str, tuple[Story, ...]] = {
    "authorizer": sample("get-me.allow"),
    "cards": (
        *_told("OrderAccepted", "order/{{order_card}}", with_card_accepted),
        *_told("OrderRefused", "order/{{order_card}}", with_card_refused),
        *_told("TransferPosted", "transfer/{{refund_card}}", with_card_refunded),
        *_told("TransferVoided", "transfer/{{transfer_card}}", with_card_given_up),
        *sample("order-paid-otherwise"),
        *sample("transfer-of-no-card-voided"),
        *sample("refund-to-an-account"),
    ),
    "catalog_import": (
        *sample("store-catalog", reports=_BUSY_ROWS),
        *sample("supply-offers"),
        *sample("store-catalog-told-twice", reports=_BUSY_ROWS),
        *sample("store-catalog-with-every-kind-of-error", reports=_BUSY_ROWS),
    ),
    "notifications": (
        *sample("order-placed"),
        *sample("order-placed-twice-and-shipped"),
        *sample("statement-made"),
        *sample("deposit-warned"),
        *sample("response-received-and-answered"),
    ),
    "presence": sample("schedule"),
    "relay orders": sample("orders"),
    "relay catalog": sample("catalog"),
    "relay mediation": sample("mediation"),
    "relay ledger": sample("ledger"),
    "router POST /unions": sample("01-post-union.201"),
    "router PUT /unions/{union}/heartbeat": sample("04-put-heartbeat.204", "01-post-union.201"),
    "router POST /unions/{union}/heartbeat": sample("04-post-heartbeat.204", "01-post-union.201"),
    "settlement": (
        *sample("schedule", prepare=with_windows_over),
        *sample("reconcile", prepare=quietly),
        *sample("jobs", prepare=with_something_due),
    ),
    "shelving": (
        *sample("listing-changed-three-times"),
        *sample("store-and-union-changed"),
        *sample("categories-changed"),
    ),
    "stock_adjustment": (*sample("levels"), *sample("gap")),
    "sweeper": (
        *sample("schedule", prepare=with_reservation_over),
        *sample("schedule", prepare=with_acceptance_over),
        *sample("schedule", prepare=with_card_acceptance_over),
    ),
    "syndication LinkChanged": (*sample("link-changed"), *sample("link-changed-twice-and-late")),
    "syndication LinkReplayed": sample("link-replayed"),
    "syndication ShopChanged": sample("shop-changed"),
    "syndication DepositMoved": sample("deposit-moved"),
    "syndication DepositStandingChanged": sample("deposit-standing-changed"),
    "syndication UnionChanged": sample("union-changed"),
    "syndication OfferChanged": sample("offer-changed-twice"),
    "syndication StockLow": sample("stock-out-low-and-back"),
    "syndication StockOut": sample("stock-out-low-and-back"),
    "syndication StockBack": sample("stock-out-low-and-back"),
    "syndication Order*": sample("orders-out-of-order"),
}
