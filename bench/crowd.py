"""A crowd before an urgent sale, in simulated time: the union's own rules, and DynamoDB's limit of 1,000 write units a second a partition.

Real are the shards (`urgent_terms.shares`), where a purchase begins among them (`drafting.first_of`) and what it draws (`Listing.drawn`), the gates and their turns
(`turns`) and what a ticket is good for (`tickets.checked`). Simulated are time, the partitions and the shoppers. Nothing here is measured: the same seed gives the same
figures on any machine.

A partition carries out writes one after another, each for its units' part of a second: more than it takes wait their turn, as throttled requests do that are tried again. A purchase
looks at the levels, which takes a while, and its transaction finds them as they are by then; where units are gone meanwhile it looks again.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from msgspec.structs import replace

from mart_union.catalog.model import Listing
from mart_union.catalog.urgent_terms import UrgentSale, shares
from mart_union.checkout.drafting import first_of
from mart_union.checkout.tickets import checked
from mart_union.checkout.turns import Ticket, gate_of, microseconds, next_turn, step_of
from mart_union.kernel.errors import TurnNotCome
from mart_union.kernel.ids import derived_id
from mart_union.stock.model import Level, shard_of

UNITS_A_SECOND = 1_000
_TRANSACTED = 2
_LOOK_SECONDS = (0.004, 0.03)
_BEGIN = microseconds(datetime(2026, 11, 22, 4, tzinfo=UTC))
_SECOND = 10**6
LATEST_SECONDS = 1.2
"""How much later than at its turn a shopper asks: a page counts whole seconds, and the way takes its time."""


@dataclass
class Partition:
    """What one item's partition has promised to carry out."""

    free_at: float = 0.0

    def done_at(self, now: float, units: float) -> float:
        """When a write that comes now is carried out."""
        self.free_at = max(now, self.free_at) + units / UNITS_A_SECOND
        return self.free_at


@dataclass
class Clock:
    """What happens next, in order of time and then of having been arranged."""

    now: float = 0.0
    _waiting: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _number: int = 0

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        self._number += 1
        heapq.heappush(self._waiting, (moment, self._number, action))

    def run(self) -> None:
        """Let everything happen."""
        while self._waiting:
            self.now, _, action = heapq.heappop(self._waiting)
            action()


@dataclass
class Served:
    """What became of a sale: of each purchase that was made its turn, of each that was refused the same; when the last unit went."""

    quantity: int
    units: int = 0
    last_at: float = 0.0
    served: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    too_early: int = 0
    lowest: int = 0

    @property
    def a_second(self) -> float:
        """Units sold a second, until the last one."""
        return self.units / self.last_at if self.last_at else 0.0

    @property
    def out_of_order_seconds(self) -> float:
        """By how much the last turn that was served is later than the first that was refused though its shopper came."""
        if not self.refused or not self.served:
            return 0.0
        return max((max(self.served) - min(self.refused)) / _SECOND, 0.0)


