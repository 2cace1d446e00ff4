"""A small world in which sample events make sense: laid through the services, with names of the sample data.

The union hsinchu; the store `emei-tea` with stock, staff and a supplier's goods; `jianshi-outdoor` beside it; the supplier
`guanxi-growers`; the customer `customer-lin` with money, a recipient, a cart and purchases at every stage that events speak of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import to_builtins
from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.carriers import Carrier
from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import (
    Category,
    Classification,
    Listing,
    OfferReference,
    Place,
    Store,
    Union,
    listing_level,
)
from mart_union.catalog.reviews import review_id
from mart_union.catalog.slots import Times, open_slots
from mart_union.catalog.urgent import start_urgent_sale
from mart_union.catalog.urgent_terms import SaleTerms
from mart_union.checkout.admission import get_in_line
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.sales import sale_id
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.customers import service as customers
from mart_union.customers.model import Contact, DestinationFields, RecipientFields
from mart_union.customers.withdrawals import withdraw
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.events import Event
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import post
from mart_union.mediation import service as mediation
from mart_union.mediation.job_model import LinkRule
from mart_union.mediation.model import Offer, Terms
from mart_union.mediation.replenishment import Supplied, SupplierTerms
from mart_union.mediation.webhooks import register_webhook
from mart_union.orders import service as orders
from mart_union.orders.events import for_event
from mart_union.orders.model import ReturnedLine, order_id
from mart_union.orders.parcels import register_parcels
from mart_union.orders.reporting import ReportWish, report_received
from mart_union.orders.responses import add_response, answer_response, escalate_response
from mart_union.orders.return_decisions import Decision
from mart_union.settlement.refunding import ask_return, send_goods, settle_return
from mart_union.settlement.service import complete_order, send_payouts
from mart_union.stock.counting import count

CUSTOMER, OPERATOR = "customer-lin", "operator-hsinchu"
STORE, OTHER_STORE, SUPPLIER = "emei-tea", "jianshi-outdoor", "guanxi-growers"
FUNDS_MINOR = 100_000_000


@dataclass
class World:
    """The moment at which it was laid, and the ids that were made on the way, by the names that sample events use."""

    now: datetime
    ids: dict[str, str] = field(default_factory=dict)


def lay_world(shop_url: str) -> World:
    """Everything that sample events may name, in empty tables. The store's own shop is at `shop_url`."""
    world = World(utc_now() - timedelta(minutes=5))
    _describe_union(world)
    _open_store(world, "xu-family-tea", STORE, "owner-emei", {"en": "Emei Lakeside Tea", "zh-TW": "峨眉湖畔茶行"})
    _open_store(world, "jianshi-trails", OTHER_STORE, "owner-jianshi", {"en": "Jianshi Outdoor", "zh-TW": "尖石山行"})
    for subject, role in (("manager-emei", "manager"), ("packer-emei", "packer")):
        customers.grant_membership(subject, "store", STORE, role, world.now)
    for sku, price_minor in (("OB-TOP", 168_000), ("OB-FINE-75G", 88_000)):
        _sell(world, STORE, sku, price_minor)
    _sell(world, OTHER_STORE, "PK-DAY-CEDAR", 158_000)
    _bundle(world)
    _open_times(world)
    _supply(world)
    _replenish(world)
    _sign_up_customer(world)
    _open_bank_accounts(world)
    _register_shop(world, shop_url)
    _register_webhooks(world, shop_url)
    _rush(world)
    _buy(world)
    _mail(world)
    for store in (STORE, OTHER_STORE):
        catalog.rebuild_store(store)
    catalog.rebuild_front()
    return world


def _describe_union(world: World) -> None:
    union = Union(
        id="hsinchu",
        names={"zh-TW": "新竹市集聯盟", "en": "Hsinchu Mart Union"},
        texts={"zh-TW": "新竹的店家", "en": "The stores of Hsinchu"},
        places=(Place({"zh-TW": "新竹市", "en": "Hsinchu City"}, ("300",)),),
        languages=("zh-TW", "en"),
        classifications=(
            Classification("food-drink", {"zh-TW": "飲食", "en": "Food and drink"}),
            Classification("craft", {"zh-TW": "工藝", "en": "Craft and wares"}),
        ),
        carriers=(Carrier("windcity-express", {"en": "Wind City Express"}, "https://track.example/{number}"),),
        fees=(CommissionRule("everything", "union", rate_basis_points=600),),
        taxes=(TaxRule("goods", "vat", 500),),
        cash_limit_minor=1_000_000,
    )
    catalog.save_union(union, OPERATOR, world.now)
    catalog.save_category("", Category("tea", {"zh-TW": "茶", "en": "Tea"}), OPERATOR, world.now)


