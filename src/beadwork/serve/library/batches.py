"""Questions that are asked together: a few wait at a time, so that those of others come in between."""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any

from beadwork.model.errors import BeadworkError
from beadwork.serve.jobs import Job, Jobs
from beadwork.serve.lookup.states import IndexState
from beadwork.serve.questions import Asked, Question, References, kept_question, plain_question, understand_all
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.store import KeptBatch, Store

log = logging.getLogger("beadwork")
MOST_TEXT = 64 << 20
"""Letters of all questions of one batch; those of whole signatures are long."""
OPEN_AT_A_TIME = 2
"""Questions of one batch that wait or run, for each worker."""
STEP = 0.05


class Batches:
    """Asks lists of questions, and knows what became of each."""

    def __init__(self, store: Store, jobs: Jobs) -> None:
        self.store, self.jobs = store, jobs
        self._running: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def ask(
        self, name: str, questions: Sequence[Question], state: IndexState, references: References
    ) -> KeptBatch:  # fmt: skip
        """Begin to ask some questions; those that cannot be asked are kept with the reason.

        Raises
        ------
        RefusedError
            None can be asked, or they are too long together.
        """
        found = understand_all(questions, state, references)
        kept = [one.question if isinstance(one, Asked) else plain_question(question)
                for question, one in zip(questions, found, strict=True)]  # fmt: skip
        if sum(len(json.dumps(item)) for item in kept) > MOST_TEXT:
            raise RefusedError("the questions are too long to be kept together; ask fewer at a time", 413, "too_large",
                               "questions")  # fmt: skip
        batch = KeptBatch(secrets.token_hex(8), name, kept, [])
        self._begin(batch, found)
        return batch

    def again(self, key: str, state: IndexState, references: References) -> KeptBatch:
        """Ask the questions of a list of the index as it is now; what is answered is not asked twice."""
        batch = self.find(key)
        self._begin(batch, understand_all([kept_question(item) for item in batch.questions], state, references))
        return batch

    def find(self, key: str) -> KeptBatch:
        """List by its id."""
        found = self.store.find_batch(key)
        if found is None:
            raise not_found("no such list of questions; it may have been deleted, or dropped for newer ones")
        return found

    def is_running(self, key: str) -> bool:
        """Whether some of its questions are still to be asked."""
        with self._lock:
            return key in self._running

    def cancel(self, key: str) -> None:
        """Stop asking, and cancel what waits or runs."""
        batch = self.find(key)
        with self._lock:
            stop = self._running.get(key)
        if stop is None:
            return
        stop.set()
        for one in batch.ids:
            job = self.jobs.find(one)
            if job is not None and job.is_open:
                self.jobs.cancel(job)

    def _begin(self, batch: KeptBatch, found: Sequence[Asked | BeadworkError]) -> None:
        waiting = [one for one in found if isinstance(one, Asked)]
        batch.ids = [one.key if isinstance(one, Asked) else "" for one in found]
        batch.reasons = {place: str(one) for place, one in enumerate(found) if isinstance(one, BeadworkError)}
        if not waiting:
            which = f"none of the {len(found)} questions can" if len(found) > 1 else "the question cannot"
            raise RefusedError(f"{which} be asked: {batch.reasons[0]}", field="questions")
        self.store.put_batch(batch)
        stop = threading.Event()
        with self._lock:
            if (before := self._running.get(batch.id)) is not None:
                before.set()
            self._running[batch.id] = stop
        threading.Thread(target=self._feed, args=(batch.id, waiting, stop), name="batch", daemon=True).start()

    def _feed(self, key: str, asked: Sequence[Asked], stop: threading.Event) -> None:
        """Submit questions one after the other, a few at a time."""
        own: list[Job] = []
        try:
            for one in asked:
                while not stop.is_set() and sum(job.is_open for job in own) >= OPEN_AT_A_TIME * self.jobs.workers:
                    time.sleep(STEP)
                self._submit(one, own, stop)
            while not stop.is_set() and any(job.is_open for job in own):
                time.sleep(STEP)
        except RuntimeError:
            log.debug("batch %s: the server ends", key)
        finally:
            with self._lock:
                if self._running.get(key) is stop:
                    del self._running[key]

    def _submit(self, asked: Asked, own: list[Job], stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                found = self.jobs.submit(asked)
            except RefusedError:  # others wait; so does this one
                time.sleep(10 * STEP)
                continue
            if isinstance(found, Job):
                own.append(found)
            return


def members_of(batches: Batches, batch: KeptBatch) -> list[dict[str, Any]]:
    """Where each question of a list stands."""
    answered = batches.store.states_of([key for key in batch.ids if key])
    running = batches.is_running(batch.id)
    found = []
    for place, (question, key) in enumerate(zip(batch.questions, batch.ids, strict=True)):
        job = batches.jobs.find(key) if key else None
        message = batch.reasons.get(place, "")
        if not key:
            status = "refused"
        elif key in answered:
            status = "done"
        elif job is not None and job.phase in ("failed", "cancelled"):
            status, message = job.phase, job.message
        elif job is not None:
            status = "waiting" if job.phase == "waiting" else "running"
        else:
            status = "waiting" if running else "not asked"
        found.append({"column": f"q{place + 1}", "id": key, "name": str(question.get("name", "query")),
                      "status": status, "message": message, "state": answered.get(key, "")})  # fmt: skip
    return found
