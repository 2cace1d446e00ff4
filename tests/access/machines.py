"""Requests of machines whose signature does not fit: too old, of another body, of another key, of another machine; and the one that does
fit at the card processor's own address, which shares a route with the bank's."""

from __future__ import annotations

from dataclasses import dataclass

from tests.access.bodies import Named
from tests.access.callers import BY_NAME, CARDS, CARRIER, MACHINES, NOBODY
from tests.access.cells import Cell


@dataclass(frozen=True)
class Signature:
    """A signature on a machine's route, and how the request is answered (0: it is believed). `ids` are those of the path that are
    another's: another machine's address."""

    route: str
    signer: str
    flaw: str = ""
    status: int = 401
    ids: tuple[str, ...] = ()

    @property
    def cell(self) -> Cell:
        """The cell in which it is tried."""
        what = f"a signature {self.flaw or 'of its own'}{' for ' if self.ids else ''}{' and '.join(self.ids)}"
        body = _CARD_EVENT if "provider" in self.ids else None
        return Cell(BY_NAME[self.signer], what, self.status, self.ids, self.flaw, body)

    def __str__(self) -> str:
        return f"{self.route} {'of another ' if self.ids else ''}{' '.join(self.ids)} by {self.signer}: {self.flaw}"


_NOTICES = "POST /api/payments/webhooks/{provider}"
_REPORTS = "POST /api/carriers/{carrier}/events"
_SALES = "POST /api/shops/{shop}/sales"
_SHOPS = (_SALES, f"{_SALES}/cancel", f"{_SALES}/returns", "POST /api/shops/{shop}/state")
_SIGNED = ((_NOTICES, "bank"), (_REPORTS, CARRIER), *((route, "shop of emei-tea") for route in _SHOPS))
_FLAWS = ("too old", "of another body", "of a strange key", "of another id")
_CARD_FLAWS = ("too old", "of another body", "of a strange key", "of another scheme")
_CARD_EVENT = Named(
    _NOTICES,
    CARDS,
    0,
    {"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": {"id": "cus_1"}}},
)

SIGNATURES: tuple[Signature, ...] = (
    *(Signature(route, who, flaw) for route, who in _SIGNED for flaw in _FLAWS),
    Signature(_REPORTS, CARRIER, ids=("carrier",)),
    *(Signature(route, "shop of emei-tea", ids=("shop",)) for route in _SHOPS),
    Signature(_NOTICES, CARDS, status=0, ids=("provider",)),
    *(Signature(_NOTICES, CARDS, flaw, ids=("provider",)) for flaw in _CARD_FLAWS),
    *(Signature(_NOTICES, caller.name, ids=("provider",)) for caller in (NOBODY, *MACHINES) if caller.name != CARDS),
)
