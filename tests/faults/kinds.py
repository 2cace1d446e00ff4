"""What can go wrong with one request, and which requests it can happen to."""

from __future__ import annotations

from dataclasses import dataclass, field

_READS = ("Get", "Query", "Scan", "BatchGet", "List", "Head", "Describe", "GET")
_CONFLICTING = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})
_ONE_OPERATION = frozenset({"throttle", "conflict", "break", "part"})
_DIVISIBLE = frozenset({"BatchWriteItem", "BatchGetItem", "PutEvents", "SendMessageBatch"})
"""Batches of which the service may carry out some entries and give the others back."""


KEEPING = "POST /v1/"
"""What the card processor is asked to do: its answer, a server error as well, it keeps under the request's key."""


@dataclass(frozen=True)
class Request:
    """One request of a command, by its number from 0: whom it goes to, and what it asks; `nth` of those that ask so, from 0."""

    number: int
    service: str
    operation: str
    nth: int = field(default=0, compare=False)

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.operation.startswith(_READS)

    def __str__(self) -> str:
        return f"#{self.number} {self.service}.{self.operation}"


@dataclass(frozen=True)
class Fault:
    """A way in which a request goes wrong: what is done to it, and whether that `lasts` until the command has given up."""

    name: str
    act: str
    lasts: bool = False

    def passes_at(self, request: Request) -> bool:
        """Whether repeats by the SDK or the write transaction should get the command through, so that its caller sees nothing of it."""
        if self.act in {"cut", "meet"} or (self.act == "conflict" and request.operation != "TransactWriteItems"):
            return False
        return not self.lasts and not self.act.startswith(("kill", "sigkill")) and request.service != "http"

    def can_strike(self, request: Request) -> bool:
        """Whether this can happen to a request at all."""
        if self.act == "conflict":
            return request.service == "dynamodb" and request.operation in _CONFLICTING
        if self.act == "break after":
            return request.operation.startswith(KEEPING)
        if self.act == "hold":
            return not request.reads
        if self.act == "part":
            return request.operation in _DIVISIBLE
        if self.act == "cut":
            return (request.service, request.operation) == ("s3", "GetObject")
        return True

    @property
    def strikes_all_after(self) -> bool:
        """Whether no request after the struck one is answered either."""
        return self.lasts and self.act not in _ONE_OPERATION

    def act_on(self, request: Request, target: Request, attempt: int) -> str:
        """What to do at one attempt of a request, when the fault strikes at `target`: '' lets it pass.

        Threads send theirs in any order: what strikes once does so at the first request that it can from the target's number on;
        what lasts and strikes one operation does so from the target's place among its like on.
        """
        if not self.lasts:
            reached = request.number >= target.number and not attempt
            return self.act if reached and self.can_strike(request) else ""
        if self.act in _ONE_OPERATION:
            return self.act if request.operation == target.operation and request.nth >= target.nth else ""
        if request.number < target.number:
            return ""
        if self.act == "lose" and (request.number, attempt) == (target.number, 0):
            return "lose"
        return "refuse"


FAULTS = (
    Fault("not sent once", "refuse"),
    Fault("not sent", "refuse", lasts=True),
    Fault("answer lost once", "lose"),
    Fault("answer lost", "lose", lasts=True),
    Fault("throttled once", "throttle"),
    Fault("throttled", "throttle", lasts=True),
    Fault("conflict once", "conflict"),
    Fault("conflict always", "conflict", lasts=True),
    Fault("server error once", "break"),
    Fault("server error", "break", lasts=True),
    Fault("server error, though carried out", "break after"),
    Fault("carried out in part once", "part"),
    Fault("carried out in part", "part", lasts=True),
    Fault("answer cut short", "cut"),
    Fault("slow, and carried out late", "hold"),
    Fault("another of it at once", "meet"),
    Fault("killed before", "kill before"),
    Fault("killed after", "kill after"),
    Fault("process ended before", "sigkill before"),
    Fault("process ended after", "sigkill after"),
)
