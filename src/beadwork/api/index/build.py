"""Build, extend and check a connectivity index."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.io.connectivity import index_store
from beadwork.io.connectivity.index_store import IndexStore, SignatureSource
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.column_stream import ColumnStream, open_columns
from beadwork.io.platform.bead_sets import bead_set_names, read_bead_set
from beadwork.io.platform.gene_names import gene_resolver, known_genes
from beadwork.io.platform.gene_table import gene_table
from beadwork.kernels.connectivity.wtcs import MAX_GENES
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.model.connectivity.query import MappedQuery
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import AlignmentError, FileError, IndexStoreError, LevelError, name_some
from beadwork.model.matrix import SPACE_SIZES, Level, Space
from beadwork.model.params import IndexParams, QueryParams
from beadwork.stages.connectivity.annotate import signature_table
from beadwork.stages.connectivity.groups import (
    NcsScale,
    ReferenceGroups,
    apply_scale,
    fit_scale,
    make_groups,
    scale_within,
    treatment_mask,
)
from beadwork.stages.connectivity.row_genes import identify_genes
from beadwork.stages.connectivity.score import score_sets, signature_sets

log = logging.getLogger("beadwork")
Progress = Callable[[str], None]
BACKGROUND_BATCH = 32
"""Background queries scored at a time, at most."""
BATCH_BYTES = 32 << 20
"""Memory that their scores may take."""


def build_index(
    path: str | Path,
    matrices: Sequence[str | Path],
    siginfo: str | Path | Sequence[str | Path] | None = None,
    *,
    params: IndexParams = IndexParams(),  # noqa: B008 (frozen)
    overwrite: bool = False,
    threads: int = 1,
    progress: Progress = lambda text: None,
) -> IndexStore:
    """Build an index from MODZ matrices; the folder appears as a whole or not at all.

    Parameters
    ----------
    path
        Folder of the index.
    matrices
        GCTX files (streamed), or any other matrix format (read whole), genes by signatures, of the same genes.
    siginfo
        Table(s) with a row per signature; without, the column annotation of the matrices is taken.

    Raises
    ------
    BeadworkError
        The matrices do not fit together, miss values, or their signatures are not in siginfo.
    """
    with ExitStack() as stack:
        streams = [stack.enter_context(open_columns(item)) for item in matrices]
        if not streams:
            raise FileError("no matrix given; name at least one MODZ file")
        genes = [_genes(stream) for stream in streams]
        level = _level(streams, None, "")
        gene_ids, symbols = _index_genes(streams[0], *genes[0], params)
        sources, table, provenance = _prepare(streams, genes, gene_ids, siginfo, params)
        with index_store.new_index(path, overwrite=overwrite) as folder:
            record = _write(folder, 1, len(gene_ids), sources, table, provenance, threads, progress)
            manifest = index_store.new_manifest(
                n_genes=len(gene_ids),
                space=_space(gene_ids),
                level=level,
                genes=index_store.write_genes(folder, gene_ids, symbols),
                segments=[record],
                background=None,
                parameters=params.model_dump(mode="json"),
            )
            index_store.write_manifest(folder, manifest)
            if params.background:
                manifest["background"] = learn_background(IndexStore(folder), params, threads, progress)
                index_store.write_manifest(folder, manifest)
    return IndexStore(path)


def append_index(
    path: str | Path,
    matrices: Sequence[str | Path],
    siginfo: str | Path | Sequence[str | Path] | None = None,
    *,
    threads: int = 1,
    progress: Progress = lambda text: None,
) -> IndexStore:
    """Add signatures to an index as a new segment; nothing that is there is rewritten.

    The background stays the one that was learned; the new signatures are scored against it.

    Raises
    ------
    BeadworkError
        Genes are missing, a signature is in the index already, or another process is writing.
    """
    path = Path(path)
    with index_store.appending(path) as manifest, ExitStack() as stack:
        store = IndexStore(path)
        params = IndexParams(**manifest["parameters"])
        streams = [stack.enter_context(open_columns(item)) for item in matrices]
        if not streams:
            raise FileError("no matrix given; name at least one MODZ file")
        _level(streams, manifest.get("level"), str(path))
        sources, table, provenance = _prepare(
            streams, [_genes(stream) for stream in streams], store.gene_ids, siginfo, params
        )
        repeated = index_store.find_repeated(store, table["sig_id"].tolist())
        if repeated:
            raise IndexStoreError(
                f"{path}: {len(repeated)} signatures are in the index already: {name_some(repeated)}; "
                "append each signature once"
            )
        record = _write(path, len(store.segments) + 1, store.n_genes, sources, table, provenance, threads, progress)
        manifest = {**manifest, "segments": [*manifest["segments"], record], "generation": manifest["generation"] + 1}
        if store.background is not None:
            progress("background")
            manifest["background"] = _extend_background(store, manifest, record, table, threads)
        index_store.write_manifest(path, manifest)
    return IndexStore(path)


def relearn_background(
    path: str | Path,
    *,
    params: IndexParams,
    queries: Sequence[MappedQuery] = (),
    threads: int = 1,
    progress: Progress = lambda text: None,
) -> IndexStore:
    """Learn the background of tau anew: from signatures that are in the index now, or from given queries."""
    path = Path(path)
    with index_store.appending(path) as manifest:
        store = IndexStore(path)
        wanted = params.background or queries
        background = learn_background(store, params, threads, progress, queries) if wanted else None
        settings = {**manifest["parameters"], "background": params.background, "background_set": params.background_set}
        index_store.write_manifest(
            path,
            {**manifest, "background": background, "parameters": settings, "generation": manifest["generation"] + 1},
        )
    return IndexStore(path)


def verify_index(
    path: str | Path, *, quick: bool = False, threads: int = 1, progress: Progress = lambda text: None
) -> tuple[list[str], list[str]]:
    """Check sizes and checksums of all files and, unless `quick`, recompute all ranks.

    Returns
    -------
    (faults, remarks), each a list of sentences; no faults: the index is sound.
    """

    def rank_columns(z: np.ndarray) -> np.ndarray:
        rank, scores = np.empty(z.shape, np.uint16), np.empty(z.shape, np.float32)
        _fill(threads)(np.ascontiguousarray(z.T), rank, scores, 0)
        return rank

    return index_store.verify_store(path, None if quick else rank_columns, progress)


# ---- genes and annotation ------------------------------------------------------------------------------------------


def _probes() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in bead_set_names():
        genes = read_bead_set(name).genes
        if "pr_probe_id" in genes.columns:
            for probe, gene in zip(genes["pr_probe_id"], genes.index, strict=True):
                found.setdefault(str(probe), str(gene))
    return found


def _genes(stream: ColumnStream) -> tuple[list[str], list[str | None]]:
    if stream.level not in (None, Level.MODZ, Level.ZSPC, Level.ZSVC):
        raise LevelError(f"{stream.path}: holds level {stream.level}, but an index holds z-scores; give the MODZ file")
    if len(stream.cols) == 0:
        raise FileError(f"{stream.path}: holds no signatures")
    found = identify_genes(stream.rows, gene_resolver(), known_genes(), _probes(), str(stream.path))
    said = f"{stream.path}: {found.n_known:,} of {len(found.ids):,} rows are known as genes, by their {found.source}"
    log.log(logging.WARNING if found.remarks else logging.INFO, "%s", "; ".join([said, *found.remarks]))
    return found.ids, found.symbols


def _level(streams: Sequence[ColumnStream], level: str | None, holder: str) -> str | None:
    """Level of the matrices, None if none says it.

    Raises
    ------
    LevelError
        They are of several levels, or of another than the index: single replicates and their consensus have other
        sizes of z, and so would have other scores.
    """
    for stream in streams:
        if stream.level is None:
            continue
        if level is not None and stream.level != level:
            raise LevelError(
                f"{stream.path}: holds level {stream.level}, but {holder} holds {level}; an index holds one level, "
                "build one of each"
            )
        level, holder = str(stream.level), holder or str(stream.path)
    return level


def _index_genes(
    stream: ColumnStream, gene_ids: list[str], symbols: list[str | None], params: IndexParams
) -> tuple[list[str], list[str | None]]:
    """Genes of the index: those of the first matrix, in its order, kept to the space asked for."""
    if params.space != "auto":
        table = gene_table()
        column = {"LM": "pr_is_lm", "BING": "pr_is_bing"}.get(params.space)
        wanted = set(table.index if column is None else table.index[table[column] == 1])
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


def _space(gene_ids: Sequence[str]) -> str | None:
    table = gene_table()
    for space, column in ((Space.LM, "pr_is_lm"), (Space.BING, "pr_is_bing"), (Space.AIG, None)):
        if len(gene_ids) == SPACE_SIZES[space]:
            wanted = table.index if column is None else table.index[table[column] == 1]
            if set(gene_ids) == set(wanted):
                return str(space)
    return None


def _prepare(
    streams: Sequence[ColumnStream],
    genes: Sequence[tuple[list[str], list[str | None]]],
    gene_ids: Sequence[str],
    siginfo: str | Path | Sequence[str | Path] | None,
    params: IndexParams,
) -> tuple[list[SignatureSource], pd.DataFrame, pd.DataFrame]:
    """Check all inputs against each other before anything is written."""
    info = _read_siginfo(siginfo)
    sources, tables, records = [], [], []
    for number, (stream, (ids, _)) in enumerate(zip(streams, genes, strict=True)):
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
        sig_ids = [str(item) for item in stream.cols.index]
        table = signature_table(sig_ids, stream.cols, info, str(stream.path))
        table["source"] = number
        tables.append(table)
        name = input_record(stream.path)
        record = make_provenance("index", params.model_dump(mode="json"), {"matrix": [name]}, [stream.provenance])
        records.append({"source": number, **name, "n_signatures": len(sig_ids), "provenance": _json(record)})
    joined = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    twice = joined["sig_id"][joined["sig_id"].duplicated()].unique()
    if len(twice):
        raise AlignmentError(f"signatures stand in more than one place: {name_some(twice)}; give each signature once")
    return sources, joined, pd.DataFrame(records)


def _read_siginfo(siginfo: str | Path | Sequence[str | Path] | None) -> pd.DataFrame | None:
    if siginfo is None:
        return None
    paths = [siginfo] if isinstance(siginfo, str | Path) else list(siginfo)
    tables = [read_table(item, required=("sig_id",)) for item in paths]
    return pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]


def _source(stream: ColumnStream, place: np.ndarray | None) -> SignatureSource:
    def read(start: int, stop: int) -> np.ndarray:
        values = stream.read(start, stop)
        if place is not None:
            values = np.ascontiguousarray(values[:, place])
        if not np.isfinite(values).all():
            bad = [str(stream.cols.index[start + row]) for row in np.flatnonzero(~np.isfinite(values).all(axis=1))]
            raise AlignmentError(
                f"{stream.path}: missing or infinite values in {name_some(bad)}; every signature needs a score for "
                "every gene"
            )
        return values

    return SignatureSource(stream.path.name, len(stream.cols), read)


def _json(record: Any) -> str:
    import json

    return json.dumps(record, sort_keys=True, ensure_ascii=False)


def _arrow(table: pd.DataFrame) -> Any:
    """Arrow table: repeated texts as dictionaries, mixed columns as text."""
    import pyarrow as pa

    arrays, names = [], []
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column):
            arrays.append(pa.array(column.to_numpy()))
        else:
            texts = [None if item is None or item != item else str(item) for item in column.astype(object)]
            array = pa.array(texts, pa.string())
            arrays.append(array if name in ("sig_id", "provenance") else array.dictionary_encode())
        names.append(str(name))
    return pa.Table.from_arrays(arrays, names=names)


def _fill(threads: int) -> index_store.FillBlock:
    from beadwork.kernels.connectivity.wtcs_numba import fill_block

    def fill(z: np.ndarray, rank_block: np.ndarray, z_block: np.ndarray, column: int) -> None:
        run_chunks(
            lambda start, stop: fill_block(z[start:stop], rank_block, z_block, column + start),
            len(z), threads=threads, chunk=64,
        )  # fmt: skip

    return fill


def _write(
    folder: Path, number: int, n_genes: int, sources: Sequence[SignatureSource], table: pd.DataFrame,
    provenance: pd.DataFrame, threads: int, progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    total = len(table)
    return index_store.write_segment(
        folder, index_store.segment_name(number, table["sig_id"].tolist()), n_genes, sources, _arrow(table),
        _arrow(provenance), _fill(threads), lambda done: progress(f"{done:,} of {total:,} signatures"),
    )  # fmt: skip


# ---- background of tau ---------------------------------------------------------------------------------------------


def learn_background(
    store: IndexStore,
    params: IndexParams,
    threads: int,
    progress: Progress,
    queries: Sequence[MappedQuery] = (),
) -> dict[str, Any] | None:
    """Ask the index with its own signatures, or with given queries, and keep the NCS.

    Without given ones, the background queries are the treatment signatures with the smallest hashes of their ids: as
    good as drawn at random, and the same on every run.  None if there is no treatment signature.
    """
    import pyarrow as pa

    query_params = QueryParams()
    fields = ["sig_id", "pert_type", "is_null_sig", "is_ncs_sig", *query_params.group_by]
    siginfo = SignatureTable(store.signature_table(list(dict.fromkeys(fields))))
    groups = make_groups(siginfo, query_params)
    if queries:
        names = [query.name for query in queries]
        sets = [(query.up, query.down) for query in queries]
    else:
        names, chosen = _background_signatures(siginfo, treatment_mask(siginfo, query_params), params.background)
        if not names:
            return None
        size = max(1, min(params.background_set, store.n_genes // 6))
        sets = [signature_sets(z, size) for z in store.read_signatures(chosen)]
    del siginfo
    name = f"{store.manifest['generation'] + 1:06d}-{store.n_signatures}-{len(sets)}"
    scores = {
        segment.name: index_store.background_file(store.path, name, segment.name, (segment.n_signatures, len(sets)))
        for segment in store.segments
    }
    scales = []
    step = max(1, min(BACKGROUND_BATCH, BATCH_BYTES // (4 * store.n_signatures)))
    for first in range(0, len(sets), step):
        progress(f"background {first} of {len(sets)}")
        batch = sets[first : first + step]
        raw = score_sets(store.blocks, [one for one, _ in batch], [two for _, two in batch], threads=threads)
        for row, query in enumerate(raw):
            scale = fit_scale(query, groups)
            scales.append(scale)
            ncs = scale_within(query, groups, scale, query_params.ncs_floor)
            for segment in store.segments:
                scores[segment.name][:, first + row] = ncs[segment.start : segment.start + segment.n_signatures]
    tables = {
        "queries": pa.table(
            {
                "sig_id": pa.array(names, pa.string()),
                "up": pa.array([up.tolist() for up, _ in sets], pa.list_(pa.int32())),
                "down": pa.array([down.tolist() for _, down in sets], pa.list_(pa.int32())),
            }
        ),
        "scales": _scale_table(groups, scales),
    }
    record = index_store.write_background(store.path, name, tables, scores, None)
    record["made_of"] = "queries" if queries else "signatures"
    record["group_by"] = list(query_params.group_by)
    record["min_reference"] = query_params.min_reference
    record["ncs_floor"] = query_params.ncs_floor
    record["n_signatures"] = store.n_signatures
    return record


def _background_signatures(siginfo: SignatureTable, treated: np.ndarray, count: int) -> tuple[list[str], np.ndarray]:
    """Ids and positions of the treatment signatures that make the background."""
    places = np.flatnonzero(treated)
    hashes = index_store.hash_ids(siginfo.column("sig_id"))[places]
    chosen = np.sort(places[np.argsort(hashes, kind="stable")[:count]])
    return siginfo.take(chosen, ["sig_id"]).column("sig_id").to_pylist(), chosen


def _scale_table(groups: ReferenceGroups, scales: Sequence[NcsScale]) -> Any:
    import json

    import pyarrow as pa

    rows: dict[str, list[Any]] = {"level": [], "key": [], "n_reference": [], "positive": [], "negative": []}
    for level, keys in enumerate(groups.keys):
        for code, key in enumerate(keys):
            rows["level"].append(level)
            rows["key"].append(json.dumps(key, ensure_ascii=False))
            rows["n_reference"].append(int(groups.sizes[level][code]))
            rows["positive"].append([float(scale.positive[level][code]) for scale in scales])
            rows["negative"].append([float(scale.negative[level][code]) for scale in scales])
    return pa.table(rows)


def _extend_background(
    store: IndexStore, manifest: dict[str, Any], record: dict[str, Any], table: pd.DataFrame, threads: int
) -> dict[str, Any]:
    """Score the signatures of a new segment against the background queries, on the scales learned then."""
    import json

    assert store.background is not None
    background = dict(store.background)
    queries = store.background_table("queries").to_pydict()
    rows = store.background_table("scales").to_pydict()
    group_by = background["group_by"]
    levels = len(group_by) + 1
    lookup: list[dict[tuple[str, ...], int]] = [{} for _ in range(levels)]
    means: list[list[list[Any]]] = [[[], [], []] for _ in range(levels)]
    for level, key, size, positive, negative in zip(*(rows[name] for name in rows), strict=True):
        lookup[level][tuple(json.loads(key))] = len(lookup[level])
        for store_in, value in zip(means[level], (positive, negative, size), strict=True):
            store_in.append(value)
    texts = {name: ["" if item is None or item != item else str(item) for item in table[name]] for name in group_by}
    codes = []
    for level in range(levels):
        fields = group_by[: levels - 1 - level]
        keys = zip(*(texts[name] for name in fields), strict=True) if fields else [()] * len(table)
        codes.append(np.array([lookup[level].get(tuple(key), -1) for key in keys], np.int64))
    chosen = np.full(len(table), levels - 1)
    for level in range(levels - 2, -1, -1):
        sizes = np.array([*means[level][2], 0])
        chosen[sizes[codes[level]] >= background["min_reference"]] = level
    segment = index_store.Segment(record["name"], 0, record["n_signatures"], record["files"])
    up, down = ([np.array(item, np.int64) for item in queries[side]] for side in ("up", "down"))
    scores = index_store.background_file(store.path, background["name"], record["name"], (len(table), len(up)))
    blocks = store.segment_blocks(segment)
    for first in range(0, len(up), BACKGROUND_BATCH):
        last = first + BACKGROUND_BATCH
        raw = score_sets(blocks, up[first:last], down[first:last], threads=threads)
        for query, row in enumerate(raw, start=first):
            scale = NcsScale(
                tuple(np.array([item[query] for item in means[level][0]]) for level in range(levels)),
                tuple(np.array([item[query] for item in means[level][1]]) for level in range(levels)),
            )
            scores[:, query] = apply_scale(row, codes, chosen, scale, background["ncs_floor"])
    return index_store.write_background(store.path, background["name"], {}, {record["name"]: scores}, background)
