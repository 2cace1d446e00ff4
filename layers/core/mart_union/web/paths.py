"""Paths that come in with a request and may be gone to."""

from __future__ import annotations

PARAMETER_LENGTH = 128
"""Characters of the longest id that a path may name. Keys of the database end at 1 KB, and no id of ours is as long as this."""


def is_name(text: str) -> bool:
    """Whether a segment of a path could be the id of anything."""
    return len(text) <= PARAMETER_LENGTH and text.isprintable()


def local_path(wanted: str, otherwise: str = "/") -> str:
    """A path of this union's own pages, or `otherwise`: a link from elsewhere must not send people away (no open redirect)."""
    is_path = wanted.startswith("/") and not wanted.startswith("//") and wanted.isprintable()
    return wanted if is_path and not set(wanted) & set("\\ ") else otherwise
