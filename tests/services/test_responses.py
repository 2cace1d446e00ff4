"""Responses of customers: recorded once, passed to whom they concern, answered once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog.ratings import list_ratings
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.transaction import WriteTransaction
from mart_union.orders import storing
from mart_union.orders.due import page_of_unanswered
from mart_union.orders.escalations import Escalated, list_escalated
from mart_union.orders.model import Order, Response
from mart_union.orders.responses import (
    add_response,
    answer_response,
    escalate_response,
    get_response,
    list_open_responses,
    list_responses,
    list_supplier_responses,
)
from mart_union.settlement.sweeping import take_due_steps
from tests.orders_examples import PLACED, line_of, order_of

NOW = PLACED + timedelta(hours=1)


@pytest.fixture
def order(unique: str) -> Order:
    """A delivered order with a line of the store's and a line of a supplier's."""
    lines = line_of(1), line_of(2, level="offer/g/HERB", supplier=f"g{unique}")
    order = replace(order_of(*lines, id=f"{unique}-1", state="delivered"), store=unique)
    transaction = WriteTransaction()
    storing.add_new_order(transaction, order)
    transaction.commit()
    return order


def say(order: Order, kind: str = "question", text: str = "When?", key: str = "key-00001", **more: int) -> Response:
    return add_response(order.id, kind, text, customer="customer-lin", key=key, now=NOW, **more)


def test_a_question_about_a_line_reaches_the_store_and_the_lines_supplier_only(order: Order, unique: str) -> None:
    mine, theirs = say(order, line=1), say(order, key="key-00002", line=2)
    assert {response.id for response in list_responses(order.id)} == {mine.id, theirs.id}
    assert {response.id for response in list_open_responses(unique).items} == {mine.id, theirs.id}
    assert list_supplier_responses(f"g{unique}").items == (theirs,)


def test_the_same_key_gives_the_first_response_and_other_words_under_it_are_refused(order: Order) -> None:
    first = say(order)
    assert say(order) == first
    with pytest.raises(KeyReused):
        say(order, text="Why?")
    assert list_responses(order.id) == [first]


def test_a_key_makes_one_response_of_whatever_kind_and_another_under_it_is_refused(order: Order) -> None:
    asked = say(order, line=1)
    with pytest.raises(KeyReused):
        say(order, "review", "Lovely", line=1, stars=5)
    assert (list_responses(order.id), list_ratings(order.store)) == ([asked], {})
    praised = say(order, "review", "Lovely", "key-00002", line=1, stars=5)
    for kind, line, stars in (("question", 1, 0), ("review", 1, 4), ("review", 2, 5)):
        with pytest.raises(KeyReused):
            say(order, kind, "Lovely", "key-00002", line=line, stars=stars)
    assert say(order, "review", "Lovely", "key-00002", line=1, stars=5) == praised
    assert {each.id for each in list_responses(order.id)} == {asked.id, praised.id}
    assert sum(each.reviews for each in list_ratings(order.store).values()) == 1


def test_a_question_and_a_review_under_one_key_at_once_are_one_response(order: Order) -> None:
    def tell(kind: str) -> str:
        try:
            return say(order, kind, "Lovely", line=1, stars=5 if kind == "review" else 0).kind
        except KeyReused:
            return "refused"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(tell, ("question", "review") * 2))
    (kept,) = list_responses(order.id)
    assert sorted(told) == sorted([kept.kind] * 2 + ["refused"] * 2)


def test_the_last_response_that_an_order_has_room_for_may_be_repeated(order: Order) -> None:
    said = [say(order, key=f"key-{number:05}") for number in range(50)]
    with pytest.raises(RuleViolation, match="at most 50"):
        say(order, key="key-00050")
    assert say(order, key="key-00049") == said[-1]
    assert len(list_responses(order.id)) == 50


def test_a_line_is_reviewed_once_and_only_after_it_was_delivered(order: Order, unique: str) -> None:
    first = say(order, "review", "Lovely", line=1, stars=5)
    assert say(order, "review", "Lovely", line=1, stars=5) == first
    with pytest.raises(RuleViolation, match="already"):
        say(order, "review", "Changed my mind", "key-00002", line=1, stars=1)
    waiting = replace(order_of(id=f"{unique}-2"), store=unique)
    transaction = WriteTransaction()
    storing.add_new_order(transaction, waiting)
    transaction.commit()
    with pytest.raises(RuleViolation, match="once it was delivered"):
        say(waiting, "review", "Great", line=1, stars=5)
    assert list_responses(order.id) == [first]
    assert list_responses(waiting.id) == []


@pytest.mark.parametrize(
    ("kind", "text", "line", "stars"),
    [
        ("praise", "x", 0, 0),
        ("question", " ", 0, 0),
        ("question", "x" * 2001, 0, 0),
        ("question", "x", 3, 0),
        ("question", "x", 0, 5),
        ("review", "x", 0, 5),
        ("review", "x", 1, 0),
        ("review", "x", 1, 6),
    ],
)
def test_a_malformed_response_is_not_recorded(order: Order, kind: str, text: str, line: int, stars: int) -> None:
    with pytest.raises(Invalid):
        say(order, kind, text, line=line, stars=stars)
    assert list_responses(order.id) == []


def test_another_customers_order_takes_no_response(order: Order) -> None:
    with pytest.raises(NotFound):
        add_response(order.id, "question", "Who?", customer="eve", key="key-00001", now=NOW)
    assert list_responses(order.id) == []


def test_an_answer_closes_the_response_for_all_and_stands(order: Order, unique: str) -> None:
    response = say(order, line=2)
    store, supplier = f"store/{unique}", f"supplier/g{unique}"

    def answer(text: str, fulfiller: str) -> Response:
        return answer_response(order.id, response.id, text, actor="x", fulfiller=fulfiller, now=NOW)

    with pytest.raises(NotFound):
        answer("Tomorrow", "store/eves")
    answered = answer("Tomorrow", supplier)
    assert (answered.state, answered.answer, answered.answered_by) == ("answered", "Tomorrow", supplier)
    assert answer("Tomorrow", supplier) == answered
    with pytest.raises(Conflict):
        answer("Never", store)
    assert list_responses(order.id) == [answered]
    assert list_open_responses(unique).items == ()
    assert list_supplier_responses(f"g{unique}").items == ()
    assert list_open_responses(unique, month="2026-11").items == (answered,)
    with pytest.raises(NotFound):
        answer_response(order.id, "nothing", "x", actor="x", fulfiller=store, now=NOW)


def escalated_of(order: Order) -> list[Escalated]:
    return [each for each in list_escalated("2026-11", limit=500).items if each.order == order.id]


def test_what_nobody_answers_in_two_days_is_escalated_once_by_the_sweeper_and_stays_open_for_all(
    order: Order, unique: str
) -> None:
    asked, praised = say(order, line=2), say(order, "review", "", "key-00002", line=1, stars=5)
    due = from_iso(asked.reply_by)
    assert (due - NOW, praised.reply_by) == (timedelta(hours=48), "")
    assert not escalate_response(order.id, asked.id, due - timedelta(milliseconds=1))
    assert (order.id, asked.id) in page_of_unanswered(asked.reply_by[:13], asked.reply_by).items
    for _ in range(2):
        take_due_steps(due + timedelta(minutes=1))
    waiting = get_response(order.id, asked.id)
    moment = iso(due + timedelta(minutes=1))
    assert waiting == replace(asked, escalated_at=moment, sequence=2)
    assert list_supplier_responses(f"g{unique}").items == (waiting,)
    assert waiting in list_open_responses(unique).items
    assert get_response(order.id, praised.id) == praised
    assert escalated_of(order) == [Escalated(moment, "question", order.id, asked.id, unique, "open", "When?", "")]
    assert (order.id, asked.id) not in page_of_unanswered(asked.reply_by[:13], moment).items


def test_the_operator_answers_what_was_escalated_and_nothing_else(order: Order, unique: str) -> None:
    asked = say(order)
    with pytest.raises(NotFound):
        answer_response(order.id, asked.id, "Tomorrow", actor="op", fulfiller="operator", now=NOW)
    assert get_response(order.id, asked.id) == asked
    escalate_response(order.id, asked.id, from_iso(asked.reply_by))
    answered = answer_response(order.id, asked.id, "Tomorrow", actor="op", fulfiller="operator", now=NOW)
    assert (answered.state, answered.answered_by, answered.sequence) == ("answered", "operator", 3)
    assert list_open_responses(unique).items == ()
    assert [(each.state, each.answer) for each in escalated_of(order)] == [("answered", "Tomorrow")]
    with pytest.raises(Conflict):
        answer_response(order.id, asked.id, "Today", actor="x", fulfiller=f"store/{unique}", now=NOW)


def test_an_answer_and_the_escalation_at_once_are_one_answer_and_at_most_one_escalation(
    order: Order, unique: str
) -> None:
    for number in range(6):
        asked = say(order, key=f"key-{number:05}")
        due = from_iso(asked.reply_by)

        def answer(response: str = asked.id) -> str:
            told = {"actor": "x", "fulfiller": f"store/{unique}", "now": NOW}
            return answer_response(order.id, response, "Tomorrow", **told).answer  # type: ignore[arg-type]

        def escalate(response: str = asked.id, moment: object = due) -> bool:
            return escalate_response(order.id, response, moment)  # type: ignore[arg-type]

        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(answer) for _ in range(2)]
            told = [pool.submit(escalate) for _ in range(2)]
            assert [each.result() for each in answers] == ["Tomorrow", "Tomorrow"]
            times = sum(each.result() for each in told)
        ended = get_response(order.id, asked.id)
        assert (ended.state, times) == ("answered", int(bool(ended.escalated_at)))
        assert sum(each.response == asked.id for each in escalated_of(order)) == times
        assert ended.sequence == 2 + times
