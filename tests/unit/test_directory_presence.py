"""A union reports to the service center: with its own token, within bounds, and not forever."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from mart_union.directory.model import Heartbeat, Place
from mart_union.directory.presence import CenterUnreachable, Credentials, Presence

BEAT = Heartbeat("https://hsinchu.example", "ap-northeast-1", "TWD", ("zh-TW",), (Place({"en": "Hsinchu"}, ("300",)),))
CREDENTIALS = Credentials("https://sign-in.example/oauth2/token", "client", "hush")


@dataclass
class Center:
    """Answers requests from a list; keeps what it was sent."""

    answers: list[int | Exception] = field(default_factory=list)
    seen: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    clock: float = 0

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        self.seen.append((method, url, headers, body))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer, json.dumps({"access_token": f"token{len(self.seen)}", "expires_in": 3600}).encode()

    def presence(self) -> Presence:
        return Presence(
            "hsinchu",
            "https://center.example/",
            CREDENTIALS,
            send=self.send,
            monotonic=lambda: self.clock,
            sleep=lambda _: None,
        )

    def urls(self) -> list[str]:
        return [f"{method} {url}" for method, url, _, _ in self.seen]


TOKEN, REPORT = "POST https://sign-in.example/oauth2/token", "PUT https://center.example/unions/hsinchu/heartbeat"


def test_a_report_goes_out_with_a_token_of_the_unions_client() -> None:
    center = Center()
    center.presence().report(BEAT)
    assert center.urls() == [TOKEN, REPORT]
    _, _, headers, form = center.seen[0]
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"client:hush").decode()
    assert form == b"grant_type=client_credentials&scope=directory%2Fheartbeat"
    _, _, headers, body = center.seen[1]
    assert headers["Authorization"] == "Bearer token1"
    assert json.loads(body)["places"] == [{"names": {"en": "Hsinchu"}, "postcodes": ["300"]}]


def test_a_token_is_kept_until_shortly_before_it_expires() -> None:
    center = Center()
    presence = center.presence()
    presence.report(BEAT)
    center.clock = 3539
    presence.report(BEAT)
    center.clock = 3540
    presence.report(BEAT)
    assert center.urls() == [TOKEN, REPORT, REPORT, TOKEN, REPORT]


@pytest.mark.parametrize("trouble", [500, 503, 429, CenterUnreachable("no answer")])
def test_silence_and_failures_are_tried_three_times(trouble: int | Exception) -> None:
    center = Center([200, trouble, trouble])
    center.presence().report(BEAT)
    assert center.urls() == [TOKEN, REPORT, REPORT, REPORT]
    center = Center([200, trouble, trouble, trouble])
    with pytest.raises(CenterUnreachable):
        center.presence().report(BEAT)
    assert len(center.seen) == 4


def test_a_refusal_is_not_tried_again_and_the_token_is_thrown_away() -> None:
    center = Center([200, 403])
    presence = center.presence()
    with pytest.raises(CenterUnreachable, match="answered 403"):
        presence.report(BEAT)
    presence.report(BEAT)
    assert center.urls() == [TOKEN, REPORT, TOKEN, REPORT]


def test_a_secret_is_not_shown() -> None:
    assert "hush" not in repr(CREDENTIALS)
