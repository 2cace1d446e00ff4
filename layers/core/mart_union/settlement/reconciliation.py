"""Reconciliation: the union's books against each other, invariant by invariant (docs/invariants.md). Pure checks.

Each check takes what it compares and gives the differences it finds; none of them means that the books agree.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from msgspec import Struct, field

from mart_union.checkout.model import Purchase
from mart_union.checkout.payers import CARDS
from mart_union.kernel.clock import from_iso, local_date
from mart_union.ledger.census import Ledger
from mart_union.ledger.model import Account, Payable, Statement, StatementLine, Transfer, has_floor
from mart_union.orders.model import ENDED, Line, Order
from mart_union.settlement.bank_checks import check_payouts, check_reports
from mart_union.settlement.differences import Difference
from mart_union.settlement.orphan_checks import check_counts, check_escrow_accounts, check_orphans
from mart_union.settlement.refund_checks import check_partial_refunds
from mart_union.settlement.shares import is_party
from mart_union.stock.model import Level

__all__ = [
    "Books",
    "Difference",
    "balances_of",
    "balances_until",
    "check_balances",
    "check_cards",
    "check_completions",
    "check_escrow",
    "check_floors",
    "check_levels",
    "check_payables",
    "check_pools",
    "check_purchases",
    "check_refunds",
    "check_statements",
    "check_transfers",
    "check_units",
    "differences",
]

_GIVEN_BACK = frozenset({"refused", "cancelled", "expired"})
_PAYERS = ("customer/", "provider/")
_SETTLED = frozenset({"completion", "refund"})


class Books(Struct, frozen=True):
    """All that is reconciled."""

    ledger: Ledger
    orders: list[Order] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    time_zone: str = "UTC"
    step: int = 1


def differences(books: Books) -> list[Difference]:
    """Everything that the books disagree on."""
    ledger = books.ledger
    balances = balances_of(ledger.transfers, ledger.outcomes)
    return [
        *check_transfers(ledger.transfers),
        *check_floors(ledger.accounts, ledger.transfers, ledger.outcomes),
        *check_levels(books.levels),
        *check_counts(books.levels),
        *check_purchases(books.purchases, books.orders, ledger.transfers, ledger.outcomes),
        *check_units(books.orders, books.levels),
        *check_orphans(books.purchases, books.orders, books.levels, ledger.transfers, ledger.outcomes),
        *check_payables(ledger.payables, ledger.transfers),
        *check_statements(ledger.payables, ledger.statements, ledger.lines, ledger.transfers),
        *check_payouts(ledger.payouts, ledger.bank_files, ledger.statements, ledger.transfers),
        *check_reports(ledger.reports, ledger.transfers, ledger.payouts, books.time_zone),
        *check_completions(books.orders, ledger.transfers),
        *check_cards(books.purchases, books.orders, ledger.transfers),
        *check_refunds(books.purchases, books.orders, ledger.transfers),
        *check_partial_refunds(books.orders, ledger.transfers, books.step),
        *check_escrow(books.orders, balances),
        *check_escrow_accounts(books.orders, balances),
        *check_pools(books.orders, books.levels),
    ]


def balances_of(transfers: Iterable[Transfer], outcomes: Mapping[str, str]) -> Counter[str]:
    """What each account holds: transfers that are not pending, and pending ones that were posted."""
    balances: Counter[str] = Counter()
    for transfer in transfers:
        if not transfer.pending or outcomes.get(transfer.id) == "posted":
            for posting in transfer.postings:
                balances[posting.account] += posting.amount_minor
    return balances


def balances_until(ledger: Ledger, day: date, time_zone: str) -> dict[str, int]:
    """What accounts held when a day was over, those of a kind together: `customer`, `store/deposit`, `bank/out`. They sum to zero."""
    until = [each for each in ledger.transfers if local_date(from_iso(each.at), time_zone) <= day]
    kinds: Counter[str] = Counter()
    for account, amount in balances_of(until, ledger.outcomes).items():
        kind, name, *rest = account.split("/")
        kinds[
            "/".join([kind, *rest] if kind in {"customer", "order", "store", "supplier", "carrier"} else [kind, name])
        ] += amount
    return dict(sorted(kinds.items()))


def check_balances(balances: Mapping[str, int], day: date) -> Iterator[Difference]:
    """Invariant 1, of the past, too: what accounts held when a day was over sums to zero."""
    total = sum(balances.values())
    if total:
        yield Difference(1, f"day/{day}", f"what accounts held when it was over sums to {total}, not to zero")


def check_transfers(transfers: Iterable[Transfer]) -> Iterator[Difference]:
    """Invariant 1: every transfer's postings sum to zero, per currency; so does the whole ledger."""
    whole: Counter[str] = Counter()
    for transfer in transfers:
        total = sum(posting.amount_minor for posting in transfer.postings)
        whole[transfer.currency] += total
        if total:
            yield Difference(1, f"transfer/{transfer.id}", f"its postings sum to {total}, not to zero")
    for currency, total in whole.items():
        if total:
            yield Difference(1, f"ledger/{currency}", f"the whole ledger sums to {total}, not to zero")


