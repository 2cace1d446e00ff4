"""Invariant 12, for functions: each does all that its sample events make it do under its own deployed role, is granted nothing that none
of them needs, and is denied everything that is not granted. The account enforces the policies; see `deployed.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import Any

import botocore.handlers
import pytest
from botocore.session import get_session

from tests.access.account import all_clients_at
from tests.access.deployed import ROOT_KEYS, Account
from tests.access.grants import Grant, Need
from tests.access.stage import FUNCTIONS, Stage
from tests.faults.place import place_at
from tests.neighbours import listening

BEYOND_EVENTS = {
    "browse": ("ChangeCustomers: dynamodb:BatchWriteItem",),  # erases views, when consent is taken back
    "cards": ("ChangeOrders", "ChangeStock", "ReadTheUnionsKeys"),  # the processor's answers
    "catalog_import": (
        "ChangeCatalog: dynamodb:DeleteItem",  # a shelf that became shorter
        "KnowWhatIsMissing",
        "CollectCash",  # where a carrier took it at the door
        "ReadReports",  # of a run that was cut off
    ),
    "checkout": ("ReadTheUnionsKeys",),  # cards
    "manage": ("TakeUploads", "ReadReports", "KnowWhatIsMissing", "ChangePurchases"),  # presigned; cards
    "operate": (
        "AskForReconciliation",
        "CountWhatWaits",
        "ReadReports",
        "TakeCarriersFiles",
        "KnowWhatIsMissing",
        "ReadWhatWasEscalated",  # where something was
    ),
    "payments": ("ReadTheUnionsKeys",),
    "presence": ("ReadTheUnionsKeys",),  # its events come with credentials
    "settlement": ("WriteReports", "KnowWhatIsMissing", "HandOutJobs", "ReadTheUnionsKeys"),
    "shelving": ("ChangeCatalog: dynamodb:DeleteItem",),
    "stock_adjustment": ("EndUrgentSales",),  # where one was sold out
    "supply": ("TakeUploads", "ReadReports", "KnowWhatIsMissing", "ReadTheUnionsKeys"),
    "sweeper": (
        "SweepInMoreRuns",  # after a rush
        "ReadTheUnionsKeys",
        "EndUrgentSales",
        "ReviewDeposits",
        "EraseRecipients",
    ),  # what has its time much later
    "tracking": ("ReadTheUnionsKeys",),
    "webhooks": ("HandOutJobs: sqs:SendMessageBatch",),  # which the emulator asks for, and SQS does not know
}
"""By function, what no sample event needs and why it is granted all the same: requests that others send with its presigned addresses,
the listing without which S3 calls a missing object forbidden, and what needs a longer story than one event."""


@pytest.fixture(scope="module")
def stage(deployed: tuple[Account, dict[str, str]]) -> Iterator[Stage]:
    """Both stacks, and the functions of this process in their account."""
    account, made = deployed
    with (
        pytest.MonkeyPatch.context() as patches,
        listening() as address,
        all_clients_at(account.address),
        ExitStack() as stack,
    ):
        patches.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
        patches.setenv("POWERTOOLS_METRICS_DISABLED", "true")

        def of_root(service: str) -> Any:
            access, secret = ROOT_KEYS.values()
            return get_session().create_client(service, aws_access_key_id=access, aws_secret_access_key=secret)

        patches.setattr("tests.neighbours._client", of_root)
        for name, value in ROOT_KEYS.items():
            patches.setenv(name, value)
        stage = Stage(account, made, patches, stack.enter_context(place_at(address)))
        handlers = [("before-call", stage.note), ("after-call", stage.see), *botocore.handlers.BUILTIN_HANDLERS]
        patches.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
        yield stage


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_does_all_that_its_events_ask_under_its_own_role(stage: Stage, function: str) -> None:
    problems = stage.play(function)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_granted_nothing_that_it_does_not_need(stage: Stage, function: str) -> None:
    """No table, index, bucket prefix, queue, key or function that none of its events touches; and no deletion and no scan but where one
    is made. Within a table that it uses, the plain reads come together, and so do the plain writes."""
    if function not in stage.needed:
        stage.play(function)
    own = [grant for grant in stage.grants[function] if not grant.is_of_aws]
    spare = [f"{grant.statement}: {grant}" for grant in own if not _is_needed(grant, stage.needed[function])]
    spare = [each for each in spare if not any(each.startswith(known) for known in BEYOND_EVENTS.get(function, ()))]
    assert not spare, "\n".join(spare)


def _is_needed(grant: Grant, needs: set[Need]) -> bool:
    if grant.is_of_index:
        return ("dynamodb:Query", grant.resource) in needs
    if grant.is_plain:
        return any(fnmatchcase(resource, grant.resource) for _, resource in needs)
    return any(grant.covers(need) for need in needs)


@pytest.fixture(scope="module")
def laid(stage: Stage) -> Stage:
    """The stage with its world as trials find it."""
    stage.learn()
    return stage


DENIED_HALFWAY = {"notifications", "relay", "shelving", "stock_adjustment", "supply", "sweeper"}
"""Functions that write first where others may write, too, and then somewhere else."""

PART_OF_OTHERS = {
    "authorizer",
    "browse",
    "cards",
    "checkout",
    "payments",
    "presence",
    "relay",
    "shelving",
    "stock_adjustment",
    "syndication",
}
"""Functions whose events ask for a part of what others do: look a membership up, keep a view, make and pay a purchase, count the stores,
hand news on, build shelves, write the journal, keep links in step. Under a role that lacks nothing of it there is nothing to deny."""


@pytest.mark.parametrize("role", FUNCTIONS)
def test_every_other_function_that_lacks_something_is_denied_under_a_functions_role(laid: Stage, role: str) -> None:
    """It plays its sample events under this role until one is denied: whoever sent it sees that it failed. Nothing has been changed: no
    item, no object, and no request that writes anywhere was let through; but for what a role that may write there too did first."""
    laid.act_as(laid.account.keys_of(laid.role_of(role)))
    others = [function for function in FUNCTIONS if function != role and laid.lacks(function, role)]
    laid.tried[role] = {function: laid.try_under(function, role) for function in others}
    assert {function: end for function, end in laid.tried[role].items() if end not in {"wholly", "halfway"}} == {}
    assert {function for function, end in laid.tried[role].items() if end == "halfway"} <= DENIED_HALFWAY
    assert laid.place.read() == laid.place.laid
    assert set(FUNCTIONS) - {role, *others} <= PART_OF_OTHERS


def test_the_pairs_of_a_function_and_anothers_role_are_told(laid: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    for role in set(FUNCTIONS) - laid.tried.keys():
        test_every_other_function_that_lacks_something_is_denied_under_a_functions_role(laid, role)
    ends = [end for tried in laid.tried.values() for end in tried.values()]
    with capsys.disabled():
        print(
            f"\n{len(FUNCTIONS) * (len(FUNCTIONS) - 1)} pairs of a function and another's role: {len(ends)} tried and denied, "
            f"{ends.count('wholly')} before anything was changed; the others lack nothing"
        )
    assert ends.count("wholly") > 300
