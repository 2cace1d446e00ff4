"""Another's object that is not in the path but in the body or the query: what is sent, and how it is refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.access.callers import NOBODY, OTHER_CARRIER
from tests.world import CUSTOMER


@dataclass(frozen=True)
class Named:
    """A request of a caller who may take the route, in which something is another's; `{{name}}` stands for an id of the other side. `ids`
    are those of the path that are another's, too."""

    route: str
    caller: str
    status: int
    body: Mapping[str, object] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()

    @property
    def fields(self) -> set[str]:
        """The last names of the fields in which something is another's, those within lists included."""
        return set(_names({**self.body, **self.form, **self.query}))

    def __str__(self) -> str:
        return f"{self.caller}: {self.route} {dict(self.body or self.form or self.query)}"


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


CURSORS = ("cursor", "older")
"""What fields are called that say where a list goes on."""


def cursor_of_another(route: str, caller: str, field: str) -> Named:
    """A list's page that is to begin where no partition of the caller's has a place."""
    return Named(route, caller, 0 if route in _SEARCHES else 422, query={field: _CURSOR})


_SEARCHES = ("GET /api/manage/{store}/offers", "GET /manage/{store}/offers")
"""Their cursor names a supplier to go on from, as the query may: any."""


_CURSOR = base64.urlsafe_b64encode(b'{"pk":{"S":"ANOTHER"},"sk":{"S":"ANOTHER"}}').decode().rstrip("=")

_EMEI = "manager-emei"
_OWNER = "owner-emei"
_GUANXI = "owner-guanxi"
_LINE_OF_OTHERS = {"lines": [{"sku": "BP-BOX", "quantity": 1}]}

_OFFER_OF_OTHERS = {"supplier": "{{supplier}}", "sku": "{{offer}}"}
_RUSH = [{"store": "emei-tea", "sku": "OB-RUSH", "quantity": 1}]

