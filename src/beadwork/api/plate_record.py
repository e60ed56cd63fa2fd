"""What is whole in the folder of a plate: for each step the record it was made by and the checksums of its files.

``{folder}/qc/plate.json``::

    {"made_with": "deconvolve 1, ...", "schema": 1,
     "steps": {"deconvolve": {"record": {...}, "beside": "", "files": {"P_GEX.gctx": "xxh3_128:..."}}}}

``made_with`` are the compatibility numbers of its steps (:mod:`beadwork.model.plates.compatibility`), which a plan of
the workflow reads; ``beside`` is the checksum of what the QC rows depend on beside the record: wells that cannot be
used.  The records are those that the matrices carry; the file holds no time and no path, so that it is the same after
every run with the same inputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from beadwork.io.files.atomic import write_text
from beadwork.io.files.digest import digest_file
from beadwork.model.errors import FileError
from beadwork.model.plates.compatibility import comparable, compatibility_of

SCHEMA = 1


class PlateRecord:
    """Steps of a plate that were done in a folder.

    Parameters
    ----------
    folder
        The folder of the plate.
    keep
        Whether what was made under other compatibility numbers counts as whole.
    """

    def __init__(self, folder: Path, keep: bool = False) -> None:
        self._folder, self.keep = folder, keep
        self._path = folder / "qc" / "plate.json"
        self._steps = _read(self._path)

    def whole(self, step: str, made_by: Mapping[str, Any], files: Iterable[Path]) -> dict[Path, str] | None:
        """Checksums of the files of a step if it was done with these records and they are as it left them."""
        known = self._steps.get(step)
        if not isinstance(known, dict):
            return None
        record = known.get("record")
        if not isinstance(record, dict) or known.get("beside") != made_by["beside"]:
            return None
        wanted_record = json.loads(json.dumps(made_by["record"]))
        if comparable(record, self.keep) != comparable(wanted_record, self.keep):
            return None
        digests = known.get("files")
        wanted = {path: self._name(path) for path in files}
        if not isinstance(digests, dict) or set(digests) != set(wanted.values()):
            return None
        try:
            same = all(digest_file(path) == digests[name] for path, name in wanted.items())
        except FileError:
            return None
        return {path: digests[name] for path, name in wanted.items()} if same else None

    def known(self, step: str) -> dict[str, Any] | None:
        """Return what a step was made by, and the checksums of its files; None if it was not done."""
        found = self._steps.get(step)
        return found if isinstance(found, dict) and isinstance(found.get("record"), dict) else None

    def forget(self, step: str) -> None:
        """Note that a step is to be done, before its files change."""
        if self._steps.pop(step, None) is not None:
            self._write()

    def done(self, step: str, made_by: Mapping[str, Any], files: Iterable[Path]) -> dict[Path, str]:
        """Note that a step is done, and return the checksums of its files."""
        digests = {path: digest_file(path) for path in files}
        self._steps[step] = {**made_by, "files": {self._name(path): digest for path, digest in digests.items()}}
        self._write()
        return digests

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _write(self) -> None:
        numbers = {name: compatibility_of(made["record"]) for name, made in self._steps.items()}
        made_with = ", ".join(f"{name} {number}" for name, number in sorted(numbers.items()))
        content = {"made_with": made_with, "schema": SCHEMA, "steps": self._steps}
        text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False)
        write_text(self._path, text + "\n")


def _read(path: Path) -> dict[str, Any]:
    """Read the steps of an earlier run; none if there is no such file, or one that says nothing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    steps = found.get("steps") if isinstance(found, dict) and found.get("schema") == SCHEMA else None
    return steps if isinstance(steps, dict) else {}
