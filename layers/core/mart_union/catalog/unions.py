"""The union's own description and rates."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.carriers import Carrier, checked_carriers
from mart_union.catalog.categories import read_parents
from mart_union.catalog.model import Texts, Union
from mart_union.catalog.naming import checked_slug
from mart_union.catalog.tables import UnionItem, union_key
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Conflict, Invalid, NotFound, RuleViolation
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse

_NAMES_SECONDS = 60
_names: tuple[float, Texts] = (0.0, {})


def get_union() -> Union:
    """The union.

    Raises:
        NotFound: its operator has not described it yet.
    """
    item = find(UnionItem, *union_key())
    if item is None:
        raise NotFound("the union has not been described yet")
    return item.document


def union_names() -> Mapping[str, str]:
    """The union's names for the head of a page; up to a minute old, so that a page needs no read for them."""
    global _names  # noqa: PLW0603 - a cache of this process
    read_at, names = _names
    if not names or time.monotonic() - read_at > _NAMES_SECONDS:
        item = find(UnionItem, *union_key())
        _names = (time.monotonic(), item.document.names if item else {})
    return _names[1]


def save_union(union: Union, actor: str, now: datetime | None = None) -> Union:
    """Describe the union; the same description again writes nothing.

    The tree of categories is no part of the description: it is taken from the categories themselves.

    Raises:
        Invalid: another union, no names in a language of its pages, a classification that a commission rule names is gone, or a carrier that cannot be
            meant.
        Conflict: someone else changed it at the same moment.
    """
    item = find(UnionItem, *union_key(), consistent=True)
    return _save(item, union, actor, "union described", now)


def change_union(
    change: Callable[[Union], Union],
    actor: str,
    action: str,
    now: datetime | None = None,
    *,
    fresh: Union | None = None,
) -> Union:
    """Change a part of the union's description; no difference writes nothing. `fresh` is what to change when there is none yet.

    Raises:
        NotFound: the union has not been described yet, and there is no `fresh` one.
        Invalid: what `change` raises, or what `save_union` refuses.
        Conflict: someone else changed it at the same moment.
    """
    item = find(UnionItem, *union_key(), consistent=True)
    before = fresh if item is None else item.document
    if before is None:
        raise NotFound("the union has not been described yet")
    return _save(item, change(before), actor, action, now)


def save_carrier(
    carrier: str, edit: Callable[[Carrier | None], Carrier], actor: str, now: datetime | None = None
) -> Carrier:
    """Add a provider of delivery, or change it, to what `edit` makes of it (None: there is none yet); it holds for purchases from now on. No
    difference writes nothing.

    Raises:
        NotFound: the union has not been described yet, or what `edit` raises.
        Invalid: the carrier cannot be meant; `errors` names the field.
        Conflict: someone else changed the union at the same moment.
    """

    def change(before: Union) -> Union:
        edited = edit(before.carrier(carrier))
        if before.carrier(carrier) is None:
            return replace(before, carriers=(*before.carriers, edited))
        return replace(before, carriers=tuple(edited if each.id == carrier else each for each in before.carriers))

    saved = change_union(change, actor, f"carrier {carrier} described", now)
    return next(each for each in saved.carriers if each.id == carrier)


MOST_SUSPENDED = 200
"""The union is read by every checkout: its description stays small."""


def mark_suspended(party: str, suspended: bool, actor: str, now: datetime | None = None) -> None:
    """Have nothing sold of a party (`enterprise/<id>`, `supplier/<id>`) from now on, or have it sold again. The same again writes nothing.

    Raises:
        RuleViolation: two hundred are suspended already.
        Conflict: someone else changed the union at the same moment.
    """
    item = find(UnionItem, *union_key(), consistent=True)
    if item is None or (party in item.document.suspended) == suspended:
        return
    named = {*item.document.suspended, party} if suspended else {*item.document.suspended} - {party}
    if len(named) > MOST_SUSPENDED:
        raise RuleViolation(f"at most {MOST_SUSPENDED} are suspended at once: refuse some for good")
    action = f"{party} suspended" if suspended else f"{party} sells again"
    _save(item, replace(item.document, suspended=tuple(sorted(named))), actor, action, now)


def _save(item: UnionItem | None, union: Union, actor: str, action: str, now: datetime | None) -> Union:
    _check(union)
    carriers = checked_carriers(union.carriers, settings().currency.step)
    union = replace(union, carriers=carriers, category_parents=read_parents())
    if item is not None and replace(union, sequence=item.document.sequence) == item.document:
        return item.document
    held = int(item.sequence) if item else 0
    saved = replace(union, sequence=held + 1)
    transaction = WriteTransaction()
    transaction.put(
        UnionItem(*union_key(), document=saved, sequence=saved.sequence),
        condition=UnionItem.sequence == held if item else UnionItem.pk.does_not_exist(),
        refusal=refuse(Conflict, "the union was changed at the same moment; read it again"),
    )
    add_audit(transaction, "union", actor, action, f"union/{union.id}", now or utc_now())
    transaction.commit()
    return saved


def _check(union: Union) -> None:
    if union.id != settings().union:
        raise Invalid(f"this is the union {settings().union}, not {union.id}")
    missing = [language for language in union.languages if not union.names.get(language)]
    if missing or not union.languages:
        raise Invalid(f"the union needs a name in each of its languages; missing: {', '.join(missing) or 'all'}")
    if len({each.id for each in union.classifications}) != len(union.classifications):
        raise Invalid("a classification is named twice")
    ruled = {rule.subject for rule in union.fees if rule.scope == "classification"}
    for carrier in union.carriers:
        checked_slug(carrier.id, "carrier")
    gone = sorted(ruled - {each.id for each in union.classifications})
    if gone:
        raise Invalid(f"a commission rule names the classification {gone[0]}: change the rule first")
