"""Offers: what suppliers supply, with the pool of units that all their sellers draw on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.model import SKU, offer_level
from mart_union.catalog.naming import check_words
from mart_union.catalog.rows import keeping
from mart_union.kernel.errors import Conflict, Invalid, NotFound
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import Ref, fetch_all, find
from mart_union.kernel.transaction import MOST_ITEMS, Refusal, WriteTransaction, refuse
from mart_union.mediation.model import Offer, checked_offer
from mart_union.mediation.tables import OfferItem, SupplierItem, offer_key, supplier_key, suppliers_list
from mart_union.stock import service as stock
from mart_union.stock.counting import Beside, add_first_count, count
from mart_union.stock.model import Level

_READ_AT_ONCE = 100
_MOST_READS = 8


def save_offer(
    offer: Offer,
    quantity: int | None,
    actor: str,
    now: datetime,
    *,
    kept: tuple[str, ...] = (),
    key: str = "",
    cut_off_since: str = "",
    read: tuple[Offer, Level] | None = None,
    upload: str = "",
) -> bool:
    """Make an offer or change it, and correct its pool to `quantity` (None leaves the pool); says whether anything was written.

    Supply price with its tiers, low-stock mark and whether it is on offer stand on the pool and its allotments, too, and change with the offer and the count in one
    transaction, so that a purchase is made under what the offer says. What was counted includes what is in allotments, which are cut where it is less
    than they have. Repeating it writes nothing; a `key`
    counts the pool and changes the offer once, whatever was sold or changed since, and never after a later one; what was `cut_off_since` a moment does not count what has moved since, as `count` says. Fields named in `kept` stay as they are of an offer that is there (`texts/en`: of a text that language). Who has just `read` the offer and its
    pool, gives them. What an `upload` says makes no entry of the audit trail, where the upload has its own; the pool's journal names it. Approval alone gives the membership that lets someone call this.

    Raises:
        Invalid: the offer or the quantity is malformed, its words are too long or in a language that the union does not speak, or a new offer comes
            without a quantity.
        RuleViolation: the suggested price is under the minimum.
        Conflict: someone else changed the offer at the same moment, or the pool is not to be counted.
    """
    offer = fit_offer(offer)
    before, pool = read or (find_offer(offer.supplier, offer.sku), None)
    if before is None:
        if quantity is None:
            raise Invalid("a new offer needs a quantity", errors=[{"field": "quantity", "reason": "missing"}])
        make_offers([(offer, quantity)], actor, now, key=key, upload=upload)
        return True
    stays = ("sequence", "allotments", "allotments_made", *kept)
    after = fit_offer(keeping(offer, before, stays))
    if after == before:
        return _correct_pool(after, quantity, actor, now, key, cut_off_since, upload, pool)
    changed = replace(after, sequence=before.sequence + 1)

    def add(transaction: WriteTransaction, written: Collection[str]) -> None:
        others = [level for level in changed.sold_from[1:] if level not in written]
        _add_change(transaction, before, changed, actor, now, others, upload)

    if _correct_pool(changed, quantity, actor, now, key, cut_off_since, upload, pool, add):
        return True
    if quantity is not None and key:
        return False  # this key has changed the offer before
    _change(before, changed, actor, now, upload)
    return True


OFFERS_AT_ONCE = MOST_ITEMS // 2
"""How many offers of an upload are made at once at most: each is two items, with its pool."""


def make_offers(
    offers: Sequence[tuple[Offer, int]], actor: str, now: datetime, *, key: str = "", upload: str = ""
) -> None:
    """Make new offers that are fit, each with its pool of so many units, all or none: one transaction. Those of an `upload` have no entries of the audit
    trail, as `save_offer` says.

    Raises:
        Invalid: a quantity is negative or too large.
        Conflict: one of them is there already, or its pool.
        Busy: other changes kept winning.
    """
    transaction = WriteTransaction()
    for offer, quantity in offers:
        add_first_count(
            transaction,
            offer.level,
            quantity,
            actor=actor,
            reference=_reference(upload),
            now=now,
            low_stock=offer.low_stock,
            on_sale=offer.state == "on_offer",
            supply_minor=offer.supply_minor,
            supply_tiers=offer.supply_price.schedule,
            key=key,
        )
        item = OfferItem(*offer_key(offer.supplier, offer.sku), document=replace(offer, sequence=1), sequence=1)
        transaction.create(item, _just_made)
        if not upload:
            add_audit(transaction, f"supplier/{offer.supplier}", actor, "offer made", offer.sku, now)
    transaction.commit()


_just_made = refuse(Conflict, "this offer has just been made; read it and repeat")


def _reference(upload: str) -> str:
    """What a pool's journal says a count is for."""
    return f"upload/{upload}" if upload else "offer"


