"""Invariant 1: transfers balance, each and all together, in the union's currency, and each is of a kind that moves money so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

from mart_union.checkout.payers import CARDS
from mart_union.kernel.clock import from_iso, local_date
from mart_union.ledger.census import Ledger
from mart_union.ledger.model import ACCOUNT, Transfer
from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference

_CUSTOMER, _ESCROW = r"customer/[\w-]+", r"order/[\w-]+"
_RECEIVED, _CARDS, _FEES = "provider/bank", CARDS, "union/provider-fees"
_DEPOSIT, _HELD, _STORE = r"store/[\w-]+/deposit", r"store/[\w-]+/held", r"store/[\w-]+"
_PARTY = r"(store|supplier|carrier)/[\w-]+"
_UNIONS = r"union/commission|tax/[\w-]+"
_BORNE, _BANK = "union/chargebacks", "bank/out"
_UNKNOWN = "bank/suspense"
_PAYING = (rf"{_CUSTOMER}|{_RECEIVED}|{_CARDS}|{_DEPOSIT}", rf"{_ESCROW}|{_HELD}")

KINDS: dict[str, tuple[str, str]] = {
    "top-up": (rf"{_RECEIVED}|{_UNKNOWN}", _CUSTOMER),
    "deposit": (rf"{_RECEIVED}|{_UNKNOWN}", _DEPOSIT),
    "purchase": _PAYING,
    "payment": (rf"{_PAYING[0]}|{_UNKNOWN}", _PAYING[1]),
    "suspense": (_RECEIVED, _UNKNOWN),
    "sent_back": (_UNKNOWN, _BANK),
    "correction": (rf"{_CUSTOMER}|{_DEPOSIT}", _UNKNOWN),
    "refund": (rf"{_ESCROW}|{_HELD}|{_PARTY}|{_UNIONS}", rf"{_CUSTOMER}|{_CARDS}|{_DEPOSIT}|{_STORE}"),
    "refund_failed": (_CARDS, rf"{_CUSTOMER}|{_STORE}|{_BORNE}"),
    "completion": (rf"{_ESCROW}|{_HELD}", rf"{_PARTY}|{_UNIONS}"),
    "collection": (r"(store|carrier)/[\w-]+", _ESCROW),
    "withdrawal": (_CUSTOMER, _BANK),
    "deposit_withdrawal": (_DEPOSIT, _BANK),
    "payout": (_PARTY, _BANK),
    "payout_return": (_BANK, rf"{_PARTY}|{_CUSTOMER}|{_DEPOSIT}|{_UNKNOWN}"),
    "chargeback": (_BORNE, _CARDS),
    "chargeback_won": (_CARDS, _BORNE),
    "chargeback_lost": (rf"{_STORE}|{_CARDS}", _BORNE),
    "chargeback_moved": (rf"{_STORE}|{_BORNE}", _STORE),
    "chargeback_reinstated": (_CARDS, rf"{_STORE}|{_BORNE}|{_CUSTOMER}"),
    "provider_fees": (rf"{_CARDS}|{_FEES}", rf"{_CARDS}|{_FEES}"),
    "provider_payout": (rf"{_RECEIVED}|{_CARDS}", rf"{_RECEIVED}|{_CARDS}"),
}
"""Every kind of transfer: from which accounts its money comes, and to which it goes. A row of docs/ledger.md has each of them."""


def check_transfers(books: Books) -> Iterator[Difference]:
    """Every transfer's postings sum to zero, per currency; so does the whole ledger."""
    whole: Counter[str] = Counter()
    for transfer in books.ledger.transfers:
        total = sum(posting.amount_minor for posting in transfer.postings)
        whole[transfer.currency] += total
        if total:
            yield Difference(1, f"transfer/{transfer.id}", f"its postings sum to {total}, not to zero")
    for currency, total in whole.items():
        if total:
            yield Difference(1, f"ledger/{currency}", f"the whole ledger sums to {total}, not to zero")


def check_kinds(books: Books) -> Iterator[Difference]:
    """A transfer is in the union's currency, of a kind that there is, between accounts as that kind moves money, and only a purchase's waits."""
    known = books.transfers_by_id()
    for transfer in books.ledger.transfers:
        subject = f"transfer/{transfer.id}"
        if transfer.currency != books.currency:
            yield Difference(1, subject, f"it is in {transfer.currency}, the union's money is {books.currency}")
        if transfer.kind not in KINDS:
            yield Difference(1, subject, f"nothing makes a transfer of kind {transfer.kind}")
        for problem in _problems(transfer):
            yield Difference(1, subject, problem)
        if transfer.pending and transfer.kind != "purchase":
            yield Difference(1, subject, f"a {transfer.kind} is never pending")
        if transfer.reverses and transfer.reverses not in known:
            yield Difference(1, subject, f"it reverses {transfer.reverses}, which does not exist")


def _problems(transfer: Transfer) -> Iterator[str]:
    gives, gets = KINDS.get(transfer.kind, (".+", ".+"))
    names = [posting.account for posting in transfer.postings]
    if not names:
        yield "it moves nothing"
    for posting in transfer.postings:
        if not ACCOUNT.fullmatch(posting.account):
            yield f"there is no kind of account called {posting.account}"
        elif not posting.amount_minor or names.count(posting.account) > 1:
            yield f"it names {posting.account} for nothing, or twice"
        elif not re.fullmatch(gives if posting.amount_minor < 0 else gets, posting.account):
            yield f"a {transfer.kind} does not move {posting.amount_minor} on {posting.account}"


def check_ids(books: Books) -> Iterator[Difference]:
    """No two records of a kind have one id (each under its own invariant)."""
    ledger = books.ledger
    for invariant, kind, ids in (
        (1, "transfer", [each.id for each in ledger.transfers]),
        (2, "account", [each.name for each in ledger.accounts]),
        (3, "level", [each.id for each in books.levels]),
        (4, "purchase", [each.id for each in books.purchases]),
        (4, "order", [each.id for each in books.orders]),
        (7, "payable", [each.id for each in ledger.payables]),
        (7, "statement", [each.id for each in ledger.statements]),
        (7, "payout", [each.id for each in ledger.payouts]),
        (7, "bank-file", [each.id for each in ledger.bank_files]),
    ):
        for identity, count in Counter(ids).items():
            if count > 1:
                yield Difference(invariant, f"{kind}/{identity}", f"{count} of this id exist")


def balances_until(ledger: Ledger, day: date, time_zone: str) -> dict[str, int]:
    """What accounts held when a day was over, those of a kind together: `customer`, `store/deposit`, `bank/out`. They sum to zero."""
    until = [each for each in ledger.transfers if local_date(from_iso(each.at), time_zone) <= day]
    kinds: Counter[str] = Counter()
    for account, amount in Books(Ledger(transfers=until, outcomes=ledger.outcomes)).balances().items():
        kinds[kind_of(account)] += amount
    return dict(sorted(kinds.items()))


def kind_of(account: str) -> str:
    """What accounts of many parties have in common: `customer`, `store/deposit`; the union's own, banks and providers by their names."""
    kind, name, *rest = account.split("/")
    is_many = kind in {"customer", "order", "store", "supplier", "carrier"}
    return "/".join([kind, *rest] if is_many else [kind, name])


def check_balances(balances: Mapping[str, int], day: date) -> Iterator[Difference]:
    """Invariant 1, of the past, too: what accounts held when a day was over sums to zero."""
    total = sum(balances.values())
    if total:
        yield Difference(1, f"day/{day}", f"what accounts held when it was over sums to {total}, not to zero")
