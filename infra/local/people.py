"""People of the sample network: they sign in at the user pool and call the public APIs as anybody would."""

from __future__ import annotations

from typing import Any

import boto3
import httpx
from botocore import UNSIGNED
from botocore.config import Config

from infra.local.http import client


class Refused(Exception):
    """An API did not answer as it should; the text says who asked what and what came back."""


class Person:
    """Somebody with an account, at one address of the network."""

    def __init__(self, name: str, http: httpx.Client) -> None:
        self.name = name
        self.http = http

    def get(self, path: str, *, status: int = 200, **query: Any) -> Any:
        """What a GET answers."""
        return self._call("GET", path, status, params=query)

    def post(self, path: str, body: Any = None, *, key: str = "", status: int = 200) -> Any:
        """What a POST answers; `key` is its Idempotency-Key."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._call("POST", path, status, json=body if body is not None else {}, headers=headers)

    def put(self, path: str, body: Any, *, status: int = 200) -> Any:
        """What a PUT answers."""
        return self._call("PUT", path, status, json=body)

    def _call(self, method: str, path: str, status: int, **options: Any) -> Any:
        answer = self.http.request(method, path, **options)
        if answer.status_code != status:
            raise Refused(
                f"{self.name}: {method} {path} answered {answer.status_code}, not {status}: {answer.text[:500]}"
            )
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def visitor(url: str, name: str = "a visitor") -> Person:
    """Somebody who has not signed in."""
    return Person(name, client(url))


def signed_in(network: dict[str, Any], url: str, email: str) -> Person:
    """The person with an e-mail address of the sample accounts, signed in, at an address."""
    account = next(one for one in accounts(network) if one["email"] == email)
    token = sign_in(network, email, account["password"])
    return Person(account["name"] or email, client(url, token=token))


def accounts(network: dict[str, Any]) -> list[dict[str, Any]]:
    """All sample accounts of a network."""
    return [*network["accounts"], *(one for union in network["unions"].values() for one in union["accounts"])]


def sign_in(network: dict[str, Any], email: str, password: str) -> str:
    """An access token of the user pool."""
    pool = network["pool"]
    cognito = boto3.client(
        "cognito-idp",
        region_name=pool["PoolRegion"],
        endpoint_url=network["emulator"],
        config=Config(signature_version=UNSIGNED, connect_timeout=5, read_timeout=20),
    )
    answer = cognito.initiate_auth(
        ClientId=pool["PoolClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": password},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])
