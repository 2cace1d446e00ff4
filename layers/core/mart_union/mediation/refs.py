"""References to what the mediation center knows, for reads that are made together with others."""

from __future__ import annotations

from mart_union.kernel.storage import Ref
from mart_union.mediation.model import Supplier
from mart_union.mediation.tables import SupplierItem, supplier_key


def supplier_ref(supplier: str) -> Ref[Supplier]:
    """A supplier by its id."""
    return Ref(SupplierItem, *supplier_key(supplier), lambda item: item.document)
