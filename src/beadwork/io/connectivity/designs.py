"""Tables of samples, and of contrasts between their groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from beadwork.io.files.tables import read_table
from beadwork.io.files.text import read_text
from beadwork.model.connectivity.contrast import Contrast
from beadwork.model.errors import FileError, name_some

SAMPLE_COLUMNS = ("sample", "sample_id", "sampleid", "id", "cid", "name", "run", "geo_accession")


def read_design(path: str | Path, samples: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Read the table of samples, TSV or CSV: fields of each sample, by id, and a sentence on those it lacks.

    The column of ids is the one most of whose cells are samples.

    Raises
    ------
    FileError
        No column names the samples, or one stands twice.
    """
    table = _read(path)
    known = set(map(str, samples))
    shares = {name: sum(cell in known for cell in table[name].dropna().astype(str)) for name in table}
    preferred = {name: -place for place, name in enumerate(table)}
    best = max(table, key=lambda name: (shares[name], str(name).lower() in SAMPLE_COLUMNS, preferred[name]))
    if not shares[best]:
        raise FileError(
            f"{path}: no column names samples of the values ({name_some(samples)}); one row a sample is needed"
        )
    table = table[table[best].isin(known)]
    if twice := table[best][table[best].duplicated()].tolist():
        raise FileError(f"{path}: {best} {name_some(twice)} stands twice; one row a sample is needed")
    fields = table.set_index(best).rename_axis(index=None)
    lacking = [sample for sample in samples if str(sample) not in fields.index]
    note = f"{path}: {len(lacking)} of {len(samples)} samples have no row ({name_some(lacking)})" if lacking else ""
    return fields, note


def read_contrasts(path: str | Path) -> list[Contrast]:
    """Read a table of contrasts: columns case and control, and perhaps name.

    Raises
    ------
    FileError
        A column is absent, or a cell is empty.
    """
    table = _read(path)
    for name in ("case", "control"):
        if name not in table:
            raise FileError(f"{path}: lacks the column {name}; columns case and control, and perhaps name, are needed")
        if table[name].isna().any():
            raise FileError(f"{path}: {name} is empty in row {int(table[name].isna().to_numpy().argmax()) + 1}")
    names = table["name"] if "name" in table else table["case"] + "_vs_" + table["control"]
    rows = zip(names, table["case"], table["control"], strict=True)
    return [Contrast(str(name), str(case).strip(), str(control).strip()) for name, case, control in rows]


def _read(path: str | Path) -> pd.DataFrame:
    first = read_text(path, "a table with a header line is needed").lstrip("\ufeff").splitlines()[:1]
    if first and "\t" not in first[0] and "," in first[0]:
        import io

        text = read_text(path, "a table with a header line is needed").lstrip("\ufeff")
        try:
            frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=True)
        except (ValueError, pd.errors.ParserError) as error:
            raise FileError(f"{path}: not a readable table ({' '.join(str(error).split())[:150]})") from None
        return frame.rename(columns=str)
    return read_table(path, text_only=True)
