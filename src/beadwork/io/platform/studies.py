"""Facts of studies: which are of two colours, which share patients, and under which licence they are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from beadwork.io.files.tables import read_table
from beadwork.model.errors import FileError, counted, name_some


def read_studies(path: str | Path) -> pd.DataFrame:
    """Read a table of studies; index: the column dataset.

    Raises
    ------
    FileError
        Not a table, no column dataset, or a study stands twice.
    """
    table = read_table(path, required=("dataset",), text_only=True)
    if table["dataset"].isna().any():
        raise FileError(
            f"{path}: {counted(int(table['dataset'].isna().sum()), 'row names', 'rows name')} no dataset; fill in all"
        )
    twice = table.loc[table["dataset"].duplicated(), "dataset"]
    if len(twice):
        raise FileError(f"{path}: dataset {name_some(twice)} stands twice; one row a study is needed")
    return table.set_index("dataset")
