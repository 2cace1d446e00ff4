"""The use cases of customers, by subject: memberships, profiles and recipients, sessions and views, carts, sent marks."""

from mart_union.customers.carts import change_cart, clear_cart, get_cart
from mart_union.customers.members import (
    accept_invitation,
    add_membership,
    find_role,
    get_invitation,
    grant_membership,
    invite,
    list_memberships,
    list_staff,
    revoke_membership,
)
from mart_union.customers.messages import claim_message, finish_message, release_message
from mart_union.customers.profiles import (
    add_recipient,
    forget_recipient,
    get_profile,
    get_recipient,
    keep_person,
    list_recipients,
    save_profile,
    unlist_recipient,
)
from mart_union.customers.sessions import (
    erase_views,
    find_session,
    join_session,
    list_session_views,
    list_views,
    record_view,
    set_consent,
    start_session,
)

__all__ = [
    "accept_invitation",
    "add_membership",
    "add_recipient",
    "change_cart",
    "claim_message",
    "clear_cart",
    "erase_views",
    "find_role",
    "find_session",
    "finish_message",
    "forget_recipient",
    "get_cart",
    "get_invitation",
    "get_profile",
    "get_recipient",
    "grant_membership",
    "invite",
    "join_session",
    "keep_person",
    "list_memberships",
    "list_recipients",
    "list_session_views",
    "list_staff",
    "list_views",
    "record_view",
    "release_message",
    "revoke_membership",
    "save_profile",
    "set_consent",
    "start_session",
    "unlist_recipient",
]
