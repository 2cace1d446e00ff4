"""The network on a laptop keeps its data from `make down` to `make up`, and a second `make up` changes nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from infra.local.http import client
from infra.local.people import signed_in
from infra.local.story import wait_until
from tests.laptop import run_command

pytestmark = pytest.mark.skipif(bool(os.environ.get("MART_UNION_NETWORK")), reason="leaves the person's network alone")


def told(output: str) -> list[str]:
    """The steps that a command says it took."""
    return [line.partition(" s  ")[2] for line in output.splitlines() if " s  " in line]


def stores(network: dict[str, Any]) -> dict[str, Any]:
    with client(network["unions"]["hsinchu"]["url"]) as hsinchu:
        return dict(hsinchu.get("/api/stores").json())


def test_up_again_changes_nothing_and_takes_seconds(network: dict[str, Any]) -> None:
    started = time.monotonic()
    assert told(run_command(Path(network["state"]), "up")) == ["the network is up"]
    assert time.monotonic() - started < 20


def test_data_is_there_and_events_flow_after_down_and_up(network: dict[str, Any]) -> None:
    before = stores(network)
    assert before["stores"]
    state = Path(network["state"])
    run_command(state, "down")
    steps = told(run_command(state, "up"))
    assert [step for step in steps if "deployed" in step or "sample" in step] == []
    assert stores(network) == before
    assert_events_flow(network)


def assert_events_flow(network: dict[str, Any]) -> None:
    """What is taken out of stock is sold out on the shelf a moment later: stream, bus and queue are at work."""
    owner = next(
        one["email"] for one in network["unions"]["hsinchu"]["accounts"] if "store/emei-tea/owner" in one["roles"]
    )
    staff = signed_in(network, network["unions"]["hsinchu"]["url"], owner)
    card = next(card for card in staff.get("/api/stores/emei-tea/listings")["listings"] if card["available"])
    stock = f"/api/manage/emei-tea/stock/{card['sku']}"
    out = {"quantity": staff.get(stock)["reserve"], "reason": "damaged"}
    assert staff.post(f"{stock}/out", out, key=f"empty-{time.time_ns()}")["reserve"] == 0

    def is_sold_out() -> bool:
        cards = staff.get("/api/stores/emei-tea/listings")["listings"]
        return not next(one for one in cards if one["sku"] == card["sku"])["available"]

    wait_until(is_sold_out, 60, "the shelf's sold-out card")
