"""Payouts on their way to the bank and back: what is ready goes into one file; what the bank returns reopens the balance, once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger
from msgspec.structs import replace

from mart_union.catalog.service import add_audit
from mart_union.customers.model import Destination, DestinationFields, checked_destination
from mart_union.customers.service import (
    add_failed,
    decide_destination,
    find_destinations,
    set_destination,
)
from mart_union.kernel.clock import local_date
from mart_union.kernel.errors import Conflict, Invalid, RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import amount_text
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger import bank_files as ledger
from mart_union.ledger.model import SUSPENSE, BankFile, Payable, Payout, PayoutTerms
from mart_union.ledger.payouts import add_changed, find_payouts, get_payout, list_ready, return_transfer
from mart_union.ledger.service import add_payable, add_transfer
from mart_union.ledger.statements import add_head, get_statement
from mart_union.ledger.suspense import add_reopened
from mart_union.settlement.bank_formats import Paid
from mart_union.settlement.channels import BankFiles, Channel

_PAGES_A_FILE = 40
"""1,800 payouts: what is beyond goes into the next file."""

_BANK_REASON = re.compile(r"[A-Z0-9]{1,8}")  # ISO 20022 external code sets, such as AC04: the account is closed


NO_PLACE = "FORMAT"
"""Why a payout is rejected: what is known of its destination has no place in the bank's format."""

logger = Logger(child=True)


class ReturnsMeet(Conflict):
    """The payout changed between reading and writing: read again and repeat."""


def send_payouts(now: datetime, channel: Channel | None = None) -> list[BankFile]:
    """Put every ready payout into a file for the bank; the files that were given to it.

    A file that was begun and cut off, on whatever day, is brought to its end first, with the payouts that it has: the same file under
    the same key. A payout that the bank's format has no place for is rejected before a file takes it: its party gets its money back.
    A file that cannot be brought to its end holds up no other; what it failed for is raised when the others are sent.
    One transaction for forty-five payouts to collect them, and one to note that they were sent.

    Raises:
        RuleViolation: the union has not set the account that it pays from, where the bank's format names it; nothing was collected.
        Conflict: another run is at it.
    """
    channel = channel or BankFiles()
    sent: list[BankFile] = []
    problems: list[Exception] = []
    for begun in _unsent(now):
        _try_to_finish(begun, channel, now, sent, problems)
    day, ready = local_date(now, settings().time_zone).isoformat(), list_ready()
    pages = _pages(ready)
    while page := next(pages, None):
        file = ledger.begin_bank_file(day, ledger.get_terms(), now)
        channel.check(file)
        for each in itertools.chain([page], itertools.islice(pages, _PAGES_A_FILE - 1)):
            fitting = _without_unfit(file, each, channel, now)
            if fitting:
                file = ledger.collect(file, fitting)
        if file.pages:
            _try_to_finish(file, channel, now, sent, problems)
    if problems:
        raise problems[0]
    return sent


def _try_to_finish(
    file: BankFile, channel: Channel, now: datetime, sent: list[BankFile], problems: list[Exception]
) -> None:
    try:
        sent.append(_finish(file, channel, now))
    except Exception as error:
        logger.exception("a bank file is left to the next run", file=file.id)
        problems.append(error)


def _without_unfit(file: BankFile, page: Sequence[Payout], channel: Channel, now: datetime) -> list[Payout]:
    """The payouts of a page that the channel can deliver; the others are rejected."""
    unfit = {each.payout.id for each in channel.unfit(file, _with_destinations(page))}
    for payout in page:
        if payout.id in unfit:
            logger.error("payout rejected", payout=payout.id, party=payout.party)
            _commit_back(payout, replace(payout, state="rejected", reason=NO_PLACE), now)
    return [payout for payout in page if payout.id not in unfit]


def _unsent(now: datetime) -> list[BankFile]:
    """The files that were begun and not sent, oldest first, whichever was begun after them: a run that began before midnight may store its
    file after the first one of the next day."""
    today = local_date(now, settings().time_zone)
    before = today.replace(day=1) - timedelta(days=1)
    return ledger.list_unsent([f"{before:%Y-%m}", f"{today:%Y-%m}"])


def _pages(payouts: Iterator[Payout]) -> Iterator[list[Payout]]:
    while page := list(itertools.islice(payouts, ledger.PAYOUTS_A_PAGE)):
        yield page


def _finish(file: BankFile, channel: Channel, now: datetime) -> BankFile:
    """Bring a file to its end, from wherever it stands."""
    if file.state == "collecting":
        file = ledger.close_bank_file(file, channel.key_of(file))
    pages = list(ledger.pages_of(file))
    channel.deliver(file, [paid for page in pages for paid in _with_destinations(page)])
    for page in pages:
        ledger.mark_page_sent(file, page, _add_paid_statements)
    return ledger.mark_sent(file, now)


def _with_destinations(page: Sequence[Payout]) -> list[Paid]:
    found = find_destinations([(payout.party, payout.destination) for payout in page])
    return [Paid(payout, destination) for payout, destination in zip(page, found, strict=True)]


def _add_paid_statements(transaction: WriteTransaction, payouts: Sequence[Payout]) -> None:
    for payout in payouts:
        if payout.period:
            statement = get_statement(payout.party, payout.period)
            add_head(transaction, statement, replace(statement, state="paid"))


