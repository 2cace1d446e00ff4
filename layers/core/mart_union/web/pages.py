"""Pages: Jinja2 templates with the union's own filters. Imported only when a page is rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, FileSystemLoader, ModuleLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from mart_union.kernel.clock import from_iso, local_text
from mart_union.kernel.errors import MartUnionError
from mart_union.kernel.ids import new_id
from mart_union.kernel.money import format_money
from mart_union.kernel.settings import settings
from mart_union.web import refusals
from mart_union.web.request import Request
from mart_union.web.static import asset_path
from mart_union.web.words import language_name, translate, union_names

_TEMPLATES = Path(__file__).parent / "templates"
_COMPILED = Path(__file__).parent / "compiled"
"""Where the layer's build puts the templates as Python modules, so that no cold start compiles them; not there on a laptop."""

_AMOUNT_IN_RATE = re.compile(r"(?:^|(?<=, )|(?<=% \+ ))\d+(?=$|, | x )")
"""What is an amount in a rate: a number that is all of it, one before its units, or one that a percentage adds."""


def render(template: str, request: Request, context: Mapping[str, Any], may: Callable[..., bool]) -> str:
    """A template of `web/templates` as HTML, in the request's language, with links under the union's base.

    `may(path)` tells the template whether the caller may send a form there, `may(path, "GET")` whether they may go there.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            request=request,
            base=request.base,
            language=request.language,
            languages=settings().languages,
            caller=request.caller,
            may=may,
            **context,
        )
    )


@cache
def _environment() -> Environment:
    return make_environment(ModuleLoader(_COMPILED) if _COMPILED.is_dir() else FileSystemLoader(_TEMPLATES))


def compile_templates(folder: Path) -> None:
    """Write every template as a Python module into a folder. For the build of the layer."""
    make_environment(FileSystemLoader(_TEMPLATES)).compile_templates(folder, zip=None, ignore_errors=False)


def make_environment(loader: BaseLoader) -> Environment:
    """The environment of the pages: their filters and words, and everything escaped."""
    environment = Environment(
        loader=loader,
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["money"] = money
    environment.filters["rate"] = rate
    environment.filters["text"] = text
    environment.filters["moment"] = moment
    environment.globals["new_key"] = new_id
    environment.globals["asset"] = asset_path
    environment.globals["language_name"] = language_name
    environment.globals["union_names"] = union_names
    environment.globals["union_id"] = lambda: settings().union
    environment.globals["time_zone"] = lambda: settings().time_zone
    environment.globals["t"] = words
    environment.globals["told"] = told
    environment.globals["sent_entries"] = sent_entries
    return environment


def money(amount_minor: int) -> str:
    """An amount in the union's currency."""
    return format_money(amount_minor, settings().currency)


def rate(told: str) -> str:
    """A rate as a statement's line keeps it, its amounts of minor units as money: `15000 x 2, 2000` or `all: 6 % + 500`."""
    return _AMOUNT_IN_RATE.sub(lambda found: money(int(found.group())), told).replace(" x ", " × ")


@pass_context
def text(context: Context, texts: Mapping[str, str]) -> str:
    """The text in the page's language, else in the union's own, else in any."""
    for language in (context["language"], *settings().languages):
        if texts.get(language):
            return texts[language]
    return next(iter(texts.values()), "")


@pass_context
def words(context: Context, sentence: str, **facts: object) -> str:
    """A sentence of the pages themselves in the page's language; English where it has no translation."""
    return translate(sentence, context["language"], **facts)


@pass_context
def told(context: Context, refusal: MartUnionError | Mapping[str, Any]) -> refusals.Told:
    """A refusal, or its problem details, in the words of the page's language."""
    return refusals.explain(refusal, context["language"])


@pass_context
def sent_entries(context: Context) -> list[tuple[str, str]]:
    """What the refused form said, by the labels of its fields."""
    return refusals.sent_entries(context["request"].form, context["language"])


def moment(iso: str) -> str:
    """An ISO moment as day and minute in the union's time zone."""
    if not iso:
        return ""
    return local_text(from_iso(iso), settings().time_zone)
