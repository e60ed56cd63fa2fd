"""Draw the beads of planned plates, well by well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.beads.grouping import group_beads
from beadwork.kernels.numeric.ranks import MAD_TO_SD
from beadwork.model.beads.plate import N_ANALYTES, BeadPlate
from beadwork.model.ids import WELLS_384
from beadwork.simulate.generators import generator
from beadwork.simulate.study import SimulatedPlate, Study

# Robust sd of the beads of a gene by its log2 FI, measured on analytes whose genes lie more than 2.2 log2 apart
WIDTH_AT = np.array([6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0])
WIDTH_LO = np.array([0.47, 0.38, 0.28, 0.23, 0.196, 0.174, 0.15, 0.127])
WIDTH_HI = np.array([0.50, 0.42, 0.34, 0.30, 0.27, 0.27, 0.25, 0.24])
_WIDTH_GENE_SD = 0.19
DIM_LOG2 = 2.5  # mean fall of a dim bead
T_TO_ROBUST = 0.94  # scale of a t with 6.5 degrees of freedom whose robust sd is 1
# A calibrator carries several genes: robust sd within a well of CAL01..CAL10, as measured
_CALIBRATOR_WIDTHS = np.array([1.89, 0.61, 1.93, 1.08, 0.84, 0.62, 0.84, 0.74, 0.96, 0.52])
_CALIBRATOR_GENES = 5


@dataclass(frozen=True, eq=False)
class Platform:
    """What the beads of all wells of a study share."""

    analytes: np.ndarray
    hi_rows: np.ndarray
    lo_rows: np.ndarray
    gene_analyte: np.ndarray
    gene_is_hi: np.ndarray
    gene_width: np.ndarray
    abundance: np.ndarray
    share: np.ndarray
    calibrator_spread: np.ndarray


def make_platform(study: Study) -> Platform:
    """Draw what is particular to analytes and not to wells: abundance, share of the hi gene, widths."""
    params, genes = study.params, study.bead_set.genes
    rng = generator(params.seed, "platform")
    analytes = np.arange(11, N_ANALYTES + 1)
    rows = {
        half: pd.Series(np.flatnonzero(genes["pr_bset_id"] == getattr(study.bead_set, half)),
                        genes["pr_analyte_num"][genes["pr_bset_id"] == getattr(study.bead_set, half)])
        .reindex(analytes).fillna(-1).to_numpy(int)
        for half in ("hi", "lo")
    }  # fmt: skip
    share = study.ratio / (1 + study.ratio) + rng.normal(0, params.share_spread, len(analytes))
    spread = rng.normal(size=(10, _CALIBRATOR_GENES))
    spread -= np.median(spread, axis=1, keepdims=True)
    spread /= MAD_TO_SD * np.median(np.abs(spread), axis=1, keepdims=True) + 0.5
    return Platform(
        analytes, rows["hi"], rows["lo"], genes["pr_analyte_num"].to_numpy(),
        (genes["pr_bset_id"] == study.bead_set.hi).to_numpy(),
        params.bead_width * np.exp(_WIDTH_GENE_SD * rng.normal(size=len(genes))),
        np.exp(params.beads_analyte_spread * rng.normal(size=len(analytes)) - params.beads_analyte_spread**2 / 2),
        np.clip(share, 0, 1), spread * _CALIBRATOR_WIDTHS[:, None] * 1.4,
    )  # fmt: skip


def draw_well(
    study: Study, plate: SimulatedPlate, well: int, platform: Platform | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the beads of one well.

    Parameters
    ----------
    well
        Position of the well in ``plate.wells``.
    platform
        Result of :func:`make_platform`; made anew if None.

    Returns
    -------
    tuple of numpy.ndarray
        Analyte (uint16; 0 for unclassified beads) and reporter (uint32, FI), shape (beads,), sorted by analyte.
    """
    params = study.params
    platform = platform or make_platform(study)
    rng = generator(params.seed, "beads", plate.number, WELLS_384.index(plate.wells[well]))
    mean = plate.beads_mean[well]
    if plate.faults[well] == "empty":
        return np.zeros(0, np.uint16), np.zeros(0, np.uint32)

    beads = rng.poisson(mean * platform.abundance)
    hi = rng.binomial(beads, platform.share)
    counts = np.zeros(len(plate.log2_fi), dtype=np.int64)
    for rows, number in ((platform.hi_rows, hi), (platform.lo_rows, beads - hi)):
        counts[rows[rows >= 0]] = number[rows >= 0]
    level = plate.log2_fi[:, well]
    width = np.where(platform.gene_is_hi, np.interp(level, WIDTH_AT, WIDTH_HI), np.interp(level, WIDTH_AT, WIDTH_LO))
    calibrator_counts = rng.poisson(mean * params.calibrator_beads / _CALIBRATOR_GENES, platform.calibrator_spread.size)
    calibrator_level = plate.calibrators[:, [well]] + platform.calibrator_spread

    all_counts = np.concatenate([counts, calibrator_counts])
    all_level = np.concatenate([level, calibrator_level.ravel()])
    all_width = np.concatenate([width * platform.gene_width, np.full(calibrator_counts.size, 0.22)]) * T_TO_ROBUST
    all_analyte = np.concatenate([platform.gene_analyte, np.repeat(np.arange(1, 11), _CALIBRATOR_GENES)])
    order = np.argsort(all_analyte, kind="stable")
    all_counts = all_counts[order]
    n_beads = int(all_counts.sum())
    log2_fi = np.repeat(all_level[order], all_counts)
    noise = rng.standard_t(params.bead_df, n_beads)
    above = noise > 0
    noise[above] = as_normal(noise[above], params.bead_df)
    log2_fi += np.repeat(all_width[order], all_counts) * noise
    dim = np.flatnonzero(rng.random(n_beads) < params.dim_beads)
    log2_fi[dim] -= rng.exponential(DIM_LOG2, len(dim))
    reporter = np.exp2(np.clip(log2_fi, 0, 29)) + 0.5

    # strays: the intensity of some bead of the well; dark ones: none
    fate = rng.random(n_beads)
    stray = np.flatnonzero(fate < params.outliers)
    if n_beads:
        reporter[stray] = reporter[rng.integers(0, n_beads, len(stray))]
    reporter[fate > 1 - params.dark_beads] = 0

    share = np.clip(rng.normal(params.unclassified, 0.1 * params.unclassified), 0, 0.9)
    n_unknown = rng.poisson(n_beads * share / (1 - share)) if n_beads else 0
    unknown = reporter[rng.integers(0, n_beads, n_unknown)] * np.exp2(0.5 * rng.normal(size=n_unknown))
    unknown[rng.random(n_unknown) < 0.05] = 0
    analyte = np.concatenate([np.zeros(n_unknown, np.uint16), np.repeat(all_analyte[order], all_counts)])
    return analyte.astype(np.uint16), np.concatenate([unknown, reporter]).astype(np.uint32)


