"""What the system does for many things at once, or for other systems: sales of shops, settlement, import. Budgets only: see `bench.budgets`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from unittest.mock import patch

import browse.app
from bench import sizes
from bench.budgets import ask, write_units
from bench.cards import FakeCards
from bench.kinds import of_kinds
from bench.operations import WRITE_GOAL, Budget, Operation, read
from bench.rows import Row, counted
from bench.scene import CUSTOMER, STORES, scene, total_of, wanted
from bench.sizes import More
from mart_union.catalog.files import Row as SheetRow
from mart_union.catalog.importing import ListingImport
from mart_union.catalog.model import OfferReference
from mart_union.catalog.service import category_of_path
from mart_union.catalog.upload_model import Upload
from mart_union.checkout import cards, service
from mart_union.checkout.card_port import Intent
from mart_union.checkout.model import Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.customers.destinations import decide_destination, set_destination
from mart_union.customers.model import DestinationFields
from mart_union.kernel.clock import iso, local_date, utc_now
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.due import list_due_parties, mark_due
from mart_union.ledger.model import Payable, Transfer, postings_of
from mart_union.ledger.service import add_payable, post
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Offer, Terms
from mart_union.settlement.payouts import send_payouts
from mart_union.settlement.statements import settle_party

SUPPLIER, ROWS, PAYABLES, PARTIES = "guanxi-growers", 100, 180, 2


def rows() -> Iterator[Row]:
    """Rows that need more than one run of an operation."""
    before = _processor.asked
    card = _card_checkout()
    card.call("by-card", "asked-of-the-provider")
    asked = _processor.asked - before
    yield counted(
        f"requests: {card.name}, provider's", asked, "requests", 2, "provider 2: the intent is made, and confirmed"
    )
    few, many = (ask(_settle(number), f"settle-{number}") for number in (PAYABLES, 2 * PAYABLES))
    transactions = sum(request.operation == "TransactWriteItems" for request in few)
    why = f"at most N / 90 + 3 S transactions; N = {PAYABLES}, S = {PARTIES}"
    goal = PAYABLES // 90 + 3 * PARTIES
    yield counted(f"requests: settle {PAYABLES} payables", transactions, "transactions", goal, why)
    linear = f"linear in N: {write_units(few):g} units for {PAYABLES} payables of as many parties"
    name = f"write units: settle {2 * PAYABLES} payables"
    yield counted(name, write_units(many), "units", 2 * write_units(few), linear)


def works() -> list[Operation]:
    """A front page that is still kept, a bundle and times of a service, a checkout by card, a sale of a seller's shop, and an upload's rows: new, changed and unchanged ones."""
    return [_kept_front(), *of_kinds(), *of_machines(), _import("new"), _import("changed"), _import("unchanged")]


def of_machines() -> list[Operation]:
    """What others' systems take part in, one at a time."""
    return [_card_checkout(), _sale()]


def in_bulk() -> list[Operation]:
    """What is done for many things at once."""
    return [_import("changed"), _settle(PAYABLES)]


def _kept_front() -> Operation:
    """The front through a cache that heeds `Cache-Control`, as a browser or a distribution is one."""
    kept: dict[str, float] = {}

    def through_cache(event: dict[str, Any], context: Any) -> dict[str, Any]:
        if kept.get(event["path"], 0.0) > time.monotonic():
            return {"statusCode": 200}
        answer: dict[str, Any] = browse.app.lambda_handler(event, context)
        scope, _, seconds = answer["multiValueHeaders"]["Cache-Control"][0].partition(", max-age=")
        if scope == "public":
            kept[event["path"]] = time.monotonic() + int(seconds)
        return answer

    return read("front page, kept", through_cache, "/", Budget(0, "0 when cached", 0))


