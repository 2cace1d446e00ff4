"""The machine: messages that nobody could handle, and the audit trail of what staff changed."""

from __future__ import annotations

import os

from mart_union.catalog.model import AuditEntry
from mart_union.catalog.service import list_audit
from mart_union.kernel.paging import Page
from mart_union.kernel.queues import QueueCount, count_messages
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request
from operate.days import month_of


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/dead-letters", OPERATOR, answer=list[QueueCount])(read_dead_letters)
    api.get("/api/operate/audit", OPERATOR, answer=Page[AuditEntry])(read_audit)


def read_dead_letters(request: Request) -> list[QueueCount]:
    """How many messages wait in each dead-letter queue; all zero means that everything was handled."""
    return count_messages(os.environ["DEAD_LETTER_QUEUES"].split(","))


def read_audit(request: Request) -> Page[AuditEntry]:
    """What was changed by staff of an `owner` (`union`, `store/<id>`, `supplier/<id>`) in a `month` (yyyy-mm), newest first."""
    return list_audit(
        request.query.get("owner", "union"),
        month_of(request),
        cursor=request.query.get("cursor", ""),
    )
