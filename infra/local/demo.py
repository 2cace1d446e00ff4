"""`make demo`: one story through the public APIs of the running network, printed step by step; it ends with an error if a step goes wrong."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import Any

import httpx

from infra.invariants import check_local
from infra.local import people
from infra.local.bank import send_money
from infra.local.demo_cards import paid_by_card
from infra.local.demo_returns import returned, returned_to_its_supplier
from infra.local.demo_rush import sold_out_in_a_rush
from infra.local.demo_supply import shared_out, sold_by_many
from infra.local.network import SAMPLE, read, write
from infra.local.people import Person, Refused
from infra.local.seed import upload
from infra.local.story import UNION, Story, expect, serve, serve_as_supplier, wait_until

PLACE = "竹北"
LINKED_SKU = "TRAY"
_CATALOG = """id,title,description,title_en,description_en,product_type,union_category,kind,price,quantity,low_stock,glyph
PERSIMMON,新埔柿餅,日曬十二天的石柿餅,Dried Xinpu persimmons,Sun-dried for twelve days,Fruit,{category},goods,320 TWD,40,5,🟠
"""
_OFFERS = """id,title,description,title_en,description_en,union_category,kind,supply_price,suggested_price,minimum_price,quantity,lead_days,granted_to,glyph
TRAY,柿餅竹盤,手編竹盤,Bamboo drying tray,Woven by hand,{category},goods,200 TWD,400 TWD,300 TWD,12,2,store:{store},🧺
"""
_SETTLEMENT_SECONDS = 200


def main() -> int:
    """Play the story; 1 if a step was not as it should be."""
    network = read("network.json")
    if not network:
        print("make demo: no network is up here; run `make up` first", file=sys.stderr)
        return 1
    try:
        write("demo.json", play(Story(network)))
    except (Refused, LookupError, httpx.HTTPError) as exc:
        print(f"make demo: the story went wrong: {type(exc).__name__}: {exc}", file=sys.stderr)
        return 1
    return 0


def play(story: Story) -> dict[str, Any]:
    """The whole story, in order; what it leaves behind."""
    redirected(story)
    linked = opened(story)
    banked(story)
    purchase = bought(story, linked)
    served(story, purchase)
    paid_by_card(story)
    sold_out_in_a_rush(story)
    sold = sold_by_many(story)
    cleared(story)
    shared_out(story, sold)
    balanced(story)
    proven(story)
    left = {"union": UNION, "purchase": purchase["id"], "store": story.store, "supplier": story.supplier}
    story.tell(f"the purchase stays: {story.facts['url']}/purchases/{purchase['id']}")
    return left


def redirected(story: Story) -> None:
    """The service center sends a shopper to the union of their place."""
    answer = people.visitor(story.network["service_center"]).http.get("/go", params={"place": PLACE})
    expect(answer.status_code in {302, 303}, f"GET /go answered {answer.status_code}: {answer.text[:200]}")
    expect(answer.headers["location"].startswith(story.facts["url"]), f"sent to {answer.headers['location']}")
    story.tell(f"a shopper in {PLACE} asks the service center, and is sent to {answer.headers['location']}")


def opened(story: Story) -> dict[str, Any]:
    """An enterprise and a supplier are registered and approved; the store fills its shelves and links the supplier's offer."""
    owner, operator = story.person("store/emei-tea/owner"), story.person("operator")
    names = {"zh-TW": "柿子紅了", "en": "Red Persimmons"}
    enterprise = f"farm-{story.run}"
    application = {"enterprise": enterprise, "names": names, "registration": "00000000"}
    owner.post("/api/enterprises", application, key=f"apply-{story.run}", status=201)
    stores = f"/api/enterprises/{enterprise}/stores"
    refused = owner.post(stores, _store_facts(story, names), key=f"too-early-{story.run}", status=422)
    story.tell("a farm applies to trade; before its approval it cannot open a store", refused["detail"])
    operator.post(f"/api/operate/enterprises/{enterprise}/decision", {"approve": True})
    owner.post(stores, _store_facts(story, names), key=f"open-{story.run}", status=201)
    story.tell("the operator approves it, and it opens its store", f"{story.facts['url']}/stores/{story.store}")
    category = owner.get("/api/categories")["categories"][0]["id"]
    upload(owner, f"/api/manage/{story.store}/uploads", "catalog.csv", _CATALOG.format(category=category))
    story.tell("its catalog goes to the bucket, whose trigger imports it")
    _supply(story, owner, operator, category)
    wish = {
        "sku": LINKED_SKU,
        "supplier": story.supplier,
        "offer_sku": "TRAY",
        "price_minor": 39_000,
        "category": "fruit",
    }
    path = f"/api/manage/{story.store}/links"
    linked = owner.post(
        path,
        wish | {"titles": {"zh-TW": "曬柿竹盤", "en": "Tray for drying persimmons"}},
        key=f"link-{story.run}",
        status=201,
    )
    story.tell(
        "the farm links the offer under its own title and price",
        f"supply {story.money(20_000)}, price {story.money(39_000)}",
    )
    return dict(linked)


