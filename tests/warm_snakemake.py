"""Snakemake that has read its libraries already, which takes most of the time of a plan: each call is a fork of it.

A call is what a start by the command line is: the same ``main``, in a process, a folder and an environment of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LIBRARIES = ("snakemake.cli", "snakemake.api", "snakemake.report.html_reporter", "snakemake_executor_plugin_slurm",
             "snakemake_executor_plugin_cluster_generic", "snakemake_storage_plugin_fs", "snakemake_storage_plugin_s3",
             "pandas", "sqlmodel", "boto3")  # fmt: skip


class WarmSnakemake:
    """One process that forks a Snakemake for each call; it ends with the process that made it."""

    def __init__(self) -> None:
        self._parent: subprocess.Popen[str] | None = None

    def __call__(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run `snakemake` without a terminal; output and errors come together."""
        if self._parent is None or self._parent.poll() is not None:
            self._parent = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})  # fmt: skip
            atexit.register(self.close)
        assert self._parent.stdin and self._parent.stdout
        with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as said:
            call = {"words": list(words), "cwd": str(cwd), "env": dict(env), "output": said.name}
            self._parent.stdin.write(json.dumps(call) + "\n")
            self._parent.stdin.flush()
            code = int(self._parent.stdout.readline())
            return subprocess.CompletedProcess(list(words), code, said.read(), None)

    @staticmethod
    def takes(words: Sequence[object]) -> bool:
        """Whether a call starts Snakemake; where times are recorded, a start by the command line is part of them."""
        return Path(str(words[0])).name == "snakemake" and "BEADWORK_RECOVERY" not in os.environ

    def close(self) -> None:
        """End the process."""
        if self._parent is not None:
            self._parent.communicate()
            self._parent = None


snakemake = WarmSnakemake()


def serve() -> None:
    """Take calls from the input, one a line, and answer with their exit codes."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        call = json.loads(line)
        child = os.fork()
        if not child:
            begin(call)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def begin(call: dict) -> None:
    """Be the process of a call."""
    null, output = os.open(os.devnull, os.O_RDONLY), os.open(call["output"], os.O_WRONLY | os.O_APPEND)
    for number, own in enumerate((null, output, output)):
        os.dup2(own, number)
    os.environ.clear()
    os.environ.update(call["env"])
    os.chdir(call["cwd"])
    sys.argv = call["words"]
    sys.stdin = open(0)
    importlib.import_module("snakemake.cli").main()


if __name__ == "__main__":
    serve()
