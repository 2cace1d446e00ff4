"""The Mediation table.

| question | key or index | requests | units |
|---|---|---|---|
| a supplier | `SUPPLIER#<id>`/`SUPPLIER` | 1 | 0.5 read |
| suppliers in a state | index `by_store`, `SUPPLIERS#<state>` | 1 a page | by size |
| an offer | `SUPPLIER#<supplier>`/`OFFER#<sku>` | 1 | 0.5 read |
| a supplier's offers | `SUPPLIER#<supplier>`, begins `OFFER#` | 1 a page | by size |
| an offer's links | `OFFER#<supplier>#<sku>`, begins `LINK#` | 1 a page | by size |
| the links of which an offer is the backup | `OFFER#<supplier>#<sku>`, begins `BACKUP#` | 1 a page, 1 batch read | by size |
| a store's links | index `by_store`, `LINKS#<store>` | 1 a page | by size |
| a job that links offers by a rule | `LINKJOBS#<store>`/`<id>` | 1 | by size |
| a store's jobs, newest first | index `by_store`, `LINKJOBS#<store>` | 1 a page | by size |
| a command that set a link's terms | `LINKCOMMANDS#<store>`/`<sku>#<key>` | 1 | 0.5 read |
| a store's shops | `SHOPS#<store>` | 1 | by size |
| how often one of them was registered or resumed | `SHOPPLACES#<store>`/`PLACES` | 1 | 1 read |
| the union's active shops | index `by_store`, `SHOPS#active` | 1 a page | by size |
| a shop | `SHOP#<id>`/`SHOP` | 1 | 0.5 read |
| what a shop was last told of each link | `SHOP#<id>`, begins `TOLD#` | 1 a page | by size |
| the links that a shop refuses | index `by_store`, `REFUSED#<shop>` | 1 a page | by size |
| whether a shop is left alone, as it does not answer | `DELIVERIES#<shop>`/`SILENCE` | with what it was told | 0.5 read |
| attempts to tell a shop or a webhook, of a day, newest first | `DELIVERIES#<shop or webhook>#<yyyy-mm-dd>` | 1 a page | by size |
| a party's webhooks of orders | `WEBHOOKS#<party>` | 1 | by size, 0.5 read for five |
| how often one of them was registered | `WEBHOOKPLACES#<party>`/`PLACES` | 1 | 1 read |
| a webhook that was removed | `WEBHOOK#<webhook>`/`REMOVED` | 1 | 1 read |
| what a webhook has confirmed of an order | `WEBHOOK#<webhook>#<order>`/`TOLD` | 1 | 1 read; 1 write when it confirms |
| a supplier's sellers | `SELLERS#<supplier>` | 1 a page, 1 batch read of standings | by size |
| what became of a supplier's parts of orders | `RECORD#<supplier>`/`RECORD` | 1 | 0.5 read |
| the standing of a store's deposit | `STANDING#<store>`/`STANDING` | 1 | 1 read |
| stores by the standing of their deposits, those warned by the end of their grace | index `by_store`, `STANDINGS#<state>` | 1 a page | by size |
| a store's terms with a supplier; all of a store's | `TERMS#<store>`/`<supplier>` | 1; 1 a page | 0.5 read; by size |
| a replenishment | `REPLENISHMENT#<store>`/`<id>` | 1 | 0.5 read a 4 KB |
| a store's open replenishments by the day on which they are expected; its others by month | index `by_store`, `REPLENISHMENTS#<store>#open`, `REPLENISHMENTS#<store>#<yyyy-mm>` | 1 a page | by size |
| those that a supplier of the union was asked for, likewise | index `by_store`, `ASKED#<supplier>#open`, `ASKED#<supplier>#<yyyy-mm>` | 1 a page | by size |
| a supplier's open orders; its closed ones by month | index `by_store`, `SUPPLY#<supplier>#open`, `SUPPLY#<supplier>#closed#<yyyy-mm>` | 1 a page | by size |

Index `by_store` (`store_pk`, `store_sort`): links, jobs, active shops, suppliers, supply orders, replenishments (for the supplier once more), standings and what shops refuse enter it once (1 write unit); a change of state changes their
key (2). Offers do not enter it. A supplier's open orders are read a page at a time; attempts and commands expire (`expires_at`).
"""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from mart_union.kernel.storage import Document, Item, Whole, table_name
from mart_union.mediation.job_model import LinkJob
from mart_union.mediation.model import DepositStanding, Link, Offer, OfferKey, Supplier, SupplyOrder
from mart_union.mediation.replenishment import Replenishment, SupplierTerms
from mart_union.mediation.shop_model import Delivery, Shop
from mart_union.mediation.webhook_model import OrderDelivery, OrderWebhook

