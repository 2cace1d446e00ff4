"""Who works where: memberships of people in stores and with suppliers, and invitations to join."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from mart_union.customers.model import INVITATION_DAYS, Invitation, Membership, checked_role
from mart_union.customers.tables import (
    CustomersItem,
    InvitationItem,
    MembershipItem,
    customer_key,
    invitation_key,
    member_keys,
)
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Conflict, MartUnionError, NotFound, RuleViolation
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import Refusal, WriteTransaction, refuse

_NO_INVITATION = "this invitation does not exist, was taken up already, or is older than a week"


def find_role(subject: str, kind: str, owner: str) -> str:
    """The role of a person in a store or with a supplier as it is this moment, '' when there is none."""
    item = find(MembershipItem, *customer_key(subject, f"MEMBER#{kind}#{owner}"), consistent=True)
    return item.role if item else ""


def list_memberships(subject: str) -> list[Membership]:
    """The stores and suppliers that a person works for."""
    return [
        item.document for item in MembershipItem.query(f"CUSTOMER#{subject}", CustomersItem.sk.startswith("MEMBER#"))
    ]


def list_staff(kind: str, owner: str) -> list[Membership]:
    """The people who work for a store or supplier."""
    return [item.document for item in MembershipItem.query(f"STAFF#{kind}#{owner}")]


def grant_membership(subject: str, kind: str, owner: str, role: str, now: datetime | None = None) -> Membership:
    """Give a person a role in a store or with a supplier. The same again changes nothing.

    Raises:
        Invalid: there is no such role.
        Conflict: the person has another role there.
    """
    checked_role(kind, role)
    found = find(MembershipItem, *member_keys(subject, kind, owner)[0], consistent=True)
    if found is not None and found.role == role:
        return found.document
    transaction = WriteTransaction()
    membership = add_membership(transaction, subject, kind, owner, role, now)
    transaction.commit()
    return membership


def add_membership(
    transaction: WriteTransaction, subject: str, kind: str, owner: str, role: str, now: datetime | None = None
) -> Membership:
    """Add a membership to a transaction: two items, of which the person's own is the one that conditions are about.

    The commit raises Conflict if the person has another role there.

    Raises:
        Invalid: there is no such role.
    """
    checked_role(kind, role)
    membership = Membership(subject, kind, owner, role, iso(now or utc_now()))
    own, listed = member_keys(subject, kind, owner)
    same_or_none = MembershipItem.role.does_not_exist() | (MembershipItem.role == role)
    for key in (own, listed):
        item = MembershipItem(*key, document=membership, role=role)
        transaction.put(item, condition=same_or_none, refusal=_other_role(kind))
    return membership


def _other_role(kind: str) -> Refusal:
    return lambda found: Conflict(f"this person is {found.get('role')} of the {kind} already", role=found.get("role"))


def revoke_membership(subject: str, kind: str, owner: str) -> None:
    """Take a person's role away. Doing it again changes nothing.

    Raises:
        RuleViolation: the last owner cannot go.
    """
    others = [each.subject for each in list_staff(kind, owner) if each.role == "owner" and each.subject != subject]
    transaction = WriteTransaction()
    if not others and find_role(subject, kind, owner) == "owner":
        raise RuleViolation(f"this is the {kind}'s only owner: make someone else an owner first")
    if others:  # who stays is held to it in the same transaction: two owners cannot take each other out at once
        stays = MembershipItem(*member_keys(others[0], kind, owner)[0])
        transaction.check(
            stays, MembershipItem.role == "owner", refuse(Conflict, "the owners have just changed; try again")
        )
    for key in member_keys(subject, kind, owner):
        transaction.delete(MembershipItem(*key))
    transaction.commit()


def invite(
    kind: str, owner: str, role: str, made_by: str, now: datetime | None = None, *, names: dict[str, str]
) -> Invitation:
    """Offer a role in a store or with a supplier, called by its `names` there, to whoever takes the code up within a week.

    Raises:
        Invalid: there is no such role.
    """
    checked_role(kind, role)
    now = now or utc_now()
    invitation = Invitation(secrets.token_urlsafe(16), kind, owner, role, made_by, iso(now), names)
    ends = int((now + timedelta(days=INVITATION_DAYS)).timestamp())
    InvitationItem(*invitation_key(invitation.code), document=invitation, expires_at=ends).save()
    return invitation


def get_invitation(code: str, now: datetime | None = None) -> Invitation:
    """An invitation that can be taken up.

    Raises:
        NotFound: there is none, it was taken up, or its week is over.
    """
    item = find(InvitationItem, *invitation_key(code), consistent=True)
    if item is None or item.taken_by or item.expires_at <= (now or utc_now()).timestamp():
        raise NotFound(_NO_INVITATION)
    return item.document


def accept_invitation(code: str, subject: str, now: datetime | None = None) -> Membership:
    """Take an invitation up: the code is used and the role is there, or neither. The same person may repeat it.

    Raises:
        NotFound: there is no such invitation, someone took it up, or its week is over.
        Conflict: the person has another role there; the invitation stays open.
    """
    now = now or utc_now()
    found = find(InvitationItem, *invitation_key(code), consistent=True)
    if found is None:
        raise NotFound(_NO_INVITATION)
    if found.taken_by == subject:
        return _membership_of(subject, found.document)
    transaction = WriteTransaction()
    invitation = found.document
    open_still = InvitationItem.taken_by.does_not_exist() & (InvitationItem.expires_at > int(now.timestamp()))
    transaction.update(
        InvitationItem(*invitation_key(code)),
        [InvitationItem.taken_by.set(subject)],
        condition=open_still,
        refusal=refuse(NotFound, _NO_INVITATION),
    )
    membership = add_membership(transaction, subject, invitation.kind, invitation.id, invitation.role, now)
    try:
        transaction.commit()
    except MartUnionError:
        taken = find(InvitationItem, *invitation_key(code), consistent=True)
        if taken is None or taken.taken_by != subject:
            raise
        return _membership_of(subject, invitation)  # the same person pressed twice at once
    return membership


def _membership_of(subject: str, invitation: Invitation) -> Membership:
    item = find(MembershipItem, *member_keys(subject, invitation.kind, invitation.id)[0], consistent=True)
    if item is None:  # taken up, and the role was taken away since
        raise NotFound(_NO_INVITATION)
    return item.document
