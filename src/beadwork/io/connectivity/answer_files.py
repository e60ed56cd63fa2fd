"""All scores of many queries in one parquet file, a row group or more of each query."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from beadwork.io.files.atomic import atomic_path
from beadwork.model.connectivity.signature_table import arrow_texts


@contextmanager
def new_answers(path: Path) -> Iterator[Callable[[str, Any], None]]:
    """Yield a function that adds the table of one query, whose name becomes the first column; appears by rename.

    All tables must have the same columns.
    """
    import pyarrow.parquet as pq

    with atomic_path(path) as temporary, ExitStack() as stack:
        writer = None

        def write(query: str, table: Any) -> None:
            nonlocal writer
            names = arrow_texts(np.zeros(table.num_rows, np.int32), [query])
            table = table.add_column(0, "query", names)
            if writer is None:
                texts = [name for name in ("query", "sig_id") if name in table.column_names]
                writer = stack.enter_context(
                    pq.ParquetWriter(temporary, table.schema, compression="zstd", use_dictionary=texts)
                )
            writer.write_table(table)

        yield write
