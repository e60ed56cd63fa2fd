"""Fit an inference model on files of expression profiles."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pandas as pd

from beadwork import __version__
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.matrix.expression import open_expression
from beadwork.io.platform.gene_table import gene_table
from beadwork.io.platform.studies import read_studies
from beadwork.model.params import TrainInferenceParams
from beadwork.stages.levels.inference.train_inference import TrainInferenceResult, train_inference
from beadwork.stages.levels.inference.training_profiles import collect_profiles


def learn_inference(
    expression: Sequence[Path],
    params: TrainInferenceParams = TrainInferenceParams(),  # noqa: B008 (frozen)
    *,
    name: str,
    studies: Path | None = None,
    probe_map: Path | None = None,
    source: str = "",
    licence: str = "",
    threads: int = 1,
) -> TrainInferenceResult:
    """Fit a linear model of all genes on the landmarks, and judge it on studies that were left out.

    Parameters
    ----------
    expression
        Files of profiles from any number of studies; their order does not matter.
    studies, probe_map
        Tables: facts of studies, and the row that stands for each gene.
    name, source, licence
        Kept in the model; by default the licences of the studies that were used.
    """
    facts = None if studies is None else read_studies(studies)
    with ExitStack() as stack:
        sources = [
            stack.enter_context(open_expression(path, probe_map, study_field=params.study_field)) for path in expression
        ]
        profiles = collect_profiles(sources, gene_table(), facts, params=params, threads=threads)
        del sources
    result = train_inference(profiles, gene_table(), params=params, threads=threads)
    records = sorted((input_record(path) for path in expression), key=lambda record: sorted(record.items()))
    tables = {"studies": studies, "probe_map": probe_map}
    inputs = {"expression": records} | {role: [input_record(path)] for role, path in tables.items() if path is not None}
    metadata = {
        **result.model.metadata,
        "name": name,
        "source": source,
        "licence": licence or _licences(facts, list(result.model.metadata["studies"])),
        "version": __version__,
        "provenance": make_provenance("train-inference", params.model_dump(mode="json"), inputs),
    }
    return replace(result, model=replace(result.model, metadata=metadata))


def _licences(facts: pd.DataFrame | None, studies: Sequence[str]) -> str:
    if facts is None or "licence" not in facts:
        return ""
    used = facts.loc[facts.index.isin(studies), "licence"]
    return "; ".join(sorted(set(used.dropna().astype(str))))
