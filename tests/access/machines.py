"""Requests of machines whose signature does not fit: too old, of another body, of another key, or of another machine's name."""

from __future__ import annotations

from dataclasses import dataclass

from tests.access.callers import CARRIER


@dataclass(frozen=True)
class Signature:
    """A flaw of a signature on a machine's route, and how the request is refused."""

    route: str
    signer: str
    flaw: str
    status: int = 401

    def __str__(self) -> str:
        return f"{self.route} by {self.signer}: {self.flaw}"


_SIGNED = (
    ("POST /api/payments/webhooks/{provider}", "bank"),
    ("POST /api/carriers/{carrier}/events", CARRIER),
    ("POST /api/shops/{shop}/sales", "shop of emei-tea"),
)
_FLAWS = ("too old", "of another body", "of a strange key", "of another id")

SIGNATURES: tuple[Signature, ...] = tuple(Signature(route, who, flaw) for route, who in _SIGNED for flaw in _FLAWS)
