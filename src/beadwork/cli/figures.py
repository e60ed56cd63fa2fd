"""``beadwork figures``: the figures of the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beadwork.cli.options import FILE, log_option, threads_option

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.plate_panels import CalledPlate

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


gex_argument = click.argument("gex", metavar="GEX", type=FILE)
lxb_option = click.option(
    "--lxb", metavar="LXB", type=FILE, required=True, help="Beads of the plate: folder or archive."
)
sd_option = click.option(
    "--sd", metavar="SD", type=FILE, help="Uncertainties that `beadwork deconvolve --sd` wrote: adds what was fitted."
)
odds_option = click.option(
    "--odds", metavar="O", type=FILE, help="Odds that `beadwork deconvolve --odds` wrote: adds how sure each pair is."
)


@command.command("plate")
@gex_argument
@lxb_option
@click.option("--curves", metavar="TSV", type=FILE, required=True, help="Table of `beadwork normalize --curves`.")
@rows_option
@sd_option
@odds_option
@folder_option
@format_option
@threads_option
@log_option
def plate_command(
    gex: Path,
    lxb: Path,
    curves: Path,
    rows: tuple[Path, ...],
    sd: Path | None,
    odds: Path | None,
    output: Path,
    kind: str,
    threads: int,
) -> None:  # fmt: skip
    """Figures of one plate.

    \b
    wells         heat maps on the plate's layout: bead counts, LISS quality, and what became of each well
    calibration   calibrators against their reference levels
    beads         bead histograms of a typical well, with the values that were called
    ambiguity     how sure the values are, by well and by pair of genes (with --sd and --odds)
    worst_beads   bead histograms of the pairs that are least sure (likewise)
    """
    from beadwork.api.plate_panels import bead_panels, graded_analytes, pair_table, typical_well, worst_analytes
    from beadwork.io.beads.lxb import read_plate
    from beadwork.io.files.tables import read_table
    from beadwork.views.figures import bead_histograms, calibration_curves, plate_ambiguity, plate_wells, wells_of_plate

    plate = _called(gex, sd, odds)
    name = _plate_name(plate)
    wells = wells_of_plate(_read_rows(rows), name)
    curve_table = read_table(
        curves, required=("well", "bead_set", "calibrator", "log2_level", "measured", "curve", "a", "b", "k")
    )
    well = typical_well(plate.gex, wells)
    beads = read_plate(lxb, name, threads=threads, wells=[well])  # the others are not drawn
    panels = bead_panels(plate, beads, well, graded_analytes(plate, beads, well))
    _save(plate_wells(name, wells), output / f"wells.{kind}")
    _save(calibration_curves(name, curve_table, wells), output / f"calibration.{kind}")
    _save(bead_histograms(name, well, panels), output / f"beads.{kind}")
    if plate.sd is not None and plate.odds is not None:
        worst = bead_panels(plate, beads, well, worst_analytes(plate))
        _save(plate_ambiguity(name, wells, pair_table(plate)), output / f"ambiguity.{kind}")
        _save(bead_histograms(name, well, worst, "the pairs least sure"), output / f"worst_beads.{kind}")


@command.command("beads")
@gex_argument
@lxb_option
@sd_option
@odds_option
@click.option(
    "--analyte",
    "analytes",
    metavar="A",
    multiple=True,
    help="Number of an analyte, or symbol or Entrez id of one of its genes; give it once for each. By default the six "
    "that are least sure (with --sd and --odds), else six from easy to hard.",
)
@click.option("--well", metavar="WELL", help="Well to draw; by default the one with the median number of beads.")
@folder_option
@format_option
@threads_option
@log_option
def beads_command(
    gex: Path,
    lxb: Path,
    sd: Path | None,
    odds: Path | None,
    analytes: tuple[str, ...],
    well: str | None,
    output: Path,
    kind: str,
    threads: int,
) -> None:  # fmt: skip
    """Bead histograms of chosen analytes in one well, with what was called and fitted.  File: beads."""
    import pandas as pd

    from beadwork.api.plate_panels import (
        bead_panels,
        find_analytes,
        graded_analytes,
        typical_well,
        well_position,
        worst_analytes,
    )  # fmt: skip
    from beadwork.io.beads.lxb import read_plate
    from beadwork.views.figures import bead_histograms

    plate = _called(gex, sd, odds)
    chosen = find_analytes(plate, analytes)
    if well is None:
        counts = plate.gex.cols.get("count_mean", pd.Series(0.0, index=plate.gex.cids)).set_axis(plate.wells)
        well = typical_well(plate.gex, pd.DataFrame({"count_mean": counts, "fate": "kept"}))
    well_position(plate, well)
    beads = read_plate(lxb, _plate_name(plate), threads=threads, wells=[well])
    words = "beads and the values called"
    if not chosen and plate.sd is not None and plate.odds is not None:
        chosen, words = worst_analytes(plate), "the pairs least sure"
    chosen = chosen or graded_analytes(plate, beads, well)
    _save(
        bead_histograms(_plate_name(plate), well, bead_panels(plate, beads, well, chosen), words),
        output / f"beads.{kind}",
    )


@command.command("brew")
@click.argument("matrices", metavar="ZSPC [ZSPC ...]", nargs=-1, required=True, type=FILE)
@click.option("--group-by", metavar="A,B,...", default="pert_id,pert_dose,pert_dose_unit,pert_time", show_default=True,
              help="Fields whose equal values make one treatment.")  # fmt: skip
@folder_option
@format_option
@log_option
def brew_command(matrices: tuple[Path, ...], group_by: str, output: Path, kind: str) -> None:
    """Correlation of replicates between the plates of a brew, against that of different treatments.

    With one plate only: wells of one compound at different doses.  Files: replicates, and replicates.tsv with its
    numbers.
    """
    import numpy as np
    import pandas as pd

    from beadwork.cli.files import load_matrix
    from beadwork.io.files.tables import write_table
    from beadwork.io.platform.gene_table import gene_table
    from beadwork.model.matrix import Level, Space
    from beadwork.model.spaces import space_genes
    from beadwork.stages.plates.replicates import correlate_replicates
    from beadwork.views.study_figures import replicate_correlation

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


@command.command("noise")
@click.argument("zsnc", metavar="ZSNC", type=FILE)
@rows_option
@folder_option
@format_option
@log_option
def noise_command(zsnc: Path, rows: tuple[Path, ...], output: Path, kind: str) -> None:
    """First factor of the noise that the wells of a plate share, over the plate, with the QC of noise control.

    ZSNC is what `beadwork denoise` wrote of a plate, --rows its QC rows. File: noise.
    """
    from beadwork.io.matrix.formats import read_annotation
    from beadwork.model.errors import FileError
    from beadwork.views.noise_figure import noise_map

    wells = read_annotation(zsnc).cols
    if "noise_factor" not in wells:
        raise FileError(f"{zsnc}: has no column field noise_factor; give the ZSNC that `beadwork denoise` wrote")
    plates = wells["det_plate"].dropna().unique().tolist() if "det_plate" in wells else []
    name = str(plates[0]) if len(plates) == 1 else zsnc.stem
    _save(noise_map(name, wells, _read_rows(rows)), output / f"noise.{kind}")


@command.command("study")
@rows_option
@click.option("--siginfo", metavar="TSV", type=FILE, required=True, help="siginfo of all signatures.")
@folder_option
@format_option
@log_option
def study_command(rows: tuple[Path, ...], siginfo: Path, output: Path, kind: str) -> None:
    """Figures of a study: plates (wells kept, bead counts, LISS quality) and tas (activity of the signatures)."""
    from beadwork.io.files.tables import read_table
    from beadwork.views.study_figures import study_activity, study_plates

    _save(study_plates(_read_rows(rows)), output / f"plates.{kind}")
    table = read_table(siginfo, required=("pert_type", "tas", "distil_cc_q75", "ss_ngene", "distil_nsample"))
    _save(study_activity(table), output / f"tas.{kind}")


@command.command("query")
@click.argument("answers", metavar="DIR", type=FILE)
@folder_option
@format_option
@log_option
def query_command(answers: Path, output: Path, kind: str) -> None:
    """Strongest connections of each gene set; DIR is the folder that `beadwork query` wrote."""
    from beadwork.io.files.tables import read_table
    from beadwork.model.errors import FileError
    from beadwork.views.study_figures import query_connections

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


def _called(gex: Path, sd: Path | None, odds: Path | None) -> CalledPlate:
    from beadwork.api.plate_panels import called_plate
    from beadwork.cli.files import load_matrix
    from beadwork.model.matrix import Level

    doubt, ways = (None if path is None else load_matrix(path) for path in (sd, odds))
    return called_plate(load_matrix(gex, level=Level.GEX), doubt, ways)


def _plate_name(plate: CalledPlate) -> str:
    cols = plate.gex.cols
    return str(cols["det_plate"].iloc[0]) if "det_plate" in cols else plate.gex.cids[0].split(":")[0]


def _read_rows(paths: tuple[Path, ...]) -> pd.DataFrame:
    import pandas as pd

    from beadwork.io.files.tables import read_table
    from beadwork.model.qc import COLUMNS, current_names

    rows = pd.concat([read_table(path, required=tuple(COLUMNS)) for path in paths], ignore_index=True)
    return current_names(rows)


def _save(figure: Any, path: Path) -> None:
    from beadwork.io.files.atomic import atomic_path
    from beadwork.views.figures import render

    data = render(figure, path.suffix[1:])
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
