"""Invariant 7, to its end: what left for the bank is one payout of its party, of its statement's total, in one bank file, credited again once
if it came back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from mart_union.ledger.model import SUSPENSE, BankFile, Payout, Statement, Transfer
from mart_union.ledger.payouts import return_id
from mart_union.settlement.checks.model import Books, amounts_of
from mart_union.settlement.differences import Difference

BANK = "bank/out"
_STATEMENTS = {"ready": "ready", "sent": "paid", "returned": "returned", "rejected": "returned"}
"""How a statement stands whose payout stands so."""
_CREDITED = frozenset({"returned", "rejected"})
_IN_A_FILE = {"ready": {True, False}, "sent": {True}, "returned": {True}, "rejected": {False}}
_FILES = {
    "collecting": frozenset({"ready"}),
    "closed": frozenset({"ready", "sent", "returned"}),
    "sent": frozenset({"sent", "returned"}),
}
"""How payouts may stand whose bank file stands so."""
_PayoutFacts = tuple[str, str, str, int, str, str, str]


def check_payouts(books: Books) -> Iterator[Difference]:
    """Everything posted to `bank/out` has one payout of that amount from its account, credited again only if it came back."""
    at_bank = {each.id: each for each in books.ledger.transfers if BANK in amounts_of(each)}
    for payout in books.ledger.payouts:
        out, back = at_bank.pop(payout.id, None), at_bank.pop(return_id(payout.id), None)
        for problem in (*_transfer_problems(payout, out, back), *_problems(payout, books.currency)):
            yield Difference(7, f"payout/{payout.id}", problem)
    for transfer_id in at_bank:
        yield Difference(7, f"transfer/{transfer_id}", "it moves money at the bank, and no payout tells of it")


def _transfer_problems(payout: Payout, out: Transfer | None, back: Transfer | None) -> Iterator[str]:
    amounts = {payout.account: -payout.amount_minor, BANK: payout.amount_minor}
    if amounts_of(out) != amounts or (out is not None and (out.reference, out.pending) != (payout.reference, False)):
        yield f"it is of {amounts} for {payout.reference}, its transfer of {amounts_of(out)}"
    if out is not None and (out.kind == "payout") != bool(payout.period):
        yield f"it pays '{payout.period}' by a {out.kind}"
    due = {account: -amount for account, amount in amounts.items()} if payout.state in _CREDITED else {}
    if amounts_of(back) != due or (back is not None and back.reference != payout.reference):
        yield f"it is {payout.state}, {amounts_of(back)} was credited again"


def _problems(payout: Payout, currency: str) -> Iterator[str]:
    if payout.currency != currency or payout.amount_minor <= 0 or not payout.destination:
        yield f"it is of {payout.amount_minor} {payout.currency} to '{payout.destination}'"
    from_suspense = payout.account == SUSPENSE and payout.party.startswith("suspense/")
    own = {payout.party} if payout.period else {payout.party, f"{payout.party}/deposit"}
    if payout.account not in own and not from_suspense:
        yield f"it takes from {payout.account} and goes to {payout.party}"
    if bool(payout.file) not in _IN_A_FILE.get(payout.state, set()):
        yield f"it is {payout.state} and in bank file '{payout.file}'"
    told = (bool(payout.returned_by), bool(payout.reason))
    if told != (payout.state == "returned", payout.state in _CREDITED):
        yield f"it is {payout.state}, by '{payout.returned_by}' for '{payout.reason}'"


def check_paid_statements(books: Books) -> Iterator[Difference]:
    """A statement has the one payout that it names: its party's, of its total, for its period, standing as it does."""
    paying: dict[str, list[Payout]] = defaultdict(list)
    for payout in books.ledger.payouts:
        if payout.period:
            paying[payout.reference].append(payout)
    for statement in books.ledger.statements:
        payouts = paying.pop(statement.id, [])
        said = [_said(payout) for payout in payouts]
        if said != _due(statement):
            detail = (
                f"it is {statement.state} with {statement.total_minor} of {statement.party}, its payouts are {said}"
            )
            yield Difference(7, f"statement/{statement.id}", detail)
    for payouts in paying.values():
        for payout in payouts:
            yield Difference(7, f"payout/{payout.id}", f"it pays statement {payout.reference}, which does not exist")


def _said(payout: Payout) -> tuple[str, str, int, str, str]:
    return (payout.id, payout.party, payout.amount_minor, payout.period, _STATEMENTS.get(payout.state, payout.state))


def _due(statement: Statement) -> list[tuple[str, str, int, str, str]]:
    if not statement.payout:
        return []
    return [(statement.payout, statement.party, statement.total_minor, statement.period, statement.state)]


def check_bank_files(books: Books) -> Iterator[Difference]:
    """A bank file's pages hold the payouts that name it, each once and as it is; its count and total are theirs."""
    collected: dict[str, dict[str, Payout]] = defaultdict(dict)
    for payout in books.ledger.payouts:
        if payout.file:
            collected[payout.file][payout.id] = payout
    pages = dict(books.ledger.file_payouts)
    for file in books.ledger.bank_files:
        for problem in _file_problems(file, pages.pop(file.id, []), collected.pop(file.id, {})):
            yield Difference(7, f"bank-file/{file.id}", problem)
    for file_id in sorted({*collected, *pages}):
        yield Difference(7, f"bank-file/{file_id}", "payouts are in it, but it does not exist")


def _file_problems(file: BankFile, page: list[Payout], payouts: dict[str, Payout]) -> Iterator[str]:
    said = (file.payouts, file.total_minor)
    found = (len(payouts), sum(payout.amount_minor for payout in payouts.values()))
    if said != found:
        yield f"it says {said}, its payouts are {found}"
    if Counter(_facts(payout) for payout in page) != Counter(_facts(payout) for payout in payouts.values()):
        yield f"its pages hold {[payout.id for payout in page]}, its payouts are {sorted(payouts)}, or others"
    states = {payout.state for payout in payouts.values()}
    if file.state not in _FILES or states - _FILES[file.state]:
        yield f"it is {file.state}, its payouts are {', '.join(sorted(states))}"
    if bool(file.key) != (file.state != "collecting") or not file.id.startswith(f"{file.day}."):
        yield f"it is {file.state} at '{file.key}', for {file.day}"


def _facts(payout: Payout) -> _PayoutFacts:
    """What the bank is told of a payout, and for what; not how far it has come."""
    return (
        payout.id,
        payout.party,
        payout.account,
        payout.amount_minor,
        payout.currency,
        payout.destination,
        payout.reference,
    )
