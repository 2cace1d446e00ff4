"""The sample network's first day, through the public APIs and the buckets: every step is one that a person could take.

Each step may be repeated: what is there already is left as it is.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from infra.local.bank import send_money
from infra.local.network import SAMPLE
from infra.local.people import Person, Refused, signed_in
from mart_union.kernel.ids import input_hash

Say = Callable[[str], None]
_WORKERS = 4
_IMPORT_SECONDS = 120


def run(network: dict[str, Any], union: str, say: Say) -> None:
    """Describe a union, open its stores, fill them from their catalogs, arrange bundles, times and urgent sales, link suppliers' offers, and give
    shoppers money.

    Raises:
        Refused: an API did not answer as it should.
    """
    day = _FirstDay(network, union)
    day.describe()
    say(f"{union}: described, with {len(day.read('categories.json'))} categories")
    with ThreadPoolExecutor(_WORKERS) as workers:
        stores = [
            store for opened in workers.map(day.open_enterprise, day.read("enterprises.json")) for store in opened
        ]
        suppliers = list(workers.map(day.open_supplier, day.read("suppliers.json")))
        say(f"{union}: {len(stores)} stores and {len(suppliers)} suppliers approved")
        rows = sum(workers.map(day.upload_catalog, stores)) + sum(workers.map(day.upload_offers, suppliers))
        say(f"{union}: {rows} rows imported from the bucket")
        arranged = day.arrange()
        say(f"{union}: {arranged} bundles, bookable services and urgent sales arranged by stores")
        links = list(workers.map(day.link, day.read("links.json")))
        say(f"{union}: {len(links)} offers linked by stores")
        shoppers = list(workers.map(day.welcome, day.read("customers.json")["customers"]))
        say(f"{union}: {len(shoppers)} shoppers with an address and money")


class _FirstDay:
    def __init__(self, network: dict[str, Any], union: str) -> None:
        self.network = network
        self.union = union
        self.facts = network["unions"][union]
        self.operator = self.person(self.read("customers.json")["operator"]["email"])

    def read(self, name: str) -> Any:
        """A JSON file of the union's sample."""
        return json.loads((self._folder / name).read_text())

    @property
    def _folder(self) -> Path:
        return SAMPLE / self.union

    def _text(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="utf-8")

    def person(self, email: str) -> Person:
        """Somebody of the sample, signed in at the union."""
        return signed_in(self.network, self.facts["url"], email)

    def describe(self) -> None:
        """The operator describes the union and its tree of categories."""
        facts = self.read("union.json")
        told = ("names", "texts", "places", "languages", "classifications", "carriers")
        self.operator.put("/api/operate/union", {"id": self.union} | {name: facts[name] for name in told})
        tree = [
            {"id": node["category"], "parent": node["parent"], "names": node["names"], "position": position}
            for position, node in enumerate(self.read("categories.json"))
        ]
        self.operator.put("/api/operate/categories", tree)
        self.operator.put("/api/operate/fees", facts["rules"])

    def open_enterprise(self, facts: dict[str, Any]) -> list[dict[str, Any]]:
        """An enterprise applies, the operator approves, the owner opens its stores and takes staff on."""
        owner = self.person(facts["stores"][0]["owner"]["email"])
        application = {name: facts[name] for name in ("enterprise", "names", "registration")}
        made = owner.post("/api/enterprises", application, key=f"first-day-{facts['enterprise']}", status=201)
        if made["state"] == "applied":
            self.operator.post(f"/api/operate/enterprises/{facts['enterprise']}/decision", {"approve": True})
        for store in facts["stores"]:
            self._open_store(owner, facts["enterprise"], store)
        return list(facts["stores"])

    def _open_store(self, owner: Person, enterprise: str, facts: dict[str, Any]) -> None:
        people = ("owner", "managers", "packers")
        terms = {name: value for name, value in facts.items() if name not in people}
        key = f"first-day-{facts['store']}"
        owner.post(f"/api/enterprises/{enterprise}/stores", terms | {"state": "open"}, key=key, status=201)
        for role in ("manager", "packer"):
            for member in facts[f"{role}s"]:
                self._take_on(owner, facts["store"], role, member["email"])

    def _take_on(self, owner: Person, store: str, role: str, email: str) -> None:
        member = self.person(email)
        if any(one["id"] == store for one in member.get("/api/me/memberships")["memberships"]):
            return
        invitation = owner.post(
            f"/api/manage/{store}/staff/invitations", {"role": role}, key=f"invite-{email}", status=201
        )
        member.post(f"/api/invitations/{invitation['code']}")

    def open_supplier(self, facts: dict[str, Any]) -> dict[str, Any]:
        """A supplier applies and the operator approves."""
        owner = self.person(facts["owner"]["email"])
        application = {name: facts[name] for name in ("supplier", "names", "texts", "registration")}
        made = owner.post("/api/suppliers", application, key=f"first-day-{facts['supplier']}", status=201)
        if made["state"] == "applied":
            self.operator.post(f"/api/operate/suppliers/{facts['supplier']}/decision", {"approve": True})
        return facts

    def upload_catalog(self, store: dict[str, Any]) -> int:
        """The store's catalog goes to the bucket, whose trigger imports it; how many rows it has."""
        owner = self.person(store["owner"]["email"])
        name = f"{store['store']}.csv"
        return upload(owner, f"/api/manage/{store['store']}/uploads", name, self._text(f"listings/{name}"))

    def upload_offers(self, supplier: dict[str, Any]) -> int:
        """The supplier's list, likewise."""
        owner = self.person(supplier["owner"]["email"])
        name = supplier["supplier"]
        return upload(owner, f"/api/supply/{name}/uploads", f"{name}.csv", self._text(f"offers/{name}.csv"))

    def arrange(self) -> int:
        """What no catalog says: listings made of others, services with their times from tomorrow on, and urgent sales that begin now; how many."""
        made, today = self.read("arrangements.json"), datetime.now(UTC)
        for facts in made["listings"]:
            said = {name: value for name, value in facts.items() if name not in {"store", "sku"}}
            self._owner(facts["store"]).put(f"/api/manage/{facts['store']}/listings/{facts['sku']}", said)
        for facts in made["times"]:
            days = [(today + timedelta(days=each)).date().isoformat() for each in (1, facts["for_days"])]
            times = {"first": days[0], "last": days[1]} | {name: facts[name] for name in ("days", "times", "capacity")}
            path = f"/api/manage/{facts['store']}/listings/{facts['sku']}/slots"
            self._owner(facts["store"]).post(path, times)
        for facts in made["urgent_sales"]:
            self._sell_urgently(facts, today)
        return sum(len(each) for each in made.values()) - len(made["times"])

    def _sell_urgently(self, facts: dict[str, Any], today: datetime) -> None:
        owner, path = self._owner(facts["store"]), f"/api/manage/{facts['store']}/urgent-sales"
        if any(sale["listing"]["sku"] == facts["sku"] for sale in owner.get(path)["items"]):
            return
        terms = {name: value for name, value in facts.items() if name not in {"store", "for_days"}}
        ends = today + timedelta(days=facts["for_days"])
        terms |= {"starts_at": today.isoformat(), "ends_at": ends.isoformat()}
        owner.post(path, terms, key=f"first-day-{facts['sku']}-{today.date()}", status=201)

    def _owner(self, store: str) -> Person:
        """Who owns a store."""
        stores = (each for enterprise in self.read("enterprises.json") for each in enterprise["stores"])
        return self.person(next(each["owner"]["email"] for each in stores if each["store"] == store))

    def link(self, facts: dict[str, Any]) -> None:
        """A store makes a listing of its own from a supplier's offer."""
        wish = {
            "sku": facts["sku"],
            "supplier": facts["offer_supplier"],
            "offer_sku": facts["offer_id"],
            "price_minor": facts["price"],
            "category": facts["category"],
            "titles": facts.get("names") or {},
        }
        key = f"link-{facts['store']}-{facts['sku']}"
        self._owner(facts["store"]).post(f"/api/manage/{facts['store']}/links", wish, key=key, status=201)

    def welcome(self, facts: dict[str, Any]) -> None:
        """A shopper says who they are and where they live, and tops up their account at the bank."""
        shopper = self.person(facts["email"])
        shopper.put("/api/me", {"name": facts["name"], "language": facts["language"]})
        for number, recipient in enumerate(facts["recipients"]):
            shopper.post("/api/me/recipients", recipient, key=f"first-day-{number}", status=201)
        reference = shopper.get("/api/me/account")["reference"]
        amount, notice = facts["opening_deposit"], f"first-day-{facts['email'].partition('@')[0]}"
        send_money(self.network, self.union, notice=notice, reference=reference, amount_minor=amount)


