"""The words of the pages themselves, in the union's languages; the English sentence is the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import msgspec

_FOLDER = Path(__file__).parent / "texts"
_LANGUAGE_NAMES = {"en": "English", "ja": "日本語", "ko": "한국어", "zh-CN": "简体中文", "zh-TW": "繁體中文"}

_names_of_union: list[Callable[[], Mapping[str, str]]] = []


def translate(sentence: str, language: str, **facts: object) -> str:
    """A sentence in a language, English where it has no translation; `{name}` stands for a fact."""
    text = _sentences(language).get(sentence, sentence)
    return text.format(**facts) if facts else text


@cache
def _sentences(language: str) -> dict[str, str]:
    known = {file.stem: file for file in _FOLDER.glob("*.json")}
    if language not in known:
        return {}
    return msgspec.json.decode(known[language].read_bytes(), type=dict[str, str])


def language_name(tag: str) -> str:
    """A language's name in itself; its tag where we do not know it."""
    return _LANGUAGE_NAMES.get(tag, tag)


def name_union_with(names: Callable[[], Mapping[str, str]]) -> None:
    """Let pages ask here for the union's names. A function calls it once, at start, with `catalog.service.union_names`."""
    _names_of_union[:] = [names]


def union_names() -> Mapping[str, str]:
    """The union's names by language; none in a function that never told where to ask."""
    return _names_of_union[0]() if _names_of_union else {}