BODIES: tuple[Named, ...] = (
    Named("POST /api/purchases", CUSTOMER, 404, {"recipient": "{{recipient}}"}),
    Named("POST /checkout", CUSTOMER, 404, form={"recipient": "{{recipient}}"}),
    Named("GET /checkout", CUSTOMER, 0, query={"recipient": "{{recipient}}"}),
    Named("GET /checkout/{store}/{sku}", CUSTOMER, 0, query={"recipient": "{{recipient}}"}),
    Named("POST /checkout", CUSTOMER, 0, form={"idempotency_key": "purchase-both"}),
    Named("GET /api/admissions/{store}/{sku}", CUSTOMER, 422, query={"ticket": "{{ticket}}"}),
    Named("POST /api/purchases", CUSTOMER, 422, {"lines": _RUSH, "total_minor": 108_000, "admission": ["{{ticket}}"]}),
    Named("POST /checkout", CUSTOMER, 422, form={"lines": "emei-tea:OB-RUSH:1", "admission": "{{ticket}}"}),
    Named("POST /api/payments", CUSTOMER, 404, {"purchase": "{{purchase}}"}),
    Named("POST /api/enterprises", CUSTOMER, 409, {"enterprise": "{{enterprise}}"}),
    Named("POST /account/enterprises", CUSTOMER, 409, form={"enterprise": "{{enterprise}}"}),
    Named("POST /api/enterprises/{enterprise}/stores", _OWNER, 409, {"store": "{{store}}"}),
    Named("POST /account/enterprises/{enterprise}/stores", _OWNER, 409, form={"store": "{{store}}"}),
    Named("POST /api/manage/{store}/webhooks/{webhook}/replays", _OWNER, 404, {"order": "{{order}}"}),
    Named("POST /api/supply/{supplier}/webhooks/{webhook}/replays", _GUANXI, 404, {"order": "{{order_supplied}}"}),
    Named("POST /manage/{store}/webhooks/{webhook}/replays", _OWNER, 404, form={"order": "{{order}}"}),
    Named("POST /supply/{supplier}/webhooks/{webhook}/replays", _GUANXI, 404, form={"order": "{{order_supplied}}"}),
    Named("POST /api/suppliers", CUSTOMER, 409, {"supplier": "{{supplier}}"}),
    Named("POST /suppliers/apply", CUSTOMER, 409, form={"supplier": "{{supplier}}"}),
    Named("PUT /api/manage/{store}/listings/{sku}", _EMEI, 422, {"category": "rope-work"}),
    Named("PUT /api/manage/{store}/listings/{sku}", _EMEI, 422, {"parts": {"{{sku}}": 1}}),
    Named("POST /manage/{store}/listings/{sku}", _EMEI, 422, form={"category": "rope-work"}),
    Named("PUT /api/manage/{store}/categories/{category}", _EMEI, 422, {"parent": "rope-work"}),
    Named("POST /api/manage/{store}/categories/{category}/merge", _EMEI, 422, {"into": "rope-work"}),
    Named("POST /manage/{store}/categories/{category}/merge", _EMEI, 422, form={"into": "rope-work"}),
    Named("PUT /api/manage/{store}/suppliers/{supplier}", _EMEI, 404, {"supplies": {"{{sku}}": {"unit_minor": 1}}}),
    Named("POST /manage/{store}/suppliers/{supplier}", _EMEI, 404, form={"sku-1": "{{sku}}"}),
    Named("POST /api/manage/{store}/replenishments", _EMEI, 404, {"supplier": "{{supplier}}"}),
    Named("POST /api/manage/{store}/replenishments", _EMEI, 422, {"units": {"{{sku}}": 1}}),
    Named("POST /manage/{store}/replenishments", _EMEI, 404, form={"supplier": "{{supplier}}"}),
    Named("POST /api/manage/{store}/replenishments/{replenishment}/receipts", _EMEI, 422, {"units": {"{{sku}}": 1}}),
    Named("POST /manage/{store}/replenishments/{replenishment}/receipts", _EMEI, 422, form={"units-{{sku}}": "1"}),
    Named("PUT /api/manage/{store}/assignments", _EMEI, 422, {"kind": "category", "subject": "rope-work"}),
    Named("PUT /api/manage/{store}/assignments", _EMEI, 404, {"subject": "{{sku}}"}),
    Named("POST /manage/{store}/assignments", _EMEI, 422, form={"subject": "rope-work"}),
    Named("POST /api/manage/{store}/urgent-sales", _EMEI, 404, {"sku": "{{sku}}"}),
    Named("POST /manage/{store}/urgent-sales", _EMEI, 404, form={"sku": "{{sku}}"}),
    Named("POST /api/manage/{store}/links", _EMEI, 404, {"supplier": "{{supplier}}", "offer_sku": "{{offer}}"}),
    Named("POST /manage/{store}/links", _EMEI, 404, form={"supplier": "{{supplier}}", "offer_sku": "{{offer}}"}),
    Named("PUT /api/manage/{store}/links/{sku}", _EMEI, 404, {"supplier": "{{supplier}}", "offer_sku": "{{offer}}"}),
    Named("POST /api/manage/{store}/links", _EMEI, 422, {"category": "rope-work"}),
    Named("POST /manage/{store}/links", _EMEI, 422, form={"category": "rope-work"}),
    Named("PUT /api/manage/{store}/links/{sku}", _EMEI, 422, {"category": "rope-work"}),
    Named("POST /api/manage/{store}/links", _EMEI, 404, {"backup": _OFFER_OF_OTHERS}),
    Named("PUT /api/manage/{store}/links/{sku}", _EMEI, 404, {"backup": _OFFER_OF_OTHERS}),
    Named("POST /manage/{store}/links", _EMEI, 404, form={"backup": "{{supplier}}/{{offer}}"}),
    Named("POST /api/manage/{store}/link-jobs", _EMEI, 422, {"category": "rope-work"}),
    Named("POST /manage/{store}/link-jobs", _EMEI, 422, form={"category": "rope-work"}),
    Named("POST /api/manage/{store}/link-jobs", _EMEI, 0, {"supplier": "{{supplier}}"}),
    Named("POST /manage/{store}/link-jobs", _EMEI, 0, form={"supplier": "{{supplier}}"}),
    Named("POST /api/manage/{store}/orders/{order}/returns", _EMEI, 404, {"id": "{{return}}"}),
    Named("POST /manage/{store}/orders/{order}/returns", _EMEI, 404, form={"id": "{{return}}"}),
    Named("POST /api/supply/{supplier}/orders/{order}/returns", _GUANXI, 404, {"id": "{{return}}"}),
    Named("POST /supply/{supplier}/orders/{order}/returns", _GUANXI, 404, form={"id": "{{return}}"}),
    Named("PUT /api/supply/{supplier}/offers/{sku}", _GUANXI, 0, {"granted_to": ["store:{{store}}"]}),
    Named("POST /supply/{supplier}/offers", _GUANXI, 0, form={"granted_to": "store:{{store}}"}),
    Named("POST /api/shops/{shop}/sales", "shop of emei-tea", 404, _LINE_OF_OTHERS),
    Named(
        "POST /api/carriers/{carrier}/events",
        OTHER_CARRIER,
        403,
        {"order": "{{order_carried}}", "shipment": "{{shipment_carried}}"},
        ids=("carrier",),
    ),
    Named("GET /api/shops/{shop}/feed", NOBODY.name, 401, query={"token": "{{feed_token}}"}),
    Named("GET /api/shops/{shop}/feed.xml", NOBODY.name, 401, query={"token": "{{feed_token}}"}),
    Named("GET /api/shops/{shop}/feed.tsv", NOBODY.name, 401, query={"token": "{{feed_token}}"}),
    Named("GET /manage/{store}/suppliers", _EMEI, 0, query={"supplier": "{{supplier}}"}),
    Named("GET /api/manage/{store}/offers", _EMEI, 0, query={"supplier": "{{supplier}}"}),
    Named("GET /manage/{store}/offers", _EMEI, 0, query={"supplier": "{{supplier}}", "words": "Camphor"}),
    Named("GET /suppliers/apply", "owner-guanxi", 404, query={"supplier": "{{supplier}}"}),
)
"""With status 0 the route is answered, and tells nothing of the other's."""
