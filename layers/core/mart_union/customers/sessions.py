"""Browsing sessions and their views: the sequence in which a customer browsed, kept only with consent."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from mart_union.customers import carts
from mart_union.customers.model import (
    SESSION_DAYS,
    VIEW_DAYS,
    VIEW_KINDS,
    Cart,
    CartLine,
    Session,
    View,
    with_quantity,
)
from mart_union.customers.tables import (
    CustomersItem,
    SessionItem,
    ViewItem,
    customer_key,
    session_key,
    view_key,
)
from mart_union.kernel.clock import from_iso, iso, utc_now
from mart_union.kernel.errors import Conflict, NotFound
from mart_union.kernel.ids import new_id
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse

_MOST_SESSIONS = 20
_LONGEST_PATH = 300


def start_session(consent: bool, now: datetime | None = None, *, customer: str = "") -> Session:
    """Begin a session under an id that cannot be guessed: whoever has it has its cart."""
    session = Session(secrets.token_urlsafe(18), consent, iso(now or utc_now()), customer)
    transaction = WriteTransaction()
    transaction.put(_item(session_key(session.id), session))
    if customer:
        _add_reference(transaction, session)
        carts.add_forwarding(transaction, session.id, customer, _ends(session))
    transaction.commit()
    return session


def find_session(session: str, now: datetime | None = None) -> Session | None:
    """A session that is not over; None when there is none."""
    item = find(SessionItem, *session_key(session), consistent=True) if session else None
    if item is None or (item.expires_at or 0) <= (now or utc_now()).timestamp():
        return None
    return item.document


def set_consent(session: str, consent: bool, now: datetime | None = None) -> Session:
    """Change a session's consent; withdrawing it erases the session's views, and none is recorded from then on.

    Raises:
        NotFound: there is no such session, or it is over.
        Conflict: the session changed at the same moment.
    """
    found = find_session(session, now)
    if found is None:
        raise NotFound("there is no such session")
    changed = replace(found, consent=consent)
    transaction = WriteTransaction()
    transaction.update(
        SessionItem(*session_key(session)),
        [SessionItem.document.set(changed), SessionItem.consent.set(consent)],
        condition=SessionItem.customer == found.customer,
        refusal=refuse(Conflict, "this session has just been signed in; try again"),
    )
    transaction.commit()
    if not consent:
        _erase(session)
    return changed


def record_view(
    session: str, kind: str, path: str, store: str = "", sku: str = "", now: datetime | None = None
) -> View | None:
    """Keep one step of a session's browsing sequence for 90 days, if the session consents; else nothing, and None.

    The consent is required in the transaction that writes the view, so that none is written after it was withdrawn.
    """
    if not session:
        return None
    if kind not in VIEW_KINDS:
        raise ValueError(f"a view is one of {VIEW_KINDS}, not '{kind}'")
    now = now or utc_now()
    view = View(new_id(), session, iso(now), kind, path[:_LONGEST_PATH], store, sku)
    consents = (SessionItem.consent == True) & (SessionItem.expires_at > int(now.timestamp()))  # noqa: E712 - a PynamoDB condition
    ends = int((now + timedelta(days=VIEW_DAYS)).timestamp())
    transaction = WriteTransaction()
    transaction.check(SessionItem(*session_key(session)), consents, refuse(Conflict, "this session has not consented"))
    transaction.put(ViewItem(*view_key(session, view.at, view.id), document=view, expires_at=ends))
    try:
        transaction.commit()
    except Conflict:
        return None
    return view


def fill_cart(session: str, wish: CartLine, *, add: bool = False, now: datetime | None = None) -> tuple[str, Cart]:
    """The cart with a listing's quantity (at its slot) set or added to, and its session: a new one, where there is none and the quantity is right.

    Raises:
        Invalid, RuleViolation, Busy: as `change_cart`; no session was started.
    """
    if not session:
        with_quantity((), wish, add=add)
        session = start_session(False, now).id
    return session, carts.change_cart(session, *wish.wanted[:2], wish.quantity, slot=wish.slot, add=add, now=now)


def join_session(session: str, subject: str, now: datetime | None = None) -> Session:
    """The session in which a customer who has just signed in goes on: the browser's own, with its views and cart, if it was nobody's.

    The session's cart and what the customer's cart held become one. A browser whose session is over or belongs to another customer gets a
    new session, without consent. Joining again changes nothing.

    Raises:
        Busy: the session and its cart kept changing.
    """
    moment = now or utc_now()

    def once() -> Session:
        found = find_session(session, moment)
        if found is None or found.customer not in {"", subject}:
            return start_session(False, moment, customer=subject)
        return found if found.customer else _join(found, subject, moment)

    return retried(once, on=Conflict, what="this session")


def _join(found: Session, subject: str, now: datetime) -> Session:
    joined = replace(found, customer=subject)
    transaction = WriteTransaction()
    transaction.update(
        SessionItem(*session_key(found.id)),
        [SessionItem.document.set(joined), SessionItem.customer.set(subject)],
        condition=(SessionItem.customer == "") & (SessionItem.consent == found.consent),
        refusal=refuse(Conflict, "this session has just changed"),
    )
    _add_reference(transaction, joined)
    carts.add_joining(transaction, found.id, subject, _ends(found), now)
    transaction.commit()
    return joined


def list_session_views(session: str, limit: int = 100) -> list[View]:
    """A session's newest views in the order in which they were made."""
    only = CustomersItem.sk.startswith("VIEW#")
    found = ViewItem.query(session_key(session)[0], only, limit=limit, scan_index_forward=False)
    now = utc_now().timestamp()
    return [item.document for item in found if (item.expires_at or 0) > now][::-1]


def list_views(subject: str, limit: int = 100) -> list[View]:
    """A customer's newest views in the order in which they were made, from their twenty newest sessions."""
    sessions = sorted(_sessions_of(subject), key=lambda each: each.started_at, reverse=True)[:_MOST_SESSIONS]
    views = [view for each in sessions for view in list_session_views(each.id, limit)]
    return sorted(views, key=lambda view: (view.at, view.id))[-limit:]


def erase_views(subject: str) -> None:
    """Erase every view of a customer's sessions. Repeating it is harmless; sessions with consent may record new ones."""
    for each in _sessions_of(subject):
        _erase(each.id)


def _sessions_of(subject: str) -> Iterator[Session]:
    for item in SessionItem.query(f"CUSTOMER#{subject}", CustomersItem.sk.startswith("SESSION#")):
        yield item.document


def _erase(session: str) -> None:
    only = CustomersItem.sk.startswith("VIEW#")
    with ViewItem.batch_write() as batch:
        for item in ViewItem.query(session_key(session)[0], only, consistent_read=True):
            batch.delete(item)


def _add_reference(transaction: WriteTransaction, session: Session) -> None:
    """A customer's partition names their sessions for as long as one of their views may live."""
    item = _item(customer_key(session.customer, f"SESSION#{session.id}"), session)
    item.expires_at = _ends(session) + VIEW_DAYS * 86_400
    transaction.put(item)


def _item(key: tuple[str, str], session: Session) -> SessionItem:
    return SessionItem(
        *key, document=session, consent=session.consent, customer=session.customer, expires_at=_ends(session)
    )


def _ends(session: Session) -> int:
    return int((from_iso(session.started_at) + timedelta(days=SESSION_DAYS)).timestamp())
