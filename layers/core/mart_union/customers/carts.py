"""Carts: a session's own until its customer signs in, then the customer's, whichever browser they use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from mart_union.customers.model import CART_DAYS, Cart, CartLine, merged_lines, with_quantity
from mart_union.customers.tables import CartItem, cart_key, customer_key
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Conflict, Invalid
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse

_CHANGED = "this cart was changed in another window; look at it again"

Lines = tuple[CartLine, ...]


class _ChangedMeanwhile(Conflict):
    """The cart changed between reading and writing it: worth another try, unlike a cart that was not the one seen."""


def get_cart(session: str) -> Cart:
    """The cart of a session, which is its customer's once they have signed in; empty when it was never filled."""
    return _read(session)[1] if session else Cart()


def change_cart(
    session: str,
    store: str,
    sku: str,
    quantity: int,
    *,
    slot: str = "",
    add: bool = False,
    sequence: int | None = None,
    now: datetime | None = None,
) -> Cart:
    """Set a listing's quantity, at a slot if it has any, in a cart (0 takes it out), or add to it. With `sequence`, only if the cart is the one that was seen.

    Raises:
        Invalid: there is no session, or the quantity is out of range.
        RuleViolation: the cart would have more than fifty lines.
        Conflict: the cart is not the one that was seen.
        Busy: the cart kept changing.
    """
    wanted = CartLine(store, sku, quantity, slot)
    return _change(session, lambda lines: with_quantity(lines, wanted, add=add), sequence, now)


def clear_cart(session: str, *, sequence: int | None = None, now: datetime | None = None) -> Cart:
    """Empty a cart, after its purchase or by hand. With `sequence`, only if the cart is the one that was seen.

    Raises:
        Conflict: the cart is not the one that was seen.
        Busy: the cart kept changing.
    """
    cart = get_cart(session)
    return cart if not cart.lines else _change(session, lambda _lines: (), sequence, now)


def _change(session: str, rule: Callable[[Lines], Lines], sequence: int | None, now: datetime | None) -> Cart:
    if not session:
        raise Invalid("a cart needs a session", errors=[{"field": "mu_session", "reason": "is missing"}])

    def once() -> Cart:
        key, cart = _read(session)
        if sequence is not None and sequence != cart.sequence:
            raise Conflict(_CHANGED, reason="cart", sequence=cart.sequence)
        transaction = WriteTransaction()
        changed = _add_lines(transaction, key, cart, rule(cart.lines), now or utc_now())
        transaction.commit()
        return changed

    return retried(once, on=_ChangedMeanwhile, what="this cart")


def _read(session: str) -> tuple[tuple[str, str], Cart]:
    """The key under which a session's cart is kept, and the cart."""
    key = cart_key(session)
    item = find(CartItem, *key, consistent=True)
    if item is not None and item.owner:
        key = customer_key(item.owner, "CART")
        item = find(CartItem, *key, consistent=True)
    return key, _cart(item)


def _cart(item: CartItem | None) -> Cart:
    return Cart(item.lines, int(item.sequence)) if item else Cart()


def _add_lines(transaction: WriteTransaction, key: tuple[str, str], seen: Cart, lines: Lines, now: datetime) -> Cart:
    """Add the writing of a cart, as it was seen plus one change, to a transaction. The commit raises Conflict if it is not that any more."""
    cart = Cart(lines, seen.sequence + 1)
    item = CartItem(*key, lines=lines, sequence=cart.sequence, expires_at=_ends(now))
    _put_after(transaction, item, seen.sequence)
    return cart


def _put_after(transaction: WriteTransaction, item: CartItem, sequence: int) -> None:
    """Write over the cart that was seen, unless it has changed or become its customer's since."""
    unchanged = CartItem.sequence == sequence if sequence else CartItem.pk.does_not_exist()
    transaction.put(
        item,
        condition=unchanged & (CartItem.owner == "") if sequence else unchanged,
        refusal=refuse(_ChangedMeanwhile, _CHANGED),
    )


def add_forwarding(transaction: WriteTransaction, session: str, customer: str, ends: int) -> None:
    """Add to a transaction that a new session's cart is its customer's."""
    item = CartItem(*cart_key(session), lines=(), sequence=1, owner=customer, expires_at=ends)
    _put_after(transaction, item, 0)


def add_joining(transaction: WriteTransaction, session: str, customer: str, ends: int, now: datetime) -> None:
    """Add to a transaction that a session's cart goes into its customer's. The commit raises Conflict if either has changed."""
    seen = _cart(find(CartItem, *cart_key(session), consistent=True))
    forwarding = CartItem(*cart_key(session), lines=(), sequence=seen.sequence + 1, owner=customer, expires_at=ends)
    _put_after(transaction, forwarding, seen.sequence)
    if seen.lines:
        key = customer_key(customer, "CART")
        own = _cart(find(CartItem, *key, consistent=True))
        _add_lines(transaction, key, own, merged_lines(seen.lines, own.lines), now)


def _ends(now: datetime) -> int:
    return int((now + timedelta(days=CART_DAYS)).timestamp())
