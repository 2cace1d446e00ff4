"""The union's bucket: whole objects in and out, and forms by which others upload straight to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import IO, Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session
from msgspec import Struct

from mart_union.kernel.errors import NotFound
from mart_union.kernel.settings import settings

LARGEST_UPLOAD = 50_000_000
_PIECE_BYTES = 1 << 20


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


class UploadForm(Struct, frozen=True):
    """Where a file is sent, as multipart/form-data: these fields first, then the field `file`."""

    url: str
    fields: dict[str, str]


@cache
def _signing_client() -> Any:
    """Virtual addressing makes botocore sign for the bucket's own region; the global endpoint redirects, which a POST does not survive."""
    return get_session().create_client(
        "s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    )


def presign_upload(
    key: str, *, largest_bytes: int = LARGEST_UPLOAD, seconds: int = 900, back_to: str = ""
) -> UploadForm:
    """A form that lets whoever has it put one file of limited size under a key, for some minutes.

    A browser then goes `back_to` an absolute address, if one is given.
    """
    conditions: list[Any] = [["content-length-range", 1, largest_bytes]]
    fields = {"success_action_redirect": back_to} if back_to else {}
    form = _signing_client().generate_presigned_post(
        settings().bucket,
        key,
        Fields=fields,
        Conditions=[*conditions, *([fields] if fields else [])],
        ExpiresIn=seconds,
    )
    return UploadForm(form["url"], form["fields"])


def open_object(key: str) -> tuple[str, Iterator[bytes]]:
    """The fingerprint (ETag) of what is under a key now, and its content in pieces.

    Raises:
        NotFound: nothing is kept under it.
    """
    try:
        answer = _client().get_object(Bucket=settings().bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
            raise NotFound(f"the bucket has no {key}") from error
        raise
    return str(answer["ETag"]).strip('"'), answer["Body"].iter_chunks(_PIECE_BYTES)


def put_file(key: str, file: IO[bytes], media_type: str) -> None:
    """Keep a file under a key; the same again changes nothing."""
    _client().put_object(Bucket=settings().bucket, Key=key, Body=file, ContentType=media_type)


def presign_download(key: str, file_name: str, *, seconds: int = 300) -> str:
    """An address from which whoever has it gets one file, for some minutes."""
    parameters = {
        "Bucket": settings().bucket,
        "Key": key,
        "ResponseContentDisposition": f'attachment; filename="{file_name}"',
    }
    return str(_signing_client().generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds))
