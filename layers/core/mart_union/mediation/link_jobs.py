"""Whole categories at once: a store links the offers that a rule names, by a job that works a part of them at a time.

The job's item is its own outbox: each part ends with the item under the next sequence, and the event that this makes begins the next part. A part that
comes twice, or is cut off and repeated, finds what it has linked before, and counts it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.audit import add_audit
from mart_union.catalog.model import SKU, lineages
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, MartUnionError, NotFound, RuleViolation
from mart_union.kernel.events import Event
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.job_model import LinkJob, LinkRule, NotLinked
from mart_union.mediation.linked import Facts, bring_in_step, read_facts, read_links, sku_used
from mart_union.mediation.linking import check_markup
from mart_union.mediation.links import add_link, add_sellers, new_suppliers, wanted_link
from mart_union.mediation.model import Link, Offer, OfferKey, Terms, unfit
from mart_union.mediation.offers import count_offers, require_unchanged, search_offers_for
from mart_union.mediation.standings import get_standing, require_standing
from mart_union.mediation.suppliers import require_as_read
from mart_union.mediation.tables import LinkItem, LinkJobItem, link_job_item, link_job_key, link_key

_OFFERS_A_PART = 100
_LINKS_A_TRANSACTION = 20
"""Link, listing and up to two offers each, and what they have in common, are at most the hundred items of a transaction."""
_THREADS = 8
_MOST_REFUSALS = 50
_AT_MINIMUM = "at-minimum"


def start_link_job(store: str, rule: LinkRule, actor: str, key: str, now: datetime) -> LinkJob:
    """Begin to link the offers that a rule names; the same key again gives the job that it began.

    Raises:
        Invalid: the markup, the prefix or the category of the union is none.
        RuleViolation: the store's deposit is below the level required.
        KeyReused: the key began a job of another rule.
    """
    _check(rule)
    if get_standing(store).state == "paused":
        raise RuleViolation("the store's deposit is below the level required: top it up first", reason="deposit")
    job = LinkJob(derived_id("link-job", store, key), store, rule, actor, iso(now))
    transaction = WriteTransaction()
    transaction.create(link_job_item(job), refuse(Conflict, "this job was begun before"))
    add_audit(transaction, f"store/{store}", actor, "link job begun", job.id, now)
    try:
        transaction.commit()
    except Conflict:
        first = get_link_job(store, job.id)
        if first.rule != rule:
            raise KeyReused("this key began a job of another rule; nothing was changed") from None
        return first
    return job


def _check(rule: LinkRule) -> None:
    if rule.markup_basis_points is not None:
        check_markup(rule.markup_basis_points)
    if rule.prefix and not SKU.match(rule.prefix):
        raise unfit("prefix", "an SKU is 1 to 32 capital letters, digits, dots, hyphens and underscores")
    if rule.union_category and not _within(rule.union_category):
        raise unfit("union_category", "the union has no such category")


def get_link_job(store: str, job: str) -> LinkJob:
    """A job of a store, and how far it has come.

    Raises:
        NotFound: the store has no such job.
    """
    item = find(LinkJobItem, *link_job_key(store, job), consistent=True)
    if item is None:
        raise NotFound(f"there is no job {job}")
    return item.document


def list_link_jobs(store: str, cursor: str = "") -> Page[LinkJob]:
    """A page of a store's jobs, newest first."""
    page = read_page(LinkJobItem.by_store.query, link_job_key(store, "")[0], cursor=cursor, limit=25)
    return Page(tuple(item.document for item in page.items), page.next)


def work_link_job(event: Event, now: datetime) -> None:
    """Work the next part of a job (a LinkJobChanged event), if the event is of its newest sequence: a page of offers, a transaction for each twenty
    that are linked, and one that notes the progress.

    Raises:
        Busy: other changes kept winning; the event has to be delivered again.
    """
    _, store, name = event.entity.split("/", 2)
    item = find(LinkJobItem, *link_job_key(store, name), consistent=True)
    job = item.document if item else None
    if job is None or job.state != "running" or job.sequence != event.sequence:
        return
    after = replace(_worked(job, now), sequence=job.sequence + 1)
    transaction = WriteTransaction()
    moved_on = refuse(_MovedOn, "this part was worked already")
    transaction.put(link_job_item(after), condition=LinkJobItem.sequence == job.sequence, refusal=moved_on)
    try:
        transaction.commit()
    except _MovedOn:
        return


