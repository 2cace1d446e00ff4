"""Listings: what a store sells. Staff change their own; those made from an offer are changed through their link."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from pynamodb.exceptions import PutError

from mart_union.catalog.audit import add_audit
from mart_union.catalog.bundles import checked_parts
from mart_union.catalog.categories import checked_title
from mart_union.catalog.model import KINDS, LISTING_STATES, SKU, Listing, listing_level
from mart_union.catalog.naming import LONGEST_TEXT
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.tables import CatalogItem, ListingItem, listing_item
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Conflict, Invalid, NotFound, RuleViolation
from mart_union.kernel.money import checked_price
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import code_of, fetch, fetch_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.stock.counting import make_level
from mart_union.stock.model import Level
from mart_union.stock.refs import level_ref
from mart_union.stock.service import add_settings, get_levels

SHORTEST_SLOT, LONGEST_SLOT = 5, 7 * 24 * 60


def get_listing(store: str, sku: str) -> Listing:
    """A listing.

    Raises:
        NotFound: the store has no such listing.
    """
    listing = fetch(listing_ref(store, sku))
    if listing is None:
        raise no_listing(store, sku)
    return listing


def no_listing(store: str, sku: str) -> NotFound:
    """The refusal of a listing that does not exist."""
    return NotFound(f"the store '{store}' has no listing '{sku}'")


def get_listing_with_levels(store: str, sku: str) -> tuple[Listing, dict[str, Level]]:
    """A listing, its level and the shards of it by id; of a bundle its parts' levels. One batch read; one more where these are others than the
    listing's own.

    Raises:
        NotFound: the store has no such listing.
    """
    own = listing_level(store, sku)
    listing, level = fetch_all([listing_ref(store, sku), level_ref(own)])
    if listing is None:
        raise no_listing(store, sku)
    if listing.all_levels != (own,):
        return listing, get_levels(listing.all_levels)
    return listing, {} if level is None else {own: level}


def list_listings_page(store: str, cursor: str = "", limit: int = 50) -> Page[Listing]:
    """A store's listings by SKU, whatever their state, for its staff.

    Raises:
        Invalid: the cursor is unknown.
    """
    only = CatalogItem.sk.startswith("LISTING#")
    query, key = ListingItem.query, f"STORE#{store}"
    page = read_page(query, key, cursor=cursor, limit=limit, newest_first=False, range_key_condition=only)
    return Page(tuple(item.document for item in page.items), page.next)


def list_listings(store: str) -> list[Listing]:
    """All listings of a store. One query a MB: for what builds shelves, not for a page."""
    found = ListingItem.query(f"STORE#{store}", CatalogItem.sk.startswith("LISTING#"), consistent_read=True)
    return [item.document for item in found]


def add_listing(transaction: WriteTransaction, listing: Listing, replaces: Listing | None) -> Listing:
    """Add a listing, new or in place of one that was read, to a transaction, under the next sequence. Makes no level.

    The commit raises Conflict if the SKU is used by another listing, or if the one read has changed since.
    """
    saved = replace(listing, sequence=replaces.sequence + 1 if replaces else 1)
    item = listing_item(saved)
    if replaces is None:
        transaction.create(item, refuse(Conflict, f"the SKU {saved.sku} is used by another listing", sku=saved.sku))
    else:
        changed = refuse(Conflict, "someone else changed the listing at the same moment; read it again", sku=saved.sku)
        transaction.put(item, condition=ListingItem.sequence == replaces.sequence, refusal=changed)
    return saved


_MOST_IN_STEP = 90
"""Listings that one build of a store's shelves brings in step: each tells of itself by an event, and so the next build follows."""


def bring_in_step(pairs: Iterable[tuple[Listing, Listing]]) -> int:
    """Write some of the store's own listings as they stand now, given as they are stored and as they stand; how many. One that changed meanwhile is
    left to the build that its change brings about, and one that is made from an offer to its link."""
    behind = [pair for pair in pairs if pair[0] != pair[1] and pair[0].offer is None]
    return sum(_bring(stored, wanted) for stored, wanted in behind[:_MOST_IN_STEP])


def _bring(stored: Listing, wanted: Listing) -> bool:
    try:
        listing_item(replace(wanted, sequence=stored.sequence + 1)).save(ListingItem.sequence == stored.sequence)
    except PutError as error:
        if code_of(error) in {"ConditionalCheckFailedException", "TransactionConflictException"}:
            return False
        raise
    return True


Edit = Callable[[Listing | None], Listing]
"""What a listing becomes, from how it stands: None where there is none yet."""


def edit_listing(store: str, sku: str, edit: Edit, actor: str, now: datetime | None = None) -> Listing:
    """Write what `edit` makes of a listing as it stands; the same again writes nothing. Where another change comes between reading and writing,
    it is edited again from how it stands then, so that nothing is written over what was not seen. One consistent read and one transaction.

    Raises:
        Invalid, RuleViolation, PartRefused: as `save_listing`, or as `edit` does.
        Busy: other changes kept winning.
    """

    def save() -> Listing:
        before = fetch(listing_ref(store, sku), consistent=True)
        return save_listing(edit(before), actor, now, replaces=before)

    return retried(save, on=Conflict, what=f"the listing {sku}")


