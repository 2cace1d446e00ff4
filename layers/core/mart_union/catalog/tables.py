"""The Catalog table.

| question | key or index | requests | units |
|---|---|---|---|
| the union | `UNION`/`UNION` | 1 | 0.5 read |
| an enterprise | `ENTERPRISE#<id>`/`ENTERPRISE` | 1 | 0.5 read |
| enterprises in a state, by time of application | index `listed`, `ENTERPRISES#<state>` | 1 a page | by size |
| a store | `STORE#<id>`/`STORE` | 1 | 0.5 read |
| the cards of the union's open stores (to build the front) | `STORES`/`<store>` | 1 a MB | by size |
| a listing | `STORE#<store>`/`LISTING#<sku>` | 1 | 0.5 read |
| a store's listings (only to build shelves) | `STORE#<store>`, begins `LISTING#` | 1 a MB | by size |
| the ratings of a store's listings (only to build shelves) | `STORE#<store>`, begins `RATING#` | 1 a MB | by size; 2 write a review |
| a listing's reviews of a year, newest first | `REVIEWS#<store>#<sku>#<yyyy>`/`<time>-<response>` | 1 a page | by size; 2 write a review or its answer |
| a store's categories | `CATEGORIES#<store>` | 1 | by size |
| the union's categories | `CATEGORIES#` | 1 | by size |
| how often a tree was changed (its changes are made under that) | `TREE#<store>`/`TREE` | 1 | 1 read |
| which of a store's categories have listings | `USED#<store>`/`USED` | 1 | 1 read a 4 KB |
| a page of a store, a category, the front | `SHELF#<shelf>`/`<page>` | 1 | 0.5 read a 4 KB |
| what each store has in a category of the union (to build its shelf) | `PARTS#<category>`/`<store>` | 1 a MB | by size |
| which build of a shelf began last | `BUILD#<shelf>`/`BUILD` | 1 write | 1 write |
| an upload | `UPLOAD#<owner>`/`<upload>` | 1 | 0.5 read |
| the upload that an idempotency key made | `UPLOAD#<owner>#KEYS`/`<key>` | 1 | 0.5 read |
| an owner's uploads, newest first | `UPLOAD#<owner>` | 1 a page | by size |
| changes that staff made in a month, newest first | `AUDIT#<owner>#<yyyy-mm>`/`<at>#<id>` | 1 a page | by size |
| a store's listings with an urgent sale, by its end | index `listed`, `URGENT#<store>` | 1 a page | by size |
| urgent sales whose window is over | `URGENT`, to `<now>` | 1 a page | by size |
| a store's urgent sales that ended in a month, newest first | `SALES#<store>#<yyyy-mm>`/`<ended at>#<sale>` | 1 a page | by size; 2 write a sale |
| the urgent sale that an idempotency key began | `URGENT#<store>#KEYS`/`<key>` | 1 | 1 read |

Index `listed` (`listed_pk`, `listed_sk`): enterprises, which enter it once (1 write unit) and change their key with their state (2), and
listings while they have an urgent sale (1 to enter, 1 to leave). Other listings enter no index: pages read shelves. Uploads and reports expire with their files, after 90 days.
"""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from mart_union.catalog.cards import Card, ShelfHead, StoreCard
from mart_union.catalog.model import AuditEntry, Enterprise, Listing, Store, Union
from mart_union.catalog.rating_model import PublicReview
from mart_union.catalog.trees import CategoryRecord
from mart_union.catalog.upload_model import Upload
from mart_union.catalog.urgent_terms import PastSale
from mart_union.kernel.storage import Document, Item, Whole, table_name

SALE_ENDS = "URGENT"
"""The partition of the ends of urgent sales."""


class Listed(GlobalSecondaryIndex["CatalogItem"]):
    """Enterprises that are read by state, in order of time."""

    class Meta:
        index_name = "listed"
        projection = AllProjection()

    listed_pk = UnicodeAttribute(hash_key=True)
    listed_sk = UnicodeAttribute(range_key=True)


class CatalogItem(Item):
    """Any item of the table."""

    class Meta:
        table_name = table_name("catalog")

    listed_pk = UnicodeAttribute(null=True)
    listed_sk = UnicodeAttribute(null=True)
    listed = Listed()
    sequence = Whole(default=1)
    expires_at = Whole(null=True)


class UnionItem(CatalogItem):
    """The union's description and rates."""

    document = Document(Union)


class EnterpriseItem(CatalogItem):
    """An enterprise."""

    document = Document(Enterprise)


class StoreItem(CatalogItem):
    """A store with its terms."""

    document = Document(Store)


class ListingItem(CatalogItem):
    """A listing."""

    document = Document(Listing)


class CategoryItem(CatalogItem):
    """A node of a store's or the union's tree, or what is left of one."""

    document = Document(CategoryRecord)


class UsedItem(CatalogItem):
    """Which of a store's categories have listings, in whatever state, as its shelves were built last."""

    categories = Document(tuple[str, ...])


class StoreCardItem(CatalogItem):
    """An open store as the front shows it."""

    card = Document(StoreCard)


class ShelfItem(CatalogItem):
    """A page of cards, ready to show; `pages` counts the pages of its shelf, `total` its cards."""

    head = Document(ShelfHead)
    cards = Document(tuple[Card, ...])
    stores = Document(tuple[StoreCard, ...])
    pages = Whole()
    total = Whole()


class PartItem(CatalogItem):
    """The cards that one store has in a category of the union."""

    cards = Document(tuple[Card, ...])


class BuildItem(CatalogItem):
    """Counts the builds of a shelf that have begun; `owed` names the union's categories that a store's build has still to show."""

    begun = Whole(default=0)
    owed = UnicodeSetAttribute(null=True)


