"""Which route a request is for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mart_union.web.routing import find_route

ROUTES = [
    SimpleNamespace(method=method, path=path)
    for method, path in [
        ("GET", "/"),
        ("GET", "/things/{thing}"),
        ("GET", "/things/new"),
        ("POST", "/things/{thing}"),
        ("GET", "/stores/{store}/{sku}"),
    ]
]


@pytest.mark.parametrize(
    ("method", "path", "wanted", "params"),
    [
        ("GET", "/", "/", {}),
        ("GET", "/things/tea", "/things/{thing}", {"thing": "tea"}),
        ("GET", "/things/new", "/things/new", {}),
        ("POST", "/things/new", "/things/{thing}", {"thing": "new"}),
        ("GET", "/things/tea/", "/things/{thing}", {"thing": "tea"}),
        ("GET", "/stores/emei/%E8%8C%B6", "/stores/{store}/{sku}", {"store": "emei", "sku": "%E8%8C%B6"}),
    ],
)
def test_a_request_finds_its_route_and_what_its_path_names(
    method: str, path: str, wanted: str, params: dict[str, str]
) -> None:
    found = find_route(ROUTES, method, path)
    assert found is not None
    assert (found[0].path, found[1]) == (wanted, params)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/things/tea"),
        ("GET", "/things"),
        ("GET", "/things/tea/more"),
        ("GET", "/stores//tea"),
        ("POST", "/"),
    ],
)
def test_what_fits_no_route_finds_none(method: str, path: str) -> None:
    assert find_route(ROUTES, method, path) is None
