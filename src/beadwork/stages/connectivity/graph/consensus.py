"""Consensus signatures of perturbagens: mean within a cell, then over cells; each cell counts once.

z is the mean over n cells times sqrt(n), over the standard deviation of the gene between perturbagens in single cells
(1.4826 times the median absolute value): most perturbagens do little to most genes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from beadwork.kernels.numeric.ranks import MAD_TO_SD
from beadwork.model.connectivity.query import SignatureBlock
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.pert_types import perturbation_kind, plain_pert_type
from beadwork.stages.connectivity.graph.parts import KINDS, LOSS, Consensus, Perturbagens
from beadwork.stages.connectivity.perturbagens import alphabetical_places

CONSENSUS_TYPE = "trt_sh.cgs"
"""Signatures made from those of single hairpins: used only for genes that have none."""
MOST_FOR_SD = 20_000


def find_perturbagens(siginfo: SignatureTable, shown: np.ndarray | None = None) -> Perturbagens:
    """Group signatures by perturbagen and cell.

    Compounds of one InChIKey are one; genes are apart by loss and gain.  Other kinds, such as ligands, are left out.

    Parameters
    ----------
    shown
        Signatures that count; None for all.
    """
    n = len(siginfo)
    codes, names = siginfo.texts("pert_iname")
    types = siginfo.texts("pert_type")
    kinds = [perturbation_kind(item) for item in types[1]]
    kind_of = np.array([*(KINDS.index(kind) if kind in KINDS else -1 for kind in kinds), -1], np.int64)[types[0]]
    plain = [plain_pert_type(item) for item in types[1]]
    keys, key_names = _keys(siginfo, codes, names, kind_of)
    used = (kind_of >= 0) & (keys >= 0)
    left_out = {}
    if shown is not None:
        left_out["not shown by the filters"] = int((used & ~shown).sum())
        used &= shown
    made = used & np.array([*(item == CONSENSUS_TYPE for item in plain), False], bool)[types[0]]
    single = np.unique(keys[used & ~made & (kind_of == KINDS.index(LOSS))])
    doubled = made & np.isin(keys, single)
    used &= ~doubled
    left_out["consensus of hairpins that are there themselves"] = int(doubled.sum())
    left_out["neither compound, loss nor gain of a gene, or without a name"] = int(((kind_of < 0) | (keys < 0)).sum())
    cells, cell_names = siginfo.texts("cell_id")
    rows = np.flatnonzero(used)
    key_place, cell_place = alphabetical_places(key_names), alphabetical_places(cell_names)
    width = len(cell_names) + 1
    pert = kind_of[rows] * len(key_names) + key_place[keys[rows]]
    joint = pert * width + np.where(cells[rows] >= 0, cell_place[cells[rows]], width - 1)
    found, first_row, group, count = np.unique(joint, return_index=True, return_inverse=True, return_counts=True)
    groups = np.full(n, -1, np.int64)
    groups[rows] = group.reshape(-1)
    perts, owner_first, owner = np.unique(found // width, return_index=True, return_inverse=True)
    first = rows[first_row][owner_first]
    key_order, cell_order = sorted(key_names), sorted(cell_names)
    labels = tuple(cell_order[cell] if cell < len(cell_order) else "" for cell in (found % width).tolist())
    return Perturbagens(
        tuple(names[code] if (code := int(codes[row])) >= 0 else "" for row in first),
        tuple(KINDS[item] for item in (perts // max(1, len(key_names))).tolist()),
        tuple(key_order[item] for item in (perts % max(1, len(key_names))).tolist()),
        groups, owner.reshape(-1), labels, count, first, {why: n for why, n in left_out.items() if n},
    )  # fmt: skip


def _keys(
    siginfo: SignatureTable, codes: np.ndarray, names: list[str], kind_of: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Code of what makes a perturbagen one, and these keys: InChIKey of compounds where known, else the name."""
    plain = [name.strip().lower() for name in names]
    known = {name: place for place, name in enumerate(dict.fromkeys(plain))}
    by_name = np.array([*(known[name] for name in plain), -1], np.int64)[codes]
    keys = list(known)
    if "inchi_key" not in siginfo:
        return by_name, keys
    found, texts = siginfo.texts("inchi_key")
    use = (kind_of == 0) & (found >= 0)
    structures = [text.split("|")[0].strip().upper() for text in texts]
    distinct = {text: len(keys) + place for place, text in enumerate(dict.fromkeys(structures))}
    by_structure = np.array([*(distinct[text] if text else -1 for text in structures), -1], np.int64)[found]
    # a name that has a structure somewhere has it everywhere
    of_name: dict[int, int] = {}
    both = use & (by_structure >= 0)
    for name, structure in zip(by_name[both].tolist(), by_structure[both].tolist(), strict=True):
        of_name.setdefault(name, structure)
    table = np.array([*(of_name.get(name, name) for name in range(len(keys))), -1], np.int64)
    result = np.where(kind_of == 0, np.where(both, by_structure, table[by_name]), by_name)
    return result, [*keys, *distinct]


def sum_groups(blocks: Iterable[SignatureBlock], groups: np.ndarray, out: np.ndarray) -> None:
    """Add the scores of the signatures of each group, block by block; `out` is (groups, genes), zeros at first."""
    for block in blocks:
        own = groups[block.start : block.stop]
        order = np.argsort(own, kind="stable")
        order = order[own[order] >= 0]
        if not len(order):
            continue
        sorted_groups = own[order]
        starts = np.flatnonzero(np.r_[True, sorted_groups[1:] != sorted_groups[:-1]])
        z = np.asarray(block.z[:, order], np.float64).T
        out[sorted_groups[starts]] += np.add.reduceat(z, starts, axis=0)


def make_consensus(cells: np.ndarray, perturbagens: Perturbagens) -> Consensus:
    """Consensus over cells of the means within cells, shape (groups, genes)."""
    owner = perturbagens.owner
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    n_cells = np.diff(np.r_[starts, len(owner)])
    sd = gene_spread(cells)
    values = np.empty((len(starts), cells.shape[1]), np.float32)
    step = max(1, (64 << 20) // (8 * cells.shape[1]))
    for at in range(0, len(starts), step):
        part = slice(at, at + step)
        first, last = starts[at], np.r_[starts, len(owner)][min(at + step, len(starts))]
        sums = np.add.reduceat(np.asarray(cells[first:last], np.float64), starts[part] - first, axis=0)
        values[part] = sums / n_cells[part, None]
    z = values * np.sqrt(n_cells)[:, None] / sd
    n_signatures = np.add.reduceat(perturbagens.n_signatures, starts)
    return Consensus(values, z.astype(np.float32), n_cells, n_signatures)


def gene_spread(cells: np.ndarray) -> np.ndarray:
    """Estimate how far a gene spreads between perturbagens in single cells, by the median of absolute values."""
    rows = np.unique(np.linspace(0, len(cells) - 1, min(MOST_FOR_SD, len(cells))).astype(np.int64))
    spread = MAD_TO_SD * np.median(np.abs(cells[rows]), axis=0)
    usual = float(np.median(spread)) or 1.0
    return np.asarray(np.maximum(spread, 0.5 * usual))


__all__ = ["Consensus", "Perturbagens", "find_perturbagens", "gene_spread", "make_consensus", "sum_groups"]