def fit_offer(offer: Offer) -> Offer:
    """The offer, with its area as postcodes are compared, if it may be saved.

    Raises:
        Invalid: it is malformed, its words are too long or in a language that the union does not speak.
        RuleViolation: the suggested price is under the minimum.
    """
    if not SKU.match(offer.sku):
        message = "an SKU is 1 to 32 capital letters, digits, dots, hyphens and underscores"
        raise Invalid(message, errors=[{"field": "sku", "reason": message}])
    check_words(offer.titles, offer.texts, offer.glyph, settings().languages)
    return checked_offer(offer, settings().currency)


def _change(before: Offer, after: Offer, actor: str, now: datetime, upload: str) -> None:
    """Write a change of an offer, and of what its pool and allotments say, where nothing is counted."""
    transaction = WriteTransaction()
    _add_change(transaction, before, after, actor, now, after.sold_from, upload)
    transaction.commit()


def _add_change(
    transaction: WriteTransaction,
    before: Offer,
    after: Offer,
    actor: str,
    now: datetime,
    levels: Sequence[str],
    upload: str,
) -> None:
    """Add a change of an offer to a transaction, with what these levels say of it."""
    add_changed_offer(transaction, before, after, refuse(Conflict, "someone changed this offer just now"))
    _add_settings(transaction, before, after, actor, now, levels)
    if not upload:
        add_audit(transaction, f"supplier/{after.supplier}", actor, "offer changed", after.sku, now)


def add_changed_offer(transaction: WriteTransaction, before: Offer, after: Offer, refusal: Refusal) -> None:
    """Add an offer in place of the one that was read to a transaction, which commits only if that is still the one."""
    item = OfferItem(*offer_key(after.supplier, after.sku), document=after, sequence=after.sequence)
    transaction.put(item, condition=OfferItem.sequence == before.sequence, refusal=refusal)


def _add_settings(
    transaction: WriteTransaction, before: Offer, after: Offer, actor: str, now: datetime, levels: Sequence[str]
) -> None:
    """What the pool and its allotments say of price, sale and mark, where the offer changes them; the first of them is the journal's reason."""
    on_sale = after.state == "on_offer"
    changed = {
        "supply-price": after.supply_price != before.supply_price,
        "resumed" if on_sale else "paused": on_sale != (before.state == "on_offer"),
        "low-stock": after.low_stock != before.low_stock,
    }
    reasons = [reason for reason, is_changed in changed.items() if is_changed]
    for level in levels if reasons else ():
        stock.add_settings(
            transaction,
            level,
            reason=reasons[0],
            actor=actor,
            now=now,
            low_stock=after.low_stock,
            on_sale=on_sale,
            supply_minor=after.supply_minor,
            supply_tiers=after.supply_price.schedule,
        )


def _correct_pool(
    offer: Offer,
    quantity: int | None,
    actor: str,
    now: datetime,
    key: str,
    cut_off_since: str,
    upload: str,
    pool: Level | None = None,
    also: Beside | None = None,
) -> bool:
    """Correct an offer's pool to what was counted, and have it say what the offer says, in one transaction with what `also` adds; False, and nothing
    written, where nothing was counted, it was counted under the key before, or, without a key or without more to add, it stands so already."""
    if quantity is None:
        return False

    def allotted() -> tuple[str, ...]:
        return get_offer(offer.supplier, offer.sku).sold_from[1:]

    return count(
        offer.level,
        quantity,
        actor=actor,
        reference=_reference(upload),
        now=now,
        low_stock=offer.low_stock,
        on_sale=offer.state == "on_offer",
        supply_minor=offer.supply_minor,
        supply_tiers=offer.supply_price.schedule,
        before=pool,
        shards=allotted,
        alike=True,
        key=key,
        cut_off_since=cut_off_since,
        also=also,
    )


def find_offer(supplier: str, sku: str) -> Offer | None:
    """An offer as it is now, or None."""
    item = find(OfferItem, *offer_key(supplier, sku), consistent=True)
    return None if item is None else item.document