ACTIVE_SHOPS = "SHOPS#active"
"""The partition of index `by_store` with the shops that are told of changes."""


class ByStore(GlobalSecondaryIndex["MediationItem"]):
    """Registers that are read by store, supplier or state."""

    class Meta:
        index_name = "by_store"
        projection = AllProjection()

    store_pk = UnicodeAttribute(hash_key=True)
    store_sort = UnicodeAttribute(range_key=True)


class MediationItem(Item):
    """Any item of the table."""

    class Meta:
        table_name = table_name("mediation")

    store_pk = UnicodeAttribute(null=True)
    store_sort = UnicodeAttribute(null=True)
    by_store = ByStore()
    sequence = Whole(default=1)


class SupplierItem(MediationItem):
    """A supplier."""

    document = Document(Supplier)


class OfferItem(MediationItem):
    """An offer."""

    document = Document(Offer)


class LinkItem(MediationItem):
    """A link, kept with its offer."""

    document = Document(Link)


class BackupItem(MediationItem):
    """Beside an offer, a link of which it is the backup: by the offer that the link was made from."""

    supplier = UnicodeAttribute()
    offer_sku = UnicodeAttribute()


class LinkCommandItem(MediationItem):
    """A command that set the terms of a link was carried out: a fingerprint of it, under its idempotency key."""

    request = UnicodeAttribute()
    expires_at = Whole()


class LinkJobItem(MediationItem):
    """A job that links offers by a rule."""

    document = Document(LinkJob)


class ShopItem(MediationItem):
    """A shop, kept under its own id and, as a reference, under its store."""

    document = Document(Shop)


class PlacesItem(MediationItem):
    """How often a shop of a store was registered or resumed, or a webhook of a party registered, which is what their limits are kept by."""


class ToldItem(MediationItem):
    """The newest sequence of a link that a shop has confirmed; and, if it refuses a newer one, which, and what it answers."""

    refused = Whole(null=True)
    problem = UnicodeAttribute(null=True)


class SilenceItem(MediationItem):
    """How many calls in succession a shop has not answered, and when the last of them was."""

    unanswered = Whole(default=0)
    last_at = UnicodeAttribute()


class DeliveryItem(MediationItem):
    """An attempt to tell a shop of a link."""

    document = Document(Delivery)
    expires_at = Whole()


class WebhookItem(MediationItem):
    """A webhook of orders, kept with its party's others."""

    document = Document(OrderWebhook)


class RemovedWebhookItem(MediationItem):
    """A webhook that was removed, as it was: neither its id nor the key that registered it makes another."""

    document = Document(OrderWebhook)


class OrderToldItem(MediationItem):
    """The newest sequence of an order that a webhook has confirmed."""

    expires_at = Whole()


class OrderDeliveryItem(MediationItem):
    """An attempt to tell a webhook of an order."""

    document = Document(OrderDelivery)
    expires_at = Whole()


class RecordItem(MediationItem):
    """What became of a supplier's parts of orders: at all stores, or, with its seller's item, at one."""

    orders = Whole(default=0)
    completed = Whole(default=0)
    refused = Whole(default=0)
    cancelled = Whole(default=0)
    late = Whole(default=0)


class SellerItem(RecordItem):
    """A store that has made a link of some offer of a supplier, with the exposure that its open orders add up to."""

    since = UnicodeAttribute()
    open_minor = Whole(default=0)
    held_minor = Whole(default=0)


class StandingItem(MediationItem):
    """The standing of a store's deposit, listed by its state."""

    document = Document(DepositStanding)


class SupplyOrderItem(MediationItem):
    """A supplier's part of an order."""

    document = Document(SupplyOrder)


