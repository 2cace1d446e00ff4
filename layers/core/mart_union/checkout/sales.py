"""Seller-collected sales: the seller's own shop took the money, the union moves the goods and secures the supplier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.checkout.drafting import Asked, draft_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.pricing import Terms, folded
from mart_union.checkout.service import commit_draft, first_answer, refuse_problems
from mart_union.checkout.terms import place_under, read_terms
from mart_union.kernel.errors import MartUnionError, RuleViolation
from mart_union.kernel.ids import derived_id, input_hash
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import Also


def place_shop_sale(
    store: str,
    shop: str,
    wanted: Iterable[Wanted],
    *,
    recipient: str,
    key: str,
    now: datetime,
    postcode: str = "",
    also: Also = lambda _: None,
) -> Purchase:
    """Record a sale that a shop of the store made of linked listings: stock is taken from the pools, the supply cost is held on the
    store's deposit, the suppliers get the order. The shop's same key again gives the first answer. `postcode` is the recipient's, and `also` adds
    what is kept with the sale.

    Raises:
        KeyReused: the key was used with another sale.
        NotFound, OutOfStock: a listing is unknown, or its pool is too small.
        OutsideArea: some `lines` are not delivered to that postcode.
        RuleViolation: a listing is the store's own, or not on sale.
        InsufficientFunds: the deposit does not cover the supply cost.
    """
    wishes = folded(wanted)
    asked = Asked(
        purchase=sale_id(shop, key),
        request=input_hash([store, wishes]),
        customer="",
        recipient=recipient,
        method="shop",
        language=settings().languages[0],
        now=now,
        channel=f"shop/{shop}",
    )
    try:
        return _place(asked, wishes, postcode, also)
    except MartUnionError as refusal:
        return first_answer(asked, refusal)


def sale_id(shop: str, key: str) -> str:
    """The id of the purchase that a shop's sale becomes."""
    return derived_id("sale", shop, key)


def _place(asked: Asked, wishes: Sequence[Wanted], postcode: str, also: Also) -> Purchase:
    known = replace(read_terms(wishes, asked.now), postcode=postcode or None)
    return place_under(wishes, known, lambda terms: _place_under(terms, asked, wishes, also))


def _place_under(terms: Terms, asked: Asked, wishes: Sequence[Wanted], also: Also) -> Purchase:
    refuse_problems(wishes, terms)
    for wish in wishes:
        if terms.listings[wish.store, wish.sku].offer is None:
            raise RuleViolation(f"{wish.sku} is the store's own: only linked listings are sold by a shop")
    draft = draft_purchase(asked, wishes, terms, settings().currency)
    commit_draft(draft, also=also)
    return draft.purchase
