"""The roles, policies and permissions of both stacks as they are deployed, in an emulated account that enforces them (`AUTH=true`).

The templates are translated by SAM, as on AWS, and deployed by CloudFormation without what no policy speaks of: APIs, logs, alarms,
layers, schedules. Functions stand in with a line of code: nobody gets as far as running it but who may invoke it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.access.account import emulator
from tests.conftest import UNION as SETTINGS
from tests.template.reading import CENTER, UNION

REGION, ACCOUNT = "ap-northeast-1", "000000000000"
ROOT_KEYS = {"AWS_ACCESS_KEY_ID": "ROOTOFTHEACCOUNT", "AWS_SECRET_ACCESS_KEY": "key-of-the-root-of-the-account"}
PARAMETERS = {
    "UnionId": "hsinchu",
    "Currency": "TWD",
    "CenterUrl": "https://center.example",
    "PoolIssuer": "https://pool.example",
    "PoolClientId": "web",
    "PoolRegion": REGION,
    "TokenUrl": "https://pool.example/token",
    "SecretName": "mart-union/hsinchu",
    "EmailSender": "union@hsinchu.example",
    "RequireTls": "false",
    "Runtime": "python3.12",
    "Architecture": "x86_64",
    "ApiOfTests": "abc123",
}
_TEMPLATES = "templates-of-the-tests"
_KEPT = {
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
}


@cache
def translated(path: Path) -> dict[str, Any]:
    """A template as CloudFormation gets it: SAM's own roles and permissions written out."""
    from samcli.yamlhelper import yaml_parse
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    template = yaml_parse(path.read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        for place in ("CodeUri", "ContentUri"):
            if place in resource["Properties"]:
                resource["Properties"][place] = "s3://nowhere/nothing"
    known = {name: value for name, value in PARAMETERS.items() if name in template["Parameters"]}
    return dict(Translator({}, Parser()).translate(template, known))


def _reduced(path: Path) -> dict[str, Any]:
    whole = translated(path)
    kept = {name: each for name, each in whole["Resources"].items() if each["Type"] in _KEPT}
    for resource in kept.values():
        properties = resource["Properties"]
        properties.pop("NotificationConfiguration", None)
        resource.pop("DependsOn", None)
        if resource["Type"] == "AWS::Lambda::Function":
            code = {"ZipFile": "def lambda_handler(event, context):\n    return 'here'\n"}
            named = {name: properties[name] for name in ("FunctionName", "Role", "Runtime")}
            resource["Properties"] = {**named, "Handler": "index.lambda_handler", "Code": code}
    text = (
        json.dumps(kept).replace("${UnionApi}", "${ApiOfTests}").replace('{"Ref": "UnionApi"}', '{"Ref": "ApiOfTests"}')
    )
    text = text.replace("mart-union-${UnionId}-${AWS::AccountId}-${AWS::Region}", SETTINGS["UNION_BUCKET"])
    text = text.replace("${CenterApi}", "${ApiOfTests}").replace('{"Ref": "CenterApi"}', '{"Ref": "ApiOfTests"}')
    parameters = {**whole["Parameters"], "ApiOfTests": {"Type": "String"}}
    kept_of_whole: dict[str, Any] = {
        name: whole[name] for name in ("AWSTemplateFormatVersion", "Conditions") if name in whole
    }
    return {**kept_of_whole, "Parameters": parameters, "Resources": json.loads(text)}


@dataclass(frozen=True)
class Account:
    """An account in which both stacks stand; made by its root."""

    address: str

    @cached_property
    def root(self) -> boto3.Session:
        """A session of the account's root."""
        access, secret = ROOT_KEYS.values()
        return boto3.Session(access, secret, region_name=REGION)

    def client(self, service: str, session: boto3.Session | None = None) -> Any:
        """A client of a service, of the root unless a session is given."""
        config = Config(
            retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20, parameter_validation=False
        )
        asked = session or self.root
        return asked.client(service, endpoint_url=self.address, config=config)  # type: ignore[call-overload]

    def deploy(self, path: Path) -> dict[str, Any]:
        """Deploy a stack; answers with its roles by logical id."""
        name = path.stem
        template = _reduced(path)
        given = [
            {"ParameterKey": key, "ParameterValue": PARAMETERS[key]}
            for key in template["Parameters"]
            if key in PARAMETERS
        ]
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=name,
            TemplateURL=self._stored(f"{name}.json", json.dumps(template)),
            Parameters=given,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        made = [each for page in pages for each in page["StackResourceSummaries"]]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made}

    def _stored(self, key: str, text: str) -> str:
        """The address of a template in a bucket: it is too long to be sent as it is."""
        s3 = self.client("s3")
        if _TEMPLATES not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=_TEMPLATES, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=_TEMPLATES, Key=key, Body=text.encode())
        return f"https://s3.{REGION}.amazonaws.com/{_TEMPLATES}/{key}"

    def keys_of(self, role: str) -> dict[str, str]:
        """Keys with a role's permissions, such as Lambda gives to its function, by the names of their variables. The emulator's root
        may take on any role."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    def session_of(self, role: str) -> boto3.Session:
        """A session with a role's permissions."""
        access, secret, token = self.keys_of(role).values()
        return boto3.Session(access, secret, token, region_name=REGION)


@contextmanager
def both_stacks() -> Iterator[tuple[Account, dict[str, str]]]:
    """The account, and what was made in it by logical id."""
    with emulator({"AUTH": "true", "MINISTACK_REGION": REGION, "LAMBDA_EXECUTOR": "local", **ROOT_KEYS}) as address:
        account = Account(address)
        secrets = account.client("secretsmanager")
        secrets.create_secret(Name=PARAMETERS["SecretName"], SecretString="{}")
        made = account.deploy(UNION) | account.deploy(CENTER)
        yield account, made
