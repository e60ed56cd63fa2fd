"""Does it help to carry the uncertainty of level 2 on?  Scores and signatures with and without it, in three tables.

    python benchmarks/referee/uncertainty.py [PLATES] [--seeds N] [--beads MEAN ...]

PLATES is the folder of the real plates (LJP009AH_A375_24H_X1_B20 as beads.npz, REP.A028_MCF7_24H_X1_B25 as LXB files);
without it only the simulated table is made.

Methods: kmeans, kspeak, the mixture without and with the prior of its plate.  Uses of the uncertainty: *plain*, none;
*scores*, ``beadwork zscore --sd``; *weights*, ``zscore --sd --no-shrink --reliability`` and ``consensus
--reliability``; *both*.

pairs       Wells of one compound at different doses of 1 um or more on one plate against wells of different compounds:
            median rank correlation of the landmarks' z-scores of the pairs of one compound, and the area under the
            curve (AUC) that distinguishes them from the others.
left out    Of the wells of a compound at 1 um or more one dose is left out, the others make a signature (MODZ): median
            rank correlation with the plain scores of the well left out, and AUC against those of other compounds.
simulated   Three replicate plates of 96 wells whose true effects are known, several seeds: mean over the active
            signatures of the rank correlation of MODZ with the true effect; in brackets what the use of the uncertainty
            adds, with its standard error over the seeds.
"""

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.beads.lxb import read_plate
from beadwork.io.beads.maps import read_map
from beadwork.io.platform.bead_sets import find_bead_batch, read_bead_set, read_liss_reference
from beadwork.io.platform.gene_table import gene_table
from beadwork.kernels.levels.modz import standard_ranks
from beadwork.model.beads.plate import BeadPlate
from beadwork.model.ids import parse_det_plate
from beadwork.model.matrix import Matrix, Space
from beadwork.model.params import ConsensusParams, DeconvolveParams, SimulateParams
from beadwork.model.spaces import space_genes
from beadwork.simulate.draw import simulate_beads
from beadwork.simulate.study import Study
from beadwork.stages.beads.deconvolve import DeconvolveResult, deconvolve
from beadwork.stages.levels.consensus import consensus
from beadwork.stages.levels.normalize import normalize
from beadwork.stages.levels.zscore import zscore
from beadwork.stages.plates.replicates import area_under_curve

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.plates import plan_plates, read_packed

METHODS = {
    "kmeans": DeconvolveParams(method="kmeans"),
    "kspeak": DeconvolveParams(method="kspeak"),
    "mixture, no prior": DeconvolveParams(method="mixture", prior=False),
    "mixture": DeconvolveParams(method="mixture"),
}
USES = {"plain": (False, False), "scores": (True, False), "weights": (False, True), "both": (True, True)}
"""By use: whether scores shrink, and whether signatures weigh by reliability."""
REAL = ("LJP009AH_A375_24H_X1_B20", "REP.A028_MCF7_24H_X1_B25")
REFERENCE = read_liss_reference()
LANDMARKS = space_genes(gene_table(), Space.LM)


def level3(beads: BeadPlate, plate_map: pd.DataFrame, params: DeconvolveParams) -> tuple[DeconvolveResult, Matrix]:
    """Deconvolve and normalise a plate: level 2, and QNORM."""
    batch = find_bead_batch(str(parse_det_plate(beads.det_plate).bead_batch))
    assert batch is not None
    called = deconvolve(beads, read_bead_set(batch.key), plate_map, ratio=batch.ratio, params=params, threads=2)
    return called, normalize(called.gex, called.calibrators, REFERENCE).qnorm


def scores(called: DeconvolveResult, qnorm: Matrix, *, shrink: bool) -> tuple[Matrix, Matrix | None]:
    """Z-scores and their reliabilities."""
    result = zscore(qnorm, sd=called.sd, shrink=shrink and called.sd is not None)
    return result.matrix, result.reliability


def uses_of(params: DeconvolveParams) -> dict[str, tuple[bool, bool]]:
    """Which uses a method allows."""
    return USES if params.gives_sd else {"plain": USES["plain"]}


def row(name: str, cells: list[str]) -> str:
    """Make a row of a Markdown table."""
    return f"| {name} | " + " | ".join(cells + [""] * (len(USES) - len(cells))) + " |"


def table(title: str, rows: list[str]) -> str:
    """Make a Markdown table with a column for each use."""
    return "\n".join([f"**{title}**", "", "| method | " + " | ".join(USES) + " |", "|---" * 5 + "|", *rows, ""])


def real_tables(folder: Path, name: str) -> list[str]:
    """Make the tables of one real plate."""
    place = folder / name
    packed = place / "beads.npz"
    beads = read_packed(packed) if packed.is_file() else read_plate(place / "lxb", threads=2)
    plate_map = read_map(place / f"{name}.map", beads.det_plate)
    pairs, left_out = [], []
    words = n_pairs = n_wells = ""
    for method, params in METHODS.items():
        called, qnorm = level3(beads, plate_map, params)
        dose = pd.to_numeric(qnorm.cols["pert_dose"], errors="coerce")
        high = ((dose >= 1) & (qnorm.cols["pert_type"] == "trt_cp")).to_numpy()
        plain = scores(called, qnorm, shrink=False)[0].take_cols(high)
        cells: dict[str, list[str]] = {"pairs": [], "left out": []}
        for shrink, weigh in uses_of(params).values():
            z, reliability = scores(called, qnorm, shrink=shrink)
            if not weigh:
                same, different = compound_pairs(z.take_cols(high))
                cells["pairs"].append(f"{np.median(same):.3f}; {area_under_curve(same, different):.3f}")
                n_pairs = f"{len(same)} pairs"
            same, different = left_out_wells(z.take_cols(high), plain, reliability if weigh else None)
            cells["left out"].append(f"{np.median(same):.3f}; {area_under_curve(same, different):.3f}")
            n_wells = f"{len(same)} wells"
        pairs.append(row(method, cells["pairs"]))
        left_out.append(row(method, cells["left out"]))
    words = "rank correlation; AUC"
    return [
        table(f"pairs, {name}, {n_pairs}: {words}", pairs),
        table(f"left out, {name}, {n_wells}: {words}", left_out),
    ]


