"""Cells: one command, one of its requests, one fault. Run up to it, repeated as its caller would, and compared with the unbroken run."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.faults import chance
from tests.faults.children import KILLED, how_it_ended, in_a_child
from tests.faults.commands import Command
from tests.faults.kinds import Fault, Request
from tests.faults.place import (
    BUCKET,
    Place,
    State,
    broken_invariants,
    drop_clients,
    forget_what_processes_keep,
    know,
    told,
)
from tests.faults.stories import Story, sample_event
from tests.faults.wire import Effect, Killed, Wire
from tests.gateway import CONTEXT, headers_of
from tests.test_events import handler_of

_MOST_REPEATS = 4
_SECONDS_TO_REPEAT = {
    "shelving": 400,  # a queue delivers again once the visibility timeout is over, when every lease has lapsed
    "syndication": 400,
    "notifications": 400,
    "webhooks": 400,
    "catalog_import": 120,  # storage tells again after a minute, then after two
    "sweeper": 60,
    "settlement": 60,
}
_SHOWN = 12
_LAST_VIEW = re.compile(r'(?<=name="last_view" value=")[^"]*')
_DENIED = frozenset({"401", "403", "404"})


@dataclass(frozen=True)
class Answer:
    """What a caller got: a word (a status, `handled`, `failed`, `raises`, `killed`) and, of what is for machines, the content."""

    word: str
    content: str = ""

    @property
    def ends_it(self) -> bool:
        """Whether the caller leaves it at that."""
        return self.word not in {"failed", "raises", KILLED} and not self.word.startswith("5")


@dataclass(frozen=True)
class Cell:
    """One thing to try."""

    fault: Fault
    request: Request

    def __str__(self) -> str:
        return f"{self.fault.name} @ {self.request}"


@dataclass
class Reference:
    """The unbroken run: its requests, its answers (the first and a repeat's), how things stand after it, what went out."""

    begin: State
    moment: datetime
    requests: list[Request]
    answers: tuple[Answer, Answer]
    end: list[str]
    effects: set[str]
    adds: bool = False
    problems: list[str] = field(default_factory=list)


class Theater:
    """Plays a command's story at a place, over a wire."""

    def __init__(self, place: Place, wire: Wire, command: Command, story: Story) -> None:
        self.place, self.wire, self.command, self.story = place, wire, command, story
        self._handler = handler_of(command.function)
        self._patches = pytest.MonkeyPatch()
        self._now = place.read()

    def close(self) -> None:
        """Take the stage down."""
        self._patches.undo()

    def rehearse(self) -> Reference:
        """Play it unbroken, and repeat it: the repeat must change nothing."""
        begin, moment = self._set_the_scene()
        first = self._play()
        requests, effects = list(self.wire.requests), _words(self.wire.effects)
        once = self.look()
        self.wait()
        again = self._play()
        twice = self.look()
        reference = Reference(begin, moment, requests, (first, again), told(once), effects, bool(self.story.adds))
        if not first.ends_it or first.word.startswith("4"):
            reference.problems.append(f"the unbroken run ends as {first.word}: {first.content[:300]}")
        if not self.story.adds:
            reference.problems += differences(told(once), told(twice), "the repeat of the unbroken run")
        reference.problems += broken_invariants(twice)
        return reference

    def play(self, reference: Reference, cell: Cell) -> list[str]:
        """Everything that is wrong with how a cell ended; nothing when it ended as it should."""
        self.begin_again(reference)
        first = (
            self.run_forked((cell.fault, cell.request))
            if cell.fault.act.startswith("sigkill")
            else self._play((cell.fault, cell.request))
        )
        if first.word != KILLED if cell.fault.act.startswith("sigkill") else not self.wire.struck:
            return [f"the fault did not strike, the command sent other requests this time: {_shown(first)}"]
        problems = (_wrong_page if self._only_shows(cell) else _wrong_first)(first, reference, cell)
        if reference.adds and cell.fault.passes_at(cell.request):  # the caller has its answer, and does not repeat
            return problems + differences(reference.end, told(self.look()), "the end")
        effects = _words(self.wire.effects)
        answer = first
        for _ in range(_MOST_REPEATS):
            self.wait()
            answer = self._play()
            effects |= _words(self.wire.effects)
            if answer.ends_it:
                break
        if answer not in reference.answers:
            problems.append(f"the repeat answers {_shown(answer)}, the unbroken run {_shown(reference.answers[0])}")
        end = self.look()
        reported = self.story.reports and cell.fault.act == "conflict" and first.ends_it
        if not reference.adds and not reported:
            problems += differences(reference.end, told(end), "the end")
        if not reference.effects <= effects and not cell.fault.act.startswith(
            "sigkill"
        ):  # what that one sent is not known
            problems.append(f"never sent out: {sorted(reference.effects - effects)[:3]}")
        return problems + broken_invariants(end)

    def _only_shows(self, cell: Cell) -> bool:
        """Whether a page is asked for, and what goes wrong is beside it: not that nobody answers from then on."""
        beside = not cell.fault.strikes_all_after and not cell.request.reads
        return beside and self.command.way.startswith("GET ") and "kill" not in cell.fault.act

    def play_stranger(self, reference: Reference) -> list[str]:
        """Somebody who is signed in and has no part in it asks for the same: a refusal that changes nothing, or it is wrong."""
        self.begin_again(reference)
        event = self.story.event_in(self.command.function, self.place.names)
        event["requestContext"]["authorizer"] = {"subject": "customer-stranger", "role": ""}
        answer = self._feed(event, self.story.name)
        problems = differences(told(reference.begin), told(self.look()), "what a stranger's request leaves behind")
        return problems if answer.word in _DENIED else [f"a stranger is answered {_shown(answer)}", *problems]

    def play_changed(
        self, reference: Reference, change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> tuple[State, Answer]:
        """Play it with a changed event, redelivered until it is handled; answers with how things stand then."""
        self.begin_again(reference)
        for _ in range(_MOST_REPEATS):
            forget_what_processes_keep()
            event = change(self.story.event_in(self.command.function, self.place.names))
            answer = self._feed(event, self.story.name)
            if answer.ends_it:
                break
            self.wait()
        return self.look(), answer

    def run(self) -> None:
        """Play it, however it ends."""
        self._play()

    def run_with_effects(self) -> set[str]:
        """Play it; what it told to others, beyond the union's own queues."""
        self._play()
        return _words([effect for effect in self.wire.effects if effect[0] != "sqs"])

    def feed_queued(self) -> None:
        """Deliver what the last run put on its function's own queue, until nothing comes of it any more."""
        for _ in range(_MOST_REPEATS):
            bodies = _queued(self.wire.effects)
            if not bodies:
                return
            records = [
                {"messageId": str(number), "body": body, "eventSource": "aws:sqs", "attributes": {}}
                for number, body in enumerate(bodies)
            ]
            self._feed({"Records": records}, self.story.name)

    def lay(self) -> None:
        """The world as it was laid, with nothing of the story's beginning."""
        chance.set_clock(chance.START)
        self._put_back(self.place.laid)

    def _set_the_scene(self) -> tuple[State, datetime]:
        chance.set_clock(chance.START)
        self._put_back(self.place.laid)
        for name in self.story.before:
            self._feed(sample_event(self.command.function, name, self.place.names), name)
        prepared = self.story.prepare(self.place) if self.story.prepare else None
        begin = self.look()
        know(begin)
        chance.set_clock(prepared or chance.START)
        self._begin, self._moment = begin, chance.now()
        return begin, self._moment

    def begin_again(self, reference: Reference) -> None:
        """Everything as it was before the story, and the clock, too."""
        self._put_back(reference.begin)
        chance.set_clock(reference.moment)

    def _put_back(self, wanted: State) -> None:
        self.place.put_back(wanted, self.look())  # with what a thread of the last run has written since
        self.wire.forget_written()
        self._now = wanted

    def look_anew(self) -> None:
        """Believe nothing of what was known: a run has gone wrong."""
        self._now = self.place.read()

    def look(self) -> State:
        """How things stand."""
        self._now = self.place.read(self._now, self.wire.forget_written())
        return self._now

    def wait(self) -> None:
        """Let the time pass after which its caller comes again."""
        chance.move_clock(_SECONDS_TO_REPEAT.get(self.command.function, 1))

    def _play(self, strike: tuple[Fault, Request] | None = None) -> Answer:
        forget_what_processes_keep()
        self.place.names["timestamp"] = str(int(time.time()))
        event = self.story.event_in(self.command.function, self.place.names)
        return self._feed(event, self.story.name, strike)

    def _feed(self, event: dict[str, Any], name: str, strike: tuple[Fault, Request] | None = None) -> Answer:
        file = Path("events") / self.command.function / f"{name.replace('/', '_')}.json"
        self.place.neighbours.prepare(file, event, self._patches)
        try:
            return _answer(self.wire.watch(lambda: self._handler(event, CONTEXT), strike))
        except Killed:
            return Answer(KILLED)
        except Exception as error:  # a stream, a schedule or the bucket comes again with it
            return Answer("raises", type(error).__name__)

    def run_forked(self, strike: tuple[Fault, Request]) -> Answer:
        """Play it in a process of its own, which is ended by the operating system at the request."""
        return Answer(how_it_ended(self.fork(strike)))

    def fork(self, strike: tuple[Fault, Request] | None = None, *, after_seconds: float = 0) -> int:
        """Begin to play it in a process of its own; answers with its id."""
        self.wire.written.update(table for table, _, _ in self._now.items)
        self.wire.written.add(BUCKET)
        child = os.fork()
        if not child:
            in_a_child(lambda: self._play_apart(strike, after_seconds))
        return child

    def _play_apart(self, strike: tuple[Fault, Request] | None, after_seconds: float) -> None:
        time.sleep(after_seconds)
        drop_clients()
        self.wire.renew()
        self._play(strike)


def _answer(raw: Any) -> Answer:
    if not isinstance(raw, dict):
        return Answer("handled")
    if "batchItemFailures" in raw:
        return Answer("failed" if raw["batchItemFailures"] else "handled")
    if "statusCode" not in raw:
        return Answer("handled", chance.plain(json.dumps(raw, sort_keys=True)))
    text = "" if raw.get("isBase64Encoded") else raw.get("body") or ""
    return Answer(str(raw["statusCode"]), chance.plain(f"{headers_of(raw).get('location', '')}{text}"))


def _wrong_first(first: Answer, reference: Reference, cell: Cell) -> list[str]:
    """A caller may be told that it failed, and to try again; never that it was refused, and nothing when the SDK got it through."""
    if cell.fault.passes_at(cell.request):
        if first not in reference.answers:
            return [f"the caller sees {_shown(first)}, though the SDK's repeat got it through"]
        return []
    if first in reference.answers or not first.ends_it:
        return []
    if cell.fault.act == "meet" and first.word == "409":  # of two changes of the same thing at once, one came first
        return []
    return [f"the caller is told {_shown(first)}"]


def _wrong_page(first: Answer, reference: Reference, _: Cell) -> list[str]:
    """A page is shown as ever though its view could not be recorded."""
    if _without_view(first) in map(_without_view, reference.answers):
        return []
    return [f"a page was to be shown though its view could not be recorded: {_shown(first)}"]


def _without_view(answer: Answer) -> Answer:
    """An answer without the view that its page names for the purchase that follows: there is none where it could not be recorded."""
    return replace(answer, content=_LAST_VIEW.sub("", answer.content))


def _shown(answer: Answer) -> str:
    return f"{answer.word} {answer.content[:200]}".strip()


def _queued(effects: list[Effect]) -> list[str]:
    batches = (msgspec.json.decode(body) for _, operation, body in effects if operation == "SendMessageBatch")
    return [entry["MessageBody"] for batch in batches for entry in batch["Entries"]]


def _words(effects: list[Effect]) -> set[str]:
    """What went out, so that the same thing told twice is the same: events, mails, what shops were told."""
    words = set()
    for service, operation, body in effects:
        if operation == "PutEvents":
            entries = msgspec.json.decode(body)["Entries"]
            words |= {chance.plain(f"{entry['DetailType']} {entry['Detail']}") for entry in entries}
        elif operation == "SendMessageBatch":
            words |= {chance.plain(f"message {message}") for message in _queued([(service, operation, body)])}
        elif operation == "SendEmail":
            mail = msgspec.json.decode(body)
            words.add(f"mail {mail['Destination']} {mail['Content']['Simple']['Subject']['Data']}")
        else:
            words.add(chance.plain(f"{service} {operation} {body!r}"))
    return words


def differences(wanted: list[str], found: list[str], what: str) -> list[str]:
    """What two tellings of a state do not share, in lines to read."""
    missing, more = Counter(wanted), Counter(found)
    missing, more = missing - more, more - missing
    lines = [f"missing {line}" for line in missing] + [f"more {line}" for line in more]
    return [f"{what} is not that of the unbroken run:", *lines[:_SHOWN]] if lines else []
