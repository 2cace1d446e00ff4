"""The laptop's network: settings are kept, processes are found again and end kindly, joining twice is joining once."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra import join
from infra.local import __main__ as commands
from infra.local import accounts, network, people, processes, stacks
from infra.local.network import Trouble


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (network, processes, stacks):
        monkeypatch.setattr(module, "STATE", tmp_path / "state")
    return tmp_path / "state"


def test_ports_and_keys_are_the_same_from_start_to_start() -> None:
    first = network.load()
    assert network.load() == first
    assert len({first.port, first.emulator_port}) == 2
    assert first.secret_access_key != network.Network(1, 2, "a", "b").secret_access_key


def test_a_port_that_is_asked_for_is_remembered_and_the_keys_stay() -> None:
    first = network.load()
    second = network.load(port=9123)
    assert second.port == 9123
    assert (second.secret_access_key, second.emulator_port) == (first.secret_access_key, first.emulator_port)
    assert network.load() == second


def test_a_taken_port_is_replaced_by_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(network, "DEFAULT_PORT", port)
        assert not network.is_free(port)
        assert network.load().port != port


def test_what_is_kept_is_the_owners_alone(state: Path) -> None:
    network.load()
    assert (state / "ports.json").stat().st_mode & 0o077 == 0


def test_tools_get_no_setting_of_a_real_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    environment = network.load().environment("eu-west-1")
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(environment)
    assert environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it outlives who started it, on purpose
def test_a_process_is_found_again_and_ends_kindly(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    code = (
        "import signal,sys,time,pathlib\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(saved)!r}).touch(), sys.exit()))\n"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).touch()\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    processes.start("worker", command, {}, answers=(tmp_path / "ready").exists, seconds=10)
    assert processes.running("worker")
    assert processes.stop("worker", seconds=10)
    assert saved.exists()
    assert processes.running("worker") is None
    assert not processes.stop("worker", seconds=1)


def test_a_process_that_ends_at_once_is_explained_with_its_last_line() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such port')"]
    with pytest.raises(Trouble, match="no such port"):
        processes.start("worker", command, {}, answers=lambda: False, seconds=10)


def test_another_process_that_took_over_the_id_is_not_ours() -> None:
    import os

    network.write("worker.pid.json", {"pid": os.getpid(), "started_at": "long ago"})
    assert processes.running("worker") is None


def test_the_line_that_says_why_is_picked_from_the_tools_output() -> None:
    output = "Deploying\nCREATE_FAILED  AWS::SQS::Queue  X  Name is taken\nsome advice\n"
    assert stacks._reason(output) == "CREATE_FAILED AWS::SQS::Queue X Name is taken"


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        ("", ["sam deploy"]),
        ("UPDATE_COMPLETE", ["sam deploy"]),
        ("UPDATE_ROLLBACK_COMPLETE", ["sam deploy"]),
        ("REVIEW_IN_PROGRESS", ["sam deploy"]),
        ("ROLLBACK_COMPLETE", ["delete", "sam deploy"]),
        ("CREATE_FAILED", ["delete", "sam deploy"]),
        ("DELETE_FAILED", ["delete", "sam deploy"]),
        ("UPDATE_ROLLBACK_FAILED", ["delete", "sam deploy"]),
        ("UPDATE_IN_PROGRESS", ["delete", "sam deploy"]),
    ],
)
def test_a_half_deployed_stack_is_deleted_and_deployed_again(
    found: str, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(stacks, "_FINISH_SECONDS", 0)
    monkeypatch.setattr(stacks, "status", lambda *_: found)
    monkeypatch.setattr(stacks, "_artifact_bucket", lambda *_: "bucket")
    monkeypatch.setattr(stacks, "_delete", lambda *_: done.append("delete"))
    monkeypatch.setattr(stacks, "_sam", lambda _network, _template, _region, command, *_: done.append(f"sam {command}"))
    assert stacks.deploy(network.load(), stacks.UNION, "mart-union-x", "eu-west-1", {})
    assert done == steps


def test_a_stack_that_is_what_it_should_be_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "status", lambda *_: "CREATE_COMPLETE")
    monkeypatch.setattr(stacks, "_artifact_bucket", lambda *_: "bucket")
    monkeypatch.setattr(stacks, "_sam", lambda *_: None)
    given = (network.load(), stacks.UNION, "mart-union-x", "eu-west-1")
    assert stacks.deploy(*given, {"Currency": "EUR"})
    assert not stacks.deploy(*given, {"Currency": "EUR"})
    assert stacks.deploy(*given, {"Currency": "TWD"})


@pytest.mark.parametrize("union", [each.id for each in network.sample_unions()])
def test_everybody_of_the_sample_has_one_account_and_every_union_an_operator(union: str) -> None:
    people = accounts.union_accounts(union)
    assert len({person.email for person in people}) == len(people)
    held = [role for person in people for role in person.roles]
    assert held.count("operator") == 1
    assert "customer" in held
    (operator,) = [person for person in people if "operator" in person.roles]
    assert operator.groups == (f"operator.{union}",)


@pytest.fixture
def aws() -> Iterator[dict[str, Any]]:
    with mock_aws():
        cognito = boto3.client("cognito-idp", region_name="us-east-1")
        pool = cognito.create_user_pool(PoolName="mart-union", UsernameAttributes=["email"])["UserPool"]["Id"]
        scopes = [{"ScopeName": "heartbeat", "ScopeDescription": "x"}]
        cognito.create_resource_server(UserPoolId=pool, Identifier="directory", Name="d", Scopes=scopes)
        yield {"cognito": cognito, "pool": pool, "secrets": boto3.client("secretsmanager", region_name="us-east-1")}


def test_a_union_that_joins_again_keeps_its_client_and_its_keys(aws: dict[str, Any]) -> None:
    client = join.ensure_client(aws["cognito"], aws["pool"], "hsinchu")
    assert join.ensure_client(aws["cognito"], aws["pool"], "hsinchu") == client
    assert join.ensure_client(aws["cognito"], aws["pool"], "gangwon")[0] != client[0]
    keys = join.ensure_secret(aws["secrets"], "hsinchu", *client)
    assert set(keys) == {"client_id", "client_secret", "bank_key", "shop_key", "carrier_key", "token_key"}
    assert join.ensure_secret(aws["secrets"], "hsinchu", *client) == keys
    renewed = join.ensure_secret(aws["secrets"], "hsinchu", "new", "newer")
    assert renewed == keys | {"client_id": "new", "client_secret": "newer"}
    kept = aws["secrets"].get_secret_value(SecretId="mart-union/hsinchu")["SecretString"]
    assert json.loads(kept) == renewed
    cards = {"stripe_key": "sk", "stripe_webhook_key": "whsec"}
    assert join.ensure_secret(aws["secrets"], "hsinchu", "new", "newer", cards) == renewed | cards
    assert join.ensure_secret(aws["secrets"], "hsinchu", "new", "newer") == renewed | cards


def test_accounts_are_made_once_and_can_sign_in(aws: dict[str, Any]) -> None:
    person = accounts.Account("kim@example.org", "Kim", ("operator",), ("operator.hsinchu",))
    assert accounts.ensure(aws["cognito"], aws["pool"], [person]) == 1
    assert accounts.ensure(aws["cognito"], aws["pool"], [person]) == 0
    flows = ["ALLOW_USER_PASSWORD_AUTH"]
    client = aws["cognito"].create_user_pool_client(UserPoolId=aws["pool"], ClientName="x", ExplicitAuthFlows=flows)
    assert join.sign_in(aws["cognito"], client["UserPoolClient"]["ClientId"], person.email, network.PASSWORD)


def test_a_token_is_of_one_of_the_accounts_or_the_accounts_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["token", "--email", "lin@example"]) == 1
    assert "make up makes one" in capsys.readouterr().err
    network.write("network.json", {"accounts": [{"email": "lin@example", "password": "p"}], "unions": {}})
    assert commands.main(["token", "--email", "wang@example"]) == 1
    assert "say EMAIL=<one of these>: lin@example" in capsys.readouterr().err
    monkeypatch.setattr(people, "sign_in", lambda _network, email, password: f"{email} by {password}")
    assert commands.main(["token", "--email", "lin@example"]) == 0
    assert capsys.readouterr().out == "lin@example by p\n"


def test_what_runs_in_a_folder_is_waited_for_and_ended_when_it_stays(tmp_path: Path) -> None:
    assert processes.end_all_in(tmp_path, seconds=0) == 0
    stays = tmp_path / "worker.py"
    stays.write_text("import time\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, str(stays)]) as worker:
        assert processes.end_all_in(tmp_path, seconds=0.3) == 1
        assert worker.wait(10) == -signal.SIGTERM
    assert processes.end_all_in(tmp_path, seconds=0) == 0
