"""Questions that wait, one worker a core: each is answered wholly of one state of the index, and its answer kept."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from beadwork.model.errors import BeadworkError, agree, counted
from beadwork.serve.answer.answers import columns_of, facts_of
from beadwork.serve.questions import Asked
from beadwork.serve.refusals import RefusedError
from beadwork.serve.store import Kept, Store

log = logging.getLogger("beadwork")
MOST_WAITING = 256
"""Questions that may wait."""
MOST_SECONDS = 300.0
"""Time after which a question is stopped."""
MOST_ENDED = 200
"""Questions that failed or were cancelled whose end can still be read."""
Phase = Literal["waiting", "scoring", "rolling up", "keeping", "done", "failed", "cancelled"]


class SlowError(BeadworkError):
    """A query took too long."""


class _CancelledError(BeadworkError):
    """Somebody cancelled the query."""


@dataclass(eq=False)
class Job:
    """One question: where it stands."""

    asked: Asked
    phase: Phase = "waiting"
    done: float = 0.0
    message: str = ""
    cancelled: bool = False
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None
    _watchers: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def elapsed(self) -> float:
        """Seconds since it was asked."""
        return (self.ended or time.monotonic()) - self.begun

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.phase not in ("done", "failed", "cancelled")

    def watch(self, tell: Callable[[], None]) -> None:
        """Call something when the question has ended, at once if it has."""
        with self._lock:
            if self.ended is None:
                self._watchers.append(tell)
                return
        tell()

    def unwatch(self, tell: Callable[[], None]) -> None:
        """Take back :meth:`watch`."""
        with self._lock:
            self._watchers = [item for item in self._watchers if item is not tell]

    def end(self) -> None:
        """Say to all who wait that the question has ended, and let its state of the index go."""
        with self._lock:
            self.ended = self.ended or time.monotonic()
            self.asked = replace(self.asked, state=None)
            watchers, self._watchers = self._watchers, []
        for tell in watchers:
            tell()


class Jobs:
    """Runs questions and keeps their answers.

    Parameters
    ----------
    store
        Where answers are kept.
    most_waiting
        Further questions are turned away while so many are open.
    most_seconds
        Time after which a question is stopped.
    workers
        Questions that are answered at a time; by default one a core.
    """

    def __init__(
        self,
        store: Store,
        *,
        most_waiting: int = MOST_WAITING,
        most_seconds: float = MOST_SECONDS,
        workers: int | None = None,
    ) -> None:
        self.store, self.most_waiting, self.most_seconds = store, most_waiting, most_seconds
        self.workers = workers or _cores()
        self.jobs: OrderedDict[str, Job] = OrderedDict()
        self.lock = threading.Lock()
        self.pool = ThreadPoolExecutor(self.workers, thread_name_prefix="query")

    def submit(self, asked: Asked) -> Job | Kept:
        """Queue a question; one that is answered, or asked already, is not asked again.

        Raises
        ------
        RefusedError
            Too many wait.
        """
        return self.submit_all([asked])[0]

    def submit_all(self, asked: Sequence[Asked]) -> list[Job | Kept]:
        """Queue some questions: all of them, or none where not all may wait.

        Raises
        ------
        RefusedError
            Too many wait.
        """
        kept = {one.key: self.store.find(one.key) for one in asked}
        answered: dict[str, Job | Kept] = {key: one for key, one in kept.items() if one is not None and one.bytes}
        with self.lock:
            found: dict[str, Job | Kept] = {**self._asked_already([one.key for one in asked]), **answered}
            fresh = {one.key: one for one in asked if one.key not in found}
            self._check_room(len(fresh), len(asked))
            begun = [Job(one) for one in fresh.values()]
            for job in begun:
                self.jobs[job.asked.key] = job
                self.jobs.move_to_end(job.asked.key)
            ended = [key for key, item in self.jobs.items() if not item.is_open]
            for key in ended[: max(0, len(ended) - MOST_ENDED)]:
                del self.jobs[key]
        for job in begun:
            self.pool.submit(self._run, job)
        found |= {job.asked.key: job for job in begun}
        return [found[one.key] for one in asked]

    def _asked_already(self, keys: Sequence[str]) -> dict[str, Job]:
        jobs = {key: self.jobs[key] for key in keys if key in self.jobs}
        return {key: job for key, job in jobs.items() if job.is_open and not job.cancelled}

    def _check_room(self, fresh: int, given: int) -> None:
        if given > 1 and fresh > self.most_waiting:
            words = f"{fresh} questions are more than the {self.most_waiting} that may wait; ask fewer at a time"
            raise RefusedError(words, 413, "too_large", "questions")
        waiting = sum(job.is_open for job in self.jobs.values())
        if fresh and waiting + fresh > self.most_waiting:
            words = f"{waiting} queries are waiting; try again in a moment"
            if given > 1:
                words = (
                    f"{counted(waiting, 'query')} {agree(waiting, 'is')} waiting, and {fresh} more are too many; "
                    "try again in a moment, or ask fewer at a time"
                )
            raise RefusedError(words, 429, "busy")

    def find(self, key: str) -> Job | None:
        """Job by the id of its question; those that are answered are in the store."""
        with self.lock:
            return self.jobs.get(key)

    def place(self, job: Job) -> int:
        """Place in the queue, 1 is next; 0 when its turn has come."""
        with self.lock:
            waiting = [item for item in self.jobs.values() if item.phase == "waiting" and not item.cancelled]
        return waiting.index(job) + 1 if job in waiting else 0

    def cancel(self, job: Job) -> None:
        """Stop a question as soon as may be."""
        job.cancelled = True
        if job.phase == "waiting":
            job.phase = "cancelled"
            job.end()

    def _threads(self) -> int:
        """Threads of one question: all cores when it is alone."""
        with self.lock:
            waiting = sum(job.is_open for job in self.jobs.values())
        return max(1, self.workers // max(1, waiting))

    def _run(self, job: Job) -> None:
        running = time.monotonic()

        def report(share: float) -> None:
            if job.cancelled:
                raise _CancelledError("cancelled")
            if time.monotonic() - running > self.most_seconds:
                raise SlowError(
                    f"stopped after {self.most_seconds:g} s; `beadwork query` has no such limit, and can ask for more"
                )
            job.done = max(job.done, share)

        def step(phase: Phase, share: float) -> None:
            report(share)
            job.phase = phase

        if job.cancelled:
            return
        try:
            self._answer(job, step, report)
            job.done, job.phase = 1.0, "done"
        except _CancelledError:
            job.phase, job.message = "cancelled", "cancelled"
        except BeadworkError as error:
            job.message, job.phase = str(error), "failed"
        except Exception:
            job.message, job.phase = "the query failed by a fault of the program; see its log", "failed"
            log.exception("query %s failed", job.asked.key)
        finally:
            if job.phase == "done":
                with self.lock:
                    self.jobs.pop(job.asked.key, None)
            job.end()

    def _answer(self, job: Job, step: Callable[[Phase, float], None], report: Callable[[float], None]) -> None:
        asked = job.asked
        state, index = asked.open_state, asked.open_state.index
        step("scoring", 0.0)
        result = index.answer([asked.query], asked.params, asked.where, progress=lambda share: report(0.8 * share),
                              threads=self._threads())  # fmt: skip
        step("rolling up", 0.8)
        plan = state.plan if not asked.where else index.roll_up_plan(None, result.params, result.shown)
        rolled = result.roll_up(plan=plan, background=None if asked.where else state.rolled_background(result.params))
        step("keeping", 0.9)
        columns: dict[str, Any] = columns_of(asked, result, rolled)
        facts = facts_of(asked, result, rolled, job.elapsed)
        self.store.put(Kept(asked.key, asked.query.name, asked.question, state.key, facts), columns,
                       lambda: state.signatures)  # fmt: skip

    def close(self) -> None:
        """Stop taking questions."""
        self.pool.shutdown(wait=False, cancel_futures=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
