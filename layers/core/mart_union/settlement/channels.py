"""How payouts leave the union: files for its bank, or transfers of a provider. One port, so that settlement knows neither."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from mart_union.checkout.stripe_amounts import to_stripe
from mart_union.kernel.bucket import put_object
from mart_union.kernel.errors import NotChargeable, RuleViolation
from mart_union.kernel.money import Currency
from mart_union.kernel.settings import settings
from mart_union.ledger.model import BankFile
from mart_union.settlement.bank_formats import Paid, check_terms, suffix_of, unfit, write_bank_file


class Channel(Protocol):
    """Takes files of payouts; taking the same one again pays nothing again."""

    def check(self, file: BankFile) -> None:
        """Nothing, if a file that was just begun can be delivered. Raises RuleViolation if not."""

    def key_of(self, file: BankFile) -> str:
        """Where the file, or what stands for it, will be found in the bucket; '' for nowhere."""

    def unfit(self, file: BankFile, paid: Sequence[Paid]) -> list[Paid]:
        """Those of these payouts that cannot be delivered in this way, whenever it is tried."""

    def deliver(self, file: BankFile, paid: Sequence[Paid]) -> None:
        """Have these payouts paid."""


class BankFiles:
    """Files in the union's bucket, which its operator hands to the bank: pain.001 for euros, comma-separated values else."""

    def check(self, file: BankFile) -> None:
        """Nothing, if the union has set the account that it pays from where the format names it."""
        check_terms(file, settings().currency)

    def key_of(self, file: BankFile) -> str:
        """The key of the file."""
        return f"payouts/{file.day}/{file.id}.{suffix_of(settings().currency)}"

    def unfit(self, file: BankFile, paid: Sequence[Paid]) -> list[Paid]:
        """What the format's schema refuses."""
        return unfit(file, paid, settings().currency)

    def deliver(self, file: BankFile, paid: Sequence[Paid]) -> None:
        """Write the file: the same one, whenever it is written."""
        written = write_bank_file(file, paid, settings().currency)
        put_object(file.key, written.text, written.media_type)


class StripeTransfers:
    """Transfers to connected accounts of Stripe. Not yet run against a server: neither Stripe's nor one that stands for it.

    `accounts` gives the connected account of a destination's id; `create` is `stripe.Transfer.create`, `find` gives all transfers of a group:
    `stripe.Transfer.list(...).auto_paging_iter()`. Stripe forgets idempotency keys after a day, and a file may be brought to its end
    later: so what was transferred for it is looked for by its group first.
    """

    def __init__(
        self, create: Callable[..., Any], find: Callable[..., Iterable[Any]], accounts: Mapping[str, str]
    ) -> None:
        self._create = create
        self._find = find
        self._accounts = accounts

    def check(self, file: BankFile) -> None:
        """Nothing: an account that is missing is told when it is paid."""

    def key_of(self, file: BankFile) -> str:
        """No file stands for it: its transfers bear its id as their group."""
        del file
        return ""

    def unfit(self, file: BankFile, paid: Sequence[Paid]) -> list[Paid]:
        """What goes to an account that Stripe does not know, or is no amount that it can transfer exactly."""
        del file
        return [each for each in paid if each.destination.id not in self._accounts or not _is_exact(each)]

    def deliver(self, file: BankFile, paid: Sequence[Paid]) -> None:
        """Make one transfer a payout, in the order of the file, of those that have none.

        Raises:
            RuleViolation: a destination has no connected account; nothing was transferred.
            NotChargeable: Stripe cannot transfer an amount exactly; nothing was transferred.
        """
        missing = [each.payout.party for each in paid if each.destination.id not in self._accounts]
        if missing:
            raise RuleViolation(f"{missing[0]} has no connected account", reason="no_destination")
        amounts = {each.payout.id: _amount(each) for each in paid}
        made = {each["metadata"].get("payout") for each in self._find(transfer_group=file.id, limit=100)}
        for each in paid:
            if each.payout.id in made:
                continue
            self._create(
                amount=amounts[each.payout.id],
                currency=each.payout.currency.lower(),
                destination=self._accounts[each.destination.id],
                transfer_group=file.id,
                metadata={"payout": each.payout.id},
                idempotency_key=each.payout.id,
            )


def _amount(paid: Paid) -> int:
    """In Stripe's units, which are not those of ISO 4217 for every currency."""
    return to_stripe(paid.payout.amount_minor, Currency(paid.payout.currency, 1))


def _is_exact(paid: Paid) -> bool:
    try:
        _amount(paid)
    except NotChargeable:
        return False
    return True
