"""On events from the union's bus, by a queue: links follow their offers, their suppliers, their store and its deposit, rules make links, suppliers get their orders.
And by a queue of their own, one event at a time, shops are told of links: one that is slow holds nothing else up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mart_union.kernel.clock import utc_now
from mart_union.kernel.events import Event, read_event
from mart_union.mediation import service as mediation

_NEEDED_MILLISECONDS = 10_000  # more than any event takes, a shop's eight seconds included

logger = Logger(service="syndication")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def _review(store: str) -> None:
    mediation.review_deposit(store, utc_now())


def _review_again(event: Event) -> None:
    """Review a deposit (a DepositReviewDue event), and look at the links of a store that is paused."""
    if mediation.review_deposit(event.data["store"], utc_now()).state == "paused":
        mediation.apply_standing(event)


CONSUMERS: dict[str, Callable[[Event], None]] = {
    "LinkChanged": lambda event: mediation.tell_shops(event, utc_now()),
    "LinkReplayed": lambda event: mediation.tell_shop_again(event, utc_now()),
    "ShopChanged": mediation.replay_links,
    "ShopCheckDue": lambda event: mediation.check_shop(event, utc_now()),
    "DepositMoved": lambda event: _review(event.data["store"]),
    "DepositStandingChanged": mediation.apply_standing,
    "DepositReviewDue": _review_again,
    "UnionChanged": mediation.ask_reviews,
    "LinkJobChanged": lambda event: mediation.work_link_job(event, utc_now()),
    "OfferChanged": mediation.apply_offer_change,
    "SupplierChanged": mediation.apply_supplier_change,
    "SupplierFollowDue": mediation.apply_supplier_change,
    "StoreChanged": mediation.apply_store_change,
    "StoreFollowDue": mediation.apply_store_change,
    "EnterpriseChanged": mediation.apply_enterprise_change,
    "EnterpriseFollowDue": mediation.apply_enterprise_change,
    "CategoryChanged": mediation.apply_category_change,
    "StockLow": mediation.apply_stock_change,
    "StockOut": mediation.apply_stock_change,
    "StockBack": mediation.apply_stock_change,
}


class TimeShort(Exception):
    """Too little of the invocation is left to begin with another message."""


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Handle each message; those that fail are delivered again, the others are not."""
    return process_partial_response(event=event, record_handler=handle, processor=processor, context=context)


def handle(record: SQSRecord, lambda_context: Any) -> None:
    """Pass one event to its consumer; all events of orders keep the suppliers' lists.

    Raises:
        TimeShort: the batch's time is used up; the message comes again, rather than being cut off halfway.
    """
    if lambda_context is not None and lambda_context.get_remaining_time_in_millis() < _NEEDED_MILLISECONDS:
        raise TimeShort("left for the next delivery")
    event = read_event(record.body)
    consumer = CONSUMERS.get(event.name)
    try:
        if consumer is not None:
            consumer(event)
        elif event.name.startswith(("Order", "Return")):
            mediation.record_supply_order(event)
    except Exception as error:
        logger.warning("to be delivered again", event_name=event.name, event_id=event.id, problem=type(error).__name__)
        raise
