"""Plates with known truth, bead by bead, as real wells are.

Everything but the beads is planned first (:func:`plan_study`): mechanisms, perturbagens, plate maps, the true
expression of every gene in every well, bead counts.  Beads are then drawn well by well (:func:`draw_well`), each from
a generator of its own seeded by study, plate and well, so that a result depends neither on the number of threads nor on
what else was drawn.  What each number was measured on stands in :class:`~beadwork.model.params.SimulateParams` and in
``docs/validation/simulator.md``.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from beadwork.kernels.beads.grouping import group_beads
from beadwork.kernels.numeric.ranks import MAD_TO_SD
from beadwork.model.beads.plate import N_ANALYTES, BeadPlate, BeadSet
from beadwork.model.errors import ParameterError
from beadwork.model.ids import WELLS_384, distil_id, format_dose, sig_id, well_position
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.missing import MISSING_TEXT
from beadwork.model.params import SimulateParams
from beadwork.model.pert_types import COMPOUND, NO_CELLS, POSCON, VEHICLE

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

FAULTS = ("absent", "empty", "truncated", "few beads", "dark")
"""Ways in which a well can be bad."""

N_MARKERS = 50
"""Genes in each of the two sets of a planted mechanism."""

# Calibration curve of a median well, LISS-scaled log2 = a * (log2 FI)^b + k: fitted to NORM against GEX of TEST_A375
_CURVE_A, _CURVE_B, _CURVE_K = 0.777, 1.292, -6.131
_CURVE_MIDDLE = 10.0
# Expression of landmarks, LISS-scaled log2: QNORM of TEST_A375, median 8.4, sd 2.25; limits of a real plate
_LEVEL_MEAN, _LEVEL_SD, _CELL_SD = 8.4, 2.15, 1.15
_LEVEL_MIN, _LEVEL_MAX = 2.0, 14.6
_PROGRAMME_SIZES = np.array([1.5, 1.0, 0.7])  # nuisance programmes, relative to shared_noise
_REACH = 2.0  # wells over which spatial noise falls to 1/e
_BLANK_LOG2_FI, _BLANK_SD = 6.05, 0.15
# Robust sd of the beads of a gene by its log2 FI, measured on analytes whose genes lie more than 2.2 log2 apart
_WIDTH_AT = np.array([6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0])
_WIDTH_LO = np.array([0.47, 0.38, 0.28, 0.23, 0.196, 0.174, 0.15, 0.127])
_WIDTH_HI = np.array([0.50, 0.42, 0.34, 0.30, 0.27, 0.27, 0.25, 0.24])
_WIDTH_GENE_SD = 0.19
_DIM_LOG2 = 2.5  # mean fall of a dim bead
_T_TO_ROBUST = 0.94  # scale of a t with 6.5 degrees of freedom whose robust sd is 1
# A calibrator carries several genes: robust sd within a well of CAL01..CAL10, as measured
_CALIBRATOR_WIDTHS = np.array([1.89, 0.61, 1.93, 1.08, 0.84, 0.62, 0.84, 0.74, 0.96, 0.52])
_CALIBRATOR_GENES = 5
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


# ---- plan ----------------------------------------------------------------------------------------------------------


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
    mechanisms = pd.DataFrame({name: _programme(params.seed, "mechanism", name, len(genes)) for name in names}, genes)

    plates: list[SimulatedPlate] = []
    effects: dict[str, np.ndarray] = {}
    infos: list[dict[str, object]] = []
    calibrator_offset = _rng(params.seed, "calibrators").normal(0, _CALIBRATOR_SD, (10, 1))
    anchors = np.asarray(calibrator_levels, dtype=float)[:, None] + calibrator_offset
    for number in range(params.plates):
        brew, replicate = divmod(number, params.replicates)
        pert_plate, cell = divmod(brew, len(params.cells))
        cell_id = params.cells[cell]
        brew_prefix = f"SIM{pert_plate + 1:03d}_{cell_id}_{params.pert_time:g}H"
        det_plate = f"{brew_prefix}_X{replicate + 1}_{params.bead_batch.upper()}"
        perturbagens = _perturbagens(params, layout, pert_plate, n_compounds, names[:n_mechanisms])
        base = _cell_expression(params.seed, cell_id, len(genes))
        for pert_id, dose, row in _conditions(perturbagens):
            name = sig_id(brew_prefix, pert_id, dose)
            if name not in effects:
                effects[name] = _effect(params, row, cell_id, base, mechanisms)
                infos.append({"sig_id": name, "brew_prefix": brew_prefix, "cell_id": cell_id} | _info(row))
        plates.append(_plan_plate(params, perturbagens, effects, base, anchors,
                                  det_plate, brew_prefix, cell_id, number, pert_plate))  # fmt: skip
    siginfo = pd.DataFrame(infos)
    signatures = Matrix(
        np.column_stack(list(effects.values())), bead_set.genes, siginfo.set_index("sig_id", drop=False), None, Space.LM
    )
    return Study(params, bead_set, ratio, tuple(plates), signatures, siginfo, mechanisms)


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


@cache
def _key(text: str) -> int:
    return zlib.crc32(text.encode())


def _rng(seed: int, *what: str | int) -> np.random.Generator:
    """Return the generator of one thing: the same whatever else is drawn."""
    return np.random.default_rng([seed, *(_key(item) if isinstance(item, str) else item for item in what)])


def _programme(seed: int, kind: str, name: str, n_genes: int) -> np.ndarray:
    """Effect on every gene, mean square 1: a few genes move much, most move little."""
    rng = _rng(seed, kind, name)
    effect = rng.normal(size=n_genes) * np.exp(0.8 * rng.normal(size=n_genes))
    return np.asarray(effect / np.sqrt(np.mean(effect**2)))


def _cell_expression(seed: int, cell_id: str, n_genes: int) -> np.ndarray:
    """Expression of a cell line under vehicle, LISS-scaled log2."""
    gene = _rng(seed, "genes").normal(_LEVEL_MEAN, _LEVEL_SD, n_genes)
    cell = _rng(seed, "cell", cell_id).normal(0, _CELL_SD, n_genes)
    return np.clip(gene + cell, _LEVEL_MIN + 0.5, _LEVEL_MAX - 0.5)


def _perturbagens(
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
            rng = _rng(params.seed, "compound", compound)
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


def _conditions(perturbagens: pd.DataFrame) -> list[tuple[str, float, pd.Series]]:
    """Conditions of a plate that make a signature, each once."""
    kept = perturbagens[perturbagens["pert_type"] != NO_CELLS]
    return [
        (row["pert_id"], row["pert_dose"], row) for _, row in kept.drop_duplicates(["pert_id", "pert_dose"]).iterrows()
    ]


def _effect(
    params: SimulateParams, row: pd.Series, cell_id: str, base: np.ndarray, mechanisms: pd.DataFrame
) -> np.ndarray:
    """Change of every gene's LISS-scaled log2 expression; none where the level has nowhere to go."""
    if not row["full"]:
        return np.zeros(len(base))
    moa, n_genes = row["moa"], len(base)
    shared, own = np.sqrt(params.cell_share), np.sqrt(1 - params.cell_share)
    mechanism = shared * mechanisms[moa].to_numpy() + own * _programme(params.seed, f"{moa} in", cell_id, n_genes)
    particular = _programme(params.seed, "off-target", row["pert_id"], n_genes)
    stress = _programme(params.seed, "stress", "any", n_genes)
    sensitivity = np.clip(_rng(params.seed, "sensitivity", moa, cell_id).normal(1, 0.2), 0.4, 1.5)
    response = 1 / (1 + (row["ec50"] / row["pert_dose"]) ** 1.2)
    common = params.mechanism_share
    pattern = np.sqrt(common) * mechanism + np.sqrt(1 - common) * particular + row["stress"] * stress
    effect = row["full"] * sensitivity * response * pattern
    headroom = np.clip(np.where(effect > 0, _LEVEL_MAX - base, base - _LEVEL_MIN), 0, None)
    return np.asarray(headroom * np.tanh(effect / np.maximum(headroom, 1e-9)))


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
    rng = _rng(params.seed, "plate", number)
    wells = tuple(perturbagens.index)
    n_wells, n_genes = len(wells), len(base)
    place = np.array([well_position(well) for well in wells])
    edge = (place[:, 0] % 15 == 0) | (place[:, 1] % 23 == 0)

    # biology, LISS-scaled log2: vehicle level + plate + effect + programmes that vary from well to well + gene noise
    gene_sd = params.gene_noise * np.exp(0.35 * _rng(params.seed, "gene noise").normal(size=n_genes))
    level = np.repeat((base + 0.5 * gene_sd * rng.normal(size=n_genes))[:, None], n_wells, axis=1)
    for column, (pert_id, dose) in enumerate(zip(perturbagens["pert_id"], perturbagens["pert_dose"], strict=True)):
        effect = effects.get(sig_id(brew_prefix, pert_id, dose))
        if effect is not None:
            level[:, column] += effect * np.exp(0.15 * rng.normal())
    programmes = np.column_stack([_programme(params.seed, "nuisance", str(k), n_genes) for k in range(3)])
    noise_scale = np.where(edge, 1.15, 1.0)
    shared = rng.normal(size=(3, n_wells))
    if params.spatial_share > 0:
        smooth = _smooth_fields(_rng(params.seed, "places", number), place, 3)
        shared = np.sqrt(1 - params.spatial_share) * shared + np.sqrt(params.spatial_share) * smooth
    level += params.shared_noise * programmes @ (_PROGRAMME_SIZES[:, None] * shared * noise_scale)
    level += gene_sd[:, None] * rng.normal(size=(n_genes, n_wells)) * noise_scale
    reference = perturbagens["pert_type"].to_numpy() == NO_CELLS
    if reference.any():
        rna = _cell_expression(params.seed, "MCF7", n_genes)[:, None]
        level[:, reference] = rna + 0.5 * gene_sd[:, None] * rng.normal(size=(n_genes, int(reference.sum())))

    # well: its calibration curve
    shift = rng.normal(0, params.well_shift, n_wells)
    slope = rng.normal(1, params.well_slope, n_wells)
    bend = rng.normal(0, params.well_bend, n_wells)
    log2_fi = _measure(np.clip(level, _LEVEL_MIN, _LEVEL_MAX), shift, slope, bend)
    calibrators = _measure(np.clip(anchors, _LEVEL_MIN, _LEVEL_MAX) + np.zeros(n_wells), shift, slope, bend)
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


