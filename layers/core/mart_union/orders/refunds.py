"""What goes back when lines are refunded or released: money at its original rates, units to their levels. Pure rules.

A line's money is in two parts, which are refunded apart: the goods, over every share but delivery's, and the delivery. A refund of a part
takes from each share in proportion to what is left of it, in steps, by largest remainder; equal remainders, and what an amount has
beyond whole steps, fall on the share that was frozen first, the remainder's keeper. So the last refund takes exactly what is left.

Once the goods have left, whoever delivers has a right to its share: what is given back beyond the goods is the store's own to bear, and
the share stays, unless the delivery is given back for its carrier's fault.

Where a shop of the store's own took the money, it gives that back itself. What goes back here is the supply cost, to the store's deposit: of what is held for the line,
and from the supplier once that was paid.

Where a supplier keeps what it is owed for goods that came back, the other shares give their parts all the same, and the store gives the supplier's.
What the deposit holds for it stays held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from mart_union.kernel.errors import BeyondOriginal
from mart_union.kernel.money import amount_text, split_within
from mart_union.kernel.settings import settings
from mart_union.orders.draws import units_left
from mart_union.orders.model import Line, Order, Share

BEFORE_LEAVING = frozenset({"placed", "scheduled", "accepted", "ready"})
"""The states of a line whose goods are still where they are sold from: fewer of them can be sent, and nobody has carried them."""


def payer_of(order: Order) -> str:
    """The account that paid an order and is refunded; where a shop took the money, its store's deposit, which secures the supply cost."""
    if order.is_seller_collected:
        return f"store/{order.store}/deposit"
    return order.payer or f"customer/{order.customer}"


def refund_amounts(order: Order, lines: Collection[int]) -> dict[str, int]:
    """What each account gets when lines are given back whole: what is left in escrow goes to the payer, what is held to the store's deposit.

    What the store has given of its own beyond the goods, so that the delivery's share stayed in escrow, it gets back: the payer has it.
    Nothing, while a card is authorized only: the lines are left out of what is captured.
    """
    if order.payment != "paid":
        return {}
    chosen = [line for line in order.lines if line.number in lines]
    escrow, held = sum(line.escrow_minor for line in chosen), sum(line.held_minor for line in chosen)
    amounts: dict[str, int] = {}
    if escrow:
        to_payer = sum(_owed_to_payer(line) for line in chosen)
        amounts = {f"order/{order.id}": -escrow, payer_of(order): to_payer, f"store/{order.store}": escrow - to_payer}
    if held:
        amounts |= {f"store/{order.store}/held": -held, f"store/{order.store}/deposit": held}
    return {account: amount for account, amount in amounts.items() if amount}


def _owed_to_payer(line: Line) -> int:
    """What of a line's escrow its payer has not got back: never more than was charged altogether."""
    return min(line.escrow_minor, line.charged_minor - line.refunded_minor)


def units_of(order: Order, lines: Collection[int]) -> dict[str, int]:
    """How many units of each level the lines still have, lines that draw on one level added up."""
    units: Counter[str] = Counter()
    for line in order.lines:
        if line.number in lines:
            units.update(units_left(line))
    return units


def all_given_back(order: Order, line: Line) -> Line:
    """A line that is given back whole: every share is reversed, nothing is in escrow or held any more."""
    to_payer = line.held_minor if order.is_seller_collected else _owed_to_payer(line)
    refunded = line.refunded_minor + (to_payer if order.payment == "paid" else 0)
    shares = tuple(replace(share, reversed_minor=share.amount_minor, kept_minor=0) for share in line.split)
    return replace(line, split=shares, escrow_minor=0, held_minor=0, refunded_minor=refunded)


class Part(Struct, frozen=True):
    """A part of a line that is given back: the line afterwards, what the payer and the deposit get, what each share gives, and what the
    store gives beyond its shares."""

    line: Line
    payer_minor: int
    deposit_minor: int
    taken: tuple[int, ...]
    beyond_minor: int = 0


class _Goods(Struct, frozen=True):
    """What goods that are given back take: of each share, what a supplier keeps of each, what the deposit gets, what the store gives instead."""

    taken: list[int]
    kept: list[int]
    deposit_minor: int = 0
    instead_minor: int = 0


def refundable_minor(order: Order, line: Line) -> tuple[int, int]:
    """What of a line may still be given back to its payer: of the goods, and of the delivery. Nothing where a shop took the money."""
    if order.is_seller_collected:
        return 0, 0
    left = line.charged_minor - line.refunded_minor
    delivery = min(left, sum(share.left_minor for share in line.split if share.kind == "delivery"))
    return left - delivery, delivery


def own_goods_minor(line: Line, account: str) -> int:
    """What is left of an account's own shares of a line's goods."""
    return sum(share.left_minor for share in line.split if share.account == account and share.kind != "delivery")


def carried_minor(order: Order, line: Line) -> int:
    """What of a line's delivery may be given back for the fault of whoever delivers it, who is not the store."""
    own = f"store/{order.store}"
    others = sum(share.left_minor for share in line.split if share.kind == "delivery" and share.account != own)
    return min(others, refundable_minor(order, line)[1])


