"""A store's stock: what is left of each listing, every movement, stock in and stock out."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from mart_union.catalog.model import Listing
from mart_union.catalog.service import get_listing_with_levels, list_listings_page
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import NotFound, RuleViolation
from mart_union.kernel.paging import Page
from mart_union.stock.journal import journal_page
from mart_union.stock.model import REASONS_IN, REASONS_OUT, JournalEntry, Level
from mart_union.stock.service import get_levels, stock_in, stock_out
from mart_union.web import answer
from mart_union.web.access import PACKER
from mart_union.web.api import Api
from mart_union.web.request import Request


class ListingStock(Struct, frozen=True):
    """What a listing draws on. `pooled` says that it is a supplier's pool, which all its sellers share; `kept` is for sale in its urgent sale
    only, beside the reserve; `allotted` is set aside of the pool for this store, beside the reserve that all its sellers share; `shards` says how
    many shards it ever had, each with a journal of its own. A bundle's `parts` are what it is made of: it has no stock but theirs, and its reserve
    is how many that makes. A bookable service (`slot_minutes`) has that of its slots only, which are listed elsewhere."""

    store: str
    sku: str
    titles: dict[str, str]
    glyph: str
    state: str
    pooled: bool
    reserve: int
    kept: int
    reserved: int
    sold: int
    written_off: int
    received: int
    corrected: int
    low_stock: int
    on_sale: bool
    sequence: int
    parts: dict[str, int]
    slot_minutes: int
    shards: int = 0
    allotted: int = 0


class Moved(Struct, frozen=True):
    """How many units are laid in or taken out, and why."""

    quantity: int
    reason: str
    reference: str = ""


class ReserveLeft(Struct, frozen=True):
    """What is left in reserve after the movement."""

    store: str
    sku: str
    reserve: int


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    stock = "/manage/{store}/stock"
    api.get("/api" + stock, PACKER, answer=Page[ListingStock])(read_stock)
    api.get("/api" + stock + "/{sku}", PACKER, answer=ListingStock)(read_listing)
    api.get("/api" + stock + "/{sku}/journal", PACKER, answer=Page[JournalEntry])(read_journal)
    api.post("/api" + stock + "/{sku}/in", PACKER, body=Moved, answer=ReserveLeft, key=True)(move_in)
    api.post("/api" + stock + "/{sku}/out", PACKER, body=Moved, answer=ReserveLeft, key=True)(move_out)
    api.get(stock, PACKER)(stock_page)
    api.get(stock + "/{sku}", PACKER)(listing_page)
    api.post(stock + "/{sku}/in", PACKER, body=Moved, key=True)(move_in_here)
    api.post(stock + "/{sku}/out", PACKER, body=Moved, key=True)(move_out_here)


def read_stock(request: Request) -> Page[ListingStock]:
    """What is left of each of the store's listings, a page at a time."""
    page = list_listings_page(request.params["store"], request.query.get("cursor", ""))
    levels = get_levels(level for listing in page.items for level in listing.all_levels)
    return Page(tuple(_stock_of(listing, levels) for listing in page.items), page.next)


def read_listing(request: Request) -> ListingStock:
    """What is left of one listing."""
    return _stock_of(*get_listing_with_levels(request.params["store"], request.params["sku"]))


def read_journal(request: Request) -> Page[JournalEntry]:
    """Every movement of a listing's stock, newest first; with `shard`, of what is or was kept for an urgent sale in the shard of that number."""
    level = _own_level(request, request.query.get("shard", ""))
    return journal_page(level.id, request.query.get("cursor", ""))


def move_in(request: Request) -> ReserveLeft:
    """Lay goods in; answers with what is in reserve then."""
    level, moved = _own_level(request), request.content
    reserve = stock_in(
        level.id,
        moved.quantity,
        reason=moved.reason,
        actor=request.caller.subject,
        reference=moved.reference,
        key=request.idempotency_key,
        now=utc_now(),
    )
    return ReserveLeft(request.params["store"], request.params["sku"], reserve)


