"""Brings the local network up, step by step; a step whose result is there already does nothing."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import urllib3
from botocore.exceptions import ClientError

from infra import join
from infra.local import accounts, emulator, processes, seed, stacks
from infra.local.cards import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_KEY
from infra.local.network import (
    CENTER_REGION,
    CENTER_STACK,
    PASSWORD,
    ROOT,
    STATE,
    Network,
    SampleUnion,
    Trouble,
    is_free,
    sample_unions,
    write,
)

EDGE = "edge"
CARDS = "cards"
_EMAIL_SENDER = "no-reply@mart-union.example"
_REGISTRATION_SECONDS = 120
_DRAIN_SECONDS = 5
_SEEDED = "/mart-union/local/seeded"  # kept at the emulator, so that the mark is lost with the data and not without

Say = Callable[[str], None]


def up(network: Network, say: Say) -> None:
    """Start what does not run, deploy what has changed, and fill a new network with its sample.

    Raises:
        Trouble: a step failed.
    """
    unions = sample_unions()
    write("unions.json", {union.id: union.region for union in unions})
    _start(network, say)
    center = _deploy_center(network, unions, say)
    _deploy_unions(network, unions, center, say)
    _register(network, unions, say)
    write("network.json", _described(network, unions))
    _seed(network, unions, say)


def deploy(network: Network, say: Say) -> None:
    """Build and deploy what has changed, on a network that is up; nothing else."""
    if not processes.running(emulator.NAME):
        raise Trouble("the network is not up; run: make up")
    unions = sample_unions()
    center = _deploy_center(network, unions, say)
    _deploy_unions(network, unions, center, say)


def down(say: Say) -> None:
    """Stop the edge, let functions hear of the last changes, for the emulator does not save streams, then stop it with its data saved."""
    stopped = processes.stop(EDGE, seconds=10)
    processes.stop(CARDS, seconds=10)
    if processes.running(emulator.NAME):
        time.sleep(_DRAIN_SECONDS)
    if emulator.stop():
        say(f"stopped; all data is kept in {STATE}")
    elif not stopped:
        say("nothing was running")


def _start(network: Network, say: Say) -> None:
    edge_runs = processes.running(EDGE)
    if not edge_runs and not is_free(network.port):
        raise Trouble(f"port {network.port} is used by another program; choose one: make up PORT=<number>")
    if emulator.ensure(network):
        say(f"emulator: listening on {network.endpoint}")
    environment = network.environment(CENTER_REGION) | {"PYTHONPATH": str(ROOT)}
    if not processes.running(CARDS):
        command = [sys.executable, "-m", "infra.local.cards"]
        processes.start(CARDS, command, environment, answers=lambda: not is_free(network.card_port), seconds=60)
        say(f"card desk: listening on {network.card_url}, for test cards such as 4242 4242 4242 4242")
    if edge_runs:
        return
    command = [sys.executable, "-m", "infra.local.edge"]
    processes.start(EDGE, command, environment, answers=lambda: not is_free(network.port), seconds=60)
    say(f"edge: listening on {network.center_url}/")


def _deploy_center(network: Network, unions: list[SampleUnion], say: Say) -> dict[str, str]:
    with ThreadPoolExecutor(2) as workers:
        built = list(workers.map(lambda template: stacks.build(network, template), (stacks.CENTER, stacks.UNION)))
    if any(built):
        say("functions and layers are built")
    if stacks.deploy(network, stacks.CENTER, CENTER_STACK, CENTER_REGION, {"PublicUrl": network.center_url}):
        say(f"service center deployed in {CENTER_REGION}")
    center = stacks.outputs(network, CENTER_STACK, CENTER_REGION)
    people = [accounts.network_operator(), *(each for union in unions for each in accounts.union_accounts(union.id))]
    made = accounts.ensure(network.client("cognito-idp", CENTER_REGION), center["PoolId"], people)
    if made:
        say(f"{made} accounts made")
    return center


def _deploy_unions(network: Network, unions: list[SampleUnion], center: dict[str, str], say: Say) -> None:
    def one(union: SampleUnion) -> None:
        _join(network, union, center)
        _verify_sender(network, union)
        if stacks.deploy(network, stacks.UNION, union.stack, union.region, _parameters(network, union, center)):
            say(f"union {union.id} deployed in {union.region}")

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(one, unions))


def _join(network: Network, union: SampleUnion, center: dict[str, str]) -> None:
    """The same steps as `python -m infra.join` takes on AWS."""
    cognito = network.client("cognito-idp", CENTER_REGION)
    client_id, client_secret = join.ensure_client(cognito, center["PoolId"], union.id)
    card_keys = {"stripe_key": SECRET_KEY, "stripe_webhook_key": WEBHOOK_KEY}
    secrets = network.client("secretsmanager", union.region)
    join.ensure_secret(secrets, union.id, client_id, client_secret, card_keys)
    token = join.sign_in(cognito, center["PoolClientId"], accounts.NETWORK_OPERATOR, PASSWORD)
    join.admit(network.center_url, token, union.id, client_id, union.names)


def _verify_sender(network: Network, union: SampleUnion) -> None:
    """On AWS the address's owner answers a mail first."""
    mail = network.client("sesv2", union.region)
    with contextlib.suppress(mail.exceptions.AlreadyExistsException):
        mail.create_email_identity(EmailIdentity=_EMAIL_SENDER)


