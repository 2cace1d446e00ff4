"""Postcodes as rules compare them: by how they begin."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from mart_union.kernel.errors import Invalid

_BEGINNING = re.compile(r"[0-9A-Z]{1,10}")


def plain_postcode(postcode: str) -> str:
    """A postcode as it is compared: in capitals, without blanks and dashes, of plain letters and digits where it was written full width."""
    plain = unicodedata.normalize("NFKC", postcode)
    return "".join(each for each in plain if unicodedata.category(each) != "Pd" and not each.isspace()).upper()


def lies_within(postcode: str, beginnings: tuple[str, ...]) -> bool:
    """Whether a postcode begins as one of some beginnings says; where none is named, every one does."""
    return not beginnings or plain_postcode(postcode).startswith(beginnings)


def checked_beginnings(field: str, written: Iterable[str], most: int) -> tuple[str, ...]:
    """Beginnings of postcodes as they are compared, each once.

    Raises:
        Invalid: there are more than `most`, or one is not of letters and digits.
    """
    beginnings = tuple(dict.fromkeys(map(plain_postcode, written)))
    if len(beginnings) > most or not all(_BEGINNING.fullmatch(each) for each in beginnings):
        message = f"at most {most} beginnings of postcodes, of letters and digits"
        raise Invalid(f"{field}: {message}", errors=[{"field": field, "reason": message}])
    return beginnings
