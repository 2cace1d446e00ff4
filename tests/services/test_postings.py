"""The view of postings by account, and the balance of any account at any moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from mart_union.kernel import storage
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import UnknownAccount
from mart_union.ledger.model import Posting, Transfer
from mart_union.ledger.postings import balance_at, record_postings
from mart_union.ledger.service import list_postings, postings_between
from tests.services.capacity import measured
from tests.services.cutting import CutOff, cut_off
from tests.services.market import NOW


def moved(name: str, at: datetime, *postings: tuple[str, int]) -> Transfer:
    return Transfer(name, "test", "TWD", tuple(Posting(*posting) for posting in postings), "test/1", iso(at))


def test_an_account_is_worth_at_any_moment_what_was_posted_until_then(unique: str) -> None:
    account, order = f"store/{unique}", f"order/{unique}"
    moments = [
        datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 9, 1, tzinfo=UTC),
        datetime(2026, 11, 21, 9, tzinfo=UTC),
        datetime(2026, 11, 22, 4, tzinfo=UTC),
        datetime(2026, 11, 22, 4, 0, 0, 1000, tzinfo=UTC),
        datetime(2026, 11, 23, tzinfo=UTC),
    ]
    transfers = [
        moved(f"{unique}-{n}", at, (account, 10**n), (order, -(10**n))) for n, at in reversed(list(enumerate(moments)))
    ]
    record_postings(transfers)
    for number, moment in enumerate(moments):
        before, until = int("0" + "1" * number), int("1" * (number + 1))
        just_before = moment - timedelta(milliseconds=1)
        assert (balance_at(account, just_before), balance_at(account, moment)) == (before, until)
        assert (balance_at(order, just_before), balance_at(order, moment)) == (-before, -until)
    assert [entry.amount_minor for entry in list_postings(account, "2026-11").items] == [100_000, 10_000, 1_000, 100]
    assert len(list_postings(order, "2026-11").items) == 6


def test_the_postings_between_two_moments_are_read_and_no_others(unique: str) -> None:
    account, midnight = f"store/{unique}", datetime(2026, 12, 1, tzinfo=UTC)
    day = midnight - timedelta(hours=8), midnight + timedelta(hours=16)
    near = [day[0] - timedelta(milliseconds=1), day[0], midnight, day[1] - timedelta(milliseconds=1), day[1]]
    far = [day[0] - timedelta(hours=1 + number) for number in range(100)]
    moments = [*near, *far]
    record_postings(
        moved(f"{unique}-{number:03d}", at, (account, 1), (f"order/{unique}", -1)) for number, at in enumerate(moments)
    )
    with measured() as capacity:
        found = [entry.transfer for entry in postings_between(account, *day)]
    assert found == [f"{unique}-{number:03d}" for number in (1, 2, 3)]
    assert (capacity.requests, capacity.read) == (["Query"] * 2, 1.0)
    with pytest.raises(UnknownAccount):
        next(postings_between("nobody/x", *day))


def test_an_account_that_nothing_was_posted_to_holds_nothing_and_one_of_no_kind_is_refused(unique: str) -> None:
    assert balance_at(f"customer/{unique}", NOW) == 0
    for read in (lambda: balance_at("nobody/x", NOW), lambda: list_postings("nobody/x", "2026-11")):
        with pytest.raises(UnknownAccount):
            read()


def test_what_the_stream_tells_again_counts_once(unique: str) -> None:
    account = f"supplier/{unique}"
    transfers = [moved(f"{unique}-{n}", NOW, (account, 100), (f"order/{unique}{n}", -100)) for n in range(70)]
    record_postings(transfers[:40])
    record_postings(transfers[10:70])
    record_postings([*transfers, *transfers[:3]])
    assert balance_at(account, NOW) == balance_at(account, NOW + timedelta(days=60)) == 7_000
    cursor, found = "", 0
    while True:
        page = list_postings(account, iso(NOW)[:7], cursor)
        found, cursor = found + len(page.items), page.next
        if not cursor:
            break
    assert found == 70


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_batch_cut_off_at_any_request_and_told_again_counts_once(unique: str, when: str) -> None:
    for number in range(9):
        account = f"supplier/{unique}-{number}"
        transfers = [moved(f"{unique}-{number}-{n}", NOW, (account, 100), ("bank/out", -100)) for n in range(40)]
        try:
            with cut_off(number, when):
                record_postings(transfers)
            was_cut_off = False
        except CutOff:
            was_cut_off = True
        record_postings(transfers)
        assert balance_at(account, NOW) == 4_000
        if not was_cut_off:
            break
    assert number == 4  # eighty postings are four transactions


def test_eight_streams_at_once_lose_nothing_of_a_busy_account(unique: str) -> None:
    account = f"tax/{unique}"

    def tell(number: int) -> None:
        record_postings([moved(f"{unique}-{number}", NOW, (account, 100), (f"order/{unique}{number}", -100))])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(tell, [*range(24), *range(8)]))
    assert balance_at(account, NOW) == 2_400


def test_a_balance_within_a_busy_day_reads_the_postings_of_one_minute_only(unique: str) -> None:
    account, day = f"supplier/{unique}", datetime(2026, 11, 20, tzinfo=UTC)
    moments = [day + timedelta(minutes=11 * number, seconds=7) for number in range(100)]
    record_postings(
        Transfer(
            f"t-{unique}-{number}",
            "test",
            "TWD",
            (Posting(account, 10**number % 997 + 1), Posting("bank/out", -(10**number % 997) - 1)),
            "r",
            iso(moment),
        )
        for number, moment in enumerate(moments)
    )
    read: list[int] = []
    events = storage.client().meta.events
    events.register("after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["Count"]), unique_id="count")
    try:
        balances = [balance_at(account, moment) for moment in (moments[99], moments[50] - timedelta(seconds=1))]
    finally:
        events.unregister("after-call.dynamodb.Query", unique_id="count")
    amounts = [10**number % 997 + 1 for number in range(100)]
    assert balances == [sum(amounts), sum(amounts[:50])]
    assert read == [0, 0, 99, 1, 0, 0, 50, 0]
