"""Wide tables of QC rows: every number of every well and plate stands once, under its metric."""

import numpy as np
import pandas as pd
import pytest

from beadwork.model.qc import join_qc, numeric_values, qc_rows, with_texts
from beadwork.stages.plates.wide import wide_tables

WELLS = ["P2:A01", "P1:A02", "P1:A01", "P1:A03"]


@pytest.fixture
def rows():
    return join_qc(
        [
            qc_rows("deconvolve", "wells_read", {"P2": 1, "P1": 3}),
            qc_rows("deconvolve", "count_mean", dict(zip(WELLS, (50, 20, 30, 40), strict=True)), lower=25),
            qc_rows("normalize", "qc_slope", dict(zip(WELLS[1:], (61.5, 60.0, np.nan), strict=True)), lower=61),
            qc_rows("normalize", "outlier", {"P1:A02": "qc_slope 12"}, passed=False),
            qc_rows("zscore", "n_population", {"P1": 300.0, "P2": 1}, lower=3),
            qc_rows("zscore_vehicle", "n_population", {"P1": 22}),
            qc_rows("consensus", "tas", {"BREW:BRD-K1:10": 0.4, "BREW:A01:B02": 1.0}),
            qc_rows("query", "genes_found", {"HDAC": 0.4}, lower=0.5),
        ]
    )


@pytest.mark.parametrize("joined", [False, True])
def test_each_metric_is_a_column(rows, joined):
    wells, plates = wide_tables(numeric_values(rows) if joined else rows)
    assert wells[["det_plate", "det_well"]].agg(":".join, axis=1).tolist() == sorted(WELLS)
    assert list(wells) == ["det_plate", "det_well", "count_mean", "qc_slope", "outlier", "failed"]
    assert wells["count_mean"].tolist() == [30, 20, 40, 50] and wells["count_mean"].dtype.kind in "if"
    assert wells["outlier"].tolist()[1] == "qc_slope 12"
    assert wells["failed"].tolist() == ["qc_slope", "count_mean, outlier", "qc_slope", ""]
    assert plates["det_plate"].tolist() == ["P1", "P2"]
    assert list(plates) == ["det_plate", "wells_read", "n_population", "zscore_vehicle_n_population", "failed",
                            "median_count_mean", "median_qc_slope", "wells_failed"]  # fmt: skip
    assert plates["zscore_vehicle_n_population"].tolist()[0] == 22
    assert plates["median_count_mean"].tolist() == [30, 50]
    assert plates["failed"].tolist() == ["", "n_population"] and plates["wells_failed"].tolist() == [3, 0]


def test_no_rows_give_empty_tables():
    for table in wide_tables(join_qc([])):
        assert len(table) == 0 and "det_plate" in table


def test_values_are_numbers_and_come_back(rows):
    joined = numeric_values(rows)
    assert list(joined)[-1] == "note"
    assert pd.to_numeric(joined["value"]).notna().sum() == len(rows) - 2
    assert joined.loc[joined["metric"] == "outlier", "note"].tolist() == ["qc_slope 12"]
    again = numeric_values(joined)
    pd.testing.assert_frame_equal(again, joined)
    assert with_texts(joined)["value"].dropna().tolist() == rows["value"].dropna().tolist()
    assert with_texts(rows) is rows
