"""``beadwork collect``: one table from many."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, log_option


@click.command("collect")
@click.argument("tables", metavar="TSV [TSV ...]", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", metavar="TSV", type=FILE, required=True, help="Write the merged table here.")
@click.option("--wells", metavar="TSV", type=FILE, help="Of QC rows: also write a wide table, one row per well.")
@click.option("--plates", metavar="TSV", type=FILE, help="Of QC rows: also write a wide table, one row per plate.")
@log_option
def command(tables: tuple[Path, ...], output: Path, wells: Path | None, plates: Path | None) -> None:
    """Merge tables of one kind, QC rows or siginfo, in the order given; columns that one lacks are empty there.

    Of QC rows, value holds numbers only: texts, such as the reason why a well was dropped, stand in the column note.
    Wide tables have a column for each metric, and failed, which names those that do not pass.
    """
    from beadwork.api.runs.collect import collect_tables

    check_outputs([output, *(path for path in (wells, plates) if path is not None)], tables)
    collect_tables(tables, output, wells=wells, plates=plates)
