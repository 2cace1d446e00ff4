"""Where each kind of person finds their page: what `make up` prints, and what the browser's tests open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_PATHS = {"operator": "/operate", "store": "/manage/{id}", "supplier": "/supply/{id}", "customer": "/account"}
_TITLES = {
    "operator": "union operator",
    "store/owner": "store owner",
    "store/manager": "store manager",
    "store/packer": "store packer",
    "supplier/owner": "supplier",
    "customer": "shopper",
}


@dataclass(frozen=True)
class ListedPage:
    """A page of the network, whose it is, and the account that opens it ('' when anybody may)."""

    union: str
    title: str
    url: str
    email: str = ""


def pages(network: dict[str, Any]) -> Iterator[ListedPage]:
    """The service center's page; of each union the front, and a page of each kind of person's own."""
    yield ListedPage("", "service center", f"{network['service_center']}/")
    for union, facts in network["unions"].items():
        yield ListedPage(union, "union", f"{facts['url']}/")
        shown: set[str] = set()
        for account in facts["accounts"]:
            kind, name, role = [*account["roles"][0].split("/"), "", ""][:3]
            title = _TITLES[f"{kind}/{role}" if role else kind]
            if title not in shown:
                shown.add(title)
                yield ListedPage(union, title, facts["url"] + _PATHS[kind].format(id=name), account["email"])


def table(network: dict[str, Any]) -> str:
    """Pages and accounts, for the person at the laptop."""
    rows = [
        ("union", "whose page", "page", "account"),
        *((page.union, page.title, page.url, page.email) for page in pages(network)),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    operator = network["accounts"][0]
    password = operator["password"]
    closing = f"  Everybody's password is {password}. All accounts are in .local/network.json; {operator['email']} runs the network."
    return "\n".join(["", lines[0], "  " + "-" * (sum(widths) + 6), *lines[1:], "", closing, ""])
