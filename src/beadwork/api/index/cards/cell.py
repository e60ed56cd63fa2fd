"""Show a cell: what was tried there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beadwork.api.index.cards.card import TOP, Card
from beadwork.api.index.cards.rows import by_amount, counted_perturbagens, rows_named, shared_fields, signature_rows
from beadwork.model.connectivity.annotation import CELL_FIELDS

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex


def show_cell(index: ConnectivityIndex, name: str) -> Card:
    """Show a cell: what was tried there, at which doses and times, and what acted most.

    Raises
    ------
    GeneSetError
        The index has no such cell.
    """
    import pandas as pd

    places = rows_named(index, "cell_id", name)
    table = signature_rows(index, places)
    facts = shared_fields(index, places, ("cell_id", *CELL_FIELDS))
    code = pd.Series(counted_perturbagens(index, places), table.index).where(lambda codes: codes >= 0)
    facts |= {"signatures": len(places), "perturbagens": int(code.nunique())}
    counts = table.assign(_code=code).groupby("pert_type", dropna=False)
    tried = counts.agg(n_signatures=("sig_id", "size"), n_perturbagens=("_code", "nunique")).reset_index()
    settings = table.groupby(["pert_itime", "pert_idose"], dropna=False).size().rename("n_signatures").reset_index()
    settings = settings.sort_values(["pert_itime", "pert_idose"], key=by_amount, kind="stable")
    known = table[table["tas"].notna()] if "tas" in table else table.head(0)
    strongest = known.sort_values("tas", ascending=False, kind="stable").head(2 * TOP) if len(known) else known
    return Card("cell", str(facts["cell_id"]), facts,
                {"tried": tried, "settings": settings, "strongest": strongest})  # fmt: skip
