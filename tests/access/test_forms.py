"""Pages show a form to whoever may send it, and to nobody else: what they show is compared with the rows of the routes that the forms go to."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from mart_union.web.routing import find_route
from tests.access.callers import PERSONS, Caller
from tests.access.cells import Cell, Scene, row_of
from tests.access.gate import Door, union_doors
from tests.access.rows import ROWS

_DOORS = union_doors()
_PAGES = [
    door
    for door in _DOORS
    if door.method == "GET" and door.is_page and door.path.split("/")[1] in {"manage", "supply", "operate"}
    if 303 not in row_of(door).answers
]


class Forms(HTMLParser):
    """The addresses to which the forms of a page can be sent: of each of their buttons its own, or else the form's."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self._action = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form that posts, and where its buttons send it."""
        named = dict(attrs)
        if tag == "form":
            self._action = named.get("action") or "" if named.get("method") == "post" else ""
        elif tag == "button" and self._action:
            self.addresses.add(named.get("formaction") or self._action)


def test_the_buttons_of_a_form_are_read_with_their_own_addresses() -> None:
    page = '<form method="post" action="/a"><button>A</button><button formaction="/b">B</button></form>'
    page += '<form method="get" action="/c"><button>C</button></form><form action="/d" method="post"></form>'
    assert Forms(page).addresses == {"/a", "/b"}


@pytest.mark.parametrize("door", _PAGES, ids=lambda door: f"{door.function} {door.name}")
def test_a_page_shows_each_caller_the_forms_that_they_may_send_and_no_others(scene: Scene, door: Door) -> None:
    row = row_of(door)
    begin = scene.set_for(door, row)
    try:
        callers = [each for each in PERSONS if each.name in row.may]
        shown = {each: _forms(scene, door, each) for each in callers}
    finally:
        scene.put_back(scene.laid, begin)
    of_all = set[str]().union(*shown.values())
    for caller, routes in shown.items():
        may = {route for route in of_all if caller.name in ROWS[route].may}
        assert routes == may, f"{caller.name} at {door.name}"


def _forms(scene: Scene, door: Door, caller: Caller) -> set[str]:
    """The routes of this union to which a page has forms for a caller."""
    answer = scene.gate.knock(door, scene._event(door, row_of(door), Cell(caller, "one's own", 0)), caller)
    assert answer.status == 200
    paths = {urlsplit(address).path.removeprefix("/union") for address in Forms(answer.text).addresses}
    found = [find_route(_DOORS, "POST", path) for path in paths if path.startswith("/")]
    return {door.name for door, _ in filter(None, found)}


def test_a_listing_s_page_has_a_form_that_a_packer_does_not_see(scene: Scene) -> None:
    door = next(each for each in _PAGES if each.path == "/manage/{store}/listings/{sku}")
    seen = {each.name: _forms(scene, door, each) for each in PERSONS if each.name in row_of(door).may}
    state = "POST /manage/{store}/listings/{sku}/state"
    assert {name: state in routes for name, routes in seen.items()} == {
        "owner-emei": True,
        "manager-emei": True,
        "packer-emei": False,
    }