def upload(owner: Person, path: str, name: str, text: str) -> int:
    """Post a file to the bucket with the form that the API signed, and wait until the bucket's trigger has imported it.

    Raises:
        Refused: the bucket or the import refused something of it.
    """
    ticket = owner.post(path, {"file_name": name}, key=f"{name}-{input_hash(text)}", status=201)
    answer = httpx.post(ticket["url"], data=ticket["fields"], files={"file": (name, text.encode())}, timeout=60)
    if answer.status_code not in {200, 201, 204}:
        raise Refused(f"the bucket refused {name}: {answer.status_code} {answer.text[:300]}")
    report = next(one for one in _reports(owner, f"{path}/{ticket['upload']}") if one["state"] in {"DONE", "FATAL"})
    if report["state"] == "FATAL" or report["refused"]:
        raise Refused(f"{name} was imported with refusals: {json.dumps(report, ensure_ascii=False)[:800]}")
    return sum(1 for _ in csv.reader(io.StringIO(text))) - 1


def _reports(owner: Person, path: str) -> Iterator[dict[str, Any]]:
    """The upload's report, asked for again and again until the import's time is up."""
    deadline = time.monotonic() + _IMPORT_SECONDS
    while time.monotonic() < deadline:
        yield owner.get(path)["upload"]
        time.sleep(0.5)
    raise Refused(f"{path} was not imported within {_IMPORT_SECONDS} s")
