"""Inference models on disk: our own low-rank HDF5 format, and CMap's OLS weights in GCTX.

Our format, version 2 (HDF5, root attributes ``beadwork_format`` = "inference-model", ``format_version`` = 2,
``spread`` and ``metadata``, JSON)::

    landmarks         text  (landmarks,)        Entrez ids
    genes             text  (genes,)            Entrez ids
    intercept         float32 (genes,)
    loadings          float16 or int8 (landmarks, rank)
    loadings_scale    float32 (rank,)           if int8: what the integers are multiplied by
    components        float16 or int8 (rank, genes)
    components_scale  float32 (rank,)           if int8
    accuracy          float16 (genes,)          correlation within left-out studies, NaN where unknown
    gene_sd           float16 (genes,)          standard deviation within studies (may be absent)
    residual_sd       float16 (genes,)          what inference misses in left-out studies (may be absent)
    landmark_sd       float16 (landmarks,)      standard deviation within studies (may be absent)

Version 1 has float16 throughout and no standard deviations; it is read as before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path
from beadwork.io.matrix.formats import read_matrix
from beadwork.io.matrix.gctx.reader import is_gctx
from beadwork.io.matrix.hdf5_content import check_members
from beadwork.io.matrix.hdf5_file import new_hdf5
from beadwork.io.platform.gene_table import entrez_ids, gene_table, resource_path
from beadwork.kernels.levels.quantise import quantise_rows
from beadwork.model.errors import FileError, counted, name_some
from beadwork.model.levels.inference_model import InferenceModel
from beadwork.model.matrix import Matrix, Space
from beadwork.model.spaces import space_genes

FORMAT, VERSION = "inference-model", 2
DEFAULT_MODEL = "inference_default.h5"
SDS = ("gene_sd", "residual_sd", "landmark_sd")
NOISE_SHARE = 0.0015
"""Share of the sum of squares that rounding to int8 may add; it changes left-out correlations by less than 0.001."""
MAX_UNKNOWN = 0.01
"""Share of genes of a weights file that may be unknown to the gene table (ids that were withdrawn since)."""


def default_model_path() -> Path:
    """Path of the model that ships."""
    return resource_path(DEFAULT_MODEL)


@cache
def inference_accuracies() -> Mapping[str, float]:
    """Correlation of inferred and measured values in left-out studies, by Entrez id, of the model that ships."""
    with h5py.File(default_model_path(), "r") as file:
        values = file["accuracy"][:].astype(np.float64).tolist()
        return MappingProxyType(dict(zip(_ids(file["genes"][:]), values, strict=True)))


def read_inference_model(path: str | Path) -> InferenceModel:
    """Read a model: our own format, or OLS weights in GCTX or GCT.

    Raises
    ------
    FileError
        Absent, damaged, neither of the two kinds, or of a newer version.
    """
    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            if _attribute(file, "beadwork_format") == FORMAT:
                check_members(file, path)
                return check_weights(_read_own(file, path), str(path))
            if not is_gctx(file):
                raise FileError(
                    f"{path}: HDF5, but neither a model of `beadwork train-inference` nor weights in GCTX; "
                    "give one of the two to --model"
                )
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name") from None
    except OSError as error:
        if not path.is_file() or path.stat().st_size == 0 or h5py.is_hdf5(path):
            raise FileError(f"{path}: not a readable model ({' '.join(str(error).split())[:200]})") from None
    return weights_model(read_matrix(path), what=str(path))


def check_weights(model: InferenceModel, what: str) -> InferenceModel:
    """Return a model whose weights are all there: finite, and not zeros where none were written.

    Raises
    ------
    FileError
        Weights are missing or infinite, or all weights and the intercept of a gene are zero.
    """
    unfit = np.zeros(len(model.genes), bool)
    if model.loadings is not None and not (np.isfinite(model.loadings).all() and model.loadings.any()):
        unfit[:] = True
    unfit |= ~np.isfinite(model.components).all(axis=0) | ~np.isfinite(model.intercept)
    if unfit.any():
        bad = model.genes[unfit]
        raise FileError(
            f"{what}: missing or infinite weights for {counted(len(bad), 'gene')} ({name_some(bad)}); is "
            f"the file damaged?"
        )
    blank = ~model.components.any(axis=0) & (model.intercept == 0)
    if blank.any():
        bad = model.genes[blank]
        raise FileError(
            f"{what}: all weights are zero for {counted(len(bad), 'gene')} ({name_some(bad)}), as where "
            f"none were written; "
            "fetch or make the file anew"
        )
    return model


def write_inference_model(model: InferenceModel, path: str | Path, *, precision: str = "float16") -> None:
    """Write a low-rank model; equal models give equal bytes.

    precision : ``float16``, or ``int8`` with one scale a component (:mod:`beadwork.kernels.levels.quantise`).
    """
    assert model.loadings is not None, "only low-rank models have a file format of ours"
    arrays: dict[str, np.ndarray] = {
        "landmarks": model.landmarks.to_numpy().astype("S"),
        "genes": model.genes.to_numpy().astype("S"),
        "intercept": model.intercept.astype(np.float32),
    }
    if precision == "int8":
        for name, rows in (("loadings", model.loadings.T), ("components", model.components)):
            whole, scale = quantise_rows(rows, NOISE_SHARE)
            arrays[name], arrays[f"{name}_scale"] = whole.T if name == "loadings" else whole, scale
    else:
        size = np.sqrt(np.abs(model.loadings).max(axis=0) / np.abs(model.components).max(axis=1))  # equal largest sizes
        size = np.where(np.isfinite(size) & (size > 0), size, 1.0)
        arrays["loadings"] = (model.loadings / size).astype(np.float16)
        arrays["components"] = (model.components * size[:, None]).astype(np.float16)
    for name in ("accuracy", *SDS):
        if (values := getattr(model, name)) is not None:
            arrays[name] = values.astype(np.float16)
    with atomic_path(path) as temporary, new_hdf5(temporary) as file:
        file.attrs["beadwork_format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["spread"] = float(model.spread)
        file.attrs["metadata"] = json.dumps(dict(model.metadata), sort_keys=True, ensure_ascii=False)
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip", shuffle=array.itemsize > 1, track_times=False)


def _read_own(file: h5py.File, path: Path) -> InferenceModel:
    version = _attribute(file, "format_version")
    if version is None or int(version) > VERSION:
        raise FileError(f"{path}: model format {version} is not known here (up to {VERSION}); update beadwork")
    try:
        arrays = {name: file[name][:] for name in file}
        loadings, components = arrays["loadings"].astype(np.float64), arrays["components"]
        if "loadings_scale" in arrays:  # whole numbers stay so, the scales of a component go to its loadings
            loadings *= arrays["loadings_scale"].astype(np.float64) * arrays["components_scale"].astype(np.float64)
        else:
            components = components.astype(np.float64)
        metadata: dict[str, Any] = json.loads(_attribute(file, "metadata") or "{}")
        sds = {name: arrays[name].astype(np.float64) if name in arrays else None for name in SDS}
        return InferenceModel(
            _ids(arrays["landmarks"]),
            _ids(arrays["genes"]),
            arrays["intercept"].astype(np.float64),
            loadings,
            components,
            arrays["accuracy"].astype(np.float64),
            metadata,
            spread=float(file.attrs.get("spread", np.nan)),
            **sds,
        )
    except (KeyError, OSError, ValueError, AssertionError) as error:
        raise FileError(f"{path}: damaged model ({' '.join(str(error).split())[:200]}); make it anew") from None


def _attribute(file: h5py.File, name: str) -> Any:
    value = file.attrs.get(name)
    return value.decode() if isinstance(value, bytes) else value


def _ids(array: np.ndarray) -> pd.Index:
    return pd.Index([str(item.decode()) for item in array.tolist()], dtype=object)


def weights_model(matrix: Matrix, *, what: str = "weights") -> InferenceModel:
    """Model from a matrix of linear weights, such as CMap's OLS_WEIGHTS (979 x 11,350, GEO series GSE92743).

    One side holds the 978 landmarks and the intercept, the other the inferred genes; either may be the rows.  Ids are
    Entrez ids or names of HG-U133A probe sets, or the annotation has the field pr_gene_id.  The intercept is the one
    id beside the landmarks that is no landmark, whatever its name.

    Raises
    ------
    FileError
        Landmarks or the intercept are absent, a gene stands twice or is unknown, weights are missing.
    """
    genes = gene_table()
    landmarks = space_genes(genes, Space.LM)
    sides = [entrez_ids(table.index, table.get("pr_gene_id")) for table in (matrix.rows, matrix.cols)]
    hits = [int(landmarks.isin(side).sum()) for side in sides]
    own = 0 if hits[0] >= hits[1] else 1
    if hits[own] == 0:
        raise FileError(
            f"{what}: no landmark among its {len(sides[0]):,} row and {len(sides[1]):,} column ids; weights of "
            f"{len(landmarks)} landmarks and an intercept are needed, by Entrez or probe id"
        )
    values = (matrix.values if own == 0 else matrix.values.T).astype(np.float64)
    inner, outer = sides[own], sides[1 - own]
    side = "rows" if own == 0 else "columns"
    absent = landmarks.difference(inner)
    if len(absent):
        raise FileError(
            f"{what}: weights of {len(absent)} of the {len(landmarks)} landmarks are absent from its {side} "
            f"({name_some(absent)}); is the file cut short?"
        )
    extra = inner[~inner.isin(landmarks)]
    if len(extra) != 1:
        found = f"there are {len(extra)} ({name_some(extra)})" if len(extra) else "there is none"
        raise FileError(f"{what}: exactly one of its {side} besides the landmarks must be the intercept, but {found}")
    for ids in (inner, outer):
        if ids.has_duplicates:
            twice = ids[ids.duplicated()].unique()
            raise FileError(f"{what}: genes stand twice ({name_some(twice)}); one weight a gene and landmark is needed")
    known = outer.isin(genes.index)
    if (~known).sum() > MAX_UNKNOWN * len(outer):
        raise FileError(
            f"{what}: {int((~known).sum())} of the {len(outer):,} inferred ids are no genes of the AIG space "
            f"({name_some(outer[~known])}); Entrez ids or HG-U133A probe ids are needed"
        )
    kept = known & ~outer.isin(landmarks)
    values = values[:, kept]
    model = InferenceModel(
        landmarks=landmarks,
        genes=outer[kept],
        intercept=values[int(inner.get_indexer(extra)[0])],
        loadings=None,
        components=values[inner.get_indexer(landmarks)],
        accuracy=np.full(int(kept.sum()), np.nan),
        metadata={"name": "linear weights", "intercept": str(extra[0])},
    )
    unused = landmarks[np.flatnonzero(~model.components.any(axis=1))]
    if len(unused):
        raise FileError(
            f"{what}: all weights of {counted(len(unused), 'landmark')} are zero ({name_some(unused)}), as "
            f"where none were "
            "written; fetch or make the file anew"
        )
    return check_weights(model, what)
