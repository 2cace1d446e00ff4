"""The service center's one table.

| Question | Key or index | Requests | Units |
|---|---|---|---|
| All unions (the page, `/unions`, `/go`) | pk = `unions` | 1 query | 0.5 read a 4 KB; about 4 unions |
| One union | pk = `unions`, sk = union id | 1 get | 0.5 read |
| Admit a union | the same | 1 update, refused when another client is bound | 1 write |
| A heartbeat | the same | 1 update, refused unless admitted and bound | 2 writes at most (1 a KB) |

The partition holds one item a union, admitted by a person: hundreds at most, so it is read whole and needs no shards.
Heartbeats are one write a union a minute or so, far below what one partition takes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from mart_union.directory.model import Heartbeat, Union
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.storage import Document, Item, code_of
from mart_union.kernel.storage import find as find_item

PARTITION = "unions"


class UnionItem(Item):
    """A union of the network under its id: what the operator admitted, and what the union last reported."""

    class Meta:
        table_name = os.environ.get("DIRECTORY_TABLE", "mart-union-directory")

    client_id = UnicodeAttribute()
    names: Document[dict[str, str]] = Document(dict[str, str])
    admitted_at = UnicodeAttribute()
    heartbeat: Document[Heartbeat] = Document(Heartbeat, null=True)
    heartbeat_at = UnicodeAttribute(null=True)

    def union(self) -> Union:
        """The union that the item describes."""
        return Union(
            id=self.sk,
            client_id=self.client_id,
            names=self.names,
            admitted_at=from_iso(self.admitted_at),
            heartbeat=self.heartbeat,
            heartbeat_at=from_iso(self.heartbeat_at) if self.heartbeat_at else None,
        )


def all_unions() -> list[Union]:
    """Every union of the network, in the order of their ids."""
    return [item.union() for item in UnionItem.query(PARTITION)]


def find(union: str) -> Union | None:
    """A union, or None when it was never admitted."""
    item = find_item(UnionItem, PARTITION, union)
    return item.union() if item else None


def admit(union: str, client_id: str, names: dict[str, str], now: datetime) -> bool:
    """Admit a union, or give its names anew; False when another client already speaks for it."""
    item = UnionItem(PARTITION, union)
    free = UnionItem.sk.does_not_exist() | (UnionItem.client_id == client_id)
    return _update(
        item,
        [
            UnionItem.client_id.set(client_id),
            UnionItem.names.set(names),
            UnionItem.admitted_at.set(UnionItem.admitted_at | iso(now)),
        ],
        free,
    )


def record(union: str, client_id: str, heartbeat: Heartbeat, now: datetime) -> bool:
    """Keep a union's report; False when the union was not admitted or the client does not speak for it."""
    actions = [UnionItem.heartbeat.set(heartbeat), UnionItem.heartbeat_at.set(iso(now))]
    return _update(UnionItem(PARTITION, union), actions, UnionItem.client_id == client_id)


def _update(item: UnionItem, actions: Sequence[Action], condition: Condition) -> bool:
    try:
        item.update(actions=list(actions), condition=condition)
    except UpdateError as exc:
        if code_of(exc) == "ConditionalCheckFailedException":
            return False
        raise
    return True
