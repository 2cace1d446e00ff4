"""Uploads: files that enterprises and suppliers send to the bucket, from the announcement to the report.

A file is worked on by one at a time, under a claim that ends by itself; who takes a claim over goes on at the line that was reached.
The same content is never applied twice: storage may tell of it again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.tables import UploadItem, UploadKeyItem, upload_command_key, upload_key
from mart_union.catalog.upload_model import Upload
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Busy, Conflict, NotFound
from mart_union.kernel.ids import derived_id, new_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import Also, WriteTransaction, refuse

KEEP_DAYS = 90
CLAIM_SECONDS = 90
_ENDED = ("DONE", "FATAL")


def announce_upload(owner: str, actor: str, key: str, now: datetime) -> Upload:
    """Make an upload that waits for its file. The same key of the same actor again gives the same upload."""
    upload = Upload(new_id(), owner, actor, "IN_QUEUE", iso(now))
    command = UploadKeyItem(
        *upload_command_key(owner, derived_id(actor, key)), upload=upload.id, expires_at=_expiry(upload)
    )
    transaction = WriteTransaction()
    transaction.create(command, lambda found: Conflict("announced before", upload=found["upload"]))
    transaction.create(_item(upload), refuse(Conflict, "this upload exists"))
    try:
        transaction.commit()
    except Conflict as conflict:
        return get_upload(owner, str(conflict.facts["upload"]))
    return upload


def get_upload(owner: str, upload: str) -> Upload:
    """An upload as it is now.

    Raises:
        NotFound: the owner has none of this id.
    """
    item = find(UploadItem, *upload_key(owner, upload), consistent=True)
    if item is None:
        raise NotFound(f"there is no upload '{upload}'")
    return item.document


def list_uploads(owner: str, cursor: str = "", limit: int = 25) -> Page[Upload]:
    """An owner's uploads, newest first.

    Raises:
        Invalid: the cursor is unknown.
    """
    page = read_page(UploadItem.query, f"UPLOAD#{owner}", cursor=cursor, limit=limit)
    return Page(tuple(item.document for item in page.items), page.next)


def claim_upload(owner: str, upload: str, etag: str, now: datetime) -> Upload | None:
    """Begin, or go on, working on a file; None when this content was worked through before.

    A file that nobody announced is taken up too; other content under the same name starts again at the first line. Each content makes one entry of the
    audit trail, for all that it changes.

    Raises:
        Busy: someone else is at work on it; the trigger delivers again.
    """
    item = find(UploadItem, *upload_key(owner, upload), consistent=True)
    before = item.document if item else Upload(upload, owner, "", "IN_QUEUE", iso(now), sequence=0)
    if before.state in _ENDED and before.etag == etag:
        return None
    if before.state == "IN_PROGRESS" and before.claimed_until > iso(now):
        raise Busy(f"upload {upload} is being worked on")
    is_new = before.etag != etag
    if is_new:
        before = Upload(
            upload, owner, before.actor, "IN_QUEUE", before.made_at, begun=iso(now), sequence=before.sequence
        )
    claimed = _claimed(replace(before, state="IN_PROGRESS", etag=etag, runs=before.runs + 1), now)

    def note(transaction: WriteTransaction) -> None:
        if is_new:
            add_audit(transaction, _trail(owner), before.actor, "upload begun", f"upload/{upload}", now)

    return _save(claimed, note)


def _trail(owner: str) -> str:
    """Whose audit trail an owner's uploads stand in: a carrier's lists are sent by the union's operator."""
    return "union" if owner.startswith("carrier/") else owner


def save_progress(upload: Upload, now: datetime) -> Upload:
    """Keep how far a claimed upload has come, and the claim for another while.

    Raises:
        Busy: someone else has taken the claim over.
    """
    return _save(_claimed(upload, now))


def _claimed(upload: Upload, now: datetime) -> Upload:
    return replace(upload, claimed_until=iso(now + timedelta(seconds=CLAIM_SECONDS)))


def release_upload(upload: Upload) -> None:
    """Give one's own claim back after a failure; if someone else has taken it over meanwhile, it stays theirs."""
    try:
        _save(replace(upload, claimed_until=""))
    except Busy:
        return


def finish_upload(upload: Upload, state: str, problem: str, now: datetime) -> Upload:
    """End a claimed upload as DONE or FATAL. A report stands in the bucket by then.

    Raises:
        Busy: someone else has taken the claim over.
    """
    return _save(replace(upload, state=state, problem=problem, claimed_until="", finished_at=iso(now)))


def _save(upload: Upload, also: Also = lambda _: None) -> Upload:
    saved = replace(upload, sequence=upload.sequence + 1)
    as_claimed = UploadItem.sequence == upload.sequence if upload.sequence else UploadItem.pk.does_not_exist()
    transaction = WriteTransaction()
    transaction.put(_item(saved), condition=as_claimed, refusal=refuse(Busy, f"upload {upload.id} was taken over"))
    also(transaction)
    transaction.commit()
    return saved


def _item(upload: Upload) -> UploadItem:
    key = upload_key(upload.owner, upload.id)
    return UploadItem(*key, document=upload, sequence=upload.sequence, expires_at=_expiry(upload))


def _expiry(upload: Upload) -> int:
    return int((from_iso(upload.made_at) + timedelta(days=KEEP_DAYS)).timestamp())