def check_floors(
    accounts: Iterable[Account], transfers: Iterable[Transfer], outcomes: Mapping[str, str]
) -> Iterator[Difference]:
    """Invariant 2: an account with a floor never passes it, pending debits counted; its running balance is what was posted to it."""
    transfers = list(transfers)
    posted = balances_of(transfers, outcomes)
    kept: Counter[str] = Counter()
    for transfer in transfers:
        if transfer.pending and transfer.id not in outcomes:
            for posting in transfer.postings:
                kept[posting.account] += min(posting.amount_minor, 0)
    running = {account.name: account for account in accounts}
    for name in sorted(running.keys() | {name for name in posted if has_floor(name)}):
        account = running.get(name, Account(name))
        if account.balance_minor != posted[name]:
            yield Difference(2, name, f"its balance is {account.balance_minor}, its postings sum to {posted[name]}")
        if account.available_minor != posted[name] + kept[name]:
            expected = posted[name] + kept[name]
            yield Difference(2, name, f"{account.available_minor} is available, {expected} should be")
        if account.available_minor < 0:
            yield Difference(2, name, f"it is below its floor by {-account.available_minor}")


def check_levels(levels: Iterable[Level]) -> Iterator[Difference]:
    """Invariant 3: the counts of every level agree, and its reserve is not below zero."""
    for level in levels:
        if not level.balances():
            yield Difference(3, f"level/{level.id}", f"its counts do not agree: {level}")


def check_purchases(
    purchases: Iterable[Purchase], orders: Iterable[Order], transfers: Iterable[Transfer], outcomes: Mapping[str, str]
) -> Iterator[Difference]:
    """Invariant 4: a purchase exists if and only if its orders exist and its money is posted or pending."""
    by_id = {order.id: order for order in orders}
    made = {transfer.id: transfer for transfer in transfers}
    listed: set[str] = set()
    for purchase in purchases:
        subject = f"purchase/{purchase.id}"
        listed.update(purchase.orders)
        missing = [order for order in purchase.orders if order not in by_id]
        if missing:
            yield Difference(4, subject, f"its orders {', '.join(missing)} are missing")
        total = sum(by_id[order].total_minor for order in purchase.orders if order in by_id)
        if not missing and total != purchase.total_minor:
            yield Difference(4, subject, f"it says {purchase.total_minor}, its orders say {total}")
        problem = _money_problem(purchase, made.get(purchase.transfer), outcomes)
        if problem:
            yield Difference(4, subject, problem)
    for order in sorted(by_id.keys() - listed):
        yield Difference(4, f"order/{order}", "it belongs to no purchase")


def _money_problem(purchase: Purchase, transfer: Transfer | None, outcomes: Mapping[str, str]) -> str:
    if not purchase.transfer:
        return "" if purchase.channel != "union" else "it names no transfer"
    if transfer is None:
        return f"its transfer {purchase.transfer} is missing"
    escrow = sum(posting.amount_minor for posting in transfer.postings if posting.account.startswith("order/"))
    if purchase.channel == "union" and escrow != purchase.total_minor:
        return f"it says {purchase.total_minor}, its transfer puts {escrow} into escrow"
    if not transfer.pending:
        return "" if purchase.payment == "paid" else f"it is {purchase.payment}, its money is posted"
    outcome = outcomes.get(transfer.id, "pending")
    agrees = {"paid": {"posted", "voided"}, "expired": {"expired"}, "voided": {"voided"}}
    return (
        ""
        if outcome in agrees.get(purchase.payment, {"pending"})
        else f"it is {purchase.payment}, its transfer {outcome}"
    )


def check_units(orders: Iterable[Order], levels: Iterable[Level]) -> Iterator[Difference]:
    """Invariant 4: the stock of every purchase is taken, and no more: what levels count as sold and reserved is in orders' lines."""
    sold: Counter[str] = Counter()
    reserved: Counter[str] = Counter()
    for order in orders:
        for line in order.lines:
            if line.state not in _GIVEN_BACK:
                counted = reserved if line.state == "awaiting_payment" else sold
                counted[line.level] += line.left_units
    for level in levels:
        for word, units, ordered in (("sold", level.sold, sold), ("reserved", level.reserved, reserved)):
            if units != ordered[level.id]:
                yield Difference(4, f"level/{level.id}", f"{units} are {word}, {ordered[level.id]} in orders")


