"""On events from the union's bus, by a queue: shelves follow the union, its stores, categories, listings, what is in stock and how it is rated.

What counts is the catalog as it is when the message is handled, so an event may come twice, late or out of order; a shelf that
several messages of a batch speak of is built once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mart_union.catalog.service import rebuild_categories, rebuild_front, rebuild_store
from mart_union.kernel.events import Event, read_event

logger = Logger(service="shelving")

FRONT = "front"
CATEGORIES = "categories"


def shelves_of(event: Event) -> tuple[str, ...]:
    """The shelves that an event speaks of: `front`, `categories` (the union's), or `store/<id>` (all of a store's)."""
    kind, _, rest = event.entity.partition("/")
    owner = rest.partition("/")[0]
    if kind == "union":
        return (FRONT,)
    if kind == "store":
        return (FRONT, f"store/{owner}")
    if kind == "category":
        return (f"store/{owner}",) if owner else (FRONT, CATEGORIES)
    if kind == "level":
        _, level_kind, store, *_ = event.entity.split("/")
        return (f"store/{store}",) if level_kind == "listing" else ()  # of a pool's end, the links tell
    return (f"store/{owner}",) if kind in {"listing", "link", "rating"} else ()


def build(shelf: str) -> None:
    """Build one of the shelves that `shelves_of` names."""
    if shelf == FRONT:
        rebuild_front()
    elif shelf == CATEGORIES:
        rebuild_categories()
    else:
        rebuild_store(shelf.removeprefix("store/"))


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Handle each message; those whose shelf could not be built are delivered again, the others are not."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=_handler(), processor=processor, context=context)


def _handler() -> Callable[[SQSRecord], None]:
    """A handler of one batch's messages, which remembers what the batch has built."""
    built: set[str] = set()

    def handle(record: SQSRecord) -> None:
        event = read_event(record.body)
        for shelf in shelves_of(event):
            if shelf in built:
                continue
            try:
                build(shelf)
            except Exception as error:
                logger.warning(
                    "to be delivered again", event_name=event.name, shelf=shelf, problem=type(error).__name__
                )
                raise
            built.add(shelf)

    return handle
