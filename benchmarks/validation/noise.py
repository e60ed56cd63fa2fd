"""What noise control gains, on real plates and on simulated ones with truth: docs/validation/noise.md's table.

    python benchmarks/validation/noise.py SHARED_DATA [--work FOLDER] [--write]

AUC: the probability that a pair that should connect scores above one that should not.  mAP: mean average precision of
each well's partners.  Intervals: 95 %, bootstrap over compounds (over cell lines for signatures), 500 draws.  Every
cleaned row is cross-fitted: nothing is cleaned by what its own treatment has a part in.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import noise_simulated
import numpy as np
import pandas as pd
from scipy.stats import rankdata

from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_table import gene_table, landmark_ids
from beadwork.io.platform.inference_model import default_model_path, read_inference_model
from beadwork.io.platform.noise_model import default_noise_path, read_noise_model
from beadwork.kernels.connectivity.wtcs.ranks_numba import fill_block
from beadwork.kernels.connectivity.wtcs.score_numba import score_sets
from beadwork.model.levels.noise_model import NoiseModel
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import DenoiseParams, TrainNoiseParams
from beadwork.stages.levels.inference.infer import infer
from beadwork.stages.levels.inference.infer_cleaned import infer_cleaned
from beadwork.stages.levels.noise.denoise import denoise
from beadwork.stages.levels.noise.train_noise import sum_noise, train_noise
from beadwork.stages.levels.zscore import zscore

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.tables import measure_tables

LJP, REP, TEST = "LJP009AH_A375_24H_X1_B20", "REP.A028_MCF7_24H_X1_B25", "TEST_A375_24H_X1_B20"
PAGE = Path(__file__).parents[2] / "docs" / "validation" / "noise.md"
INERT = TrainNoiseParams(inert_below=0.5)
ALONE = DenoiseParams(own="no")
DRAWS = 500
SET = 50
"""Genes at each end of a profile for WTCS."""


# ---- data ----------------------------------------------------------------------------------------------------------


def landmarks() -> pd.Index:
    genes = gene_table()
    return genes.index[genes["pr_is_lm"] == 1]


def with_landmarks(path: Path, level: Level | None = None) -> Matrix:
    matrix = read_matrix(path, level=level)
    ids = landmark_ids(matrix.rows, str(path))
    found = matrix.take_rows(ids.index)
    found = Matrix(found.values, found.rows.set_axis(pd.Index(ids, dtype=object)), found.cols, level=matrix.level)
    return found.take_rows(landmarks(), Space.LM)


def plate(shared: Path, name: str, work: Path) -> Matrix:
    """ZSPC of a plate of beads, made with the commands and kept in the work folder."""
    kept = work / f"{name}_ZSPC.gctx"
    if not kept.is_file():
        source = shared / "plates" / name
        lxb = source / "lxb"
        if not lxb.is_dir():
            lxb = work / "lxb" / name
            tool = shared.parent / "tools" / "unpack_plate.py"
            subprocess.run([sys.executable, tool, source / "beads.npz", lxb, name], check=True)
        gex, cal, qnorm = (work / f"{name}_{level}.gctx" for level in ("GEX", "CAL", "QNORM"))
        for words in (
            ["deconvolve", lxb, "--map", source / f"{name}.map", "--plate", name, "-o", gex, "--calibrators", cal],
            ["normalize", gex, "--calibrators", cal, "-o", qnorm],
            ["zscore", qnorm, "-o", kept],
        ):
            subprocess.run([sys.executable, "-m", "beadwork", *map(str, words)], check=True, capture_output=True)
    return with_landmarks(kept)


def mechanisms(shared: Path) -> dict[str, set[str]]:
    """Mechanisms by compound name; the Repurposing Hub is read here and nothing of it is kept."""
    table = pd.read_csv(
        shared / "annotation/repurposing_drugs_20200324.txt.gz", sep="\t", comment="!", encoding="latin-1"
    )
    known = table.dropna(subset=["moa"])
    return {name.lower(): set(moa.split("|")) for name, moa in zip(known["pert_iname"], known["moa"], strict=True)}


# ---- scores --------------------------------------------------------------------------------------------------------


def cosines(profiles: np.ndarray) -> np.ndarray:
    unit = profiles / np.linalg.norm(profiles, axis=1, keepdims=True)
    return unit @ unit.T


def spearmans(profiles: np.ndarray) -> np.ndarray:
    ranks = np.apply_along_axis(rankdata, 1, profiles)
    return cosines(ranks - ranks.mean(axis=1, keepdims=True))


def wtcs(profiles: np.ndarray) -> np.ndarray:
    """Weighted connectivity score of each profile's ends with every profile, mean of both directions."""
    rank, z = np.empty(profiles.T.shape, np.uint16), np.empty(profiles.T.shape, np.float32)
    fill_block(np.ascontiguousarray(profiles, np.float32), rank, z, 0)
    order = np.argsort(rank, axis=0, kind="stable")
    sets = np.stack([order[:SET].T, order[-SET:].T], axis=1).reshape(-1)
    ends = SET * np.arange(2 * len(profiles) + 1)
    bounds = np.stack([ends[:-1], ends[1:]], axis=1).reshape(-1, 4)
    found = np.empty((len(profiles), len(profiles)), np.float32)
    score_sets(rank, z, sets, bounds, found)
    return (found + found.T) / 2


