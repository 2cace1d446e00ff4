"""Paths that come in with a request and may be gone to."""

from __future__ import annotations


def local_path(wanted: str, otherwise: str = "/") -> str:
    """A path of this union's own pages, or `otherwise`: a link from elsewhere must not send people away (no open redirect)."""
    is_path = wanted.startswith("/") and not wanted.startswith("//") and wanted.isprintable()
    return wanted if is_path and not set(wanted) & set("\\ ") else otherwise
