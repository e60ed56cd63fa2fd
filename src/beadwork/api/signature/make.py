"""Signatures of any differential data, as files that queries take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.api.signature.values import Values, read_values
from beadwork.io.connectivity.designs import read_contrasts
from beadwork.io.connectivity.gene_sets import file_names
from beadwork.io.connectivity.signature_tables import read_signatures
from beadwork.io.files.atomic import check_folder, write_text
from beadwork.io.files.provenance import make_provenance
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_names import gene_resolver, known_genes
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.connectivity.contrast import Contrast, Signature, ValueKind
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import BeadworkError, ParameterError, name_some
from beadwork.model.matrix import Matrix
from beadwork.model.params import ContrastParams, SignatureParams
from beadwork.stages.connectivity.contrast.compare import compare, sets_of, warnings_of
from beadwork.stages.connectivity.contrast.groups import levels_of, make_contrasts, unique_names
from beadwork.stages.connectivity.contrast.statistics import adjusted

log = logging.getLogger("beadwork")
MATRIX = "signatures.gctx"
QUALITY = "quality.tsv"
RESERVED = ("quality", "skipped", "up", "dn", "signatures")


def signatures_of_values(
    values: Values,
    contrasts: Sequence[Contrast],
    params: ContrastParams = ContrastParams(),  # noqa: B008 (frozen)
    progress: Callable[[str], None] = lambda text: None,
) -> tuple[list[Signature], list[dict[str, str]]]:
    """Compare groups of samples; of several contrasts, those that cannot be made are listed with the reason.

    Raises
    ------
    ParameterError
        None can be made.
    """
    genes = gene_table()
    landmarks = set(genes.index[genes["pr_is_lm"] == 1])
    unread = [note] if (note := unread_genes(values.genes)) else []
    made, skipped, first = [], [], None
    for number, contrast in enumerate(contrasts, start=1):
        progress(f"{contrast.name} ({number} of {len(contrasts)})")
        try:
            signature = compare(
                values.values, values.genes, values.labels, contrast, values.kind, samples=values.samples,
                covariates=values.covariates, batches=values.batches, landmarks=landmarks, params=params,
            )  # fmt: skip
        except ParameterError as error:
            if "install beadwork" in str(error):
                raise
            first = first or error
            skipped.append({"contrast": contrast.name, "reason": str(error)})
            continue
        made.append(replace(signature, notes=(*unread, *values.notes, *signature.notes)))
    if not made and first is not None:
        raise first
    return made, skipped


def read_contrast_values(
    path: str | Path,
    groupby: str,
    cases: Sequence[str] = (),
    controls: Sequence[str] = (),
    table: str | Path | None = None,
    **how: Any,
) -> tuple[Values, list[Contrast]]:
    """Read values, and make contrasts of the names of groups, or of a table of contrasts.

    Raises
    ------
    BeadworkError
        Values, fields or groups are not as they should be.
    """
    values = read_values(path, groupby, **how)
    levels = levels_of([label for label in values.labels if label is not None])
    if table is None:
        return values, make_contrasts(levels, cases, controls, groupby)
    if cases or controls:
        raise ParameterError("--contrasts names cases and controls; leave --case and --control out")
    contrasts = read_contrasts(table)
    for item in contrasts:
        make_contrasts(levels, [item.case], [item.control], groupby)  # refuses what is not there
    return values, unique_names(contrasts)


def compare_groups(
    path: str | Path, groupby: str, cases: Sequence[str] = (), controls: Sequence[str] = (), most: int = 1000,
    **how: Any,
) -> tuple[list[Signature], list[dict[str, str]], int]:  # fmt: skip
    """Read values and compare groups of samples: signatures, contrasts that cannot be made, and how many there are.

    Parameters
    ----------
    most
        Contrasts that are made, the first ones.
    how
        As for :func:`beadwork.api.signature.values.read_values`.

    Raises
    ------
    BeadworkError
        Values, fields or groups are not as they should be, or no contrast can be made.
    """
    values, contrasts = read_contrast_values(path, groupby, cases, controls, **how)
    made, skipped = signatures_of_values(values, contrasts[:most])
    return made, skipped, len(contrasts)


def signature_of_table(query: Query) -> Signature:
    """Take a signature of a table as it is; without adjusted p-values they are computed."""
    assert query.profile is not None
    genes = tuple(query.profile)
    evidence = np.array([query.evidence.get(gene, (np.nan,) * 3) for gene in genes], float).reshape(-1, 3)
    notes = query.notes
    fdr = evidence[:, 2]
    if not np.isfinite(fdr).any() and np.isfinite(evidence[:, 1]).any():
        fdr = adjusted(evidence[:, 1])
        notes = (*notes, "FDR was computed of the p-values (Benjamini and Hochberg)")
    return Signature(
        query.name, "table", genes, evidence[:, 0], np.array([query.profile[gene] for gene in genes], float),
        evidence[:, 1], fdr, notes=notes,
    )  # fmt: skip


def read_tables(paths: Sequence[str | Path], params: SignatureParams = SignatureParams()) -> list[Signature]:  # noqa: B008
    """Read tables of differential expression."""
    signatures = [signature_of_table(query) for path in paths for query in read_signatures(path, params=params)]
    return [
        replace(signature, notes=(f"{signature.name}: {note}", *signature.notes))
        if (note := unread_genes(signature.genes)) else signature
        for signature in signatures
    ]  # fmt: skip


def unread_genes(names: Sequence[str]) -> str:
    """Say which names are no known genes, with examples; empty where all are known."""
    answers = gene_resolver().resolve(list(names), suggest=False)
    unread = [name for answer, name in zip(answers, names, strict=True) if not answer.gene]
    if not unread:
        return ""
    verb = "is no known gene" if len(unread) == 1 else "are no known genes"
    return f"{len(unread):,} of {len(names):,} row names {verb} ({name_some(unread, 5)}); queries leave them out"


def write_signatures(
    signatures: Sequence[Signature],
    output: str | Path,
    *,
    skipped: Sequence[dict[str, str]] = (),
    index_genes: Sequence[str] | None = None,
    params: ContrastParams = ContrastParams(),  # noqa: B008 (frozen)
    inputs: dict[str, Any] | None = None,
) -> pd.DataFrame:
    """Write signature files, sets, a matrix of all statistics and their quality; returns the quality.

    Parameters
    ----------
    index_genes
        Genes of the index that will be asked; None: the 12,328 of the platform.

    Raises
    ------
    BeadworkError
        Two signatures have one name, or the output cannot be written.
    """
    output = Path(output)
    check_folder(output, "the signatures")
    names = [signature.name for signature in signatures]
    if len(set(names)) < len(names):
        raise ParameterError("two signatures have the same name; rename a file or a contrast")
    output.mkdir(parents=True, exist_ok=True)
    reachable, symbols, table = set(index_genes or known_genes()), known_genes(), gene_table()
    landmarks = set(table.index[table["pr_is_lm"] == 1])
    rows, columns = [], {}
    sets: dict[str, list[str]] = {"up": [], "dn": []}
    for signature, file in zip(signatures, file_names(names, RESERVED), strict=True):
        ids = gene_ids(signature.genes)
        known = np.array([gene in reachable for gene in ids], bool)
        up, down, significant = sets_of(signature, known, params)
        n_landmarks = len({gene for gene in ids if gene in landmarks})
        words = warnings_of(signature, n_landmarks, significant, params)
        n_reached = len({gene for gene in ids if gene in reachable})
        if index_genes is not None and n_reached < 0.5 * len(reachable):
            words.append(f"only {n_reached:,} of the {len(reachable):,} genes of the index are there")
        write_table(_signature_table(signature, ids, symbols), output / f"{file}.tsv")
        columns[signature.name] = pd.Series(
            signature.statistic[known], [gene for gene, is_known in zip(ids, known, strict=True) if is_known]
        ).groupby(level=0).first()  # fmt: skip
        for side, places in (("up", up), ("dn", down)):
            if places:
                sets[side].append("\t".join([f"{signature.name}_{side.upper()}", "FDR" if significant else "ends",
                                             *(ids[place] for place in places)]))  # fmt: skip
        rows.append(_quality(signature, f"{file}.tsv", n_reached, n_landmarks, (len(up), len(down)), words, params))
    quality = pd.DataFrame(rows)
    for side, lines in sets.items():
        _write_or_remove(output / f"{side}.gmt", "\n".join(lines) + "\n" if lines else "")
    _write_matrix(
        columns, symbols, output / MATRIX, quality, make_provenance("signature", params.model_dump(), inputs or {})
    )
    write_table(quality, output / QUALITY)
    if skipped:
        write_table(pd.DataFrame(list(skipped)), output / "skipped.tsv")
    else:
        (output / "skipped.tsv").unlink(missing_ok=True)
    return quality


def judge_signature(
    signature: Signature, index_genes: Sequence[str], params: ContrastParams = ContrastParams()  # noqa: B008 (frozen)
) -> list[str]:  # fmt: skip
    """Say why a signature should not be trusted when it is asked of an index; nothing where all is well."""
    table, reachable = gene_table(), set(index_genes)
    landmarks = set(table.index[table["pr_is_lm"] == 1])
    ids = gene_ids(signature.genes)
    significant = sets_of(signature, np.array([gene in reachable for gene in ids], bool), params)[2]
    words = warnings_of(signature, len({gene for gene in ids if gene in landmarks}), significant, params)
    n_reached = len(reachable.intersection(ids))
    if n_reached < 0.5 * len(reachable):
        words.append(f"only {n_reached:,} of the {len(reachable):,} genes of the index are there")
    return words


def gene_ids(names: Sequence[str]) -> list[str]:
    """Entrez ids of genes where they are known, else their names as they are."""
    found = gene_resolver().resolve(list(names), suggest=False)
    return [answer.gene or name for answer, name in zip(found, names, strict=True)]


def _signature_table(signature: Signature, ids: Sequence[str], symbols: dict[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "gene": ids,
            "symbol": [symbols.get(gene, "") for gene in ids],
            "log2_fold_change": signature.change,
            "statistic": signature.statistic,
            "p": signature.p,
            "fdr": signature.fdr,
        }
    )
    table = table.sort_values("statistic", ascending=False, kind="stable", na_position="last")
    numbers = table.select_dtypes("number").columns
    table[numbers] = table[numbers].map(lambda number: float(f"{number:.7g}"))
    return table


def _quality(
    signature: Signature, file: str, n_reached: int, n_landmarks: int, sizes: tuple[int, int], words: Sequence[str],
    params: ContrastParams,
) -> dict[str, Any]:  # fmt: skip
    return {
        "contrast": signature.name,
        "file": file,
        "case": signature.case,
        "control": signature.control,
        "n_case": signature.n_case,
        "n_control": signature.n_control,
        "method": signature.method,
        "n_genes": len(signature.genes),
        "n_genes_index": n_reached,
        "n_landmarks": n_landmarks,
        "n_significant": int((signature.fdr <= params.max_fdr).sum()),
        "n_up": sizes[0],
        "n_down": sizes[1],
        "split_half": signature.agreement,
        "trust": "no" if words else "yes",
        "warnings": "; ".join(words),
        "notes": "; ".join(signature.notes),
    }


def _write_matrix(
    columns: dict[str, pd.Series],
    symbols: dict[str, str],
    path: Path,
    quality: pd.DataFrame,
    provenance: dict[str, Any],
) -> None:
    values = pd.DataFrame(columns).sort_index()
    if values.empty:
        path.unlink(missing_ok=True)
        return
    rows = pd.DataFrame({"pr_gene_symbol": [symbols.get(gene, "") for gene in values.index]}, index=values.index)
    fields = ["case", "control", "n_case", "n_control", "split_half", "trust"]
    cols = quality.set_index("contrast")[fields].rename_axis(index=None)
    write_matrix(Matrix(values.to_numpy(np.float32), rows.rename_axis(index=None), cols, provenance=provenance), path)


def _write_or_remove(path: Path, text: str) -> None:
    if text:
        write_text(path, text)
    else:
        path.unlink(missing_ok=True)


__all__ = [
    "BeadworkError",
    "ValueKind",
    "compare_groups",
    "read_contrast_values",
    "read_tables",
    "signature_of_table",
    "signatures_of_values",
    "write_signatures",
]
