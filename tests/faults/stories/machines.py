"""Stories of what no person starts: schedules, streams, the bucket, settlement's own queue, the authorizer, and the service center."""

from __future__ import annotations

from tests.faults.stories.preparing import (
    quietly,
    with_acceptance_over,
    with_card_acceptance_over,
    with_reservation_over,
    with_something_due,
    with_windows_over,
)
from tests.faults.stories.telling import Story, sample

_BUSY_ROWS = "rows whose level kept changing, in the upload's report"

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
    "settlement party-job": sample("jobs", prepare=with_something_due),
    "settlement payouts-job": (
        Story(
            "a job without a party",
            {"Records": [{"messageId": "m-1", "body": "{}", "attributes": {}, "eventSource": "aws:sqs"}]},
            prepare=with_something_due,
        ),
    ),
    "stock_adjustment": (*sample("levels"), *sample("gap")),
    "sweeper": (
        *sample("schedule", prepare=with_reservation_over),
        *sample("schedule", prepare=with_acceptance_over),
        *sample("schedule", prepare=with_card_acceptance_over),
    ),
}
