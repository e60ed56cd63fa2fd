"""How a matrix came to be: a versioned record in every file we write.

A record holds no time, no path and no thread count, so that the same inputs and parameters give the same bytes::

    {"schema": 1, "software": "beadwork", "version": "...", "command": "zscore", "compatibility": 1,
     "parameters": {...}, "inputs": {"matrix": [{"name": "X_INF.gctx", "digest": "xxh3_128:..."}]},
     "history": [records of the inputs, oldest first, each without a history of its own]}
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from beadwork import __version__
from beadwork.io.files.digest import digest_bytes, digest_file
from beadwork.io.files.unpack import STANDARD_INPUT, standard_input
from beadwork.model.plates.compatibility import COMPATIBILITY, RECORDED

SCHEMA = 1


def input_record(path: str | Path, digest: str | None = None) -> dict[str, str]:
    """Name (without folders) and checksum of one input file."""
    if str(path) == STANDARD_INPUT:
        return {"name": STANDARD_INPUT, "digest": digest or digest_bytes(standard_input())}
    return {"name": Path(path).name, "digest": digest or digest_file(path)}


def make_provenance(
    command: str,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Iterable[Mapping[str, str]]],
    earlier: Iterable[Mapping[str, Any]] = (),
    tables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Record of a step.

    Parameters
    ----------
    command
        Subcommand that made the file.
    parameters
        Parameters that the result depends on (a parameter model's ``model_dump(mode="json")``).
    inputs
        By role, the records of the input files (see :func:`input_record`).
    earlier
        Provenance of the input matrices; their steps become this record's history, each step once.
    tables
        Shipped tables that were used and are not as they ship, with their checksums.
    """
    history: list[dict[str, Any]] = []
    for record in earlier:
        if not record:
            continue
        own = {key: value for key, value in record.items() if key != "history"}
        history += [step for step in [*record.get("history", ()), own] if step not in history]
    return {
        "schema": SCHEMA,
        "software": "beadwork",
        "version": __version__,
        "command": command,
        **({"compatibility": COMPATIBILITY[command]} if command in RECORDED else {}),
        "parameters": dict(parameters),
        "inputs": {role: [dict(item) for item in items] for role, items in inputs.items()},
        **({"tables": dict(tables)} if tables else {}),
        "history": history,
    }
