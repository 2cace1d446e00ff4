"""Between commands and the world: numbers every request that a command sends, and does to it what a fault says.

It stands in botocore's hooks (`before-call` numbers a request, `before-send` each attempt at it) and, for the few requests that go
elsewhere than to AWS, around urllib3.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import botocore.handlers
import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from tests.faults.cards import FAILS
from tests.faults.kinds import KEEPING, Fault, Request
from tests.faults.parts import cut_short, divided, with_body, with_the_rest

Effect = tuple[str, str, bytes]
"""Something that was done outside the tables: service, operation, body."""

Written = str | tuple[str, str, str]
"""An item by table and key; or a table or bucket of which nobody knows what of it was written."""

_ID = re.compile(r"(?<=/)(pi|re|dp)[_-][^/]+")
_OUTSIDE = frozenset({"events", "sesv2", "sqs", "lambda", "http"})


class Killed(BaseException):
    """The process ended here; nothing in the project catches it."""


class Wire:
    """All requests pass here. Outside `watch` they pass untouched."""

    def __init__(self) -> None:
        self._session = _new_session()
        self._here = threading.local()
        self._lock = threading.Lock()
        self._watching = False
        self._strike: tuple[Fault, Request] | None = None
        self._action: Callable[[], Any] = lambda: None
        self._held: list[Callable[[], Any]] = []
        self.requests: list[Request] = []
        self.effects: list[Effect] = []
        self.struck = False
        self.written: set[Written] = set()

    def install(self) -> None:
        """Stand in every botocore session made from now on, and around urllib3."""
        botocore.handlers.BUILTIN_HANDLERS[:0] = [
            ("before-call", self._number_call),
            ("before-send", self._on_send),
        ]
        urlopen = urllib3.HTTPConnectionPool.urlopen
        wire = self

        def watched(pool: Any, method: str, url: str, *arguments: Any, **options: Any) -> Any:
            if not wire._watching or getattr(wire._here, "inside", False):
                return urlopen(pool, method, url, *arguments, **options)
            return wire._plain_http(
                lambda: urlopen(pool, method, url, *arguments, **options), pool, f"{method} {_shape(url)}", options
            )

        urllib3.HTTPConnectionPool.urlopen = watched  # type: ignore[method-assign]

    def renew(self) -> None:
        """Connections of its own for a process that was just forked."""
        self._session = _new_session()

    def watch(self, action: Callable[[], Any], strike: tuple[Fault, Request] | None = None) -> Any:
        """Do something, its requests numbered from 0, a fault striking at one of them; what was held up arrives at the end.

        Raises:
            Killed: the fault was the end of the process.
        """
        self.requests, self.effects, self._held, self.struck = [], [], [], False
        self._strike, self._action, self._watching = strike, action, True
        try:
            return action()
        finally:
            self._watching = False
            for late in self._held:
                late()

    def _next(self, service: str, operation: str) -> Request:
        with self._lock:
            nth = sum(each.operation == operation for each in self.requests)
            request = Request(len(self.requests), service, operation, nth)
            self.requests.append(request)
            return request

    def _number_call(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        service, operation = model.service_model.service_name, model.name
        if not Request(0, service, operation).reads:
            self.written.update(written_by(service, params))
        if self._watching:
            self._here.request = self._next(service, operation)
            self._here.attempt = 0

    def _on_send(self, request: Any, **_: Any) -> AWSResponse | None:
        """Carry an attempt out, or do to it what the fault says. What is returned takes the place of the answer."""
        if not self._watching:
            return None
        known: Request = self._here.request
        act = self._act(known, self._here.attempt)
        self._here.attempt += 1
        if act in {"throttle", "conflict", "break"}:
            return _refusal(act, known, request)
        if act == "refuse":
            raise EndpointConnectionError(endpoint_url=request.url)
        if act == "hold":
            late = _copy(request)
            self._held.append(lambda: self._send(late))
            raise ReadTimeoutError(endpoint_url=request.url)
        _end_process(act, "before")
        if act == "meet":
            self._let_another_through()
        if act == "part":
            return self._carry_out_in_part(known, request)
        answer = self._carry_out(known, request)
        _end_process(act, "after")
        if act == "cut":
            return cut_short(answer)
        if act == "lose":
            raise ReadTimeoutError(endpoint_url=request.url)
        return answer

    def _act(self, request: Request, attempt: int) -> str:
        if self._strike is None:
            return ""
        fault, target = self._strike
        act = fault.act_on(request, target, attempt)
        if self.struck and not fault.lasts:
            return ""
        self.struck = self.struck or bool(act)
        return act

    def forget_written(self) -> set[Written]:
        """What was written since this was asked last, outside a watch too."""
        written, self.written = self.written, set()
        return written

    def _carry_out(self, known: Request, request: Any) -> AWSResponse:
        stands_in = known.service == "lambda"  # no function is deployed here: asking one is an effect
        answer = _answer(request, 202, b"") if stands_in else self._send(request)
        if known.service in _OUTSIDE and not known.reads and answer.status_code < 300:
            self.effects.append((known.service, known.operation, _bytes(request.body)))
        return answer

    def _let_another_through(self) -> None:
        """Before the request, the whole command runs once more, as when two are at it at once."""
        requests, strike, here = self.requests, self._strike, dict(vars(self._here))
        self.requests, self._strike = [], None
        with contextlib.suppress(Exception):  # how that one ends, its own caller sees
            self._action()
        self.requests, self._strike = requests, strike
        vars(self._here).update(here)

    def _carry_out_in_part(self, known: Request, request: Any) -> AWSResponse:
        taken, left = divided(known.operation, _bytes(request.body))
        answers = json.loads(self._carry_out(known, with_body(request, taken)).content) if taken else {}
        return _answer(request, 200, with_the_rest(known.operation, answers, left))

    def _send(self, request: Any) -> AWSResponse:
        self._here.inside = True
        try:
            return self._session.send(request)
        finally:
            self._here.inside = False

    def _plain_http(self, send: Callable[[], Any], pool: Any, operation: str, options: dict[str, Any]) -> Any:
        request = self._next("http", operation)
        act = self._act(request, 0)

        def carry_out() -> Any:
            answer = send()
            if not request.reads:
                self.effects.append((request.service, request.operation, _bytes(options.get("body"))))
            return answer

        if act == "meet":
            self._let_another_through()
        if act == "refuse":
            raise urllib3.exceptions.NewConnectionError(pool, "refused")
        if act == "hold":
            self._held.append(lambda: carry_out().drain_conn())
            raise urllib3.exceptions.ReadTimeoutError(pool, "", "no answer in time")
        if act in {"break", "break after"} and operation.startswith(KEEPING):
            options["headers"] = {**options["headers"], FAILS: act}
        elif act in {"throttle", "break"}:
            return _plain_refusal(act)
        _end_process(act, "before")
        answer = carry_out()
        _end_process(act, "after")
        if act == "lose":
            answer.drain_conn()
            raise urllib3.exceptions.ReadTimeoutError(pool, "", "no answer in time")
        return answer


def _shape(url: str) -> str:
    """A path with its ids left out: the same step of another purchase is the same operation."""
    return _ID.sub("…", url.partition("?")[0])


def _plain_refusal(act: str) -> urllib3.HTTPResponse:
    """What shops, the service center and the card processor answer when they are asked too often, or are in trouble."""
    status, kind = (429, "rate_limit_error") if act == "throttle" else (500, "api_error")
    body = json.dumps({"error": {"type": kind, "message": "by the harness"}}).encode()
    headers = {"Content-Type": "application/json"}
    return urllib3.HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)


def _new_session() -> URLLib3Session:
    """Like botocore's own: without TCP_NODELAY each request would wait forty milliseconds for an acknowledgement."""
    return URLLib3Session(timeout=20, socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])


