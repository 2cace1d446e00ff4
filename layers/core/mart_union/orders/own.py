"""Procedures of a store's own making: described by its owner, checked before they are used, tried on what was ordered before, assigned.

They stand on the store's record, which a purchase reads anyway; an order carries the one that it was placed under.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from mart_union.catalog.assignments import keep_parents
from mart_union.catalog.categories import read_tree
from mart_union.catalog.listings import get_listing
from mart_union.catalog.model import SLUG, Store
from mart_union.catalog.procedures import Deadline, Procedure, Reminder, ReturnRules, Step
from mart_union.catalog.showing import get_store
from mart_union.catalog.stores import edit_store
from mart_union.kernel.errors import Invalid, MoneyStranded, ProcedureRefused, RuleViolation
from mart_union.orders.procedures import find_procedure
from mart_union.orders.proving import shape_problems, stranding_problems
from mart_union.orders.service import list_store_orders
from mart_union.orders.shipped import PROCEDURES
from mart_union.orders.trying import TriedOrder, endings, try_on

MOST_PROCEDURES = 8
MOST_ASSIGNED = 200
LARGEST = 6_000
"""Bytes of a description: with eight of these and what is assigned, the store's record stays far below an item's 400 KB, and an order below 12 KB."""

KINDS = ("category", "listing")


class Description(Struct, frozen=True, forbid_unknown_fields=True):
    """A procedure as its owner describes it: steps, what happens when nobody takes them in time, who is reminded before, and how goods may be given
    back (null: not at all)."""

    title: str
    steps: tuple[Step, ...]
    deadlines: tuple[Deadline, ...]
    payment: str = "before"
    reminders: tuple[Reminder, ...] = ()
    returns: ReturnRules | None = None


class Trial(Struct, frozen=True):
    """What would have become of a page of a store's closed orders under a procedure; `same` of them would have gone the same way."""

    month: str
    orders: int
    same: int
    endings: dict[str, int]
    differing: tuple[TriedOrder, ...]
    next: str


def names_of(store: Store) -> list[str]:
    """The names of the procedures that a store can choose from."""
    return sorted({*PROCEDURES, *(own.name for own in store.procedures)})


def check_choice(store: Store, name: str) -> None:
    """Nothing, if a store can choose a procedure of this name.

    Raises:
        Invalid: there is none.
    """
    if name not in names_of(store):
        reason = f"choose one of {', '.join(names_of(store))}"
        raise Invalid(f"procedure: {reason}", errors=[{"field": "procedure", "reason": reason}])


def described(procedure: Procedure) -> Description:
    """A procedure as its owner would describe it, to begin another with."""
    return Description(**{name: getattr(procedure, name) for name in Description.__struct_fields__})


def checked_procedure(name: str, wanted: Description) -> Procedure:
    """The first version of a procedure as described, if it may be used.

    Raises:
        Invalid: its name is none, or one that is shipped; or it is too long.
        MoneyStranded: some path leaves money where nobody gets it; `problems` says how.
        ProcedureRefused: a step cannot be taken, or a deadline does nothing; `problems` says which.
    """
    if not SLUG.fullmatch(name) or name in PROCEDURES:
        reason = "small letters, digits and hyphens, and none of those that are shipped"
        raise Invalid(f"procedure: {reason}", errors=[{"field": "procedure", "reason": reason}])
    if len(msgspec.json.encode(wanted)) > LARGEST:
        raise Invalid(f"a procedure has at most {LARGEST} bytes", errors=[{"field": "steps", "reason": "too long"}])
    procedure = Procedure(name, 1, **asdict(wanted))
    stranding, others = stranding_problems(procedure), shape_problems(procedure)
    if stranding:
        raise MoneyStranded(f"this procedure can strand money: {stranding[0]}", problems=[*stranding, *others])
    if others:
        raise ProcedureRefused(f"this procedure cannot be used: {others[0]}", problems=others)
    return procedure


