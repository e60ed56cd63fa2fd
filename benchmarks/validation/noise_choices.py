"""What could be chosen otherwise in noise control, judged like noise.py: number of factors, weights of replicates.

    python benchmarks/validation/noise_choices.py SHARED_DATA [--work FOLDER] [--write]

factors   fixed numbers against three rules that see the model only: *edge*, eigenvalues above those of as many degrees
          of freedom of independent genes (Marchenko and Pastur); *signs*, above the 95th percentile of 20 models whose
          entries have random signs (parallel analysis); *held out*, the number that gives residuals of a fold left out
          the highest Gaussian likelihood.  Cosine, AUC; in brackets the 95 % interval of the difference to 10 factors,
          the same bootstrap draws for both.
weights   of the wells of a compound at 0.3 um or more (four doses on LJP009; all on REP.A028) one dose is left out,
          the others make a signature, which should be like the well left out: mean, MODZ, and means weighted by what
          ``deconvolve --sd`` knows of genes or wells.  Cosine, AUC; in brackets the difference to the mean.
level 2   shares of the variance of genes over all wells: measurement error of beads (``deconvolve --sd``) before and
          after normalisation, one value a well, and what noise control takes out of the z-scores.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import noise
import numpy as np
import pandas as pd
from noise import ALONE, INERT, LJP, REP, Pairs, cosines, learn, pairs_of, treated

from beadwork.io.matrix.formats import read_matrix
from beadwork.kernels.levels.modz import replicate_correlations, replicate_weights, standard_ranks
from beadwork.model.levels.noise_model import NoiseModel
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import TrainNoiseParams, ZscoreParams
from beadwork.stages.levels.noise.denoise import denoise
from beadwork.stages.levels.noise.train_noise import sum_noise
from beadwork.stages.levels.zscore import zscore

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.tables import measure_tables

FIXED = (3, 5, 10, 20)
MOST = 100
"""Factors that are allowed."""
SLOPE = ZscoreParams().sd_slope
GRID = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30)


# ---- rules -----------------------------------------------------------------------------------------------------------


def spectrum(model: NoiseModel) -> tuple[np.ndarray, float]:
    """Eigenvalues of the covariance, and its mean variance."""
    rows = np.concatenate([part.rows for part in model.parts()])
    values = np.linalg.eigvalsh(rows @ rows.T)[::-1] / model.df
    return values, (float((rows**2).sum()) + sum(part.rest for part in model.parts())) / model.df / rows.shape[1]


def by_edge(model: NoiseModel) -> int:
    """Eigenvalues above the edge of noise without factors, whose variance is the floor of the factors found so far."""
    values, mean = spectrum(model)
    genes, number = len(model.genes), 0
    edge = (1 + np.sqrt(genes / model.df)) ** 2
    while number < min(len(values), model.df, MOST) - 1:
        # eigenvalues found so far hold noise too: a degree of freedom each
        floor = (mean * genes - values[:number].sum()) / (genes - number) * model.df / (model.df - number)
        if values[number] <= edge * floor:
            break
        number += 1
    return max(number, 1)


def by_signs(model: NoiseModel) -> int:
    """Eigenvalues above those of the same entries with random signs."""
    rows, rng = np.concatenate([part.rows for part in model.parts()]), np.random.default_rng(1)
    values = np.linalg.eigvalsh(rows @ rows.T)[::-1]
    drawn = []
    for _ in range(20):
        flipped = rows * rng.choice([-1.0, 1.0], rows.shape)
        drawn.append(np.linalg.eigvalsh(flipped @ flipped.T)[::-1])
    below = values <= np.percentile(drawn, 95, axis=0)
    return min(max(int(np.argmax(below)) if below.any() else len(values), 1), MOST)


def by_held_out(model: NoiseModel) -> int:
    """Choose the number under which the residuals of parts left out, one at a time, are likeliest."""
    parts = [part for part in model.parts() if part.df > 0]
    loss = np.zeros(len(GRID))
    for left, held in enumerate(parts):
        others = [part for number, part in enumerate(parts) if number != left]
        rows, df = np.concatenate([part.rows for part in others]), sum(part.df for part in others)
        _, length, axes = np.linalg.svd(rows, full_matrices=False)
        trace = (float((rows**2).sum()) + sum(part.rest for part in others)) / df
        square, whole = ((held.rows @ axes.T) ** 2).sum(axis=0), float((held.rows**2).sum()) + held.rest
        for at, k in enumerate(GRID):
            kept = min(k, int(df) - 1, len(length))
            values = length[:kept] ** 2 / df
            floor = (trace - values.sum()) / (rows.shape[1] - kept)
            spread = np.log(values).sum() + (rows.shape[1] - kept) * np.log(floor)
            loss[at] += held.df * spread + (square[:kept] / values).sum() + (whole - square[:kept].sum()) / floor
    return GRID[int(loss.argmin())]


RULES: dict[str, Callable[[NoiseModel], int]] = {"edge": by_edge, "signs": by_signs, "held out": by_held_out}


# ---- factors ---------------------------------------------------------------------------------------------------------


def plate_pairs(z: Matrix, least: float, moa: dict[str, set[str]]) -> dict[str, Pairs]:
    pert, name = z.cols["pert_id"].to_numpy(str), z.cols["pert_iname"].str.lower().to_numpy(str)
    chosen, known = treated(z, least), np.array([bool(moa.get(item)) for item in name])

    def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return pert[a] == pert[b]

    row = np.array([ord(cid.rpartition(":")[2][0]) for cid in z.cids])

    def near(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return same(a, b) | (abs(row[a] - row[b]) <= 1)

    def class_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([bool(moa[name[i]] & moa[name[j]]) for i, j in zip(a, b, strict=True)], bool)

    found = {
        "same compound (reproducibility)": pairs_of(same, chosen, pert),
        "same compound against adjacent rows": pairs_of(same, chosen, pert, near),
        "mechanism": pairs_of(class_of, chosen & known, pert, lambda a, b: ~same(a, b)),
    }
    first, adjacent, _ = found.values()
    if len(first.hit) == len(adjacent.hit):
        del found["same compound against adjacent rows"]
    return {kind: pairs for kind, pairs in found.items() if min(pairs.hit.sum(), (~pairs.hit).sum()) >= 10}


def factor_rows(test: str, model: NoiseModel, clean: Callable[[NoiseModel], Matrix], pairs: dict[str, Pairs]) -> list:
    """Make the rows of a test: each number of factors, and each rule's."""
    numbers = {f"{k}": k for k in FIXED} | {rule: choose(model) for rule, choose in RULES.items()}
    found = {k: cosines(clean(replace(model, factors=k)).values.T.astype(float)) for k in set(numbers.values())}
    rows = []
    for kind, judged in pairs.items():
        base, cells = judged.draws(found[10]), []
        for name, k in numbers.items():
            value = noise.auc(found[k][judged.first, judged.second], judged.hit)
            low, high = np.nanpercentile(judged.draws(found[k]) - base, [2.5, 97.5])
            cell = f"{value:.3f}" + (f" ({low:+.3f} {high:+.3f})" if k != 10 else "")
            cells.append(cell if name.isdigit() else f"{k}: {cell}")
        rows.append([f"{test}: {kind}", f"{model.df:.0f}", *cells])
    return rows


