"""The accounts of the sample network's people, made in the user pool with a password that is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from infra.local.network import PASSWORD, SAMPLE

NETWORK_OPERATOR = "operator@mart-union.example"
_NETWORK_OPERATORS = "network-operator"


@dataclass(frozen=True)
class Account:
    """A person who can sign in, and what they are in the network."""

    email: str
    name: str
    roles: tuple[str, ...]
    groups: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        """The account as `.local/network.json` lists it."""
        return {"email": self.email, "password": PASSWORD, "name": self.name, "roles": list(self.roles)}


def network_operator() -> Account:
    """The person who may admit unions."""
    return Account(NETWORK_OPERATOR, "Network operator", ("network-operator",), (_NETWORK_OPERATORS,))


def union_accounts(union: str) -> list[Account]:
    """Everybody in a union's sample: its operator, staff of stores and suppliers, customers. One account a person."""
    roles: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for role, person in _people(union):
        names.setdefault(person["email"], person.get("name", ""))
        roles.setdefault(person["email"], []).append(role)
    return [
        Account(email, names[email], tuple(held), (operator_group(union),) if "operator" in held else ())
        for email, held in roles.items()
    ]


def operator_group(union: str) -> str:
    """The pool's group of a union's operators."""
    return f"operator.{union}"


def ensure(cognito: Any, pool: str, accounts: list[Account]) -> int:
    """Make the accounts that do not exist yet, with their groups; how many were made."""
    there = _emails(cognito, pool)
    groups = {group for account in accounts for group in account.groups}
    for group in groups - _groups(cognito, pool):
        cognito.create_group(UserPoolId=pool, GroupName=group)
    missing = [account for account in accounts if account.email not in there]
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda account: _make(cognito, pool, account), missing))
    return len(missing)


def _make(cognito: Any, pool: str, account: Account) -> None:
    attributes = {"email": account.email, "email_verified": "true", "name": account.name}
    cognito.admin_create_user(
        UserPoolId=pool,
        Username=account.email,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
    )
    cognito.admin_set_user_password(UserPoolId=pool, Username=account.email, Password=PASSWORD, Permanent=True)
    for group in account.groups:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=account.email, GroupName=group)


def _emails(cognito: Any, pool: str) -> set[str]:
    return {
        attribute["Value"]
        for page in cognito.get_paginator("list_users").paginate(UserPoolId=pool)
        for user in page["Users"]
        for attribute in user["Attributes"]
        if attribute["Name"] == "email"
    }


def _groups(cognito: Any, pool: str) -> set[str]:
    pages = cognito.get_paginator("list_groups").paginate(UserPoolId=pool)
    return {group["GroupName"] for page in pages for group in page["Groups"]}


def _people(union: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each role in a union's sample files with the person who holds it."""
    folder = SAMPLE / union
    customers = _read(folder / "customers.json")
    yield "operator", customers["operator"]
    for enterprise in _read(folder / "enterprises.json"):
        for store in enterprise["stores"]:
            yield f"store/{store['store']}/owner", store["owner"]
            for role in ("manager", "packer"):
                for person in store.get(f"{role}s", []):
                    yield f"store/{store['store']}/{role}", person
    for supplier in _read(folder / "suppliers.json"):
        yield f"supplier/{supplier['supplier']}/owner", supplier["owner"]
    for customer in customers["customers"]:
        yield "customer", customer


def _read(path: Any) -> Any:
    return json.loads(path.read_text())
