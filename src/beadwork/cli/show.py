"""``beadwork show``: what an index knows of a perturbagen, a gene, a cell, a signature or a class."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, log, log_option, starter


@click.command("show")
@click.argument("index", metavar="[INDEX]", type=FILE, required=False)
@click.option("--pert", metavar="NAME", help="A perturbagen, by name or id.")
@click.option("--gene", metavar="SYMBOL", help="A gene, by any of its names: what moves it most.")
@click.option("--cell", metavar="ID", help="A cell line: what was tried there.")
@click.option("--sig", metavar="SIG_ID", help="A signature: profile, neighbours and origin.")
@click.option("--class", "moa", metavar="NAME", help="A mechanism class: members and how alike they are.")
@click.option("-o", "--output", type=FILE, metavar="DIR", help="Write facts.tsv and each table whole into this folder.")
@click.option("--gmt", metavar="GMT", type=FILE, help="With --sig or --pert: write the genes that go up and down most "
              "here, as the sets NAME_UP and NAME_DN.")  # fmt: skip
@click.option("--genes", type=click.IntRange(1), default=150, show_default=True, help="Genes of each set of --gmt.")
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
    gmt: Path | None,
    genes: int,
    as_json: bool,
    rows: int,
) -> None:
    """Look one thing up in INDEX, or in the small library that ships.

    Genes of a signature or perturbagen are listed by z, inferred genes by z times the accuracy of their inference
    (field list_score), since a weakly inferred gene looks as changed as a measured one by z alone.
    """
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
    if gmt is not None and pert is None and sig is None:
        raise ParameterError("--gmt: gene sets are those of a signature or perturbagen; give --sig or --pert")
    check_outputs([gmt, output / "facts.tsv" if output is not None else None])
    name, show = asked[0]
    opened = ConnectivityIndex.open(index if index is not None else starter(1))
    card = show(opened, name)
    if output is not None:
        card.write(output)
    if gmt is not None:
        places = [opened.position(name)] if sig is not None else cards.find_perturbagen(opened, name).tolist()
        up, down = cards.write_gene_sets(opened, card.name, places, gmt, genes)
        say = log.info if min(up, down) == genes else log.warning
        say("%s: %d genes go up and %d down, of %d each that were asked for", gmt, up, down, genes)
    for line in [card.to_json()] if as_json else card.lines(rows):
        click.echo(line)
