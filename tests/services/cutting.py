"""Cuts a command off before or after one of its requests, to AWS or to the card processor, as a crash or a timeout does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

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

    send = requests.Session.send

    def send_or_end(session: requests.Session, *arguments: Any, **options: Any) -> requests.Response:
        if when == "before":
            end()
        answer = send(session, *arguments, **options)
        if when == "after":
            end()
        return answer

    clients = (storage.client(), bucket._client())
    requests.Session.send = send_or_end  # type: ignore[method-assign]
    for client in clients:
        client.meta.events.register(event, end, unique_id="cut-off")
    try:
        yield
    finally:
        requests.Session.send = send  # type: ignore[method-assign]
        for client in clients:
            client.meta.events.unregister(event, unique_id="cut-off")
