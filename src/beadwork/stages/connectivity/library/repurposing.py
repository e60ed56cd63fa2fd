"""Compounds that do what was asked for in several cells, at doses that matter; and what is against each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from beadwork.model.connectivity.annotation import MECHANISM_FIELDS
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.params import RepurposingParams
from beadwork.model.pert_types import COMPOUND, rolled_up_as
from beadwork.model.quantities import plain_unit, read_quantity

if TYPE_CHECKING:
    import pandas as pd

MICROMOLAR = {"pM": 1e-6, "nM": 1e-3, "uM": 1.0, "mM": 1e3, "M": 1e6}
SCORES = ("pert_iname", "passes", "score", "n_cells_agree", "n_cells", "n_agree", "n_signatures", "lowest_dose_um")
WEAK = 0.2
"""TAS below which a signature hardly differs from no effect."""


def repurposing_table(
    siginfo: SignatureTable,
    ncs: np.ndarray,
    shown: np.ndarray | None = None,
    params: RepurposingParams = RepurposingParams(),  # noqa: B008 (frozen)
) -> pd.DataFrame:
    """Compounds by how consistently they do what was asked for.

    Parameters
    ----------
    ncs
        Score of each signature; above 0 is what is wanted (of a reversed question: reverses).
    shown
        Signatures that pass the filters.

    Returns
    -------
    One row a compound: passes (1 if all limits are met), score (median over cells of the median within a cell, up to
    the dose limit), cells and signatures that agree, lowest_dose_um that agrees, mechanism fields, and against.
    """
    import pandas as pd

    kinds, types = siginfo.texts("pert_type")
    compound = np.array([*(rolled_up_as(kind) == COMPOUND for kind in types), False], bool)[kinds]
    names, texts = siginfo.texts("pert_iname")
    kept = compound & (names >= 0) & ~np.isnan(ncs)
    rows = np.flatnonzero(kept if shown is None else kept & shown)
    fields = [name for name in MECHANISM_FIELDS if name in siginfo]
    cells, tas = siginfo.coded("cell_id")[0][rows], siginfo.numbers("tas")[rows]
    frame = pd.DataFrame(
        {
            "name": names[rows],
            "cell": cells,
            "dose": doses_um(siginfo)[rows],
            "ncs": ncs[rows].astype(float),
            "tas": tas,
        }
    )
    found = []
    if not len(rows):
        return pd.DataFrame(columns=[*SCORES, *fields, "against"])
    order = np.argsort(names[rows], kind="stable")
    codes, starts = np.unique(names[rows][order], return_index=True)
    for code, places in zip(codes.tolist(), np.split(order, starts[1:]), strict=True):
        own = frame.iloc[np.sort(places)]
        first = siginfo.take(rows[own.index[:1].to_numpy()], fields).to_pylist()[0] if fields else {}
        found.append({"pert_iname": texts[code], **_facts(own, params), **first})
    for row in found:
        row["against"] = "; ".join([*row.pop("words"), *_status(row)])
    table = pd.DataFrame(found)[[*SCORES, *fields, "against"]]
    return table.sort_values(["passes", "score"], ascending=False, kind="stable").reset_index(drop=True)


def doses_um(siginfo: SignatureTable) -> np.ndarray:
    """Dose of each signature in micromolar; NaN where it is not known, or of another unit."""
    codes, texts = siginfo.texts("pert_idose") if "pert_idose" in siginfo else (np.full(len(siginfo), -1), [])
    numbers = []
    for text in texts:
        found = read_quantity(text)
        factor = MICROMOLAR.get(plain_unit(found.unit))
        numbers.append(np.nan if found.number is None or factor is None else found.number * factor)
    doses: np.ndarray = np.array([*numbers, np.nan])[codes]
    return doses


def _facts(own: pd.DataFrame, params: RepurposingParams) -> dict[str, object]:
    within = own[~(own["dose"] > params.max_dose)]
    by_cell = within.groupby("cell")["ncs"].median()
    n_agree, n_cells = int((within["ncs"] > 0).sum()), len(by_cell)
    cells_agree = int((by_cell > 0).sum())
    by_dose = own.groupby("dose")["ncs"].median()
    agreeing = by_dose.index[by_dose > 0]
    share = n_agree / len(within) if len(within) else 0.0
    words = []
    if not len(within):
        words.append(f"tried above {params.max_dose:g} uM only")
    elif cells_agree < n_cells:
        words.append(f"not so in {n_cells - cells_agree} of {n_cells} cells")
    if 0 < n_cells < params.min_cells:
        words.append(f"{n_cells} cell{'' if n_cells == 1 else 's'} only")
    if len(within) and share < params.min_share:
        words.append(f"{len(within) - n_agree} of {len(within)} signatures say the opposite or nothing")
    if own["dose"].isna().all():
        words.append("no dose known")
    elif (by_dose > 0).any() and (by_dose <= 0).any():
        words.append(f"not at {', '.join(f'{dose:g}' for dose in by_dose.index[by_dose <= 0])} uM")
    if own["tas"].notna().any() and own["tas"].median() < WEAK:
        words.append(f"weak (median TAS {own['tas'].median():.2f})")
    passes = cells_agree >= params.min_cells and cells_agree >= params.min_share * n_cells and share >= params.min_share
    return {
        "passes": int(passes), "score": float(by_cell.median()) if n_cells else np.nan, "n_cells_agree": cells_agree,
        "n_cells": n_cells, "n_agree": n_agree, "n_signatures": len(within),
        "lowest_dose_um": float(agreeing.min()) if len(agreeing) else np.nan, "words": words,
    }  # fmt: skip


def _status(row: dict[str, object]) -> list[str]:
    """Say what the clinical phase has against a compound."""
    phase = row.get("clinical_phase")
    if phase is None:
        return ["clinical phase not known"]
    return [] if str(phase) == "Launched" else [f"phase: {phase}"]