def _copy(request: Any) -> AWSPreparedRequest:
    """The same request with its body at hand: the SDK's repeat reads a file's body to its end."""
    body = request.body
    if hasattr(body, "read"):
        body = request.body.read()
        request.body.seek(0)
    return AWSPreparedRequest(request.method, request.url, request.headers, body, request.stream_output)


def written_by(service: str, params: dict[str, Any]) -> Iterator[Written]:
    """The items that a request may write, or the union's bucket."""
    if service == "s3":
        yield os.environ["UNION_BUCKET"]
    if service == "dynamodb":
        asked = json.loads(params["body"])
        for table, writes in asked.get("RequestItems", {}).items():
            yield from (_written(table, next(iter(write.values()))) for write in writes)
        for item in asked.get("TransactItems", ()):
            write = next(iter(item.values()))
            yield _written(write["TableName"], write)
        if "TableName" in asked:
            yield _written(asked["TableName"], asked)


def _written(table: str, write: dict[str, Any]) -> Written:
    key = write.get("Item") or write.get("Key") or {}
    return (table, key["pk"]["S"], key["sk"]["S"]) if "pk" in key else table


def _end_process(act: str, when: str) -> None:
    if act == f"kill {when}":
        raise Killed(when)
    if act == f"sigkill {when}":
        os.kill(os.getpid(), signal.SIGKILL)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def _refusal(act: str, known: Request, request: Any) -> AWSResponse:
    """An answer as the service gives it."""
    if act == "break":
        return _answer(request, 500, _error(known, "InternalServerError"))
    if act == "conflict" and known.operation == "TransactWriteItems":
        items = len(json.loads(_bytes(request.body))["TransactItems"])
        reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}]
        reasons += [{"Code": "None"}] * (items - 1)
        return _answer(request, 400, _error(known, "TransactionCanceledException", CancellationReasons=reasons))
    if act == "conflict":
        return _answer(request, 400, _error(known, "TransactionConflictException"))
    throttled = {
        "dynamodb": "ProvisionedThroughputExceededException",
        "s3": "SlowDown",
        "sesv2": "TooManyRequestsException",
        "cognito-idp": "TooManyRequestsException",
    }.get(known.service, "ThrottlingException")
    return _answer(request, 503 if known.service == "s3" else 400, _error(known, throttled))


def _error(known: Request, code: str, **more: Any) -> bytes:
    if known.service == "s3":
        return f"<Error><Code>{code}</Code><Message>by the harness</Message></Error>".encode()
    return json.dumps({"__type": f"com.amazonaws#{code}", "message": "by the harness", **more}).encode()


def _answer(request: Any, status: int, body: bytes) -> AWSResponse:
    answer = AWSResponse(request.url, status, {"x-amzn-requestid": "by-the-harness"}, None)
    answer._content = body
    return answer
