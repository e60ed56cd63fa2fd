"""Compounds that do what was asked for in several cells, at doses that matter; and what is against each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from beadwork.model.connectivity.annotation import MECHANISM_FIELDS
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import agree, counted
from beadwork.model.params import RepurposingParams
from beadwork.model.pert_types import COMPOUND, rolled_up_as
from beadwork.model.quantities import MICROMOLAR, plain_unit, read_quantity

if TYPE_CHECKING:
    import pandas as pd

SCORES = ("pert_iname", "passes", "score", "n_cells_agree", "n_cells", "n_agree", "n_signatures", "lowest_dose_um")
WEAK = 0.2
"""TAS below which a signature hardly differs from no effect."""


def repurposing_table(
    siginfo: SignatureTable,
    ncs: np.ndarray,
    shown: np.ndarray | None = None,
    params: RepurposingParams = RepurposingParams(),  # noqa: B008 (frozen)
    only: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compounds by how consistently they do what was asked for.

    Parameters
    ----------
    ncs
        Score of each signature; above 0 is what is wanted (of a reversed question: reverses).
    shown
        Signatures that pass the filters.
    only
        Names of the compounds that are asked for; None for all.

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
    if only is not None:
        asked = set(only)
        kept &= np.array([*(text in asked for text in texts), False], bool)[names]
    rows = np.flatnonzero(kept if shown is None else kept & shown)
    fields = [name for name in MECHANISM_FIELDS if name in siginfo]
    cells, tas, doses = siginfo.coded("cell_id")[0][rows], siginfo.numbers("tas")[rows], doses_um(siginfo)[rows]
    scores = ncs[rows].astype(float)
    found = []
    if not len(rows):
        return pd.DataFrame(columns=[*SCORES, *fields, "against"])
    order = np.argsort(names[rows], kind="stable")
    codes, starts = np.unique(names[rows][order], return_index=True)
    for code, places in zip(codes.tolist(), np.split(order, starts[1:]), strict=True):
        own = np.sort(places)
        first = siginfo.take(rows[own[:1]], fields).to_pylist()[0] if fields else {}
        facts = _facts(cells[own], doses[own], scores[own], tas[own], params)
        found.append({"pert_iname": texts[code], **facts, **first})
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


def _facts(
    cells: np.ndarray, doses: np.ndarray, scores: np.ndarray, tas: np.ndarray, params: RepurposingParams
) -> dict[str, object]:
    within = ~(doses > params.max_dose)
    by_cell = _medians(cells[within], scores[within])[1]
    n_within, n_agree, n_cells = int(within.sum()), int((scores[within] > 0).sum()), len(by_cell)
    cells_agree = int((by_cell > 0).sum())
    dose, by_dose = _medians(doses[~np.isnan(doses)], scores[~np.isnan(doses)])
    agreeing = dose[by_dose > 0]
    share = n_agree / n_within if n_within else 0.0
    words = []
    if not n_within:
        words.append(f"tried above {params.max_dose:g} uM only")
    elif cells_agree < n_cells:
        words.append(f"not so in {n_cells - cells_agree} of {counted(n_cells, 'cell')}")
    if 0 < n_cells < params.min_cells:
        words.append(f"{counted(n_cells, 'cell')} only")
    if n_within and share < params.min_share:
        n = n_within - n_agree
        words.append(f"{n} of {counted(n_within, 'signature')} {agree(n, 'says')} the opposite or nothing")
    if not len(dose):
        words.append("no dose known")
    elif (by_dose > 0).any() and (by_dose <= 0).any():
        words.append(f"not at {', '.join(f'{one:g}' for one in dose[by_dose <= 0])} uM")
    strength = tas[~np.isnan(tas)]
    if len(strength) and np.median(strength) < WEAK:
        words.append(f"weak (median TAS {np.median(strength):.2f})")
    passes = cells_agree >= params.min_cells and cells_agree >= params.min_share * n_cells and share >= params.min_share
    return {
        "passes": int(passes), "score": float(np.median(by_cell)) if n_cells else np.nan, "n_cells_agree": cells_agree,
        "n_cells": n_cells, "n_agree": n_agree, "n_signatures": n_within,
        "lowest_dose_um": float(agreeing.min()) if len(agreeing) else np.nan, "words": words,
    }  # fmt: skip


def _medians(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys, ascending, and the median of the values of each."""
    order = np.lexsort([values, keys])
    distinct, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    ascending = values[order]
    return distinct, (ascending[starts + (counts - 1) // 2] + ascending[starts + counts // 2]) / 2


def _status(row: dict[str, object]) -> list[str]:
    """Say what the clinical phase has against a compound."""
    phase = row.get("clinical_phase")
    if phase is None:
        return ["clinical phase not known"]
    return [] if str(phase) == "Launched" else [f"phase: {phase}"]