def save_procedure(store: str, name: str, wanted: Description, *, actor: str) -> Procedure:
    """Describe a procedure of a store, or a next version of it, for orders that are placed from now on under that name. The same again changes nothing.
    Two reads and one transaction.

    Raises:
        NotFound: there is no such store.
        Invalid, MoneyStranded, ProcedureRefused: as for `checked_procedure`.
        RuleViolation: the store has as many procedures as it may.
        Conflict: somebody else changed the store at the same moment.
    """
    checked = checked_procedure(name, wanted)

    def edit(before: Store) -> Store:
        known = {own.name: own for own in before.procedures}
        if name not in known and len(known) >= MOST_PROCEDURES:
            raise RuleViolation(f"a store has at most {MOST_PROCEDURES} procedures of its own")
        if name in known and described(known[name]) == wanted:
            return before
        version = known[name].version + 1 if name in known else 1
        known[name] = replace(checked, version=version)
        return replace(before, procedures=tuple(known[each] for each in sorted(known)))

    return find_procedure(edit_store(store, edit, actor, f"procedure {name} described"), name)


def assign_procedure(store: str, kind: str, subject: str, name: str, *, actor: str) -> Store:
    """Sell what stands in a category or below it, or one listing, under another procedure than the store's from now on; '' takes that back. What is assigned
    nearer goes before. The same again changes nothing. Four reads and one transaction; another one where categories stand elsewhere than their ids say.

    Raises:
        NotFound: there is no such store or listing.
        Invalid: there is no such procedure or category.
        RuleViolation: the store assigns as many as it may.
        Conflict: somebody else changed the store at the same moment.
    """
    if kind not in KINDS:
        raise Invalid(f"kind: one of {', '.join(KINDS)}", errors=[{"field": "kind", "reason": "unknown"}])
    if name and kind == "listing":
        get_listing(store, subject)
    elif name and subject not in read_tree(store).categories:
        raise Invalid("subject: there is no such category", errors=[{"field": "subject", "reason": "unknown"}])

    def edit(before: Store) -> Store:
        assigned = {key: value for key, value in before.assigned.items() if key != f"{kind}/{subject}"}
        if name:
            check_choice(before, name)
            assigned[f"{kind}/{subject}"] = name
        if len(assigned) > MOST_ASSIGNED:
            raise RuleViolation(f"a store assigns procedures to at most {MOST_ASSIGNED} categories and listings")
        return replace(before, assigned=dict(sorted(assigned.items())))

    saved = edit_store(store, edit, actor, f"procedure of {kind} {subject}")
    keep_parents(store)
    return saved


def choose_procedure(store: str, name: str, *, actor: str) -> Store:
    """Sell under a procedure whatever has no other one assigned, from now on; orders placed before keep theirs.

    Raises:
        NotFound: there is no such store.
        Invalid: there is no such procedure.
        Conflict: somebody else changed the store at the same moment.
    """

    def edit(before: Store) -> Store:
        check_choice(before, name)
        return replace(before, procedure=name)

    return edit_store(store, edit, actor, "store changed")


def try_procedure(store: str, name: str, wanted: Description | None, month: str, cursor: str = "") -> Trial:
    """What a procedure would have made of the store's orders that were placed in a month and have ended, a page of fifty at a time: one that the store
    can choose, or one that is only described so far. One query and one batch read, and a read of the store; nothing is written.

    Raises:
        NotFound: there is no such store or procedure.
        Invalid: the cursor is not one of ours, or as for `checked_procedure`.
        MoneyStranded, ProcedureRefused: as for `checked_procedure`.
    """
    procedure = find_procedure(get_store(store), name) if wanted is None else checked_procedure("tried", wanted)
    page = list_store_orders(store, month=month, cursor=cursor)
    tried = [try_on(order, procedure) for order in page.items]
    return Trial(
        month=month,
        orders=len(tried),
        same=sum(each.is_same for each in tried),
        endings=endings(tried),
        differing=tuple(each for each in tried if not each.is_same),
        next=page.next,
    )
