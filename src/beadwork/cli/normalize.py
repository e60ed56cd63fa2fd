"""``beadwork normalize``: level 2 to level 3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from beadwork.cli.options import FILE, check_outputs, log, log_option, params_options, qc_option, write_qc
from beadwork.model.params import NormalizeParams

if TYPE_CHECKING:
    from beadwork.model.beads.plate import BeadSet
    from beadwork.model.matrix import Matrix

SHIPPED_REFERENCE_HALVES = ("dp52", "dp53")


@click.command("normalize")
@click.argument("gex", metavar="GEX", type=FILE)
@click.option("--calibrators", metavar="CAL", type=FILE, help="Calibrators of the plate; needed by LISS.")
@click.option("-o", "--output", metavar="QNORM", type=FILE, required=True, help="Write quantile-normalised wells here.")
@click.option("--norm", metavar="NORM", type=FILE, help="Write the scaled wells before quantile normalisation here.")
@click.option("--curves", metavar="TSV", type=FILE, help="Write the calibration curves here.")
@click.option(
    "--reference",
    metavar="TSV",
    type=FILE,
    help="Your own reference levels (columns point, calibrator, log2_level); needed for bead sets other than epsilon.",
)
@click.option(
    "--beadset",
    "bead_set",
    metavar="NAME",
    help="Bead set of a GEX whose rows do not say their analytes; by default epsilon of the wells' bead_revision.",
)
@params_options(NormalizeParams)
@qc_option
@log_option
def command(
    gex: Path,
    calibrators: Path | None,
    output: Path,
    norm: Path | None,
    curves: Path | None,
    reference: Path | None,
    bead_set: str | None,
    params: NormalizeParams,
    qc: Path | None,
) -> None:
    """Scale the wells of a plate by their calibrators (LISS), drop outliers, give all wells one distribution.

    Failed wells, outliers and empty wells (pert_type lma_...) leave here; the QC rows say which and why.  NORM and
    QNORM hold the wells that are left.
    """
    from beadwork.cli.files import input_record, load_matrix, save_matrix
    from beadwork.io.files.tables import write_table
    from beadwork.io.platform.bead_sets import read_liss_reference
    from beadwork.stages.levels.normalize import normalize

    check_outputs([output, norm, curves, qc], [gex, calibrators, reference])
    source = load_matrix(gex)
    inputs = {"gex": [input_record(gex)]}
    liss = params.scaling == "liss"
    calibration = None
    if liss and calibrators is not None:
        calibration = load_matrix(calibrators)
        inputs["calibrators"] = [input_record(calibrators)]
    if liss and reference is not None:
        inputs["reference"] = [input_record(reference)]
    result = normalize(
        source,
        calibration,
        read_liss_reference(str(reference) if reference else None) if liss else None,
        bead_set=_bead_set(source, bead_set) if liss else None,
        reference_halves=None if reference else SHIPPED_REFERENCE_HALVES,
        params=params,
        what=str(gex),
        what_calibrators=str(calibrators),
        what_reference=str(reference or "reference levels"),
    )
    leaving = len(source.cids) - len(result.qnorm.cids)
    if leaving:
        log.info("%s: %d of %d wells leave; --qc lists them with reasons", gex, leaving, len(source.cids))
    options = {"bead_set": bead_set} if bead_set else {}
    sources = [source] if calibration is None else [source, calibration]
    for matrix, path in ((result.norm, norm), (result.qnorm, output)):
        if path is not None:
            save_matrix(
                matrix, path, command="normalize", params=params, options=options, inputs=inputs, sources=sources
            )
    if curves is not None:
        write_table(result.curves, curves)
    write_qc(result.qc, qc)


def _bead_set(gex: Matrix, name: str | None) -> BeadSet | None:
    """Bead set by name, else the epsilon set of the revision that all wells share; None if that is not known."""
    from beadwork.io.platform.bead_sets import read_bead_set

    if name is not None:
        return read_bead_set(name)
    if "bead_revision" not in gex.cols:
        return None
    revisions = gex.cols["bead_revision"].dropna().astype(str).str.lower().unique()
    return read_bead_set(f"epsilon-{revisions[0]}") if len(revisions) == 1 else None
