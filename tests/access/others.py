"""The other half of the world, in which everything that `tests/world.py` lays for one side stands once more for another: a customer, a
store with its staff, a supplier. What only some may see is noted as a secret, and with whom it is shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mart_union.catalog import service as catalog
from mart_union.catalog.carriers import Carrier
from mart_union.catalog.model import Category, Listing, OfferReference, listing_level
from mart_union.catalog.slots import Times, open_slots
from mart_union.catalog.unions import save_carrier
from mart_union.catalog.urgent import start_urgent_sale
from mart_union.catalog.urgent_terms import SaleTerms
from mart_union.checkout.admission import get_in_line
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.customers import service as customers
from mart_union.customers.model import Contact, RecipientFields
from mart_union.kernel.clock import iso, utc_now
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.due import mark_due
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import post
from mart_union.mediation import service as mediation
from mart_union.mediation.job_model import LinkRule
from mart_union.mediation.model import Offer, Terms
from mart_union.mediation.replenishment import Supplied, SupplierTerms
from mart_union.mediation.supply_orders import supply_order_of
from mart_union.mediation.tables import supply_order_item
from mart_union.mediation.webhooks import register_webhook
from mart_union.orders import service as orders
from mart_union.orders.model import ENDED, ReturnedLine
from mart_union.orders.responses import add_response
from mart_union.settlement.refunding import ask_return
from mart_union.settlement.service import complete_order, settle_due
from tests.services.settling import verify_account
from tests.world import CUSTOMER, OPERATOR, OTHER_STORE, STORE, SUPPLIER

OTHER_CUSTOMER, OTHER_SUPPLIER = "customer-chen", "beipu-kilns"
LIN, CHEN = f"customer/{CUSTOMER}", f"customer/{OTHER_CUSTOMER}"
EMEI, JIANSHI = f"store/{STORE}", f"store/{OTHER_STORE}"
GUANXI, BEIPU = f"supplier/{SUPPLIER}", f"supplier/{OTHER_SUPPLIER}"
_LONG_AGO = timedelta(days=70)
_SETTLED = timedelta(days=30)


@dataclass(frozen=True)
class Secret:
    """A text that stands in an object, and the parties that may be told of it; the union's operator may be told of all."""

    text: str
    known_to: frozenset[str]


@dataclass
class Others:
    """The ids of another's objects by the name that a path gives them, and every secret of both sides."""

    names: dict[str, str]
    secrets: list[Secret]

    def keep(self, *texts: str, among: tuple[str, ...]) -> None:
        """Note texts that nobody but these parties is told."""
        self.secrets += [Secret(text, frozenset(among)) for text in texts]


def lay_others(names: Mapping[str, str], persons: Iterable[str]) -> tuple[dict[str, str], Others]:
    """What the first side still lacks, by the names that paths use, and the other side. Every person has a profile."""
    others = Others({}, [])
    for person in persons:
        if person != CUSTOMER:
            email = f"{person}@people.example"
            customers.save_profile(person, name=f"Name of {person}", email=email, language="en", now=utc_now())
            others.keep(email, among=(f"customer/{person}",))
    mine = _finish_first_side(names, others)
    others.names |= {"order_carried": names["order_shipped"], "shipment_carried": "1"}
    others.names |= {"carrier": "another-express", "provider": "stripe"}
    save_carrier("another-express", lambda _: Carrier("another-express", {"en": "Another Express"}), OPERATOR)
    announced = catalog.announce_upload("carrier/another-express", OPERATOR, "upload-of-another", utc_now())
    others.names["upload_carried"] = announced.id
    _staff_store(others)
    _supply(others)
    _sign_up(others)
    _buy(others)
    _settle(mine, others)
    _return(others)
    catalog.rebuild_store(OTHER_STORE)
    return mine, others


