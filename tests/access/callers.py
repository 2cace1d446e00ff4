"""Everybody who may stand at the door of a union or of the service center: persons by what they are members of, machines, and pretenders."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.access.others import BEIPU, EMEI, GUANXI, JIANSHI, OTHER_CUSTOMER
from tests.conftest import UNION
from tests.world import CUSTOMER, OPERATOR

_ISSUER, _WEB = UNION["POOL_ISSUER"], UNION["POOL_CLIENT_ID"]
PERSON_SCOPE, UNION_SCOPE = "aws.cognito.signin.user.admin", "directory/heartbeat"


@dataclass(frozen=True)
class Caller:
    """Who calls: a token's subject, groups and client, or a machine by the key that it signs with; and on whose behalf.

    `parties` are those whose secrets it may be told. A `flaw` makes its token one that nobody should take.
    """

    name: str
    parties: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    client: str = _WEB
    machine: str = ""
    flaw: str = ""

    @property
    def has_token(self) -> bool:
        """Whether it sends a token at all."""
        return not self.machine and self.name != "nobody"

    @property
    def is_person(self) -> bool:
        """Whether its token is a person's, and good."""
        return self.has_token and not self.flaw and self.client == _WEB

    @property
    def knows_all(self) -> bool:
        """The union's own operator may be told of everything in it."""
        return self.is_person and f"operator.{UNION['UNION_ID']}" in self.groups


def _person(name: str, *parties: str, groups: tuple[str, ...] = ()) -> Caller:
    return Caller(name, frozenset({f"customer/{name}", *parties}), groups)


NOBODY = Caller("nobody")
PERSONS = (
    _person(CUSTOMER),
    _person(OTHER_CUSTOMER),
    *(_person(f"{role}-emei", EMEI) for role in ("owner", "manager", "packer")),
    *(_person(f"{role}-jianshi", JIANSHI) for role in ("owner", "manager", "packer")),
    *(_person(f"{role}-guanxi", GUANXI) for role in ("owner", "member")),
    *(_person(f"{role}-beipu", BEIPU) for role in ("owner", "member")),
    _person(OPERATOR, groups=(f"operator.{UNION['UNION_ID']}",)),
    _person("operator-gangwon", groups=("operator.gangwon",)),
    _person("network-operator", groups=("network-operator",)),
)
PRETENDERS = tuple(
    Caller(
        f"{OPERATOR} by a token that is {flaw}", groups=(f"operator.{UNION['UNION_ID']}", "network-operator"), flaw=flaw
    )
    for flaw in ("forged", "expired", "of another pool")
)
UNIONS = (Caller("union hsinchu", client="client-hsinchu"), Caller("union gangwon", client="client-gangwon"))
CARDS = "card processor"
CARRIER, OTHER_CARRIER = "carrier windcity-express", "carrier another-express"
MACHINES = tuple(
    Caller(name, machine=name)
    for name in ("bank", CARDS, CARRIER, OTHER_CARRIER, "shop of emei-tea", "shop of jianshi-outdoor")
)
CALLERS = (NOBODY, *PERSONS, *PRETENDERS, *UNIONS, *MACHINES)
BY_NAME = {caller.name: caller for caller in CALLERS}

SIGNED_IN = frozenset(caller.name for caller in PERSONS)
EVERYBODY = frozenset(BY_NAME)
_SIDES = (("emei", "jianshi"), ("guanxi", "beipu"), (CUSTOMER, OTHER_CUSTOMER))


def mirrored(names: Iterable[str]) -> frozenset[str]:
    """The same roles on the other side."""
    return frozenset(_other_side(name) for name in names)


def _other_side(name: str) -> str:
    for one, other in _SIDES:
        for here, there in ((one, other), (other, one)):
            if name.endswith(here):
                return name.removesuffix(here) + there
    return name


class Pool:
    """Signs the tokens of the network's user pool, and those of pretenders."""

    def __init__(self) -> None:
        self._own, self._forger = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        self.public = self._own.public_key()
        self._made: dict[str, str] = {}

    def token(self, caller: Caller) -> str:
        """The access token that a caller sends; '' when it has none."""
        if not caller.has_token:
            return ""
        if caller.name not in self._made:
            key = self._forger if caller.flaw == "forged" else self._own
            self._made[caller.name] = jwt.encode(_claims(caller), key, "RS256", headers={"kid": "test"})
        return self._made[caller.name]


def _claims(caller: Caller) -> dict[str, object]:
    begun = datetime.now(UTC) - timedelta(hours=2 if caller.flaw == "expired" else 0)
    return {
        "sub": caller.name if caller.client == _WEB else caller.client,
        "iss": f"{_ISSUER}-of-another" if caller.flaw == "of another pool" else _ISSUER,
        "client_id": caller.client,
        "scope": PERSON_SCOPE if caller.client == _WEB else UNION_SCOPE,
        "token_use": "access",
        "cognito:groups": list(caller.groups),
        "iat": begun,
        "exp": begun + timedelta(hours=1),
    }


def strange_key() -> str:
    """A key of nobody's, as Standard Webhooks writes keys."""
    return "whsec_" + base64.b64encode(b"a key that nobody was given here").decode()
