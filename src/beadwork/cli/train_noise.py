"""``beadwork train-noise``: learn the shared noise of wells, or add models up."""

from pathlib import Path

import click

from beadwork.cli.options import (
    FILE,
    check_outputs,
    instinfo_option,
    log,
    log_option,
    params_options,
    qc_option,
    write_qc,
)
from beadwork.model.params import TrainNoiseParams


@click.command("train-noise")
@click.argument("z", metavar="Z|NOISE [Z|NOISE ...]", type=FILE, nargs=-1, required=True)
@click.option("-o", "--output", metavar="NOISE", type=FILE, required=True, help="The model (HDF5).")
@click.option("--source", default="", help="Where the plates come from; kept in the model.")
@click.option("--licence", default="", help="Licence of the plates; kept in the model.")
@instinfo_option
@params_options(TrainNoiseParams)
@qc_option
@log_option
def command(
    z: tuple[Path, ...],
    output: Path,
    source: str,
    licence: str,
    instinfo: Path | None,
    params: TrainNoiseParams,
    qc: Path | None,
) -> None:  # fmt: skip
    """Learn what wells that hold the same thing differ by: noise that whole wells share.

    Z are ZSPC matrices of one plate or several; NOISE are models that this command wrote. All are added up; their
    order does not matter. Replicates (--group-by) and the control wells of a plate (pert_type ctl_...) are learned
    from, and with --inert-below the low doses of a compound.
    """
    from beadwork.api.training.noise import learn_noise
    from beadwork.io.platform.noise_model import write_noise_model
    from beadwork.stages.levels.noise.train_noise import training_qc

    check_outputs([output, qc], [*z, instinfo])
    model = learn_noise(z, params, name=output.stem, source=source, licence=licence, inst_info=instinfo)
    write_noise_model(model, output)
    write_qc(training_qc(model), qc)
    total = model.plates.sum(numeric_only=True)
    log.info(
        "%d plates, %d groups of %d wells, %.0f degrees of freedom; %d control wells in %d places",
        len(model.plates), total["groups"], total["wells"], model.df, total["controls"], total["places"],
    )  # fmt: skip
