"""``beadwork consensus``: replicate plates to signatures."""

from pathlib import Path

import click

from beadwork.cli.options import (
    FILE,
    check_outputs,
    instinfo_option,
    load_pandas_alone,
    log_option,
    params_options,
    qc_option,
    write_qc,
)
from beadwork.model.params import ConsensusParams


@click.command("consensus")
@click.argument("z", metavar="Z [Z ...]", type=FILE, nargs=-1, required=True)
@click.option("-o", "--output", metavar="MODZ", type=FILE, required=True, help="Signatures, moderated z-scores.")
@click.option(
    "--siginfo", metavar="TSV", type=FILE, required=True, help="One row per signature: ids, replicates, TAS, ..."
)
@click.option(
    "--reliability",
    metavar="R",
    type=FILE,
    multiple=True,
    help="Reliabilities that `beadwork zscore --reliability` wrote, once for each plate, in any order: each measured "
    "gene is then averaged by weights of its own.",
)
@instinfo_option
@params_options(ConsensusParams)
@qc_option
@log_option
def command(
    z: tuple[Path, ...],
    output: Path,
    siginfo: Path,
    reliability: tuple[Path, ...],
    instinfo: Path | None,
    params: ConsensusParams,
    qc: Path | None,
) -> None:  # fmt: skip
    """Average the replicates of each signature: MODZ, weighted by how well they agree; of ZSNC the plain mean, MNZ.

    Z are ZSPC (or ZSVC, or ZSNC) matrices of replicate plates, in any order. Wells with equal values in the
    --group-by fields are replicates; missing equals missing. Control wells are grouped by well
    too: see --split-controls.
    """
    if instinfo is None:
        load_pandas_alone()
    from beadwork.cli.files import add_inst_info, input_record, load_matrix, save_matrix
    from beadwork.io.files.tables import write_table
    from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
    from beadwork.model.matrix import Space
    from beadwork.model.plates.compatibility import GENES
    from beadwork.model.spaces import space_genes
    from beadwork.stages.levels.consensus import INPUT_LEVELS, consensus

    check_outputs([output, siginfo, qc], [*z, *reliability, instinfo])
    plates = [with_entrez_ids(load_matrix(path, level=INPUT_LEVELS)) for path in z]
    plates = add_inst_info(plates, z, instinfo)
    reliable = [with_entrez_ids(load_matrix(path)) for path in reliability]
    landmarks = space_genes(gene_table(), Space.LM)
    result = consensus(
        plates, landmarks=landmarks, reliability=reliable or None, params=params, names=[str(path) for path in z]
    )  # fmt: skip
    tables = () if instinfo is None else (instinfo,)
    inputs = {
        role: sorted(map(input_record, paths), key=lambda record: (record["name"], record["digest"]))
        for role, paths in (("z", z), ("reliability", reliability), ("instinfo", tables))
        if paths
    }
    sources = sorted(plates, key=lambda plate: min(plate.cids, default=""))
    save_matrix(
        result.matrix, output, command="consensus", params=params, inputs=inputs, sources=sources, tables=(GENES,)
    )  # fmt: skip
    write_table(result.siginfo, siginfo)
    write_qc(result.qc, qc)
