"""Invariant 1, beyond the ledger: what providers report against what was posted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mart_union.kernel.clock import from_iso, local_date
from mart_union.ledger.model import Payout, ReportEntry, Transfer
from mart_union.settlement.checks.model import Books, amounts_of
from mart_union.settlement.differences import Difference


def check_reports(books: Books) -> Iterator[Difference]:
    """What a provider says that it received, sent and returned is what was posted, each movement once.

    What was posted on a day before the newest that a provider reported, and after the first, is in one of its reports: a movement
    of one day may be reported with the next.
    """
    reports, made = books.ledger.reports, books.transfers_by_id()
    by_payout = {payout.id: payout for payout in books.ledger.payouts}
    for provider in sorted({provider for provider, _ in reports}):
        days = sorted(day for each, day in reports if each == provider)
        told: set[str] = set()
        for day in days:
            for entry in reports[provider, day]:
                told.add(f"{provider}-{entry.id}")
                yield from _check_entry(provider, day, entry, made, by_payout)
        for transfer in books.moved():
            day = local_date(from_iso(transfer.at), books.time_zone).isoformat()
            if _was_taken_back(transfer.id, made):
                continue
            if _amount_of(transfer, provider) and days[0] < day < days[-1] and transfer.id not in told:
                yield Difference(1, f"transfer/{transfer.id}", f"no report of {provider} tells of it")


def _was_taken_back(name: str, made: Mapping[str, Transfer]) -> bool:
    """Whether it is a card processor's payout that its bank never got, or what takes that back: no bank's report tells of either."""
    payout = name.removesuffix("-returned")
    return payout in made and made[payout].kind == "provider_payout" and f"{payout}-returned" in made


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
    return amounts_of(transfer).get(f"provider/{provider}", 0)
