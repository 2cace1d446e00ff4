"""Stories of the events that the template's rules put on queues: one for each kind that a function is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from tests.conftest import ROOT
from tests.faults.place import Place
from tests.faults.stories.preparing import (
    with_card_accepted,
    with_card_authorized,
    with_card_expired,
    with_card_given_up,
    with_card_refunded,
    with_card_refused,
    with_merged_category,
    with_paused_store,
    with_suspended_enterprise,
    with_suspended_supplier,
)
from tests.faults.stories.telling import Story, sample

Detail = dict[str, Any]
_STATES = {
    "OrderPlaced": "placed",
    "OrderReserved": "awaiting_payment",
    "OrderAccepted": "accepted",
    "OrderScheduled": "scheduled",
    "OrderRescheduled": "scheduled",
    "OrderBegun": "making",
    "OrderReady": "ready",
    "OrderShipped": "shipped",
    "OrderDelivered": "delivered",
    "OrderCompleted": "completed",
    "OrderRefused": "refused",
    "OrderCancelled": "cancelled",
    "OrderExpired": "expired",
}
"""The state that an order's lines have entered, where they have entered any."""


def _queued(name: str, details: Iterable[Detail], prepare: Callable[[Place], datetime | None] | None = None) -> Story:
    """A queue's batch of events."""
    records = [
        {
            "messageId": f"m-{number}",
            "body": json.dumps({"detail-type": detail["name"], "detail": detail}, ensure_ascii=False),
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for number, detail in enumerate(details)
    ]
    return Story(name, {"Records": records}, prepare=prepare)


def _detail_in(function: str, name: str, number: int) -> Detail:
    """The event inside a message of a sample event."""
    event = json.loads((ROOT / "events" / function / f"{name}.json").read_text(encoding="utf-8"))
    detail: Detail = json.loads(event["Records"][number]["body"])["detail"]
    return detail


def _of_order(kind: str, known: Detail) -> tuple[Story, ...]:
    """Something has happened to the order of a sample event, whose last line a supplier fulfils: the newest news, and twice."""
    state = _STATES.get(kind)
    lines = [line | ({"state": state} if state else {}) for line in known["data"]["lines"]]
    sequence = known["sequence"] + 5
    told = {
        "step": "remind",
        "role": "system",
        "actor": "system",
        "at": known["at"],
        "lines": [line["number"] for line in lines],
    }
    data = known["data"] | {"lines": lines, "sequence": sequence, "history": [told]}
    detail = known | {"id": f"e-{kind}", "name": kind, "sequence": sequence, "data": data}
    return (_queued(f"{kind} of an order, twice", [detail, detail]),)


def _of_card(
    name: str, entity: str, prepare: Callable[[Place], datetime | None], *, payment: str = "authorized"
) -> tuple[Story, ...]:
    """The cards' queue brings an event about the purchase by card."""
    data = {"payment": payment, "purchase": "{{purchase_card}}"}
    at = "2026-11-22T04:00:00.000Z"
    detail = {"id": "e-1", "name": name, "entity": entity, "sequence": 2, "at": at, "data": data}
    return (_queued(f"{name} of a card", [detail], prepare),)


def _of_return(kind: str, known: Detail) -> tuple[Story, ...]:
    """Something has happened to a return of that order, which its supplier takes back."""
    line = known["data"]["lines"][-1]
    taken = {"step": "remind", "role": "system", "actor": "system", "at": known["at"], "lines": []}
    asked = {
        "id": "return-1",
        "taker": line["fulfiller"],
        "lines": [{"number": line["number"], "units": 1}],
        "reason": "defective",
        "at": known["at"],
        "request": "",
        "history": [taken],
    }
    data = known["data"] | {"sequence": known["sequence"] + 5, "procedure_version": 3, "returns": [asked]}
    data |= {"changed_returns": [asked["id"]]}
    detail = known | {"id": f"e-{kind}", "name": kind, "sequence": data["sequence"], "data": data}
    return (_queued(f"{kind} of an order, twice", [detail, detail]),)


def _of_refund(known: Detail) -> tuple[Story, ...]:
    """A part of that order's money goes back to its customer, twice."""
    line = known["data"]["lines"][0]
    given = {"number": line["number"], "units": 0, "amount_minor": 100}
    refund = {"id": "refund-1", "at": known["at"], "actor": "manager", "reason": "", "lines": [given]}
    refund |= {"amount_minor": 100, "key": "", "request": ""}
    data = known["data"] | {"sequence": known["sequence"] + 5, "refunds": [refund]}
    detail = known | {"id": "e-OrderRefunded", "name": "OrderRefunded", "sequence": data["sequence"], "data": data}
    return (_queued("OrderRefunded of an order, twice", [detail, detail]),)


_ORDER, _TRANSFER = "order/{{order_card}}", "transfer/{{transfer_card}}"
_TO_PEOPLE = _detail_in("notifications", "order-placed-twice-and-shipped", -1)
_TO_SUPPLIERS = _detail_in("syndication", "orders-out-of-order", -1)

STORIES: Mapping[str, tuple[Story, ...]] = {
    "cards OrderPlaced": _of_card("OrderPlaced", _ORDER, with_card_authorized),
    "cards OrderScheduled": _of_card("OrderScheduled", _ORDER, with_card_accepted),
    "cards OrderAccepted": (
        *_of_card("OrderAccepted", _ORDER, with_card_accepted),
        *sample("order-paid-otherwise"),
    ),
    "cards OrderRefused": _of_card("OrderRefused", _ORDER, with_card_refused),
    "cards OrderCancelled": _of_card("OrderCancelled", _ORDER, with_card_given_up),
    "cards TransferPosted": (
        *_of_card("TransferPosted", "transfer/{{refund_card}}", with_card_refunded),
        *sample("refund-to-an-account"),
    ),
    "cards TransferVoided": (
        *_of_card("TransferVoided", _TRANSFER, with_card_given_up),
        *sample("transfer-of-no-card-voided"),
    ),
    "cards TransferExpired": _of_card("TransferExpired", _TRANSFER, with_card_expired),
    "notifications MailReplayed": sample("mail-replayed-twice"),
    "notifications OrderPlaced": sample("order-placed"),
    "notifications OrderAccepted": (*sample("order-accepted-late"), *_of_order("OrderAccepted", _TO_PEOPLE)),
    "notifications OrderBegun": _of_order("OrderBegun", _TO_PEOPLE),
    "notifications OrderLate": _of_order("OrderLate", _TO_PEOPLE),
    "notifications OrderReminded": _of_order("OrderReminded", _TO_PEOPLE),
    "notifications OrderCustomerReminded": _of_order("OrderCustomerReminded", _TO_PEOPLE),
    **{
        f"notifications {kind}": _of_return(kind, _TO_PEOPLE)
        for kind in (
            "ReturnRequested",
            "ReturnSent",
            "ReturnReminded",
            "ReturnEscalated",
            "ReturnAccepted",
            "ReturnRefused",
            "ReturnReceived",
            "ReturnReplaced",
        )
    },
    "notifications OrderRefunded": _of_refund(_TO_PEOPLE),
    "notifications OrderScheduled": _of_order("OrderScheduled", _TO_PEOPLE),
    "notifications OrderRescheduled": _of_order("OrderRescheduled", _TO_PEOPLE),
    "notifications OrderReady": _of_order("OrderReady", _TO_PEOPLE),
    "notifications OrderShipped": sample("order-placed-twice-and-shipped"),
    "notifications OrderDelivered": _of_order("OrderDelivered", _TO_PEOPLE),
    "notifications OrderRefused": _of_order("OrderRefused", _TO_PEOPLE),
    "notifications OrderCancelled": _of_order("OrderCancelled", _TO_PEOPLE),
    "notifications OrderExpired": _of_order("OrderExpired", _TO_PEOPLE),
    "notifications ResponseReceived": (
        _queued("ResponseReceived", [_detail_in("notifications", "response-received-and-answered", 0)]),
    ),
    "notifications ResponseEscalated": (
        _queued(
            "ResponseEscalated",
            [
                _detail_in("notifications", "response-received-and-answered", 0)
                | {"name": "ResponseEscalated", "sequence": 2}
            ],
        ),
    ),
    "notifications ResponseAnswered": sample("response-received-and-answered"),
    "notifications StockLow": sample("stock-low"),
    "notifications StockOut": sample("stock-out"),
    "notifications LinkStockLow": sample("link-stock-low-twice"),
    "notifications StatementMade": sample("statement-made"),
    "notifications DepositStandingChanged": sample("deposit-warned"),
    "notifications EnterpriseChanged": sample("applications-decided"),
    "notifications SupplierChanged": (
        _queued("SupplierChanged", [_detail_in("notifications", "applications-decided", 1)]),
    ),
    "shelving LinkChanged": (*sample("link-changed"), *sample("pool-out")),
    "shelving ListingChanged": (
        *sample("listing-changed"),
        *sample("listing-changed-three-times"),
        *sample("listing-changed-twice-and-late"),
        *sample("of-a-store-that-is-not-there"),
    ),
    "shelving ListingRated": (
        _queued(
            "a review, twice",
            [
                {
                    "id": f"e-{time}",
                    "name": "ListingRated",
                    "entity": "rating/emei-tea/OB-TOP",
                    "sequence": 1,
                    "at": "2026-11-22T04:00:00.000Z",
                    "data": {"stars": 5, "reviews": 1},
                }
                for time in (1, 2)
            ],
        ),
    ),
    "shelving StoreChanged": sample("store-and-union-changed"),
    "shelving UnionChanged": (_queued("UnionChanged", [_detail_in("shelving", "store-and-union-changed", 1)]),),
    "shelving CategoryChanged": sample("categories-changed"),
    "shelving StockOut": sample("stock-out-and-back"),
    "shelving StockBack": (_queued("StockBack", [_detail_in("shelving", "stock-out-and-back", 1)]),),
    "syndication LinkChanged": (*sample("link-changed"), *sample("link-changed-twice-and-late")),
    "syndication LinkJobChanged": sample("link-job-changed"),
    "syndication LinkReplayed": (*sample("link-replayed"), *sample("link-replayed-to-try-its-shop")),
    "syndication ShopCheckDue": (*sample("shop-check-due"), *sample("shop-check-due-after-a-try")),
    "syndication ShopChanged": sample("shop-changed"),
    "syndication DepositMoved": sample("deposit-moved"),
    "syndication DepositReviewDue": sample("deposit-review-due"),
    "syndication DepositStandingChanged": sample("deposit-standing-changed"),
    "syndication UnionChanged": sample("union-changed"),
    "syndication CategoryChanged": sample("category-merged", prepare=with_merged_category),
    "syndication OfferChanged": sample("offer-changed-twice"),
    "syndication SupplierChanged": sample("supplier-changed", prepare=with_suspended_supplier),
    "syndication SupplierFollowDue": sample("supplier-follow-due", prepare=with_suspended_supplier),
    "syndication StoreChanged": sample("store-changed", prepare=with_paused_store),
    "syndication StoreFollowDue": sample("store-follow-due", prepare=with_suspended_enterprise),
    "syndication EnterpriseChanged": sample("enterprise-changed", prepare=with_suspended_enterprise),
    "syndication EnterpriseFollowDue": sample("enterprise-follow-due", prepare=with_suspended_enterprise),
    "syndication StockLow": sample("stock-out-low-and-back"),
    "syndication StockOut": (_queued("StockOut", [_detail_in("syndication", "stock-out-low-and-back", 0)]),),
    "syndication StockBack": (_queued("StockBack", [_detail_in("syndication", "stock-out-low-and-back", 1)]),),
    "webhooks OrderReplayed": sample("order-replayed"),
    "webhooks party-job": (
        *sample("job-twice"),
        *sample("job-again"),
        *sample("job-of-a-webhook-that-is-gone"),
    ),
    **{
        f"webhooks {kind}": _of_order(kind, _TO_SUPPLIERS)
        for kind in (*_STATES, "OrderTracked", "OrderRefunded")
        if kind not in {"OrderReserved", "OrderExpired"}
    },
    "webhooks OrderAccepted": (*_of_order("OrderAccepted", _TO_SUPPLIERS), *sample("order-twice")),
    **{
        f"webhooks {kind}": _of_return(kind, _TO_SUPPLIERS)
        for kind in (
            "ReturnRequested",
            "ReturnAccepted",
            "ReturnRefused",
            "ReturnSent",
            "ReturnReceived",
            "ReturnReplacing",
            "ReturnReplaced",
        )
    },
    "syndication OrderPlaced": sample("orders-out-of-order"),
    **{
        f"syndication {kind}": _of_order(kind, _TO_SUPPLIERS)
        for kind in (*_STATES, "OrderTracked", "OrderRefunded", "ReturnRequested", "ReturnRefused", "ReturnReplaced")
        if kind != "OrderPlaced"
    },
}
