"""What shops were told of links, and how they answered: what each has confirmed, what it refuses, and whether it is left alone for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.update import Action

from mart_union.kernel.clock import attempt_expires_at, from_iso
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import code_of, find_all
from mart_union.mediation.shop_model import Delivery
from mart_union.mediation.tables import (
    DeliveryItem,
    MediationItem,
    SilenceItem,
    ToldItem,
    delivery_key,
    refused_list,
    shop_key,
    silence_key,
    told_key,
)

_UNANSWERED, _LONGEST_REST = 5, timedelta(hours=1)
_AGAIN = frozenset({408, 425, 429})


class Heard(Struct, frozen=True):
    """What a shop has heard of a link, the newest sequence that it confirmed; and how many calls in succession it did not answer, the last one at a
    moment."""

    told: int = 0
    unanswered: int = 0
    last_at: str = ""

    def rests(self, now: datetime) -> bool:
        """Whether the shop is left alone now: after five calls without an answer, for as many minutes as there were such calls, an hour at most."""
        if self.unanswered < _UNANSWERED:
            return False
        rest = min(timedelta(minutes=self.unanswered), _LONGEST_REST)
        return now < datetime.fromisoformat(self.last_at) + rest


class Refused(Struct, frozen=True):
    """A link that a shop refuses: the sequence of which it was told, and what it answered."""

    sku: str
    sequence: int
    problem: str


def has_answered(status: int) -> bool:
    """Whether a status is an answer of a shop that works, be it a refusal: not one of its own trouble, or a wish to be told later."""
    return 0 < status < 500 and status not in _AGAIN


def heard_of(shops: Sequence[str], sku: str) -> list[Heard]:
    """What each of some shops has heard of a link of its store. One batch read for fifty."""
    found = find_all(
        [*((ToldItem, *told_key(shop, sku)) for shop in shops), *((SilenceItem, *silence_key(shop)) for shop in shops)]
    )
    return [
        Heard(
            0 if told is None else int(told.sequence),
            0 if silence is None else int(silence.unanswered),
            "" if silence is None else silence.last_at,
        )
        for told, silence in zip(found[: len(shops)], found[len(shops) :], strict=True)
    ]


def told_sequences(shop: str, skus: Sequence[str]) -> dict[str, int]:
    """The newest sequence that a shop has confirmed of some links by SKU, those of which it confirmed any. One batch read a hundred."""
    items = find_all([(ToldItem, *told_key(shop, sku)) for sku in skus])
    return {sku: int(item.sequence) for sku, item in zip(skus, items, strict=True) if item is not None}


def record_told(shop: str, sku: str, sequence: int) -> None:
    """Remember that a shop has confirmed a link's sequence, unless it has confirmed a newer one; it refuses the link no more."""
    confirmed = [
        ToldItem.sequence.set(sequence),
        ToldItem.problem.remove(),
        ToldItem.refused.remove(),
        ToldItem.store_pk.remove(),
        ToldItem.store_sort.remove(),
    ]
    update_unless_told(ToldItem(*told_key(shop, sku)), sequence, confirmed)


def _record_refused(shop: str, refused: Refused) -> None:
    """Remember that a shop refuses a link as it is, unless it has confirmed it so, or newer."""
    noted = [
        ToldItem.sequence.set(ToldItem.sequence | 0),
        ToldItem.problem.set(refused.problem),
        ToldItem.refused.set(refused.sequence),
        ToldItem.store_pk.set(refused_list(shop)),
        ToldItem.store_sort.set(refused.sku),
    ]
    update_unless_told(ToldItem(*told_key(shop, refused.sku)), refused.sequence, noted)


def update_unless_told(told: MediationItem, sequence: int, changes: Sequence[Action]) -> None:
    """Change what somebody was told of something, unless it has confirmed this sequence or a newer one."""
    newer = MediationItem.sequence.does_not_exist() | (MediationItem.sequence < sequence)
    try:
        told.update([*changes], condition=newer)
    except UpdateError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise


def list_refused(shop: str, cursor: str = "") -> Page[Refused]:
    """A page of the links that a shop refuses, by SKU; the index lags a moment."""
    page = read_page(ToldItem.by_store.query, refused_list(shop), cursor=cursor, newest_first=False)
    return Page(tuple(Refused(item.store_sort, int(item.refused), item.problem) for item in page.items), page.next)


def list_told(shop: str) -> dict[str, int]:
    """What a shop has confirmed: the sequence by SKU of its store's links, as far as one read reaches."""
    items = ToldItem.query(shop_key(shop)[0], ToldItem.sk.startswith("TOLD#"), limit=1000)
    return {item.sk.removeprefix("TOLD#"): int(item.sequence) for item in items if item.sequence}


def record_attempt(delivery: Delivery, heard: Heard) -> None:
    """Keep what came of telling a shop, of which this had been heard: the attempt, for two weeks; what it confirmed or refuses; and whether it answers."""
    record_delivery(delivery)
    if not delivery.problem:
        record_told(delivery.shop, delivery.sku, delivery.sequence)
    elif has_answered(delivery.status):
        _record_refused(delivery.shop, Refused(delivery.sku, delivery.sequence, delivery.problem))
    _record_silence(delivery, heard)


def _record_silence(delivery: Delivery, heard: Heard) -> None:
    """Count a call that was not answered; the next answer ends the count. Written only where it changes."""
    silence = SilenceItem(*silence_key(delivery.shop))
    if not has_answered(delivery.status):
        silence.update([SilenceItem.unanswered.add(1), SilenceItem.last_at.set(delivery.at)])
    elif heard.unanswered:
        silence.update([SilenceItem.unanswered.set(0)])


def record_delivery(delivery: Delivery) -> None:
    """Keep an attempt for two weeks."""
    expires_at = attempt_expires_at(from_iso(delivery.at))
    key = delivery_key(delivery.shop, delivery.at, f"{delivery.event}#{delivery.sku}")
    DeliveryItem(*key, document=delivery, sequence=delivery.sequence, expires_at=expires_at).save()


def list_deliveries(shop: str, day: str, cursor: str = "") -> Page[Delivery]:
    """A page of the attempts to tell a shop on a day (`yyyy-mm-dd`, UTC), newest first."""
    page = read_page(DeliveryItem.query, delivery_key(shop, day, "")[0], cursor=cursor)
    return Page(tuple(item.document for item in page.items), page.next)