def factors(shared: Path, z: Matrix, rep: Matrix) -> list[list[str]]:
    moa = noise.mechanisms(shared)
    cpc = zscore(noise.with_landmarks(shared / "signatures/CPC006_level3_n371x978.gctx.gz", Level.QNORM)).matrix
    cpc = Matrix(cpc.values, cpc.rows, cpc.cols.assign(pert_iname=cpc.cols["pert_desc"]), level=cpc.level)
    level5 = noise.with_landmarks(shared / "signatures/modzs_n272x978.gctx.gz", Level.MODZ)
    whole, cpc_model, rep_model = learn(z, INERT), learn(cpc), learn(rep, INERT)

    def added(*models: NoiseModel) -> NoiseModel:
        return sum_noise(list(models), TrainNoiseParams(), ["model"] * len(models))

    top, rows = np.array([cid.rpartition(":")[2][0] in "ABCD" for cid in z.cids]), []
    for name, own in (("LJP009AH rows E-H by A-D", ~top), ("LJP009AH rows A-D by E-H", top)):
        part = z.take_cols(own)
        rows += factor_rows(name, learn(z.take_cols(~own), INERT),
                            lambda model, part=part: denoise(part, model, params=ALONE).matrix,
                            plate_pairs(part, 1.0, moa))  # fmt: skip
    drug, cell = level5.cols["pert_iname"].to_numpy(str), level5.cols["cell_id"].to_numpy(str)
    other_cell = pairs_of(lambda a, b: drug[a] == drug[b], cell != "A375", cell, lambda a, b: cell[a] != cell[b])
    on_ljp = plate_pairs(z, 1.0, moa)
    return [
        *rows,
        *factor_rows("LJP009AH by compounds", whole, lambda model: denoise(z, model, params=ALONE).matrix, on_ljp),
        *factor_rows("LJP009AH, own vehicles and CPC006 + REP.A028", added(cpc_model, rep_model),
                     lambda model: denoise(z, model).matrix, on_ljp),
        *factor_rows("CPC006, own vehicles and LJP009AH + REP.A028", added(whole, rep_model),
                     lambda model: denoise(cpc, model).matrix,
                     {k: v for k, v in plate_pairs(cpc, 0.0, moa).items() if k == "mechanism"}),
        *factor_rows("REP.A028 by LJP009AH + CPC006", added(whole, cpc_model),
                     lambda model: denoise(rep, model, params=ALONE).matrix, plate_pairs(rep, 0.0, moa)),
        *factor_rows("272 signatures without A375, by LJP009AH + CPC006", added(whole, cpc_model),
                     lambda model: denoise(level5, model).matrix, {"same drug, other cell": other_cell}),
    ]  # fmt: skip


