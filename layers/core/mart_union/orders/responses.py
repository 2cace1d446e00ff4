"""Use cases of responses: what customers ask, complain of and review, passed to the store and the suppliers concerned."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from mart_union.catalog.rating_model import PublicReview
from mart_union.catalog.ratings import add_rating, count_rating
from mart_union.catalog.reviews import put_review, remove_review, review_id
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
from mart_union.orders.tables import OrdersItem, ResponseItem, SaidItem, response_items, response_key, said_key

_LONGEST_TEXT = 2000
_MOST_RESPONSES = 50
_REVIEWABLE = frozenset({"delivered", "completed"})


class _Exists(Conflict):
    """There is a response under this id already."""


class ResponseMoved(Conflict):
    """The response was answered, escalated or taken down since it was read: look again."""


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
    made_by = derived_id("response", order, customer, key)
    response = Response(
        id=derived_id("review", order, str(line)) if kind == "review" else made_by,
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
        sku=next((one.sku for one in found.lines if one.number == line), ""),
    )
    said = list_responses(order)
    if len(said) >= _MOST_RESPONSES and response.id not in {one.id for one in said}:
        raise RuleViolation(
            f"an order has at most {_MOST_RESPONSES} responses", reason="responses", most=_MOST_RESPONSES
        )
    return _create(response, made_by)


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
        raise RuleViolation("a line can be reviewed once it was delivered", reason="review-early", state=about.state)


def _invalid(field: str, reason: str) -> Invalid:
    return Invalid(reason, errors=[{"field": field, "reason": reason}])


def _suppliers_concerned(order: Order, line: int) -> tuple[str, ...]:
    concerned = (one.fulfiller for one in order.lines if not line or one.number == line)
    return tuple(sorted({party.removeprefix("supplier/") for party in concerned if party.startswith("supplier/")}))


def _create(response: Response, made_by: str) -> Response:
    """The response, kept with its copies and with what made it; a review counts in the rating of its listing from the same moment."""
    transaction = WriteTransaction()
    exists = refuse(_Exists, "this response exists already")
    for item in response_items(response):
        transaction.create(item, exists)
    transaction.create(SaidItem(*said_key(response.order, made_by), response=response.id), exists)
    _add_publication(transaction, None, response)
    try:
        transaction.commit()
        return response
    except _Exists as error:
        made = find(SaidItem, *said_key(response.order, made_by), consistent=True)
        first = get_response(response.order, made.response if made else response.id)
        if first.request == response.request:
            return first
        if response.kind == "review" and made is None:
            raise RuleViolation("this line has its review already", reason="reviewed") from error
        raise KeyReused("this key was used for another response; nothing was changed") from error


def _add_publication(transaction: WriteTransaction, before: Response | None, after: Response) -> None:
    """Add what everybody has of a review: its words on the listing's page and its stars in the rating, as long as it is not taken down."""
    was_public = before is not None and before.is_public
    if after.is_public:
        identity = review_id(after.id, after.at)
        shown = PublicReview(identity, after.stars, after.text, after.at, after.shown_answer, after.answered_at)
        put_review(transaction, after.store, after.sku, shown, after.order, after.id)
    elif was_public:
        remove_review(transaction, after.store, after.sku, review_id(after.id, after.at))
    if before is None and after.is_public:
        add_rating(transaction, after.store, after.sku, after.stars, after.at)
    elif was_public != after.is_public:
        count_rating(transaction, after.store, after.sku, after.stars, 1 if after.is_public else -1)


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
        Conflict: it has another answer already, or was taken down.
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
        if before.is_withheld:
            raise Conflict("this response was taken down")
        answered = {"state": "answered", "answer": text, "answered_at": iso(now), "answered_by": fulfiller}
        return _replace(before, replace(before, **answered, sequence=before.sequence + 1))

    return retried(attempt, on=ResponseMoved, what="this response")


def _may_answer(response: Response) -> set[str]:
    return response.fulfillers | ({OPERATOR} if response.escalated_at else set())


def _replace(before: Response, after: Response) -> Response:
    """The response after, written with its copies; what was escalated is listed in the same transaction."""
    transaction = WriteTransaction()
    add_changed_response(transaction, before, after)
    if after.escalated_at != before.escalated_at:
        add_escalation(transaction, after.order, after.escalated_at, after.id)
    transaction.commit()
    return after


def add_changed_response(transaction: WriteTransaction, before: Response, after: Response) -> None:
    """Add a response with its copies, and what everybody has of it, to a transaction that changes it. The commit raises ResponseMoved if it has changed since
    it was read."""
    for item in response_items(after):
        unchanged = ResponseItem.sequence == before.sequence
        transaction.put(item, condition=unchanged, refusal=refuse(ResponseMoved, "it has changed meanwhile"))
    _add_publication(transaction, before, after)


def escalate_response(order: str, response: str, now: datetime) -> bool:
    """Escalate a response to the union's operator if nobody has answered it in its time; says whether that was so. Against an answer at the same
    moment exactly one comes first. Repeating it changes nothing.

    Raises:
        NotFound: there is no such response.
        Busy: other changes kept winning.
    """

    def attempt() -> bool:
        before = get_response(order, response)
        if (
            before.state != "open"
            or before.is_withheld
            or before.escalated_at
            or not before.reply_by
            or iso(now) < before.reply_by
        ):
            return False
        _replace(before, replace(before, escalated_at=iso(now), sequence=before.sequence + 1))
        return True

    return retried(attempt, on=ResponseMoved, what="this response")


def _answered(response: Response, text: str, fulfiller: str) -> Response:
    if (response.answer, response.answered_by) == (text, fulfiller):
        return response
    raise Conflict("this response has been answered already", reason="answered", answered_by=response.answered_by)


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
