"""Where cells play: an emulated account of the harness's own, a world laid once, and its state told, compared and put back."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from botocore.session import get_session
from msgspec.structs import replace

from mart_union.catalog import unions
from mart_union.catalog.upload_model import Upload, refused_rows_key
from mart_union.checkout import admission, card_port
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import Item, Ref
from mart_union.settlement.books import load_books
from mart_union.settlement.check import check_union
from mart_union.settlement.reconciliation import Books
from tests.conftest import ROOT, UNION
from tests.faults import chance
from tests.faults.cards import Books as CardBooks
from tests.faults.cards import CardDesk, cards_taken
from tests.faults.wire import Written
from tests.neighbours import Neighbours

Key = tuple[str, str, str]
_TRIES = "DELIVERIES#"  # each attempt to tell a shop is noted, also those that failed
_MAILED = "MAILED#"
_UPLOAD = re.compile("UPLOAD#[^#]+$")
_REFUSED = ".refused/"
BUCKET = UNION["UNION_BUCKET"]
_PUT_AT_ONCE, _READ_AT_ONCE = 25, 100
_MOST_DECODED = 20_000
_from_raw_data: Any = Item.from_raw_data.__func__  # type: ignore[attr-defined]
_CENSUSES = [
    f"mart_union.{file.parent.name}.census"
    for file in (ROOT / "layers" / "core" / "mart_union").glob("*/census.py")
    if file.parent.name not in {"kernel", "catalog"}
]


@dataclass(frozen=True)
class State:
    """All items by table and key, all objects of the bucket, and the books of the card processor."""

    items: Mapping[Key, dict[str, Any]]
    objects: Mapping[str, bytes]
    cards: CardBooks


@contextmanager
def place_at(address: str) -> Iterator[Place]:
    """A place whose neighbours listen at an address; what it changes in this process is undone at its end."""
    with pytest.MonkeyPatch.context() as patches, cards_taken(patches) as desk:
        yield Place(address, patches, desk)


class Place:
    """The account with its world; `names` are those that sample events may use."""

    def __init__(self, address: str, patches: pytest.MonkeyPatch, desk: CardDesk) -> None:
        self._patches, self.desk = patches, desk
        self.neighbours = Neighbours(address)
        self.neighbours.make_account()
        self._dynamodb: Any = get_session().create_client("dynamodb")
        self._s3: Any = get_session().create_client("s3")
        self.names = self.neighbours.lay("")
        self._tables = [name for name in self._dynamodb.list_tables()["TableNames"] if name.startswith("mart-union-")]
        self.laid = self.read()
        self._pool: str | None = None

    def open_pool(self) -> None:
        """A user pool like the service center's, with lin@example.com in it; made once, and not put back."""
        from mart_union.customers import pool

        if self._pool is None:
            self._pool = _make_pool()
        known = replace(settings(), pool_client_id=self._pool, pool_region="us-east-1")
        self._patches.setattr(pool, "settings", lambda: known)

    def read(self, known: State | None = None, written: Collection[Written] = ()) -> State:
        """Everything as it is now; where a state is known, only what was written since is read."""
        if known is None:
            return State(dict(self._scanned(self._tables)), self._objects(), self.desk.look())
        tables = [table for table in self._tables if table in written]
        keys = [each for each in written if not isinstance(each, str) and each[0] in self._tables]
        items = {key: item for key, item in known.items.items() if key[0] not in tables and key not in written}
        items.update(self._scanned(tables))
        items.update(self._found(keys))
        return State(items, self._objects() if BUCKET in written else known.objects, self.desk.look())

    def _scanned(self, tables: Iterable[str]) -> Iterator[tuple[Key, dict[str, Any]]]:
        for table in tables:
            for page in self._dynamodb.get_paginator("scan").paginate(TableName=table):
                yield from (((table, item["pk"]["S"], item["sk"]["S"]), item) for item in page["Items"])

    def _found(self, keys: list[Key]) -> Iterator[tuple[Key, dict[str, Any]]]:
        for start in range(0, len(keys), _READ_AT_ONCE):
            request: dict[str, Any] = {}
            for table, pk, sk in keys[start : start + _READ_AT_ONCE]:
                asked = request.setdefault(table, {"Keys": [], "ConsistentRead": True})
                asked["Keys"].append({"pk": {"S": pk}, "sk": {"S": sk}})
            answer = self._dynamodb.batch_get_item(RequestItems=request)
            if answer["UnprocessedKeys"]:
                raise RuntimeError("the emulator did not give every item that was asked for")
            for table, found in answer["Responses"].items():
                yield from (((table, item["pk"]["S"], item["sk"]["S"]), item) for item in found)

    def _objects(self) -> dict[str, bytes]:
        listed = self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        return {each["Key"]: self._object(each["Key"]) for each in listed}

    def _object(self, key: str) -> bytes:
        body: bytes = self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def put_back(self, wanted: State, now: State) -> None:
        """Make everything as it was, from what it is now."""
        self.desk.put_back(wanted.cards)
        writes: list[tuple[str, dict[str, Any]]] = [
            (table, {"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}})
            for table, pk, sk in now.items.keys() - wanted.items.keys()
        ]
        writes += [
            (key[0], {"PutRequest": {"Item": item}}) for key, item in wanted.items.items() if now.items.get(key) != item
        ]
        for start in range(0, len(writes), _PUT_AT_ONCE):
            request: dict[str, list[Any]] = {}
            for table, write in writes[start : start + _PUT_AT_ONCE]:
                request.setdefault(table, []).append(write)
            self._dynamodb.batch_write_item(RequestItems=request)
        for key in now.objects.keys() - wanted.objects.keys():
            self._s3.delete_object(Bucket=BUCKET, Key=key)
        for key, body in wanted.objects.items():
            if now.objects.get(key) != body:
                self._s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def _make_pool() -> str:
    """The id of its web client. The emulator looks in us-east-1 when nobody signs the request."""
    cognito: Any = get_session().create_client("cognito-idp", region_name="us-east-1")
    policy = {"PasswordPolicy": {"MinimumLength": 10, "RequireUppercase": False, "RequireSymbols": False}}
    made = cognito.create_user_pool(PoolName="faults", UsernameAttributes=["email"], Policies=policy)["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    client = cognito.create_user_pool_client(
        UserPoolId=made, ClientName="web", ExplicitAuthFlows=flows, EnableTokenRevocation=True
    )
    attributes = [{"Name": "email", "Value": "lin@example.com"}, {"Name": "email_verified", "Value": "true"}]
    cognito.admin_create_user(
        UserPoolId=made, Username="lin@example.com", UserAttributes=attributes, MessageAction="SUPPRESS"
    )
    cognito.admin_set_user_password(
        UserPoolId=made, Username="lin@example.com", Password="correct-horse-7", Permanent=True
    )
    client_id = str(client["UserPoolClient"]["ClientId"])
    cognito.sign_up(ClientId=client_id, Username="chen@example.com", Password="correct-horse-7")
    return client_id


def told(state: State) -> list[str]:
    """A state in sorted lines, without what may differ between two runs of one story (`chance.plain_together`)."""
    return chance.plain_together(_lines(state))


def know(state: State) -> None:
    """Let the ids in a state keep their names in all that is told from now on."""
    chance.know(_lines(state))


def _lines(state: State) -> list[str]:
    lines = [
        f"{table} {json.dumps(item, sort_keys=True, ensure_ascii=False)}"
        for (table, pk, _), item in state.items.items()
        if not pk.startswith((_TRIES, _MAILED))
    ]
    lines += {_mailed(item) for (_, pk, _), item in state.items.items() if pk.startswith(_MAILED)}
    lines += [f"bucket {key} {body!r}" for key, body in _named(state)]
    return [*lines, *(f"cards {json.dumps(each, sort_keys=True)}" for each in _counting(state))]


def _mailed(item: dict[str, Any]) -> str:
    """What an event tells of which mails were tried: of two that tell the same, whichever is tried first is kept, by its own id."""
    event = json.loads(item["document"]["S"])
    return f"mailed {event['name']} {event['entity']} {event['sequence']} {json.dumps(event['data'], sort_keys=True)}"


def _named(state: State) -> Iterator[tuple[str, bytes]]:
    """What is in the bucket, but for refused rows of a chunk whose progress was never kept: nobody reads them, and they go with the reports (0063)."""
    documents = (item["document"]["S"] for (_, pk, _), item in state.items.items() if _UPLOAD.match(pk))
    uploads = [msgspec.json.decode(document, type=Upload) for document in documents]
    named = {refused_rows_key(upload, line) for upload in uploads for line in upload.refused_at}
    for key, body in state.objects.items():
        if _REFUSED not in key or key in named:
            yield key, body


def _counting(state: State) -> Iterator[dict[str, Any]]:
    """What the card processor knows, but for intents that nobody knows and nobody ever confirmed: such a one holds no money."""
    known = {item["intent"]["S"] for item in state.items.values() if "S" in item.get("intent", {})}
    for each in state.cards.objects.values():
        if each["id"] in known or each.get("status") != card_port.UNTRIED:
            yield each


def broken_invariants(state: State) -> list[str]:
    """What the invariant checker finds in a state that was read."""
    with _scanning(state):
        return [f"invariant {each.invariant}, {each.subject}: {each.detail}" for each in check_union()]


def books_of(state: State) -> Books:
    """A state's ledger, orders, purchases and levels."""
    with _scanning(state):
        return load_books()


@contextmanager
def _scanning(state: State) -> Iterator[None]:
    """Give the items of a state to whoever would scan the tables for them, or read them for the books."""
    by_table: dict[str, list[dict[str, Any]]] = {}
    for (table, _, _), item in state.items.items():
        by_table.setdefault(table, []).append(item)

    def scan(model: type[Item]) -> Iterator[dict[str, Any]]:
        return iter(by_table.get(model.Meta.table_name, ()))

    def fetch_all(refs: Sequence[Ref[Any]], **_: bool) -> list[Any]:
        raws = [state.items.get((ref.model.Meta.table_name, ref.pk, ref.sk)) for ref in refs]
        return [raw and ref.read(ref.model.from_raw_data(raw)) for ref, raw in zip(refs, raws, strict=True)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Item, "from_raw_data", _decode)
        for census in _CENSUSES:
            patch.setattr(f"{census}.scan", scan)
        patch.setattr("mart_union.catalog.census.fetch_all", fetch_all)
        yield
    _keep_only(state)


_decoded: dict[tuple[type[Item], int], tuple[dict[str, Any], Any]] = {}
"""The censuses' items, by class and raw item; most of a state's are those of the state before."""


@classmethod  # type: ignore[misc]
def _decode(model: type[Item], raw: dict[str, Any]) -> Any:
    key = (model, id(raw))
    if key not in _decoded:
        _decoded[key] = raw, _from_raw_data(model, raw)
    return _decoded[key][1]


def _keep_only(state: State) -> None:
    """Forget what was decoded of other states."""
    if len(_decoded) > _MOST_DECODED:
        kept = {id(item) for item in state.items.values()}
        for key in [key for key in _decoded if key[1] not in kept]:
            del _decoded[key]


def drop_clients() -> None:
    """Forget every client that the project keeps: one made before a fork shares its connections with the other process."""
    _forget("client", "_client", "_bus", "_ses", "_pool", "card_provider")


def forget_what_processes_keep() -> None:
    """Forget keys, tokens and addresses, as a new process has none: each run sends every request."""
    _forget("_keys", "_address")
    unions._names = (0.0, {})
    admission._seen.clear()


def _forget(*names: str) -> None:
    for module in list(sys.modules.values()):
        if not getattr(module, "__name__", "").startswith(("mart_union", "notifications")):
            continue
        for attribute in names:
            clear = getattr(getattr(module, attribute, None), "cache_clear", None)
            if clear is not None:
                clear()
