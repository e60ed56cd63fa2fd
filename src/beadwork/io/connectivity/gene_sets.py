"""Gene sets and signatures of queries from files: GMT, GMX, GRP, TSV, GCT, GCTX, tables of differential expression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beadwork.io.files.unpack import decode_text, read_bytes
from beadwork.model.connectivity.query import SIZE_LIMIT, GeneSet, Query
from beadwork.model.errors import FileError, GeneSetError, name_some

SET_ENDINGS = (".gmt", ".gmx", ".grp", ".tsv", ".txt")
SIGNATURE_ENDINGS = (".gct", ".gctx", ".h5ad", ".parquet")
GENE_COLUMNS = ("gene", "gene_id", "pr_gene_id", "entrez_id", "entrezid", "symbol", "gene_symbol", "pr_gene_symbol",
                "gene_name", "id", "rid")  # fmt: skip
"""Names of the gene column of a table, in order of preference, whatever their case."""
VALUE_COLUMNS = ("logfc", "log2foldchange", "avg_log2fc", "log2fc", "lfc", "zscore", "z", "score", "stat", "t", "value",
                 "modz")  # fmt: skip
"""Names of the value column of a table of differential expression."""
NAME_COLUMNS = ("name", "ensembl", "ensembl_id", "ensembl_gene_id", "symbol", "alias")
SET_COLUMNS = ("set", "query", "name", "term", "gene_set")
DIRECTION_COLUMNS = ("direction", "sign", "side", "up_down")
_SIDE = re.compile(r"[_.\- ](up|dn|down)$", re.IGNORECASE)


def read_gene_sets(path: str | Path) -> list[GeneSet]:
    """Read gene sets; the ending of the name says the format.

    GMT: one set a line (name, description, genes; tabs).  GMX: one set a column (name, description, genes).  GRP: one
    gene a line, the set has the file's name.  TSV: columns ``set`` (or query, name, term), ``gene`` and, where sets
    have two directions, ``direction`` (up or down, 1 or -1).  All of them may be gzipped (.gz).

    Raises
    ------
    GeneSetError
        The file is empty, of another format, repeats a set or holds far too many genes.
    """
    path = Path(path)
    ending = _plain_name(path).suffix.lower()
    if ending not in SET_ENDINGS:
        raise GeneSetError(
            f"{path}: unknown kind of gene sets; the name must end in {', '.join(SET_ENDINGS)}, or that and .gz"
        )
    lines = _text_lines(path)
    if ending == ".gmt":
        sets = _read_gmt(path, lines)
    elif ending == ".gmx":
        sets = _read_gmx(path, lines)
    elif ending == ".grp" or (ending == ".txt" and not any("\t" in line for line in lines)):
        name = _plain_name(path).stem
        genes = [line.strip() for line in lines if not line.startswith("#") and line.strip()]
        if any("\t" in gene for gene in genes):
            raise GeneSetError(f"{path}: a GRP file holds one gene a line, but there are tabs; is it a GMT?")
        sets = [GeneSet(name, tuple(genes), path.name)]
    else:
        sets = _read_long(path)
    if not sets:
        raise GeneSetError(f"{path}: holds no gene set")
    names = [item.name for item in sets]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise GeneSetError(f"{path}: sets stand twice: {name_some(twice)}; rename or remove them")
    for item in sets:
        if not item.genes:
            raise GeneSetError(f"{path}: set {item.name} holds no genes; remove it or fill it")
        if len(item.genes) > SIZE_LIMIT:
            raise GeneSetError(
                f"{path}: set {item.name} holds {len(item.genes):,} genes; at most {SIZE_LIMIT:,} are allowed"
            )
    return sets


def _text_lines(path: Path) -> list[str]:
    try:
        raw = read_bytes(path)
    except FileError as error:
        raise GeneSetError(str(error)) from None
    if b"\x00" in raw:
        raise GeneSetError(f"{path}: is not a text file; gene sets are GMT, GMX, GRP or TSV")
    lines = [line for line in decode_text(raw).splitlines() if line.strip()]
    if not lines:
        raise GeneSetError(f"{path}: is empty; gene sets are needed")
    return lines


def _plain_name(path: Path) -> Path:
    """Name of a file without the ending of gzip."""
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def _read_gmt(path: Path, lines: Sequence[str]) -> list[GeneSet]:
    sets = []
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) < 3:
            raise GeneSetError(
                f"{path}: line {number} has {len(cells)} tab-separated cells; "
                "a GMT line holds name, description and genes"
            )
        if not cells[0]:
            raise GeneSetError(f"{path}: line {number} has no set name in its first cell")
        sets.append(GeneSet(cells[0], tuple(cell for cell in cells[2:] if cell), path.name))
    return sets


def _read_gmx(path: Path, lines: Sequence[str]) -> list[GeneSet]:
    cells = [[cell.strip() for cell in line.split("\t")] for line in lines]
    if len(cells) < 3:
        raise GeneSetError(f"{path}: a GMX file holds names, descriptions and then genes, but has {len(cells)} lines")
    width = len(cells[0])
    long = [number for number, row in enumerate(cells, start=1) if len(row) > width and any(row[width:])]
    if long:
        raise GeneSetError(f"{path}: line {long[0]} has more columns than the {width} names of line 1")
    columns = [[row[place] if place < len(row) else "" for row in cells] for place in range(width)]
    return [
        GeneSet(column[0], tuple(gene for gene in column[2:] if gene), path.name) for column in columns if column[0]
    ]


def _read_long(path: Path) -> list[GeneSet]:
    from beadwork.io.files.tables import read_table

    try:
        table = read_table(path, text_only=True)
    except FileError as error:
        raise GeneSetError(str(error)) from None
    names = {name.lower(): name for name in table.columns}
    gene = next((names[name] for name in GENE_COLUMNS if name in names), None)
    if gene is None:
        raise GeneSetError(f"{path}: a table of gene sets needs a column named gene (and set, direction)")
    group = next((names[name] for name in SET_COLUMNS if name in names), None)
    side = next((names[name] for name in DIRECTION_COLUMNS if name in names), None)
    sets: dict[str, list[str]] = {}
    for number, row in enumerate(table.to_dict("records"), start=2):
        name = str(row[group]) if group else _plain_name(path).stem
        if side:
            text = str(row[side]).strip().lower()
            suffix = {
                "up": "_UP",
                "1": "_UP",
                "+1": "_UP",
                "+": "_UP",
                "down": "_DN",
                "dn": "_DN",
                "-1": "_DN",
                "-": "_DN",
            }
            if text not in suffix:
                raise GeneSetError(f"{path}: row {number}: direction {row[side]!r}; up or down (1 or -1) is needed")
            name += suffix[text]
        if isinstance(row[gene], str):
            sets.setdefault(name, []).append(row[gene])
    return [GeneSet(name, tuple(genes), path.name) for name, genes in sets.items()]


def base_name(name: str) -> str:
    """Name of a set without its direction: ``FRASOR_ER_UP`` -> ``FRASOR_ER``."""
    return _SIDE.sub("", name) or name


def set_side(name: str) -> str | None:
    """Direction that a set's name ends in: ``up``, ``down`` or None."""
    match = _SIDE.search(name)
    return None if match is None else ("up" if match[1].lower() == "up" else "down")


