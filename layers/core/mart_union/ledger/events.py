"""What the ledger tells the union: transfers made and resolved, statements closed. Accounts and ids only, no names."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from mart_union.kernel.events import Event
from mart_union.ledger.model import Payable, Transfer
from mart_union.ledger.service import get_transfer

_RESOLVED = {"posted": "TransferPosted", "voided": "TransferVoided", "expired": "TransferExpired"}


def events_of(
    pk: str, sk: str, old: dict[str, Any] | None, new: dict[str, Any] | None, event_id: str, at: str
) -> list[Event]:
    """The events of one change of the Ledger table. A transfer's sequence is 1, its resolution's 2; a statement is made once; a deposit's
    balance carries its own."""
    if new is None:
        return []
    if sk == "TRANSFER" and old is None:
        name = "TransferPending" if new["document"]["pending"] else "TransferPosted"
        return [Event(event_id, name, f"transfer/{new['document']['id']}", 1, at, new["document"])]
    if sk == "RESOLUTION" and old is None:
        transfer = pk.removeprefix("TRANSFER#")
        data = {"id": transfer, "outcome": new["outcome"], "at": new["at"]}
        return [Event(event_id, _RESOLVED[new["outcome"]], f"transfer/{transfer}", 2, at, data)]
    if pk.startswith("ACCOUNT#store/") and pk.endswith("/deposit"):
        store = pk.split("/")[1]
        data = {"store": store, "available_minor": int(new.get("available", 0))}
        return [Event(event_id, "DepositMoved", f"deposit-balance/{store}", int(new["sequence"]), at, data)]
    if pk.startswith("STATEMENTS#") and _is_closed(new) and not _is_closed(old):
        return [Event(event_id, "StatementMade", f"statement/{new['document']['id']}", 1, at, new["document"])]
    return []


def _is_closed(image: dict[str, Any] | None) -> bool:
    return image is not None and image["document"]["state"] != "collecting"


def posted_transfer(pk: str, sk: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Transfer | None:
    """The transfer whose money moves with this change of the table, if one does; `at` is when it moves. A resolved one is read: one request."""
    if new is None or old is not None:
        return None
    if sk == "TRANSFER" and not new["document"]["pending"]:
        return msgspec.convert(new["document"], Transfer)
    if sk == "RESOLUTION" and new["outcome"] == "posted":
        return replace(get_transfer(pk.removeprefix("TRANSFER#")), at=new["at"])
    return None


def made_payable(pk: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Payable | None:
    """The payable that this change of the table has made, if it made one that falls due on its day."""
    if not pk.startswith("PAYABLE#") or new is None or old is not None or new["document"]["kind"] == "carried":
        return None
    return msgspec.convert(new["document"], Payable)
