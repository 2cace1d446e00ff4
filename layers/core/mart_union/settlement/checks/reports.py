"""Invariants 1 and 7, beyond the ledger: what providers report against what was posted, and against what was to be paid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta

from mart_union.kernel.clock import from_iso, local_date
from mart_union.ledger.model import Payout, ReportEntry, Transfer
from mart_union.ledger.payouts import return_id
from mart_union.settlement.checks.model import Books, amounts_of
from mart_union.settlement.differences import Difference

_BANK = "bank"
"""The provider that is given the files of payouts."""

_PAID_WITHIN = timedelta(days=4)
"""A weekend until a file is handed to the bank, and the business day more that the bank has then
(https://eur-lex.europa.eu/eli/dir/2015/2366, article 83)."""

_Told = Counter[tuple[str, str]]
"""How often a provider's reports tell of a movement, by its kind and id."""


def check_reports(books: Books) -> Iterator[Difference]:
    """What a provider says that it received, sent and returned is what was posted, each movement once.

    What was posted on a day before the newest that a provider reported, and after the first, is in one of its reports: a movement
    of one day may be reported with the next. A payout whose file was there on one of these days is in one of the bank's until four days later:
    it was handed over, and paid.
    """
    reports, made = books.ledger.reports, books.transfers_by_id()
    by_payout = {payout.id: payout for payout in books.ledger.payouts}
    for provider in sorted({provider for provider, _ in reports}):
        days = sorted(day for each, day in reports if each == provider)
        told: _Told = Counter((entry.kind, entry.id) for day in days for entry in reports[provider, day])
        for day in days:
            for entry in reports[provider, day]:
                yield from _check_entry(provider, day, entry, made, by_payout)
        yield from _check_once(provider, told)
        yield from _check_posted(books, provider, days, told, made)
        if provider == _BANK:
            yield from _check_payouts(books, days, told, made)


def _check_entry(
    provider: str, day: str, entry: ReportEntry, made: Mapping[str, Transfer], payouts: Mapping[str, Payout]
) -> Iterator[Difference]:
    posted = _posted(provider, entry, made, payouts)
    if posted != entry.amount_minor:
        subject = f"report/{provider}/{day}/{entry.id}"
        yield Difference(1, subject, f"the provider has {entry.kind} {entry.amount_minor}, {posted} were posted")


def _check_once(provider: str, told: _Told) -> Iterator[Difference]:
    """Each movement is told of once: twice is money that was paid, or came, twice."""
    for (kind, name), times in told.items():
        if times > 1:
            invariant = 1 if kind == "received" else 7
            yield Difference(
                invariant, f"report/{provider}/{name}", f"it was {kind} {times} times, by {provider}'s word"
            )


def _check_posted(
    books: Books, provider: str, days: list[str], told: _Told, made: Mapping[str, Transfer]
) -> Iterator[Difference]:
    for transfer in books.moved():
        if not _amount_of(transfer, provider) or _was_taken_back(transfer.id, made):
            continue
        is_told = ("received", transfer.id.removeprefix(f"{provider}-")) in told
        if days[0] < _day(transfer.at, books) < days[-1] and not is_told:
            yield Difference(1, f"transfer/{transfer.id}", f"no report of {provider} tells of it")


def _check_payouts(books: Books, days: list[str], told: _Told, made: Mapping[str, Transfer]) -> Iterator[Difference]:
    """The bank has paid what it was given, and what it says that it could not pay is back with it.

    A payout that was returned may be told of as sent and returned, or, if the bank never booked it, as neither.
    """
    files = {file.id: file for file in books.ledger.bank_files}
    for payout in books.ledger.payouts:
        file = files.get(payout.file)
        if file is None or not file.sent_at or _day(file.sent_at, books) < days[0]:
            continue
        sent, returned = ("sent", payout.id) in told, ("returned", payout.id) in told
        overdue = _day(file.sent_at, books, _PAID_WITHIN) < days[-1]
        if payout.state == "sent" and overdue and not sent:
            detail = f"the bank was given it with {file.id}, and none of its reports says that it paid"
            yield Difference(7, f"payout/{payout.id}", detail)
        back = made.get(return_id(payout.id))
        if back is not None and _day(back.at, books) < days[-1] and sent != returned:
            detail = f"it came back; reports tell that it was {'sent' if sent else 'returned'}, and nothing else"
            yield Difference(7, f"payout/{payout.id}", detail)


def _day(moment: str, books: Books, later: timedelta = timedelta(0)) -> str:
    return local_date(from_iso(moment) + later, books.time_zone).isoformat()


def _was_taken_back(name: str, made: Mapping[str, Transfer]) -> bool:
    """Whether it is a card processor's payout that its bank never got, or what takes that back: no bank's report tells of either."""
    payout = name.removesuffix("-returned")
    return payout in made and made[payout].kind == "provider_payout" and f"{payout}-returned" in made


def _posted(provider: str, entry: ReportEntry, made: Mapping[str, Transfer], payouts: Mapping[str, Payout]) -> int:
    if entry.kind == "received":
        transfer = made.get(f"{provider}-{entry.id}")
        return -_amount_of(transfer, provider) if transfer is not None else 0
    payout = payouts.get(entry.id)
    if payout is None or payout.state not in ({"sent", "returned"} if entry.kind == "sent" else {"returned"}):
        return 0
    return payout.amount_minor


def _amount_of(transfer: Transfer, provider: str) -> int:
    return amounts_of(transfer).get(f"provider/{provider}", 0)
