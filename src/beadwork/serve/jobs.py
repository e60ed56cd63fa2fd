"""Queries of the web page: one runs at a time, a few wait, the last ones are kept."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from beadwork.api.index.asking.answers import QueryResult
from beadwork.api.index.opened import ConnectivityIndex
from beadwork.model.connectivity.query import MappedQuery
from beadwork.model.errors import BeadworkError
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.perturbagens import RollUpPlan
from beadwork.stages.connectivity.roll_up import RolledUp

KEPT_BYTES = 512 << 20
"""Memory that kept results may take, about."""
BYTES_A_SIGNATURE = 200
"""Memory of a result, about: its matrices and its ranked table."""


class BusyError(BeadworkError):
    """Too many queries wait."""


class SlowError(BeadworkError):
    """A query took too long."""


@dataclass
class Job:
    """One query: where it stands, and its result."""

    key: str
    query: MappedQuery
    status: Literal["waiting", "running", "done", "failed"] = "waiting"
    done: float = 0.0
    message: str = ""
    result: QueryResult | None = None
    rolled: tuple[RolledUp, RolledUp, RolledUp] | None = None
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)


class Jobs:
    """Runs queries and keeps the last results.

    Parameters
    ----------
    index
        What is asked.
    most_waiting
        Further queries are turned away while so many wait.
    most_kept
        The oldest result goes when there are more; fewer of a large index.
    most_seconds
        Time after which a query is stopped.
    """

    def __init__(
        self, index: ConnectivityIndex, *, most_waiting: int = 8, most_kept: int = 30, most_seconds: float = 300
    ) -> None:
        self.index, self.most_waiting, self.most_seconds = index, most_waiting, most_seconds
        self.most_kept = max(2, min(most_kept, KEPT_BYTES // (BYTES_A_SIGNATURE * max(1, len(index)))))
        self.jobs: OrderedDict[str, Job] = OrderedDict()
        self.lock = threading.Lock()
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="query")
        self._plan: RollUpPlan | None = None

    def submit(self, query: MappedQuery, params: QueryParams, filters: Sequence[str]) -> Job:
        """Queue a query.

        Raises
        ------
        BusyError
            Too many wait.
        """
        with self.lock:
            waiting = sum(job.status in ("waiting", "running") for job in self.jobs.values())
            if waiting >= self.most_waiting:
                raise BusyError(f"{waiting} queries are waiting; try again in a moment")
            job = Job(secrets.token_urlsafe(12), query)
            self.jobs[job.key] = job
            finished = [key for key, item in self.jobs.items() if item.status in ("done", "failed")]
            for key in finished[: max(0, len(self.jobs) - self.most_kept)]:
                del self.jobs[key]
        self.pool.submit(self._run, job, params, list(filters))
        return job

    def find(self, key: str) -> Job | None:
        """Job by its key."""
        with self.lock:
            return self.jobs.get(key)

    def _run(self, job: Job, params: QueryParams, filters: Sequence[str]) -> None:
        begun = time.monotonic()

        def tell(share: float) -> None:
            if time.monotonic() - begun > self.most_seconds:
                raise SlowError(
                    f"stopped after {self.most_seconds:g} s; `beadwork query` has no such limit, and can ask for more"
                )
            job.done = max(job.done, 0.8 * share)

        job.status = "running"
        try:
            job.result = self.index.answer([job.query], params, filters, progress=tell)
            job.done, job.message = 0.85, "rolling up"
            if self._plan is None and not filters:
                self._plan = self.index.roll_up_plan(None, params)
            job.rolled = job.result.roll_up(plan=None if filters else self._plan)
            job.tables["signatures"] = job.result.table(0)
            job.done, job.message, job.status = 1.0, "", "done"
        except BeadworkError as error:
            job.message, job.status = str(error), "failed"
        except Exception:
            job.message, job.status = "the query failed by a fault of the program; see its log", "failed"
            raise

    def close(self) -> None:
        """Stop taking queries."""
        self.pool.shutdown(wait=False, cancel_futures=True)
