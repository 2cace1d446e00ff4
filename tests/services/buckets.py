"""The union's bucket in the emulated account, for as long as a module's tests need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mart_union.kernel import bucket
from mart_union.kernel.settings import settings


@contextmanager
def own_bucket() -> Iterator[None]:
    """The union's bucket; made and removed again, unless it was there."""
    bucket._client.cache_clear()
    client, name = bucket._client(), settings().bucket
    made = name not in {each["Name"] for each in client.list_buckets()["Buckets"]}
    if made:
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    yield
    if made:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            for each in page.get("Contents", ()):
                client.delete_object(Bucket=name, Key=each["Key"])
        client.delete_bucket(Bucket=name)
    bucket._client.cache_clear()
