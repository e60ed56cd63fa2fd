"""Answers that are kept: one SQLite file of questions and facts, their columns beside it as Arrow files.

The oldest columns go when there are too many bytes, those with a star last; their questions stay, to be asked again.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beadwork.model.errors import FileError
from beadwork.serve.answer.column_files import ColumnFiles

log = logging.getLogger("beadwork")
VERSION = 1
MOST_BYTES = 4 << 30
"""Columns that are kept in files, about."""
MOST_MEMORY = 512 << 20
"""Columns that are kept where there is no file, about."""
MOST_TEXT = 512 << 20
"""Letters of all questions, about; those of whole signatures are long."""
USED_SECONDS = 30
"""Answers that are read are marked as used no more often than this."""
MOST_QUESTIONS = 10_000
"""Questions that are kept; the oldest without a star go."""
_SCHEMA = """
create table if not exists query(
    id text primary key, created real not null, used real not null, name text not null, question text not null,
    state text not null, facts text not null, note text not null default '', star integer not null default 0,
    bytes integer not null default 0);
create table if not exists result(
    id text not null references query(id) on delete cascade, name text not null, bytes integer not null,
    primary key(id, name));
create table if not exists state(key text primary key, bytes integer not null);
create index if not exists query_used on query(star, used);
create table if not exists batch(
    id text primary key, created real not null, name text not null, questions text not null, ids text not null);
create index if not exists query_bytes on query(bytes);
create table if not exists refused_question(
    batch text not null references batch(id) on delete cascade, place integer not null, reason text not null,
    primary key(batch, place));
