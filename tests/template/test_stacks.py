"""Rules that both stacks keep: least privilege, nothing lost in silence, nothing kept without end, nothing readable by others."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pynamodb.models import Model

import mart_union
from infra.routes import resource_of
from tests.template.reading import CENTER, ROOT, UNION, functions, listed, read, resources, statements, text

BOTH = [CENTER, UNION]
FOLDERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
FUNCTIONS = [(path, name) for path in BOTH for name in functions(path)]
TABLES = [(path, name) for path in BOTH for name in resources(path, "AWS::DynamoDB::Table")]

WIDE_ON_PURPOSE = {
    "SendMail": "an SES identity is an address or a domain, which cannot be told apart by name; the sender is pinned",
    "OnlyOverTls": "a denial: wide is strict",
}
"""Statements that may say `*`, and why."""


def ids(pair: tuple[Path, str]) -> str:
    return f"{pair[0].stem}-{pair[1]}"


def test_every_function_is_deployed_and_every_deployed_function_exists() -> None:
    assert {resource_of(name) for name in FOLDERS} == {name for _, name in FUNCTIONS}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_function_has_a_sample_event(folder: str) -> None:
    assert list((ROOT / "events" / folder).glob("*.json")), f"put one into events/{folder}/"


@pytest.mark.parametrize("pair", FUNCTIONS, ids=ids)
def test_every_function_logs_into_a_group_that_forgets(pair: tuple[Path, str]) -> None:
    path, name = pair
    group = functions(path)[name]["LoggingConfig"]["LogGroup"]["Ref"]
    assert resources(path, "AWS::Logs::LogGroup")[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert read(path)["Globals"]["Function"]["LoggingConfig"]["LogFormat"] == "JSON"


@pytest.mark.parametrize("pair", FUNCTIONS, ids=ids)
def test_what_a_function_cannot_handle_goes_where_it_is_seen(pair: tuple[Path, str]) -> None:
    path, name = pair
    function = functions(path)[name]
    for event in function.get("Events", {}).values():
        properties = event["Properties"]
        if event["Type"] == "DynamoDB":
            assert properties["DestinationConfig"]["OnFailure"]["Destination"] == {"GetAtt": "FailuresQueue.Arn"}
            assert properties["MaximumRetryAttempts"] > 0
        elif event["Type"] == "SQS":
            queue = properties["Queue"]["GetAtt"].removesuffix(".Arn")
            assert "RedrivePolicy" in resources(path, "AWS::SQS::Queue")[queue]["Properties"]
            assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        elif event["Type"] == "ScheduleV2":
            assert properties["DeadLetterConfig"]["Arn"] == {"GetAtt": "FailuresQueue.Arn"}
        elif event["Type"] == "S3":
            invocation = function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
            assert invocation["Destination"] == {"GetAtt": "FailuresQueue.Arn"}
        else:
            assert event["Type"] == "Api"


@pytest.mark.parametrize("path", BOTH, ids=lambda path: path.stem)
def test_no_policy_says_everything(path: Path) -> None:
    for statement in statements(read(path)["Resources"]):
        if statement.get("Sid") in WIDE_ON_PURPOSE:
            continue
        actions = [text(action) for action in listed(statement["Action"])]
        assert not [action for action in actions if "*" in action], statement
        for resource in map(text, listed(statement["Resource"])):
            inside_a_bucket = ":s3:::" in resource and resource.count("*") == 1 and resource.rstrip(")").endswith("/*")
            assert "*" not in resource or inside_a_bucket, f"{statement['Sid']}: {resource}"
        assert statement.get("Sid"), f"a statement says in its Sid what it is for: {statement}"


@pytest.mark.parametrize("pair", FUNCTIONS, ids=ids)
def test_a_function_has_its_own_role_with_at_most_one_statement_a_table(pair: tuple[Path, str]) -> None:
    path, name = pair
    function = functions(path)[name]
    assert "Role" not in function
    sids = [statement["Sid"] for statement in statements(function.get("Policies", []))]
    assert len(sids) == len(set(sids))


@pytest.mark.parametrize("pair", TABLES, ids=ids)
def test_every_table_is_kept_encrypted_and_can_go_back_in_time(pair: tuple[Path, str]) -> None:
    path, name = pair
    table = resources(path, "AWS::DynamoDB::Table")[name]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = table["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


def models() -> Iterator[type[Model]]:
    """Each class of the code that stands for items of a table."""
    for module in pkgutil.walk_packages(mart_union.__path__, "mart_union."):
        if module.name.endswith(".tables"):
            for _, each in inspect.getmembers(import_module(module.name), inspect.isclass):
                if issubclass(each, Model) and hasattr(each, "Meta") and each.__module__ == module.name:
                    yield each


def indexes_of_code() -> dict[str, dict[str, list[str]]]:
    """By table, each index with the attributes of its key."""
    found: dict[str, dict[str, list[str]]] = {}
    for model in models():
        table = found.setdefault(model.Meta.table_name.replace("hsinchu", "${UnionId}"), {})
        for name, index in model._indexes.items():
            schema = index._get_schema()
            table[name] = [each["AttributeName"] for each in schema["key_schema"]] + [
                schema["projection"]["ProjectionType"]
            ]
    return found


def indexes_of_templates() -> dict[str, dict[str, list[str]]]:
    found = {}
    for path, name in TABLES:
        properties = resources(path, "AWS::DynamoDB::Table")[name]["Properties"]
        table = properties["TableName"]
        found[table["Sub"] if isinstance(table, dict) else table] = {
            index["IndexName"]: [each["AttributeName"] for each in index["KeySchema"]]
            + [index["Projection"]["ProjectionType"]]
            for index in properties.get("GlobalSecondaryIndexes", [])
        }
    return found


def test_tables_and_indexes_are_those_of_the_code() -> None:
    assert indexes_of_templates() == indexes_of_code()


@pytest.mark.parametrize("path", BOTH, ids=lambda path: path.stem)
def test_every_queue_is_encrypted_and_every_dead_letter_raises_an_alarm(path: Path) -> None:
    alarms = [text(alarm["Properties"]) for alarm in resources(path, "AWS::CloudWatch::Alarm").values()]
    for name, queue in resources(path, "AWS::SQS::Queue").items():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        if "RedrivePolicy" not in queue["Properties"]:
            assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86400
            assert [alarm for alarm in alarms if f"{name}.QueueName" in alarm], f"{name} has no alarm"


def test_the_operator_counts_what_waits_in_every_queue_that_nothing_is_retried_from() -> None:
    last = {
        f"{name}"
        for name, queue in resources(UNION, "AWS::SQS::Queue").items()
        if "RedrivePolicy" not in queue["Properties"]
    }
    operate = functions(UNION)["Operate"]
    _, named = operate["Environment"]["Variables"]["DEAD_LETTER_QUEUES"]["Join"]
    assert sorted(each["Ref"] for each in named) == sorted(last)
    [may] = [each for each in statements(operate) if each.get("Sid") == "CountWhatWaits"]
    assert sorted(each["GetAtt"] for each in may["Resource"]) == sorted(f"{name}.Arn" for name in last)


def test_a_message_stays_hidden_for_six_times_as_long_as_its_function_may_take() -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    for name, function in functions(UNION).items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                queue = event["Properties"]["Queue"]["GetAtt"].removesuffix(".Arn")
                hidden = resources(UNION, "AWS::SQS::Queue")[queue]["Properties"]["VisibilityTimeout"]
                assert hidden >= 6 * function["Timeout"], name


def test_shops_are_told_by_a_queue_of_their_own_one_event_at_a_time() -> None:
    """So a shop that is slow delays no change of an offer, a pool or a deposit, and fails no message but its own."""
    queues = {
        queue["GetAtt"].removesuffix(".Arn"): event["Properties"]
        for event in functions(UNION)["Syndication"]["Events"].values()
        if (queue := event["Properties"]["Queue"])
    }
    heard = {
        name: set(rule["Properties"]["EventPattern"]["detail-type"])
        for name in queues
        for rule in resources(UNION, "AWS::Events::Rule").values()
        if any(target["Arn"] == {"GetAtt": f"{name}.Arn"} for target in rule["Properties"]["Targets"])
    }
    assert heard["ShopsQueue"] == {"LinkChanged", "LinkReplayed"}
    assert not heard["ShopsQueue"] & heard["SyndicationQueue"]
    assert queues["ShopsQueue"]["BatchSize"] == 1
    assert queues["ShopsQueue"]["ScalingConfig"]["MaximumConcurrency"] == 20


def test_the_bucket_is_nobody_elses() -> None:
    (bucket,) = resources(UNION, "AWS::S3::Bucket").values()
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"


def published_events() -> set[str]:
    """Words in the code that could be names of events."""
    import re

    code = "".join(path.read_text() for path in (ROOT / "layers" / "core").rglob("*.py"))
    code += "".join(path.read_text() for path in (ROOT / "functions").rglob("*.py"))
    return set(re.findall(r"\"([A-Z][a-z]+(?:[A-Z][a-z]+)+)\"", code))


def test_rules_wait_only_for_events_that_the_code_publishes() -> None:
    published = published_events()
    for rule in resources(UNION, "AWS::Events::Rule").values():
        names: list[Any] = rule["Properties"]["EventPattern"]["detail-type"]
        assert not [name for name in names if name not in published]
