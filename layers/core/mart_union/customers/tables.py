"""The Customers table.

| question | key | requests | units |
|---|---|---|---|
| a profile | `CUSTOMER#<subject>`/`PROFILE` | 1 | 0.5 read |
| a customer's recipients, sessions, memberships | `CUSTOMER#<subject>`, begins `RECIPIENT#`, `SESSION#`, `MEMBER#` | 1 | by size |
| a recipient | `RECIPIENT#<id>`/`RECIPIENT` | 1 | 0.5 read |
| a session | `SESSION#<id>`/`SESSION` | 1 | 0.5 read |
| a session's views in sequence | `SESSION#<id>`, begins `VIEW#` | 1 a page | by size |
| a cart | `CART#<session>`/`CART` | 1 | 0.5 read |
| a role | `CUSTOMER#<subject>`/`MEMBER#<kind>#<id>` | 1 | 0.5 read |
| a store's or supplier's staff | `STAFF#<kind>#<id>` | 1 | by size |
| an invitation | `INVITATION#<code>`/`INVITATION` | 1 | 0.5 read |
| whether a message was sent | `SENT#<event>`/`<channel>` | 1 write | 1 write |

No index. Views, sessions, carts, invitations and sent marks expire (`expires_at`). A customer's partition holds what one person does by
hand; views are in their session's partition, which ends with the session.
"""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from mart_union.customers.model import CartLine, Invitation, Membership, Profile, Recipient, Session, View
from mart_union.kernel.storage import Document, Item, table_name


class CustomersItem(Item):
    """Any item of the table."""

    class Meta:
        table_name = table_name("customers")

    expires_at = NumberAttribute(null=True)


class ProfileItem(CustomersItem):
    """A customer's profile."""

    document = Document(Profile)


class RecipientItem(CustomersItem):
    """A recipient, and the reference to it in its customer's partition."""

    document = Document(Recipient)


class SessionItem(CustomersItem):
    """A session, and the reference to it in its customer's partition."""

    document = Document(Session)


class ViewItem(CustomersItem):
    """A view."""

    document = Document(View)


class CartItem(CustomersItem):
    """A cart; `sequence` makes two tabs' changes come one after the other."""

    lines = Document(tuple[CartLine, ...])
    sequence = NumberAttribute(default=1)


class MembershipItem(CustomersItem):
    """A membership, kept under the person and under the store or supplier."""

    document = Document(Membership)


class InvitationItem(CustomersItem):
    """An open invitation."""

    document = Document(Invitation)


class SentItem(CustomersItem):
    """A message that was handed to its channel, so that an event delivered twice sends nothing twice."""

    at = UnicodeAttribute()


def customer_key(subject: str, what: str) -> tuple[str, str]:
    """A key in a customer's own partition."""
    return f"CUSTOMER#{subject}", what


def recipient_key(recipient: str) -> tuple[str, str]:
    """The key of a recipient."""
    return f"RECIPIENT#{recipient}", "RECIPIENT"


def session_key(session: str) -> tuple[str, str]:
    """The key of a session."""
    return f"SESSION#{session}", "SESSION"


def cart_key(session: str) -> tuple[str, str]:
    """The key of a session's cart."""
    return f"CART#{session}", "CART"


def invitation_key(code: str) -> tuple[str, str]:
    """The key of an invitation."""
    return f"INVITATION#{code}", "INVITATION"