def _open_store(world: World, enterprise: str, store: str, owner: str, names: dict[str, str]) -> None:
    catalog.apply_enterprise(enterprise, names, f"HS-{enterprise}", owner, world.now)
    catalog.decide_enterprise(enterprise, True, OPERATOR, world.now)
    opened = Store(
        store,
        enterprise,
        names,
        {},
        "food-drink",
        "open",
        iso(world.now),
        carrier="windcity-express",
        delivery_amount=8_000,
        procedure="carrier" if store == STORE else "carrier_cash",
    )
    catalog.open_store(enterprise, opened, owner, world.now)


def _sell(world: World, store: str, sku: str, price_minor: int) -> None:
    category = catalog.category_of_path(store, "Tea > Oolong")
    listing = Listing(
        store,
        sku,
        {"zh-TW": f"東方美人茶 {sku}", "en": f"Oriental Beauty {sku}"},
        {},
        category,
        "tea",
        "goods",
        price_minor,
        "on_sale",
        listing_level(store, sku),
    )
    catalog.save_listing(listing, f"owner-{store}", world.now)
    count(listing.level, 50, actor="owner", reference="first count", now=world.now, low_stock=5)


def _bundle(world: World) -> None:
    titles = {"zh-TW": "東方美人茶禮盒", "en": "Oriental Beauty gift box"}
    level, parts = listing_level(STORE, "OB-GIFT"), {"OB-TOP": 1, "OB-FINE-75G": 2}
    made = Listing(STORE, "OB-GIFT", titles, {}, "tea.oolong", "tea", "goods", 320_000, "on_sale", level, parts=parts)
    catalog.save_listing(made, f"owner-{STORE}", world.now)


def _rush(world: World) -> None:
    """An urgent sale that lets ten buyers a second in, five units each; the customer's turn in it has come."""
    _sell(world, STORE, "OB-RUSH", 120_000)
    window = iso(world.now), iso(world.now + timedelta(days=1))
    terms = SaleTerms(100_000, *window, quantity=20, per_customer=5, rate=10)
    start_urgent_sale(STORE, "OB-RUSH", terms, actor="manager-emei", key="rush-of-emei", now=world.now)
    world.ids["ticket"] = get_in_line(CUSTOMER, STORE, "OB-RUSH", now=world.now).ticket


def _open_times(world: World) -> None:
    titles, level = {"zh-TW": "茶席體驗", "en": "Tea tasting"}, listing_level(STORE, "TASTE")
    made = Listing(
        STORE, "TASTE", titles, {}, "tea.oolong", "tea", "service", 90_000, "on_sale", level, slot_minutes=60
    )
    catalog.save_listing(made, f"owner-{STORE}", world.now)
    day = (world.now + timedelta(days=3)).date().isoformat()
    opened = open_slots(STORE, "TASTE", Times(day, day, ("10:00", "15:00"), 4), actor="manager-emei", now=world.now)
    world.ids["slot"], world.ids["slot_later"] = opened.opened


def _supply(world: World) -> None:
    names = {"zh-TW": "關西農友社", "en": "Guanxi Growers"}
    mediation.apply_supplier(
        SUPPLIER, names=names, texts={}, registration="HS-0000201", applicant="owner-guanxi", now=world.now
    )
    mediation.decide_supplier(SUPPLIER, True, OPERATOR, world.now)
    customers.grant_membership("member-guanxi", "supplier", SUPPLIER, "member", world.now)
    offer = Offer(
        SUPPLIER,
        "HERB-TEA",
        {"zh-TW": "仙草茶包 20 入", "en": "Grass Jelly Tea Bags, 20"},
        {},
        "tea",
        "goods",
        15_000,
        23_000,
        18_000,
        2,
        ("everyone",),
    )
    mediation.save_offer(offer, 100, "owner-guanxi", world.now)
    dry = replace(offer, sku="HERB-DRY", titles={"zh-TW": "仙草乾 100 公克", "en": "Dried Grass Jelly, 100 g"})
    mediation.save_offer(dry, 40, "owner-guanxi", world.now)
    terms = Terms(catalog.category_of_path(STORE, "Tea > Tea Bags"), 23_000)
    mediation.make_link(STORE, "GX-HERBTEA", OfferReference(SUPPLIER, "HERB-TEA"), terms, "manager-emei", world.now)
    rule = LinkRule("tea", SUPPLIER, "tea", prefix="GX-", markup_basis_points=4_000)
    world.ids["job"] = mediation.start_link_job(STORE, rule, "manager-emei", "rule-of-emei", world.now).id


