"""Another's object that is not in the path but in the body or the query: what is sent, and how it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Named:
    """A request of a caller who may take the route, in which something is another's; `{{name}}` stands for an id of the other side."""

    route: str
    caller: str
    status: int
    body: Mapping[str, object] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.caller}: {self.route} {dict(self.body or self.form or self.query)}"


_EMEI = "manager-emei"
_LINE_OF_OTHERS = {"lines": [{"sku": "BP-BOX", "quantity": 1}]}

BODIES: tuple[Named, ...] = (
    Named("POST /api/purchases", "customer-lin", 404, {"recipient": "{{recipient}}"}),
    Named("POST /checkout", "customer-lin", 404, form={"recipient": "{{recipient}}"}),
    Named("POST /api/payments", "customer-lin", 404, {"purchase": "{{purchase}}"}),
    Named("PUT /api/manage/{store}/listings/{sku}", _EMEI, 422, {"category": "rope-work"}),
    Named("POST /manage/{store}/listings/{sku}", _EMEI, 422, form={"category": "rope-work"}),
    Named("POST /api/manage/{store}/urgent-sales", _EMEI, 404, {"sku": "{{sku}}"}),
    Named("POST /manage/{store}/urgent-sales", _EMEI, 404, form={"sku": "{{sku}}"}),
    Named("POST /api/manage/{store}/links", _EMEI, 404, {"supplier": "{{supplier}}", "offer_sku": "{{offer}}"}),
    Named("POST /manage/{store}/links", _EMEI, 404, form={"supplier": "{{supplier}}", "offer_sku": "{{offer}}"}),
    Named("PUT /api/manage/{store}/links/{sku}", _EMEI, 404, {"supplier": "{{supplier}}", "offer_sku": "{{offer}}"}),
    Named("POST /api/shops/{shop}/sales", "shop of emei-tea", 404, _LINE_OF_OTHERS),
    Named("GET /api/manage/{store}/offers", _EMEI, 0, query={"supplier": "{{supplier}}"}),
    Named("GET /manage/{store}/offers", _EMEI, 0, query={"supplier": "{{supplier}}", "words": "Camphor"}),
    Named("GET /suppliers/apply", "owner-guanxi", 404, query={"supplier": "{{supplier}}"}),
)
"""With status 0 the route is answered, and tells nothing of the other's."""
