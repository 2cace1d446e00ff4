"""Giving a part of an order back: a pure function from an order to the order after it, and the money and units that move with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from mart_union.kernel.errors import Invalid, KeyReused, RuleViolation
from mart_union.kernel.ids import input_hash
from mart_union.kernel.money import Currency, checked_price
from mart_union.orders.draws import units_given_back
from mart_union.orders.model import Line, Order, Refund, RefundedLine, check_room, checked_text
from mart_union.orders.refunds import (
    BEFORE_LEAVING,
    give_back,
    own_goods_minor,
    part_amounts,
    refundable_minor,
    value_of_units,
)

MOST_REFUNDS = 50
"""How many parts of an order its store gives back of itself. What is owed for a return is given back beside them, whatever there was before."""

LONGEST_REASON = 500


class RefundWish(Struct, frozen=True):
    """What is to be given back of a line: units that will not be sent, or an amount in minor units; one of the two.

    `carrier_gives`: the amount is of the delivery, which its carrier did not do as it should, and is taken from the carrier's share.
    """

    number: int
    units: int = 0
    amount_minor: int = 0
    carrier_gives: bool = False


class Change(Struct, frozen=True):
    """An order after a change, what each account gets by it, the units that leave `sold` at each level (`to_reserve`, or written off), and those that leave
    its reserve in place of damaged ones."""

    order: Order
    amounts: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)
    replaced: Mapping[str, int] = field(default_factory=dict)
    to_reserve: bool = True


def refund_part(
    order: Order,
    wishes: Sequence[RefundWish],
    *,
    reason: str,
    fulfiller: str,
    actor: str,
    key: str,
    at: str,
    currency: Currency,
) -> Change:
    """The order after its store (`fulfiller`) gave a part of it back; the very same order if this key did so before.

    A line that the store fulfils gives back at the original rates of all shares; of a supplier's line the store gives from its own share,
    for the supplier is owed the price as of the purchase. What goes beyond the goods, once they have left, the store gives, for the carrier
    has carried them; the carrier gives it if the store says that it is the carrier's fault.

    Raises:
        KeyReused: the key was used for another refund of this order.
        RuleViolation: nothing was paid to the union, the line has left, or all its units would go: take `refuse` for that.
        BeyondOriginal: more than is left of a line.
        AmountOutOfRange, Invalid: an amount is not a price, a line is unknown or named twice, or there is no reason.
    """
    request = input_hash([wishes, reason])
    before = next((one for one in order.refunds if (one.key, one.actor) == (key, actor)), None)
    if before is not None:
        if before.request != request:
            raise KeyReused("this key was used for another refund of this order; nothing was changed")
        return Change(order)
    _check(order, wishes, reason)
    lines = {line.number: line for line in order.lines}
    parts = [_wished(order, lines.get(wish.number), wish, fulfiller, currency) for wish in wishes]
    return give_parts_back(
        order, parts, reason=reason, actor=actor, key=key, request=request, at=at, step=currency.step
    )


def give_parts_back(
    order: Order, parts: Sequence[RefundedLine], *, reason: str, actor: str, key: str, request: str, at: str, step: int
) -> Change:
    """The order after these parts of its lines went back to whoever paid, as one refund under the order's next sequence.

    Raises:
        BeyondOriginal: more than is left of a line.
    """
    lines = {line.number: line for line in order.lines}
    amounts: dict[str, int] = {}
    units: Counter[str] = Counter()
    for each in parts:
        line = lines[each.number]
        only = f"store/{order.store}" if each.borne_by == "store" else ""
        keeps = line.fulfiller if each.borne_by == "but_supplier" else ""
        carrier_gives = each.borne_by == "carrier"
        part = give_back(order, line, each.amount_minor, step=step, only=only, keeps=keeps, carrier_gives=carrier_gives)
        for account, amount in part_amounts(order, line, part).items():
            amounts[account] = amounts.get(account, 0) + amount
        withheld = line.withheld_minor + each.withheld_minor
        lines[each.number] = replace(part.line, returned=line.returned + each.units, withheld_minor=withheld)
        units.update(units_given_back(line, each.units))
    sequence = order.sequence + 1
    refund = Refund(
        id=f"refund-{order.id}-{sequence}",
        at=at,
        actor=actor,
        reason=reason,
        lines=tuple(parts),
        amount_minor=sum(part.amount_minor for part in parts),
        key=key,
        request=request,
    )
    after = replace(order, lines=tuple(lines.values()), refunds=(*order.refunds, refund), sequence=sequence)
    moved = {account: amount for account, amount in amounts.items() if amount}
    return Change(after, moved, units)


def store_refundable_minor(order: Order, line: Line, fulfiller: str) -> int:
    """What a store may still give back of a line: all that is left of its own, its own share of a supplier's."""
    if order.payment != "paid":
        return 0
    goods, delivery = refundable_minor(order, line)
    if line.fulfiller == fulfiller:
        return goods + delivery
    return min(goods, own_goods_minor(line, fulfiller))


