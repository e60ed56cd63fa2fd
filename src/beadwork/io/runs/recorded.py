"""What the record of a file says it was made of, for the plan of a run: inputs by content, number, edited tables.

Standard library only, since runs are planned where nothing else may be installed; without xxhash there are no checksums
of inputs, and their dates decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

_BEGINS = b'{"command": "'
"""How a record begins in a matrix (:func:`beadwork.io.matrix.gctx.writer.provenance_text` sorts its keys)."""
_FIRST, _MOST = 1 << 16, 1 << 23
"""Bytes of a matrix that are read for its record, first and at most; it stands before the values."""
MANIFEST = "manifest.json"


def matrix_record(path: Path) -> dict[str, Any] | None:
    """Record of a matrix that beadwork wrote; None if there is none, or it cannot be read."""
    try:
        with open(path, "rb") as file:
            data = file.read(_FIRST)
            place = data.find(_BEGINS)
            while place >= 0:
                try:
                    found = json.JSONDecoder().raw_decode(data[place:].decode("utf-8", errors="ignore"))[0]
                    return found if isinstance(found, dict) else None
                except ValueError:
                    more = file.read(len(data)) if len(data) < _MOST else b""
                    if not more:
                        return None
                    data += more
    except OSError:
        return None
    return None


def index_record(folder: Path) -> dict[str, Any] | None:
    """Manifest of an index, which holds its compatibility number; None if there is no index."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


@cache
def content_of(path: Path) -> str | None:
    """Checksum of a file as records have it; None if it is not there, or cannot be computed here."""
    try:
        from beadwork.io.files.digest import digest_file
    except ModuleNotFoundError:
        return None
    return digest_file(path) if path.is_file() else None


def recorded_content(records: Iterable[Mapping[str, Any]], role: str) -> set[str]:
    """Checksums of the files that had a role in some steps."""
    return {str(item.get("digest")) for record in records for item in record.get("inputs", {}).get(role, ())}


def is_known(records: Iterable[Mapping[str, Any]], role: str, path: Path) -> bool:
    """Whether content decides about an input, not its date: its checksum is recorded, and can be computed here."""
    return bool(recorded_content(records, role)) and content_of(path) is not None


def other_inputs(records: Iterable[Mapping[str, Any]], inputs: Mapping[str, Path]) -> list[str]:
    """Those inputs whose content is not what was recorded: role, and some digits of what it is now."""
    records = list(records)
    return [
        f"{role} {str(content_of(path)).rpartition(':')[2][:8]}"
        for role, path in inputs.items()
        if is_known(records, role, path) and content_of(path) not in recorded_content(records, role)
    ]


def other_tables(record: Mapping[str, Any], used: Iterable[str], edited: Mapping[str, str]) -> list[str]:
    """Those shipped tables that were edited since, with some digits, or are again as they ship.

    Parameters
    ----------
    used
        Tables that the step uses.
    edited
        Those that are not as they ship, with their checksums.
    """
    recorded = record.get("tables", {})
    return [
        f"{name} {edited[name][:8] if name in edited else 'as it ships'}"
        for name in used
        if recorded.get(name) != edited.get(name)
    ]
