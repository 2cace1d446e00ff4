"""Use cases of abuse: report a response or its answer, list what was reported for the union's operator, decide on it."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from mart_union.catalog.audit import add_audit
from mart_union.catalog.reviews import find_reviewed
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, NotFound, ReportLimit
from mart_union.kernel.ids import input_hash
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import find_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.orders.abuse import (
    MOST_REPORTS_A_DAY,
    AbuseCase,
    AbuseDecision,
    AbuseReport,
    add_report,
    check_words,
    decide,
)
from mart_union.orders.model import Response, TakenDown
from mart_union.orders.responses import ResponseMoved, add_changed_response
from mart_union.orders.tables import (
    ABUSE,
    CaseItem,
    OrdersItem,
    ReporterItem,
    ResponseItem,
    case_item,
    case_key,
    reporter_key,
    response_key,
)

_COUNTED_DAYS = 2


class ReportWish(Struct, frozen=True):
    """What is reported: the response itself, or its answer (`part`); for which reason of the list, and in words, which `other` needs."""

    reason: str
    part: str = "response"
    text: str = ""


class Reported(Struct, frozen=True):
    """A report as it is kept."""

    part: str
    reason: str
    text: str
    at: str


class DecisionWish(Struct, frozen=True):
    """What the operator decides: `dismiss`, `take_down` (a `part`, for a reason of the list) or `reinstate`. `note` is for whoever wrote it; the reason
    `other` needs one."""

    decision: str
    part: str = "response"
    reason: str = ""
    note: str = ""


class SeenReport(Struct, frozen=True):
    """A report, and who made it."""

    reporter: str
    actor: str
    part: str
    reason: str
    text: str
    at: str


class SeenDecision(Struct, frozen=True):
    """What was decided, by whom, when and why."""

    decision: str
    actor: str
    at: str
    part: str
    reason: str
    note: str


class ReportedResponse(Struct, frozen=True):
    """A response that was reported (`state` open, dismissed, taken_down or reinstated), as it stands now: what was said and answered, the reports, oldest
    first, and what was decided of them."""

    order: str
    response: str
    store: str
    sku: str
    kind: str
    stars: int
    text: str
    answer: str
    answered_by: str
    at: str
    state: str
    reports: tuple[SeenReport, ...]
    decisions: tuple[SeenDecision, ...]
    taken_down: TakenDown | None


class _Overtaken(Conflict):
    """Somebody else reported it, or decided on it, meanwhile: look again."""


def report_review(
    store: str, sku: str, review: str, wish: ReportWish, *, customer: str, key: str, now: datetime
) -> Reported:
    """Report a review of a listing, or its answer, as a customer. A read, and what `report_response` costs.

    Raises:
        NotFound: the listing shows no such review.
        MartUnionError: as `report_response`.
    """
    order, response = find_reviewed(store, sku, review)
    return report_response(order, response, wish, reporter=f"customer/{customer}", actor=customer, key=key, now=now)


def report_received(
    order: str, response: str, wish: ReportWish, *, party: str, actor: str, key: str, now: datetime
) -> Reported:
    """Report a response, or its answer, as the store or a supplier (`party`) that received it, for which `actor` acts.

    Raises:
        NotFound: it received no such response.
        MartUnionError: as `report_response`.
    """
    return report_response(order, response, wish, reporter=party, actor=actor, key=key, now=now, received=True)


def report_response(
    order: str,
    response: str,
    wish: ReportWish,
    *,
    reporter: str,
    actor: str,
    key: str,
    now: datetime,
    received: bool = False,
) -> Reported:
    """Keep a report for the union's operator. The same of the same reporter is the same report, whatever its key. One batch read and one transaction.

    Raises:
        NotFound: there is no such response, or its reporter did not receive it.
        Invalid: no reason of the list, no part of the response, or too many words.
        AlreadyReported: its reporter has reported it otherwise; under the same key, KeyReused.
        RuleViolation: it has been taken down.
        ReportLimit: enough have reported it, or its reporter enough for today.
        Busy: other changes kept winning.
    """
    check_words(wish.reason, wish.text, "text")
    request = input_hash([wish.part, wish.reason, wish.text])
    report = AbuseReport(reporter, actor, wish.part, wish.reason, iso(now), key, request, wish.text)

    def attempt() -> AbuseCase:
        case, found = _read(order, response)
        if found is None or (received and reporter not in found.fulfillers):
            raise NotFound("there is no such response")
        after = add_report(case, found, report)
        if after is not case:
            transaction = WriteTransaction()
            _put_case(transaction, case, after)
            _count(transaction, reporter, now)
            transaction.commit()
        return after

    kept = retried(attempt, on=_Overtaken, what="this response")
    made = next(each for each in kept.reports if each.reporter == reporter)
    return Reported(made.part, made.reason, made.text, made.at)


def _read(order: str, response: str) -> tuple[AbuseCase | None, Response | None]:
    keys = [(CaseItem, *case_key(order, response)), (ResponseItem, *response_key(order, response))]
    case, found = find_all(keys, consistent=True)
    return case and case.document, found and found.document


def _put_case(transaction: WriteTransaction, before: AbuseCase | None, after: AbuseCase) -> None:
    refusal = refuse(_Overtaken, "it has changed meanwhile")
    if before is None:
        transaction.create(case_item(after), refusal)
    else:
        transaction.put(case_item(after), condition=CaseItem.sequence == before.sequence, refusal=refusal)


def _count(transaction: WriteTransaction, reporter: str, now: datetime) -> None:
    """One report more of a reporter's day (UTC), if that has room for it."""
    over = refuse(ReportLimit, "you have reported enough for today", limit=MOST_REPORTS_A_DAY, per="day")
    expires = int((now + timedelta(days=_COUNTED_DAYS)).timestamp())
    transaction.update(
        ReporterItem(*reporter_key(reporter, iso(now))),
        [ReporterItem.units.add(1), ReporterItem.expires_at.set(expires)],
        condition=ReporterItem.units.does_not_exist() | (ReporterItem.units < MOST_REPORTS_A_DAY),
        refusal=over,
    )


