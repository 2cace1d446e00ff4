"""Tests that need nothing but the code, and perhaps a fake of AWS inside this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mart_union.kernel import storage
from mart_union.web import words


@pytest.fixture(scope="package", autouse=True)
def no_emulator() -> Iterator[None]:
    """The emulator that other tests have started is not for these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        storage.client.cache_clear()
        yield
    storage.client.cache_clear()


@pytest.fixture(autouse=True)
def union_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages name the union; a function that is imported would have them ask the database for it."""
    monkeypatch.setattr(words, "_names_of_union", [])
