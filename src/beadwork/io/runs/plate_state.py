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

from beadwork.io.runs.recorded import other_inputs, other_tables
from beadwork.model.params import Params
from beadwork.model.plates.compatibility import BEAD_BATCHES, COMPATIBILITY, GENES, INFERENCE, LISS, bead_set_table

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
        named = _recorded_name(bead_set)
        wanted = params.model_dump(mode="json") | ({"bead_set": named} if named else {})
        return [f"{key} was {recorded.get(key)}" for key, value in wanted.items() if recorded.get(key) != value]

    def other_rest(self, sections: Mapping[str, Params], labels: Mapping[str, str | None]) -> bool:
        """Whether labels or parameters of later steps are not what they were."""
        known = self._parameters("deconvolve")
        if any(known.get(key) != value for key, value in labels.items()):
            return True
        for step in self.steps:
            params = sections.get(_SECTIONS.get(step, step))
            recorded = self._parameters(step)
            wanted = params.model_dump(mode="json") if params is not None and step != "deconvolve" else {}
            if any(recorded.get(key) != value for key, value in wanted.items()):
                return True
        return False

    @property
    def records(self) -> list[Mapping[str, Any]]:
        """Records of the steps."""
        return [self._record(step) for step in self.steps]

    def other_content(
        self, inputs: Mapping[str, Path], edited: Mapping[str, str], batch: tuple[str, float] | None = None
    ) -> list[str]:
        """Files that the plate is made of, of the user's own or shipped, whose content is not what it was.

        Parameters
        ----------
        inputs
            Files of the user's own by role: map, model, bead_set.
        edited
            Shipped tables that are not as they ship, with their checksums.
        batch
            Bead set and ratio that the table of bead batches gives the plate now, where that was edited.
        """
        found = other_inputs(self.records, inputs)
        bead_set = self._parameters("deconvolve").get("bead_set")
        own = () if "bead_set" in inputs else (bead_set_table(bead_set),)
        model = (GENES,) if "model" in inputs else (GENES, INFERENCE)
        liss = (*own, LISS) if self._parameters("normalize").get("scaling") == "liss" else ()
        for step, used in (("deconvolve", own), ("normalize", liss), ("infer", model)):
            if step in self.steps:
                found += other_tables(self._record(step), used, edited)
        if batch is not None and "deconvolve" in self.steps:
            known = self._parameters("deconvolve")
            if (known.get("bead_set"), known.get("ratio")) != batch:
                found.append(f"{BEAD_BATCHES} {batch[0]} {batch[1]:g}")
        return sorted(set(found))

    def _record(self, step: str) -> Mapping[str, Any]:
        found = self.steps.get(step, {}).get("record", {})
        return found if isinstance(found, Mapping) else {}

    def _parameters(self, step: str) -> Mapping[str, Any]:
        found = self._record(step).get("parameters", {})
        return found if isinstance(found, Mapping) else {}


def batch_of(table: str, det_plate: str, bead_batch: str | None, bead_set: str | None) -> tuple[str, float] | None:
    """Bead set and ratio that the text of the table of bead batches gives a plate; None if it has no such batch."""
    name = (bead_batch or det_plate.rpartition("_")[2]).lower()
    rows = [line.split("\t") for line in table.splitlines() if line.strip() and not line.startswith("#")]
    found = [dict(zip(rows[0], row, strict=False)) for row in rows[1:] if row[0].lower() == name] if rows else []
    chosen = next((row for row in found if row["bead_set"] == "epsilon"), found[-1] if found else None)
    if chosen is None:
        return None
    own = _recorded_name(bead_set)
    return own or f"{chosen['bead_set']}-{chosen['revision']}", float(chosen["ratio"])


def _recorded_name(bead_set: str | None) -> str:
    """Name by which records know a bead set, given by name or as a table; empty if none is given."""
    return Path(bead_set).stem if bead_set and bead_set.endswith(".tsv") else (bead_set or "").lower()
