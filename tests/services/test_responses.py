"""Responses of customers: recorded once, passed to whom they concern, answered once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.transaction import WriteTransaction
from mart_union.orders import storing
from mart_union.orders.model import Order, Response
from mart_union.orders.responses import (
    add_response,
    answer_response,
    list_open_responses,
    list_responses,
    list_supplier_responses,
)
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
