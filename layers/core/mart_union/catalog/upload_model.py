"""Uploads: files that were sent to the bucket, and where what became of their rows is kept."""

from __future__ import annotations

from msgspec import Struct


class Upload(Struct, frozen=True):
    """A file that was sent to the bucket, and what became of its rows. `owner` is `store/<id>`, `supplier/<id>` or `carrier/<id>`.

    `line` is how far it has been worked through, `etag` which content that was; `claimed_until` keeps others off while one works;
    `begun` says when work on that content began, `runs` how often it did, one run after another having been cut off. `refused_at` names the chunks,
    by the line at which each ends, of which refused rows are kept in the bucket.
    """

    id: str
    owner: str
    actor: str
    state: str
    made_at: str
    read: int = 0
    applied: int = 0
    unchanged: int = 0
    refused: int = 0
    line: int = 0
    etag: str = ""
    claimed_until: str = ""
    runs: int = 0
    begun: str = ""
    finished_at: str = ""
    problem: str = ""
    refused_at: tuple[int, ...] = ()
    sequence: int = 1

    @property
    def count_key(self) -> str:
        """The key under which it counts a level once; keys come in the order in which uploads begin, and other content under the same name counts anew."""
        return f"{self.begun}/{self.id}/{self.etag}"

    @property
    def cut_off_since(self) -> str:
        """Since when a run that was cut off may have looked at rows of which nothing was kept; '' in the first run."""
        return self.begun if self.runs > 1 else ""


def report_key(owner: str, upload: str) -> str:
    """Where in the bucket the report of an upload stands."""
    return f"reports/{owner}/{upload}.json"


def refused_rows_key(upload: Upload, line: int) -> str:
    """Where in the bucket the refused rows stand of the chunk of an upload's content that ends at a line."""
    return f"reports/{upload.owner}/{upload.id}.refused/{upload.etag}/{line}.json"


def error_file_key(owner: str, upload: str) -> str:
    """Where in the bucket an upload's refused rows stand, in the sender's format."""
    return f"reports/{owner}/{upload}.errors.csv"
