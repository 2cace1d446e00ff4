"""Clients of AWS, without what makes them slow to make."""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import get_session

SERVICES = ("cognito-idp", "dynamodb", "events", "lambda", "s3", "secretsmanager", "sesv2", "sqs", "sts")
"""The services that functions call; `sts` is botocore's own, for credentials."""


class _Loader(Loader):
    """Knows which services there are. botocore would look into the folders of four hundred: 25 ms of a cold start."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - all have a model of this type
        return list(SERVICES)


def new_client(service: str, config: Config, *, region: str | None = None) -> Any:
    """A client of one of `SERVICES`, in the function's own region unless one is named. Make it once a process."""
    session = get_session()
    session.register_component("data_loader", _Loader())
    return session.create_client(service, region_name=region, config=config)
