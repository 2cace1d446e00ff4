"""Stores: opened by an approved enterprise, described and paused by their staff."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.cards import StoreCard
from mart_union.catalog.enterprises import get_enterprise
from mart_union.catalog.hours import DAYS, Hours, told_hours
from mart_union.catalog.model import STORE_STATES, Store, Texts, Union
from mart_union.catalog.naming import checked_names, checked_slug
from mart_union.catalog.refs import store_ref
from mart_union.catalog.showing import get_store
from mart_union.catalog.tables import (
    EnterpriseItem,
    StoreCardItem,
    StoreItem,
    enterprise_key,
    store_card_key,
    store_key,
)
from mart_union.catalog.unions import get_union
from mart_union.customers.service import add_membership
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import ClassificationFixed, Conflict, Forbidden, Invalid, RuleViolation
from mart_union.kernel.money import LARGEST_AMOUNT
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch_all, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.ledger.model import SETTLEMENT_PERIODS

LONGEST_TEXT = 400
_MOST_DAYS = 365
_TIME = re.compile(r"^(?:[01]\d|2[0-3]):[0-5]\d$")
_FIXED = ("id", "enterprise", "state", "opened_at", "sequence", "procedures", "assigned", "category_parents")
_MOVES = {
    "draft": ("open", "closed"),
    "open": ("paused", "closed"),
    "paused": ("open", "closed"),
    "closed": (),
}


def open_store(enterprise: str, store: Store, actor: str, now: datetime | None = None) -> Store:
    """Open a store of an approved enterprise, and make its applicant the store's owner. The same again gives the store back.

    Of `store`, the state (open or draft) and the terms count; its enterprise, sequence and opening time are set here.

    Raises:
        NotFound: there is no such enterprise.
        Forbidden: the actor did not apply for the enterprise.
        RuleViolation: the enterprise is not approved.
        Invalid: a term is malformed or unknown to the union.
        Conflict: another store has this id.
    """
    now = now or utc_now()
    owner = get_enterprise(enterprise)
    if owner.applicant != actor:
        raise Forbidden("only who applied for the enterprise opens its stores")
    if owner.state != "approved":
        raise RuleViolation(f"the enterprise is {owner.state}; its stores open once the operator has approved it")
    opened = checked_store(replace(store, enterprise=enterprise, opened_at=iso(now), sequence=1))
    if opened.state not in {"draft", "open"}:
        raise RuleViolation("a new store is open or a draft")
    transaction = WriteTransaction()
    approved_still = EnterpriseItem.sequence == owner.sequence
    changed = refuse(Conflict, "the enterprise has just been changed; try again")
    transaction.check(EnterpriseItem(*enterprise_key(enterprise)), approved_still, changed)
    taken = refuse(Conflict, f"a store called '{opened.id}' is open already", store=opened.id)
    transaction.create(_item(opened), taken)
    _show_on_front(transaction, opened)
    add_membership(transaction, actor, "store", opened.id, "owner", now)
    add_audit(transaction, f"store/{opened.id}", actor, "store opened", f"store/{opened.id}", now)
    return _commit_or_find(transaction, opened)


def _commit_or_find(transaction: WriteTransaction, opened: Store) -> Store:
    try:
        transaction.commit()
    except Conflict:
        item = find(StoreItem, *store_key(opened.id), consistent=True)
        if item is None or item.document.enterprise != opened.enterprise:
            raise
        return item.document
    return opened


def list_stores() -> list[StoreCard]:
    """The cards of all open stores by id. One query over a card a store: for what builds pages, not for a page."""
    return [item.card for item in StoreCardItem.query("STORES", consistent_read=True)]


def count_open_stores(now: datetime) -> int:
    """How many stores can be shopped in at a moment: open ones whose hours include it."""
    return sum(card.is_open_at(now, settings().time_zone) for card in list_stores())


def change_store(store: str, changes: Mapping[str, Any], actor: str, now: datetime | None = None) -> Store:
    """Change some of a store's terms; orders placed before keep the terms that they were placed under. No difference writes nothing.

    Raises:
        NotFound: there is no such store.
        Invalid: a term is unknown, fixed or malformed.
        ClassificationFixed: it is another classification, and the store has been opened.
        Conflict: someone else changed the store at the same moment.
    """
    wrong = [name for name in changes if name in _FIXED or name not in Store.__struct_fields__]
    if wrong:
        raise Invalid(f"these cannot be changed: {', '.join(wrong)}", errors=[{"field": wrong[0], "reason": "fixed"}])
    return edit_store(store, lambda before: _with_terms(before, changes), actor, "store changed", now)


def _with_terms(before: Store, changes: Mapping[str, Any]) -> Store:
    after = replace(before, **changes)
    if after.classification != before.classification and not before.says_its_classification:
        raise ClassificationFixed(
            "the store has been opened, so only the union's operator changes its classification: leave it as it is, and ask the union",
            classification=before.classification,
        )
    return after


def classify_store(store: str, classification: str, actor: str, now: datetime | None = None) -> Store:
    """Say for the union under which classification a store stands that has been opened. The same again writes nothing.

    Raises:
        NotFound: there is no such store.
        RuleViolation: the store has never been opened, and chooses for itself.
        Invalid: the union has no such classification.
        Conflict: someone else changed the store at the same moment.
    """
    before = get_store(store)
    if before.says_its_classification:
        raise RuleViolation("this store has never been opened: until then it chooses its classification itself")
    if classification != before.classification:
        _check_classification(classification, get_union())
    action = f"store classified as {classification}"
    return _save(before, replace(before, classification=classification), actor, action, now)


def edit_store(
    store: str, edit: Callable[[Store], Store], actor: str, action: str, now: datetime | None = None
) -> Store:
    """Replace a store by what `edit` makes of it. No difference writes nothing.

    Raises:
        NotFound: there is no such store.
        MartUnionError: what `edit` raises.
        Invalid: a term is malformed or unknown to the union.
        Conflict: someone else changed the store at the same moment.
    """
    before = get_store(store)
    return _save(before, checked_store(edit(before), before), actor, action, now)


def set_store_state(store: str, state: str, actor: str, now: datetime | None = None) -> Store:
    """Open, pause or close a store. A store that is not open sells nothing. The same state again changes nothing.

    Raises:
        NotFound: there is no such store.
        Invalid: there is no such state.
        RuleViolation: the store cannot go from its state to this one, or its enterprise is not approved.
        Conflict: someone else changed the store at the same moment.
    """
    if state not in STORE_STATES:
        raise Invalid(f"state must be one of {', '.join(STORE_STATES)}", errors=[{"field": "state", "reason": state}])
    before = get_store(store)
    if state == before.state:
        return before
    if state not in _MOVES[before.state]:
        raise RuleViolation(f"a store that is {before.state} cannot become {state}", allowed=list(_MOVES[before.state]))
    if state == "open" and get_enterprise(before.enterprise).state != "approved":
        raise RuleViolation("the store's enterprise is not approved")
    return _save(before, replace(before, state=state), actor, f"store {state}", now)


def store_names(stores: Iterable[str]) -> dict[str, Texts]:
    """What those of some stores are called that there are, by id. One batch read a hundred; none for none."""
    wanted = list(dict.fromkeys(stores))
    found = fetch_all([store_ref(store) for store in wanted])
    return {name: store.names for name, store in zip(wanted, found, strict=True) if store is not None}


def require_trading(transaction: WriteTransaction, store: Store, shut: str) -> None:
    """Let a transaction commit only if a store is still as it was read and, unless it was read as `shut`, its enterprise has not been suspended since."""
    changed = refuse(Conflict, "the store was changed just now; look again")
    transaction.check(StoreItem(*store_key(store.id)), StoreItem.sequence == store.sequence, changed)
    if not shut:
        trades = EnterpriseItem.listed_pk != "ENTERPRISES#suspended"
        suspended = refuse(Conflict, "the union decided on the store's enterprise just now; look again")
        transaction.check(EnterpriseItem(*enterprise_key(store.enterprise)), trades, suspended)


def list_open_stores(cursor: str = "", limit: int = 100) -> Page[Store]:
    """A page of the stores that are open, by id, as they are. One query and one batch read."""
    page = read_page(StoreCardItem.query, "STORES", cursor=cursor, limit=limit, newest_first=False)
    found = fetch_all([store_ref(item.sk) for item in page.items], consistent=True)
    return Page(tuple(store for store in found if store is not None), page.next)


def _save(before: Store, after: Store, actor: str, action: str, now: datetime | None) -> Store:
    if after == before:
        return before
    saved = replace(after, sequence=before.sequence + 1)
    transaction = WriteTransaction()
    changed = refuse(Conflict, "someone else changed the store at the same moment; read it again")
    transaction.put(_item(saved), condition=StoreItem.sequence == before.sequence, refusal=changed)
    _show_on_front(transaction, saved)
    add_audit(transaction, f"store/{saved.id}", actor, action, f"store/{saved.id}", now or utc_now())
    transaction.commit()
    return saved


def _show_on_front(transaction: WriteTransaction, store: Store) -> None:
    if store.state == "open":
        transaction.put(StoreCardItem(*store_card_key(store.id), card=card_of(store, get_union())))
    else:
        transaction.delete(StoreCardItem(*store_card_key(store.id)))


def _item(store: Store) -> StoreItem:
    return StoreItem(*store_key(store.id), document=store, sequence=store.sequence)


def card_of(store: Store, union: Union | None) -> StoreCard:
    """The store as the front shows it, its place by the names that the union has for it."""
    places = union.places if union else ()
    place = next((each.names for each in places if store.place in each.names.values()), {})
    return StoreCard(store.id, store.names, store.classification, store.glyph, place, told_hours(store.hours))


def checked_store(store: Store, before: Store | None = None) -> Store:
    """The store itself, if the union knows all that it names and its terms are in range. A classification that it had `before` is not its to change:
    it may keep one that the union has no more.

    Raises:
        Invalid: something is malformed, unknown or out of range.
        NotFound: the union has not been described yet.
    """
    checked_slug(store.id, "store")
    checked_names(store.names)
    _checked_texts(store.texts)
    _checked_hours(store.hours)
    union = get_union()
    if before is None or store.classification != before.classification:
        _check_classification(store.classification, union)
    carrier = union.carrier(store.carrier)
    _need(not store.carrier or carrier is not None, "carrier", "the union has none such")
    has_table = carrier is not None and carrier.is_priced
    _need(not store.delivery_by_table or has_table, "delivery_by_table", "its carrier has no price table")
    places = {name for place in union.places for name in place.names.values()}
    _need(store.place in {"", *places}, "place", "the union has none such")
    _need(0 <= store.lead_days <= _MOST_DAYS, "lead_days", f"must be 0 to {_MOST_DAYS}")
    _need(0 <= store.return_window_days <= _MOST_DAYS, "return_window_days", f"must be 0 to {_MOST_DAYS}")
    for name, amount in (
        ("delivery_amount", store.delivery_amount),
        ("free_delivery_from", store.free_delivery_from or 0),
    ):
        step = settings().currency.step
        _need(
            0 <= amount <= LARGEST_AMOUNT and amount % step == 0,
            name,
            f"must be 0 or more, in steps of {step} minor units",
        )
    _need(
        store.settlement_period in SETTLEMENT_PERIODS,
        "settlement_period",
        f"must be one of {', '.join(SETTLEMENT_PERIODS)}",
    )
    return store


def _check_classification(classification: str, union: Union) -> None:
    known = {each.id for each in union.classifications}
    _need(classification in known, "classification", "the union has none such")


def _checked_texts(texts: Texts) -> None:
    _need(all(len(text) <= LONGEST_TEXT for text in texts.values()), "texts", f"at most {LONGEST_TEXT} characters each")


def _checked_hours(hours: Hours) -> None:
    for day, times in hours.items():
        _need(day in DAYS, "hours", f"'{day}' is not one of {', '.join(DAYS)}")
        _need(
            times is None or all(_TIME.match(each) for each in times),
            "hours",
            "write times as 09:00",
        )
        _need(times is None or times[0] != times[1], "hours", "a store opens and closes at different times")


def _need(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise Invalid(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
