"""Expression profiles, to train an inference model on or to compare groups: npz, h5ad, GCTX, GCT, parquet, text."""

from __future__ import annotations

import csv
import io
import logging
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from beadwork.io.files.tables import read_table
from beadwork.io.files.text import read_text
from beadwork.io.matrix.column_stream import open_columns
from beadwork.io.platform.gene_names import gene_resolver
from beadwork.io.platform.gene_table import gene_table, probe_table
from beadwork.model.errors import AlignmentError, FileError, counted, name_some
from beadwork.model.levels.expression_source import ExpressionSource
from beadwork.model.lines import split_lines
from beadwork.model.matrix import Matrix

log = logging.getLogger("beadwork.expression")
_DAMAGE = (OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, NotImplementedError, OverflowError,
           AttributeError, zipfile.BadZipFile, zlib.error, struct.error)  # fmt: skip
"""np.load and anndata let the errors of the archive through as they are."""
TEXT_ENDINGS = (".tsv", ".txt", ".csv", ".tab")
GENE_COLUMNS = frozenset({"chr", "chrom", "chromosome", "start", "end", "strand", "length"})
"""Columns of numbers in tables of counts that are no samples, in lower case."""
FEWEST_IDS = 20
"""A column of fewer numbers is a sample, whatever they are."""
FEW_SAMPLES = 256
"""Samples by which one of several rows of a gene is chosen; evenly spread."""


class _Raw(NamedTuple):
    """A file as it is: annotation of rows and samples, and values (samples, rows) on demand."""

    rows: pd.DataFrame
    cols: pd.DataFrame
    read: Callable[[int, int], np.ndarray]


