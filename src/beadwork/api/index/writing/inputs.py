"""What goes into a connectivity index: matrices and siginfo, checked against each other before anything is written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.io.connectivity.index.layout import Segment
from beadwork.io.connectivity.index.writer import FillBlock, IndexWriter, SignatureSource
from beadwork.io.connectivity.siginfo import Siginfo
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.matrix.column_stream import ColumnStream, open_columns
from beadwork.io.platform.bead_sets import bead_set_names, read_bead_set
from beadwork.io.platform.gene_names import gene_resolver, known_genes
from beadwork.io.platform.gene_table import gene_table
from beadwork.kernels.connectivity.wtcs.ranks import MAX_GENES
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.model.errors import AlignmentError, FileError, LevelError, name_some
from beadwork.model.matrix import CLEANED, Level, Space
from beadwork.model.params import IndexParams
from beadwork.model.pert_types import is_unknown_type
from beadwork.model.plates.compatibility import COMPATIBILITY, compatibility_of
from beadwork.model.spaces import guess_space, space_genes
from beadwork.stages.connectivity.annotate import signature_table
from beadwork.stages.connectivity.row_genes import identify_genes

log = logging.getLogger("beadwork")
Progress = Callable[[str], None]
MIXES = "what is added comes to stand beside it"


def other_number(writer: IndexWriter) -> str:
    """Say that an index was built under another compatibility number; empty if it was not."""
    found, now = compatibility_of(writer.manifest), COMPATIBILITY["index"]
    return "" if found == now else f"was built by a version whose bytes differ (index {found}; now: index {now})"


@dataclass(frozen=True, eq=False)
class OpenMatrix:
    """A matrix of signatures that is open for reading, and which gene each of its rows is."""

    stream: ColumnStream
    gene_ids: list[str]
    symbols: list[str | None]


@dataclass(frozen=True, eq=False)
class SegmentInputs:
    """Checked inputs of one segment: where its signatures are read from, their annotation, and what is recorded."""

    sources: list[SignatureSource]
    table: pd.DataFrame
    provenance: pd.DataFrame
    siginfo: tuple[str, ...]


@contextmanager
def open_streams(paths: Sequence[str | Path]) -> Iterator[list[ColumnStream]]:
    """Open matrices of whatever content."""
    with ExitStack() as stack:
        yield [stack.enter_context(open_columns(item)) for item in paths]


@contextmanager
def open_matrices(paths: Sequence[str | Path]) -> Iterator[list[OpenMatrix]]:
    """Open matrices of z-scores.

    Raises
    ------
    BeadworkError
        One cannot be read, is of another level, or holds no signatures; or none is given.
    """
    with open_streams(paths) as streams:
        if not streams:
            raise FileError("no matrix given; name at least one MODZ file")
        yield [OpenMatrix(stream, *_genes(stream)) for stream in streams]


def _probes() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in bead_set_names():
        genes = read_bead_set(name).genes
        if "pr_probe_id" in genes.columns:
            for probe, gene in zip(genes["pr_probe_id"], genes.index, strict=True):
                found.setdefault(str(probe), str(gene))
    return found


def _genes(stream: ColumnStream) -> tuple[list[str], list[str | None]]:
    if stream.level not in (None, Level.MODZ, Level.MNZ, Level.ZSPC, Level.ZSVC, Level.ZSNC):
        raise LevelError(f"{stream.path}: holds level {stream.level}, but an index holds z-scores; give the MODZ file")
    if len(stream.cols) == 0:
        raise FileError(f"{stream.path}: holds no signatures")
    return row_genes(stream)


def row_genes(stream: ColumnStream) -> tuple[list[str], list[str | None]]:
    """Ids and symbols of the genes that the rows of a matrix are, of whatever level."""
    found = identify_genes(stream.rows, gene_resolver(), known_genes(), _probes(), str(stream.path))
    said = f"{stream.path}: {found.n_known:,} of {len(found.ids):,} rows are known as genes, by their {found.source}"
    log.log(logging.WARNING if found.remarks else logging.INFO, "%s", "; ".join([said, *found.remarks]))
    return found.ids, found.symbols


def common_level(matrices: Sequence[OpenMatrix], level: str | None, holder: str) -> str | None:
    """Level of the matrices, None if none says it.

    Raises
    ------
    LevelError
        They are of several levels, or of another than the index: single replicates and their consensus have other
        sizes of z, and so would have other scores.
    """
    for stream in (matrix.stream for matrix in matrices):
        if stream.level is None:
            continue
        if level is not None and stream.level != level:
            raise LevelError(
                f"{stream.path}: holds level {stream.level}, but {holder} holds {level}; an index holds one level, "
                "build one of each"
            )
        level, holder = str(stream.level), holder or str(stream.path)
    unknown = [str(matrix.stream.path) for matrix in matrices if matrix.stream.level is None]
    if level in CLEANED and unknown:
        raise LevelError(
            f"{unknown[0]}: does not say its level, but {holder} holds {level}; noise-controlled signatures are never "
            "mixed with others, give GCTX files of `beadwork denoise` or `beadwork consensus`"
        )
    return level


def index_genes(matrix: OpenMatrix, params: IndexParams) -> tuple[list[str], list[str | None]]:
    """Ids and symbols of the genes of an index: those of its first matrix, in its order, kept to the space asked for.

    Raises
    ------
    LevelError
        The matrix lacks genes of the space, or has too few or too many.
    """
    stream, gene_ids, symbols = matrix.stream, matrix.gene_ids, matrix.symbols
    if params.space != "auto":
        table = gene_table()
        wanted = set(space_genes(table, Space(params.space)))
        kept = [gene for gene in gene_ids if gene in wanted]
        if len(kept) < len(wanted):
            absent = sorted(wanted - set(kept))
            raise LevelError(
                f"{stream.path}: lacks {len(absent)} of the {len(wanted):,} genes of space {params.space} "
                f"({name_some(absent)}); choose a smaller space or `--space auto`"
            )
        by_gene = dict(zip(gene_ids, symbols, strict=True))
        gene_ids, symbols = kept, [by_gene[gene] for gene in kept]
    if len(gene_ids) < 2 or len(gene_ids) > MAX_GENES:
        raise LevelError(f"{stream.path}: {len(gene_ids):,} genes; an index holds 2 to {MAX_GENES:,}")
    return gene_ids, symbols


def space_of(gene_ids: Sequence[str]) -> str | None:
    """Gene space that holds just these genes, None if there is none."""
    space = guess_space(gene_ids, gene_table())
    return None if space is None else str(space)


def prepare_segment(
    matrices: Sequence[OpenMatrix], gene_ids: Sequence[str], siginfo: Siginfo | None, params: IndexParams,
    known: Mapping[Path, Mapping[str, str]] | None = None,
) -> SegmentInputs:  # fmt: skip
    """Check matrices against the genes of the index, siginfo and each other.

    `known`: names and checksums of matrices (``input_record``) that are known already.

    Raises
    ------
    AlignmentError
        Genes are missing, a signature stands twice or has no row in siginfo.
    """
    sources, records = [], []
    for number, matrix in enumerate(matrices):
        stream, ids = matrix.stream, matrix.gene_ids
        place = pd.Index(ids).get_indexer(pd.Index(list(gene_ids)))
        if (place < 0).any():
            absent = np.asarray(gene_ids, dtype=object)[place < 0]
            raise AlignmentError(
                f"{stream.path}: lacks {len(absent)} of the {len(gene_ids):,} genes of the index "
                f"({name_some(absent)}); "
                "all matrices of an index must have its genes"
            )
        same = len(ids) == len(gene_ids) and bool((place == np.arange(len(ids))).all())
        sources.append(_source(stream, None if same else place))
        name = dict((known or {}).get(stream.path) or input_record(stream.path))
        record = make_provenance("index", params.model_dump(mode="json"), {"matrix": [name]}, [stream.provenance])
        records.append({"source": number, **name, "n_signatures": len(stream.cols), "provenance": _json(record)})
    table = annotate_matrices([matrix.stream for matrix in matrices], siginfo)
    _report_strange_types(table)
    return SegmentInputs(sources, table, pd.DataFrame(records), () if siginfo is None else siginfo.digests)


def _report_strange_types(table: pd.DataFrame) -> None:
    """Say which types are none of CMap's kinds: a control that is not called one would be ranked as a treatment."""
    if "pert_type" not in table:
        return
    counts = table["pert_type"].dropna().astype(str).value_counts(sort=False)
    strange = sorted(f"{name} ({count})" for name, count in counts.items() if is_unknown_type(name))
    if strange:
        log.warning(
            "pert_type %s: not a type of CMap's (trt_..., ctl_..., lma_...), so these signatures count as treatments; "
            "controls are ctl_vehicle, ctl_untrt or ctl_vector",
            name_some(strange),
        )


