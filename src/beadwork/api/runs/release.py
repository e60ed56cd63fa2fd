"""Results under the names that LINCS users know: joined matrices, tables of wells, signatures and genes, checksums."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork import __version__
from beadwork.io.files.atomic import atomic_path, write_text
from beadwork.io.files.cells import plain_cell
from beadwork.io.matrix.formats import read_provenance
from beadwork.io.platform.gene_table import gene_table
from beadwork.io.runs.release import join_matrices, write_checksums
from beadwork.io.runs.status import plate_file, plates_there, signature_files
from beadwork.model.errors import FileError, ParameterError
from beadwork.model.ids import format_dose
from beadwork.model.missing import MISSING_TEXT

LEVELS = {
    "2": ("GEX", "Level2_GEX"),
    "3": ("INF", "Level3_INF"),
    "4": ("ZSPC", "Level4_ZSPC"),
    "4vc": ("ZSVC", "Level4_ZSVC"),
    "4nc": ("ZSNC", "Level4_ZSNC"),
    "5": ("MODZ", "Level5_COMPZ.MODZ"),
    "5nc": ("MNZ", "Level5_MNZ"),
}
INST_FIELDS = (
    "rna_plate", "rna_well", "det_plate", "det_well", "pert_id", "pert_iname", "pert_type", "pert_dose",
    "pert_dose_unit", "pert_time", "pert_time_unit", "cell_id", "brew_prefix", "batch", "bead_batch", "lxb_digest",
)  # fmt: skip
SIG_FIELDS = ("pert_id", "pert_iname", "pert_type", "cell_id", "pert_dose", "pert_dose_unit", "pert_idose", "pert_time",
              "pert_time_unit", "pert_itime", "distil_id")  # fmt: skip
METRIC_FIELDS = ("pert_id", "pert_iname", "pert_type", "distil_cc_q75", "distil_ss", "ss_ngene", "tas",
                 "pct_self_rank_q25", "distil_wt", "distil_nsample", "is_gold", "distil_cc_q75_nc", "distil_ss_nc",
                 "ss_ngene_nc", "tas_nc", "pct_self_rank_q25_nc")  # fmt: skip
README = """{name}: L1000 data of {plates} plates, made by beadwork {version}

{files}

Matrices are GCTX (HDF5; cmapR, cmapPy and beadwork read them), genes x samples, ids only; what the samples are stands
in the tables, which are tab-separated, missing values -666.

Level 2  GEX      gene expression from beads, linear fluorescence intensity
Level 3  INF      normalised, log2; landmarks measured, other genes inferred
Level 4  ZSPC     robust z-scores against all wells of the plate (ZSVC: against its vehicle wells)
                  (ZSNC: noise controlled, landmarks; not on the scale of the others)
Level 5  MODZ     signatures: weighted averages of replicates (MNZ: means of ZSNC)

inst_info   one row per well (inst_id), of the levels 2 to 4
sig_info    one row per signature (sig_id); distil_id lists its replicates
sig_metrics quality of the signatures: replicate correlation, signature strength, TAS, is_gold
gene_info   one row per gene (Entrez id); pr_is_lm measured landmarks, pr_is_bing best inferred
SHA256SUMS  checksums; `sha256sum -c SHA256SUMS` tests them

