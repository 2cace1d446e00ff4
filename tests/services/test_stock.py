"""Levels and their journal on real tables: every movement answers with what is left, and once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from mart_union.kernel.errors import Invalid, KeyReused, NotFound, OutOfStock, RuleViolation
from mart_union.kernel.transaction import WriteTransaction
from mart_union.settlement import journals
from mart_union.settlement.differences import Difference
from mart_union.stock.counting import count, set_on_sale
from mart_union.stock.journal import list_journal, record_movements
from mart_union.stock.model import Level, bring, set_aside, shard_of, take
from mart_union.stock.service import add_movement, add_shard, get_level, stock_in, stock_out
from tests.services.market import NOW, save_listing


def lay_in(level: str, quantity: int, key: str = "key-1", reason: str = "received") -> int:
    return stock_in(level, quantity, reason=reason, actor="packer", reference="delivery 7", key=key, now=NOW)


def take_out(level: str, quantity: int, key: str = "key-2", reason: str = "damaged") -> int:
    return stock_out(level, quantity, reason=reason, actor="packer", reference="shelf 3", key=key, now=NOW)


def sell(level: str, quantity: int) -> None:
    transaction = WriteTransaction()
    add_movement(transaction, level, take(quantity, "customer", "purchase/1"), NOW)
    transaction.commit()


@pytest.fixture
def level(unique: str) -> str:
    count(unique, 10, actor="import", reference="upload/1", now=NOW, low_stock=3)
    return unique


def test_stock_in_and_out_answer_with_what_is_left(level: str) -> None:
    assert lay_in(level, 5) == 15
    assert take_out(level, 4) == 11
    found = get_level(level)
    assert (found.reserve, found.received, found.corrected, found.written_off) == (11, 5, 10, 4)
    assert found.balances()


def test_a_repeated_command_gives_the_first_answer_and_moves_nothing(level: str) -> None:
    assert lay_in(level, 5) == 15
    sell(level, 2)
    assert lay_in(level, 5) == 15
    assert get_level(level).reserve == 13
    with pytest.raises(KeyReused):
        lay_in(level, 6)


def test_a_refusal_for_want_of_stock_says_how_many_are_left_and_names_no_level(level: str) -> None:
    with pytest.raises(OutOfStock) as refused:
        sell(level, 5_000)
    assert refused.value.detail == "only 10 are left for sale, 5000 were asked for"
    assert refused.value.facts == {"level": level, "left": 10, "wanted": 5_000}


@pytest.mark.parametrize(
    ("quantity", "reason", "refusal"),
    [(0, "damaged", Invalid), (-1, "damaged", Invalid), (11, "damaged", OutOfStock), (1, "because", RuleViolation)],
)
def test_stock_out_that_cannot_be_is_refused_by_name(
    level: str, quantity: int, reason: str, refusal: type[Exception]
) -> None:
    before = get_level(level)
    with pytest.raises(refusal):
        take_out(level, quantity, reason=reason)
    assert get_level(level) == before


def test_a_reference_of_more_than_two_hundred_characters_is_refused_by_name(level: str) -> None:
    before = get_level(level)
    facts = {"actor": "packer", "key": "key-1", "now": NOW}
    for move, reason in ((stock_in, "received"), (stock_out, "damaged")):
        with pytest.raises(Invalid) as refused:
            move(level, 1, reason=reason, reference="茶" * 201, **facts)  # type: ignore[arg-type]
        assert [each["field"] for each in refused.value.facts["errors"]] == ["reference"]
    assert get_level(level) == before
    assert stock_in(level, 1, reason="received", reference="茶" * 200, **facts) == before.reserve + 1  # type: ignore[arg-type]
    assert get_level(level).reference == "茶" * 200


def test_an_unknown_level_is_not_found(unique: str) -> None:
    with pytest.raises(NotFound):
        lay_in(unique, 1)


def test_a_count_is_a_correction_and_an_equal_count_writes_nothing(level: str) -> None:
    sell(level, 4)
    before = get_level(level)
    assert not count(level, 6, actor="import", reference="upload/2", now=NOW)
    assert get_level(level) == before
    assert count(level, 9, actor="import", reference="upload/2", now=NOW)
    found = get_level(level)
    assert (found.reserve, found.sold, found.corrected, found.low_stock) == (9, 4, 13, 3)
    assert found.balances()


def test_a_paused_level_sells_nothing_until_it_is_resumed(level: str) -> None:
    assert set_on_sale(level, False, actor="manager", now=NOW)
    assert not set_on_sale(level, False, actor="manager", now=NOW)
    with pytest.raises(OutOfStock) as refused:
        sell(level, 1)
    assert refused.value.facts == {"level": level, "left": 0, "wanted": 1}
    assert refused.value.detail == "none is left for sale, 1 was asked for"
    set_on_sale(level, True, actor="manager", now=NOW)
    sell(level, 1)
    assert get_level(level).reserve == 9


def test_sales_counts_and_commands_at_once_lose_nothing(level: str) -> None:
    lay_in(level, 90, key="key-0")

    def act(number: int) -> None:
        if number % 2:
            sell(level, 1)
        else:
            lay_in(level, 1, key=f"key-at-once-{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(act, range(40)))
    found = get_level(level)
    assert (found.reserve, found.sold, found.received) == (100, 20, 110)
    assert found.balances()


def test_the_journal_tells_each_movement_once_newest_first(level: str) -> None:
    first = get_level(level)
    lay_in(level, 5)
    second = get_level(level)
    for _ in range(2):
        assert record_movements([(None, first), (first, second)]) == []
    newest, oldest = list_journal(level)
    assert (newest.reason, newest.moved, newest.reserve_after) == ("received", {"reserve": 5, "received": 5}, 15)
    assert (oldest.reason, oldest.actor, oldest.sequence) == ("counted", "import", 1)


def moved(level: str, *sequences: int) -> list[tuple[Level | None, Level]]:
    """Changes to some sequences, each from the one before."""
    return [
        (Level(level, sequence=sequence - 1) if sequence > 1 else None, Level(level, sequence=sequence))
        for sequence in sequences
    ]


def gaps(level: str, *sequences: int) -> list[int]:
    """The sequences before which a batch of changes finds a gap."""
    return [entry.sequence for entry in record_movements(moved(level, *sequences))]


def test_a_gap_is_noticed_where_it_is_and_not_again_once_it_is_filled(unique: str) -> None:
    assert gaps(unique, 1, 2, 3) == []
    assert gaps(unique, 5, 6) == [5]
    assert gaps(unique, 7) == []
    assert gaps(unique, 4) == []
    assert gaps(unique, 5) == []
    assert gaps(unique, 10) == [10]


def test_what_comes_twice_late_in_another_order_or_from_a_stream_begun_again_is_no_gap(unique: str) -> None:
    assert gaps(unique, 1, 2) == gaps(unique, 1, 2) == []
    assert gaps(unique, 5, 4, 3) == []
    assert gaps(unique, 2, 3) == gaps(unique, 1) == gaps(unique, 6) == []
    assert [entry.sequence for entry in list_journal(unique, before_sequence=7)] == [6, 5, 4, 3, 2, 1]


def test_a_journal_page_goes_on_over_a_block(unique: str) -> None:
    record_movements(moved(unique, *range(995, 1006)))
    entries = list_journal(unique, before_sequence=1006, limit=8)
    assert [entry.sequence for entry in entries] == list(range(1005, 997, -1))


def test_a_level_and_its_shards_are_told_again_from_their_journals_and_compared(
    unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    level = save_listing(unique, "OB", price_minor=30_000, reserve=0, shards_made=1).level
    shard = shard_of(level, 1)
    seen = {level: [get_level(level)], shard: []}
    lay_in(level, 9)
    seen[level].append(get_level(level))
    transaction = WriteTransaction()
    add_movement(transaction, level, set_aside(4, "lin", "urgent-sale/1"), NOW)
    add_shard(transaction, shard, bring(4, "lin", "urgent-sale/1"), NOW)
    transaction.commit()
    for each in (level, shard):
        seen[each].append(get_level(each))
        record_movements(zip([None, *seen[each]], seen[each], strict=False))
    lay_in(level, 1, key="key-3")  # the stream has not told this yet
    assert journals.main([level]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{level}: 3 of 4 movements", f"{shard}: 1 of 1 movements"]
    record_movements([(replace(get_level(level), sold=1), get_level(level))])
    [wrong, right] = journals.compare_with_journal(level)
    assert wrong.difference == Difference(
        3, f"level/{level}", "by its journal it has reserve 5, not 6; sold -1, not 0; received 9, not 10"
    )
    assert right.difference is None
    assert journals.main([level]) == 1
    assert journals.main([f"listing/{unique}/NONE"]) == 2