def _finish_first_side(names: Mapping[str, str], others: Others) -> dict[str, str]:
    now = utc_now()
    mine = {"store": STORE, "supplier": SUPPLIER, "enterprise": "xu-family-tea", "subject": "packer-emei"}
    mine |= {name: names[name] for name in ("recipient", "purchase", "order", "response", "shop", "webhook")}
    mine |= {"code": names["invitation"], "payment": names["transfer_delivered"], "sku": "OB-TOP", "category": "tea"}
    mine["upload"] = catalog.announce_upload(EMEI, "manager-emei", "upload-of-emei", now).id
    mine["upload_supplied"] = catalog.announce_upload(GUANXI, "owner-guanxi", "upload-of-guanxi", now).id
    mine["upload_carried"] = catalog.announce_upload("carrier/windcity-express", OPERATOR, "upload-of-windcity", now).id
    mine["order_supplied"], mine["webhook_supplied"] = names["order_mediated"], names["webhook_supplied"]
    mine["file"] = names["bank_file"]
    mine["replenishment"] = names["replenishment"]
    mine["job"] = names["job"]
    mine["link"], mine["offer"] = "GX-HERBTEA", "HERB-TEA"
    mine["procedure"] = "carrier"
    mine["bookable"], mine["slot"] = "TASTE", names["slot"]
    asked = add_response(
        names["order_mediated"], "question", "嘉義也送嗎？", line=1, customer=CUSTOMER, key="asks-guanxi", now=now
    )
    mine["response_supplied"] = asked.id
    _list_supplied(names["order_mediated"], SUPPLIER)
    others.keep("林小安", "0900-000-001", "光復路二段", among=(LIN, EMEI, JIANSHI, GUANXI))
    others.keep("lin@example.com", names["session"], mine["payment"], among=(LIN,))
    others.keep(names["recipient"], names["purchase"], among=(LIN, EMEI, JIANSHI))
    others.keep(names["order"], names["order_shipped"], names["order_accepted"], among=(LIN, EMEI))
    others.keep("可以週末送嗎", names["response"], among=(LIN, EMEI))
    others.keep("還沒有人回覆我", names["response_escalated"], among=(LIN, EMEI))
    others.keep("嘉義也送嗎", asked.id, names["order_mediated"], among=(LIN, EMEI, GUANXI))
    others.keep(names["webhook"], among=(EMEI,))
    others.keep(names["webhook_supplied"], among=(GUANXI,))
    others.keep(names["shop"], mine["upload"], names["invitation"], among=(EMEI,))
    others.keep(mine["upload_supplied"], among=(GUANXI,))
    others.keep("盧美", "lu.mei@guanxi.example", "03-555-0101", among=(EMEI,))
    others.keep(mine["replenishment"], among=(EMEI, GUANXI))
    others.keep(mine["job"], among=(EMEI,))
    return mine


def _staff_store(others: Others) -> None:
    now, names = utc_now(), others.names
    for subject, role in (("manager-jianshi", "manager"), ("packer-jianshi", "packer")):
        customers.grant_membership(subject, "store", OTHER_STORE, role, now)
    catalog.save_category(OTHER_STORE, Category("rope-work", {"en": "Rope Work"}), "owner-jianshi", now)
    ends = iso(now + timedelta(days=1))
    start_urgent_sale(
        OTHER_STORE,
        "PK-DAY-CEDAR",
        SaleTerms(150_000, iso(now - timedelta(minutes=1)), ends, 3),
        actor="owner-jianshi",
        key="urgent-of-jianshi",
        now=now,
    )
    names |= {"bookable": "CLIMB", "slot": _open_times(now), "procedure": "carrier"}
    shop = mediation.register_shop(OTHER_STORE, "https://ropes.example/hook", "owner-jianshi", "shop-of-jianshi", now)
    names |= {"store": OTHER_STORE, "enterprise": "jianshi-trails", "subject": "packer-jianshi", "shop": shop.id}
    names |= {"sku": "PK-DAY-CEDAR", "category": "rope-work", "feed_token": mediation.feed_token_of(shop.id)}
    told_at = "https://erp.jianshi.example/orders"
    names["webhook"] = register_webhook(JIANSHI, told_at, "owner-jianshi", "webhook-of-jianshi", now).id
    others.keep(names["webhook"], "erp.jianshi.example", among=(JIANSHI,))
    names["upload"] = catalog.announce_upload(JIANSHI, "manager-jianshi", "upload-of-jianshi", now).id
    names["code"] = customers.invite(
        "store", OTHER_STORE, "packer", "owner-jianshi", now, names={"en": "Tea house"}
    ).code
    others.keep(shop.id, "ropes.example", names["upload"], names["code"], "packer-jianshi", among=(JIANSHI,))


def _open_times(now: datetime) -> str:
    """A guided climb of the other store, at a time that nobody else has."""
    level = listing_level(OTHER_STORE, "CLIMB")
    titles = {"en": "Guided climb"}
    made = Listing(OTHER_STORE, "CLIMB", titles, {}, "", "tea", "service", 77_000, "on_sale", level, slot_minutes=90)
    catalog.save_listing(made, "owner-jianshi", now)
    day = (now + timedelta(days=4)).date().isoformat()
    times = Times(day, day, ("07:15",), 2)
    return open_slots(OTHER_STORE, "CLIMB", times, actor="owner-jianshi", now=now).opened[0]


