"""The wording of mails: one TOML file a language, each text a small Jinja2 template with a subject."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from msgspec import Struct

from mart_union.kernel.settings import settings
from mart_union.web.pages import moment, money
from mart_union.web.words import translate

_FOLDER = Path(__file__).parent / "texts"
_DEFAULT = "en"


class Mail(Struct, frozen=True):
    """A mail without its address."""

    subject: str
    text: str


def word(template: str, language: str, facts: Mapping[str, Any]) -> Mail:
    """A mail in a language; English where nobody has written it in that language."""
    language = language if template in _templates(language) else _DEFAULT
    texts = _templates(language)[template]
    environment = _environment(language)
    subject, text = (environment.from_string(texts[part]).render(facts, url=_url) for part in ("subject", "text"))
    return Mail(" ".join(subject.split()), text.strip() + "\n")  # a subject is one line: nothing can add a header


@cache
def _templates(language: str) -> dict[str, dict[str, str]]:
    files = {file.stem: file for file in _FOLDER.glob("*.toml")}
    return tomllib.loads(files[language].read_text(encoding="utf-8")) if language in files else {}


@cache
def _environment(language: str) -> Environment:
    # Plain text, never HTML: escaping would show its signs to the reader.
    environment = Environment(autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters["money"] = money
    environment.filters["moment"] = moment
    environment.filters["state"] = lambda state: translate(state.replace("_", " ").capitalize(), language)
    environment.filters["text"] = lambda texts: _text(texts, language)
    return environment


def _text(texts: Mapping[str, str], language: str) -> str:
    for tag in (language, *settings().languages):
        if texts.get(tag):
            return texts[tag]
    return next(iter(texts.values()), "")


def _url(path: str) -> str:
    """The address of a page of the union; '' where it has none of its own (a queue's function sees no request to derive it from)."""
    return settings().public_url + path if settings().public_url else ""