def check_payables(payables: Iterable[Payable], transfers: Iterable[Transfer]) -> Iterator[Difference]:
    """Invariant 7: what a completion gives a party, or a refund takes from it, stands in exactly one payable, of that amount."""
    owed: dict[tuple[str, str], list[int]] = defaultdict(list)
    for payable in payables:
        if payable.kind in _SETTLED:
            owed[payable.transfer, payable.party].append(payable.amount_minor)
    for transfer in transfers:
        for posting in transfer.postings if transfer.kind in _SETTLED else ():
            if is_party(posting.account) and owed.pop((transfer.id, posting.account), []) != [posting.amount_minor]:
                subject = f"transfer/{transfer.id}"
                yield Difference(7, subject, f"no payable, or not one, owes {posting.account} {posting.amount_minor}")
    for transfer_id, party in owed:
        yield Difference(7, f"transfer/{transfer_id}", f"a payable of {party} is about what no transfer gave or took")


def check_statements(
    payables: Iterable[Payable],
    statements: Iterable[Statement],
    lines: Mapping[str, list[StatementLine]],
    transfers: Iterable[Transfer],
) -> Iterator[Difference]:
    """Invariant 7: every payable is in at most one statement, its party's; totals are sums of lines; each is paid out at most once."""
    by_id = {statement.id: statement for statement in statements}
    places: dict[str, list[str]] = defaultdict(list)
    for statement_id in sorted(lines):
        for line in lines[statement_id]:
            places[line.payable].append(statement_id)
    for payable in payables:
        expected = [payable.statement] if payable.statement else []
        found = places.pop(payable.id, [])
        if found != expected:
            yield Difference(7, f"payable/{payable.id}", f"it names {expected}, and is a line of {found}")
        elif found and (found[0] not in by_id or by_id[found[0]].party != payable.party):
            yield Difference(7, f"payable/{payable.id}", f"statement {found[0]} is not one of {payable.party}")
    for payable_id in places:
        yield Difference(7, f"payable/{payable_id}", "a statement has a line of it, but it does not exist")
    paid = Counter(transfer.reference for transfer in transfers if transfer.kind == "payout")
    for statement in by_id.values():
        yield from _check_statement(statement, lines.get(statement.id, []), paid[statement.id])


def _check_statement(statement: Statement, lines: list[StatementLine], payouts: int) -> Iterator[Difference]:
    subject = f"statement/{statement.id}"
    total = sum(line.amount_minor for line in lines)
    if total != statement.total_minor:
        yield Difference(7, subject, f"its total is {statement.total_minor}, its lines sum to {total}")
    if payouts != (statement.state in {"ready", "paid", "returned"}):
        yield Difference(7, subject, f"it is {statement.state} and was paid out {payouts} times")


def check_completions(orders: Iterable[Order], transfers: Iterable[Transfer]) -> Iterator[Difference]:
    """Invariant 8: completed lines paid everyone but the store exactly what is left of the share that was frozen at the purchase."""
    paid: dict[str, Counter[str]] = defaultdict(Counter)
    for transfer in transfers:
        if transfer.kind in _SETTLED:
            for posting in transfer.postings:
                if not posting.account.startswith(_PAYERS):
                    paid[transfer.reference][posting.account] += posting.amount_minor
    for order in orders:
        owed: Counter[str] = Counter()
        for line in order.lines:
            if line.state == "completed":
                owed.update(dict(_shares_of_others(order, line)))
        store = f"store/{order.store}"
        own = {store, f"{store}/held", f"{store}/deposit", f"order/{order.id}"}
        paid_others = {account: amount for account, amount in paid[f"order/{order.id}"].items() if account not in own}
        got = {account: amount for account, amount in paid_others.items() if amount}
        if {account: amount for account, amount in owed.items() if amount} != got:
            yield Difference(8, f"order/{order.id}", f"it paid {dict(got)}, its completed lines owe {dict(owed)}")


def _shares_of_others(order: Order, line: Line) -> Iterator[tuple[str, int]]:
    amounts: Counter[str] = Counter()
    for share in line.split:
        if share.account != f"store/{order.store}":
            amounts[share.account] += share.left_minor
    return iter(amounts.items())


