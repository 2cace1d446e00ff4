"""Why a goal may be missed: for rows by name, where the time or the units go, and what would change it.

By how much is said by the row itself, and so are figures: they are of the run. Each name has the ratio to its baseline up to which this explains the
row. A missed row that is not here, or that is beyond, is marked in the docs, and `python -m bench --docs` ends with an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bench.rows import Row


@dataclass(frozen=True)
class Miss:
    """What is known of rows whose names match one of the patterns, each with the ratio above which it is not known any more."""

    names: tuple[tuple[str, float], ...]
    where: str
    change: str


MISSES = (
    Miss(
        (("requests: cancel, [2-9]* stores", 1.5),),
        "An order's id is its purchase's with a number, so a purchase and its first order are read in one batch, and a purchase of one store, as most "
        "are, takes the budget's two requests. How many further orders there are is known when the purchase has been read: one more batch. The units are the budget's.",
        "Reading as many orders as a cart may have stores (a key that finds nothing is billed like one that does: more units than the budget "
        "allows); the number of orders in the purchase's id (the same key with another cart would be another purchase, and invariant 5 would fall); "
        "or orders in the purchase's own partition, read by one query: another table, other keys and streams, for one request.",
    ),
    Miss(
        (("write units: seller-collected sale", 1.3),),
        "The budget counts a hold as one item. It moves money between two accounts that both have a floor, the deposit and what is held of it, "
        "and each keeps a running balance: two items of one unit, twice in a transaction.",
        "No running balance of what is held: 2 units less. But then that account has no floor, which is what keeps a release from giving back more than was held.",
    ),
    Miss(
        (
            ("requests: import 100 changed rows", 21),
            ("write units: import 100 new rows", 2),
            ("write units: import 100 changed rows", 1.5),
        ),
        "The budget's batches of 25 writes know no conditions. New rows are made fifty at once, in a transaction, in which every item takes 2 units. A changed row's listing is "
        "written under the sequence that was read (decision 0023), and its level is only ever changed under its own: each is a request of its own, eight at a time. The listing's takes the "
        "budget's one unit; the level's is a transaction of one item and takes 2, because a transaction's token makes a repeat after a lost answer count once.",
        "Changed rows grouped into transactions, too, would save most of their requests and take a unit more, and one sale at the same moment would "
        "send the whole group back. Plain batches would meet the goal, and let an upload undo what a person changed meanwhile.",
    ),
    Miss(
        (("rush: purchases a second, 32 buyers on one listing of *", 0.9),),
        "Both loops run in one interpreter beside an emulator that answers within a millisecond or two, so what they compare is the processor time of a purchase: that of a bare call, and the handler's, "
        "of which the rows of checkout in the first table say how much it is more, and where. No purchase waits for another: none is sold twice, none conflicts.",
        "Less processor time of the handler (see checkout's rows). On AWS each buyer's function has a processor of its own, and the database, which both share, takes several times as long.",
    ),
    Miss(
        (("uploads: *: new rows a second", 0.85),),
        "Bare batches know no conditions. Here 50 offers with their pools, or 50 listings with their levels, are one transaction, under the condition that none of "
        "them is there, after a batch read for 100 rows; and the rows are read, checked and turned into items, which the bare writes are given ready-made. What could go is gone: an entry of the "
        "audit trail a row (decision 0068), the read of levels that cannot be there, most of PynamoDB's work on an item, and the wait of the next chunk's rows for the last one's. "
        "For 4,000 rows of a supplier's list that took the processor time of import and emulator together from 3.9 to 2.6 seconds, beside bare writes from 0.65 to 0.79 times, "
        "and for 2,000 of a catalog from 1.6 to 1.3 seconds, 0.71 to 0.83 times (medians of 4 or 5, other work on the machine). "
        "The emulator alone takes 33 ms of processor time for 100 new offers with their pools in two transactions and a read, 9 of them for the conditions, and 27 ms for the same items in eight bare batches: "
        "an import that took no time of its own would come to 0.81 here.",
        "botocore searches each transaction for the names of its tables, to choose an address by account, a tenth of what is left of the import's own time: it cannot be told not to. "
        "A batch instead of a transaction would write over what is there. Batches of PartiQL's inserts have a condition each and take one unit an item, not two, but an offer and its pool would no longer "
        "be made both or neither, and the emulator takes 2.7 times as long for them as for bare batches.",
    ),
    Miss(
        (("settlement: *, time a payable in all", 10), ("settlement: *, write units a payable in all", 5)),
        "A party takes something of its own, however many payables it has: a statement's head, a transfer, a payout, a mark; the first two rows of "
        "the table say how much. At 1,000 payables it is spread over ten a party, at 100,000 over a thousand. What a payable takes beyond it is "
        "in the rows above, and does not change with the number.",
        "Nothing, as long as each party gets a statement and a payout of its own.",
    ),
    Miss(
        (("settlement: *beyond the party's own*", 1.7),),
        "Of 1,000 payables a party has ten, and nine of them are a quarter of its job's time: where the job takes a twentieth longer by chance, what is "
        "left for them is a fifth longer. A hundred payables a party are two pages of a statement, and so two transactions. The profile shows that the shares of the time are the same, "
        "but for those that grow with a transaction's items.",
        "Pages of a statement as large as a party's payables, which a transaction's limit of 100 items forbids; of the rest, more runs of the small size.",
    ),
    Miss(
        (
            ("growth: page of *, 10 times the data", 10),
            ("growth: page of *, 100 times the data", 100),
            ("growth: settle *, 10 times the data", 10),
            ("growth: settle *, 100 times the data", 100),
        ),
        "The emulator's query of an index looks through the whole table; DynamoDB's reads its own partition. The rows of the table \"growth against "
        'that of the bare calls" compare with the very same calls made bare, which grow alike; what is asked for does not grow ("growth in requests", "growth in units").',
        "An emulator that keeps its indexes sorted; on AWS nothing.",
    ),
    Miss(
        (("growth: *", 1.3), ("growth against that of the bare calls: *", 1.3)),
        'What is asked of the database does not grow ("growth in requests" and "growth in units"), and the emulator finds a key in constant time. What is left is the '
        "emulator's process itself, which holds a hundred times the data, and the machine's busy moments: the quartiles say how wide they are.",
        "A quiet machine, and more rounds.",
    ),
    Miss(
        (
            ("handler: checkout, *", 1.4),
            ("handler: cancel*", 1.4),
            ("handler: complete lines", 1.4),
            ("handler: order step", 1.4),
        ),
        "Most of the handler's time is botocore's, as in the bare client (the profile follows). Beyond it: PynamoDB writes conditions and attributes "
        "as text and wraps each item twice, the batch read becomes models again, the cart is priced and drafted, the request is routed, checked "
        "and answered. Lines that move their levels alike share one expression.",
        "Requests written by hand instead of PynamoDB's expressions: a misspelt attribute there does not run, so they are kept.",
    ),
    Miss(
        (
            ("handler: *page*", 1.45),
            ("handler: front*", 1.4),
            ("handler: listing*", 1.4),
            ("handler: order status", 1.4),
        ),
        "A page adds Jinja2's escaping and joining to its one read; a list adds decoding of what it shows. The profile follows.",
        "A front cache, which heeds `Cache-Control` already: then the function is not asked.",
    ),
    Miss(
        (
            ("cold start, of a bare boto3 client: *", 1.6),
            ("cold start, of a bare Powertools resolver: *", 1.3),
        ),
        "Each row says what its imports take, measured at starts in this run; what is left is the interpreter, the client and the first "
        "call. The interpreter, botocore, most of the standard library, client and call are in the bare program, too. A function adds PynamoDB, Powertools' logger, "
        "msgspec and our own modules; a page adds Jinja2 and up to three more reads.",
        "SnapStart (Python 3.12 and later) starts from memory; the emulator has none, so it was not measured. What else was tried stands below.",
    ),
)


def known_of(row: Row) -> Miss | None:
    """What is known of a row; the first entry with a pattern that fits, and nothing when the row is beyond what that explains."""
    for miss in MISSES:
        for name, most in miss.names:
            if fnmatchcase(row.name, name):
                return miss if row.ratio is not None and row.ratio <= most else None
    return None


def unexplained(rows: Sequence[Row]) -> list[str]:
    """The names of missed rows of which nothing is known, or which are missed by more than that explains."""
    return [row.name for row in rows if row.met is False and known_of(row) is None]