class Sale:
    """An urgent sale of one listing, its levels and their partitions."""

    def __init__(self, quantity: int, rate: int, clock: Clock, chance: random.Random) -> None:
        parts = shares(quantity, rate)
        urgent = UrgentSale(100, "2026-11-22T04:00:00Z", "2026-11-23T04:00:00Z", "sale", quantity, rate=rate)
        level = "listing/store/RUSH"
        self.listing = Listing(
            "store", "RUSH", {}, {}, "", "", "goods", 100, "on_sale", level, urgent=urgent, shards=len(parts)
        )
        names = (shard_of(level, number) for number in range(1, len(parts) + 1))
        self.levels = {name: Level(name, reserve=units) for name, units in zip(names, parts, strict=True)}
        self.partitions = {name: Partition() for name in self.levels}
        self.told, self.clock, self._chance = Served(quantity), clock, chance

    def buy(self, purchase: str, turn: int = 0) -> None:
        """Look at the levels now, and send the transaction a while later; look again where they have moved."""
        drawn = self.listing.drawn(1, dict(self.levels), first=first_of(purchase))
        if not drawn:
            self.told.refused.append(turn)
            return
        arrives = self.clock.now + self._chance.uniform(*_LOOK_SECONDS)

        def commit() -> None:
            if any(self.levels[level].reserve < units for level, units in drawn.items()):
                self.buy(purchase, turn)
                return
            self._take(drawn, turn)

        def send() -> None:
            done = max(self.partitions[level].done_at(self.clock.now, _TRANSACTED) for level in drawn)
            self.clock.at(done, commit)

        self.clock.at(arrives, send)

    def _take(self, drawn: dict[str, int], turn: int) -> None:
        for level, units in drawn.items():
            self.levels[level] = replace(self.levels[level], reserve=self.levels[level].reserve - units)
            self.told.lowest = min(self.told.lowest, self.levels[level].reserve)
            self.told.units += units
        self.told.served.append(turn)
        self.told.last_at = self.clock.now


def sold_at_once(quantity: int, rate: int, seed: int = 1) -> Served:
    """A quarter more buyers than units, all there from the beginning, and no line: what the shards bear."""
    clock = Clock()
    sale = Sale(quantity, rate, clock, random.Random(seed))  # noqa: S311 - chance of a simulation, no secret
    for number in range(quantity + quantity // 4):
        purchase = derived_id("purchase", f"customer-{number}", "key")
        clock.at(0.0, lambda purchase=purchase: sale.buy(purchase))  # type: ignore[misc]
    clock.run()
    return sale.told


def flash_crowd(shoppers: int, quantity: int, rate: int, seed: int = 1, *, within_seconds: float = 60) -> Served:
    """A crowd gets in line within a minute; each comes when it is their turn, one of twenty never, one of twenty too early, too."""
    chance, clock = random.Random(seed), Clock()  # noqa: S311 - chance of a simulation, no secret
    sale = Sale(quantity, rate, clock, chance)
    line = _Line(sale, rate, chance)
    for number in range(shoppers):
        comes = within_seconds * min(chance.expovariate(3), 1)
        clock.at(comes, lambda customer=f"customer-{number}": line.join(customer))  # type: ignore[misc]
    clock.run()
    return sale.told


class _Line:
    """The gates of a sale's line."""

    def __init__(self, sale: Sale, rate: int, chance: random.Random) -> None:
        self._sale, self._rate, self._chance = sale, rate, chance
        self._gates: dict[int, tuple[Partition, int | None]] = {}

    def join(self, customer: str) -> None:
        """A customer's write of a gate goes through when its partition has come to it."""
        gate = gate_of(customer, self._rate)
        partition, _ = self._gates.setdefault(gate, (Partition(), None))
        clock = self._sale.clock
        clock.at(partition.done_at(clock.now, 1), lambda: self._given(customer, gate))

    def _given(self, customer: str, gate: int) -> None:
        partition, next_at = self._gates[gate]
        turn, after = next_turn(next_at, self._now(), step_of(self._rate))
        self._gates[gate] = partition, after
        ticket = Ticket(derived_id("ticket", customer, f"{turn}"), "sale", customer, turn, self._rate)
        clock, lot = self._sale.clock, self._chance.random()
        if lot < 0.05:
            return
        if lot < 0.1:
            clock.at(clock.now, lambda: self._come(ticket))
        late = self._chance.uniform(0.02, LATEST_SECONDS)
        clock.at((turn - _BEGIN) / _SECOND + late, lambda: self._come(ticket))

    def _come(self, ticket: Ticket) -> None:
        try:
            checked(ticket, "sale", ticket.customer, self._now())
        except TurnNotCome:
            self._sale.told.too_early += 1
        else:
            self._sale.buy(derived_id("purchase", ticket.customer, "key"), ticket.turn)

    def _now(self) -> int:
        return _BEGIN + round(self._sale.clock.now * _SECOND)
