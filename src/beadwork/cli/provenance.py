"""``beadwork provenance``: how a signature came to be."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, log_option


@click.command("provenance")
@click.argument("matrix", metavar="MATRIX", type=FILE)
@click.argument("sig_id", metavar="SIG_ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@log_option
def command(matrix: Path, sig_id: str, as_json: bool) -> None:
    """Print the chain from LXB files to one column of a matrix: checksums, parameters, versions, replicates, weights.

    MATRIX is a file of beadwork of any level, SIG_ID a column of it: a signature, or {det_plate}:{well} below level 5.
    Checksums of the single LXB files come from the matrices of the plates, where these stand in the same results
    folder and are those that MATRIX was made from.
    """
    import json

    from beadwork.api.runs.provenance import provenance_chain, provenance_lines

    chain = provenance_chain(matrix, sig_id)
    for line in [json.dumps(chain, indent=1)] if as_json else provenance_lines(chain):
        click.echo(line)
