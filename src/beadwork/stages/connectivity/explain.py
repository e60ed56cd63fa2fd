"""What stands behind an answer: mechanisms, targets and sets among its perturbagens, and genes behind it.

Doses, times and cells of one perturbagen are correlated, so that each perturbagen counts once: its scores are averaged
within a cell, then over cells, and taken as normal scores among the perturbagens of its pert_type that stand on about
as many signatures (an average over many spreads less).  Under the null that names do not matter, these are standard
normal draws without replacement, so that for n members out of N::

    z = mean(member scores) * sqrt(n) * sqrt((N - 1) / (N - n))

is standard normal, which gives p and, over all classes, the false discovery rate of Benjamini and Hochberg (1995).

The score of a gene joins what loss of it does (reversed), what gain of it does, and what drugs of it do, by whether
they are for or against it, by Stouffer's method: z = sum(z_i) / sqrt(number of parts).

Genes of one signature are listed by :func:`gene_list_scores`: inferred genes count by how well they are inferred.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from beadwork.kernels.connectivity.control_t import benjamini_hochberg
from beadwork.kernels.numeric.ranks import mean_ranks, rankit_scores
from beadwork.model.errors import AlignmentError
from beadwork.model.pert_types import COMPOUND, is_treatment, perturbation_kind, rolled_up_as

FEWEST = 100
"""Perturbagens that are ranked together at least, if there are as many."""
LEADING = 5
"""Members of a class that are named."""
SHRNA, CONSENSUS = "trt_sh", "trt_sh.cgs"
PARTS = {"shRNA": -1, "CRISPR": -1, "gain": 1, "drugs": 1}
"""Parts of a gene's score, and the sign with which each enters it: loss that opposes the query speaks for the gene."""
CLASS_COLUMNS = ("query", "class", "kind", "n_perturbagens", "z", "p", "fdr", "mean_score", "mean_score_of_others",
                 "direction", "leading")  # fmt: skip
Identify = Callable[[Sequence[str]], Sequence[str]]
"""Symbol of today of each gene name, the name itself where it is not known."""


@dataclass(frozen=True, eq=False)
class Perturbagens:
    """Perturbagens of an answer, each once.

    Parameters
    ----------
    table
        name, pert_type, n_signatures, n_cells, score (mean over cells of its mean in a cell) and z (normal score among
        its like) of each; hairpins and clones of a gene are rows of their own (``pert_id``).
    """

    table: pd.DataFrame

    def of(self, *types: str) -> pd.DataFrame:
        """Those of some types."""
        return self.table[self.table["pert_type"].isin(types)]


def perturbagens_of(rows: pd.DataFrame, scores: np.ndarray) -> Perturbagens:
    """Average the scores of signatures over doses and times, then over cells.

    Parameters
    ----------
    rows
        Annotation: pert_iname or pert_id (or both), pert_type (missing: compound), cell_id (missing: one cell).
    scores
        Score of each row; missing ones do not count.

    Raises
    ------
    AlignmentError
        No row has a name and a score, or rows have no names at all.
    """
    if not {"pert_iname", "pert_id"} & set(rows.columns):
        raise AlignmentError("the answer has neither pert_iname nor pert_id; what its rows are is not known")
    names = rows["pert_iname"] if "pert_iname" in rows else rows["pert_id"]
    names = names.where(names.notna(), rows["pert_id"]) if "pert_id" in rows else names
    types = _of_each(rows["pert_type"], rolled_up_as) if "pert_type" in rows else pd.Series(COMPOUND, index=rows.index)
    types = types.where(types != "", COMPOUND)
    ids = rows["pert_id"] if "pert_id" in rows else names
    apart = _of_each(types, lambda kind: perturbation_kind(kind) in ("loss of function", "over-expression"))
    cells = rows["cell_id"] if "cell_id" in rows else pd.Series("", index=rows.index)
    data = pd.DataFrame({
        "name": names.astype(object), "pert_type": types, "pert_id": ids.where(apart & ids.notna(), "").astype(object),
        "cell": cells.astype(object).where(cells.notna(), ""), "score": np.asarray(scores, np.float64),
    })  # fmt: skip
    data = data[data["name"].notna() & data["score"].notna() & _of_each(data["pert_type"], is_treatment)]
    if data.empty:
        raise AlignmentError("the answer has no treatment with a name and a score")
    key = ["name", "pert_type", "pert_id"]
    by_cell = data.groupby([*key, "cell"], sort=True)["score"].agg(["mean", "size"])
    found = by_cell.groupby(level=key, sort=True).agg(score=("mean", "mean"), n_signatures=("size", "sum"),
                                                      n_cells=("size", "size"))  # fmt: skip
    table = found.reset_index()
    table["z"] = np.nan
    for _, part in table.groupby("pert_type", sort=True):
        for place in _alike(part["n_signatures"].to_numpy()):
            chosen = part.index[place]
            values = table.loc[chosen, "score"].to_numpy()
            table.loc[chosen, "z"] = rankit_scores(mean_ranks(values), len(values))
    return Perturbagens(table)


