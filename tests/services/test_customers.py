"""Memberships, invitations, recipients, sessions, views and carts on a real table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from mart_union.customers import service
from mart_union.customers.model import CartLine, RecipientFields
from mart_union.customers.tables import MembershipItem, RecipientItem, ViewItem, member_keys, recipient_key
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, MartUnionError, NotFound, RuleViolation
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction

NOW = datetime.now(UTC).replace(microsecond=0)
FIELDS = RecipientFields("林小姐", ("中正路 1 號",), "新竹市", "300", "0912-345-678")


def test_a_role_is_found_under_the_person_and_under_the_store(unique: str) -> None:
    service.grant_membership(unique, "store", f"s-{unique}", "packer", NOW)
    assert service.find_role(unique, "store", f"s-{unique}") == "packer"
    assert service.find_role(unique, "supplier", f"s-{unique}") == ""
    assert service.find_role("someone-else", "store", f"s-{unique}") == ""
    assert service.list_memberships(unique) == service.list_staff("store", f"s-{unique}")


def test_granting_a_role_again_changes_nothing_and_another_role_is_refused(unique: str) -> None:
    first = service.grant_membership(unique, "store", "s", "owner", NOW)
    assert service.grant_membership(unique, "store", "s", "owner", NOW + timedelta(days=1)) == first
    with pytest.raises(Conflict) as refused:
        service.grant_membership(unique, "store", "s", "packer", NOW)
    assert refused.value.facts == {"role": "owner"}
    with pytest.raises(Invalid):
        service.grant_membership(unique, "supplier", "s", "packer", NOW)
    assert service.list_memberships(unique) == [first]


def test_the_last_owner_stays_and_others_can_go(unique: str) -> None:
    for subject, role in (("anna", "owner"), ("ben", "owner"), ("carl", "packer")):
        service.grant_membership(subject, "store", unique, role, NOW)
    service.revoke_membership("carl", "store", unique)
    service.revoke_membership("anna", "store", unique)
    service.revoke_membership("anna", "store", unique)
    with pytest.raises(RuleViolation):
        service.revoke_membership("ben", "store", unique)
    assert [each.subject for each in service.list_staff("store", unique)] == ["ben"]


def test_two_owners_cannot_take_each_other_out_at_once(unique: str) -> None:
    for round_number in range(3):
        store = f"{unique}-{round_number}"
        for subject in ("anna", "ben"):
            service.grant_membership(subject, "store", store, "owner", NOW)

        def go(subject: str, store: str = store) -> bool:
            try:
                service.revoke_membership(subject, "store", store)
            except MartUnionError:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            assert sum(threads.map(go, ["anna", "ben"])) == 1
        assert len(service.list_staff("store", store)) == 1


def test_of_eight_people_with_one_code_exactly_one_gets_the_role(unique: str) -> None:
    invitation = service.invite("store", unique, "packer", "owner", NOW, names={"en": "Tea house"})

    def take(subject: str) -> bool:
        try:
            service.accept_invitation(invitation.code, subject, NOW)
        except NotFound:
            return False
        return True

    people = [f"{unique}-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        took = [person for person, success in zip(people, threads.map(take, people), strict=True) if success]
    assert len(took) == 1
    assert [each.subject for each in service.list_staff("store", unique)] == took
    assert service.accept_invitation(invitation.code, took[0], NOW).role == "packer"


def test_an_invitation_taken_up_twice_at_once_by_the_same_person_is_taken_up_once_and_both_are_told_so(
    unique: str,
) -> None:
    invitation = service.invite("store", unique, "packer", "owner", NOW, names={"en": "Tea house"})
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: service.accept_invitation(invitation.code, f"p-{unique}", NOW), range(8)))
    assert {(each.subject, each.role) for each in taken} == {(f"p-{unique}", "packer")}
    assert service.find_role(f"p-{unique}", "store", unique) == "packer"


def test_an_invitation_is_over_after_seven_days_even_while_it_is_still_stored(unique: str) -> None:
    invitation = service.invite("store", unique, "manager", "owner", NOW, names={"en": "Tea house"})
    with pytest.raises(NotFound):
        service.accept_invitation(invitation.code, unique, NOW + timedelta(days=7))
    assert service.find_role(unique, "store", unique) == ""
    assert service.accept_invitation(invitation.code, unique, NOW + timedelta(days=6, hours=23)).role == "manager"


def test_an_owner_who_takes_a_packers_invitation_up_stays_owner_and_the_code_stays_open(unique: str) -> None:
    service.grant_membership("anna", "store", unique, "owner", NOW)
    invitation = service.invite("store", unique, "packer", "anna", NOW, names={"en": "Tea house"})
    with pytest.raises(Conflict):
        service.accept_invitation(invitation.code, "anna", NOW)
    assert service.find_role("anna", "store", unique) == "owner"
    assert service.get_invitation(invitation.code, NOW) == invitation


def test_a_cut_off_membership_is_never_half_there(unique: str) -> None:
    service.grant_membership(unique, "supplier", "u", "member", NOW)
    assert all(find(MembershipItem, *key) for key in member_keys(unique, "supplier", "u"))


def test_a_recipient_is_made_once_a_key_and_never_changed(unique: str) -> None:
    first = service.add_recipient(unique, FIELDS, "key-12345", NOW)
    again = service.add_recipient(unique, FIELDS, "key-12345", NOW + timedelta(hours=1))
    other = RecipientFields("林先生", ("中正路 1 號",), "新竹市", "300", "0912-345-678")
    with pytest.raises(KeyReused):
        service.add_recipient(unique, other, "key-12345", NOW)
    assert again == first
    assert service.get_recipient(first.id) == first
    assert service.list_recipients(unique) == [first]


def test_another_customers_recipient_is_not_found(unique: str) -> None:
    mine = service.add_recipient(unique, FIELDS, "key-12345", NOW)
    with pytest.raises(NotFound):
        service.get_recipient(mine.id, customer="someone-else")
    with pytest.raises(NotFound):
        service.unlist_recipient("someone-else", mine.id)
    assert service.list_recipients(unique) == [mine]


def test_a_recipient_taken_off_the_list_is_still_there_for_its_orders(unique: str) -> None:
    mine = service.add_recipient(unique, FIELDS, "key-12345", NOW)
    service.unlist_recipient(unique, mine.id)
    assert service.list_recipients(unique) == []
    assert service.get_recipient(mine.id, customer=unique) == mine


def test_a_recipient_without_an_address_is_refused_field_by_field(unique: str) -> None:
    with pytest.raises(Invalid) as refused:
        service.add_recipient(unique, RecipientFields("林", (" ",), "", "300", "1"), "key-12345", NOW)
    assert [error["field"] for error in refused.value.facts["errors"]] == ["address_lines", "city"]  # type: ignore[attr-defined]
    assert service.list_recipients(unique) == []


def test_a_shops_recipient_belongs_to_no_customer() -> None:
    made = service.recipient_of("", FIELDS, "shop/one/key-1", NOW)
    transaction = WriteTransaction()
    service.keep_recipient(transaction, made, "purchase-1")
    transaction.commit()
    service.require_same(replace(made, made_at="later"))
    with pytest.raises(KeyReused):
        service.require_same(replace(made, name="林先生"))
    kept = find(RecipientItem, *recipient_key(made.id))
    assert kept is not None
    assert kept.document == made
    assert service.list_recipients("") == []


def test_without_consent_a_view_writes_nothing() -> None:
    session = service.start_session(False, NOW)
    assert service.record_view(session.id, "store", "/stores/tea", "tea", "", NOW) is None
    assert service.record_view("", "store", "/stores/tea", "tea", "", NOW) is None
    assert service.record_view("never-started", "store", "/stores/tea", "tea", "", NOW) is None
    assert list(ViewItem.query(f"SESSION#{session.id}", ViewItem.sk.startswith("VIEW#"))) == []


def test_with_consent_views_are_kept_in_sequence_for_ninety_days() -> None:
    session = service.start_session(True, NOW)
    for minute, path in enumerate(("/", "/stores/tea", "/stores/tea/OB-TOP")):
        service.record_view(session.id, "store", path, "tea", "", NOW + timedelta(minutes=minute))
    assert [view.path for view in service.list_session_views(session.id)] == ["/", "/stores/tea", "/stores/tea/OB-TOP"]
    stored = next(iter(ViewItem.query(f"SESSION#{session.id}", ViewItem.sk.startswith("VIEW#"))))
    assert stored.expires_at == int((NOW + timedelta(days=90)).timestamp())


def test_an_ended_session_records_no_view() -> None:
    session = service.start_session(True, NOW)
    assert service.record_view(session.id, "union", "/", "", "", NOW + timedelta(days=30)) is None
    assert service.find_session(session.id, NOW + timedelta(days=30)) is None


def test_withdrawn_consent_erases_the_sessions_views_and_records_no_more() -> None:
    session = service.start_session(True, NOW)
    service.record_view(session.id, "union", "/", "", "", NOW)
    assert service.set_consent(session.id, False, NOW).consent is False
    assert service.record_view(session.id, "union", "/", "", "", NOW) is None
    assert service.list_session_views(session.id) == []


def test_signing_in_gives_the_sessions_views_and_cart_to_the_customer(unique: str) -> None:
    session = service.start_session(True, NOW)
    service.record_view(session.id, "union", "/", "", "", NOW)
    service.change_cart(session.id, "tea", "OB-TOP", 2, now=NOW)
    joined = service.join_session(session.id, unique, NOW)
    assert (joined.id, joined.customer, joined.consent) == (session.id, unique, True)
    assert service.join_session(session.id, unique, NOW) == joined
    assert [view.path for view in service.list_views(unique)] == ["/"]
    assert service.get_cart(session.id).lines == (CartLine("tea", "OB-TOP", 2),)


def test_carts_of_two_browsers_become_one_and_the_same_listing_one_line(unique: str) -> None:
    laptop, phone = service.start_session(False, NOW), service.start_session(False, NOW)
    service.change_cart(laptop.id, "tea", "A", 2, now=NOW)
    service.change_cart(laptop.id, "tea", "B", 1, now=NOW)
    service.change_cart(phone.id, "tea", "A", 3, now=NOW)
    service.join_session(laptop.id, unique, NOW)
    service.join_session(phone.id, unique, NOW)
    both = (CartLine("tea", "A", 5), CartLine("tea", "B", 1))
    assert service.get_cart(laptop.id).lines == both
    assert service.get_cart(phone.id).lines == both
    service.clear_cart(phone.id, now=NOW)
    assert service.get_cart(laptop.id).lines == ()


def test_a_browser_of_another_customer_gets_a_session_of_its_own_without_consent(unique: str) -> None:
    session = service.start_session(True, NOW)
    service.join_session(session.id, unique, NOW)
    service.change_cart(session.id, "tea", "A", 1, now=NOW)
    other = service.join_session(session.id, f"{unique}-other", NOW)
    assert (other.id != session.id, other.customer, other.consent) == (True, f"{unique}-other", False)
    assert service.get_cart(other.id).lines == ()
    assert service.get_cart(session.id).lines == (CartLine("tea", "A", 1),)


def test_erasing_views_erases_those_of_every_session_and_leaves_other_customers_theirs(unique: str) -> None:
    sessions = [service.join_session(service.start_session(True, NOW).id, unique, NOW) for _ in range(2)]
    other = service.join_session(service.start_session(True, NOW).id, f"{unique}-other", NOW)
    for session in (*sessions, other):
        service.record_view(session.id, "union", "/", "", "", NOW)
    service.erase_views(unique)
    service.erase_views(unique)
    assert service.list_views(unique) == []
    assert len(service.list_views(f"{unique}-other")) == 1


def test_a_first_line_that_cannot_be_starts_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mart_union.customers.sessions.start_session", lambda *_: pytest.fail("a session was started"))
    for quantity, add in ((1000, False), (-1, False), (0, True)):
        with pytest.raises(Invalid):
            service.fill_cart("", CartLine("tea", "SKU-0", quantity), add=add, now=NOW)


def test_a_cart_refuses_too_many_units_too_many_lines_and_a_stale_sequence() -> None:
    session = service.start_session(False, NOW).id
    for number in range(50):
        cart = service.change_cart(session, "tea", f"SKU-{number}", 1, now=NOW)
    with pytest.raises(RuleViolation):
        service.change_cart(session, "tea", "ONE-MORE", 1, now=NOW)
    with pytest.raises(Invalid):
        service.change_cart(session, "tea", "SKU-0", 1000, now=NOW)
    with pytest.raises(Invalid):
        service.change_cart(session, "tea", "SKU-0", 999, add=True, now=NOW)
    with pytest.raises(Conflict):
        service.change_cart(session, "tea", "SKU-0", 5, sequence=cart.sequence - 1, now=NOW)
    assert service.get_cart(session) == cart
    assert len(service.change_cart(session, "tea", "SKU-0", 0, sequence=cart.sequence, now=NOW).lines) == 49


def test_additions_from_two_tabs_at_once_all_count() -> None:
    session = service.start_session(False, NOW).id
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: service.change_cart(session, "tea", "A", 1, add=True, now=NOW), range(8)))
    assert service.get_cart(session).lines == (CartLine("tea", "A", 8),)
