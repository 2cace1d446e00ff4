"""Texts that a spreadsheet would run as a formula (OWASP, CSV injection: https://owasp.org/www-community/attacks/CSV_Injection)."""

from __future__ import annotations

import re

_BEGINS = re.compile(r"(?:^|;)(?=\s*[=+\-@＝＋－＠]|[\t\r\n])")
"""At the beginning of a text, or after the separator of languages whose decimal sign is the comma, where it may become a cell of its own."""


def holds_a_formula(text: str) -> bool:
    """Whether a spreadsheet could take a text, or what follows a semicolon in it, for a formula."""
    return _BEGINS.search(text) is not None


def without_formulas(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet could take for a formula: then it shows it."""
    return _BEGINS.sub(r"\g<0>'", text)
