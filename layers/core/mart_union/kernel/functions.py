"""Other functions of the union, asked to do something later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from botocore.config import Config
from botocore.session import get_session

from mart_union.kernel.settings import settings


@cache
def _client() -> Any:
    config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
    return get_session().create_client("lambda", config=config)


def invoke_later(function: str, payload: Mapping[str, str | Sequence[str]]) -> None:
    """Hand a payload to one of the union's functions, without waiting for what becomes of it."""
    name = f"mart-union-{settings().union}-{function}"
    _client().invoke(FunctionName=name, InvocationType="Event", Payload=msgspec.json.encode(payload))
