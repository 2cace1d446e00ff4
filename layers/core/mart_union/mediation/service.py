"""What other parts of the union may ask of the mediation center; each subject has a file of its own."""

from mart_union.mediation.allotments import Allotment, allotments_of, set_allotment
from mart_union.mediation.deposits import Deposit, get_deposit, list_deposit_postings, reference_of, withdraw_deposit
from mart_union.mediation.drift import ask_checks, check_shop, compare_shown
from mart_union.mediation.following import (
    apply_category_change,
    apply_offer_change,
    apply_standing,
    apply_stock_change,
)
from mart_union.mediation.link_jobs import get_link_job, list_link_jobs, start_link_job, work_link_job
from mart_union.mediation.links import get_link, list_links, list_links_after, make_link, set_link_state
from mart_union.mediation.offers import get_offer, list_offers, save_offer, search_offers_for
from mart_union.mediation.records import read_records
from mart_union.mediation.replenishments import (
    cancel_rest,
    get_replenishment,
    list_asked,
    list_replenishments,
    place_replenishment,
    receive,
)
from mart_union.mediation.shops import (
    ask_replay,
    feed_token_of,
    get_shop,
    get_shop_of,
    list_deliveries,
    list_shops,
    list_told,
    register_shop,
    secret_of,
    set_shop_state,
)
from mart_union.mediation.standings import (
    get_standing,
    review_all,
    review_deposit,
    review_overdue,
    set_deposit_level,
)
from mart_union.mediation.suppliers import (
    apply_supplier,
    decide_supplier,
    get_supplier,
    list_sellers,
    list_suppliers,
)
from mart_union.mediation.supply_orders import (
    get_supplied_order,
    lines_of,
    list_supply_orders,
    owed_minor,
    record_supply_order,
)
from mart_union.mediation.supply_terms import get_terms, get_terms_with_contact, list_terms, save_terms
from mart_union.mediation.syndication import Snapshot, replay_links, snapshot_of, tell_shop_again, tell_shops

__all__ = [
    "Allotment",
    "Deposit",
    "Snapshot",
    "allotments_of",
    "apply_category_change",
    "apply_offer_change",
    "apply_standing",
    "apply_stock_change",
    "apply_supplier",
    "ask_checks",
    "ask_replay",
    "cancel_rest",
    "check_shop",
    "compare_shown",
    "decide_supplier",
    "feed_token_of",
    "get_deposit",
    "get_link",
    "get_link_job",
    "get_offer",
    "get_replenishment",
    "get_shop",
    "get_shop_of",
    "get_standing",
    "get_supplied_order",
    "get_supplier",
    "get_terms",
    "get_terms_with_contact",
    "lines_of",
    "list_asked",
    "list_deliveries",
    "list_deposit_postings",
    "list_link_jobs",
    "list_links",
    "list_links_after",
    "list_offers",
    "list_replenishments",
    "list_sellers",
    "list_shops",
    "list_suppliers",
    "list_supply_orders",
    "list_terms",
    "list_told",
    "make_link",
    "owed_minor",
    "place_replenishment",
    "read_records",
    "receive",
    "record_supply_order",
    "reference_of",
    "register_shop",
    "replay_links",
    "review_all",
    "review_deposit",
    "review_overdue",
    "save_offer",
    "save_terms",
    "search_offers_for",
    "secret_of",
    "set_allotment",
    "set_deposit_level",
    "set_link_state",
    "set_shop_state",
    "snapshot_of",
    "start_link_job",
    "tell_shop_again",
    "tell_shops",
    "withdraw_deposit",
    "work_link_job",
]
