"""LXB files, the raw beads of one well: FCS 3.0 as the FlexMap 3D scanner writes it.

Where the events are and how wide they are, :mod:`beadwork.io.beads.fcs` finds out: one row per bead, one 32-bit
unsigned integer per channel.
"""

from __future__ import annotations

import gzip
import io
import logging
import zlib
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from beadwork.io.beads.fcs import BadFile, read_layout
from beadwork.io.beads.names import is_lxb, split_name
from beadwork.io.beads.sources import MAX_FILE, Lost, Source, find_sources, limited
from beadwork.io.files.digest import digest_bytes
from beadwork.kernels.beads.grouping import group_beads
from beadwork.model.beads.plate import N_ANALYTES, BeadPlate, BeadStore
from beadwork.model.errors import FileError, counted, name_some
from beadwork.model.ids import parse_well, well_position

log = logging.getLogger("beadwork")

CHANNELS: tuple[tuple[str, str, int], ...] = (
    ("RID", "Region ID", 32768),
    ("DDG", "DD Gate ID", 2),
    ("DBL", "Doublet", 2),
    ("DD", "Doublet Discriminator", 32768),
    ("RP1", "Reporter", 1073741824),
    ("RP1ATT", "Attenuated Reporter", 32768),
    ("CL1", "CL1", 32768),
    ("CL2", "CL2", 32768),
    ("CL3", "CL3", 32768),
    ("Aux1", "Auxiliary1", 32768),
    ("TIME", "TIME", 16777216),
)
"""Channels as the scanner writes them: name, description, range.  The reader takes them from each file instead."""

_TEXT_START, _TEXT_END, _DATA_START = 96, 1039, 13952


# ---- one file -------------------------------------------------------------------------------------------------------


def read_events(data: bytes, *, masked: bool = False, name: str = "LXB file") -> np.ndarray:
    """Read all channels of all events.

    Parameters
    ----------
    data
        The whole file, unpacked.
    masked
        Whether to keep only the bits that the range of a channel ($PnR) allows; the scanner leaves garbage in the
        upper bits of DDG.
    name
        How messages call the file.

    Returns
    -------
    numpy.ndarray
        Structured array, shape (events,), one field per channel.

    Raises
    ------
    FileError
        Not an LXB (FCS 3.0) file, or a damaged one.
    """
    try:
        layout = read_layout(data)
    except BadFile as error:
        raise FileError(f"{name}: {error}") from None
    events = np.frombuffer(data, layout.dtype, layout.n_events, layout.start)
    if not masked:
        return events
    events = events.copy()
    for channel in layout.dtype.names or ():
        span = layout.span(channel)
        if span is not None and 1 < span < 1 << 64:
            field = events[channel]
            field &= field.dtype.type(min((1 << (span - 1).bit_length()) - 1, np.iinfo(field.dtype).max))
    return events


_Read = tuple[np.ndarray, np.ndarray, str, str | None]
"""Counts and beads of one file, its checksum, and the well that the scanner noted."""


class _Well(NamedTuple):
    """What is kept of one file; its beads begin at `first` in the store."""

    counts: np.ndarray
    first: int
    digest: str
    sample: str | None


_Group = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def _read_well(data: bytes, group_beads: _Group = group_beads) -> _Read:
    """Beads of one file, grouped by analyte, with its checksum and the well that the scanner noted."""
    layout = read_layout(data)
    lacking = [name for name in ("RID", "RP1") if name not in (layout.dtype.names or ())]
    if lacking:
        raise BadFile(
            f"is not an LXB file: it has no channel {' and '.join(lacking)}, but {', '.join(layout.dtype.names or ())}"
        )
    if layout.n_events == 0:
        raise BadFile("holds no events")
    events = np.frombuffer(data, layout.dtype, layout.n_events, layout.start)
    analyte = np.ascontiguousarray(events["RID"])  # read twice
    span, largest = layout.span("RID"), int(analyte.max())
    if span is not None and largest >= span:
        raise BadFile(f"has region ids up to {largest:,}, beyond their range of {span:,}; its DATA begins elsewhere")
    counts, reporter = group_beads(analyte, events["RP1"], N_ANALYTES)
    sample = parse_well(text) if (text := layout.text.get("$SMNO")) else None
    return counts, reporter, digest_bytes(data), sample


