"""Rules of the directory: which unions are healthy, and which one a shopper is sent to.

Source of the rules: the mart union system, claims 8 and 15 (the service center joins the unions and redirects).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field


class Place(Struct, frozen=True):
    """A place that a union serves: its names by language, and the postcode prefixes that lie in it."""

    names: dict[str, str] = field(default_factory=dict)
    postcodes: tuple[str, ...] = ()


class Heartbeat(Struct, frozen=True):
    """What a union says of itself: where it is, whom it serves, and how many of its stores are open."""

    base_url: str
    region: str
    currency: str
    languages: tuple[str, ...]
    places: tuple[Place, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    open_stores: int = 0


class Union(Struct, frozen=True):
    """A union as the service center knows it; it has no `heartbeat` until it has reported once."""

    id: str
    client_id: str
    names: dict[str, str]
    admitted_at: datetime
    heartbeat: Heartbeat | None = None
    heartbeat_at: datetime | None = None

    def name(self, language: str) -> str:
        """The union's name in a language, or in its own first one."""
        return self.names.get(language) or next(iter(self.names.values()), self.id)

    def is_healthy(self, now: datetime, silence: timedelta) -> bool:
        """Whether the union has reported within the silence allowed."""
        return self.heartbeat_at is not None and now - self.heartbeat_at <= silence


def choose_union(unions: Iterable[Union], *, place: str = "", languages: Sequence[str] = ()) -> Union | None:
    """The union that serves a place best or, when no place is named, speaks the best language; None when none does.

    Among unions that serve a place equally well the language decides, then the id, so that the same question has the
    same answer. `languages` come in the order of the shopper's preference. Nobody is sent to a union of another region
    because it speaks their language.
    """
    best: tuple[tuple[int, int], Union] | None = None
    for union in sorted(unions, key=lambda each: each.id):
        if union.heartbeat is None:
            continue
        served, spoken = (
            _place_score(union.heartbeat.places, place),
            _language_score(union.heartbeat.languages, languages),
        )
        if (served if place else spoken) and (best is None or (served, spoken) > best[0]):
            best = ((served, spoken), union)
    return best[1] if best else None


def serves(union: Union, place: str) -> bool:
    """Whether a union says that it serves a place, by name or by postcode."""
    return union.heartbeat is not None and _place_score(union.heartbeat.places, place) > 0


_EXACT_NAME, _NAME_PREFIX = 1000, 500


def _place_score(places: Iterable[Place], wanted: str) -> int:
    """0 when no place fits; else the better the fit, the higher: exact name, start of a name, longest postcode prefix."""
    wanted = _folded(wanted)
    if not wanted:
        return 0
    return max((_fit(place, wanted) for place in places), default=0)


def _fit(place: Place, wanted: str) -> int:
    names = [_folded(name) for name in place.names.values()]
    if wanted in names:
        return _EXACT_NAME
    if any(name.startswith(wanted) or wanted.startswith(name) for name in names if name):
        return _NAME_PREFIX
    postcode = wanted.replace(" ", "").replace("-", "")
    return max((len(prefix) for prefix in place.postcodes if prefix and postcode.startswith(prefix)), default=0)


def _language_score(spoken: Sequence[str], wanted: Sequence[str]) -> int:
    """0 when no wanted language is spoken; else higher for an earlier wish, and for a union's own (first) language."""
    for wish, language in enumerate(wanted):
        for position, own in enumerate(spoken):
            if _same_language(own, language):
                return (
                    100 * (len(wanted) - wish)
                    + (50 if position == 0 else 0)
                    + (10 if own.lower() == language.lower() else 0)
                )
    return 0


def _same_language(one: str, other: str) -> bool:
    """Languages match by their primary tag: `zh` asks for `zh-TW` as well (RFC 4647, basic filtering both ways)."""
    one, other = one.lower(), other.lower()
    return one == other or one.startswith(other + "-") or other.startswith(one + "-")


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
