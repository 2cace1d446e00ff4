"""On events from the union's bus, by a queue: the shelves that they make stale are built again, each once a batch."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mart_union.catalog.service import rebuild_categories, rebuild_front, rebuild_store
from mart_union.kernel.events import read_event
from shelving.rules import FRONT, stale_shelves

logger = Logger(service="shelving")


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Build what is stale; messages whose shelves could not be built are delivered again, the others are not."""
    built: set[str] = set()
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    answer = process_partial_response(
        event=event, record_handler=lambda record: _handle(record, built), processor=processor, context=context
    )
    logger.info("built", shelves=sorted(built), messages=len(event["Records"]))
    return answer


def _handle(record: SQSRecord, built: set[str]) -> None:
    """A shelf built for an earlier message of the batch shows what this one tells of, too: the change came before the batch."""
    event = read_event(record.body)
    try:
        for shelf in sorted(stale_shelves(event) - built):
            _build(shelf)
            built.add(shelf)
    except Exception as error:
        logger.warning("to be delivered again", event_name=event.name, event_id=event.id, problem=type(error).__name__)
        raise


def _build(shelf: str) -> None:
    kind, _, name = shelf.partition("/")
    if shelf == FRONT:
        rebuild_front()
    elif kind == "store":
        rebuild_store(name)
    else:
        rebuild_categories([name])