# ---- a plate --------------------------------------------------------------------------------------------------------


def read_plate(
    path: str | Path, det_plate: str | None = None, *, threads: int = 1, wells: Collection[str] | None = None
) -> BeadPlate:
    """Read the LXB files of a plate.

    Parameters
    ----------
    path
        A folder, .tar, .tar.gz (.tgz) or .zip of files ``PLATE_A01.lxb``, ``GSM123_PLATE_A01.lxb`` (as GEO names them)
        or ``A01.lxb``, each maybe gzipped; archives may hold archives.  They are read in memory; nothing is unpacked to
        disk.
    det_plate
        Name of the plate; by default what the file names have before the well.  Where the files of several plates lie
        together, those of this plate are taken: by the names of the files or, where they say only the well, of the
        folders and archives within the archive.
    threads
        Number of threads; the result does not depend on it.
    wells
        Wells to read, by position; the files of others are not opened. None: all.

    Returns
    -------
    BeadPlate
        Wells in plate order.  A file that cannot be used (empty, truncated, foreign, damaged, its well twice) is left
        out and listed in ``bad_wells``.

    Raises
    ------
    FileError
        No such source, no LXB files in it, files of several plates, an unsafe archive, or a file whose name and whose
        content ($SMNO) name different wells.
    """
    group = group_beads
    if wells is None:  # for a few wells, loading what is compiled would take longer than they do without it
        from beadwork.kernels.beads.grouping_numba import group_beads as group
    path = Path(path)
    found: list[_Found] = []
    store = BeadStore()
    choice = _Choice(det_plate)
    ignored = 0
    lost: list[Lost] = []
    places: set[str] = set()

    def chosen(name: str, holder: str) -> bool:
        return (wells is None or split_name(name)[1] in wells) and choice.wants(name, holder)

    def keep(name: str, plate: str, future: Future[_Read | str]) -> None:
        result = future.result()
        if isinstance(result, str):
            found.append(_Found(name, plate, result))
        else:
            counts, reporter, digest, sample = result
            found.append(_Found(name, plate, _Well(counts, store.add(reporter), digest, sample)))

    with ExitStack() as stack, ThreadPoolExecutor(max(threads, 1)) as pool:
        waiting: deque[tuple[str, str, Future[_Read | str]]] = deque()
        for source in find_sources(path, stack, chosen, lost.append):
            if not is_lxb(source.name):
                ignored += 1
                continue
            if wells is not None and split_name(source.name)[1] not in wells:
                continue
            plate = choice.plate(source.name, source.holder)
            if not choice.wants(source.name, source.holder):
                found.append(_Found(source.name, plate, "is of another plate"))
                continue
            if plate == det_plate:
                places.add(source.within)
            waiting.append((source.name, plate, pool.submit(_try_well, source, group)))
            if len(waiting) > 4 * threads:
                keep(*waiting.popleft())
        while waiting:
            keep(*waiting.popleft())
    _check_lost(lost, det_plate, places)
    if ignored:
        log.info(
            "%s: %s ignored", path, counted(ignored, "file that is no LXB file is", "files that are not LXB files are")
        )
    if not found and wells is not None:
        raise FileError(f"{path}: has no beads of well {name_some(sorted(wells))}; give the beads that GEX was made of")
    if not found:
        raise FileError(f"{path}: holds no .lxb or .lxb.gz files; give the folder or archive that has them")
    plate, found = _choose_plate(path, det_plate, found)
    return _assemble(path, plate, found, store)


