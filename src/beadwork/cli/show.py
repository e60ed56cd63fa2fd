"""``beadwork show``: what an index knows of a perturbagen, a gene, a cell, a signature or a class."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, log_option, starter


@click.command("show")
@click.argument("index", metavar="[INDEX]", type=FILE, required=False)
@click.option("--pert", metavar="NAME", help="A perturbagen, by name or id.")
@click.option("--gene", metavar="SYMBOL", help="A gene, by any of its names: what moves it most.")
@click.option("--cell", metavar="ID", help="A cell line: what was tried there.")
@click.option("--sig", metavar="SIG_ID", help="A signature: profile, neighbours and origin.")
@click.option("--class", "moa", metavar="NAME", help="A mechanism class: members and how alike they are.")
@click.option("-o", "--output", type=FILE, metavar="DIR", help="Write facts.tsv and each table whole into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, tables whole.")
@click.option("--rows", type=click.IntRange(1), default=10, show_default=True, help="Rows of a table that are printed.")
@log_option
def command(
    index: Path | None,
    pert: str | None,
    gene: str | None,
    cell: str | None,
    sig: str | None,
    moa: str | None,
    output: Path | None,
    as_json: bool,
    rows: int,
) -> None:
    """Look one thing up in INDEX, or in the small library that ships."""
    from beadwork.api import ConnectivityIndex
    from beadwork.api.index import cards
    from beadwork.model.errors import ParameterError

    kinds = (
        (pert, cards.show_perturbagen), (gene, cards.show_gene), (cell, cards.show_cell),
        (sig, cards.show_signature), (moa, cards.show_class),
    )  # fmt: skip
    asked = [(name, show) for name, show in kinds if name is not None]
    if len(asked) != 1:
        raise ParameterError("name one of --pert, --gene, --cell, --sig and --class")
    name, show = asked[0]
    card = show(ConnectivityIndex.open(index if index is not None else starter(1)), name)
    if output is not None:
        card.write(output)
    for line in [card.to_json()] if as_json else card.lines(rows):
        click.echo(line)
