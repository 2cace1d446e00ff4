"""The card processor's report of a day against the ledger: every movement of its balance is a transfer of ours, and the other way round; and
what stands at the processor is what the ledger says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

from mart_union.checkout.card_port import Movement, card_provider, cards_are_offered
from mart_union.checkout.payers import CARDS
from mart_union.kernel.clock import bounds_of_day, iso, utc_now
from mart_union.kernel.errors import KeyReused
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.postings import balance_at, record_postings
from mart_union.ledger.refs import transfer_ref
from mart_union.ledger.service import Entry, post, postings_between
from mart_union.settlement.differences import Difference

FEES = "union/provider-fees"
BANK = "provider/bank"
_CHARGED = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee", "network_cost"})
"""Movements that are a fee by themselves (https://docs.stripe.com/reports/balance-transaction-types)."""
_PAYOUTS = frozenset({"payout", "payout_cancel", "payout_failure"})
_OURS = frozenset({"provider_fees", "provider_payout"})
_SLACK = timedelta(hours=1)
"""A capture or refund is posted a little before or after the provider counts it: at midnight the one is a day's, the other its neighbour's."""


def provider_differences(day: str) -> list[Difference]:
    """What the card processor's report of a day (`yyyy-mm-dd` of the union's time zone) and the ledger disagree on: movements that only one
    of them has, and what stands at the processor when the day is over. None without a processor.

    The fees that it kept and the payouts that it made to the union's bank on that day are posted first, once each. Ask for a day that is
    over, by an hour at least: before, what it has not told yet is missing.

    Raises:
        ProviderUnavailable: the processor does not answer.
    """
    if not cards_are_offered():
        return []
    begin, end = bounds_of_day(date.fromisoformat(day), settings().time_zone)
    told = list(card_provider().movements(begin - _SLACK, end + _SLACK))
    reported = [each for each in told if not each.foreign]
    reused = list(_post_own(each for each in reported if iso(begin) <= each.at < iso(end)))
    return [
        *reused,
        *check_currency(each for each in told if iso(begin) <= each.at < iso(end)),
        *check_reported(reported, {each.transfer: _on_cards(each.transfer) for each in reported}),
        *check_posted(postings_between(CARDS, begin, end), reported),
        *_check_balance(day, end),
    ]


def _check_balance(day: str, end: datetime) -> Iterator[Difference]:
    """The balance at the end of the day: the provider's of now, less what moved since."""
    before = list(card_provider().movements(end - _SLACK, end))
    since = list(card_provider().movements(end, utc_now() + _SLACK))
    stood = card_provider().balance() - sum(each.amount_minor - each.fee_minor for each in since)
    posted_at = {each.transfer: _posted_at(each.transfer) for each in (*before, *since)}
    ledger = -balance_at(CARDS, end - timedelta(milliseconds=1))
    return check_balance(day, stood, ledger + straddling(before, since, posted_at, iso(end)))


def straddling(before: Iterable[Movement], since: Iterable[Movement], posted_at: Mapping[str, str], end: str) -> int:
    """What the ledger has on the other side of a moment than the processor: to be added to what the ledger says stood there at that moment.

    `posted_at` says by transfer when it was posted, '' for what never was.
    """
    late = sum(each.amount_minor for each in before if posted_at.get(each.transfer, "") >= end)
    early = sum(each.amount_minor for each in since if "" < posted_at.get(each.transfer, "") < end)
    return late - early


def check_balance(day: str, stood: int, ledger: int) -> Iterator[Difference]:
    """What stood at the processor when a day was over, by its own word, is what the ledger says."""
    if stood != ledger:
        yield Difference(1, CARDS, f"when {day} was over {stood} stood at the processor, {ledger} by the ledger")


def check_currency(movements: Iterable[Movement]) -> Iterator[Difference]:
    """What moved at the processor in another currency than the union's is named: the ledger cannot hold it. The rest is compared."""
    for each in movements:
        if each.foreign:
            detail = (
                f"the processor moved {each.foreign} ({each.kind}); this union's money is {settings().currency.code}"
            )
            yield Difference(1, f"provider/stripe/{each.id}", detail)


def check_reported(reported: Iterable[Movement], amounts: Mapping[str, int | None]) -> Iterator[Difference]:
    """Each movement of the processor's balance is a transfer of ours, of that amount (`amounts` by transfer: None where there is none)."""
    for each in reported:
        if each.kind in _CHARGED or (each.kind in _PAYOUTS and amounts.get(each.transfer) is None):
            continue  # a payout of the next day is posted with it
        found = amounts.get(each.transfer)
        subject = f"provider/stripe/{each.id}"
        if found is None:
            yield Difference(1, subject, f"the processor moved {each.amount_minor} ({each.kind}), the ledger did not")
        elif found != -each.amount_minor:
            yield Difference(1, subject, f"the processor moved {each.amount_minor}, the ledger {-found}")


def check_posted(posted: Iterable[Entry], reported: Iterable[Movement]) -> Iterator[Difference]:
    """Each transfer of ours that moves the processor's account is a movement of its balance, or was carried out in another way."""
    known = {name for each in reported for name in _transfers_of(each.transfer)}
    made = list(posted)
    undone = {entry.transfer.removeprefix("refund-failed-") for entry in made if entry.kind == "refund_failed"}
    for entry in made:
        if entry.kind in _OURS | {"refund_failed"} or entry.transfer in known | undone:
            continue
        yield Difference(
            1, f"transfer/{entry.transfer}", f"the ledger moved {-entry.amount_minor}, the processor did not"
        )


def _post_own(movements: Iterable[Movement]) -> Iterator[Difference]:
    """Post what is known by these movements alone; what was posted of one in another way before is named, and holds up no other."""
    for each in movements:
        try:
            record_postings([*post_fees([each]), *post_payouts([each])])
        except KeyReused as error:
            yield Difference(1, f"provider/stripe/{each.id}", f"it was posted as another amount before: {error.detail}")


def post_fees(movements: Iterable[Movement]) -> list[Transfer]:
    """Post what the processor kept of each of these movements, at its moment; once each, however often, early or late it is asked.

    Raises:
        KeyReused: another fee of a movement was posted before.
    """
    kept = ((each, each.fee_minor - (each.amount_minor if each.kind in _CHARGED else 0)) for each in movements)
    return [post(_fee(each, fee)) for each, fee in kept if fee]


def _fee(movement: Movement, fee_minor: int) -> Transfer:
    postings = postings_of({CARDS: fee_minor, FEES: -fee_minor})
    about, currency = f"movement/{movement.id}", settings().currency.code
    return Transfer(f"provider-fee-{movement.id}", "provider_fees", currency, postings, about, movement.at)


def post_payouts(movements: Iterable[Movement]) -> list[Transfer]:
    """Post what the processor paid out to the union's bank, and what came back of that; once each, at the moment at which it left.

    The transfer is called `bank-` and the payout's id, which the bank's report bears, too: so that report is compared with it.
    """
    return [post(_payout(each)) for each in movements if each.kind in _PAYOUTS]


def _payout(movement: Movement) -> Transfer:
    postings = postings_of({CARDS: -movement.amount_minor, BANK: movement.amount_minor})
    name = movement.transfer.removeprefix("bank-").removesuffix("-returned")
    currency = settings().currency.code
    return Transfer(movement.transfer, "provider_payout", currency, postings, f"payout/{name}", movement.at)


def _on_cards(transfer: str) -> int | None:
    """What a movement's transfers move on the processor's account; None when there are none."""
    found = [_find(name) for name in _transfers_of(transfer)]
    made = [each for each in found if each is not None]
    return sum(each.amount_minor for one in made for each in one.postings if each.account == CARDS) if made else None


def _transfers_of(name: str) -> list[str]:
    """The transfers that a movement can be: money that comes back from a dispute is its winning, whole or in part, or came after its loss."""
    decided = name.startswith("chargeback-") and name.endswith("-closed")
    after = [f"{name.removesuffix('-closed')}-{word}" for word in ("reinstated", "returned")] if decided else []
    return [name, *after]


def _posted_at(transfer: str) -> str:
    """When the transfer was posted that moves the processor's account for a movement, '' for none."""
    found = [_find(name) for name in _transfers_of(transfer)]
    return next((one.at for one in found if one and any(each.account == CARDS for each in one.postings)), "")


def _find(transfer: str) -> Transfer | None:
    return fetch(transfer_ref(transfer)) if transfer else None
