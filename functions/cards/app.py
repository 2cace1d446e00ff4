"""On events from the union's bus, by a queue: cards are charged when every store has answered, refunded when the ledger says so, and
released when their purchase ended. What counts is how things stand by now, so an event may come twice, late or out of order.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mart_union.checkout.capturing import capture_purchase
from mart_union.checkout.card_refunds import refund_card
from mart_union.checkout.cards import release_card
from mart_union.kernel.clock import utc_now
from mart_union.kernel.events import Event, read_event
from mart_union.ledger.service import get_transfer

_ENDED = frozenset({"TransferVoided", "TransferExpired"})
_PURCHASE = "purchase-"

logger = Logger(service="cards")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Handle each message; those that fail are delivered again, the others are not."""
    return process_partial_response(event=event, record_handler=handle, processor=processor, context=context)


def handle(record: SQSRecord) -> None:
    """Do at the card processor what an event calls for."""
    event = read_event(record.body)
    if _act(event):
        logger.info("done at the card processor", event_name=event.name, entity=event.entity)


def _act(event: Event) -> bool:
    if event.name.startswith("Order"):
        return event.data["payment"] == "authorized" and capture_purchase(event.data["purchase"], utc_now())
    transfer = event.entity.removeprefix("transfer/")
    if event.name in _ENDED and transfer.startswith(_PURCHASE):
        release_card(transfer.removeprefix(_PURCHASE))
        return True
    if event.name == "TransferPosted":
        return refund_card(get_transfer(transfer), utc_now())
    return False
