"""Shipped tables that were edited, by checksum.  Standard library only: runs are planned with it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from beadwork.io.platform.folder import resources_folder
from beadwork.model.plates.compatibility import SHIPPED


@cache
def edited_tables(folder: Path | None = None) -> dict[str, str]:
    """Those shipped tables whose content is not what ships, with their checksums.

    Parameters
    ----------
    folder
        Where the tables are; by default the folder of this installation.
    """
    found = {}
    for name, shipped in SHIPPED.items():
        path = (folder or resources_folder()) / name
        digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() if path.is_file() else "not there"
        if digest != shipped:
            found[name] = digest
    return found
