"""Each kind of person opens their pages in a real browser: they show, nothing is missing, nothing is refused by the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from infra.local.network import ROOT
from infra.local.pages import pages
from infra.local.people import accounts

PICTURES = ROOT / "build" / "pages"
PATIENCE_MS = 120_000  # how long a page may take is the bench's subject; here another suite may have the machine
MENU = {
    "/operate": [
        "enterprises",
        "suppliers",
        "stores",
        "purchases",
        "settlements",
        "payouts",
        "suspense",
        "accounts",
        "categories",
        "fees",
        "union",
        "dead-letters",
        "audit",
    ],
    "/manage": [
        "orders",
        "stock",
        "listings",
        "categories",
        "suppliers",
        "replenishments",
        "urgent-sales",
        "uploads",
        "offers",
        "links",
        "link-jobs",
        "shops",
        "deposit",
        "statements",
        "responses",
    ],
    "/supply": ["offers", "uploads", "orders", "replenishments", "sellers", "clearing"],
}

Network = dict[str, Any]


class Watched:
    """A browser's context whose pages must load whole: every failed request and console error is kept."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        context.set_default_timeout(PATIENCE_MS)
        self.page: Page = context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", lambda message: self._note(message.type == "error", message.text))
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("response", lambda answer: self._note(answer.status >= 400, f"{answer.status} {answer.url}"))

    def _note(self, is_trouble: bool, text: str) -> None:
        if is_trouble:
            self.troubles.append(text)

    def open(self, url: str, picture: str) -> Page:
        """Open a page, keep its picture, and let nothing be amiss on it."""
        answer = self.page.goto(url)
        assert answer is not None
        assert answer.ok, f"{url} answered {answer.status}"
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{picture}.png", full_page=True)
        assert self.troubles == [], url
        assert self.page.locator("h1").count() == 1, f"{url} has no heading of its own"
        return self.page


@pytest.fixture
def watched(chromium: Browser) -> Iterator[Watched]:
    """A new person at a new browser."""
    context = chromium.new_context(locale="zh-TW", viewport={"width": 1200, "height": 900})
    yield Watched(context)
    context.close()


def sign_in(watched: Watched, network: Network, url: str, email: str) -> None:
    """Go to a page that asks who one is, and say so."""
    password = next(one["password"] for one in accounts(network) if one["email"] == email)
    watched.page.goto(url)
    watched.page.fill("input[name=email]", email)
    watched.page.fill("input[name=password]", password)
    watched.page.click("main form button")
    watched.page.wait_for_url(url)


@pytest.mark.parametrize("union", ["hsinchu", "gangwon"])
def test_every_listed_page_opens_for_whom_it_is_listed(network: Network, chromium: Browser, union: str) -> None:
    for listed in pages(network):
        if listed.union not in {"", union}:
            continue
        watched = Watched(chromium.new_context(viewport={"width": 1200, "height": 900}))
        name = f"{listed.union or 'network'}-{listed.title.replace(' ', '-')}"
        if listed.email:
            sign_in(watched, network, listed.url, listed.email)
        watched.open(listed.url, name)
        root = "/" + urlsplit(listed.url).path.split("/")[1]
        for entry in MENU.get(root, []) if listed.title != "store packer" else []:
            watched.open(f"{listed.url}/{entry}", f"{name}-{entry}")
        watched.context.close()


def test_a_shopper_buys_with_nothing_but_a_browser(network: Network, watched: Watched) -> None:
    union = network["unions"]["hsinchu"]
    email = next(account["email"] for account in union["accounts"] if account["roles"] == ["customer"])
    front = watched.open(f"{union['url']}/", "shopper-1-front")
    front.click("button[name=consent][value=yes]")
    store = watched.open(f"{union['url']}/stores/emei-tea", "shopper-2-store")
    store.click("main a.card[href$='/BK-HONEY']")
    store.wait_for_url("**/stores/emei-tea/*")
    watched.open(store.url, "shopper-3-listing").click("form[action$='/cart/lines'] button")
    watched.page.wait_for_url("**/cart")
    watched.open(watched.page.url, "shopper-4-cart")
    watched.page.click("a[href$='/checkout']")
    watched.page.fill("input[name=email]", email)
    watched.page.fill("input[name=password]", next(o["password"] for o in accounts(network) if o["email"] == email))
    watched.page.click("main form button")
    watched.page.wait_for_url("**/checkout")
    watched.open(watched.page.url, "shopper-5-checkout").click("form[action$='/checkout'] button")
    watched.page.wait_for_url("**/purchases/*")
    purchase = watched.open(watched.page.url, "shopper-6-purchase")
    purchase.click("main a[href*='/orders/'] >> nth=0")
    purchase.wait_for_url("**/orders/*")
    watched.open(purchase.url, "shopper-7-order")
    assert watched.page.locator(".timeline").count() == 1
    pictures = sorted(path.name for path in Path(PICTURES).glob("shopper-*.png"))
    assert len(pictures) == 7
