"""Settlement on real tables: each payable in one statement, each statement in one payout, whatever is cut off where."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from mart_union.kernel import storage
from mart_union.kernel.errors import Busy, Conflict, NotFound
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger import jobs
from mart_union.ledger import statements as ledger
from mart_union.ledger.bank_files import add_terms, get_terms
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.due import mark_due
from mart_union.ledger.model import Payable, PayoutTerms, Posting, Statement
from mart_union.ledger.service import add_payable, get_transfer
from mart_union.ledger.tables import StatementItem, statement_key
from mart_union.settlement.payouts import send_payouts
from mart_union.settlement.statements import (
    PartyDue,
    get_statement,
    hand_out,
    list_statements,
    settle_due,
    settle_party,
    statement_as_csv,
)
from tests.services.buckets import own_bucket
from tests.services.cutting import CutOff, cut_off
from tests.services.settling import due_on, settle_day, settled_differences, verify_account

NOW = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
BEFORE = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def payout_bucket(tables: None) -> Iterator[None]:
    with own_bucket():
        yield


@pytest.fixture
def day() -> str:
    """A day on which no other test's payables fall due."""
    return (date(2100, 1, 1) + timedelta(days=random.randrange(300_000))).isoformat()


def owe(party: str, day: str, *amounts: int, verified: bool = True) -> list[Payable]:
    """Payables of a party, its mark, and its verified account."""
    if verified:
        verify_account(party, BEFORE)
    payables = [
        Payable(
            f"{party.replace('/', '-')}-{day}-{number:04d}-{amount}",
            party,
            f"o{number}",
            amount,
            day,
            "completion",
            f"t{number}",
            {"en": f"=Tea {number}"},
        )
        for number, amount in enumerate(amounts)
    ]
    for start in range(0, len(payables), 100):
        transaction = WriteTransaction()
        for payable in payables[start : start + 100]:
            add_payable(transaction, payable)
        transaction.commit()
    mark_due(payables, BEFORE)
    return payables


@contextlib.contextmanager
def terms(wanted: PayoutTerms) -> Iterator[None]:
    """The union pays out under these terms for a while."""
    for each in (wanted, PayoutTerms()):
        transaction = WriteTransaction()
        add_terms(transaction, get_terms(), each)
        transaction.commit()
        if each is wanted:
            yield


def settle(day: str) -> list[Statement]:
    return settle_day(day, NOW)


def assert_settled_once(party: str, payables: list[Payable]) -> None:
    """Every payable is a line of exactly one paid statement of its party, and each statement has one payout of its total."""
    statements = list_statements(party)
    lines = [line for statement in statements for line in ledger.list_lines(statement)]
    assert sorted(line.payable for line in lines) == sorted(payable.id for payable in payables)
    assert sum(statement.total_minor for statement in statements) == sum(payable.amount_minor for payable in payables)
    for statement in statements:
        assert statement.state == "paid"
        assert set(get_transfer(statement.payout).postings) == {
            Posting("bank/out", statement.total_minor),
            Posting(party, -statement.total_minor),
        }


@pytest.fixture(scope="module", autouse=True)
def agreeing_books(payout_bucket: None) -> Iterator[None]:
    """After all tests, the statements agree with the payables and the payouts."""
    yield
    assert settled_differences() == []


def test_what_is_due_becomes_one_statement_a_party_and_one_payout_each(unique: str, day: str) -> None:
    store, supplier = f"store/{unique}", f"supplier/{unique}"
    owed = {store: owe(store, day, 27_000, 13_500), supplier: owe(supplier, day, 15_000)}
    settled = settle(day)
    assert [(made.party, made.period, made.total_minor, made.state) for made in settled] == [
        (store, day, 40_500, "ready"),
        (supplier, day, 15_000, "ready"),
    ]
    for party, payables in owed.items():
        assert_settled_once(party, payables)


def test_settling_again_pays_nothing_again(unique: str, day: str) -> None:
    party = f"store/{unique}"
    payables = owe(party, day, 27_000)
    settle(day)
    first = list_statements(party)
    assert settle(day) == []
    assert list_statements(party) == first
    assert_settled_once(party, payables)


def test_what_falls_due_later_on_a_settled_day_gets_a_statement_of_its_own(unique: str, day: str) -> None:
    party = f"store/{unique}"
    payables = owe(party, day, 27_000)
    settle(day)
    payables += owe(party, day, 100)
    settle(day)
    assert_settled_once(party, payables)
    assert [(made.period, made.state) for made in list_statements(party)] == [(f"{day}.002", "paid"), (day, "paid")]