class _MovedOn(Conflict):
    """Another delivery of the event has worked this part."""


class _Part(Struct):
    """What came of a part: how many offers were linked, repriced or left, how many at their supplier's minimum, and why others were not."""

    looked: int = 0
    linked: int = 0
    repriced: int = 0
    at_minimum: int = 0
    unchanged: int = 0
    refusals: list[NotLinked] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    """SKUs that offers of this part have got: of two suppliers' offers under one SKU the second is refused."""

    def refuse(self, offer: OfferKey, error: MartUnionError) -> None:
        self.refusals.append(NotLinked(offer.supplier, offer.sku, error.code, error.detail))

    def count(self, link: Link) -> None:
        """A link that this job has written, in this try or in an earlier one, by what was noted on it then."""
        what, _, how = link.request.partition(" ")
        self.linked += what == "linked"
        self.repriced += what == "repriced"
        self.at_minimum += how == _AT_MINIMUM


class _Change(Struct, frozen=True):
    """A link to be written in place of the one that was read, if there was one."""

    before: Link | None
    after: Link


def _worked(job: LinkJob, now: datetime) -> LinkJob:
    """The job after its next part."""
    if get_standing(job.store).state == "paused":
        return replace(job, state="stopped", problem="deposit", finished_at=iso(now))
    rule = job.rule
    found = search_offers_for(
        job.store,
        catalog.get_store(job.store).classification,
        words=rule.words,
        supplier=rule.supplier,
        within=_within(rule.union_category) if rule.union_category else None,
        cursor=job.cursor,
        limit=_OFFERS_A_PART,
    )
    part = _Part(looked=len(found.offers))
    _link_all(job, found.offers, part, now)
    after = replace(
        job,
        looked=job.looked + part.looked,
        linked=job.linked + part.linked,
        repriced=job.repriced + part.repriced,
        at_minimum=job.at_minimum + part.at_minimum,
        unchanged=job.unchanged + part.unchanged,
        refused=job.refused + len(part.refusals),
        refusals=(*job.refusals, *part.refusals)[:_MOST_REFUSALS],
        cursor=found.next,
        read=job.read + found.read,
        of=count_offers(rule.supplier) if rule.supplier and job.of is None else job.of,
    )
    return after if found.next else replace(after, state="done", finished_at=iso(now))


def _within(union_category: str) -> frozenset[str]:
    """The category of the union, what was merged into it, and all below it."""
    tree = catalog.read_tree()
    place = tree.at(union_category)
    below = {name for name, line in lineages(tree.categories.values()).items() if place in line}
    return frozenset({*below, *(name for name, into in tree.gone.items() if into in below)})


def _link_all(job: LinkJob, offers: Sequence[Offer], part: _Part, now: datetime) -> None:
    with ThreadPoolExecutor(_THREADS) as threads:
        had = list(threads.map(lambda offer: _links_of(job.store, offer.key), offers))
    new = [offer.key for offer, links in zip(offers, had, strict=True) if not links]
    old = [link for links in had for link in links]
    facts = read_facts([*(_outline(job, key) for key in new), *old], with_places=True)
    changes = [change for key in new if (change := _made(job, key, facts, part))]
    changes += [change for link in old if (change := _repriced(job, link, facts, part))]
    for start in range(0, len(changes), _LINKS_A_TRANSACTION):
        _write(job, changes[start : start + _LINKS_A_TRANSACTION], facts, part, now)
    written = [*(link for link in old if link.key == job.id), *(change.after for change in changes)]
    # What they go by may have changed since it was read, be it in an earlier try.
    bring_in_step(lambda: read_links(written), with_places=True)


