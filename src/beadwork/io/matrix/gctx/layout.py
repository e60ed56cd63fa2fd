"""The tree of a GCTX file; nothing else knows the names within one.

``docs/reference/formats/levels.md`` describes it.  On disk a matrix is (columns, rows): one sample after the other.
"""

from __future__ import annotations

DATA = "0/DATA/0/matrix"
ROW, COL = "0/META/ROW", "0/META/COL"
ID = "id"
TREE = "/0"
"""All of a matrix lies below it."""
VERSION_ATTRIBUTE, VERSION = "version", "GCTX1.0"
LEVEL, SPACE, PROVENANCE = "beadwork_level", "beadwork_space", "beadwork_provenance"
"""Attributes of the root that are ours; a file with the last one was written by beadwork."""
RELEASE = "beadwork_version"
"""Attribute of a released matrix, which has ids only."""
SLASH = "\N{DIVISION SLASH}"
"""Stands for "/" in the name of a field, which HDF5 would take for a group."""


def stored_name(field: str) -> str | None:
    """Name of a field's dataset; None if GCTX can hold no field of this name."""
    key = f"{ID}_" if field == ID else field.replace("/", SLASH)  # the ids themselves stand under "id"
    return None if key in ("", ".") or "\0" in key else key


def field_name(path: str) -> str:
    """Name of a field by its place below its group; writers of others let "/" make a group within it."""
    return path.replace(SLASH, "/")
