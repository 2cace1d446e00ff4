"""The use cases of the catalog, by subject: the union, enterprises, stores, categories, listings, shelves, uploads, the audit trail."""

from mart_union.catalog.audit import add_audit, list_audit
from mart_union.catalog.categories import (
    add_categories,
    category_of_path,
    get_category,
    list_categories,
    path_categories,
    read_tree,
)
from mart_union.catalog.enterprises import apply_enterprise, decide_enterprise, get_enterprise, list_enterprises
from mart_union.catalog.gardening import (
    merge_category,
    remove_category,
    save_categories,
    save_category,
    used_categories,
)
from mart_union.catalog.listings import (
    add_listing,
    change_listing,
    edit_listing,
    get_listing,
    get_listing_with_levels,
    list_listings,
    list_listings_page,
    own_listing,
    save_listing,
    set_listing_state,
)
from mart_union.catalog.rules import Rules, rules_of, save_rules
from mart_union.catalog.shelves import rebuild_categories, rebuild_front, rebuild_store
from mart_union.catalog.showing import Shown, get_front, get_shelf, get_store, show_listing
from mart_union.catalog.stores import (
    change_store,
    count_open_stores,
    list_stores,
    open_store,
    set_store_state,
)
from mart_union.catalog.unions import change_union, get_union, save_union, union_names
from mart_union.catalog.uploads import (
    announce_upload,
    claim_upload,
    finish_upload,
    get_upload,
    list_uploads,
    release_upload,
    save_progress,
)

__all__ = [
    "Rules",
    "Shown",
    "add_audit",
    "add_categories",
    "add_listing",
    "announce_upload",
    "apply_enterprise",
    "category_of_path",
    "change_listing",
    "change_store",
    "change_union",
    "claim_upload",
    "count_open_stores",
    "decide_enterprise",
    "edit_listing",
    "finish_upload",
    "get_category",
    "get_enterprise",
    "get_front",
    "get_listing",
    "get_listing_with_levels",
    "get_shelf",
    "get_store",
    "get_union",
    "get_upload",
    "list_audit",
    "list_categories",
    "list_enterprises",
    "list_listings",
    "list_listings_page",
    "list_stores",
    "list_uploads",
    "merge_category",
    "open_store",
    "own_listing",
    "path_categories",
    "read_tree",
    "rebuild_categories",
    "rebuild_front",
    "rebuild_store",
    "release_upload",
    "remove_category",
    "rules_of",
    "save_categories",
    "save_category",
    "save_listing",
    "save_progress",
    "save_rules",
    "save_union",
    "set_listing_state",
    "set_store_state",
    "show_listing",
    "union_names",
    "used_categories",
]
