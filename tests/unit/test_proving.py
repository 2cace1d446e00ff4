"""What is wrong with a procedure is named before it is used: first what can strand money, then what cannot be taken."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import asdict, replace

from mart_union.catalog.procedures import Deadline, Procedure, Reminder, Step
from mart_union.kernel.errors import Invalid, MoneyStranded, ProcedureRefused
from mart_union.orders.own import LARGEST, checked_procedure, described
from mart_union.orders.proving import shape_problems, stranding_problems
from mart_union.orders.shipped import AT_THE_DOOR, PROCEDURES

DIGITAL, CARRIER, PICKUP = PROCEDURES["digital"], PROCEDURES["carrier"], PROCEDURES["pickup"]
CASH = PROCEDURES["pickup_cash"]


def with_step(*steps: Step, of: Procedure = DIGITAL) -> Procedure:
    names = {step.name for step in steps}
    return replace(of, steps=(*(step for step in of.steps if step.name not in names), *steps))


def changed(step: str, /, *, of: Procedure = DIGITAL, **changes: Any) -> Procedure:
    """The procedure with one of its steps changed."""
    return replace(of, steps=tuple(replace(s, **changes) if s.name == step else s for s in of.steps))


def without(name: str, *, of: Procedure = DIGITAL) -> Procedure:
    return replace(of, steps=tuple(step for step in of.steps if step.name != name))


BOTH = ("store", "supplier")
TAKES_BACK = "takes back what has left whoever fulfils it: that goes back as a return"
CLOSING = DIGITAL.deadlines[1]
DOOR = PROCEDURES["carrier_cash"]
SILENT = "an order that is shipped stays so for ever where nobody says who took its cash: the system needs a step that refunds from there"


@pytest.mark.parametrize(
    ("procedure", "problems"),
    [
        (
            with_step(Step("lose", "Lose", ("delivered",), "scheduled", BOTH)),
            [
                f"lose {TAKES_BACK}",
                "no ending is reached from scheduled",
                "an order can stay scheduled for ever",
                "the system cannot cancel from scheduled, where a card may turn out not to be charged",
            ],
        ),
        (
            with_step(Step("keep", "Keep", ("placed",), "refused", BOTH)),
            ["keep does not settle the money as its ending calls for"],
        ),
        (
            with_step(Step("steal", "Steal", ("placed",), "completed", BOTH, effect="refund")),
            ["steal does not settle the money as its ending calls for"],
        ),
        (
            without("turn_away", of=PROCEDURES["carrier_cash"]),
            [SILENT],
        ),
        (with_step(Step("back", "Back", ("refused",), "placed", BOTH)), ["back leaves an ending"]),
        (
            with_step(Step("free", "Free", ("awaiting_payment",), "placed", BOTH)),
            ["free leaves awaiting_payment without payment"],
        ),
        (
            with_step(Step("giveup", "Give up", ("awaiting_payment",), "refused", BOTH, effect="refund")),
            ["giveup refunds or completes what was never paid", "giveup leaves awaiting_payment without payment"],
        ),
        (
            with_step(Step("drop", "Drop", ("placed",), "expired", ("system",), effect="release")),
            ["drop releases what was paid"],
        ),
        (
            changed("receive", from_states=("placed", "delivered")),
            ["receive completes what was not handed over"],
        ),
        (
            with_step(Step("again", "Again", ("placed",), "placed", ("system",), effect="payment")),
            ["again posts a payment where none is awaited"],
        ),
        (replace(DIGITAL, deadlines=(CLOSING,)), ["an order can stay placed for ever"]),
        (
            replace(PICKUP, deadlines=(*PICKUP.deadlines[:2], Deadline("ready", "prepare", 24), PICKUP.deadlines[3])),
            ["an order can stay ready for ever"],
        ),
        (
            changed("cancel", of=PICKUP, from_states=("placed", "accepted")),
            ["the system cannot cancel from ready, where a card may turn out not to be charged"],
        ),
        (
            replace(DIGITAL, deadlines=(Deadline("placed", "refuse", hours=121), CLOSING)),
            ["an order may wait for its answer longer than 120 hours, and a card's money be gone"],
        ),
        (changed("cancel", of=CARRIER, from_states=("placed", "accepted", "shipped")), [f"cancel {TAKES_BACK}"]),
        (changed("refuse", of=CARRIER, from_states=("placed", "accepted", "delivered")), [f"refuse {TAKES_BACK}"]),
        (with_step(AT_THE_DOOR, of=CARRIER), [f"turn_away {TAKES_BACK}"]),
        (with_step(replace(AT_THE_DOOR, roles=("customer",)), of=DOOR), [f"turn_away {TAKES_BACK}", SILENT]),
        (with_step(replace(AT_THE_DOOR, from_states=("delivered",)), of=DOOR), [f"turn_away {TAKES_BACK}", SILENT]),
        (with_step(Step("again", "Again", ("delivered",), "shipped", BOTH), of=CARRIER), [f"again {TAKES_BACK}"]),
        (with_step(Step("again", "Again", ("shipped",), "accepted", BOTH), of=CARRIER), [f"again {TAKES_BACK}"]),
        (
            replace(DOOR, deadlines=(*DOOR.deadlines[:2], Deadline("shipped", "turn_away", 1), CLOSING)),
            ["the deadline of shipped takes back what has left whoever fulfils it"],
        ),
        (changed("hand_over", of=CASH, effect=""), ["hand_over hands over without collecting"]),
        (changed("hand_over", of=PICKUP, effect="collect"), ["hand_over collects what was paid before"]),
        (changed("accept", of=CASH, effect="collect"), ["accept collects where nothing is handed over"]),
    ],
)
def test_what_can_strand_money_is_named(procedure: Procedure, problems: list[str]) -> None:
    assert stranding_problems(procedure) == problems
    with pytest.raises(MoneyStranded) as refused:
        checked_procedure("ours", described(procedure))
    assert refused.value.facts["problems"][: len(problems)] == problems  # type: ignore[index]


@pytest.mark.parametrize(
    ("procedure", "problems"),
    [
        (
            with_step(Step("x", "X", ("accepted",), "refused", BOTH, effect="refund")),
            ["accepted is left by a step and never reached"],
        ),
        (replace(DIGITAL, steps=(*DIGITAL.steps, DIGITAL.steps[3])), ["two steps are called provide"]),
        (
            replace(DIGITAL, deadlines=(*DIGITAL.deadlines, Deadline("placed", "cancel", hours=9))),
            ["placed has two deadlines"],
        ),
        (
            replace(DIGITAL, deadlines=(*DIGITAL.deadlines, Deadline("ready", "provide", hours=1))),
            ["the system cannot take provide from ready"],
        ),
        (
            replace(DIGITAL, deadlines=(*DIGITAL.deadlines, Deadline("ready", "vanish", hours=1))),
            ["the deadline of ready takes an unknown step vanish"],
        ),
        (
            replace(DIGITAL, deadlines=(Deadline("placed", "refuse", hours=0), CLOSING)),
            ["the deadline of placed is 1 to 2880 hours"],
        ),
        (
            replace(DIGITAL, deadlines=(DIGITAL.deadlines[0], Deadline("delivered", "complete", hours=1))),
            ["the deadline of delivered: delivered lines complete when the return window is over, and only then"],
        ),
        (
            replace(DIGITAL, reminders=(Reminder("placed", "fulfiller", 24),)),
            ["the reminder of placed comes after its deadline"],
        ),
        (
            replace(DIGITAL, reminders=(Reminder("placed", "mayor", 1),)),
            ["the reminder of placed is for one of fulfiller, customer, operator"],
        ),
        (
            replace(DIGITAL, reminders=(Reminder("accepted", "customer", 1),)),
            ["the reminder of accepted is for a state in which nothing waits"],
        ),
        (
            replace(DIGITAL, reminders=(Reminder("placed", "customer", 0),)),
            ["the reminder of placed is 1 to 2880 hours"],
        ),
        (changed("pay", roles=("customer",)), ["pay is the checkout's: leave it as it is in the shipped ones"]),
        (without("withdraw"), ["withdraw is the checkout's: leave it as it is in the shipped ones"]),
        (
            changed("deliver", of=CARRIER, name="arrive"),
            [
                "the deadline of shipped takes an unknown step deliver",
                "what is shipped needs a step deliver, which carriers' reports take as the system",
            ],
        ),
        (changed("prepare", of=PICKUP, gives=""), ["hand_over asks for a pick-up code that no step before it gave"]),
        (
            changed("provide", roles=("store",)),
            ["provide is for the store or for suppliers alone, and a line is fulfilled by either"],
        ),
        (changed("provide", needs=("tracking",)), ["provide asks for tracking and ships nothing"]),
        (changed("provide", needs=("money",)), ["provide has an unknown need"]),
        (changed("provide", gives="cake"), ["provide gives what nobody knows"]),
        (changed("provide", roles=("mayor",)), ["provide has an unknown role"]),
        (changed("provide", title=" "), ["provide needs a title of 1 to 80 characters"]),
        (changed("provide", name="Provide!"), ["Provide! is no name of a step"]),
        (changed("provide", name="remind"), ["remind is no name of a step"]),
        (
            changed("receive", name="got_it"),
            ["got_it completes under another name or role than receive by the customer, or complete by the system"],
        ),
        (replace(DIGITAL, title=""), ["its title has 1 to 80 characters"]),
        (replace(DIGITAL, payment="never"), ["payment is before or on_delivery"]),
        (
            with_step(Step("melt", "Melt", ("placed",), "molten", BOTH)),
            ["melt has an unknown state"],
        ),
    ],
)
def test_what_cannot_be_taken_is_named(procedure: Procedure, problems: list[str]) -> None:
    assert shape_problems(procedure) == problems
    with pytest.raises(ProcedureRefused) as refused:
        checked_procedure("ours", described(procedure))
    assert set(problems) <= set(refused.value.facts["problems"])  # type: ignore[call-overload]


@pytest.mark.parametrize("name", sorted(PROCEDURES))
def test_what_is_shipped_may_be_a_stores_own_under_another_name(name: str) -> None:
    shipped = PROCEDURES[name]
    assert checked_procedure("ours", described(shipped)) == replace(shipped, name="ours", version=1)


@pytest.mark.parametrize("name", ["carrier", "Ours", "", "a/b", "x" * 40])
def test_a_name_that_is_none_or_shipped_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        checked_procedure(name, described(DIGITAL))


def test_a_description_has_an_end() -> None:
    long = replace(described(DIGITAL), steps=DIGITAL.steps * 100)
    with pytest.raises(Invalid) as refused:
        checked_procedure("ours", long)
    assert f"{LARGEST}" in refused.value.detail


def test_without_steps_there_is_no_procedure() -> None:
    assert stranding_problems(Procedure("empty", 1, "Empty", (), ())) == [
        "no ending is reached from awaiting_payment",
        "no ending is reached from placed",
        "an order can stay placed for ever",
        "the system cannot cancel from placed, where a card may turn out not to be charged",
    ]


def test_a_description_says_all_but_name_and_version() -> None:
    told = asdict(described(CARRIER))
    assert {**told, "name": "carrier", "version": 3} == asdict(CARRIER)
