"""Names of LXB files and of what holds them, as scanners and GEO write them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from beadwork.model.ids import parse_well

ENDING = re.compile(r"\.lxb(\.gz)?$", re.IGNORECASE)
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")
_ACCESSION = re.compile(r"^GSM[0-9]+_", re.IGNORECASE)
_ARCHIVE = re.compile(r"(\.tar|\.tar\.gz|\.tgz|\.zip)$", re.IGNORECASE)

_PLAIN_FOLDERS = frozenset({"lxb", "lxbs", "lxb_files", "raw", "raw_data", "data", "beads", "level1", "level_1"})


def split_name(name: str) -> tuple[str, str | None]:
    """Plate and well of a file name; None where it does not end in a well.

    GEO puts the accession of the sample before a name; it is no part of the plate's.

    >>> split_name("PLATE_A01.lxb"), split_name("GSM123_PLATE_A01.lxb.gz"), split_name("A01.lxb")
    (('PLATE', 'A01'), ('PLATE', 'A01'), ('', 'A01'))
    """
    plate, _, last = _ACCESSION.sub("", ENDING.sub("", name)).rpartition("_")
    return plate, parse_well(last)


def is_lxb(name: str) -> bool:
    """Whether a base name is one of an LXB file, hidden files (those of macOS too) left out."""
    return bool(ENDING.search(name)) and not name.startswith(".")


def is_archive(name: str) -> bool:
    """Whether a base name is one of an archive that can be read, hidden files left out."""
    return name.lower().endswith(ARCHIVES) and not name.startswith(".")


def holder_name(path: str) -> str:
    """Name of the plate that a folder or archive is called after, without GEO's accession; empty if after none.

    A folder that says only what it holds (``lxb``, ``raw``) is passed over for the one above.

    >>> holder_name("raw/GSM123_PLATE.tar.gz"), holder_name("PLATE/lxb"), holder_name("lxb")
    ('PLATE', 'PLATE', '')
    """
    for part in reversed(PurePosixPath(path.replace("\\", "/")).parts):
        name = _ACCESSION.sub("", _ARCHIVE.sub("", part))
        if name.strip("./") and name.lower() not in _PLAIN_FOLDERS:
            return name
    return ""