def compound_pairs(z: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Rank correlations of wells with the same and with different compounds."""
    ranks = standard_ranks(z.values.T)
    compound = z.cols["pert_id"].to_numpy()
    above = np.triu_indices(len(compound), 1)
    found, alike = (ranks @ ranks.T)[above], (compound[:, None] == compound)[above]
    return found[alike], found[~alike]


def left_out_wells(z: Matrix, plain: Matrix, reliability: Matrix | None) -> tuple[np.ndarray, np.ndarray]:
    """Rank correlations of signatures with the wells left out of them, same and different compounds."""
    params = ConsensusParams(group_by=("pert_id",))
    same, different = [], []
    for dose in sorted(z.cols["pert_dose"].unique()):
        away = (z.cols["pert_dose"] == dose).to_numpy()
        modz = consensus(z.take_cols(~away), landmarks=LANDMARKS, reliability=reliability, params=params)
        made = modz.siginfo["pert_id"].to_numpy()[modz.siginfo["n_replicates"].to_numpy() > 1]
        signatures = modz.matrix.take_cols(modz.siginfo["n_replicates"].to_numpy() > 1)
        found = standard_ranks(signatures.values.T) @ standard_ranks(plain.take_cols(away).values.T).T
        alike = made[:, None] == plain.cols["pert_id"].to_numpy()[away]
        same.append(found[alike])
        different.append(found[~alike])
    return np.concatenate(same), np.concatenate(different)


def simulated_study(seed: int, beads_mean: float) -> tuple[Study, list[tuple[BeadPlate, pd.DataFrame]]]:
    """Simulate three replicate plates of 96 wells, with their maps."""
    study = plan_plates(SimulateParams(plates=3, wells=96, beads_mean=beads_mean, seed=seed))
    plates = []
    for plate in study.plates:
        wells = plate.plate_map.set_index("rna_well", drop=False).rename_axis(None).replace("-666", np.nan)
        plates.append(
            (simulate_beads(study, plate, threads=2), wells.assign(pert_dose=pd.to_numeric(wells["pert_dose"])))
        )
    return study, plates


def agreement(modz: Matrix, study: Study) -> float:
    """Mean rank correlation of active signatures with their true effects."""
    active = study.siginfo.loc[study.siginfo["is_active"].astype(bool), "sig_id"]
    shared = modz.cids.intersection(active).tolist()
    ours, truth = modz.take_cols(shared).take_rows(study.signatures.rids), study.signatures.take_cols(shared)
    return float((standard_ranks(ours.values.T) * standard_ranks(truth.values.T)).sum(axis=1).mean())


def simulated_table(seeds: int, beads_mean: float, say: Callable[[str], None]) -> str:
    """Make the table of simulated plates."""
    found: dict[str, list[list[float]]] = {name: [] for name in METHODS}
    for seed in range(1, seeds + 1):
        study, plates = simulated_study(seed, beads_mean)
        for name, params in METHODS.items():
            level3s = [level3(*plate, params) for plate in plates]
            values = []
            for shrink, weigh in uses_of(params).values():
                both = [scores(*plate, shrink=shrink) for plate in level3s]
                reliability = [part for _, part in both if part is not None] if weigh else None
                result = consensus([z for z, _ in both], landmarks=LANDMARKS, reliability=reliability)
                values.append(agreement(result.matrix, study))
            found[name].append(values)
            say(f"seed {seed}, {name}: " + " ".join(f"{value:.4f}" for value in values))
    rows = []
    for name, all_values in found.items():
        data = np.array(all_values)
        gain = data - data[:, :1]
        error = gain.std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.full(data.shape[1], np.nan)
        cells = [f"{data[:, 0].mean():.3f}"]
        cells += [
            f"{data[:, k].mean():.3f} ({gain[:, k].mean():+.4f} ± {error[k]:.4f})" for k in range(1, data.shape[1])
        ]
        rows.append(row(name, cells))
    return table(f"simulated, {beads_mean:g} beads, {seeds} seeds: rank correlation with the true effect", rows)


def main() -> None:
    """Print the tables."""
    import sys

    warnings.simplefilter("ignore", RuntimeWarning)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plates", nargs="?", type=Path)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--beads", type=float, nargs="+", default=[48.0, 25.0])
    arguments = parser.parse_args()
    if arguments.plates is not None:
        for name in REAL:
            print("\n".join(real_tables(arguments.plates, name)), flush=True)
    for beads_mean in arguments.beads:
        made = simulated_table(arguments.seeds, beads_mean, lambda text: print(text, file=sys.stderr, flush=True))
        print(made, flush=True)


if __name__ == "__main__":
    main()
