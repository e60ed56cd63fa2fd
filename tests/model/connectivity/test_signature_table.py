"""Annotation by column: what is not needed is not read."""

import pyarrow as pa
import pytest

from beadwork.model.connectivity.signature_table import SignatureTable

WHOLE = pa.table({"sig_id": ["a", "b"], "tas": [0.5, 0.25], "wt": ["1", None], "moa": ["x", "y"]})


def test_columns_are_read_when_they_are_asked_for_and_once():
    read = []

    def load(names):
        read.append(list(names))
        return WHOLE.select(names)

    table = SignatureTable(WHOLE.select(["sig_id", "tas"]), WHOLE.column_names, load)
    assert len(table) == 2 and "wt" in table and "other" not in table and table.names == WHOLE.column_names
    assert table.numbers("tas").tolist() == [0.5, 0.25] and not read
    assert table.texts("wt")[1] == table.texts("wt")[1] == ["1"] and read == [["wt"]]
    assert table.arrow.equals(WHOLE) and table.arrow.equals(WHOLE) and read == [["wt"], ["moa"]]
    assert table.take([1]).to_pylist() == [{"sig_id": "b", "tas": 0.25, "wt": None, "moa": "y"}]


def test_a_column_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError, match="other"):
        SignatureTable(WHOLE.select(["sig_id"]), WHOLE.column_names, WHOLE.select).column("other")
