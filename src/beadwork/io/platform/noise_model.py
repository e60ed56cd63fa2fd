"""Noise models on disk.

Format, version 1 (HDF5; root attributes ``beadwork_format`` = "noise-model", ``format_version`` = 1, ``metadata`` and
``tables``, both JSON, and ``digest``, a checksum of all that follows and of both)::

    genes     text  (landmarks,)          Entrez ids
    rows      int16 (rows, landmarks)     rows of all scatters, whole numbers
    exponent  int16 (rows,)               each row times 2^exponent
    parts     float64 (parts, 3)          per scatter: rows, rest, degrees of freedom

Scatters: those of treatments by fold, of all control wells, and of the control wells of all folds but one.  Tables:
``treatments``, ``control_wells`` and ``plates`` of :class:`beadwork.model.levels.noise_model.NoiseModel`, as columns.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path
from beadwork.io.files.digest import digest_bytes
from beadwork.io.matrix.hdf5_file import new_hdf5
from beadwork.io.platform.folder import resource_path
from beadwork.kernels.levels.noise import LARGEST, Scatter
from beadwork.model.errors import FileError
from beadwork.model.levels.noise_model import CONTROL_FIELDS, FOLDS, PLATE_FIELDS, TREATED_FIELDS, NoiseModel

FORMAT, VERSION = "noise-model", 1
DEFAULT_MODEL = "noise_default.h5"
_TABLES = {"treatments": TREATED_FIELDS, "control_wells": CONTROL_FIELDS, "plates": PLATE_FIELDS}
_ARRAYS = ("genes", "rows", "exponent", "parts")


def default_noise_path() -> Path:
    """Path of the model that ships."""
    return resource_path(DEFAULT_MODEL)


def is_noise_model(path: str | Path) -> bool:
    """Whether a file is a noise model (of any version)."""
    try:
        with h5py.File(path, "r") as file:
            return bool(_attribute(file, "beadwork_format") == FORMAT)
    except OSError:
        return False


def write_noise_model(model: NoiseModel, path: str | Path) -> None:
    """Write a model; equal models give equal bytes."""
    scatters = [*model.treated, model.controls, *model.controls_without]
    rows = np.concatenate([part.rows for part in scatters])
    largest = np.abs(rows).max(axis=1, initial=0.0)
    exponent = np.ceil(np.log2(np.where(largest > 0, largest, 1.0) / LARGEST))
    arrays = {
        "genes": model.genes.to_numpy().astype("S"),
        "rows": np.round(rows / np.exp2(exponent)[:, None]).astype("<i2"),
        "exponent": exponent.astype("<i2"),
        "parts": np.array([(len(part.rows), part.rest, part.df) for part in scatters], "<f8"),
    }
    tables = {name: getattr(model, name)[[*fields]].to_dict("list") for name, fields in _TABLES.items()}
    own = {"factors": model.factors, "clip": model.clip, "key_fields": list(model.key_fields)}
    texts = [json.dumps(item, sort_keys=True, ensure_ascii=False) for item in (dict(model.metadata) | own, tables)]
    with atomic_path(path) as temporary, new_hdf5(temporary) as file:
        file.attrs["beadwork_format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["metadata"], file.attrs["tables"] = texts
        file.attrs["digest"] = _digest(arrays, texts)
        for name, array in arrays.items():
            file.create_dataset(
                name, data=array, compression="gzip", compression_opts=9, shuffle=True, track_times=False
            )


def read_noise_model(path: str | Path) -> NoiseModel:
    """Read a model.

    Raises
    ------
    FileError
        Absent, damaged, not a noise model, or of a newer version.
    """
    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            if _attribute(file, "beadwork_format") != FORMAT:
                raise FileError(f"{path}: HDF5, but no noise model; give what `beadwork train-noise` wrote")
            version = _attribute(file, "format_version")
            if version is None or int(version) > VERSION:
                raise FileError(f"{path}: noise model format {version} is not known here (up to {VERSION}); "
                                "update beadwork")  # fmt: skip
            arrays = {name: file[name][:] for name in _ARRAYS}
            texts = [str(_attribute(file, name)) for name in ("metadata", "tables")]
            digest = _attribute(file, "digest")
        if digest != _digest(arrays, texts):
            raise FileError(f"{path}: damaged noise model (its checksum does not fit); make or fetch it anew")
        return _model(arrays, json.loads(texts[0]), json.loads(texts[1]))
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name") from None
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if path.is_file() and not h5py.is_hdf5(path):
            raise FileError(f"{path}: no noise model; give what `beadwork train-noise` wrote") from None
        raise FileError(f"{path}: damaged noise model ({' '.join(str(error).split())[:200]}); make it anew") from None


def _model(arrays: dict[str, np.ndarray], metadata: dict[str, Any], tables: dict[str, Any]) -> NoiseModel:
    rows = arrays["rows"] * np.exp2(arrays["exponent"].astype(np.float64))[:, None]
    ends = np.cumsum(arrays["parts"][:, 0].astype(int))
    scatters = [
        Scatter(rows[end - int(count) : end], float(rest), float(df))
        for end, (count, rest, df) in zip(ends, arrays["parts"], strict=True)
    ]
    found = {name: pd.DataFrame(tables[name], columns=[*fields]) for name, fields in _TABLES.items()}
    own = {name: metadata.pop(name) for name in ("factors", "clip", "key_fields")}
    return NoiseModel(
        genes=pd.Index([item.decode() for item in arrays["genes"]], dtype=object),
        treated=tuple(scatters[:FOLDS]),
        controls=scatters[FOLDS],
        controls_without=tuple(scatters[FOLDS + 1 :]),
        key_fields=tuple(own["key_fields"]),
        factors=int(own["factors"]),
        clip=float(own["clip"]),
        metadata=metadata,
        **found,
    )


def _digest(arrays: dict[str, np.ndarray], texts: list[str]) -> str:
    return digest_bytes(
        b"\x1f".join([*(text.encode() for text in texts), *(arrays[name].tobytes() for name in _ARRAYS)])
    )


def _attribute(file: h5py.File, name: str) -> Any:
    value = file.attrs.get(name)
    return value.decode() if isinstance(value, bytes) else value