def as_normal(values: np.ndarray, df: float) -> np.ndarray:
    """Turn values of a t distribution (above 0) into values of a normal one (Wallace 1959), same spread at the middle.

    Real beads have a heavy tail below their gene, but none to speak of above it.
    """
    return (8 * df + 1) / (8 * df + 3) * np.sqrt(df * np.log1p(values**2 / df)) / T_TO_ROBUST


def simulate_beads(study: Study, plate: SimulatedPlate, *, threads: int = 1) -> BeadPlate:
    """Draw the beads of a whole plate, as the reader would return them from its files.

    Unclassified beads are left out; wells that are absent, empty or truncated are listed as bad.
    """
    from beadwork.kernels.numeric.threads import run_chunks

    platform = make_platform(study)
    lost = ("absent", "empty", "truncated")
    used = [well for well, fault in enumerate(plate.faults) if fault not in lost]
    drawn = run_chunks(
        lambda start, _stop: group_beads(*draw_well(study, plate, used[start], platform), N_ANALYTES),
        len(used),
        threads=threads,
    )
    bad = [(well, fault) for well, fault in zip(plate.wells, plate.faults, strict=True) if fault in lost]
    bad_wells = pd.DataFrame(bad, columns=["well", "reason"])
    return BeadPlate.from_wells(plate.det_plate, [plate.wells[well] for well in used], drawn, bad_wells)
