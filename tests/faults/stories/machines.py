"""Stories of what no person starts: schedules, streams, the bucket, settlement's own queue, the authorizer, and the service center."""

from __future__ import annotations

from tests.faults.stories.preparing import (
    quietly,
    with_a_late_parcel,
    with_a_mark_lost,
    with_a_return_overdue,
    with_acceptance_over,
    with_an_answer_overdue,
    with_an_order_to_escalate,
    with_card_acceptance_over,
    with_reservation_over,
    with_something_due,
    with_windows_over,
)
from tests.faults.stories.telling import Prepare, Story, sample

_BUSY_ROWS = "rows whose level kept changing, in the upload's report"

_PARTS = [f'{{"part": {{"number": {number}, "cursor": ""}}}}' for number in range(4)]


def _jobs(name: str, *bodies: str, prepare: Prepare) -> tuple[Story, ...]:
    """A batch of settlement's own queue."""
    records = [
        {"messageId": f"m-{number}", "body": body, "attributes": {}, "eventSource": "aws:sqs"}
        for number, body in enumerate(bodies)
    ]
    return (Story(name, {"Records": records}, prepare=prepare),)


STORIES: dict[str, tuple[Story, ...]] = {
    "authorizer": sample("get-me.allow"),
    "catalog_import uploads/": (
        *sample("store-catalog", reports=_BUSY_ROWS),
        *sample("store-catalog-told-twice", reports=_BUSY_ROWS),
        *sample("store-catalog-with-every-kind-of-error", reports=_BUSY_ROWS),
        *sample("store-catalog-in-big5", reports=_BUSY_ROWS),
        *sample("store-catalog-without-prices", reports=_BUSY_ROWS),
        *sample("catalog-of-nobody"),
        *sample("not-an-upload"),
    ),
    "catalog_import supply/": sample("supply-offers"),
    "catalog_import carriers/": sample(
        "carrier-news", reports="rows whose order kept changing, in the upload's report"
    ),
    "presence": sample("schedule"),
    "relay orders": sample("orders"),
    "relay catalog": sample("catalog"),
    "relay mediation": sample("mediation"),
    "relay ledger": sample("ledger"),
    "router POST /unions": sample("01-post-union.201"),
    "router PUT /unions/{union}/heartbeat": sample("04-put-heartbeat.204", "01-post-union.201"),
    "router POST /unions/{union}/heartbeat": sample("04-post-heartbeat.204", "01-post-union.201"),
    "settlement": sample("schedule", prepare=with_windows_over),
    "settlement reconcile": (
        *sample("reconcile", prepare=quietly),
        *sample("reconcile-a-day", prepare=quietly),
    ),
    "settlement payouts": sample("payouts", prepare=with_something_due),
    "settlement due-job": sample("jobs", prepare=with_something_due),
    "settlement part-job": _jobs("parts of what waits", *_PARTS, prepare=with_a_mark_lost),
    "settlement hour-job": _jobs(
        "an hour of the clock", '{"hour": {"name": "{{hour_over}}"}}', prepare=with_windows_over
    ),
    "settlement orders-job": _jobs("orders", '{"orders": ["{{order_delivered}}", "none"]}', prepare=with_windows_over),
    "settlement payouts-job": _jobs("a job of nothing", "{}", prepare=with_something_due),
    "stock_adjustment": (*sample("levels"), *sample("gap"), *sample("slots")),
    "sweeper": (
        *sample("schedule", prepare=with_reservation_over),
        *sample("schedule", prepare=with_acceptance_over),
        *sample("schedule", prepare=with_an_order_to_escalate),
        *sample("schedule", prepare=with_an_answer_overdue),
        *sample("schedule", prepare=with_a_return_overdue),
        *sample("schedule", prepare=with_a_late_parcel),
        *sample("schedule", prepare=with_card_acceptance_over),
        *sample("unpaid", prepare=with_reservation_over),
        *sample("due", prepare=with_acceptance_over),
        *sample("unanswered", prepare=with_an_answer_overdue),
    ),
}
