"""Classes of `beadwork explain` beside decoupler and gseapy, where the question is the same.

python benchmarks/validation/enrichment.py [ANSWER]     ANSWER: what `beadwork explain` takes; by default the real one

Needs decoupler and gseapy, which are no dependencies of the project: pip install decoupler gseapy.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.api.index.asking.explain import explain_scores, read_answers


def by_decoupler(scores: pd.Series, sets: dict[str, list[str]]) -> pd.Series:
    """Compute z by decoupler's `zscore` (KSEA): (mean of the set - mean of all) * sqrt(n) / sd of all."""
    import decoupler

    net = pd.DataFrame([(name, item) for name, items in sets.items() for item in items], columns=["source", "target"])
    es, _ = decoupler.mt.zscore(scores.to_frame("q").T, net.assign(weight=1.0), tmin=1, flavor="KSEA")
    return pd.Series(es.iloc[0])


def by_gseapy(scores: pd.Series, sets: dict[str, list[str]]) -> pd.DataFrame:
    """NES and FDR of gseapy's `prerank`, 1,000 permutations."""
    import gseapy

    found = gseapy.prerank(rnk=scores.sort_values(ascending=False), gene_sets=sets, min_size=1, max_size=10_000,
                           permutation_num=1000, seed=0, threads=1, outdir=None, no_plot=True).res2d  # fmt: skip
    return found.set_index("Term")[["NES", "FDR q-val"]].astype(float)


def compare(scores: pd.Series, sets: dict[str, list[str]], ours: pd.Series) -> dict[str, float]:
    """Agreement of our z with both."""
    n, total = pd.Series({name: len(items) for name, items in sets.items()}), len(scores)
    exact = ours / np.sqrt((total - 1) / (total - n))  # drawn without replacement: decoupler leaves that out
    ksea = by_decoupler(scores, sets).reindex(ours.index)
    prerank = by_gseapy(scores, sets).reindex(ours.index)
    return {
        "classes": len(ours),
        "largest difference from decoupler (sd of all, mean of all taken out)": float((exact - ksea).abs().max()),
        "correlation with decoupler": float(np.corrcoef(ours, ksea)[0, 1]),
        "Spearman with NES of prerank": float(ours.corr(prerank["NES"], method="spearman")),
        "same sign as prerank, of those with |z| > 2": float(
            (np.sign(ours) == np.sign(prerank["NES"]))[ours.abs() > 2].mean()
        ),
    }


def classes_of(answer: Path) -> tuple[pd.Series, dict[str, list[str]], pd.Series]:
    """Read the normal scores of the compounds of an answer, its mechanisms, and our z of each."""
    query, rows, scores = next(iter(read_answers(answer)))
    found = explain_scores(query, rows, scores)
    table = found.perturbagens.of("trt_cp").drop_duplicates("name")
    normal = table.set_index(table["name"].str.lower())["z"]
    ours = found.classes[found.classes["kind"] == "mechanism"].set_index("class")["z"]
    listed = {name: sorted({item.lower() for item in found.members["mechanism"][name]} & set(normal.index))
              for name in ours.index}  # fmt: skip
    return normal, listed, ours


def main() -> None:
    """Compare one answer."""
    shared = Path(__file__).parents[3] / "shared" / "data" / "signatures" / "ncs_mcf7_frasor_er_n1x38773.gctx.gz"
    for what, value in compare(*classes_of(Path(sys.argv[1]) if len(sys.argv) > 1 else shared)).items():
        print(f"{what}: {value:.6g}")


if __name__ == "__main__":
    main()