def list_reported(month: str = "", *, cursor: str = "", limit: int = 50) -> Page[ReportedResponse]:
    """A page of what was reported and waits for a decision, oldest first; with a month (`2026-11`), of what was last decided in it. One query and one batch
    read.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    partition = f"{ABUSE}{month or 'open'}"
    page = read_page(OrdersItem.by_store.query, partition, cursor=cursor, limit=limit, newest_first=False)
    keys = [(item.pk.removeprefix("ORDER#"), item.store_sort.partition("#")[2]) for item in page.items]
    cases = find_all(
        [(CaseItem, *case_key(*key)) for key in keys] + [(ResponseItem, *response_key(*key)) for key in keys]
    )
    both = zip(cases[: len(keys)], cases[len(keys) :], strict=True)
    return Page(tuple(_seen(case.document, of.document) for case, of in both if case and of), page.next)


def decide_abuse(
    order: str, response: str, wish: DecisionWish, *, actor: str, key: str, now: datetime
) -> ReportedResponse:
    """Dismiss what was reported of a response, take it or its answer down, or reinstate it. A review that is taken down leaves its listing's page and
    rating in the same transaction, and comes back to both with it. The same key again changes nothing. One batch read and one transaction; the union's
    audit trail tells who did.

    Raises:
        NotFound: no such response was reported.
        Invalid, Conflict, KeyReused, RuleViolation: as for `abuse.decide`.
        Busy: other changes kept winning.
    """
    request = input_hash([wish.decision, wish.part, wish.reason, wish.note])
    facts = (wish.part, wish.reason, wish.note) if wish.decision == "take_down" else ("", "", wish.note)
    decision = AbuseDecision(wish.decision, actor, iso(now), key, request, *facts)

    def attempt() -> ReportedResponse:
        case, found = _read(order, response)
        if case is None or found is None:
            raise NotFound("no such response was reported")
        after, changed = decide(case, found, decision, now)
        if after is not case:
            transaction = WriteTransaction()
            _put_case(transaction, case, after)
            if changed is not found:
                add_changed_response(transaction, found, changed)
            add_audit(transaction, "union", actor, _ACTIONS[wish.decision], f"response/{order}/{response}", now)
            transaction.commit()
        return _seen(after, changed)

    return retried(attempt, on=(_Overtaken, ResponseMoved), what="this response")


_ACTIONS = {"dismiss": "report dismissed", "take_down": "response taken down", "reinstate": "response reinstated"}


def _seen(case: AbuseCase, response: Response) -> ReportedResponse:
    return ReportedResponse(
        order=case.order,
        response=case.response,
        store=case.store,
        sku=response.sku,
        kind=response.kind,
        stars=response.stars,
        text=response.text,
        answer=response.answer,
        answered_by=response.answered_by,
        at=case.at,
        state=case.state,
        reports=tuple(SeenReport(x.reporter, x.actor, x.part, x.reason, x.text, x.at) for x in case.reports),
        decisions=tuple(SeenDecision(x.decision, x.actor, x.at, x.part, x.reason, x.note) for x in case.decisions),
        taken_down=response.taken_down,
    )