def _supply(others: Others) -> None:
    now, names = utc_now(), others.names
    texts = {"zh-TW": "北埔窯場", "en": "Beipu Kilns"}
    mediation.apply_supplier(
        OTHER_SUPPLIER, names=texts, texts={}, registration="HS-0000987", applicant="owner-beipu", now=now
    )
    mediation.decide_supplier(OTHER_SUPPLIER, True, OPERATOR, now)
    customers.grant_membership("member-beipu", "supplier", OTHER_SUPPLIER, "member", now)
    told_at = "https://erp.kilns.example/orders"
    names["webhook_supplied"] = register_webhook(BEIPU, told_at, "owner-beipu", "webhook-of-beipu", now).id
    others.keep(names["webhook_supplied"], "erp.kilns.example", among=(BEIPU,))
    offer = Offer(
        OTHER_SUPPLIER,
        "CAMPHOR-BOX",
        {"zh-TW": "樟木箱", "en": "Camphor Box"},
        {"en": "For one seller's eyes"},
        "tea",
        "goods",
        61_700,
        99_300,
        88_100,
        2,
        (f"store:{OTHER_STORE}",),
    )
    mediation.save_offer(offer, 40, "owner-beipu", now)
    terms = Terms(catalog.category_of_path(OTHER_STORE, "Wood"), 98_700)
    reference = OfferReference(OTHER_SUPPLIER, "CAMPHOR-BOX")
    mediation.make_link(OTHER_STORE, "BP-BOX", reference, terms, "manager-jianshi", now)
    rule = LinkRule("rope-work", OTHER_SUPPLIER, words="camphor for the ropes")
    names["job"] = mediation.start_link_job(OTHER_STORE, rule, "manager-jianshi", "rule-of-jianshi", now).id
    others.keep(names["job"], "camphor for the ropes", among=(JIANSHI,))
    replenished = SupplierTerms(OTHER_STORE, OTHER_SUPPLIER, {"PK-DAY-CEDAR": Supplied(81_300, "K-CEDAR-19")}, 5, 0)
    mediation.save_terms(replenished, Contact("Pan Yi-Jun", "pan@kilns.example"), "manager-jianshi", now)
    asked = mediation.place_replenishment(
        OTHER_STORE,
        OTHER_SUPPLIER,
        {"PK-DAY-CEDAR": 3},
        key="replenishment-of-jianshi",
        actor="manager-jianshi",
        now=now,
        note="through the cedar gate",
    )
    names["replenishment"] = asked.id
    others.keep("Pan Yi-Jun", "pan@kilns.example", "K-CEDAR-19", among=(JIANSHI,))
    others.keep(asked.id, "through the cedar gate", among=(JIANSHI, BEIPU))
    names |= {"supplier": OTHER_SUPPLIER, "link": "BP-BOX", "offer": "CAMPHOR-BOX"}
    names["upload_supplied"] = catalog.announce_upload(BEIPU, "owner-beipu", "upload-of-beipu", now).id
    others.keep("CAMPHOR-BOX", "For one seller's eyes", among=(JIANSHI, BEIPU))
    others.keep("HS-0000987", names["upload_supplied"], among=(BEIPU,))


def _sign_up(others: Others) -> None:
    others.names["ticket"] = get_in_line(OTHER_CUSTOMER, STORE, "OB-RUSH", now=utc_now()).ticket
    now, names = utc_now(), others.names
    customers.save_profile(OTHER_CUSTOMER, name="陳大同", email="chen.datong@example.com", language="zh-TW", now=now)
    fields = RecipientFields("陳大同", ("北大路 77 號",), "新竹市", "300", "0911-222-333")
    names["recipient"] = customers.add_recipient(OTHER_CUSTOMER, fields, "recipient-of-chen", now).id
    names["session"] = customers.join_session(customers.start_session(True, now).id, OTHER_CUSTOMER, now).id
    customers.change_cart(names["session"], OTHER_STORE, "PK-DAY-CEDAR", 7, now=now)
    customers.record_view(names["session"], "listing", f"/stores/{OTHER_STORE}/PK-DAY-CEDAR", OTHER_STORE, "", now)
    for account, amount_minor in ((CHEN, 77_770_000), (f"{JIANSHI}/deposit", 66_660_000)):
        postings = postings_of({"provider/bank": -amount_minor, account: amount_minor})
        kind = "deposit" if account.endswith("/deposit") else "top-up"
        post(Transfer(f"funds-{account.replace('/', '-')}", kind, "TWD", postings, "test", iso(now)))
    others.keep("chen.datong@example.com", names["session"], among=(CHEN,))
    others.keep("陳大同", "0911-222-333", "北大路", names["recipient"], among=(CHEN, JIANSHI, BEIPU))


