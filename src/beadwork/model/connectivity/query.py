"""What a connectivity index and a query consist of, without files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

BLOCK = 4096
"""Signatures of a gene-major block of an index."""

SIGNATURE_FIELDS = (
    "sig_id",
    "pert_id",
    "pert_iname",
    "pert_type",
    "cell_id",
    "pert_idose",
    "pert_itime",
    "distil_nsample",
    "tas",
    "distil_cc_q75",
    "is_gold",
)
"""Annotation of a signature that every index has and every ranked table shows (missing where it is not known)."""

UNNAMED = "query"
"""Name of a query that was given none."""

SIZE_LIMIT = 20_000
"""No query has more genes than this; a larger file is not a gene set."""


@dataclass(frozen=True, eq=False)
class SignatureBlock:
    """Some signatures of an index, gene-major.

    Parameters
    ----------
    start
        Position of the first signature in the index.
    rank
        uint16, shape (genes, signatures); 1 is the most positive gene.
    z
        float32, same shape.
    """

    start: int
    rank: np.ndarray
    z: np.ndarray

    @property
    def stop(self) -> int:
        """Position after the last signature."""
        return self.start + int(self.rank.shape[1])

    def take_genes(
        self, rows: np.ndarray, buffer: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Copy the ranks and scores of some genes, each of shape (len(rows), signatures), perhaps into `buffer`."""
        return self.rank[rows], self.z[rows]


@dataclass(frozen=True)
class GeneSet:
    """One gene set as it stands in a file: names or ids, in order, nothing removed."""

    name: str
    genes: tuple[str, ...]
    source: str = ""
    notes: tuple[str, ...] = ()


def query_label(name: str) -> str:
    """How messages name a query: one that nobody has named is "the query"."""
    return "the query" if name == UNNAMED else f"query {name}"


@dataclass(frozen=True)
class Query:
    """Genes that go up, genes that go down, or values of many genes; as the user gave them.

    Parameters
    ----------
    name
        Name of the query.
    up, down
        Genes (Entrez ids, symbols, other names, or ids of the index).
    profile
        Value of each gene, for a full signature; `up` and `down` are then taken from its ends.
    notes
        What its reader has to say, such as the columns of a table that were taken.
    cleaned
        Whether the profile is known to be noise controlled.
    evidence
        Of a table: log2 fold change, p and adjusted p of each gene of the profile; NaN where it does not say them.
    """

    name: str
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    profile: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()
    cleaned: bool = False
    evidence: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


class Answer(StrEnum):
    """What an index says about a gene of a query."""

    USED = "used"
    NOT_IN_INDEX = "a gene, but not in this index"
    NO_GENE = "not a gene"


@dataclass(frozen=True)
class MissingGene:
    """A gene of a query that could not be used, and why."""

    query: str
    set: str
    gene: str
    reason: str
    answer: Answer = Answer.NO_GENE


@dataclass(frozen=True, eq=False)
class MappedQuery:
    """A query on the rows of an index.

    Parameters
    ----------
    up, down
        Rows of the genes that were found, each once.
    rows, values
        Rows and values of the profile, for a full signature (else empty).
    counts
        Numbers of genes: given, found, ... by name (columns of ``queries.tsv``).
    missing
        Genes that were not found.
    notes
        What is worth knowing, in words.
    """

    name: str
    up: np.ndarray
    down: np.ndarray
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    counts: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[MissingGene, ...] = ()
    notes: tuple[str, ...] = ()
