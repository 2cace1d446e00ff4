"""On files in the bucket: `uploads/<store>/<upload>.csv`, `supply/<supplier>/<upload>.csv` and `carriers/<carrier>/<upload>.csv`."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger

from catalog_import.work import import_file

logger = Logger(service="catalog_import")


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Work through each file; a failure is raised, and storage tells of the file again."""
    for record in event["Records"]:
        key = unquote_plus(record["s3"]["object"]["key"])
        upload = import_file(key)
        if upload is None:
            logger.info("nothing to do", key=key)
        else:
            logger.info("worked through", key=key, state=upload.state, read=upload.read, refused=upload.refused)
