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
    from dataclasses import replace

    from beadwork import __version__
    from beadwork.cli.files import input_record, load_landmarks, with_inst_info
    from beadwork.io.files.provenance import make_provenance
    from beadwork.io.platform.gene_table import gene_table
    from beadwork.io.platform.noise_model import is_noise_model, read_noise_model, write_noise_model
    from beadwork.model.matrix import Level, Space
    from beadwork.model.spaces import space_genes
    from beadwork.stages.levels.noise.train_noise import check_enough, sum_noise, train_noise, training_qc

    check_outputs([output, qc], [*z, instinfo])
    known = [path for path in z if is_noise_model(path)]
    plates = [path for path in z if path not in known]
    models = [read_noise_model(path) for path in known]
    names = [str(path) for path in known]
    sources = []
    if plates:
        sources = with_inst_info([load_landmarks(path, level=Level.ZSPC) for path in plates], plates, instinfo)
        landmarks = space_genes(gene_table(), Space.LM)
        fresh = train_noise(sources, landmarks=landmarks, params=params, names=[str(path) for path in plates])
        models.append(fresh.model)
        names.append(", ".join(map(str, plates)))
    sources.sort(key=lambda matrix: min(matrix.cids, default=""))
    order = sorted(range(len(models)), key=lambda at: min(models[at].plates["det_plate"], default=""))
    models, names = [models[at] for at in order], [names[at] for at in order]
    model = models[0] if len(models) == 1 and not known else sum_noise(models, params, names)
    check_enough(model, params.min_df, ", ".join(names))
    inputs = {
        role: sorted(map(input_record, paths), key=lambda record: (record["name"], record["digest"]))
        for role, paths in (("z", plates), ("noise", known))
        if paths
    }
    earlier = [*(matrix.provenance for matrix in sources), *(item.metadata.get("provenance", {}) for item in models)]
    metadata = {
        "name": output.stem,
        "source": source or "; ".join(filter(None, (str(item.metadata.get("source", "")) for item in models))),
        "licence": licence or "; ".join(filter(None, (str(item.metadata.get("licence", "")) for item in models))),
        "version": __version__,
        "provenance": make_provenance("train-noise", params.model_dump(mode="json"), inputs, earlier),
    }
    write_noise_model(replace(model, metadata=metadata), output)
    write_qc(training_qc(model), qc)
    total = model.plates.sum(numeric_only=True)
    log.info(
        "%d plates, %d groups of %d wells, %.0f degrees of freedom; %d control wells in %d places",
        len(model.plates), total["groups"], total["wells"], model.df, total["controls"], total["places"],
    )  # fmt: skip
