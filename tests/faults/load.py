"""Workers under load, killed by the operating system at any moment and started again, with schedules running twice at once."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Wanted
from mart_union.checkout.paying import expire_purchase, pay_pending
from mart_union.checkout.service import get_purchase, place_purchase, quote_cart
from mart_union.kernel.clock import from_iso
from mart_union.kernel.errors import MartUnionError, OutOfStock
from mart_union.orders.service import get_order, take_step
from mart_union.settlement.service import complete_order, settle_due
from mart_union.stock.counting import count
from mart_union.stock.service import get_level, stock_in
from tests.faults import chance
from tests.faults.children import KILLED, how_it_ended, in_a_child
from tests.faults.place import Place, broken_invariants, drop_clients
from tests.faults.scenes import Tale, one_cell
from tests.faults.wire import Wire
from tests.services.settling import complete_due
from tests.world import CUSTOMER, OTHER_STORE, STORE

WORKERS = 3
COMMANDS_A_WORKER = 30
_SCARCE = (OTHER_STORE, "PK-DAY-CEDAR")
_FEW = 4
_GOODS = ((STORE, "OB-TOP"), (STORE, "OB-FINE-75G"), _SCARCE, (STORE, "GX-HERBTEA"))


@dataclass(frozen=True)
class Task:
    """One shopper's way: a purchase under a key, and what becomes of it."""

    key: str
    goods: tuple[str, str]
    method: str
    fate: str
    total: int


def load_scene(options: argparse.Namespace, place: Place, wire: Wire) -> Tale:
    """Workers killed under load: one cell."""
    problems, remark = try_load(place, options.seed, options.load_seconds)
    return one_cell("workers killed under load", problems, remark)


def try_load(place: Place, seed: int, seconds: float) -> tuple[list[str], str]:
    """What is wrong after workers went through their tasks while being killed; each task was then done once more, unbroken."""
    place.put_back(place.laid, place.read())
    chance.set_clock(chance.START)
    dice = random.Random(seed)
    count(f"listing/{'/'.join(_SCARCE)}", _FEW, actor="staff", reference="load", now=chance.now())
    reserve_before = {goods: _reserve(goods) for goods in _GOODS}
    shares = [_tasks(worker, dice) for worker in range(WORKERS)]
    kills, deaths = _work_and_kill(shares, place, dice, seconds)
    tasks = [task for share in shares for task in share]
    for task in tasks:
        with contextlib.suppress(OutOfStock) if task.goods == _SCARCE else contextlib.nullcontext():
            _do(task, place.names["recipient"])
    settle_due(chance.now())
    problems = [*deaths, *broken_invariants(place.read())]
    for goods in _GOODS:
        taken = sum(_units_taken(task) for task in tasks if task.goods == goods)
        if goods != _SCARCE and _reserve(goods) != reserve_before[goods] - taken:
            problems.append(f"{goods}: {_reserve(goods)} in reserve, {reserve_before[goods] - taken} should be")
    return problems, f": {len(tasks)} tasks, {kills} workers killed"


def _units_taken(task: Task) -> int:
    if task.fate == "lay in":  # one is bought and one laid in; a supplier's pool is not laid in by hand
        return int(task.goods[1] == "GX-HERBTEA")
    return int(task.fate in {"keep", "complete", "pay"})


def _tasks(worker: int, dice: random.Random) -> list[Task]:
    fates = ("keep", "cancel", "complete", "refuse", "lay in", "pay", "expire")
    totals = {goods: quote_cart([Wanted(*goods, 1)], now=chance.now()).total_minor for goods in _GOODS}
    tasks = []
    for number in range(COMMANDS_A_WORKER):
        fate = dice.choice(fates)
        method = "bank_transfer" if fate in {"pay", "expire"} else "account"
        goods = dice.choice(_GOODS)
        tasks.append(Task(f"load-{worker}-{number:04d}", goods, method, fate, totals[goods]))
    return tasks


