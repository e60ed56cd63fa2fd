"""Plates with known truth, bead by bead, as real wells are.

Everything but the beads is planned first (:func:`plan_study`): mechanisms, perturbagens, plate maps, the true
expression of every gene in every well, bead counts.  Beads are then drawn well by well (:mod:`beadwork.simulate.draw`),
each from a generator of its own seeded by study, plate and well, so that a result depends neither on the number of
threads nor on what else was drawn.  What each number was measured on stands in
:class:`~beadwork.model.params.SimulateParams` and in ``docs/validation/simulator.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.model.beads.plate import BeadSet
from beadwork.model.errors import ParameterError
from beadwork.model.ids import distil_id, format_dose, sig_id, well_position
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.missing import MISSING_TEXT
from beadwork.model.params import SimulateParams
from beadwork.model.pert_types import NO_CELLS
from beadwork.simulate.expression import LEVEL_MAX, LEVEL_MIN, cell_expression, programme, treatment_effect
from beadwork.simulate.generators import generator
from beadwork.simulate.layout import POSCONS, choose_wells, plan_perturbagens

FAULTS = ("absent", "empty", "truncated", "few beads", "dark")
"""Ways in which a well can be bad."""

N_MARKERS = 50
"""Genes in each of the two sets of a planted mechanism."""

# Calibration curve of a median well, LISS-scaled log2 = a * (log2 FI)^b + k: fitted to NORM against GEX of TEST_A375
_CURVE_A, _CURVE_B, _CURVE_K = 0.777, 1.292, -6.131
_CURVE_MIDDLE = 10.0
_PROGRAMME_SIZES = np.array([1.5, 1.0, 0.7])  # nuisance programmes, relative to shared_noise
_REACH = 2.0  # wells over which spatial noise falls to 1/e
_BLANK_LOG2_FI, _BLANK_SD = 6.05, 0.15
_CALIBRATOR_SD, _CALIBRATOR_WELL_SD = 0.2, 0.12


@dataclass(frozen=True, eq=False)
class SimulatedPlate:
    """One plate of a study, all but its beads.

    Parameters
    ----------
    det_plate, brew_prefix, cell_id
        Names.
    number
        Position of the plate in its study, which seeds its beads.
    wells
        Well names, shape (W,).
    plate_map
        Plate map as a laboratory has it, one row per well.
    log2_fi
        True log2 FI, float64, shape (genes, W), genes as in the bead set.
    calibrators
        True log2 FI of CAL01..CAL10, shape (10, W).
    beads_mean
        Expected beads per analyte, shape (W,).
    faults
        What is wrong with a well (one of :data:`FAULTS`) or an empty string, shape (W,).
    """

    det_plate: str
    brew_prefix: str
    cell_id: str
    number: int
    wells: tuple[str, ...]
    plate_map: pd.DataFrame
    log2_fi: np.ndarray
    calibrators: np.ndarray
    beads_mean: np.ndarray
    faults: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Study:
    """Simulated plates and their truth.

    Parameters
    ----------
    bead_set, ratio
        Bead set, and beads of a hi gene for each of its lo gene.
    plates
        Plates in order.
    signatures
        True effects (level 5): log2 fold change against vehicle after LISS, genes by sig_id, space LM.
    siginfo
        One row per signature: sig_id, brew_prefix, cell_id, pert_*, moa (planted mechanism), strength, is_active.
    mechanisms
        Planted effect of each mechanism that all cell lines share, unit root mean square, genes by mechanism.
    """

    params: SimulateParams
    bead_set: BeadSet
    ratio: float
    plates: tuple[SimulatedPlate, ...]
    signatures: Matrix
    siginfo: pd.DataFrame
    mechanisms: pd.DataFrame

    def true_gex(self, plate: SimulatedPlate) -> Matrix:
        """Return the true GEX (level 2) of a plate: linear FI of every gene and well."""
        cols = plate.plate_map.set_axis([distil_id(plate.det_plate, well) for well in plate.wells], axis=0)
        return Matrix(np.exp2(plate.log2_fi), self.bead_set.genes, cols.assign(fault=plate.faults), Level.GEX, Space.LM)

    def markers(self, sign: int) -> dict[str, list[str]]:
        """Genes that each mechanism moves most, up (`sign` 1) or down (-1), as gene sets of Entrez ids."""
        return {
            str(name): (sign * effect).sort_values(ascending=False, kind="stable").index[:N_MARKERS].tolist()
            for name, effect in self.mechanisms.items()
        }


def plan_study(
    bead_set: BeadSet,
    ratio: float,
    calibrator_levels: Sequence[float],
    params: SimulateParams = SimulateParams(),  # noqa: B008 (frozen)
) -> Study:
    """Plan all plates of a study; nothing but the beads remains to be drawn.

    Parameters
    ----------
    bead_set
        Which genes the analytes carry.
    ratio
        Mixing ratio of the bead batch, hi : lo.
    calibrator_levels
        LISS reference levels of CAL01..CAL10, log2.

    Raises
    ------
    ParameterError
        More plates than names, or cell lines that no plate name can hold.
    """
    _check(params)
    genes = bead_set.genes.index
    layout = choose_wells(params.wells)
    n_compounds = -(-sum(role == "treatment" for role in layout.values()) // params.doses)
    n_mechanisms = params.mechanisms or max(2, round(n_compounds * (1 - params.inactive) / 4))
    names = [name for _, _, name, _ in POSCONS.values()]
    names = (names + [f"mechanism {number:02d}" for number in range(5, n_mechanisms + 1)])[: max(n_mechanisms, 4)]
    mechanisms = pd.DataFrame({name: programme(params.seed, "mechanism", name, len(genes)) for name in names}, genes)

    plates: list[SimulatedPlate] = []
    effects: dict[str, np.ndarray] = {}
    infos: list[dict[str, object]] = []
    calibrator_offset = generator(params.seed, "calibrators").normal(0, _CALIBRATOR_SD, (10, 1))
    anchors = np.asarray(calibrator_levels, dtype=float)[:, None] + calibrator_offset
    for number in range(params.plates):
        brew, replicate = divmod(number, params.replicates)
        pert_plate, cell = divmod(brew, len(params.cells))
        cell_id = params.cells[cell]
        brew_prefix = f"SIM{pert_plate + 1:03d}_{cell_id}_{params.pert_time:g}H"
        det_plate = f"{brew_prefix}_X{replicate + 1}_{params.bead_batch.upper()}"
        perturbagens = plan_perturbagens(params, layout, pert_plate, n_compounds, names[:n_mechanisms])
        base = cell_expression(params.seed, cell_id, len(genes))
        for pert_id, dose, row in _conditions(perturbagens):
            name = sig_id(brew_prefix, pert_id, dose)
            if name not in effects:
                effects[name] = treatment_effect(params, row, cell_id, base, mechanisms)
                infos.append({"sig_id": name, "brew_prefix": brew_prefix, "cell_id": cell_id} | _info(row))
        plates.append(_plan_plate(params, perturbagens, effects, base, anchors,
                                  det_plate, brew_prefix, cell_id, number, pert_plate))  # fmt: skip
    siginfo = pd.DataFrame(infos)
    signatures = Matrix(
        np.column_stack(list(effects.values())), bead_set.genes, siginfo.set_index("sig_id", drop=False), None, Space.LM
    )
    return Study(params, bead_set, ratio, tuple(plates), signatures, siginfo, mechanisms)


def _check(params: SimulateParams) -> None:
    brews = -(-params.plates // params.replicates)
    if -(-brews // len(params.cells)) > 999:
        raise ParameterError(f"parameter plates: {params.plates} plates need more than 999 sets of perturbagens")
    for cell_id in params.cells:
        if not cell_id or not all(part.isalnum() or part in ".-" for part in cell_id) or not cell_id.isascii():
            raise ParameterError(
                f"parameter cells: {cell_id!r} cannot stand in a plate name; letters, digits, '.' and '-' are allowed"
            )
    if len(set(params.cells)) < len(params.cells):
        raise ParameterError("parameter cells: a cell line is named twice")


def _conditions(perturbagens: pd.DataFrame) -> list[tuple[str, float, pd.Series]]:
    """Conditions of a plate that make a signature, each once."""
    kept = perturbagens[perturbagens["pert_type"] != NO_CELLS]
    return [
        (row["pert_id"], row["pert_dose"], row) for _, row in kept.drop_duplicates(["pert_id", "pert_dose"]).iterrows()
    ]


def _info(row: pd.Series) -> dict[str, object]:
    dose = row["pert_dose"]
    return {
        "pert_id": row["pert_id"], "pert_iname": row["pert_iname"], "pert_type": row["pert_type"], "pert_dose": dose,
        "pert_dose_unit": "um" if np.isfinite(dose) else np.nan, "moa": row["moa"] or np.nan,
        "strength": row["full"], "is_active": int(row["full"] > 0),
    }  # fmt: skip


def _plan_plate(
    params: SimulateParams, perturbagens: pd.DataFrame, effects: dict[str, np.ndarray], base: np.ndarray,
    anchors: np.ndarray, det_plate: str, brew_prefix: str, cell_id: str, number: int, pert_plate: int,
) -> SimulatedPlate:  # fmt: skip
    rng = generator(params.seed, "plate", number)
    wells = tuple(perturbagens.index)
    n_wells, n_genes = len(wells), len(base)
    place = np.array([well_position(well) for well in wells])
    edge = (place[:, 0] % 15 == 0) | (place[:, 1] % 23 == 0)

    # biology, LISS-scaled log2: vehicle level + plate + effect + programmes that vary from well to well + gene noise
    gene_sd = params.gene_noise * np.exp(0.35 * generator(params.seed, "gene noise").normal(size=n_genes))
    level = np.repeat((base + 0.5 * gene_sd * rng.normal(size=n_genes))[:, None], n_wells, axis=1)
    for column, (pert_id, dose) in enumerate(zip(perturbagens["pert_id"], perturbagens["pert_dose"], strict=True)):
        effect = effects.get(sig_id(brew_prefix, pert_id, dose))
        if effect is not None:
            level[:, column] += effect * np.exp(0.15 * rng.normal())
    programmes = np.column_stack([programme(params.seed, "nuisance", str(k), n_genes) for k in range(3)])
    noise_scale = np.where(edge, 1.15, 1.0)
    shared = rng.normal(size=(3, n_wells))
    if params.spatial_share > 0:
        smooth = _smooth_fields(generator(params.seed, "places", number), place, 3)
        shared = np.sqrt(1 - params.spatial_share) * shared + np.sqrt(params.spatial_share) * smooth
    level += params.shared_noise * programmes @ (_PROGRAMME_SIZES[:, None] * shared * noise_scale)
    level += gene_sd[:, None] * rng.normal(size=(n_genes, n_wells)) * noise_scale
    reference = perturbagens["pert_type"].to_numpy() == NO_CELLS
    if reference.any():
        rna = cell_expression(params.seed, "MCF7", n_genes)[:, None]
        level[:, reference] = rna + 0.5 * gene_sd[:, None] * rng.normal(size=(n_genes, int(reference.sum())))

    # well: its calibration curve
    shift = rng.normal(0, params.well_shift, n_wells)
    slope = rng.normal(1, params.well_slope, n_wells)
    bend = rng.normal(0, params.well_bend, n_wells)
    log2_fi = _measure(np.clip(level, LEVEL_MIN, LEVEL_MAX), shift, slope, bend)
    calibrators = _measure(np.clip(anchors, LEVEL_MIN, LEVEL_MAX) + np.zeros(n_wells), shift, slope, bend)
    calibrators = calibrators + rng.normal(0, _CALIBRATOR_WELL_SD, calibrators.shape)

    faults = rng.choice([*FAULTS], n_wells)
    faults = np.where(rng.random(n_wells) < params.bad_wells, faults, "")
    blank = (np.array(wells) == "A01") & reference | (faults == "dark")
    log2_fi = np.where(blank, rng.normal(_BLANK_LOG2_FI, _BLANK_SD, log2_fi.shape), log2_fi)
    calibrators = np.where(blank, rng.normal(_BLANK_LOG2_FI, _BLANK_SD / 2, calibrators.shape), calibrators)
    beads = params.beads_mean * np.exp(params.beads_well_spread * rng.normal(size=n_wells)) * np.where(edge, 0.95, 1)
    beads = np.where(faults == "few beads", 0.01, 1.0) * beads

    plate_map = pd.DataFrame({
        "rna_plate": f"SIM{pert_plate + 1:03d}_{cell_id}_{params.pert_time:g}H_X{number % params.replicates + 1}",
        "rna_well": wells, "pert_id": perturbagens["pert_id"], "pert_iname": perturbagens["pert_iname"],
        "pert_type": perturbagens["pert_type"], "pert_dose": perturbagens["pert_dose"].map(format_dose),
        "pert_dose_unit": np.where(perturbagens["pert_dose"].notna(), "um", ""), "pert_time": f"{params.pert_time:g}",
        "pert_time_unit": "h", "cell_id": cell_id,
    }).replace("", MISSING_TEXT).reset_index(drop=True)  # fmt: skip
    return SimulatedPlate(
        det_plate, brew_prefix, cell_id, number, wells, plate_map, log2_fi, calibrators, beads, tuple(faults.tolist())
    )


def _smooth_fields(rng: np.random.Generator, place: np.ndarray, count: int) -> np.ndarray:
    """Draw standard normal fields over the plate whose correlation falls as exp(-distance / _REACH): (count, wells)."""
    distance = np.sqrt(((place[:, None] - place[None]) ** 2).sum(axis=2))
    factor = np.linalg.cholesky(np.exp(-distance / _REACH) + 1e-9 * np.eye(len(place)))
    return rng.normal(size=(count, len(place))) @ factor.T


def _measure(level: np.ndarray, shift: np.ndarray, slope: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Log2 FI that a well shows for a LISS-scaled level: the inverse of LISS, with the curve of each well."""
    median = ((level - _CURVE_K) / _CURVE_A) ** (1 / _CURVE_B) - _CURVE_MIDDLE
    return np.maximum(_CURVE_MIDDLE + shift + slope * median + bend * (median**2 - 1), _BLANK_LOG2_FI - 0.5)
