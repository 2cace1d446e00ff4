"""The waiting page of an urgent sale as a browser meets it: no script, its ticket in a cookie, the place told anew by itself."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from browse.app import lambda_handler as browse
from checkout.app import lambda_handler as checkout
from mart_union.checkout import admission
from mart_union.checkout.admission import get_in_line
from mart_union.checkout.service import list_purchases
from mart_union.customers.model import CartLine, RecipientFields
from mart_union.customers.service import add_recipient, fill_cart
from mart_union.kernel.clock import iso, utc_now
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market
from tests.services.urgent import buy, current, let_in, level, start

pytestmark = pytest.mark.usefixtures("ticket_key")
FIELDS = RecipientFields("王小明", ("光復路 1 號",), "新竹市", "300", "0900-000-001")


@pytest.fixture
def market(unique: str) -> Market:
    """A market in whose sale one buyer a second is let in, now."""
    market = open_market(unique, money=10_000_000)
    window = {"starts_at": iso(utc_now() - timedelta(minutes=1)), "ends_at": iso(utc_now() + timedelta(hours=1))}
    start(market, rate=1, **window)
    return market


def ask(market: Market, method: str, path: str, *, cookie: str = "", handler: Any = checkout, **more: Any) -> Any:
    """What a browser in English gets."""
    headers = {"Accept-Language": "en", **({"Cookie": cookie} if cookie else {})}
    return handler(gateway_event(method, path, headers=headers, **{"subject": market.customer, **more}), CONTEXT)


def joined(market: Market, cookie: str = "") -> str:
    """The cookie of somebody who got in line from the page."""
    answer = ask(market, "POST", here(market), cookie=cookie, form={})
    assert (answer["statusCode"], headers_of(answer)["location"]) == (303, f"/union{here(market)}")
    [cookie] = answer["multiValueHeaders"]["Set-Cookie"]
    assert cookie.startswith(f"mu_turn_{market.store}_TEA=")
    assert {"HttpOnly", "Secure", "SameSite=Lax"} <= set(cookie.split("; "))
    return str(cookie.partition(";")[0])


def here(market: Market) -> str:
    return f"/admissions/{market.store}/TEA"


def crowd(market: Market, before: int) -> None:
    for number in range(before):
        get_in_line(f"c{number}", market.store, "TEA", now=utc_now())


def test_a_newcomer_gets_in_line_and_is_told_the_place_anew_by_itself(market: Market) -> None:
    listing = ask(market, "GET", f"/stores/{market.store}/TEA", handler=browse)["body"]
    assert f'href="/union{here(market)}"' in listing
    assert "http-equiv" not in ask(market, "GET", here(market))["body"]
    crowd(market, 25)
    cookie = joined(market)
    body = ask(market, "GET", here(market), cookie=cookie)["body"]
    place = re.search(r"Your place in line: <strong>(\d+)</strong>", body)
    assert place is not None
    assert 15 <= int(place[1]) <= 25
    assert f"<title>Place {place[1]} in line · " in body
    assert '<meta http-equiv="refresh" content="15">' in body
    assert 'role="status"' in body
    assert "<script" not in body
    assert (
        joined(market, cookie=cookie) == joined(market) == cookie
    )  # who is in line keeps the place, in another browser, too


def test_whose_turn_it_is_goes_through_cart_and_checkout_with_the_ticket(market: Market) -> None:
    session, _ = fill_cart("", CartLine(market.store, "TEA", 1))
    recipient = add_recipient(market.customer, FIELDS, "recipient-0001", NOW).id
    own = f"mu_session={session}"
    assert f'href="/union{here(market)}">Wait for your turn</a>' in ask(market, "GET", "/cart", cookie=own)["body"]
    ticket = joined(market)
    assert "It is your turn, until" in ask(market, "GET", here(market), cookie=ticket)["body"]
    both = f"{own}; {ticket}"
    for subject in (market.customer, ""):  # the gateway asks nobody who they are on the way to a cart
        cart = ask(market, "GET", "/cart", cookie=both, subject=subject)["body"]
        assert ("Wait for your turn" in cart, 'href="/union/checkout"' in cart) == (False, True)
    page = ask(market, "GET", "/checkout", cookie=both)["body"]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    assert fields["admission"] == ticket.partition("=")[2]
    form = fields | {"recipient": recipient, "method": "account"}
    refused = ask(market, "POST", "/checkout", cookie=both, form=form | {"admission": ""})
    assert (refused["statusCode"], "get in line first" in refused["body"]) == (409, True)
    assert level(market).sold == 0
    assert ask(market, "POST", "/checkout", cookie=both, form=form)["statusCode"] == 303
    assert (level(market).sold, len(list_purchases(market.customer).items)) == (1, 1)
    assert "Get in line</button>" in ask(market, "GET", here(market), cookie=ticket)["body"]  # for more
    assert joined(market, cookie=ticket) != ticket


def test_a_sold_out_sale_says_so_without_a_write_and_takes_nobody_in(market: Market) -> None:
    sale = current(market)
    cookie = joined(market)
    now = utc_now()
    buy(market, 4, 20_000, now=now, admission=let_in(market, sale, now))
    admission._seen.clear()
    with measured() as capacity:
        page = ask(market, "GET", here(market), cookie=cookie)
        answer = ask(market, "POST", here(market), form={})
    assert ("Sold out" in page["body"], "http-equiv" in page["body"]) == (True, False)
    assert (answer["statusCode"], "Set-Cookie" in answer["multiValueHeaders"]) == (303, False)
    assert capacity.writes == []
    told = ask(market, "POST", "/api/admissions", body={"store": market.store, "sku": "TEA"})
    assert (told["statusCode"], json.loads(told["body"])["type"]) == (409, "urn:mart-union:problem:out-of-stock")


def test_a_cookie_that_is_no_ticket_is_as_none(market: Market) -> None:
    name = f"mu_turn_{market.store}_TEA"
    for value in ("", "nonsense", get_in_line("somebody", market.store, "TEA", now=utc_now()).ticket):
        page = ask(market, "GET", here(market), cookie=f"{name}={value}")
        assert (page["statusCode"], "Get in line</button>" in page["body"]) == (200, True)
