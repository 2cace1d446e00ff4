"""The pick-up code of an order: what the customer says at the counter, how often it may be said wrongly, and how it is renewed."""

from __future__ import annotations

from msgspec.structs import replace

from mart_union.kernel.errors import CodeLocked, RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.orders.model import Order
from mart_union.orders.procedures import procedure_of

RENEW_CODE = "renew_code"
"""Asked for as a step, by the customer or the store, though it moves no line and stands in no procedure."""

MOST_WRONG_CODES = 5


class WrongCode(RuleViolation):
    """The code that was said is not the order's."""


def check_code(order: Order, given: str) -> None:
    """Whether a code opens the order.

    Raises:
        CodeLocked: it was said wrongly too often, and nobody has renewed it since.
        WrongCode: it is not the order's.
    """
    if is_locked(order):
        raise CodeLocked(
            f"the pick-up code was wrong {MOST_WRONG_CODES} times; the customer or the store's manager renews it"
        )
    if given != order.facts.get("pickup_code"):
        raise WrongCode("this is not the order's pick-up code; the customer finds it on the order's page")


def is_locked(order: Order) -> bool:
    """Whether the order's code has been said wrongly too often."""
    return _wrong_codes(order) >= MOST_WRONG_CODES


def waits_for_code(order: Order) -> bool:
    """Whether a line of the order is handed over against the code."""
    steps = [step for step in procedure_of(order).steps if "pickup_code" in step.needs]
    return any(line.state in step.from_states for step in steps for line in order.lines)


def count_wrong_code(order: Order, given: str, key: str) -> Order:
    """The order with one more wrong code; the very same order if this is the attempt that was counted last."""
    attempt = derived_id("wrong-code", given, key)
    if order.facts.get("wrong_code") == attempt:
        return order
    counted = {"wrong_codes": f"{_wrong_codes(order) + 1}", "wrong_code": attempt}
    return replace(order, facts={**order.facts, **counted}, sequence=order.sequence + 1)


def renew_code(order: Order, new_code: str, *, role: str, actor: str, key: str) -> Order:
    """The order with a new code, which may be said wrongly as often as the first; the very same order if this key renewed it.

    Raises:
        RuleViolation: nobody waits for a code of this order, or it is not the role's to renew.
    """
    renewal = derived_id("renewal", role, actor, key)
    if order.facts.get("renewed_by") == renewal:
        return order
    if role not in {"customer", "store"} or not waits_for_code(order):
        raise RuleViolation("only the code of an order that waits to be collected is renewed, by customer or store")
    kept = {name: fact for name, fact in order.facts.items() if name not in {"wrong_codes", "wrong_code"}}
    facts = {**kept, "pickup_code": new_code, "renewed_by": renewal}
    return replace(order, facts=facts, sequence=order.sequence + 1)


def _wrong_codes(order: Order) -> int:
    return int(order.facts.get("wrong_codes", "0"))
