"""Raw beads of a plate, and the bead set that says which genes they measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

N_ANALYTES = 500
CALIBRATORS: tuple[str, ...] = tuple(f"CAL{number:02d}" for number in range(1, 11))


class BeadStore:
    """Beads of wells behind each other in one array, which grows as they come: no plate is in memory twice."""

    GROWTH = 1 << 20

    def __init__(self) -> None:
        self._reporter = np.empty(0, dtype=np.uint32)
        self._used = 0

    def add(self, reporter: np.ndarray) -> int:
        """Put the beads of a well, uint32 of shape (beads,), behind the others; returns where they begin."""
        first, self._used = self._used, self._used + len(reporter)
        if self._used > len(self._reporter):
            self._reporter.resize(self._used + self.GROWTH, refcheck=False)
        self._reporter[first : self._used] = reporter
        return first

    def finish(self) -> np.ndarray:
        """All beads; nothing can be added any more."""
        reporter, self._reporter = self._reporter, np.empty(0, dtype=np.uint32)
        reporter.resize(self._used, refcheck=False)
        return reporter


@dataclass(frozen=True, eq=False)
class BeadPlate:
    """Beads of one plate in one flat array, grouped by well and analyte: what compiled loops want.

    Beads of well w and analyte a (1..500) are ``reporter[starts[w, a - 1]:starts[w, a]]``, in ascending order, so that
    nothing depends on the order in which the scanner saw them.

    Parameters
    ----------
    det_plate
        Name of the plate.
    wells
        Well names ``A01`` in plate order, shape (W,).
    starts
        int64, shape (W, 501).  The beads of one well lie together; those of different wells need not.
    reporter
        uint32, shape (beads,): RP1, fluorescence intensity.  Unclassified beads (RID 0) are not kept.
    bad_wells
        Wells that could not be used, with the reason in words: columns well (or file name, if that names no well)
        and reason.
    digests
        Checksum of each well's unpacked file by well, for provenance; empty if there were no files.
    """

    det_plate: str
    wells: tuple[str, ...]
    starts: np.ndarray
    reporter: np.ndarray
    bad_wells: pd.DataFrame
    digests: dict[str, str]

    def __post_init__(self) -> None:
        assert self.starts.shape == (len(self.wells), N_ANALYTES + 1), "starts must have 501 entries a well"
        assert self.starts.size == 0 or self.starts.max() <= len(self.reporter), "starts must lie within reporter"

    @classmethod
    def from_wells(
        cls,
        det_plate: str,
        wells: Sequence[str],
        beads: Sequence[tuple[np.ndarray, np.ndarray]],
        bad_wells: pd.DataFrame | None = None,
        digests: dict[str, str] | None = None,
    ) -> BeadPlate:
        """Join wells that are grouped already.

        Parameters
        ----------
        beads
            For each well the number of beads of each analyte, shape (500,), and the reporter values, uint32, by
            analyte and ascending within one (:func:`beadwork.kernels.beads.grouping.group_beads`).
        """
        store = BeadStore()
        first = [store.add(values) for _, values in beads]
        counts = [count for count, _ in beads]
        return cls.from_store(det_plate, wells, counts, first, store, bad_wells, digests)

    @classmethod
    def from_store(
        cls,
        det_plate: str,
        wells: Sequence[str],
        counts: Sequence[np.ndarray],
        first: Sequence[int],
        store: BeadStore,
        bad_wells: pd.DataFrame | None = None,
        digests: dict[str, str] | None = None,
    ) -> BeadPlate:
        """Make a plate of the wells of a store: number of beads of each analyte, (500,), and place of the first."""
        starts = np.zeros((len(wells), N_ANALYTES + 1), dtype=np.int64)
        starts[:, 1:] = np.cumsum(np.array(counts, dtype=np.int64).reshape(len(wells), N_ANALYTES), axis=1)
        starts += np.array(first, dtype=np.int64)[:, None]
        none = pd.DataFrame({"well": [], "reason": []}, dtype=object)
        bad = none if bad_wells is None else bad_wells
        reporter = store.finish()
        sizes = starts[:, -1] - starts[:, 0]
        if sizes.sum() < len(reporter):  # wells of other plates, or wells left out
            parts = [reporter[a:b] for a, b in zip(starts[:, 0], starts[:, -1], strict=True)]
            reporter = np.concatenate([reporter[:0], *parts])
            starts += (np.cumsum(sizes) - sizes - starts[:, 0])[:, None]
        return cls(det_plate, tuple(wells), starts, reporter, bad, digests or {})

    @property
    def n_wells(self) -> int:
        """Number of wells with beads."""
        return len(self.wells)

    @property
    def counts(self) -> np.ndarray:
        """Beads of each analyte, int64, shape (W, 500)."""
        return np.diff(self.starts, axis=1)

    def take_wells(self, keep: np.ndarray) -> BeadPlate:
        """Return the wells of a boolean mask, shape (W,); the beads are shared, not copied."""
        chosen = tuple(well for well, kept in zip(self.wells, keep, strict=True) if kept)
        digests = {well: self.digests[well] for well in chosen if well in self.digests}
        return replace(self, wells=chosen, starts=self.starts[np.asarray(keep, dtype=bool)], digests=digests)

    def well_beads(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Analyte (int16) and reporter (uint32) of all beads of one well, each of shape (beads of the well,)."""
        starts = self.starts[index]
        analyte = np.repeat(np.arange(1, N_ANALYTES + 1, dtype=np.int16), np.diff(starts))
        return analyte, self.reporter[starts[0] : starts[-1]]


@dataclass(frozen=True, eq=False)
class BeadSet:
    """Which genes the analytes of a bead set carry.

    Parameters
    ----------
    name
        ``epsilon-r2`` and the like.
    hi, lo
        Names of the two halves: the gene with about two thirds of an analyte's beads (dp52), and the other (dp53).
    genes
        One row per gene: index Entrez id (string); pr_analyte_num, pr_bset_id, pr_gene_symbol, pr_probe_id (CMap's
        probe name) and whatever else the table has; all hi genes by analyte, then all lo genes by analyte.
    """

    name: str
    hi: str
    lo: str
    genes: pd.DataFrame

    def analyte_genes(self, half: str) -> pd.Series:
        """Entrez ids of one half (``hi`` or ``lo``) indexed by analyte number."""
        chosen = self.genes[self.genes["pr_bset_id"] == getattr(self, half)]
        return pd.Series(chosen.index, index=chosen["pr_analyte_num"].astype(int))


@dataclass(frozen=True)
class BeadBatch:
    """What the batch table says of a bead batch."""

    name: str
    bead_set: str
    revision: str
    ratio: float

    @property
    def key(self) -> str:
        """Name of the bead set with its revision: ``epsilon-r2``."""
        return f"{self.bead_set}-{self.revision}"
