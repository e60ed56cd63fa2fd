"""Accuracy of inference: left-out studies judged within themselves, and the figures that flatter."""

from pathlib import Path

import numpy as np

from beadwork.io.matrix.expression import read_expression
from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
from beadwork.io.platform.inference_model import default_model_path, read_inference_model
from beadwork.kernels.levels.ridge import left_out_correlation
from beadwork.model.matrix import Level
from beadwork.model.params import TrainInferenceParams
from beadwork.stages.levels.infer import infer
from beadwork.stages.levels.train_inference import TrainingData, prepare_training

PARAMS = TrainInferenceParams()
RIDGES = (500.0, 1000.0, 2000.0, 4000.0, 8000.0)
EVERY = 5
"""Genes that choose the ridge inside the nested loop: every fifth, which moves a median by less than .005."""


def medians(found: np.ndarray, bing: np.ndarray) -> np.ndarray:
    """(folds, genes) -> (folds, 3): median gene correlation of all, BING and other genes."""
    return np.column_stack(
        [np.median(found, axis=1), np.median(found[:, bing], axis=1), np.median(found[:, ~bing], axis=1)]
    )


def left_out(data: TrainingData, ridges=(PARAMS.ridge,), weight=PARAMS.study_weight, rank=PARAMS.rank, fold=None):
    return left_out_correlation(
        data.x, data.y, data.study, data.study if fold is None else fold, ridges=ridges, study_weight=weight, rank=rank
    )


def nested(data: TrainingData, bing: np.ndarray) -> tuple[list[float], np.ndarray]:
    """Choose the ridge by leaving one more study out of the training studies; judge it on the study left out first."""
    chosen, rows = [], []
    full = left_out(data, RIDGES)
    for code in range(len(data.study_names)):
        rest = data.study != code
        inner = left_out_correlation(
            data.x[rest], data.y[rest][:, ::EVERY], data.study[rest], data.study[rest],
            ridges=RIDGES, study_weight=PARAMS.study_weight, rank=None,
        )  # fmt: skip
        best = int(np.median(inner, axis=2).mean(axis=1).argmax())
        chosen.append(RIDGES[best])
        rows.append(medians(full[best, code : code + 1], bing)[0])
    return chosen, np.array(rows)


def line(name: str, *values: object) -> str:
    cells = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in values]
    return f"| {name} | " + " | ".join(cells) + " |"


def section(shared: Path) -> str:
    genes = gene_table()
    expression = read_expression(shared / "expression" / "u133a_log2_float16.npz")
    data = prepare_training(expression, genes, params=PARAMS)
    bing = genes.loc[data.genes, "pr_is_bing"].to_numpy() == 1
    counts = np.bincount(data.study)
    model = medians(left_out(data)[0], bing)
    chosen, judged = nested(data, bing)
    out = [
        "## Inference of genes from landmarks",
        "",
        f"{len(data.x)} HG-U133A profiles of {len(data.study_names)} studies; each is left out in turn and judged "
        "within itself: Pearson correlation of inferred and measured values over its samples, per gene; the median "
        "over genes. This is the figure to quote: it cannot be earned by telling studies apart.",
        "",
        "| left-out study | samples | all 11,350 | BING 9,196 | others 2,154 | ridge the other six choose (nested) "
        "| all, with that ridge |",
        "|---|---|---|---|---|---|---|",
    ]
    for code, name in enumerate(data.study_names):
        out.append(line(name, counts[code], *model[code], f"{chosen[code]:.0f}", judged[code, 0]))
    out.append(line("**mean**", counts.sum(), *model.mean(axis=0), "", judged[:, 0].mean()))
    out += ["", "The same figure (mean over studies) for other choices, and figures that mislead:", ""]
    out += ["| model | all | BING | others |", "|---|---|---|---|"]
    for ridge, found in zip(RIDGES, left_out(data, RIDGES, rank=None), strict=True):
        out.append(line(f"ridge {ridge:.0f}, full rank", *medians(found, bing).mean(axis=0)))
    for rank in (16, 64):
        out.append(line(f"ridge 2000, rank {rank}", *medians(left_out(data, rank=rank)[0], bing).mean(axis=0)))
    out.append(line(f"**default: ridge 2000, rank {PARAMS.rank}, study weight 0.3**", *model.mean(axis=0)))
    for weight, name in ((1.0, "studies pooled (weight 1)"), (0.0, "within-study differences only (weight 0)")):
        out.append(line(f"default, but {name}", *medians(left_out(data, weight=weight)[0], bing).mean(axis=0)))
    fold = np.random.default_rng(0).permutation(len(data.x)) % 5
    flattering = medians(left_out(data, (100.0,), weight=1.0, rank=None, fold=fold)[0], bing).mean(axis=0)
    out.append(line("misleading: random fifths, pooled, ridge 100, judged across studies", *flattering))
    out += ["", *on_plates(shared, genes)]
    return "\n".join(out)


def on_plates(shared: Path, genes) -> list[str]:
    """Apply the shipped model to real plates: how far values spread, and how often they are clipped."""
    model = read_inference_model(default_model_path())
    test = shared / "plates" / "TEST_A375_24H_X1_B20" / "official" / "TEST_A375_24H_X1_B20_QNORM_n23x978.gct.gz"
    lines = [
        "The shipped model on real QNORM plates. MAD: over the wells of the plate, median over genes. The z-score's "
        "floor of 0.1 damps genes of which little can be inferred.",
        "",
        "| plate | wells | values clipped | MAD of landmarks | MAD of inferred genes | inferred genes below floor |",
        "|---|---|---|---|---|---|",
    ]
    for name, path in (("TEST", test), ("CPC006_A375_6H_X1", shared / "signatures" / "CPC006_level3_n371x978.gctx.gz")):
        result = infer(with_entrez_ids(read_matrix(path, level=Level.QNORM)), model, genes)
        values = result.matrix.values
        mad = np.median(np.abs(values - np.median(values, axis=1, keepdims=True)), axis=1)
        landmark = result.matrix.rows["pr_is_lm"].to_numpy() == 1
        lines.append(
            line(name, values.shape[1], f"{100 * result.qc['value'].astype(float).mean():.2f} %",
                 float(np.median(mad[landmark])), float(np.median(mad[~landmark])),
                 f"{100 * (mad[~landmark] < 0.1).mean():.0f} %")
        )  # fmt: skip
    return lines
