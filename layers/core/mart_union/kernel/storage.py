"""Items of the union's tables: the PynamoDB base model, documents as attributes, one client, one batch read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session
from msgspec import Struct
from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute
from pynamodb.constants import STRING
from pynamodb.exceptions import AttributeNullError, PynamoDBException
from pynamodb.models import Model

from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings

T = TypeVar("T")
M = TypeVar("M", bound="Item")

_BATCH_READ_LIMIT = 100
_PARTITION_KEY_BYTES, _SORT_KEY_BYTES = 2_048, 1_024  # DynamoDB's limits


def table_name(table: str) -> str:
    """The name of one of the union's tables, such as `mart-union-hsinchu-orders`."""
    return f"mart-union-{settings().union}-{table}"


@cache
def client() -> Any:
    """The DynamoDB client that all models share: making one costs tens of milliseconds of a cold start."""
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 4},
        parameter_validation=False,
    )
    return get_session().create_client("dynamodb", config=config)


STORAGE_ERRORS = (PynamoDBException, BotoCoreError, ClientError)
"""How a request to the tables ends that nobody answered, or that was refused for no fault of the caller's."""


def code_of(error: PynamoDBException) -> str:
    """DynamoDB's code for what went wrong; '' where nobody answered (PynamoDB's own property fails there)."""
    answer = getattr(error.cause, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))


class Document(Attribute[T], Generic[T]):
    """A frozen dataclass kept as JSON text: one attribute, read and written in microseconds."""

    attr_type = STRING

    def __init__(self, of: type[T], **options: Any) -> None:
        super().__init__(**options)
        self.of = of

    def serialize(self, value: T) -> str:
        return msgspec.json.encode(value).decode()

    def deserialize(self, value: str) -> T:
        document: T = msgspec.json.decode(value, type=self.of)
        return document


class Whole(NumberAttribute):
    """A whole number, written and read without the JSON that PynamoDB makes of each: for tables that lists of thousands go into."""

    def serialize(self, value: int) -> str:
        return str(int(value))

    def deserialize(self, value: str) -> int:
        return int(value)


class Item(Model):
    """An item of a union's table, found by partition key `pk` and sort key `sk`.

    Its attributes are plain and go by their own names, and their defaults are constants. So it is filled and written without what PynamoDB does for attributes
    within attributes, which took a quarter of an import's own time.
    """

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)

    def _set_defaults(self, _user_instantiated: bool = True) -> None:
        self.attribute_values.update(_defaults(type(self)))

    def _set_attributes(self, **attributes: Any) -> None:
        if unknown := attributes.keys() - self.get_attributes().keys():
            raise ValueError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        self.attribute_values.update(attributes)

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:
        """The item as it is sent; an attribute without a value is left out.

        Raises:
            AttributeNullError: an attribute that must have a value has none.
        """
        written: dict[str, dict[str, Any]] = {}
        for name, attribute in self.get_attributes().items():
            value = self.attribute_values.get(name)
            sent = None if value is None else attribute.serialize(value)
            if sent is not None:
                written[name] = {attribute.attr_type: sent}
            elif null_check and not attribute.null:
                raise AttributeNullError(name)
        return written

    @classmethod
    def _get_connection(cls) -> Any:
        connection = super()._get_connection()
        connection.connection._client = client()  # PynamoDB would make one client for each model
        return connection


@cache
def _defaults(model: type[Item]) -> dict[str, Any]:
    attributes = model.get_attributes().items()
    return {name: attribute.default for name, attribute in attributes if attribute.default is not None}


def find(model: type[M], pk: str, sk: str, *, consistent: bool = False) -> M | None:
    """The item under a key, or None. One request; half a read unit a 4 KB, one when consistent."""
    if not can_exist(pk, sk):
        return None
    try:
        return model.get(pk, sk, consistent_read=consistent)
    except model.DoesNotExist:
        return None


def can_exist(pk: str, sk: str) -> bool:
    """Whether an item may have such a key: the database refuses to look for one that is empty or too long."""
    return 0 < len(pk.encode()) <= _PARTITION_KEY_BYTES and 0 < len(sk.encode()) <= _SORT_KEY_BYTES


class Ref(Struct, Generic[T], frozen=True):
    """Where something stands and how to read it there: a capability hands it out, so that its tables stay its own."""

    model: type[Item]
    pk: str
    sk: str
    read: Callable[[Any], T]


def fetch(ref: Ref[T], *, consistent: bool = False) -> T | None:
    """What stands at a reference, or None. One request."""
    item = find(ref.model, ref.pk, ref.sk, consistent=consistent)
    return None if item is None else ref.read(item)


def fetch_all(refs: Sequence[Ref[Any]], *, consistent: bool = False) -> list[Any]:
    """What stands at several references of any tables, in the order asked for, None for each that does not exist.

    One batch read a hundred different keys; keys that the database leaves out are asked for again, with jitter.

    Raises:
        Busy: the database kept leaving keys out.
    """
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    keys = list(dict.fromkeys((ref.model.Meta.table_name, ref.pk, ref.sk) for ref in refs if can_exist(ref.pk, ref.sk)))
    for start in range(0, len(keys), _BATCH_READ_LIMIT):
        _read_batch(keys[start : start + _BATCH_READ_LIMIT], found, consistent)
    raws = (found.get((ref.model.Meta.table_name, ref.pk, ref.sk)) for ref in refs)
    return [
        None if raw is None else ref.read(ref.model.from_raw_data(raw)) for ref, raw in zip(refs, raws, strict=True)
    ]


def find_all(wanted: Sequence[tuple[type[Item], str, str]], *, consistent: bool = False) -> list[Any]:
    """The items themselves under several keys, as `fetch_all` reads them."""
    return fetch_all([Ref(model, pk, sk, _itself) for model, pk, sk in wanted], consistent=consistent)


def _itself(item: Any) -> Any:
    return item


def _read_batch(
    keys: Sequence[tuple[str, str, str]], found: dict[tuple[str, str, str], dict[str, Any]], consistent: bool
) -> None:
    def read_the_rest() -> None:
        request: dict[str, Any] = {}
        for table, pk, sk in keys:
            if (table, pk, sk) not in answered:
                request.setdefault(table, {"Keys": [], "ConsistentRead": consistent})["Keys"].append(
                    {"pk": {"S": pk}, "sk": {"S": sk}}
                )
        answer = client().batch_get_item(RequestItems=request, ReturnConsumedCapacity="TOTAL")
        for table, items in answer["Responses"].items():
            found.update({(table, item["pk"]["S"], item["sk"]["S"]): item for item in items})
        left = answer.get("UnprocessedKeys") or {}
        answered.update(keys)
        answered.difference_update(
            (table, key["pk"]["S"], key["sk"]["S"]) for table, part in left.items() for key in part["Keys"]
        )
        if left:
            raise _LeftOut

    answered: set[tuple[str, str, str]] = set()
    retried(read_the_rest, on=_LeftOut, what="these items")


class _LeftOut(Exception):
    """The database answered for some keys only."""
