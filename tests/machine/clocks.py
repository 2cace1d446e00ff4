"""What happens by itself: schedules, queues and streams."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from mart_union.kernel.clock import iso
from mart_union.ledger import jobs
from mart_union.settlement.rounds import HOURS, MINUTES
from tests.faults import chance
from tests.machine.machine import History, some
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import batches, invocation, queue_batch

_HOURLY = ("order_deadlines", "complete_due", "erase_recipients")
_STEPS_BETWEEN = 4
"""Schedules fire between commands, not instead of them."""


def _is_busy(history: History) -> bool:
    return history.quiet >= _STEPS_BETWEEN


class Clocks(History):
    """Time passes, schedules fire, queues and streams deliver."""

    @precondition(_is_busy)
    @rule(minutes=st.sampled_from((1, 12)), strike=strikes)
    def minutes_pass(self, minutes: int, strike: Aimed | None) -> None:
        """Some minutes pass, and the sweeper comes by."""
        self.quiet = 0
        chance.set_clock(chance.now() + timedelta(minutes=minutes))
        self.perform("sweep", invocation("sweeper", {}), strike)

    @precondition(_is_busy)
    @rule(hours=st.sampled_from((5, 30, 60, 200)), strike=strikes)
    def days_pass(self, hours: int, strike: Aimed | None) -> None:
        """Days pass; the sweeper frees what is unpaid, has nothing to free for as long, and comes by in the end."""
        self.minutes_pass(12, None)
        chance.set_clock(chance.now() + timedelta(hours=hours))
        for job in ("expire_unpaid", "capture_accepted"):
            jobs.set_checkpoint(job, iso(chance.now() - timedelta(minutes=2))[:MINUTES])
        self.pass_empty_hours()
        self.perform("sweep after days", invocation("sweeper", {}), strike)

    def pass_empty_hours(self) -> None:
        """Schedules have fired each hour until the first in which there is something to do, or until now."""
        hours = [item["clock_pk"]["S"].rpartition("#")[2] for item in self.state.items.values() if "clock_pk" in item]
        hours += [pk.partition("#")[2] for _, pk, _ in self.state.items if pk.startswith("RETENTION#")]
        first = min([*hours, iso(chance.now())[:HOURS]])
        for job in _HOURLY:
            progress = jobs.get_progress(job)
            jobs.set_checkpoint(job, max(progress.done_until, first), progress.left)

    @precondition(_is_busy)
    @rule(strike=strikes)
    def settle(self, strike: Aimed | None) -> None:
        """The settlement's schedule fires."""
        self.quiet = 0
        self.perform("settle", invocation("settlement", {}), strike)

    @precondition(_is_busy)
    @rule(strike=strikes)
    def a_week_goes_by(self, strike: Aimed | None) -> None:
        """All that is due after a week is settled and paid: else few statements would get there."""
        self.days_pass(200, None)
        for _ in ("what is complete", "what is due for it"):
            self.settle(strike)
            while self.jobs:
                self.job_arrives(0, False, strike)
            if self.records:
                self.stream_delivers(0, strike)
        self.quiet = 0

    @precondition(lambda self: self.jobs)
    @rule(pick=some, again=st.booleans(), strike=strikes)
    def job_arrives(self, pick: int, again: bool, strike: Aimed | None) -> None:
        """The settlement's queue delivers a message, in no order, now and then twice."""
        job = self.jobs[pick % len(self.jobs)]
        if not again:
            self.jobs.remove(job)
        self.perform("settlement's job", invocation("settlement", queue_batch(job)), strike)

    @precondition(lambda self: self.records)
    @rule(again=st.integers(0, 3), strike=strikes)
    def stream_delivers(self, again: int, strike: Aimed | None) -> None:
        """The ledger's stream delivers what happened, some of it a second time."""
        waiting = [*self.told[-again:], *self.records] if again else self.records
        self.told, self.records = [*self.told, *self.records][-10:], []
        for batch in batches(waiting):
            self.perform("stream", invocation("relay", batch), strike)
