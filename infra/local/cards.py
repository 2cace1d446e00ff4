"""The card desk of the local network: localstripe, and before it what Stripe does and localstripe does not.

Answers are kept by idempotency key; a released intent is not captured, a charge not refunded beyond what was captured; a page may make a payment
method with the publishable key; a webhook tells of each change; and there are disputes. Tests start it, too, and break it (tests/card_desk.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from infra.local.network import STATE, Network, load

WEBHOOK_KEY = "whsec_of_the_local_card_desk"
SECRET_KEY = "sk_test_mart_union_local"  # noqa: S105 - of a process on this machine that holds no money
PUBLISHABLE_KEY = "pk_test_mart_union_local"
_SCRIPT = Path(__file__).with_name("stripe_process.py")
_ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Content-Type, Accept",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
}
_TELLS = {
    "requires_capture": "payment_intent.amount_capturable_updated",
    "succeeded": "payment_intent.succeeded",
    "canceled": "payment_intent.canceled",
    "requires_payment_method": "payment_intent.payment_failed",
    "requires_action": "payment_intent.requires_action",
}
_CREATE_PAYMENT_METHOD = """
(() => {
  const make = Stripe;
  Stripe = (key) => Object.assign(make(key), {
    createPaymentMethod: async ({card}) => {
      const body = new URLSearchParams({key, type: "card"});
      for (const [name, value] of Object.entries(card.value.card)) body.append(`card[${name}]`, value);
      const answer = await fetch(`${LOCALSTRIPE_BASE_API}/v1/payment_methods`, {method: "POST", body});
      const made = await answer.json();
      return answer.ok ? {paymentMethod: made} : {error: made.error};
    },
  });
})();
"""

Answer = tuple[int, dict[str, Any]]


class CardDesk:
    """Stripe's part of the API that the project uses, on one port of this machine."""

    def __init__(self, upstream: str, store: Path | None = None) -> None:
        self._upstream, self._store = upstream, store
        self._session: ClientSession | None = None
        self._kept: dict[str, tuple[str, Answer]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        kept = json.loads(store.read_text()) if store and store.exists() else {}
        self._captured: dict[str, int] = kept.get("captured", {})
        self._disputes: dict[str, dict[str, Any]] = kept.get("disputes", {})
        self._refunded: set[str] = set(kept.get("refunded", ()))
        self._payouts: list[dict[str, Any]] = kept.get("payouts", [])
        self._told: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        """The web application; it opens and closes its connection to localstripe."""
        application = web.Application()
        application.cleanup_ctx.append(self._connected)
        application.router.add_get("/js.stripe.com/v3/", self._script)
        application.router.add_post("/_desk/disputes", self._dispute)
        application.router.add_post("/_desk/payouts", self._payout)
        application.router.add_get("/v1/balance", self._stands)
        application.router.add_get("/v1/disputes", self._list_disputes)
        application.router.add_get("/v1/disputes/{id}", self._show_dispute)
        application.router.add_get("/v1/balance_transactions", self._balance)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _connected(self, _application: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=ClientTimeout(total=20)) as self._session:
            yield

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(headers=_ANYWHERE)
        body, key = await request.text(), request.headers.get("Idempotency-Key", "")
        if request.method != "POST" or not key:
            return _json(await self._carry_out(request, body))
        async with self._locks.setdefault(key, asyncio.Lock()):
            print_of = f"{request.path} {body}"
            if key not in self._kept:
                self._kept[key] = (print_of, await self._carry_out(request, body))
            kept, answer = self._kept[key]
        if kept != print_of:
            return _json(_refusal("Keys for idempotent requests can only be used with the same parameters", "key"))
        return _json(answer)

    async def _carry_out(self, request: web.Request, body: str) -> Answer:
        """Do it at localstripe, as Stripe would."""
        fields = dict(parse_qsl(body))
        refused = await self._refused(request, fields)
        if refused is not None:
            return refused
        status, answer = await self._ask(request.method, request.path_qs, _understood(request.path, fields))
        if request.method == "POST":
            await self._after(request, fields, status, answer)
        return status, self._as_stripe(answer)

    async def _refused(self, request: web.Request, fields: Mapping[str, str]) -> Answer | None:
        """What Stripe refuses and localstripe would do."""
        parts = request.path.split("/")
        if request.method == "POST" and parts[-1] == "capture":
            _, intent = await self._ask("GET", f"/v1/payment_intents/{parts[-2]}")
            if intent.get("status") != "requires_capture":
                return _refusal("This PaymentIntent could not be captured", "payment_intent_unexpected_state")
        if request.method == "POST" and request.path == "/v1/refunds":
            intent_id = fields["payment_intent"]
            _, listed = await self._ask("GET", f"/v1/refunds?payment_intent={intent_id}&limit=100")
            refunded = sum(each["amount"] for each in listed.get("data", ()) if self._was_asked(each))
            if refunded + int(fields.get("amount", "0")) > self._captured.get(intent_id, 0):
                return _refusal("Refund amount is greater than unrefunded amount on charge", "charge_already_refunded")
        return None

    async def _after(
        self, request: web.Request, fields: Mapping[str, str], status: int, answer: dict[str, Any]
    ) -> None:
        parts = request.path.split("/")
        if parts[-1] == "capture" and status == 200:
            self._captured[answer["id"]] = int(fields.get("amount_to_capture", answer["amount"]))
            self._keep()
        if parts[-1] in {"confirm", "capture", "cancel", "_authenticate"}:
            _, intent = await self._ask("GET", f"/v1/payment_intents/{parts[-2]}")
            if intent.get("status") in _TELLS:
                self._tell(_TELLS[intent["status"]], self._as_stripe(intent))
        if request.path == "/v1/refunds" and status == 200:
            self._refunded.add(answer["id"])
            self._keep()
            self._tell("refund.created", answer)

    async def _ask(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> Answer:
        if self._session is None:
            raise RuntimeError("the desk is not open")
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        async with self._session.request(
            method, f"{self._upstream}{path}", headers=headers, data=fields or None
        ) as answer:
            if answer.content_type != "application/json":
                return 500, {"error": {"type": "api_error", "message": await answer.text()}}
            return answer.status, json.loads(await answer.text())

    def _as_stripe(self, answer: dict[str, Any]) -> dict[str, Any]:
        """An object of localstripe with what Stripe's has besides."""
        if answer.get("object") == "payment_intent":
            return answer | {"amount_received": self._captured.get(answer["id"], 0)}
        if answer.get("object") == "list":
            data = [each for each in answer["data"] if each["object"] != "refund" or self._was_asked(each)]
            return answer | {"data": data}
        if "error" in answer and answer["error"].get("code") in {"card_declined"}:
            return {"error": answer["error"] | {"type": "card_error"}}
        return answer

    def _was_asked(self, refund: Mapping[str, Any]) -> bool:
        """Whether somebody refunded it: localstripe makes a refund of what a capture leaves of an authorization, too."""
        return bool(refund["metadata"]) or refund["id"] in self._refunded

    async def _balance(self, request: web.Request) -> web.Response:
        """The movements of the balance in the time that was asked for."""
        begin, end = (int(request.query.get(f"created[{edge}]", "0")) for edge in ("gte", "lt"))
        data = [each for each in await self._moved() if begin <= each["created"] < (end or each["created"] + 1)]
        return _json((200, {"object": "list", "url": "/v1/balance_transactions", "has_more": False, "data": data}))

    async def _stands(self, _request: web.Request) -> web.Response:
        """The balance as it stands: all that ever moved, less what was kept of it."""
        sums: dict[str, int] = {}
        for each in await self._moved():
            sums[each["currency"]] = sums.get(each["currency"], 0) + each["amount"] - each["fee"]
        available = [{"amount": amount, "currency": code} for code, amount in sums.items()]
        return _json((200, {"object": "balance", "livemode": False, "available": available, "pending": []}))

    async def _moved(self) -> list[dict[str, Any]]:
        """The balance's movements as Stripe lists them: a partly captured charge for what was captured."""
        _, listed = await self._ask("GET", "/v1/balance_transactions?limit=100000&expand[]=data.source")
        found = []
        for each in listed["data"]:
            source = each["source"]
            if source["object"] == "refund" and not self._was_asked(source):
                continue  # the part of an authorization that was not captured
            amount = self._captured.get(source["payment_intent"], each["amount"]) if each["type"] == "charge" else None
            found.append(each if amount is None else each | {"amount": amount, "net": amount - each["fee"]})
        found += [each for dispute in self._disputes.values() for each in dispute["balance_transactions"]]
        return found + self._payouts

    async def _payout(self, request: web.Request) -> web.Response:
        """Pay a part of the balance out to the union's bank (`amount`, `currency`), or have one come back (`id`, which failed)."""
        fields = await request.json()
        failed = next((each for each in self._payouts if each["source"]["id"] == fields.get("id")), None)
        if failed:
            source, amount = failed["source"] | {"status": "failed"}, -failed["amount"]
        else:
            source = {"object": "payout", "id": f"po_{secrets.token_hex(12)}", "currency": fields["currency"]}
            amount = -int(fields["amount"])
        self._payouts.append(_transaction("payout_failure" if failed else "payout", amount, source))
        self._keep()
        return _json((200, source))

    async def _dispute(self, request: web.Request) -> web.Response:
        """Open a dispute (`payment_intent`, `amount`), or bring one to another `status` (`id`), as a bank does; of a lost one a part can come back
        (`returned`)."""
        fields = await request.json()
        _, intent = await self._ask("GET", f"/v1/payment_intents/{fields.get('payment_intent', '')}")
        opened = {"object": "dispute", "status": "needs_response", "balance_transactions": [], "metadata": {}}
        opened["currency"] = intent.get("currency", "twd")
        dispute = self._disputes.setdefault(fields.get("id") or f"dp_{secrets.token_hex(12)}", opened)
        dispute |= {"id": next(key for key, each in self._disputes.items() if each is dispute)} | fields
        back = dispute["amount"] if fields.get("status") == "won" else fields.get("returned", 0)
        if not dispute["balance_transactions"] or back:
            source = {name: value for name, value in dispute.items() if name != "balance_transactions"}
            dispute["balance_transactions"].append(_transaction("adjustment", back or -dispute["amount"], source))
        self._keep()
        self._tell("charge.dispute.closed" if "status" in fields else "charge.dispute.created", dispute)
        return _json((200, dispute))

    async def _show_dispute(self, request: web.Request) -> web.Response:
        dispute = self._disputes.get(request.match_info["id"])
        return _json((200, dispute) if dispute else (404, {"error": {"type": "invalid_request_error"}}))

    async def _list_disputes(self, request: web.Request) -> web.Response:
        intent = request.query.get("payment_intent", "")
        data = [each for each in self._disputes.values() if each.get("payment_intent") == intent]
        return _json((200, {"object": "list", "url": "/v1/disputes", "has_more": False, "data": data}))

    async def _script(self, _request: web.Request) -> web.Response:
        if self._session is None:
            raise RuntimeError("the desk is not open")
        async with self._session.get(f"{self._upstream}/js.stripe.com/v3/") as answer:
            text = await answer.text() + _CREATE_PAYMENT_METHOD
        return web.Response(text=text, content_type="application/javascript", headers=_ANYWHERE)

    def _tell(self, kind: str, about: Mapping[str, Any]) -> None:
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "data": {"object": dict(about)},
        }
        task = asyncio.ensure_future(self.deliver(event))
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    def _keep(self) -> None:
        if self._store:
            kept = {"captured": self._captured, "disputes": self._disputes, "payouts": self._payouts}
            self._store.write_text(json.dumps(kept | {"refunded": sorted(self._refunded)}))

    async def address_of(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """Where a webhook goes, and the host that it names: the edge, for the union whose payment it is about; '' for nowhere."""
        about = event["data"]["object"]
        if about.get("payment_intent"):
            about = (await self._ask("GET", f"/v1/payment_intents/{about['payment_intent']}"))[1]
        union = (about.get("metadata") or {}).get("union", "")
        address = f"http://127.0.0.1:{load().port}/api/payments/webhooks/stripe"
        return (address, f"{union}.localhost") if union else ("", "")

    async def deliver(self, event: Mapping[str, Any]) -> None:
        """Send a webhook until it is taken, a few times."""
        address, host = await self.address_of(event)
        for pause in (0.5, 2, 10, 30) if address else ():
            await asyncio.sleep(pause)
            with contextlib.suppress(ClientError, TimeoutError):
                body = json.dumps(event)
                headers = {"Content-Type": "application/json", "Stripe-Signature": signature(body), "Host": host}
                if self._session is None:
                    return
                async with self._session.post(address, data=body, headers=headers) as answer:
                    if answer.status == 200:
                        return


def signature(body: str, *, at: int | None = None, key: str = WEBHOOK_KEY) -> str:
    """Stripe's signature of a webhook (https://docs.stripe.com/webhooks#verify-manually)."""
    moment = int(time.time()) if at is None else at
    digest = hmac.new(key.encode(), f"{moment}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def start_localstripe(port: int, store: Path | None = None) -> subprocess.Popen[bytes]:
    """localstripe as a process on a port of this machine; the caller ends it."""
    command = [sys.executable, "-P", str(_SCRIPT), "--port", str(port)]
    environment = os.environ | ({"LOCALSTRIPE_STORE": str(store)} if store else {})
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


async def serve(network: Network) -> None:
    """Listen on this machine until the process is ended, and end localstripe with it; what it knows is kept in `.local/`."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        upstream = int(any_port.getsockname()[1])
    process = start_localstripe(upstream, STATE / "localstripe.pickle")
    try:
        desk = CardDesk(f"http://127.0.0.1:{upstream}", STATE / "card-desk.json")
        runner = web.AppRunner(desk.application(), access_log=None, handle_signals=True)
        await runner.setup()
        for host in ("127.0.0.1", "::1"):
            with contextlib.suppress(OSError):
                await web.TCPSite(runner, host, network.card_port).start()
        await asyncio.Event().wait()
    finally:
        process.terminate()


def _understood(path: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Fields as localstripe knows them: newer ones under their older name, or left out."""
    if path == "/v1/payment_methods":
        return {name: value for name, value in fields.items() if name != "key"}
    renamed = {
        name.replace("allowed_payment_method_types", "payment_method_types"): value for name, value in fields.items()
    }
    return {name: value for name, value in renamed.items() if name != "use_stripe_sdk"}


def _refusal(message: str, code: str) -> Answer:
    kind = "idempotency_error" if code == "key" else "invalid_request_error"
    return 400, {"error": {"type": kind, "code": code, "message": message}}


def _transaction(kind: str, amount: int, source: Mapping[str, Any]) -> dict[str, Any]:
    """A movement of the balance that localstripe knows nothing of."""
    return {
        "object": "balance_transaction",
        "id": f"txn_{secrets.token_hex(12)}",
        "type": kind,
        "amount": amount,
        "fee": 0,
        "currency": source["currency"],
        "created": int(time.time()),
        "source": dict(source),
    }


def _json(answer: Answer) -> web.Response:
    status, body = answer
    return web.json_response(body, status=status, headers=_ANYWHERE)


def _end(_signal: int, _frame: Any) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    with contextlib.suppress(KeyboardInterrupt, web.GracefulExit):
        asyncio.run(serve(load()))