def annotate_matrices(streams: Sequence[ColumnStream], siginfo: Siginfo | None) -> pd.DataFrame:
    """Annotation of the signatures of matrices, from siginfo or their own columns; `source` numbers the matrices.

    Raises
    ------
    AlignmentError
        A signature stands twice or has no row in siginfo.
    """
    info, tables = None if siginfo is None else siginfo.table, []
    for number, stream in enumerate(streams):
        sig_ids = [str(item) for item in stream.cols.index]
        tables.append(signature_table(sig_ids, stream.cols, info, str(stream.path)).assign(source=number))
    joined = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    twice = joined["sig_id"][joined["sig_id"].duplicated()].unique()
    if len(twice):
        raise AlignmentError(f"signatures stand in more than one place: {name_some(twice)}; give each signature once")
    return joined


def same_annotation(one: Any, two: Any) -> bool:
    """Whether two Arrow tables hold the same columns and values, however they are stored."""
    return sorted(one.column_names) == sorted(two.column_names) and not changed_fields(one, two)


def changed_fields(one: Any, two: Any) -> list[str]:
    """Columns that two Arrow tables of as many rows do not share, or in which they differ."""
    names = dict.fromkeys([*one.column_names, *two.column_names])
    found = []
    for name in names:
        if name in one.column_names and name in two.column_names:
            left, right = (_plain(table.column(name)) for table in (one, two))
            if left == right:
                continue
        found.append(name)
    return found


