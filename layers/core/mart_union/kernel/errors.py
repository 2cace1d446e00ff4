"""One family of refusals. Each has a stable code; `web.problems` maps it to an HTTP status (RFC 9457)."""

from __future__ import annotations


class MartUnionError(Exception):
    """A refusal with a stable `code`, a sentence for people, and facts for machines.

    `facts` are shown to the caller, so they hold nothing that the caller may not know.
    """

    code = "error"

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class NotFound(MartUnionError):
    """The thing named does not exist, or the caller may not know that it does."""

    code = "not-found"


class Conflict(MartUnionError):
    """Another change came first, or the same key was used for something else."""

    code = "conflict"


class KeyReused(Conflict):
    """An idempotency key came again with another body; nothing was changed."""

    code = "idempotency-key-reused"


class PriceChanged(Conflict):
    """The total that the shopper saw is not the total now; `total_minor` tells the new one."""

    code = "price-changed"


class SupplyPriceMoved(Conflict):
    """A supplier changed its price between the reading of a listing and the purchase; reading again helps."""


class OutOfStock(Conflict):
    """A level has less in reserve than was asked for, or is not on sale."""

    code = "out-of-stock"


class StepNotAllowed(Conflict):
    """The procedure does not allow this step now; `allowed` names the steps that are."""

    code = "step-not-allowed"


class Busy(MartUnionError):
    """Too many changes at once on the same items; try again."""

    code = "busy"


class PaymentOutstanding(Conflict):
    """Goods are handed over only when their money is there; the card has been authorized only."""

    code = "payment-outstanding"


class CardDeclined(MartUnionError):
    """The card, or the bank behind it, refused; `reason` is the provider's code. Another card may do."""

    code = "card-declined"


class ProviderUnavailable(MartUnionError):
    """The payment provider does not answer, or not as it should; trying again is safe."""

    code = "provider-unavailable"


class Invalid(MartUnionError):
    """The request is malformed; `errors` lists field and reason."""

    code = "invalid"


class UnknownAccount(Invalid):
    """There is no such kind of account."""

    code = "unknown-account"


class CurrencyMismatch(Invalid):
    """Money of another currency than the union's."""

    code = "currency-mismatch"


class AmountOutOfRange(Invalid):
    """An amount is zero, negative, or beyond the integers that are exact everywhere."""

    code = "amount-out-of-range"


class TooLarge(MartUnionError):
    """More was sent than is taken at once."""

    code = "too-large"


class UnsupportedMediaType(MartUnionError):
    """The body is of a kind that this route does not read."""

    code = "unsupported-media-type"


class RuleViolation(MartUnionError):
    """The request is well-formed, but a rule of the business refuses it."""

    code = "rule-violation"


class ProcedureRefused(RuleViolation):
    """A procedure as described cannot be used; `problems` says why, in sentences."""

    code = "procedure-refused"


class MoneyStranded(ProcedureRefused):
    """A procedure as described can leave money where nobody gets it; `problems` says how, in sentences."""

    code = "money-stranded"


class BeyondOriginal(RuleViolation):
    """More would be given back than is left of what was paid; `left_minor` says how much is."""

    code = "beyond-original"


class CodeLocked(RuleViolation):
    """A code was said wrongly too often; it has to be renewed."""

    code = "code-locked"


class ClassificationFixed(RuleViolation):
    """A store that has been opened would change its own classification; `classification` is the one that the union's operator alone changes."""

    code = "classification-fixed"


class NotChargeable(RuleViolation):
    """The card processor cannot charge an amount, or the union's steps, of this currency exactly."""

    code = "not-chargeable"


class CashNotTaken(RuleViolation):
    """This purchase cannot be paid in cash on delivery; `reason` says why."""

    code = "cash-not-taken"


class PartRefused(RuleViolation):
    """A listing cannot be a part of this bundle; `part` names it, `reason` says why."""

    code = "part-refused"


class SlotRefused(RuleViolation):
    """A time has to be chosen, is not one of the listing's, or has begun; `reason` says which: `none`, `unknown` or `past`."""

    code = "slot-refused"


class UnknownCarrier(RuleViolation):
    """The union has no such provider of delivery; `carriers` names those that it has."""

    code = "unknown-carrier"


class OutsideArea(RuleViolation):
    """The carrier of a store does not deliver to the recipient's postcode; `carrier` names it."""

    code = "outside-area"


class SaleOverlaps(RuleViolation):
    """Another urgent sale of the listing is not over; `ends_at` says when it will be."""

    code = "sale-overlaps"


class LimitReached(RuleViolation):
    """More than a customer may have of an urgent sale; `left` says how many this one still may, `limit` how many anybody."""

    code = "limit-reached"


class NotEligible(RuleViolation):
    """The urgent sale is not for this recipient; `postcodes` are the beginnings of those that it is for."""

    code = "not-eligible"


class NotAdmitted(RuleViolation):
    """An urgent sale lets its buyers in one after another, and this one is not let in now."""

    code = "not-admitted"


class AdmissionNeeded(NotAdmitted):
    """No ticket came with the purchase: get in line first."""

    code = "admission-needed"


class TurnNotCome(NotAdmitted):
    """The ticket's turn is yet to come, in `wait_seconds`, after `place` others."""

    code = "turn-not-come"


class TicketExpired(NotAdmitted):
    """The ticket's turn is over."""

    code = "ticket-expired"


class TicketUsed(NotAdmitted):
    """Another purchase was made by the ticket."""

    code = "ticket-used"


class TicketForged(NotAdmitted):
    """The union did not sign this ticket."""

    code = "ticket-forged"


class TicketOfAnother(NotAdmitted):
    """The ticket is of another sale, or of another customer."""

    code = "ticket-of-another"


class AlreadyReported(Conflict):
    """Its reporter has reported a response already, for another reason or in other words."""

    code = "already-reported"


class ReportLimit(RuleViolation):
    """No more reports are taken: of this response, or of this reporter today; `per` says which (response, day), `limit` how many are."""

    code = "report-limit"


class InsufficientFunds(MartUnionError):
    """An account, which `account` names for the program only, would pass its floor."""

    code = "insufficient-funds"
    account = ""


class Unauthenticated(MartUnionError):
    """No valid token came with the request."""

    code = "unauthenticated"


class Forbidden(MartUnionError):
    """The caller is known, but may not do this."""

    code = "forbidden"
