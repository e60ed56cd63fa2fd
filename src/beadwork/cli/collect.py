"""``beadwork collect``: one table from many."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, load_pandas_alone, log_option


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
    load_pandas_alone()
    import pandas as pd

    from beadwork.io.files.tables import read_table, write_table
    from beadwork.model.errors import AlignmentError
    from beadwork.model.qc import COLUMNS, current_names, numeric_values

    wide = [path for path in (wells, plates) if path is not None]
    check_outputs([output, *wide], tables)
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
    is_qc = columns[: len(COLUMNS)] == COLUMNS
    if wide and not is_qc:
        raise AlignmentError(f"{first}: holds no QC rows ({', '.join(COLUMNS)}), as --wells and --plates need")
    if is_qc:
        merged = numeric_values(current_names(merged))
    write_table(merged, output)
    if wide:
        from beadwork.stages.plates.wide import wide_tables

        for table, place in zip(wide_tables(merged), (wells, plates), strict=True):
            if place is not None:
                write_table(table, place)
