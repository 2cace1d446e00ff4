"""Money that a party takes back from an account that it has in the union: to its verified bank account, and nowhere else."""

from __future__ import annotations

from datetime import datetime

from mart_union.customers.destinations import add_verified_check, require_verified
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import RuleViolation
from mart_union.kernel.money import checked_price
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch
from mart_union.ledger.model import Payout, Transfer, postings_of
from mart_union.ledger.payouts import pay_out
from mart_union.ledger.refs import transfer_ref
from mart_union.ledger.service import same_transfer


def withdraw(
    party: str, account: str, amount_minor: int, *, payout: str, kind: str, reference: str, now: datetime
) -> Transfer:
    """Send an amount from an account to its party's verified bank account, with the next bank file; `payout` is the id of its payout and
    its transfer. The same id again changes nothing and gives the first transfer.

    Raises:
        Invalid: the amount is not positive, in range and in whole steps.
        RuleViolation: the party has no verified bank account.
        InsufficientFunds: the account has less available.
        KeyReused: the id was used for another amount.
    """
    currency = settings().currency
    checked_price(amount_minor, currency)
    wanted = {account: -amount_minor, "bank/out": amount_minor}
    transfer = Transfer(payout, kind, currency.code, postings_of(wanted), reference, iso(now))
    try:
        destination = require_verified(party)
    except RuleViolation:
        first = fetch(transfer_ref(payout), consistent=True)
        if first is None:
            raise
        return same_transfer(first, transfer)
    made = Payout(payout, party, account, amount_minor, currency.code, destination, reference, transfer.at)
    return pay_out(made, kind, now, lambda transaction: add_verified_check(transaction, party, destination))
