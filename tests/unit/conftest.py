"""Tests that need nothing but the code."""

from __future__ import annotations

import pytest

from mart_union.web import words


@pytest.fixture(autouse=True)
def union_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages name the union; a function that is imported would have them ask the database for it."""
    monkeypatch.setattr(words, "_names_of_union", [])
