"""Full signatures from files: tables of differential expression, ranked lists, columns of GCT and GCTX.

The tables of DESeq2, edgeR, limma, GEO2R, Seurat and scanpy, CSV of spreadsheets, Excel workbooks and ranked lists
without a header are read; which columns were taken stands in the notes of each query.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from beadwork.io.files.delimited import NAMES, find_separator, split_cells, split_line
from beadwork.io.files.text import decode, file_label
from beadwork.io.files.unpack import GZIP_MAGIC, read_bytes, unpack
from beadwork.io.files.workbook import is_workbook, read_workbook
from beadwork.io.platform.gene_names import gene_resolver
from beadwork.model.connectivity.gene_columns import Identify, choose_genes
from beadwork.model.connectivity.query import Query
from beadwork.model.connectivity.value_columns import (
    choose_values,
    contrasts,
    evidence_columns,
    finite_ends,
    parse_numbers,
)
from beadwork.model.errors import BeadworkError, FileError, GeneSetError, agree, counted, name_some
from beadwork.model.lines import split_lines
from beadwork.model.missing import NO_GENE, WORDS
from beadwork.model.params import SignatureParams

MATRIX_ENDINGS = (".gct", ".gctx", ".h5ad", ".parquet")
TABLE_ENDINGS = (".gz", ".txt", ".tsv", ".csv", ".rnk", ".xlsx", ".xls", ".tab", ".grp", ".gct", ".gctx", ".h5ad",
                 ".parquet")  # fmt: skip
CONTRASTS = {"contrast": True, "comparison": True, "cluster": False, "group": False, "coef": False, "condition": False,
             "celltype": False, "treatment": False}  # fmt: skip
"""Columns that distinguish contrasts; where False, only if genes stand in several of them."""
MOST_CONTRASTS = 1000
NEEDED = "a table of genes and values is needed"
_SEPARATOR_LINE = re.compile(r'"?sep=.?"?', re.I)
_HDF5 = b"\x89HDF"


class TableColumns(NamedTuple):
    """What a table holds, to choose its columns.

    Attributes
    ----------
    names
        Names of the columns; empty where one has none.
    numeric
        Which of them hold numbers.
    first
        Its first rows.
    n_rows
        How many rows there are.
    genes, values
        Places of the columns that are taken; empty where none is clear.
    """

    names: list[str]
    numeric: list[bool]
    first: list[list[str]]
    n_rows: int
    genes: tuple[int, ...]
    values: tuple[int, ...]


def identify_genes(names: Sequence[str]) -> list[str]:
    """Entrez id of each name by the tables that ship with beadwork; empty where it is unknown."""
    return [answer.gene for answer in gene_resolver().resolve(names, suggest=False)]


def read_signatures(
    path: str | Path, identify: Identify = identify_genes, params: SignatureParams = SignatureParams()  # noqa: B008 (frozen)
) -> list[Query]:  # fmt: skip
    """Read full signatures: the columns of a GCT or GCTX file, or a table with genes and values; ``-``: standard input.

    A table's signature has the file's name; where a column names contrasts, each is a signature.

    Parameters
    ----------
    identify
        Says which gene each name of a list means, to choose the gene column.
    params
        Columns to take, and the limit of padj.

    Raises
    ------
    GeneSetError
        Columns are absent or hold no numbers.
    """
    path = Path(path)
    if plain_ending(path.name) in MATRIX_ENDINGS:
        return _of_matrix(path)
    try:
        raw = read_bytes(path)
    except FileError as error:
        raise GeneSetError(str(error)) from None
    if raw.startswith(_HDF5) or raw[:16].lstrip(b'\xef\xbb\xbf"').startswith((b"#1.2", b"#1.3")):
        return read_signature_bytes(path.name, raw, identify, params)
    return _of_table(file_label(path), raw, identify, params)


def read_signature_bytes(
    name: str, raw: bytes, identify: Identify = identify_genes, params: SignatureParams = SignatureParams()  # noqa: B008 (frozen)
) -> list[Query]:  # fmt: skip
    """Read full signatures from the content of a file of this name, as :func:`read_signatures` does."""
    import tempfile

    if raw.startswith(GZIP_MAGIC):
        raw = unpack(raw, name)
    ending = plain_ending(name)
    if raw.startswith(_HDF5):
        ending = ending if ending in (".gctx", ".h5ad") else ".gctx"
    elif raw[:16].lstrip(b'\xef\xbb\xbf"').startswith((b"#1.2", b"#1.3")):
        ending = ".gct"
    if ending not in MATRIX_ENDINGS:
        return _of_table(name, raw, identify, params)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"signature{ending}"
        copy.write_bytes(raw)
        try:
            return _of_matrix(copy)
        except BeadworkError as error:
            raise GeneSetError(str(error).replace(str(copy), name)) from None


def plain_ending(name: str) -> str:
    """Return the ending of a name in lower case, without that of gzip, and without ``.txt`` behind another."""
    lower = name.lower().removesuffix(".gz")
    inner = lower.removesuffix(".txt")
    if inner != lower and "." in inner and f".{inner.rsplit('.', 1)[1]}" in TABLE_ENDINGS:
        lower = inner
    return Path(lower).suffix


def plain_stem(name: str) -> str:
    """Name of a file without folder and known endings: ``a/de.tsv.gz`` -> ``de``."""
    stem = Path(name).name
    while (suffix := Path(stem).suffix).lower() in (*TABLE_ENDINGS, ".gmt", ".gmx"):
        stem = stem[: -len(suffix)]
    return "signature" if stem in ("-", "standard input", "") else stem


def _of_matrix(path: Path) -> list[Query]:
    from beadwork.io.matrix.formats import read_any
    from beadwork.model.matrix import CLEANED

    matrix = read_any(path)
    ids = [str(item) for item in matrix.rids]
    if "pr_gene_id" in matrix.rows.columns and matrix.rows["pr_gene_id"].notna().all():
        ids = [str(item) for item in matrix.rows["pr_gene_id"]]
    queries = []
    for place, name in enumerate(matrix.cids):
        profile, notes, _ = _profile([(gene,) for gene in ids], [(gene,) for gene in ids], matrix.values[:, place])
        if not profile:
            raise GeneSetError(f"{path}: signature {name} holds no values")
        queries.append(Query(str(name), profile=profile, notes=tuple(notes), cleaned=matrix.level in CLEANED))
    return queries


def read_table_columns(
    name: str, raw: bytes, identify: Identify = identify_genes, params: SignatureParams = SignatureParams(),  # noqa: B008 (frozen)
    most: int = 5,
) -> TableColumns:  # fmt: skip
    """Read the names of the columns of a table, which of them hold numbers and which are taken, and its first rows.

    Raises
    ------
    GeneSetError
        It is no table.
    """
    if raw.startswith(GZIP_MAGIC):
        raw = unpack(raw, name)
    try:
        rows, lines, _ = _cells_of(name, raw)
        names, columns, lines, _ = _columns(rows, lines)
    except GeneSetError as error:
        raise GeneSetError(f"{name}: {str(error).removeprefix(f'{name}: ')}") from None
    numeric = [parse_numbers(column).usable for column in columns]
    first = [[column[row] for column in columns] for row in range(min(most, len(lines)))]
    genes: tuple[int, ...] = ()
    values: tuple[int, ...] = ()
    with suppress(GeneSetError):
        genes = (choose_genes(names, columns, identify, params.gene_column).place,)
    with suppress(GeneSetError):
        values = choose_values(
            names, columns, params.max_padj, params.value_column, lines, genes, params.p_column
        ).places
    return TableColumns(names, numeric, first, len(lines), genes, values)


def _of_table(name: str, raw: bytes, identify: Identify, params: SignatureParams) -> list[Query]:
    rows, lines, notes = _cells_of(name, raw)
    try:
        return _of_cells(plain_stem(name), rows, lines, notes, identify, params)
    except GeneSetError as error:
        raise GeneSetError(f"{name}: {error}") from None


def _cells_of(name: str, raw: bytes) -> tuple[list[list[str]], list[int], list[str]]:
    """Cells of a table, the line of each row, and notes."""
    try:
        notes: list[str] = []
        if is_workbook(raw):
            rows, notes = read_workbook(raw, name)
            lines = list(range(1, len(rows) + 1))
        else:
            found = decode(raw, name, NEEDED)
            notes += [found.note] if found.note else []
            cells = split_cells(_without_comments(split_lines(found.text)))
            rows, lines = cells.rows, cells.lines
            if not rows:
                raise GeneSetError(f"{name}: is empty; {NEEDED}")
            if max(len(row) for row in rows[:50]) < 2:
                raise GeneSetError(
                    f"{name}: has one column only; {NEEDED}, separated by {', '.join(NAMES.values())} "
                    "(a list of genes goes with --up or --down)"
                )
    except FileError as error:
        raise GeneSetError(str(error)) from None
    return rows, lines, notes


def _without_comments(lines: list[str]) -> list[str]:
    """Lines of which those with ``#`` above the table are empty; a header that begins with ``#`` loses it."""
    if _SEPARATOR_LINE.fullmatch(lines[0].strip()):
        lines = ["", *lines[1:]]  # a line for Excel
    place = 0
    while place < len(lines) and (not lines[place].strip() or lines[place].lstrip().startswith("#")):
        place += 1
    blank = [""] * place
    if place and place < len(lines):
        header = lines[place - 1].lstrip().lstrip("#").strip("\r\n")
        separator = find_separator([line for line in lines[place:] if line.strip()])
        both = [split_line(line, separator) for line in (header, lines[place]) if line]
        if len(both) == 2 and len(both[0]) == len(both[1]) > 1 and _has_header(both):
            blank[-1] = header
    return blank + lines[place:]


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names columns: it holds no number and no missing value, while later lines do."""
    numbers = parse_numbers(list(rows[0]))
    if "" in rows[0][: len(rows[1]) if len(rows) > 1 else None] and len(rows) > 1:
        return True  # the column of row names has no name
    if numbers.n:
        return False
    return not any(text in WORDS and text for text in rows[0])


def _of_cells(
    stem: str, rows: list[list[str]], lines: list[int], notes: list[str], identify: Identify, params: SignatureParams
) -> list[Query]:
    names, columns, lines, said = _columns(rows, lines)
    notes = [*notes, *said]
    genes = choose_genes(names, columns, identify, params.gene_column)
    values = choose_values(names, columns, params.max_padj, params.value_column, lines, (genes.place,), params.p_column)
    n_known = sum(any(keys) for keys in genes.keys)
    chosen = f"genes: column {genes.what} ({n_known:,} of {len(genes.keys):,} rows known); values: {values.what}"
    notes = [chosen, *notes, *genes.notes, *values.notes]
    first = [keys[0] or names[0] if keys else "" for keys, names in zip(genes.keys, genes.genes, strict=True)]
    split = contrasts(names, columns, first, CONTRASTS)
    evidence = evidence_columns(names, columns, params.p_column)
    if split is None:
        return [_query(stem, genes.genes, genes.keys, values.values, notes, evidence)]
    place, parts = split
    if len(parts) > MOST_CONTRASTS:
        raise GeneSetError(f"column {names[place]} names {len(parts):,} contrasts; at most {MOST_CONTRASTS:,} are read")
    notes.append(f"column {names[place]} names {counted(len(parts), 'contrast')}; each is a query")
    empty = [label for label, part in parts.items() if np.isnan(values.values[part]).all()]
    if empty:
        notes.append(f"{names[place]} {name_some(empty)} without values: left out")
    queries = []
    for label, part in parts.items():
        if label in empty:
            continue
        chosen_genes, chosen_keys = [genes.genes[row] for row in part], [genes.keys[row] for row in part]
        queries.append(_query(f"{stem}_{label}", chosen_genes, chosen_keys, values.values[part], notes, evidence[part]))
    if not queries:
        raise GeneSetError("the signature holds no values")
    return queries


def _query(
    name: str, genes: Sequence[tuple[str, ...]], keys: Sequence[tuple[str, ...]], values: np.ndarray, notes: list[str],
    evidence: np.ndarray,
) -> Query:  # fmt: skip
    profile, said, rows = _profile(genes, keys, values)
    if not profile:
        raise GeneSetError("the signature holds no values")
    beside = {gene: tuple(evidence[row].tolist()) for gene, row in rows.items()}
    return Query(name, profile=profile, notes=(*notes, *said), evidence=beside)


def _profile(
    genes: Sequence[tuple[str, ...]], keys: Sequence[tuple[str, ...]], values: np.ndarray
) -> tuple[dict[str, float], list[str], dict[str, int]]:
    """Value by gene, notes, and the row it stands in: of a gene that stands several times the largest change counts."""
    ends, n_infinite = finite_ends(np.asarray(values, np.float64))
    found: dict[str, float] = {}
    named: dict[str, str] = {}
    rows: dict[str, int] = {}
    repeated: set[str] = set()
    no_gene = no_value = 0
    for row, (several, their) in enumerate(zip(genes, keys, strict=True)):
        value = float(ends[row])
        if not several or several[0] in NO_GENE:
            no_gene += 1
        elif np.isnan(value):
            no_value += 1
        else:
            for gene, key in zip(several, their, strict=True):
                same = key or gene
                if same not in named:
                    named[same] = gene
                    found[gene], rows[gene] = value, row
                else:
                    repeated.add(same)
                    if abs(value) > abs(found[named[same]]):
                        found[named[same]], rows[named[same]] = value, row
    notes = []
    if n_infinite:
        as_changes = "value counts as the largest change" if n_infinite == 1 else "values count as the largest changes"
        notes.append(f"{n_infinite:,} infinite {as_changes} of {agree(n_infinite, 'its')} sign")
    if no_gene:
        rows_name = "row names" if no_gene == 1 else "rows name"
        notes.append(f"{no_gene:,} {rows_name} no gene and {_were(no_gene)} left out")
    if no_value:
        rows_have = "row has" if no_value == 1 else "rows have"
        notes.append(f"{no_value:,} {rows_have} no value and {_were(no_value)} left out")
    if repeated:
        genes_stand = "gene stands" if len(repeated) == 1 else "genes stand"
        notes.append(f"{len(repeated):,} {genes_stand} in several rows; the largest change counts")
    return found, notes, rows


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _columns(rows: list[list[str]], lines: list[int]) -> tuple[list[str], list[list[str]], list[int], list[str]]:
    """Names and texts of the columns that hold anything, lines of the rows, and notes.

    Raises
    ------
    GeneSetError
        There are no rows, or one has more cells than the header.
    """
    notes = []
    header = _has_header(rows)
    body = rows[1:] if header else rows
    if not body:
        raise GeneSetError("has a header line, but no rows")
    lines = lines[1:] if header else lines
    widths = [len(row) for row in body]
    usual = max(set(widths), key=lambda width: (widths.count(width), width))
    names = list(rows[0]) if header else [""] * usual
    if not header:
        notes.append("there is no header line")
    elif len(names) + 1 == usual and any(row[-1] for row in body if len(row) == usual):
        names.insert(0, "")  # R writes row names without a name
    longer = next((row for row, cells in enumerate(body) if any(cells[len(names) :])), None)
    if longer is not None:
        raise GeneSetError(
            f"line {lines[longer]} has {counted(len(body[longer]), 'cell')}, but there "
            f"{agree(len(names), 'is')} {counted(len(names), 'column')}"
        )
    shorter = sum(width < len(names) and width < usual for width in widths)
    if shorter:
        notes.append(f"{shorter:,} lines have fewer cells than there are columns; what they lack is missing")
    texts = [[row[place] if place < len(row) else "" for row in body] for place in range(len(names))]
    kept = [place for place, name in enumerate(names) if name or any(texts[place])]
    return [names[place] for place in kept], [texts[place] for place in kept], lines, notes


__all__ = ["TableColumns", "identify_genes", "plain_ending", "plain_stem", "read_signature_bytes", "read_signatures",
           "read_table_columns"]  # fmt: skip
