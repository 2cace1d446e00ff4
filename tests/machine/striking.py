"""Faults as the machine draws them: one kind at one of a command's first requests, wherever it can happen."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.faults.kinds import FAULTS, Fault, Request

_FIRST_REQUESTS = 12
_EVERY_COMMANDS = 4
"""Most commands send at least so many requests."""
_NOT_HERE = ("sigkill", "part", "cut")
"""Processes that end are the harness's; batches and objects that come in part, too."""


@dataclass(frozen=True)
class Strike(Fault):
    """A fault that strikes only where its kind can."""

    def act_on(self, request: Request, target: Request, attempt: int) -> str:
        """What to do at one attempt of a request; '' lets it pass."""
        if request.number < target.number or not self.can_strike(request):
            return ""
        return super().act_on(request, Request(target.number, request.service, request.operation), attempt)


Aimed = tuple[Strike, Request]

_KINDS = [Strike(each.name, each.act, each.lasts) for each in FAULTS if not each.act.startswith(_NOT_HERE)]

_numbers = st.one_of(st.integers(0, _EVERY_COMMANDS - 1), st.integers(0, _FIRST_REQUESTS - 1))

strikes = st.one_of(st.none(), st.tuples(st.sampled_from(_KINDS), _numbers.map(lambda number: Request(number, "", ""))))
"""No fault, every other time; else a kind and the number of the request at which it strikes, if the command sends so many and it can."""
