"""What goes out through the bank, and comes back from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mart_union.customers.withdrawals import withdraw
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import BankFile
from mart_union.mediation.deposits import withdraw_deposit
from mart_union.settlement.bank_formats import Paid
from mart_union.settlement.channels import BankFiles
from mart_union.settlement.payouts import return_payout, send_payouts
from tests.services.ledger_events.scene import LATER, SETTLED_AT, Scene, event, settle
from tests.services.market import NOW, give_money
from tests.services.settling import verify_account


@event("withdrawal from a customer's account")
def _(scene: Scene) -> Iterator[None]:
    account = f"customer/{scene.market.customer}"
    verify_account(account, NOW)
    yield
    withdraw(account, account, 50_000, payout=scene.name, kind="withdrawal", reference=account, now=NOW)


@event("withdrawal from a deposit")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    verify_account(f"store/{scene.market.store}", NOW)
    yield
    withdraw_deposit(scene.market.store, 50_000, "withdraw-0001", NOW)


@event("payout of a statement")
def _(scene: Scene) -> Iterator[None]:
    store = scene.owe("store")
    yield
    settle(store)


@event("payout of a supplier's statement")
def _(scene: Scene) -> Iterator[None]:
    supplier = scene.owe("supplier")
    yield
    settle(supplier)


@event("payout of a carrier's statement")
def _(scene: Scene) -> Iterator[None]:
    carrier = scene.owe("carrier")
    yield
    settle(carrier)


@event("withdrawal that the bank returns")
def _(scene: Scene) -> Iterator[None]:
    account = f"customer/{scene.market.customer}"
    verify_account(account, NOW)
    withdraw(account, account, 50_000, payout=scene.name, kind="withdrawal", reference=account, now=NOW)
    send_payouts(NOW)
    yield
    return_payout(scene.name, notice="n", amount_minor=50_000, reason="AC04", now=LATER)


@event("withdrawal from a deposit that the bank returns")
def _(scene: Scene) -> Iterator[None]:
    give_money(f"store/{scene.market.store}/deposit", 100_000)
    verify_account(f"store/{scene.market.store}", NOW)
    payout = withdraw_deposit(scene.market.store, 50_000, "withdraw-0001", NOW).id
    send_payouts(NOW)
    yield
    return_payout(payout, notice="n", amount_minor=50_000, reason="AC04", now=LATER)


@event("payout that no bank file can hold")
def _(scene: Scene) -> Iterator[None]:
    account = f"customer/{scene.market.customer}"
    verify_account(account, NOW)
    send_payouts(NOW)
    withdraw(account, account, 50_000, payout=scene.name, kind="withdrawal", reference=account, now=NOW)
    yield
    send_payouts(NOW, NoPlace())


class NoPlace(BankFiles):
    """A format that has no place for any payout."""

    def unfit(self, file: BankFile, paid: Sequence[Paid]) -> list[Paid]:
        return list(paid)


@event("payout that the bank returns")
def _(scene: Scene) -> Iterator[None]:
    yield from _come_back(scene.owe("store"))


@event("payout to a supplier that the bank returns")
def _(scene: Scene) -> Iterator[None]:
    yield from _come_back(scene.owe("supplier"))


@event("payout to a carrier that the bank returns")
def _(scene: Scene) -> Iterator[None]:
    yield from _come_back(scene.owe("carrier"))


def _come_back(party: str) -> Iterator[None]:
    """A party's statement was paid, and the bank sends the money back."""
    settle(party)
    send_payouts(SETTLED_AT)
    [payout] = [one for one in whole_ledger().payouts if one.party == party]
    yield
    return_payout(payout.id, notice="n", amount_minor=payout.amount_minor, reason="AC04", now=SETTLED_AT)
