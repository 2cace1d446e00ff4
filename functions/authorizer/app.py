"""The union's request authorizer: a bearer token or the session cookie, and the membership that the route needs."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger

from authorizer import rules, tokens
from mart_union.customers.service import find_role
from mart_union.kernel.errors import Forbidden, Unauthenticated
from mart_union.kernel.settings import settings

logger = Logger(service="authorizer")


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Allow one route to one caller, with its subject and role, or deny it.

    A page lets an unknown caller pass as nobody, and one without membership pass without a role: its own access rule
    then sends the one to the sign-in page and shows the other why not. The API answers 401 and 403.
    """
    resource, page = event["resource"], rules.is_page(event["resource"])
    try:
        identity = _identity(event)
    except Unauthenticated as exc:
        logger.info("no identity", resource=resource, reason=exc.detail)
        if page:
            return _answer(event, "Allow", "", "")
        raise Exception("Unauthorized") from exc  # noqa: TRY002 - API Gateway turns exactly this text into a 401
    try:
        role = rules.role_for(
            identity, resource, event.get("pathParameters") or {}, union=settings().union, find_role=find_role
        )
    except Forbidden as exc:
        logger.info("denied", resource=resource, subject=identity.subject, reason=exc.detail)
        return _answer(event, "Allow" if page else "Deny", identity.subject, "")
    return _answer(event, "Allow", identity.subject, role)


def _identity(event: dict[str, Any]) -> tokens.Identity:
    known = settings()
    return tokens.verify(
        tokens.token_of(event.get("headers") or {}),
        issuer=known.pool_issuer,
        client_id=known.pool_client_id,
        signing_key=tokens.pool_signing_key(known.pool_issuer),
    )


def _answer(event: dict[str, Any], effect: str, subject: str, role: str) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {
        "principalId": subject or "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"subject": subject, "role": role},
    }
