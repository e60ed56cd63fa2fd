"""``beadwork figures``: the figures of the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beadwork.cli.options import FILE, common_options, write_qc

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from beadwork.model.beads import BeadPlate
    from beadwork.model.matrix import Matrix

folder_option = click.option("-o", "--output", metavar="DIR", type=FILE, required=True, help="Write the figures here.")
format_option = click.option(
    "--format", "kind", type=click.Choice(["svg", "png"]), default="svg", show_default=True, help="Kind of file."
)
rows_option = click.option(
    "--rows", metavar="TSV", type=FILE, multiple=True, required=True, help="QC rows; give it once for each table."
)


@click.group("figures")
def command() -> None:
    """Draw the figures of a plate, a brew, a study or a query."""


@command.command("plate")
@click.argument("gex", metavar="GEX", type=FILE)
@click.option("--lxb", metavar="LXB", type=FILE, required=True, help="Beads of the plate: folder or archive.")
@click.option("--curves", metavar="TSV", type=FILE, required=True, help="Table of `beadwork normalize --curves`.")
@rows_option
@folder_option
@format_option
@common_options
def plate_command(
    gex: Path, lxb: Path, curves: Path, rows: tuple[Path, ...], output: Path, kind: str, threads: int, qc: Path | None
) -> None:
    """Figures of one plate.

    \b
    wells         heat maps on the plate's layout: bead counts, LISS quality, and what became of each well
    calibration   calibrators against their reference levels
    beads         bead histograms of a typical well, with the values that were called
    """
    from beadwork.cli.files import load_matrix
    from beadwork.figures import bead_histograms, calibration_curves, plate_wells, wells_of_plate
    from beadwork.io.lxb import read_plate
    from beadwork.io.tables import read_table
    from beadwork.model.matrix import Level

    matrix = load_matrix(gex, level=Level.GEX)
    plate = str(matrix.cols["det_plate"].iloc[0]) if "det_plate" in matrix.cols else matrix.cids[0].split(":")[0]
    wells = wells_of_plate(_read_rows(rows), plate)
    curve_table = read_table(
        curves, required=("well", "bead_set", "calibrator", "log2_level", "measured", "curve", "a", "b", "k")
    )
    well = typical_well(matrix, wells)
    panels = bead_panels(matrix, read_plate(lxb, plate, threads=threads), well)
    _save(plate_wells(plate, wells), output / f"wells.{kind}")
    _save(calibration_curves(plate, curve_table, wells), output / f"calibration.{kind}")
    _save(bead_histograms(plate, well, panels), output / f"beads.{kind}")
    _no_qc(qc)


@command.command("brew")
@click.argument("matrices", metavar="ZSPC [ZSPC ...]", nargs=-1, required=True, type=FILE)
@click.option("--group-by", metavar="A,B,...", default="pert_id,pert_dose,pert_dose_unit,pert_time", show_default=True,
              help="Fields whose equal values make one treatment.")  # fmt: skip
@folder_option
@format_option
@common_options
def brew_command(
    matrices: tuple[Path, ...], group_by: str, output: Path, kind: str, threads: int, qc: Path | None
) -> None:
    """Correlation of replicates between the plates of a brew, against that of different treatments.

    With one plate only: wells of one compound at different doses.  Files: replicates, and replicates.tsv with its
    numbers.
    """
    import numpy as np
    import pandas as pd

    from beadwork.cli.files import load_matrix
    from beadwork.figures import replicate_correlation
    from beadwork.io.gctx import space_genes
    from beadwork.io.resources import gene_table
    from beadwork.io.tables import write_table
    from beadwork.model.matrix import Level, Space
    from beadwork.stages.replicates import correlate_replicates

    plates = [load_matrix(path, level=(Level.ZSPC, Level.ZSVC)) for path in matrices]
    fields = [field for field in group_by.split(",") if field]
    result = correlate_replicates(plates, space_genes(gene_table(), Space.LM), fields)
    first = plates[0].cols
    brew = str(first["brew_prefix"].iloc[0]) if "brew_prefix" in first else plates[0].cids[0].split(":")[0]
    _save(replicate_correlation(brew, result.same, result.different, result.auc, within=result.within),
          output / f"replicates.{kind}")  # fmt: skip
    numbers = {"brew_prefix": brew, "pairs": "within one plate" if result.within else "between plates",
               "same": len(result.same), "different": len(result.different),
               "median_same": float(np.median(result.same)) if len(result.same) else None,
               "median_different": float(np.median(result.different)) if len(result.different) else None,
               "auc": result.auc}  # fmt: skip
    write_table(pd.DataFrame([numbers]), output / "replicates.tsv")
    _no_qc(qc)


@command.command("study")
@rows_option
@click.option("--siginfo", metavar="TSV", type=FILE, required=True, help="siginfo of all signatures.")
@folder_option
@format_option
@common_options
def study_command(
    rows: tuple[Path, ...], siginfo: Path, output: Path, kind: str, threads: int, qc: Path | None
) -> None:
    """Figures of a study: plates (wells kept, bead counts, LISS quality) and tas (activity of the signatures)."""
    from beadwork.figures import study_activity, study_plates
    from beadwork.io.tables import read_table

    _save(study_plates(_read_rows(rows)), output / f"plates.{kind}")
    table = read_table(siginfo, required=("pert_type", "tas", "distil_cc_q75", "ss_ngene", "distil_nsample"))
    _save(study_activity(table), output / f"tas.{kind}")
    _no_qc(qc)


@command.command("query")
@click.argument("answers", metavar="DIR", type=FILE)
@folder_option
@format_option
@common_options
def query_command(answers: Path, output: Path, kind: str, threads: int, qc: Path | None) -> None:
    """Strongest connections of each gene set; DIR is the folder that `beadwork query` wrote."""
    from beadwork.figures import query_connections
    from beadwork.io.tables import read_table
    from beadwork.model.errors import FileError

    overview = answers / "queries.tsv"
    if not overview.is_file():
        raise FileError(f"{answers}: has no queries.tsv; give the folder that `beadwork query` wrote")
    listed = read_table(overview, required=("query", "file"), text_only=True)
    tables = {
        str(row.query): read_table(answers / str(row.file), required=("sig_id", "ncs")) for row in listed.itertuples()
    }
    labelled = {
        name: table.assign(label=signature_labels(table), score=table["ncs"])[["label", "score"]]
        for name, table in tables.items()
    }
    _save(query_connections(answers.name, labelled), output / f"connections.{kind}")
    _no_qc(qc)


def signature_labels(table: pd.DataFrame) -> list[str]:
    """Signatures in words: name, dose and cell, else the sig_id."""
    labels = []
    for row in table.to_dict("records"):
        name = row.get("pert_iname") or row.get("pert_id")
        if not isinstance(name, str):
            labels.append(str(row["sig_id"]))
            continue
        words = [name, row.get("pert_idose"), row.get("cell_id")]
        labels.append(", ".join(str(word) for word in words if isinstance(word, str) and word))
    return labels


def typical_well(gex: Matrix, wells: pd.DataFrame) -> str:
    """Kept well whose mean bead count is nearest to the median of the plate; of equals, the first."""
    there = gex.cids.str.split(":").str[-1]
    kept = wells.loc[wells.index.isin(there) & (wells["fate"] == "kept"), "count_mean"].dropna()
    if kept.empty:
        return str(there[0])
    return str((kept - kept.median()).abs().sort_values(kind="stable").index[0])


def bead_panels(gex: Matrix, beads: BeadPlate, well: str) -> list[Any]:
    """Six analytes of a well, from genes far apart to genes on top of each other, and the one with fewest beads."""
    import numpy as np
    import pandas as pd

    from beadwork.figures import BeadPanel

    position = int(np.flatnonzero(gex.cids.str.split(":").str[-1] == well)[0])
    log2 = np.log2(np.maximum(gex.values[:, position].astype(float), 1))
    rows = gex.rows.assign(value=log2, gene=gex.rids)
    duo = rows[rows.groupby("pr_analyte_num")["gene"].transform("size") == 2]
    halves = {name: part.set_index("pr_analyte_num") for name, part in duo.groupby("pr_bset_id")}
    first, second = halves.values()
    gaps = (first["value"] - second["value"]).abs().sort_index().sort_values(kind="stable")
    counts = pd.Series({analyte: len(_beads_of(beads, well, analyte)) for analyte in gaps.index})
    share = {"far apart": 0.95, "typical": 0.6, "near": 0.3, "very near": 0.1, "on top of each other": 0.0}
    chosen = {words: gaps.index[round(at * (len(gaps) - 1))] for words, at in share.items()}
    chosen["fewest beads"] = counts.idxmin()
    panels = []
    for words, analyte in chosen.items():
        reporter = _beads_of(beads, well, analyte)
        called = {
            str(half.loc[analyte, "pr_gene_symbol"]): float(half.loc[analyte, "value"]) for half in (first, second)
        }
        panels.append(BeadPanel(f"analyte {analyte}, {words}", np.log2(np.maximum(reporter, 1)), called))
    return panels


def _beads_of(beads: BeadPlate, well: str, analyte: int) -> np.ndarray:
    starts = beads.starts[beads.wells.index(well)]
    return beads.reporter[starts[analyte - 1] : starts[analyte]]


def _read_rows(paths: tuple[Path, ...]) -> pd.DataFrame:
    import pandas as pd

    from beadwork.io.tables import read_table
    from beadwork.model.qc import COLUMNS

    return pd.concat([read_table(path, required=tuple(COLUMNS)) for path in paths], ignore_index=True)


def _save(figure: Any, path: Path) -> None:
    from beadwork.figures import render
    from beadwork.io.atomic import atomic_path

    data = render(figure, path.suffix[1:])
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _no_qc(qc: Path | None) -> None:
    from beadwork.model.qc import join_qc

    write_qc(join_qc([]), qc)
