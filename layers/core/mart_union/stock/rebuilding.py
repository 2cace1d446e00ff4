"""A level told again from its journal, and compared with the level itself. Pure rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct, field

from mart_union.stock.model import COUNTS, JournalEntry, Level


class Rebuilt(Struct):
    """What the movements that were added so far, in whatever order, make of a level that begins with nothing.

    `entries` counts them, `newest` is the sequence of the last of them and `reserve_after` what that one says was left.
    """

    counts: Counter[str] = field(default_factory=Counter)
    entries: int = 0
    newest: int = 0
    reserve_after: int = 0

    def add(self, entry: JournalEntry) -> None:
        """Add a movement; each once."""
        self.counts.update(entry.moved)
        self.entries += 1
        if entry.sequence > self.newest:
            self.newest, self.reserve_after = entry.sequence, entry.reserve_after

    def difference(self, level: Level, caught_up: str = "") -> str:
        """In what the journal up to a level's sequence differs from the level, '' where it does not.

        A journal that is whole and ends before the level is not behind by more than the stream, as long as the level has moved since
        `caught_up` (ISO): then it is no difference.
        """
        if self.entries < self.newest:
            return f"{self.newest - self.entries} of its first {self.newest} movements are not in its journal"
        if self.newest < level.sequence:
            ends = f"its journal ends at movement {self.newest} of {level.sequence}, the last of {level.at}"
            return ends if level.at < caught_up else ""
        told = {name: self.counts[name] for name in COUNTS} | {"reserve after the last": self.reserve_after}
        counted = {name: getattr(level, name) for name in COUNTS} | {"reserve after the last": level.reserve}
        differing = [f"{name} {told[name]}, not {counted[name]}" for name in told if told[name] != counted[name]]
        return f"by its journal it has {'; '.join(differing)}" if differing else ""


def rebuild(entries: Iterable[JournalEntry]) -> Rebuilt:
    """What some movements of one level make of it."""
    rebuilt = Rebuilt()
    for entry in entries:
        rebuilt.add(entry)
    return rebuilt