def test_181_payables_of_a_party_take_three_pages_and_at_most_six_transactions(unique: str, day: str) -> None:
    party = f"store/{unique}"
    payables = owe(party, day, *range(1, 182))
    sent: list[str] = []
    events = storage.client().meta.events
    events.register("before-send.dynamodb.TransactWriteItems", lambda **_: sent.append("one"), unique_id="count")
    try:
        [statement] = settle(day)
    finally:
        events.unregister("before-send.dynamodb.TransactWriteItems", unique_id="count")
    assert (statement.pages, statement.total_minor) == (3, 181 * 182 // 2)
    assert len(sent) <= 3 + 1 + 4  # pages, closing, and a bank file that is collected, closed, marked and sent
    assert_settled_once(party, payables)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_cut_off_at_any_request_is_finished_by_the_next(unique: str, when: str) -> None:
    for number in range(60):
        day = (date(2100, 1, 1) + timedelta(days=random.randrange(300_000))).isoformat()
        parties = {
            party: owe(party, day, *range(1, size))
            for party, size in ((f"store/{unique}{number}", 93), (f"supplier/{unique}{number}", 3))
        }
        try:
            with cut_off(number, when):
                settle(day)
            was_cut_off = False
        except CutOff:
            was_cut_off = True
        settle(day)
        for party, payables in parties.items():
            assert_settled_once(party, payables)
        if not was_cut_off:
            break
    assert number > 10
    assert not was_cut_off


def test_four_runs_at_once_settle_each_payable_once(unique: str, day: str) -> None:
    owed = {f"store/{unique}{number}": owe(f"store/{unique}{number}", day, *range(1, 100)) for number in range(3)}

    def run(_: int) -> None:
        for found in due_on(day):
            with contextlib.suppress(Conflict):  # another run is at it
                settle_party(found, NOW)
        with contextlib.suppress(Conflict, Busy):
            send_payouts(NOW)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))
    settle(day)
    for party, payables in owed.items():
        assert_settled_once(party, payables)


def test_a_negative_total_is_carried_into_the_partys_next_statement(unique: str, day: str) -> None:
    party = f"store/{unique}"
    owe(party, day, -5_000, 2_000)
    [carried] = settle(day)
    assert (carried.state, carried.reason, carried.total_minor, carried.payout) == ("carried", "negative", -3_000, "")
    later = (date.fromisoformat(day) + timedelta(days=7)).isoformat()
    owe(party, later, 10_000)
    [paid] = settle(later)
    assert (paid.state, paid.total_minor) == ("ready", 7_000)
    assert [line.kind for line in ledger.list_lines(paid)] == ["carried", "completion"]
    assert ledger.list_carried(party) == []


def test_a_total_of_zero_is_not_paid_out(unique: str, day: str) -> None:
    party = f"store/{unique}"
    owe(party, day, -2_000, 2_000)
    [statement] = settle(day)
    assert (statement.state, statement.payout, ledger.list_carried(party)) == ("carried", "", [])


def test_a_total_below_the_unions_minimum_waits_with_its_reason_until_there_is_more(unique: str, day: str) -> None:
    party = f"store/{unique}"
    with terms(PayoutTerms(minimum_minor=5_000)):
        owe(party, day, 4_999)
        [carried] = settle(day)
        assert (carried.state, carried.reason, carried.payout) == ("carried", "below_minimum", "")
        later = (date.fromisoformat(day) + timedelta(days=7)).isoformat()
        owe(party, later, 1)
        [paid] = settle(later)
    assert (paid.state, paid.total_minor) == ("ready", 5_000)


def test_without_a_verified_account_nothing_is_paid_and_verifying_one_pays_what_was_carried(unique: str) -> None:
    party, day = f"store/{unique}", "2026-11-30"
    owe(party, day, 8_000, verified=False)
    [carried] = settle_day(day, NOW, unique)
    assert (carried.state, carried.reason) == ("carried", "no_destination")
    assert [each for each in whole_ledger().payouts if each.party == party] == []
    verify_account(party, NOW)
    [paid] = settle_day(day, NOW, unique)
    assert (paid.period, paid.state, paid.total_minor) == (f"{day}.002", "ready", 8_000)
    assert settle_day(day, NOW, unique) == []
    assert [each.state for each in list_statements(party)] == ["paid", "carried"]


