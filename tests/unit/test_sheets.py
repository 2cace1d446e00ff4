"""Comma-separated values: for people, who open them with a spreadsheet, and for a bank's program."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mart_union.customers.model import DestinationFields, checked_destination
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import Currency
from mart_union.ledger.model import Statement, StatementLine
from mart_union.settlement.sheets import amount, plain_list, sheet, statement_sheet

TWD = Currency("TWD", 100)
FORMULAS = ("=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a", "  =1")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_sheet_runs_no_formula_whatever_separates_its_cells(text: str) -> None:
    assert sheet(["head"], [[text]]) == f'"head"\r\n"\'{text}"\r\n'
    assert sheet(["head"], [[f"tea;{text}"]]) == f'"head"\r\n"tea;\'{text}"\r\n'


def test_a_sheet_keeps_texts_as_they_are_and_amounts_as_numbers() -> None:
    cells = ["tea", "a,b", 'the "best"', "a; b", "1-2=-1", amount(-350, TWD)]
    assert sheet(["head"], [cells]) == '"head"\r\n"tea","a,b","the ""best""","a; b","1-2=-1",-3.50\r\n'


def test_a_list_for_a_machine_says_what_it_has_been_given() -> None:
    assert plain_list(["head"], [["-Wang", "a,b", amount(-350, TWD)]]) == 'head\r\n-Wang,"a,b",-3.50\r\n'


@pytest.mark.parametrize("holder", ["=HYPERLINK(1)", "@sum", "-2+3", "+1", "＝1", "Wang;=1"])
def test_nobody_whose_name_a_spreadsheet_would_run_is_paid(holder: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_destination(DestinationFields(holder, "000123456789", "822"), "TWD")
    assert refused.value.facts["errors"] == [
        {"field": "holder", "reason": "is nothing that a spreadsheet takes for a formula"}
    ]


def test_amounts_are_exact_in_every_currency() -> None:
    assert [amount(35_000, TWD), amount(12_000, Currency("KRW", 1)), amount(5, Currency("KWD", 5))] == [
        Decimal("350.00"),
        Decimal(12_000),
        Decimal("0.005"),
    ]


def test_a_statements_sheet_names_order_item_rates_and_transfer_and_ends_with_its_total_and_payout() -> None:
    statement = Statement("s1", "store/a", "2026-11-23", "TWD", 27_000, "paid", "", 1, "p1")
    rates, deductions = {"commission": "6 %"}, {"commission": 1_800, "delivery": 1_200}
    lines = [
        StatementLine("y1", "o1", 27_000, "completion", "t1", {"zh-TW": "茶", "en": "Tea"}, 30_000, deductions, rates)
    ]
    assert statement_sheet(statement, lines, "zh-TW", TWD).splitlines() == [
        '"statement","period","order","kind","title","rates","deductions","gross","currency","amount","transfer"',
        '"s1","2026-11-23","o1","completion","茶","commission: 6 %","commission: 18.00; delivery: 12.00",300.00,"TWD",270.00,"t1"',
        '"s1","2026-11-23","","total","","","","","TWD",270.00,"p1"',
    ]
