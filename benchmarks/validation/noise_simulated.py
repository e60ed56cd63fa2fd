"""Noise control on simulated studies, where truth is known: a part of benchmarks/validation/noise.py.

Level 2 is the truth of the simulator (no beads), so that only noise of wells is judged; the levels above are made by
the stages.  Three replicate plates of 384 wells, with half of the shared noise spatial.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import stdtr

from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.io.platform.noise_model import default_noise_path, read_noise_model
from beadwork.model.levels.noise_model import NoiseModel
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import SimulateParams
from beadwork.simulate.study import Study, plan_study
from beadwork.stages.levels.consensus import consensus
from beadwork.stages.levels.noise.denoise import denoise
from beadwork.stages.levels.noise.noise_wells import control_places, well_facts
from beadwork.stages.levels.noise.train_noise import train_noise
from beadwork.stages.levels.normalize import normalize
from beadwork.stages.levels.zscore import zscore

SHARED = (0.0, 0.16, 0.32)
"""Shared noise of wells, log2 a gene: none, the simulator's default, twice that."""
SEEDS = (1, 2)
CONTROLS_LEFT = 10


def study(shared: float, seed: int) -> Study:
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].to_numpy()
    params = SimulateParams(plates=3, replicates=3, shared_noise=shared, spatial_share=0.5, seed=seed)
    return plan_study(read_bead_set("epsilon-r2"), 2.0, levels, params)


def scores(made: Study) -> list[Matrix]:
    """ZSPC of every plate, from the true intensities."""
    found, reference = [], read_liss_reference()
    for plate in made.plates:
        ids = [f"{plate.det_plate}:{well}" for well in plate.wells]
        cols = plate.plate_map.set_axis(pd.Index(ids, dtype=object)).assign(
            det_plate=plate.det_plate, det_well=list(plate.wells), brew_prefix=plate.brew_prefix, count_mean=85.0,
            count_cv=15.0,
        )  # fmt: skip
        gex = Matrix(2.0**plate.log2_fi, made.bead_set.genes, cols, level=Level.GEX, space=Space.LM)
        names = pd.DataFrame(index=[f"CAL{number:02d}" for number in range(1, 11)])
        cal = Matrix(2.0**plate.calibrators, names, cols, level=Level.CAL)
        found.append(zscore(normalize(gex, cal, reference).qnorm).matrix)
    return found


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    unit = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in (one, other)]
    return unit[0] @ unit[1].T


def auc(score: np.ndarray, hit: np.ndarray) -> float:
    rank = score.argsort().argsort() + 1.0
    return float((rank[hit].sum() - hit.sum() * (hit.sum() + 1) / 2) / (hit.sum() * (~hit).sum()))


def judge(made: Study, signatures: Matrix) -> dict[str, float]:
    """Signatures against truth: cosine with the planted effect, and mechanism among compounds at the top dose."""
    info = made.siginfo.set_index("sig_id")
    active = [sig for sig in signatures.cids if sig in info.index and info.loc[sig, "is_active"]]
    ours = signatures.take_cols(active)
    truth = made.signatures.take_rows(ours.rids).take_cols(active)
    agree = np.diagonal(cosines(ours.values.T.astype(float), truth.values.T.astype(float)))
    top = info.loc[active, "pert_dose"].to_numpy() == info["pert_dose"].max()
    moa, pert = info.loc[active, "moa"].to_numpy(str)[top], info.loc[active, "pert_id"].to_numpy(str)[top]
    values = ours.values.T.astype(float)[top]
    first, second = np.triu_indices(len(moa), 1)
    other = pert[first] != pert[second]
    similar = cosines(values, values)[first, second][other]
    return {"truth": float(np.median(agree)), "mechanism": auc(similar, (moa[first] == moa[second])[other])}


def control_p(wells: Matrix) -> list[float]:
    """Return p of every control well against another place's, by the controls of all other places."""
    facts = well_facts(wells, ("pert_id",))
    at = np.flatnonzero(facts["kind"] == "control")
    place = control_places(facts["well"].iloc[at]).to_numpy()
    values = wells.values.T.astype(float)[at]
    similar, found = cosines(values, values), []
    for query in range(len(at)):
        away = np.flatnonzero(place != place[query])
        for target in away:
            null = similar[query, away[away != target]]
            if len(null) >= CONTROLS_LEFT:
                t = (similar[query, target] - null.mean()) / (null.std(ddof=1) * np.sqrt(1 + 1 / len(null)))
                found.append(float(stdtr(len(null) - 1, -t)))
    return found


def section() -> str:
    """Markdown: signatures of three replicates against truth, and p of controls."""
    rows, p_rows = [], []
    shipped = read_noise_model(default_noise_path())
    for shared in SHARED:
        found: dict[str, list[dict[str, float]]] = {}
        p: dict[str, list[float]] = {"ZSPC": [], "ZSNC": []}
        for seed in SEEDS:
            made = study(shared, seed)
            plates = scores(made)
            landmarks = plates[0].rids
            own = train_noise(plates, landmarks=landmarks).model

            def cleaned(model: NoiseModel, plates: list[Matrix] = plates) -> list[Matrix]:
                return [denoise(plate, model).matrix for plate in plates]

            levels: dict[str, Callable[[], list[Matrix]]] = {
                "MODZ of ZSPC": lambda plates=plates: plates,  # type: ignore[misc]
                "MNZ, shipped model and own wells": lambda: cleaned(shipped),
                "MNZ, model of the study": lambda own=own: cleaned(own),  # type: ignore[misc]
            }
            for name, make in levels.items():
                made_plates = make()
                found.setdefault(name, []).append(
                    judge(made, consensus(made_plates, landmarks=landmarks).matrix)
                )  # fmt: skip
                if name.startswith("MODZ"):
                    p["ZSPC"] += [value for plate in made_plates for value in control_p(plate)]
                elif "study" in name:
                    p["ZSNC"] += [value for plate in made_plates for value in control_p(plate)]
            mean = [plate.with_values(plate.values, level=Level.ZSNC) for plate in plates]
            plain = consensus(mean, landmarks=landmarks).matrix
            found.setdefault("plain mean of ZSPC", []).append(judge(made, plain))
        for name, values in found.items():
            table = pd.DataFrame(values).mean()
            rows.append(f"| {shared:g} | {name} | {table['truth']:.3f} | {table['mechanism']:.3f} |")
        for name, values in p.items():
            share = [f"{np.mean(np.array(values) < level):.4f}" for level in (0.05, 0.01, 0.001)]
            p_rows.append(f"| {shared:g} | {name} | {len(values)} | {' | '.join(share)} |")
    lines = "\n".join(rows)
    p_lines = "\n".join(p_rows)
    return f"""**Simulated, with truth.** Three replicate plates, {len(SEEDS)} studies each: median cosine of
active signatures with the planted effect, and mechanism (other compound, top dose, AUC).

| shared noise | signatures | cosine with truth | mechanism |
|---|---|---|---|
{lines}

p of a control well with a control well of another place, by the other controls (`p_control`); shares below 0.05, 0.01
and 0.001:

| shared noise | level | pairs | < 0.05 | < 0.01 | < 0.001 |
|---|---|---|---|---|---|
{p_lines}
"""


if __name__ == "__main__":
    print(section())
