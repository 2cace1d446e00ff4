"""Customers and what the union knows of them. Names and addresses live in items of their own, referenced by opaque ids."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from mart_union.kernel.errors import Invalid, RuleViolation
from mart_union.kernel.formulas import holds_a_formula

VIEW_KINDS = ("union", "category", "store", "listing", "redirect", "cart", "checkout")
MEMBER_ROLES = {"store": ("owner", "manager", "packer"), "supplier": ("owner", "member"), "enterprise": ("owner",)}
VIEW_DAYS = 90
SESSION_DAYS = 30
CART_DAYS = 30
INVITATION_DAYS = 7
MOST_CART_LINES = 50
MOST_UNITS_A_LINE = 999


OPTIONAL_MAILS = ("progress", "answers", "stock", "statements")
"""Mails that nobody has to get: that an order is accepted or begun, that a response was answered, that stock is low or gone, and that there is a
statement. All others say what somebody has to know or do."""


class Profile(Struct, frozen=True):
    """A customer's name, address for mail, and language, and which of the OPTIONAL_MAILS they do not want. Personal data: never in an event, a log or another
    item."""

    customer: str
    name: str
    email: str
    language: str
    updated_at: str
    unwanted_mails: tuple[str, ...] = ()


class Person(Struct, frozen=True):
    """Whom the user pool knows; `email` is '' until its owner has verified it."""

    subject: str
    name: str
    email: str


class RecipientFields(Struct, frozen=True):
    """What a customer says of a recipient."""

    name: str
    address_lines: tuple[str, ...]
    city: str
    postcode: str
    phone: str


class DestinationFields(Struct, frozen=True):
    """What a party says of its bank account: whose it is, its IBAN or number, and its bank's BIC or code."""

    holder: str
    account: str
    bank: str = ""


class Destination(Struct, frozen=True):
    """Where a party's payouts go: an account at a bank. Immutable but for its state; a change makes a new one, to be verified anew."""

    id: str
    party: str
    holder: str
    account: str
    bank: str
    state: str
    set_by: str
    set_at: str
    decided_by: str = ""
    decided_at: str = ""
    sequence: int = 1

    @property
    def fields(self) -> DestinationFields:
        """What the party said."""
        return DestinationFields(self.holder, self.account, self.bank)

    @property
    def masked(self) -> str:
        """The account as it is shown: its last four characters."""
        return f"•••• {self.account[-4:]}"


class DestinationView(Struct, frozen=True):
    """A destination as it is shown: its account masked. Without an id none is set."""

    party: str
    id: str = ""
    holder: str = ""
    account: str = ""
    bank: str = ""
    state: str = "none"
    set_at: str = ""


def view_of(party: str, destination: Destination | None) -> DestinationView:
    """A party's destination as it is shown."""
    if destination is None:
        return DestinationView(party)
    shown = destination
    return DestinationView(party, shown.id, shown.holder, shown.masked, shown.bank, shown.state, shown.set_at)


class Contact(Struct, frozen=True):
    """A person at a business, with how to reach them there."""

    name: str
    email: str = ""
    phone: str = ""


class Recipient(Struct, frozen=True):
    """Who gets a delivery, where. Immutable: an edit makes a new one, so that an order keeps the one it was placed with."""

    id: str
    customer: str
    name: str
    address_lines: tuple[str, ...]
    city: str
    postcode: str
    phone: str
    made_at: str

    @property
    def fields(self) -> RecipientFields:
        """What the customer said."""
        return RecipientFields(self.name, self.address_lines, self.city, self.postcode, self.phone)


class Session(Struct, frozen=True):
    """A browsing session: anonymous until its customer signs in. Views are kept only when `consent` is given."""

    id: str
    consent: bool
    started_at: str
    customer: str = ""


class View(Struct, frozen=True):
    """One step of a browsing sequence."""

    id: str
    session: str
    at: str
    kind: str
    path: str
    store: str = ""
    sku: str = ""


class CartLine(Struct, frozen=True):
    """A quantity of a listing in a cart; of a bookable service, at the time named by `slot`."""

    store: str
    sku: str
    quantity: int
    slot: str = ""

    @property
    def wanted(self) -> tuple[str, str, str]:
        """Of what it is a quantity."""
        return self.store, self.sku, self.slot


class Cart(Struct, frozen=True):
    """What a shopper means to buy; `sequence` counts its changes (0: it was never filled)."""

    lines: tuple[CartLine, ...] = ()
    sequence: int = 0


class Membership(Struct, frozen=True):
    """A role of a person in a store, with a supplier, or in an enterprise."""

    subject: str
    kind: str
    id: str
    role: str
    since: str


class Invitation(Struct, frozen=True):
    """An offer to work for a store or supplier (`kind` and `id`, and the `names` that it had), taken up once by whoever has its code."""

    code: str
    kind: str
    id: str
    role: str
    made_by: str
    made_at: str
    names: dict[str, str] = {}


def checked_recipient(fields: RecipientFields) -> RecipientFields:
    """The fields without surrounding blanks, if a delivery can be addressed with them.

    Raises:
        Invalid: a field is empty or too long; `errors` names each.
    """
    cleaned = RecipientFields(
        fields.name.strip(),
        tuple(line.strip() for line in fields.address_lines if line.strip()),
        fields.city.strip(),
        fields.postcode.strip(),
        fields.phone.strip(),
    )
    wanted = {
        "name": (cleaned.name, 80),
        "address_lines": (" ".join(cleaned.address_lines), 300),
        "city": (cleaned.city, 80),
        "postcode": (cleaned.postcode, 16),
        "phone": (cleaned.phone, 32),
    }
    errors = [
        {"field": field, "reason": f"must have 1 to {longest} characters", "longest": longest}
        for field, (text, longest) in wanted.items()
        if not 0 < len(text) <= longest
    ]
    if errors:
        message = "a delivery needs a name, an address, a city, a postcode and a phone number"
        raise Invalid(message, reason="recipient", errors=errors)
    return cleaned


