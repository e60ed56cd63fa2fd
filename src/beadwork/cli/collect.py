"""``beadwork collect``: one table from many."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, log_option


@click.command("collect")
@click.argument("tables", metavar="TSV [TSV ...]", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", metavar="TSV", type=FILE, required=True, help="Write the merged table here.")
@log_option
def command(tables: tuple[Path, ...], output: Path) -> None:
    """Merge tables of one kind, QC rows or siginfo, in the order given; columns that one lacks are empty there."""
    import pandas as pd

    from beadwork.io.files.tables import read_table, write_table
    from beadwork.model.errors import AlignmentError
    from beadwork.model.qc import COLUMNS, current_names

    check_outputs([output], tables)
    parts = [(path, read_table(path, text_only=True)) for path in tables]
    first, columns = parts[0][0], list(parts[0][1].columns)
    for path, part in parts[1:]:
        if columns[0] != part.columns[0]:
            raise AlignmentError(
                f"{path}: its first column is {part.columns[0]}, but that of {first} is {columns[0]}; "
                "merge tables of one kind"
            )
        columns += [name for name in part.columns if name not in columns]
    merged = pd.concat([part.reindex(columns=columns) for _, part in parts], ignore_index=True)
    if columns[: len(COLUMNS)] == COLUMNS:
        merged = current_names(merged)
    write_table(merged, output)