class _Processor(FakeCards):
    """A card processor that counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def create(self, *args: Any) -> Intent:
        self.asked += 1
        return super().create(*args)

    def confirm(self, intent: str) -> Intent:
        self.asked += 1
        return super().confirm(intent)

    def find(self, intent: str) -> Intent:
        self.asked += intent not in self._intents
        return super().find(intent)


_processor = _Processor()


def _card_checkout() -> Operation:
    """Reserve, authorize, confirm, in one request of the customer's; the card's provider stands in this process."""
    wishes = wanted(3, 1)
    total = total_of(wishes)

    def buy(event: dict[str, Any], _context: Any) -> object:
        with (
            patch.object(cards, "card_provider", lambda: _processor),
            patch.object(service, "require_cards"),
        ):
            made = service.place_purchase(
                CUSTOMER,
                wishes,
                recipient=scene(),
                total_seen=total,
                method="card",
                key=event["key"],
                payment_method="pm_card_visa",
            )
        if made.payment != "authorized":
            raise RuntimeError(f"the purchase is {made.payment}")
        return made

    why = "reserve 2, confirm 2; as the table's file states: 2 x (k + m + 3) to reserve, 1 and 2 x (k + m + 1) to confirm; k = 3, m = 1"
    name, budget = (
        "checkout by card, 3 lines of 1 store",
        Budget(4, why, 0.5 * (3 + 1 + 2), 3 + 1 + 3, more=_confirmed()),
    )
    return Operation(name, buy, lambda key: key, lambda _key, subject: {"key": subject}, WRITE_GOAL, budget)


def _confirmed() -> tuple[More, ...]:
    """What a purchase of three lines by card takes beyond its reservation's items."""
    purchase, order = sizes.purchase_kilobytes(3, 1), sizes.order_kilobytes(3)
    return (
        *sizes.placed(3, 1),
        More(1, "the purchase enters clock, keys only"),
        More(3 * purchase, "the intent's id is written: the purchase, and its copies in 2 indexes"),
        More(2 * (3 + 1 + 1), "confirmed: 2 x (levels + orders + 1)"),
        More(2 * (purchase - 1) + 2 * (order - 1), f"a purchase of {purchase} KB and an order of {order} KB, again"),
        More(2 * purchase, "the purchase's copies in 2 indexes, again"),
        More(2, "the purchase's key in clock, changed"),
        More(2 + 1, "the order's key in by_store, changed; clock, entered"),
    )


@cache
def _market() -> None:
    """A supplier with an offer that a store links to, and money on the store's deposit."""
    now, store = utc_now() - timedelta(minutes=5), STORES[0]
    names = {"zh-TW": "關西農友社", "en": "Guanxi Growers"}
    mediation.apply_supplier(SUPPLIER, names=names, texts={}, registration="HS-0000201", applicant="owner", now=now)
    mediation.decide_supplier(SUPPLIER, True, "operator", now)
    titles = {"zh-TW": "仙草茶包 20 入", "en": "Grass Jelly Tea Bags, 20"}
    offer = Offer(SUPPLIER, "HERB-TEA", titles, {}, "tea", "goods", 15_000, 23_000, 18_000, 2, ("everyone",))
    mediation.save_offer(offer, 10**6, "owner", now)
    terms = Terms(category_of_path(store, "Tea > Tea Bags"), 23_000)
    mediation.make_link(store, "GX-HERBTEA", OfferReference(SUPPLIER, "HERB-TEA"), terms, "owner", now)
    postings = postings_of({"provider/bank": -(10**10), f"store/{store}/deposit": 10**10})
    post(Transfer("deposit-of-the-bench", "deposit", "TWD", postings, "bench", iso(now)))


def _sale() -> Operation:
    """The use case: the shop and its secret are read to know the sender, and the recipient is written, before it."""
    _market()

    def sell(event: dict[str, Any], _context: Any) -> object:
        wishes = [Wanted(STORES[0], "GX-HERBTEA", 1)]
        return place_shop_sale(
            STORES[0], "shop-of-the-bench", wishes, recipient=scene(), key=event["key"], now=utc_now()
        )

    why = "2 requests; 0.5 x (k + m + 1) read (decision 0005), 2 x (k + h + 3) write; k = 1, m = 1, h = 1"
    budget = Budget(2, why, 0.5 * 3, 1 + 1 + 3, more=sizes.placed(1, 1, indexes=1))
    return Operation(
        "seller-collected sale", sell, lambda key: key, lambda _key, subject: {"key": subject}, WRITE_GOAL, budget
    )


