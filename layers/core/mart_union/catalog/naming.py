"""Ids and names that people give to what they open."""

from __future__ import annotations

from mart_union.catalog.model import SLUG, Texts
from mart_union.kernel.errors import Invalid

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
