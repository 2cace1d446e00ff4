"""Chunks of an upload that are read while the one before is written."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from catalog_import.work import read_ahead


def test_the_next_chunk_is_read_while_one_is_worked_on_and_they_keep_their_order() -> None:
    read = [threading.Event() for _ in range(4)]

    def chunks() -> Iterator[int]:
        for number in range(3):
            read[number].set()
            yield number
        read[3].set()

    worked = []
    for chunk in read_ahead(chunks()):
        assert read[chunk + 1].wait(5)
        worked.append(chunk)
    assert worked == [0, 1, 2]


def test_what_fails_while_it_is_read_is_raised_after_the_chunks_before_it() -> None:
    def chunks() -> Iterator[int]:
        yield 1
        raise ValueError("no row")

    ahead = read_ahead(chunks())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="no row"):
        next(ahead)


def test_who_fails_at_a_chunk_is_asked_for_no_other() -> None:
    read = []

    def chunks() -> Iterator[int]:
        for number in range(9):
            read.append(number)
            yield number

    ahead = read_ahead(chunks())
    assert next(ahead) == 0
    ahead.close()  # type: ignore[attr-defined] - as when its loop is left by an error
    assert len(read) <= 2
