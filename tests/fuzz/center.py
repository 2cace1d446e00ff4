"""The service center's side: its gateway's Cognito authorizers, who calls it, and a union that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from mart_union.directory.model import Heartbeat, Place
from mart_union.directory.service import admit_union, take_heartbeat
from tests.conftest import UNION
from tests.fuzz.callers import Caller, callers_of
from tests.fuzz.gate import Door, Event, Response, refusal
from tests.neighbours import SECRETS, Neighbours
from tests.template.reading import CENTER, read

UNION_ID = UNION["UNION_ID"]


def lay_center() -> None:
    """A union that was admitted and has just reported."""
    admit_union(UNION_ID, SECRETS["client_id"], {"en": "Hsinchu", "zh-TW": "新竹市集聯盟"})
    places = (Place({"en": "Hsinchu City"}, ("300",)),)
    take_heartbeat(
        UNION_ID,
        SECRETS["client_id"],
        Heartbeat("https://hsinchu.example", "ap-northeast-1", "TWD", ("zh-TW", "en"), places),
    )


def ids_of_center() -> dict[str, list[str]]:
    """Real ids by the names of parameters and fields."""
    return {
        "union": [UNION_ID],
        "place": ["300", "Hsinchu City"],
        "language": ["en", "zh-TW"],
        "client_id": [SECRETS["client_id"]],
        "base_url": ["https://hsinchu.example"],
    }


def callers_of_center(neighbours: Neighbours) -> dict[str, Caller]:
    """Everybody who calls a union, a network operator, and unions with credentials of their own."""
    operator = _token(
        neighbours,
        sub="operator-network",
        scope="aws.cognito.signin.user.admin",
        **{"cognito:groups": ["network-operator"]},
    )
    union = _token(neighbours, client_id=SECRETS["client_id"], scope="directory/heartbeat")
    other = _token(neighbours, client_id="client-taipei", scope="directory/heartbeat")
    customer = _token(neighbours, sub="customer-lin", scope="aws.cognito.signin.user.admin")
    tokens = {"network operator": operator, "union": union, "another union": other, "customer": customer}
    named = {name: Caller(name, {"Authorization": token}) for name, token in tokens.items()}
    strangers = callers_of(neighbours)
    return {**{name: strangers[name] for name in ("nobody", "forger", "late", "garbage")}, **named}


def _token(neighbours: Neighbours, **claims: Any) -> str:
    now = datetime.now(UTC)
    known = {"sub": "x", "client_id": "web", "token_use": "access", "exp": now + timedelta(hours=1)}
    return "Bearer " + jwt.encode({**known, **claims}, neighbours._key, "RS256")


def center_doors(router: Any) -> list[Door]:
    """The router's routes, with the authorizer that the template gives each."""
    events = read(CENTER)["Resources"]["Router"]["Properties"]["Events"].values()
    authorizers = {
        (each["Properties"]["Path"], each["Properties"]["Method"]): each["Properties"]["Auth"]["Authorizer"]
        for each in events
    }
    return [
        Door(method, path, "router", authorizers[path, method] == "NONE", authorizers[path, method])
        for path, methods in router.app.routes.items()
        for method in methods
    ]


class CenterGuard:
    """What a Cognito authorizer of API Gateway does: it verifies the token, wants a scope, and hands the claims over as text."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._key = neighbours._key.public_key()
        self._authorizers = read(CENTER)["Resources"]["CenterApi"]["Properties"]["Auth"]["Authorizers"]

    def __call__(self, door: Door, event: Event) -> Response | None:
        event["requestContext"]["authorizer"] = {}
        if door.public:
            return None
        token = event["headers"].get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, self._key, ["RS256"])
        except jwt.PyJWTError:
            return refusal("UNAUTHORIZED", 401, CENTER)
        wanted = self._authorizers[door.authorizer]["AuthorizationScopes"]
        if claims.get("scope") not in wanted:
            return refusal("ACCESS_DENIED", 403, CENTER)
        event["requestContext"]["authorizer"] = {"claims": _as_text(claims)}
        return None


def _as_text(claims: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"[{' '.join(value)}]" if isinstance(value, list) else str(value) for name, value in claims.items()}
