"""What a function gets to see of a request: content, key, cookies, language, base."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from mart_union.kernel.errors import Invalid
from mart_union.kernel.settings import settings
from mart_union.web import request as web_request
from mart_union.web.access import Caller
from mart_union.web.request import Request, base_of, convert_form, decode, language_of, read_cookies


class Wish(Struct, frozen=True):
    """A body of a route."""

    sku: str
    quantity: int
    gift: bool = False


class Wishes(Struct, frozen=True):
    """A body with a list."""

    lines: tuple[Wish, ...]
    total_minor: int | None = None


def request_with(
    text: str = "", headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
) -> Request:
    return Request("POST", "/api/x", {}, query or {}, headers or {}, {}, text, Caller(), "", "en")


def field_refused(kind: type, text: str) -> str:
    with pytest.raises(Invalid) as refused:
        decode(kind, text)
    [error] = refused.value.facts["errors"]  # type: ignore[misc]
    return str(error["field"])


def test_a_body_becomes_what_its_route_names() -> None:
    text = '{"lines": [{"sku": "OB-TOP", "quantity": 2}], "total_minor": 76000}'
    assert decode(Wishes, text) == Wishes((Wish("OB-TOP", 2),), 76000)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{}", "lines"),
        ("", "lines"),
        ('{"lines": 3}', "lines"),
        ('{"lines": [{"sku": "OB-TOP"}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "OB-TOP", "quantity": "two"}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "OB-TOP", "quantity": 1.5}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "OB-TOP", "quantity": "2"}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": null, "quantity": 2}]}', "lines[0].sku"),
        ('{"lines": [], "total_minor": 760.5}', "total_minor"),
        ("[]", ""),
        ("not JSON", ""),
        ('{"lines": [', ""),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_of_its_field(text: str, field: str) -> None:
    assert field_refused(Wishes, text) == field


def test_a_refusal_gives_the_reason_apart_from_the_field() -> None:
    with pytest.raises(Invalid) as refused:
        decode(Wish, '{"sku": "OB-TOP", "quantity": "two"}')
    assert refused.value.detail == "quantity: a whole number is needed here"
    assert refused.value.facts == {"errors": [{"field": "quantity", "reason": "a whole number is needed here"}]}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_body_is_an_unexpected_error(text: str) -> None:
    with pytest.raises(Invalid):
        decode(Wishes, text)


def test_a_forms_texts_become_numbers_where_the_route_wants_numbers() -> None:
    assert convert_form(Wish, {"sku": "123", "quantity": "2", "gift": "true"}) == Wish("123", 2, True)


@pytest.mark.parametrize(
    ("form", "field"),
    [({"quantity": "2"}, "sku"), ({"sku": "A"}, "quantity"), ({"sku": "A", "quantity": "many"}, "quantity")],
)
def test_a_forms_field_that_does_not_fit_is_named(form: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        convert_form(Wish, form)
    assert [error["field"] for error in refused.value.facts["errors"]] == [field]  # type: ignore[attr-defined]


def test_a_form_is_read_only_from_a_forms_content_type() -> None:
    form = "sku=OB-TOP&note=%E8%8C%B6+%26&empty="
    content_type = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert request_with(form, content_type).form == {"sku": "OB-TOP", "note": "茶 &"}
    assert request_with(form, {"content-type": "application/json"}).form == {}
    assert request_with(form).form == {}


def test_the_idempotency_key_comes_from_the_header_before_the_form() -> None:
    content_type = {"content-type": "application/x-www-form-urlencoded"}
    assert request_with("idempotency_key=form-key-1", content_type).idempotency_key == "form-key-1"
    both = {**content_type, "idempotency-key": "header-key-1"}
    assert request_with("idempotency_key=form-key-1", both).idempotency_key == "header-key-1"


@pytest.mark.parametrize(
    "key", ["", "short12", "x" * 129, "with space", "tab\tinside", "金鑰金鑰金鑰金鑰", "trailing\n", "nul\0nul\0"]
)
def test_a_key_that_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(Invalid, match="8 to 128 visible ASCII") as refused:
        _ = request_with(headers={"idempotency-key": key}).idempotency_key
    assert refused.value.facts["errors"][0]["field"] == "Idempotency-Key"  # type: ignore[index]


@pytest.mark.parametrize("key", ["12345678", "x" * 128, "a8098c1a-f86e-11da-bd1a-00112444be1e", '"quoted!"'])
def test_a_key_of_8_to_128_visible_characters_is_taken(key: str) -> None:
    assert request_with(headers={"idempotency-key": key}).idempotency_key == key


@pytest.mark.parametrize(("query", "page"), [({}, 1), ({"page": "1"}, 1), ({"page": "9999"}, 9999)])
def test_a_page_number_counts_from_one(query: dict[str, str], page: int) -> None:
    assert request_with(query=query).page_number() == page


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "10000", "two", "", "01", "1\n", "٣"])
def test_what_is_no_page_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        request_with(query={"page": text}).page_number()
    assert refused.value.facts["errors"][0]["field"] == "page"  # type: ignore[index]


@pytest.mark.parametrize(
    ("query", "month"),
    [({}, ""), ({"month": ""}, ""), ({"month": "2026-11"}, "2026-11"), ({"month": "0001-01"}, "0001-01")],
)
def test_a_month_is_one_or_none(query: dict[str, str], month: str) -> None:
    assert request_with(query=query).month() == month


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "0000-01", "2026-1", "20261-2", "2026", "autumn", "2026-11\n", "２０２６-１１"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        request_with(query={"month": text}).month()
    assert refused.value.facts["errors"][0]["field"] == "month"  # type: ignore[index]


@pytest.mark.parametrize(("query", "day"), [({}, ""), ({"day": ""}, ""), ({"day": "2026-11-22"}, "2026-11-22")])
def test_a_day_is_one_or_none(query: dict[str, str], day: str) -> None:
    assert request_with(query=query).day() == day


@pytest.mark.parametrize(
    "text", ["2026-02-30", "2026-11", "0000-01-01", "2026-1-2", "today", "2026-11-22\n", "２０２６-１１-２２", "#"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        request_with(query={"day": text}).day()
    assert refused.value.facts["errors"][0]["field"] == "day"  # type: ignore[index]


def test_cookies_are_read_by_name() -> None:
    header = "mu_session=abc; mu_token=a.b=c;mu_consent=yes; =x; ;flag"
    assert read_cookies({"cookie": header}) == {
        "mu_session": "abc",
        "mu_token": "a.b=c",
        "mu_consent": "yes",
        "flag": "",
    }
    assert read_cookies({}) == {}


@pytest.mark.parametrize(
    ("query", "cookie", "accepted", "language"),
    [
        ("", "", "", "zh-TW"),
        ("en", "zh-TW", "zh-TW", "en"),
        ("", "en", "zh-TW", "en"),
        ("xx", "yy", "en-GB,en;q=0.9", "en"),
        ("", "", "fr;q=0.9, EN;q=0.8", "en"),
        ("", "", "zh-Hant-TW", "zh-TW"),
        ("", "", "zh", "zh-TW"),
        ("", "", "fr, de", "zh-TW"),
        ("", "", "*", "zh-TW"),
        ("", "", ",;,", "zh-TW"),
    ],
)
def test_the_language_is_asked_for_remembered_preferred_or_the_unions_own(
    query: str, cookie: str, accepted: str, language: str
) -> None:
    assert language_of({"lang": query}, {"mu_language": cookie}, {"accept-language": accepted}) == language


@pytest.mark.parametrize(
    ("public_url", "host", "base"),
    [
        ("", "abc123.execute-api.ap-northeast-1.amazonaws.com", "/union"),
        ("", "hsinchu.mart.example", ""),
        ("https://hsinchu.mart.example", "abc123.execute-api.ap-northeast-1.amazonaws.com", ""),
        ("https://mart.example/hsinchu", "mart.example", "/hsinchu"),
    ],
)
def test_links_stand_under_the_stage_only_on_the_apis_own_address(
    monkeypatch: pytest.MonkeyPatch, public_url: str, host: str, base: str
) -> None:
    known = replace(settings(), public_url=public_url)
    monkeypatch.setattr(web_request, "settings", lambda: known)
    assert base_of({"stage": "union"}, host) == base


@pytest.mark.parametrize("text", ["[" * 100_000, '{"lines":' * 100_000, '{"lines": [' * 50_000])
def test_a_body_that_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        decode(Wishes, text)


def test_a_body_nested_too_deeply_names_the_reason() -> None:
    with pytest.raises(Invalid, match="nested too deeply"):
        decode(dict, '{"a":' * 100_000)


def test_half_a_character_in_a_body_is_refused() -> None:
    with pytest.raises(Invalid, match="not JSON"):
        decode(Wishes, '{"lines": "\ud800"}')


@pytest.mark.parametrize(
    ("cookie", "session"), [("a-Session_1", "a-Session_1"), ("x" * 65, ""), ("a b", ""), ("ä", "")]
)
def test_a_session_that_could_not_be_ours_is_none(cookie: str, session: str) -> None:
    assert replace(request_with(), cookies={"mu_session": cookie}).session == session


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"sku": "OB-TOP", "quantity": 1.5}', "quantity: a whole number is needed here"),
        ('{"sku": "OB-TOP", "quantity": "two"}', "quantity: a whole number is needed here"),
        ('{"sku": 7, "quantity": 1}', "sku: a text is needed here"),
        ('{"sku": "OB-TOP"}', "quantity: is missing"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_plain_words(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode(Wish, text)
    assert refused.value.detail == reason


@pytest.mark.parametrize(
    ("referer", "path"),
    [
        ("https://hsinchu.example/union/manage/emei-tea/stock?low=1", "/manage/emei-tea/stock?low=1"),
        ("https://elsewhere.example/union/manage", ""),
        ("https://hsinchu.example/unionized", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_where_a_form_was_filled_in_is_a_page_of_this_union_or_unknown(
    referer: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Request, "address", "https://hsinchu.example/union")
    assert request_with(headers={"referer": referer}).came_from == path
