"""The one table from an error's code to its HTTP status, and problem details (RFC 9457)."""

from __future__ import annotations

from typing import Any

from mart_union.kernel.errors import MartUnionError

STATUS = {
    "unauthenticated": 401,
    "insufficient-funds": 402,
    "card-declined": 402,
    "forbidden": 403,
    "not-found": 404,
    "conflict": 409,
    "idempotency-key-reused": 409,
    "price-changed": 409,
    "admission-needed": 409,
    "turn-not-come": 409,
    "ticket-expired": 409,
    "ticket-used": 409,
    "out-of-stock": 409,
    "step-not-allowed": 409,
    "payment-outstanding": 409,
    "already-reported": 409,
    "code-locked": 409,
    "too-large": 413,
    "unsupported-media-type": 415,
    "invalid": 422,
    "unknown-account": 422,
    "currency-mismatch": 422,
    "amount-out-of-range": 422,
    "rule-violation": 422,
    "beyond-original": 422,
    "procedure-refused": 422,
    "money-stranded": 422,
    "classification-fixed": 422,
    "not-chargeable": 422,
    "cash-not-taken": 422,
    "unknown-carrier": 422,
    "part-refused": 422,
    "outside-area": 422,
    "sale-overlaps": 422,
    "limit-reached": 422,
    "not-eligible": 422,
    "not-admitted": 422,
    "ticket-forged": 422,
    "ticket-of-another": 422,
    "slot-refused": 422,
    "report-limit": 422,
    "busy": 503,
    "provider-unavailable": 503,
}

TITLES = {code: code.replace("-", " ").capitalize() for code in STATUS}


UNKNOWN: dict[str, Any] = {
    "type": "urn:mart-union:problem:internal",
    "title": "Internal error",
    "status": 500,
    "detail": "Something went wrong on our side; nothing was half done. Please try again.",
}


def problem_of(error: MartUnionError) -> dict[str, Any]:
    """The problem details of a refusal: type, title, status, detail, and the error's own facts.

    A code that is not in the table is nobody's to show: it becomes `UNKNOWN`.
    """
    if error.code not in STATUS:
        return UNKNOWN
    return {
        **error.facts,
        "type": f"urn:mart-union:problem:{error.code}",
        "title": TITLES[error.code],
        "status": STATUS[error.code],
        "detail": error.detail,
    }
