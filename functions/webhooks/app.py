"""On a queue: events of orders, from the union's bus, become a job for each webhook of their store and suppliers; a job tells one of them."""

from __future__ import annotations

from typing import Any

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mart_union.kernel.clock import utc_now
from mart_union.kernel.events import read_event
from mart_union.mediation.order_telling import Telling, hand_out, hand_out_again, tell_webhook

_NEEDED_MILLISECONDS = 10_000  # a receiver may take eight seconds to answer

logger = Logger(service="webhooks")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


class TimeShort(Exception):
    """Too little of the invocation is left to begin with another message."""


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Handle each message; those that fail are delivered again, the others are not."""
    return process_partial_response(event=event, record_handler=handle, processor=processor, context=context)


def handle(record: SQSRecord, lambda_context: Any) -> None:
    """Hand an event out, or do a job.

    Raises:
        TimeShort: slow receivers have used up the batch's time; the message comes again, rather than being cut off halfway.
    """
    if lambda_context is not None and lambda_context.get_remaining_time_in_millis() < _NEEDED_MILLISECONDS:
        raise TimeShort("left for the next delivery")
    try:
        _handle(record.body)
    except Exception as error:
        logger.warning("to be delivered again", message_id=record.message_id, problem=type(error).__name__)
        raise


def _handle(body: str) -> None:
    if "detail" not in msgspec.json.decode(body):
        job = msgspec.json.decode(body, type=Telling)
        told = tell_webhook(job, utc_now())
        logger.info("told" if told else "not told", webhook=job.webhook, event_id=job.event, tries=job.tries)
        return
    event = read_event(body)
    (hand_out_again if event.name == "OrderReplayed" else hand_out)(event)
