"""The words of the pages: translations stand for sentences that are there, and carry the same facts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mart_union.orders.model import STATES
from mart_union.orders.shipped import PROCEDURES
from mart_union.web import words
from mart_union.web.pages import rate
from mart_union.web.paths import local_path
from mart_union.web.words import language_name, translate

WEB = Path(words.__file__).parent
LANGUAGES = sorted(file.stem for file in (WEB / "texts").glob("*.json"))
PAGES = sorted((WEB / "templates").rglob("*.html"))


def said(file: Path) -> set[str]:
    text = file.read_text(encoding="utf-8")
    return set(re.findall(r'\bt\("([^"]+)"', text)) | set(re.findall(r"\bt\('([^']+)'", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_every_page_is_translated(language: str) -> None:
    known = json.loads((WEB / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    assert sorted(set().union(*(said(file) for file in PAGES)) - set(known)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_of_every_procedure_and_every_state_is_translated(language: str) -> None:
    known = json.loads((WEB / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    every = PROCEDURES.values()
    titles = {procedure.title for procedure in every} | {step.title for each in every for step in each.steps}
    titles |= {reason.title for each in every if each.returns for reason in each.returns.reasons}
    states = {state.replace("_", " ").capitalize() for state in STATES}
    assert sorted((titles | states) - set(known)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_carries_the_facts_of_its_sentence(language: str) -> None:
    known = json.loads((WEB / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    fact = re.compile(r"{\w+}")
    assert [key for key, text in known.items() if set(fact.findall(key)) != set(fact.findall(text)) or not text] == []


def test_what_has_no_translation_is_said_in_english() -> None:
    assert translate("{count} left", "zh-TW", count=3) == "剩 3 件"
    assert translate("{count} left", "en", count=3) == "3 left"
    assert translate("no such sentence", "zh-TW") == "no such sentence"
    assert (language_name("ko"), language_name("tlh")) == ("한국어", "tlh")


@pytest.mark.parametrize(
    "wanted", ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "/a b", "a"]
)
def test_a_path_of_elsewhere_is_not_gone_to(wanted: str) -> None:
    assert local_path(wanted, "/account") == "/account"


def test_a_path_of_the_unions_own_is_gone_to() -> None:
    assert local_path("/stores/emei-tea?page=2") == "/stores/emei-tea?page=2"


def test_what_cannot_be_taken_back_is_asked_again_before_it_is_done() -> None:
    asked = {
        "_tree.html": ("/merge", 'confirmed(t("Merge for good…"), t("Yes, merge"))'),
        "manage/urgent_sales.html": ("/end", 'confirmed(t("End…"), t("Yes, end it"))'),
    }
    for page, (action, confirmation) in asked.items():
        text = (WEB / "templates" / page).read_text(encoding="utf-8")
        [form] = [each for each in re.findall(r"<form.*?</form>", text, re.DOTALL) if f'{action}"' in each]
        assert confirmation in form
        assert "<button" not in form
    macros = (WEB / "templates" / "_macros.html").read_text(encoding="utf-8")
    [confirmed] = re.findall(r"{% macro confirmed\(ask, yes\) %}\n(.*?)\n{% endmacro %}", macros, re.DOTALL)
    summary, button = (
        '<summary class="button small quiet">{{ ask }}</summary>',
        '<button class="button small">{{ yes }}</button>',
    )
    assert confirmed == f"<details>{summary} {button}</details>"


def test_a_rate_of_a_statement_says_its_amounts_as_money_and_leaves_all_else() -> None:
    assert rate("20000 x 2, 4400") == "NT$200 × 2, NT$44"
    assert rate("all: 6 % + 500, tea: 5 %") == "all: 6 % + NT$5, tea: 5 %"
    assert rate("vat: 5 %") == "vat: 5 %"