def pair_sets(up: Sequence[GeneSet], down: Sequence[GeneSet] = ()) -> list[Query]:
    """Make queries of up and down sets: by name without _UP and _DN, else by order.

    Where some names agree, all pairing is by name and a set without partner is a query of its own; where none does,
    the first up set goes with the first down set and so on.  Without `down`, sets of `up` whose names end in _DN are
    the down sets of their partners.

    Raises
    ------
    GeneSetError
        No name agrees and the numbers differ, or two sets of one side have the same name without the suffix.
    """
    if not down:
        partners = {base_name(item.name).lower() for item in up if set_side(item.name) == "up"}
        down = [i for i in up if set_side(i.name) == "down" and base_name(i.name).lower() in partners]
        up = [item for item in up if item not in down]
        if not down:
            return [
                Query(base_name(item.name) if set_side(item.name) == "up" else item.name, item.genes) for item in up
            ]
    ups, downs = _by_base(up), _by_base(down)
    shared = [name for name in ups if name in downs]
    if not shared and ups:
        if len(up) != len(down):
            raise GeneSetError(
                f"{len(up)} up sets ({name_some([i.name for i in up], 3)}) and {len(down)} down sets "
                f"({name_some([i.name for i in down], 3)}) share no name and differ in number; "
                "name them alike (X_UP and X_DN), or give as many of each in the same order"
            )
        return [Query(base_name(one.name), one.genes, two.genes) for one, two in zip(up, down, strict=True)]
    queries = [
        Query(
            item.name if set_side(item.name) == "down" else base_name(item.name),
            item.genes,
            downs[name].genes if name in downs else (),
        )
        for name, item in ups.items()
    ]
    return queries + [Query(base_name(item.name), (), item.genes) for name, item in downs.items() if name not in ups]


