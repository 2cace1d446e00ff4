"""Webhooks of orders, and the attempts to tell them. Pure records."""

from __future__ import annotations

from msgspec import Struct


class OrderWebhook(Struct, frozen=True, omit_defaults=True):
    """An address that a `party` (store/<id> or supplier/<id>) has told of its orders, registered as `first_url` if that was another ('' if not).

    `secret` counts its secrets, the newest of which is as old as `secret_since`; `key` is of the command that made that, so that its repeat makes none.
    """

    party: str
    id: str
    url: str
    state: str
    registered_at: str
    secret: int = 1
    secret_since: str = ""
    key: str = ""
    sequence: int = 1
    first_url: str = ""


class OrderDelivery(Struct, frozen=True):
    """One attempt to tell a webhook of an order: `status` is what it answered, 0 when it did not, `problem` why it failed ('' when told), and `next_at` when
    it is tried again ('' when it is not)."""

    webhook: str
    event: str
    kind: str
    order: str
    sequence: int
    at: str
    status: int
    problem: str = ""
    next_at: str = ""
