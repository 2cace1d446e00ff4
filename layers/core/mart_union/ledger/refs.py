"""References to what the ledger holds, for reads that other capabilities make together with their own."""

from __future__ import annotations

from mart_union.kernel.storage import Ref
from mart_union.ledger.model import Transfer
from mart_union.ledger.tables import TransferItem, transfer_key


def transfer_ref(transfer: str) -> Ref[Transfer]:
    """A transfer by id."""
    return Ref(TransferItem, *transfer_key(transfer), lambda item: item.document)
