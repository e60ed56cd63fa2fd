"""Take shared noise out of full signatures that are asked of a noise-controlled index."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from beadwork.model.connectivity.query import Query
from beadwork.model.errors import ParameterError, counted
from beadwork.model.params import QueryParams

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex

log = logging.getLogger("beadwork.query")


def clean_queries(
    index: ConnectivityIndex,
    queries: Sequence[Query],
    noise: str | Path | None = None,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
) -> list[Query]:
    """Clean the full signatures among queries, as ``denoise`` cleans level 5; gene sets stay as they are.

    Landmarks that a signature does not have count as unchanged (0), and it says how many.  A signature whose name holds
    a perturbagen (``{brew}:{pert_id}:...``) is not cleaned by what the noise model learned from that.

    Parameters
    ----------
    noise
        Noise model; None for the one that ships.

    Raises
    ------
    ParameterError
        The index is not noise controlled, or no query is a full signature.
    """
    import pandas as pd

    from beadwork.io.platform.noise_model import default_noise_path, read_noise_model
    from beadwork.model.matrix import Level, Matrix
    from beadwork.model.params import DenoiseParams
    from beadwork.stages.levels.noise.denoise import denoise

    if not index.is_cleaned:
        raise ParameterError(
            "--denoise: the index holds no noise-controlled signatures (ZSNC, MNZ); a cleaned query does not compare "
            "with it, leave --denoise out"
        )
    chosen = [place for place, query in enumerate(queries) if query.profile is not None and not query.cleaned]
    if not chosen:
        raise ParameterError("--denoise: no query is a full signature that is not cleaned yet; leave it out")
    model = read_noise_model(noise or default_noise_path())
    rows = pd.Index(index.store.gene_ids).get_indexer(model.genes)
    if (rows < 0).any():
        raise ParameterError(f"--denoise: the index lacks {int((rows < 0).sum())} of the {len(rows)} landmarks")
    found = list(queries)
    for place in chosen:
        mapped = index.map_queries([queries[place]], params)[0]
        values = np.full(index.store.n_genes, np.nan)
        values[mapped.rows] = mapped.values
        values = values[rows]
        absent = int(np.isnan(values).sum())
        if absent:
            log.warning("query %s: %s as unchanged", queries[place].name,
                        counted(absent, "landmark is absent and counts", "landmarks are absent and count"))  # fmt: skip
        name = queries[place].name
        parts = name.split(":")
        cols = pd.DataFrame({"pert_id": [parts[1] if len(parts) > 1 else name]}, index=[name])
        source = Matrix(np.nan_to_num(values)[:, None], pd.DataFrame(index=model.genes), cols, level=Level.MODZ)
        cleaned = denoise(source, model, params=DenoiseParams(own="no"), what=f"query {name}").matrix
        kept = ~np.isnan(values)
        profile = dict(zip(model.genes[kept], cleaned.values[kept, 0].astype(float).tolist(), strict=True))
        found[place] = replace(queries[place], profile=profile, cleaned=True)
    return found
