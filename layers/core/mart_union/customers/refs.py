"""References to what is known of customers, for reads that other capabilities make together with their own."""

from __future__ import annotations

from mart_union.customers.model import Recipient
from mart_union.customers.tables import RecipientItem, recipient_key
from mart_union.kernel.storage import Ref


def recipient_ref(recipient: str) -> Ref[Recipient]:
    """A recipient by its opaque id; the caller checks whose it is."""
    return Ref(RecipientItem, *recipient_key(recipient), lambda item: item.document)
