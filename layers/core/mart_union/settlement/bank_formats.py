"""Bank files: ISO 20022 pain.001 where the currency is the euro, comma-separated values elsewhere. Pure: the same payouts, the same file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from xml.etree import ElementTree

from msgspec import Struct

from mart_union.customers.model import Destination, is_bic
from mart_union.kernel.errors import RuleViolation
from mart_union.kernel.money import Currency
from mart_union.ledger.model import BankFile, Payout
from mart_union.settlement.sheets import Cell, amount, plain_list

_SCHEMA = "pain.001.001.03"
_NAMESPACE = f"urn:iso:std:iso:20022:tech:xsd:{_SCHEMA}"
_HEAD = ("payout", "party", "holder", "account", "bank", "reference", "currency", "amount")


class Paid(Struct, frozen=True):
    """A payout and where it goes."""

    payout: Payout
    destination: Destination


class Written(Struct, frozen=True):
    """A bank file's text, how its name ends, and its media type."""

    text: str
    suffix: str
    media_type: str


def suffix_of(currency: Currency) -> str:
    """How the name of a bank file ends."""
    return "xml" if currency.code == "EUR" else "csv"


def write_bank_file(file: BankFile, paid: Sequence[Paid], currency: Currency) -> Written:
    """The file for the bank.

    Raises:
        RuleViolation: the union has not said from which account it pays, where the format needs it.
    """
    if currency.code == "EUR":
        return Written(_pain001(file, paid), "xml", "application/xml")
    rows: list[list[Cell]] = [
        [
            each.payout.id,
            each.payout.party,
            each.destination.holder,
            each.destination.account,
            each.destination.bank,
            each.payout.reference,
            currency.code,
            amount(each.payout.amount_minor, currency),
        ]
        for each in paid
    ]
    return Written(plain_list(_HEAD, rows), "csv", "text/csv; charset=utf-8")


def check_terms(file: BankFile, currency: Currency) -> None:
    """Nothing, if a file can be written under its terms.

    Raises:
        RuleViolation: pain.001 names the account that pays, and the union has set none.
    """
    if currency.code == "EUR" and not (file.terms.holder and file.terms.account):
        raise RuleViolation("the union has not set the account that it pays from", reason="no_own_account")


def unfit(file: BankFile, paid: Sequence[Paid], currency: Currency) -> list[Paid]:
    """Those of these payouts that the bank's format has no place for, as its schema says: found by writing them."""
    if currency.code != "EUR" or not paid or _is_writable(file, paid):
        return []
    return [each for each in paid if not _is_writable(file, [each])]


def _is_writable(file: BankFile, paid: Sequence[Paid]) -> bool:
    from sepaxml.validation import ValidationError  # only where euros are paid

    try:
        _pain001(file, paid)
    except (ValidationError, ElementTree.ParseError, ValueError):
        return False
    return True


def _pain001(file: BankFile, paid: Sequence[Paid]) -> str:
    """A credit transfer initiation, checked against its schema."""
    from sepaxml import SepaTransfer  # only where euros are paid
    from sepaxml.validation import try_valid_xml

    check_terms(file, Currency("EUR", 1))
    own = {"name": file.terms.holder, "IBAN": file.terms.account, "batch": True, "currency": "EUR"}
    transfer = SepaTransfer(own | ({"BIC": file.terms.bank} if file.terms.bank else {}), schema=_SCHEMA, clean=True)
    for each in paid:
        payment = {
            "name": each.destination.holder,
            "IBAN": each.destination.account,
            "amount": each.payout.amount_minor,
            "execution_date": date.fromisoformat(file.day),
            "description": f"Mart Union {each.payout.reference}",
            "endtoend_id": each.payout.id,
        }
        transfer.add_payment(payment | ({"BIC": each.destination.bank} if is_bic(each.destination.bank) else {}))
    text = _named(transfer.export(validate=False), file)
    try_valid_xml(text, _SCHEMA)
    return text.decode()


def _named(xml: bytes, file: BankFile) -> bytes:
    """The message under the file's own id and moment, where the library takes a random one and the present."""
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(xml)  # noqa: S314 - made by ourselves a moment ago
    moment = datetime.fromisoformat(file.made_at).strftime("%Y-%m-%dT%H:%M:%S")
    for tag, value in (("MsgId", file.id), ("PmtInfId", file.id), ("CreDtTm", moment)):
        for element in root.iter(f"{{{_NAMESPACE}}}{tag}"):
            element.text = value
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
