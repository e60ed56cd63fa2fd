"""``beadwork denoise``: z-scores without the noise that wells share."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, instinfo_option, log_option, params_options, qc_option, write_qc
from beadwork.model.params import DenoiseParams


@click.command("denoise")
@click.argument("z", metavar="Z", type=FILE)
@click.option("-o", "--output", metavar="OUT", type=FILE, required=True, help="Cleaned z-scores of the landmarks.")
@click.option("--noise", metavar="NOISE", type=FILE, help="Model of `beadwork train-noise`; without it the one that "
              "ships.")  # fmt: skip
@instinfo_option
@params_options(DenoiseParams)
@qc_option
@log_option
def command(
    z: Path, output: Path, noise: Path | None, instinfo: Path | None, params: DenoiseParams, qc: Path | None
) -> None:  # fmt: skip
    """Take the noise that wells share out of z-scores: level 4 becomes ZSNC, level 5 becomes MNZ.

    Z holds ZSPC or ZSVC of one plate or several, or signatures: MODZ, also of clue.io and LINCS; rows by Entrez id,
    HG-U133A probe id or the row field pr_gene_id. OUT holds the landmarks. No well is cleaned by a part of the model
    that used its own treatment; where nothing else is left it is refused.
    """
    from beadwork.cli.files import input_record, load_landmarks, save_matrix, with_inst_info
    from beadwork.io.platform.noise_model import default_noise_path, read_noise_model
    from beadwork.stages.levels.denoise import denoise

    check_outputs([output, qc], [z, noise, instinfo])
    chosen = noise or default_noise_path()
    model = read_noise_model(chosen)
    source = with_inst_info([load_landmarks(z, level=None)], [z], instinfo)[0]
    result = denoise(source, model, params=params, what=str(z))
    inputs = {"z": [input_record(z)], "noise": [input_record(chosen)]}
    if instinfo is not None:
        inputs["instinfo"] = [input_record(instinfo)]
    save_matrix(result.matrix, output, command="denoise", params=params, inputs=inputs, sources=[source])
    write_qc(result.qc, qc)