def auc(score: np.ndarray, hit: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Area under the curve of weighted pairs; ties count half."""
    weight = np.ones(len(score)) if weight is None else weight
    _, level = np.unique(score, return_inverse=True)
    good = np.bincount(level, weights=weight * hit)
    bad = np.bincount(level, weights=weight * ~hit)
    total = good.sum() * bad.sum()
    return float((good * (np.cumsum(bad) - bad / 2)).sum() / total) if total > 0 else float("nan")


@dataclass
class Pairs:
    """Pairs of columns to judge: `hit` should connect; `unit` is what the bootstrap draws."""

    first: np.ndarray
    second: np.ndarray
    hit: np.ndarray
    unit: np.ndarray

    def judge(self, similarity: np.ndarray) -> tuple[float, float, float]:
        """AUC and its interval."""
        low, high = np.nanpercentile(self.draws(similarity), [2.5, 97.5])
        return auc(similarity[self.first, self.second], self.hit), low, high

    def draws(self, similarity: np.ndarray) -> np.ndarray:
        """AUC of bootstrap draws, the same draws whatever is judged."""
        score = similarity[self.first, self.second]
        codes, units = pd.factorize(self.unit)
        rng = np.random.default_rng(1)
        drawn = []
        for _ in range(DRAWS):
            times = np.bincount(rng.integers(0, len(units), len(units)), minlength=len(units))[codes]
            one, other = times[self.first], times[self.second]
            drawn.append(auc(score, self.hit, np.where(codes[self.first] == codes[self.second], one, one * other)))
        return np.array(drawn)


def pairs_of(same: Callable[[np.ndarray, np.ndarray], np.ndarray], chosen: np.ndarray, unit: np.ndarray,
             keep: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None) -> Pairs:  # fmt: skip
    at = np.flatnonzero(chosen)
    one, other = np.triu_indices(len(at), 1)
    first, second = at[one], at[other]
    kept = np.ones(len(first), bool) if keep is None else keep(first, second)
    return Pairs(first[kept], second[kept], same(first[kept], second[kept]), unit)


def mean_average_precision(similarity: np.ndarray, label: np.ndarray, chosen: np.ndarray) -> tuple[float, float, float]:
    at, found, unit = np.flatnonzero(chosen), [], []
    for query in at:
        others = at[at != query]
        hit = (label[others] == label[query])[np.argsort(-similarity[query, others], kind="stable")]
        if hit.any():
            found.append(float((np.cumsum(hit)[hit] / (np.flatnonzero(hit) + 1)).mean()))
            unit.append(label[query])
    codes, units = pd.factorize(np.array(unit, object))
    value, rng = np.array(found), np.random.default_rng(1)
    drawn = []
    for _ in range(DRAWS):
        times = np.bincount(rng.integers(0, len(units), len(units)), minlength=len(units))[codes]
        drawn.append((value * times).sum() / times.sum())
    return float(value.mean()), *np.percentile(drawn, [2.5, 97.5])


def similarities(z: Matrix, cleaned: Matrix) -> dict[str, np.ndarray]:
    raw, clean = z.values.T.astype(float), cleaned.values.T.astype(float)
    return {
        "ZSPC, Spearman": spearmans(raw), "ZSPC, cosine": cosines(raw), f"ZSPC, WTCS {SET}": wtcs(raw),
        "ZSNC, cosine": cosines(clean), f"ZSNC, WTCS {SET}": wtcs(clean),
    }  # fmt: skip


# ---- tests ---------------------------------------------------------------------------------------------------------


@dataclass
class Line:
    """One line of the table: test, what is compared, scores by method."""

    test: str
    count: str
    scores: dict[str, tuple[float, float, float]]


def plate_lines(test: str, z: Matrix, cleaned: Matrix, moa: dict[str, set[str]], chosen: np.ndarray) -> list[Line]:
    """Judge wells of the same compound, against adjacent rows, mAP, and mechanism across rows."""
    pert, name = z.cols["pert_id"].to_numpy(str), z.cols["pert_iname"].str.lower().to_numpy(str)
    row = np.array([ord(cid.rpartition(":")[2][0]) for cid in z.cids])
    known = np.array([bool(moa.get(item)) for item in name])

    def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return pert[a] == pert[b]

    def near(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return same(a, b) | (abs(row[a] - row[b]) <= 1)

    def class_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([bool(moa[name[i]] & moa[name[j]]) for i, j in zip(a, b, strict=True)], bool)

    every = similarities(z, cleaned)
    kinds = {
        "same compound (reproducibility)": pairs_of(same, chosen, pert),
        "same compound against adjacent rows": pairs_of(same, chosen, pert, near),
        "mechanism (other compound)": pairs_of(class_of, chosen & known, pert, lambda a, b: ~same(a, b)),
    }
    lines = []
    for kind, pairs in kinds.items():
        if pairs.hit.sum() >= 10 and (~pairs.hit).sum() >= 10:
            found = {method: pairs.judge(values) for method, values in every.items()}
            lines.append(Line(f"{test}: {kind}, AUC", f"{int(pairs.hit.sum())} of {len(pairs.hit)}", found))
    found = {method: mean_average_precision(values, pert, chosen) for method, values in every.items()}
    lines.insert(1, Line(f"{test}: same compound, mAP", f"{int(chosen.sum())} wells", found))
    return lines


def treated(z: Matrix, least: float) -> np.ndarray:
    dose = pd.to_numeric(z.cols["pert_dose"], errors="coerce") if "pert_dose" in z.cols else pd.Series(np.inf, z.cids)
    return (z.cols["pert_type"].str.lower().str.startswith("trt_") & (dose >= least)).to_numpy()


def learn(z: Matrix, params: TrainNoiseParams = TrainNoiseParams()) -> NoiseModel:  # noqa: B008 (frozen)
    return train_noise([z], landmarks=landmarks(), params=params).model


def halves(z: Matrix, moa: dict[str, set[str]]) -> list[Line]:
    """Model from one half of the rows, default factors, scored on the other."""
    top = np.array([cid.rpartition(":")[2][0] in "ABCD" for cid in z.cids])
    lines = []
    for name, own in (("rows E-H by rows A-D", ~top), ("rows A-D by rows E-H", top)):
        part = z.take_cols(own)
        cleaned = denoise(part, learn(z.take_cols(~own), INERT), params=ALONE).matrix
        lines += plate_lines(f"LJP009AH, {name}", part, cleaned, moa, treated(part, 1.0))
    return lines


def by_compound(z: Matrix, others: NoiseModel, moa: dict[str, set[str]]) -> list[Line]:
    """Models of the plate itself, cross-fitted by compound; and own control wells with a model of other plates."""
    chosen, model = treated(z, 1.0), learn(z, INERT)
    lines = plate_lines("LJP009AH by compounds", z, denoise(z, model, params=ALONE).matrix, moa, chosen)
    own = denoise(z, others).matrix
    return lines + plate_lines("LJP009AH, own vehicles and CPC006 + REP.A028", z, own, moa, chosen)[:2]


def screening_plate(z: Matrix, model: NoiseModel, moa: dict[str, set[str]]) -> list[Line]:
    """CPC006, single wells: mechanism; own vehicles and a model of other plates."""
    chosen = treated(z, 0.0)
    return [
        line
        for line in plate_lines(
            "CPC006, own vehicles and LJP009AH + REP.A028", z, denoise(z, model).matrix, moa, chosen
        )
        if "mechanism" in line.test
    ]


def foreign_plate(z: Matrix, model: NoiseModel, moa: dict[str, set[str]]) -> list[Line]:
    """REP.A028: other cell, batch and few beads, no vehicles; four compounds."""
    cleaned = denoise(z, model, params=ALONE).matrix
    return plate_lines("REP.A028 by LJP009AH + CPC006", z, cleaned, moa, treated(z, 0.0))[:3]


def signatures(z: Matrix, models: dict[str, NoiseModel]) -> list[Line]:
    """Judge the same drug in another cell line; A375, on which the models were learned, left out and not."""
    drug, cell = z.cols["pert_iname"].to_numpy(str), z.cols["cell_id"].to_numpy(str)
    lines = []
    for name, model in models.items():
        every = similarities(z, denoise(z, model).matrix)
        every = {method.replace("ZSPC", "MODZ").replace("ZSNC", "MNZ"): values for method, values in every.items()}
        for cells, chosen in (("without A375", cell != "A375"), ("all cells", np.ones(len(cell), bool))):
            pairs = pairs_of(lambda a, b: drug[a] == drug[b], chosen, cell, lambda a, b: cell[a] != cell[b])
            found = {method: pairs.judge(values) for method, values in every.items()}
            lines.append(Line(f"272 signatures, {cells}, by {name}: same drug, other cell, AUC",
                              f"{int(pairs.hit.sum())} of {len(pairs.hit)}", found))  # fmt: skip
    return lines


def inferred_genes(z: Matrix, qnorm: Matrix, moa: dict[str, set[str]]) -> list[Line]:
    """Infer genes from log2 values as they are, and from cleaned ones; judge these genes alone."""
    model = read_inference_model(default_model_path())
    cleaned = denoise(z, learn(z, INERT), params=ALONE).matrix
    after = infer_cleaned(cleaned, z, qnorm, model, gene_table(), clip=4.0, centred=True)
    before = zscore(infer(qnorm.take_cols(z.cids), model, gene_table()).matrix).matrix
    only = after.rids[~after.rids.isin(z.rids)]
    raw, clean = before.take_rows(only), after.take_rows(only)
    raw = raw.with_values(np.clip(raw.values, -4, 4))
    return plate_lines("LJP009AH by compounds, inferred genes alone", raw, clean, moa, treated(z, 1.0))[:2]


def at_random(z: Matrix) -> Line:
    """Unrelated wells grouped by three at random, cleaned with a model trained on these groups: 0.5 is right."""
    chosen = z.cols["pert_type"].str.startswith("trt_").to_numpy()
    found = []
    for seed in range(20):
        group = np.random.default_rng(seed).permutation(int(chosen.sum())) // 3
        part = z.take_cols(chosen)
        cols = part.cols.assign(pert_id=[f"RANDOM{number:03d}" for number in group], pert_iname=np.nan, pert_dose=1.0)
        part = Matrix(part.values, part.rows, cols, level=part.level, space=part.space)
        cleaned = denoise(part, learn(part), params=ALONE).matrix
        pairs = pairs_of(lambda a, b, group=group: group[a] == group[b], np.ones(len(group), bool), group)
        found.append(auc(cosines(cleaned.values.T.astype(float))[pairs.first, pairs.second], pairs.hit))
    low, high = np.percentile(found, [2.5, 97.5])
    return Line("LJP009AH, unrelated wells grouped at random, AUC (right: 0.5)", "20 groupings",
                {"ZSNC, cosine": (float(np.mean(found)), low, high)})  # fmt: skip


# ---- the table -----------------------------------------------------------------------------------------------------


def table(lines: list[Line]) -> str:
    methods = ["ZSPC, Spearman", "ZSPC, cosine", f"ZSPC, WTCS {SET}", "ZSNC, cosine", f"ZSNC, WTCS {SET}"]
    head = ["test", "pairs or wells", *methods]
    rows = []
    for line in lines:
        cells = []
        for method in methods:
            value = line.scores.get(method) or line.scores.get(method.replace("ZSPC", "MODZ").replace("ZSNC", "MNZ"))
            cells.append("" if value is None else f"{value[0]:.3f} ({value[1]:.2f}-{value[2]:.2f})")
        rows.append(f"| {line.test} | {line.count} | {' | '.join(cells)} |")
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *rows])


def measure(shared: Path, work: Path) -> list[Line]:
    moa = mechanisms(shared)
    z, rep = plate(shared, LJP, work), plate(shared, REP, work)
    packed = with_landmarks(shared / "signatures/CPC006_level3_n371x978.gctx.gz", Level.QNORM)
    cpc = zscore(packed).matrix
    cpc = Matrix(cpc.values, cpc.rows, cpc.cols.assign(pert_iname=cpc.cols["pert_desc"]), level=cpc.level)
    level5 = with_landmarks(shared / "signatures/modzs_n272x978.gctx.gz", Level.MODZ)
    whole, cpc_model, rep_model = learn(z, INERT), learn(cpc), learn(rep, INERT)
    params = TrainNoiseParams()

    def added(*models: NoiseModel) -> NoiseModel:
        return sum_noise(list(models), params, ["model"] * len(models))

    lines = [
        *halves(z, moa),
        *by_compound(z, added(cpc_model, rep_model), moa),
        *screening_plate(cpc, added(whole, rep_model), moa),
        *foreign_plate(rep, added(whole, cpc_model), moa),
        *signatures(level5, {"LJP009AH + CPC006": added(whole, cpc_model)}
                    | ({"the shipped model": read_noise_model(default_noise_path())}
                       if default_noise_path().is_file() else {})),
        *inferred_genes(z, with_landmarks(work / f"{LJP}_QNORM.gctx"), moa),
        at_random(z),
    ]  # fmt: skip
    return lines


def tables(shared: Path, work: Path) -> dict[str, str]:
    return {"figures": table(measure(shared, work)), "simulated": noise_simulated.section()}


if __name__ == "__main__":
    measure_tables(__doc__, PAGE, tables)
