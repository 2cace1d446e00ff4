"""Settings: read once, and a missing one is named."""

from __future__ import annotations

import pytest

from mart_union.kernel.money import Currency
from mart_union.kernel.settings import read_settings, settings
from tests.conftest import UNION

NEEDED = sorted(name for name in UNION if not name.startswith(("AWS_", "POWERTOOLS_")))


def test_settings_say_what_the_environment_says() -> None:
    known = read_settings(UNION)
    assert known.union == "hsinchu"
    assert known.currency == Currency("TWD", 100)
    assert known.languages == ("zh-TW", "en")
    assert known.reservation_seconds == 600
    assert known.allow_loopback_shops is True
    assert known.public_url == ""


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_variable_is_named(name: str) -> None:
    environment = {key: value for key, value in UNION.items() if key != name}
    with pytest.raises(RuntimeError, match=rf"\b{name}\b"):
        read_settings(environment)


def test_only_the_word_true_allows_shops_on_this_machine() -> None:
    for word in ("false", "", "1", "True", "yes"):
        assert read_settings({**UNION, "ALLOW_LOOPBACK_SHOPS": word}).allow_loopback_shops is False


def test_the_public_url_loses_its_last_slash() -> None:
    assert (
        read_settings({**UNION, "PUBLIC_URL": "https://mart.example/hsinchu/"}).public_url
        == "https://mart.example/hsinchu"
    )


def test_settings_are_read_once_and_cannot_be_changed() -> None:
    assert settings() is settings()
    with pytest.raises(AttributeError):
        settings().union = "other"  # type: ignore[misc]