def _replenish(world: World) -> None:
    """The store's terms with its supplier for its own stock, and an order under them of which a part has come."""
    terms = SupplierTerms(STORE, SUPPLIER, {"OB-TOP": Supplied(90_000, "G-7")}, lead_days=3, minimum_minor=100_000)
    mediation.save_terms(terms, Contact("盧美", "lu.mei@guanxi.example", "03-555-0101"), "manager-emei", world.now)
    made = mediation.place_replenishment(
        STORE, SUPPLIER, {"OB-TOP": 10}, key="replenishment-of-emei", actor="manager-emei", now=world.now
    )
    mediation.receive(STORE, made.id, {"OB-TOP": 4}, key="came-to-emei", actor="packer-emei", now=world.now)
    world.ids["replenishment"] = made.id


def _sign_up_customer(world: World) -> None:
    customers.save_profile(CUSTOMER, name="林小安", email="lin@example.com", language="zh-TW", now=world.now)
    fields = RecipientFields("林小安", ("光復路二段 101 號",), "新竹市", "300", "0900-000-001")
    world.ids["recipient"] = customers.add_recipient(CUSTOMER, fields, "recipient-of-lin", world.now).id
    session = customers.start_session(True, world.now)
    session = customers.join_session(session.id, CUSTOMER, world.now)
    customers.change_cart(session.id, STORE, "OB-TOP", 1, now=world.now)
    customers.record_view(session.id, "listing", f"/stores/{STORE}/OB-TOP", STORE, "OB-TOP", world.now)
    world.ids["session"] = session.id
    world.ids["session_new"] = customers.start_session(True, world.now).id
    world.ids["invitation"] = customers.invite(
        "store", STORE, "packer", "owner-emei", world.now, names={"en": "Tea house"}
    ).code
    for account in (f"customer/{CUSTOMER}", f"store/{STORE}/deposit"):
        postings = postings_of({"provider/bank": -FUNDS_MINOR, account: FUNDS_MINOR})
        kind = "deposit" if account.endswith("/deposit") else "top-up"
        post(Transfer(f"funds-{account.replace('/', '-')}", kind, "TWD", postings, "test", iso(world.now)))


def _open_bank_accounts(world: World) -> None:
    """Where parties are paid, verified but for a carrier's; and a payout that the bank was given a while ago, to somebody else."""
    other = "customer/customer-wang"
    for party in (f"customer/{CUSTOMER}", f"store/{STORE}", f"supplier/{SUPPLIER}", other):
        fields = DestinationFields(party, "000123456789", "822")
        made = customers.set_destination(party, fields, party, world.now)
        customers.decide_destination(party, made.id, True, OPERATOR, world.now)
    waits = customers.set_destination(
        "carrier/windcity-express", DestinationFields("Wind City Express", "111222333", "700"), OPERATOR, world.now
    )
    world.ids["destination_waiting"] = waits.id
    post(
        Transfer(
            "funds-wang", "top-up", "TWD", postings_of({"provider/bank": -5_000, other: 5_000}), "test", iso(world.now)
        )
    )
    out = withdraw(other, other, 5_000, payout="withdrawal-wang", kind="withdrawal", reference=other, now=world.now)
    [file] = send_payouts(world.now)
    world.ids |= {"payout_sent": out.id, "bank_file": file.id}


def _register_shop(world: World, url: str) -> None:
    world.ids["shop_url"] = url
    world.ids["shop"] = mediation.register_shop(STORE, url, "owner-emei", "shop-of-emei", world.now).id
    world.ids["feed_token"] = mediation.feed_token_of(world.ids["shop"])
    world.ids["order_sold_by_shop"] = order_id(sale_id(world.ids["shop"], "S-2026-000431"), 1)  # once that is reported