class TermsItem(MediationItem):
    """A store's terms with a supplier."""

    document = Document(SupplierTerms)


class ReplenishmentItem(MediationItem):
    """A replenishment, under its store and, where one of the union's suppliers was asked, once more under that."""

    document = Document(Replenishment)


def terms_key(store: str, supplier: str) -> tuple[str, str]:
    """The key of a store's terms with a supplier."""
    return f"TERMS#{store}", supplier


def replenishment_key(store: str, replenishment: str) -> tuple[str, str]:
    """The key of a replenishment."""
    return f"REPLENISHMENT#{store}", replenishment


def asked_key(supplier: str, replenishment: str) -> tuple[str, str]:
    """The key of a replenishment as the supplier sees it."""
    return f"ASKED#{supplier}", replenishment


def replenishments_list(store: str, month: str = "") -> str:
    """The partition of index `by_store` with a store's open replenishments, or with those of a month (`yyyy-mm`) of which nothing is to come."""
    return f"REPLENISHMENTS#{store}#{month or 'open'}"


def asked_list(supplier: str, month: str = "") -> str:
    """The partition of index `by_store` with what a supplier is still to bring, or with what of a month (`yyyy-mm`) it is not."""
    return f"ASKED#{supplier}#{month or 'open'}"


def replenishment_items(replenishment: Replenishment) -> list[ReplenishmentItem]:
    """The items of a replenishment, listed as open, or in the month in which it was placed: its own, and its supplier's."""
    month = "" if replenishment.is_open else replenishment.placed_at[:7]
    place = f"{replenishment.expected_on}#{replenishment.id}"
    places = [
        (replenishment_key(replenishment.store, replenishment.id), replenishments_list(replenishment.store, month))
    ]
    if replenishment.joined:
        places += [(asked_key(replenishment.supplier, replenishment.id), asked_list(replenishment.supplier, month))]
    return [
        ReplenishmentItem(
            *key, document=replenishment, sequence=replenishment.sequence, store_pk=register, store_sort=place
        )
        for key, register in places
    ]


def supplier_key(supplier: str) -> tuple[str, str]:
    """The key of a supplier."""
    return f"SUPPLIER#{supplier}", "SUPPLIER"


def offer_key(supplier: str, sku: str) -> tuple[str, str]:
    """The key of an offer."""
    return f"SUPPLIER#{supplier}", f"OFFER#{sku}"


def link_key(supplier: str, offer_sku: str, store: str, sku: str) -> tuple[str, str]:
    """The key of a link, in its offer's partition."""
    return f"OFFER#{supplier}#{offer_sku}", f"LINK#{store}#{sku}"


def backup_key(backup: OfferKey, store: str, sku: str) -> tuple[str, str]:
    """The key under which a backup finds a link, in its own offer's partition."""
    return f"OFFER#{backup.supplier}#{backup.sku}", f"BACKUP#{store}#{sku}"


def link_command_key(store: str, sku: str, key: str) -> tuple[str, str]:
    """The key of a command that set the terms of a link, by its idempotency key."""
    return f"LINKCOMMANDS#{store}", f"{sku}#{key}"


def link_job_key(store: str, job: str) -> tuple[str, str]:
    """The key of a job that links offers by a rule; its partition is that of index `by_store`, too."""
    return f"LINKJOBS#{store}", job


def link_job_item(job: LinkJob) -> LinkJobItem:
    """The item of a job, listed by when it began."""
    key = link_job_key(job.store, job.id)
    place = f"{job.started_at}#{job.id}"
    return LinkJobItem(*key, document=job, sequence=job.sequence, store_pk=key[0], store_sort=place)


def shop_key(shop: str) -> tuple[str, str]:
    """The key of a shop."""
    return f"SHOP#{shop}", "SHOP"


def supply_order_key(supplier: str, order: str) -> tuple[str, str]:
    """The key of a supplier's part of an order."""
    return f"SUPPLY#{supplier}", f"ORDER#{order}"


def seller_key(supplier: str, store: str) -> tuple[str, str]:
    """The key of a supplier's seller."""
    return f"SELLERS#{supplier}", store


def record_key(supplier: str) -> tuple[str, str]:
    """The key of what became of a supplier's parts of orders at all stores."""
    return f"RECORD#{supplier}", "RECORD"


