"""Which beads of a plate are drawn, with what was called and fitted: tables for the figures of deconvolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from beadwork.model.errors import AlignmentError, ParameterError, name_some
from beadwork.views.figures import CURVE_AT, BeadPanel

if TYPE_CHECKING:
    from beadwork.model.beads.plate import BeadPlate
    from beadwork.model.matrix import Matrix

N_PANELS = 6


@dataclass(frozen=True, eq=False)
class CalledPlate:
    """Values of a plate (log2 FI) with the uncertainties and odds of its method, if it gives any.

    ``sd`` and ``odds`` have the genes and wells of ``gex``; ``pairs`` one row for each analyte with two genes: rows
    ``hi`` and ``lo`` of its genes, by analyte.
    """

    gex: Matrix
    log2: np.ndarray
    sd: np.ndarray | None
    odds: np.ndarray | None
    shares: np.ndarray | None
    widths: np.ndarray | None
    splits: np.ndarray | None
    pairs: pd.DataFrame
    ambiguous_odds: float

    @property
    def name(self) -> str:
        """Name of the plate."""
        cols = self.gex.cols
        return str(cols["det_plate"].iloc[0]) if "det_plate" in cols else self.gex.cids[0].split(":")[0]

    @property
    def has_uncertainty(self) -> bool:
        """Whether uncertainties and odds are known."""
        return self.sd is not None and self.odds is not None

    @property
    def wells(self) -> list[str]:
        """Names of the wells."""
        return self.gex.cids.str.split(":").str[-1].tolist()


def called_plate(gex: Matrix, sd: Matrix | None = None, odds: Matrix | None = None) -> CalledPlate:
    """Line up what deconvolution wrote of one plate.

    Raises
    ------
    AlignmentError
        A matrix lacks genes or wells of `gex`.
    """

    def aligned(matrix: Matrix | None, name: str) -> Matrix | None:
        if matrix is None:
            return None
        lost = gex.rids.difference(matrix.rids).tolist() + gex.cids.difference(matrix.cids).tolist()
        if lost:
            raise AlignmentError(f"--{name}: lacks {name_some(lost)} of GEX; give what was written with it")
        return matrix.take_rows(gex.rids).take_cols(gex.cids)

    uncertainty, sure = aligned(sd, "sd"), aligned(odds, "odds")
    shape = ("bead_share", "bead_width", "bead_split")
    fitted = (
        uncertainty.rows[list(shape)].to_numpy(float).T
        if uncertainty is not None and set(shape) <= set(uncertainty.rows)
        else None
    )
    shares, widths, splits = (None, None, None) if fitted is None else fitted
    rows = gex.rows.assign(position=np.arange(len(gex.rids)))
    duo = rows[rows["pr_analyte_num"].duplicated(keep=False)]
    halves = duo["pr_bset_id"].drop_duplicates().tolist()
    table = duo.assign(pr_analyte_num=duo["pr_analyte_num"].astype(int)).pivot(
        index="pr_analyte_num", columns="pr_bset_id", values="position"
    )
    recorded = (sure.provenance or {}).get("parameters", {}) if sure is not None else {}
    return CalledPlate(
        gex,
        np.log2(np.maximum(gex.values.astype(float), 1)),
        None if uncertainty is None else uncertainty.values.astype(float),
        None if sure is None else sure.values.astype(float),
        shares,
        widths,
        splits,
        table[halves].set_axis(["hi", "lo"], axis=1) if len(halves) == 2 else pd.DataFrame(columns=["hi", "lo"]),
        float(recorded["ambiguous_odds"]) if "ambiguous_odds" in recorded else _usual_odds(),
    )


def _usual_odds() -> float:
    from beadwork.model.params import DeconvolveParams

    return DeconvolveParams().ambiguous_odds


def pair_table(plate: CalledPlate) -> pd.DataFrame:
    """How sure each pair is over the wells: gap (log2), sd (log2), and the share of wells in which it is ambiguous."""
    assert plate.sd is not None and plate.odds is not None
    hi, lo = (plate.pairs[name].to_numpy(int) for name in ("hi", "lo"))
    largest = np.fmax(plate.sd[hi], plate.sd[lo])
    return pd.DataFrame(
        {
            "gap": np.median(np.abs(plate.log2[hi] - plate.log2[lo]), axis=1),
            "sd": np.nan_to_num(np.nanmedian(np.where(np.isnan(largest), 15.0, largest), axis=1)),
            "ambiguous": (np.nan_to_num(plate.odds[hi], nan=1.0) < plate.ambiguous_odds).mean(axis=1),
        },
        index=plate.pairs.index,
    )


def typical_well(gex: Matrix, wells: pd.DataFrame) -> str:
    """Kept well whose mean bead count is nearest to the median of the plate; of equals, the first."""
    there = gex.cids.str.split(":").str[-1]
    kept = wells.loc[wells.index.isin(there) & (wells["fate"] == "kept"), "count_mean"].dropna()
    if kept.empty:
        return str(there[0])
    return str((kept - kept.median()).abs().sort_values(kind="stable").index[0])


def graded_analytes(plate: CalledPlate, beads: BeadPlate, well: str) -> dict[int, str]:
    """Six analytes of a well, from genes far apart to genes on top of each other, and the one with fewest beads."""
    at = well_position(plate, well)
    hi, lo = (plate.pairs[name].to_numpy(int) for name in ("hi", "lo"))
    gaps = pd.Series(np.abs(plate.log2[hi, at] - plate.log2[lo, at]), index=plate.pairs.index)
    gaps = gaps.sort_index().sort_values(kind="stable")
    counts = pd.Series({analyte: len(beads_of(beads, well, analyte)) for analyte in gaps.index})
    share = {"far apart": 0.95, "typical": 0.6, "near": 0.3, "very near": 0.1, "on top of each other": 0.0}
    analytes = gaps.index.astype(int).tolist()
    chosen = {analytes[round(part * (len(gaps) - 1))]: words for words, part in share.items()}
    fewest = analytes[int(counts.to_numpy().argmin())]
    return chosen | {fewest: "fewest beads" if fewest not in chosen else f"{chosen[fewest]}, fewest beads"}


def worst_analytes(plate: CalledPlate) -> dict[int, str]:
    """Pairs whose values are least sure over the plate, the worst first."""
    table = pair_table(plate).sort_values(["sd", "ambiguous"], ascending=False, kind="stable").head(N_PANELS)
    shares = zip(table.index.astype(int).tolist(), table["ambiguous"], strict=True)
    return {analyte: f"ambiguous in {100 * share:.0f} % of wells" for analyte, share in shares}


def find_analytes(plate: CalledPlate, names: Sequence[str]) -> dict[int, str]:
    """Analytes by number, or by symbol or id of one of their genes.

    Raises
    ------
    ParameterError
        No pair has that name.
    """
    from beadwork.io.platform.gene_names import gene_resolver

    rows = plate.gex.rows
    symbols = rows["pr_gene_symbol"].astype(str) if "pr_gene_symbol" in rows else pd.Series("", index=rows.index)
    found = {}
    for name in names:
        gene = gene_resolver().resolve([name], suggest=False)[0].gene or name
        same = (symbols.str.upper() == name.upper()) | (rows.index == gene)
        numbers = rows.loc[same, "pr_analyte_num"].astype(int).tolist() or ([int(name)] if name.isdecimal() else [])
        known = [number for number in numbers if number in plate.pairs.index]
        if not known:
            raise ParameterError(f"--analyte {name}: no analyte with two genes has this number, gene symbol or id")
        found[known[0]] = ""
    return found


def well_position(plate: CalledPlate, well: str) -> int:
    """Column of a well.

    Raises
    ------
    ParameterError
        The plate has no such well.
    """
    if well not in plate.wells:
        raise ParameterError(f"--well {well}: GEX has no such well; it has {name_some(plate.wells)}")
    return plate.wells.index(well)


def bead_panels(plate: CalledPlate, beads: BeadPlate, well: str, analytes: Mapping[int, str]) -> list[BeadPanel]:
    """Beads of some analytes in one well, with the values called and, if there are any, components and posterior."""
    from beadwork.kernels.beads.mixture.densities import WIDTHS, peak_density

    at = well_position(plate, well)
    symbols = plate.gex.rows["pr_gene_symbol"] if "pr_gene_symbol" in plate.gex.rows else plate.gex.rids.to_series()
    analytes_of_plate, halves = plate.pairs.index.tolist(), plate.pairs[["hi", "lo"]].to_numpy()
    panels = []
    for analyte, words in analytes.items():
        reporter = beads_of(beads, well, analyte)
        rows = [int(row) for row in halves[analytes_of_plate.index(analyte)]]
        curves = []
        if plate.shares is not None and plate.widths is not None and plate.splits is not None:
            for row in rows:
                subpopulations = [
                    peak_density(2.0 ** (0.5 * CURVE_AT), plate.log2[row, at] + shift, WIDTHS, plate.widths[row])[0]
                    for shift in (plate.splits[row], -plate.splits[row])
                ]
                curves.append(len(reporter) * plate.shares[row] * 0.5 * (subpopulations[0] + subpopulations[1]))
        panels.append(
            BeadPanel(
                f"analyte {analyte}" + (f", {words}" if words else ""),
                np.log2(np.maximum(reporter, 1)),
                {str(symbols.iloc[row]): float(plate.log2[row, at]) for row in rows},
                () if plate.sd is None else tuple(float(plate.sd[row, at]) for row in rows),
                tuple(curves),
                None if plate.odds is None else float(plate.odds[rows[0], at]),
            )
        )
    return panels


def beads_of(beads: BeadPlate, well: str, analyte: int) -> np.ndarray:
    """Intensities of the beads of one analyte in one well."""
    if well not in beads.wells:
        raise ParameterError(f"--lxb: has no beads of well {well}; give the beads that GEX was made of")
    starts = beads.starts[beads.wells.index(well)]
    return beads.reporter[starts[analyte - 1] : starts[analyte]]
