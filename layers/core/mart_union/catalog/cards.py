"""Cards, and the shelves that they stand on: what a public page shows at once."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.hours import hours_include, read_hours
from mart_union.catalog.model import CategoryLink, Classification, Texts
from mart_union.catalog.urgent_terms import SaleWindow


class CardSale(SaleWindow, frozen=True, omit_defaults=True):
    """An urgent sale as a card tells of it; `is_local` if it is for some postcodes only, which the listing's page names."""

    is_local: bool = False


class Card(Struct, frozen=True, omit_defaults=True):
    """A listing as a shelf shows it; `pieces` is how many units of others a bundle is made of, `stars_tenths` the mean of its `reviews`. What is as
    it usually is, is not written, so that a page of a shelf has room for more.

    A shelf keeps a listing's own price and its `urgent_sale`, whenever that is; who looks sees it as it is sold then (`at`): at the sale's
    price, with `usual_minor`, its own, beside it, or at its own and without a sale.
    """

    store: str
    sku: str
    titles: Texts
    price_minor: int
    glyph: str
    available: bool
    mediated: bool = False
    pieces: int = 0
    stars_tenths: int = 0
    reviews: int = 0
    urgent_sale: CardSale | None = None
    usual_minor: int = 0

    def at(self, moment: datetime) -> Card:
        """The card as the listing is sold at a moment. A sale that does not run then is not told, nor one that lowers no price."""
        sale = self.urgent_sale
        if sale is None:
            return self
        if not sale.runs_at(moment) or sale.price_minor >= self.price_minor:
            return replace(self, urgent_sale=None)
        return replace(self, price_minor=sale.price_minor, usual_minor=self.price_minor)


class StoreCard(Struct, frozen=True):
    """A store as the union's front shows it, under its classification; `hours` as `told_hours` writes them, which is short."""

    store: str
    names: Texts
    classification: str
    glyph: str
    place: Texts
    hours: str

    def is_open_at(self, moment: datetime, time_zone: str) -> bool:
        """Whether its hours include the moment."""
        return hours_include(read_hours(self.hours), moment, time_zone)


class ShelfHead(Struct, frozen=True):
    """What stands above the cards of a shelf, so that a page needs one read: whose shelf it is and where one can go from it."""

    names: Texts
    texts: Texts
    store: StoreCard | None = None
    categories: tuple[CategoryLink, ...] = ()
    classifications: tuple[Classification, ...] = ()


class Shelf(Struct, frozen=True):
    """One page of a shelf: cards of listings, or cards of stores on the union's front. `total` counts the cards of all pages.

    Of a page as it is shown (`at`), `turns_at` tells when the next urgent sale on it begins or ends; '' if none does.
    """

    name: str
    page: int
    pages: int
    total: int
    head: ShelfHead
    cards: tuple[Card, ...] = ()
    stores: tuple[StoreCard, ...] = ()
    turns_at: str = ""

    def at(self, moment: datetime) -> Shelf:
        """The page with its cards as their listings are sold at a moment."""
        turns = [card.urgent_sale.turns_after(moment) for card in self.cards if card.urgent_sale is not None]
        cards = tuple(card.at(moment) for card in self.cards)
        return replace(self, cards=cards, turns_at=min(filter(None, turns), default=""))
