"""``beadwork simulate``: plates with known truth, as LXB files."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, common_options, log, params_options, progress, write_qc
from beadwork.model.errors import counted
from beadwork.model.params import SimulateParams


@click.command("simulate")
@click.option("-o", "--output", metavar="DIR", type=FILE, required=True, help="Folder to fill; made if absent.")
@params_options(SimulateParams)
@click.option("--compress/--no-compress", default=False, show_default=True, help="Write .lxb.gz.")
@common_options
def command(output: Path, params: SimulateParams, compress: bool, threads: int, qc: Path | None) -> None:
    """Make L1000 plates whose truth is known: beads as LXB files, plate maps, and what was planted.

    \b
    DIR/plates.tsv                 one row per plate, ready for the workflow; paths are relative to DIR
    DIR/lxb/{plate}/               one LXB file per well
    DIR/maps/{plate}.map           plate maps
    DIR/truth/{plate}_GEX.gctx     level 2: linear FI of every gene and well
    DIR/truth/signatures.gctx      level 5: log2 fold changes of the 978 landmarks by sig_id
    DIR/truth/siginfo.tsv          what each signature is, with its planted mechanism (moa)
    DIR/truth/mechanisms_up.gmt, mechanisms_dn.gmt    the 50 genes each mechanism moves most, Entrez ids: queries
    DIR/truth/moa.gmt              the perturbagens of each mechanism
    DIR/truth/wells.tsv            bead count and fault of every well
    """
    from beadwork.api.simulated import write_study

    write_qc(write_study(output, params, compress=compress, threads=threads, progress=progress), qc)
    log.info("%s of %d wells in %s", counted(params.plates, "plate"), params.wells, output)
