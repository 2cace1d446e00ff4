"""What pages say of refusals: in each language, by the name and the facts of the refusal, and with the labels of its form."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from mart_union.customers.model import RecipientFields, checked_recipient
from mart_union.kernel.errors import (
    Busy,
    CashNotTaken,
    Conflict,
    InsufficientFunds,
    Invalid,
    LimitReached,
    MartUnionError,
    NotEligible,
    NotFound,
    OutOfStock,
    OutsideArea,
    PriceChanged,
    RuleViolation,
    SlotRefused,
    StepNotAllowed,
    TurnNotCome,
    Unauthenticated,
)
from mart_union.web import refusals
from mart_union.web.access import PUBLIC
from mart_union.web.api import Api
from mart_union.web.fields import FIELDS, SECRET
from mart_union.web.problems import STATUS, UNKNOWN
from mart_union.web.refusals import ADVICE, DETAILS, REASONS, explain, facts_of, label_of
from mart_union.web.request import decode
from tests.gateway import CONTEXT, gateway_event

WEB = Path(refusals.__file__).parent
SOURCES = WEB.parent
FUNCTIONS = SOURCES.parents[2] / "functions"
TEMPLATES = WEB / "templates"

LANGUAGES = sorted(file.stem for file in (WEB / "texts").glob("*.json"))

UNNAMED = {
    "cap",  # the most a unit, or the most a purchase: fees
    "carrier_gives",
    "collects",  # a day of the week each
    "collected_by",
    "delivery_by_table",
    "file",  # its label is each upload's own
    "method",
    "more",
    "payment_method",
    "recipient",
    "reprice",
    "written_off",
}
"""Fields without a label of their own: choices that are not wrong by themselves, and names under which forms ask for different things."""

TOLD = [
    (OutOfStock("OB has 2 left for sale", store="emei", sku="OB", left=2, wanted=3), "OB：可售 2 件，你要 3 件。"),
    (OutOfStock("only 2 left for sale", level="emei/OB", left=2, wanted=3), "可售 2 件，你要 3 件。"),
    (OutOfStock("sold out", sku="OB", left=0, wanted=1, total_minor=8_000), "OB 的限時特賣已售完。依原價總額為 NT$80。"),
    (PriceChanged("the total is now NT$80, not NT$70", total_minor=8_000), "總額現為 NT$80。"),
    (InsufficientFunds("short", available_minor=100, needed_minor=8_000), "可用 NT$1，需要 NT$80。"),
    (LimitReached("a limit", sku="OB", left=1, limit=2), "每位顧客最多可買 2 件 OB，你還可買 1 件。"),
    (NotEligible("some", sku="OB", postcodes=["30", "31"]), "OB 只售往以 30, 31 開頭的郵遞區號。"),
    (OutsideArea("not", lines=[{"sku": "OB"}, {"sku": "GT"}]), "無法配送到此郵遞區號：OB, GT。"),
    (SlotRefused("begun", sku="OB", reason="past"), "OB 的這個時段已開始。"),
    (CashNotTaken("not", reason="limit", limit_minor=8_000), "付現的購買最多 NT$80。"),
    (TurnNotCome("wait", sale="s", wait_seconds=7, place=3), "再 7 秒輪到你。"),
    (StepNotAllowed("no", allowed=[], state="delivered"), "目前無法執行。狀態：已送達。"),
    (Conflict("changed", reason="cart", sequence=2), "此購物車已在其他視窗變更。"),
    (RuleViolation("empty", reason="cart-empty"), "購物車是空的。"),
    (RuleViolation("full", reason="cart-full", most=50), "購物車最多 50 項。請先結帳，或移除一些商品。"),
    (RuleViolation("over", reason="return-window", line=1, until="2026-11-01T00:30:00Z"), "第 1 項可退貨至 2026-11-01 08:30。"),
    (Unauthenticated("wrong", reason="password"), "電子郵件地址或密碼不正確。"),
    (Unauthenticated("sign in first"), "你尚未登入。"),
    (Busy("many", reason="tries"), "嘗試次數過多，請稍候。"),
]  # fmt: skip


@pytest.mark.parametrize(("refusal", "text"), TOLD)
def test_what_a_shopper_meets_is_told_with_its_facts_in_the_pages_language(refusal: MartUnionError, text: str) -> None:
    told = explain(refusal, "zh-TW")
    assert (told.detail, told.english) == (text, False)


@pytest.mark.parametrize(("refusal", "_text"), TOLD)
def test_an_english_page_says_the_refusal_itself(refusal: MartUnionError, _text: str) -> None:
    told = explain(refusal, "en")
    assert (told.detail, told.english) == (refusal.detail, False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_no_sentence_here_is_said_in_english_and_marked_so(language: str) -> None:
    for refusal in (RuleViolation("an order has at most 9 returns"), OutOfStock("a level without facts")):
        told = explain(refusal, language)
        assert (told.detail, told.english) == (refusal.detail, True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_advice_and_every_sentence_a_translation_with_the_same_facts(language: str) -> None:
    assert set(ADVICE) == {*STATUS, "internal"}
    known = json.loads((WEB / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    details = [sentence for sentences in DETAILS.values() for sentence in sentences]
    sentences = {*ADVICE.values(), *details, *REASONS, *FIELDS.values()}
    assert sorted(sentences - set(known)) == []
    assert [each for each in sorted(sentences) if facts_of(known[each]) != facts_of(each)] == []


def test_every_name_of_a_sentence_is_the_name_of_a_refusal() -> None:
    sources = [file for file in (*SOURCES.rglob("*.py"), *FUNCTIONS.rglob("*.py")) if file.name != "refusals.py"]
    written = "".join(file.read_text(encoding="utf-8") for file in sources)
    for name in DETAILS:
        code, _, reason = name.partition("/")
        assert code in STATUS
        assert f'"{reason}"' in written or not reason, name


def test_a_mistake_of_ours_has_advice_too() -> None:
    told = explain(UNKNOWN, "zh-TW")
    assert (told.advice, told.detail, told.english) == ("請稍候再送一次：不會重複執行。", UNKNOWN["detail"], True)


# Entries


class Wish(Struct):
    """What a form asks for."""

    quantity: int


def test_an_entry_is_named_by_its_label_and_the_reason_said_once() -> None:
    with pytest.raises(Invalid) as refused:
        decode(Wish, '{"quantity": "two"}')
    assert refused.value.detail == "quantity: a whole number is needed here"
    told = explain(refused.value, "ko")
    assert told.detail == ""
    assert [(each.label, each.reason, each.english) for each in told.entries] == [("수량", "정수를 적어 주세요", False)]
    assert explain(refused.value, "en").entries[0].label == "Quantity"


def test_every_entry_of_an_address_is_told_with_how_long_it_may_be() -> None:
    with pytest.raises(Invalid) as refused:
        checked_recipient(RecipientFields("Lin", (" ",), "Hsinchu", "300", " "))
    told = explain(refused.value, "zh-TW")
    assert told.detail == "配送需要姓名、地址、城市、郵遞區號和電話。"
    assert [(each.label, each.reason) for each in told.entries] == [
        ("地址", "須為 1 到 300 個字元"),
        ("電話", "須為 1 到 32 個字元"),
    ]


def test_a_field_that_no_form_has_keeps_its_name_and_an_unknown_reason_its_english() -> None:
    refusal = Invalid("more is wrong", errors=[{"field": "base_url", "reason": "not an address"}])
    told = explain(refusal, "zh-TW")
    [entry] = told.entries
    assert (entry.label, entry.field, entry.reason, entry.english) == ("", "base_url", "not an address", True)
    assert (told.detail, told.english) == ("more is wrong", True)


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("title-ko", "Title (ko)"),
        ("title.zh-TW", "Title (zh-TW)"),
        ("tiers[2].price", "Supply prices by volume (2.price)"),
        ("Idempotency-Key", ""),
        ("", ""),
    ],
)
def test_what_follows_a_fields_name_stands_behind_its_label(field: str, label: str) -> None:
    assert label_of(field, "en") == label


def labels() -> dict[str, set[str]]:
    """What forms call each of their fields."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in TEMPLATES.rglob("*.html"):
        label = r"<label\b[^>]*>(.*?)</label>((?:\s*<(?:input|select|textarea)[^>]*>)?)"
        for inside, behind in re.findall(label, file.read_text(encoding="utf-8"), re.DOTALL):
            fields = re.findall(r'<(?:input|select|textarea)\b[^>]*?\bname="([a-z_]+)(?:[-.][^"]*)?"', inside + behind)
            said = re.findall(r't\(["\'](.+?)["\'][,)]', inside)
            for field in fields:
                found[field] |= set(said)
    return found


