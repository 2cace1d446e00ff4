"""Settlement of what is due: each payable into one statement of its party, each statement into one payout."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from aws_lambda_powertools import Logger

from mart_union.kernel.bucket import put_object
from mart_union.kernel.clock import local_date
from mart_union.kernel.errors import MartUnionError
from mart_union.kernel.paging import Page
from mart_union.kernel.settings import settings
from mart_union.ledger import jobs
from mart_union.ledger import statements as ledger
from mart_union.ledger.model import Payable, Statement, StatementLine
from mart_union.settlement.periods import days_between
from mart_union.settlement.sheets import payout_sheet, statement_sheet

_JOB = "settle_due"
_FIRST_LOOK_BACK = timedelta(days=62)
_LOOK_AGAIN = timedelta(days=2)
"""An order completed just before midnight may make its payable just after a run: days stay in sight for two more."""

logger = Logger(child=True)


def settle_due(now: datetime) -> list[Statement]:
    """Settle every day that has come since the last run; the statements that were brought to their end.

    A run cut off anywhere is finished by the next: claimed payables are on a stored page, an unfinished statement is found by
    its day, and a payout's transfer and file have ids made from the statement. At most ceil(N/90) + 3 S transactions for N payables of S parties.
    """
    today = local_date(now, settings().time_zone)
    checkpoint = jobs.get_checkpoint(_JOB)
    first = date.fromisoformat(checkpoint) if checkpoint else today - _FIRST_LOOK_BACK
    settled = [statement for day in days_between(first, today) for statement in settle_day(day.isoformat(), now)]
    jobs.set_checkpoint(_JOB, _first_in_sight(first, today - _LOOK_AGAIN).isoformat())
    return settled


def _first_in_sight(first: date, last: date) -> date:
    """The first of these days on which something is left to settle, else the last: the next run begins there."""
    return next((day for day in days_between(first, last) if not _is_settled(day.isoformat())), max(first, last))


def _is_settled(day: str) -> bool:
    return next(ledger.list_due(day), None) is None and not ledger.list_unfinished(day)


def settle_day(day: str, now: datetime) -> Iterator[Statement]:
    """Settle what is due on one day, and finish what an earlier run of that day left unfinished.

    A party that cannot be settled, as when another run is at it, is logged and left to the next run; it holds up no other.
    """
    for party, payables in itertools.groupby(ledger.list_due(day), key=lambda payable: payable.party):
        try:
            yield from _settle_party(party, day, payables, now)
        except Exception as error:  # noqa: BLE001 - one party's trouble is no other's
            _log_left(party, day, error)
    for begun in ledger.list_unfinished(day):
        try:
            yield from _finish(ledger.get_statement(begun.party, begun.period), now)
        except Exception as error:  # noqa: BLE001 - one party's trouble is no other's
            _log_left(begun.party, day, error)


def _log_left(party: str, day: str, error: Exception) -> None:
    code = error.code if isinstance(error, MartUnionError) else type(error).__name__
    logger.error("left to the next run", party=party, day=day, code=code)


def _settle_party(party: str, day: str, payables: Iterable[Payable], now: datetime) -> Iterator[Statement]:
    """Claim and pay out. A statement of the day that still collects is continued; after one that is closed comes another."""
    newest = next(iter(ledger.list_of_party(party, beginning=day, limit=1)), None)
    if newest is not None and newest.state == "collecting":
        statement = newest
    else:
        statement = ledger.begin_statement(party, next_period(day, newest), settings().currency.code, now)
        payables = itertools.chain(ledger.list_carried(party), payables)
    for page in _pages(payables):
        statement = ledger.claim(statement, page)
    yield from _finish(statement, now)


def next_period(day: str, newest: Statement | None) -> str:
    """The name of a party's next statement for a day: the day itself, then the day with a number: `2026-11-23.002`."""
    if newest is None:
        return day
    _, _, number = newest.period.partition(".")
    return f"{day}.{int(number or 1) + 1:03d}"


def _pages(payables: Iterable[Payable]) -> Iterator[list[Payable]]:
    remaining = iter(payables)
    while page := list(itertools.islice(remaining, ledger.LINES_A_PAGE)):
        yield page


def _finish(statement: Statement, now: datetime) -> Iterator[Statement]:
    """Bring a statement to its end, from wherever it stands. The bank's file is the same whenever it is written."""
    if statement.state not in ledger.UNFINISHED:
        return
    if statement.state == "collecting":
        statement = ledger.close(statement, now)
    if statement.state == "ready":
        sheet = payout_sheet(statement, settings().currency)
        put_object(f"payouts/{statement.period[:10]}/{statement.payout}.csv", sheet, "text/csv; charset=utf-8")
        statement = ledger.mark_paid(statement)
    yield statement


def list_statements(party: str) -> list[Statement]:
    """A party's statements, newest first, at most a hundred. One query."""
    return ledger.list_of_party(party)


def list_settlements(day: str, cursor: str = "") -> Page[Statement]:
    """A page of the union's statements of a day, with their payouts, by party."""
    return ledger.list_settled(day, cursor)


def get_statement(party: str, period: str) -> tuple[Statement, list[StatementLine]]:
    """A party's statement for a period, with its lines. One read, and one query a MB of lines.

    Raises:
        NotFound: there is none.
    """
    statement = ledger.get_statement(party, period)
    return statement, ledger.list_lines(statement)


def statement_as_csv(party: str, period: str, language: str) -> str:
    """A statement with its lines as a sheet.

    Raises:
        NotFound: there is none.
    """
    statement, lines = get_statement(party, period)
    return statement_sheet(statement, lines, language, settings().currency)
