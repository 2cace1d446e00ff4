"""Whole categories at once: the rules by which a store links offers, and how far the job of each has come."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from manage.listings import check_categories
from mart_union.catalog.service import list_categories
from mart_union.kernel.clock import utc_now
from mart_union.kernel.money import parse_percent
from mart_union.kernel.paging import Page as Items
from mart_union.mediation.job_model import LinkJob, LinkRule
from mart_union.mediation.service import (
    find_suppliers,
    get_link_job,
    list_link_jobs,
    list_suppliers,
    start_link_job,
)
from mart_union.web.access import MANAGER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request

_Name = Annotated[str, Meta(max_length=64)]


class NewLinkJob(Struct, frozen=True):
    """Which offers to link, by what is said of them, into a category of the store's; each at a markup on its supply price, or at the suggested price.
    With `reprice` what the store sells of them already gets that price, too."""

    category: _Name
    supplier: _Name = ""
    union_category: _Name = ""
    words: Annotated[str, Meta(max_length=150)] = ""
    prefix: Annotated[str, Meta(max_length=31)] = ""
    markup_basis_points: int | None = None
    reprice: bool = False


class LinkJobForm(Struct, frozen=True):
    """The form of a rule; the markup in percent, empty for the suggested price."""

    category: _Name = ""
    supplier: _Name = ""
    union_category: _Name = ""
    words: Annotated[str, Meta(max_length=150)] = ""
    prefix: Annotated[str, Meta(max_length=31)] = ""
    markup: str = ""
    reprice: bool = False


def add_routes(api: Api) -> None:
    """Declare the routes of rules and their jobs."""
    jobs = "/manage/{store}/link-jobs"
    api.post(f"/api{jobs}", MANAGER, body=NewLinkJob, answer=LinkJob, status=201, key=True)(start_by_api)
    api.get(f"/api{jobs}", MANAGER, answer=Items[LinkJob])(list_by_api)
    api.get(f"/api{jobs}/{{job}}", MANAGER, answer=LinkJob)(show_by_api)
    api.get(jobs, MANAGER)(list_page)
    api.post(jobs, MANAGER, body=LinkJobForm, key=True)(start_by_form)
    api.get(f"{jobs}/{{job}}", MANAGER)(show_page)


def start_by_api(request: Request) -> LinkJob:
    """Begin to link all offers that a rule names. The answer is the job, which tells how far it has come."""
    return _start(request, LinkRule(**asdict(request.content)))


def _start(request: Request, rule: LinkRule) -> LinkJob:
    store = request.params["store"]
    own, _ = check_categories(store, {"category": rule.category, "union_category": rule.union_category})
    placed = replace(rule, category=own.at(rule.category))
    return start_link_job(store, placed, request.caller.subject, request.idempotency_key, utc_now())


def list_by_api(request: Request) -> Items[LinkJob]:
    """The store's jobs, newest first."""
    return list_link_jobs(request.params["store"], request.query.get("cursor", ""))


def show_by_api(request: Request) -> LinkJob:
    """A job: what it has looked at, linked, repriced, left and refused so far."""
    return get_link_job(request.params["store"], request.params["job"])


def list_page(request: Request) -> Page:
    """The store's jobs, and the form of a new rule."""
    store = request.params["store"]
    context = {
        "store": store,
        "jobs": list_by_api(request),
        "suppliers": list_suppliers("approved").items,
        "categories": list_categories(store),
        "union_categories": list_categories(),
    }
    return Page("manage/link_jobs.html", context)


def start_by_form(request: Request) -> Redirect:
    """Begin a job by the page's form."""
    form: LinkJobForm = request.content
    markup = parse_percent(form.markup, field="markup") if form.markup.strip() else None
    rule = LinkRule(
        form.category, form.supplier, form.union_category, form.words, form.prefix.strip(), markup, form.reprice
    )
    return Redirect(f"/manage/{request.params['store']}/link-jobs/{_start(request, rule).id}")


def show_page(request: Request) -> Page:
    """A job, how far it has come, and what it could not link."""
    job = show_by_api(request)
    names = {name: each.names for name, each in find_suppliers(each.supplier for each in job.refusals).items()}
    return Page("manage/link_jobs_one.html", {"store": request.params["store"], "job": job, "names": names})
