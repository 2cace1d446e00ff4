"""Pages of a store's or supplier's webhooks. A secret stands on the page that answers the form which made it, and on no other."""

from __future__ import annotations

from mart_union.kernel.clock import utc_now
from mart_union.mediation.webhooks import BOTH_SECRETS_HOURS, MOST_WEBHOOKS, get_webhook
from mart_union.parties.places import party_of, place_of
from mart_union.parties.webhooks import NewWebhook, OrderAgain, WebhookRoutes, WebhookState, WebhookView, view_of
from mart_union.web.access import Access
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class WebhookPages:
    """The pages of one side, over its routes of the API."""

    def __init__(self, routes: WebhookRoutes) -> None:
        self.routes = routes

    def add(self, api: Api, place: str, owner: Access, reader: Access) -> None:
        """Declare the routes of a party's place, such as /manage/{store}."""
        all_of_them = f"{place}/webhooks"
        one = f"{all_of_them}/{{webhook}}"
        api.get(all_of_them, reader)(self.show_all)
        api.post(all_of_them, owner, body=NewWebhook, key=True)(self.register)
        api.get(one, reader)(self.show)
        api.post(f"{one}/secret", owner, key=True)(self.renew)
        api.post(f"{one}/address", owner, body=NewWebhook)(self.set_address)
        api.post(f"{one}/state", owner, body=WebhookState)(self.set_state)
        api.post(f"{one}/replays", owner, body=OrderAgain, key=True)(self.replay)
        api.post(f"{one}/remove", owner)(self.remove)

    def show_all(self, request: Request) -> Page:
        """The webhooks, and the form to register one while there is a place left."""
        return self._page(request, "parties/webhooks.html", webhooks=self.routes.list_all(request), most=MOST_WEBHOOKS)

    def show(self, request: Request) -> Page:
        """A webhook, and the attempts of a day to tell it."""
        return self._one(request, view_of(get_webhook(party_of(request, self.routes.kind), request.params["webhook"])))

    def register(self, request: Request) -> Page:
        """Register a webhook, and show its secret."""
        return self._with_secret(request, self.routes.register(request))

    def renew(self, request: Request) -> Page:
        """Give a webhook another secret, and show it."""
        return self._with_secret(request, self.routes.renew(request))

    def set_address(self, request: Request) -> Redirect:
        """Have another address told instead."""
        return self._back_to(request, self.routes.set_address(request).webhook)

    def set_state(self, request: Request) -> Redirect:
        """Pause a webhook, or have it told again."""
        return self._back_to(request, self.routes.set_state(request).webhook)

    def replay(self, request: Request) -> Redirect:
        """Tell a webhook of an order again; the attempt is among today's in a moment."""
        self.routes.replay(request)
        return self._back_to(request, request.params["webhook"])

    def remove(self, request: Request) -> Redirect:
        """Remove a webhook."""
        self.routes.remove(request)
        return self._back_to(request)

    def _one(self, request: Request, webhook: WebhookView) -> Page:
        day = request.day() or utc_now().date().isoformat()
        deliveries = self.routes.deliveries(request)
        return self._page(request, "parties/webhook.html", webhook=webhook, day=day, deliveries=deliveries)

    def _with_secret(self, request: Request, webhook: WebhookView) -> Page:
        return self._page(request, "parties/webhook_secret.html", webhook=webhook, hours=BOTH_SECRETS_HOURS)

    def _page(self, request: Request, template: str, **context: object) -> Page:
        party = request.params[self.routes.kind]
        context |= {"kind": self.routes.kind, "party": party, "place": self._place(request)}
        return Page(template, context)

    def _back_to(self, request: Request, webhook: str = "") -> Redirect:
        return Redirect(f"{self._place(request)}/{webhook}".rstrip("/"))

    def _place(self, request: Request) -> str:
        return f"{place_of(request, self.routes.kind)}/webhooks"
