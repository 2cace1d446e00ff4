"""The demo's supplier: one list becomes sales in two stores and in a web shop outside the union, and everybody gets what is theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from infra.local.bank import send_money
from infra.local.people import Person
from infra.local.seed import upload
from infra.local.shop import Shop, listening
from infra.local.story import UNION, Story, expect, serve, serve_as_supplier, wait_until

SKU, OTHER_STORE = "LAMP", "xiangshan-coffee"
_SUPPLY_MINOR, _PRICE_MINOR, _OTHER_PRICE_MINOR, _DEPOSIT_MINOR = 45_000, 88_000, 92_000, 100_000
_POOL = 20
_LIST = """id,title,description,title_en,description_en,union_category,kind,supply_price,suggested_price,minimum_price,quantity,lead_days,granted_to,glyph
LAMP,竹編燈,一盞要編兩天,Woven bamboo lamp,Two days of weaving,{category},goods,450 TWD,900 TWD,700 TWD,20,2,store:{store};store:{other},🏮
"""
_RECIPIENT = {
    "name": "陳小姐",
    "address_lines": ["中央路 12 號"],
    "city": "新竹市",
    "postcode": "300",
    "phone": "0900-000-012",
}
_SECONDS, _SETTLEMENT_SECONDS = 60, 200


@dataclass(frozen=True)
class Sold:
    """What was sold of the supplier's list: one purchase in two stores, and one sale of a shop; what a shopper paid for the first, and what the
    seller's deposit held for the second, in minor units."""

    purchase: str
    orders: tuple[str, ...]
    paid_minor: int
    held_minor: int

    @property
    def references(self) -> set[str]:
        """How the ledger names what it is about."""
        return {f"purchase/{self.purchase}", *(f"order/{order}" for order in self.orders)}


@dataclass(frozen=True)
class Party:
    """Somebody who gets a part of the money: their account in the ledger, and whoever reads their statements, at a path ('': nobody here)."""

    label: str
    account: str
    reader: Person | None = None
    statements: str = ""


def sold_by_many(story: Story) -> Sold:
    """A supplier's list is linked by two stores at prices of their own, and sold in both and in a web shop of one of them."""
    farm, other = story.person("store/emei-tea/owner"), story.person(f"store/{OTHER_STORE}/owner")
    weaver, shopper = story.person("supplier/zhudong-woodworks/owner"), story.person("customer")
    own = _own_listing(shopper)
    with listening() as shop:
        _linked(story, weaver, farm, other, shop, own["category"])
        purchase = _bought(story, shopper, own["sku"])
        order, held = _sold_in_the_shop(story, farm, shop)
        for each in purchase["orders"]:
            _served(story, (weaver, other, shopper), each)
        serve_as_supplier(story, weaver, order)
        wait_until(lambda: not _deposit(story, farm)["held_minor"], _SETTLEMENT_SECONDS, "the draw")
    left = _deposit(story, farm)["available_minor"]
    expect(left == _DEPOSIT_MINOR - held, f"{left} of the deposit is left, not what the draw leaves")
    pool = weaver.get(f"/api/supply/{story.supplier}/offers/{SKU}")
    expect((pool["reserve"], pool["sold"]) == (_POOL - 3, 3), f"the weaver's pool is {pool}")
    story.tell(
        f"the weaver sends all three, out of one pool of which {pool['reserve']} are left; what the deposit held is drawn",
        f"deposited {story.money(_DEPOSIT_MINOR)}, held and drawn {story.money(held)}, left {story.money(left)}",
    )
    return Sold(purchase["id"], (*purchase["orders"], order), purchase["total_minor"], held)


def _own_listing(shopper: Person) -> dict[str, Any]:
    """Goods of the other store's own: its carrier has a part, too, where the store charges for delivery."""
    cards = shopper.get(f"/api/stores/{OTHER_STORE}/listings")["listings"]
    listings = (shopper.get(f"/api/listings/{OTHER_STORE}/{card['sku']}") for card in cards)
    return next(each for each in listings if each["reserve"] > 0 and each["kind"] == "goods" and not each["mediated"])