def checked_role(kind: str, role: str) -> None:
    """Nothing, if there is such a role.

    Raises:
        Invalid: there is not.
    """
    if role not in MEMBER_ROLES.get(kind, ()):
        raise Invalid(f"'{role}' is not a role in a {kind}", errors=[{"field": "role", "reason": "unknown"}])


def with_quantity(lines: tuple[CartLine, ...], line: CartLine, *, add: bool = False) -> tuple[CartLine, ...]:
    """The lines with a listing's quantity set (or added to what is there); a listing, at a time, is one line, and 0 takes it out.

    Raises:
        Invalid: the quantity is not from 0 (1 when adding) to 999.
        RuleViolation: the cart would have more than fifty lines.
    """
    already = {each.wanted: each.quantity for each in lines}
    quantity = line.quantity + (already.get(line.wanted, 0) if add else 0)
    if not (1 if add else 0) <= line.quantity <= MOST_UNITS_A_LINE or quantity > MOST_UNITS_A_LINE:
        reason = f"a cart line has from 1 to {MOST_UNITS_A_LINE} units"
        raise Invalid(reason, errors=[{"field": "quantity", "reason": reason}])
    already[line.wanted] = quantity
    if len(already) > MOST_CART_LINES:
        message = f"a cart has at most {MOST_CART_LINES} lines: check out first, or take something out"
        raise RuleViolation(message, reason="cart-full", most=MOST_CART_LINES)
    return tuple(CartLine(store, sku, number, slot) for (store, sku, slot), number in already.items() if number)


def merged_lines(newest: Iterable[CartLine], older: Iterable[CartLine]) -> tuple[CartLine, ...]:
    """Two carts as one: the same listing's quantities add up, and what goes beyond a cart's limits is left out, oldest first."""
    total: dict[tuple[str, str, str], int] = {}
    for line in (*newest, *older):
        total[line.wanted] = min(total.get(line.wanted, 0) + line.quantity, MOST_UNITS_A_LINE)
    kept = list(total.items())[:MOST_CART_LINES]
    return tuple(CartLine(store, sku, quantity, slot) for (store, sku, slot), quantity in kept)


_NUMBER = re.compile(r"^[0-9A-Z]{4,34}$")
_BANK = re.compile(r"^[0-9A-Z]{3,11}$")


_BIC = re.compile(r"^[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?$")
"""As the schemas of ISO 20022 payment messages have it (BICIdentifier)."""


def checked_destination(fields: DestinationFields, currency: str) -> DestinationFields:
    """A bank account without blanks, in capitals, if money can be sent to it, of a holder whom a spreadsheet takes for no formula: where the currency is the euro an IBAN, a holder who can be
    written in Latin letters and perhaps a BIC, as the bank's message needs them; elsewhere an IBAN or a number with its bank's code.

    Raises:
        Invalid: a field is missing, malformed or too long; `errors` names each.
    """
    holder = " ".join(fields.holder.split())
    account, bank = (re.sub(r"[\s-]", "", text).upper() for text in (fields.account, fields.bank))
    problems = []
    if not 0 < len(holder) <= 70 or not holder.isprintable():
        problems.append({"field": "holder", "reason": "is 1 to 70 characters"})
    elif holds_a_formula(holder):
        problems.append({"field": "holder", "reason": "is nothing that a spreadsheet takes for a formula"})
    elif currency == "EUR" and not _in_latin(holder):
        problems.append({"field": "holder", "reason": "has no letter that a bank's message can carry"})
    has_iban = _is_iban(account)
    if currency == "EUR" and not has_iban:
        problems.append({"field": "account", "reason": "is not a valid IBAN"})
    elif not has_iban and not _NUMBER.match(account):
        problems.append({"field": "account", "reason": "is 4 to 34 letters and digits"})
    if currency == "EUR" and bank and not is_bic(bank):
        problems.append({"field": "bank", "reason": "is no BIC"})
    elif (bank and not _BANK.match(bank)) or (not bank and not has_iban):
        problems.append({"field": "bank", "reason": "is a code of 3 to 11 letters and digits"})
    if problems:
        raise Invalid("this is no bank account that money can be sent to", errors=problems)
    return DestinationFields(holder, account, bank)


def is_bic(bank: str) -> bool:
    """Whether a bank's code is a BIC, as a SEPA payment needs it."""
    return _BIC.match(bank) is not None


def _in_latin(holder: str) -> str:
    from text_unidecode import unidecode  # as sepaxml writes names; only where an account is entered

    return str(unidecode(holder)).strip()


def _is_iban(account: str) -> bool:
    from stdnum import iban  # only where an account is entered

    return bool(iban.is_valid(account))


MAIL_OUTCOMES = ("failed", "refused", "sent")
"""What becomes of a try: it failed, and is made again by itself up to five times; it was refused for good; the channel has taken the mail."""


class MailAttempt(Struct, frozen=True, omit_defaults=True):
    """One try to tell one reader (`subject`) of an `audience`, such as store/emei-tea, of an event, in the words of a `template`.

    `problem` names what went wrong; `asked_by` is the operator who had it sent again.
    """

    id: str
    at: str
    outcome: str
    event: str
    event_name: str
    entity: str
    template: str
    audience: str
    subject: str
    problem: str = ""
    asked_by: str = ""
