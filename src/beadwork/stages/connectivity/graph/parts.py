"""What a graph of perturbagens consists of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COMPOUND, LOSS, GAIN = "compound", "loss of function", "over-expression"
KINDS = (COMPOUND, LOSS, GAIN)
"""Kinds of perturbation that a graph has, as :mod:`beadwork.model.pert_types` names them."""


@dataclass(frozen=True, eq=False)
class Perturbagens:
    """Perturbagens of a graph, and which signatures are of which, in which cell.

    Attributes
    ----------
    names, kinds, keys
        Of each perturbagen: name, kind, and what makes it one (InChIKey where known, else its name).
    groups
        Group (perturbagen in a cell) of each signature, -1 for none.
    owner
        Perturbagen of each group; groups stand in the order of their perturbagens.
    cells
        Cell of each group.
    n_signatures
        Signatures of each group.
    first
        A signature of each perturbagen, for its annotation.
    left_out
        Signatures that are in no group, by reason.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    keys: tuple[str, ...]
    groups: np.ndarray
    owner: np.ndarray
    cells: tuple[str, ...]
    n_signatures: np.ndarray
    first: np.ndarray
    left_out: dict[str, int]

    def of_kind(self, kind: str) -> np.ndarray:
        """Places of the perturbagens of a kind."""
        return np.flatnonzero(np.array([item == kind for item in self.kinds], bool))


@dataclass(frozen=True, eq=False)
class Consensus:
    """Consensus of each perturbagen over its cells.

    Attributes
    ----------
    values
        float32, perturbagens by genes: mean over cells of the means of its signatures.
    z
        float32, the same over the standard deviation that a consensus of as many cells has.
    n_cells, n_signatures
        What it rests on.
    """

    values: np.ndarray
    z: np.ndarray
    n_cells: np.ndarray
    n_signatures: np.ndarray


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of one relation: places of subject and object, and their evidence, one row each."""

    relation: str
    subject: np.ndarray
    object: np.ndarray
    score: np.ndarray
    fdr: np.ndarray
    support: np.ndarray
    n_cells: np.ndarray

    def __len__(self) -> int:
        return len(self.subject)