def _check_lost(lost: list[Lost], det_plate: str | None, places: set[str]) -> None:
    """Pass over damaged archives beside the one that holds the plate; any that may hold files of it is an error."""
    whole = det_plate is not None and len(places) == 1 and "" not in places
    for item in lost:
        if not whole or item.label in places or item.holder in ("", det_plate):
            raise item.error
        log.warning("%s; it is not that of %s and is passed over", item.error, det_plate)


class _Found(NamedTuple):
    """A file, the plate that its name says, and its beads or why there are none."""

    name: str
    plate: str
    well: _Well | str


class _Choice:
    """Which files are read: all, or those of one plate as soon as it is clear that there are others.

    Where all files are of one plate they are read whatever that is called.
    """

    def __init__(self, det_plate: str | None) -> None:
        self.det_plate = det_plate
        self.first: str | None = None
        self.seen = False

    def plate(self, name: str, holder: str) -> str:
        """Name of the plate that a file is of; empty where nothing says it."""
        plate = split_name(name)[0]
        return holder if not plate and holder == self.det_plate else plate

    def wants(self, name: str, holder: str) -> bool:
        """Whether a file is to be read."""
        if self.det_plate is None:
            return True
        if split_name(name)[1] is None:
            return False  # it will be listed; there is no well to put its beads
        plate = self.plate(name, holder)
        if plate == self.det_plate:
            self.seen = True
            return True
        if self.first is None:
            self.first = plate
        return not self.seen and plate == self.first


def _try_well(source: Source, group_beads: _Group = group_beads) -> _Read | str:
    """Beads of a file, or the reason why there are none."""
    try:
        data = source.load()
        if source.name.lower().endswith(".gz"):
            data = _unpack(data)
            if source.growth is not None:
                source.growth.add(data)
        return _read_well(data, group_beads)
    except BadFile as error:
        return str(error)


