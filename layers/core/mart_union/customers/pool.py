"""Signing in and up: the network's user pool, in the service center's region, asked as anyone may (no credentials of the union)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from botocore.session import get_session

from mart_union.customers.model import Person
from mart_union.kernel.errors import Busy, Conflict, Invalid, MartUnionError, RuleViolation, Unauthenticated
from mart_union.kernel.settings import settings

REFRESH_DAYS = 30  # of the pool's client, template.yaml


@dataclass(frozen=True)
class Tokens:
    """What the pool gives to someone who has signed in; `refresh` is '' when it was the refresh token that did it."""

    access: str = field(repr=False)
    seconds: int
    refresh: str = field(repr=False, default="")


class NotConfirmed(RuleViolation):
    """The account exists, but its owner has not yet entered the code that was mailed."""


@cache
def _pool() -> Any:
    config = Config(
        signature_version=UNSIGNED,
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return get_session().create_client("cognito-idp", region_name=settings().pool_region, config=config)


def sign_in(email: str, password: str) -> Tokens:
    """Tokens for an address and its password.

    Raises:
        Unauthenticated: they do not belong together, or nobody has this address; the pool does not tell which.
        NotConfirmed: the code that was mailed has not been entered yet.
        RuleViolation: the account asks for more than a password.
        Busy: too many tries.
    """
    return _tokens("USER_PASSWORD_AUTH", {"USERNAME": email, "PASSWORD": password})


def refresh(refresh_token: str) -> Tokens:
    """A new access token.

    Raises:
        Unauthenticated: the refresh token is over, or was revoked.
        Busy: too many tries.
    """
    return _tokens("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": refresh_token})


def sign_up(email: str, password: str, name: str) -> None:
    """Ask the pool to make an account and mail its code. For an address that has one already nothing happens, and nobody is told.

    Raises:
        Invalid: the password is too weak, or the address is none.
        Busy: too many tries.
    """
    attributes = [{"Name": "email", "Value": email}, {"Name": "name", "Value": name}]
    try:
        _ask(
            "sign_up", ClientId=settings().pool_client_id, Username=email, Password=password, UserAttributes=attributes
        )
    except Conflict:
        return


def confirm(email: str, code: str) -> None:
    """Confirm an address by the code that was mailed to it.

    Raises:
        RuleViolation: the code is wrong or too old.
        Busy: too many tries.
    """
    try:
        _ask("confirm_sign_up", ClientId=settings().pool_client_id, Username=email, ConfirmationCode=code)
    except Unauthenticated:  # it was confirmed before
        return


def send_code_again(email: str) -> None:
    """Mail a new code, if the address waits for one.

    Raises:
        Busy: too many tries.
    """
    try:
        _ask("resend_confirmation_code", ClientId=settings().pool_client_id, Username=email)
    except (Invalid, RuleViolation, Unauthenticated):
        return


def sign_out(refresh_token: str) -> None:
    """Revoke a refresh token and the access tokens that it gave; one that is over already is no matter."""
    try:
        _ask("revoke_token", ClientId=settings().pool_client_id, Token=refresh_token)
    except (Invalid, Unauthenticated):
        return


def read_person(access_token: str) -> Person:
    """Whom an access token speaks for.

    Raises:
        Unauthenticated: the token is over, or was revoked.
        Busy: too many tries.
    """
    answer = _ask("get_user", AccessToken=access_token)
    known = {each["Name"]: each["Value"] for each in answer["UserAttributes"]}
    verified = known.get("email_verified") == "true"
    return Person(known["sub"], known.get("name", ""), known.get("email", "") if verified else "")


def _tokens(flow: str, parameters: dict[str, str]) -> Tokens:
    answer = _ask("initiate_auth", ClientId=settings().pool_client_id, AuthFlow=flow, AuthParameters=parameters)
    result = answer.get("AuthenticationResult")
    if result is None:
        raise RuleViolation("this account must be set up first: it asks for more than a password", reason="setup")
    return Tokens(result["AccessToken"], int(result["ExpiresIn"]), result.get("RefreshToken", ""))


_REFUSALS: dict[str, Callable[[str], MartUnionError]] = {
    "NotAuthorizedException": lambda _: Unauthenticated("the address or the password is not right", reason="password"),
    "UserNotFoundException": lambda _: Unauthenticated("the address or the password is not right", reason="password"),
    "PasswordResetRequiredException": lambda _: RuleViolation("this account needs a new password first"),
    "UserNotConfirmedException": lambda _: NotConfirmed("enter the code that we sent to this address first"),
    "UsernameExistsException": lambda _: Conflict("this address has an account"),
    "AliasExistsException": lambda _: Conflict("this address has an account"),
    "InvalidPasswordException": lambda text: _field("password", text),
    "InvalidParameterException": lambda text: _field("email", text),
    "CodeMismatchException": lambda _: RuleViolation("this is not the code that we sent", reason="code"),
    "ExpiredCodeException": lambda _: RuleViolation("this code is too old; have a new one sent", reason="code-expired"),
    "TooManyRequestsException": lambda _: Busy("too many tries; wait a moment", reason="tries"),
    "TooManyFailedAttemptsException": lambda _: Busy("too many tries; wait a moment", reason="tries"),
    "LimitExceededException": lambda _: Busy("too many tries; wait a moment", reason="tries"),
}


def _field(field_name: str, text: str) -> Invalid:
    return Invalid(text, errors=[{"field": field_name, "reason": text}])


def _ask(operation: str, **request: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(_pool(), operation)(**request)
    except ParamValidationError as error:  # botocore refuses an empty address or code before anything is sent
        raise _field("email", "this cannot be right: nothing was sent") from error
    except ClientError as error:
        refusal = _REFUSALS.get(error.response["Error"]["Code"])
        if refusal is None:
            raise
        raise refusal(error.response["Error"].get("Message", "")) from error
    return answer
