"""Postcodes are compared as they are meant, whichever keyboard they were typed on."""

from __future__ import annotations

import pytest

from mart_union.catalog.postcodes import checked_beginnings, lies_within, plain_postcode


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("300", "300"),
        (" 300-12 ", "30012"),
        ("３００", "300"),
        ("３００－１２", "30012"),
        ("300–12", "30012"),
        ("300\u3000１２", "30012"),
        ("sw1a 1aa", "SW1A1AA"),
        ("ｓｗ１ａ １ａａ", "SW1A1AA"),
        ("〒150‐0001", "〒1500001"),
    ],
)
def test_a_postcode_is_compared_without_blanks_and_dashes_and_in_plain_capitals(written: str, plain: str) -> None:
    assert plain_postcode(written) == plain


def test_a_full_width_postcode_lies_where_the_plain_one_does() -> None:
    beginnings = checked_beginnings("area", ["３０", "31"], 10)
    assert beginnings == ("30", "31")
    assert lies_within("３００", beginnings)
    assert not lies_within("４００", beginnings)
