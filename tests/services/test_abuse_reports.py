"""Abuse: reports reach the union's operator, once each and within bounds; what is taken down leaves the page and the rating, and comes back to both."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.catalog.rating_model import PublicReview, Rating
from mart_union.catalog.ratings import list_ratings
from mart_union.catalog.reviews import ListingReviews, list_reviews, review_id
from mart_union.catalog.service import list_audit
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import (
    AlreadyReported,
    Conflict,
    Invalid,
    KeyReused,
    MartUnionError,
    NotFound,
    ReportLimit,
    RuleViolation,
)
from mart_union.kernel.transaction import WriteTransaction
from mart_union.orders import storing
from mart_union.orders.abuse import MOST_REPORTS, MOST_REPORTS_A_DAY
from mart_union.orders.due import page_of_unanswered
from mart_union.orders.model import Order, Response, TakenDown
from mart_union.orders.reporting import (
    DecisionWish,
    ReportedResponse,
    ReportWish,
    decide_abuse,
    list_reported,
    report_received,
    report_review,
)
from mart_union.orders.responses import (
    add_response,
    answer_response,
    escalate_response,
    get_response,
    list_open_responses,
)
from mart_union.orders.seen import seen_response
from tests.orders_examples import line_of, order_of
from tests.services.market import NOW, Market, open_market

LATER = NOW + timedelta(hours=1)
DOWN = DecisionWish("take_down", reason="insulting", note="No names, please")


@pytest.fixture
def market(unique: str) -> Market:
    return open_market(unique)


def delivered(market: Market, number: int = 1) -> Order:
    line = replace(line_of(1, level=f"listing/{market.store}/TEA"), sku="TEA", fulfiller=f"store/{market.store}")
    order = replace(order_of(line, id=f"{market.store}{number}-1", state="delivered"), store=market.store)
    transaction = WriteTransaction()
    storing.add_new_order(transaction, order)
    transaction.commit()
    return order


def review(market: Market, number: int = 1, stars: int = 1, text: str = "Foul") -> Response:
    order = delivered(market, number)
    return add_response(
        order.id, "review", text, customer="customer-lin", key="key-00001", now=NOW, line=1, stars=stars
    )


def report(market: Market, of: Response, by: str = "chen", key: str = "report-0001", **wish: str) -> None:
    wanted = ReportWish(**{"reason": "insulting", "text": "Rude", **wish})
    identity = review_id(of.id, of.at)
    report_review(market.store, "TEA", identity, wanted, customer=f"{by}-of-{market.store}", key=key, now=LATER)


def decide(of: Response, wish: DecisionWish, key: str = "decision-0001", **more: Any) -> ReportedResponse:
    return decide_abuse(of.order, of.id, wish, **{"actor": "operator-1", "key": key, "now": LATER, **more})


def reported(market: Market, month: str = "") -> list[ReportedResponse]:
    return [each for each in list_reported(month, limit=500).items if each.store == market.store]


def shown(market: Market) -> ListingReviews:
    return list_reviews(market.store, "TEA")


def state(market: Market, of: Response) -> tuple[Any, ...]:
    """All that a refusal must leave as it is."""
    return get_response(of.order, of.id), reported(market), reported(market, iso(LATER)[:7]), shown(market)


def test_everybody_reads_reviews_newest_first_with_their_answers_and_never_by_whom(market: Market) -> None:
    assert shown(market).items == ()
    first = review(market, 1, 4, "Fine")
    second = add_response(
        delivered(market, 2).id, "review", "Finer", customer="customer-lin", key="key-00002", now=LATER, line=1, stars=5
    )
    answer_response(first.order, first.id, "Thanks", actor="owner", fulfiller=f"store/{market.store}", now=LATER)
    ids = [review_id(second.id, second.at), review_id(first.id, first.at)]
    assert shown(market) == ListingReviews(
        store=market.store,
        sku="TEA",
        titles=shown(market).titles,
        reviews=2,
        stars_tenths=45,
        year="2026",
        first_year="2026",
        last_year="2026",
        items=(
            PublicReview(ids[0], 5, "Finer", iso(LATER)),
            PublicReview(ids[1], 4, "Fine", iso(NOW), "Thanks", iso(LATER)),
        ),
    )
    assert list_reviews(market.store, "TEA", "2025").items == ()
    for asked, refusal in (("TEA", Invalid), ("NOTHING", NotFound)):
        with pytest.raises(refusal):
            list_reviews(market.store, asked, "last" if asked == "TEA" else "")


def test_reviews_come_a_page_at_a_time_whose_cursor_goes_on(market: Market) -> None:
    for number in range(21):
        order = delivered(market, number)
        moment = NOW + timedelta(minutes=number)
        add_response(
            order.id, "review", f"{number}", customer="customer-lin", key="key-00001", now=moment, line=1, stars=5
        )
    first = shown(market)
    rest = list_reviews(market.store, "TEA", first.year, first.next)
    assert [each.text for each in first.items] == [str(number) for number in range(20, 0, -1)]
    assert ([each.text for each in rest.items], rest.next) == (["0"], "")


def test_a_report_waits_for_the_operator_once_and_its_repeat_is_the_same(market: Market) -> None:
    said = review(market)
    for key in ("report-0001", "report-0001", "report-0002"):
        report(market, said, key=key)
    (case,) = reported(market)
    assert (case.state, case.at, case.text, case.stars) == ("open", iso(LATER), "Foul", 1)
    assert [(each.reporter, each.reason, each.text) for each in case.reports] == [
        (f"customer/chen-of-{market.store}", "insulting", "Rude")
    ]


@pytest.mark.parametrize(
    ("wish", "key", "refusal"),
    [
        ({"text": "Very rude"}, "report-0002", AlreadyReported),
        ({"text": "Very rude"}, "report-0001", KeyReused),
        ({"reason": "dull"}, "report-0002", Invalid),
        ({"reason": "other", "text": " "}, "report-0002", Invalid),
        ({"text": "x" * 501}, "report-0002", Invalid),
        ({"part": "stars", "by": "wu"}, "report-0002", Invalid),
        ({"part": "answer", "by": "wu"}, "report-0002", Invalid),
    ],
)
def test_a_report_that_is_refused_by_name_changes_nothing(
    market: Market, wish: dict[str, str], key: str, refusal: type[MartUnionError]
) -> None:
    said = review(market)
    report(market, said)
    before = state(market, said)
    with pytest.raises(refusal):
        report(market, said, key=key, **wish)
    assert state(market, said) == before


def test_enough_reports_of_one_review_are_enough(market: Market) -> None:
    said = review(market)
    for number in range(MOST_REPORTS):
        report(market, said, f"customer-{number}")
    before = state(market, said)
    with pytest.raises(ReportLimit) as refused:
        report(market, said, "one-more")
    assert refused.value.facts == {"limit": MOST_REPORTS, "per": "response"}
    assert state(market, said) == before
    report(market, said, "customer-0")  # is a repeat


def test_a_reporter_is_heard_so_often_a_day_and_the_next_day_again(market: Market) -> None:
    order = delivered(market)
    questions = [
        add_response(order.id, "question", "?", customer="customer-lin", key=f"question-{number}", now=NOW)
        for number in range(MOST_REPORTS_A_DAY + 1)
    ]

    def tell(of: Response, now: Any = LATER) -> None:
        party = f"store/{market.store}"
        wish = ReportWish("insulting")
        report_received(of.order, of.id, wish, party=party, actor="owner", key="report-0001", now=now)

    for question in questions[:-1]:
        tell(question)
        tell(question)  # repeats count for nothing
    with pytest.raises(ReportLimit) as refused:
        tell(questions[-1])
    assert refused.value.facts == {"limit": MOST_REPORTS_A_DAY, "per": "day"}
    assert len(reported(market)) == MOST_REPORTS_A_DAY
    tell(questions[-1], LATER + timedelta(days=1))
    assert len(reported(market)) == MOST_REPORTS_A_DAY + 1


def test_only_who_received_a_response_reports_it_and_only_what_is_shown_is_reported_by_others(market: Market) -> None:
    asked = add_response(delivered(market).id, "question", "Idiots?", customer="customer-lin", key="key-00001", now=NOW)
    wish = ReportWish("insulting")
    for party in ("store/another", "supplier/g", "customer/chen"):
        with pytest.raises(NotFound):
            report_received(asked.order, asked.id, wish, party=party, actor="x", key="report-0001", now=LATER)
    with pytest.raises(NotFound):
        report(market, asked)
    with pytest.raises(NotFound):
        decide(asked, DOWN)
    assert reported(market) == []


def test_a_review_that_is_taken_down_leaves_page_and_rating_and_only_its_author_reads_it_and_why(
    market: Market,
) -> None:
    said, other = review(market), review(market, 2, 5, "Fine")
    report(market, said)
    assert list_ratings(market.store) == {"TEA": Rating(6, 2)}
    for _ in range(2):
        after = decide(said, DOWN)
        assert (after.state, after.taken_down) == (
            "taken_down",
            TakenDown(iso(LATER), "response", "insulting", "No names, please"),
        )
    assert list_ratings(market.store) == {"TEA": Rating(5, 1)}
    assert [each.text for each in shown(market).items] == ["Fine"]
    down = get_response(said.order, said.id)
    assert down == replace(said, taken_down=after.taken_down, sequence=2)
    assert (seen_response(down).text, seen_response(down, by_author=True).text) == ("", "Foul")
    assert seen_response(down).taken_down == after.taken_down
    assert get_response(other.order, other.id) == other
    assert reported(market) == []
    (case,) = reported(market, iso(LATER)[:7])
    assert [(each.decision, each.actor) for each in case.decisions] == [("take_down", "operator-1")]
    subject = f"response/{said.order}/{said.id}"
    trail = [each for each in list_audit("union", iso(LATER)[:7], limit=500).items if each.subject == subject]
    assert [(each.actor, each.action) for each in trail] == [("operator-1", "response taken down")]
    with pytest.raises(NotFound):
        report(market, said, "wu")
    with pytest.raises(Conflict):
        answer_response(said.order, said.id, "Sorry", actor="o", fulfiller=f"store/{market.store}", now=LATER)


def test_what_is_reinstated_counts_and_is_read_as_before_and_a_late_repeat_takes_it_down_no_second_time(
    market: Market,
) -> None:
    said = review(market, stars=3)
    report(market, said)
    page = shown(market)
    decide(said, DOWN)
    for _ in range(2):
        decide(said, DecisionWish("reinstate"), "decision-0002")
    decide(said, DOWN)  # the first decision comes once more
    assert get_response(said.order, said.id) == replace(said, sequence=3)
    assert list_ratings(market.store) == {"TEA": Rating(3, 1)}
    assert shown(market) == page
    with pytest.raises(KeyReused):
        decide(said, DOWN, "decision-0002")
    with pytest.raises(Conflict):
        decide(said, DecisionWish("reinstate"), "decision-0003")
    assert shown(market) == page


def test_an_answer_alone_is_taken_down_and_the_review_stays_and_counts(market: Market) -> None:
    said = review(market, stars=2)
    store = f"store/{market.store}"
    answer_response(said.order, said.id, "Fool", actor="owner", fulfiller=store, now=NOW)
    report(market, said, part="answer")
    decide(said, replace(DOWN, part="answer"))
    (left,) = shown(market).items
    assert (left.text, left.answer, list_ratings(market.store)) == ("Foul", "", {"TEA": Rating(2, 1)})
    seen = seen_response(get_response(said.order, said.id), by_author=True)
    assert (seen.text, seen.answer) == ("Foul", "")
    with pytest.raises(RuleViolation):
        decide(said, replace(DOWN, part="answer"), "decision-0002")
    decide(said, DOWN, "decision-0003")
    assert (shown(market).items, list_ratings(market.store)) == ((), {"TEA": Rating(0, 0)})
    decide(said, DecisionWish("reinstate"), "decision-0004")
    assert (shown(market).items[0].answer, list_ratings(market.store)) == ("Fool", {"TEA": Rating(2, 1)})


def test_dismissed_reports_are_open_again_with_the_next_one_only(market: Market) -> None:
    said = review(market)
    report(market, said)
    decide(said, DecisionWish("dismiss"))
    assert (reported(market), get_response(said.order, said.id)) == ([], said)
    with pytest.raises(Conflict):
        decide(said, DecisionWish("dismiss"), "decision-0002")
    report(market, said)
    assert reported(market) == []
    report(market, said, "wu")
    assert [len(each.reports) for each in reported(market)] == [2]
    assert reported(market, iso(LATER)[:7]) == []


@pytest.mark.parametrize(
    "wish",
    [
        DecisionWish("praise"),
        DecisionWish("take_down", reason="dull"),
        DecisionWish("take_down", reason="other"),
        DecisionWish("take_down", part="stars", reason="untrue"),
        DecisionWish("dismiss", note="x" * 501),
    ],
)
def test_a_malformed_decision_changes_nothing(market: Market, wish: DecisionWish) -> None:
    said = review(market)
    report(market, said)
    before = state(market, said)
    with pytest.raises(Invalid):
        decide(said, wish)
    assert state(market, said) == before


def test_an_insulting_question_waits_for_nobody_while_it_is_down_and_its_time_begins_anew(market: Market) -> None:
    order = delivered(market)
    asked = add_response(order.id, "question", "Idiots?", customer="customer-lin", key="key-00001", now=NOW)
    party = f"store/{market.store}"
    report_received(order.id, asked.id, ReportWish("insulting"), party=party, actor="o", key="report-0001", now=LATER)
    decide(asked, DOWN)
    assert list_open_responses(market.store).items == ()
    assert (order.id, asked.id) not in page_of_unanswered(asked.reply_by[:13], asked.reply_by).items
    assert not escalate_response(order.id, asked.id, NOW + timedelta(days=9))
    decide(asked, DecisionWish("reinstate"), "decision-0002", now=NOW + timedelta(days=9))
    back = get_response(order.id, asked.id)
    assert back == replace(asked, reply_by=iso(NOW + timedelta(days=11)), sequence=3)
    assert list_open_responses(market.store).items == (back,)
    assert (order.id, asked.id) in page_of_unanswered(back.reply_by[:13], back.reply_by).items


def test_decisions_answers_and_reports_at_once_leave_rating_and_page_exact(market: Market) -> None:
    for number in range(4):
        said = review(market, number, 4, f"{number}")
        report(market, said)
        store = f"store/{market.store}"

        def quietly(act: Any, *arguments: Any, **more: Any) -> None:
            with suppress(Conflict, RuleViolation, NotFound):
                act(*arguments, **more)

        with ThreadPoolExecutor(8) as pool:
            for turn in range(2):
                pool.submit(quietly, decide, said, DOWN)
                pool.submit(quietly, decide, said, DOWN, f"another-{turn}")
                pool.submit(quietly, report, market, said, f"wu-{turn}")
                told = {"actor": "o", "fulfiller": store, "now": LATER}
                pool.submit(quietly, answer_response, said.order, said.id, "Sorry", **told)
        assert get_response(said.order, said.id).is_withheld
        assert list_ratings(market.store) == {"TEA": Rating(4 * number, number)}
        assert [each.text for each in shown(market).items].count(str(number)) == 0
        decide(said, DecisionWish("reinstate"), "decision-0002")
        assert list_ratings(market.store) == {"TEA": Rating(4 * number + 4, number + 1)}
        assert [each.text for each in shown(market).items].count(str(number)) == 1
