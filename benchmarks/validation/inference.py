"""Accuracy of inference: studies left out and judged within themselves, and what was tried."""

from pathlib import Path

import numpy as np
from inference_lab import PARAMS, SEVEN, Lab, contrasts, coverage, gene_penalties, kernel_residuals, neighbour_prior

from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
from beadwork.io.platform.inference_model import default_model_path, read_inference_model
from beadwork.model.matrix import Level
from beadwork.stages.levels.inference.infer import infer

PERTURBATIONS = ("estrogen", "GSE197067", "siESR1", "stemHypoxia")
OTHERS = {
    "scale power 0": {"scale_power": 0.0},
    "scale power 1": {"scale_power": 1.0},
    "gene power 0": {"gene_power": 0.0},
    "gene power 1": {"gene_power": 1.0},
    "saturation 0": {"saturation": 0.0},
    "saturation 0.0005": {"saturation": 5e-4},
    "neither (0 and 0), study weight 0.3": {"gene_power": 0.0, "saturation": 0.0},
}
MAD_TO_SD, MIN_MAD = 1.4826, 0.1


def line(name: str, *values: object) -> str:
    cells = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in values]
    return f"| {name} | " + " | ".join(cells) + " |"


def section(shared: Path) -> str:
    model, lab = read_inference_model(default_model_path()), Lab(shared)
    return "\n".join([
        *by_study(model, lab), "", *choices(lab), "", *learning_curve(lab), "", *uncertainty(lab), "",
        *perturbations(lab), "", *on_plates(shared, model),
    ])  # fmt: skip