def refundable_units(line: Line, fulfiller: str) -> int:
    """How many units a store may leave out of a delivery and give back: all but one, as long as they are still there."""
    own = line.fulfiller == fulfiller and line.state in BEFORE_LEAVING
    return max(line.left_units - 1, 0) if own else 0


def _check(order: Order, wishes: Sequence[RefundWish], reason: str) -> None:
    if order.payment != "paid":
        raise RuleViolation(f"nothing has been paid yet: the order's payment is {order.payment}", payment=order.payment)
    of_returns = {asked.refund for asked in order.returns}
    if sum(refund.id not in of_returns for refund in order.refunds) >= MOST_REFUNDS:
        raise RuleViolation(f"a store gives at most {MOST_REFUNDS} parts of an order back: take the rest as returns")
    if order.is_seller_collected:
        raise RuleViolation("the seller's own shop took the money: it is refunded there", reason="shops-money")
    if not 0 < len(reason.strip()) <= len(reason) <= LONGEST_REASON:
        raise _invalid("reason", f"say why, in at most {LONGEST_REASON} characters")
    checked_text(order, reason)
    check_room(order)
    numbers = [wish.number for wish in wishes]
    unknown = sorted(set(numbers) - {line.number for line in order.lines})
    if not numbers or unknown or len(set(numbers)) != len(numbers):
        raise _invalid("lines", "name at least one line of the order, each once")


def _wished(order: Order, line: Line | None, wish: RefundWish, fulfiller: str, currency: Currency) -> RefundedLine:
    if line is None or (wish.units == 0) == (wish.amount_minor == 0):
        raise _invalid("lines", "name units or an amount for each line, not both")
    own = line.fulfiller == fulfiller
    if wish.carrier_gives and (not own or wish.units):
        raise _invalid("lines.carrier_gives", "name an amount of the delivery of a line that the store fulfils")
    if wish.amount_minor:
        checked_price(wish.amount_minor, currency)
        if wish.carrier_gives:
            return RefundedLine(line.number, 0, wish.amount_minor, "carrier")
        return RefundedLine(line.number, 0, wish.amount_minor, "all" if own else "store")
    if not own:
        raise RuleViolation("the units of a supplier's line are the supplier's: give an amount back instead")
    if line.state not in BEFORE_LEAVING:
        raise RuleViolation(
            "the goods have left: give an amount back, or take them back as a return", reason="left", state=line.state
        )
    if not 0 < wish.units < line.left_units:
        message = f"of {line.left_units} units, give back between 1 and {line.left_units - 1}; or refuse the line"
        raise RuleViolation(message, left_units=line.left_units)
    return RefundedLine(line.number, wish.units, value_of_units(order, line, wish.units, currency.step))


def _invalid(field_name: str, reason: str) -> Invalid:
    return Invalid(reason, errors=[{"field": field_name, "reason": reason}])
