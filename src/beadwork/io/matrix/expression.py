"""Expression profiles to train an inference model on: GCT, GCTX, or an .npz of probes by samples."""

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_table import probe_table
from beadwork.model.errors import AlignmentError, FileError, name_some
from beadwork.model.matrix import Matrix

_DAMAGE = (OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, NotImplementedError, OverflowError,
           zipfile.BadZipFile, zlib.error, struct.error)  # fmt: skip
"""np.load lets the errors of the archive through as they are."""


def read_expression(path: str | Path, probe_map: str | Path | None = None, *, study_field: str = "dataset") -> Matrix:
    """Read profiles with Entrez row ids.

    Parameters
    ----------
    path
        GCT or GCTX (genes by samples; the study of each sample in a column field), or .npz with the arrays ``expr``
        (rows, samples), ``probe`` or ``gene`` (row ids), ``sample`` and ``dataset`` (or `study_field`).
    probe_map
        Table with the columns pr_gene_id and pr_id (or pr_probe_id): the row that stands for each gene.  Without
        it, ids of HG-U133A probe sets are mapped by the table that ships, and all other ids are Entrez ids.

    Raises
    ------
    FileError
        Absent, damaged or of another kind, arrays that do not fit together, rows of the map that are not in the file.
    """
    path = Path(path)
    matrix = _read_npz(path, study_field) if path.name.lower().endswith(".npz") else read_matrix(path)
    if probe_map is None:
        table = probe_table()
        if not matrix.rids.isin(table.index).any():
            return matrix
        used = table.loc[(table["pr_is_used"] == 1) & table.index.isin(matrix.rids), "pr_gene_id"]
    else:
        used = _read_probe_map(Path(probe_map))
        absent = used.index.difference(matrix.rids)
        if len(absent):
            raise FileError(
                f"{probe_map}: {len(absent)} of its {len(used)} rows are not in {path} ({name_some(absent)}); "
                "is it the map of this platform?"
            )
    chosen = matrix.take_rows(used.index)
    return Matrix(chosen.values, pd.DataFrame(index=pd.Index(used.to_numpy(), dtype=object)), chosen.cols)


def _read_probe_map(path: Path) -> pd.Series:
    table = read_table(path, required=("pr_gene_id",), text_only=True)
    key = next((name for name in ("pr_id", "pr_probe_id") if name in table), None)
    if key is None:
        raise FileError(f"{path}: lacks the column pr_id (or pr_probe_id), the row id that stands for each gene")
    table = table.dropna(subset=[key, "pr_gene_id"])
    for name in (key, "pr_gene_id"):
        twice = table.loc[table[name].duplicated(), name]
        if len(twice):
            raise FileError(f"{path}: {name} {name_some(twice)} stands twice; one row a gene is needed")
    return pd.Series(table["pr_gene_id"].to_numpy(dtype=object), index=pd.Index(table[key], dtype=object))


def _read_npz(path: Path, study_field: str) -> Matrix:
    try:
        # opened here, as np.load leaves a file open that it cannot read
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as packed:
            arrays = {name: packed[name] for name in packed.files}
            if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
                raise ValueError(f"{name_some(strange)}: not an array")
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name") from None
    except _DAMAGE as error:
        raise FileError(f"{path}: not a readable .npz file ({' '.join(str(error).split())[:200]})") from None
    ids = next((name for name in ("gene", "probe") if name in arrays), None)
    if "expr" not in arrays or ids is None or "sample" not in arrays:
        raise FileError(
            f"{path}: lacks the arrays expr, gene (or probe) and sample; it has {name_some(sorted(arrays), 10)}"
        )
    cols = pd.DataFrame(index=pd.Index(arrays["sample"].astype(str), dtype=object))
    for name, array in arrays.items():
        if name not in ("expr", ids, "sample") and array.shape == (len(cols),):
            cols[name] = array.astype(str) if array.dtype.kind in "US" else array
    if study_field not in cols and "dataset" in cols:
        cols[study_field] = cols["dataset"]
    rows = pd.DataFrame(index=pd.Index(arrays[ids].astype(str), dtype=object))
    try:
        return Matrix(arrays["expr"].astype(np.float32), rows, cols)
    except (AlignmentError, ValueError, TypeError) as error:
        raise FileError(f"{path}: {' '.join(str(error).split())}") from None