@contextmanager
def open_expression(
    path: str | Path,
    probe_map: str | Path | None = None,
    *,
    study_field: str = "dataset",
    every_gene: bool = False,
    layer: str | None = None,
) -> Iterator[ExpressionSource]:
    """Open profiles, whose genes may be named by Entrez id, symbol, Ensembl id or another id that the resolver knows.

    Of several rows of one gene the one of the highest mean stands for it; of probe sets of HG-U133A those of the table
    that ships.  GCTX and h5ad are read some samples at a time.

    Parameters
    ----------
    path
        GCT, GCTX, h5ad (samples are obs), parquet, a text table (genes in rows, first column their names) or .npz with
        the arrays ``expr`` (rows, samples), ``probe`` or ``gene``, ``sample`` and perhaps ``dataset``.
    probe_map
        Table with the columns pr_gene_id and pr_id (or pr_probe_id): the row that stands for each gene.
    study_field
        Column field that names the study of a sample.
    every_gene
        Keep rows that are no genes of the platform too, under their own names.
    layer
        Of h5ad, the layer to read (``raw``: the values of ``.raw``) instead of X.

    Raises
    ------
    FileError
        Absent, damaged or of another kind, arrays that do not fit together, no known gene, rows of the map that are not
        in the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}; check the name")
    ending = "".join(path.suffixes[-2:]).lower().removesuffix(".gz")
    if layer is not None and not ending.endswith(".h5ad"):
        raise FileError(f"{path}: has no layers; only h5ad files have")
    if ending.endswith(".npz"):
        yield _source(_read_npz(path), path, probe_map, study_field, every_gene)
    elif ending.endswith(".h5ad"):
        with _open_h5ad(path, layer) as raw:
            yield _source(raw, path, probe_map, study_field, every_gene)
    elif ending.endswith(TEXT_ENDINGS):
        yield _source(_turned(_read_text(path, ending)), path, probe_map, study_field, every_gene)
    else:
        with open_columns(path) as stream:
            raw = _Raw(stream.rows, stream.cols, stream.read)
            yield _source(_turned(raw), path, probe_map, study_field, every_gene)


def layer_names(path: str | Path) -> tuple[str, ...]:
    """Layers that an h5ad file has beside X, ``raw`` among them; none of other files."""
    import h5py

    if not h5py.is_hdf5(path):
        return ()
    with h5py.File(path) as file:
        layers = file.get("layers")
        names = sorted(layers) if isinstance(layers, h5py.Group) else []
        return (*names, *(["raw"] if isinstance(file.get("raw"), h5py.Group) and "raw" not in names else []))


def read_expression(path: str | Path, probe_map: str | Path | None = None, *, study_field: str = "dataset") -> Matrix:
    """Read all profiles of a file at once: Entrez ids by samples (see :func:`open_expression`)."""
    with open_expression(path, probe_map, study_field=study_field) as source:
        values = source.read(0, len(source.cols)).T
        try:
            return Matrix(values, pd.DataFrame(index=source.genes), source.cols)
        except (AlignmentError, ValueError, TypeError) as error:
            raise FileError(f"{path}: {_one_line(error)}") from None


def _source(
    raw: _Raw, path: Path, probe_map: str | Path | None, study_field: str, every_gene: bool
) -> ExpressionSource:
    at, genes, note = _find_genes(raw, path, probe_map, every_gene)
    cols = raw.cols
    if study_field not in cols and "dataset" in cols:
        cols = cols.assign(**{study_field: cols["dataset"]})
    log.debug("%s: %d samples, %d genes of the platform by %s", path, len(cols), len(genes), note)
    return ExpressionSource(
        str(path), genes, cols, lambda start, stop: raw.read(start, stop)[:, at], path.name.split(".")[0]
    )


# ---- genes ---------------------------------------------------------------------------------------------------------


def _find_genes(
    raw: _Raw, path: Path, probe_map: str | Path | None, every_gene: bool
) -> tuple[np.ndarray, pd.Index, str]:
    """Which row stands for which gene, and what the rows are named by."""
    if probe_map is not None:
        used = _read_probe_map(Path(probe_map))
        absent = used.index.difference(raw.rows.index)
        if len(absent) == len(used):
            log.info("%s: has no row of %s, and is read without it", path, probe_map)
        elif len(absent):
            raise FileError(
                f"{probe_map}: {len(absent)} of its {len(used)} rows are not in {path} ({name_some(absent)}); "
                "is it the map of this platform?"
            )
        else:
            return raw.rows.index.get_indexer(used.index), pd.Index(used.to_numpy(), dtype=object), "the probe map"
    table = probe_table()
    used = table.loc[(table["pr_is_used"] == 1) & table.index.isin(raw.rows.index), "pr_gene_id"]
    if len(used):
        places = pd.Series(range(len(raw.rows)), raw.rows.index)
        places = places[~places.index.duplicated()].loc[used.index]
        return places.to_numpy(), pd.Index(used.to_numpy(), dtype=object), "probe set of HG-U133A"
    genes, name = _resolve(raw.rows)
    known = genes.isin(gene_table().index)
    if not known.any():
        raise FileError(
            f"{path}: none of its {len(genes):,} rows names a gene of the platform ({name_some(raw.rows.index)}); rows "
            "must be genes by Entrez id, symbol or Ensembl id, or probes together with --probe-map"
        )
    if every_gene:
        genes = pd.Index(np.where(genes == "", raw.rows.index.astype(str), genes), dtype=object)
    at = np.arange(len(genes)) if every_gene else np.flatnonzero(known)
    genes = genes[at]
    if genes.has_duplicates:
        several = at[genes.duplicated(keep=False)]
        height = pd.Series(_mean_levels(raw, several), several).reindex(at).fillna(0.0).to_numpy()
        best = np.lexsort((raw.rows.index.astype(str)[at], -height))  # the order of rows decides nothing
        chosen = np.sort(best[~genes[best].duplicated()])
        log.info(
            "%s: %d rows share %s; the row of the highest mean stands for each",
            path, len(several), counted(genes[genes.duplicated(keep=False)].nunique(), "gene"),
        )  # fmt: skip
        at, genes = at[chosen], genes[chosen]
    return at, genes, name


def _resolve(rows: pd.DataFrame) -> tuple[pd.Index, str]:
    """Entrez ids of rows (empty: none), by their ids or the annotation that names genes best."""
    resolver = gene_resolver()
    names = ["pr_gene_id"] if "pr_gene_id" in rows else []
    candidates: list[tuple[str, Any]] = [(name, rows[name]) for name in names] + [("id", rows.index)]
    candidates += [(str(name), rows[name]) for name in rows if name not in names and rows[name].dtype.kind in "OUSi"]
    best, found, how = 0.0, pd.Index([""] * len(rows), dtype=object), "id"
    for name, values in candidates:
        column = resolver.describe(list(values))
        if column.kind is not None and column.share > best + (0.05 if best else 0.0):
            best, how = column.share, f"{column.kind}" + ("" if name == "id" else f" (field {name})")
            found = pd.Index([answer.gene for answer in resolver.resolve(list(values), suggest=False)], dtype=object)
        if best > 0.9:
            break
    if not best and len(rows):
        found = pd.Index([a.gene for a in resolver.resolve(list(rows.index), suggest=False)], dtype=object)
    return found, how


def _mean_levels(raw: _Raw, rows: np.ndarray) -> np.ndarray:
    """Mean of some rows over evenly spread samples."""
    places = np.unique(np.linspace(0, len(raw.cols) - 1, min(FEW_SAMPLES, len(raw.cols))).astype(int))
    if len(places) == len(raw.cols):
        values = raw.read(0, len(raw.cols))[:, rows]
    else:
        values = np.concatenate([raw.read(place, place + 1)[:, rows] for place in places])
    seen = np.isfinite(values)
    return np.asarray(np.where(seen, values, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(seen.sum(axis=0), 1))


def _read_probe_map(path: Path) -> pd.Series:
    table = read_table(path, required=("pr_gene_id",), text_only=True)
    key = next((name for name in ("pr_id", "pr_probe_id") if name in table), None)
    if key is None:
        raise FileError(f"{path}: lacks the column pr_id (or pr_probe_id), the row id that stands for each gene")
    table = table.dropna(subset=[key, "pr_gene_id"])
    for name in (key, "pr_gene_id"):
        twice = table.loc[table[name].duplicated(), name]
        if len(twice):
            raise FileError(f"{path}: {name} {name_some(twice)} stands twice; one row per gene is needed")
    return pd.Series(table["pr_gene_id"].to_numpy(dtype=object), index=pd.Index(table[key], dtype=object))


# ---- formats -------------------------------------------------------------------------------------------------------


def _read_npz(path: Path) -> _Raw:
    try:
        # opened here, as np.load leaves a file open that it cannot read
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as packed:
            arrays = {name: packed[name] for name in packed.files}
            if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
                raise ValueError(f"{name_some(strange)}: not an array")
    except _DAMAGE as error:
        if not zipfile.is_zipfile(path):
            raise FileError(f"{path}: not a readable .npz file (not a zip archive, as np.savez writes it)") from None
        hint = "; save names as text (dtype str), not as objects" if "allow_pickle" in str(error) else ""
        raise FileError(f"{path}: not a readable .npz file ({_one_line(error)}){hint}") from None
    ids = next((name for name in ("gene", "probe") if name in arrays), None)
    if "expr" not in arrays or ids is None or "sample" not in arrays:
        raise FileError(
            f"{path}: lacks the arrays expr, gene (or probe) and sample; it has {name_some(sorted(arrays), 10)}"
        )
    expr, rows, samples = arrays["expr"], arrays[ids], arrays["sample"]
    if expr.ndim != 2 or expr.dtype.kind not in "fiu" or expr.shape != (rows.size, samples.size):
        raise FileError(
            f"{path}: expr of shape {expr.shape} and type {expr.dtype} does not fit {rows.size} rows ({ids}) and "
            f"{samples.size} samples of numbers"
        )
    cols = pd.DataFrame(index=pd.Index(samples.astype(str), dtype=object))
    for name, array in arrays.items():
        if name not in ("expr", ids, "sample") and array.shape == (len(cols),):
            cols[name] = array.astype(str) if array.dtype.kind in "US" else array
    table = pd.DataFrame(index=pd.Index(rows.astype(str), dtype=object))
    return _Raw(table, cols, lambda start, stop: expr[:, start:stop].T.astype(np.float32))


@contextmanager
def _open_h5ad(path: Path, layer: str | None) -> Iterator[_Raw]:
    try:
        import anndata
    except ImportError:
        raise FileError("h5ad needs the package anndata; install beadwork[h5ad]") from None
    try:
        adata = anndata.read_h5ad(path, backed="r")
    except _DAMAGE as error:
        raise FileError(f"{path}: not a readable h5ad file ({_one_line(error)})") from None
    if layer is not None and layer not in (*adata.layers, *(["raw"] if adata.raw is not None else [])):
        adata.file.close()
        raise FileError(f"{path}: no layer {layer!r}; it has {name_some(adata.layers) or 'none'}")
    is_raw = layer == "raw" and layer not in adata.layers
    values = adata.raw.X if is_raw else adata.X if layer is None else adata.layers[layer]

    def read(start: int, stop: int) -> np.ndarray:
        try:
            part = values[start:stop]
        except _DAMAGE as error:
            raise FileError(f"{path}: damaged h5ad file ({_one_line(error)})") from None
        return np.asarray(part.toarray() if hasattr(part, "toarray") else part, dtype=np.float32)

    try:
        yield _Raw(_plain(adata.raw.var if is_raw else adata.var), _plain(adata.obs), read)
    finally:
        adata.file.close()


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Annotation with plain objects for categories."""
    columns = {
        str(name): column if column.dtype.kind in "iufb" else column.astype(object) for name, column in table.items()
    }
    return pd.DataFrame(columns, index=table.index.astype(str).astype(object))


