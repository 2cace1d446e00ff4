"""Use cases on real tables: an emulator's DynamoDB with the union's seven tables, and names of each test's own."""

from __future__ import annotations

import pytest

from mart_union.kernel.ids import new_id


@pytest.fixture(scope="session", autouse=True)
def real_tables(tables: None) -> None:
    """Every test here works on the union's tables."""


@pytest.fixture
def unique() -> str:
    """A name that no other test uses."""
    return new_id()[-11:]
