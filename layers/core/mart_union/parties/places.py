"""Which store or supplier a request is about, and where it has its pages."""

from __future__ import annotations

from mart_union.web.request import Request

_SIDES = {"store": "manage", "supplier": "supply"}


def party_of(request: Request, kind: str) -> str:
    """The party, such as store/emei-tea."""
    return f"{kind}/{request.params[kind]}"


def place_of(request: Request, kind: str) -> str:
    """The address above all its pages, such as /manage/emei-tea."""
    return f"/{_SIDES[kind]}/{request.params[kind]}"
