"""Links: listings that sellers make from offers, each under terms of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.audit import add_audit
from mart_union.catalog.model import SKU, OfferReference
from mart_union.catalog.naming import check_words
from mart_union.catalog.refs import listing_ref
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.ids import input_hash
from mart_union.kernel.money import checked_price
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.linked import (
    LISTING_STATES,
    Facts,
    bring_in_step,
    find_link,
    put_link,
    read_facts,
    read_links,
    sku_used,
)
from mart_union.mediation.linking import link_of
from mart_union.mediation.model import Link, OfferKey, Terms
from mart_union.mediation.offers import no_offer, require_unchanged
from mart_union.mediation.standings import require_standing
from mart_union.mediation.suppliers import require_as_read
from mart_union.mediation.tables import (
    LinkCommandItem,
    LinkItem,
    SellerItem,
    link_command_key,
    links_list,
    seller_key,
)

_KEPT = timedelta(days=90)


def make_link(
    store: str, sku: str, offer: OfferReference, terms: Terms, actor: str, now: datetime, *, key: str = ""
) -> Link:
    """Sell an offer under a SKU of one's own, or change the terms under which one does; the same again changes nothing. A link that its seller has
    paused or withdrawn stays so under other terms.

    Link, listing and, the first time, each supplier's record of its seller are written together, and only if the offers are still as read.
    A repeat under the same idempotency key, within ninety days, gives the link as it is now, so that it undoes no later change, whatever commands came between.

    Raises:
        Invalid: the SKU, the words, the price or the markup is malformed.
        NotFound: there is no such offer or store, or an offer is not granted to the store, which is not to learn of it.
        RuleViolation: an offer is not on offer, or no longer to the store, or the price is under its minimum, or the backup does not fit.
        KeyReused: the key was used for other terms.
        Conflict: the SKU is used by another listing, or an offer or the link was changed at the same moment.
    """
    _check(sku, terms)
    first = OfferKey(offer.supplier, offer.sku)
    request = input_hash([first.supplier, first.sku, terms])
    before = find_link(store, sku, first)
    if before is not None and before.first != first:
        raise sku_used(sku)  # the offer is the backup of the link that is there
    command = LinkCommandItem(
        *link_command_key(store, sku, key), request=request, expires_at=int((now + _KEPT).timestamp())
    )
    if before is not None and key and _was_carried_out(command):
        return before
    facts = read_facts([_outline(store, sku, first, terms)])
    wanted = wanted_link(facts, store, sku, first, terms, before)
    if before is not None and before.is_stopped:
        wanted = replace(wanted, state=before.state, reason=before.reason)
    after = renewed(before, wanted)
    if after != before or key:
        _write(before, after, facts, actor, now, command if key else None)
    return before if before is not None and after == before else _by_now(after)


def _by_now(link: Link) -> Link:
    """A link that was just written, once it says what its offers, their pools and its category say by now: whoever followed what changed of them meanwhile
    did not find it. Two batch reads where nothing did."""
    seen: tuple[Link, ...] = (link,)
    unread = [seen]

    def read() -> tuple[Link, ...]:
        nonlocal seen
        seen = unread.pop() if unread else read_links([link])
        return seen

    bring_in_step(read, with_places=True)
    return seen[0]


def _was_carried_out(command: LinkCommandItem) -> bool:
    """Whether a command was carried out before. One read.

    Raises:
        KeyReused: its key was used for other terms.
    """
    found = find(LinkCommandItem, command.pk, command.sk, consistent=True)
    if found is not None and found.request != command.request:
        raise KeyReused("this key was used for other terms; nothing was changed")
    return found is not None


def _outline(store: str, sku: str, first: OfferKey, terms: Terms) -> Link:
    """As much of a link as says what it depends on."""
    return Link(store, sku, first.supplier, first.sku, 0, terms.category, {}, {}, backup=terms.backup)


def wanted_link(facts: Facts, store: str, sku: str, first: OfferKey, terms: Terms, before: Link | None) -> Link:
    """The link that terms make, if the store may sell the offers.

    Raises:
        NotFound, RuleViolation, Invalid: as `make_link`.
    """
    classification = _classification(facts, store)
    for key in (first,) if terms.backup is None else (first, terms.backup):
        _check_offered(facts, key, store, is_known=before is not None and key in before.offers)
        if facts.suppliers[key.supplier].state == "suspended":
            raise RuleViolation("the supplier is suspended: nobody sells its goods now", reason="supplier-suspended")
    if facts.standing(store).state == "paused":
        raise RuleViolation("the store's deposit is below the level required: top it up first", reason="deposit")
    supply = facts.supply(first, store)
    if supply is None:
        raise no_offer(first.supplier, first.sku)
    backup = facts.supply(terms.backup, store)
    step, shut = settings().currency.step, facts.shut(store)
    return link_of(supply, backup, store, sku, terms, classification, step=step, shut=shut)


def _classification(facts: Facts, store: str) -> str:
    if store not in facts.stores:
        raise NotFound(f"there is no store '{store}'")
    return facts.classification(store)


def _check_offered(facts: Facts, key: OfferKey, store: str, *, is_known: bool) -> None:
    """Nothing, if the store may sell the offer. What was never granted to it is refused like what does not exist."""
    offer, classification = facts.offers.get(key), facts.classification(store)
    if offer is None or (not is_known and not offer.is_granted_to(store, classification)):
        raise no_offer(key.supplier, key.sku)
    if not offer.is_for_sale_by(store, classification):
        raise RuleViolation("this offer is not on offer to your store", offer=f"{key.supplier}/{key.sku}")


def renewed(before: Link | None, wanted: Link) -> Link:
    """The link wanted, under the next sequence; the one that is there, if they say the same."""
    if before is None:
        return wanted
    same = replace(wanted, key=before.key, request=before.request, sequence=before.sequence)
    return before if same == before else replace(same, sequence=before.sequence + 1)


def _check(sku: str, terms: Terms) -> None:
    if not SKU.match(sku):
        message = "an SKU is 1 to 32 capital letters, digits, dots, hyphens and underscores"
        raise Invalid(message, errors=[{"field": "sku", "reason": message}])
    check_words(terms.titles or {}, terms.texts or {}, terms.glyph or "", settings().languages)
    if terms.price_minor is not None:
        checked_price(terms.price_minor, settings().currency)


def set_link_state(store: str, sku: str, state: str, actor: str, now: datetime) -> Link:
    """Pause a link, withdraw it, or sell it again (`linked`); the same again changes nothing.

    Raises:
        NotFound: the store sells no offer under that SKU.
        Invalid: there is no such state.
        RuleViolation: it may not be sold again: the reason is named.
        Conflict: an offer or the link was changed at the same moment.
    """
    if state not in LISTING_STATES:
        message = f"a link is {', '.join(LISTING_STATES)}"
        raise Invalid(message, errors=[{"field": "state", "reason": message}])
    before = get_link(store, sku)
    facts = read_facts([before])
    wanted = replace(before, state=state, reason="seller" if state == "paused" else "")
    if state == "linked":
        wanted = facts.in_step(wanted)
        if wanted.reason:
            raise RuleViolation(f"it cannot be sold now: {wanted.reason}", reason=wanted.reason)
    if wanted == before:
        return before
    after = replace(wanted, sequence=before.sequence + 1)
    _write(before, after, facts, actor, now)
    return _by_now(after)


def get_link(store: str, sku: str) -> Link:
    """A link of a store, by the SKU under which it sells the offer.

    Raises:
        NotFound: the store sells no offer under that SKU.
    """
    listing = fetch(listing_ref(store, sku), consistent=True)
    link = (
        find_link(store, sku, OfferKey(listing.offer.supplier, listing.offer.sku))
        if listing and listing.offer
        else None
    )
    if link is None:
        raise NotFound(f"{store} sells no offer under {sku}")
    return link


def list_links(store: str, cursor: str = "", limit: int = 50) -> Page[Link]:
    """A page of a store's links, by SKU."""
    page = read_page(LinkItem.by_store.query, links_list(store), cursor=cursor, limit=limit, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)