def _by_base(sets: Sequence[GeneSet]) -> dict[str, GeneSet]:
    found: dict[str, GeneSet] = {}
    for item in sets:
        name = base_name(item.name).lower()
        if name in found:
            raise GeneSetError(
                f"sets {found[name].name} and {item.name} have the same name without _UP and _DN; rename one"
            )
        found[name] = item
    return found


def read_signatures(path: str | Path) -> list[Query]:
    """Read full signatures: the columns of a GCT or GCTX file, or a table of differential expression.

    A table needs a gene column (gene, gene_id, symbol, ...) and a value column (logFC, log2FoldChange, avg_log2FC, z,
    t, stat, score, ...); the signature has the file's name.

    Raises
    ------
    GeneSetError
        Columns are absent or hold no numbers.
    """
    path = Path(path)
    if _plain_name(path).suffix.lower() in SIGNATURE_ENDINGS:
        from beadwork.io.matrix.formats import read_any
        from beadwork.model.matrix import CLEANED

        matrix = read_any(path)
        ids = [str(item) for item in matrix.rids]
        if "pr_gene_id" in matrix.rows.columns and matrix.rows["pr_gene_id"].notna().all():
            ids = [str(item) for item in matrix.rows["pr_gene_id"]]
        return [
            Query(str(name), profile=_profile(path, ids, matrix.values[:, place]), cleaned=matrix.level in CLEANED)
            for place, name in enumerate(matrix.cids)
        ]
    from beadwork.io.files.tables import read_table

    try:
        table = read_table(path, text_only=True)
    except FileError as error:
        raise GeneSetError(str(error)) from None
    names = {name.lower().replace(" ", ""): name for name in table.columns}
    gene = next((names[name] for name in GENE_COLUMNS if name in names), None)
    value = next((names[name] for name in VALUE_COLUMNS if name in names), None)
    if gene is None or value is None:
        raise GeneSetError(
            f"{path}: a signature table needs a gene column (gene, gene_id, symbol, ...) and a value column "
            f"(logFC, log2FoldChange, z, t, score, ...); it has {name_some(table.columns, 8)}"
        )
    try:
        values = table[value].to_numpy(object).astype(np.float64)
    except ValueError as error:
        raise GeneSetError(f"{path}: column {value} holds no numbers ({error})") from None
    return [Query(_plain_name(path).stem, profile=_profile(path, [str(item) for item in table[gene]], values))]


def _profile(path: Path, genes: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """Value by gene; of a gene that stands several times the largest change counts."""
    found: dict[str, float] = {}
    for gene, value in zip(genes, np.asarray(values, np.float64).tolist(), strict=True):
        if np.isfinite(value) and (gene not in found or abs(value) > abs(found[gene])):
            found[gene] = value
    if not found:
        raise GeneSetError(f"{path}: the signature holds no values")
    return found


def read_gene_names(path: str | Path) -> dict[str, str]:
    """Read further names of genes: a table with a name (name, ensembl, ensembl_id, symbol) and a gene_id (Entrez).

    Raises
    ------
    GeneSetError
        The table cannot be used.
    """
    from beadwork.io.files.tables import read_table

    try:
        table = read_table(path, text_only=True)
    except FileError as error:
        raise GeneSetError(str(error)) from None
    columns = {name.lower(): name for name in table.columns}
    name = next((columns[item] for item in NAME_COLUMNS if item in columns), None)
    gene = next((columns[item] for item in ("gene_id", "pr_gene_id", "entrez_id", "entrezid") if item in columns), None)
    if name is None or gene is None:
        raise GeneSetError(
            f"{path}: a table of gene names needs a column name (or ensembl, symbol) and gene_id (Entrez)"
        )
    pairs = table[[name, gene]].dropna().astype(str)
    return dict(
        zip((item.split(".")[0] if item.startswith("ENS") else item for item in pairs[name]), pairs[gene], strict=True)
    )


_UNSAFE = re.compile(r"[^A-Za-z0-9._+=@,-]+")


def file_names(names: Sequence[str], reserved: Sequence[str] = ()) -> list[str]:
    """Names that are safe as file names, one for each query name, distinct whatever the case.

    >>> file_names(["a/b", "a b", "../x"])
    ['a_b', 'a_b_2', 'x']
    """
    taken = {name.lower() for name in reserved}
    result = []
    for name in names:
        plain = _UNSAFE.sub("_", name).strip("._-")[:120] or "query"
        candidate, number = plain, 1
        while candidate.lower() in taken:
            number += 1
            candidate = f"{plain}_{number}"
        taken.add(candidate.lower())
        result.append(candidate)
    return result
