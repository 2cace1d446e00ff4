"""The union's bucket in the emulated account."""

from __future__ import annotations

from mart_union.kernel import bucket
from mart_union.kernel.settings import settings


def make_bucket() -> None:
    """Make the union's bucket, if it is not there."""
    client = bucket._client()
    if settings().bucket not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
        client.create_bucket(
            Bucket=settings().bucket, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}
        )
