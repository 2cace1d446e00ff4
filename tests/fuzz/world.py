"""Real ids for parameters and fields of a name: those of the small world, one of another party, and one that is nothing's."""

from __future__ import annotations

from collections.abc import Mapping

from tests.world import CUSTOMER, OTHER_STORE, STORE, SUPPLIER

_STAGES = ("", "_mediated", "_unpaid", "_accepted", "_shipped", "_delivered", "_completed")


def ids_of(names: Mapping[str, str]) -> dict[str, list[str]]:
    """What a parameter or field of a name may hold, the likeliest first and most often."""
    orders = [names[f"order{stage}"] for stage in _STAGES]
    purchases = [names[f"purchase{stage}"] for stage in _STAGES]
    return {
        "store": [STORE] * 9 + [OTHER_STORE],
        "sku": ["OB-TOP", "OB-FINE-75G", "TASTE", "GX-HERBTEA", "HERB-TEA", "PK-DAY-CEDAR"],
        "slot": [names["slot"], names["slot_later"]],
        "offer": ["HERB-TEA", f"{SUPPLIER}/HERB-TEA"],
        "supplier": [SUPPLIER] * 9 + ["nobody-there"],
        "enterprise": ["xu-family-tea", "jianshi-trails"],
        "order": orders,
        "purchase": purchases,
        "payment": [names["transfer"], names["transfer_unpaid"]],
        "response": [names["response"], names["response_escalated"]],
        "recipient": [names["recipient"]],
        "shop": [names["shop"]],
        "code": [names["invitation"]],
        "carrier": ["windcity-express"],
        "provider": ["bank"],
        "subject": ["packer-emei", "manager-emei", "owner-emei", CUSTOMER],
        "kind": ["store", "supplier"],
        "party": [STORE, SUPPLIER],
        "category": ["tea", "tea-oolong"],
        "union_category": ["tea"],
        "classification": ["food-drink"],
        "month": [names["month"]],
        "day": [names["today"]],
        "period": [names["month"], names["today"]],
        "state": ["on_sale", "paused", "withdrawn", "open", "closed", "active", "linked", "placed", "shipped"],
        "event": ["in_transit", "delivered"],
        "at": [names["now"]],
        "step": ["accept", "refuse", "ship", "deliver", "cancel", "receive"],
        "method": ["account", "bank_transfer"],
        "currency": ["TWD"],
        "language": ["zh-TW", "en"],
        "lang": ["zh-TW", "en"],
        "role": ["packer", "manager", "owner"],
        "type": ["transfer.received"],
        "reference": [f"customer/{CUSTOMER}", f"deposit/{STORE}", f"purchase/{names['purchase_unpaid']}"],
    }