def banked(story: Story) -> None:
    """Store and supplier say where they are paid, and the operator verifies it."""
    operator = story.person("operator")
    for worker, path, party in (
        (story.person("store/emei-tea/owner"), f"manage/{story.store}", story.store),
        (story.person("supplier/zhudong-woodworks/owner"), f"supply/{story.supplier}", story.supplier),
    ):
        account = {"holder": party, "account": "0081234567890", "bank": "822"}
        made = worker.put(f"/api/{path}/destination", account)
        if made["state"] == "waiting":
            decision = {"destination": made["id"], "decision": "verify"}
            operator.post(f"/api/operate/destinations/{made['party']}", decision)


def _store_facts(story: Story, names: dict[str, str]) -> dict[str, Any]:
    return {
        "store": story.store,
        "names": names,
        "texts": {"zh-TW": "新埔九降風的柿餅。", "en": "Persimmons dried in the September wind of Xinpu."},
        "classification": _read_json("union.json")["classifications"][0]["id"],
        "carrier": _read_json("union.json")["carriers"][0]["id"],
        "glyph": "🍂",
        "delivery_amount": 8_000,
        "settlement_period": "at_once",
        "state": "open",
    }


def _supply(story: Story, owner: Person, operator: Person, category: str) -> None:
    application = {
        "supplier": story.supplier,
        "names": {"zh-TW": "竹東竹編", "en": "Zhudong Weavers"},
        "texts": {"zh-TW": "手工竹器。", "en": "Bamboo ware by hand."},
        "registration": "00000000",
        "settlement_period": "at_once",
    }
    weaver = story.person("supplier/zhudong-woodworks/owner")
    weaver.post("/api/suppliers", application, key=f"supply-{story.run}", status=201)
    operator.post(f"/api/operate/suppliers/{story.supplier}/decision", {"approve": True})
    offers = _OFFERS.format(category=category, store=story.store)
    upload(weaver, f"/api/supply/{story.supplier}/uploads", "offers.csv", offers)
    found = owner.get(f"/api/manage/{story.store}/offers", supplier=story.supplier)["items"]
    expect(len(found) == 1, f"the store sees {len(found)} offers of the supplier, not one")
    story.tell("a weaver without a shop supplies one list, and the farm sees it in the mediation center")


def bought(story: Story, linked: dict[str, Any]) -> dict[str, Any]:
    """A shopper browses, signs in, and buys from two stores in one checkout."""
    visitor = people.visitor(story.facts["url"])
    visitor.http.post("/consent", data={"consent": "yes", "next": "/"})
    wait_until(lambda: story.store in visitor.http.get(f"/stores/{story.store}").text, 60, "the store's shelf")
    answer = visitor.http.get(f"/go/{story.store}")
    expect(answer.status_code == 303, f"GET /go/{story.store} answered {answer.status_code}")
    for path in (
        answer.headers["location"],
        f"/stores/{story.store}/PERSIMMON",
        f"/stores/{story.store}/{linked['sku']}",
    ):
        expect(visitor.http.get(path).status_code == 200, f"{path} is not there")
    story.tell("a shopper looks at the union, is redirected to the store, and looks at two listings")
    shopper = story.person("customer")
    shopper.http.cookies.update(visitor.http.cookies)
    lines = [
        {"store": story.store, "sku": "PERSIMMON", "quantity": 2},
        {"store": story.store, "sku": linked["sku"], "quantity": 2},
        _line_of_another_store(shopper),
    ]
    quote = shopper.post("/api/quotes", {"lines": lines})
    purchase = _buy(story, shopper, lines, quote)
    story.tell(
        f"signs in and buys {len(lines)} listings of {len(quote['stores'])} stores in one checkout: {story.money(purchase['total_minor'])}",
        *(
            f"{line['store']}: {line['titles'].get('en')} x {line['quantity']}, {story.money(line['amount_minor'])}"
            for line in purchase["lines"]
        ),
    )
    return purchase


def _line_of_another_store(shopper: Person) -> dict[str, Any]:
    cards = shopper.get("/api/stores/emei-tea/listings")["listings"]
    card = next(card for card in cards if shopper.get(f"/api/listings/emei-tea/{card['sku']}")["reserve"] > 0)
    return {"store": "emei-tea", "sku": card["sku"], "quantity": 1}


def _buy(story: Story, shopper: Person, lines: list[dict[str, Any]], quote: dict[str, Any]) -> dict[str, Any]:
    reference = shopper.get("/api/me/account")["reference"]
    send_money(story.network, UNION, notice=f"demo-{story.run}", reference=reference, amount_minor=quote["total_minor"])
    recipient = shopper.get("/api/me/recipients")["recipients"][0]["id"]
    wish = {"lines": lines, "recipient": recipient, "total_minor": quote["total_minor"]}
    key = f"demo-purchase-{story.run}"
    wrong = shopper.post(
        "/api/purchases", wish | {"total_minor": quote["total_minor"] + 100}, key=f"{key}-x", status=409
    )
    expect(wrong["type"].endswith("price-changed"), f"a wrong total was answered {wrong}")
    purchase = shopper.post("/api/purchases", wish, key=key, status=201)
    again = shopper.post("/api/purchases", wish, key=key, status=201)
    expect(again == purchase, "the same key gave another answer")
    return dict(purchase)


