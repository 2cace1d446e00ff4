"""The few places that a party has for shops or webhooks: taking one is written, so that two at the same moment do not both take the last."""

from __future__ import annotations

from mart_union.kernel.errors import Conflict
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.tables import PlacesItem


class Overtaken(Conflict):
    """Another of the party's places was taken at the same moment: how many are left is to be read again."""


def read_places(key: tuple[str, str]) -> int:
    """How often one of a party's places was taken: who has read those that have one after this takes another only if that is still so."""
    item = find(PlacesItem, *key, consistent=True)
    return 0 if item is None else int(item.sequence)


def add_place(transaction: WriteTransaction, key: tuple[str, str], before: int) -> None:
    """Take a place, unless another was taken since `read_places`: the transaction is refused as `Overtaken` then."""
    as_read = PlacesItem.sequence == before if before else PlacesItem.pk.does_not_exist()
    taken = refuse(Overtaken, "another was registered just now; read it and repeat")
    transaction.put(PlacesItem(*key, sequence=before + 1), condition=as_read, refusal=taken)
