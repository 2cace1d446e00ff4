"""Invariant 12, for roles: what a role is granted it may do, and everything else in both stacks is denied to it; and nobody but its source
may call a function. That functions are denied under the roles of others is played in `test_policies.py`. Each is tried in an account that enforces policies."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.access.attempts import Attempt, all_attempts, clients_of
from tests.access.deployed import ACCOUNT, REGION, Account, translated
from tests.access.grants import grants_of
from tests.template.reading import CENTER, UNION, functions, resources

Deployed = tuple[Account, dict[str, str]]
ROLES = sorted(
    name
    for path in (UNION, CENTER)
    for name, each in translated(path)["Resources"].items()
    if each["Type"] == "AWS::IAM::Role"
)
FUNCTIONS = sorted(
    name
    for path in (UNION, CENTER)
    for name, each in translated(path)["Resources"].items()
    if each["Type"] == "AWS::Lambda::Function"
)
_ARN = re.compile(r"\$\{(\w+)\.Arn\}|\"Fn::GetAtt\": \[\"(\w+)\", \"Arn\"\]")
_API = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abc123/"


@pytest.fixture(scope="module")
def attempts(deployed: Deployed) -> list[Attempt]:
    """Everything that can be tried."""
    return all_attempts(*deployed)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_is_granted_and_nothing_else(
    deployed: Deployed, attempts: list[Attempt], role: str
) -> None:
    account, made = deployed
    grants = grants_of(account, made[role])
    clients = clients_of(account, account.session_of(made[role]))
    wrong = []
    for attempt in attempts:
        granted = any(grant.covers(attempt.need) for grant in grants)
        if attempt.is_denied(clients) is granted:
            wrong.append(f"{attempt} is {'denied, though it is' if granted else 'allowed, though it is not'} granted")
    assert not wrong, "\n".join(wrong)


def _permissions(account: Account, function: str) -> list[dict[str, Any]]:
    client = account.client("lambda")
    try:
        policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
    except client.exceptions.ResourceNotFoundException:
        return []
    return list(policy["Statement"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_its_source_may_call_a_function(deployed: Deployed, function: str) -> None:
    """The API and its authorizer, or the account's own bucket. Queues and streams are read by the function's role, schedules have roles
    of their own."""
    account, made = deployed
    for said in _permissions(account, made[function]):
        assert said["Effect"] == "Allow"
        assert said["Action"] == "lambda:InvokeFunction"
        service, limits = said["Principal"]["Service"], said["Condition"]
        if service == "apigateway.amazonaws.com":
            [source] = limits["ArnLike"].values()
            assert source.startswith(_API)
        else:
            assert (service, function) == ("s3.amazonaws.com", "CatalogImport")
            assert list(limits["StringEquals"].values()) == [ACCOUNT]


def _called_functions() -> set[str]:
    """Those that an API integrates or asks whom it may let in, and those that a bucket tells."""
    apis = [
        json.dumps(each)
        for path in (UNION, CENTER)
        for each in translated(path)["Resources"].values()
        if each["Type"] == "AWS::ApiGateway::RestApi"
    ]
    named = {one or other for api in apis for one, other in _ARN.findall(api)}
    told = {
        name
        for name, function in functions(UNION).items()
        if any(event["Type"] == "S3" for event in function.get("Events", {}).values())
    }
    return named & set(FUNCTIONS) | told


def test_every_function_that_is_called_has_its_source_named_and_no_other_has_any(deployed: Deployed) -> None:
    account, made = deployed
    called = _called_functions()
    assert {"Authorizer", "Browse", "CatalogImport", "Router"} <= called
    assert {name for name in FUNCTIONS if _permissions(account, made[name])} == called


def test_a_role_is_taken_on_by_its_own_service_only() -> None:
    for path in (UNION, CENTER):
        for name in ROLES:
            resource = translated(path)["Resources"].get(name)
            if resource is None:
                continue
            [trust] = resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            is_of_function = name.removesuffix("Role") in FUNCTIONS
            assert trust["Principal"] == {
                "Service": ["lambda.amazonaws.com" if is_of_function else "scheduler.amazonaws.com"]
            }


def _targets() -> set[str]:
    """The names of the queues to which rules send, and of those that take what could not be sent."""
    queues = resources(UNION, "AWS::SQS::Queue")
    targets = [
        target for rule in resources(UNION, "AWS::Events::Rule").values() for target in rule["Properties"]["Targets"]
    ]
    sent_to = [arn["GetAtt"] for each in targets for arn in (each["Arn"], each["DeadLetterConfig"]["Arn"])]
    names = [queues[name.removesuffix(".Arn")]["Properties"]["QueueName"]["Sub"] for name in sent_to]
    return {name.replace("${UnionId}", "hsinchu") for name in names}


def test_only_its_rule_puts_messages_into_a_queue_and_other_queues_have_no_policy(deployed: Deployed) -> None:
    account, _ = deployed
    sqs, open_to_a_rule = account.client("sqs"), set()
    for url in sqs.list_queues()["QueueUrls"]:
        policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {}).get("Policy")
        queue = url.rsplit("/", 1)[-1]
        rule = queue.removesuffix("-dead")
        if policy:
            open_to_a_rule.add(queue)
        for said in json.loads(policy)["Statement"] if policy else ():
            assert said["Principal"] == {"Service": "events.amazonaws.com"}
            assert said["Action"] == "sqs:SendMessage"
            assert said["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(f"/{rule}")
    assert open_to_a_rule == _targets()
    assert len(open_to_a_rule) == 12
