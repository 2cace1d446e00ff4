"""Whether a seller's deposit reaches the level that is required of it: warned when it does not, paused after a period of grace.

What counts is the deposit as it is now, and a change of standing commits only while that is still so: whoever asks for a review may
ask twice, late, or at the same moment as a top-up.
"""

from __future__ import annotations

from datetime import datetime

from aws_lambda_powertools import Logger
from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.audit import add_audit
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid
from mart_union.kernel.events import Event, publish
from mart_union.kernel.money import LARGEST_AMOUNT
from mart_union.kernel.paging import read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import Ref, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.ledger import service as ledger
from mart_union.mediation.model import STANDINGS, DepositStanding, reviewed
from mart_union.mediation.tables import MediationItem, StandingItem, standing_item, standing_key, standings_list

_MOST_A_SWEEP = 200

logger = Logger(child=True)


def get_standing(store: str) -> DepositStanding:
    """The standing of a store's deposit as it was found last; `met` for a store that nothing was ever required of."""
    item = find(StandingItem, *standing_key(store), consistent=True)
    return DepositStanding(store) if item is None else item.document


def standing_ref(store: str) -> Ref[DepositStanding]:
    """The standing of a store's deposit, for reads that are made together with others."""
    return Ref(StandingItem, *standing_key(store), lambda item: item.document)


def review_deposit(store: str, now: datetime) -> DepositStanding:
    """Compare a store's deposit with the level required of it, and change its standing if that is called for. Two reads and the union's;
    at most one transaction.

    Raises:
        NotFound: the union has not been described yet.
        Busy: deposit and standing kept changing at the same moment; ask again.
    """
    return retried(lambda: _review(store, now), on=Conflict, what="this deposit")


def set_deposit_level(store: str, level_minor: int | None, actor: str, now: datetime) -> DepositStanding:
    """Set the level that is required of one store, instead of the union's; None goes back to the union's. The same again writes nothing.

    Raises:
        Invalid: the level is negative or not in whole steps.
        NotFound: there is no such store.
        Busy: deposit and standing kept changing at the same moment; ask again.
    """
    step = settings().currency.step
    if level_minor is not None and (not 0 <= level_minor <= LARGEST_AMOUNT or level_minor % step):
        message = f"level_minor: an amount is not negative, and in steps of {step} minor units"
        raise Invalid(message, errors=[{"field": "level_minor", "reason": message}])
    catalog.get_store(store)

    def change() -> DepositStanding:
        before = get_standing(store)
        after = _as_it_is(replace(before, level_minor=level_minor), now)
        return before if after == before else _write(before, after, actor, now)

    return retried(change, on=Conflict, what="this deposit")


def review_overdue(now: datetime) -> int:
    """Pause the stores whose period of grace has ended; says how many. What one sweep leaves, the next one does: a store that cannot be
    reviewed is logged, and holds up no other."""
    page = read_page(
        StandingItem.by_store.query,
        standings_list("warned"),
        cursor="",
        limit=_MOST_A_SWEEP,
        newest_first=False,
        range_key_condition=MediationItem.store_sort <= f"{iso(now)}~",
    )
    return sum(_is_paused(item.document.store, now) for item in page.items)


def _is_paused(store: str, now: datetime) -> bool:
    try:
        return review_deposit(store, now).state == "paused"
    except Exception:  # such as a deposit that is busy: the others do not wait for it
        logger.exception("left to the next sweep", store=store)
        return False


def ask_reviews(event: Event) -> None:
    """Have every store reviewed that something was required of, since the union's rule may have changed (a UnionChanged event): each by an event of its
    own, so that one that cannot be reviewed holds up no other, however many there are.

    Raises:
        Busy: the bus kept refusing some; the event has to be delivered again.
    """
    for state in STANDINGS:
        _have_reviewed(state, event.id, event.at)


def ask_paused(now: datetime) -> int:
    """Have the stores looked at again whose deposits have paused their links, for a link that was written at that very moment may not have been found;
    says how many. Asked twice, they are looked at twice.

    Raises:
        Busy: the bus kept refusing some; the next hour asks again.
    """
    return _have_reviewed("paused", f"paused-{iso(now)}", iso(now))


def _have_reviewed(state: str, event: str, at: str) -> int:
    """Ask for a review of each store whose deposit is in a state, a page at a time; how many there are."""
    asked, cursor = 0, ""
    while True:
        page = read_page(
            StandingItem.by_store.query, standings_list(state), cursor=cursor, limit=100, newest_first=False
        )
        stores = [item.document.store for item in page.items]
        publish(
            [Event(f"{event}.{each}", "DepositReviewDue", f"deposit/{each}", 0, at, {"store": each}) for each in stores]
        )
        asked, cursor = asked + len(stores), page.next
        if not cursor:
            return asked


def require_standing(transaction: WriteTransaction, standing: DepositStanding) -> None:
    """Let a transaction commit only if a store's standing is still the one that was read."""
    as_read = StandingItem.sequence == standing.sequence if standing.sequence else StandingItem.pk.does_not_exist()
    changed = refuse(Conflict, "the standing of the store's deposit changed just now; try again")
    transaction.check(StandingItem(*standing_key(standing.store)), as_read, changed)


def _review(store: str, now: datetime) -> DepositStanding:
    before = get_standing(store)
    after = _as_it_is(before, now)
    return before if after == before else _write(before, after, "", now)


def _as_it_is(standing: DepositStanding, now: datetime) -> DepositStanding:
    rule = catalog.get_union().deposit
    available = ledger.get_balance(_account(standing.store)).available_minor
    required = rule.level_minor if standing.level_minor is None else standing.level_minor
    return reviewed(standing, required, available, rule.grace_hours, now)


def _write(before: DepositStanding, after: DepositStanding, actor: str, now: datetime) -> DepositStanding:
    saved = replace(after, sequence=before.sequence + 1)
    as_read = StandingItem.sequence == before.sequence if before.sequence else StandingItem.pk.does_not_exist()
    transaction = WriteTransaction()
    transaction.put(standing_item(saved), condition=as_read, refusal=refuse(Conflict, "it was reviewed just now"))
    ledger.require_available(transaction, _account(saved.store), saved.required_minor, reached=saved.state == "met")
    if actor:
        add_audit(transaction, f"store/{saved.store}", actor, "deposit level set", f"store/{saved.store}", now)
    transaction.commit()
    return saved


def _account(store: str) -> str:
    return f"store/{store}/deposit"
