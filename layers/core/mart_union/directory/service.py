"""What the service center does: admit unions, take their heartbeats, show them, and direct shoppers to one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from mart_union.directory import tables
from mart_union.directory.model import Heartbeat, Union, choose_union, serves
from mart_union.kernel.clock import Clock, utc_now
from mart_union.kernel.errors import Busy, Conflict, Forbidden, NotFound


class Silent(Busy):
    """The union exists, but has not been heard of lately; try again later."""


def list_unions() -> list[Union]:
    """Every union of the network, healthy or not, in the order of their ids."""
    return tables.all_unions()


def show_union(union: str) -> Union:
    """One union.

    Raises:
        NotFound: no such union was admitted.
    """
    found = tables.find(union)
    if found is None:
        raise NotFound(f"no union {union!r} belongs to the network", union=union)
    return found


def admit_union(union: str, client_id: str, names: dict[str, str], *, clock: Clock = utc_now) -> Union:
    """Admit a union and bind the app client that may speak for it; the same again changes only the names.

    Raises:
        Conflict: another client is bound to the union.
    """
    if not tables.admit(union, client_id, names, clock()):
        raise Conflict(f"another client already speaks for the union {union!r}", union=union)
    return show_union(union)


def take_heartbeat(union: str, client_id: str, heartbeat: Heartbeat, *, clock: Clock = utc_now) -> None:
    """Keep what a union reports of itself; it is healthy from now on.

    Raises:
        NotFound: no such union was admitted.
        Forbidden: the client is not the one bound to the union.
    """
    if not tables.record(union, client_id, heartbeat, clock()):
        show_union(union)
        raise Forbidden(f"this client does not speak for the union {union!r}", union=union)


def direct_shopper(
    *, union: str = "", place: str = "", languages: Sequence[str] = (), silence: timedelta, clock: Clock = utc_now
) -> Union:
    """The healthy union for a shopper: the one named, or one that serves the place, or without a place one that speaks
    the language.

    Raises:
        NotFound: no union is so named, or none serves the place or speaks a language.
        Silent: the only unions that would do have not been heard of lately.
    """
    now = clock()
    if union:
        named = show_union(union)
        if not named.is_healthy(now, silence):
            raise Silent(f"the union {union!r} has not been heard of lately", union=union)
        return named
    unions = list_unions()
    healthy = [each for each in unions if each.is_healthy(now, silence)]
    chosen = choose_union(healthy, place=place, languages=languages)
    if chosen is None and any(serves(each, place) for each in unions):
        raise Silent(f"the union that serves {place!r} has not been heard of lately", place=place)
    if chosen is None:
        raise NotFound("no union serves that place or speaks that language", place=place, languages=list(languages))
    return chosen
