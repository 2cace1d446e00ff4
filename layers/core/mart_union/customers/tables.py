"""The Customers table.

| question | key | requests | units |
|---|---|---|---|
| a profile | `CUSTOMER#<subject>`/`PROFILE` | 1 | 0.5 read |
| a customer's recipients, sessions, memberships | `CUSTOMER#<subject>`, begins `RECIPIENT#`, `SESSION#`, `MEMBER#` | 1 | by size |
| a recipient | `RECIPIENT#<id>`/`RECIPIENT` | 1 | 0.5 read |
| recipients without a customer, by when they are looked at | `RETENTION#<yyyy-mm-ddThh>`/`<moment>#<recipient>#<purchase>` | 1 an hour of the clock | by size |
| a session | `SESSION#<id>`/`SESSION` | 1 | 0.5 read |
| record a view, if its session consents | `SESSION#<id>`/`VIEW#<at>#<view>` | 1 | 4 write |
| a session's views in sequence | `SESSION#<id>`, begins `VIEW#` | 1 a page | by size |
| the cart of a session; of a signed-in one | `CART#<session>`/`CART`; and `CUSTOMER#<subject>`/`CART` | 1; 2 | 1 read; 2 |
| a role | `CUSTOMER#<subject>`/`MEMBER#<kind>#<id>` | 1 | 1 read |
| a store's or supplier's staff | `STAFF#<kind>#<id>` | 1 | by size |
| an invitation | `INVITATION#<code>`/`INVITATION` | 1 | 1 read |
| where a party is paid | `DESTINATION#<party>`/`CURRENT` | 1 | 1 read |
| a destination that a bank file names | `DESTINATION#<party>`/`<id>` | 1 | 0.5 read |
| destinations that wait for the operator | `DESTINATIONS`/`<party>` | 1 a page | by size |
| a business contact | `CONTACT#<id>`/`CONTACT` | 1 | 0.5 read |
| what a channel was told of a thing | `SENT#<entity>`/`<channel>` | 1 read, and 2 writes a message | 1 read, 2 write each a KB |
| tries to tell people by mail, of a day, newest first | `DELIVERIES#mail#<outcome>#<yyyy-mm-dd>`/`<at>-…` | 1 a page | by size |
| the event that mails told of | `MAILED#<event>`/`EVENT` | 1 | by size |

No index. Tries and their events expire, too: a day of tries is one partition for each outcome, which only operators read. Views, sessions, carts, invitations and sent marks expire (`expires_at`); expiry comes late, so what must be over is checked, too.
A customer's partition holds what one person does by hand; views are in their session's partition, which ends with the session.
"""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from mart_union.customers.model import (
    CartLine,
    Contact,
    Destination,
    Invitation,
    MailAttempt,
    Membership,
    Profile,
    Recipient,
    Session,
    View,
)
from mart_union.kernel.events import Event
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
    """A recipient, under its own id and again in its customer's partition, where it can be taken off the list."""

    document = Document(Recipient)


class ContactItem(CustomersItem):
    """A business contact."""

    document = Document(Contact)


class SessionItem(CustomersItem):
    """A session, and the reference to it in its customer's partition. `consent` and `customer` stand beside the document for conditions."""

    document = Document(Session)
    consent = BooleanAttribute(default=False)
    customer = UnicodeAttribute(default="")


class ViewItem(CustomersItem):
    """A view."""

    document = Document(View)


class CartItem(CustomersItem):
    """A cart; `sequence` makes two tabs' changes come one after the other. A session's cart with an `owner` is that customer's cart."""

    lines = Document(tuple[CartLine, ...])
    sequence = NumberAttribute(default=1)
    owner = UnicodeAttribute(default="")


class MembershipItem(CustomersItem):
    """A membership, kept under the person and under the store or supplier."""

    document = Document(Membership)
    role = UnicodeAttribute()


class InvitationItem(CustomersItem):
    """An invitation; `taken_by` is set once."""

    document = Document(Invitation)
    taken_by = UnicodeAttribute(null=True)


class DestinationItem(CustomersItem):
    """Where a party is paid, now (CURRENT) or as it once was; `verified` is the id that may be paid, '' for none."""

    document = Document(Destination)
    verified = UnicodeAttribute(default="")
    sequence = NumberAttribute(default=1)


class SentItem(CustomersItem):
    """What a channel was told of an entity, by part: its newest sequence and news. Claimed until a moment while a message is sent."""

    told = Document(dict[str, tuple[int, str]])
    claimed_until = NumberAttribute(default=0)
    at = UnicodeAttribute()


class MailAttemptItem(CustomersItem):
    """A try to tell somebody by mail: with whom of what."""

    document = Document(MailAttempt)


class MailedEventItem(CustomersItem):
    """An event of which mails told."""

    document = Document(Event)


def customer_key(subject: str, what: str) -> tuple[str, str]:
    """A key in a customer's own partition: PROFILE, CART, RECIPIENT#…, SESSION#…, MEMBER#…."""
    return f"CUSTOMER#{subject}", what


def member_keys(subject: str, kind: str, owner: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The two keys of a membership: under the person, and under the store or supplier."""
    return customer_key(subject, f"MEMBER#{kind}#{owner}"), (f"STAFF#{kind}#{owner}", subject)


def recipient_key(recipient: str) -> tuple[str, str]:
    """The key of a recipient."""
    return f"RECIPIENT#{recipient}", "RECIPIENT"


def contact_key(contact: str) -> tuple[str, str]:
    """The key of a business contact."""
    return f"CONTACT#{contact}", "CONTACT"


def retention_key(entry: str) -> tuple[str, str]:
    """The key of a line of the register of recipients without a customer, by its hour."""
    return f"RETENTION#{entry[:13]}", entry


def session_key(session: str) -> tuple[str, str]:
    """The key of a session."""
    return f"SESSION#{session}", "SESSION"


def view_key(session: str, at: str, view: str) -> tuple[str, str]:
    """The key of a view: in its session's partition, in order of time."""
    return f"SESSION#{session}", f"VIEW#{at}#{view}"


def cart_key(session: str) -> tuple[str, str]:
    """The key of a session's cart."""
    return f"CART#{session}", "CART"


def invitation_key(code: str) -> tuple[str, str]:
    """The key of an invitation."""
    return f"INVITATION#{code}", "INVITATION"


def sent_key(entity: str, channel: str) -> tuple[str, str]:
    """The key of the mark that a channel was told about an entity."""
    return f"SENT#{entity}", channel


def destination_key(party: str, destination: str = "CURRENT") -> tuple[str, str]:
    """The key of where a party is paid now, or of one of its destinations by id."""
    return f"DESTINATION#{party}", destination


def waiting_destination_key(party: str) -> tuple[str, str]:
    """The key under which a party's destination waits for the operator."""
    return "DESTINATIONS", party


def mail_attempts_key(outcome: str, day: str) -> str:
    """The partition of the tries of a day (UTC) that came out so."""
    return f"DELIVERIES#mail#{outcome}#{day}"


def mailed_event_key(event: str) -> tuple[str, str]:
    """The key of an event of which mails told."""
    return f"MAILED#{event}", "EVENT"
