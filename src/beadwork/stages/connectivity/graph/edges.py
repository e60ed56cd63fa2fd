"""Edges of a graph: which genes a compound moves, and which perturbagens resemble each other."""

from __future__ import annotations

import numpy as np

from beadwork.kernels.numeric.ranks import MAD_TO_SD
from beadwork.model.params import GraphParams
from beadwork.stages.connectivity.graph.parts import Consensus, Edges, Perturbagens

CHUNK_BYTES = 64 << 20


def adjusted_rows(p: np.ndarray) -> np.ndarray:
    """FDR of Benjamini and Hochberg within each row."""
    order = np.argsort(p, axis=1, kind="stable")
    n = p.shape[1]
    sorted_q = np.take_along_axis(p, order, axis=1) * (n / np.arange(1, n + 1))
    sorted_q = np.minimum.accumulate(sorted_q[:, ::-1], axis=1)[:, ::-1]
    result = np.empty_like(sorted_q)
    np.put_along_axis(result, order, np.minimum(sorted_q, 1.0), axis=1)
    return result


def gene_edges(
    consensus: Consensus, cells: np.ndarray, perturbagens: Perturbagens, subjects: np.ndarray, measured: np.ndarray,
    params: GraphParams,
) -> tuple[Edges, Edges, int]:  # fmt: skip
    """Genes that perturbagens push up and down: two relations, and how many incongruent edges were dropped.

    `top` takes the strongest genes of each direction, measured and inferred apart, and drops those that are among the
    strongest of the other direction in any single cell; `fdr` takes all genes up to ``max_fdr`` in which most cells
    agree.  Support is the number of cells that agree in the direction.

    Parameters
    ----------
    cells
        Means within cells, groups by genes.
    subjects
        Places of the perturbagens.
    measured
        Which genes are measured.
    """
    from scipy.special import ndtr

    owner = perturbagens.owner
    bounds = np.searchsorted(owner, np.arange(len(perturbagens.names) + 1))
    kinds = [part for part in (np.flatnonzero(measured), np.flatnonzero(~measured)) if len(part)]
    found: tuple[list[tuple[np.ndarray, ...]], list[tuple[np.ndarray, ...]]] = ([], [])
    dropped = 0
    for place in subjects.tolist():
        z = consensus.z[place].astype(np.float64)
        fdr = adjusted_rows(2.0 * ndtr(-np.abs(z))[None, :])[0]
        own = np.asarray(cells[bounds[place] : bounds[place + 1]], np.float64)
        tops = [_top(row, kinds, params.top) for row in own] if params.edges == "top" and len(own) > 1 else []
        for side, sign in enumerate((1.0, -1.0)):
            agree = (sign * own > 0).sum(axis=0)
            if params.edges == "top":
                genes = _top(z, kinds, params.top)[side]
                against = {gene for top in tops for gene in top[1 - side].tolist()}
                kept = np.array([gene not in against for gene in genes.tolist()], bool)
                dropped += int((~kept).sum())
                genes = genes[kept]
            else:
                chosen = (sign * z > 0) & (fdr <= params.max_fdr)
                congruent = 2 * agree > len(own)
                dropped += int((chosen & ~congruent).sum())
                genes = np.flatnonzero(chosen & congruent)
                genes = genes[np.argsort(-sign * z[genes], kind="stable")]
            count = len(genes)
            found[side].append(
                (np.full(count, place), genes, z[genes], fdr[genes], agree[genes], np.full(count, len(own)))
            )
    up, down = (_edges(name, rows) for name, rows in zip(("up-regulates", "down-regulates"), found, strict=True))
    return up, down, dropped


def _top(z: np.ndarray, kinds: list[np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Strongest genes up and down, those of each kind apart."""
    up, down = [], []
    for genes in kinds:
        order = genes[np.argsort(-z[genes], kind="stable")]
        up.append(order[:count][z[order[:count]] > 0])
        down.append(order[::-1][:count][z[order[::-1][:count]] < 0])
    return np.concatenate(up), np.concatenate(down)


def _edges(relation: str, rows: list[tuple[np.ndarray, ...]]) -> Edges:
    parts = [np.concatenate(column) for column in zip(*rows, strict=True)] if rows else [np.empty(0, np.int64)] * 6
    return Edges(relation, *parts)


def similar(
    relation: str, vectors: np.ndarray, subjects: np.ndarray, objects: np.ndarray, perturbagens: Perturbagens,
    params: GraphParams,
) -> Edges:  # fmt: skip
    """Perturbagens whose vectors resemble each other: cosines above what is usual for the subject.

    A cosine is compared with all cosines of its subject: (cosine - median) / (1.4826 MAD), one-sided p, FDR within the
    subject.  Among one kind an edge stands once, with the larger FDR of its ends.  Support is the number of cells in
    which both were tried.

    Parameters
    ----------
    vectors
        Of all perturbagens; their length does not count.
    """
    from scipy.special import ndtr

    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    unit = unit.astype(np.float32)
    same = len(subjects) == len(objects) and bool((subjects == objects).all())
    if len(objects) < 3 or not len(subjects):
        return _edges(relation, [])
    best: dict[tuple[int, int], tuple[float, float]] = {}
    step = max(1, CHUNK_BYTES // (8 * len(objects)))
    for at in range(0, len(subjects), step):
        chosen = subjects[at : at + step]
        cosine = (unit[chosen] @ unit[objects].T).astype(np.float64)
        itself = chosen[:, None] == objects[None, :]
        cosine[itself] = np.nan
        middle = np.nanmedian(cosine, axis=1, keepdims=True)
        spread = MAD_TO_SD * np.nanmedian(np.abs(cosine - middle), axis=1, keepdims=True)
        z = (cosine - middle) / np.maximum(spread, 1e-6)
        p = np.where(itself, 1.0, ndtr(-np.where(itself, 0.0, z)))
        fdr = adjusted_rows(p)
        k = min(params.neighbours, len(objects) - 1)
        near = np.argsort(-np.where(itself, -np.inf, cosine), axis=1, kind="stable")[:, :k]
        for row, places in enumerate(near):
            for place in places[fdr[row, places] <= params.max_fdr].tolist():
                ends = (int(chosen[row]), int(objects[place]))
                pair = (min(ends), max(ends)) if same else ends
                value = (float(cosine[row, place]), float(fdr[row, place]))
                before = best.get(pair)
                best[pair] = value if before is None else (before[0], max(before[1], value[1]))
    pairs = sorted(best)
    if not pairs:
        return _edges(relation, [])
    joined = np.array(pairs, np.int64)
    both, either = _shared_cells(joined, perturbagens)
    values = np.array([best[pair] for pair in pairs])
    return Edges(relation, joined[:, 0], joined[:, 1], values[:, 0], values[:, 1], both, either)


def _shared_cells(pairs: np.ndarray, perturbagens: Perturbagens) -> tuple[np.ndarray, np.ndarray]:
    """Cells in which both of a pair were tried, and in which either was."""
    tried: list[set[str]] = [set() for _ in perturbagens.names]
    for place, cell in zip(perturbagens.owner.tolist(), perturbagens.cells, strict=True):
        tried[place].add(cell)
    both = np.array([len(tried[one] & tried[other]) for one, other in pairs.tolist()], np.int64)
    either = np.array([len(tried[one] | tried[other]) for one, other in pairs.tolist()], np.int64)
    return both, either
