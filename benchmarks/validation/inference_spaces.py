"""Which genes connect best: wells of one compound against wells of different ones, by space and scale of z.

    python benchmarks/validation/inference_spaces.py QNORM [Z ...]

QNORM is level 3 of a plate whose map has compounds in two wells or more (LJP009_A375_24H_X1_B20); Z are level-4
matrices of it, such as those of ``beadwork denoise``.  Wells with a compound at 1 um or more; Spearman correlation over
the genes; AUC: how often two wells of one compound correlate higher than two wells of different ones.
"""

import sys

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.io.platform.inference_model import default_model_path, read_inference_model
from beadwork.model.params import ZscoreParams
from beadwork.stages.levels.inference.infer import infer
from beadwork.stages.levels.zscore import zscore

MIN_DOSE = 1.0


def auc(values: np.ndarray, names: np.ndarray) -> tuple[float, float, float]:
    """AUC, and the median correlation of wells of one compound and of different ones."""
    ranks = np.apply_along_axis(rankdata, 0, values)
    above = np.triu_indices(len(names), 1)
    found = np.corrcoef(ranks.T)[above]
    same = (names[:, None] == names)[above]
    n = int(same.sum())
    score = (rankdata(found)[same].sum() - n * (n + 1) / 2) / (n * int((~same).sum()))
    return float(score), float(np.median(found[same])), float(np.median(found[~same]))


def main() -> None:
    """Print a table."""
    inf = infer(read_matrix(sys.argv[1]), read_inference_model(default_model_path()), gene_table()).matrix
    dose = pd.to_numeric(inf.cols["pert_dose"], errors="coerce").to_numpy()
    treated = inf.cols["pert_type"].astype(str).str.lower().str.startswith("trt").to_numpy() & (dose >= MIN_DOSE)
    names = inf.cols["pert_iname"].astype(str).to_numpy()[treated]
    landmark, bing = (inf.rows[name].to_numpy() == 1 for name in ("pr_is_lm", "pr_is_bing"))
    sure = inf.rows["pr_inference_r"].to_numpy() > 0.5
    print(f"{treated.sum()} wells, {len(set(names))} compounds\n\n| scores | genes | AUC | same | different |")
    print("|---|---|---|---|---|")
    for scale in ("own", "measured"):
        z = zscore(inf, params=ZscoreParams(scale=scale)).matrix.values[:, treated]
        masks = {"landmarks": landmark} if scale == "own" else {}
        masks |= {
            "inferred, BING": bing & ~landmark,
            "inferred, all": ~landmark,
            "inferred, r above 0.5": sure & ~landmark,
        }
        for name, mask in masks.items():
            cells = " | ".join(f"{value:.3f}" for value in auc(z[mask], names))
            print(f"| {name}, {scale} scale | {mask.sum():,} | {cells} |")
    for path in sys.argv[2:]:
        z = read_matrix(path)
        found = auc(z.take_cols(inf.cids[treated]).values, names)
        print(f"| {path} | {len(z.rids):,} | " + " | ".join(f"{value:.3f}" for value in found) + " |")


if __name__ == "__main__":
    main()
