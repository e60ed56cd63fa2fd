"""Jobs as clue.io runs them: gene sets in, an archive in the layout of its tools out."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import tarfile
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beadwork.api.index.asking.clue_layout import TOOLS, Tool, write_clue_layout
from beadwork.api.index.asking.query_inputs import read_sets_text
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import BeadworkError
from beadwork.serve.lookup.states import IndexState
from beadwork.serve.refusals import RefusedError, not_found

log = logging.getLogger("beadwork")
MOST_SETS = 25
"""Queries of one job."""
MOST_KEPT = 30
"""Archives that are kept until the server ends."""
MOST_OPEN = 20
TOOL_OF: dict[str, tuple[Tool, ...]] = {
    "sig_gutc_tool": TOOLS, "sig_fastgutc_tool": TOOLS, "sig_queryl1k_tool": ("sig_queryl1k_tool",),
}  # fmt: skip


@dataclass(eq=False)
class ClueJob:
    """One job, as the API of clue.io says of it."""

    key: str
    tool: str
    name: str
    queries: Sequence[Query]
    state: IndexState | None
    """State of the index; None when the job has ended, as its archive needs the state no more."""
    params: dict[str, Any]
    notes: Sequence[str] = ()
    status: str = "pending"
    error: str = ""
    archive: Path | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self, address: str) -> dict[str, Any]:
        """Fields of the job; the address of its archive has no scheme, as there."""
        done = self.archive is not None
        return {
            "id": self.key, "job_id": self.key, "status": self.status, "errorMessage": self.error, "tool_id": self.tool,
            "created": self.created.isoformat(), "params": {"name": self.name, **self.params},
            "download_status": "completed" if done else "pending",
            "download_url": f"{address}/api/jobs/{self.key}/{_plain(self.name)}.tar.gz" if done else "",
            "notes": list(self.notes),
        }  # fmt: skip


class ClueJobs:
    """Runs one job after the other; archives stay until the server ends, the oldest go first."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, ClueJob] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._folder: Path | None = None

    def submit(
        self, state: IndexState, tool: str, name: str, up: tuple[str, bytes] | None, down: tuple[str, bytes] | None,
        params: dict[str, Any],
    ) -> ClueJob:  # fmt: skip
        """Queue a job.

        Raises
        ------
        BeadworkError
            The tool is not known, the sets cannot be read or used, or too many jobs wait.
        """
        if tool not in TOOL_OF:
            raise RefusedError(f"tool_id {tool!r}: there are {', '.join(TOOL_OF)}", 400, field="tool_id")
        if up is None and down is None:
            raise RefusedError("uptag-cmapfile: gene sets are missing", 400, field="uptag-cmapfile")
        read = read_sets_text(up, down, state.index.finder.keys)
        if len(read.queries) > MOST_SETS:
            raise RefusedError(
                f"{len(read.queries)} queries; {MOST_SETS} at a time", 413, "too_large", "uptag-cmapfile"
            )
        mapped = state.index.map_queries(read.queries)
        notes = [*read.notes, *(f"{query.name}: {note}" for query in mapped for note in query.notes)]
        text = repr([tool, name, [(query.name, query.up, query.down) for query in read.queries], state.key])
        key = hashlib.sha256(text.encode()).hexdigest()[:24]
        with self._lock:
            found = self._jobs.get(key)
            if found is not None and found.status != "error":
                return found
            if sum(job.status in ("pending", "running") for job in self._jobs.values()) >= MOST_OPEN:
                raise RefusedError(f"{MOST_OPEN} jobs are waiting; try again later", 429, "busy")
            job = self._jobs[key] = ClueJob(key, tool, name, read.queries, state, params, notes)
            ended = [item for item in self._jobs.values() if item.status in ("completed", "error")]
            for old in ended[: max(0, len(ended) - MOST_KEPT)]:
                del self._jobs[old.key]
                if old.archive is not None:
                    old.archive.unlink(missing_ok=True)
        self._pool.submit(self._run, job)
        return job

    def find(self, key: str) -> ClueJob:
        """Job by its id."""
        with self._lock:
            job = self._jobs.get(key)
        if job is None:
            raise not_found("no such job; archives are kept until the server ends, the oldest go first")
        return job

    def remove(self, key: str) -> None:
        """Forget a job and its archive; one that runs ends unseen."""
        self.find(key)
        with self._lock:
            job = self._jobs.pop(key, None)
        if job is not None and job.archive is not None:
            job.archive.unlink(missing_ok=True)

    def all(self) -> list[ClueJob]:
        """All jobs, newest first."""
        with self._lock:
            return list(self._jobs.values())[::-1]

    def _run(self, job: ClueJob) -> None:
        if not self._is_kept(job):
            return
        job.status = "running"
        try:
            with self._lock:
                if self._folder is None:
                    self._folder = Path(tempfile.mkdtemp(prefix="beadwork-jobs-"))
                    weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
                folder = self._folder
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                root = Path(scratch) / f"my_analysis.{job.tool}.{job.key}"
                assert job.state is not None
                write_clue_layout(job.state.index, job.queries, root, tools=TOOL_OF[job.tool])
                archive = folder / f"{job.key}.tar.gz"
                with tarfile.open(archive, "w:gz") as packed:
                    packed.add(root, root.name)
            job.archive, job.status = archive, "completed"
            if not self._is_kept(job):
                archive.unlink(missing_ok=True)
        except BeadworkError as error:
            job.status, job.error = "error", str(error)
        except Exception:
            job.status, job.error = "error", "the job failed by a fault of the program; see its log"
            log.exception("job %s failed", job.key)
        finally:
            job.state = None

    def _is_kept(self, job: ClueJob) -> bool:
        with self._lock:
            return self._jobs.get(job.key) is job

    def close(self) -> None:
        """Stop, and remove the archives."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _plain(name: str) -> str:
    """Name in letters that any program takes in an address."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", name).strip("-.")[:80] or "job"


def content_of(item: Any, name: str) -> tuple[str, bytes] | None:
    """Name and content of an uploaded file, or of a text in its place; None for nothing."""
    if item is None or item == "":
        return None
    if isinstance(item, str):
        return f"{name}.gmt", item.encode()
    given = str(item.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    return (given if "." in given else f"{given or name}.gmt"), item.file.read()