def find_with_pools(supplier: str, skus: Sequence[str]) -> list[tuple[Offer, Level] | None]:
    """Some offers of a supplier with their pools, as they are now, None for each that there is not. A batch read for a hundred, and one for the pools
    of those that there are."""
    offers = fetch_all([_offer_ref(supplier, sku) for sku in skus], consistent=True)
    known = [offer.sku for offer in offers if offer is not None]
    pools = stock.get_levels((offer_level(supplier, sku) for sku in known), consistent=True)
    both = ((offer, offer and pools.get(offer.level)) for offer in offers)
    return [None if offer is None or pool is None else (offer, pool) for offer, pool in both]


def _offer_ref(supplier: str, sku: str) -> Ref[Offer]:
    return Ref(OfferItem, *offer_key(supplier, sku), lambda item: item.document)


def get_offer(supplier: str, sku: str) -> Offer:
    """An offer as it is now.

    Raises:
        NotFound: there is none.
    """
    offer = find_offer(supplier, sku)
    if offer is None:
        raise no_offer(supplier, sku)
    return offer


def no_offer(supplier: str, sku: str) -> NotFound:
    """The refusal of an offer that does not exist, or that whoever asks is not to learn of."""
    return NotFound(f"there is no offer {sku} of {supplier}")


_CHANGED = refuse(Conflict, "the supplier changed this offer just now; look again")


def require_unchanged(transaction: WriteTransaction, offer: Offer, refusal: Refusal = _CHANGED) -> None:
    """Let a transaction commit only if the offer is still the one that was read."""
    transaction.check(OfferItem(*offer_key(offer.supplier, offer.sku)), OfferItem.sequence == offer.sequence, refusal)


def list_offers(supplier: str, cursor: str = "", limit: int = 50) -> Page[Offer]:
    """A page of a supplier's offers, by SKU."""
    page = read_page(
        OfferItem.query,
        offer_key(supplier, "")[0],
        cursor=cursor,
        limit=limit,
        newest_first=False,
        range_key_condition=OfferItem.sk.startswith("OFFER#"),
    )
    return Page(tuple(item.document for item in page.items), page.next)


class Found(Struct, frozen=True):
    """Some offers that a store may sell, the cursor to go on searching from ('' at the end), and how many offers were `read` to find them."""

    offers: tuple[Offer, ...]
    next: str = ""
    read: int = 0


def search_offers_for(
    store: str,
    classification: str,
    *,
    words: str = "",
    supplier: str = "",
    within: frozenset[str] | None = None,
    cursor: str = "",
    limit: int = 24,
) -> Found:
    """Offers that are granted to a store and on offer, supplier by supplier, optionally only those with `words` in a title, or `within` some
    categories of the union.

    Reads pages of the approved suppliers' own partitions, at most eight a call, so a page may hold few offers and still go on; and before these once, which
    suppliers they are.
    """
    at, _, inside = cursor.partition("/")
    found: list[Offer] = []
    reads = read = 0
    for each in _approved_from(at, supplier):
        place = inside if each == at else ""
        while True:
            if len(found) >= limit or reads == _MOST_READS:
                return Found(tuple(found), f"{each}/{place}", read)
            filtered = words or within is not None
            page = list_offers(each, place, _READ_AT_ONCE if filtered else limit - len(found))
            reads, read = reads + 1, read + len(page.items)
            found += (offer for offer in page.items if _suits(offer, store, classification, words, within))
            place = page.next
            if not place:
                break
    return Found(tuple(found), read=read)


def count_offers(supplier: str) -> int:
    """How many offers a supplier has, in whatever state. One query a MB, which takes some thousand offers: for jobs."""
    return OfferItem.count(offer_key(supplier, "")[0], OfferItem.sk.startswith("OFFER#"))


def _approved_from(at: str, only: str) -> list[str]:
    """The approved suppliers from an id on, as many as one call comes to: each takes a read at least, and one more says where it goes on. `only` one, if
    it is named."""
    if only:
        item = find(SupplierItem, *supplier_key(only))
        return [only] if item is not None and item.document.state == "approved" else []
    page = read_page(
        SupplierItem.by_store.query,
        suppliers_list("approved"),
        limit=_MOST_READS + 1,
        newest_first=False,
        range_key_condition=SupplierItem.store_sort >= at if at else None,
    )
    return [item.document.id for item in page.items]


def _suits(offer: Offer, store: str, classification: str, words: str, within: frozenset[str] | None) -> bool:
    if not offer.is_for_sale_by(store, classification) or (within is not None and offer.union_category not in within):
        return False
    text = " ".join((offer.sku, *offer.titles.values())).casefold()
    return all(word in text for word in words.casefold().split())
