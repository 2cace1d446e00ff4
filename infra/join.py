"""Joins a union to the network: its app client in the user pool, its secret in its own region, its admission.

The network on a laptop and a network on AWS are joined by this same code. On AWS, with credentials that may do so:

    python -m infra.join hsinchu --region ap-northeast-1 --center-region us-east-1 --name "en=Hsinchu Mart Union"

asks for the network operator's password, and says what to give `sam deploy` for the union's stack.
"""

from __future__ import annotations

import argparse
import getpass
import json
import secrets
import sys
from collections.abc import Mapping
from typing import Any

import boto3
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

CENTER_STACK = "mart-union-center"
SCOPE = "directory/heartbeat"
_OWN_KEYS = ("bank_key", "shop_key", "carrier_key", "token_key")


class Refused(Exception):
    """The service center refused, or did not answer; the text says what it said."""


def secret_name(union: str) -> str:
    """The name of a union's secret."""
    return f"mart-union/{union}"


def ensure_client(cognito: Any, pool: str, union: str) -> tuple[str, str]:
    """The id and secret of the app client that speaks for a union; made when there is none yet."""
    name = f"union-{union}"
    for page in cognito.get_paginator("list_user_pool_clients").paginate(UserPoolId=pool):
        for each in page["UserPoolClients"]:
            if each["ClientName"] == name:
                found = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=each["ClientId"])
                return _pair(found["UserPoolClient"])
    made = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName=name,
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=[SCOPE],
        AccessTokenValidity=24,  # the most; every token costs, and a heartbeat is refused anyway once another client is bound
        TokenValidityUnits={"AccessToken": "hours"},
    )
    return _pair(made["UserPoolClient"])


def ensure_secret(
    secretsmanager: Any, union: str, client_id: str, client_secret: str, card_keys: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The union's secret; keys of its own are made once and kept, the app client is brought up to date. What its operator put in besides,
    such as the card processor's keys (`stripe_key`, `stripe_webhook_key`), stays.
    """
    name = secret_name(union)
    try:
        kept = json.loads(secretsmanager.get_secret_value(SecretId=name)["SecretString"])
    except secretsmanager.exceptions.ResourceNotFoundException:
        kept = None
    wanted = (kept or {}) | {key: (kept or {}).get(key) or secrets.token_urlsafe(32) for key in _OWN_KEYS}
    wanted |= {"client_id": client_id, "client_secret": client_secret, **(card_keys or {})}
    if kept is None:
        secretsmanager.create_secret(Name=name, SecretString=json.dumps(wanted))
    elif kept != wanted:
        secretsmanager.put_secret_value(SecretId=name, SecretString=json.dumps(wanted))
    return wanted


def sign_in(cognito: Any, client_id: str, email: str, password: str) -> str:
    """The access token of a person."""
    answer = cognito.initiate_auth(
        ClientId=client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": email, "PASSWORD": password}
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


def admit(center_url: str, token: str, union: str, client_id: str, names: Mapping[str, str]) -> None:
    """Admit the union and bind its app client; the same again changes nothing.

    Raises:
        Refused: the service center said no, or nothing.
    """
    body = json.dumps({"union": union, "client_id": client_id, "names": dict(names)})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    retries = urllib3.Retry(total=3, backoff_factor=0.5, status_forcelist=[502, 503, 504], allowed_methods=["POST"])
    try:
        answer = urllib3.request(
            "POST", f"{center_url}/unions", body=body, headers=headers, timeout=15, retries=retries
        )
    except urllib3.exceptions.HTTPError as exc:
        raise Refused(f"{center_url} did not answer") from exc
    if answer.status != 201:
        raise Refused(f"{center_url} answered {answer.status}: {answer.data.decode(errors='replace')[:300]}")


def _pair(client: Mapping[str, Any]) -> tuple[str, str]:
    return str(client["ClientId"]), str(client["ClientSecret"])


def main(arguments: list[str] | None = None) -> int:
    """Join a union to a network on AWS, step by step; each step may be repeated."""
    options = _options(arguments)
    try:
        center = boto3.client("cloudformation", region_name=options.center_region)
        stack = center.describe_stacks(StackName=options.center_stack)["Stacks"][0]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        cognito = boto3.client("cognito-idp", region_name=options.center_region)
        client_id, client_secret = ensure_client(cognito, outputs["PoolId"], options.union)
        ensure_secret(
            boto3.client("secretsmanager", region_name=options.region), options.union, client_id, client_secret
        )
        email = input("Network operator's e-mail address: ")
        token = sign_in(cognito, outputs["PoolClientId"], email, getpass.getpass("Password: "))
        admit(options.center_url or outputs["ApiUrl"], token, options.union, client_id, dict(options.name))
    except (Refused, BotoCoreError, ClientError) as exc:
        print(f"{options.union} has not joined: {exc}", file=sys.stderr)
        return 1
    print(f"{options.union} has joined. Parameters for its stack (infra/union.yaml) in {options.region}:")
    for name in ("PoolIssuer", "PoolClientId", "PoolRegion", "TokenUrl"):
        print(f"  {name}={outputs[name]}")
    print(f"  CenterUrl={options.center_url or outputs['ApiUrl']}\n  SecretName={secret_name(options.union)}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.join", description="Join a union to the network on AWS.")
    parser.add_argument("union", help="the union's id, such as hsinchu")
    parser.add_argument("--region", required=True, help="the union's own region")
    parser.add_argument("--center-region", required=True, help="the service center's region")
    parser.add_argument("--center-stack", default=CENTER_STACK)
    parser.add_argument("--center-url", help="the service center's own domain, if it has one")
    parser.add_argument(
        "--name", action="append", required=True, type=_name, metavar="LANGUAGE=NAME", help="once for each language"
    )
    return parser.parse_args(arguments)


def _name(text: str) -> tuple[str, str]:
    language, _, name = text.partition("=")
    if not (language and name):
        raise argparse.ArgumentTypeError("write it as en=Hsinchu Mart Union")
    return language, name


if __name__ == "__main__":
    sys.exit(main())