def served(story: Story, purchase: dict[str, Any]) -> None:
    """Stores and supplier accept, ship and deliver what is theirs; the customer confirms."""
    for order_id in purchase["orders"]:
        shopper = story.person("customer")
        order = shopper.get(f"/api/orders/{order_id}")
        store = order["store"]
        staff = story.person("store/emei-tea/owner")
        serve(story, staff, f"/api/manage/{store}/orders/{order_id}", f"{store}-{order_id}")
        weaver, path = story.person("supplier/zhudong-woodworks/owner"), ""
        if any(line["sku"] == LINKED_SKU for line in order["lines"]):
            path = serve_as_supplier(story, weaver, order_id)
        story.tell(f"{store}: accepted, shipped, delivered", f"order {order_id}, {story.money(order['total_minor'])}")
        if store == story.store:
            returned(story, shopper, staff, order, "PERSIMMON")
            returned_to_its_supplier(story, shopper, (weaver, path), order, LINKED_SKU)
        shopper.post(f"/api/orders/{order_id}/steps", {"step": "receive"}, key=f"receive-{order_id}")
        done = shopper.get(f"/api/orders/{order_id}")
        expect(done["state"] == "completed", f"order {order_id} is {done['state']}, not completed")
    story.tell("the customer confirms: both orders are completed, and their escrow is split")


def cleared(story: Story) -> None:
    """The scheduled settlement pays the store and clears the supplier; their statements are printed."""
    owner, weaver = story.person("store/emei-tea/owner"), story.person("supplier/zhudong-woodworks/owner")
    for worker, path, whose in (
        (weaver, f"/api/supply/{story.supplier}/statements", "the supplier's clearing"),
        (owner, f"/api/manage/{story.store}/statements", "the store's statement"),
    ):
        wait_until(partial(_paid, worker, path), _SETTLEMENT_SECONDS, whose)
        statement = _paid(worker, path)[0]
        lines = worker.get(f"{path}/{statement['period']}")["lines"]
        expect(sum(line["amount_minor"] for line in lines) == statement["total_minor"], f"{whose} does not add up")
        story.tell(
            f"the settlement's schedule has run: {whose} of {statement['period']} is {statement['state']}",
            *(f"{line['order']}: {line['kind']} {story.money(line['amount_minor'])}" for line in lines),
            f"total {story.money(statement['total_minor'])}",
            f"in the bank's file {_file_of(story, statement)}",
        )


def _file_of(story: Story, statement: dict[str, Any]) -> str:
    """The bank file that a statement's payout is in, with the payout's line as the operator sees it."""
    operator = story.person("operator")
    for file in operator.get("/api/operate/payouts")["files"]:
        for payout in operator.get(f"/api/operate/payouts/{file['id']}")["payouts"]:
            if payout["id"] == statement["payout"]:
                return (
                    f"{file['id']}: payout {payout['id']} to {payout['party']}, {story.money(payout['amount_minor'])}"
                )
    raise AssertionError(f"no bank file has payout {statement['payout']}")


def _paid(worker: Person, path: str) -> list[dict[str, Any]]:
    return [one for one in worker.get(path)["statements"] if one["state"] == "paid"]


def balanced(story: Story) -> None:
    """The operator's books: the ledger sums to zero and nothing differs."""
    operator = story.person("operator")
    asked = operator.post("/api/operate/reconciliations", status=202)["asked_at"]
    wait_until(lambda: _report(operator)["at"] >= asked, 60, "the reconciliation's report")
    report = _report(operator)
    expect(not report["differences"], f"the books differ: {json.dumps(report['differences'])[:1000]}")
    story.tell(
        "the operator reconciles the union's books: the ledger sums to zero, and nothing differs",
        f"{report['transfers']} transfers, {report['orders']} orders, {report['purchases']} purchases, {report['levels']} levels, "
        f"{report['statements']} statements",
    )


def proven(story: Story) -> None:
    """The invariants of every union hold: the checker reads all that their tables keep."""
    told = [check_local(story.network, union) for union in sorted(story.network["unions"])]
    expect(all(agrees for _, agrees in told), "\n".join(line for line, _ in told))
    story.tell("the checker proves the invariants of every union, item by item", *(line for line, _ in told))


def _report(operator: Person) -> dict[str, Any]:
    answer = operator.http.get("/api/operate/reconciliation")
    return dict(answer.json()) if answer.status_code == 200 else {"at": ""}


def _read_json(name: str) -> Any:
    return json.loads((SAMPLE / UNION / name).read_text())


if __name__ == "__main__":
    sys.exit(main())
