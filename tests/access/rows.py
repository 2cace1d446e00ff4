"""Who may take which route: one row a route, and nothing else decides what the matrix expects.

A row says who is answered when the path names an object of the first side (the store emei-tea, the supplier guanxi-growers, the customer
Lin). Everything else follows: all others are denied; so are those who are answered, where an id of the path is another's, and so is the
first side on the other's own path, where the same roles of the other side are answered (`Row.doubled`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.access.callers import CARRIER, EVERYBODY, SIGNED_IN
from tests.access.others import OTHER_CUSTOMER
from tests.faults.stories.telling import Story, request
from tests.world import CUSTOMER, OPERATOR


@dataclass(frozen=True)
class Row:
    """Who may take a route, on what.

    `may` names the callers who are answered. `refused` is the status for the other signed-in callers, where it is not the usual 403
    (a membership is missing) or 404 (an object is another's). `another` says, for an id in the path, with what status another's is
    refused; 0 means that the name is the caller's own to give, so there is none of another's. `signed` names the machine whose
    signature is wanted. `story` is a request; without one a GET is made from the path, and any other is its story of the fault harness.
    """

    may: frozenset[str]
    refused: int = 0
    another: Mapping[str, int] = field(default_factory=dict)
    signed: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[int, ...] = ()
    story: Story | None = None

    @property
    def doubled(self) -> bool:
        """Whether the other side's own object is asked for, too."""
        return self.may not in (EVERYBODY, SIGNED_IN) and not self.signed


_PACKER = frozenset({"owner-emei", "manager-emei", "packer-emei"})
_MANAGER = _PACKER - {"packer-emei"}
_OWNER = _MANAGER - {"manager-emei"}

EVERYONE = Row(EVERYBODY)
SIGNED = Row(SIGNED_IN)
LIN = Row(frozenset({CUSTOMER}), refused=404)
PACKER, MANAGER, OWNER = Row(_PACKER), Row(_MANAGER), Row(_OWNER)
SUPPLIER = Row(frozenset({"owner-guanxi", "member-guanxi"}))
OPERATING = Row(frozenset({OPERATOR}))
APPLICANT = Row(_OWNER, refused=404)


def row(base: Row, **changes: object) -> Row:
    """A row that differs from the usual."""
    return replace(base, **changes)  # type: ignore[arg-type]


def own(base: Row, *names: str) -> Row:
    """The path names a thing in the caller's own store, supplier or union, whatever others call theirs."""
    return replace(base, another={**base.another, **dict.fromkeys(names, 0)})


ROWS: dict[str, Row] = {
    # Pages and goods for everybody.
    "GET /": EVERYONE,
    "GET /stores/{store}": EVERYONE,
    "GET /stores/{store}/{sku}": EVERYONE,
    "GET /embed/{store}/{sku}": EVERYONE,
    "GET /categories/{category}": EVERYONE,
    "GET /go/{store}": row(EVERYONE, answers=(303,)),
    "GET /assets/{name}": EVERYONE,
    "GET /api/stores": EVERYONE,
    "GET /api/stores/{store}": EVERYONE,
    "GET /api/stores/{store}/listings": EVERYONE,
    "GET /api/listings/{store}/{sku}": EVERYONE,
    "GET /api/listings/{store}/{sku}/slots": EVERYONE,
    "GET /api/categories": EVERYONE,
    "POST /consent": EVERYONE,
    "POST /language": EVERYONE,
    "GET /api/cart": EVERYONE,
    "POST /api/cart/lines": EVERYONE,
    "POST /api/quotes": EVERYONE,
    "GET /cart": EVERYONE,
    "POST /cart/lines": EVERYONE,
    # Signing in and out.
    "GET /account/sign-in": EVERYONE,
    "POST /account/sign-in": EVERYONE,
    "GET /account/sign-up": EVERYONE,
    "POST /account/sign-up": EVERYONE,
    "GET /account/confirm": EVERYONE,
    "POST /account/confirm": EVERYONE,
    "POST /account/sign-out": EVERYONE,
    # Customers, of themselves.
    "GET /account": SIGNED,
    "POST /account/profile": SIGNED,
    "GET /account/recipients": SIGNED,
    "POST /account/recipients": SIGNED,
    "POST /account/recipients/{recipient}/remove": LIN,
    "GET /account/views": SIGNED,
    "POST /account/views/erase": SIGNED,
    "GET /api/me": SIGNED,
    "PUT /api/me": SIGNED,
    "GET /api/me/account": SIGNED,
    "GET /api/me/views": SIGNED,
    "DELETE /api/me/views": SIGNED,
    "GET /api/me/recipients": SIGNED,
    "POST /api/me/recipients": SIGNED,
    "GET /api/me/recipients/{recipient}": LIN,
    "DELETE /api/me/recipients/{recipient}": LIN,
    "GET /api/me/memberships": SIGNED,
    "GET /api/me/destination": SIGNED,
    "PUT /api/me/destination": SIGNED,
    "POST /account/destination": SIGNED,
    "POST /api/me/withdrawals": row(
        LIN, may=frozenset({CUSTOMER, OTHER_CUSTOMER}), refused=422
    ),  # others have no verified bank account
    "POST /account/withdrawals": row(LIN, may=frozenset({CUSTOMER, OTHER_CUSTOMER}), refused=422),
    # Customers, of what they buy.
    "POST /api/purchases": LIN,  # the recipient is hers
    "GET /checkout": row(
        SIGNED, answers=(200, 303), story=Story("get-checkout-page")
    ),  # who has no recipient makes one first
    "POST /checkout": LIN,
    "POST /api/admissions": SIGNED,
    "GET /api/admissions/{store}/{sku}": row(SIGNED, story=Story("get-admission-without-ticket")),
    "GET /admissions/{store}/{sku}": row(SIGNED, story=Story("get-turn-page")),
    "POST /admissions/{store}/{sku}": SIGNED,
    "GET /api/purchases": SIGNED,
    "GET /api/purchases/{purchase}": LIN,
    "POST /api/purchases/{purchase}/cancel": LIN,
    "GET /api/orders/{order}": LIN,
    "POST /api/orders/{order}/steps": LIN,
    "GET /api/orders/{order}/responses": LIN,
    "POST /api/orders/{order}/responses": LIN,
    "GET /purchases": SIGNED,
    "GET /purchases/{purchase}": LIN,
    "POST /purchases/{purchase}/cancel": LIN,
    "GET /orders/{order}": LIN,
    "POST /orders/{order}/steps": LIN,
    "POST /orders/{order}/responses": LIN,
    "POST /api/orders/{order}/returns": LIN,
    "POST /orders/{order}/returns": LIN,
    "POST /api/orders/{order}/returns/{return}/sent": LIN,
    "POST /orders/{order}/returns/{return}/sent": LIN,
    "POST /api/payments": LIN,
    "GET /api/payments/{payment}": LIN,
    "GET /api/operate/suspense": OPERATING,
    "POST /api/operate/suspense": OPERATING,
    "GET /operate/suspense": OPERATING,
    "POST /operate/suspense": OPERATING,
    "GET /pay/{purchase}": LIN,
    "POST /pay/{purchase}": LIN,
    # Enterprises, invitations, suppliers that apply.
    "POST /api/enterprises": SIGNED,
    "GET /api/enterprises/{enterprise}": APPLICANT,
    "POST /api/enterprises/{enterprise}/stores": row(APPLICANT, refused=403, another={"enterprise": 403}),
    "GET /account/enterprises": SIGNED,
    "POST /account/enterprises": SIGNED,
    "GET /account/enterprises/{enterprise}": APPLICANT,
    "POST /account/enterprises/{enterprise}/stores": row(APPLICANT, refused=403, another={"enterprise": 403}),
    "POST /api/invitations/{code}": row(
        SIGNED, may=SIGNED_IN - _MANAGER, refused=409, another={"code": 0}
    ),  # the code is the right
    "GET /invitations/{code}": SIGNED,
    "POST /invitations/{code}": row(SIGNED, may=SIGNED_IN - _MANAGER, refused=409, another={"code": 0}),
    "POST /api/suppliers": SIGNED,
    "GET /api/suppliers/{supplier}": row(LIN, may=frozenset({"owner-guanxi"})),
    "GET /suppliers/apply": SIGNED,
    "POST /suppliers/apply": SIGNED,
    # Staff of a store: goods.
    "GET /manage/{store}": PACKER,
    "GET /api/manage/{store}/listings": PACKER,
    "GET /api/manage/{store}/listings/{sku}": PACKER,
    "PUT /api/manage/{store}/listings/{sku}": own(MANAGER, "sku"),
    "POST /api/manage/{store}/listings/{sku}/state": MANAGER,
    "GET /manage/{store}/listings": PACKER,
    "POST /manage/{store}/listings": MANAGER,
    "GET /manage/{store}/listings/{sku}": PACKER,
    "POST /manage/{store}/listings/{sku}": own(MANAGER, "sku"),
    "POST /manage/{store}/listings/{sku}/state": MANAGER,
    "GET /api/manage/{store}/listings/{sku}/slots": PACKER,
    "POST /api/manage/{store}/listings/{sku}/slots": MANAGER,
    "GET /api/manage/{store}/listings/{sku}/slots/{slot}": PACKER,
    "PUT /api/manage/{store}/listings/{sku}/slots/{slot}": MANAGER,
    "POST /api/manage/{store}/listings/{sku}/slots/{slot}/close": MANAGER,
    "GET /api/manage/{store}/listings/{sku}/slots/{slot}/journal": PACKER,
    "GET /manage/{store}/listings/{sku}/slots": PACKER,
    "POST /manage/{store}/listings/{sku}/slots": MANAGER,
    "GET /manage/{store}/listings/{sku}/slots/{slot}": PACKER,
    "POST /manage/{store}/listings/{sku}/slots/{slot}": MANAGER,
    "POST /manage/{store}/listings/{sku}/slots/{slot}/close": MANAGER,
    "GET /api/manage/{store}/categories": PACKER,
    "PUT /api/manage/{store}/categories/{category}": own(MANAGER, "category"),
    "DELETE /api/manage/{store}/categories/{category}": MANAGER,
    "POST /api/manage/{store}/categories/{category}/merge": MANAGER,
    "GET /manage/{store}/categories": PACKER,
    "POST /manage/{store}/categories": MANAGER,
    "POST /manage/{store}/categories/{category}": MANAGER,
    "POST /manage/{store}/categories/{category}/merge": MANAGER,
    "POST /manage/{store}/categories/{category}/remove": MANAGER,
    "POST /api/manage/{store}/uploads": MANAGER,
    "GET /api/manage/{store}/uploads": MANAGER,
    "GET /api/manage/{store}/uploads/{upload}": MANAGER,
    "GET /manage/{store}/uploads": MANAGER,
    "POST /manage/{store}/uploads": MANAGER,
    "GET /manage/{store}/uploads/{upload}": MANAGER,
    "GET /manage/{store}/uploads/{upload}/errors": row(MANAGER, answers=(303,)),
    "GET /api/manage/{store}/urgent-sales": PACKER,
    "POST /api/manage/{store}/urgent-sales": MANAGER,
    "POST /api/manage/{store}/urgent-sales/{sku}/end": MANAGER,
    "GET /api/manage/{store}/urgent-sales/ended": PACKER,
    "GET /manage/{store}/urgent-sales": PACKER,
    "GET /manage/{store}/urgent-sales/ended": PACKER,
    "POST /manage/{store}/urgent-sales": MANAGER,
    "POST /manage/{store}/urgent-sales/{sku}/end": MANAGER,
    # Staff of a store: people and terms.
    "GET /api/manage/{store}/staff": MANAGER,
    "POST /api/manage/{store}/staff/invitations": OWNER,
    "DELETE /api/manage/{store}/staff/{subject}": own(OWNER, "subject"),
    "GET /manage/{store}/staff": MANAGER,
    "POST /manage/{store}/staff": OWNER,
    "POST /manage/{store}/staff/{subject}/remove": own(OWNER, "subject"),
    "GET /api/manage/{store}/settings": PACKER,
    "PUT /api/manage/{store}/settings": MANAGER,
    "POST /api/manage/{store}/settings/state": OWNER,
    "GET /manage/{store}/settings": MANAGER,
    "POST /manage/{store}/settings": MANAGER,
    "POST /manage/{store}/settings/state": OWNER,
    # Staff of a store: orders and stock.
    "GET /api/manage/{store}/orders": PACKER,
    "GET /api/manage/{store}/orders/{order}": PACKER,
    "POST /api/manage/{store}/orders/{order}/steps": PACKER,
    "POST /api/manage/{store}/orders/{order}/events": PACKER,
    "POST /manage/{store}/orders/{order}/events": PACKER,
    "GET /manage/{store}/orders": PACKER,
    "GET /manage/{store}/orders/{order}": PACKER,
    "POST /manage/{store}/orders/{order}/steps": PACKER,
    "POST /api/manage/{store}/orders/{order}/refunds": MANAGER,
    "POST /api/manage/{store}/orders/{order}/returns": MANAGER,
    "POST /manage/{store}/orders/{order}/refunds": MANAGER,
    "POST /manage/{store}/orders/{order}/returns": MANAGER,
    "GET /api/manage/{store}/responses": PACKER,
    "POST /api/manage/{store}/responses/{order}/{response}/answer": MANAGER,
    "GET /manage/{store}/responses": PACKER,
    "POST /manage/{store}/responses/{order}/{response}/answer": MANAGER,
    "GET /api/manage/{store}/procedures": PACKER,
    "PUT /api/manage/{store}/procedures": MANAGER,
    "GET /manage/{store}/procedures": PACKER,
    "POST /manage/{store}/procedures": MANAGER,
    "GET /manage/{store}/procedures/{procedure}": own(MANAGER, "procedure"),
    "PUT /api/manage/{store}/procedures/{procedure}": own(OWNER, "procedure"),
    "POST /manage/{store}/procedures/{procedure}": own(OWNER, "procedure"),
    "POST /api/manage/{store}/procedures/{procedure}/trials": own(MANAGER, "procedure"),
    "POST /manage/{store}/procedures/{procedure}/trials": own(MANAGER, "procedure"),
    "PUT /api/manage/{store}/assignments": MANAGER,
    "GET /api/manage/{store}/indicators": PACKER,
    "GET /manage/{store}/indicators": PACKER,
    "POST /manage/{store}/assignments": MANAGER,
    "GET /api/manage/{store}/stock": PACKER,
    "GET /api/manage/{store}/stock/{sku}": PACKER,
    "GET /api/manage/{store}/stock/{sku}/journal": PACKER,
    "POST /api/manage/{store}/stock/{sku}/in": PACKER,
    "POST /api/manage/{store}/stock/{sku}/out": PACKER,
    "GET /api/manage/{store}/suppliers": PACKER,
    "GET /manage/{store}/stock": PACKER,
    "GET /manage/{store}/stock/{sku}": PACKER,
    "POST /manage/{store}/stock/{sku}/in": PACKER,
    "POST /manage/{store}/stock/{sku}/out": PACKER,
    "GET /manage/{store}/suppliers": row(PACKER, answers=(200, 303)),
    "GET /api/manage/{store}/supplier-terms": MANAGER,
    "GET /api/manage/{store}/suppliers/{supplier}": MANAGER,
    "PUT /api/manage/{store}/suppliers/{supplier}": own(MANAGER, "supplier"),
    "GET /manage/{store}/suppliers/{supplier}": own(MANAGER, "supplier"),
    "POST /manage/{store}/suppliers/{supplier}": own(MANAGER, "supplier"),
    "GET /api/manage/{store}/replenishments": PACKER,
    "POST /api/manage/{store}/replenishments": MANAGER,
    "GET /api/manage/{store}/replenishments/{replenishment}": PACKER,
    "POST /api/manage/{store}/replenishments/{replenishment}/receipts": PACKER,
    "POST /api/manage/{store}/replenishments/{replenishment}/cancel": MANAGER,
    "GET /manage/{store}/replenishments": PACKER,
    "POST /manage/{store}/replenishments": MANAGER,
    "GET /manage/{store}/replenishments/{replenishment}": PACKER,
    "POST /manage/{store}/replenishments/{replenishment}/receipts": PACKER,
    "POST /manage/{store}/replenishments/{replenishment}/cancel": MANAGER,
    # Staff of a store: the mediation center and money.
    "GET /api/manage/{store}/offers": MANAGER,
    "GET /api/manage/{store}/links": MANAGER,
    "POST /api/manage/{store}/links": MANAGER,
    "GET /api/manage/{store}/links/{sku}": MANAGER,
    "PUT /api/manage/{store}/links/{sku}": own(MANAGER, "sku"),
    "POST /api/manage/{store}/links/{sku}/state": MANAGER,
    "GET /manage/{store}/offers": MANAGER,
    "GET /manage/{store}/offers/{supplier}/{sku}": MANAGER,
    "GET /manage/{store}/links": MANAGER,
    "POST /manage/{store}/links": MANAGER,
    "POST /manage/{store}/links/{sku}/state": MANAGER,
    "GET /api/manage/{store}/link-jobs": MANAGER,
    "POST /api/manage/{store}/link-jobs": MANAGER,
    "GET /api/manage/{store}/link-jobs/{job}": MANAGER,
    "GET /manage/{store}/link-jobs": MANAGER,
    "POST /manage/{store}/link-jobs": MANAGER,
    "GET /manage/{store}/link-jobs/{job}": MANAGER,
    "GET /api/manage/{store}/shops": MANAGER,
    "POST /api/manage/{store}/shops": OWNER,
    "GET /api/manage/{store}/webhooks": MANAGER,
    "POST /api/manage/{store}/webhooks": OWNER,
    "POST /api/manage/{store}/webhooks/{webhook}/secret": OWNER,
    "POST /api/manage/{store}/webhooks/{webhook}/state": OWNER,
    "POST /api/manage/{store}/webhooks/{webhook}/address": OWNER,
    "DELETE /api/manage/{store}/webhooks/{webhook}": OWNER,
    "GET /api/manage/{store}/webhooks/{webhook}/deliveries": MANAGER,
    "POST /api/manage/{store}/webhooks/{webhook}/replays": OWNER,
    "GET /api/manage/{store}/shops/{shop}/deliveries": MANAGER,
    "POST /api/manage/{store}/shops/{shop}/replay": MANAGER,
    "POST /api/manage/{store}/shops/{shop}/state": OWNER,
    "GET /manage/{store}/shops": MANAGER,
    "POST /manage/{store}/shops": OWNER,
    "GET /manage/{store}/shops/{shop}": MANAGER,
    "POST /manage/{store}/shops/{shop}/replay": MANAGER,
    "POST /manage/{store}/shops/{shop}/state": OWNER,
    "GET /api/manage/{store}/deposit": MANAGER,
    "POST /api/manage/{store}/deposit/withdrawals": OWNER,
    "GET /manage/{store}/deposit": MANAGER,
    "POST /manage/{store}/deposit/withdrawals": OWNER,
    "GET /api/manage/{store}/statements": MANAGER,
    "GET /api/manage/{store}/statements/{period}": MANAGER,
    "GET /manage/{store}/statements": MANAGER,
    "GET /manage/{store}/statements/{period}": MANAGER,
    "GET /manage/{store}/statements/{period}/sheet": MANAGER,
    "GET /api/manage/{store}/destination": MANAGER,
    "PUT /api/manage/{store}/destination": OWNER,
    "POST /manage/{store}/destination": OWNER,
    # Staff of a supplier.
    "GET /api/supply/{supplier}/webhooks": SUPPLIER,
    "POST /api/supply/{supplier}/webhooks": row(SUPPLIER, may=frozenset({"owner-guanxi"})),
    "POST /api/supply/{supplier}/webhooks/{webhook}/secret": row(SUPPLIER, may=frozenset({"owner-guanxi"})),
    "POST /api/supply/{supplier}/webhooks/{webhook}/state": row(SUPPLIER, may=frozenset({"owner-guanxi"})),
    "POST /api/supply/{supplier}/webhooks/{webhook}/address": row(SUPPLIER, may=frozenset({"owner-guanxi"})),
    "DELETE /api/supply/{supplier}/webhooks/{webhook}": row(SUPPLIER, may=frozenset({"owner-guanxi"})),
    "GET /api/supply/{supplier}/webhooks/{webhook}/deliveries": SUPPLIER,
    "POST /api/supply/{supplier}/webhooks/{webhook}/replays": row(SUPPLIER, may=frozenset({"owner-guanxi"})),
    "GET /supply/{supplier}": SUPPLIER,
    "GET /api/supply/{supplier}/sellers": SUPPLIER,
    "GET /supply/{supplier}/sellers": SUPPLIER,
    "GET /api/supply/{supplier}/offers": SUPPLIER,
    "GET /api/supply/{supplier}/offers/{sku}": SUPPLIER,
    "PUT /api/supply/{supplier}/offers/{sku}": own(SUPPLIER, "sku"),
    "GET /supply/{supplier}/offers": SUPPLIER,
    "GET /supply/{supplier}/offers/{sku}": SUPPLIER,
    "POST /supply/{supplier}/offers": SUPPLIER,
    "PUT /api/supply/{supplier}/offers/{sku}/allotments/{store}": own(SUPPLIER, "store"),
    "POST /supply/{supplier}/offers/{sku}/allotments": SUPPLIER,
    "POST /api/supply/{supplier}/uploads": SUPPLIER,
    "GET /api/supply/{supplier}/uploads": SUPPLIER,
    "GET /api/supply/{supplier}/uploads/{upload}": SUPPLIER,
    "GET /supply/{supplier}/uploads": SUPPLIER,
    "POST /supply/{supplier}/uploads": SUPPLIER,
    "GET /supply/{supplier}/uploads/{upload}": SUPPLIER,
    "GET /supply/{supplier}/uploads/{upload}/errors": row(SUPPLIER, answers=(303,)),
    "GET /api/supply/{supplier}/replenishments": SUPPLIER,
    "GET /supply/{supplier}/replenishments": SUPPLIER,
    "GET /api/supply/{supplier}/orders": SUPPLIER,
    "GET /api/supply/{supplier}/orders/{order}": SUPPLIER,
    "POST /api/supply/{supplier}/orders/{order}/steps": SUPPLIER,
    "POST /api/supply/{supplier}/orders/{order}/events": SUPPLIER,
    "POST /supply/{supplier}/orders/{order}/events": SUPPLIER,
    "GET /supply/{supplier}/orders": SUPPLIER,
    "GET /supply/{supplier}/orders/{order}": SUPPLIER,
    "POST /supply/{supplier}/orders/{order}/steps": SUPPLIER,
    "POST /api/supply/{supplier}/orders/{order}/returns": SUPPLIER,
    "POST /supply/{supplier}/orders/{order}/returns": SUPPLIER,
    "GET /api/supply/{supplier}/responses": SUPPLIER,
    "POST /api/supply/{supplier}/responses/{order}/{response}/answer": SUPPLIER,
    "GET /supply/{supplier}/responses": SUPPLIER,
    "POST /supply/{supplier}/responses/{order}/{response}/answer": SUPPLIER,
    "GET /api/supply/{supplier}/clearing": SUPPLIER,
    "GET /api/supply/{supplier}/statements": SUPPLIER,
    "GET /api/supply/{supplier}/statements/{period}": SUPPLIER,
    "GET /supply/{supplier}/clearing": SUPPLIER,
    "GET /supply/{supplier}/statements/{period}": SUPPLIER,
    "GET /supply/{supplier}/statements/{period}/sheet": SUPPLIER,
    "GET /api/supply/{supplier}/destination": SUPPLIER,
    "PUT /api/supply/{supplier}/destination": row(SUPPLIER, may=frozenset({"owner-guanxi"})),
    "POST /supply/{supplier}/destination": row(SUPPLIER, may=frozenset({"owner-guanxi"})),
    # The union's operator.
    "GET /api/operate/union": OPERATING,
    "PUT /api/operate/union": OPERATING,
    "GET /api/operate/union/carriers": OPERATING,
    "PUT /api/operate/union/carriers/{carrier}": own(OPERATING, "carrier"),
    "GET /api/operate/fees": OPERATING,
    "PUT /api/operate/fees": OPERATING,
    "GET /api/operate/stores/{store}/deposit": own(OPERATING, "store"),
    "PUT /api/operate/stores/{store}/deposit": own(OPERATING, "store"),
    "POST /operate/stores/{store}/deposit": own(OPERATING, "store"),
    "GET /api/operate/categories": OPERATING,
    "PUT /api/operate/categories": OPERATING,
    "DELETE /api/operate/categories/{category}": row(OPERATING, another={"category": 404}),
    "POST /api/operate/categories/{category}/merge": row(OPERATING, another={"category": 404}),
    "GET /operate/categories": OPERATING,
    "POST /operate/categories": OPERATING,
    "POST /operate/categories/{category}": row(OPERATING, another={"category": 404}),
    "POST /operate/categories/{category}/merge": row(OPERATING, another={"category": 404}),
    "POST /operate/categories/{category}/remove": row(OPERATING, another={"category": 404}),
    "GET /api/operate/enterprises": OPERATING,
    "POST /api/operate/enterprises/{enterprise}/decision": own(OPERATING, "enterprise"),
    "GET /api/operate/suppliers": OPERATING,
    "POST /api/operate/suppliers/{supplier}/decision": own(OPERATING, "supplier"),
    "GET /api/operate/escalations": OPERATING,
    "GET /operate/escalations": OPERATING,
    "GET /api/operate/stores/{store}/indicators": own(OPERATING, "store"),
    "POST /api/operate/responses/{order}/{response}/answer": own(OPERATING, "order", "response"),
    "POST /operate/responses/{order}/{response}/answer": own(OPERATING, "order", "response"),
    "POST /api/operate/orders/{order}/returns": own(OPERATING, "order"),
    "POST /operate/orders/{order}/returns": own(OPERATING, "order"),
    "POST /api/operate/orders/{order}/steps": own(OPERATING, "order"),
    "POST /operate/orders/{order}/steps": own(OPERATING, "order"),
    "GET /api/operate/purchases": row(OPERATING, query={"day": "{{today}}"}),
    "GET /api/operate/settlements": row(OPERATING, query={"day": "{{today}}"}),
    "GET /api/operate/settlements/{kind}/{party}/{period}": own(OPERATING, "kind", "party", "period"),
    "GET /api/operate/accounts": row(OPERATING, query={"account": "union/commission"}),
    "GET /operate/accounts": row(OPERATING, query={"account": "union/commission"}),
    "GET /api/operate/reconciliation": row(OPERATING, answers=(404,)),  # none has been made yet
    "POST /api/operate/reconciliations": OPERATING,
    "GET /api/operate/mails": OPERATING,
    "POST /api/operate/mails/replays": OPERATING,
    "GET /operate/mails": OPERATING,
    "POST /operate/mails/replays": OPERATING,
    "GET /api/operate/dead-letters": OPERATING,
    "GET /api/operate/audit": row(OPERATING, query={"scope": "union"}),
    "GET /operate": OPERATING,
    "GET /operate/enterprises": OPERATING,
    "POST /operate/enterprises/{enterprise}/decision": own(OPERATING, "enterprise"),
    "GET /operate/suppliers": OPERATING,
    "POST /operate/suppliers/{supplier}/decision": own(OPERATING, "supplier"),
    "GET /operate/stores": OPERATING,
    "GET /operate/purchases": OPERATING,
    "GET /operate/settlements": OPERATING,
    "GET /operate/settlements/{kind}/{party}/{period}": own(OPERATING, "kind", "party", "period"),
    "GET /api/operate/payouts": OPERATING,
    "GET /api/operate/payouts/{file}": own(OPERATING, "file"),
    "GET /api/operate/payout-terms": OPERATING,
    "PUT /api/operate/payout-terms": OPERATING,
    "GET /api/operate/destinations": OPERATING,
    "GET /api/operate/destinations/{kind}/{party}": own(OPERATING, "kind", "party"),
    "PUT /api/operate/destinations/{kind}/{party}": own(OPERATING, "kind", "party"),
    "POST /api/operate/destinations/{kind}/{party}": own(OPERATING, "kind", "party"),
    "GET /operate/payouts": OPERATING,
    "POST /operate/payouts": OPERATING,
    "GET /operate/payouts/{file}": own(OPERATING, "file"),
    "GET /operate/payouts/{file}/download": own(row(OPERATING, answers=(303,)), "file"),
    "POST /operate/destinations/{kind}/{party}": own(OPERATING, "kind", "party"),
    "GET /operate/fees": OPERATING,
    "POST /operate/fees": OPERATING,
    "GET /operate/union": OPERATING,
    "GET /operate/union/carriers": OPERATING,
    "POST /operate/union": OPERATING,
    "POST /operate/union/classifications": OPERATING,
    "POST /operate/union/carriers": OPERATING,
    "GET /operate/union/carriers/{carrier}": own(OPERATING, "carrier"),
    "POST /operate/union/carriers/{carrier}": own(OPERATING, "carrier"),
    "POST /api/operate/union/carriers/{carrier}/uploads": own(OPERATING, "carrier"),
    "GET /api/operate/union/carriers/{carrier}/uploads": own(OPERATING, "carrier"),
    "GET /api/operate/union/carriers/{carrier}/uploads/{upload}": own(OPERATING, "carrier"),
    "GET /operate/union/carriers/{carrier}/uploads": own(OPERATING, "carrier"),
    "POST /operate/union/carriers/{carrier}/uploads": own(OPERATING, "carrier"),
    "GET /operate/union/carriers/{carrier}/uploads/{upload}": own(OPERATING, "carrier"),
    "GET /operate/union/carriers/{carrier}/uploads/{upload}/errors": own(row(OPERATING, answers=(303,)), "carrier"),
    "GET /operate/dead-letters": OPERATING,
    "GET /operate/audit": OPERATING,
    # Machines, by their signature.
    "POST /api/payments/webhooks/{provider}": Row(frozenset({"bank"}), refused=401, signed="bank"),
    "POST /api/carriers/{carrier}/events": Row(frozenset({CARRIER}), refused=401, signed=CARRIER),
    "GET /api/shops/{shop}/feed": row(EVERYONE, story=Story("get-shop-feed")),
    "GET /api/shops/{shop}/feed.xml": row(EVERYONE, story=Story("get-shop-feed-xml")),
    "GET /api/shops/{shop}/feed.tsv": row(EVERYONE, story=Story("get-shop-feed-tsv")),
    "POST /api/shops/{shop}/state": Row(frozenset({"shop of emei-tea"}), refused=401, signed="shop of emei-tea"),
    "POST /api/shops/{shop}/sales": Row(frozenset({"shop of emei-tea"}), refused=401, signed="shop of emei-tea"),
    "POST /api/shops/{shop}/sales/cancel": Row(frozenset({"shop of emei-tea"}), refused=401, signed="shop of emei-tea"),
    "POST /api/shops/{shop}/sales/returns": Row(
        frozenset({"shop of emei-tea"}), refused=401, signed="shop of emei-tea"
    ),
}
"""A union's routes."""

_HEARTBEAT = {"base_url": "https://hsinchu.example", "region": "r", "currency": "TWD", "languages": ["zh-TW"]}
_ADMISSION = {"union": "yilan", "client_id": "client-yilan", "names": {"en": "Yilan"}}

CENTER_ROWS: dict[str, Row] = {
    "GET /": EVERYONE,
    "GET /unions": EVERYONE,
    "GET /unions/{union}": EVERYONE,
    "GET /go": row(EVERYONE, query={"union": "hsinchu"}, answers=(302,)),
    "POST /unions": row(
        SIGNED, may=frozenset({"network-operator"}), refused=403, story=request("POST", "/unions", body=_ADMISSION)[0]
    ),
    "PUT /unions/{union}/heartbeat": Row(
        frozenset({"union hsinchu"}),
        another={"union": 403},
        story=request("PUT", "/unions/hsinchu/heartbeat", body=_HEARTBEAT)[0],
    ),
    "POST /unions/{union}/heartbeat": Row(
        frozenset({"union hsinchu"}),
        another={"union": 403},
        story=request("POST", "/unions/hsinchu/heartbeat", body=_HEARTBEAT)[0],
    ),
}
"""The service center's routes. Persons' tokens have not a union's scope, and unions' tokens not a person's: those are 401."""
