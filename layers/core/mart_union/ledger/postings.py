"""Postings by account: a view that the stream writes from transfers, with totals of each month, day and minute, and the balance at any moment.

An account's postings stand a month to a partition, an order's few in one. Beside them stand the totals of each month, of each day of
a month and of each minute of a day, added to in the same transaction that writes the posting: each posting counts once, however often the stream tells of it. Nothing
is hot in a purchase, for the totals are the stream's; postings that come together are added up first. The view lags by a moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, UnknownAccount
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import Ref, fetch_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.ledger.model import ACCOUNT, Posting, Transfer
from mart_union.ledger.tables import (
    PostingItem,
    TotalItem,
    day_total_key,
    is_short,
    minute_total_key,
    month_total_key,
    postings_key,
)

_POSTINGS_A_TRANSACTION = 25
"""A transaction holds a hundred items: each posting can bring the totals of a month, of a day and of a minute along."""


class _Recorded(Conflict):
    """One of the postings is in the view already: leave it out."""


def record_postings(transfers: Iterable[Transfer]) -> None:
    """Write the view of these transfers' postings. Repeating it, wholly or in part, changes nothing.

    Raises:
        Busy: other writers of the same totals kept winning; repeat.
    """
    items = {
        (item.pk, item.sk): (posting.account, item) for transfer in transfers for posting, item in _items(transfer)
    }
    remaining = iter(items.values())
    while part := list(islice(remaining, _POSTINGS_A_TRANSACTION)):
        _record(part)


def _items(transfer: Transfer) -> Iterator[tuple[Posting, PostingItem]]:
    for posting in transfer.postings:
        yield (
            posting,
            PostingItem(
                *postings_key(posting.account, transfer.at, transfer.id),
                transfer=transfer.id,
                kind=transfer.kind,
                reference=transfer.reference,
                at=transfer.at,
                amount=posting.amount_minor,
            ),
        )


def _record(part: Sequence[tuple[str, PostingItem]]) -> None:
    look_first = iter((False,))

    def attempt() -> None:
        missing = _missing(part) if next(look_first, True) else part
        if missing:
            _write(missing)

    retried(attempt, on=_Recorded, what="the view of postings")


def _missing(part: Sequence[tuple[str, PostingItem]]) -> list[tuple[str, PostingItem]]:
    there = fetch_all([Ref(PostingItem, item.pk, item.sk, lambda _: True) for _, item in part], consistent=True)
    return [each for each, found in zip(part, there, strict=True) if not found]


def _write(part: Sequence[tuple[str, PostingItem]]) -> None:
    transaction = WriteTransaction()
    totals: Counter[tuple[str, str]] = Counter()
    for account, item in part:
        transaction.create(item, refuse(_Recorded, "this posting is in the view already"))
        if not is_short(account):
            for key_of in (month_total_key, day_total_key, minute_total_key):
                totals[key_of(account, item.at)] += int(item.amount)
    for key, amount in totals.items():
        transaction.update(TotalItem(*key), [TotalItem.amount.add(amount)])
    transaction.commit()


def balance_at(account: str, moment: datetime) -> int:
    """What an account held at a moment, in minor units: whole months, the month's whole days, the day's whole minutes, the minute's
    postings. Four queries.

    However busy the account, that is a total for each month of its life, at most 30 of days and 1,439 of minutes, and what was posted within
    one minute: a query of a MB reads some ten thousand totals or five thousand postings. What was posted in the last moments may not be in
    the view yet.

    Raises:
        UnknownAccount: there is no such kind of account.
    """
    if not ACCOUNT.fullmatch(account):
        raise UnknownAccount(f"there is no kind of account called '{account}'")
    at = iso(moment)
    upto = f"{at}#~"
    partition, _ = postings_key(account, at, "")
    if is_short(account):
        return _sum(PostingItem.query(partition, PostingItem.sk <= upto, consistent_read=True))
    months, month = month_total_key(account, at)
    days, day = day_total_key(account, at)
    minutes, minute = minute_total_key(account, at)
    return (
        _sum(TotalItem.query(months, TotalItem.sk < month, consistent_read=True))
        + _sum(TotalItem.query(days, TotalItem.sk < day, consistent_read=True))
        + _sum(TotalItem.query(minutes, TotalItem.sk < minute, consistent_read=True))
        + _sum(PostingItem.query(partition, PostingItem.sk.between(at[:16], upto), consistent_read=True))
    )


def _sum(items: Iterable[TotalItem | PostingItem]) -> int:
    return sum(int(item.amount) for item in items)
