"""Learn the shared noise of wells from plates, or add models up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from beadwork import __version__
from beadwork.api.matrix_files import StoredMatrix, add_inst_info
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.platform.gene_table import gene_table
from beadwork.io.platform.noise_model import is_noise_model, read_noise_model
from beadwork.model.levels.noise_model import NoiseModel
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import TrainNoiseParams
from beadwork.model.spaces import space_genes
from beadwork.stages.levels.noise.train_noise import check_enough, sum_noise, train_noise


def learn_noise(
    paths: Sequence[Path],
    params: TrainNoiseParams = TrainNoiseParams(),  # noqa: B008 (frozen)
    *,
    name: str,
    source: str = "",
    licence: str = "",
    inst_info: Path | None = None,
) -> NoiseModel:
    """Learn a noise model from ZSPC matrices, and models of others that are added; their order does not matter.

    Parameters
    ----------
    paths
        ZSPC matrices and noise models.
    name, source, licence
        Kept in the model; by default source and licence of the models that are added.
    inst_info
        Table of wells for fields that the matrices lack.

    Raises
    ------
    BeadworkError
        Too few replicates to learn from.
    """
    known = [path for path in paths if is_noise_model(path)]
    plates = [path for path in paths if path not in known]
    models = [read_noise_model(path) for path in known]
    names = [str(path) for path in known]
    sources: list[Matrix] = []
    if plates:
        loaded = [StoredMatrix(path).landmarks(Level.ZSPC) for path in plates]
        sources = add_inst_info(loaded, plates, inst_info)
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
        role: sorted(map(input_record, used), key=lambda record: (record["name"], record["digest"]))
        for role, used in (("z", plates), ("noise", known))
        if used
    }
    earlier = [*(matrix.provenance for matrix in sources), *(item.metadata.get("provenance", {}) for item in models)]
    metadata = {
        "name": name,
        "source": source or _joined(models, "source"),
        "licence": licence or _joined(models, "licence"),
        "version": __version__,
        "provenance": make_provenance("train-noise", params.model_dump(mode="json"), inputs, earlier),
    }
    return replace(model, metadata=metadata)


def _joined(models: Sequence[NoiseModel], fact: str) -> str:
    return "; ".join(filter(None, (str(model.metadata.get(fact, "")) for model in models)))
