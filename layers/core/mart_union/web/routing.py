"""Which of a function's routes a request is for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol, TypeVar


class HasPath(Protocol):
    """A route by its method and its path, in which `{name}` stands for one segment."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...


R = TypeVar("R", bound=HasPath)


def find_route(routes: Iterable[R], method: str, path: str) -> tuple[R, dict[str, str]] | None:
    """The route of a request and the parameters in its path, or None. A path without parameters goes before one with."""
    found: tuple[R, dict[str, str]] | None = None
    segments = _segments(path)
    for route in routes:
        params = None if route.method != method else _match(_segments(route.path), segments)
        if params == {}:
            return route, params
        if params is not None and found is None:
            found = route, params
    return found


@lru_cache(maxsize=2048)
def _segments(path: str) -> list[str]:
    return path.rstrip("/").split("/")


def _match(wanted: list[str], given: list[str]) -> dict[str, str] | None:
    if len(wanted) != len(given):
        return None
    params = {}
    for name, text in zip(wanted, given, strict=True):
        if name.startswith("{") and text:
            params[name[1:-1]] = text
        elif name != text:
            return None
    return params