def _register_webhooks(world: World, url: str) -> None:
    """Store and supplier are told of their orders where the store's shop is."""
    for name, party, owner in (
        ("webhook", f"store/{STORE}", "owner-emei"),
        ("webhook_supplied", f"supplier/{SUPPLIER}", "owner-guanxi"),
    ):
        made = register_webhook(party, url, owner, f"webhook-of-{owner}", world.now)
        world.ids[name] = made.id


def _buy(world: World) -> None:
    """A purchase in two stores, one of goods of a supplier, one unpaid, one accepted, one shipped, one shipped to be paid then, one completed."""
    _remember(world, "", purchase(world, "first", {(STORE, "OB-TOP"): 2, (OTHER_STORE, "PK-DAY-CEDAR"): 1}))
    _remember(world, "_mediated", purchase(world, "mediated", {(STORE, "GX-HERBTEA"): 1}))
    _remember(world, "_unpaid", purchase(world, "unpaid", {(STORE, "OB-TOP"): 1}, method="bank_transfer"))
    stages: dict[str, Callable[[str], None]] = {
        "accepted": lambda order: _step(world, order, "accept"),
        "shipped": lambda order: _ship(world, order),
        "delivered": lambda order: _deliver(world, order),
        "completed": lambda order: _complete(world, order),
        "returned": lambda order: _return(world, order, "return"),
        "return_accepted": lambda order: _accept_return(world, order, "return_accepted"),
        "return_escalated": lambda order: _escalate_return(world, order),
    }
    for stage, advance in stages.items():
        bought = purchase(world, stage, {(STORE, "OB-FINE-75G"): 1})
        advance(bought.orders[0])
        _remember(world, f"_{stage}", bought)
    world.ids["number_shipped"] = f"WC-{world.ids['order_shipped'][:8]}"
    cash = purchase(world, "cash", {(OTHER_STORE, "PK-DAY-CEDAR"): 1}, method="on_delivery")
    _ship(world, cash.orders[0], OTHER_STORE)
    _remember(world, "_cash", cash)
    silent = purchase(world, "silent", {(OTHER_STORE, "PK-DAY-CEDAR"): 1}, method="on_delivery")
    _ship(world, silent.orders[0], OTHER_STORE)
    for days in (20, 30, 37):  # late; its time is over; the operator hears of it
        orders.act_on_deadlines(silent.orders[0], world.now + timedelta(days=days))
    _remember(world, "_escalated", silent)
    returned = purchase(world, "returned-mediated", {(STORE, "GX-HERBTEA"): 2})
    _supply_and_return(world, returned.orders[0])
    _remember(world, "_returned_mediated", returned)
    question = add_response(
        world.ids["order"], "question", "可以週末送嗎？", customer=CUSTOMER, key="question-of-lin", now=world.now
    )
    world.ids["response"] = question.id
    _wait_for_an_answer(world)
    _review(world)


def _review(world: World) -> None:
    """A review that a store answered and reported, and another that nobody has reported."""
    order, now = world.ids["order_returned"], world.now
    reported = add_response(
        order, "review", "茶不錯", customer=CUSTOMER, key="review-reported", now=now, line=1, stars=2
    )
    answer_response(order, reported.id, "謝謝你", actor="manager-emei", fulfiller=f"store/{STORE}", now=now)
    wish = ReportWish("untrue", text="沒有這回事")
    report_received(
        order, reported.id, wish, party=f"store/{STORE}", actor="manager-emei", key="report-of-emei", now=now
    )
    fine = add_response(
        world.ids["order_delivered"], "review", "很香", customer=CUSTOMER, key="review-fine", now=now, line=1, stars=5
    )
    world.ids["response_reported"] = reported.id
    world.ids["order_reported"] = order
    world.ids["review"] = review_id(fine.id, fine.at)


def _wait_for_an_answer(world: World) -> None:
    """A complaint that nobody has answered in two days, and that is the union's now."""
    order, then = world.ids["order"], world.now - timedelta(days=2)
    waiting = add_response(order, "complaint", "還沒有人回覆我", customer=CUSTOMER, key="complaint-of-lin", now=then)
    escalate_response(order, waiting.id, world.now)
    world.ids["response_escalated"] = waiting.id


