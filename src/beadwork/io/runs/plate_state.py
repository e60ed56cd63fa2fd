"""What was made of a plate, for the plan of a run: whether it needs its beads once more.

Reads ``{plate}/qc/plate.json`` (:mod:`beadwork.api.plate_record`) with the standard library only, since runs are
planned where nothing else may be installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beadwork.model.params import Params
from beadwork.model.plates.compatibility import COMPATIBILITY

STEPS = ("deconvolve", "normalize", "infer", "zscore")
_SECTIONS = {"zscore_vehicle": "zscore"}
_START = 300
"""Bytes of the file in which the compatibility numbers stand."""


def made_with(folder: Path) -> dict[str, int]:
    """Compatibility numbers of the steps that were done in the folder of a plate; empty if none is known."""
    try:
        with open(folder / "qc" / "plate.json", encoding="utf-8") as file:
            start = file.read(_START)
    except (OSError, ValueError):
        return {}
    found = re.search(r'"made_with": "([^"]*)"', start)
    if found is not None:
        return {name: int(number) for name, number in re.findall(r"(\w+) (\d+)", found[1])}
    return dict.fromkeys(STEPS, 1) if start else {}  # from before there were numbers


def numbers_text(numbers: Mapping[str, int]) -> str:
    """Compatibility numbers of the steps of every plate as a text."""
    return ", ".join(f"{step} {numbers.get(step, 1)}" for step in STEPS)


def current_numbers() -> dict[str, int]:
    """Compatibility numbers of this version."""
    return {step: COMPATIBILITY[step] for step in STEPS}


@dataclass(frozen=True)
class PlateState:
    """Steps that were done in the folder of a plate."""

    folder: Path
    steps: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> PlateState:
        """Read it; without a record, or with one that cannot be read, nothing was done."""
        try:
            found = json.loads((folder / "qc" / "plate.json").read_text(encoding="utf-8"))
            steps = found["steps"]
        except (OSError, ValueError, KeyError, TypeError):
            steps = {}
        return cls(folder, steps if isinstance(steps, dict) else {})

    @property
    def has_level_2(self) -> bool:
        """Whether level 2 is there with its record, so that all else can be made without the beads."""
        files = self.steps.get("deconvolve", {}).get("files", {})
        return bool(files) and all((self.folder / name).is_file() for name in files)

    def other_beads(self, params: Params, bead_set: str | None) -> list[str]:
        """Parameters of deconvolution that are not what they were, for which the beads are needed."""
        recorded = self._parameters("deconvolve")
        wanted = params.model_dump(mode="json") | ({"bead_set": bead_set} if bead_set else {})
        return [f"{key} was {recorded.get(key)}" for key, value in wanted.items() if recorded.get(key) != value]

    def other_rest(
        self, sections: Mapping[str, Params], labels: Mapping[str, str | None], inputs: Mapping[str, Path]
    ) -> bool:
        """Whether something else is not what it was: labels, later steps, or a file (``map``, ``model``)."""
        known = self._parameters("deconvolve")
        if any(known.get(key) != value for key, value in labels.items()):
            return True
        for step in self.steps:
            params = sections.get(_SECTIONS.get(step, step))
            recorded = self._parameters(step)
            wanted = params.model_dump(mode="json") if params is not None and step != "deconvolve" else {}
            if any(recorded.get(key) != value for key, value in wanted.items()):
                return True
        return any(self._other_content(role, path) for role, path in inputs.items())

    def _other_content(self, role: str, path: Path) -> bool:
        recorded = {
            str(item.get("digest"))
            for made in self.steps.values()
            for item in made.get("record", {}).get("inputs", {}).get(role, ())
        }
        if not path.is_file() or not recorded:
            return False
        try:
            from beadwork.io.files.digest import digest_file
        except ModuleNotFoundError:  # where only Snakemake is installed: the job looks closer
            return path.stat().st_mtime_ns > (self.folder / "qc" / "plate.json").stat().st_mtime_ns
        return digest_file(path) not in recorded

    def _parameters(self, step: str) -> Mapping[str, Any]:
        found = self.steps.get(step, {}).get("record", {}).get("parameters", {})
        return found if isinstance(found, Mapping) else {}
