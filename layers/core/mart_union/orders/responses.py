"""Use cases of responses: what customers ask, complain of and review, passed to the store and the suppliers concerned."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from mart_union.catalog.ratings import add_rating
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.ids import derived_id, input_hash
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import find, find_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.orders.escalations import add_escalation
from mart_union.orders.model import OPERATOR, REPLY_HOURS, RESPONSE_KINDS, Order, Response
from mart_union.orders.service import get_order_for
from mart_union.orders.tables import OrdersItem, ResponseItem, response_items, response_key

_LONGEST_TEXT = 2000
_MOST_RESPONSES = 50
_REVIEWABLE = frozenset({"delivered", "completed"})


class _Exists(Conflict):
    """There is a response under this id already."""


class _Overtaken(Conflict):
    """The response was answered or escalated since it was read: look again."""


def add_response(
    order: str, kind: str, text: str, *, customer: str, key: str, now: datetime, line: int = 0, stars: int = 0
) -> Response:
    """Record what a customer says of an order or one line of it; the same key again gives the first response.

    It stands in the open list of the store, and of each supplier whose lines it is about.

    Raises:
        NotFound: the customer has no such order.
        Invalid: unknown kind or line, text or stars out of range.
        RuleViolation: a review of a line that has not arrived or has one already, or too many responses to one order.
        KeyReused: the key was used for another response to this order.
    """
    found = get_order_for(order, "customer", customer)
    _check(found, kind, text, line, stars)
    if len(list_responses(order)) >= _MOST_RESPONSES:
        raise RuleViolation(f"an order has at most {_MOST_RESPONSES} responses")
    response = Response(
        id=derived_id("review", order, str(line)) if kind == "review" else derived_id("response", order, customer, key),
        order=order,
        store=found.store,
        kind=kind,
        text=text,
        customer=customer,
        at=iso(now),
        stars=stars,
        line=line,
        suppliers=_suppliers_concerned(found, line),
        request=input_hash([key, kind, text, line, stars]),
        reply_by=iso(now + timedelta(hours=REPLY_HOURS[kind])) if kind in REPLY_HOURS else "",
    )
    return _create(response, next((one.sku for one in found.lines if one.number == line), ""))


def _check(order: Order, kind: str, text: str, line: int, stars: int) -> None:
    if kind not in RESPONSE_KINDS:
        raise _invalid("kind", f"a response is one of {', '.join(RESPONSE_KINDS)}")
    if len(text) > _LONGEST_TEXT or (not text.strip() and kind != "review"):
        raise _invalid("text", f"write between 1 and {_LONGEST_TEXT} characters")
    if not (1 <= stars <= 5 if kind == "review" else stars == 0):
        raise _invalid("stars", "a review has 1 to 5 stars, other responses have none")
    about = next((one for one in order.lines if one.number == line), None)
    if about is None and (line or kind == "review"):
        raise _invalid("line", "name the line of the order that it is about")
    if kind == "review" and about is not None and about.state not in _REVIEWABLE:
        raise RuleViolation("a line can be reviewed once it was delivered", state=about.state)


def _invalid(field: str, reason: str) -> Invalid:
    return Invalid(reason, errors=[{"field": field, "reason": reason}])


def _suppliers_concerned(order: Order, line: int) -> tuple[str, ...]:
    concerned = (one.fulfiller for one in order.lines if not line or one.number == line)
    return tuple(sorted({party.removeprefix("supplier/") for party in concerned if party.startswith("supplier/")}))


def _create(response: Response, sku: str) -> Response:
    """The response, kept with its copies; a review counts in the rating of its listing from the same moment."""
    transaction = WriteTransaction()
    for item in response_items(response):
        transaction.create(item, refuse(_Exists, "this response exists already"))
    if response.kind == "review":
        add_rating(transaction, response.store, sku, response.stars)
    try:
        transaction.commit()
        return response
    except _Exists as error:
        first = get_response(response.order, response.id)
        if first.request == response.request:
            return first
        if response.kind == "review":
            raise RuleViolation("this line has its review already") from error
        raise KeyReused("this key was used for another response; nothing was changed") from error


def get_response(order: str, response: str) -> Response:
    """A response to an order.

    Raises:
        NotFound: there is no such response.
    """
    item = find(ResponseItem, *response_key(order, response), consistent=True)
    if item is None:
        raise NotFound("there is no such response")
    return item.document


def answer_response(order: str, response: str, text: str, *, actor: str, fulfiller: str, now: datetime) -> Response:
    """Answer a response, for the store of the order or a supplier that it is about (`fulfiller`), or as the union's operator where it was escalated.
    Repeating the answer changes nothing.

    Raises:
        NotFound: there is no such response of theirs.
        Invalid: the text is empty or too long.
        Conflict: it has another answer already.
        Busy: other changes kept winning.
    """
    if not 0 < len(text.strip()) <= len(text) <= _LONGEST_TEXT:
        raise _invalid("text", f"write between 1 and {_LONGEST_TEXT} characters")

    def attempt() -> Response:
        before = get_response(order, response)
        if fulfiller not in _may_answer(before):
            raise NotFound("there is no such response")
        if before.state != "open":
            return _answered(before, text, fulfiller)
        answered = {"state": "answered", "answer": text, "answered_at": iso(now), "answered_by": fulfiller}
        return _replace(before, replace(before, **answered, sequence=before.sequence + 1))

    return retried(attempt, on=_Overtaken, what="this response")


def _may_answer(response: Response) -> set[str]:
    operator = {OPERATOR} if response.escalated_at else set()
    return {f"store/{response.store}", *(f"supplier/{supplier}" for supplier in response.suppliers)} | operator


def _replace(before: Response, after: Response) -> Response:
    """The response after, written with its copies; what was escalated is listed in the same transaction."""
    transaction = WriteTransaction()
    for item in response_items(after):
        unchanged = ResponseItem.sequence == before.sequence
        transaction.put(item, condition=unchanged, refusal=refuse(_Overtaken, "it has changed meanwhile"))
    if after.escalated_at != before.escalated_at:
        add_escalation(transaction, after.order, after.escalated_at, after.id)
    transaction.commit()
    return after


def escalate_response(order: str, response: str, now: datetime) -> bool:
    """Escalate a response to the union's operator if nobody has answered it in its time; says whether that was so. Against an answer at the same
    moment exactly one comes first. Repeating it changes nothing.

    Raises:
        NotFound: there is no such response.
        Busy: other changes kept winning.
    """

    def attempt() -> bool:
        before = get_response(order, response)
        if before.state != "open" or before.escalated_at or not before.reply_by or iso(now) < before.reply_by:
            return False
        _replace(before, replace(before, escalated_at=iso(now), sequence=before.sequence + 1))
        return True

    return retried(attempt, on=_Overtaken, what="this response")


def _answered(response: Response, text: str, fulfiller: str) -> Response:
    if (response.answer, response.answered_by) == (text, fulfiller):
        return response
    raise Conflict("this response has been answered already", answered_by=response.answered_by)


def list_responses(order: str) -> list[Response]:
    """The responses to an order, oldest first. One query."""
    found = ResponseItem.query(f"ORDER#{order}", ResponseItem.sk.startswith("RESPONSE#"), limit=2 * _MOST_RESPONSES)
    return sorted((item.document for item in found), key=lambda response: response.at)


def list_open_responses(store: str, *, month: str = "", cursor: str = "", limit: int = 50) -> Page[Response]:
    """A page of what customers wait to hear from a store, oldest first; with a month, what was answered of that month.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    return _list(store, month, cursor, limit)


def list_supplier_responses(supplier: str, *, month: str = "", cursor: str = "", limit: int = 50) -> Page[Response]:
    """A page of what customers wait to hear about a supplier's lines, oldest first; with a month, what was answered of that month.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    return _list(f"supplier/{supplier}", month, cursor, limit)


def _list(party: str, month: str, cursor: str, limit: int) -> Page[Response]:
    partition = f"{party}#responses#{month or 'open'}"
    page = read_page(OrdersItem.by_store.query, partition, cursor=cursor, limit=limit, newest_first=False)
    responses = find_all([(ResponseItem, item.pk, item.sk) for item in page.items])
    return Page(tuple(item.document for item in responses if item is not None), page.next)
