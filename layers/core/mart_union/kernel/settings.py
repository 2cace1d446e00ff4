"""The settings of a union's function: one frozen object, read from the environment once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from msgspec import Struct

from mart_union.kernel.money import Currency


class Settings(Struct, frozen=True):
    """What a union's functions know of their deployment; `infra/union.yaml` sets each variable.

    `card_key` is the card processor's publishable key; without it no card is offered.
    """

    union: str
    currency: Currency
    time_zone: str
    languages: tuple[str, ...]
    bucket: str
    bus: str
    center_url: str
    pool_issuer: str
    pool_client_id: str
    pool_region: str
    secret_name: str
    public_url: str
    email_sender: str
    reservation_seconds: int
    allow_loopback_shops: bool
    card_key: str = ""
    card_script: str = ""
    card_api: str = ""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from an environment.

    Raises:
        RuntimeError: a variable is missing; the message names it.
    """

    def need(name: str) -> str:
        if name not in environment:
            raise RuntimeError(f"the environment variable {name} is missing; infra/union.yaml sets it")
        return environment[name]

    return Settings(
        union=need("UNION_ID"),
        currency=Currency(need("CURRENCY"), int(need("CURRENCY_STEP"))),
        time_zone=need("TIME_ZONE"),
        languages=tuple(need("LANGUAGES").split(",")),
        bucket=need("UNION_BUCKET"),
        bus=need("UNION_BUS"),
        center_url=need("CENTER_URL"),
        pool_issuer=need("POOL_ISSUER"),
        pool_client_id=need("POOL_CLIENT_ID"),
        pool_region=need("POOL_REGION"),
        secret_name=need("UNION_SECRET"),
        public_url=environment.get("PUBLIC_URL", "").rstrip("/"),
        email_sender=need("EMAIL_SENDER"),
        reservation_seconds=int(need("RESERVATION_SECONDS")),
        allow_loopback_shops=need("ALLOW_LOOPBACK_SHOPS") == "true",
        card_key=need("CARD_KEY"),
        card_script=need("CARD_SCRIPT"),
        card_api=need("CARD_API"),
    )


@cache
def settings() -> Settings:
    """The settings of this process."""
    return read_settings(os.environ)
