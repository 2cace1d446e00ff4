"""The ledger's rules: transfers of balanced postings between named accounts, in integer minor units.

A posting's amount is added to its account: what a party holds is positive. Money enters from `provider/<name>` and leaves
to `bank/out`, so these go negative and positive as the mirror of the world outside, and the whole ledger sums to zero.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

from mart_union.kernel.errors import AmountOutOfRange, Invalid, UnknownAccount
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import LARGEST_AMOUNT

ACCOUNT = re.compile(
    r"(customer/[\w-]+|order/[\w-]+|store/[\w-]+(/deposit|/held)?|supplier/[\w-]+|carrier/[\w-]+|union/commission|union/provider-fees|union/chargebacks|tax/[\w-]+|provider/[\w-]+|bank/out|bank/suspense)"
)
_WITH_FLOOR = re.compile(r"(customer/[\w-]+|store/[\w-]+/(deposit|held))")


SUSPENSE = "bank/suspense"
"""What came in and nobody knows for whom."""

SETTLEMENT_PERIODS = ("at_once", "daily", "weekly", "biweekly", "monthly")
"""How often a party is paid what has fallen due."""


class Posting(Struct, frozen=True):
    """An amount added to an account (negative: taken from it)."""

    account: str
    amount_minor: int


class Transfer(Struct, frozen=True):
    """One immutable movement of money; `pending` until it is resolved once (posted, voided, expired) by a second item."""

    id: str
    kind: str
    currency: str
    postings: tuple[Posting, ...]
    reference: str
    at: str
    pending: bool = False
    reverses: str = ""
    facts: dict[str, str] = field(default_factory=dict)


class Account(Struct, frozen=True):
    """A running balance, kept only for accounts with a floor. `available` is what may still be debited."""

    name: str
    balance_minor: int = 0
    available_minor: int = 0
    sequence: int = 0


class Payable(Struct, frozen=True):
    """What a party is owed, due on a day of the union's time zone; negative is what it owes, as after a refund.

    `kind` is completion, refund, chargeback, collection, returned_payout or carried. `gross_minor` is what the customer was charged for
    it, and `deductions` what others got of that, by kind of share; `rates` names the rate that each kind followed.
    """

    id: str
    party: str
    order: str
    amount_minor: int
    due: str
    kind: str
    transfer: str
    titles: dict[str, str] = field(default_factory=dict)
    statement: str = ""
    gross_minor: int = 0
    deductions: dict[str, int] = field(default_factory=dict)
    rates: dict[str, str] = field(default_factory=dict)


class StatementLine(Struct, frozen=True):
    """One payable as its statement shows it."""

    payable: str
    order: str
    amount_minor: int
    kind: str
    transfer: str
    titles: dict[str, str] = field(default_factory=dict)
    gross_minor: int = 0
    deductions: dict[str, int] = field(default_factory=dict)
    rates: dict[str, str] = field(default_factory=dict)


CARRY_REASONS = ("below_minimum", "negative", "no_destination")
"""Why a statement's total goes into the party's next statement instead of being paid."""


class Statement(Struct, frozen=True):
    """What one party is paid for one period; the total is the sum of its lines.

    `state` is collecting, ready, paid, carried (with a `reason`, one of CARRY_REASONS; '' where nothing was left) or returned.
    """

    id: str
    party: str
    period: str
    currency: str
    total_minor: int
    state: str
    made_at: str
    pages: int
    payout: str = ""
    reason: str = ""
    sequence: int = 0


class Payout(Struct, frozen=True):
    """Money on its way to a party's bank: one for each transfer to `bank/out`, whose id it bears.

    `state` is ready, sent with a bank file, returned by the bank, or rejected: no file of the bank's can hold it.

    `destination` is the id of the verified account that it goes to, whose holder and number stand elsewhere. `account` is what was
    debited and what a return by the bank credits again. `period` is that of the statement that it pays, if one, whose id is its
    `reference`; `file` is the bank file that it is in.
    """

    id: str
    party: str
    account: str
    amount_minor: int
    currency: str
    destination: str
    reference: str
    made_at: str
    state: str = "ready"
    period: str = ""
    file: str = ""
    reason: str = ""
    returned_by: str = ""
    sequence: int = 1


class PayoutTerms(Struct, frozen=True):
    """How a union pays out: no statement below the minimum, from the union's own account at its bank."""

    minimum_minor: int = 0
    holder: str = ""
    account: str = ""
    bank: str = ""


