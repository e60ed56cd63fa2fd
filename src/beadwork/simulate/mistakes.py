"""Mistakes of people with plates, planted in simulated studies: maps laid wrongly, plates swapped, other bead sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from beadwork.kernels.plates.placements import placements
from beadwork.model.beads.plate import BeadSet
from beadwork.model.ids import WELLS_384, distil_id
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.simulate.study import SimulatedPlate, Study

MISTAKES = (
    "map one row down", "map one row up", "map one column right", "map one column left", "rotated 180",
    "swapped, other compounds", "swapped, other cell", "swapped, other cell and compounds", "another cell line",
    "a cell line from elsewhere", "wrong bead set", "all replicates one row down", "all replicates rotated",
)  # fmt: skip
"""Kinds of mistakes that :func:`plant` knows."""
CALLER_SD, CALLER_SWAPS = 0.10, 0.03
"""Error of the peak caller: standard deviation of log2, and share of pairs whose genes are swapped."""


def plate_columns(plate: SimulatedPlate) -> pd.DataFrame:
    """Annotation of the wells of a plate, by its own map."""
    index = pd.Index([distil_id(plate.det_plate, well) for well in plate.wells], dtype=object)
    fields = {"det_plate": plate.det_plate, "det_well": plate.wells, "brew_prefix": plate.brew_prefix,
              "bead_set": "dp52,dp53"}  # fmt: skip
    return plate.plate_map.set_axis(index, axis=0).assign(**fields).replace("-666", np.nan)


def called_gex(study: Study, plate: SimulatedPlate, rng: np.random.Generator) -> Matrix:
    """Add the error of a peak caller, as measured on simulated beads, to the true GEX of a plate."""
    values = plate.log2_fi + rng.normal(0, CALLER_SD, plate.log2_fi.shape)
    genes = study.bead_set.genes.reset_index(names="gene")
    halves = {half: group for half, group in genes.groupby("pr_bset_id")}
    pairs = halves[study.bead_set.hi].merge(halves[study.bead_set.lo], on="pr_analyte_num")
    position = pd.Series(range(len(genes)), index=genes["gene"].tolist())
    hi, lo = position[pairs["gene_x"]].to_numpy(), position[pairs["gene_y"]].to_numpy()
    swap = rng.random((len(hi), values.shape[1])) < CALLER_SWAPS
    values[hi], values[lo] = np.where(swap, values[lo], values[hi]), np.where(swap, values[hi], values[lo])
    return Matrix(np.exp2(values), study.bead_set.genes, plate_columns(plate), Level.GEX, Space.LM)


def _relabel(gex: Matrix, labels: pd.DataFrame) -> Matrix:
    """Give the wells of a matrix other labels (index det_well); wells without one leave."""
    fields = ["pert_id", "pert_iname", "pert_type", "pert_dose", "pert_dose_unit"]
    wells = gex.cols["det_well"].to_numpy()
    keep = np.isin(wells, labels.index)
    kept = gex.take_cols(keep)
    cols = kept.cols.copy()
    cols[fields] = labels.loc[wells[keep], fields].to_numpy()
    return replace(kept, cols=cols)


def lay(gex: Matrix, name: str) -> Matrix:
    """Let the map of a plate lie wrongly."""
    place = placements()[name]
    labels = gex.cols.set_index("det_well")
    rows = {
        well: labels.loc[WELLS_384[place[at]]]
        for at, well in enumerate(WELLS_384)
        if place[at] >= 0 and WELLS_384[place[at]] in labels.index
    }
    return _relabel(gex, pd.DataFrame(rows).T)


def rename(gex: Matrix, like: Matrix) -> Matrix:
    """Let the beads of one plate stand under the name and map of another."""
    labels = like.cols.set_index("det_well")
    moved = _relabel(gex, labels)
    wells = moved.cols["det_well"]
    whole = {name: like.cols[name].iloc[0] for name in ("det_plate", "brew_prefix", "cell_id")}
    cols = moved.cols.assign(**whole)
    cols.index = pd.Index([distil_id(whole["det_plate"], well) for well in wells], dtype=object)
    return replace(moved, cols=cols)


def wrong_set(gex: Matrix, other: BeadSet) -> Matrix:
    """Name the genes of each analyte by another bead set."""
    keys = list(zip(other.genes["pr_analyte_num"], other.genes["pr_bset_id"] == other.hi, strict=True))
    own = {
        key: at for at, key in enumerate(zip(gex.rows["pr_analyte_num"], gex.rows["pr_bset_id"] == "dp52", strict=True))
    }
    order = [own[key] for key in keys if key in own]
    rows = other.genes[[key in own for key in keys]]
    return Matrix(gex.values[order], rows, gex.cols, Level.GEX, Space.LM if len(rows) == 978 else None)


def plant(
    mistake: str,
    plates: dict[str, Matrix],
    free: Sequence[str],
    extra: Mapping[str, Matrix],
    other_set: BeadSet,
    rng: np.random.Generator,
) -> list[str]:
    """Plant one mistake on plates that are still sound; returns the plates that carry it.

    Parameters
    ----------
    mistake
        One of :data:`MISTAKES`.
    plates
        Level 2 by plate; changed in place.
    free
        Plates that carry no mistake yet.
    extra
        By plate, another replicate of its brew; and a plate of a cell line that the study has not, ``elsewhere``.
    other_set
        Bead set that the plates were not made with.
    """
    cell = {name: str(matrix.cols["cell_id"].iloc[0]) for name, matrix in plates.items()}
    brew = {name: str(matrix.cols["brew_prefix"].iloc[0]) for name, matrix in plates.items()}
    compounds = {name: brew[name].split("_")[0] for name in plates}
    order = [str(name) for name in rng.permutation(free)]

    def partner(first: str, same_cell: bool, same_compounds: bool) -> str | None:
        return next((name for name in order if name != first and (cell[name] == cell[first]) == same_cell
                     and (compounds[name] == compounds[first]) == same_compounds), None)  # fmt: skip

    if not order:
        return []
    first = order[0]
    if mistake.startswith("map"):
        way = {"row down": "one row down", "row up": "one row up", "column right": "one column to the right",
               "column left": "one column to the left"}[mistake.removeprefix("map one ")]  # fmt: skip
        plates[first] = lay(plates[first], f"shifted {way}")
        return [first]
    if mistake == "rotated 180":
        plates[first] = lay(plates[first], "rotated by 180 degrees")
        return [first]
    if mistake.startswith("swapped"):
        second = partner(first, "cell" not in mistake, "compounds" not in mistake)
        if second is None:
            return []
        plates[first], plates[second] = rename(plates[second], plates[first]), rename(plates[first], plates[second])
        return [first, second]
    if mistake == "another cell line":
        second = next(
            (name for name in plates if cell[name] != cell[first] and compounds[name] == compounds[first]), None
        )
        if second is None:
            return []
        plates[first] = rename(extra[second], plates[first])
        return [first]
    if mistake == "a cell line from elsewhere":
        plates[first] = rename(extra["elsewhere"], plates[first])
        return [first]
    if mistake == "wrong bead set":
        plates[first] = wrong_set(plates[first], other_set)
        return [first]
    members = [name for name in plates if brew[name] == brew[first]]
    if any(name not in free for name in members):
        return []
    for name in members:
        plates[name] = lay(plates[name], "shifted one row down" if "down" in mistake else "rotated by 180 degrees")
    return members


def right(mistake: str, row: pd.Series) -> bool:
    """Whether the suspicion names what was planted."""
    if "cell" in mistake and not mistake.startswith("swapped"):
        return bool(row["fits_cell"])
    if mistake.startswith("swapped"):
        return bool(row["swapped_with"])
    if mistake == "wrong bead set":
        return bool(row["fits_bead_set"] == "epsilon-r2")  # what its beads are
    want = {"rotated 180": "rotated by 180 degrees", "all replicates rotated": "rotated by 180 degrees",
            "map one row up": "shifted one row up", "map one column right": "shifted one column to the right",
            "map one column left": "shifted one column to the left"}.get(mistake, "shifted one row down")  # fmt: skip
    return bool(row["map_fit"] == want)
