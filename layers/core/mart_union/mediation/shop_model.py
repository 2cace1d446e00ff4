"""Sellers' own web shops, and attempts to tell them."""

from __future__ import annotations

from msgspec import Struct


class Shop(Struct, frozen=True):
    """A seller's own web shop outside the union, which is told of each change of the store's links.

    `replays` counts how often all links were asked to be told again; `key` is of the last command, so that its repeat does nothing.
    """

    store: str
    id: str
    url: str
    state: str
    registered_at: str
    replays: int = 0
    key: str = ""
    sequence: int = 1


class Delivery(Struct, frozen=True):
    """One attempt to tell a shop of a link: `status` is what it answered, 0 when it did not, and `problem` why it failed ('' when told)."""

    shop: str
    event: str
    sku: str
    sequence: int
    at: str
    status: int
    problem: str = ""
