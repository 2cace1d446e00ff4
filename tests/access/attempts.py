"""Everything that a role could be tried at in both stacks: each action on each resource, and the request that tries it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.access.deployed import ACCOUNT, REGION, Account
from tests.access.grants import Need
from tests.conftest import UNION

_ARN = f"arn:aws:{{service}}:{REGION}:{ACCOUNT}:{{what}}"
_KEY = {"pk": {"S": "NOTHING"}, "sk": {"S": "NOTHING"}}
_KEYS = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "NOTHING"}}}
_PREFIXES = ("uploads", "supply", "carriers", "reports", "reconciliation", "payouts", "bank")
_BUCKET = UNION["UNION_BUCKET"]
Clients = Callable[[str], Any]


@dataclass(frozen=True)
class Attempt:
    """One action on one resource, and how it is tried; nothing that is there is changed by it."""

    need: Need
    service: str
    try_it: Callable[[Any], object]

    def is_denied(self, clients: Clients) -> bool:
        """Whether the account refuses to let these clients do it; another error means that they were let in."""
        try:
            self.try_it(clients(self.service))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return "AccessDenied" in code or "NotAuthorized" in code or code == "403"
        return False

    def __str__(self) -> str:
        return f"{self.need[0]} on {self.need[1].split(':', 5)[-1]}"


def clients_of(account: Account, session: boto3.Session) -> Clients:
    """One client a service, of a session."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = account.client(service, session)
        return made[service]

    return client


def all_attempts(account: Account, made: dict[str, str]) -> list[Attempt]:
    """Each attempt at what stands in the account."""
    tables = [name for name in account.client("dynamodb").list_tables()["TableNames"] if name.startswith("mart-union")]
    queues = account.client("sqs").list_queues()["QueueUrls"]
    functions = [each["FunctionName"] for each in account.client("lambda").list_functions()["Functions"]]
    return [
        *(attempt for table in tables for attempt in _on_table(account, table)),
        *(attempt for prefix in _PREFIXES for attempt in _on_prefix(prefix)),
        *(attempt for url in queues for attempt in _on_queue(url)),
        *(_invoking(function) for function in functions),
        *_elsewhere(made),
    ]


def _on_table(account: Account, table: str) -> Iterator[Attempt]:
    arn = _ARN.format(service="dynamodb", what=f"table/{table}")
    check = {"ConditionCheck": {"TableName": table, "Key": _KEY, "ConditionExpression": "attribute_not_exists(pk)"}}
    missing = "attribute_exists(pk) AND attribute_not_exists(pk)"
    ways: dict[str, Callable[[Any], object]] = {
        "GetItem": lambda client: client.get_item(TableName=table, Key=_KEY),
        "BatchGetItem": lambda client: client.batch_get_item(RequestItems={table: {"Keys": [_KEY]}}),
        "Query": lambda client: client.query(TableName=table, **_KEYS),
        "Scan": lambda client: client.scan(TableName=table, Limit=1),
        "PutItem": lambda client: client.put_item(TableName=table, Item=_KEY, ConditionExpression=missing),
        "UpdateItem": lambda client: client.update_item(TableName=table, Key=_KEY, ConditionExpression=missing),
        "DeleteItem": lambda client: client.delete_item(TableName=table, Key=_KEY, ConditionExpression=missing),
        "BatchWriteItem": lambda client: client.batch_write_item(
            RequestItems={table: [{"DeleteRequest": {"Key": _KEY}}]}
        ),
        "ConditionCheckItem": lambda client: client.transact_write_items(TransactItems=[check]),
        "DescribeTable": lambda client: client.describe_table(TableName=table),
    }
    for action, way in ways.items():
        yield Attempt((f"dynamodb:{action}", arn), "dynamodb", way)
    for index in account.client("dynamodb").describe_table(TableName=table)["Table"].get("GlobalSecondaryIndexes", ()):
        yield Attempt(("dynamodb:Query", f"{arn}/index/{index['IndexName']}"), "dynamodb", _querying(table, index))


def _querying(table: str, index: dict[str, Any]) -> Callable[[Any], object]:
    asked = {
        "TableName": table,
        "IndexName": index["IndexName"],
        "KeyConditionExpression": "#k = :k",
        "ExpressionAttributeNames": {"#k": index["KeySchema"][0]["AttributeName"]},
        "ExpressionAttributeValues": {":k": {"S": "NOTHING"}},
    }
    return lambda client: client.query(**asked)


def _on_prefix(prefix: str) -> Iterator[Attempt]:
    key, arn = f"{prefix}/tried", f"arn:aws:s3:::{_BUCKET}/{prefix}/tried"
    yield Attempt(("s3:GetObject", arn), "s3", lambda client: client.get_object(Bucket=_BUCKET, Key=key))
    yield Attempt(("s3:PutObject", arn), "s3", lambda client: client.put_object(Bucket=_BUCKET, Key=key, Body=b"tried"))
    yield Attempt(("s3:DeleteObject", arn), "s3", lambda client: client.delete_object(Bucket=_BUCKET, Key=f"{key}-not"))


def _on_queue(url: str) -> Iterator[Attempt]:
    arn = _ARN.format(service="sqs", what=url.rsplit("/", 1)[-1])
    ways: dict[str, Callable[[Any], object]] = {
        "SendMessage": lambda client: client.send_message(QueueUrl=url, MessageBody="tried"),
        "ReceiveMessage": lambda client: client.receive_message(QueueUrl=url, VisibilityTimeout=0),
        "GetQueueAttributes": lambda client: client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]),
        "SetQueueAttributes": lambda client: client.set_queue_attributes(QueueUrl=url, Attributes={}),
    }
    for action, way in ways.items():
        yield Attempt((f"sqs:{action}", arn), "sqs", way)


def _invoking(function: str) -> Attempt:
    arn = _ARN.format(service="lambda", what=f"function:{function}")
    return Attempt(
        ("lambda:InvokeFunction", arn),
        "lambda",
        lambda client: client.invoke(FunctionName=function, InvocationType="DryRun"),
    )


def _elsewhere(made: dict[str, str]) -> Iterator[Attempt]:
    secret, bus = UNION["UNION_SECRET"], UNION["UNION_BUS"]
    keys = _ARN.format(service="secretsmanager", what=f"secret:{secret}-??????")
    yield Attempt(
        ("secretsmanager:GetSecretValue", keys),
        "secretsmanager",
        lambda client: client.get_secret_value(SecretId=secret),
    )
    yield Attempt(
        ("secretsmanager:PutSecretValue", keys),
        "secretsmanager",
        lambda client: client.put_secret_value(SecretId=secret, SecretString="{}"),
    )
    event = {"Source": "tried", "DetailType": "Tried", "Detail": json.dumps({}), "EventBusName": bus}
    events = _ARN.format(service="events", what=f"event-bus/{bus}")
    yield Attempt(("events:PutEvents", events), "events", lambda client: client.put_events(Entries=[event]))
    role = f"arn:aws:iam::{ACCOUNT}:role/{made['OperateRole']}"
    yield Attempt(
        ("sts:AssumeRole", role), "sts", lambda client: client.assume_role(RoleArn=role, RoleSessionName="tried")
    )
    yield Attempt(("iam:ListRoles", "*"), "iam", lambda client: client.list_roles())
    yield Attempt(("s3:ListAllMyBuckets", "*"), "s3", lambda client: client.list_buckets())
