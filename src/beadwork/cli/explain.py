"""``beadwork explain``: what stands behind an answer."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, log_option


@click.command("explain")
@click.argument("answer", metavar="ANSWER", type=FILE)
@click.option("--classes", metavar="TABLE", type=FILE, multiple=True,
              help="Table with pert_iname or pert_id and moa or target ('|' between several), such as the Repurposing "
              "Hub's or compoundinfo_beta; may be given again. Fields moa and target of the answer count too."
              )  # fmt: skip
@click.option("--sets", metavar="GMT", type=FILE, multiple=True,
              help="Sets of perturbagens, by name; may be given again.")  # fmt: skip
@click.option("--hits", metavar="LIST", type=FILE,
              help="Names of perturbagens, one per line: which classes hold more of them than by chance.")  # fmt: skip
@click.option("--min-class", type=click.IntRange(min=2), default=3, show_default=True,
              help="Classes with fewer perturbagens in the answer are left out.")  # fmt: skip
@click.option("-o", "--output", metavar="DIR", type=FILE, required=True, help="Write the tables here.")
@log_option
def command(
    answer: Path, classes: tuple[Path, ...], sets: tuple[Path, ...], hits: Path | None, min_class: int, output: Path
) -> None:
    """Say which mechanisms, targets and genes stand behind an answer.

    ANSWER is a folder that `beadwork query` wrote, a ranked table, or a GCT or GCTX of scores whose rows are annotated.

    \b
    classes.tsv       mechanisms, targets and sets: what agrees most first, what opposes most last
    genes.tsv         genes by the agreement of their loss (shRNA, CRISPR), gain and drugs; strongest evidence first
    perturbagens.tsv  the scores of perturbagens that both rest on: doses, times and cells averaged, each counted once
    hits.tsv          with --hits: classes by how many of the named perturbagens they hold
    """
    from beadwork.api.index.asking.explain import explain_answer
    from beadwork.io.files.text import read_text

    text = read_text(hits, "a list of perturbagens") if hits is not None else ""
    named = [line.strip() for line in text.splitlines() if line.strip()]
    for line in explain_answer(answer, output, classes, sets, named, min_class):
        click.echo(line)