def standing_key(store: str) -> tuple[str, str]:
    """The key of the standing of a store's deposit."""
    return f"STANDING#{store}", "STANDING"


def standings_list(state: str) -> str:
    """The partition of index `by_store` with the stores whose deposits are in a state."""
    return f"STANDINGS#{state}"


def standing_item(standing: DepositStanding) -> StandingItem:
    """The item of a standing, listed by its state and, where it is warned, by when it is paused."""
    return StandingItem(
        *standing_key(standing.store),
        document=standing,
        sequence=standing.sequence,
        store_pk=standings_list(standing.state),
        store_sort=f"{standing.pauses_at}#{standing.store}",
    )


def shop_reference_key(store: str, shop: str) -> tuple[str, str]:
    """The key under which a store finds its shop."""
    return f"SHOPS#{store}", shop


def shop_places_key(store: str) -> tuple[str, str]:
    """The key of how often a shop of a store was registered or resumed."""
    return f"SHOPPLACES#{store}", "PLACES"


def told_key(shop: str, sku: str) -> tuple[str, str]:
    """The key of what a shop was last told of a link."""
    return f"SHOP#{shop}", f"TOLD#{sku}"


def silence_key(shop: str) -> tuple[str, str]:
    """The key of how many attempts in succession a shop has not answered."""
    return f"DELIVERIES#{shop}", "SILENCE"


def refused_list(shop: str) -> str:
    """The partition of index `by_store` with the links that a shop refuses."""
    return f"REFUSED#{shop}"


def delivery_key(shop: str, at: str, event: str) -> tuple[str, str]:
    """The key of an attempt, in its shop's partition of that day (UTC)."""
    return f"DELIVERIES#{shop}#{at[:10]}", f"{at}#{event}"


def webhook_key(party: str, webhook: str) -> tuple[str, str]:
    """The key of a webhook, in its party's partition."""
    return f"WEBHOOKS#{party}", webhook


def webhook_places_key(party: str) -> tuple[str, str]:
    """The key of how often a webhook of a party was registered."""
    return f"WEBHOOKPLACES#{party}", "PLACES"


def removed_webhook_key(webhook: str) -> tuple[str, str]:
    """The key under which a webhook stands that was removed."""
    return f"WEBHOOK#{webhook}", "REMOVED"


def order_told_key(webhook: str, order: str) -> tuple[str, str]:
    """The key of what a webhook was last told of an order."""
    return f"WEBHOOK#{webhook}#{order}", "TOLD"


def suppliers_list(state: str) -> str:
    """The partition of index `by_store` with the suppliers in a state."""
    return f"SUPPLIERS#{state}"


def links_list(store: str) -> str:
    """The partition of index `by_store` with a store's links."""
    return f"LINKS#{store}"


def supply_list(supplier: str, month: str) -> str:
    """The partition of index `by_store` with a supplier's closed orders of a month (`yyyy-mm`), or, with month '', its open ones."""
    return f"SUPPLY#{supplier}#closed#{month}" if month else f"SUPPLY#{supplier}#open"


def supplier_item(supplier: Supplier) -> SupplierItem:
    """The item of a supplier, listed by its state."""
    return SupplierItem(
        *supplier_key(supplier.id),
        document=supplier,
        sequence=supplier.sequence,
        store_pk=suppliers_list(supplier.state),
        store_sort=supplier.id,
    )


def link_item(link: Link) -> LinkItem:
    """The item of a link, listed with its store's."""
    return LinkItem(
        *link_key(link.supplier, link.offer_sku, link.store, link.sku),
        document=link,
        sequence=link.sequence,
        store_pk=links_list(link.store),
        store_sort=link.sku,
    )


def supply_order_item(order: SupplyOrder, *, ended: bool) -> SupplyOrderItem:
    """The item of a supplier's part of an order, listed as open, or as closed in the month in which it was placed."""
    return SupplyOrderItem(
        *supply_order_key(order.supplier, order.order),
        document=order,
        sequence=order.sequence,
        store_pk=supply_list(order.supplier, order.placed_at[:7] if ended else ""),
        store_sort=f"{order.placed_at}#{order.order}",
    )
