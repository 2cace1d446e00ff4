"""Customers' profiles and recipients: the personal data, in items of its own."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from mart_union.customers.model import OPTIONAL_MAILS, Person, Profile, Recipient, RecipientFields, checked_recipient
from mart_union.customers.retention import add_retention
from mart_union.customers.tables import CustomersItem, ProfileItem, RecipientItem, customer_key, recipient_key
from mart_union.kernel.clock import from_iso, iso, utc_now
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound
from mart_union.kernel.ids import derived_id
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse

_LONGEST_NAME = 80
_MOST_LISTED = 100
_LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1


def get_profile(subject: str) -> Profile | None:
    """A customer's profile, None for one who never gave any."""
    item = find(ProfileItem, *customer_key(subject, "PROFILE"), consistent=True)
    return item.document if item else None


def save_profile(
    subject: str, *, name: str, email: str, language: str, unwanted: Collection[str] = (), now: datetime | None = None
) -> Profile:
    """Keep a customer's name, address for mail, language, and which mails are `unwanted`. `email` is one that its owner has verified, or ''.

    Raises:
        Invalid: the name or address is too long, the union does not speak the language, or a mail is none that can be unwanted.
    """
    errors = []
    if len(name.strip()) > _LONGEST_NAME:
        errors.append({"field": "name", "reason": f"must have at most {_LONGEST_NAME} characters"})
    if len(email) > _LONGEST_EMAIL or (email and "@" not in email):
        errors.append({"field": "email", "reason": "is not an address for mail"})
    if language not in settings().languages:
        errors.append({"field": "language", "reason": f"must be one of {', '.join(settings().languages)}"})
    if not set(unwanted) <= set(OPTIONAL_MAILS):
        errors.append({"field": "unwanted_mails", "reason": f"must be of {', '.join(OPTIONAL_MAILS)}"})
    if errors:
        raise Invalid("the profile cannot be kept so", errors=errors)
    mails = tuple(each for each in OPTIONAL_MAILS if each in unwanted)
    profile = Profile(subject, name.strip(), email, language, iso(now or utc_now()), mails)
    ProfileItem(*customer_key(subject, "PROFILE"), document=profile).save()
    return profile


def keep_person(person: Person, language: str, now: datetime | None = None) -> Profile:
    """The profile of someone who has just signed in: made from what the user pool knows, its address for mail brought up to date.

    Raises:
        Invalid: the union does not speak the language.
    """
    found = get_profile(person.subject)
    if found is None:
        return save_profile(
            person.subject, name=person.name[:_LONGEST_NAME], email=person.email, language=language, now=now
        )
    if found.email == person.email:
        return found
    return save_profile(
        person.subject,
        name=found.name,
        email=person.email,
        language=found.language,
        unwanted=found.unwanted_mails,
        now=now,
    )


def add_recipient(subject: str, fields: RecipientFields, key: str, now: datetime | None = None) -> Recipient:
    """Keep a customer's recipient under an id derived from customer and idempotency key; a repeat gives the first one.

    Raises:
        Invalid: a field is empty or too long.
        KeyReused: the key was used for another recipient.
    """
    made = recipient_of(subject, fields, key, now or utc_now())
    transaction = WriteTransaction()
    item = RecipientItem(*recipient_key(made.id), document=made)
    transaction.create(item, refuse(Conflict, "this recipient has been made already"))
    transaction.put(RecipientItem(*customer_key(subject, f"RECIPIENT#{made.id}"), document=made))
    try:
        transaction.commit()
    except Conflict:
        return _first(made)
    return made


def recipient_of(subject: str, fields: RecipientFields, key: str, now: datetime) -> Recipient:
    """A recipient as it is kept: of a customer, or, with a `subject` of '', of a sale of a seller's own shop, by which alone it is found.

    Raises:
        Invalid: a field is empty or too long.
    """
    fields = checked_recipient(fields)
    return Recipient(
        derived_id("recipient", subject, key),
        subject,
        fields.name,
        fields.address_lines,
        fields.city,
        fields.postcode,
        fields.phone,
        iso(now),
    )


def keep_recipient(transaction: WriteTransaction, made: Recipient, purchase: str) -> None:
    """Add the recipient of a shop's sale to the transaction that makes its purchase, so that it is kept if that is, and until some time after that is over."""
    transaction.put(RecipientItem(*recipient_key(made.id), document=made))
    add_retention(transaction, made.id, purchase, from_iso(made.made_at))


def require_same(made: Recipient) -> None:
    """Nothing, if the recipient that is kept under an id is that one, or was erased.

    Raises:
        KeyReused: it is another.
    """
    item = find(RecipientItem, *recipient_key(made.id), consistent=True)
    if item is not None and item.document.fields != made.fields:
        raise _other_recipient()


def _first(made: Recipient) -> Recipient:
    first = get_recipient(made.id)
    if first.fields != made.fields:
        raise _other_recipient()
    return first


def _other_recipient() -> KeyReused:
    return KeyReused("this key was used for another recipient; nothing was changed")


def get_recipient(recipient: str, *, customer: str | None = None) -> Recipient:
    """A recipient; with `customer`, only that customer's own.

    Raises:
        NotFound: there is none, or it is another customer's.
    """
    item = find(RecipientItem, *recipient_key(recipient))
    if item is None or (customer is not None and item.document.customer != customer):
        raise NotFound("there is no such recipient")
    return item.document


def list_recipients(subject: str) -> list[Recipient]:
    """A customer's recipients, those that were not taken off the list; at most a hundred. One query."""
    only = CustomersItem.sk.startswith("RECIPIENT#")
    return [item.document for item in RecipientItem.query(f"CUSTOMER#{subject}", only, limit=_MOST_LISTED)]


def unlist_recipient(subject: str, recipient: str) -> None:
    """Take a recipient off its customer's list. Orders keep the one that they were placed with. Repeating it changes nothing.

    Raises:
        NotFound: there is none, or it is another customer's.
    """
    get_recipient(recipient, customer=subject)
    RecipientItem(*customer_key(subject, f"RECIPIENT#{recipient}")).delete()
