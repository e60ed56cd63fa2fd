"""Raw beads of a plate, and the bead set that says which genes they measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

N_ANALYTES = 500
CALIBRATORS: tuple[str, ...] = tuple(f"CAL{number:02d}" for number in range(1, 11))


@dataclass(frozen=True, eq=False)
class BeadPlate:
    """Beads of one plate as flat arrays, ready for compiled loops.

    Beads of well w are ``analyte[offsets[w]:offsets[w + 1]]`` and ``reporter[...]`` likewise, in no promised order
    within a well.

    Parameters
    ----------
    det_plate
        Name of the plate.
    wells
        Well names ``A01`` in plate order, shape (W,).
    offsets
        int64, shape (W + 1,).
    analyte
        int16, shape (beads,): 1..500.  Unclassified beads (RID 0) are not kept.
    reporter
        uint32, shape (beads,): RP1, fluorescence intensity.
    bad_wells
        Wells that could not be used, with the reason in words: columns well, reason.
    digests
        Checksum of each well's file by well, for provenance; empty if there were no files.
    """

    det_plate: str
    wells: tuple[str, ...]
    offsets: np.ndarray
    analyte: np.ndarray
    reporter: np.ndarray
    bad_wells: pd.DataFrame
    digests: dict[str, str]

    def __post_init__(self) -> None:
        assert len(self.offsets) == len(self.wells) + 1, "offsets must have one entry more than wells"
        assert len(self.analyte) == len(self.reporter) == self.offsets[-1], "flat arrays must match the offsets"

    @property
    def n_wells(self) -> int:
        """Number of wells with beads."""
        return len(self.wells)


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