Inference model: {models}.
"""


@dataclass(frozen=True)
class Scope:
    """What of a folder of results is released: plates, and brews (None: all that are there)."""

    plates: Sequence[str]
    brews: frozenset[str] | None = None


def release(
    results: Path,
    output: Path,
    *,
    name: str = "beadwork",
    levels: Iterable[str] = ("2", "3", "4", "5"),
    scope: Scope | None = None,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> list[str]:
    """Write a folder for others; it appears when it is complete.

    Parameters
    ----------
    results
        Folder of results.
    output
        Folder to write, empty or absent.
    name
        First part of all file names.
    levels
        Some of :data:`LEVELS`.
    scope
        Plates and brews; by default all.
    progress
        Wraps the levels while they are written.

    Returns
    -------
    Names of the matrices.

    Raises
    ------
    FileError
        Matrices lack, the folder is not empty, or the disk has not enough space.
    ParameterError
        A level or a name that cannot be.
    """
    chosen = check_levels(levels)
    if not re.fullmatch(r"[\w.\-]+", name):
        raise ParameterError(f"--name: {name!r}; only letters, digits, '.', '-' and '_' can stand in file names")
    if not results.is_dir():
        raise FileError(f"{results}: no such folder of results")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileError(f"{output}: is there already; name a new folder, so that no two releases mix")
    wanted = {level: _find_matrices(results, level, scope) for level in chosen}
    plates = plates_there(results) if scope is None else scope.plates
    part = output.with_name(f".{output.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        written, tables = _write_matrices(wanted, part, name, progress)
        _write_tables(tables, part, name)
        _write_readme(part, name, len(plates), wanted.get("3", []))
        write_checksums(part)
        if output.exists():
            output.rmdir()
        part.rename(output)
    except FileError as error:
        raise FileError(str(error).replace(f"{part}/", f"{output}/")) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return written


def check_levels(levels: Iterable[str]) -> list[str]:
    """Levels as they are asked for.

    Raises
    ------
    ParameterError
        One is unknown, or none is given.
    """
    chosen = [level.strip() for level in levels if level.strip()]
    unknown = [level for level in chosen if level not in LEVELS]
    if unknown or not chosen:
        raise ParameterError(f"--levels: {', '.join(unknown) or 'none'}; give some of {', '.join(LEVELS)}")
    return chosen


def _find_matrices(results: Path, level: str, scope: Scope | None) -> list[Path]:
    """Matrices of a level."""
    token = LEVELS[level][0]
    if level.startswith("5"):
        brews = None if scope is None else scope.brews
        paths = [path for path in signature_files(results, token)
                 if brews is None or path.name.removesuffix(f"_{token}.gctx") in brews]  # fmt: skip
    else:
        plates = plates_there(results) if scope is None else scope.plates
        paths = [plate_file(results, plate, token) for plate in plates]
    if level == "4vc" or scope is None:
        paths = [path for path in paths if path.is_file()]
    absent = [path for path in paths if not path.is_file()]
    if absent or not paths:
        which = f" ({absent[0]}, {len(absent)} in all)" if absent else ""
        raise FileError(
            f"{results}: lacks matrices of level {token}{which}; finish the run, or leave out --levels {level}"
        )
    return paths


def _write_matrices(
    wanted: Mapping[str, Sequence[Path]], part: Path, name: str, progress: Callable[[Sequence[str]], Iterable[str]]
) -> tuple[list[str], dict[str, pd.DataFrame]]:
    """Join the matrices of each level; returns their names, and the annotation of their columns by level."""
    written, tables = [], {}
    for level in progress(list(wanted)):
        stem = f"{name}_{LEVELS[level][1]}"
        rows, cols = join_matrices(wanted[level], part / f"{stem}.gctx", __version__)
        final = f"{stem}_n{len(cols)}x{len(rows)}.gctx"
        (part / f"{stem}.gctx").rename(part / final)
        written.append(final)
        tables[level] = cols
    return written, tables


def _write_tables(tables: Mapping[str, pd.DataFrame], part: Path, name: str) -> None:
    """Write inst_info, sig_info, sig_metrics and gene_info."""
    wells = [cols for level, cols in tables.items() if not level.startswith("5")]
    if wells:
        _write_table(max(wells, key=len), "inst_id", INST_FIELDS, part / f"{name}_inst_info.txt")
    signatures = tables.get("5")
    if (cleaned := tables.get("5nc")) is not None:
        # facts of the cleaned values beside those of the others; the signatures are the same
        new = cleaned.columns if signatures is None else cleaned.columns.difference(signatures.columns, sort=False)
        signatures = cleaned if signatures is None else signatures.join(cleaned[new], how="outer", sort=False)
    if signatures is not None:
        for field, value in (("pert_idose", "pert_dose"), ("pert_itime", "pert_time")):
            if field not in signatures:
                signatures = signatures.assign(**{field: _joined(signatures, value, f"{value}_unit")})
        _write_table(signatures, "sig_id", SIG_FIELDS, part / f"{name}_sig_info.txt")
        rest = [str(field) for field in signatures if field not in (*SIG_FIELDS, *METRIC_FIELDS)]
        _write_table(signatures, "sig_id", (*METRIC_FIELDS, *rest), part / f"{name}_sig_metrics.txt")
    genes = "pr_gene_symbol", "pr_gene_title", "pr_is_lm", "pr_is_bing"
    _write_table(gene_table(), "pr_gene_id", genes, part / f"{name}_gene_info.txt")


def _write_readme(part: Path, name: str, n_plates: int, inferred: Sequence[Path]) -> None:
    models = {
        f"{item['name']} ({item['digest']})"
        for path in inferred
        for item in read_provenance(path).get("inputs", {}).get("model", [])
    }
    files = sorted(path.name for path in part.iterdir())
    text = README.format(
        name=name, plates=n_plates, version=__version__, files="\n".join(files),
        models=", ".join(sorted(models)) or "not in this release",
    )  # fmt: skip
    write_text(part / f"{name}_README.txt", text)


def _write_table(table: pd.DataFrame, key: str, fields: Sequence[str], path: Path) -> None:
    """Write a table as LINCS does: tab-separated, missing values -666; fields that are not there are left out."""
    chosen = table[[name for name in fields if name in table]].rename_axis(index=key).reset_index()
    for name in chosen.select_dtypes(exclude="number").columns:
        chosen[name] = chosen[name].map(lambda item: plain_cell(item) if isinstance(item, str) else item)
    with atomic_path(path) as temporary:
        chosen.to_csv(temporary, sep="\t", index=False, na_rep=MISSING_TEXT, lineterminator="\n")


def _joined(table: pd.DataFrame, value: str, unit: str) -> pd.Series:
    """Dose or time with its unit: ``10 um``; missing where the value is."""
    if value not in table:
        return pd.Series(np.nan, index=table.index, dtype=object)
    units = table[unit] if unit in table else pd.Series("", index=table.index)
    texts = [np.nan if pd.isna(number) else f"{format_dose(number)} {'' if pd.isna(word) else word}".strip()
             for number, word in zip(table[value], units, strict=True)]  # fmt: skip
    return pd.Series(texts, index=table.index, dtype=object)