def _work_and_kill(
    shares: list[list[Task]], place: Place, dice: random.Random, seconds: float
) -> tuple[int, list[str]]:
    """Workers do their shares over and over from the beginning, as queues and browsers repeat; one at a time is killed.

    Answers with how many were killed, and with those that ended in another way.
    """
    recipient = place.names["recipient"]
    workers = [_start(share, recipient) for share in shares]
    kills, deaths, until = 0, [], time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(dice.uniform(0.05, 0.4))
        number = dice.randrange(len(workers))
        deaths.append(_kill(workers[number]))
        kills += 1
        workers[number] = _start(dice.sample(shares[number], len(shares[number])), recipient)
    deaths += [_kill(worker) for worker in workers]
    return kills, [f"a worker {death}" for death in deaths if death != KILLED]


def _kill(worker: int) -> str:
    os.kill(worker, signal.SIGKILL)  # one that is dead already keeps the end that it had
    return how_it_ended(worker)


def _start(tasks: list[Task], recipient: str) -> int:
    child = os.fork()
    if not child:
        in_a_child(lambda: _work(tasks, recipient))
    return child


def _work(tasks: list[Task], recipient: str) -> NoReturn:
    drop_clients()
    while True:
        for task in tasks:
            with contextlib.suppress(MartUnionError):  # a refusal here is made good in the end
                _do(task, recipient)
        with contextlib.suppress(MartUnionError):
            settle_due(chance.now())
            complete_due(chance.now())


def _do(task: Task, recipient: str) -> None:
    """All of a task, under its keys: whatever of it was done before is not done again."""
    store, sku = task.goods
    bought = place_purchase(
        CUSTOMER,
        [Wanted(store, sku, 1)],
        recipient=recipient,
        total_seen=task.total,
        method=task.method,
        key=task.key,
        now=chance.now(),
    )
    _FATES[task.fate](task, bought.id)


def _cancel(task: Task, purchase: str) -> None:
    cancel_purchase(purchase, actor=CUSTOMER, role="customer", key=f"{task.key}-cancel", now=chance.now())


def _refuse(task: Task, purchase: str) -> None:
    _step(task, purchase, "refuse")


def _complete(task: Task, purchase: str) -> None:
    for step in ("accept", "ship", "deliver"):
        _step(task, purchase, step)
    complete_order(f"{purchase}-1", actor=CUSTOMER, role="customer", key=f"{task.key}-receive", now=chance.now())


def _step(task: Task, purchase: str, step: str) -> None:
    order = get_order(f"{purchase}-1", consistent=True)
    fulfiller = order.lines[0].fulfiller
    role = fulfiller.partition("/")[0]
    tracking = ("windcity-express", "WC-1") if step == "ship" else None
    take_step(order.id, step, "staff", role, f"{task.key}-{step}", chance.now(), fulfiller=fulfiller, tracking=tracking)


def _lay_in(task: Task, purchase: str) -> None:
    store, sku = task.goods
    if sku != "GX-HERBTEA":
        level, key = f"listing/{store}/{sku}", f"{task.key}-in"
        stock_in(level, 1, reason="received", actor="staff", reference="load", key=key, now=chance.now())


def _pay(task: Task, purchase: str) -> None:
    total = get_purchase(purchase).total_minor
    pay_pending(purchase, CUSTOMER, total, key=f"{task.key}-pay", now=chance.now())


def _expire(task: Task, purchase: str) -> None:
    ends = from_iso(get_purchase(purchase).expires_at)
    expire_purchase(purchase, ends)


def _nothing(task: Task, purchase: str) -> None:
    """It stays as it was bought."""


_FATES: dict[str, Callable[[Task, str], None]] = {
    "keep": _nothing,
    "cancel": _cancel,
    "complete": _complete,
    "refuse": _refuse,
    "lay in": _lay_in,
    "pay": _pay,
    "expire": _expire,
}


def _reserve(goods: tuple[str, str]) -> int:
    store, sku = goods
    return get_level("offer/guanxi-growers/HERB-TEA" if sku == "GX-HERBTEA" else f"listing/{store}/{sku}").reserve