def _mail(world: World) -> None:
    """The customer was to be told of their order by mail, which failed."""
    order = orders.get_order(world.ids["order"])
    placed = replace(order, lines=tuple(replace(line, state="placed") for line in order.lines), history=())
    told = Event("e-mailed", "OrderPlaced", f"order/{order.id}", 1, iso(world.now), to_builtins(for_event(placed)))
    customers.keep_event(told, world.now)
    reader, problem = f"customer/{CUSTOMER}", "TooManyRequestsException"
    tried = customers.attempt_of(told, "order_placed", reader, CUSTOMER, world.now, outcome="failed", problem=problem)
    claim = customers.claim_message(f"mail/{order.id}", f"email/{reader}/{CUSTOMER}", 1, "laid", world.now)
    if claim is not None:
        customers.release_message(claim, tried)
    world.ids["mail"] = tried.id


def purchase(world: World, key: str, quantities: dict[tuple[str, str], int], *, method: str = "account") -> Purchase:
    """A purchase of the customer at the price of the moment."""
    wanted = [Wanted(store, sku, quantity) for (store, sku), quantity in quantities.items()]
    return place_purchase(
        CUSTOMER,
        wanted,
        recipient=world.ids["recipient"],
        total_seen=quote_cart(wanted, now=world.now).total_minor,
        method=method,
        key=f"purchase-{key}",
        session=world.ids["session"],
        language="zh-TW",
        now=world.now,
    )


def _remember(world: World, suffix: str, bought: Purchase) -> None:
    world.ids[f"purchase{suffix}"] = bought.id
    world.ids[f"order{suffix}"] = bought.orders[0]
    world.ids[f"transfer{suffix}"] = bought.transfer
    world.ids[f"total{suffix}"] = str(bought.total_minor)


def _step(world: World, order: str, step: str, store: str = STORE) -> None:
    orders.take_step(order, step, "manager-emei", "store", f"{step}-{order}", world.now, fulfiller=f"store/{store}")


def _ship(world: World, order: str, store: str = STORE) -> None:
    _step(world, order, "accept", store)
    left = orders.take_step(
        order,
        "ship",
        "packer-emei",
        "store",
        f"ship-{order}",
        world.now,
        fulfiller=f"store/{store}",
        tracking=("windcity-express", f"WC-{order[:8]}"),
    )
    register_parcels([(None, left)])


def _deliver(world: World, order: str) -> None:
    _ship(world, order)
    _step(world, order, "deliver")


def _supply_and_return(world: World, order: str) -> None:
    for step in ("accept", "ship", "deliver"):
        orders.take_step(
            order,
            step,
            "owner-guanxi",
            "supplier",
            f"{step}-{order}",
            world.now,
            fulfiller=f"supplier/{SUPPLIER}",
            tracking=("windcity-express", f"WC-{order[:8]}"),
        )
    _ask_return(world, order, "return_mediated")


def _return(world: World, order: str, name: str) -> None:
    _deliver(world, order)
    _ask_return(world, order, name)


def _ask_return(world: World, order: str, name: str) -> None:
    lines = [ReturnedLine(1, 1)]
    why = {"reason": "changed_mind", "note": "不合口味"}
    asked = ask_return(order, lines, customer=CUSTOMER, key=f"return-{order}", now=world.now, **why)
    world.ids[name] = asked.returns[-1].id


def _accept_return(world: World, order: str, name: str) -> None:
    _return(world, order, name)
    settle_return(
        order,
        world.ids[name],
        Decision("accept"),
        taker=f"store/{STORE}",
        actor="manager-emei",
        key=f"accept-{order}",
        now=world.now,
    )


def _escalate_return(world: World, order: str) -> None:
    """Goods were sent back, and nobody says that they have come: the union's operator has heard of it."""
    _accept_return(world, order, "return_escalated")
    parcel = ("windcity-express", f"BACK-{order[:8]}")
    send_goods(order, world.ids["return_escalated"], parcel, customer=CUSTOMER, key=f"sent-{order}", now=world.now)
    for days in (14, 17):
        orders.act_on_deadlines(order, world.now + timedelta(days=days))


def _complete(world: World, order: str) -> None:
    _deliver(world, order)
    complete_order(order, actor=CUSTOMER, role="customer", key=f"receive-{order}", now=world.now)
