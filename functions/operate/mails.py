"""What became of the union's mails, and sending one again."""

from __future__ import annotations

from msgspec import Struct

from mart_union.customers.model import MAIL_OUTCOMES, MailAttempt
from mart_union.customers.service import list_attempts, send_again
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page
from mart_union.web import answer
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request


class MailAgain(Struct, frozen=True):
    """The try whose mail is to be sent again: its id, and what became of it (failed, refused, sent)."""

    mail: str
    outcome: str


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/mails", OPERATOR, answer=Page[MailAttempt])(read_mails)
    api.post("/api/operate/mails/replays", OPERATOR, body=MailAgain, answer=MailAttempt, status=202, key=True)(
        replay_mail
    )
    api.get("/operate/mails", OPERATOR)(mails_page)
    api.post("/operate/mails/replays", OPERATOR, body=MailAgain, key=True)(replay_here)


def read_mails(request: Request) -> Page[MailAttempt]:
    """The tries to tell people by mail of a `day` (yyyy-mm-dd, UTC; today when none is named) with an `outcome` (failed when none is named; refused,
    sent), newest first: who was told of what in which role, and no address. Two weeks are kept."""
    return list_attempts(_outcome(request), _day(request), request.query.get("cursor", ""))


def replay_mail(request: Request) -> MailAttempt:
    """Send the mail of a try again, to the address that its reader has by now; the same key again sends it no second time."""
    wish: MailAgain = request.content
    return send_again(wish.outcome, wish.mail, request.caller.subject, request.idempotency_key, utc_now())


def mails_page(request: Request) -> answer.Page:
    """The same as a page."""
    context = {
        "page": read_mails(request),
        "day": _day(request),
        "outcome": _outcome(request),
        "outcomes": MAIL_OUTCOMES,
    }
    return answer.Page("operate/mails.html", context)


def replay_here(request: Request) -> answer.Redirect:
    """Send it again, and go back to the tries of that day."""
    tried = replay_mail(request)
    return answer.Redirect(f"/operate/mails?outcome={tried.outcome}&day={tried.at[:10]}")


def _outcome(request: Request) -> str:
    return request.query.get("outcome") or MAIL_OUTCOMES[0]


def _day(request: Request) -> str:
    return request.day() or utc_now().date().isoformat()
