"""Who bears lost disputes while parts of their charge are refunded, and some are won after all: over many histories drawn by chance."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from mart_union.checkout.disputed_refunds import (
    UNION,
    borne_by,
    lost_of,
    rebalanced,
    reinstated,
    relieved,
    still_due,
)
from mart_union.checkout.model import CardPayment, Disputed
from mart_union.settlement.chargebacks import lost_shares

STEP = 100
ORDERS = {"tea": 36_000, "pot": 20_000, "cup": 5_100}
CHARGED = sum(ORDERS.values())


@dataclass
class Charge:
    """A card's charge as refunds and disputes leave it; `customer` is what they got on their account."""

    card: CardPayment = field(default_factory=lambda: CardPayment("pi_1", captured_minor=CHARGED))
    left: dict[str, int] = field(default_factory=lambda: dict(ORDERS))
    customer: int = 0
    refunded: int = 0

    def lose(self, name: str, amount: int) -> None:
        borne = borne_by(self.card.disputes)
        shares = lost_shares(amount, {each: self.left[each] - borne.get(each, 0) for each in self.left}, STEP)
        bears = shares | {UNION: amount - sum(shares.values())}
        self._stand(self.card.disputes | {name: Disputed(amount, "lost", bears)})

    def refund(self, order: str, amount: int) -> None:
        name = f"refund-{len(self.card.returns)}"
        self.left[order] -= amount
        self.refunded += amount
        self.card = replace(self.card, returns=self.card.returns | {name: amount})
        if not lost_of(self.card.disputes):
            self.customer += amount  # their card
            return
        beyond = amount - still_due(self.card, name, amount)
        disputes, given = relieved(self.card.disputes, [order], self.left, beyond)
        self.customer += amount - sum(given.values())
        self._stand(rebalanced(disputes, self.left, STEP)[0])

    def win(self, name: str) -> None:
        self._come_back(name, Disputed(self.card.disputes[name].amount_minor, "won"))

    def win_part(self, name: str, back: int) -> None:
        self._come_back(name, Disputed(self.card.disputes[name].amount_minor, "lost", back_minor=back))

    def _come_back(self, name: str, stands: Disputed) -> None:
        came = self.card.disputes[name].lost_minor - stands.lost_minor
        disputes, given = reinstated(self.card, name, stands)
        self.customer += came - sum(given.values())
        self._stand(disputes)

    def _stand(self, disputes: dict[str, Disputed]) -> None:
        self.card = replace(self.card, disputes=disputes)


@pytest.mark.parametrize("seed", range(200))
def test_nobody_is_short_and_nobody_gets_a_part_twice_whatever_the_order(seed: int) -> None:
    dice, charge = random.Random(seed), Charge()
    for number in range(8):
        lost = lost_of(charge.card.disputes)
        word = dice.choice(("lose", "refund", "refund", "win", "win in part"))
        if word == "lose" and lost < CHARGED:
            charge.lose(f"dp_{number}", dice.randrange(STEP, CHARGED - lost + 1, STEP))
        elif word == "refund":
            order = dice.choice([each for each, amount in charge.left.items() if amount] or ["none"])
            if order != "none":
                charge.refund(
                    order, dice.choice((charge.left[order], dice.randrange(STEP, charge.left[order] + 1, STEP)))
                )
        elif word == "win" and lost:
            charge.win(dice.choice([each for each, known in charge.card.disputes.items() if known.state == "lost"]))
        elif word == "win in part" and lost:
            whole = [each for each, known in charge.card.disputes.items() if known.lost_minor and not known.back_minor]
            if whole:
                name = dice.choice(whole)
                charge.win_part(name, dice.randrange(STEP, charge.card.disputes[name].amount_minor + 1, STEP))
        lost, borne = lost_of(charge.card.disputes), borne_by(charge.card.disputes)
        for known in charge.card.disputes.values():
            assert sum(known.bears.values()) <= known.lost_minor
        assert all(0 <= amount <= charge.left.get(each, CHARGED) for each, amount in borne.items())
        # what came from them and is not with them is borne by somebody, to the last unit
        assert charge.customer + lost == charge.refunded + sum(borne.values())
        # all that they paid goes back once at most, but for what had gone back to their card before a loss
        assert charge.customer >= min(charge.refunded, max(CHARGED - lost, 0))


@pytest.mark.parametrize("lost", [10_000, 36_000, 50_000, CHARGED])
@pytest.mark.parametrize("is_first", [True, False])
def test_an_order_that_was_refunded_whole_leaves_its_store_nothing_to_bear(lost: int, is_first: bool) -> None:
    charge = Charge()
    if is_first:
        charge.refund("tea", ORDERS["tea"])
    charge.lose("dp_1", lost)
    if not is_first:
        charge.refund("tea", ORDERS["tea"])
    borne = borne_by(charge.card.disputes)
    others = ORDERS["pot"] + ORDERS["cup"]
    assert borne.get("tea", 0) == 0
    assert borne.get("pot", 0) + borne.get("cup", 0) == min(lost, others)
    assert charge.customer + lost == (ORDERS["tea"] + lost if is_first else min(CHARGED, ORDERS["tea"] + lost))


def test_what_no_lost_dispute_pays_any_more_is_the_customers_again_though_it_was_settled_with_another() -> None:
    charge = Charge(card=CardPayment("pi_1", captured_minor=72_000), left={"tea": 36_000, "pot": 36_000})
    for name in ("dp_1", "dp_2"):
        charge.lose(name, 36_000)
    charge.refund("tea", 36_000)
    assert (charge.customer, borne_by(charge.card.disputes)) == (0, {"tea": 0, "pot": 36_000, UNION: 0})
    charge.win("dp_1")
    assert (charge.customer, borne_by(charge.card.disputes)) == (36_000, {"tea": 0, "pot": 36_000, UNION: 0})
