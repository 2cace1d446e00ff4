"""What a function may reach follows from its code: the tables that its modules import, and the union's keys if they read them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.routes import resource_of
from tests.template.reading import ROOT, UNION, functions, listed

SOURCES = (ROOT / "layers" / "core", ROOT / "functions")
TABLE_OF = {
    "mart_union.catalog.tables": "CatalogTable",
    "mart_union.checkout.tables": "PurchasesTable",
    "mart_union.customers.tables": "CustomersTable",
    "mart_union.ledger.tables": "LedgerTable",
    "mart_union.mediation.tables": "MediationTable",
    "mart_union.orders.tables": "OrdersTable",
    "mart_union.stock.tables": "StockTable",
}
FOLDERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py") if path.parent.name != "router")


def source_of(module: str) -> Path | None:
    places = [root / module.replace(".", "/") for root in SOURCES]
    found = [each for place in places for each in (place.with_suffix(".py"), place / "__init__.py") if each.exists()]
    return found[0] if found else None


@cache
def imports_of(module: str) -> frozenset[str]:
    """The project's modules that one imports, wherever in its code."""
    path = source_of(module)
    if path is None:
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
    return frozenset(name for name in names if source_of(name) is not None)


def reached_by(folder: str) -> set[str]:
    """Every module of the project that a function's code leads to."""
    reached: set[str] = set()
    waiting = {f"{folder}.app"}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= imports_of(module) - reached
    return reached


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_function_leads_into_anothers_folder(folder: str) -> None:
    assert {module.partition(".")[0] for module in reached_by(folder)} == {folder, "mart_union"}


def statements_of(folder: str) -> list[dict[str, Any]]:
    policies = functions(UNION)[resource_of(folder)]["Policies"]
    return [statement for policy in policies for statement in policy["Statement"]]


def actions_on(folder: str, table: str) -> set[str]:
    """What a function may do with a table."""
    own = [each for each in statements_of(folder) if {"GetAtt": f"{table}.Arn"} in listed(each["Resource"])]
    return {action.removeprefix("dynamodb:") for each in own for action in listed(each["Action"])}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_is_granted_only_tables_that_its_code_leads_to(folder: str) -> None:
    reached = reached_by(folder)
    granted = {table for table in TABLE_OF.values() if actions_on(folder, table)}
    assert granted <= {table for module, table in TABLE_OF.items() if module in reached}


@pytest.mark.parametrize("folder", FOLDERS)
def test_only_functions_that_read_keys_are_granted_them(folder: str) -> None:
    granted = [each for each in statements_of(folder) if each["Action"] == "secretsmanager:GetSecretValue"]
    assert not granted or "mart_union.kernel.secrets" in reached_by(folder)


@pytest.mark.parametrize(
    ("folder", "needed"),
    [
        ("account", {"Query", "BatchWriteItem"}),  # erasing views
        ("browse", {"Query", "BatchWriteItem"}),  # withdrawing consent erases views
        ("manage", {"DeleteItem"}),  # letting staff go
        ("supply", {"DeleteItem"}),  # the same
        ("sweeper", {"Query", "DeleteItem"}),  # erasing the recipients of shops' sales
    ],
)
def test_what_erases_personal_data_may_do_so(folder: str, needed: set[str]) -> None:
    assert needed <= actions_on(folder, "CustomersTable")