# ---- beads ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Platform:
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


def make_platform(study: Study) -> _Platform:
    """Draw what is particular to analytes and not to wells: abundance, share of the hi gene, widths."""
    params, genes = study.params, study.bead_set.genes
    rng = _rng(params.seed, "platform")
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
    return _Platform(
        analytes, rows["hi"], rows["lo"], genes["pr_analyte_num"].to_numpy(),
        (genes["pr_bset_id"] == study.bead_set.hi).to_numpy(),
        params.bead_width * np.exp(_WIDTH_GENE_SD * rng.normal(size=len(genes))),
        np.exp(params.beads_analyte_spread * rng.normal(size=len(analytes)) - params.beads_analyte_spread**2 / 2),
        np.clip(share, 0, 1), spread * _CALIBRATOR_WIDTHS[:, None] * 1.4,
    )  # fmt: skip


def draw_well(
    study: Study, plate: SimulatedPlate, well: int, platform: _Platform | None = None
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
    rng = _rng(params.seed, "beads", plate.number, WELLS_384.index(plate.wells[well]))
    mean = plate.beads_mean[well]
    if plate.faults[well] == "empty":
        return np.zeros(0, np.uint16), np.zeros(0, np.uint32)

    beads = rng.poisson(mean * platform.abundance)
    hi = rng.binomial(beads, platform.share)
    counts = np.zeros(len(plate.log2_fi), dtype=np.int64)
    for rows, number in ((platform.hi_rows, hi), (platform.lo_rows, beads - hi)):
        counts[rows[rows >= 0]] = number[rows >= 0]
    level = plate.log2_fi[:, well]
    width = np.where(
        platform.gene_is_hi, np.interp(level, _WIDTH_AT, _WIDTH_HI), np.interp(level, _WIDTH_AT, _WIDTH_LO)
    )
    calibrator_counts = rng.poisson(mean * params.calibrator_beads / _CALIBRATOR_GENES, platform.calibrator_spread.size)
    calibrator_level = plate.calibrators[:, [well]] + platform.calibrator_spread

    all_counts = np.concatenate([counts, calibrator_counts])
    all_level = np.concatenate([level, calibrator_level.ravel()])
    all_width = np.concatenate([width * platform.gene_width, np.full(calibrator_counts.size, 0.22)]) * _T_TO_ROBUST
    all_analyte = np.concatenate([platform.gene_analyte, np.repeat(np.arange(1, 11), _CALIBRATOR_GENES)])
    order = np.argsort(all_analyte, kind="stable")
    all_counts = all_counts[order]
    n_beads = int(all_counts.sum())
    log2_fi = np.repeat(all_level[order], all_counts)
    noise = rng.standard_t(params.bead_df, n_beads)
    above = noise > 0
    noise[above] = _as_normal(noise[above], params.bead_df)
    log2_fi += np.repeat(all_width[order], all_counts) * noise
    dim = np.flatnonzero(rng.random(n_beads) < params.dim_beads)
    log2_fi[dim] -= rng.exponential(_DIM_LOG2, len(dim))
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


def _as_normal(values: np.ndarray, df: float) -> np.ndarray:
    """Turn values of a t distribution (above 0) into values of a normal one (Wallace 1959), same spread at the middle.

    Real beads have a heavy tail below their gene, but none to speak of above it.
    """
    return (8 * df + 1) / (8 * df + 3) * np.sqrt(df * np.log1p(values**2 / df)) / _T_TO_ROBUST


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
