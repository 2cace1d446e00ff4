"""On a schedule: tells the service center that the union is there, where, and what it serves."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.directory.model import Heartbeat, Place
from mart_union.directory.presence import Credentials, Presence
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import NotFound
from mart_union.kernel.secrets import read_secret
from mart_union.kernel.settings import settings

logger = Logger(service="presence")


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Send one heartbeat; the first registers the union's address."""
    _presence().report(_heartbeat())


def _heartbeat() -> Heartbeat:
    known = settings()
    plain = Heartbeat(
        base_url=known.public_url or os.environ["API_URL"],
        region=os.environ["AWS_REGION"],
        currency=known.currency.code,
        languages=known.languages,
    )
    try:
        union = catalog.get_union()
    except NotFound:  # its operator has not described it yet
        return plain
    return replace(
        plain,
        languages=union.languages,
        names=union.names,
        places=tuple(Place(place.names, place.postcodes) for place in union.places),
        open_stores=catalog.count_open_stores(utc_now()),
    )


@cache
def _presence() -> Presence:
    credentials = Credentials(os.environ["TOKEN_URL"], read_secret("client_id"), read_secret("client_secret"))
    return Presence(settings().union, settings().center_url, credentials)
