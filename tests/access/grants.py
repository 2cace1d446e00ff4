"""What roles grant, read from the account in which they are deployed, and what requests need: an action on a resource, by its ARN."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.access.deployed import ACCOUNT, REGION, Account
from tests.conftest import UNION

Need = tuple[str, str]
"""An action and the ARN of the resource that it is done to, such as `dynamodb:GetItem` and a table's."""

_TABLES = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
_IN_TRANSACTIONS = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}


_PLAIN = {
    f"dynamodb:{action}"
    for action in ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem")
}


@dataclass(frozen=True)
class Grant:
    """One action on one resource that a statement allows, and the statement's name."""

    action: str
    resource: str
    statement: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource.split(':', 5)[-1]}"

    @property
    def is_of_aws(self) -> bool:
        """Whether it is AWS's policy for logs and event sources, or SAM's for where failures go."""
        return self.statement.startswith("AWSLambda") or self.statement.endswith("SQSPolicy")

    @property
    def is_of_index(self) -> bool:
        """Whether it is about an index, which can only be queried (or scanned): other actions have no meaning there."""
        return "/index/" in self.resource

    @property
    def is_plain(self) -> bool:
        """A read or write of single items, or a query: what is granted together on a table that is used."""
        return self.action in _PLAIN

    def covers(self, need: Need) -> bool:
        """Whether the need is within it."""
        return fnmatchcase(need[0], self.action) and fnmatchcase(need[1], self.resource)


def grants_of(account: Account, role: str) -> list[Grant]:
    """What a role's own policies allow, and those of AWS that SAM has attached to it."""
    iam = account.client("iam")
    documents = [
        (name, iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]
        documents.append((policy["PolicyName"], found["Document"]))
    return [grant for name, document in documents for grant in _granted(name, document)]


def _granted(policy: str, document: Any) -> Iterator[Grant]:
    said: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    for statement in _listed(said["Statement"]):
        name = statement.get("Sid", policy)
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                yield Grant(action, resource, name)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def needs_of(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    """What a request of botocore needs to be allowed."""
    if service == "dynamodb":
        yield from _needs_of_table(operation, json.loads(params["body"]))
    elif service == "s3":
        key = params["url_path"].strip("/").removeprefix(UNION["UNION_BUCKET"]).lstrip("/")
        bucket = f"arn:aws:s3:::{UNION['UNION_BUCKET']}"
        yield f"s3:{operation}", f"{bucket}/{key.partition('?')[0]}" if key else bucket
    elif service == "secretsmanager":
        yield (
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{UNION['UNION_SECRET']}-??????",
        )
    elif service == "events":
        yield "events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{UNION['UNION_BUS']}"
    elif service == "sqs":
        asked = json.loads(params["body"])
        queue = asked.get("QueueName") or asked["QueueUrl"].rsplit("/", 1)[-1]
        action = operation.removesuffix("Batch")  # SQS has no action of its own for batches; the emulator has
        yield f"sqs:{action}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"
    elif service == "sesv2":
        yield "ses:SendEmail", "*"
    elif service == "lambda":
        function = params["url_path"].split("/functions/")[1].split("/")[0]
        yield "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"


def _needs_of_table(operation: str, asked: Mapping[str, Any]) -> Iterator[Need]:
    if operation == "TransactWriteItems":
        for item in asked["TransactItems"]:
            [(kind, facts)] = item.items()
            yield _IN_TRANSACTIONS[kind], _TABLES + facts["TableName"]
    elif "RequestItems" in asked:
        yield from ((f"dynamodb:{operation}", _TABLES + table) for table in asked["RequestItems"])
    elif operation != "DescribeTable":
        index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
        yield f"dynamodb:{operation}", _TABLES + asked["TableName"] + index
