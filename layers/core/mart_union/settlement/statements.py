"""Settlement of what is due: each payable into one statement of its party, each statement into one payout.

The schedule hands one job a due party to a queue; each job is small, and can be repeated, cut off, or late.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from aws_lambda_powertools import Logger
from msgspec import Struct

from mart_union.customers.service import add_verified_check, find_verified
from mart_union.kernel.clock import local_date
from mart_union.kernel.errors import MartUnionError
from mart_union.kernel.paging import Page
from mart_union.kernel.settings import settings
from mart_union.ledger import jobs
from mart_union.ledger import statements as ledger
from mart_union.ledger.bank_files import get_terms
from mart_union.ledger.due import DueParty, list_due_parties, note_settled
from mart_union.ledger.model import Payable, PayoutTerms, Statement, StatementLine
from mart_union.ledger.periods import days_between
from mart_union.settlement.payouts import send_payouts
from mart_union.settlement.sheets import statement_sheet

_JOB = "settle_due"
_FIRST_LOOK_BACK = timedelta(days=62)
PAGES_A_JOB = 50
"""4,500 payables: a party with more takes several jobs, each of them far shorter than a function may run."""

_DAYS_A_JOB = 100
"""So that ten jobs fit into what a queue takes at once; of a party with more days the rest is handed on by the next run."""

logger = Logger(child=True)


class PartyDue(Struct, frozen=True):
    """A party, and its marks that are not settled yet, the earliest due day first: they are one job, so that its days are settled in order."""

    party: str
    marks: tuple[DueParty, ...]


Send = Callable[[Sequence[PartyDue]], None]
"""Hands jobs on, in a queue or to `settle_party` at once."""


def hand_out(now: datetime, send: Send) -> int:
    """Hand on one job for each party that is due on any days until today, in the union's time zone; how many they were.

    A mark that is settled is left out. The next run begins with the first day on which one was not, so that what failed is
    tried again however long ago it was due. One read of marks a day, and a page of five hundred.
    """
    today = local_date(now, settings().time_zone)
    checkpoint = jobs.get_checkpoint(_JOB)
    first = date.fromisoformat(checkpoint) if checkpoint else today - _FIRST_LOOK_BACK
    by_party: dict[str, list[DueParty]] = {}
    first_open = ""
    for day in days_between(min(first, today), today):
        for found in itertools.chain.from_iterable(_pages_of_marks(day.isoformat())):
            if not found.is_quiet:
                by_party.setdefault(found.party, []).append(found)
                first_open = first_open or day.isoformat()
    send([_in_order(party, marks) for party, marks in by_party.items()])
    jobs.set_checkpoint(_JOB, first_open or today.isoformat())
    return len(by_party)


def _in_order(party: str, marks: list[DueParty]) -> PartyDue:
    return PartyDue(party, tuple(sorted(marks, key=lambda found: (found.due, found.day))[:_DAYS_A_JOB]))


def settle_due(now: datetime) -> list[Statement]:
    """Settle without a queue, one party after the other, and send the payouts: by hand, or in a small union. The statements that it closed.

    A party that cannot be settled, as when another run is at it, is logged and left to the next run; it holds up no other.
    """
    closed: list[Statement] = []

    def settle(parties: Sequence[PartyDue]) -> None:
        for party in parties:
            try:
                before: Statement | None = None
                for found in party.marks:
                    while not (job := settle_party(found, now, before=before)).is_done:
                        pass
                    before = job.statement or before
                    closed.extend(filter(None, [job.statement]))
            except Exception as error:  # noqa: BLE001 - one party's trouble is no other's
                log_left(party, error)

    hand_out(now, settle)
    send_payouts(now)
    return closed


def log_left(due: PartyDue, error: Exception) -> None:
    """Tell that a party is left to the next run."""
    code = error.code if isinstance(error, MartUnionError) else type(error).__name__
    logger.error("left to the next run", party=due.party, day=due.marks[0].due, code=code)


def _pages_of_marks(day: str) -> Iterator[tuple[DueParty, ...]]:
    cursor = ""
    while True:
        page = list_due_parties(day, cursor)
        yield page.items
        cursor = page.next
        if not cursor:
            return


class Job(Struct, frozen=True):
    """What a job did of a day: the statement that it brought to its end, if one, whether nothing is left to do, and how many pages it
    claimed."""

    statement: Statement | None
    is_done: bool
    pages: int = 0


def settle_party(found: DueParty, now: datetime, most_pages: int = PAGES_A_JOB, before: Statement | None = None) -> Job:
    """Claim what a party is due on a day into one statement, and pay it or carry it forward.

    A statement of the day that still collects is continued; after one that is closed comes another. `before` is the party's that was closed
    just now, whatever its day. At most one transaction for ninety payables, and one to close.

    Raises:
        Conflict: another run is at this party.
    """
    newest = next(iter(ledger.list_of_party(found.party, beginning=found.due, limit=1)), None)
    terms, destination = get_terms(), find_verified(found.party)
    if newest is not None and newest.state == "collecting":
        statement = newest
        carried = ledger.list_carried(found.party, before)
        payables: Iterator[Payable] = itertools.chain(carried, ledger.list_due(found.party, found.due))
    else:
        period = next_period(found.due, newest)
        statement = ledger.begin_statement(found.party, period, settings().currency.code, now)
        payables = _of_new_statement(found, terms, destination, before)
    pages, claimed = _pages(payables), 0
    for page in itertools.islice(pages, most_pages):
        statement, claimed = ledger.claim(statement, page), claimed + 1
    if next(pages, None) is not None:
        return Job(None, is_done=False, pages=claimed)
    closed = _close(statement, terms, destination, now) if statement.pages else None
    note_settled(found, now)
    return Job(closed, is_done=True, pages=claimed)


def _of_new_statement(
    found: DueParty, terms: PayoutTerms, destination: str, before: Statement | None
) -> Iterator[Payable]:
    """What was carried forward, then what is due. What was carried makes a statement alone only if that is paid."""
    carried, due = ledger.list_carried(found.party, before), ledger.list_due(found.party, found.due)
    first = next(due, None)
    if first is not None:
        return itertools.chain(carried, [first], due)
    total = sum(payable.amount_minor for payable in carried)
    is_paid = total > 0 and not ledger.reason_to_carry(total, terms.minimum_minor, destination)
    return iter(carried if is_paid else ())


def _close(statement: Statement, terms: PayoutTerms, destination: str, now: datetime) -> Statement:
    return ledger.close(
        statement,
        now,
        destination=destination,
        minimum_minor=terms.minimum_minor,
        guard=lambda transaction: add_verified_check(transaction, statement.party, destination),
    )


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


def list_statements(party: str) -> list[Statement]:
    """A party's statements, newest first, at most a hundred. One query."""
    return ledger.list_of_party(party)


def page_of_statements(party: str, cursor: str = "") -> Page[Statement]:
    """A page of a party's statements, newest first. One query.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    return ledger.page_of_party(party, cursor)


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