def _read_text(path: Path, ending: str) -> _Raw:
    """Table with a header line of samples; columns of text beside the first annotate the genes."""
    lines = split_lines(read_text(path, "a table of genes by samples is needed"))
    skipped = next((k for k, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    if not any(line.strip() for line in lines):
        raise FileError(f"{path}: is empty; a table with a header line of samples is needed")
    separator = _separator(lines[skipped], ending)
    blanks = separator == " "  # as R writes tables
    header = [cell.strip() for cell in next(csv.reader([lines[skipped]], delimiter=separator, skipinitialspace=blanks))]
    if twice := sorted({cell for cell in header if cell and header.count(cell) > 1}):
        raise FileError(f"{path}: columns stand twice: {name_some(twice)}; rename them")
    decimal = "," if separator == ";" and _has_decimal_commas(lines[skipped + 1 :]) else "."
    try:
        table = pd.read_csv(
            io.StringIO("\n".join(lines[skipped:])), sep=r"\s+" if blanks else separator, index_col=0,
            low_memory=False, decimal=decimal,
        )  # fmt: skip
    except (*_DAMAGE, pd.errors.ParserError) as error:
        raise FileError(f"{path}: not a readable table ({_one_line(error)})") from None
    beside = [name for name in table if str(name).lower() in GENE_COLUMNS or _are_ids(table[name])]
    if beside:
        log.info("%s: %s are taken as annotation of the genes, not as samples", path, name_some(beside))
        table = table.astype(dict.fromkeys(beside, object))
    numeric = [name for name in table if name not in beside and pd.api.types.is_numeric_dtype(table[name])]
    texts = [name for name in table if name not in numeric]
    _refuse_text_in_samples(path, table[[name for name in texts if name not in beside]], decimal)
    if not numeric:
        raise FileError(f"{path}: no column holds numbers only; genes in rows and samples in columns are needed")
    others = [name for name in texts if name not in beside]
    if len(others) > 10 or len(others) > len(numeric):
        raise FileError(
            f"{path}: {len(others)} of {table.shape[1]} columns hold text ({name_some(others)}); samples are numbers"
        )
    if others:
        log.info(
            "%s: %s %s as annotation of the genes",
            path,
            name_some(others),
            "holds text and counts" if len(others) == 1 else "hold text and count",
        )
    values = table[numeric].to_numpy(np.float32)
    rows = table[texts].set_axis(table.index.astype(str).astype(object), axis=0)
    cols = pd.DataFrame(index=pd.Index([str(name) for name in numeric], dtype=object))
    return _Raw(rows, cols, lambda start, stop: values[:, start:stop].T)


def _refuse_text_in_samples(path: Path, texts: pd.DataFrame, decimal: str) -> None:
    """Refuse text in columns that hold mostly numbers: they are samples, and must not be left out in silence."""
    found = []
    for place, name in enumerate(texts):
        column = texts.iloc[:, place]
        words = column.astype(str).str.replace(decimal, ".", regex=False).where(column.notna())
        numbers = pd.to_numeric(words, errors="coerce").to_numpy(float)
        bad = column.notna().to_numpy() & np.isnan(numbers)
        good = numbers[np.isfinite(numbers)]
        if 2 * len(good) <= column.notna().sum() or str(name).lower().startswith(("chr", "seqname")):
            continue  # text, or chromosomes: 1 to 22, X and Y
        if (good == np.round(good)).all() and (np.abs(good) < 2**53).all() and _are_ids(pd.Series(good.astype(int))):
            continue
        found.append((name, column.index[bad][0], column[bad].iloc[0], int(bad.sum())))
    if found:
        name, row, value, count = found[0]
        others = f" and {count - 1} more of the column" if count > 1 else ""
        columns = f"; so have {name_some([item[0] for item in found[1:]])}" if len(found) > 1 else ""
        raise FileError(
            f"{path}: row {row}, column {name}: {str(value)!r} is not a number{others}{columns}; correct it, or leave "
            "the cell empty if the value is missing"
        )


def _separator(header: str, ending: str) -> str:
    """Find what separates the cells of a header line: by the ending of the file, else what the line has."""
    likely = [",", ";", "\t"] if ending.endswith(".csv") else ["\t", ",", ";"]
    return next((one for one in likely if one in header), " " if len(header.split()) > 1 else likely[0])


def _has_decimal_commas(lines: list[str]) -> bool:
    first = next((line for line in lines if line.strip()), "")
    return any("," in cell for cell in first.split(";")[1:])


def _are_ids(column: pd.Series) -> bool:
    """Whether a column holds Entrez ids, which are numbers, but no sample's."""
    if column.dtype.kind not in "iu" or len(column) < FEWEST_IDS or not column.is_unique:
        return False
    return gene_resolver().share_known(column.astype(str).tolist()) > 0.9


def _turned(raw: _Raw) -> _Raw:
    """Return the same with genes in rows, if they are in the columns."""
    resolver = gene_resolver()
    if len(raw.cols) < 100 or resolver.share_known(list(raw.cols.index)) < 0.5 or (
        resolver.share_known(list(raw.rows.index)) >= 0.5
    ):  # fmt: skip
        return raw
    values = raw.read(0, len(raw.cols))  # (genes, samples)
    log.info("genes are in columns and samples in rows: read so")
    return _Raw(raw.cols, raw.rows, lambda start, stop: values[:, start:stop].T)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
