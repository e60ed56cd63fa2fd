"""Which plates lie in a folder: folders and archives of LXB files, and tables beside them that may be their maps."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from beadwork.io.beads.names import holder_name, is_archive, is_lxb, split_name
from beadwork.io.beads.sources import Lost, find_sources
from beadwork.model.errors import FileError, name_some

MAP_ENDINGS = (".map", ".map.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz", ".tab", ".tab.gz")
PEEKED = 64 << 20
"""Archives of more bytes are not read to their end, if their first LXB file is of the plate that they are called
after: to list the names of a packed archive is to unpack it."""


class LeftOut(NamedTuple):
    """A file, archive or plate that cannot be used, and why."""

    name: str
    reason: str


@dataclass
class FoundPlate:
    """LXB files of one plate in one place.

    Attributes
    ----------
    source
        The folder or archive.
    files
        File names by well.
    partial
        Whether there may be further files, in an archive that was not read to its end.
    named_by_file
        Whether the file names say the plate, or else what holds them.
    """

    det_plate: str
    source: Path
    files: dict[str, list[str]] = field(default_factory=dict)
    partial: bool = False
    named_by_file: bool = True


@dataclass
class Findings:
    """What a folder holds: plates by name and source, tables by their name without ending, and the rest."""

    plates: dict[tuple[str, Path], FoundPlate] = field(default_factory=dict)
    tables: dict[str, list[Path]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


def find_plates(root: Path) -> Findings:
    """Look through a folder and all below it, or through one archive.

    Raises
    ------
    FileError
        No such folder, or a file that is no archive.
    """
    found = Findings()
    if root.is_file():
        if not is_archive(root.name):
            raise FileError(f"{root}: a folder with LXB files or archives of them, or one archive, is needed")
        _look_into(root, root, found)
        return found
    if not root.is_dir():
        raise FileError(f"{root}: no such folder; check the name")
    for folder, names in _walk(root, found):
        wells = [name for name in names if is_lxb(name)]
        if wells:
            within = folder.absolute().relative_to(
                root.absolute().parent
            )  # no folder above says what a plate is called
            _add(found, folder, root, ((name, "") for name in wells), holder_name(str(within)))
        for name in names:
            lower = name.lower()
            if is_archive(name):
                _look_into(folder / name, root, found)
            elif lower.endswith(MAP_ENDINGS) and not name.startswith("."):
                ending = max((end for end in MAP_ENDINGS if lower.endswith(end)), key=len)
                found.tables.setdefault(name[: -len(ending)], []).append(folder / name)
    return found


def _walk(root: Path, found: Findings) -> Iterator[tuple[Path, list[str]]]:
    """Folders and the names of their files, in order; links are followed, but no folder is seen twice."""

    def failed(error: OSError) -> None:
        found.left_out.append(LeftOut(_short(Path(error.filename or root), root), f"cannot be read ({error.strerror})"))

    seen: set[str] = set()
    for folder, folders, names in os.walk(root, onerror=failed, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        real = os.path.realpath(folder)
        if real in seen:
            folders[:] = []
            continue
        seen.add(real)
        yield Path(folder), sorted(names)


def _short(path: Path, root: Path) -> str:
    """Name of a file within the folder that is looked through."""
    return path.name if path == root else str(path.relative_to(root))


def _look_into(path: Path, root: Path, found: Findings) -> None:
    """Add the plates of an archive."""
    label = _short(path, root)
    partial = False
    lost: list[Lost] = []

    def names() -> Iterator[tuple[str, str, str]]:
        nonlocal partial
        with ExitStack() as stack:
            for source in find_sources(path, stack, lambda name, holder: False, lost.append):
                if not is_lxb(source.name):
                    continue
                yield source.name, source.holder, source.within
                if path.stat().st_size > PEEKED and split_name(source.name)[0] == holder_name(path.name):
                    partial = True
                    return

    try:
        everything = list(names())
    except FileError as error:
        found.left_out.append(LeftOut(label, str(error).removeprefix(f"{path}: ")))
        return
    # what a damaged archive shows of its files is not all of them
    damaged = {item.label for item in lost}
    listed = [(name, holder) for name, holder, within in everything if within not in damaged]
    for item in lost:
        found.left_out.append(LeftOut(item.label.replace(str(path), label, 1), _why(item)))
    if not everything and not lost:
        found.left_out.append(LeftOut(label, "holds no .lxb or .lxb.gz files"))
        return
    _add(found, path, root, listed, holder_name(path.name), partial)


def _why(lost: Lost) -> str:
    return str(lost.error).removeprefix(f"{lost.label}: ")


def _add(
    found: Findings, source: Path, root: Path, names: Iterable[tuple[str, str]], outer: str, partial: bool = False
) -> None:
    """Add files of a folder or archive, by base name and what holds them within, to their plates."""
    label = _short(source, root) if source.is_file() else ""
    plates: dict[str, FoundPlate] = {}
    for name, holder in names:
        plate, well = split_name(name)
        shown = f"{label}: {name}" if label else _short(source / name, root)
        if well is None:
            reason = "its name does not end in a well, as PLATE_A01.lxb does"
            found.left_out.append(LeftOut(shown, reason))
            continue
        det_plate = plate or holder or outer
        if not det_plate:
            found.left_out.append(
                LeftOut(shown, "its name says the well, but neither it nor its folder says the plate")
            )
            continue
        item = plates.setdefault(det_plate, FoundPlate(det_plate, source, {}, partial, bool(plate)))
        item.files.setdefault(well, []).append(name)
        item.named_by_file &= bool(plate)
    for item in plates.values():
        where = label or _short(source, root)
        for well, files in sorted(item.files.items()):
            if len(files) > 1:
                reason = f"well {well} has {len(files)} files ({name_some(sorted(files))}); keep the right one"
                found.left_out.append(LeftOut(f"{where}: {item.det_plate}", reason))
        found.plates[item.det_plate, source] = item
