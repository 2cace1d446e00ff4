"""The pages on which reviews are read, reported and decided on, with their forms, from one step to the next."""

from __future__ import annotations

from datetime import UTC, datetime

from browse.app import lambda_handler as browse
from manage.app import lambda_handler as manage
from mart_union.orders.responses import list_responses
from operate.app import lambda_handler as operate
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import open_market
from tests.services.refunds import bought, delivered
from tests.services.test_return_pages import see, send
from tracking.app import lambda_handler as tracking


def test_a_review_is_read_reported_taken_down_with_a_reason_and_reinstated(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    listing, responses = f"/stores/{market.store}/TEA", f"/manage/{market.store}/responses"
    assert "No reviews yet." in see(browse, f"{listing}/reviews", "")
    said = {"kind": "review", "line": "1", "stars": "1", "text": "Only fools sell this"}
    send(tracking, f"/orders/{order}/responses", market.customer, **said)
    assert f'href="/union{listing}/reviews"' in see(browse, listing, "")
    page = see(browse, f"{listing}/reviews", "")
    assert "Only fools sell this" in page
    assert "★ 1.0 of 5 stars, 1 reviews" in page
    assert not any(secret in page for secret in (market.customer, order))
    [review] = list_responses(order)
    reports = f"{responses}/{order}/{review.id}/reports"
    assert f'action="/union{reports}"' in see(manage, responses, "staff", "manager")
    assert f'action="/union{reports}"' not in see(manage, responses, "staff", "packer")
    send(manage, reports, "staff", "manager", reason="insulting", text="Fools!")
    waiting = see(operate, "/operate/reports", "operator-1", "operator")
    for told in ("Only fools sell this", "Fools!", f"store/{market.store} (staff)", 'value="take_down"'):
        assert told in waiting
    decisions = f"/operate/reports/{order}/{review.id}/decisions"
    why = {"reason": "insulting", "note": "Speak of the tea"}
    send(operate, decisions, "operator-1", "operator", decision="take_down", **why)
    assert "Only fools sell this" not in see(browse, f"{listing}/reviews", "")
    assert "Only fools sell this" not in see(manage, f"/manage/{market.store}/orders/{order}", "staff", "manager")
    own = see(tracking, f"/orders/{order}", market.customer)
    for told in ("Only fools sell this", "The union took this down", "Insulting: Speak of the tea"):
        assert told in own
    month = {"month": f"{datetime.now(UTC):%Y-%m}"}
    event = gateway_event("GET", "/operate/reports", query=month, subject="operator-1", role="operator")
    assert 'value="reinstate"' in operate(event, CONTEXT)["body"]
    send(operate, decisions, "operator-1", "operator", decision="reinstate")
    assert "Only fools sell this" in see(browse, f"{listing}/reviews", "")
