"""Figures of a benchmark and what they were aimed at, as ``benchmarks/results/NAME.json``; summary.py prints all."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from beadwork import __version__

RESULTS = Path(__file__).resolve().parents[1] / "results"


@dataclass(frozen=True)
class Aim:
    """One aim: what is measured (with its unit), its bound and the figure; `at_least` says which side is good."""

    what: str
    aim: float
    measured: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure is on the good side of the bound, or on it."""
        return self.measured >= self.aim if self.at_least else self.measured <= self.aim


@dataclass(frozen=True)
class Record:
    """What one benchmark measured: the command, when and where, its aims, further figures, and of which run it is.

    `run` is the version of the program if the benchmark wrote the record itself, else the page that it was taken from.
    """

    name: str
    command: str
    date: str
    machine: str
    aims: tuple[Aim, ...]
    figures: Mapping[str, float]
    run: str


def processor() -> str:
    """Name of the processor, as far as the system says."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write_record(name: str, command: str, aims: Sequence[Aim], figures: Mapping[str, float] | None = None) -> Path:
    """Record the newest run of a benchmark, in the place of the one before."""
    machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    record = Record(name, command, today, machine, tuple(aims), dict(figures or {}), f"beadwork {__version__}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(asdict(record), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return path


def read_records() -> list[Record]:
    """All records, by name."""
    found = []
    for path in sorted(RESULTS.glob("*.json")):
        item = json.loads(path.read_text(encoding="utf-8"))
        found.append(Record(**{**item, "aims": tuple(Aim(**aim) for aim in item["aims"])}))
    return found