def _unpack(data: bytes) -> bytes:
    if not data:
        raise BadFile("is empty")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            unpacked = stream.read(MAX_FILE + 1)
    except EOFError:
        raise BadFile("is truncated: the gzip stream ends early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BadFile(f"is not a sound gzip file ({error})") from None
    return limited(unpacked)


def _choose_plate(path: Path, det_plate: str | None, found: list[_Found]) -> tuple[str, list[_Found]]:
    """Name of the plate, and its files."""
    prefixes = sorted({item.plate for item in found if split_name(item.name)[1]})
    if not prefixes:
        raise FileError(
            f"{path}: no file name ends in a well, as PLATE_A01.lxb does ({name_some(item.name for item in found)}); "
            "rename the files"
        )
    if det_plate is None:
        if len(prefixes) > 1:
            raise FileError(f"{path}: files of several plates ({name_some(prefixes)}); choose one with --plate")
        if not prefixes[0]:
            raise FileError(f"{path}: the file names say only the well; name the plate with --plate")
        return prefixes[0], found
    if len(prefixes) == 1:
        if prefixes[0] and prefixes[0] != det_plate:
            log.warning("%s: the files are named after %s; they are taken for %s", path, prefixes[0], det_plate)
        return det_plate, found
    if det_plate not in prefixes:
        raise FileError(f"{path}: files of several plates ({name_some(prefixes)}), but none of {det_plate}")
    chosen = [item for item in found if item.plate == det_plate]
    log.warning("%s: %s left out", path,
                counted(len(found) - len(chosen), "file of another plate is", "files of other plates are"))  # fmt: skip
    return det_plate, chosen


def _assemble(path: Path, det_plate: str, found: list[_Found], store: BeadStore) -> BeadPlate:
    """Put the wells in plate order and the rest on the list of bad wells."""
    files: dict[str, list[tuple[str, _Well | str]]] = {}
    bad: list[tuple[str, str]] = []
    for name, _, well in found:
        position = split_name(name)[1]
        if position is None:
            bad.append((name, "its name does not end in a well, as PLATE_A01.lxb does"))
        else:
            files.setdefault(position, []).append((name, well))
    wells, kept, digests, swapped = [], [], {}, []
    for position in sorted(files, key=well_position):
        if len(files[position]) > 1:
            names = sorted(name for name, _ in files[position])
            bad.append((position, f"has {len(names)} files ({name_some(names)}); keep the right one"))
            continue
        name, well = files[position][0]
        if isinstance(well, str):
            bad.append((position, f"{name} {well}"))
            continue
        if well.sample not in (None, position):
            swapped.append(f"{name} was read from well {well.sample}")
        wells.append(position)
        kept.append(well)
        digests[position] = well.digest
    if swapped:
        raise FileError(
            f"{path}: names and contents ($SMNO) disagree on the well: {name_some(swapped, 3)}; rename the files"
        )
    table = pd.DataFrame(bad, columns=["well", "reason"], dtype=object)
    counts, first = [well.counts for well in kept], [well.first for well in kept]
    return BeadPlate.from_store(det_plate, wells, counts, first, store, table, digests)


# ---- writing --------------------------------------------------------------------------------------------------------


def lxb_bytes(
    analyte: np.ndarray,
    reporter: np.ndarray,
    well: str,
    *,
    rng: np.random.Generator | None = None,
    scanner: str = "SIMULATED",
) -> bytes:
    """Write the beads of one well as an LXB file.

    Parameters
    ----------
    analyte
        RID, shape (beads,): 1..500, or 0 for a bead that the scanner could not classify.
    reporter
        RP1, shape (beads,): fluorescence intensity, 0..2^32 - 1.
    well
        ``A01`` or ``A1``; the file says ``A1`` as the scanner does.
    rng
        Shuffles the beads; None keeps their order, which then is the order of acquisition.
    scanner
        Serial number ($CYTSN).

    Returns
    -------
    bytes
        The whole file: header, TEXT at 96..1039, DATA from 13952, and the eight characters of an unused checksum.
    """
    n_beads = len(analyte)
    events = np.zeros((n_beads, len(CHANNELS)), dtype="<u4")
    order = slice(None) if rng is None else rng.permutation(n_beads)
    events[:, 0], events[:, 2], events[:, 4] = analyte[order], 1, reporter[order]
    events[:, 10] = np.arange(n_beads)
    end = _DATA_START + events.nbytes - 1
    keys: dict[str, object] = {"$TOT": f"{n_beads:010d}", "$BEGINANALYSIS": "0" * 10, "$ENDANALYSIS": "0" * 10}
    keys |= {"$BEGINDATA": f"{_DATA_START:010d}", "$ENDDATA": f"{end:010d}", "$BEGINSTEXT": "0" * 10}
    keys |= {"$ENDSTEXT": "0" * 10, "$BYTEORD": "1,2,3,4", "$DATATYPE": "I", "$MODE": "L", "$NEXTDATA": "0" * 10}
    keys["$PAR"] = len(CHANNELS)
    for number, (name, label, span) in enumerate(CHANNELS, start=1):
        keys |= {f"$P{number}B": 32, f"$P{number}E": "0.0,0.0", f"$P{number}R": span}
        keys |= {f"$P{number}N": name, f"$P{number}S": label}
    keys |= {"$TIMESTEP": "0.001000", "$SMNO": f"{well[0]}{int(well[1:])}", "$CYTSN": scanner}
    keys |= {"$CYT": "NextGen", "$OP": "beadwork"}
    text = "/" + "".join(f"{key}/{value}/" for key, value in keys.items())
    assert _TEXT_START + len(text) <= _TEXT_END + 1, "TEXT does not fit its segment"
    offsets = (_TEXT_START, _TEXT_END, _DATA_START, end, 0, 0)
    head = "FCS3.0    " + "".join(f"{offset:>8d}" for offset in offsets)
    return b"".join(((head.ljust(_TEXT_START) + text).ljust(_DATA_START).encode("ascii"), events.tobytes(), b"0" * 8))