def _buy(others: Others) -> None:
    """A purchase at the other store, of its own goods and of its supplier's, with a question about each."""
    now, names = utc_now(), others.names
    bought = _purchase(others, "both", {"PK-DAY-CEDAR": 1, "BP-BOX": 1})
    names |= {"purchase": bought.id, "order": bought.orders[0], "payment": bought.transfer}
    names["order_supplied"] = bought.orders[0]
    _list_supplied(bought.orders[0], OTHER_SUPPLIER)
    for name, line, text in (("response", 1, "背包防水嗎"), ("response_supplied", 2, "木箱有香味嗎")):
        made = add_response(names["order"], "question", text, line=line, customer=OTHER_CUSTOMER, key=name * 2, now=now)
        names[name] = made.id
        others.keep(text, made.id, among=(CHEN, JIANSHI, BEIPU))
    others.keep(bought.orders[0], among=(CHEN, JIANSHI, BEIPU))
    others.keep(bought.id, among=(CHEN, JIANSHI, BEIPU))
    others.keep(bought.transfer, among=(CHEN,))


def _purchase(others: Others, key: str, quantities: Mapping[str, int]) -> Purchase:
    wanted = [Wanted(OTHER_STORE, sku, quantity) for sku, quantity in quantities.items()]
    now = utc_now()
    return place_purchase(
        OTHER_CUSTOMER,
        wanted,
        recipient=others.names["recipient"],
        total_seen=quote_cart(wanted, now=now).total_minor,
        method="account",
        key=f"purchase-{key}",
        session=others.names["session"],
        language="zh-TW",
        now=now,
    )


def _list_supplied(order: str, supplier: str) -> None:
    """What the order's event would have done."""
    listed = supply_order_of(orders.get_order(order), supplier)
    supply_order_item(listed, ended=listed.state in ENDED).save()


def _settle(mine: dict[str, str], others: Others) -> None:
    """Long ago both sides sold their own goods and their suppliers', and were paid; the other side some days later."""
    now = utc_now()
    then = now - _LONG_AGO
    wanted = [Wanted(STORE, "OB-TOP", 1), Wanted(STORE, "GX-HERBTEA", 1)]
    ours = place_purchase(
        CUSTOMER,
        wanted,
        recipient=mine["recipient"],
        total_seen=quote_cart(wanted, now=now).total_minor,
        method="account",
        key="purchase-settled",
        session="",
        language="zh-TW",
        now=now,
    )
    theirs = _purchase(others, "settled", {"PK-DAY-CEDAR": 1, "BP-BOX": 1})
    sides = (
        (mine, ours.orders[0], EMEI, GUANXI, CUSTOMER, then),
        (others.names, theirs.orders[0], JIANSHI, BEIPU, OTHER_CUSTOMER, then + timedelta(days=15)),
    )
    for _, order, store, supplier, customer, moment in sides:
        _complete(order, store, supplier, customer, moment)
    for party in (EMEI, GUANXI, JIANSHI, BEIPU, f"customer/{OTHER_CUSTOMER}"):
        verify_account(party, then)
    mark_due(whole_ledger().payables, then)
    made = {statement.party: statement for statement in settle_due(now - _SETTLED)}
    for names, order, store, supplier, customer, _ in sides:
        names |= {"period": made[store].period, "period_supplied": made[supplier].period, "party": store.split("/")[1]}
        others.keep(order, among=(f"customer/{customer}", store, supplier))
        others.keep(made[store].payout, among=(store,))
        others.keep(made[supplier].payout, among=(supplier,))


def _return(others: Others) -> None:
    """Goods of the other store that came yesterday, and are to go back."""
    yesterday = utc_now() - timedelta(days=1)
    bought = _purchase(others, "returned", {"PK-DAY-CEDAR": 1})
    _deliver(bought.orders[0], JIANSHI, yesterday)
    lines, now = [ReturnedLine(1, 1)], utc_now()
    asked = ask_return(
        bought.orders[0], lines, customer=OTHER_CUSTOMER, reason="changed_mind", note="太小", key="returned", now=now
    )
    others.names["return"] = asked.returns[0].id


def _complete(order: str, store: str, supplier: str, customer: str, moment: datetime) -> None:
    for fulfiller in (store, supplier):
        _deliver(order, fulfiller, moment)
    complete_order(order, actor=customer, role="customer", key=f"receive-{order}", now=moment)


def _deliver(order: str, fulfiller: str, moment: datetime) -> None:
    role = fulfiller.split("/", maxsplit=1)[0]
    for step in ("accept", "ship", "deliver"):
        tracking = ("windcity-express", f"WC-{role}") if step == "ship" else None
        key = f"{step}-{fulfiller}"
        orders.take_step(order, step, "staff", role, key, moment, fulfiller=fulfiller, tracking=tracking)
