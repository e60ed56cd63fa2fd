"""Fields of wells from a table: filled where the matrix has none, and said where the two disagree."""

import logging

import numpy as np
import pandas as pd
import pytest

from beadwork.model.errors import AlignmentError
from beadwork.model.matrix import Matrix
from beadwork.stages.levels.annotate import add_fields

IDS = [f"P1:A0{n}" for n in range(1, 5)]


def matrix(**fields):
    return Matrix(np.zeros((2, 4)), pd.DataFrame(index=["1", "2"]), pd.DataFrame(fields, index=IDS))


def said(caplog):
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_fields_are_filled_and_matches_are_counted(caplog):
    table = pd.DataFrame({"pert_id": list("abcd"), "pert_dose": [1.0, 2, 3, 4]}, index=IDS)
    with caplog.at_level(logging.INFO, logger="beadwork"):
        found = add_fields(matrix(pert_dose=[1.0, np.nan, 3, np.nan]), table, what="X", source="T").cols
    assert found["pert_id"].tolist() == list("abcd") and found["pert_dose"].tolist() == [1, 2, 3, 4]
    assert found["pert_dose"].dtype == float
    assert said(caplog) == [("INFO", "X: all 4 columns are in T")]


def test_columns_without_a_row_are_named(caplog):
    table = pd.DataFrame({"pert_id": ["a", "b"]}, index=IDS[:2])
    found = add_fields(matrix(), table, what="X", source="T").cols
    assert found["pert_id"].isna().tolist() == [False, False, True, True]
    assert said(caplog) == [("WARNING", "X: 2 of 4 columns are in T; without a row there: P1:A03, P1:A04")]


def test_the_matrix_wins_and_says_so(caplog):
    table = pd.DataFrame({"pert_id": ["A", "b", "x", "y"], "pert_dose": [1.0, 2, 3, 4], "cell_id": "A375"}, index=IDS)
    own = matrix(pert_id=list("abcd"), pert_dose=["1.0", 2.0000001, 3, 40], cell_id="A375")
    found = add_fields(own, table, what="X", source="T").cols
    pd.testing.assert_frame_equal(found, own.cols)
    assert said(caplog) == [
        ("WARNING", f"X: {what}; the value of the matrix stays")
        for what in (
            "pert_id of 2 columns is not that of T (P1:A03: x there, c here)",
            "pert_dose of 1 column is not that of T (P1:A04: 4.0 there, 40 here)",
        )
    ]


def test_a_table_of_other_wells_is_refused():
    with pytest.raises(AlignmentError, match=r"^T: has none of the 4 columns of X \(P1:A01, P1:A02, P1:A03, \.\.\. "):
        add_fields(matrix(), pd.DataFrame({"a": [1]}, index=["Q"]), what="X", source="T")
    with pytest.raises(AlignmentError, match="has none of the 4 columns"):
        add_fields(matrix(), pd.DataFrame(), what="X", source="T")