def _import(kind: str) -> Operation:
    """A chunk of an upload's rows, as `catalog_import` applies it. Of the changed rows each has another price and another count."""

    def subject(key: str) -> str:
        if kind != "new":
            _apply(key, 1)
        return key

    def apply(event: dict[str, Any], _context: Any) -> object:
        return _apply(event["key"], 2 if kind == "changed" else 1)

    batches = 2 * ROWS // 100 + (0 if kind == "unchanged" else 2 * ROWS // 25)
    read_rows = "batch reads of 100, 0.5 read a row and table"
    why = f"R = {ROWS}; {read_rows}; batch writes of 25 (under conditions: decision 0023), 1 write a changed row and table"
    budget = Budget(batches, why, 0.5 * 2 * ROWS, 0 if kind == "unchanged" else 2 * ROWS, 1)
    return Operation(
        f"import {ROWS} {kind} rows", apply, subject, lambda _key, subject: {"key": subject}, WRITE_GOAL, budget
    )


def _apply(key: str, price: int) -> object:
    importer = _importer()
    listings = [importer.read(_sheet_row(key, number, price)) for number in range(ROWS)]
    now = utc_now()
    upload = Upload(key, f"store/{STORES[0]}", "owner", "STARTED", iso(now), etag=f"{price}")
    outcome = importer.apply(listings, upload, now)
    if outcome.refused:
        raise RuntimeError(f"the import refused {outcome.refused[0]}")
    return outcome


@cache
def _importer() -> ListingImport:
    return ListingImport(STORES[0])


def _sheet_row(key: str, number: int, price: int) -> SheetRow:
    cells = {
        "id": f"{abs(hash(key)) % 10**9}-{number}",
        "title": f"東方美人茶 {number}",
        "product_type": "Tea > Oolong",
        "union_category": "tea",
        "price": f"{100 + price} TWD",
        "quantity": str(10 + price),
    }
    return SheetRow(number + 2, cells, tuple(cells.values()))


def _settle(number: int) -> Operation:
    """The jobs of two parties whose payables fall due today, and the payouts that they lead to."""

    def subject(key: str) -> str:
        now = utc_now()
        for party in _parties(key):
            fields = DestinationFields(f"Holder of {party}", "000123456789", "822")
            decide_destination(party, set_destination(party, fields, "owner", now).id, True, "operator", now)
        for start in range(0, number, 90):
            _owe(key, range(start, start + 90), now)
        return key

    def run(event: dict[str, Any], _context: Any) -> object:
        now = utc_now()
        due = list_due_parties(local_date(now, settings().time_zone).isoformat()).items
        jobs = [settle_party(found, now) for found in due if found.party in _parties(event["key"])]
        if [job.is_done for job in jobs] != [True] * PARTIES:
            raise RuntimeError(f"the settlement ended as {jobs}")
        return send_payouts(now)

    event = lambda _key, subject: {"key": subject}  # noqa: E731 - as the operations have it
    return Operation(f"settle {number} payables", run, subject, event, WRITE_GOAL, Budget(0, ""))


def _parties(key: str) -> list[str]:
    return [f"store/{key}-{number}" for number in range(PARTIES)]


def _owe(key: str, places: range, now: datetime) -> None:
    """Payables that fall due today, with the marks that the stream makes of them."""
    day, parties = local_date(now, settings().time_zone).isoformat(), _parties(key)
    payables = [
        Payable(f"{key}-{place}", parties[place % PARTIES], f"order-{place}", 10_000, day, "completion", f"of-{place}")
        for place in places
    ]
    transaction = WriteTransaction()
    for payable in payables:
        add_payable(transaction, payable)
    transaction.commit()
    mark_due(payables, now)