def _links_of(store: str, offer: OfferKey) -> list[Link]:
    """The links that the store has of an offer already: as a rule none, or one."""
    partition, prefix = link_key(offer.supplier, offer.sku, store, "")
    page = read_page(
        LinkItem.query, partition, range_key_condition=LinkItem.sk.startswith(prefix), consistent_read=True, limit=20
    )
    return [item.document for item in page.items]


def _outline(job: LinkJob, offer: OfferKey) -> Link:
    """As much of the link to be as says what it depends on."""
    return Link(job.store, f"{job.rule.prefix}{offer.sku}", offer.supplier, offer.sku, 0, job.rule.category, {}, {})


def _made(job: LinkJob, offer: OfferKey, facts: Facts, part: _Part) -> _Change | None:
    """The new link of an offer; None, and the reason noted, where there can be none."""
    sku, rule = f"{job.rule.prefix}{offer.sku}", job.rule
    terms = Terms(facts.place(job.store, rule.category), markup_basis_points=rule.markup_basis_points)
    try:
        if not SKU.match(sku):
            raise unfit("sku", f"{sku} is no SKU: choose a shorter prefix")
        if (job.store, sku) in facts.listings or sku in part.named:
            raise sku_used(sku)
        link = wanted_link(facts, job.store, sku, offer, terms, None)
    except (Invalid, Conflict, NotFound, RuleViolation) as error:
        part.refuse(offer, error)
        return None
    part.named.add(sku)
    return _Change(None, _noted(link, job, "linked", facts))


def _noted(link: Link, job: LinkJob, what: str, facts: Facts) -> Link:
    """The link with a note of what the job did, for a try that finds it written."""
    return replace(link, key=job.id, request=f"{what} {_AT_MINIMUM}" if facts.is_overruled(link) else what)


def _repriced(job: LinkJob, link: Link, facts: Facts, part: _Part) -> _Change | None:
    """A link that was there before, under the rule's price; None where it stays as it is. What an earlier try of this part wrote counts as then."""
    if link.key == job.id:
        part.count(link)
        return None
    ruled = replace(link, follows=link.follows | {"price": True}, markup_basis_points=job.rule.markup_basis_points)
    after = facts.in_step(ruled) if job.rule.reprice and link.state != "withdrawn" else link
    if after == link:
        part.unchanged += 1
        return None
    return _Change(link, replace(_noted(after, job, "repriced", facts), sequence=link.sequence + 1))


def _write(job: LinkJob, changes: Sequence[_Change], facts: Facts, part: _Part, now: datetime) -> None:
    """All of some links in one transaction; if that is refused, each in one of its own, so that one that was changed just now holds up no other.

    Raises:
        Busy: other changes kept winning.
    """
    try:
        _write_together(job, changes, facts, now)
    except (Conflict, RuleViolation) as error:
        if len(changes) == 1:
            part.refuse(changes[0].after.first, error)
            return
        for change in changes:
            _write(job, [change], facts, part, now)
        return
    for change in changes:
        part.count(change.after)


def _write_together(job: LinkJob, changes: Sequence[_Change], facts: Facts, now: datetime) -> None:
    transaction = WriteTransaction()
    suppliers: set[str] = set()
    for change in changes:
        add_link(transaction, change.before, change.after, facts)
        suppliers |= new_suppliers(change.before, change.after)
    offers = dict.fromkeys(key for change in changes for key in change.after.offers)
    for key in offers:
        require_unchanged(transaction, facts.offers[key])
    for supplier in sorted({key.supplier for key in offers}):
        require_as_read(transaction, facts.suppliers[supplier])
    require_standing(transaction, facts.standing(job.store))
    catalog.require_trading(transaction, facts.stores[job.store], facts.shut(job.store))
    add_sellers(transaction, suppliers, job.store, now)
    add_audit(transaction, f"store/{job.store}", job.actor, "links by rule", job.id, now)
    transaction.commit()
