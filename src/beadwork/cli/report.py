"""``beadwork report``: the report of a folder of results."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, failed_option, log_option


def _names(ctx: click.Context, param: click.Parameter, text: str | None) -> frozenset[str] | None:
    """Names separated by commas; None if the option is not given."""
    return None if text is None else frozenset(filter(None, (name.strip() for name in text.split(","))))


@click.command("report")
@click.argument("results", metavar="RESULTS", type=FILE)
@click.option("-o", "--output", metavar="DIR", type=FILE, help="Folder of the report; by default RESULTS/report.")
@click.option("--plates", metavar="SHEET", type=FILE, multiple=True,
              help="Plate sheet: says what should be there, and the batches; may be given again.")  # fmt: skip
@click.option("--title", default="Study", show_default=True, help="Heading of the report.")
@click.option("--figures", metavar="A,B,...", callback=_names,
              help="Figures of plates that are shown; by default all that are there.")  # fmt: skip
@click.option("--steps", metavar="A,B,...", callback=_names,
              help="Steps whose QC rows of plates are shown; by default all that are there.")  # fmt: skip
@click.option("--queries", metavar="A,B,...", callback=_names,
              help="Queries that are shown; by default all that are there.")  # fmt: skip
@failed_option
@log_option
def command(
    results: Path, output: Path | None, plates: tuple[Path, ...], title: str, figures: frozenset[str] | None,
    steps: frozenset[str] | None, queries: frozenset[str] | None, failed: Path | None,
) -> None:  # fmt: skip
    """Write the report of a study: one page of the study, one of each plate.

    The pages need nothing from elsewhere and open from a folder: plates with their state and failed checks in a table
    that can be sorted and searched, each metric over all plates with those that stand out, suspected mistakes,
    replicates, activity, queries. Figures that `beadwork figures` wrote into the folder are shown; what an earlier
    run made and this one does not stays out by --figures, --steps and --queries, which the workflow gives. The folder
    multiqc holds files (*_mqc.json) that MultiQC shows as sections of its own reports: `multiqc RESULTS/report`.
    """
    from beadwork.api.runs.report import Parts, write_report
    from beadwork.cli.status import read_sheets
    from beadwork.model.errors import counted

    output = output or results / "report"
    parts = Parts(figures, steps, queries)
    counts = write_report(results, output, read_sheets(plates) if plates else None, title, failed, parts)
    found = f"{counted(counts['plates'], 'plate')}, {counts['with_failed_checks']} with failed checks"
    click.echo(f"{output / 'index.html'}: {found}")
