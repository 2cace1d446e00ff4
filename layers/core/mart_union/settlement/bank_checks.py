"""Reconciliation with the world outside: payouts against transfers and files, and what providers report against the ledger. Pure checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mart_union.kernel.clock import from_iso, local_date
from mart_union.ledger.model import BankFile, Payout, ReportEntry, Statement, Transfer
from mart_union.settlement.differences import Difference

_PAID = {"ready": "ready", "sent": "paid", "returned": "returned", "rejected": "returned"}


def check_payouts(
    payouts: Iterable[Payout],
    files: Iterable[BankFile],
    statements: Iterable[Statement],
    transfers: Iterable[Transfer],
) -> Iterator[Difference]:
    """Invariant 7: everything posted to `bank/out` has one payout of that amount, credited again only if the bank returned it; a file
    holds what it says; a statement is as its payout is."""
    payouts = list(payouts)
    out, back = Counter[str](), Counter[str]()
    for transfer in transfers:
        for posting in transfer.postings:
            if posting.account == "bank/out":
                (out if posting.amount_minor > 0 else back)[transfer.id] += posting.amount_minor
    for payout in payouts:
        yield from _check_payout(payout, out.pop(payout.id, 0), -back.pop(f"returned-{payout.id}", 0))
    for transfer_id in (*out, *back):
        yield Difference(7, f"transfer/{transfer_id}", "it moves money at the bank, and no payout tells of it")
    by_reference = {payout.reference: payout for payout in payouts if payout.period}
    for statement in statements:
        paid = by_reference.get(statement.id)
        if paid is not None and statement.state != _PAID[paid.state]:
            yield Difference(7, f"statement/{statement.id}", f"it is {statement.state}, its payout {paid.state}")
    yield from _check_files(payouts, files)


def _check_payout(payout: Payout, out: int, back: int) -> Iterator[Difference]:
    subject = f"payout/{payout.id}"
    if out != payout.amount_minor:
        yield Difference(7, subject, f"it is of {payout.amount_minor}, its transfer of {out}")
    expected = payout.amount_minor if payout.state in {"returned", "rejected"} else 0
    if back != expected:
        yield Difference(7, subject, f"it is {payout.state}, {back} were credited again")


def _check_files(payouts: Iterable[Payout], files: Iterable[BankFile]) -> Iterator[Difference]:
    count, total = Counter[str](), Counter[str]()
    for payout in payouts:
        if payout.file:
            count[payout.file] += 1
            total[payout.file] += payout.amount_minor
        if bool(payout.file) < (payout.state not in {"ready", "rejected"}):
            yield Difference(7, f"payout/{payout.id}", f"it is {payout.state} and in no bank file")
    for file in files:
        said, found = (file.payouts, file.total_minor), (count.pop(file.id, 0), total[file.id])
        if said != found:
            yield Difference(7, f"bank-file/{file.id}", f"it says {said}, its payouts are {found}")
    for file_id in count:
        yield Difference(7, f"bank-file/{file_id}", "payouts name it, but it does not exist")


def check_reports(
    reports: Mapping[tuple[str, str], Sequence[ReportEntry]],
    transfers: Iterable[Transfer],
    payouts: Iterable[Payout],
    time_zone: str,
) -> Iterator[Difference]:
    """Invariant 1, beyond the ledger: what a provider says that it received, sent and returned is what was posted, each movement once.

    What was posted on a day before the newest that a provider reported, and after the first, is in one of its reports: a movement
    of one day may be reported with the next.
    """
    made = {transfer.id: transfer for transfer in transfers}
    by_payout = {payout.id: payout for payout in payouts}
    for provider in sorted({provider for provider, _ in reports}):
        days = sorted(day for each, day in reports if each == provider)
        told: set[str] = set()
        for day in days:
            for entry in reports[provider, day]:
                told.add(f"{provider}-{entry.id}")
                yield from _check_entry(provider, day, entry, made, by_payout)
        for transfer in made.values():
            day = local_date(from_iso(transfer.at), time_zone).isoformat()
            if _amount_of(transfer, provider) and days[0] < day < days[-1] and transfer.id not in told:
                yield Difference(1, f"transfer/{transfer.id}", f"no report of {provider} tells of it")


def _check_entry(
    provider: str, day: str, entry: ReportEntry, made: Mapping[str, Transfer], payouts: Mapping[str, Payout]
) -> Iterator[Difference]:
    posted = _posted(provider, entry, made, payouts)
    if posted != entry.amount_minor:
        subject = f"report/{provider}/{day}/{entry.id}"
        yield Difference(1, subject, f"the provider has {entry.kind} {entry.amount_minor}, {posted} were posted")


def _posted(provider: str, entry: ReportEntry, made: Mapping[str, Transfer], payouts: Mapping[str, Payout]) -> int:
    if entry.kind == "received":
        transfer = made.get(f"{provider}-{entry.id}")
        return -_amount_of(transfer, provider) if transfer is not None else 0
    payout = payouts.get(entry.id)
    if payout is None or payout.state not in ({"sent", "returned"} if entry.kind == "sent" else {"returned"}):
        return 0
    return payout.amount_minor


def _amount_of(transfer: Transfer, provider: str) -> int:
    return sum(posting.amount_minor for posting in transfer.postings if posting.account == f"provider/{provider}")
