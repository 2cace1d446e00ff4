"""The kernel's storage and write transaction against a real table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mart_union.kernel.errors import Conflict, OutOfStock
from mart_union.kernel.storage import STORAGE_ERRORS, code_of, find, find_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.stock.tables import LevelItem, level_key
from tests.services.weather import rough


def put_level(name: str, reserve: int) -> None:
    LevelItem(*level_key(name), reserve=reserve, received=reserve).save()


def take(name: str, quantity: int) -> None:
    transaction = WriteTransaction()
    level = LevelItem(*level_key(name))
    transaction.update(
        level,
        [LevelItem.reserve.add(-quantity), LevelItem.sold.add(quantity)],
        condition=LevelItem.reserve >= quantity,
        refusal=lambda found: OutOfStock("too few", left=found.get("reserve")),
    )
    transaction.commit()


def test_a_failed_condition_raises_its_own_refusal_with_what_was_found(unique: str) -> None:
    put_level(unique, 3)
    with pytest.raises(OutOfStock) as refused:
        take(unique, 4)
    assert refused.value.facts == {"left": 3}
    assert find(LevelItem, *level_key(unique)).reserve == 3


def test_the_refusal_added_first_is_raised_whatever_order_the_writes_are_sent_in(unique: str) -> None:
    put_level(unique, 1)
    put_level(unique + "b", 1)
    transaction = WriteTransaction()
    transaction.update(
        LevelItem(*level_key(unique)),
        [LevelItem.sold.add(1)],
        condition=LevelItem.reserve >= 5,
        refusal=refuse(OutOfStock, "first"),
    )
    transaction.create(LevelItem(*level_key(unique + "b")), refuse(Conflict, "second"))
    with pytest.raises(OutOfStock, match="first"):
        transaction.commit()


def test_items_changed_alike_are_each_changed_under_their_own_key_and_refused_by_their_own_refusal(unique: str) -> None:
    levels = [unique + letter for letter in "abc"]
    actions, condition = [LevelItem.reserve.add(-2)], LevelItem.reserve >= 2
    for level, reserve in zip(levels, (5, 3, 1), strict=True):
        put_level(level, reserve)

    def sell(names: list[str]) -> None:
        transaction = WriteTransaction()
        for level in names:
            refusal = refuse(OutOfStock, f"too little of {level}")
            transaction.update(LevelItem(*level_key(level)), actions, condition=condition, refusal=refusal)
        transaction.commit()

    with pytest.raises(OutOfStock, match=f"too little of {levels[2]}"):
        sell(levels)
    assert [item.reserve for item in find_all([(LevelItem, *level_key(level)) for level in levels])] == [5, 3, 1]
    sell(levels[:2])
    assert [item.reserve for item in find_all([(LevelItem, *level_key(level)) for level in levels])] == [3, 1, 1]


def test_two_hundred_keys_come_back_in_the_order_asked_for(unique: str) -> None:
    with LevelItem.batch_write() as batch:
        for number in range(150):
            batch.save(LevelItem(*level_key(f"{unique}{number}"), reserve=number))
    wanted = [(LevelItem, *level_key(f"{unique}{number}")) for number in range(200)]
    found = find_all(wanted)
    assert [item and item.reserve for item in found] == [*range(150), *[None] * 50]


def test_eight_threads_sell_exactly_what_is_there(unique: str) -> None:
    put_level(unique, 20)

    def try_to_take(_: int) -> bool:
        try:
            take(unique, 1)
        except OutOfStock:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        sold = sum(threads.map(try_to_take, range(40)))
    level = find(LevelItem, *level_key(unique))
    assert (sold, level.reserve, level.sold) == (20, 0, 20)


@pytest.mark.parametrize("name", ["x" * 3_000, "茶" * 700])
def test_nothing_is_found_under_a_key_that_the_database_cannot_have(unique: str, name: str) -> None:
    put_level(unique, 2)
    assert find(LevelItem, *level_key(name)) is None
    found = find_all([(LevelItem, *level_key(name)), (LevelItem, *level_key(unique)), (LevelItem, "", "")])
    assert [item and item.reserve for item in found] == [None, 2, None]


def test_a_write_that_nobody_answers_is_an_error_of_storage_alone_and_in_a_transaction(unique: str) -> None:
    item = LevelItem(*level_key(f"listing/{unique}/TEA"))
    transaction = WriteTransaction()
    transaction.put(item)
    with rough(1, 1.0, ("lost",)):
        with pytest.raises(STORAGE_ERRORS) as unanswered:
            transaction.commit()
        with pytest.raises(STORAGE_ERRORS) as alone:
            item.save()
    assert [code_of(each.value) for each in (unanswered, alone)] == ["", ""]  # type: ignore[arg-type]