def _of_each(column: pd.Series, function: Callable[[Any], Any]) -> pd.Series:
    """``column.map(function)``, asked once for each distinct value."""
    codes, distinct = pd.factorize(column, use_na_sentinel=False)
    mapped: pd.Series = pd.Series(np.asarray(distinct, object)).map(function)
    return mapped.take(codes).set_axis(column.index)


def _alike(sizes: np.ndarray) -> list[np.ndarray]:
    """Positions in portions of like size: doubling bounds, joined until each has enough."""
    bound = np.floor(np.log2(sizes)).astype(int)
    portions: list[np.ndarray] = []
    for value in np.unique(bound):
        own = np.flatnonzero(bound == value)
        if portions and (len(own) < FEWEST or len(portions[-1]) < FEWEST):
            portions[-1] = np.sort(np.concatenate([portions[-1], own]))
        else:
            portions.append(own)
    return portions


def score_classes(
    query: str, perturbagens: Perturbagens, members: Mapping[str, Mapping[str, Sequence[str]]], min_class: int
) -> pd.DataFrame:
    """Whether perturbagens of a class agree with a query, or oppose it, more than as many others do.

    Parameters
    ----------
    members
        By kind (mechanism, target, set), by class, names of its perturbagens.
    min_class
        A class with fewer perturbagens in the answer is left out.

    Returns
    -------
    One row per class, what agrees most first; columns :data:`CLASS_COLUMNS`.
    """
    compounds = _one_a_name(perturbagens.table)
    places = {name: place for place, name in enumerate(compounds["name"].str.lower())}
    z, scores, names = (compounds[field].to_numpy() for field in ("z", "score", "name"))
    rows = []
    for kind, classes in members.items():
        for name in sorted(classes):
            own = np.unique([places[item.lower()] for item in classes[name] if item.lower() in places]).astype(int)
            if len(own) < min_class or len(own) >= len(z):
                continue
            value = mean_z(z[own], len(z))
            others = np.delete(scores, own)
            leading = own[np.argsort(-np.sign(value) * z[own], kind="stable")][:LEADING]
            rows.append((query, name, kind, len(own), value, two_sided(value), np.nan, float(scores[own].mean()),
                         float(others.mean()), "agrees" if value > 0 else "opposes",
                         "; ".join(names[leading])))  # fmt: skip
    table = pd.DataFrame(rows, columns=list(CLASS_COLUMNS))
    for kind in members:
        chosen = table["kind"] == kind
        table.loc[chosen, "fdr"] = benjamini_hochberg(table.loc[chosen, "p"].to_numpy())
    return table.sort_values("z", ascending=False, kind="stable", ignore_index=True)


def _one_a_name(table: pd.DataFrame) -> pd.DataFrame:
    """Compounds and whatever else is no gene perturbation: each name once."""
    kinds = table["pert_type"].map(perturbation_kind)
    plain = table[~kinds.isin(["loss of function", "over-expression"])]
    return plain.sort_values(["name", "n_signatures"], ascending=[True, False], kind="stable").drop_duplicates("name")