def _linked(story: Story, weaver: Person, farm: Person, other: Person, shop: Shop, category: str) -> None:
    """The list goes to the bucket, both stores find it and link it, each with a deposit, and the web shop of one shows it."""
    union_category = farm.get("/api/categories")["categories"][0]["id"]
    offers = _LIST.format(category=union_category, store=story.store, other=OTHER_STORE)
    upload(weaver, f"/api/supply/{story.supplier}/uploads", "lamps.csv", offers)
    made = farm.post(f"/api/manage/{story.store}/shops", {"url": shop.address}, key=f"shop-{story.run}", status=201)
    shop.registered(made["shop"], made["secret"])
    for seller, store in ((farm, story.store), (other, OTHER_STORE)):
        reference, notice = seller.get(f"/api/manage/{store}/deposit")["reference"], f"deposit-{store}-{story.run}"
        send_money(story.network, UNION, notice=notice, reference=reference, amount_minor=_DEPOSIT_MINOR)
    _link(story, farm, story.store, SKU, _PRICE_MINOR, "fruit")
    _link(story, other, OTHER_STORE, _sku_there(story), _OTHER_PRICE_MINOR, category)
    wait_until(lambda: SKU in shop.shown, _SECONDS, "the lamp in the farm's web shop")
    shown = shop.shown[SKU]
    expect(shown["price_minor"] == _PRICE_MINOR, f"the shop shows {shown}")
    story.tell(
        "the weaver's next list is in the mediation center: two stores link its lamp, each at a price of its own",
        f"supply {story.money(_SUPPLY_MINOR)}; {story.store} {story.money(_PRICE_MINOR)}, {OTHER_STORE} {story.money(_OTHER_PRICE_MINOR)}",
        f"the farm's own web shop was told, signed, and shows it at {story.money(shown['price_minor'])}: {shown['availability']}",
    )


def _sku_there(story: Story) -> str:
    """The SKU of the lamp in the other store, which stays when the story has been told."""
    return f"{SKU}-{story.run.upper()}"


def _link(story: Story, seller: Person, store: str, sku: str, price_minor: int, category: str) -> None:
    found = seller.get(f"/api/manage/{store}/offers", supplier=story.supplier, words="lamp")["items"]
    expect([each["offer"]["sku"] for each in found] == [SKU], f"{store} sees {found}")
    offer = {"supplier": story.supplier, "offer_sku": SKU}
    wish = {"sku": sku, **offer, "price_minor": price_minor, "category": category}
    seller.post(f"/api/manage/{store}/links", wish, key=f"lamp-{store}-{story.run}", status=201)


def _bought(story: Story, shopper: Person, own_sku: str) -> dict[str, Any]:
    """A shopper buys the lamp in both stores, in one checkout, with something of the other store's own."""
    wanted = ((story.store, SKU), (OTHER_STORE, _sku_there(story)), (OTHER_STORE, own_sku))
    lines = [{"store": store, "sku": sku, "quantity": 1} for store, sku in wanted]
    recipient = shopper.get("/api/me/recipients")["recipients"][0]
    quote = shopper.post("/api/quotes", {"lines": lines, "postcode": recipient["postcode"]})
    expect(quote["ready"], f"the quote is {quote}")
    total, reference = quote["total_minor"], shopper.get("/api/me/account")["reference"]
    send_money(story.network, UNION, notice=f"lamps-{story.run}", reference=reference, amount_minor=total)
    wish = {"lines": lines, "recipient": recipient["id"], "total_minor": total}
    purchase: dict[str, Any] = shopper.post("/api/purchases", wish, key=f"lamps-{story.run}", status=201)
    story.tell(
        f"a shopper buys a lamp in each store and something of the second one's own, in one checkout: {story.money(total)}",
        *(
            f"{line['store']}: {line['titles'].get('en')}, {story.money(line['amount_minor'])}"
            for line in purchase["lines"]
        ),
    )
    return purchase


def _sold_in_the_shop(story: Story, farm: Person, shop: Shop) -> tuple[str, int]:
    """The farm's web shop sells a lamp: the deposit holds what the weaver is owed; the order, and what is held for it."""
    manage = f"/api/manage/{story.store}"
    farm.put(f"{manage}/settings", {**farm.get(f"{manage}/settings"), "return_window_days": 0})
    sale = {"sale": f"sale-{story.run}", "lines": [{"sku": SKU, "quantity": 1}], "recipient": _RECIPIENT}
    order = shop.report_sale(story.facts["url"], sale)
    held = int(_deposit(story, farm)["held_minor"])
    expect(held == _SUPPLY_MINOR, f"the deposit holds {held}, not the supply cost")
    story.tell(
        "the farm's own web shop sells a lamp to a buyer of its own, and reports it: the deposit holds what the weaver is owed",
        f"held {story.money(held)} of {story.money(_DEPOSIT_MINOR)}",
    )
    return order, held


