"""The choice of a union: by place, then by language; only healthy unions are asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mart_union.directory.model import Heartbeat, Place, Union, choose_union, serves

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def union(name: str, *, languages: tuple[str, ...] = ("en",), places: tuple[Place, ...] = ()) -> Union:
    beat = Heartbeat("https://x.example", "r", "EUR", languages, places)
    return Union(name, "client", {"en": name.title()}, NOW, beat, NOW)


HSINCHU = union(
    "hsinchu",
    languages=("zh-TW", "en"),
    places=(
        Place({"zh-TW": "新竹市", "en": "Hsinchu City"}, ("300",)),
        Place({"zh-TW": "竹北市", "en": "Zhubei City"}, ("302",)),
    ),
)
GANGWON = union(
    "gangwon",
    languages=("ko", "en"),
    places=(Place({"ko": "강원특별자치도", "en": "Gangwon"}, ("24", "25")), Place({"en": "Sokcho"}, ("248",))),
)
BOTH = [GANGWON, HSINCHU]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("新竹市", HSINCHU),
        ("hsinchu city", HSINCHU),
        ("  Hsinchu   CITY ", HSINCHU),
        ("Hsinchu", HSINCHU),
        ("新竹", HSINCHU),
        ("新竹市東區", HSINCHU),
        ("300", HSINCHU),
        ("30012", HSINCHU),
        ("３００", HSINCHU),
        ("248-01", GANGWON),
        ("Gangwon", GANGWON),
        ("Atlantis", None),
        ("999", None),
        ("", None),
    ],
)
def test_a_place_is_found_by_name_in_any_language_and_by_postcode(place: str, expected: Union | None) -> None:
    assert choose_union(BOTH, place=place) == expected


def test_the_longest_postcode_prefix_wins() -> None:
    narrow = union("narrow", places=(Place({}, ("3001",)),))
    wide = union("a-wide", places=(Place({}, ("30",)),))
    assert choose_union([wide, narrow], place="30012") == narrow
    assert choose_union([wide, narrow], place="30099") == wide


def test_an_exact_name_beats_the_beginning_of_one() -> None:
    longer = union("a", places=(Place({"en": "York Hill"}),))
    exact = union("b", places=(Place({"en": "York"}),))
    assert choose_union([longer, exact], place="york") == exact


def test_a_language_decides_between_unions_that_serve_the_same_place() -> None:
    one = union("one", languages=("fr",), places=(Place({"en": "Border"}),))
    two = union("two", languages=("de",), places=(Place({"en": "Border"}),))
    assert choose_union([one, two], place="Border", languages=["de"]) == two
    assert choose_union([one, two], place="Border", languages=["fr"]) == one


def test_nobody_is_sent_to_another_region_because_of_a_language() -> None:
    assert choose_union(BOTH, place="Atlantis", languages=["zh-TW"]) is None


def test_a_place_decides_before_a_language() -> None:
    assert choose_union(BOTH, place="Sokcho", languages=["zh-TW"]) == GANGWON


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        (["ko"], GANGWON),
        (["zh"], HSINCHU),
        (["zh-TW"], HSINCHU),
        (["ko-KR"], GANGWON),
        (["xx", "ko"], GANGWON),
        (["xx"], None),
        ([], None),
    ],
)
def test_without_a_place_the_language_decides(languages: list[str], expected: Union | None) -> None:
    assert choose_union(BOTH, languages=languages) == expected


def test_a_unions_own_language_counts_more_than_a_second_one() -> None:
    second, own = union("a", languages=("fr", "en")), union("b", languages=("en", "fr"))
    assert choose_union([second, own], languages=["en"]) == own


def test_the_same_question_always_has_the_same_answer() -> None:
    twins = [union("b"), union("a")]
    assert choose_union(twins, languages=["en"]) == choose_union(twins[::-1], languages=["en"]) == twins[1]


def test_a_union_that_never_reported_is_never_chosen_and_never_healthy() -> None:
    admitted = Union("new", "client", {"en": "New"}, NOW)
    assert choose_union([admitted], languages=["en"]) is None
    assert not serves(admitted, "Anywhere")
    assert not admitted.is_healthy(NOW, timedelta(days=1))


def test_a_union_is_healthy_up_to_the_end_of_the_silence_allowed() -> None:
    silence = timedelta(minutes=10)
    assert HSINCHU.is_healthy(NOW + silence, silence)
    assert not HSINCHU.is_healthy(NOW + silence + timedelta(milliseconds=1), silence)


def test_a_name_falls_back_to_the_unions_first_one() -> None:
    named = Union("x", "client", {"ko": "강원", "en": "Gangwon"}, NOW)
    assert named.name("en") == "Gangwon"
    assert named.name("fr") == "강원"
    assert Union("x", "client", {}, NOW).name("en") == "x"