def mean_z(z: np.ndarray, total: int) -> float:
    """Turn the mean of some of `total` normal scores into a standard normal deviate."""
    n = len(z)
    return float(z.mean() * np.sqrt(n) * np.sqrt((total - 1) / (total - n)))


def two_sided(z: float) -> float:
    """Two-sided p of a standard normal deviate."""
    from math import erfc, sqrt

    return erfc(abs(z) / sqrt(2.0))


def direction_of(mechanisms: Sequence[str], words: Mapping[str, int]) -> int:
    """Whether a drug does what more (1) or less (-1) of its targets does; 0: its mechanisms do not say, or disagree."""
    found = set()
    for mechanism in mechanisms:
        text = " ".join(mechanism.lower().replace("(", " ").replace(")", " ").split())
        fitting = [key for key in words if text == key or text.endswith(f" {key}")]
        if fitting:
            found.add(words[max(fitting, key=len)])
    found.discard(0)
    return found.pop() if len(found) == 1 else 0


def score_genes(
    query: str,
    perturbagens: Perturbagens,
    targets: Mapping[str, Sequence[str]],
    mechanisms: Mapping[str, Sequence[str]],
    words: Mapping[str, int],
    identify: Identify,
) -> pd.DataFrame:
    """Genes whose loss, gain and drugs together agree with a query or oppose it.

    Parameters
    ----------
    targets
        Names of the drugs of each gene.
    mechanisms
        Mechanisms of each drug, by its name in small letters.
    words
        Direction by words of a mechanism.
    identify
        Symbol of today of gene names, so that parts under old and new names meet.

    Returns
    -------
    One row per gene, the strongest evidence first, whatever its sign: query, symbol, score (positive: the query looks
    like more of the gene), z of each part, how many perturbagens each rests on, p, q, and words.
    """
    parts: dict[str, dict[str, tuple[float, int]]] = {}
    shrna = perturbagens.of(SHRNA)
    consensus = perturbagens.of(CONSENSUS)
    covered = set(identify(shrna["name"].tolist()))
    consensus = consensus[[name not in covered for name in identify(consensus["name"].tolist())]]
    for part, table in (
        ("shRNA", pd.concat([shrna, consensus])),
        ("CRISPR", perturbagens.of("trt_xpr")),
        ("gain", perturbagens.of("trt_oe")),
    ):
        total = len(table)
        for symbol, own in table.assign(name=identify(table["name"].tolist())).groupby("name", sort=True):
            if len(own) < total:
                z = PARTS[part] * mean_z(own["z"].to_numpy(), total)
                parts.setdefault(str(symbol), {})[part] = (z, len(own))
    drugs = _drug_parts(perturbagens, targets, mechanisms, words, identify)
    for symbol, own_drugs in drugs.items():
        parts.setdefault(symbol, {})["drugs"] = own_drugs[:2]
    rows = []
    for symbol, found in parts.items():
        score = sum(z for z, _ in found.values()) / np.sqrt(len(found))
        rows.append({
            "query": query, "symbol": symbol, "score": score,
            **{part: found[part][0] if part in found else np.nan for part in PARTS}, "n_parts": len(found),
            **{f"n_{part}": found[part][1] if part in found else 0 for part in PARTS},
            "p": two_sided(score), "drugs_used": drugs[symbol][2] if symbol in drugs else "",
        })  # fmt: skip
    columns = ["query", "symbol", "score", *PARTS, "n_parts", *(f"n_{part}" for part in PARTS), "p", "drugs_used"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(columns.index("p") + 1, "q", benjamini_hochberg(table["p"].to_numpy()))
    table["words"] = np.where(table["score"] > 0, "the query looks like more of the gene",
                              "the query looks like less of the gene")  # fmt: skip
    order = np.lexsort([table["symbol"].to_numpy(str), -table["score"].abs().to_numpy()])
    return table.iloc[order].reset_index(drop=True)


def _drug_parts(
    perturbagens: Perturbagens,
    targets: Mapping[str, Sequence[str]],
    mechanisms: Mapping[str, Sequence[str]],
    words: Mapping[str, int],
    identify: Identify,
) -> dict[str, tuple[float, int, str]]:
    """Part of the drugs of each gene: z, number of drugs, names; a drug with many targets says less of each."""
    compounds = _one_a_name(perturbagens.table)
    z = dict(zip(compounds["name"].str.lower(), compounds["z"], strict=True))
    spelt = dict(zip(compounds["name"].str.lower(), compounds["name"], strict=True))
    directions = {name: direction_of(mechanisms.get(name, ()), words) for name in z}
    n_targets: dict[str, int] = {}
    for names in targets.values():
        for name in {item.lower() for item in names}:
            n_targets[name] = n_targets.get(name, 0) + 1
    genes = list(targets)
    found: dict[str, dict[str, float]] = {}
    for gene, symbol in zip(genes, identify(genes), strict=True):
        for name in targets[gene]:
            if directions.get(name.lower(), 0):
                found.setdefault(symbol, {})[name.lower()] = directions[name.lower()]
    result = {}
    for symbol, own in found.items():
        names = sorted(own)
        weight = np.array([1.0 / np.sqrt(n_targets[name]) for name in names])
        values = np.array([own[name] * z[name] for name in names])
        combined = float((weight * values).sum() / np.sqrt((weight**2).sum()))
        result[symbol] = (combined, len(names), "; ".join(f"{spelt[name]} ({own[name]:+g})" for name in names[:20]))
    return result


def score_hits(query: str, perturbagens: Perturbagens, hits: Sequence[str],
               members: Mapping[str, Mapping[str, Sequence[str]]], min_class: int) -> pd.DataFrame:  # fmt: skip
    """Classes that hold more of some named perturbagens than chance would give (one-sided hypergeometric test)."""
    from scipy.stats import hypergeom

    names = _one_a_name(perturbagens.table)["name"].str.lower()
    universe, chosen = set(names), {item.strip().lower() for item in hits} & set(names)
    rows = []
    for kind, classes in members.items():
        for name in sorted(classes):
            own = {item.lower() for item in classes[name]} & universe
            if len(own) < min_class:
                continue
            both = sorted(own & chosen)
            p = float(hypergeom.sf(len(both) - 1, len(universe), len(own), len(chosen)))
            rows.append((query, name, kind, len(own), len(both), p, "; ".join(both[:LEADING])))
    table = pd.DataFrame(rows, columns=["query", "class", "kind", "n_perturbagens", "n_hits", "p", "hits"])
    table.insert(6, "fdr", np.nan)
    for kind in members:
        own_kind = table["kind"] == kind
        table.loc[own_kind, "fdr"] = benjamini_hochberg(table.loc[own_kind, "p"].to_numpy())
    return table.sort_values(["p", "class"], kind="stable", ignore_index=True)


def gene_list_scores(z: np.ndarray, gene_ids: Sequence[str], accuracies: Mapping[str, float]) -> np.ndarray:
    """Scores by which the genes of a signature are listed: z, times the accuracy of inference where a gene is inferred.

    A z-score divides an inferred gene by its own spread, which is smaller than that of measured values by about the
    correlation of the two: weakly inferred genes look as changed as measured ones. Times that correlation, a z-score is
    on the scale of measured values. Evidence: docs/research/inference-model.md.

    Parameters
    ----------
    z
        Shape (genes,) or (genes, signatures).
    accuracies
        Correlation of inferred and measured values by Entrez id, of inferred genes. Other genes are measured: they keep
        z. Below zero or unknown (NaN), nothing is inferred of the gene: 0.
    """
    factor = np.array([accuracies.get(gene, 1.0) for gene in gene_ids], np.float64)
    factor = np.clip(np.nan_to_num(factor, nan=0.0), 0.0, 1.0)
    scores: np.ndarray = (np.asarray(z, np.float64).T * factor).T
    return scores