def _parameters(network: Network, union: SampleUnion, center: dict[str, str]) -> dict[str, str]:
    return {
        "UnionId": union.id,
        "Currency": union.currency,
        "CurrencyStep": str(union.currency_step),
        "TimeZone": union.time_zone,
        "Languages": ",".join(union.languages),
        "PublicUrl": network.union_url(union.id),
        "CenterUrl": network.center_url,
        "PoolIssuer": center["PoolIssuer"],
        "PoolClientId": center["PoolClientId"],
        "PoolRegion": center["PoolRegion"],
        "TokenUrl": f"{network.endpoint}/oauth2/token",  # the emulator serves no sign-in domain
        "SecretName": join.secret_name(union.id),
        "EmailSender": _EMAIL_SENDER,
        "AllowLoopbackShops": "true",
        "CardKey": PUBLISHABLE_KEY,
        "CardScript": f"{network.card_url}/js.stripe.com/v3/",
        "CardApi": f"http://127.0.0.1:{network.card_port}",
        "RequireTls": "false",
        "SettlementSchedule": "rate(1 minute)",
    }


def _register(network: Network, unions: list[SampleUnion], say: Say) -> None:
    """Wait until every union has registered; the first heartbeat is sent now instead of at the next full minute."""
    deadline = time.monotonic() + _REGISTRATION_SECONDS
    for union in unions:
        while not _is_healthy(network, union):
            answer = network.client("lambda", union.region).invoke(FunctionName=f"mart-union-{union.id}-presence")
            if "FunctionError" not in answer and _is_healthy(network, union):
                say(f"union {union.id} has registered with the service center")
                break
            if time.monotonic() > deadline:
                said = json.loads(answer["Payload"].read() or b"{}") or {}
                raise Trouble(f"union {union.id} did not register: {said.get('errorMessage', 'no heartbeat arrived')}")
            time.sleep(1)


def _is_healthy(network: Network, union: SampleUnion) -> bool:
    answer = urllib3.request("GET", f"{network.center_url}/unions/{union.id}", timeout=15, retries=2)
    return answer.status == 200 and bool(answer.json()["healthy"])


def _seed(network: Network, unions: list[SampleUnion], say: Say) -> None:
    """Give each union its sample, the unions side by side; what has one already is left alone."""
    described = _described(network, unions)

    def seed_once(union: SampleUnion) -> None:
        parameters = network.client("ssm", union.region)
        name = f"{_SEEDED}/{union.id}"
        if not _is_marked(parameters, name):
            seed.run(described, union.id, say)
            parameters.put_parameter(Name=name, Value="true", Type="String", Overwrite=True)
            say(f"union {union.id} has its sample stores, goods and people")

    with ThreadPoolExecutor(len(unions)) as workers:
        list(workers.map(seed_once, unions))


def _is_marked(parameters: Any, name: str) -> bool:
    try:
        parameters.get_parameter(Name=name)
    except ClientError as exc:
        if exc.response["Error"]["Code"] != "ParameterNotFound":
            raise
        return False
    return True


def _described(network: Network, unions: list[SampleUnion]) -> dict[str, Any]:
    """What programs and tests need to find the network; `.local/network.json`."""
    return {
        "state": str(STATE),
        "service_center": network.center_url,
        "service_center_region": CENTER_REGION,
        "emulator": network.endpoint,
        "card_processor": network.card_url,
        "access_key_id": network.access_key_id,
        "secret_access_key": network.secret_access_key,
        "pool": {
            key: value
            for key, value in stacks.outputs(network, CENTER_STACK, CENTER_REGION).items()
            if key.startswith("Pool")
        },
        "accounts": [accounts.network_operator().shown()],
        "unions": {union.id: _described_union(network, union) for union in unions},
    }


def _described_union(network: Network, union: SampleUnion) -> dict[str, Any]:
    known = stacks.outputs(network, union.stack, union.region)
    return {
        "region": union.region,
        "url": network.union_url(union.id),
        "bucket": known["Bucket"],
        "currency": union.currency,
        "currency_step": union.currency_step,
        "time_zone": union.time_zone,
        "languages": list(union.languages),
        "names": union.names,
        "secret": join.secret_name(union.id),
        "accounts": [account.shown() for account in accounts.union_accounts(union.id)],
    }


def clean(state: Path) -> None:
    """Remove all that the local network keeps."""
    import shutil

    shutil.rmtree(state, ignore_errors=True)
