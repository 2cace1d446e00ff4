"""Schedules as they go wrong: fired twice, one after the other and at once, killed midway, and late for several periods."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from mart_union.ledger.census import whole_ledger
from mart_union.ledger.due import mark_due
from mart_union.stock.model import COUNTS
from tests.faults import chance
from tests.faults.cells import Cell, Reference, Theater, differences
from tests.faults.children import DONE, KILLED, how_it_ended
from tests.faults.commands import Command, all_commands, started_by
from tests.faults.kinds import FAULTS, Fault
from tests.faults.place import Place, State, books_of, broken_invariants, told
from tests.faults.scenes import Scene, Tale, one_cell, play_cells, tale, together
from tests.faults.stories import STORIES, Story
from tests.faults.wire import Wire

_MEET = next(fault for fault in FAULTS if fault.act == "meet")
_KILLS = [fault for fault in FAULTS if fault.act.startswith("sigkill")]
_PAIRS = 5
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
PERIODS: dict[str, Sequence[timedelta]] = {
    "sweeper": [_MINUTE, 11 * _MINUTE, 12 * _MINUTE, 2 * _DAY - _MINUTE, 2 * _DAY + _MINUTE],
    "settlement": [number * _DAY for number in range(15)],
    "presence": [number * _MINUTE for number in range(6)],
}
"""When each schedule fires, from the beginning on, in which things fall due; the late one fires at the first and the last of them."""
_AFTERWARDS: dict[str, Sequence[timedelta]] = {"settlement": [number * _DAY for number in (1, 2, 3, 10, 20)]}
"""When both fire after that, so that what the late one began comes to its end, too."""


def schedule_scenes(seed: int, *, short: bool = False) -> list[Scene]:
    """For each function that a schedule starts: its stories fired twice and killed, and the function late."""
    scenes = []
    for function in started_by("ScheduleV2"):
        told = scheduled_stories(function)
        for number, (command, story) in enumerate(told):
            name = f"schedule of {function} ({story.name} {number + 1})"
            play = partial(_play, name, command, story, seed, sample=1 if short else 0)
            scenes.append(Scene(name, play))
        if told and not short:
            name = f"schedule of {function}, late for several periods"
            scenes.append(Scene(name, partial(_play_late, name, *told[0])))
    return random.Random(seed).sample(scenes, 1) if short else scenes


def scheduled_stories(function: str) -> list[tuple[Command, Story]]:
    """The stories of a function that a schedule starts, without those that something delivers to it."""
    commands = [command for command in all_commands() if command.function == function]
    told = [(command, story) for command in commands for story in STORIES.get(str(command), ())]
    return [(command, story) for command, story in told if not story.is_delivered(function)]


def _play(name: str, command: Command, story: Story, seed: int, place: Place, wire: Wire, *, sample: int) -> Tale:
    theater = Theater(place, wire, command, story)
    chance_of_it = random.Random(f"{seed} {name}")
    reference = theater.rehearse()

    def some(faults: Iterable[Fault]) -> list[Cell]:
        cells = [Cell(fault, request) for fault in faults for request in reference.requests]
        return chance_of_it.sample(cells, min(sample or len(cells), len(cells)))

    meetings, kills = some([_MEET]), some(_KILLS)
    tales = [
        one_cell(f"{name} fired twice, one after the other", _twice(theater, reference)),
        tale(f"{name} fired twice at once", play_cells(theater, reference, meetings), len(meetings)),
        one_cell(f"{name} fired twice at once, in two processes", _in_pairs(theater, reference, chance_of_it)),
        tale(f"{name} killed midway, then fired twice at once", _killed(theater, reference, kills), len(kills)),
    ]
    theater.close()
    return together(tales)


def _twice(theater: Theater, reference: Reference) -> list[str]:
    theater.begin_again(reference)
    for _ in range(2):
        theater.run()
    return _wrong_end(theater, reference)


def _in_pairs(theater: Theater, reference: Reference, dice: random.Random) -> list[str]:
    problems = []
    for _ in range(_PAIRS):
        theater.begin_again(reference)
        problems += _pair(theater, dice)
        problems += _wrong_end(theater, reference)
    return problems


def _killed(theater: Theater, reference: Reference, cells: Iterable[Cell]) -> list[tuple[str, list[str]]]:
    failures = []
    for cell in cells:
        theater.begin_again(reference)
        ended = theater.run_forked((cell.fault, cell.request)).word
        problems = [] if ended == KILLED else [f"it was to be killed, and {ended}"]
        problems += _pair(theater, random.Random(str(cell)))
        problems += _wrong_end(theater, reference)
        if problems:
            failures.append((str(cell), problems))
    return failures


def _pair(theater: Theater, dice: random.Random) -> list[str]:
    """Two processes run it, one a moment after the other; what is wrong with how they ended."""
    pause = dice.uniform(0, 0.02)
    children = [theater.fork(after_seconds=seconds) for seconds in (0, pause)]
    ends = [how_it_ended(child) for child in children]
    return [f"one of two at once {end}" for end in ends if end != DONE]


def _wrong_end(theater: Theater, reference: Reference) -> list[str]:
    """The next period brings to its end what two runs in each other's way have left."""
    theater.wait()
    theater.run()
    end = theater.look()
    return differences(reference.end, told(end), "the end") + broken_invariants(end)


def _play_late(name: str, command: Command, story: Story, place: Place, wire: Wire) -> Tale:
    periods = PERIODS[command.function]
    on_time, told_then = _fire(Theater(place, wire, command, story), periods)
    late, told_late = _fire(Theater(place, wire, command, story), [periods[0], periods[-1]])
    problems = differences(standing(on_time), standing(late), "how things stand")
    problems += broken_invariants(on_time) + broken_invariants(late)
    if standing(on_time) == standing(place.laid) and not told_then:
        problems.append("nothing fell due in all these periods")
    if told_then != told_late:
        problems.append(f"the late one told {told_late}, the one on time {told_then}")
    return one_cell(name, problems)


def _fire(theater: Theater, periods: Sequence[timedelta]) -> tuple[State, set[str]]:
    """How things stand after it was fired at these times in the world as it was laid, and some more; and what it told last."""
    theater.lay()
    effects: set[str] = set()
    afterwards = _AFTERWARDS.get(theater.command.function, ())
    for period in [*periods, *(periods[-1] + later for later in afterwards)]:
        chance.set_clock(chance.START + period)
        mark_due(whole_ledger().payables, chance.now())  # as the ledger's stream has it done
        effects = theater.run_with_effects()
        theater.feed_queued()
    state = theater.look()
    theater.close()
    return state, effects


def standing(state: State) -> list[str]:
    """Everybody's money and goods, without the moments at which they moved."""
    books = books_of(state)
    lines = [f"account {each.name} {each.balance_minor} {each.available_minor}" for each in books.ledger.accounts]
    lines += [f"level {level.id} {_counts(level)}" for level in books.levels]
    lines += [f"purchase {each.id} {each.payment}" for each in books.purchases]
    lines += [
        f"line {order.id}-{line.number} {line.state} {line.escrow_minor} {line.held_minor}"
        for order in books.orders
        for line in order.lines
    ]
    lines += [f"payable {each.party} {each.amount_minor} {bool(each.statement)}" for each in books.ledger.payables]
    lines += [f"statement {each.party} {each.total_minor} {each.state}" for each in books.ledger.statements]
    lines += [f"payout {each.party} {each.amount_minor} {each.state}" for each in books.ledger.payouts]
    return sorted(lines)


def _counts(level: Any) -> str:
    return " ".join(str(getattr(level, name)) for name in COUNTS)
