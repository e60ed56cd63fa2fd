"""Join what is known of compounds and cells to an index that is there; scores are not touched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beadwork.io.connectivity.index.writer import extend_index
from beadwork.io.connectivity.library.annotation_tables import read_cells, read_compounds
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import ParameterError
from beadwork.stages.connectivity.library.join import Joined, join_cells, join_compounds


def annotate_index(
    path: str | Path, *, compounds: Sequence[str | Path] = (), cells: Sequence[str | Path] = ()
) -> list[Joined]:
    """Join tables of compounds and of cells to the signatures of an index.

    What a table says replaces what is there; where it is silent, what is there stays.  Ranks, scores and the background
    are shared with what was there before, and readers see all of it or nothing.

    Raises
    ------
    BeadworkError
        No table is given or one cannot be used; or another process writes to the index.
    """
    if not compounds and not cells:
        raise ParameterError("no table given; name one with --compounds, --repurposing or --cells")
    drugs = read_compounds(compounds) if compounds else None
    lines = read_cells(cells) if cells else None
    reports: list[Joined] = []
    with extend_index(path) as writer:
        store = writer.store
        fields = [name for source in (drugs, lines) if source is not None for name in source.fields]
        table = SignatureTable(store.signature_table(["pert_id", "pert_iname", "pert_type", "cell_id", *fields]))
        if drugs is not None:
            reports.append(join_compounds(table, drugs))
        if lines is not None:
            reports.append(join_cells(table, lines))
        changed = False
        for segment in store.segments:
            old = new = store.segment_table(segment)
            for name, column in ((name, column) for report in reports for name, column in report.columns.items()):
                texts = column.slice(segment.start, segment.n_signatures).dictionary_decode().cast("string")
                if name not in old.column_names or old.column(name).cast("string").combine_chunks() != texts:
                    new = _with_column(new, name, texts.dictionary_encode())
            if new is not old:
                writer.annotate(segment, new, siginfo=segment.siginfo)
                changed = True
        if changed:
            writer.publish()
    return reports


def _with_column(table: Any, name: str, column: Any) -> Any:
    place = table.schema.get_field_index(name)
    return table.append_column(name, column) if place < 0 else table.set_column(place, name, column)
