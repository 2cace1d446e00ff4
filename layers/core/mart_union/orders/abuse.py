"""Abuse: who reports a response or its answer, and what the union's operator decides of it. Pure rules."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.rating_model import ABUSE_REASONS
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import AlreadyReported, Conflict, Invalid, KeyReused, ReportLimit, RuleViolation
from mart_union.orders.model import REPLY_HOURS, Response, TakenDown

PARTS = ("response", "answer")
DECISIONS = ("dismiss", "take_down", "reinstate")
CASE_STATES = ("open", "dismissed", "taken_down", "reinstated")

MOST_WORDS = 500
"""Characters of a report, and of what the operator says of a decision."""
MOST_REPORTS = 10
"""Of one response: who decides has read enough by then."""
MOST_REPORTS_A_DAY = 20
"""Of one reporter."""
MOST_DECISIONS = 20
"""On one response, so that its item stays small: 100 KB at the very most with its reports, a few as a rule."""


class AbuseReport(Struct, frozen=True, omit_defaults=True):
    """That somebody finds a response, or its answer (`part`), abusive, and why. `reporter` is `customer/<id>`, `store/<id>` or `supplier/<id>`, `actor` who
    it was there; `key` and `request` tell a repeat from another report."""

    reporter: str
    actor: str
    part: str
    reason: str
    at: str
    key: str
    request: str
    text: str = ""


class AbuseDecision(Struct, frozen=True, omit_defaults=True):
    """What the operator decided: to dismiss what was reported, to take a `part` down for a reason, or to reinstate what was taken down. `note` is for
    whoever wrote it."""

    decision: str
    actor: str
    at: str
    key: str
    request: str
    part: str = ""
    reason: str = ""
    note: str = ""


class AbuseCase(Struct, frozen=True):
    """A response that was reported: all reports of it and all decisions on it. `at` is when the first report came that nobody has decided on, or when it was
    decided last."""

    order: str
    response: str
    store: str
    at: str
    state: str = "open"
    reports: tuple[AbuseReport, ...] = ()
    decisions: tuple[AbuseDecision, ...] = ()
    sequence: int = 1


def check_words(reason: str, text: str, field: str) -> None:
    """Nothing, if it is a reason of the list, and in words where that says too little.

    Raises:
        Invalid: it is not.
    """
    if reason not in ABUSE_REASONS:
        raise _invalid("reason", f"one of {', '.join(ABUSE_REASONS)}")
    if len(text) > MOST_WORDS or (reason == "other" and not text.strip()):
        raise _invalid(field, f"say why, in at most {MOST_WORDS} characters")


def _invalid(field: str, reason: str) -> Invalid:
    return Invalid(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])


def add_report(case: AbuseCase | None, response: Response, report: AbuseReport) -> AbuseCase:
    """The case of a response (None: nobody has reported it yet) with one report more; the very same case where its reporter has said just that before.

    Raises:
        Invalid: it names no part of the response.
        AlreadyReported: its reporter has reported the response in other words.
        KeyReused: so it has, and under the same key.
        RuleViolation: what it is about has been taken down.
        ReportLimit: enough have reported it.
    """
    before = case or AbuseCase(response.order, response.id, response.store, report.at)
    first = next((each for each in before.reports if each.reporter == report.reporter), None)
    if first is not None:
        if first.request == report.request:
            return before
        raise (KeyReused if first.key == report.key else AlreadyReported)("you have reported this already, otherwise")
    _check_part(response, report.part)
    if len(before.reports) >= MOST_REPORTS:
        raise ReportLimit("enough have reported this: the union looks at it", limit=MOST_REPORTS, per="response")
    at = before.at if before.state == "open" else report.at
    sequence = before.sequence if case is None else before.sequence + 1
    return replace(before, state="open", at=at, reports=(*before.reports, report), sequence=sequence)


def _check_part(response: Response, part: str) -> None:
    if part not in PARTS or (part == "answer" and not response.answer):
        raise _invalid("part", "name the response, or its answer if it has one")
    if response.taken_down is not None and (response.is_withheld or part == "answer"):
        raise RuleViolation("this has been taken down already")


def decide(case: AbuseCase, response: Response, decision: AbuseDecision, now: datetime) -> tuple[AbuseCase, Response]:
    """A case and its response as they are after a decision; the very same ones where that was taken before.

    Raises:
        KeyReused: its key was used for another decision.
        Invalid: there is no such decision or part, or a reason is missing.
        Conflict: nobody waits for a decision, or nothing was taken down.
        RuleViolation: it has been taken down already, or decided on too often.
    """
    taken = next((each for each in case.decisions if each.key == decision.key), None)
    if taken is not None:
        if taken.request == decision.request:
            return case, response
        raise KeyReused("this key was used for another decision; nothing was changed")
    if len(case.decisions) >= MOST_DECISIONS:
        raise RuleViolation(f"a response is decided on at most {MOST_DECISIONS} times")
    if len(decision.note) > MOST_WORDS:
        raise _invalid("note", f"at most {MOST_WORDS} characters")
    if decision.decision == "dismiss":
        state, after = "dismissed", _dismissed(case, response)
    elif decision.decision == "take_down":
        state, after = "taken_down", _taken_down(response, decision)
    elif decision.decision == "reinstate":
        state, after = "reinstated", _reinstated(response, now)
    else:
        raise _invalid("decision", f"one of {', '.join(DECISIONS)}")
    decided = replace(
        case, state=state, at=decision.at, decisions=(*case.decisions, decision), sequence=case.sequence + 1
    )
    return decided, after


def _dismissed(case: AbuseCase, response: Response) -> Response:
    if case.state != "open":
        raise Conflict("this has been decided already", state=case.state)
    return response


def _taken_down(response: Response, decision: AbuseDecision) -> Response:
    check_words(decision.reason, decision.note, "note")
    _check_part(response, decision.part)
    taken = TakenDown(decision.at, decision.part, decision.reason, decision.note)
    return replace(response, taken_down=taken, sequence=response.sequence + 1)


def _reinstated(response: Response, now: datetime) -> Response:
    """The response as it was. Who still waits for an answer waits for as long as at first: the time to give it could have passed meanwhile."""
    if response.taken_down is None:
        raise Conflict("nothing of this response was taken down")
    hours = 0 if response.state != "open" or response.escalated_at else REPLY_HOURS.get(response.kind, 0)
    reply_by = iso(now + timedelta(hours=hours)) if hours else response.reply_by
    return replace(response, taken_down=None, reply_by=reply_by, sequence=response.sequence + 1)
