"""Places of signatures on a map, beside the index that they are of: ``map.npz``.

Two uint16 a signature, and the checksum of the values that they were made from; a map of others is none.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from beadwork.io.connectivity.index.layout import MAP
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.files.atomic import atomic_path
from beadwork.model.errors import IndexStoreError


def write_positions(store: IndexStore, positions: np.ndarray, made: Mapping[str, Any]) -> Path:
    """Write the map of an index; it appears by rename.

    Parameters
    ----------
    positions
        uint16, shape (signatures, 2).
    made
        How it was made.
    """
    path = store.path / MAP
    facts = json.dumps({**made, "digest": store.digest_of_values}, sort_keys=True)
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, positions=positions, facts=np.frombuffer(facts.encode(), np.uint8))
    return path


def read_positions(store: IndexStore) -> tuple[np.ndarray, dict[str, Any]]:
    """Read the map of an index: positions, and how they were made.

    Raises
    ------
    IndexStoreError
        There is none, or it is of another state of the index, or damaged.
    """
    path = Path(store.path) / MAP
    command = f"`beadwork index layout {os.path.basename(store.path)}` makes it"
    if not path.is_file():
        raise IndexStoreError(f"the index has no map; {command}")
    try:
        with np.load(path, allow_pickle=False) as found:
            positions, facts = found["positions"], json.loads(found["facts"].tobytes())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise IndexStoreError(f"{MAP}: damaged ({' '.join(str(error).split())[:80]}); {command} anew") from None
    if facts.get("digest") != store.digest_of_values or positions.shape != (store.n_signatures, 2):
        raise IndexStoreError(f"the map is of an older state of the index; {command} anew")
    return np.asarray(positions, np.uint16), facts
