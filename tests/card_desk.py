"""The card desk for tests: in a thread of the test run, with what goes wrong on the way to a card processor."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from aiohttp import web

from infra.local.cards import SECRET_KEY, CardDesk, signature, start_localstripe
from tests.laptop import free_port

VISA = "4242424242424242"
DECLINED = "4000000000000341"
ASKS_FOR_ACTION = "4000002500003155"
_FAILURE = 500, {"error": {"type": "api_error", "message": "An unknown error occurred"}}


class BreakableDesk(CardDesk):
    """A desk that loses answers and fails on demand, keeps what it would tell, and counts what was carried out."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.faults: list[tuple[str, str]] = []
        self.failing: list[tuple[str, str]] = []
        self.events: list[dict[str, Any]] = []
        self.done: list[str] = []
        self.stop = asyncio.Event()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = next((fault for fault in self.faults if request.path.endswith(fault[1])), None)
        if fault:
            self.faults.remove(fault)
        if fault and fault[0] == "down":
            return web.json_response({"error": {"type": "api_error"}}, status=503)
        answer = await super()._handle(request)
        if fault and fault[0] == "lost" and request.transport is not None:
            request.transport.close()
        return answer

    async def _carry_out(self, request: web.Request, body: str) -> tuple[int, dict[str, Any]]:
        asked = request.path if request.method == "POST" else ""
        fault = next((fault for fault in self.failing if asked.endswith(fault[1])), None)
        if fault:
            self.failing.remove(fault)
        if fault and fault[0] == "failed":
            return _FAILURE
        answer = await super()._carry_out(request, body)
        if request.method == "POST" and answer[0] == 200:
            self.done.append(request.path.rpartition("/")[2])
        return _FAILURE if fault else answer

    def forget_payout(self, payout: str) -> None:
        """Take a payout out of the balance again."""
        self._payouts[:] = [each for each in self._payouts if each["source"]["id"] != payout]

    async def deliver(self, event: Mapping[str, Any]) -> None:
        """Keep it: the test delivers it when it likes."""
        self.events.append(dict(event))


class Desk:
    """A running desk, as tests use it."""

    def __init__(self, address: str, desk: BreakableDesk, client: httpx.Client) -> None:
        self.address, self._desk, self._client = address, desk, client

    def fail(self, fault: str, path: str, *, times: int = 1) -> None:
        """Let the next requests to a path's end be `lost` (carried out, no answer) or find the provider `down`.

        Or let the provider fail at them by itself, `failed` with nothing done or `done` all the same: a 500, which it keeps under the key of
        the request as it does (https://docs.stripe.com/api/idempotent_requests), so only other keys count.
        """
        (self._desk.failing if fault in {"failed", "done"} else self._desk.faults).extend([(fault, path)] * times)

    def failures_left(self) -> int:
        """How many of the failures that were asked for have not happened; they will not any more."""
        left = len(self._desk.failing)
        self._desk.failing.clear()
        return left

    def card(self, number: str = VISA) -> str:
        """A payment method, as a page makes it with the publishable key."""
        card = {"card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2030", "card[cvc]": "123"}
        made = self._client.post("/v1/payment_methods", data={"type": "card", "key": "pk_test_x", **card})
        return str(made.json()["id"])

    def intent(self, intent: str) -> dict[str, Any]:
        """An intent as the provider has it."""
        found: dict[str, Any] = self._client.get(f"/v1/payment_intents/{intent}").json()
        return found

    def act(self, intent: str, *, success: bool = True) -> None:
        """The customer confirms to their bank, or fails to."""
        secret = self.intent(intent)["client_secret"]
        fields = {"client_secret": secret, "success": "true" if success else "false"}
        self._client.post(f"/v1/payment_intents/{intent}/_authenticate", data=fields).raise_for_status()

    def give_up(self, intent: str) -> None:
        """The provider ends an authorization by itself, as when it has become too old."""
        self._client.post(f"/v1/payment_intents/{intent}/cancel").raise_for_status()

    def refunds(self, intent: str) -> list[int]:
        """The amounts that were refunded of an intent, the first one first."""
        listed = self._client.get("/v1/refunds", params={"payment_intent": intent, "limit": 100}).json()["data"]
        return [each["amount"] for each in reversed(listed)]

    def refund_by_hand(self, intent: str, amount: int) -> None:
        """Somebody gives a part back in the processor's own pages."""
        fields = {"payment_intent": intent, "amount": str(amount)}
        self._client.post("/v1/refunds", data=fields).raise_for_status()

    def pay_out(self, amount: int, currency: str = "twd") -> str:
        """The processor pays a part of its balance to the union's bank; the payout's id."""
        fields = {"amount": amount, "currency": currency}
        return str(self._client.post("/_desk/payouts", json=fields).json()["id"])

    def forget_payout(self, payout: str) -> None:
        """Be as if a payout had never been."""
        self._desk.forget_payout(payout)

    def fail_payout(self, payout: str) -> None:
        """The bank did not take a payout: it comes back to the balance."""
        self._client.post("/_desk/payouts", json={"id": payout}).raise_for_status()

    def dispute(self, **fields: Any) -> str:
        """A bank's dispute, opened or brought on."""
        return str(self._client.post("/_desk/disputes", json=fields).json()["id"])

    def count(self, word: str) -> int:
        """How often something was carried out, such as `capture`, whatever was asked."""
        return self._desk.done.count(word)

    def events_about(self, about: str) -> list[tuple[str, str]]:
        """The webhooks about an object so far, the first one first: body and signature."""
        bodies = [json.dumps(event) for event in list(self._desk.events) if event["data"]["object"]["id"] == about]
        return [(body, signature(body)) for body in bodies]


@contextmanager
def open_desk() -> Iterator[Desk]:
    """A desk with a localstripe of its own, ended afterwards."""
    upstream_port, port = free_port(), free_port()
    process = start_localstripe(upstream_port)
    loop = asyncio.new_event_loop()
    desk = BreakableDesk(f"http://127.0.0.1:{upstream_port}")
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(desk, port),), daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"http://127.0.0.1:{upstream_port}/js.stripe.com/v3/", process)
        _wait_for(f"{address}/js.stripe.com/v3/", process)
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {SECRET_KEY}"}) as client:
            yield Desk(address, desk, client)
    finally:
        loop.call_soon_threadsafe(desk.stop.set)
        thread.join(10)
        loop.close()
        process.terminate()
        process.wait(10)


async def _serve(desk: BreakableDesk, port: int) -> None:
    runner = web.AppRunner(desk.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await desk.stop.wait()
    await runner.cleanup()


def _wait_for(address: str, process: Any) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(address, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
        time.sleep(0.05)
    raise RuntimeError("localstripe did not start")
