"""Ids: new ones sort by time, derived ones repeat."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mart_union.kernel import ids
from mart_union.kernel.ids import derived_id, input_hash, new_id


def test_a_new_id_has_twenty_characters_that_are_safe_in_keys_and_paths() -> None:
    assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{20}", new_id())


def test_ten_thousand_new_ids_are_all_different() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_new_ids_sort_by_the_time_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.001, 1_700_000_000.000, 1_700_000_000.001, 1_700_000_001.0, 30_000_000_000.0])
    monkeypatch.setattr(ids.time, "time", lambda: next(moments))
    made = [new_id() for _ in range(5)]
    assert made == sorted(made)


def test_a_derived_id_is_the_same_for_the_same_parts() -> None:
    assert derived_id("customer-lin", "key-1") == derived_id("customer-lin", "key-1")
    assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{24}", derived_id("customer-lin", "key-1"))


def test_a_derived_id_tells_where_one_part_ends() -> None:
    assert derived_id("ab", "c") != derived_id("a", "bc")


@given(
    st.lists(st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"])), min_size=1),
    st.lists(st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"])), min_size=1),
)
def test_different_parts_give_different_derived_ids(left: list[str], right: list[str]) -> None:
    assert (derived_id(*left) == derived_id(*right)) == (left == right)


def test_an_input_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert input_hash({"a": 1, "b": [2, 3]}) == input_hash({"b": [2, 3], "a": 1})
    assert input_hash({"a": 1, "b": [2, 3]}) != input_hash({"a": 1, "b": [3, 2]})
