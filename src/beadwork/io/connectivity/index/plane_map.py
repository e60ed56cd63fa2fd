"""The map of an index: a place in the plane for each signature, in a file beside what scores are made from."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from beadwork.io.files.atomic import atomic_path
from beadwork.io.files.digest import digest_bytes
from beadwork.model.errors import IndexStoreError

NAME = "map.npz"
MARGIN = 0.02
STEPS = 65534
"""Steps of a coordinate; 65535 would be "no place"."""


def signatures_key(sig_ids: Sequence[str]) -> str:
    """Name the signatures of an index, in their order."""
    return digest_bytes("\n".join(sig_ids).encode())


def write_map(path: Path, places: np.ndarray, sig_ids: Sequence[str], made: dict[str, Any]) -> None:
    """Write places, scaled to 0 to 65534 with one scale for both directions, in the middle, with a margin."""
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    size = max(1e-9, float(np.ptp(places, axis=0).max())) * (1 + 2 * MARGIN)
    scaled = np.round(((places - middle) / size + 0.5) * STEPS).astype("<u2")
    with atomic_path(path / NAME) as temporary, temporary.open("wb") as file:
        np.savez(file, x=scaled[:, 0], y=scaled[:, 1], key=signatures_key(sig_ids), made=json.dumps(made))


def read_map(path: Path, sig_ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x and y, uint16.

    Raises
    ------
    IndexStoreError
        There is no map, it is damaged, or of other signatures than the index has now.
    """
    file = path / NAME
    if not file.is_file():
        raise IndexStoreError(f"{path.name} has no map; `beadwork index layout {path.name}` makes one")
    try:
        with np.load(file, allow_pickle=False) as found:
            x, y, key = found["x"], found["y"], str(found["key"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        raise IndexStoreError(f"{file.name} is damaged; `beadwork index layout {path.name}` makes it anew") from None
    if key != signatures_key(sig_ids) or len(x) != len(sig_ids):
        words = f"the map is of other signatures than {path.name} has now"
        raise IndexStoreError(f"{words}; `beadwork index layout {path.name}` makes it anew")
    return x, y
