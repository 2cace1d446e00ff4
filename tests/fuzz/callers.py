"""Who calls: nobody, a forger, each role, and machines that sign what they send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conftest import UNION
from tests.neighbours import Neighbours
from tests.world import CUSTOMER, OPERATOR


@dataclass(frozen=True)
class Caller:
    """A kind of caller, with the headers that it sends."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def callers_of(neighbours: Neighbours) -> dict[str, Caller]:
    """Every kind of caller of a union by name."""
    owner, customer = neighbours.token("owner-emei"), neighbours.token(CUSTOMER)
    tokens = {
        "forger": _forged("owner-emei"),
        "late": _forged("owner-emei", past=True),
        "garbage": "not.a.token",
        "customer": customer,
        "packer": neighbours.token("packer-emei"),
        "store owner": owner,
        "owner of another store": neighbours.token("owner-jianshi"),
        "supplier": neighbours.token("owner-guanxi"),
        "operator": neighbours.token(OPERATOR, [f"operator.{UNION['UNION_ID']}"]),
        "operator of another union": neighbours.token("operator-taipei", ["operator.taipei"]),
        "network operator": neighbours.token("operator-network", ["network-operator"]),
    }
    callers = {name: Caller(name, {"Authorization": f"Bearer {token}"}) for name, token in tokens.items()}
    callers["store owner by cookie"] = Caller("store owner by cookie", {"Cookie": f"mu_token={owner}"})
    callers["nobody"] = Caller("nobody")
    return callers


RIGHT = {"store": "store owner", "supplier": "supplier", "operator": "operator", "customer": "customer"}
"""Access rule of a route → who may take it."""

CENTERS_RIGHT = {"operator": "network operator", "union": "union"}
"""The same for the service center's security schemes."""


def _forged(subject: str, *, past: bool = False) -> str:
    """A token that somebody else signed; or one that was over long ago."""
    now = datetime.now(UTC) - timedelta(days=2 if past else 0)
    claims: dict[str, Any] = {
        "sub": subject,
        "iss": UNION["POOL_ISSUER"],
        "client_id": UNION["POOL_CLIENT_ID"],
        "token_use": "access",
        "cognito:groups": [f"operator.{UNION['UNION_ID']}"],
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(claims, key, "RS256", headers={"kid": "test"})
