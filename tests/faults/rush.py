"""A rush, and then the checker alone: `python -m tests.faults.rush`.

Many shoppers at once want the last units of a listing and of a supplier's pool, a bank tells of the same money over and over, and somebody
asks to pay for purchases that are another's. Then the checker reads the tables as it does for an operator, and its answer is this program's.
"""

from __future__ import annotations

import contextlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import tests.conftest  # noqa: F401 - the environment of a union
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Wanted
from mart_union.checkout.paying import pay_pending
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import MartUnionError
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import post
from mart_union.settlement import check
from mart_union.stock.counting import count
from tests.emulated import emulators
from tests.faults.place import Place, place_at
from tests.neighbours import listening
from tests.world import CUSTOMER, OTHER_STORE, STORE

_SHOPPERS = 8
_PURCHASES = 40
_FEW = 5
_TOP_UP_MINOR = 100_000
_STRANGER = "customer-stranger"
_GOODS = ((OTHER_STORE, "PK-DAY-CEDAR"), (STORE, "GX-HERBTEA"))
_LEVELS = ("listing/jianshi-outdoor/PK-DAY-CEDAR", "offer/guanxi-growers/HERB-TEA")


def main() -> int:
    """Rush, and check; 1 if an invariant is broken."""
    with emulators(1) as [address], listening() as neighbour:
        os.environ["AWS_ENDPOINT_URL"] = address
        with place_at(neighbour) as place:
            return _rush(place)


def _rush(place: Place) -> int:
    for level in _LEVELS:
        count(level, _FEW, actor="staff", reference="before the rush", now=utc_now())
    with ThreadPoolExecutor(_SHOPPERS) as shoppers:
        bought = sum(shoppers.map(lambda number: _buy(number, place.names["recipient"]), range(_PURCHASES)))
        list(shoppers.map(lambda number: _top_up(CUSTOMER, number), range(_PURCHASES)))
        list(shoppers.map(lambda number: _top_up(_STRANGER, number), range(_PURCHASES)))
    _pay_for_anothers(place.names["recipient"])
    print(f"{bought} of {_PURCHASES} purchases of {len(_LEVELS) * _FEW} units that there were")
    return check.main()


def _top_up(customer: str, number: int) -> None:
    postings = postings_of({"provider/bank": -_TOP_UP_MINOR, f"customer/{customer}": _TOP_UP_MINOR})
    with contextlib.suppress(MartUnionError):
        post(Transfer(f"rush-{customer}-{number % 3}", "top-up", "TWD", postings, "rush", iso(utc_now())))


def _pay_for_anothers(recipient: str) -> None:
    """Somebody with money on their account asks to pay for another's purchase."""
    now, key = utc_now(), "rush-unpaid"
    wanted = [Wanted(STORE, "OB-TOP", 1)]
    total = quote_cart(wanted, now=now).total_minor
    waits = place_purchase(
        CUSTOMER, wanted, recipient=recipient, total_seen=total, method="bank_transfer", key=key, now=now
    )
    with contextlib.suppress(MartUnionError):
        pay_pending(waits.id, _STRANGER, total, key=key, now=now)


def _buy(number: int, recipient: str) -> bool:
    wanted = [Wanted(*_GOODS[number % len(_GOODS)], 1)]
    with contextlib.suppress(MartUnionError):
        total = quote_cart(wanted, now=utc_now()).total_minor
        key = f"rush-{number:06d}"
        bought = place_purchase(
            CUSTOMER, wanted, recipient=recipient, total_seen=total, method="account", key=key, now=utc_now()
        )
        if number % 5 == 0:
            cancel_purchase(bought.id, actor=CUSTOMER, role="customer", key=f"{key}-cancel", now=utc_now())
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
