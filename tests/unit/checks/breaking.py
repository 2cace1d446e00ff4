"""One thing in the books made wrong."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from mart_union.ledger.model import Payable, StatementLine, Transfer, postings_of
from mart_union.orders.model import Order, Share
from mart_union.settlement.checks.model import Books
from tests.unit.checks.trade import NOW, iso

_PARTS = ("transfers", "payables", "statements", "payouts", "bank_files", "accounts", "suspended")


def change(books: Books, part: str, name: str, **changes: Any) -> Books:
    """The record of a name in a part of the books, with other facts."""
    records = _records(books, part)
    position = next(number for number, each in enumerate(records) if _name(each) == name)
    records[position] = replace(records[position], **changes)
    return books


def drop(books: Books, part: str, name: str) -> Books:
    """The books without a record."""
    records = _records(books, part)
    records[:] = [each for each in records if _name(each) != name]
    return books


def double(books: Books, part: str, name: str, **changes: Any) -> Books:
    """The books with a record twice."""
    records = _records(books, part)
    records.append(replace(find(books, part, name), **changes))
    return books


def find(books: Books, part: str, name: str) -> Any:
    """A record of the books."""
    return next(each for each in _records(books, part) if _name(each) == name)


def change_line(books: Books, order: str, position: int, **changes: Any) -> Books:
    """A line of an order with other facts."""
    found: Order = find(books, "orders", order)
    lines = [replace(line, **changes) if line.number == position else line for line in found.lines]
    return change(books, "orders", order, lines=tuple(lines))


def change_share(books: Books, order: str, number: int, kind: str, **changes: Any) -> Books:
    """A share of a line with other facts."""
    line = find(books, "orders", order).lines[number - 1]
    split = tuple(replace(share, **changes) if share.kind == kind else share for share in line.split)
    return change_line(books, order, number, split=split)


def drop_share(books: Books, order: str, number: int, kind: str) -> Books:
    """A line without the share of a kind, which the store's own gets."""
    line = find(books, "orders", order).lines[number - 1]
    lost = sum(share.amount_minor for share in line.split if share.kind == kind)
    kept = [share for share in line.split if share.kind not in {kind, "sale"}]
    sale = sum(share.amount_minor for share in line.split if share.kind == "sale")
    return change_line(books, order, number, split=(*kept, Share("store/tea", "sale", sale + lost)))


def post(books: Books, kind: str, reference: str = "order/done-1", **amounts: int) -> Books:
    """One more transfer; accounts with `/` as `__`."""
    moved = {_account(name): amount for name, amount in amounts.items()}
    books.ledger.transfers.append(Transfer("more", kind, "TWD", postings_of(moved), reference, iso(NOW)))
    return books


def owe(books: Books, **facts: Any) -> Books:
    """One more payable."""
    made = Payable("more", "store/tea", "done-1", 5_000, "2026-11-09", "completion", "no-such")
    books.ledger.payables.append(replace(made, **facts))
    return books


def change_postings(books: Books, name: str, **amounts: int) -> Books:
    """A transfer of other amounts; accounts with `/` as `__`."""
    moved = {_account(name): amount for name, amount in amounts.items()}
    return change(books, "transfers", name, postings=postings_of(moved))


def statement_of(books: Books, party: str, number: int = 0) -> Any:
    """A party's statement."""
    return [each for each in books.ledger.statements if each.party == party][number]


def payable_of(books: Books, party: str, kind: str, number: int = 0) -> Payable:
    """A party's payable of a kind."""
    return [each for each in books.ledger.payables if (each.party, each.kind) == (party, kind)][number]


def payout_of(books: Books, party: str, *, account: str = "") -> Any:
    """A party's payout, from its own account unless another is named."""
    return next(each for each in books.ledger.payouts if (each.party, each.account) == (party, account or party))


def change_claim(books: Books, payable: Payable, **changes: Any) -> Books:
    """The line of a payable in its statement with other facts."""
    lines = books.ledger.lines[payable.statement]
    lines[:] = [_changed(line, changes) if line.payable == payable.id else line for line in lines]
    return books


def _changed(line: StatementLine, changes: dict[str, Any]) -> StatementLine:
    return replace(line, **changes)


def _records(books: Books, part: str) -> list[Any]:
    records: list[Any] = getattr(books.ledger if part in _PARTS else books, part)
    return records


def _name(record: Any) -> str:
    return str(getattr(record, "id", None) or record.name)


def _account(name: str) -> str:
    """`order__done_1` is `order/done-1`."""
    return name.replace("__", "/").replace("_", "-")