# ---- weights and level 2 ---------------------------------------------------------------------------------------------


def with_sd(shared: Path, name: str, work: Path) -> tuple[Matrix, Matrix]:
    """Uncertainties of level 2, and reliabilities of the scores, in the order of the z-scores' landmarks."""
    source, unpacked = shared / "plates" / name, work / "lxb" / name
    sd, reliability = (work / f"{name}_{what}.gctx" for what in ("SD", "RELIABILITY"))
    if not reliability.is_file():
        beads = source / "lxb" if (source / "lxb").is_dir() else unpacked
        for words in (
            ["deconvolve", beads, "--map", source / f"{name}.map", "--plate", name, "-o", work / "again.gctx",
             "--sd", sd],
            ["zscore", work / f"{name}_QNORM.gctx", "--sd", sd, "--no-shrink", "--reliability", reliability,
             "-o", work / "again.gctx"],
        ):  # fmt: skip
            subprocess.run([sys.executable, "-m", "beadwork", *map(str, words)], check=True, capture_output=True)
    return read_matrix(sd), read_matrix(reliability)


def weight_rows(name: str, z: Matrix, cleaned: Matrix, reliability: Matrix, least: float) -> list[list[str]]:
    """Signatures without one dose against the wells of that dose."""
    at = np.flatnonzero(treated(z, least))
    ids = z.cids[at]
    sure = reliability.values[np.ix_(reliability.rids.get_indexer(z.rids), reliability.cids.get_indexer(ids))].T
    sure = np.maximum(sure.astype(float), 1e-6)
    pert, dose = (z.cols[field].to_numpy(str)[at] for field in ("pert_id", "pert_dose"))

    def modz(own: np.ndarray) -> np.ndarray:
        return replicate_weights(replicate_correlations(standard_ranks(own)), 0.01)[:, None]

    ways: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "mean": lambda own, _: np.ones((len(own), 1)),
        "MODZ": lambda own, _: modz(own),
        "genes by sd": lambda _, known: known,
        "wells by sd": lambda _, known: 1 / (1 / known).mean(axis=1, keepdims=True),
    }
    rows = []
    for level, matrix in (("ZSPC", z), ("ZSNC", cleaned)):
        y = np.clip(matrix.values.T[at].astype(float), -10, 10)
        cells, base = [], np.empty(0)
        for way, weigh in ways.items():
            score, hit, unit = [], [], []
            for left in np.unique(dose):
                held = np.flatnonzero(dose == left)
                for compound in np.unique(pert[dose != left]):
                    members = np.flatnonzero((pert == compound) & (dose != left))
                    if len(members) < 2:
                        continue
                    weight = weigh(y[members], sure[members])
                    made = (y[members] * weight).sum(axis=0) / (weight * np.ones_like(y[members])).sum(axis=0)
                    score.append(y[held] @ made / np.linalg.norm(made) / np.linalg.norm(y[held], axis=1))
                    hit.append(pert[held] == compound)
                    unit.append(np.full(len(held), compound))
            scores, hits = np.concatenate(score), np.concatenate(hit)
            codes, units = pd.factorize(np.concatenate(unit))
            rng, drawn = np.random.default_rng(1), []
            for _ in range(noise.DRAWS):
                times = np.bincount(rng.integers(0, len(units), len(units)), minlength=len(units))
                drawn.append(noise.auc(scores, hits, times[codes].astype(float)))
            base = np.array(drawn) if way == "mean" else base
            low, high = np.nanpercentile(np.array(drawn) - base, [2.5, 97.5])
            cell = f"{noise.auc(scores, hits):.3f}"
            cells.append(cell if way == "mean" else f"{cell} ({low:+.3f} {high:+.3f})")
        rows.append([f"{name}, {level}", f"{int(hits.sum())} of {len(hits)}", *cells])
    return rows


