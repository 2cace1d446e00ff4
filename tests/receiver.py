"""A seller's own web shop as a process of its own: Flask, with a SQLite database in a file, which applies what the union tells it.

    python -m tests.receiver <port> <database> <secret>

It may be killed at any time. What goes wrong on purpose stands in its table `troubles`, one row for each time: `late` answers after the union has
given up, `fail` refuses before applying, `lost` applies and answers with an error, `die` ends the process after applying and before it answers.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from flask import Flask, request
from standardwebhooks import Webhook

LATE_SECONDS = 0.8
_TABLES = """
create table if not exists links (sku text primary key, sequence integer, state text, price_minor integer, availability text, titles text);
create table if not exists troubles (id integer primary key, kind text);
create table if not exists heard (id text);
"""
COLUMNS = ("sku", "sequence", "state", "price_minor", "availability", "titles")


def open_database(path: Path) -> sqlite3.Connection:
    """The shop's database, with its tables."""
    database = sqlite3.connect(path, timeout=10)
    database.executescript(_TABLES)
    return database


def apply(database: sqlite3.Connection, link: dict[str, Any]) -> None:
    """Keep a snapshot, unless a newer one of its link is there."""
    row = [json.dumps(link[name], sort_keys=True) if name == "titles" else link[name] for name in COLUMNS]
    database.execute(
        f"insert into links values ({','.join('?' * len(COLUMNS))}) on conflict (sku) do update set "
        + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS)
        + " where excluded.sequence > links.sequence",
        row,
    )


def make_app(path: Path, secret: str) -> Flask:
    """The shop's application."""
    app = Flask(__name__)

    @app.post("/hook")
    def hear() -> tuple[str, int]:
        told = Webhook(secret).verify(request.data, dict(request.headers))
        with closing(open_database(path)) as database:
            trouble = _next_trouble(database)
            if trouble == "late":
                time.sleep(LATE_SECONDS)
            if trouble == "fail":
                return "", 503
            with database:
                apply(database, told["data"])
                database.execute("insert into heard values (?)", (request.headers["webhook-id"],))
        if trouble == "die":
            os._exit(9)
        return "", 500 if trouble == "lost" else 204

    return app


def _next_trouble(database: sqlite3.Connection) -> str:
    with database:
        row = database.execute(
            "delete from troubles where id = (select min(id) from troubles) returning kind"
        ).fetchone()
    return "" if row is None else str(row[0])


class Receiver:
    """Starts and kills the shop's process, and looks into its database."""

    def __init__(self, path: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.path, self.secret = path, ""
        self._process: subprocess.Popen[bytes] | None = None
        self.database = open_database(path)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        """Run the shop, if it does not run."""
        if self._process is not None and self._process.poll() is None:
            return
        command = [sys.executable, "-m", "tests.receiver", str(self.port), str(self.path), self.secret]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("the shop does not start")

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def trouble(self, *kinds: str) -> None:
        """What goes wrong with the next requests, in turn; '' is nothing."""
        with self.database:
            self.database.executemany("insert into troubles (kind) values (?)", [(kind,) for kind in kinds])

    def shown(self) -> dict[str, tuple[Any, ...]]:
        """What the shop shows: sequence, state, price, availability and titles by SKU."""
        rows = self.database.execute(f"select {', '.join(COLUMNS)} from links order by sku").fetchall()
        return {row[0]: tuple(row[1:]) for row in rows}

    def heard(self) -> int:
        """How many messages it has applied."""
        return int(self.database.execute("select count(*) from heard").fetchone()[0])


if __name__ == "__main__":
    make_app(Path(sys.argv[2]), sys.argv[3]).run(port=int(sys.argv[1]), threaded=True)
