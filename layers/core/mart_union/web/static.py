"""The style sheet, icon and script of pages, under addresses that change with their content."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from mart_union.kernel.errors import NotFound

_FOLDER = Path(__file__).parent / "assets"
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8"}


@cache
def read_asset(name: str) -> tuple[str, str]:
    """An asset's text and media type.

    Raises:
        NotFound: no asset has this name.
    """
    if name not in {file.name for file in _FOLDER.iterdir()}:
        raise NotFound(f"there is no asset called '{name}'")
    file = _FOLDER / name
    return file.read_text(encoding="utf-8"), _MEDIA_TYPES[file.suffix]


@cache
def asset_path(name: str) -> str:
    """Where an asset is served, with its content's fingerprint: a browser may keep what it finds there for ever."""
    return f"/assets/{name}?v={hashlib.sha256(read_asset(name)[0].encode()).hexdigest()[:12]}"
