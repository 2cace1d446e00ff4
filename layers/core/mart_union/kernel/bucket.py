"""The union's bucket: whole objects in and out."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

from mart_union.kernel.errors import NotFound
from mart_union.kernel.settings import settings


@cache
def _client() -> Any:
    config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
    return get_session().create_client("s3", config=config)


def put_object(key: str, body: str, media_type: str) -> None:
    """Keep a text under a key; the same again changes nothing."""
    _client().put_object(Bucket=settings().bucket, Key=key, Body=body.encode(), ContentType=media_type)


def get_object(key: str) -> str:
    """The text under a key.

    Raises:
        NotFound: nothing is kept under it.
    """
    try:
        body: bytes = _client().get_object(Bucket=settings().bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
            raise NotFound(f"the bucket has no {key}") from error
        raise
    return body.decode()
