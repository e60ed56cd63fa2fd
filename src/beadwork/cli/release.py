"""``beadwork release``: results under the names that LINCS users know."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, log, log_option, progress

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

inst_info   one row a well (inst_id), of the levels 2 to 4
sig_info    one row a signature (sig_id); distil_id lists its replicates
sig_metrics quality of the signatures: replicate correlation, signature strength, TAS, is_gold
gene_info   one row a gene (Entrez id); pr_is_lm measured landmarks, pr_is_bing best inferred
SHA256SUMS  checksums; `sha256sum -c SHA256SUMS` tests them

Inference model: {models}.
"""


@click.command("release")
@click.argument("results", metavar="RESULTS", type=FILE)
@click.option("-o", "--output", metavar="DIR", type=FILE, required=True, help="Folder to write; made if absent.")
@click.option("--name", metavar="NAME", default="beadwork", show_default=True, help="First part of all file names.")
@click.option("--plates", metavar="SHEET", type=FILE, multiple=True,
              help="Plate sheet: only its plates and their brews; may be given again.")  # fmt: skip
@click.option("--levels", metavar="2,3,4,4vc,4nc,5,5nc", default="2,3,4,5", show_default=True, help="Levels to write.")
@log_option
def command(results: Path, output: Path, name: str, plates: tuple[Path, ...], levels: str) -> None:
    """Write a folder for others: matrices named ..._n{columns}x{rows}.gctx, inst_info, sig_info, gene_info, checksums.

    Names and columns are those of the LINCS releases on GEO (GSE92742, GSE70138). Matrices are joined in portions, so
    they may be larger than memory. The folder must be empty or absent; it appears when it is complete.
    """
    import re
    import shutil

    from beadwork import __version__
    from beadwork.cli.status import read_sheets
    from beadwork.io.files.atomic import write_text
    from beadwork.io.matrix.formats import read_provenance
    from beadwork.io.platform.gene_table import gene_table
    from beadwork.io.runs.release import join_matrices, write_checksums
    from beadwork.io.runs.status import plate_file, plates_there, signature_files
    from beadwork.model.errors import FileError, ParameterError

    chosen = [level.strip() for level in levels.split(",") if level.strip()]
    unknown = [level for level in chosen if level not in LEVELS]
    if unknown or not chosen:
        raise ParameterError(f"--levels: {', '.join(unknown) or 'none'}; give some of {', '.join(LEVELS)}")
    if not re.fullmatch(r"[\w.\-]+", name):
        raise ParameterError(f"--name: {name!r}; only letters, digits, '.', '-' and '_' can stand in file names")
    if not results.is_dir():
        raise FileError(f"{results}: no such folder of results")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileError(f"{output}: is there already; name a new folder, so that no two releases mix")
    sheet = [row for row in read_sheets(plates) if row["use"] == "yes"] if plates else None
    names = plates_there(results) if sheet is None else [row["det_plate"] for row in sheet]
    brews = None if sheet is None else {row["brew"] for row in sheet}
    wanted = {}
    for level in chosen:
        token = LEVELS[level][0]
        paths = [plate_file(results, plate, token) for plate in names]
        if level.startswith("5"):
            paths = [path for path in signature_files(results, token)
                     if brews is None or path.name.removesuffix(f"_{token}.gctx") in brews]  # fmt: skip
        if level == "4vc" or sheet is None:
            paths = [path for path in paths if path.is_file()]
        absent = [path for path in paths if not path.is_file()]
        if absent or not paths:
            which = f" ({absent[0]}, {len(absent)} in all)" if absent else ""
            raise FileError(
                f"{results}: lacks matrices of level {token}{which}; finish the run, or leave out --levels {level}"
            )
        wanted[level] = paths

    part = output.with_name(f".{output.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        wells, signatures, written = {}, None, []
        for level in progress(list(wanted), "levels", len(wanted)):
            stem = f"{name}_{LEVELS[level][1]}"
            rows, cols = join_matrices(wanted[level], part / f"{stem}.gctx", __version__)
            final = f"{stem}_n{len(cols)}x{len(rows)}.gctx"
            (part / f"{stem}.gctx").rename(part / final)
            written.append(final)
            if level.startswith("5"):
                signatures = (
                    cols if signatures is None else signatures.join(cols[cols.columns.difference(signatures.columns)])
                )
            else:
                wells[level] = cols
        if wells:
            fullest = max(wells.values(), key=len)
            _table(fullest, "inst_id", INST_FIELDS, part / f"{name}_inst_info.txt")
        if signatures is not None:
            signatures = signatures.assign(
                pert_idose=_joined(signatures, "pert_dose", "pert_dose_unit"),
                pert_itime=_joined(signatures, "pert_time", "pert_time_unit"),
            )
            _table(signatures, "sig_id", SIG_FIELDS, part / f"{name}_sig_info.txt")
            _table(signatures, "sig_id", METRIC_FIELDS, part / f"{name}_sig_metrics.txt")
        genes = gene_table()
        _table(genes, "pr_gene_id", ("pr_gene_symbol", "pr_gene_title", "pr_is_lm", "pr_is_bing"),
               part / f"{name}_gene_info.txt")  # fmt: skip
        models = set()
        for path in wanted.get("3", []):
            record = read_provenance(path)
            models |= {f"{item['name']} ({item['digest']})" for item in record.get("inputs", {}).get("model", [])}
        files = sorted(path.name for path in part.iterdir())
        write_text(part / f"{name}_README.txt", README.format(
            name=name, plates=len(names), version=__version__, files="\n".join(files),
            models=", ".join(sorted(models)) or "not in this release"))  # fmt: skip
        write_checksums(part)
        if output.exists():
            output.rmdir()
        part.rename(output)
    except FileError as error:
        raise FileError(str(error).replace(f"{part}/", f"{output}/")) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    log.info("%s: %s", output, ", ".join(written))


def _table(table, key: str, fields: tuple[str, ...], path: Path) -> None:
    """Write a table as LINCS does: tab-separated, missing values -666; fields that are not there are left out."""
    from beadwork.io.files.atomic import atomic_path
    from beadwork.model.missing import MISSING_TEXT

    chosen = table[[name for name in fields if name in table]].rename_axis(index=key).reset_index()
    with atomic_path(path) as temporary:
        chosen.to_csv(temporary, sep="\t", index=False, na_rep=MISSING_TEXT, float_format="%.12g", lineterminator="\n")


def _joined(table, value: str, unit: str):
    """Dose or time with its unit: ``10 um``; missing where the value is."""
    import numpy as np
    import pandas as pd

    from beadwork.model.ids import format_dose

    if value not in table:
        return pd.Series(np.nan, index=table.index, dtype=object)
    units = table[unit] if unit in table else pd.Series("", index=table.index)
    texts = [np.nan if pd.isna(number) else f"{format_dose(number)} {'' if pd.isna(word) else word}".strip()
             for number, word in zip(table[value], units, strict=True)]  # fmt: skip
    return pd.Series(texts, index=table.index, dtype=object)