def save_listing(
    listing: Listing, actor: str, now: datetime | None = None, *, replaces: Listing | None = None
) -> Listing:
    """Write a listing as given, new or in place of the one that its caller has read and made it from; if it is that, nothing. A new one of the
    store's own gets a level with nothing in reserve, unless it draws on parts or slots; what the level says of its low-stock mark, and it and its
    shards of being on sale, is changed in the same transaction.

    Raises:
        Invalid: SKU, title, text, kind, state, price or parts are malformed.
        RuleViolation, PartRefused: it would draw on something else than before, or on what cannot be a part.
        Conflict: the SKU is used by another listing, or the one that was read has changed since.
    """
    checked_listing(listing)
    now = now or utc_now()
    if replaces is not None and replace(listing, sequence=replaces.sequence) == replaces:
        return replaces
    checked_parts(listing, replaces)
    if replaces is None and listing.drawn_on == "level" and listing.level == listing_level(listing.store, listing.sku):
        _make_level(listing, actor, now)
    transaction = WriteTransaction()
    if replaces is not None:
        _add_level_settings(transaction, replaces, listing, actor, now)
    saved = add_listing(transaction, listing, replaces)
    add_audit(
        transaction, f"store/{listing.store}", actor, "listing saved", f"listing/{listing.store}/{listing.sku}", now
    )
    transaction.commit()
    return saved


def _add_level_settings(
    transaction: WriteTransaction, before: Listing, after: Listing, actor: str, now: datetime
) -> None:
    """What the listing's own level says of its mark, and it and its shards of being on sale, where the listing changes that; the first of them
    is the journal's reason. A bundle or a bookable service has no level that speaks for it."""
    if before.offer is not None or after.drawn_on != "level":
        return
    on_sale = after.state == "on_sale"
    has_new_mark, has_new_state = before.low_stock != after.low_stock, (before.state == "on_sale") != on_sale
    state = "resumed" if on_sale else "paused"
    for level in before.sold_from if has_new_state else (before.level,) if has_new_mark else ():
        add_settings(
            transaction,
            level,
            reason=state if has_new_state else "low-stock",
            actor=actor,
            now=now,
            low_stock=after.low_stock if level == before.level else None,
            on_sale=on_sale,
        )


def _make_level(listing: Listing, actor: str, now: datetime) -> None:
    """The level comes first: a listing never stands without one. One that is there stays as it is."""
    make_level(
        listing.level,
        actor=actor,
        reference=listing.sku,
        now=now,
        low_stock=listing.low_stock,
        on_sale=listing.state == "on_sale",
    )


def change_listing(store: str, sku: str, changes: dict[str, Any], actor: str, now: datetime | None = None) -> Listing:
    """Change price, titles, texts, category, low-stock mark or parts of a store's own listing; carts and orders keep what they were made under.

    Raises:
        NotFound: the store has no such listing.
        RuleViolation: the listing is made from an offer: it is changed through its link. Or as `save_listing`.
        Invalid: a change is malformed.
        Busy: other changes kept winning.
    """

    def edit(before: Listing | None) -> Listing:
        return replace(own_listing(before, store, sku), **changes)

    return edit_listing(store, sku, edit, actor, now)


def set_listing_state(store: str, sku: str, state: str, actor: str, now: datetime | None = None) -> Listing:
    """Put a store's own listing on sale, pause or withdraw it. From that moment its level and its shards refuse, or allow, every sale; a bundle or
    a bookable service, which has none, is refused as soon as it is read so. Repeating is harmless.

    Raises:
        NotFound: the store has no such listing.
        RuleViolation: the listing is made from an offer: it is changed through its link.
        Invalid: there is no such state.
        Busy: other changes kept winning.
    """
    return change_listing(store, sku, {"state": state}, actor, now)


def own_listing(listing: Listing | None, store: str, sku: str) -> Listing:
    """A listing that was read, if there is one and it is the store's own.

    Raises:
        NotFound: the store has no such listing.
        RuleViolation: it is made from an offer: it is changed through its link.
    """
    if listing is None:
        raise no_listing(store, sku)
    if listing.offer is not None:
        raise RuleViolation("this listing is made from an offer: change it under links", sku=sku)
    return listing


def checked_listing(listing: Listing) -> Listing:
    """The listing itself, if it is well-formed.

    Raises:
        Invalid: SKU, title, text, kind, state, price or low-stock mark is malformed; `errors` names the field.
    """
    _need(
        SKU.match(listing.sku) is not None,
        "sku",
        "1 to 32 of A-Z, 0-9, '.', '_' and '-', beginning with a letter or digit",
    )
    checked_title(listing.titles)
    _need(
        all(len(text) <= LONGEST_TEXT for text in listing.texts.values()), "texts", f"at most {LONGEST_TEXT} characters"
    )
    _need(listing.kind in KINDS, "kind", "goods or service")
    _need(listing.state in LISTING_STATES, "state", f"one of {', '.join(LISTING_STATES)}")
    _need(0 <= listing.low_stock <= 10**9, "low_stock", "a whole number, 0 or more")
    may_book = listing.kind == "service" and not listing.parts and listing.offer is None
    fits = not listing.slot_minutes or (may_book and SHORTEST_SLOT <= listing.slot_minutes <= LONGEST_SLOT)
    _need(fits, "slot_minutes", f"0, or from {SHORTEST_SLOT} to {LONGEST_SLOT} for a service that is no bundle")
    checked_price(listing.price_minor, settings().currency)
    return listing


def _need(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise Invalid(f"{field} must be: {reason}", errors=[{"field": field, "reason": reason}])
