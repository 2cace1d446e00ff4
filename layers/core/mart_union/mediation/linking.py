"""Links: what a seller's terms make of an offer, and what the link is whenever its offer, its pool or its store's deposit has changed. Pure rules.

A link is made from offers, and an offer is a supplier's: nobody can make a link of a link, so there are no chains and no circles.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from mart_union.kernel.errors import RuleViolation
from mart_union.kernel.money import LARGEST_AMOUNT
from mart_union.mediation.model import Link, Offer, Terms, unfit
from mart_union.stock.model import availability_of

LARGEST_MARKUP = 100_000
"""Basis points: eleven times the supply price."""


class Supply(Struct, frozen=True):
    """An offer, how many units of it a store could sell now (of its pool, or of what is set aside for the store, whichever is more), and whether its
    supplier is suspended: then nobody sells it."""

    offer: Offer
    left: int
    suspended: bool = False


def marked_up(offer: Offer, basis_points: int, *, step: int) -> int:
    """The supply price and so many basis points of it, rounded up to a whole step, and no less than the offer's minimum, in minor units."""
    return max(_by_markup(offer, basis_points, step=step), offer.minimum_minor)


def _by_markup(offer: Offer, basis_points: int, *, step: int) -> int:
    price = -(-offer.supply_minor * (10_000 + basis_points) // (10_000 * step)) * step
    return min(price, LARGEST_AMOUNT // step * step)


def is_overruled(link: Link, offer: Offer, *, step: int) -> bool:
    """Whether a link that follows an offer by a markup charges the offer's minimum, since the markup alone would come to less."""
    if not link.follows.get("price") or link.markup_basis_points is None:
        return False
    return _by_markup(offer, link.markup_basis_points, step=step) < offer.minimum_minor


def price_of(link: Link, offer: Offer, *, step: int) -> int:
    """What a link charges while it sells an offer: its seller's own price, or one that follows the offer."""
    if not link.follows.get("price"):
        return link.price_minor
    if link.markup_basis_points is None:
        return offer.suggested_minor
    return marked_up(offer, link.markup_basis_points, step=step)


def link_of(
    first: Supply,
    backup: Supply | None,
    store: str,
    sku: str,
    terms: Terms,
    classification: str,
    *,
    step: int,
    shut: str = "",
) -> Link:
    """The link that a seller's terms make of an offer and, perhaps, a backup.

    Raises:
        Invalid: there is both a price and a markup, or no such markup.
        RuleViolation: the price is under the minimum of one of the offers, or the backup is the offer itself, or of another kind.
    """
    _check_terms(first.offer, backup.offer if backup else None, terms)
    offer = first.offer
    link = Link(
        store=store,
        sku=sku,
        supplier=offer.supplier,
        offer_sku=offer.sku,
        price_minor=terms.price_minor or 0,
        category=terms.category,
        titles=terms.titles or offer.titles,
        texts=terms.texts or offer.texts,
        follows=terms.follows,
        glyph=terms.glyph or offer.glyph,
        markup_basis_points=terms.markup_basis_points,
        backup=terms.backup,
    )
    return in_step(link, first, backup, classification, step=step, shut=shut)


def check_markup(basis_points: int) -> None:
    """Refuse what is no markup.

    Raises:
        Invalid: it is below zero, or larger than any.
    """
    if not 0 <= basis_points <= LARGEST_MARKUP:
        raise unfit("markup_basis_points", f"a markup is 0 to {LARGEST_MARKUP} basis points")


def _check_terms(offer: Offer, backup: Offer | None, terms: Terms) -> None:
    if terms.markup_basis_points is not None:
        if terms.price_minor is not None:
            raise unfit("markup_basis_points", "a link has a price or a markup, not both")
        check_markup(terms.markup_basis_points)
    for each in (offer,) if backup is None else (offer, backup):
        if terms.price_minor is not None and terms.price_minor < each.minimum_minor:
            raise RuleViolation("the price is under the supplier's minimum", minimum_minor=each.minimum_minor)
    if backup is not None and backup.key == offer.key:
        raise RuleViolation("an offer cannot be its own backup", reason="same-offer")
    if backup is not None and backup.kind != offer.kind:
        raise RuleViolation("the backup has to be of the offer's kind", reason="kind")


def in_step(
    link: Link,
    first: Supply,
    backup: Supply | None,
    classification: str,
    *,
    step: int,
    standing: str = "met",
    shut: str = "",
) -> Link:
    """The link as it is while its offers, what is left of them, the standing of its store's deposit, and why the store is `shut` ('': it is not) are these.

    Followed fields are taken over; words and picture are the first offer's whichever is sold. The backup is sold while it can be had and the first
    cannot: whoever asks, in whatever order, finds the same. It is paused while what it sells may not be sold; what the seller paused or withdrew stays so.
    """
    on_backup = _takes_over(link, first, backup, classification, step=step)
    now = backup if backup is not None and on_backup else first
    after = replace(
        link,
        titles=first.offer.titles if link.follows.get("titles") else link.titles,
        texts=first.offer.texts if link.follows.get("texts") else link.texts,
        glyph=first.offer.glyph if link.follows.get("glyph", True) else link.glyph,
        price_minor=price_of(link, now.offer, step=step),
        kind=first.offer.kind,
        area=now.offer.area,
        availability=availability_of(now.left, now.offer.low_stock),
        on_backup=on_backup,
    )
    if link.is_stopped:
        return after
    reason = shut or why_not(after, now, classification, standing=standing)
    return replace(after, state="paused" if reason else "linked", reason=reason)


def _takes_over(link: Link, first: Supply, backup: Supply | None, classification: str, *, step: int) -> bool:
    def can_be_had(supply: Supply) -> bool:
        priced = replace(link, price_minor=price_of(link, supply.offer, step=step))
        return supply.left > 0 and not why_not(priced, supply, classification)

    if backup is None or backup.offer.kind != first.offer.kind:
        return False
    return can_be_had(backup) and not can_be_had(first)


def why_not(link: Link, supply: Supply, classification: str, *, standing: str = "met") -> str:
    """Why an offer may not be sold through a link now, '' when it may; `standing` is that of the store's deposit."""
    offer = supply.offer
    if supply.suspended:
        return "supplier-suspended"
    if offer.state != "on_offer":
        return f"offer-{offer.state}"
    if not offer.is_granted_to(link.store, classification):
        return "not-granted"
    if link.price_minor < offer.minimum_minor:
        return "under-minimum"
    return "deposit" if standing == "paused" else ""