class BankFile(Struct, frozen=True):
    """One file for the bank with payouts: its id is its day and a number. `state` is collecting, closed (it takes no more) or sent.

    `terms` are as they were when it was begun, so that it is the same file whenever it is written; `sent_at` is when all of it was there
    for the bank, '' before.
    """

    id: str
    day: str
    state: str
    made_at: str
    terms: PayoutTerms
    pages: int = 0
    payouts: int = 0
    total_minor: int = 0
    key: str = ""
    sent_at: str = ""
    sequence: int = 0


class Suspended(Struct, frozen=True):
    """Money that came under a `reference` that means nothing here, by the bank's id of its notice.

    `state` is waiting, assigned or sent_back; `decision` says to what, or, of a sender's account, a hash of it: the transaction that carries a
    decision out notes it.
    `returned` counts how often it came back: it was sent and could not be delivered, or its assignment was undone, for a `reason`.
    """

    id: str
    amount_minor: int
    currency: str
    reference: str
    at: str
    state: str = "waiting"
    decision: str = ""
    decided_by: str = ""
    decided_at: str = ""
    returned: int = 0
    reason: str = ""
    sequence: int = 1

    @property
    def name(self) -> str:
        """What the ids of transfers and payouts that carry out its decision are made of: of no other notice's, and of no earlier decision's."""
        return derived_id("suspense", self.id, str(self.returned))

    @property
    def is_open(self) -> bool:
        """Whether it still waits for the operator."""
        return self.state == "waiting"


class ReportEntry(Struct, frozen=True):
    """One movement that a provider reports of a day: `kind` is received, sent or returned; `id` is the provider's own for what it
    received, and the payout's for what it sent or returned. The amount is positive."""

    id: str
    kind: str
    amount_minor: int


def has_floor(account: str) -> bool:
    """Whether an account may not go below zero; only such accounts keep a running balance, so no busy item is hot."""
    return _WITH_FLOOR.fullmatch(account) is not None


def checked(transfer: Transfer) -> Transfer:
    """The transfer itself, if it may be posted.

    Raises:
        UnknownAccount: there is no such kind of account.
        AmountOutOfRange: it moves nothing, or an amount is zero, or not an integer that is exact everywhere.
        Invalid: an account is named twice, or the postings do not sum to zero.
    """
    if not transfer.postings:
        raise AmountOutOfRange(f"transfer {transfer.id} moves nothing")
    for posting in transfer.postings:
        if not ACCOUNT.fullmatch(posting.account):
            raise UnknownAccount(f"there is no kind of account called '{posting.account}'")
        if not 0 < abs(posting.amount_minor) <= LARGEST_AMOUNT:
            raise AmountOutOfRange(
                f"a posting of {posting.amount_minor} to {posting.account} is not between 1 and {LARGEST_AMOUNT}"
            )
    if len({posting.account for posting in transfer.postings}) != len(transfer.postings):
        raise Invalid("a transfer names an account once: add its amounts up first")
    if sum(posting.amount_minor for posting in transfer.postings):
        raise Invalid("the postings of a transfer must sum to zero")
    return transfer


def postings_of(amounts: dict[str, int]) -> tuple[Posting, ...]:
    """Postings from amounts by account, zeros left out, in order of account."""
    return tuple(Posting(account, amounts[account]) for account in sorted(amounts) if amounts[account])