def test_a_party_of_many_payables_takes_several_jobs(unique: str, day: str) -> None:
    party = f"store/{unique}"
    payables = owe(party, day, *range(1, 200))
    [found] = due_on(day)
    jobs_done = [settle_party(found, NOW, most_pages=1).is_done for _ in range(3)]
    assert jobs_done == [False, False, True]
    send_payouts(NOW)
    assert_settled_once(party, payables)
    assert len(list_statements(party)) == 1


def test_a_statement_begun_by_an_older_release_is_continued(unique: str, day: str) -> None:
    """Heads had no sequence once, and fields that a document lacks must strand nothing."""
    party = f"store/{unique}"
    payables = owe(party, day, *range(1, 100))
    [found] = due_on(day)
    settle_party(found, NOW, most_pages=1)
    head = StatementItem.get(*statement_key(party, day))
    head.update([StatementItem.sequence.remove()])
    raw = storage.client().get_item(
        TableName=StatementItem.Meta.table_name, Key=dict(zip(("pk", "sk"), ({"S": head.pk}, {"S": day}), strict=True))
    )["Item"]
    old = json.loads(raw["document"]["S"])
    for field in ("sequence", "reason"):
        old.pop(field, None)
    storage.client().put_item(TableName=StatementItem.Meta.table_name, Item=raw | {"document": {"S": json.dumps(old)}})
    settle(day)
    assert_settled_once(party, payables)


def test_a_late_run_settles_every_period_that_has_passed(unique: str) -> None:
    jobs.set_checkpoint("settle_due", "2026-11-10")
    party = f"carrier/{unique}"
    for due in ("2026-11-10", "2026-11-16", "2026-11-30", "2026-12-01"):
        owe(party, due, 1_000)
    settle_due(NOW)
    assert [made.period for made in list_statements(party)] == ["2026-11-30", "2026-11-16", "2026-11-10"]
    handed: list[PartyDue] = []
    hand_out(NOW, handed.extend)
    assert party not in {found.party for found in handed}
    assert jobs.get_checkpoint("settle_due") == "2026-11-30"


def test_a_mark_that_comes_late_is_found_however_old_its_day(unique: str) -> None:
    party = f"supplier/{unique}"
    payables = owe(party, "2026-09-01", 1_000)
    mark_due(payables, NOW)  # the stream was held up for weeks
    settled = settle_due(NOW)
    assert [made.period for made in settled if made.party == party] == ["2026-09-01"]
    assert_settled_once(party, payables)


def test_a_mark_made_a_moment_ago_is_looked_at_once_more(unique: str) -> None:
    party = f"supplier/{unique}"
    mark_due(owe(party, "2026-11-30", 1_000), NOW - timedelta(minutes=1))
    jobs.set_checkpoint("settle_due", "2026-11-30")
    handed: list[str] = []
    for minutes in (0, 30, 60):
        moment = NOW + timedelta(minutes=minutes)

        def settle_now(parties: Sequence[PartyDue], moment: datetime = moment) -> None:
            for due in parties:
                if due.party == party:
                    handed.append(due.party)
                for found in due.marks:
                    settle_party(found, moment)

        hand_out(moment, settle_now)
    assert handed == [party, party]
    send_payouts(NOW)


def test_a_day_on_which_something_is_left_stays_in_sight(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.set_checkpoint("settle_due", "2027-03-01")
    party, late = f"carrier/{unique}", datetime(2027, 3, 31, tzinfo=UTC)
    payables = owe(party, "2027-03-02", 1_000)

    def refuse(*_: object) -> Statement:
        raise Conflict("another run is at it")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "claim", refuse)
        assert settle_due(late) == []
    assert jobs.get_checkpoint("settle_due") == "2027-03-02"
    settle_due(late)
    assert_settled_once(party, payables)
    hand_out(late, lambda _: None)
    assert jobs.get_checkpoint("settle_due") == "2027-03-31"


def test_a_statement_is_read_with_its_lines_and_as_a_sheet_without_formulas(unique: str, day: str) -> None:
    party = f"store/{unique}"
    owe(party, day, 27_000)
    settle(day)
    statement, lines = get_statement(party, day)
    assert (statement.total_minor, [line.amount_minor for line in lines]) == (27_000, [27_000])
    assert statement_as_csv(party, day, "en").splitlines()[1:] == [
        f'"{statement.id}","{day}","o0","completion","\'=Tea 0","","","","TWD",270.00,"t0"',
        f'"{statement.id}","{day}","","total","","","","","TWD",270.00,"{statement.payout}"',
    ]
    with pytest.raises(NotFound):
        get_statement(f"store/{unique}x", day)
