"""``beadwork figures``: the figures of the report."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beadwork.cli.options import FILE, load_pandas_alone, log_cost, log_option, threads_option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def load_matplotlib() -> None:
    """Load Matplotlib without what no figure needs, which takes 0.13 s of CPU.

    That is its help on the properties of each kind of shape, written anew in each process, and axes of three
    dimensions. The properties of lines are looked for as ever: grids take them.
    """
    if "matplotlib.artist" in sys.modules:
        return
    import warnings

    artist: Any = importlib.import_module("matplotlib.artist")
    written = artist.kwdoc, artist.ArtistInspector.get_setters
    artist.kwdoc = lambda artist: ""
    artist.ArtistInspector.get_setters = lambda self: written[1](self) if self.o.__name__ == "Line2D" else []
    sys.modules["mpl_toolkits.mplot3d"] = None  # type: ignore[assignment]  # says that they are not installed
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Unable to import Axes3D")
            importlib.import_module("matplotlib.figure")
    finally:
        artist.kwdoc, artist.ArtistInspector.get_setters = written
        del sys.modules["mpl_toolkits.mplot3d"]
    gc.freeze()  # see load_pandas_alone


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
    load_pandas_alone()
    load_matplotlib()
    from beadwork.api.figures.plate import plate_figures, read_called

    _save(plate_figures(read_called(gex, sd, odds), lxb, curves, rows, threads=threads), output, kind)
    log_cost()


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
    load_pandas_alone()
    load_matplotlib()
    from beadwork.api.figures.plate import bead_figures, read_called

    _save(bead_figures(read_called(gex, sd, odds), lxb, analytes, well, threads=threads), output, kind)


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
    load_pandas_alone()
    load_matplotlib()
    from beadwork.api.figures.study import brew_figures
    from beadwork.io.files.tables import write_table

    figures, numbers = brew_figures(matrices, [field for field in group_by.split(",") if field])
    _save(figures, output, kind)
    write_table(numbers, output / "replicates.tsv")


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
    load_matplotlib()
    from beadwork.api.figures.plate import noise_figures

    _save(noise_figures(zsnc, rows), output, kind)


@command.command("study")
@rows_option
@click.option("--siginfo", metavar="TSV", type=FILE, required=True, help="siginfo of all signatures.")
@folder_option
@format_option
@log_option
def study_command(rows: tuple[Path, ...], siginfo: Path, output: Path, kind: str) -> None:
    """Figures of a study: plates (wells kept, bead counts, LISS quality) and tas (activity of the signatures)."""
    load_pandas_alone()
    load_matplotlib()
    from beadwork.api.figures.study import study_figures

    _save(study_figures(rows, siginfo), output, kind)


@command.command("query")
@click.argument("answers", metavar="DIR", type=FILE)
@folder_option
@format_option
@log_option
def query_command(answers: Path, output: Path, kind: str) -> None:
    """Strongest connections of each gene set; DIR is the folder that `beadwork query` wrote."""
    load_matplotlib()
    from beadwork.api.figures.study import answer_figures

    _save(answer_figures(answers), output, kind)


def _save(figures: Mapping[str, Figure], folder: Path, kind: str) -> None:
    from beadwork.io.files.atomic import atomic_path
    from beadwork.views.figures import render

    for name, figure in figures.items():
        data = render(figure, kind)
        with atomic_path(folder / f"{name}.{kind}") as temporary:
            temporary.write_bytes(data)
