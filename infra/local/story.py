"""A story told on the local network: the people in it, what it has come to, and what has to be so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from infra.local import people
from infra.local.people import Person, Refused

UNION = "hsinchu"


class Story:
    """What the story has come to, and the people in it."""

    def __init__(self, network: dict[str, Any]) -> None:
        self.network = network
        self.facts = network["unions"][UNION]
        self.run = f"{int(time.time()):x}"
        self.store, self.supplier = f"persimmons-{self.run}", f"weaver-{self.run}"
        self.step = 0

    def person(self, role: str) -> Person:
        """The sample account that holds a role, signed in at the union."""
        account = next(one for one in self.facts["accounts"] if role in one["roles"])
        return people.signed_in(self.network, self.facts["url"], account["email"])

    def tell(self, text: str, *details: str) -> None:
        """Print a step of the story."""
        self.step += 1
        print(f"{self.step:2}. {text}")
        for detail in details:
            print(f"      {detail}")

    def money(self, amount_minor: int) -> str:
        """An amount in the union's currency."""
        return f"NT${amount_minor // 100:,}" if amount_minor % 100 == 0 else f"NT${amount_minor / 100:,.2f}"


def expect(is_so: bool, otherwise: str) -> None:
    """A step is as it should be.

    Raises:
        Refused: it is not.
    """
    if not is_so:
        raise Refused(otherwise)


def wait_until(is_so: Callable[[], Any], seconds: float, what: str) -> None:
    """Ask again and again until something that the network does by itself has been done.

    Raises:
        Refused: it was not done in time.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        expect(time.monotonic() < deadline, f"{what} is not there after {seconds:.0f} s")
        time.sleep(0.5)


def serve(story: Story, worker: Person, path: str, key: str) -> None:
    """Accept, ship and deliver what of an order is a worker's own; `path` is the order's for them."""
    worker.post(f"{path}/steps", {"step": "accept"}, key=f"accept-{key}")
    tracking = {"carrier": "", "tracking_number": f"T{story.run}"}
    worker.post(f"{path}/steps", {"step": "ship", **tracking}, key=f"ship-{key}")
    worker.post(f"{path}/steps", {"step": "deliver"}, key=f"deliver-{key}")


def serve_as_supplier(story: Story, worker: Person, order: str) -> str:
    """Accept, ship and deliver the supplier's part of an order, once that has come; its path."""
    path = f"/api/supply/{story.supplier}/orders/{order}"
    wait_until(lambda: worker.http.get(path).status_code == 200, 60, "the supplier's order")
    serve(story, worker, path, f"{story.supplier}-{order}")
    return path
