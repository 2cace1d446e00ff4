"""Whose turn it is in an urgent sale that lets so many buyers a second in. Pure rules; moments are whole microseconds since 1970.

A gate gives out one turn after another, each a step after the one before (virtual scheduling, as the generic cell rate algorithm of ITU-T
I.371, Annex A, with no burst): a turn is now, where nobody waits. So whoever has a turn knows when it comes, and nothing has to be asked.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

from msgspec import Struct

VALID_SECONDS = 600
"""How long after its turn a ticket may be used."""

_SECOND = 10**6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RATE_OF_A_GATE = 100
"""A gate is one item, which takes 1,000 writes a second (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html):
so it bears that ten times as many come as it lets in."""


class Ticket(Struct, frozen=True):
    """A turn of a customer in a sale. `turn` is when it comes, `rate` how many buyers a second the sale lets in."""

    id: str
    sale: str
    customer: str
    turn: int
    rate: int

    @property
    def expires(self) -> int:
        """When it can no longer be used."""
        return expiry_of(self.turn)

    def wait_seconds(self, now: int) -> int:
        """How long it is until the turn comes, in whole seconds; 0 when it has come."""
        return max(-(-(self.turn - now) // _SECOND), 0)

    def place(self, now: int) -> int:
        """The place in line: as many come before, and this one, as are let in until the turn; 0 when it has come."""
        return max(-(-(self.turn - now) * self.rate // _SECOND), 0)


def expiry_of(turn: int) -> int:
    """When a turn is over."""
    return turn + VALID_SECONDS * _SECOND


def gates_for(rate: int) -> int:
    """Over how many gates a sale's line is split."""
    return max(1, -(-rate // _RATE_OF_A_GATE))


def gate_of(customer: str, rate: int) -> int:
    """The gate at which a customer gets in line, counted from 0."""
    return zlib.crc32(customer.encode()) % gates_for(rate)


def step_of(rate: int) -> int:
    """How long after one turn a gate gives the next: all gates of the sale together let `rate` buyers a second in."""
    return gates_for(rate) * _SECOND // rate


def next_turn(next_at: int | None, now: int, step: int) -> tuple[int, int]:
    """The turn that a gate gives out now, and when the one after it comes; `next_at` is what it said before (None: nothing yet)."""
    turn = now if next_at is None else max(next_at, now)
    return turn, turn + step


def microseconds(moment: datetime) -> int:
    """A moment as turns count."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(turn: int) -> datetime:
    """The moment of a turn."""
    return _EPOCH + timedelta(microseconds=turn)
