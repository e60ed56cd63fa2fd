"""``beadwork check-plates``: mistakes that files cannot show."""

from pathlib import Path

import click

from beadwork.cli.options import (
    FILE,
    failed_option,
    load_pandas_alone,
    log,
    log_option,
    params_options,
    progress,
    qc_option,
    write_qc,
)
from beadwork.model.params import CheckPlatesParams


@click.command("check-plates")
@click.argument("sources", metavar="GEX... | RESULTS", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", metavar="TSV", type=FILE, required=True, help="Table of verdicts, one row per plate.")
@click.option("--plates", metavar="SHEET", type=FILE, multiple=True,
              help="Plate sheet: of a folder of results, only its plates; may be given again.")  # fmt: skip
@params_options(CheckPlatesParams)
@qc_option
@failed_option
@log_option
def command(
    sources: tuple[Path, ...], output: Path, plates: tuple[Path, ...], params: CheckPlatesParams,
    qc: Path | None, failed: Path | None,
) -> None:  # fmt: skip
    """Look for swapped plates, shifted or rotated maps, wrong bead sets and wrong cell lines, from the data alone.

    GEX are the matrices of `beadwork deconvolve`; a folder of results stands for those of all its plates. Give
    replicates together, and more than one set of compounds: plates are recognised by what they have in common.
    """
    load_pandas_alone()
    from beadwork.cli.files import load_matrix
    from beadwork.io.files.tables import write_table
    from beadwork.io.matrix.formats import read_annotation
    from beadwork.io.platform.bead_sets import bead_set_names, read_bead_set
    from beadwork.stages.plates.check import check_plates, compared_genes, make_fingerprint

    found = (_of_results(source, plates, failed) if source.is_dir() else [source] for source in sources)
    paths = [path for some in found for path in some]
    genes = compared_genes(read_annotation(path).rows.index for path in paths)
    fingerprints = [
        make_fingerprint(load_matrix(path), genes, str(path)) for path in progress(paths, "plates", len(paths))
    ]
    result = check_plates(fingerprints, [read_bead_set(name) for name in bead_set_names()], params=params)
    for row in result.table[result.table["verdict"] == "suspected"].itertuples():
        log.warning("%s: %s; if so, fix the plate sheet or the map, or set use to no", row.det_plate, row.suspicion)
    write_table(result.table, output)
    write_qc(result.qc, qc)


def _of_results(folder: Path, sheets: tuple[Path, ...], failed: Path | None) -> list[Path]:
    """GEX of the plates of a results folder: those of the sheets, or all."""
    from beadwork.cli.status import read_sheets
    from beadwork.io.runs.failures import failed_plates
    from beadwork.model.errors import FileError

    if not sheets:
        found = sorted(path for path in folder.glob("*/*_GEX.gctx") if path.name == f"{path.parent.name}_GEX.gctx")
        if not found:
            raise FileError(f"{folder}: holds no {{plate}}/{{plate}}_GEX.gctx; give a folder of results, or GEX files")
        return found
    lost = failed_plates(folder, failed)
    names = [row["det_plate"] for row in read_sheets(sheets) if row["use"] == "yes" and row["det_plate"] not in lost]
    return [folder / name / f"{name}_GEX.gctx" for name in names]
