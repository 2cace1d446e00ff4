"""Rounds of a scheduled job over a clock index: bucket after bucket from where the last round ended until now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from aws_lambda_powertools import Logger
from msgspec import Struct

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import MartUnionError
from mart_union.ledger import jobs

logger = Logger(child=True)


class Round(Struct, frozen=True):
    """A kind of round: the job's name, how long a bucket of its index is, and how far the first round looks back.

    The last bucket that is over is looked at once more, since an item may enter it just after a round has passed.
    """

    job: str
    bucket: timedelta
    first_look_back: timedelta
    bucket_characters: int


_MOST_A_BUCKET = 1_000_000
"""Only ids are listed; so many orders do not end in one hour."""

_BUCKETS_A_NOTE = 100
"""After a long silence there is much to go through: where a round has come is noted on the way, in case it runs out of time."""

HOURS = 13
"""Characters of an ISO moment that name its hour."""

MINUTES = 16
"""Characters of an ISO moment that name its minute."""


_MOST_LEFT = 100
"""Buckets with failed items that are noted one by one; with more of them at once, rounds go through all buckets since the first beyond."""


class Outcome(Struct, frozen=True):
    """How many items a round acted on, how many it could not and leaves to the next, and how many others act on meanwhile (the next round looks
    whether they did); whether it `ended` before it had looked at all."""

    done: int
    failed: int
    ended: bool = False
    handed: int = 0


def go_round(
    rounds: Round,
    now: datetime,
    list_due: Callable[[str, str, int], Iterable[str]],
    act: Callable[[str], bool],
    *,
    ends_at: type[MartUnionError] | None = None,
) -> Outcome:
    """Act on every item whose moment has come: `list_due(bucket, until, limit)` names them, `act` says whether there was something to do.

    An item that is refused, or fails for a reason that nobody foresaw, is logged and does not hold up the others; its bucket is noted,
    and the next round looks at it first. What fails for good costs one query a round, not one for each bucket since. With a failure of the kind
    `ends_at` the round ends, and the next one goes on in that bucket.
    """
    return go_through(
        rounds, now, lambda bucket: act_on(list_due(bucket, iso(now), _MOST_A_BUCKET), act, rounds.job, ends_at)
    )


def go_through(rounds: Round, now: datetime, visit: Callable[[str], Outcome]) -> Outcome:
    """Visit every bucket of a round; those of which something is left are visited first by the next one, too. The sum of what came of them."""
    done, failed, handed, left, beyond = 0, 0, 0, list[str](), ""
    for number, bucket in _buckets(rounds, now):
        if number % _BUCKETS_A_NOTE == 0:
            jobs.set_checkpoint(rounds.job, beyond or bucket, left)
        outcome = visit(bucket)
        done, failed, handed = done + outcome.done, failed + outcome.failed, handed + outcome.handed
        if outcome.ended:
            if number >= 0:
                jobs.set_checkpoint(rounds.job, beyond or bucket, left)
            return Outcome(done, failed, ended=True, handed=handed)
        is_left = outcome.failed + outcome.handed > 0
        if is_left and len(left) < _MOST_LEFT:
            left.append(bucket)
        elif is_left:
            beyond = beyond or bucket
    again = iso(now - rounds.bucket)[: rounds.bucket_characters]
    first = min(beyond or again, again)
    jobs.set_checkpoint(rounds.job, first, [bucket for bucket in left if bucket < first])
    return Outcome(done, failed, handed=handed)


def act_on(
    items: Iterable[str], act: Callable[[str], bool], job: str, ends_at: type[MartUnionError] | None = None
) -> Outcome:
    """Act on each of these items of a job; what is refused, or fails otherwise, is logged and left, and holds up no other, unless it is of the
    kind that ends all."""
    done, failed = 0, 0
    for item in items:
        try:
            done += act(item)
            continue
        except MartUnionError as error:
            logger.warning("left to the next round", job=job, item=item, code=error.code, reason=error.detail)
            if ends_at is not None and isinstance(error, ends_at):
                return Outcome(done, failed + 1, ended=True)
        except Exception:  # such as an item that cannot be read: the others do not wait for it
            logger.exception("failed, and left to the next round", job=job, item=item)
        failed += 1
    return Outcome(done, failed)


def _buckets(rounds: Round, now: datetime) -> Iterator[tuple[int, str]]:
    """The buckets that were left, under -1, then those since the last round, numbered from zero."""
    progress = jobs.get_progress(rounds.job)
    yield from ((-1, name) for name in progress.left)
    moment = _moment(progress.done_until) if progress.done_until else now - rounds.first_look_back
    number = 0
    while (name := iso(moment)[: rounds.bucket_characters]) <= iso(now)[: rounds.bucket_characters]:
        yield number, name
        number, moment = number + 1, moment + rounds.bucket


def _moment(bucket: str) -> datetime:
    return datetime.fromisoformat(bucket if len(bucket) > HOURS else bucket + ":00").replace(tzinfo=UTC)