"""
MOST_BATCHES = 500
"""Lists of questions that were asked together; the oldest go, their answers stay."""


@dataclass
class Kept:
    """One answered question.

    Attributes
    ----------
    question
        What was asked, to be asked again.
    state
        State of the index it was asked of.
    facts
        Counts, notes, how sure: what stands at the top of an answer.
    bytes
        Size of its columns; 0 where they have been removed.
    """

    id: str
    name: str
    question: dict[str, Any]
    state: str
    facts: dict[str, Any]
    created: float = field(default_factory=time.time)
    note: str = ""
    star: bool = False
    bytes: int = 0


@dataclass
class KeptBatch:
    """Questions that were asked together, in their order.

    Attributes
    ----------
    questions
        What was asked.
    ids
        Id of the answer to each; empty where it could not be asked.
    reasons
        Why, by the places of those that could not be asked.
    """

    id: str
    name: str
    questions: list[dict[str, Any]]
    ids: list[str]
    reasons: dict[int, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)


class Store:
    """Keeps answers in a file, or in memory.

    Parameters
    ----------
    path
        SQLite file, made with mode 0600; None: in memory, until the server ends.
    most_bytes
        Columns that are kept, about.

    Raises
    ------
    FileError
        The file cannot be made, or is something else.
    """

    def __init__(self, path: Path | None = None, most_bytes: int | None = None) -> None:
        self.path = path
        self.folder = None if path is None else path.with_name(f"{path.name}.columns")
        self.most_bytes = most_bytes or (MOST_MEMORY if path is None else MOST_BYTES)
        self.most_text = MOST_TEXT
        self._lock, self._adding = threading.RLock(), threading.Lock()
        self._files = ColumnFiles(self.folder)
        self._text: int | None = None
        """Letters of all questions, about; None until they are counted."""
        try:
            if path is not None and self.folder is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
                os.chmod(path, 0o600)
                self.folder.mkdir(mode=0o700, exist_ok=True)
            self._base = sqlite3.connect(path or ":memory:", check_same_thread=False, timeout=10)
            self._base.row_factory = sqlite3.Row
            version = self._base.execute("pragma user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise FileError(f"{path}: a store of version {version}, not {VERSION}; name another file (--store)")
            tables = {row[0] for row in self._base.execute("select name from sqlite_master where type = 'table'")}
            if version == 0 and tables:
                raise FileError(f"{path}: is an SQLite file of something else; name another file (--store)")
            self._base.execute("pragma journal_mode = wal")
            self._base.execute("pragma synchronous = normal")
            self._base.execute("pragma foreign_keys = on")
            self._base.executescript(f"{_SCHEMA} pragma user_version = {VERSION};")
            self._files.remove_leftovers(
                [*self._base.execute("select id, name from result"),
                 *(_of_state(row[0]) for row in self._base.execute("select key from state"))]
            )  # fmt: skip
        except OSError as error:
            raise FileError(
                f"{path}: cannot be written ({error.strerror}); name another file (--store) or none"
            ) from None
        except sqlite3.DatabaseError as error:
            raise FileError(f"{path}: is no store of answers ({error}); name another file (--store) or none") from None

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._base:
                yield self._base
        except sqlite3.OperationalError as error:
            raise FileError(f"{self.path}: cannot be written ({error}); check the folder and the free space") from None

    def put(self, kept: Kept, tables: Mapping[str, Any], signatures: Callable[[], Any] | None = None) -> None:
        """Keep an answer and its columns (Arrow tables by name).

        Parameters
        ----------
        signatures
            Makes the table of the signatures of its state, which is kept once for all answers of that state.
        """
        try:
            self._put(kept, tables, signatures)
        except FileError as error:
            if not _is_full(error) or not self._make_room(sum(int(table.nbytes) for table in tables.values())):
                raise
            self._put(kept, tables, signatures)
        with suppress(FileError):  # the answer is kept
            self._evict(kept.id)

    def _put(self, kept: Kept, tables: Mapping[str, Any], signatures: Callable[[], Any] | None) -> None:
        try:
            sizes = {name: self._files.write(kept.id, name, table) for name, table in tables.items()}
            self._enter(kept, sizes, signatures)
        except FileError:
            for name in tables:
                self._files.remove(kept.id, name)
            raise
        kept.bytes = sum(sizes.values())
        if self._text is not None:
            self._text += len(json.dumps(kept.question))

    def _enter(self, kept: Kept, sizes: Mapping[str, int], signatures: Callable[[], Any] | None) -> None:
        with self._change() as base:
            base.execute(
                "insert into query values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict(id) do update set "
                "used = excluded.used, facts = excluded.facts, bytes = excluded.bytes",
                (kept.id, kept.created, time.time(), kept.name, json.dumps(kept.question), kept.state,
                 json.dumps(kept.facts), kept.note, int(kept.star), sum(sizes.values())),
            )  # fmt: skip
            base.executemany("insert or replace into result values (?, ?, ?)",
                             [(kept.id, name, size) for name, size in sizes.items()])  # fmt: skip
            there = base.execute("select 1 from state where key = ?", (kept.state,)).fetchone()
            if signatures is not None and not there:
                size = self._files.write(*_of_state(kept.state), signatures())
                base.execute("insert or replace into state values (?, ?)", (kept.state, size))

    def signatures(self, state: str) -> Any | None:
        """Signatures of a state of the index, as they were when its answers were made; None where they are not kept."""
        with self._lock:
            if not self._base.execute("select 1 from state where key = ?", (state,)).fetchone():
                return None
        return self._files.read(*_of_state(state))

    def add(self, key: str, name: str, table: Any) -> None:
        """Keep further columns of an answer; of one whose columns were removed, or on a full disk, nothing is kept."""
        try:
            with self._adding:
                self._add(key, name, table)
            self._evict(key)
        except FileError as error:
            log.warning("%s", error)

    def _add(self, key: str, name: str, table: Any) -> None:
        size = self._files.write(key, name, table)
        with self._change() as base:
            if base.execute("select 1 from query where id = ? and bytes > 0", (key,)).fetchone():
                base.execute("insert or replace into result values (?, ?, ?)", (key, name, size))
                base.execute("update query set bytes = (select sum(bytes) from result where id = ?) where id = ?",
                             (key, key))  # fmt: skip
            else:
                self._files.remove(key, name)

    def find(self, key: str) -> Kept | None:
        """Answer by its id."""
        with self._lock:
            row = self._base.execute("select * from query where id = ?", (key,)).fetchone()
        if row is not None and time.time() - row["used"] > USED_SECONDS:
            with suppress(FileError), self._change() as base:  # a full disk hinders no reading
                base.execute("update query set used = ? where id = ?", (time.time(), key))
        return None if row is None else _kept(row)

    def table(self, key: str, name: str) -> Any | None:
        """Columns of an answer as an Arrow table, mapped from its file; None where they are not kept."""
        with self._lock:
            if not self._base.execute("select 1 from result where id = ? and name = ?", (key, name)).fetchone():
                return None
        return self._files.read(key, name)

    def history(
        self, *, text: str = "", star: bool = False, offset: int = 0, limit: int = 50
    ) -> tuple[int, list[Kept]]:
        """How many questions there are, and some of them, newest first."""
        where, values = "where (name like ? escape '\\' or note like ? escape '\\')", [_like(text)] * 2
        where += " and star = 1" if star else ""
        with self._lock:
            total = self._base.execute(f"select count(*) from query {where}", values).fetchone()[0]
            rows = self._base.execute(
                f"select * from query {where} order by created desc, id limit ? offset ?", [*values, limit, offset]
            ).fetchall()
        return int(total), [_kept(row) for row in rows]

    def mark(self, key: str, *, name: str | None = None, note: str | None = None, star: bool | None = None) -> bool:
        """Name an answer, note something on it, or give it a star; False if there is no such answer."""
        changes = {"name": name, "note": note, "star": None if star is None else int(star)}
        chosen = {column: value for column, value in changes.items() if value is not None}
        assigned = ", ".join(f"{column} = ?" for column in chosen) or "used = used"
        with self._change() as base:
            return base.execute(f"update query set {assigned} where id = ?", [*chosen.values(), key]).rowcount > 0

    def delete(self, key: str | None = None) -> int:
        """Remove an answer and its question, or all without a star; how many."""
        with self._change() as base:
            which, values = ("id = ?", [key]) if key is not None else ("star = 0", [])
            keys = [row[0] for row in base.execute(f"select id from query where {which}", values)]
            for one in keys:
                self._drop_columns(base, one)
                base.execute("delete from query where id = ?", (one,))
            self._drop_states(base)
        return len(keys)

    def put_batch(self, batch: KeptBatch) -> None:
        """Keep a list of questions, or what became of it."""
        with self._change() as base:
            base.execute(
                "insert or replace into batch values (?, ?, ?, ?, ?)",
                (batch.id, batch.created, batch.name, json.dumps(batch.questions), json.dumps(batch.ids)),
            )
            base.executemany("insert into refused_question values (?, ?, ?)",
                             [(batch.id, place, reason) for place, reason in batch.reasons.items()])  # fmt: skip
            base.execute("delete from batch where id in (select id from batch order by created desc limit -1 offset ?)",
                         (MOST_BATCHES,))  # fmt: skip

    def find_batch(self, key: str) -> KeptBatch | None:
        """List of questions by its id."""
        with self._lock:
            row = self._base.execute("select * from batch where id = ?", (key,)).fetchone()
            reasons = self._base.execute(
                "select place, reason from refused_question where batch = ?", (key,)
            ).fetchall()
        return None if row is None else _batch(row, {place: reason for place, reason in reasons})

    def batches(self) -> list[tuple[str, str, float, list[str]]]:
        """Id, name, time and ids of the answers of each list, newest first."""
        with self._lock:
            rows = self._base.execute("select id, name, created, ids from batch order by created desc, id").fetchall()
        return [(row["id"], row["name"], row["created"], json.loads(row["ids"])) for row in rows]

    def delete_batch(self, key: str) -> bool:
        """Remove a list; the answers stay. False if there is no such list."""
        with self._change() as base:
            return base.execute("delete from batch where id = ?", (key,)).rowcount > 0

    def states_of(self, keys: Sequence[str]) -> dict[str, str]:
        """State of those of some answers that are kept with their columns."""
        with self._lock:
            marks = ", ".join("?" * len(keys))
            rows = self._base.execute(f"select id, state from query where bytes > 0 and id in ({marks})", list(keys))
            return {row["id"]: row["state"] for row in rows}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    def _make_room(self, size: int) -> bool:
        """Remove the columns that were used longest ago, for others on a disk that is full; False if there are none."""
        freed = 0
        with suppress(FileError), self._change() as base:
            rows = base.execute("select id, bytes from query where bytes > 0 and star = 0 order by used").fetchall()
            for key, own in rows:
                self._drop_columns(base, key)
                freed += own
                if freed >= 2 * size:
                    break
            self._drop_states(base)
        if freed:
            log.warning("%s: the disk is full; the scores of older answers were removed", self.path)
        return freed > 0

    def _drop_states(self, base: sqlite3.Connection) -> None:
        """Remove the signatures of states of which no answer is left."""
        unused = "select key from state where key not in (select state from query where bytes > 0)"
        for (state,) in base.execute(unused).fetchall():
            self._files.remove(*_of_state(state))
            base.execute("delete from state where key = ?", (state,))

    def _drop_columns(self, base: sqlite3.Connection, key: str) -> None:
        for (name,) in base.execute("select name from result where id = ?", (key,)).fetchall():
            self._files.remove(key, name)
        base.execute("delete from result where id = ?", (key,))
        base.execute("update query set bytes = 0 where id = ?", (key,))

    def _evict(self, newest: str) -> None:
        """Remove columns, the least recently used first and those with a star last, until the rest fits."""
        with self._change() as base:
            total = base.execute(
                "select (select coalesce(sum(bytes), 0) from query) + (select coalesce(sum(bytes), 0) from state)"
            ).fetchone()[0]
            if total > self.most_bytes:
                rows = base.execute(
                    "select id, bytes from query where bytes > 0 and id != ? order by star, used", (newest,)
                ).fetchall()
                for key, size in rows:
                    self._drop_columns(base, key)
                    total -= size
                    if total <= self.most_bytes:
                        break
                self._drop_states(base)
            self._evict_questions(base, newest)

    def _evict_questions(self, base: sqlite3.Connection, newest: str) -> None:
        """Remove the oldest questions, where they are too many or too long."""
        many = base.execute("select count(*) from query").fetchone()[0] - MOST_QUESTIONS
        if self._text is None or self._text > self.most_text:
            total = base.execute("select coalesce(sum(length(question)), 0) from query").fetchone()[0]
            self._text = int(total)
        if many <= 0 and self._text <= self.most_text:
            return
        rows = base.execute("select id, length(question) from query where id != ? order by star, used", (newest,))
        for key, size in rows.fetchall():
            if many <= 0 and self._text <= self.most_text:
                break
            self._drop_columns(base, key)
            base.execute("delete from query where id = ?", (key,))
            many, self._text = many - 1, self._text - size
        self._drop_states(base)


def open_store(name: str | None) -> Store:
    """Open the store of this name, ``none`` for one in memory, or that of the user's account where no name is given.

    Raises
    ------
    FileError
        The file that was named cannot be used.
    """
    if name == "none":
        return Store()
    if name is not None:
        return Store(Path(name))
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Store(Path(base).expanduser() / "beadwork" / "answers.sqlite")
    except (FileError, RuntimeError) as error:
        log.warning("answers are kept in memory only: %s", error)
        return Store()


def _kept(row: sqlite3.Row) -> Kept:
    return Kept(
        row["id"], row["name"], json.loads(row["question"]), row["state"], json.loads(row["facts"]), row["created"],
        row["note"], bool(row["star"]), row["bytes"],
    )  # fmt: skip


def _batch(row: sqlite3.Row, reasons: dict[int, str]) -> KeptBatch:
    return KeptBatch(
        row["id"], row["name"], json.loads(row["questions"]), json.loads(row["ids"]), reasons, row["created"]
    )


def _is_full(error: FileError) -> bool:
    """Whether something could not be written since the disk, or what the user may take of it, is full."""
    reasons = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "disk is full")
    return any(reason in str(error) for reason in reasons)


def _of_state(state: str) -> tuple[str, str]:
    """Where the signatures of a state are kept among the columns of answers."""
    return f"state-{state}", "signatures"


def _like(text: str) -> str:
    for sign in "\\%_":
        text = text.replace(sign, f"\\{sign}")
    return f"%{text}%"