def by_study(model, lab: Lab) -> list[str]:
    """Print the figures that the model carries, made when it was trained."""
    table, meta = model.metadata["accuracy_by_study"], model.metadata
    out = [
        "## Inference of genes from landmarks",
        "",
        f"{meta['samples']:,} profiles of {len(table)} studies; each is left out in turn, with those that may share "
        "its patients, and judged within itself: Pearson correlation of inferred and measured values over its samples, "
        "per gene; the median over genes. This is the figure to quote: it cannot be earned by telling studies apart.",
        "",
        "| left-out study | samples | what | all 11,350 | BING 9,196 | others 2,154 |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in table.items():
        out.append(line(name, meta["studies"][name], lab.facts.loc[name, "what"],
                        *(found.get(key, float("nan")) for key in ("all", "bing", "other"))))  # fmt: skip
    total = [meta["accuracy"][key] for key in ("all", "bing", "other")]
    out.append(line("**mean**", meta["samples"], "", *total))
    seven = [float(np.mean([table[name][key] for name in SEVEN])) for key in ("all", "bing", "other")]
    out.append(line("**mean of the seven of the first model**", sum(meta["studies"][n] for n in SEVEN), "", *seven))
    r = np.asarray(model.accuracy)
    quartiles = ", ".join(f"{value:.2f}" for value in np.nanpercentile(r, [25, 50, 75]))
    chosen = ", ".join(f"{ridge:g}" for ridge in meta["nested"]["ridges"])
    return [
        *out, "",
        f"Per gene (mean over studies): quartiles {quartiles}; "
        f"{np.mean(r > 0.5):.0%} of the genes above 0.5, {np.mean(r < 0.2):.0%} below 0.2. The penalty that the other "
        f"folds of studies choose for each of five (nested): {chosen}; correlation there {meta['nested']['accuracy']}.",
    ]  # fmt: skip


def choices(lab: Lab) -> list[str]:
    """Judge the seven studies with other choices, and what was tried beyond the recipe."""
    out = ["Mean over the seven studies, each left out, every fifth gene, for other choices:", "",
           "| model | all | BING | others |", "|---|---|---|---|"]  # fmt: skip
    out.append(line("the seven studies alone, ridge 2000, rank 128 (the first model)",
                    *lab.left_out(names=SEVEN, ridge=2000.0, rank=128)))  # fmt: skip
    for ridge in (1000.0, 2000.0, 4000.0, 8000.0):
        out.append(line(f"full rank, ridge {ridge:g}", *lab.left_out(ridge=ridge)))
    for rank in (128, 256, PARAMS.rank):
        out.append(line(f"rank {rank}", *lab.left_out(rank=rank)))
    for weight in (0.0, 0.3, 1.0):
        out.append(line(f"study weight {weight:g}", *lab.left_out(weight=weight)))
    u133 = [name for name in lab.studies if "U133" in lab.facts.loc[name, "what"]]
    out.append(
        line("only studies that are not HG-U133", *lab.left_out(names=[n for n in lab.studies if n not in u133]))
    )
    out.append(line("HG-U133 studies counted twice (a platform's own part)",
                    *lab.left_out(factor=dict.fromkeys(u133, 2.0))))  # fmt: skip
    out.append(line("perturbation studies counted four times", *lab.left_out(factor=dict.fromkeys(PERTURBATIONS, 4.0))))
    for name, other in OTHERS.items():
        lab.weigh(**other)
        out.append(line(name, *lab.left_out(**({"weight": 0.3} if name.startswith("neither") else {}))))
    lab.weigh()
    out.append(line("a penalty for each gene (nested)", *gene_penalties(lab)))
    out.append(line("weights drawn to those of co-expressed genes", *neighbour_prior(lab)))
    out.append(line("a radial kernel on the residuals", *kernel_residuals(lab)))
    return out


def learning_curve(lab: Lab) -> list[str]:
    """Random studies of the other 51, judged on the seven."""
    rest = np.array([name for name in lab.studies if name not in SEVEN])
    rng = np.random.default_rng(0)
    out = ["Learning curve: so many random studies of the other 51 (mean of three draws), judged on the seven:", "",
           "| studies | all | BING | others |", "|---|---|---|---|"]  # fmt: skip
    for n in (3, 6, 12, 24, 51):
        draws = [lab.left_out(names=list(rng.choice(rest, n, replace=False))) for _ in range(3 if n < 51 else 1)]
        out.append(line(str(n), *np.mean(draws, axis=0)))
    return out


def uncertainty(lab: Lab) -> list[str]:
    """Coverage of the intervals in studies left out."""
    found = coverage(lab)
    wide, narrow = (np.array([row[k] for row in found]) for k in (1, 2))
    return [
        "Uncertainty of inferred values (`infer --sd`), in studies left out: share of values within the interval.", "",
        "| interval | mean over studies | 10th to 90th percentile of studies |", "|---|---|---|",
        line("1.96 sd (95 %)", float(wide.mean()), "{:.2f} to {:.2f}".format(*np.percentile(wide, [10, 90]))),
        line("1 sd (68 %)", float(narrow.mean()), "{:.2f} to {:.2f}".format(*np.percentile(narrow, [10, 90]))),
    ]  # fmt: skip


def perturbations(lab: Lab) -> list[str]:
    """Signatures of perturbations whose transcriptome was measured, with both scales of z."""
    shipped = read_inference_model(default_model_path())
    at = shipped.genes.get_indexer(lab.genes)
    gene_sd, accuracy, n = np.asarray(shipped.gene_sd)[at], np.asarray(shipped.accuracy)[at], len(lab.studies)
    out = [
        "Perturbations with a measured transcriptome, each study left out: correlation of inferred and measured "
        "signature over the inferred genes, and share of right signs among the 5 % of genes with the largest "
        "inferred z. Own: z as ZSPC divides it; own x r: times the accuracy of the gene in other studies (gene lists "
        "of an index); measured: `zscore --scale measured`.",
        "",
        "| study | n | gene r | signature r, own | own x r | measured | right sign, own | own x r | measured |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows = []
    for name in PERTURBATIONS:
        model = lab.fit(lab.without(name))
        inferred, measured = lab.inferred(name, model)
        there = np.isfinite(measured).all(axis=0)
        samples = sample_names(lab, name)
        centre = np.median(inferred, axis=0)
        own = np.maximum(np.median(np.abs(inferred - centre), axis=0), MIN_MAD) * MAD_TO_SD
        here = lab.correlation(name, model)
        others = np.where(np.isfinite(here), (n * accuracy - here) / (n - 1), accuracy)  # without the study judged
        found = []
        for treated, control in contrasts(name, samples).values():
            truth = (measured[treated].mean(axis=0) - measured[control].mean(axis=0))[there]
            guess = inferred[treated].mean(axis=0) - inferred[control].mean(axis=0)
            cells = []
            for factor in (1 / own, np.clip(others, 0, 1) / own, 1 / gene_sd):
                z = (guess * factor)[there]
                top = np.argsort(-np.abs(z))[: len(z) // 20]
                cells.append(
                    (np.corrcoef(z, truth / gene_sd[there])[0, 1], np.mean(np.sign(z[top]) == np.sign(truth[top])))
                )
            found.append([cell[k] for k in (0, 1) for cell in cells])
        mean = np.mean(found, axis=0)
        r = float(lab.medians(here)[0])
        rows.append([r, *mean])
        out.append(line(name, len(found), r, *map(float, mean)))
    out.append(line("**mean**", "", *map(float, np.mean(rows, axis=0))))
    return out


def sample_names(lab: Lab, name: str) -> list[str]:
    """Sample ids of a study, in the order of its profiles."""
    return list(lab.profiles.samples[lab.studies[name].places])


def on_plates(shared: Path, model) -> list[str]:
    """Apply the shipped model to real plates: how far values spread, and how often they are clipped."""
    genes = gene_table()
    test = shared / "plates" / "TEST_A375_24H_X1_B20" / "official" / "TEST_A375_24H_X1_B20_QNORM_n23x978.gct.gz"
    lines = [
        "The shipped model on real QNORM plates. MAD: over the wells of the plate, median over genes. The z-score's "
        "floor of 0.1 damps genes of which little can be inferred.",
        "",
        "| plate | wells | values clipped | MAD of landmarks | MAD of inferred genes | inferred genes below floor | "
        "sd of inferred values (`--sd`, median) |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, path in (("TEST", test), ("CPC006_A375_6H_X1", shared / "signatures" / "CPC006_level3_n371x978.gctx.gz")):
        qnorm = with_entrez_ids(read_matrix(path, level=Level.QNORM))
        result = infer(qnorm, model, genes, with_sd=True)
        values = result.matrix.values
        mad = np.median(np.abs(values - np.median(values, axis=1, keepdims=True)), axis=1)
        landmark = result.matrix.rows["pr_is_lm"].to_numpy() == 1
        lines.append(
            line(name, values.shape[1], f"{100 * result.qc['value'].astype(float).mean():.2f} %",
                 float(np.median(mad[landmark])), float(np.median(mad[~landmark])),
                 f"{100 * (mad[~landmark] < 0.1).mean():.0f} %", float(np.median(result.sd.values)))
        )  # fmt: skip
    return lines


if __name__ == "__main__":
    import sys

    print(section(Path(sys.argv[1])))