def test_every_field_that_a_form_asks_for_has_the_label_of_a_form() -> None:
    found = labels()
    assert len(found) > 90
    assert sorted(set(found) - set(FIELDS) - UNNAMED) == []
    assert {name: FIELDS[name] for name in found if name in FIELDS and FIELDS[name] not in found[name]} == {}


# The page


class Form:
    """A function with a form; what it answers is a refusal."""

    def __init__(self, refusal: MartUnionError) -> None:
        self.api = Api("form")
        self.refusal = refusal
        self.api.post("/wishes", PUBLIC)(self._refuse)
        self.api.get("/wishes", PUBLIC)(self._refuse)

    def _refuse(self, _request: object) -> object:
        raise self.refusal

    def page(self, method: str = "POST", language: str = "zh-TW", referer: str = "", **form: str) -> str:
        headers = {"Host": "hsinchu.example", "Cookie": f"mu_language={language}"}
        if referer:
            headers["Referer"] = referer
        event = gateway_event(method, "/wishes", headers=headers, form=form if method == "POST" else None)
        body: Any = self.api.handle(event, CONTEXT)["body"]
        return str(body)


FORM = "https://hsinchu.example/stores/emei?page=2"


def test_the_page_of_a_refusal_is_the_unions_own_in_its_readers_language() -> None:
    page = Form(OutOfStock("2 left", sku="OB", left=2, wanted=3)).page()
    assert '<html lang="zh-TW">' in page
    assert "<h1>庫存不足</h1>" in page
    assert "<p>請減少數量，或選擇其他商品。</p>" in page
    assert "<p>OB：可售 2 件，你要 3 件。</p>" in page
    assert 'lang="en">2 left' not in page
    assert '<a href="/cart">購物車</a>' in page


