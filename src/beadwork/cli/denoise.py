"""``beadwork denoise``: z-scores without the noise that wells share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from beadwork.cli.options import FILE, check_outputs, instinfo_option, log_option, params_options, qc_option, write_qc
from beadwork.model.params import DenoiseParams

if TYPE_CHECKING:
    from beadwork.model.matrix import Matrix


@click.command("denoise")
@click.argument("z", metavar="Z", type=FILE)
@click.option("-o", "--output", metavar="OUT", type=FILE, required=True, help="Cleaned z-scores of the landmarks.")
@click.option("--noise", metavar="NOISE", type=FILE, help="Model of `beadwork train-noise`; without it the one that "
              "ships.")  # fmt: skip
@click.option("--infer", "qnorm", metavar="QNORM", type=FILE, help="Also inferred genes: the plate's QNORM, whose "
              "landmarks are cleaned, inferred from and scored.")  # fmt: skip
@click.option("--model", metavar="MODEL", type=FILE, help="Inference model for --infer; by default the one that ships.")
@instinfo_option
@params_options(DenoiseParams)
@qc_option
@log_option
def command(
    z: Path, output: Path, noise: Path | None, qnorm: Path | None, model: Path | None, instinfo: Path | None,
    params: DenoiseParams, qc: Path | None,
) -> None:  # fmt: skip
    """Take the noise that wells share out of z-scores: level 4 becomes ZSNC, level 5 becomes MNZ.

    Z holds ZSPC or ZSVC of one plate or several, or signatures: MODZ, also of clue.io and LINCS; rows by Entrez id,
    HG-U133A probe id or the row field pr_gene_id. OUT holds the landmarks, with --infer also inferred genes. No well
    is cleaned by a part of the model that used its own treatment; where nothing else is left it is refused.
    """
    from beadwork.cli.files import input_record, load_landmarks, save_matrix, with_inst_info
    from beadwork.io.platform.inference_model import default_model_path
    from beadwork.io.platform.noise_model import default_noise_path, read_noise_model
    from beadwork.model.errors import ParameterError
    from beadwork.stages.levels.denoise import denoise

    check_outputs([output, qc], [z, noise, qnorm, model, instinfo])
    if model is not None and qnorm is None:
        raise ParameterError("--model: is used with --infer only; give --infer the plate's QNORM")
    chosen = noise or default_noise_path()
    learned = read_noise_model(chosen)
    source = with_inst_info([load_landmarks(z, level=None)], [z], instinfo)[0]
    result = denoise(source, learned, params=params, what=str(z))
    inputs = {"z": [input_record(z)], "noise": [input_record(chosen)]}
    matrix, sources = result.matrix, [source]
    if qnorm is not None:
        matrix, level3 = _with_inferred(result.matrix, source, z, qnorm, model, learned.clip, params)
        inputs |= {"qnorm": [input_record(qnorm)], "model": [input_record(model or default_model_path())]}
        sources.append(level3)
    if instinfo is not None:
        inputs["instinfo"] = [input_record(instinfo)]
    save_matrix(matrix, output, command="denoise", params=params, inputs=inputs, sources=sources)
    write_qc(result.qc, qc)


def _with_inferred(
    cleaned: Matrix, source: Matrix, z: Path, qnorm: Path, model: Path | None, clip: float, params: DenoiseParams
) -> tuple[Matrix, Matrix]:
    """Add inferred genes; returns the matrix and QNORM."""
    from beadwork.cli.files import load_landmarks
    from beadwork.io.platform.gene_table import gene_table
    from beadwork.io.platform.inference_model import default_model_path, read_inference_model
    from beadwork.model.errors import ParameterError
    from beadwork.model.matrix import Level
    from beadwork.stages.levels.denoise import is_centred
    from beadwork.stages.levels.infer_cleaned import infer_cleaned

    if cleaned.level is not Level.ZSNC or cleaned.plate == "plate":
        raise ParameterError(f"{z}: --infer needs the wells of one plate; denoise each plate by itself")
    level3 = load_landmarks(qnorm, level=Level.QNORM)
    found = infer_cleaned(
        cleaned, source, level3, read_inference_model(model or default_model_path()), gene_table(), clip=clip,
        centred=is_centred(source, params), what=str(qnorm),
    )  # fmt: skip
    return found, level3
