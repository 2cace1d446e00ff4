"""Money that leaves the union: withdrawals, bank accounts, payouts that the bank cannot deliver; and the terms that take a part of it."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from mart_union.customers.model import DestinationFields
from mart_union.ledger.model import Payout, PayoutTerms
from mart_union.settlement.service import decide_account, set_account, set_terms
from tests.faults import chance
from tests.machine.machine import History, one_of, some
from tests.machine.striking import Aimed, strikes
from tests.machine.trading import request
from tests.world import CUSTOMER, OPERATOR, OTHER_STORE, STORE, SUPPLIER

PARTIES = (
    f"customer/{CUSTOMER}",
    f"store/{STORE}",
    f"store/{OTHER_STORE}",
    f"supplier/{SUPPLIER}",
    "carrier/windcity-express",
)


def give_accounts() -> None:
    """Every party has a verified bank account, and the union one of its own; statements of a few dollars are carried forward."""
    set_terms(PayoutTerms(5_000, "Hsinchu Mart Union", "012345678901", "004"), OPERATOR, chance.now())
    for number, party in enumerate(PARTIES):
        give_account(party, number)


def give_account(party: str, number: int) -> None:
    """A verified bank account of a party, another for another number."""
    fields = DestinationFields(f"Holder {number}", f"{10**11 + number}", "004")
    view = set_account(party, fields, party, chance.now())
    decide_account(party, view.id, True, OPERATOR, chance.now())


class Treasury(History):
    """Withdrawals, payouts returned, other bank accounts, other rates."""

    @rule(dollars=st.integers(1, 2_000_000), strike=strikes)
    def withdraw(self, dollars: int, strike: Aimed | None) -> None:
        """A customer takes money out; more than there is, now and then."""
        body = {"amount_minor": dollars * 100}
        command = request("payments", "POST", "/api/me/withdrawals", body, subject=CUSTOMER, key=self.key())
        self.perform("withdraw", command, strike)

    @rule(dollars=st.integers(1, 2_000_000), strike=strikes)
    def withdraw_deposit(self, dollars: int, strike: Aimed | None) -> None:
        """A store takes a part of its deposit back."""
        path, body = f"/api/manage/{STORE}/deposit/withdrawals", {"amount_minor": dollars * 100}
        command = request("manage", "POST", path, body, subject="owner-emei", role="owner", key=self.key())
        self.perform("withdraw a deposit", command, strike)

    @precondition(lambda self: self.payouts())
    @rule(pick=some, again=st.booleans(), strike=strikes)
    def bank_returns(self, pick: int, again: bool, strike: Aimed | None) -> None:
        """The bank cannot deliver a payout, and says so once or twice; the party names another account."""
        payout = one_of(self.payouts(), pick)
        key = self.key()
        data = {
            "id": key,
            "amount_minor": payout.amount_minor,
            "currency": "TWD",
            "payout": payout.id,
            "reason": "AC04",
        }
        body = {"type": "payout.returned", "data": data}
        command = request("payments", "POST", "/api/payments/webhooks/bank", body, key=key, signed="signature_bank")
        self.perform("bank returns a payout", command, strike)
        if again:
            self.perform("bank returns a payout, again", command, None)
        give_account(payout.party, self.number)
        self.state = self.place.read(self.state, self.wire.forget_written())

    def payouts(self) -> list[Payout]:
        """Every payout there is."""
        return [
            msgspec.json.decode(item["document"]["S"], type=Payout)
            for (table, pk, _), item in self.state.items.items()
            if table.endswith("-ledger") and pk.startswith("PAYOUT#")
        ]

    @rule(basis_points=st.integers(0, 2_000), fixed=st.integers(0, 5), tax=st.integers(0, 1_000), strike=strikes)
    def change_rates(self, basis_points: int, fixed: int, tax: int, strike: Aimed | None) -> None:
        """The operator asks another commission, and taxes goods otherwise."""
        commission = {"id": "all", "scope": "union", "rate_basis_points": basis_points, "fixed_minor": fixed * 100}
        rates = {"fees": [commission], "taxes": [{"id": "goods", "code": "vat", "basis_points": tax}]}
        command = request("operate", "PUT", "/api/operate/fees", rates, subject=OPERATOR, role="operator")
        self.perform("change rates", command, strike)