def move_out(request: Request) -> ReserveLeft:
    """Take goods out for another reason than a sale; answers with what is left in reserve."""
    level, moved = _own_level(request), request.content
    reserve = stock_out(
        level.id,
        moved.quantity,
        reason=moved.reason,
        actor=request.caller.subject,
        reference=moved.reference,
        key=request.idempotency_key,
        now=utc_now(),
    )
    return ReserveLeft(request.params["store"], request.params["sku"], reserve)


def stock_page(request: Request) -> answer.Page:
    """What is left of each listing, with forms to lay in and take out."""
    return answer.Page("manage/stock.html", {"store": request.params["store"], "page": read_stock(request)})


def listing_page(request: Request) -> answer.Page:
    """One listing's counts, forms and movements."""
    stock = read_listing(request)
    context = {
        "store": request.params["store"],
        "stock": stock,
        "journal": None if stock.pooled or stock.parts or stock.slot_minutes else read_journal(request),
        "shard": request.query.get("shard", ""),
        "reasons_in": REASONS_IN,
        "reasons_out": REASONS_OUT,
    }
    return answer.Page("manage/stock_listing.html", context)


def move_in_here(request: Request) -> answer.Redirect:
    """Lay in and show what is in reserve then."""
    return _back_to(move_in(request))


def move_out_here(request: Request) -> answer.Redirect:
    """Take out and show what is left in reserve."""
    return _back_to(move_out(request))


def _back_to(left: ReserveLeft) -> answer.Redirect:
    return answer.Redirect(f"/manage/{left.store}/stock/{left.sku}")


def _own_level(request: Request, shard: str = "") -> Level:
    """The listing's own level, or the shard of it that has a number.

    Raises:
        NotFound: the store has no such listing, nothing was ever counted for it, or it never had that shard.
        RuleViolation: it draws on a supplier's pool, which is not the store's to move or to look into; or it has no stock of its own (a bundle,
            a bookable service).
    """
    listing, levels = get_listing_with_levels(request.params["store"], request.params["sku"])
    if listing.offer is not None:
        raise RuleViolation("this listing draws on its supplier's stock, which only the supplier moves")
    if listing.drawn_on != "level":
        raise RuleViolation(f"{listing.sku} has no stock of its own: move that of its {listing.drawn_on}")
    wanted = f"{listing.level}#{shard}" if shard else listing.level
    if wanted not in levels:
        raise NotFound(f"nothing was ever counted of {listing.sku}" if not shard else f"there is no shard {shard}")
    return levels[wanted]


def _stock_of(listing: Listing, levels: Mapping[str, Level]) -> ListingStock:
    """The listing's counts, with those of its level's shards; of a supplier's pool only what is left of it and of
    the store's allotment, for the rest is other sellers' business."""
    pooled = listing.offer is not None
    home = levels.get(listing.level) or Level(listing.level, on_sale=False)
    if listing.parts:
        home = Level(listing.level, reserve=listing.left_of(levels), on_sale=listing.state == "on_sale")
    shards = [levels[level] for level in listing.all_levels[1:] if level in levels and not listing.parts]
    counted = [] if pooled else [home, *shards]
    return ListingStock(
        store=listing.store,
        sku=listing.sku,
        titles=listing.titles,
        glyph=listing.glyph,
        state=listing.state,
        pooled=pooled,
        reserve=home.reserve,
        kept=0 if pooled else sum(shard.reserve for shard in shards),
        reserved=sum(level.reserved for level in counted),
        sold=sum(level.sold for level in counted),
        written_off=sum(level.written_off for level in counted),
        received=sum(level.received for level in counted),
        corrected=sum(level.corrected for level in counted),
        low_stock=0 if pooled else home.low_stock,
        on_sale=home.on_sale,
        sequence=0 if pooled else home.sequence,
        parts=listing.parts,
        shards=0 if pooled else listing.shards_made,
        allotted=sum(shard.reserve for shard in shards) if pooled else 0,
        slot_minutes=listing.slot_minutes,
    )
