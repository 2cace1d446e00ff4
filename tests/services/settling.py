"""Settles a day in tests, as the queue's jobs would, party after party, and sends the payouts."""

from __future__ import annotations

from datetime import datetime

from mart_union.customers.destinations import decide_destination, set_destination
from mart_union.customers.model import DestinationFields
from mart_union.kernel.clock import iso
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.due import DueParty, list_due_parties, mark_due
from mart_union.ledger.model import Statement
from mart_union.orders.due import page_of_windows_over
from mart_union.settlement.checks.model import Books
from mart_union.settlement.checks.payouts import check_bank_files, check_paid_statements, check_payouts
from mart_union.settlement.checks.statements import check_statements
from mart_union.settlement.completion import complete_orders, hand_out_hours
from mart_union.settlement.differences import Difference
from mart_union.settlement.payouts import send_payouts
from mart_union.settlement.rounds import Outcome
from mart_union.settlement.statements import settle_party


def verify_account(party: str, now: datetime, account: str = "000123456789") -> str:
    """A verified bank account of a party; its id."""
    made = set_destination(party, DestinationFields(f"Holder of {party}", account, "822"), "owner", now)
    return decide_destination(party, made.id, True, "operator", now).id


def mark_all(now: datetime) -> None:
    """Mark the parties of every payable, as the stream does."""
    mark_due(whole_ledger().payables, now)


def due_on(day: str) -> list[DueParty]:
    """The parties with payables due on a day, as their marks tell."""
    return [found for found in list_due_parties(day).items if found.due == day]


def settle_day(day: str, now: datetime, parties: str = "") -> list[Statement]:
    """Settle what is due on a day, of parties with a text in their names, and send what is ready; the statements that were closed."""
    closed = []
    for found in due_on(day):
        if parties in found.party:
            while not (job := settle_party(found, now)).is_done:
                pass
            closed += [job.statement] if job.statement else []
    send_payouts(now)
    return closed


def complete_due(now: datetime) -> list[Outcome]:
    """Complete whose return window is over, hour after hour of the clock; what came of each."""
    done: list[Outcome] = []
    hand_out_hours(now, lambda hour: done.append(complete_orders(page_of_windows_over(hour, iso(now)).items, now)))
    return done


def settled_differences() -> list[Difference]:
    """What payables, statements, payouts and bank files disagree on, from the first to the last, of whatever is there."""
    books = Books(whole_ledger())
    return [
        found
        for check in (check_statements, check_payouts, check_paid_statements, check_bank_files)
        for found in check(books)
    ]
