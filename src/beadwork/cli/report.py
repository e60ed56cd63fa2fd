"""``beadwork report``: the report of a folder of results."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, failed_option, log_option


@click.command("report")
@click.argument("results", metavar="RESULTS", type=FILE)
@click.option("-o", "--output", metavar="DIR", type=FILE, help="Folder of the report; by default RESULTS/report.")
@click.option("--plates", metavar="SHEET", type=FILE, multiple=True,
              help="Plate sheet: says what should be there, and the batches; may be given again.")  # fmt: skip
@click.option("--title", default="Study", show_default=True, help="Heading of the report.")
@failed_option
@log_option
def command(results: Path, output: Path | None, plates: tuple[Path, ...], title: str, failed: Path | None) -> None:
    """Write the report of a study: one page of the study, one of each plate.

    The pages need nothing from elsewhere and open from a folder: plates with their state and failed checks in a table
    that can be sorted and searched, each metric over all plates with those that stand out, suspected mistakes,
    replicates, activity, queries. Figures that `beadwork figures` wrote into the folder are shown. The folder multiqc
    holds files (*_mqc.json) that MultiQC shows as sections of its own reports: `multiqc RESULTS/report`.
    """
    from beadwork.api.runs.report import write_report
    from beadwork.cli.status import read_sheets

    output = output or results / "report"
    counts = write_report(results, output, read_sheets(plates) if plates else None, title, failed)
    click.echo(f"{output / 'index.html'}: {counts['plates']} plates, {counts['with_failed_checks']} with failed checks")
