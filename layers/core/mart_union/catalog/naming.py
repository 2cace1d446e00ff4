"""Ids, names and words that people give to what they open and sell."""

from __future__ import annotations

from collections.abc import Sequence

from mart_union.catalog.model import SLUG, Texts
from mart_union.kernel.errors import Invalid

LONGEST_TITLE, LONGEST_TEXT, LONGEST_GLYPH = 150, 2000, 16
"""Characters of what is sold, in each language: those of Google's product data for a title."""
_LONGEST_NAME = 80


def checked_names(names: Texts, field: str = "names") -> Texts:
    """The names themselves, if there is at least one, none empty or too long.

    Raises:
        Invalid: there is none, or one is empty or longer than 80 characters.
    """
    if not names or any(not name.strip() or len(name) > _LONGEST_NAME for name in names.values()):
        message = f"{field}: give at least one, none empty or longer than {_LONGEST_NAME} characters"
        raise Invalid(message, errors=[{"field": field, "reason": message}])
    return names


def checked_slug(slug: str, field: str) -> str:
    """The slug itself, if it is one.

    Raises:
        Invalid: it has other characters than a-z, 0-9 and -, or is longer than 32.
    """
    if not SLUG.match(slug):
        message = f"{field} must be 1 to 32 of a-z, 0-9 and -, and begin and end with a letter or digit"
        raise Invalid(message, errors=[{"field": field, "reason": message}])
    return slug


def check_words(titles: Texts, texts: Texts, glyph: str, languages: Sequence[str]) -> None:
    """Refuse words of what is sold that are too long, or in a language that the union does not speak: items and events have room for so much.

    Raises:
        Invalid: they are; `errors` names the field.
    """
    for field, words, longest in (("titles", titles, LONGEST_TITLE), ("texts", texts, LONGEST_TEXT)):
        if not set(words) <= set(languages):
            raise _unfit(field, f"the union's languages are {', '.join(languages)}")
        if any(len(text) > longest for text in words.values()):
            raise _unfit(field, f"at most {longest} characters in each language")
    if len(glyph) > LONGEST_GLYPH:
        raise _unfit("glyph", f"at most {LONGEST_GLYPH} characters")


def _unfit(field: str, reason: str) -> Invalid:
    return Invalid(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
