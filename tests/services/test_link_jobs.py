"""Whole categories are linked by a rule in one job, part by part: cut off, twice, late or at once, each offer counts once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.model import Category, DepositRule, offer_level
from mart_union.catalog.service import get_listing
from mart_union.kernel.errors import Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.events import Event
from mart_union.mediation import link_jobs
from mart_union.mediation import service as mediation
from mart_union.mediation.job_model import LinkJob, LinkRule, NotLinked
from mart_union.mediation.linked import Facts
from mart_union.mediation.model import DepositStanding, Link, Terms
from mart_union.mediation.tables import standing_item, supplier_item
from tests.services.capacity import measured
from tests.services.cutting import CutOff, cut_off
from tests.services.market import save_union
from tests.services.test_manage_catalog import api as manage
from tests.services.test_manage_catalog import ask as manage_page
from tests.services.test_mediation import link, make_offer, make_store, make_supplier

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def union() -> None:
    save_union(deposit=DepositRule(0, 72))


@pytest.fixture
def store(unique: str) -> str:
    """A store, and a supplier `unique` with three offers of a category of the union and one of another."""
    for name, parent in ((f"tea-{unique}", None), (f"herbal-{unique}", f"tea-{unique}")):
        catalog.save_category("", Category(name, {"en": name}, parent), "operator", NOW)
    make_supplier(unique)
    for sku in ("A", "B"):
        make_offer(unique, sku=sku, union_category=f"tea-{unique}")
    make_offer(unique, sku="C", union_category=f"herbal-{unique}")
    make_offer(unique, sku="D", union_category="hats")
    return make_store(f"{unique}s")


def rule(unique: str, **changes: object) -> LinkRule:
    made = LinkRule("teas", unique, union_category=f"tea-{unique}", prefix="X-", markup_basis_points=5_000)
    return replace(made, **changes)  # type: ignore[arg-type]


def begin(store: str, wanted: LinkRule, key: str = "rule-00001") -> LinkJob:
    return mediation.start_link_job(store, wanted, "manager", key, NOW)


def told(job: LinkJob) -> Event:
    entity = f"link-job/{job.store}/{job.id}"
    return Event(f"e-{job.sequence}", "LinkJobChanged", entity, job.sequence, "now", msgspec.to_builtins(job))


def work(job: LinkJob) -> LinkJob:
    """The job when each of its events has come, to its end."""
    while job.state == "running":
        mediation.work_link_job(told(job), NOW)
        job = mediation.get_link_job(job.store, job.id)
    return job


def counts(job: LinkJob) -> tuple[int, ...]:
    return (job.looked, job.linked, job.repriced, job.unchanged, job.refused)


def links(store: str) -> dict[str, int]:
    return {each.sku: each.price_minor for each in mediation.list_links(store).items}


def test_a_category_and_all_below_it_are_linked_under_the_rules_price(store: str, unique: str) -> None:
    done = work(begin(store, rule(unique, supplier="")))
    assert (done.state, counts(done)) == ("done", (3, 3, 0, 0, 0))
    assert links(store) == {"X-A": 16500, "X-B": 16500, "X-C": 16500}
    listing, made = get_listing(store, "X-A"), mediation.get_link(store, "X-A")
    assert (listing.category, listing.price_minor, listing.level) == ("teas", 16500, offer_level(unique, "A"))
    assert (made.follows["price"], made.markup_basis_points, made.state) == (True, 5_000, "linked")
    assert [each.store for each in mediation.list_sellers(unique).items] == [store]


def test_a_rule_without_a_markup_follows_the_suggested_price_of_one_suppliers_offers(store: str, unique: str) -> None:
    done = work(begin(store, rule(unique, union_category="", markup_basis_points=None)))
    assert counts(done) == (4, 4, 0, 0, 0)
    assert set(links(store).values()) == {22000}


def test_many_offers_are_linked_a_hundred_at_a_time_with_few_requests(store: str, unique: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: make_offer(unique, sku=f"M-{n:03d}", union_category=f"tea-{unique}"), range(117)))
    job = begin(store, rule(unique, union_category=""))
    with measured() as capacity:
        mediation.work_link_job(told(job), NOW)
    part = mediation.get_link_job(store, job.id)
    assert (part.state, counts(part)) == ("running", (100, 100, 0, 0, 0))
    transactions = [each for each in capacity.requests if each == "TransactWriteItems"]
    assert len(transactions) == 100 // 20 + 1
    done = work(part)
    assert (done.state, counts(done)) == ("done", (121, 121, 0, 0, 0))
    assert len(mediation.list_links(store, limit=200).items) == 121


def test_what_the_store_sells_already_stays_unless_the_rule_is_for_it_too(store: str, unique: str) -> None:
    offer = mediation.get_offer(unique, "A")
    own = link(store, offer, "MINE", Terms("gifts", 30000, titles={"en": "My tea"}))
    mediation.set_link_state(store, "MINE", "paused", "owner", NOW)
    assert counts(work(begin(store, rule(unique)))) == (3, 2, 0, 1, 0)
    assert links(store) == {"MINE": 30000, "X-B": 16500, "X-C": 16500}
    again = work(begin(store, rule(unique, markup_basis_points=10_000, reprice=True), "rule-00002"))
    assert counts(again) == (3, 0, 3, 0, 0)
    assert links(store) == {"MINE": 22000, "X-B": 22000, "X-C": 22000}
    mine = mediation.get_link(store, "MINE")
    assert (mine.titles, mine.category, mine.state, mine.reason) == (own.titles, "gifts", "paused", "seller")
    assert get_listing(store, "MINE").price_minor == 22000
    assert counts(work(begin(store, rule(unique, markup_basis_points=10_000, reprice=True), "rule-00003"))) == (
        *(3, 0, 0, 3, 0),
    )


def test_what_cannot_be_linked_is_told_with_its_reason_and_holds_up_no_other(store: str, unique: str) -> None:
    link(store, make_offer(unique, sku="OTHER"), "X-A")
    make_offer(unique, sku="LONG-NAME-OF-AN-OFFER-1234567890", union_category=f"tea-{unique}")
    make_offer(unique, sku="THEIRS", union_category=f"tea-{unique}", granted_to=("store:someone-else",))
    done = work(begin(store, rule(unique)))
    assert counts(done) == (4, 2, 0, 0, 2)
    assert done.refusals == (
        NotLinked(unique, "A", "conflict", "the SKU X-A is used by another listing"),
        NotLinked(
            unique,
            "LONG-NAME-OF-AN-OFFER-1234567890",
            "invalid",
            "sku: X-LONG-NAME-OF-AN-OFFER-1234567890 is no SKU: choose a shorter prefix",
        ),
    )
    assert mediation.get_link(store, "X-A").offer_sku == "OTHER"


def test_of_two_suppliers_offers_under_one_sku_the_second_is_refused_and_the_job_ends(store: str, unique: str) -> None:
    make_offer(make_supplier(f"{unique}z"), sku="A", union_category=f"tea-{unique}")
    done = work(begin(store, rule(unique, supplier="")))
    assert (done.state, counts(done)) == ("done", (4, 3, 0, 0, 1))
    assert [each.detail for each in done.refusals] == ["the SKU X-A is used by another listing"]


def test_a_job_tells_how_many_links_got_their_suppliers_minimum_instead_of_its_markup(store: str, unique: str) -> None:
    for sku, minimum in (("A", 12100), ("B", 13100)):  # the markup comes to 13000
        mediation.save_offer(replace(mediation.get_offer(unique, sku), minimum_minor=minimum), None, "owner", NOW)
    link(store, mediation.get_offer(unique, "C"), "MINE", Terms("gifts", 30000))
    done = work(begin(store, rule(unique, markup_basis_points=1_800, reprice=True)))
    assert (counts(done), done.at_minimum) == ((3, 2, 1, 0, 0), 2)
    assert links(store) == {"MINE": 16500, "X-A": 13000, "X-B": 13100}
    again = work(begin(store, rule(unique, markup_basis_points=1_800, reprice=True), "rule-00002"))
    assert (counts(again), again.at_minimum) == ((3, 0, 0, 3, 0), 0)
    suggested = work(begin(store, rule(unique, markup_basis_points=None, reprice=True), "rule-00003"))
    assert (counts(suggested), suggested.at_minimum) == ((3, 0, 3, 0, 0), 0)
    path = f"/manage/{store}/link-jobs"
    assert manage("GET", f"{path}/{done.id}")[1]["at_minimum"] == 2
    shown, without = (
        manage_page("GET", f"{path}/{job.id}", headers={"Accept-Language": "en"})["body"] for job in (done, suggested)
    )
    assert "which the markup did not reach</dt><dd>2</dd>" in shown
    assert "which the markup did not reach" not in without


def test_a_part_that_is_repeated_counts_what_was_at_the_minimum_when_it_was_written(
    store: str, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(store, mediation.get_offer(unique, "A"), "MINE", Terms("gifts", 30000))
    job = begin(store, rule(unique, markup_basis_points=0, reprice=True))

    def end(*_: object, **__: object) -> None:
        raise CutOff("all links are written, and the progress is not")

    with monkeypatch.context() as broken:
        broken.setattr(link_jobs, "bring_in_step", end)
        with pytest.raises(CutOff):
            work(job)
    assert links(store) == {"MINE": 16500, "X-B": 16500, "X-C": 16500}
    for sku in ("A", "B"):
        mediation.save_offer(replace(mediation.get_offer(unique, sku), minimum_minor=11000), None, "owner", NOW)
    done = work(job)
    assert (counts(done), done.at_minimum) == ((3, 2, 1, 0, 0), 3)
    assert links(store) == {"MINE": 11000, "X-B": 11000, "X-C": 16500}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_part_cut_off_at_any_request_and_repeated_ends_as_if_it_had_run_once(
    store: str, unique: str, when: str
) -> None:
    link(store, mediation.get_offer(unique, "A"), "MINE", Terms("gifts", 30000))
    for number in range(60):
        mine = make_store(f"{unique}-{when[0]}{number}")
        link(mine, mediation.get_offer(unique, "A"), "MINE", Terms("gifts", 30000))
        job = begin(mine, rule(unique, markup_basis_points=1_000, reprice=True))
        try:
            with cut_off(number, when):
                work(job)
        except CutOff:
            done = work(mediation.get_link_job(mine, job.id))
            assert (done.state, counts(done), done.at_minimum) == ("done", (3, 2, 1, 0, 0), 3), number
            assert links(mine) == {"MINE": 16500, "X-B": 16500, "X-C": 16500}
            continue
        break
    assert number > 10


def test_a_job_of_several_parts_goes_on_where_it_was_cut_off_tells_how_far_it_is_and_its_repeat_writes_nothing(
    store: str, unique: str
) -> None:
    offer = mediation.get_offer(unique, "D")
    many = [(replace(offer, sku=f"M-{number:03d}"), 10) for number in range(216)]
    for start in range(0, len(many), mediation.OFFERS_AT_ONCE):
        mediation.make_offers(many[start : start + mediation.OFFERS_AT_ONCE], "owner", NOW, upload="u1")
    job = begin(store, rule(unique, union_category="", words="m-"))
    progress, left = [], []
    for number in (212, 20):  # between transactions of the first part; in the last part, before the first
        with pytest.raises(CutOff), cut_off(number, "after"):
            mediation.work_link_job(told(job), NOW)
        left.append(len(mediation.list_links(store, limit=300).items))
        mediation.work_link_job(told(job), NOW)
        job = mediation.get_link_job(store, job.id)
        progress.append((job.read, job.of, job.looked, job.linked, job.state))
    assert 0 < left[0] < left[1] == 196
    assert progress == [(200, 220, 196, 196, "running"), (220, 220, 216, 216, "done")]
    made = mediation.list_links(store, limit=300).items
    assert {(each.sku, each.sequence) for each in made} == {(f"X-{each.sku}", 1) for each, _ in many}
    for sequence in (1, 2):  # each event once more, late
        mediation.work_link_job(replace(told(job), sequence=sequence), NOW)
    again = work(begin(store, rule(unique, union_category="", words="m-"), "rule-00002"))
    assert (again.state, counts(again)) == ("done", (216, 0, 0, 216, 0))
    assert mediation.list_links(store, limit=300).items == made


def test_an_event_that_comes_eight_times_at_once_and_late_counts_once(store: str, unique: str) -> None:
    job = begin(store, rule(unique))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: mediation.work_link_job(told(job), NOW), range(8)))
    done = mediation.get_link_job(store, job.id)
    assert (done.state, done.sequence, done.looked) == ("done", 2, 3)
    assert links(store) == {"X-A": 16500, "X-B": 16500, "X-C": 16500}
    mediation.work_link_job(told(job), NOW)
    assert mediation.get_link_job(store, job.id) == done


def test_an_offer_that_changes_meanwhile_is_told_and_the_others_are_linked(
    store: str, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen = link_jobs.read_facts, list[int]()

    def overtaken(wanted: list[Link], **asked: bool) -> Facts:
        facts = read(wanted, **asked)
        if not seen:
            seen.append(1)
            offer = mediation.get_offer(unique, "B")
            mediation.save_offer(replace(offer, minimum_minor=20000), None, "owner", NOW)
        return facts

    monkeypatch.setattr(link_jobs, "read_facts", overtaken)
    done = work(begin(store, rule(unique)))
    assert counts(done) == (3, 2, 0, 0, 1)
    assert [(each.sku, each.code) for each in done.refusals] == [("B", "conflict")]
    assert links(store) == {"X-A": 16500, "X-C": 16500}


def test_a_job_does_not_begin_or_go_on_while_the_deposit_is_below_its_level(store: str, unique: str) -> None:
    job = begin(store, rule(unique))
    standing_item(DepositStanding(store, "paused", sequence=1)).save()
    with pytest.raises(RuleViolation):
        begin(store, rule(unique), "rule-00002")
    stopped = work(job)
    assert (stopped.state, stopped.problem, counts(stopped)) == ("stopped", "deposit", (0, 0, 0, 0, 0))
    assert links(store) == {}
    assert [each.id for each in mediation.list_link_jobs(store).items] == [job.id]


def test_a_key_begins_one_job_and_a_malformed_rule_none(store: str, unique: str) -> None:
    job = begin(store, rule(unique))
    assert begin(store, rule(unique)) == job
    with pytest.raises(KeyReused):
        begin(store, rule(unique, prefix="Y-"))
    for wrong in ({"markup_basis_points": -1}, {"prefix": "small"}, {"union_category": "nothing-of-ours"}):
        with pytest.raises(Invalid):
            begin(store, rule(unique, **wrong), "rule-00002")
    with pytest.raises(NotFound):
        mediation.get_link_job("another", job.id)
    assert [each.id for each in mediation.list_link_jobs(store).items] == [job.id]


def test_a_job_is_begun_and_followed_by_the_api_and_on_the_pages(store: str, unique: str) -> None:
    catalog.save_category(store, Category("teas", {"en": "Teas"}), "owner", NOW)
    body = {"category": "teas", "union_category": f"tea-{unique}", "markup_basis_points": 5_000, "prefix": "X-"}
    path = f"/manage/{store}/link-jobs"
    status, made = manage("POST", path, body=body, headers={"Idempotency-Key": "rule-00001"})
    assert (status, made["state"], made["looked"]) == (201, "running", 0)
    work(mediation.get_link_job(store, made["id"]))
    status, done = manage("GET", f"{path}/{made['id']}")
    assert (status, done["state"], done["linked"], done["of"]) == (200, "done", 3, None)
    form = {
        "category": "teas",
        "supplier": unique,
        "markup": "100 %",
        "reprice": "true",
        "idempotency_key": "rule-00002",
    }
    answer = manage_page("POST", path, form=form)
    assert answer["statusCode"] == 303
    job = answer["multiValueHeaders"]["Location"][0].rpartition("/")[2]
    assert mediation.get_link_job(store, job).rule == LinkRule("teas", unique, markup_basis_points=10_000, reprice=True)
    done_by_form = work(mediation.get_link_job(store, job))
    assert counts(done_by_form) == (4, 1, 3, 0, 0)
    page = manage_page("GET", f"{path}/{job}", headers={"Accept-Language": "en"})["body"]
    assert "Supply price + 100 %" in page
    assert "4 of 4 offers gone through" in page
    assert "Link whole categories" in manage_page("GET", path, headers={"Accept-Language": "en"})["body"]
    assert "+100 %" in manage_page("GET", f"/manage/{store}/links", headers={"Accept-Language": "en"})["body"]
    status, refused = manage("POST", path, body=body | {"category": "none"}, headers={"Idempotency-Key": "rule-00003"})
    assert (status, refused["errors"][0]["field"]) == (422, "category")


def test_the_page_of_a_job_calls_the_suppliers_of_what_it_could_not_link_by_their_names(
    store: str, unique: str
) -> None:
    supplier = mediation.get_supplier(unique)
    supplier_item(replace(supplier, names={"en": "Guanxi Growers"})).save()
    link(store, make_offer(unique, sku="OTHER"), "X-A")
    done = work(begin(store, rule(unique)))
    page = manage_page("GET", f"/manage/{store}/link-jobs/{done.id}", headers={"Accept-Language": "en"})["body"]
    assert "<td>Guanxi Growers</td><td><code>A</code></td>" in page