def list_links_after(store: str, sku: str, limit: int) -> tuple[Link, ...]:
    """A store's links whose SKUs come after one ('' for the first), by SKU."""
    after = LinkItem.store_sort > sku if sku else None
    page = read_page(
        LinkItem.by_store.query, links_list(store), limit=limit, newest_first=False, range_key_condition=after
    )
    return tuple(item.document for item in page.items)


def _write(
    before: Link | None, after: Link, facts: Facts, actor: str, now: datetime, command: LinkCommandItem | None = None
) -> None:
    """The link and its listing together, if neither they nor the offers, their suppliers, the store or the deposit's standing have changed since they were read, and the
    command that asked for it; the command alone where it changes nothing."""
    transaction = WriteTransaction()
    if command is not None:
        transaction.create(command, refuse(Conflict, "this command has just been carried out; repeat it"))
    if after == before:
        transaction.commit()
        return
    add_link(transaction, before, after, facts)
    for key in after.offers:
        require_unchanged(transaction, facts.offers[key])
    for supplier in sorted({key.supplier for key in after.offers}):
        require_as_read(transaction, facts.suppliers[supplier])
    require_standing(transaction, facts.standing(after.store))
    catalog.require_trading(transaction, facts.stores[after.store], facts.shut(after.store))
    add_sellers(transaction, new_suppliers(before, after), after.store, now)
    add_audit(transaction, f"store/{after.store}", actor, f"link {after.state}", after.sku, now)
    transaction.commit()


def add_link(transaction: WriteTransaction, before: Link | None, after: Link, facts: Facts) -> None:
    """Add a link and its listing to a transaction, which commits only if they are as they were read.

    Raises:
        Conflict: the SKU is used by another listing.
    """
    listed = facts.listing(before) if before else None
    if before is None and (after.store, after.sku) in facts.listings:
        raise sku_used(after.sku)
    put_link(transaction, before, after)
    catalog.add_listing(transaction, facts.listing_of(after, listed), listed)


def new_suppliers(before: Link | None, after: Link) -> set[str]:
    """The suppliers to whom a store is a seller by a link that was not one of theirs before."""
    return {key.supplier for key in after.offers} - {key.supplier for key in (before.offers if before else ())}


def add_sellers(transaction: WriteTransaction, suppliers: set[str], store: str, now: datetime) -> None:
    """Add to a transaction that a store sells goods of some suppliers; since when stays what it was."""
    for supplier in sorted(suppliers):
        seller = SellerItem(*seller_key(supplier, store))
        transaction.update(seller, [SellerItem.since.set(SellerItem.since | iso(now))])
