"""``beadwork check-truth``: the partner of ``beadwork simulate``."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, log_option


@click.command("check-truth")
@click.argument("study", metavar="DIR", type=FILE)
@click.argument("results", metavar="RESULTS", type=FILE)
@click.option("-o", "--output", metavar="TSV", type=FILE, help="Write all figures as a table here.")
@log_option
def command(study: Path, results: Path, output: Path | None) -> None:
    """Compare the results of a simulated study with what was planted.

    DIR is the folder of `beadwork simulate`, RESULTS that of the workflow.  Level 2: called against true values, and
    swapped genes.  Wells: whether bad ones were left out.  Level 5: correlation with planted signatures.  Queries named
    after a mechanism: whether its perturbagens come first.
    """
    from beadwork.api.runs.truth import check_truth, truth_summary
    from beadwork.io.files.tables import write_table

    table = check_truth(study, results)
    click.echo(truth_summary(table))
    if output is not None:
        write_table(table, output)
