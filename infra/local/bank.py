"""The sample network's bank: tells a union, in signed notices, of money that has come for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
from standardwebhooks import Webhook

from infra.local.people import Refused, visitor


def send_money(network: dict[str, Any], union: str, *, notice: str, reference: str, amount_minor: int) -> None:
    """A transfer to the union's bank account with a payer's reference; the same notice again moves no money twice.

    Raises:
        Refused: the union did not take the notice.
    """
    facts = network["unions"][union]
    data = {"id": notice, "amount_minor": amount_minor, "currency": facts["currency"], "reference": reference}
    body = json.dumps({"type": "transfer.received", "data": data})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": notice,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(_key(network, union)).sign(notice, now, body),
        "content-type": "application/json",
    }
    answer = visitor(facts["url"]).http.post("/api/payments/webhooks/bank", content=body, headers=headers)
    if answer.status_code != 200:
        raise Refused(f"the bank's notice {notice} was answered {answer.status_code}: {answer.text[:500]}")


def _key(network: dict[str, Any], union: str) -> str:
    """The key that bank and union share; on a laptop both ends are ours."""
    facts = network["unions"][union]
    secrets = boto3.client(
        "secretsmanager",
        region_name=facts["region"],
        endpoint_url=network["emulator"],
        aws_access_key_id=network["access_key_id"],
        aws_secret_access_key=network["secret_access_key"],
    )
    keys = json.loads(secrets.get_secret_value(SecretId=facts["secret"])["SecretString"])
    return "whsec_" + str(keys["bank_key"]).removeprefix("whsec_").translate(str.maketrans("-_", "+/"))