class UploadItem(CatalogItem):
    """An upload and how far it has come."""

    document = Document(Upload)


class UploadKeyItem(CatalogItem):
    """Which upload an idempotency key made."""

    upload = UnicodeAttribute()


class SaleKeyItem(CatalogItem):
    """The urgent sale that an idempotency key began: the listing as that left it, and a hash of what was asked for."""

    request = UnicodeAttribute()
    answer = Document(Listing)


class SaleEndItem(CatalogItem):
    """That an urgent sale ends; it stands in the clock of those until the sale has ended."""

    sale = UnicodeAttribute()


class PastSaleItem(CatalogItem):
    """What became of an urgent sale."""

    document = Document(PastSale)


class AuditItem(CatalogItem):
    """A change that staff made."""

    document = Document(AuditEntry)


class RatingItem(CatalogItem):
    """What the reviews of a listing come to, and the years of the first and the newest."""

    stars = Whole(default=0)
    reviews = Whole(default=0)
    first_year = UnicodeAttribute(null=True)
    last_year = UnicodeAttribute(null=True)


class ReviewItem(CatalogItem):
    """A review as everybody reads it, and which response to which order it is."""

    document = Document(PublicReview)
    order = UnicodeAttribute()
    response = UnicodeAttribute()


def rating_key(store: str, sku: str) -> tuple[str, str]:
    """The key of a listing's rating."""
    return f"STORE#{store}", f"RATING#{sku}"


def reviews_key(store: str, sku: str, year: str) -> str:
    """The partition of a listing's reviews of a year (UTC)."""
    return f"REVIEWS#{store}#{sku}#{year}"


def review_key(store: str, sku: str, review: str) -> tuple[str, str]:
    """The key of a review, whose id begins with its year."""
    return reviews_key(store, sku, review[:4]), review


def union_key() -> tuple[str, str]:
    """The key of the union's own item."""
    return "UNION", "UNION"


def enterprise_key(enterprise: str) -> tuple[str, str]:
    """The key of an enterprise."""
    return f"ENTERPRISE#{enterprise}", "ENTERPRISE"


def store_key(store: str) -> tuple[str, str]:
    """The key of a store."""
    return f"STORE#{store}", "STORE"


def listing_key(store: str, sku: str) -> tuple[str, str]:
    """The key of a listing."""
    return f"STORE#{store}", f"LISTING#{sku}"


def listing_item(listing: Listing) -> ListingItem:
    """The item of a listing; while it has an urgent sale it stands in its store's register of those, by the sale's end."""
    urgent = listing.urgent
    return ListingItem(
        *listing_key(listing.store, listing.sku),
        document=listing,
        sequence=listing.sequence,
        listed_pk=urgent_sales_key(listing.store) if urgent else None,
        listed_sk=f"{urgent.ends_at}#{listing.sku}" if urgent else None,
    )


def urgent_sales_key(store: str) -> str:
    """The partition of index `listed` with a store's listings that have an urgent sale."""
    return f"URGENT#{store}"


def sale_key_key(store: str, key: str) -> tuple[str, str]:
    """The key of the urgent sale that an idempotency key began."""
    return f"URGENT#{store}#KEYS", key


def sale_end_key(ends_at: str, store: str, sku: str) -> tuple[str, str]:
    """The key of the end of an urgent sale, in the order of time. The partition has as many as the union has sales; a sweep reads those that are over."""
    return SALE_ENDS, f"{ends_at}#{store}#{sku}"


def past_sales_key(store: str, month: str) -> str:
    """The partition of a store's urgent sales that ended in a month (`yyyy-mm`, UTC)."""
    return f"SALES#{store}#{month}"


def past_sale_key(store: str, ended_at: str, sale: str) -> tuple[str, str]:
    """The key of an urgent sale that has ended."""
    return past_sales_key(store, ended_at[:7]), f"{ended_at}#{sale}"


def category_key(store: str, category: str) -> tuple[str, str]:
    """The key of a category; the union's own tree is that of store ''."""
    return f"CATEGORIES#{store}", category


def tree_key(store: str) -> tuple[str, str]:
    """The key of how often staff have changed a tree of categories; the union's own is that of store ''."""
    return f"TREE#{store}", "TREE"


def used_key(store: str) -> tuple[str, str]:
    """The key of which of a store's categories have listings."""
    return f"USED#{store}", "USED"


def shelf_key(shelf: str, page: int) -> tuple[str, str]:
    """The key of a shelf's page, counted from 1. Shelves: `front`, `store/<id>`, `store/<id>/<category>`, `category/<id>`, `offers`."""
    return f"SHELF#{shelf}", f"{page:04d}"


def store_card_key(store: str) -> tuple[str, str]:
    """The key of an open store's card."""
    return "STORES", store


def part_key(category: str, store: str) -> tuple[str, str]:
    """The key of what a store has in a category of the union."""
    return f"PARTS#{category}", store


def build_key(shelf: str) -> tuple[str, str]:
    """The key of a shelf's count of builds."""
    return f"BUILD#{shelf}", "BUILD"


def upload_key(owner: str, upload: str) -> tuple[str, str]:
    """The key of an upload; its id sorts by time."""
    return f"UPLOAD#{owner}", upload


def upload_command_key(owner: str, key: str) -> tuple[str, str]:
    """The key of what an idempotency key made."""
    return f"UPLOAD#{owner}#KEYS", key


def audit_key(owner: str, at: str, entry: str) -> tuple[str, str]:
    """The key of an audit entry."""
    return f"AUDIT#{owner}#{at[:7]}", f"{at}#{entry}"
