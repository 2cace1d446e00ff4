"""Texts in several languages, from forms with one field a language."""

from __future__ import annotations

from mart_union.catalog.model import Texts
from mart_union.kernel.settings import settings
from mart_union.web.request import Request


def texts_of(request: Request, field: str) -> Texts:
    """The texts of the fields `<field>-<language>` that were filled in."""
    filled = {tag: request.form.get(f"{field}-{tag}", "").strip() for tag in settings().languages}
    return {tag: text for tag, text in filled.items() if text}
