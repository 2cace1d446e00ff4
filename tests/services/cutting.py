"""Cuts a command off before or after one of its requests, as a crash or a timeout does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mart_union.kernel import bucket, storage


class CutOff(BaseException):
    """The process ended here: nothing that handles errors gets to see it."""


@contextmanager
def cut_off(number: int, when: str) -> Iterator[None]:
    """End the process `before` the request of a number is sent, or `after` it was carried out; requests count from 0."""
    event = {"before": "before-send", "after": "after-call"}[when]
    count = itertools.count()

    def end(**_: Any) -> None:
        if next(count) == number:
            raise CutOff(f"{when} request {number}")

    clients = (storage.client(), bucket._client())
    for client in clients:
        client.meta.events.register(event, end, unique_id="cut-off")
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister(event, unique_id="cut-off")