def test_an_english_page_has_title_advice_and_detail_in_english() -> None:
    page = Form(OutOfStock("2 left", sku="OB", left=2, wanted=3)).page(language="en")
    assert '<html lang="en">' in page
    assert "<h1>Out of stock</h1>" in page
    assert "<p>Choose fewer, or something else.</p>" in page
    assert "<p>2 left</p>" in page


def test_what_is_english_on_a_page_of_another_language_says_so() -> None:
    page = Form(NotFound("there is no <b>such</b> store")).page()
    assert '<p lang="en">there is no &lt;b&gt;such&lt;/b&gt; store</p>' in page


def test_the_way_back_from_a_form_is_its_page_and_a_script_makes_it_a_step_back() -> None:
    page = Form(Busy("many changes meet")).page(referer=FORM)
    assert '<a class="button" href="/stores/emei?page=2" data-back>返回</a>' in page
    assert '<script src="/assets/back.js?v=' in page
    assert '<input type="hidden" name="next" value="/stores/emei?page=2">' in page


@pytest.mark.parametrize(
    "referer",
    [
        "",
        "https://elsewhere.example/stores/emei",
        "http://hsinchu.example/stores/emei",
        "https://hsinchu.example.elsewhere.example/",
        "https://hsinchu.example//elsewhere.example/",
        "https://hsinchu.example/\\elsewhere.example/",
    ],
)
def test_there_is_no_way_back_to_another_site(referer: str) -> None:
    page = Form(Busy("many changes meet")).page(referer=referer, quantity="2")
    assert "data-back" not in page
    assert "elsewhere.example" not in page
    assert "back.js" not in page
    assert "你送出的內容" not in page
    assert '<input type="hidden" name="next" value="/">' in page


def test_what_was_sent_is_told_by_its_labels_without_secrets_and_keys() -> None:
    sent = {
        "quantity": "two",
        "text": "<b>many words</b>",
        "password": "hush",
        "code": "123456",
        "idempotency_key": "k-1-2-3-4",
    }
    page = Form(Invalid("no")).page(referer=FORM, **sent)
    assert "<dt>數量</dt><dd>two</dd>" in page
    assert "<dd>&lt;b&gt;many words&lt;/b&gt;</dd>" in page
    assert [secret for secret in ("hush", "123456", "k-1-2-3-4") if secret in page] == []
    assert set(FIELDS) >= SECRET


def test_a_page_that_was_only_read_leads_back_and_repeats_nothing() -> None:
    page = Form(NotFound("gone")).page("GET", referer=FORM)
    assert "data-back" in page
    assert "你送出的內容" not in page
    assert '<input type="hidden" name="next" value="/wishes">' in page
