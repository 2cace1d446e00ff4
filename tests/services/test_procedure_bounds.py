"""A store's own procedure takes no supplier's goods for nothing: it is refused when it is described, and one that was kept before does no harm."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mart_union.catalog.procedures import Deadline, Procedure, ReturnReason, ReturnRules
from mart_union.catalog.service import get_store
from mart_union.catalog.tables import StoreItem, store_key
from mart_union.kernel.errors import MoneyStranded, ProcedureRefused, StepNotAllowed
from mart_union.orders.own import described, save_procedure
from mart_union.orders.service import act_on_deadlines, get_order, take_step
from mart_union.orders.shipped import PROCEDURES
from mart_union.settlement.shop_sales import return_sale
from tests.services.market import NOW, open_market
from tests.services.refunds import (
    LATER,
    PAID,
    ask,
    balance,
    bought,
    counts,
    decide,
    delivered,
    payables,
    take_back,
    wrong,
)
from tests.services.test_own_procedures import describe_union
from tests.services.test_sales_taken_back import COST, Sold

ANYWHERE = ("placed", "accepted", "shipped", "delivered")
WHIM = ReturnReason("changed_mind", "I have changed my mind", "supplier", "supplier")


def ours(step: str) -> Procedure:
    """Delivery by carrier with a step that leads out of it from everywhere, an hour after the goods were sent by the clock; who changed their mind gives
    them back to their supplier, for a year."""
    of = PROCEDURES["carrier"]
    steps = tuple(replace(s, from_states=ANYWHERE) if s.name == step else s for s in of.steps)
    deadlines = tuple(Deadline("shipped", step, hours=1) if d.state == "shipped" else d for d in of.deadlines)
    rules = ReturnRules((WHIM,), days=365)
    return replace(of, name="mine", version=1, title="Mine", steps=steps, deadlines=deadlines, returns=rules)


def sold_under(unique: str, procedure: Procedure, **terms: bool) -> Sold:
    """Three of a supplier's units, sold under a procedure that its store kept before it was checked as it is now."""
    sold = Sold(unique, **terms)
    describe_union()
    store = replace(get_store(sold.market.store), procedures=(procedure,), procedure="mine")
    StoreItem(*store_key(store.id), document=store, sequence=store.sequence).save()
    sold.order = sold.sell({"HERB": 3}, "S-9")
    return sold


@pytest.mark.parametrize("step", ["cancel", "refuse"])
def test_a_procedure_that_takes_back_what_its_supplier_has_sent_is_not_kept(unique: str, step: str) -> None:
    sold = Sold(unique)
    describe_union()
    before = get_store(sold.market.store)
    with pytest.raises(MoneyStranded) as refused:
        save_procedure(sold.market.store, "mine", described(ours(step)), actor="owner")
    assert refused.value.facts["problems"] == [
        f"{step} takes back what has left whoever fulfils it: that goes back as a return",
        "the deadline of shipped takes back what has left whoever fulfils it",
        "the reason changed_mind is laid on a supplier or a carrier: of those take the shipped ones, word for word",
    ]
    whims = replace(described(PROCEDURES["carrier"]), title="Mine", returns=ReturnRules((WHIM,)))
    with pytest.raises(ProcedureRefused):
        save_procedure(sold.market.store, "mine", whims, actor="owner")
    assert get_store(sold.market.store) == before


def test_what_its_supplier_has_sent_is_not_cancelled_under_an_older_procedure(unique: str) -> None:
    sold = sold_under(unique, ours("cancel"))
    held = (100_000 - 2 * COST, 2 * COST)
    assert (sold.money, sold.stock) == (held, (4, 6, 0))
    sold.deliver()
    there = get_order(sold.order)
    for skus in ((), ("HERB",)):
        with pytest.raises(StepNotAllowed):
            sold.cancel(*skus, sale="S-9")
    assert (get_order(sold.order), sold.money, sold.stock) == (there, held, (4, 6, 0))
    sold.complete()
    assert sold.money == (100_000 - 2 * COST, COST)
    assert {party: one.amount_minor for party, one in payables(sold.order, "completion").items()} == {
        sold.supplier: COST
    }
    assert wrong(sold.market) == []


def test_an_order_that_carries_an_older_procedure_is_brought_on_by_the_clock(unique: str) -> None:
    sold = sold_under(unique, ours("refuse"))
    sold.step("accept")
    sent = sold.step("ship", tracking=("hct", "HCT1"))
    assert act_on_deadlines(sold.order, NOW + timedelta(hours=2)) == sent
    there = act_on_deadlines(sold.order, NOW + timedelta(days=30))
    assert [there.state, there.history[-1].step] == ["delivered", "deliver"]
    assert (sold.money, sold.stock) == ((100_000 - 2 * COST, 2 * COST), (4, 6, 0))
    assert wrong(sold.market) == []


def test_a_whim_is_the_stores_to_bear_where_the_offer_accepts_no_returns(unique: str) -> None:
    sold = sold_under(unique, ours("cancel"), accepts_returns=False)
    sold.deliver()
    after = return_sale(sold.shop, "S-9", {"HERB": 1}, reason="changed_mind", key="R-9", now=LATER)
    assert [one.taker for one in after.returns] == [f"store/{sold.market.store}"]
    assert sold.money == (100_000 - 2 * COST, 2 * COST)
    assert wrong(sold.market) == []


def test_units_that_are_given_back_are_put_back_once(unique: str) -> None:
    market = open_market(unique)
    describe_union()
    store = replace(get_store(market.store), procedures=(ours("cancel"),), procedure="mine")
    StoreItem(*store_key(store.id), document=store, sequence=store.sequence).save()
    bought(market, key="key-00000002")
    order = delivered(market, bought(market))
    identity = ask(market, order, 2)
    assert counts(market) == (4, 6, 0)
    with pytest.raises(StepNotAllowed):
        take_step(order, "cancel", market.customer, "customer", "cancel-0001", LATER)
    assert counts(market) == (4, 6, 0)
    decide(market, order, identity, "accept")
    take_back(market, order, identity, stock="reserve")
    assert (counts(market), balance(market), wrong(market)) == ((6, 4, 0), 1_000_000 - 2 * PAID + 60_000, [])