def check_refunds(
    purchases: Iterable[Purchase], orders: Iterable[Order], transfers: Iterable[Transfer]
) -> Iterator[Difference]:
    """Invariant 8: payers got back exactly what lines say; of lines that were paid and then refused or cancelled, all that was charged."""
    charged: Counter[str] = Counter()
    for order in orders:
        for line in order.lines:
            given_back = line.state in {"refused", "cancelled"} and not _was_left_out(order, line)
            charged[order.purchase] += line.charged_minor if given_back else line.refunded_minor
    returned: Counter[str] = Counter()
    for transfer in transfers:
        if transfer.kind == "refund":
            purchase_id = transfer.reference.partition("/")[2].partition("-")[0]
            given = (posting for posting in transfer.postings if posting.account.startswith(_PAYERS))
            returned[purchase_id] += sum(posting.amount_minor for posting in given)
    for purchase in purchases:
        was_paid = purchase.payment == "paid" and purchase.channel == "union"
        due = charged[purchase.id] if was_paid else 0
        if returned[purchase.id] != due:
            subject = f"purchase/{purchase.id}"
            yield Difference(8, subject, f"{due} should have been refunded, {returned[purchase.id]} were")


def _was_left_out(order: Order, line: Line) -> bool:
    """Whether a line was given back before its card was charged, and so was never paid."""
    return order.payer == CARDS and line.state in {"refused", "cancelled"} and not line.refunded_minor


def check_cards(
    purchases: Iterable[Purchase], orders: Iterable[Order], transfers: Iterable[Transfer]
) -> Iterator[Difference]:
    """Invariant 4: of a card no more is authorized than the purchase costs, and exactly what was accepted is captured, once."""
    accepted: Counter[str] = Counter()
    for order in orders:
        accepted[order.purchase] += sum(line.charged_minor for line in order.lines if not _was_left_out(order, line))
    captured: Counter[str] = Counter()
    for transfer in transfers:
        if not transfer.pending and transfer.kind == "payment":
            paid = sum(posting.amount_minor for posting in transfer.postings if posting.account == CARDS)
            captured[transfer.reference] -= paid
    for purchase in purchases:
        if purchase.card is None or purchase.payment in {"pending", "expired"}:
            continue
        subject, card = f"purchase/{purchase.id}", purchase.card
        by_card = purchase.facts.get("paid_by", "").startswith("card-")
        due = accepted[purchase.id] if purchase.payment == "paid" and by_card else 0
        if not card.captured_minor == due == captured[subject]:
            detail = f"{due} was accepted, the card was charged {card.captured_minor}, {captured[subject]} is posted"
            yield Difference(4, subject, detail)
        if card.captured_minor > card.authorized_minor or card.authorized_minor > purchase.total_minor:
            yield Difference(4, subject, f"{card.authorized_minor} authorized, {card.captured_minor} captured")


def check_escrow(orders: Iterable[Order], balances: Mapping[str, int]) -> Iterator[Difference]:
    """Invariant 9: what orders hold is in their escrow accounts and their stores' held deposits, and covers every open line's cost."""
    held: Counter[str] = Counter()
    for order in orders:
        paid_lines = [line for line in order.lines if order.payment == "paid" and line.state != "awaiting_payment"]
        escrow = sum(line.escrow_minor for line in paid_lines)
        account = f"order/{order.id}"
        if balances.get(account, 0) != escrow:
            yield Difference(9, account, f"its account holds {balances.get(account, 0)}, its lines say {escrow}")
        held[f"store/{order.store}/held"] += sum(line.held_minor for line in paid_lines)
        for line in order.lines:
            cost = sum(amount for _, amount in _shares_of_others(order, line))
            cover = line.escrow_minor + line.held_minor
            if line.state not in ENDED and cover < cost:
                yield Difference(9, account, f"line {line.number} costs {cost} and is covered for {cover}")
            if line.state in ENDED and cover:
                yield Difference(9, account, f"line {line.number} is {line.state} and still holds {cover}")
    for account in sorted(held.keys() | {name for name in balances if name.endswith("/held")}):
        if balances.get(account, 0) != held[account]:
            yield Difference(9, account, f"it holds {balances.get(account, 0)}, open lines need {held[account]}")


def check_pools(orders: Iterable[Order], levels: Iterable[Level]) -> Iterator[Difference]:
    """Invariant 10: all sellers of an offer together have not sold more than its supplier had."""
    sold: Counter[str] = Counter()
    for order in orders:
        for line in order.lines:
            if line.offer and line.state not in _GIVEN_BACK:
                sold[line.level] += line.left_units
    had = {level.id: level.received + level.corrected - level.written_off for level in levels}
    for level_id, units in sold.items():
        if units > had.get(level_id, 0):
            yield Difference(
                10, f"level/{level_id}", f"its sellers sold {units}, the supplier had {had.get(level_id, 0)}"
            )