def return_payout(payout_id: str, *, notice: str, amount_minor: int, reason: str, now: datetime) -> Payout:
    """Take back a payout that the bank could not deliver: its amount is credited again to the account that it came from.

    Of a statement, it is owed again: the party's next settlement pays it, once the party has another verified account, for the one that
    failed is paid no more. The same notice again changes nothing.

    Raises:
        NotFound: there is no such payout.
        Invalid: the reason is no code of a bank.
        RuleViolation: another amount, or the payout was returned by another notice.
        Conflict: the bank has not been given the payout yet.
        Busy: other changes kept winning.
    """
    if not _BANK_REASON.fullmatch(reason):
        raise Invalid("a bank's reason is a code of 1 to 8 capitals and digits", errors=[{"field": "data.reason"}])

    def take_back() -> Payout:
        payout = get_payout(payout_id)
        if amount_minor != payout.amount_minor:
            paid, returned = (amount_text(each, settings().currency) for each in (payout.amount_minor, amount_minor))
            raise RuleViolation(f"payout {payout.id} is of {paid}, not {returned}")
        if payout.returned_by == notice:
            return payout
        if payout.state == "returned":
            raise RuleViolation(f"payout {payout.id} was returned before")
        if payout.state != "sent":
            raise Conflict(f"payout {payout.id} is {payout.state}: the bank has not been given it yet")
        return _commit_return(payout, notice, reason, now)

    return retried(take_back, on=ReturnsMeet, what="this payout")


def _commit_return(payout: Payout, notice: str, reason: str, now: datetime) -> Payout:
    returned = replace(payout, state="returned", returned_by=notice, reason=reason)
    try:
        _commit_back(payout, returned, now)
    except Conflict as error:
        raise ReturnsMeet(f"payout {payout.id} has changed meanwhile") from error
    return returned


def _commit_back(payout: Payout, returned: Payout, now: datetime) -> None:
    """Credit a payout again; of a statement, it is owed again. Its destination is paid no more."""
    transfer = return_transfer(payout, now)
    transaction = WriteTransaction()
    add_changed(transaction, payout, returned)
    add_transfer(transaction, transfer)
    if payout.period:
        statement = get_statement(payout.party, payout.period)
        add_head(transaction, statement, replace(statement, state="returned"))
        add_payable(transaction, _owed_again(payout, transfer.id, now))
    if payout.account == SUSPENSE:
        add_reopened(transaction, payout.reference.removeprefix("suspense/"), returned.reason)
    add_failed(transaction, payout.party, payout.destination, now)
    transaction.commit()


def _owed_again(payout: Payout, transfer: str, now: datetime) -> Payable:
    return Payable(
        id=derived_id("returned", payout.id),
        party=payout.party,
        order="",
        amount_minor=payout.amount_minor,
        due=local_date(now, settings().time_zone).isoformat(),
        kind="returned_payout",
        transfer=transfer,
    )


def list_bank_files(month: str) -> list[BankFile]:
    """A month's bank files (`yyyy-mm`), newest first. One query."""
    return ledger.list_bank_files(month)


def get_bank_file(file: str) -> tuple[BankFile, list[Payout]]:
    """A bank file with its payouts as they are now. One read, one query a MB of payouts, one batch read a hundred.

    Raises:
        NotFound: there is none.
    """
    found = ledger.get_bank_file(file)
    collected = [payout for page in ledger.pages_of(found) for payout in page]
    now = find_payouts([payout.id for payout in collected])
    return found, [now.get(payout.id, payout) for payout in collected]


def get_terms() -> PayoutTerms:
    """How the union pays out."""
    return ledger.get_terms()


def set_terms(terms: PayoutTerms, actor: str, now: datetime) -> PayoutTerms:
    """Say how the union pays out from now on; the same again writes nothing.

    Raises:
        Invalid: a negative minimum, or an own account that no money can be sent from.
        Conflict: another change came first.
    """
    if terms.minimum_minor < 0:
        raise Invalid("the minimum is not negative", errors=[{"field": "minimum_minor", "reason": "is negative"}])
    if terms.holder or terms.account:
        terms = _with_checked_account(terms)
    before = ledger.get_terms()
    if terms != before:
        transaction = WriteTransaction()
        ledger.add_terms(transaction, before, terms)
        add_audit(transaction, "union", actor, "payout terms changed", f"union/{settings().union}", now)
        transaction.commit()
    return terms


def set_account(party: str, fields: DestinationFields, actor: str, now: datetime) -> Destination:
    """Set where a party is paid; the audit trail tells who did.

    Raises:
        Invalid: it is no account that money can be sent to.
        Conflict: another change came between.
    """
    return set_destination(
        party,
        fields,
        actor,
        now,
        also=lambda transaction: add_audit(transaction, _owner(party), actor, "bank account set", party, now),
    )


def decide_account(party: str, destination: str, accept: bool, actor: str, now: datetime) -> Destination:
    """Verify a party's bank account, or refuse it; the audit trail tells who did.

    Raises:
        NotFound, Conflict, RuleViolation: as `decide_destination`.
    """
    action = "bank account verified" if accept else "bank account refused"
    return decide_destination(
        party,
        destination,
        accept,
        actor,
        now,
        also=lambda transaction: add_audit(transaction, "union", actor, action, party, now),
    )


def _with_checked_account(terms: PayoutTerms) -> PayoutTerms:
    own = checked_destination(DestinationFields(terms.holder, terms.account, terms.bank), settings().currency.code)
    return replace(terms, holder=own.holder, account=own.account, bank=own.bank)


def _owner(party: str) -> str:
    """Whose audit trail tells of a party: a store's or a supplier's own, else the union's."""
    return party if party.startswith(("store/", "supplier/")) else "union"
