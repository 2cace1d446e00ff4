"""The service center's use cases, on a real table: admission, heartbeats, health, direction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from mart_union.directory import service
from mart_union.directory.model import Heartbeat, Place
from mart_union.directory.tables import UnionItem
from mart_union.kernel import storage
from mart_union.kernel.errors import Conflict, Forbidden, NotFound

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SILENCE = timedelta(minutes=10)
NAMES = {"zh-TW": "新竹", "en": "Hsinchu"}
BEAT = Heartbeat(
    base_url="https://hsinchu.example",
    region="ap-northeast-1",
    currency="TWD",
    languages=("zh-TW", "en"),
    places=(Place({"en": "Hsinchu City"}, ("300",)),),
    names=NAMES,
    open_stores=12,
)


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    with mock_aws():
        storage.client.cache_clear()
        UnionItem.create_table(billing_mode="PAY_PER_REQUEST")
        yield
    storage.client.cache_clear()


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def admit(union: str = "hsinchu", client: str = "client-1") -> None:
    service.admit_union(union, client, NAMES, clock=lambda: NOW)


def test_an_admitted_union_is_listed_before_it_has_reported() -> None:
    admit()
    assert service.list_unions() == [service.show_union("hsinchu")]
    assert service.show_union("hsinchu").heartbeat is None
    with pytest.raises(service.Silent):
        service.direct_shopper(union="hsinchu", silence=SILENCE, clock=lambda: NOW)


def test_the_same_admission_again_changes_only_the_names() -> None:
    admit()
    service.take_heartbeat("hsinchu", "client-1", BEAT, clock=lambda: at(1))
    again = service.admit_union("hsinchu", "client-1", {"en": "New name"}, clock=lambda: at(2))
    assert again.names == {"en": "New name"}
    assert (again.admitted_at, again.heartbeat, again.heartbeat_at) == (NOW, BEAT, at(1))


def test_another_client_cannot_take_a_union_over() -> None:
    admit()
    before = service.show_union("hsinchu")
    with pytest.raises(Conflict):
        admit(client="client-2")
    assert service.show_union("hsinchu") == before


def test_only_the_bound_client_reports_for_a_union() -> None:
    admit()
    before = service.show_union("hsinchu")
    with pytest.raises(Forbidden):
        service.take_heartbeat("hsinchu", "client-2", BEAT, clock=lambda: NOW)
    with pytest.raises(Forbidden):
        service.take_heartbeat("hsinchu", "", BEAT, clock=lambda: NOW)
    assert service.show_union("hsinchu") == before


def test_a_union_that_was_never_admitted_cannot_report() -> None:
    with pytest.raises(NotFound):
        service.take_heartbeat("atlantis", "client-1", BEAT, clock=lambda: NOW)
    assert service.list_unions() == []


def test_a_shopper_is_sent_to_a_healthy_union_by_name_place_or_language() -> None:
    admit()
    service.take_heartbeat("hsinchu", "client-1", BEAT, clock=lambda: NOW)
    for question in ({"union": "hsinchu"}, {"place": "30010"}, {"languages": ["zh"]}):
        found = service.direct_shopper(**question, silence=SILENCE, clock=lambda: at(10))  # type: ignore[arg-type]
        assert found.heartbeat == BEAT


def test_a_silent_union_gets_no_shoppers() -> None:
    admit()
    service.take_heartbeat("hsinchu", "client-1", BEAT, clock=lambda: NOW)
    for question in ({"union": "hsinchu"}, {"place": "30010"}):
        with pytest.raises(service.Silent):
            service.direct_shopper(**question, silence=SILENCE, clock=lambda: at(10.1))  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        service.direct_shopper(languages=["zh"], silence=SILENCE, clock=lambda: at(10.1))


def test_a_place_that_only_a_silent_union_serves_is_not_answered_with_another_union() -> None:
    admit()
    service.take_heartbeat("hsinchu", "client-1", BEAT, clock=lambda: NOW)
    admit("gangwon", "client-2")
    other = Heartbeat("https://gangwon.example", "ap-northeast-2", "KRW", ("ko", "en"))
    service.take_heartbeat("gangwon", "client-2", other, clock=lambda: at(30))
    with pytest.raises(service.Silent):
        service.direct_shopper(place="Hsinchu City", languages=["en"], silence=SILENCE, clock=lambda: at(30))


def test_what_nobody_serves_is_not_found() -> None:
    admit()
    service.take_heartbeat("hsinchu", "client-1", BEAT, clock=lambda: NOW)
    for question in ({"union": "atlantis"}, {"place": "Atlantis"}, {"languages": ["tlh"]}, {}, {"place": " "}):
        with pytest.raises(NotFound):
            service.direct_shopper(**question, silence=SILENCE, clock=lambda: NOW)  # type: ignore[arg-type]