def _deposit(story: Story, farm: Person) -> dict[str, int]:
    deposit: dict[str, int] = farm.get(f"/api/manage/{story.store}/deposit")["deposit"]
    return deposit


def _served(story: Story, people: tuple[Person, Person, Person], order_id: str) -> None:
    """The weaver sends its lamp, the other store what is its own, and the shopper has received both."""
    weaver, other, shopper = people
    order = shopper.get(f"/api/orders/{order_id}")
    serve_as_supplier(story, weaver, order_id)
    if order["store"] == OTHER_STORE:
        serve(story, other, f"/api/manage/{OTHER_STORE}/orders/{order_id}", f"{OTHER_STORE}-{order_id}")
    shopper.post(f"/api/orders/{order_id}/steps", {"step": "receive"}, key=f"receive-{order_id}")
    done = shopper.get(f"/api/orders/{order_id}")
    expect(done["state"] == "completed", f"order {order_id} is {done['state']}, not completed")


def shared_out(story: Story, sold: Sold) -> None:
    """Who got what of what was sold: it adds up to what the shopper paid and what the deposit held. Supplier and first seller are paid at once."""
    operator, whole = story.person("operator"), sold.paid_minor + sold.held_minor
    parties = list(_parties(story))
    wait_until(lambda: sum(_owed(operator, parties, sold).values()) == whole, _SECONDS, f"who got the {whole}")
    owed = _owed(operator, parties, sold)
    for party in parties[:2]:
        wait_until(
            partial(_is_paid, party, sold, owed[party.label]), _SETTLEMENT_SECONDS, f"the payout of {party.label}"
        )
    expect(all(owed[party.label] > 0 for party in parties[:3]), f"the supplier or a seller got nothing: {owed}")
    rows = [(party.label, owed[party.label], _paid(party, sold)) for party in parties if owed[party.label]]
    rows.append(("together", sum(owed.values()), sum(paid for _, _, paid in rows)))
    table = [f"{label:<40}{story.money(earned):>12}{story.money(paid):>12}" for label, earned, paid in rows]
    story.tell(
        "whose the money of the three lamps and the coffee is: what is not paid out yet stands on an account of its owner's",
        f"{'':<40}{'owed':>12}{'paid out':>12}",
        *table,
        f"the shopper paid {story.money(sold.paid_minor)}, the farm's deposit held {story.money(sold.held_minor)}: {story.money(whole)}",
    )


def _parties(story: Story) -> Iterator[Party]:
    weaver, farm = story.person("supplier/zhudong-woodworks/owner"), story.person("store/emei-tea/owner")
    other = story.person(f"store/{OTHER_STORE}/owner")
    carrier = other.get(f"/api/manage/{OTHER_STORE}/settings")["carrier"]
    supply, manage = f"/api/supply/{story.supplier}/statements", "/api/manage/{}/statements"
    yield Party(f"supplier {story.supplier}", f"supplier/{story.supplier}", weaver, supply)
    yield Party(f"seller {story.store}", f"store/{story.store}", farm, manage.format(story.store))
    yield Party(f"seller {OTHER_STORE}", f"store/{OTHER_STORE}", other, manage.format(OTHER_STORE))
    yield Party("the union: commission", "union/commission")
    yield Party("the state: tax", "tax/vat")
    yield Party(f"carrier {carrier}", f"carrier/{carrier}")


def _owed(operator: Person, parties: Iterable[Party], sold: Sold) -> dict[str, int]:
    """What the ledger has posted for each party of what was sold, in minor units; by labels."""
    return {
        party.label: sum(
            posting["amount_minor"]
            for posting in _postings(operator, party.account)
            if posting["reference"] in sold.references
        )
        for party in parties
    }


def _postings(operator: Person, account: str) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = operator.get("/api/operate/accounts", account=account, cursor=cursor)
        yield from page["postings"]
        cursor = page["next"]
        if not cursor:
            return


def _is_paid(party: Party, sold: Sold, owed_minor: int) -> bool:
    return _paid(party, sold) == owed_minor


def _paid(party: Party, sold: Sold) -> int:
    """What of it stands in statements that are paid out, in minor units."""
    if party.reader is None:
        return 0
    paid = [one for one in party.reader.get(party.statements)["statements"] if one["state"] == "paid"]
    lines = (line for one in paid for line in party.reader.get(f"{party.statements}/{one['period']}")["lines"])
    return sum(line["amount_minor"] for line in lines if line["order"] in sold.orders)
