"""Invariant 12, in the bucket: an upload form puts one file under one key of its own store or supplier, and nothing elsewhere; the role that
signs it could not sign for another kind of file. The account enforces policies, and the forms are sent to it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mart_union.kernel import bucket
from tests.access.account import all_clients_at
from tests.access.deployed import Account
from tests.conftest import UNION

KEY = "uploads/emei-tea/1m82g9b94bgw3nw90s83.csv"


@pytest.fixture(scope="module")
def account(deployed: tuple[Account, dict[str, str]]) -> Iterator[Account]:
    """The account, in which this process is the function `manage`."""
    account, made = deployed
    with pytest.MonkeyPatch.context() as patches:
        for name, key in account.keys_of(made["ManageRole"]).items():
            patches.setenv(name, key)
        with all_clients_at(account.address):
            bucket._signing_client.cache_clear()
            yield account
    bucket._signing_client.cache_clear()


def send(account: Account, form: bucket.UploadForm, content: bytes = b"sku,price\nA,1\n", **changed: str) -> int:
    """The status with which the bucket takes or refuses a form."""
    fields = {**form.fields, **changed}
    url = f"{account.address}/{UNION['UNION_BUCKET']}"
    return httpx.post(url, data=fields, files={"file": ("a.csv", content)}, timeout=20).status_code


def keys(account: Account) -> set[str]:
    """What is in the bucket."""
    listed = account.client("s3").list_objects_v2(Bucket=UNION["UNION_BUCKET"]).get("Contents", ())
    return {each["Key"] for each in listed}


def conditions_of(form: bucket.UploadForm) -> list[Any]:
    """What the form's signed policy asks of an upload."""
    policy: Mapping[str, Any] = json.loads(base64.b64decode(form.fields["policy"]))
    return list(policy["conditions"])


def test_a_form_names_its_one_key_and_its_largest_size() -> None:
    conditions = conditions_of(bucket.presign_upload(KEY))
    assert {"key": KEY} in conditions
    assert ["content-length-range", 1, bucket.LARGEST_UPLOAD] in conditions


def test_a_form_puts_a_file_under_its_own_key(account: Account) -> None:
    assert send(account, bucket.presign_upload(KEY)) == 204
    assert KEY in keys(account)


@pytest.mark.parametrize(
    "key",
    [
        "uploads/jianshi-outdoor/1m82g9b94bgw3nw90s83.csv",
        "uploads/emei-tea/another.csv",
        "uploads/emei-tea/../jianshi-outdoor/a.csv",
        "supply/guanxi-growers/1m82g9b94bgw3nw90s83.csv",
        "reports/store/emei-tea/1.json",
        "payouts/2026-11-22/a.csv",
        "uploads/${filename}",
    ],
)
def test_a_form_with_another_key_is_refused_and_nothing_is_written(account: Account, key: str) -> None:
    before = keys(account)
    assert send(account, bucket.presign_upload(KEY), key=key) == 403
    assert keys(account) == before


def test_a_form_that_is_too_large_or_empty_is_refused(account: Account) -> None:
    before = keys(account)
    form = bucket.presign_upload("uploads/emei-tea/small.csv", largest_bytes=20)
    assert send(account, form, b"x" * 21) == 400
    assert send(account, form, b"") == 400
    assert keys(account) == before


@pytest.mark.parametrize("prefix", ["supply", "payouts", "reconciliation", "reports"])
def test_manage_cannot_sign_for_another_kind_of_file(account: Account, prefix: str) -> None:
    """The signature is right; the role behind it may not write there."""
    before = keys(account)
    assert send(account, bucket.presign_upload(f"{prefix}/emei-tea/a.csv")) == 403
    assert keys(account) == before


def test_a_download_address_reads_its_one_object(account: Account) -> None:
    account.client("s3").put_object(Bucket=UNION["UNION_BUCKET"], Key="reports/store/emei-tea/a.csv", Body=b"mine")
    account.client("s3").put_object(Bucket=UNION["UNION_BUCKET"], Key="reports/store/jianshi/a.csv", Body=b"theirs")
    address = bucket.presign_download("reports/store/emei-tea/a.csv", "a.csv")
    assert get(account, address) == (200, "mine")
    assert get(account, address.replace("emei-tea", "jianshi"))[0] == 403


def get(account: Account, address: str) -> tuple[int, str]:
    """What an address gives, asked of the account itself."""
    parts = urlsplit(address)
    answer = httpx.get(f"{account.address}{parts.path}?{parts.query}", headers={"Host": parts.netloc}, timeout=20)
    return answer.status_code, answer.text