def give_back(
    order: Order,
    line: Line,
    amount_minor: int,
    *,
    step: int,
    only: str = "",
    keeps: str = "",
    carrier_gives: bool = False,
) -> Part:
    """Give an amount of a line back, the goods first and then its delivery; with `only`, out of that account's shares alone. The account that `keeps`
    what it is owed gives nothing, and the store gives that.

    What goes beyond the goods once they have left is the store's to give. Where the carrier gives, it is of the delivery alone.

    Raises:
        BeyondOriginal: more than is left of it; `left_minor` says what is.
    """
    if order.is_seller_collected:
        return _supply_given_back(line, amount_minor, step)
    goods, delivery = refundable_minor(order, line)
    left = min(goods, own_goods_minor(line, only)) if only else goods + delivery
    if carrier_gives:
        goods, left = 0, carried_minor(order, line)
    _require_left(line, amount_minor, left)
    of_goods = min(amount_minor, goods)
    covered = 0 if only or carrier_gives else _of_the_deposit(line, goods, of_goods, step)
    of = _of_goods(line, of_goods, covered, step, only=only, keeps=keeps)
    taken, of_delivery, beyond = of.taken, amount_minor - of_goods, of.instead_minor
    if of_delivery:
        was_carried = line.state not in BEFORE_LEAVING and not carrier_gives
        bearer = f"store/{order.store}" if was_carried else ""
        parts = _taken(line.split, of_delivery, step, delivery=True, only=bearer)
        taken, beyond = [a + b for a, b in zip(taken, parts, strict=True)], beyond + of_delivery - sum(parts)
    after = _after(line, amount_minor, beyond, replace(of, taken=taken))
    return Part(after, amount_minor, of.deposit_minor, tuple(taken), beyond)


def _require_left(line: Line, amount_minor: int, left: int) -> None:
    if amount_minor > left:
        has, wanted = (amount_text(each, settings().currency) for each in (left, amount_minor))
        raise BeyondOriginal(f"line {line.number} has {has} left to give back, not {wanted}", left_minor=left)


def _supply_given_back(line: Line, amount_minor: int, step: int) -> Part:
    """Give an amount of the supply cost of a line back to the deposit that secures it: the payer got its money from the shop, and no escrow has any."""
    _require_left(line, amount_minor, _supply_minor(line))
    taken = _taken(line.split, amount_minor, step, delivery=False)
    of = _Goods(taken, [0] * len(taken), amount_minor)
    return Part(_after(line, amount_minor, amount_minor, of), 0, amount_minor, tuple(taken), 0)


def _supply_minor(line: Line) -> int:
    """What is left of a line's supply cost."""
    return sum(share.open_minor for share in line.split)


def _of_goods(line: Line, of_goods: int, covered: int, step: int, *, only: str, keeps: str) -> _Goods:
    """What goods take of each share, with what the deposit covered of them. What is kept takes first what would have gone to the deposit."""
    taken = _taken(line.split, of_goods + covered, step, delivery=False, only=only)
    kept = [part if share.account == keeps else 0 for share, part in zip(line.split, taken, strict=True)]
    given = [part - stays for part, stays in zip(taken, kept, strict=True)]
    still_held = min(covered, sum(kept))
    return _Goods(given, kept, covered - still_held, sum(kept) - still_held)


def value_of_units(order: Order, line: Line, units: int, step: int) -> int:
    """What is given back with units of a line: their part of what is left of its goods, in whole steps, the last unit with the remainder.
    What was withheld of units that came back before is no part of it. Where a shop took the money, the goods are worth what they cost at their supplier."""
    goods = _supply_minor(line) if order.is_seller_collected else refundable_minor(order, line)[0]
    goods = max(goods - line.withheld_minor, 0)
    if units == line.left_units:
        return goods
    return goods * units // (line.left_units * step) * step


def _of_the_deposit(line: Line, goods: int, of_goods: int, step: int) -> int:
    """The deposit's part: what the price did not cover goes back to it in the proportion in which the price does."""
    shares = sum(share.open_minor for share in line.split if share.kind != "delivery")
    covered = max(shares - goods, 0)
    if not of_goods:
        return 0
    if of_goods == goods:
        return covered
    return covered * of_goods // (goods * step) * step


def _taken(shares: Sequence[Share], amount_minor: int, step: int, *, delivery: bool, only: str = "") -> list[int]:
    """What each share gives of an amount, in proportion to what is left of it, never more than that."""
    weights = [
        share.open_minor if (share.kind == "delivery") == delivery and only in {"", share.account} else 0
        for share in shares
    ]
    return split_within(min(amount_minor, sum(weights)), weights, step)


def _after(line: Line, amount_minor: int, beyond_minor: int, of: _Goods) -> Line:
    shares = tuple(
        replace(share, reversed_minor=share.reversed_minor + part, kept_minor=share.kept_minor + kept)
        for share, part, kept in zip(line.split, of.taken, of.kept, strict=True)
    )
    is_open = line.state != "completed"
    return replace(
        line,
        split=shares,
        refunded_minor=line.refunded_minor + amount_minor,
        escrow_minor=line.escrow_minor - (amount_minor - beyond_minor) if is_open else 0,
        held_minor=line.held_minor - of.deposit_minor if is_open else 0,
    )


def part_amounts(order: Order, line: Line, part: Part) -> dict[str, int]:
    """What each account gets by giving a part of a line back: while the line is open out of escrow, and from the store what goes beyond;
    once it is completed, from those who were paid."""
    own = f"store/{order.store}"
    amounts = {payer_of(order): part.payer_minor}
    amounts[f"{own}/deposit"] = amounts.get(f"{own}/deposit", 0) + part.deposit_minor
    if line.state != "completed":
        escrow = part.payer_minor - part.beyond_minor
        return amounts | {f"order/{order.id}": -escrow, own: -part.beyond_minor, f"{own}/held": -part.deposit_minor}
    for share, taken in zip(line.split, part.taken, strict=True):
        if share.account != own:
            amounts[share.account] = amounts.get(share.account, 0) - taken
    amounts[own] = -sum(amounts.values())
    return amounts
