"""Customers and what the union knows of them. Names and addresses live in items of their own, referenced by opaque ids."""

from __future__ import annotations

from dataclasses import dataclass

VIEW_KINDS = ("union", "category", "store", "listing", "redirect", "cart", "checkout")
STORE_ROLES = ("owner", "manager", "packer")
VIEW_DAYS = 90
SESSION_DAYS = 30


@dataclass(frozen=True)
class Profile:
    """A customer's name, address for mail, and language. Personal data: never in an event, a log or another item."""

    customer: str
    name: str
    email: str
    language: str
    updated_at: str


@dataclass(frozen=True)
class Recipient:
    """Who gets a delivery, where. Immutable: an edit makes a new one, so that an order keeps the one it was placed with."""

    id: str
    customer: str
    name: str
    address_lines: tuple[str, ...]
    city: str
    postcode: str
    phone: str
    made_at: str


@dataclass(frozen=True)
class Session:
    """A browsing session: anonymous until its customer signs in. Views are kept only when `consent` is given."""

    id: str
    consent: bool
    started_at: str
    customer: str = ""


@dataclass(frozen=True)
class View:
    """One step of a browsing sequence."""

    id: str
    session: str
    at: str
    kind: str
    path: str
    store: str = ""
    sku: str = ""


@dataclass(frozen=True)
class CartLine:
    """A quantity of a listing in a cart."""

    store: str
    sku: str
    quantity: int


@dataclass(frozen=True)
class Membership:
    """A role of a person in a store or with a supplier."""

    subject: str
    kind: str
    id: str
    role: str
    since: str


@dataclass(frozen=True)
class Invitation:
    """An offer to join a store's staff, taken up once by whoever has its code."""

    code: str
    store: str
    role: str
    made_by: str
    made_at: str
