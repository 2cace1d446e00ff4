"""The financial service unit through its handler: payment requests, the bank's signed notices, withdrawals."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from manage.app import lambda_handler as manage
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import get_purchase, place_purchase, quote_cart
from mart_union.customers.service import grant_membership, save_profile
from mart_union.kernel.clock import utc_now
from mart_union.kernel.ids import new_id
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.service import get_balance, get_transfer
from operate.app import lambda_handler as operate
from payments import webhooks
from payments.app import lambda_handler
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import Market, open_market
from tests.services.settling import verify_account

KEY = "whsec_" + base64.b64encode(b"the bank and the union know this").decode()
WEBHOOK = "/api/payments/webhooks/bank"


@pytest.fixture(autouse=True)
def bank_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "webhook_key", lambda name: KEY)


@pytest.fixture
def market(unique: str) -> Market:
    market = open_market(unique, money=200_000)
    save_profile(market.customer, name="王小明", email="", language="zh-TW")
    return market


def ask(
    method: str, path: str, subject: str, body: Any = None, key: str = "", role: str = "customer"
) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    event = gateway_event(method, path, body=body, subject=subject, headers=headers, role=role)
    answer = lambda_handler(event, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def notify(
    notice: str,
    amount_minor: int,
    reference: str,
    *,
    currency: str = "TWD",
    kind: str = "transfer.received",
    at: datetime | None = None,
    key: str = KEY,
    tamper: bool = False,
) -> tuple[int, Any]:
    """A notice as the bank sends it."""
    at = at or datetime.now(UTC)
    data = {"id": notice, "amount_minor": amount_minor, "currency": currency, "reference": reference}
    body = json.dumps({"type": kind, "data": data})
    headers = {
        "webhook-id": f"msg-{notice}",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(f"msg-{notice}", at, body),
    }
    sent = body.replace(str(amount_minor), str(amount_minor * 10)) if tamper else body
    answer = lambda_handler(gateway_event("POST", WEBHOOK, body=sent, headers=headers), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def balance(market: Market) -> int:
    return get_balance(f"customer/{market.customer}").balance_minor


def made_transfers() -> set[str]:
    """All that was ever posted, by id."""
    return {transfer.id for transfer in whole_ledger().transfers}


def wait_for_payment(market: Market) -> Purchase:
    """A purchase that waits for a bank transfer."""
    wanted = [Wanted(market.store, "TEA", 1)]
    return place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=quote_cart(wanted).total_minor,
        method="bank_transfer",
        key=new_id(),
        session="",
        language="zh-TW",
        now=utc_now(),
    )


def test_a_notice_tops_the_customers_account_up_once_however_often_it_comes(market: Market) -> None:
    reference, notice = f"customer/{market.customer}", new_id()
    for _ in range(3):
        assert notify(notice, 50_000, reference) == (200, {"id": notice, "outcome": "posted"})
    assert balance(market) == 250_000
    assert get_transfer(f"bank-{notice}").kind == "top-up"


def test_a_notice_fills_a_stores_deposit(market: Market) -> None:
    assert notify(new_id(), 70_000, f"deposit/{market.store}")[0] == 200
    assert get_balance(f"store/{market.store}/deposit").balance_minor == 70_000


def test_other_content_under_the_same_id_is_refused_and_posts_nothing(market: Market) -> None:
    reference, notice = f"customer/{market.customer}", new_id()
    notify(notice, 50_000, reference)
    status, problem = notify(notice, 60_000, reference)
    assert (status, problem["type"]) == (409, "urn:mart-union:problem:idempotency-key-reused")
    assert notify(notice, 50_000, f"deposit/{market.store}")[0] == 409
    assert balance(market) == 250_000
    assert get_balance(f"store/{market.store}/deposit").balance_minor == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"tamper": True},
        {"at": datetime.now(UTC) - timedelta(hours=1)},
        {"at": datetime.now(UTC) + timedelta(hours=1)},
        {"key": "whsec_" + base64.b64encode(b"another key altogether 123456789").decode()},
    ],
    ids=["tampered", "too old", "from the future", "another key"],
)
def test_a_notice_that_the_bank_did_not_just_sign_is_refused_and_posts_nothing(
    market: Market, wrong: dict[str, Any]
) -> None:
    status, problem = notify(new_id(), 50_000, f"customer/{market.customer}", **wrong)
    assert (status, problem["type"]) == (401, "urn:mart-union:problem:unauthenticated")
    assert balance(market) == 200_000


def test_a_notice_without_a_signature_is_refused(market: Market) -> None:
    data = {"id": "x", "amount_minor": 100, "currency": "TWD", "reference": f"customer/{market.customer}"}
    for headers in ({}, {"webhook-id": "x", "webhook-timestamp": "now", "webhook-signature": "v1,no%"}):
        event = gateway_event("POST", WEBHOOK, body={"type": "transfer.received", "data": data}, headers=headers)
        assert lambda_handler(event, CONTEXT)["statusCode"] == 401
    assert balance(market) == 200_000


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"currency": "KRW"}, "currency-mismatch"),
        ({"amount_minor": 0}, "amount-out-of-range"),
        ({"amount_minor": -50_000}, "amount-out-of-range"),
        ({"amount_minor": 2**53 + 100}, "amount-out-of-range"),
        ({"kind": "transfer.returned"}, "invalid"),
    ],
    ids=str,
)
def test_a_notice_that_cannot_be_posted_is_refused_by_name(market: Market, wrong: dict[str, Any], name: str) -> None:
    facts: dict[str, Any] = {"amount_minor": 50_000, "reference": f"customer/{market.customer}"} | wrong
    before = made_transfers()
    status, problem = notify(new_id(), **facts)
    assert (status, problem["type"]) == (422, f"urn:mart-union:problem:{name}")
    assert made_transfers() == before
    assert balance(market) == 200_000


@pytest.mark.parametrize(
    "reference",
    ["customer/nobody", "customer/", "deposit/no-store", "purchase/no-purchase", "union/commission", "Wang, tea"],
)
def test_money_under_an_unknown_reference_is_kept_for_the_operator_who_assigns_it(
    market: Market, reference: str
) -> None:
    notice = new_id()
    assert [notify(notice, 50_000, reference)[1]["outcome"] for _ in range(2)] == ["suspended", "suspended"]
    assert balance(market) == 200_000
    status, page = ask("GET", "/api/operate/suspense", "operator-1", role="operator")
    assert status == 200
    assert [(each["amount_minor"], each["reference"]) for each in page["items"] if each["id"] == notice] == [
        (50_000, reference)
    ]
    wish = {"id": notice, "reference": f"customer/{market.customer}"}
    status, decided = ask("POST", "/api/operate/suspense", "operator-1", wish, role="operator")
    assert (status, decided["state"], balance(market)) == (200, "assigned", 250_000)
    assert ask("POST", "/api/operate/suspense", market.customer, wish)[0] == 403


@pytest.mark.parametrize(
    ("amount_minor", "name"),
    [(0, "amount-out-of-range"), (-100, "amount-out-of-range"), (2**53, "amount-out-of-range"), (50, "invalid")],
)
@pytest.mark.parametrize("path", ["/api/payments", "/api/me/withdrawals"])
def test_an_amount_that_is_no_price_is_refused_by_name_and_nothing_is_posted(
    market: Market, path: str, amount_minor: int, name: str
) -> None:
    purchase = wait_for_payment(market)
    verify_account(f"customer/{market.customer}", utc_now())
    known = made_transfers()
    of = {"purchase": purchase.id} if path == "/api/payments" else {}
    status, problem = ask("POST", path, market.customer, of | {"amount_minor": amount_minor}, key="key-00000001")
    assert (status, problem["type"]) == (422, f"urn:mart-union:problem:{name}")
    assert (made_transfers(), balance(market)) == (known, 200_000)


def test_more_than_was_paid_is_refused_by_name_and_nothing_is_posted(market: Market) -> None:
    wanted = [Wanted(market.store, "TEA", 1)]
    total = quote_cart(wanted).total_minor
    placed = {"recipient": market.recipient, "total_seen": total, "method": "account", "key": new_id()}
    order = place_purchase(market.customer, wanted, now=utc_now(), **placed).orders[0]  # type: ignore[arg-type]
    grant_membership("manager-1", "store", market.store, "manager", utc_now())
    path, known = f"/api/manage/{market.store}/orders/{order}/refunds", made_transfers()
    body = {"lines": [{"number": 1, "amount_minor": total + 100}], "reason": "r"}
    event = gateway_event(
        "POST", path, body=body, subject="manager-1", role="manager", headers={"Idempotency-Key": "refund-00001"}
    )
    answer = manage(event, CONTEXT)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["type"]) == (422, "urn:mart-union:problem:beyond-original")
    assert (problem["left_minor"], made_transfers()) == (total, known)


@pytest.mark.parametrize("account", ["bank/in", "customer/", "union", "store/a/b", "tax/a b"])
def test_an_unknown_account_is_refused_by_name(market: Market, account: str) -> None:
    event = gateway_event("GET", "/api/operate/accounts", query={"account": account}, subject="o", role="operator")
    answer = operate(event, CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])["type"]) == (422, "urn:mart-union:problem:unknown-account")


def test_another_provider_is_not_found(market: Market) -> None:
    body = {"type": "transfer.received", "data": {"id": "x", "amount_minor": 1, "currency": "TWD", "reference": "x"}}
    assert ask("POST", "/api/payments/webhooks/card", "", body)[0] == 404


def test_a_notice_pays_a_waiting_purchase_exactly_and_its_repeat_changes_nothing(market: Market) -> None:
    purchase, notice = wait_for_payment(market), new_id()
    for _ in range(2):
        assert notify(notice, purchase.total_minor, f"purchase/{purchase.id}")[1]["outcome"] == "confirmed"
    assert get_purchase(purchase.id).payment == "paid"
    assert notify(notice, purchase.total_minor + 100, f"purchase/{purchase.id}")[0] == 409
    assert balance(market) == 200_000


def test_a_wrong_amount_for_a_purchase_goes_to_its_customers_account_and_never_pays_it_later(market: Market) -> None:
    purchase, notice = wait_for_payment(market), new_id()
    for _ in range(2):
        assert notify(notice, 100, f"purchase/{purchase.id}")[1]["outcome"] == "credited"
    assert notify(notice, purchase.total_minor, f"purchase/{purchase.id}")[0] == 409
    assert (balance(market), get_purchase(purchase.id).payment) == (200_100, "pending")


def test_the_union_account_pays_a_waiting_purchase_and_its_repeat_gets_the_same_answer(market: Market) -> None:
    purchase = wait_for_payment(market)
    body = {"purchase": purchase.id, "amount_minor": purchase.total_minor}
    status, payment = ask("POST", "/api/payments", market.customer, body, "pay-this-once")
    assert (status, payment["amount_minor"], payment["state"]) == (201, -purchase.total_minor, "settled")
    assert ask("POST", "/api/payments", market.customer, body, "pay-this-once") == (201, payment)
    assert ask("GET", f"/api/payments/{payment['id']}", market.customer) == (200, payment)
    assert balance(market) == 200_000 - purchase.total_minor


def test_a_payment_that_may_not_be_is_refused_and_moves_nothing(market: Market) -> None:
    purchase = wait_for_payment(market)
    body = {"purchase": purchase.id, "amount_minor": purchase.total_minor}
    assert ask("POST", "/api/payments", "someone-else", body, "not-my-purchase")[0] == 404
    assert ask("POST", "/api/payments", market.customer, body | {"amount_minor": 100}, "too-little")[0] == 422
    assert ask("POST", "/api/payments", market.customer, body)[0] == 422
    assert ask("POST", "/api/payments", "", body, "nobody-here")[0] == 401
    assert (balance(market), get_purchase(purchase.id).payment) == (200_000, "pending")


def test_somebody_elses_payment_is_not_found(market: Market) -> None:
    notice = new_id()
    notify(notice, 50_000, f"customer/{market.customer}")
    assert ask("GET", f"/api/payments/bank-{notice}", market.customer)[1]["amount_minor"] == 50_000
    assert ask("GET", f"/api/payments/bank-{notice}", "someone-else")[0] == 404


def test_a_withdrawal_leaves_the_account_once_and_never_below_zero(market: Market) -> None:
    path = "/api/me/withdrawals"
    assert ask("POST", path, market.customer, {"amount_minor": 150_000}, "withdraw-1")[0] == 422
    verify_account(f"customer/{market.customer}", utc_now())
    status, payment = ask("POST", path, market.customer, {"amount_minor": 150_000}, "withdraw-1")
    assert (status, payment["amount_minor"], payment["kind"]) == (201, -150_000, "withdrawal")
    assert ask("POST", path, market.customer, {"amount_minor": 150_000}, "withdraw-1") == (201, payment)
    assert ask("POST", path, market.customer, {"amount_minor": 10_000}, "withdraw-1")[0] == 409
    assert ask("POST", path, market.customer, {"amount_minor": 50_100}, "withdraw-2")[0] == 402
    assert balance(market) == 50_000


def test_the_payment_page_shows_both_ways_and_pays_from_the_account(market: Market) -> None:
    purchase = wait_for_payment(market)
    page = lambda_handler(gateway_event("GET", f"/pay/{purchase.id}", subject=market.customer), CONTEXT)
    assert page["statusCode"] == 200
    assert f"purchase/{purchase.id}" in page["body"]
    form = {"amount_minor": str(purchase.total_minor), "idempotency_key": "from-the-page"}
    event = gateway_event("POST", f"/pay/{purchase.id}", form=form, subject=market.customer)
    answer = lambda_handler(event, CONTEXT)
    assert (answer["statusCode"], get_purchase(purchase.id).payment) == (303, "paid")
    other = lambda_handler(gateway_event("GET", f"/pay/{purchase.id}", subject="someone-else"), CONTEXT)
    assert other["statusCode"] == 404
