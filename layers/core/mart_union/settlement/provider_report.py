"""The card processor's report of a day against the ledger: every movement of its balance is a transfer of ours, and the other way round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mart_union.checkout.card_port import Movement, card_provider, cards_are_offered
from mart_union.checkout.payers import CARDS
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import NotFound, ProviderUnavailable
from mart_union.kernel.settings import settings
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import Entry, get_transfer, list_postings, post
from mart_union.settlement.differences import Difference

_ELSEWHERE = frozenset({"payout", "payout_cancel", "payout_failure", "stripe_fee"})
FEES = "union/provider-fees"
_SLACK = timedelta(hours=1)
"""A capture or refund is posted a little before or after the provider counts it: at midnight the one is a day's, the other its neighbour's."""


def provider_differences(day: str) -> list[Difference]:
    """What the card processor's report of a day (`yyyy-mm-dd` of the union's time zone) and the ledger disagree on; none without a processor.

    The fees that the processor kept on that day are posted first, once. Ask for a day that is over, by an hour at least.

    Raises:
        ProviderUnavailable: the processor does not answer.
    """
    if not cards_are_offered():
        return []
    begin = datetime.combine(date.fromisoformat(day), time(), ZoneInfo(settings().time_zone)).astimezone(UTC)
    end = begin + timedelta(days=1)
    reported = list(card_provider().movements(begin - _SLACK, end + _SLACK))
    post_fees(day, card_provider().movements(begin, end), end)
    posted = list(_posted(begin - _SLACK, end + _SLACK))
    return [
        *check_reported(reported, {each.transfer: _on_cards(each.transfer) for each in reported}),
        *check_posted([each for each in posted if iso(begin) <= each.at < iso(end)], reported),
    ]


def reported_differences(day: date) -> list[Difference]:
    """The same of a day, for a reconciliation that does not end because the processor is silent: that, too, is a difference then."""
    try:
        return provider_differences(day.isoformat())
    except ProviderUnavailable:
        return [Difference(1, CARDS, f"the processor does not answer: its report of {day} could not be compared")]


def check_reported(reported: Iterable[Movement], amounts: dict[str, int | None]) -> Iterator[Difference]:
    """Each movement of the processor's balance is a transfer of ours, of that amount (`amounts` by transfer: None where there is none)."""
    for each in reported:
        if each.kind in _ELSEWHERE:
            continue
        found = amounts.get(each.transfer)
        subject = f"provider/stripe/{each.id}"
        if found is None:
            yield Difference(1, subject, f"the processor moved {each.amount_minor} ({each.kind}), the ledger did not")
        elif found != -each.amount_minor:
            yield Difference(1, subject, f"the processor moved {each.amount_minor}, the ledger {-found}")


def check_posted(posted: Iterable[Entry], reported: Iterable[Movement]) -> Iterator[Difference]:
    """Each transfer of ours that moves the processor's account is a movement of its balance, or was carried out in another way."""
    known = {each.transfer for each in reported}
    undone = {entry.transfer.removeprefix("refund-failed-") for entry in posted if entry.kind == "refund_failed"}
    for entry in posted:
        if entry.kind in {"provider_fees", "provider_payout", "refund_failed"} or entry.transfer in known | undone:
            continue
        yield Difference(
            1, f"transfer/{entry.transfer}", f"the ledger moved {-entry.amount_minor}, the processor did not"
        )


def post_fees(day: str, movements: Iterable[Movement], end: datetime) -> None:
    """Post what the processor kept of the movements of a day, which was over at a moment; once, however often it is asked."""
    fees = sum(each.fee_minor for each in movements)
    if fees:
        postings = postings_of({CARDS: fees, FEES: -fees})
        at = iso(end - timedelta(seconds=1))
        currency = settings().currency.code
        post(Transfer(f"provider-fees-{day}", "provider_fees", currency, postings, f"day/{day}", at))


def _posted(begin: datetime, end: datetime) -> Iterator[Entry]:
    months = sorted({iso(begin)[:7], iso(end)[:7]})
    for month in months:
        cursor = ""
        while True:
            page = list_postings(CARDS, month, cursor)
            yield from (entry for entry in page.items if begin <= from_iso(entry.at) < end)
            cursor = page.next
            if not cursor:
                break


def _on_cards(transfer: str) -> int | None:
    """What a transfer moves on the processor's account; None when there is no such transfer."""
    try:
        found = get_transfer(transfer) if transfer else None
    except NotFound:
        return None
    return sum(each.amount_minor for each in found.postings if each.account == CARDS) if found else None
