"""Build an index from a folder of downloads, in portions: what was stopped goes on where it was."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork import __version__
from beadwork.api.index.writing.background import extend_background, learn_background
from beadwork.api.index.writing.inputs import (
    OpenMatrix,
    Progress,
    add_segment,
    common_level,
    index_genes,
    open_matrices,
    prepare_segment,
    row_genes,
    space_of,
)
from beadwork.api.library.choose import Annotations, Chosen, choose_signatures
from beadwork.api.library.lower_levels import Brews, find_brews, make_signatures
from beadwork.api.library.survey import Survey, read_annotation, read_signatures, survey
from beadwork.io.connectivity.index.layout import MANIFEST
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.connectivity.index.writer import IndexWriter, create_index, extend_index
from beadwork.io.connectivity.library.annotation_tables import read_symbols
from beadwork.io.connectivity.library.recognise import Item
from beadwork.io.connectivity.library.unpacked import unpack_matrix
from beadwork.io.connectivity.siginfo import Siginfo
from beadwork.io.files.digest import digest_bytes, digest_file
from beadwork.io.files.provenance import input_record
from beadwork.io.levels.inst_info import read_inst_info
from beadwork.io.matrix.column_stream import ColumnStream, open_columns, select_columns
from beadwork.model.connectivity.query import BLOCK, SIGNATURE_FIELDS
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import FileError, IndexStoreError, ParameterError, counted
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import IndexParams
from beadwork.stages.connectivity.filters import filter_signatures, split_filter

log = logging.getLogger("beadwork")
PORTION_BYTES = 1 << 30
"""Scores and ranks of one portion: what is lost, at most, when a build is stopped."""
VALUE_BYTES = 6
STATE = "state.json"


@dataclass(frozen=True)
class Tables:
    """Tables named beside those of the folder."""

    compounds: tuple[Path, ...] = ()
    cells: tuple[Path, ...] = ()
    genes: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class Portion:
    """Signatures that are written at once: a matrix that is open, and their annotation."""

    key: str
    matrix: OpenMatrix
    table: pd.DataFrame


def build_library(
    folder: str | Path,
    path: str | Path,
    *,
    filters: Sequence[str] = (),
    tables: Tables = Tables(),
    params: IndexParams = IndexParams(),  # noqa: B008 (frozen)
    overwrite: bool = False,
    append: bool = False,
    threads: int = 1,
    progress: Progress = lambda text: None,
    said: Callable[[str], None] = log.info,
) -> IndexStore:
    """Build an index from what lies in a folder.

    Level 5 is taken as it is; of levels 3 and 4 signatures are made, plate by plate, with a table of wells.  The index
    appears when it is complete.  A build that was stopped goes on after its last portion when it is started again.

    Parameters
    ----------
    filters
        Which signatures are wanted, such as ``is_exemplar_sig=1``; fields of the tables of compounds and cells too.
    append
        Add to the index that is there, which then holds what is complete at any time.
    said
        Receives what was taken for what, line by line.

    Raises
    ------
    BeadworkError
        What lies there does not make an index.
    """
    folder, path = Path(folder), Path(path)
    _check_place(path, overwrite, append)
    found = survey(folder, tables.compounds, tables.cells, tables.genes)
    for line in found.lines():
        said(line)
    work = path.resolve().with_name(f".{path.name}.library")
    build = _Build(found, path, work, tuple(filters), params, append, threads, progress)
    build.begin()
    with build.portions() as portions:
        for portion in portions:
            build.write(portion)
    return build.finish(overwrite)


def _check_place(path: Path, overwrite: bool, append: bool) -> None:
    if append and overwrite:
        raise ParameterError("--append and --overwrite exclude each other; choose one")
    there = (path / MANIFEST).exists()
    if append and not there:
        raise IndexStoreError(f"{path}: no index to append to; leave --append out")
    if there and not (append or overwrite):
        raise IndexStoreError(f"{path}: there is an index already; --append adds to it, --overwrite replaces it")
    if not there and path.exists() and (path.is_file() or any(path.iterdir())):
        raise IndexStoreError(f"{path}: has other content; name a new folder for the index")


class _Build:
    """One build, from its beginning or from where it was stopped."""

    def __init__(
        self, found: Survey, path: Path, work: Path, filters: tuple[str, ...], params: IndexParams, append: bool,
        threads: int, progress: Progress,
    ) -> None:  # fmt: skip
        self.found, self.path, self.work, self.filters = found, path, work, filters
        self.params, self.append, self.threads, self.progress = params, append, threads, progress
        self.target = path if append else work / "index"
        self.done: list[str] = []
        self.records: dict[Path, dict[str, str]] = {}
        self.digests = tuple(digest_file(item.path) for item in self._tables())
        self.n_written = self.n_there = 0

    def _tables(self) -> list[Item]:
        found = self.found
        return [*found.signatures, *found.wells, *found.compounds, *found.cells]

    # ---- begin, go on and end ----------------------------------------------------------------------------------------

    def _key(self) -> str:
        """Digest of what a build depends on: with another one it begins anew."""
        files = [(item.path.name, item.size, item.path.stat().st_mtime_ns) for item in self.found.matrices]
        content = [__version__, files, self.digests, self.filters, self.params.model_dump(mode="json"), self.append]
        return digest_bytes(json.dumps(content).encode())

    def begin(self) -> None:
        """Find out whether this build was begun before."""
        self.work.mkdir(parents=True, exist_ok=True)
        try:
            state = json.loads((self.work / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            state = {}
        if state.get("key") == self._key() and (self.append or (self.target / MANIFEST).exists()):
            self.done = list(state["done"])
            if self.done:
                log.info("%s: goes on with a build that was stopped, %s there", self.path,
                     counted(len(self.done), "portion is", "portions are"))  # fmt: skip
        else:
            if state and not self.append:
                log.warning("%s: a build that was stopped had other files or options; begun anew", self.path)
            if not self.append:
                shutil.rmtree(self.target, ignore_errors=True)
            self._save()

    def _save(self) -> None:
        text = json.dumps({"key": self._key(), "done": self.done})
        part = self.work / f".{STATE}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(self.work / STATE)

    def finish(self, overwrite: bool) -> IndexStore:
        """Learn the background, put the index in its place and remove what was needed in between."""
        if not self.append:
            if not (self.target / MANIFEST).exists():
                raise FileError(f"{self.found.folder}: no signatures are left to make an index of")
            with extend_index(self.target) as writer:
                if self.params.background and writer.manifest["background"] is None:
                    learn_background(writer, self.params, self.threads, self.progress)
                    writer.publish()
            self._move(overwrite)
        shutil.rmtree(self.work, ignore_errors=True)
        if self.n_there:
            log.warning("%s: %s in the index already; not added again", self.path,
                        counted(self.n_there, "signature is", "signatures are"))  # fmt: skip
        return IndexStore(self.path)

    def _move(self, overwrite: bool) -> None:
        if (self.path / MANIFEST).exists():
            if not overwrite:
                raise IndexStoreError(f"{self.path}: an index appeared there meanwhile; choose another name")
            old = self.work / "old"
            self.path.rename(old)
        elif self.path.exists():
            self.path.rmdir()
        self.target.rename(self.path)

    # ---- portions ----------------------------------------------------------------------------------------------------

    @contextmanager
    def portions(self) -> Iterator[Iterator[Portion]]:
        """Portions in order; those that are done are not read."""
        paths = {item.path: self._unpacked(item) for item in self.found.matrices}
        compounds, cells = read_annotation(self.found)
        annotations = Annotations(compounds, cells, self.filters)
        if self.found.level == 5:
            yield self._level5(paths, annotations)
        else:
            yield self._lower(paths, annotations)

    def _unpacked(self, item: Item) -> Path:
        return unpack_matrix(item.path, self.work / "unpacked", self.progress) if item.is_packed else item.path

    def _level5(self, paths: dict[Path, Path], annotations: Annotations) -> Iterator[Portion]:
        info = read_signatures(self.found, self.filters)
        columns = {}
        for path in paths.values():
            with open_columns(path) as stream:
                columns[str(path)] = stream.cols
        chosen, reports = choose_signatures(columns, info, annotations)
        del info
        for report in reports:
            log.info("%s", report)
        for path in paths.values():
            if (own := chosen.get(str(path))) is None:
                log.info("%s: none of its signatures passes the filters", path.name)
                continue
            with open_matrices([path]) as opened:
                log.info("%s: %d of %d signatures are taken", path.name, len(own.positions), len(opened[0].stream.cols))
                yield from self._pieces(opened[0], own)

    def _pieces(self, opened: OpenMatrix, own: Chosen) -> Iterator[Portion]:
        n_genes = self._n_genes(opened)
        step = max(1, PORTION_BYTES // (n_genes * VALUE_BYTES * BLOCK)) * BLOCK
        for start in range(0, len(own.positions), step):
            key = f"{opened.stream.path.name}:{start}"
            if key in self.done:
                continue
            rows = slice(start, start + step)
            stream = select_columns(opened.stream, own.positions[rows])
            yield Portion(key, replace(opened, stream=stream), own.table.iloc[rows].reset_index(drop=True))

    def _n_genes(self, opened: OpenMatrix) -> int:
        if (self.target / MANIFEST).exists():
            return IndexStore(self.target).n_genes
        return len(index_genes(opened, self.params)[0])

    def _lower(self, paths: dict[Path, Path], annotations: Annotations) -> Iterator[Portion]:
        for item, path in zip(self.found.matrices, paths.values(), strict=True):
            level = Level.INF if item.level == 3 else Level.ZSVC if item.token.startswith("ZSVC") else Level.ZSPC
            with open_columns(path) as stream:
                ids, symbols = row_genes(stream)
                brews = find_brews(path.name, stream.cols, self._wells(stream))
                brews = _filtered(brews, [text for text in self.filters if split_filter(text)[0] in brews.wells])
                yield from self._brew_portions(OpenMatrix(stream, ids, symbols), brews, level, annotations)

    def _wells(self, stream: ColumnStream) -> pd.DataFrame | None:
        tables = [read_inst_info(item.path, stream.cols.index) for item in self.found.wells]
        tables = [table for table in tables if len(table)]
        if not tables:
            return None
        joined = pd.concat(tables)
        return joined[~joined.index.duplicated()]

    def _brew_portions(
        self, opened: OpenMatrix, brews: Brews, level: Level, annotations: Annotations
    ) -> Iterator[Portion]:
        names = list(brews.positions)
        most = max(1, PORTION_BYTES // 4 // (len(opened.gene_ids) * VALUE_BYTES))
        groups: list[list[str]] = [[]]
        count = 0
        for name in names:
            if groups[-1] and count + len(brews.positions[name]) > most:
                groups.append([])
                count = 0
            groups[-1].append(name)
            count += len(brews.positions[name])
        for group in groups:
            key = f"{opened.stream.path.name}:{group[0]}" if group else ""
            if not group or key in self.done:
                continue
            self.progress(f"{opened.stream.path.name}: brew {names.index(group[0]) + 1} of {len(names)}")
            made = list(make_signatures(opened, brews, group, level))
            if made and (portion := _made_portion(key, opened, made, annotations)) is not None:
                yield portion

    # ---- write ------------------------------------------------------------------------------------------------------

    def write(self, portion: Portion) -> None:
        """Add one portion to the index and publish it."""
        path = portion.matrix.stream.path
        if path not in self.records:
            self.progress(f"{path.name}: checksum")
            self.records[path] = input_record(path)
        if (self.target / MANIFEST).exists():
            with extend_index(self.target) as writer:
                self._add(writer, portion)
        else:
            with create_index(self.target) as writer:
                gene_ids, symbols = index_genes(portion.matrix, self.params)
                names = read_symbols([item.path for item in self.found.genes])
                symbols = [symbol or names.get(gene) for gene, symbol in zip(gene_ids, symbols, strict=True)]
                writer.set_genes(
                    gene_ids, symbols, space=space_of(gene_ids), level=common_level([portion.matrix], None, ""),
                    parameters=self.params.model_dump(mode="json"),
                )  # fmt: skip
                self._add(writer, portion)
        self.done.append(portion.key)
        self._save()

    def _add(self, writer: IndexWriter, portion: Portion) -> None:
        store = writer.store if writer.segments else None
        matrix, table = portion.matrix, portion.table
        if store is not None:
            common_level([matrix], writer.manifest.get("level"), str(self.path))
            repeated = set(store.find_repeated(table["sig_id"].astype(str).tolist()))
            if repeated:
                matrix, table = _without(matrix, table, repeated)
                self.n_there += len(repeated)
        if not len(table):
            return
        gene_ids = [str(item) for item in _gene_ids(writer)]
        inputs = prepare_segment([matrix], gene_ids, Siginfo(table, self.digests), self.params, self.records)
        segment = add_segment(writer, inputs, self.threads, self._progress_of(matrix.stream.path.name))
        if self.append:
            extend_background(writer, [segment], self.threads)
        writer.publish()
        self.n_written += len(table)

    def _progress_of(self, name: str) -> Progress:
        return lambda text: self.progress(f"{name}: {self.n_written:,} written, {text} of this portion")


def _gene_ids(writer: IndexWriter) -> Sequence[Any]:
    return writer.store.gene_ids


def _filtered(brews: Brews, filters: Sequence[str]) -> Brews:
    """Brews some of whose wells pass the filters; all wells of a plate stay, since scores are against them."""
    if not filters:
        return brews
    known = brews.wells["pert_id"].notna().to_numpy()
    table = brews.wells[known].reset_index(drop=True)
    passed = np.zeros(len(brews.wells), bool)
    passed[np.flatnonzero(known)[filter_signatures(SignatureTable.of(table), filters, may_be_none=True)]] = True
    kept = {name: places for name, places in brews.positions.items() if passed[places].any()}
    return Brews(kept, brews.wells)


def _made_portion(
    key: str, opened: OpenMatrix, made: Sequence[tuple[Matrix, pd.DataFrame]], annotations: Annotations
) -> Portion | None:
    values = np.ascontiguousarray(np.concatenate([matrix.values.T for matrix, _ in made]))
    info = pd.concat([table for _, table in made], ignore_index=True)
    ids = pd.Index(info["sig_id"].astype(str), dtype=object)
    path = opened.stream.path
    columns = pd.DataFrame(index=ids)
    fields = {*info.columns, *SIGNATURE_FIELDS, *_joined_fields(annotations)}
    filters = [text for text in annotations.filters if split_filter(text)[0] in fields]
    chosen, _ = choose_signatures(
        {str(path): columns}, info, replace(annotations, filters=tuple(filters)), may_be_none=True
    )
    if (own := chosen.get(str(path))) is None:
        return None
    values = values[own.positions]
    stream = ColumnStream(
        path, opened.stream.rows, columns.iloc[own.positions], Level.MODZ, None, opened.stream.provenance,
        lambda start, stop: values[start:stop],
    )  # fmt: skip
    return Portion(key, replace(opened, stream=stream), own.table)


def _joined_fields(annotations: Annotations) -> list[str]:
    sources = (annotations.compounds, annotations.cells)
    return [name for source in sources if source is not None for name in source.fields]


def _without(matrix: OpenMatrix, table: pd.DataFrame, repeated: set[str]) -> tuple[OpenMatrix, pd.DataFrame]:
    keep = np.flatnonzero(~table["sig_id"].astype(str).isin(repeated).to_numpy())
    if not len(keep):
        return matrix, table.iloc[:0]
    return replace(matrix, stream=select_columns(matrix.stream, keep)), table.iloc[keep].reset_index(drop=True)
