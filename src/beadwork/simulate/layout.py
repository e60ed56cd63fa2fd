"""What the wells of a simulated plate hold: controls as on real plates, compounds in doses."""

from __future__ import annotations

import numpy as np
import pandas as pd

from beadwork.model.ids import WELLS_384
from beadwork.model.params import SimulateParams
from beadwork.model.pert_types import COMPOUND, NO_CELLS, POSCON, VEHICLE
from beadwork.simulate.generators import generator

REFERENCE_RNA = {"A01": ("CMAP-001", "BO"), "A02": ("CMAP-002", "RMCF7"), "B01": ("CMAP-003", "PMCF7"),
                 "B02": ("CMAP-002", "RMCF7")}  # fmt: skip
"""Wells of reference RNA (pert_type lma_x): A01 is blank, the others are MCF7."""

POSCONS = {
    "A03": ("BRD-K81418486", "vorinostat", "HDAC inhibitor", 3.4),
    "A04": ("BRD-A61304759", "tanespimycin", "HSP inhibitor", 2.4),
    "B03": ("BRD-A79768653", "sirolimus", "MTOR inhibitor", 1.5),
    "B04": ("BRD-K21680192", "mitoxantrone", "topoisomerase inhibitor", 3.6),
}
"""Positive controls by well: id, name, mechanism, and strength relative to a median compound."""

_DMSO_BLOCKS = ((("A", "B"), range(5, 7)), (("F",), range(7, 13)), (("J",), range(13, 19)), (("N",), range(19, 25)))
VEHICLE_WELLS = tuple(f"{row}{column:02d}" for rows, columns in _DMSO_BLOCKS for row in rows for column in columns)
"""Wells of DMSO on a full plate."""


def choose_wells(n_wells: int) -> dict[str, str]:
    """Wells of a plate and what each holds: ``lma``, ``poscon``, ``vehicle`` or ``treatment``, in plate order.

    A full plate is laid out as LJP009 was; a smaller one keeps controls of every kind and the first treatment wells.
    """
    n_lma = 4 if n_wells >= 96 else 2 if n_wells >= 20 else 0
    n_poscon = 4 if n_wells >= 16 else 1
    n_vehicle = min(len(VEHICLE_WELLS), max(4, round(n_wells * len(VEHICLE_WELLS) / 384) + 2))
    roles = dict.fromkeys(list(REFERENCE_RNA)[:n_lma], "lma") | dict.fromkeys(list(POSCONS)[:n_poscon], "poscon")
    roles |= dict.fromkeys(VEHICLE_WELLS[:n_vehicle], "vehicle")
    reserved = {*REFERENCE_RNA, *POSCONS, *VEHICLE_WELLS}
    free = [well for well in WELLS_384 if well not in reserved]
    roles |= dict.fromkeys(free[: n_wells - len(roles)], "treatment")
    return {well: roles[well] for well in WELLS_384 if well in roles}


def plan_perturbagens(
    params: SimulateParams, layout: dict[str, str], pert_plate: int, n_compounds: int, mechanisms: list[str]
) -> pd.DataFrame:
    """One row per well: what it was treated with (index well)."""
    rows: list[dict[str, object]] = []
    n_inactive = int(params.inactive * n_compounds)
    place = 0
    nothing = {"moa": "", "full": 0.0, "ec50": np.nan, "stress": 0.0, "pert_dose": np.nan}
    for well, role in layout.items():
        if role == "lma":
            pert_id, _ = REFERENCE_RNA[well]
            rows.append({**nothing, "pert_id": pert_id, "pert_iname": pert_id, "pert_type": NO_CELLS})
        elif role == "vehicle":
            rows.append({**nothing, "pert_id": "DMSO", "pert_iname": "DMSO", "pert_type": VEHICLE})
        elif role == "poscon":
            pert_id, name, moa, relative = POSCONS[well]
            full = params.strength * relative
            rows.append({"pert_id": pert_id, "pert_iname": name, "pert_type": POSCON, "moa": moa, "full": full,
                         "ec50": 0.5, "stress": 0.5, "pert_dose": 10.0})  # fmt: skip
        else:
            step = place % params.doses
            compound = pert_plate * n_compounds + place // params.doses
            rng = generator(params.seed, "compound", compound)
            full, ec50, stress = (
                params.strength * np.exp(params.strength_spread * rng.normal()),
                np.exp(rng.normal(-0.5, 1)),
                rng.normal(),
            )
            active = place // params.doses < n_compounds - n_inactive
            rows.append({
                "pert_id": f"SIM-C{compound + 1:05d}", "pert_iname": f"compound-{compound + 1}", "pert_type": COMPOUND,
                "moa": mechanisms[compound % len(mechanisms)] if active else "", "full": full if active else 0.0,
                "ec50": ec50, "stress": 0.3 + 0.3 * stress, "pert_dose": float(f"{params.top_dose / 3**step:.3g}"),
            })  # fmt: skip
            place += 1
    return pd.DataFrame(rows, index=pd.Index(layout))
