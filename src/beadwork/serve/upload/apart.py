"""Work in a process of its own: ended when its time is over or nobody waits for it any more, with all that it began.

A thread cannot be ended; a process can, and gives all its memory back.  The server answers meanwhile, as the work takes
none of its threads but the one that waits; only a few may wait.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec, TypeVar

from beadwork.model.errors import BeadworkError

log = logging.getLogger("beadwork")
MOST_WAITING = 3
"""Requests that may wait for their turn; each takes one of the forty threads of the server."""
STEP = 0.1
"""How often it is looked whether somebody still waits, seconds."""
PARENT_STEP = 1.0
"""How often the process looks whether the server is still there, seconds."""
Given = ParamSpec("Given")
Made = TypeVar("Made")


class OverError(Exception):
    """The time is over."""


class LeftError(Exception):
    """Nobody waits any more."""


class EndedError(Exception):
    """The process ended without a result, as one does that the system takes the memory from."""


class Apart:
    """Runs one piece of work at a time, each in a process of its own."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self.most_waiting = most_waiting
        self._turn, self._lock, self._open = threading.Lock(), threading.Lock(), 0

    def run(
        self, seconds: float, left: threading.Event, work: Callable[Given, Made], *args: Given.args,
        **more: Given.kwargs,
    ) -> Made:  # fmt: skip
        """Do some work when it is its turn.

        Parameters
        ----------
        seconds
            Time that it may take, waiting for its turn included.
        left
            Set when nobody waits for the result any more.
        work
            Function of a module; it and what it is given and makes are pickled.

        Raises
        ------
        BeadworkError
            The work refuses what it was given, in its words; or too many wait.
        OverError, LeftError, EndedError
            It was ended, or ended itself.
        """
        end = time.monotonic() + seconds

        def check() -> None:
            if left.is_set():
                raise LeftError
            if time.monotonic() >= end:
                raise OverError

        with self._place():
            while not self._turn.acquire(timeout=STEP):
                check()
            try:
                check()
                made: Made = _result(_run(pickle.dumps((work, args, more)), check))
                return made
            finally:
                self._turn.release()

    @contextmanager
    def _place(self) -> Iterator[None]:
        from beadwork.serve.refusals import RefusedError  # the process itself needs none of the web

        with self._lock:
            if self._open > self.most_waiting:
                raise RefusedError(f"{self._open} comparisons wait or run; try again in a moment", 429, "busy")
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1


def _run(task: bytes, check: Callable[[], None]) -> bytes:
    """Run a task in a process and a session of its own; nothing of it is left behind."""
    process = subprocess.Popen([sys.executable, "-P", "-m", "beadwork.serve.upload.apart"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, start_new_session=True)  # fmt: skip
    given: bytes | None = task
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.communicate(given, timeout=STEP)[0]
            given = None  # it is on its way
            check()
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _result(raw: bytes) -> Any:
    try:
        kind, made = pickle.loads(raw)
    except (EOFError, pickle.UnpicklingError):
        raise EndedError from None
    if kind == "refused":
        raise BeadworkError(made)
    if kind == "failed":
        log.error("work in a process of its own failed\n%s", made)
        raise RuntimeError(f"work in a process of its own failed: {made.strip().splitlines()[-1]}")
    return made


def main() -> None:
    """Do the task of standard input; the result goes to what was standard output, which nothing else writes to."""
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)
        threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
        try:
            work, args, more = pickle.load(sys.stdin.buffer)
            result = ("made", work(*args, **more))
        except BeadworkError as error:
            result = ("refused", str(error))
        except MemoryError:
            return  # as where the system ends it
        except Exception:
            result = ("failed", traceback.format_exc())
        pickle.dump(result, output)


def _watch(server: int) -> None:
    """End with all that was begun when the server is killed."""
    while os.getppid() == server:
        time.sleep(PARENT_STEP)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
