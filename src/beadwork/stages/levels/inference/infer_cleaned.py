"""Noise control of inferred genes: clean the landmarks' log2 values, infer from these, score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from beadwork.kernels.levels.noise import clip_and_centre
from beadwork.kernels.levels.robust_z import robust_zscore
from beadwork.kernels.numeric.ranks import MAD_TO_SD
from beadwork.model.errors import AlignmentError, name_some
from beadwork.model.levels.inference_model import InferenceModel
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import InferParams, ZscoreParams
from beadwork.stages.levels.inference.infer import infer
from beadwork.stages.levels.noise.noise_wells import well_facts


def infer_cleaned(
    cleaned: Matrix,
    z: Matrix,
    qnorm: Matrix,
    model: InferenceModel,
    genes: pd.DataFrame,
    *,
    clip: float,
    centred: bool,
    params: InferParams = InferParams(),  # noqa: B008 (frozen)
    zscore_params: ZscoreParams = ZscoreParams(),  # noqa: B008 (frozen)
    what: str = "QNORM",
) -> Matrix:
    """Add inferred genes to the cleaned landmarks of one plate.

    Parameters
    ----------
    cleaned
        ZSNC of one plate, landmarks.
    z
        Its z-scores as they were.
    qnorm
        Its QNORM: landmarks and all wells of `z`.
    clip, centred
        How profiles were made ready before cleaning (:func:`beadwork.kernels.levels.noise.clip_and_centre`).
    genes
        Gene table.

    Returns
    -------
    ZSNC in the space of ``params``: landmarks as they were cleaned; inferred genes are robust z-scores of what follows
    from log2 values without the noise, x - (y - y') MAD 1.4826 gene by gene, clipped as the landmarks were.

    Raises
    ------
    AlignmentError
        QNORM lacks wells or landmarks.
    """
    for kind, wanted, there in (("wells", cleaned.cids, qnorm.cids), ("genes", cleaned.rids, qnorm.rids)):
        if len(missing := wanted.difference(there)):
            raise AlignmentError(
                f"{what}: lacks {len(missing)} {kind} of the z-scores ({name_some(missing)}); give the QNORM that they "
                "were made of"
            )
    level3 = qnorm.take_rows(cleaned.rids, Space.LM).take_cols(cleaned.cids)
    x = level3.values.astype(np.float64)
    _, mad = robust_zscore(x, x, zscore_params.min_mad)
    scale = np.maximum(mad, zscore_params.min_mad) * MAD_TO_SD
    used = (well_facts(z, ("pert_id",))["kind"] != "none").to_numpy() if centred else None
    y = clip_and_centre(z.take_rows(cleaned.rids).values.T, clip, used)
    noise = (y - cleaned.values.T.astype(np.float64)).T
    quiet = level3.with_values(x - noise * scale[:, None], level=Level.QNORM)
    inferred = infer(quiet, model, genes, params=params).matrix
    log2 = inferred.values.astype(np.float64)
    found, _ = robust_zscore(log2, log2, zscore_params.min_mad)
    values = np.clip(found, -clip, clip).astype(np.float32)
    at = inferred.rids.get_indexer(cleaned.rids)
    values[at] = cleaned.values
    return Matrix(
        values, inferred.rows, cleaned.cols, level=Level.ZSNC, space=inferred.space, provenance=cleaned.provenance
    )  # fmt: skip
