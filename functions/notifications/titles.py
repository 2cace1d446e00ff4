"""What a notice of stock is about by its titles: an event of a level knows its id only."""

from __future__ import annotations

from msgspec.structs import replace

from mart_union.catalog.refs import listing_ref
from mart_union.kernel.storage import fetch
from mart_union.mediation.offers import find_offer
from notifications.notices import Notice


def with_titles(notice: Notice) -> Notice:
    """A notice of a level with the titles that its listing or offer has now, none if that is gone: one read. Any other notice as it is."""
    level = notice.facts.get("level")
    if level is None:
        return notice
    owner, sku = notice.facts["owner"], notice.facts["sku"]
    found = fetch(listing_ref(owner, sku)) if level.id.startswith("listing/") else find_offer(owner, sku)
    return replace(notice, facts={**notice.facts, "titles": found.titles if found else {}})
