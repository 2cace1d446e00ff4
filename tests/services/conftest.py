"""Use cases on real tables: an emulator's DynamoDB with the union's seven tables, and names of each test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.cards import SECRET_KEY, WEBHOOK_KEY
from mart_union.checkout import admission, card_port, tickets
from mart_union.checkout.card_port import card_provider
from mart_union.kernel.ids import new_id
from mart_union.kernel.settings import settings
from tests.card_desk import Desk, open_desk


@pytest.fixture(scope="session", autouse=True)
def real_tables(tables: None) -> None:
    """Every test here works on the union's tables."""


@pytest.fixture
def unique() -> str:
    """A name that no other test uses."""
    return new_id()[-11:]


@pytest.fixture
def ticket_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The union's key of tickets; and no sale has been seen yet."""
    monkeypatch.setattr(tickets, "derived_key", lambda name, purpose: f"{name} for {purpose} of the tests".encode())
    admission._seen.clear()


@pytest.fixture(scope="session")
def open_card_desk() -> Iterator[Desk]:
    """A card processor for this test run."""
    with open_desk() as desk:
        yield desk


@pytest.fixture
def desk(open_card_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The card processor, as the union's own."""
    monkeypatch.setenv("CARD_KEY", "pk_test_mart_union")
    monkeypatch.setenv("CARD_SCRIPT", f"{open_card_desk.address}/js.stripe.com/v3/")
    monkeypatch.setenv("CARD_API", open_card_desk.address)
    keys = {"stripe_key": SECRET_KEY, "stripe_webhook_key": WEBHOOK_KEY}
    monkeypatch.setattr(card_port, "read_secret", keys.__getitem__)
    settings.cache_clear()
    card_provider.cache_clear()
    yield open_card_desk
    card_provider().close()
    monkeypatch.undo()
    settings.cache_clear()
    card_provider.cache_clear()