def _plain(column: Any) -> list[Any]:
    """Values of an Arrow column, missing ones as None."""
    return [None if item != item else item for item in column.to_pylist()]


def add_segment(writer: IndexWriter, inputs: SegmentInputs, threads: int, progress: Progress) -> Segment:
    """Write checked inputs as one segment."""
    total = len(inputs.table)
    return writer.add_segment(
        inputs.sources, arrow_table(inputs.table), arrow_table(inputs.provenance), fill_blocks(threads),
        siginfo=inputs.siginfo, progress=lambda done: progress(f"{done:,} of {total:,} signatures"),
    )  # fmt: skip


def _source(stream: ColumnStream, place: np.ndarray | None) -> SignatureSource:
    def read(start: int, stop: int) -> np.ndarray:
        values = stream.read(start, stop)
        if place is not None:
            values = np.ascontiguousarray(values[:, place])
        if not np.isfinite(values).all():
            bad = [
                str(stream.cols.index[start + row]) for row in np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist()
            ]
            raise AlignmentError(
                f"{stream.path}: missing or infinite values in {name_some(bad)}; every signature needs a score for "
                "every gene"
            )
        return values

    return SignatureSource(stream.path.name, len(stream.cols), read)


def _json(record: Any) -> str:
    import json

    return json.dumps(record, sort_keys=True, ensure_ascii=False)


def arrow_table(table: pd.DataFrame) -> Any:
    """Arrow table: repeated texts as dictionaries, mixed columns as text."""
    import pyarrow as pa

    arrays, names = [], []
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column):
            arrays.append(pa.array(column.to_numpy()))
        elif isinstance(column.dtype, pd.CategoricalDtype):  # in the order in which they come, as below
            texts = pa.Array.from_pandas(column.array).dictionary_decode().cast(pa.string())
            arrays.append(texts if name in ("sig_id", "provenance") else texts.dictionary_encode())
        else:
            texts = [None if item is None or item != item else str(item) for item in column.astype(object)]
            array = pa.array(texts, pa.string())
            arrays.append(array if name in ("sig_id", "provenance") else array.dictionary_encode())
        names.append(str(name))
    return pa.Table.from_arrays(arrays, names=names)


def fill_blocks(threads: int) -> FillBlock:
    """Rank signatures into a block, on threads."""
    from beadwork.kernels.connectivity.wtcs.ranks_numba import fill_block

    def fill(z: np.ndarray, rank_block: np.ndarray, z_block: np.ndarray, column: int) -> None:
        run_chunks(
            lambda start, stop: fill_block(z[start:stop], rank_block, z_block, column + start),
            len(z), threads=threads, chunk=64,
        )  # fmt: skip

    return fill