def level2_row(name: str, z: Matrix, cleaned: Matrix, sd: Matrix, gex: Matrix, qnorm: Matrix) -> list[str]:
    """Shares of the variance of genes over wells: measurement error, one value a well; at level 4, noise taken out."""
    values = gex.take_rows(z.rids).take_cols(z.cids).values.astype(float)
    values = values if values.max() < 30 else np.log2(np.maximum(values, 1.0))
    error = float(np.nanmean(sd.take_rows(z.rids).take_cols(z.cids).values.astype(float) ** 2))
    away = values - values.mean(axis=1, keepdims=True)
    total = float((away**2).mean())
    offset = float((away.mean(axis=0) ** 2).mean())
    share = 1 - float((cleaned.values.astype(float) ** 2).sum()) / _length(z)
    levels = qnorm.take_rows(z.rids).take_cols(z.cids).values.astype(float)
    left = error * SLOPE**2 / float(levels.var(axis=1).mean())
    return [name, f"{error / total:.2f}", f"{offset / total:.2f}", f"{left:.2f}", f"{share:.2f}"]


def _length(z: Matrix) -> float:
    y = np.clip(z.values.astype(float), -4, 4)
    return float(((y - y.mean(axis=1, keepdims=True)) ** 2).sum())


# ---- the tables ------------------------------------------------------------------------------------------------------


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def tables(shared: Path, work: Path) -> dict[str, str]:
    z, rep = noise.plate(shared, LJP, work), noise.plate(shared, REP, work)
    weights, level2 = [], []
    for plate, matrix, least in ((LJP, z, 0.3), (REP, rep, 0.0)):
        sd, reliability = with_sd(shared, plate, work)
        cleaned = denoise(matrix, learn(matrix, INERT) if plate == LJP else learn(z, INERT), params=ALONE).matrix
        short = plate.partition("_")[0]
        weights += weight_rows(short, matrix, cleaned, reliability, least)
        gex, qnorm = (noise.with_landmarks(work / f"{plate}_{level}.gctx") for level in ("GEX", "QNORM"))
        level2.append(level2_row(short, matrix, cleaned, sd, gex, qnorm))
    text = "\n\n".join([
        table(["test", "df", *map(str, FIXED), *RULES], factors(shared, z, rep)),
        table(["signature of the other doses", "pairs", "mean", "MODZ", "genes by sd", "wells by sd"], weights),
        table(["plate", "measurement error (level 2)", "one value a well (level 2)", "measurement error (level 3)",
               "noise taken out (level 4)"], level2),
    ])  # fmt: skip
    return {"choices": text}


if __name__ == "__main__":
    measure_tables(__doc__, noise.PAGE, tables)
