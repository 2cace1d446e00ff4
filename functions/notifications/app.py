"""On the queue of domain events: mail to those whom they concern. A message that could not be sent comes again by itself."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mart_union.kernel.events import read_event
from notifications.delivery import deliver

logger = Logger(service="notifications")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Tell of a batch of events; answers with those that failed."""
    return process_partial_response(event=event, record_handler=tell, processor=processor, context=context)


def tell(record: SQSRecord) -> None:
    """Tell everybody concerned of one event."""
    event = read_event(record.body)
    sent = deliver(event)
    logger.info("told", event_name=event.name, entity=event.entity, sequence=event.sequence, sent=sent)
