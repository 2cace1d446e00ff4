"""What stands around a union's functions when sample events are fed to them: an account with its tables, bus, bucket and
keys, the network's pool, the service center, and a seller's shop."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from cryptography.hazmat.primitives.asymmetric import rsa
from standardwebhooks.webhooks import Webhook

from mart_union.kernel.secrets import forget_secrets
from tests.conftest import UNION, union_tables
from tests.world import CUSTOMER, OPERATOR, lay_world

SECRETS = {
    "client_id": "client-hsinchu",
    "client_secret": "hush",
    **{name: base64.b64encode(name.ljust(32).encode()).decode() for name in ("bank_key", "shop_key", "carrier_key")},
    "token_key": "token-key-of-the-tests",
}


SIGNATURES = ("signature_bank", "signature_carrier", "signature_shop", "signature_stripe")
"""What stands in an event for the signature of its body (Standard Webhooks, or Stripe's); it is made when the event is fed in."""


class _Listener(BaseHTTPRequestHandler):
    """Takes every request: it is a token endpoint, a service center and a shop at once."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"access_token": "a-token", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Neighbours:
    """The account and the others; `lay` makes the world anew."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._names: dict[str, str] = {}

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def make_account(self) -> None:
        """The union's bus, bucket, keys and sender, where other tests have not made them."""
        names, place = UNION, {"LocationConstraint": UNION["AWS_REGION"]}
        _make("events", "create_event_bus", Name=names["UNION_BUS"])
        _make("s3", "create_bucket", Bucket=names["UNION_BUCKET"], CreateBucketConfiguration=place)
        _make("sesv2", "create_email_identity", EmailIdentity=names["EMAIL_SENDER"])
        _make("secretsmanager", "create_secret", Name=names["UNION_SECRET"], SecretString="{}")
        _client("secretsmanager").put_secret_value(SecretId=names["UNION_SECRET"], SecretString=json.dumps(SECRETS))
        forget_secrets()
        queue = _client("sqs").create_queue(QueueName=f"mart-union-{names['UNION_ID']}-failures")
        for name in ("settlement", "webhooks"):
            _client("sqs").create_queue(QueueName=f"mart-union-{names['UNION_ID']}-{name}")
        os.environ["DEAD_LETTER_QUEUES"] = queue["QueueUrl"]

    @cache  # noqa: B019 - one a run
    def _bucket_of(self, process: int) -> Any:
        """A client for the bucket; a process that was forked makes its own."""
        return _client("s3")

    def lay(self, function: str) -> dict[str, str]:
        """Empty the tables and lay the world for a function; answers with the names that its events may use."""
        from mart_union.directory.tables import UnionItem

        for table in (*union_tables(), UnionItem):
            if table.exists():
                table.delete_table()
            table.create_table(billing_mode="PAY_PER_REQUEST")
        if function == "router":
            return {}
        world = lay_world(f"{self.address}/shop")
        self._names = {
            **world.ids,
            "now": world.now.isoformat(),
            "timestamp": str(int(time.time())),
            **{name: name for name in SIGNATURES},
            "today": world.now.date().isoformat(),
            "month": world.now.strftime("%Y-%m"),
            "token": self.token(CUSTOMER),
            "token_of_owner": self.token("owner-emei"),
            "token_of_supplier": self.token("owner-guanxi"),
            "token_of_operator": self.token(OPERATOR, [f"operator.{UNION['UNION_ID']}"]),
        }
        return self._names

    def token(self, subject: str, groups: list[str] | None = None) -> str:
        """An access token of the network's pool."""
        now = datetime.now(UTC)
        claims = {
            "sub": subject,
            "iss": UNION["POOL_ISSUER"],
            "client_id": UNION["POOL_CLIENT_ID"],
            "token_use": "access",
            "cognito:groups": groups or [],
            "iat": now,
            "exp": now + timedelta(hours=1),
        }
        return jwt.encode(claims, self._key, "RS256", headers={"kid": "test"})

    def prepare(self, file: Path, event: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """What one event needs beside the world: the object it tells of, the pool's key, the center's address."""
        function = file.parent.name
        sign(event)
        if function == "authorizer":
            monkeypatch.setattr(
                "authorizer.tokens.pool_signing_key", lambda issuer: lambda token: self._key.public_key()
            )
        if function == "operate":  # the emulated account has no functions to be invoked
            monkeypatch.setattr("mart_union.kernel.functions._client", lambda: SimpleNamespace(invoke=_taken))
        if function == "presence":
            from mart_union.directory.presence import Credentials, Presence

            credentials = Credentials(f"{self.address}/token", SECRETS["client_id"], SECRETS["client_secret"])
            presence = Presence(UNION["UNION_ID"], self.address, credentials)
            monkeypatch.setattr("presence.app._presence", lambda: presence)
        for record in event.get("Records", []):
            upload = next(file.parent.glob(f"{file.stem.partition('.')[0]}.[ct]sv"), None)
            if "s3" in record and upload:
                place = record["s3"]
                self._bucket_of(os.getpid()).put_object(
                    Bucket=place["bucket"]["name"], Key=place["object"]["key"], Body=self._filled(upload.read_bytes())
                )

    def _filled(self, body: bytes) -> bytes:
        """A file with the names of the world in it."""
        for name, text in self._names.items():
            body = body.replace(f"{{{{{name}}}}}".encode(), text.encode())
        return body


def _taken(**_: Any) -> dict[str, int]:
    """Lambda's answer to an event that it will see to."""
    return {"StatusCode": 202}


def sign(event: dict[str, Any]) -> None:
    """Put real signatures where the headers name one of SIGNATURES."""
    for headers in (event.get("headers"), event.get("multiValueHeaders")):
        for name, value in (headers or {}).items():
            wanted = value[0] if isinstance(value, list) else value
            if wanted in SIGNATURES:
                signature = _signature(wanted, event)
                headers[name] = [signature] if isinstance(value, list) else signature


def _signature(wanted: str, event: dict[str, Any]) -> str:
    from mart_union.kernel.secrets import derived_webhook_key, webhook_key

    name = wanted.removeprefix("signature_")
    if (
        name == "stripe"
    ):  # https://docs.stripe.com/webhooks/signature; the harness's processor signs with the secret's name
        signed = f"{int(time.time())}.{event['body']}"
        made = hmac.new(b"stripe_webhook_key", signed.encode(), hashlib.sha256).hexdigest()
        return f"t={signed.partition('.')[0]},v1={made}"
    owner = (event.get("pathParameters") or {}).get(name, "")
    key = webhook_key("bank_key") if name == "bank" else derived_webhook_key(f"{name}_key", f"{name}/{owner}")
    headers = {name.lower(): value for name, value in event["headers"].items()}
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    return Webhook(key).sign(headers["webhook-id"], at, event["body"])


def _make(service: str, operation: str, **facts: Any) -> None:
    try:
        getattr(_client(service), operation)(**facts)
    except ClientError as error:
        if "Already" not in error.response["Error"]["Code"] and "Exists" not in error.response["Error"]["Code"]:
            raise


def _client(service: str) -> Any:
    return get_session().create_client(service)


@contextmanager
def listening() -> Iterator[str]:
    """The address of somebody on this machine who takes every request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
