"""Buying one listing by itself: a link opens its checkout, from the listing's page or from a card in a frame of another site's page, and the cart stays out of it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from account.app import lambda_handler as account
from browse.app import lambda_handler as browse
from checkout.app import lambda_handler as checkout
from mart_union.catalog.slots import Times, open_slots
from mart_union.checkout.service import get_purchase, list_purchases
from mart_union.customers.model import CartLine, RecipientFields
from mart_union.customers.service import add_recipient, fill_cart, get_cart, list_recipients
from mart_union.kernel.clock import iso, utc_now
from mart_union.stock.service import get_level
from mart_union.stock.slotting import slot_level
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.capacity import measured
from tests.services.market import NOW, Market, open_market, save_listing, save_store
from tests.services.urgent import level, start

FIELDS = RecipientFields("王小明", ("光復路 1 號",), "新竹市", "300", "0900-000-001")


@pytest.fixture
def market(unique: str) -> Market:
    market = open_market(unique, money=10_000_000)
    add_recipient(market.customer, FIELDS, "recipient-0001", NOW)
    return market


def ask(market: Market, method: str, path: str, *, cookie: str = "", handler: Any = checkout, **more: Any) -> Any:
    """What a browser in English gets."""
    headers = {"Accept-Language": "en", **({"Cookie": cookie} if cookie else {})}
    return handler(gateway_event(method, path, headers=headers, **{"subject": market.customer, **more}), CONTEXT)


def here(market: Market, sku: str = "TEA") -> str:
    return f"/checkout/{market.store}/{sku}"


def form_of(page: str, market: Market) -> dict[str, str]:
    """The checkout's form as a browser sends it for the customer's first recipient, paid from the account."""
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    return fields | {"recipient": list_recipients(market.customer)[0].id, "method": "account"}


def test_a_cards_button_opens_the_checkout_of_its_listing_and_what_is_bought_there_leaves_the_cart_alone(
    market: Market,
) -> None:
    session, cart = fill_cart("", CartLine(market.store, "TEA", 1))
    own = f"mu_session={session}"
    card = ask(market, "GET", f"/embed/{market.store}/TEA", handler=browse, subject="")["body"]
    [button] = re.findall(r'<a class="button" href="([^"]+)" target="_blank" rel="noopener">Buy</a>', card)
    assert button == f"/union{here(market)}"
    shown = ask(market, "GET", here(market), cookie=own)
    assert (shown["statusCode"], "Buy for NT$360" in shown["body"]) == (200, True)
    assert (level(market).reserve, list_purchases(market.customer).items, get_cart(session)) == (10, (), cart)
    bought = ask(market, "POST", "/checkout", cookie=own, form=form_of(shown["body"], market))
    assert bought["statusCode"] == 303
    [purchase] = list_purchases(market.customer).items
    assert headers_of(bought)["location"] == f"/union/purchases/{purchase.id}"
    assert get_purchase(purchase.id).total_minor == 36_000
    assert (level(market).sold, get_cart(session)) == (1, cart)


def test_looking_at_the_checkout_of_one_writes_nothing_and_reads_no_cart(market: Market) -> None:
    assert ask(market, "GET", here(market))["statusCode"] == 200  # the union is known from now on
    with measured() as used:
        assert ask(market, "GET", here(market))["statusCode"] == 200
    session, _ = fill_cart("", CartLine(market.store, "TEA", 1))
    with measured() as of_cart:
        ask(market, "GET", "/checkout", cookie=f"mu_session={session}")
    assert (used.writes, of_cart.writes) == ([], [])
    assert ["GetItem", *used.requests] == of_cart.requests


def test_the_listings_page_offers_it_beside_the_cart_for_the_quantity_that_is_wanted(market: Market) -> None:
    body = ask(market, "GET", f"/stores/{market.store}/TEA", handler=browse)["body"]
    assert f'<button class="button quiet" formmethod="get" formaction="/union{here(market)}">Buy now</button>' in body
    asked = {"store": market.store, "sku": "TEA", "add": "true", "quantity": "2"}  # as that form sends it
    shown = ask(market, "GET", here(market), query=asked)["body"]
    assert f'name="lines" value="{market.store}:TEA:2"' in shown
    assert "Buy for NT$660" in shown


def test_who_is_not_signed_in_comes_back_to_what_they_wanted(market: Market) -> None:
    answer = ask(market, "GET", here(market), query={"quantity": "2"}, subject="")
    wanted = f"%2Fcheckout%2F{market.store}%2FTEA%3Fquantity%3D2"
    assert (answer["statusCode"], headers_of(answer)["location"]) == (303, f"/union/account/sign-in?next={wanted}")
    goes_on = f'name="next" value="{here(market)}?quantity=2"'
    page = ask(market, "GET", "/account/sign-in", query={"next": f"{here(market)}?quantity=2"}, handler=account)
    assert goes_on in page["body"]


def test_who_has_no_address_yet_adds_one_and_comes_back_and_goes_nowhere_else(market: Market) -> None:
    newcomer = {"subject": f"{market.customer}-new"}
    shown = ask(market, "GET", here(market), query={"quantity": "2"}, **newcomer)["body"]
    [link] = re.findall(r'href="/union(/account/recipients\?next=[^"]+)">Add an address', shown)
    assert link == f"/account/recipients?next={here(market)}%3Fquantity%3D2"
    back = f"{here(market)}?quantity=2"
    page = ask(market, "GET", "/account/recipients", query={"next": back}, handler=account, **newcomer)["body"]
    assert f'<input type="hidden" name="next" value="{back}">' in page
    fields = {"name": "林", "address": "中正路 1 號", "city": "新竹市", "postcode": "300", "phone": "0900-000-002"}
    for number, (next_page, location) in enumerate(
        ((back, back), ("https://elsewhere.example/", "/account/recipients"), ("//elsewhere", "/account/recipients"))
    ):
        form = fields | {"idempotency_key": f"recipient-{number}", "next": next_page}
        made = ask(market, "POST", "/account/recipients", form=form, handler=account, **newcomer)
        assert (made["statusCode"], headers_of(made)["location"]) == (303, f"/union{location}")


def test_what_cannot_be_bought_says_why_and_leads_back_to_the_listing(market: Market) -> None:
    body = ask(market, "GET", here(market), query={"quantity": "11"})["body"]
    assert "Too few left" in body
    assert f'href="/union/stores/{market.store}/TEA">Back to the listing</a>' in body
    assert "<form" not in body.partition("<main")[2].partition("</main")[0]
    assert ask(market, "GET", here(market, "NOTHING"))["statusCode"] == 404
    assert ask(market, "GET", f"/checkout/none-{market.store}/TEA")["statusCode"] == 404
    for wrong in ({"quantity": "0"}, {"quantity": "1000"}, {"quantity": "many"}, {"slot": "tomorrow"}):
        assert ask(market, "GET", here(market), query=wrong)["statusCode"] == 422
    assert level(market).reserve == 10


def test_a_price_that_changed_meanwhile_is_shown_on_the_same_checkout_and_nothing_is_bought(market: Market) -> None:
    form = form_of(ask(market, "GET", here(market))["body"], market)
    save_listing(market.store, "TEA", price_minor=40_000, reserve=10)
    refused = ask(market, "POST", "/checkout", form=form)
    assert (refused["statusCode"], "Buy for NT$460" in refused["body"]) == (409, True)
    assert '<input type="hidden" name="only" value="true">' in refused["body"]
    assert (level(market).sold, list_purchases(market.customer).items) == (0, ())


@pytest.mark.usefixtures("ticket_key")
def test_who_has_to_wait_for_a_turn_is_led_into_the_line(market: Market) -> None:
    window = {"starts_at": iso(utc_now() - timedelta(minutes=1)), "ends_at": iso(utc_now() + timedelta(hours=1))}
    start(market, rate=1, **window)
    body = ask(market, "GET", here(market))["body"]
    assert f'href="/union/admissions/{market.store}/TEA">Wait for your turn</a>' in body


def test_a_bookable_service_is_bought_at_the_time_that_was_chosen(market: Market) -> None:
    day = iso(utc_now() + timedelta(days=2))[:10]
    save_store(market.store, procedure="appointment", carrier="", delivery_amount=0)
    save_listing(market.store, "TASTE", price_minor=30_000, reserve=0, slot_minutes=60, kind="service")
    times = Times(day, day, ("10:00",), 2)
    [slot] = open_slots(market.store, "TASTE", times, actor="owner", now=utc_now()).opened
    card = ask(market, "GET", f"/embed/{market.store}/TASTE", handler=browse)["body"]
    assert f'href="/union/stores/{market.store}/TASTE"' in card  # its times are there
    assert "Choose another time" in ask(market, "GET", here(market, "TASTE"))["body"]
    shown = ask(market, "GET", here(market, "TASTE"), query={"slot": slot})["body"]
    assert ask(market, "POST", "/checkout", form=form_of(shown, market))["statusCode"] == 303
    assert get_level(slot_level(market.store, "TASTE", slot)).sold == 1
