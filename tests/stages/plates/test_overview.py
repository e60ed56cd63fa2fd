"""A study at a glance."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.model.plates.overview import FAR, PlateOverview
from beadwork.model.qc import join_qc, qc_rows
from beadwork.stages.plates.overview import metric_strips, outliers, plate_overview

PLATE = "P1_A375_24H_X1_B20"


def rows() -> pd.DataFrame:
    return join_qc(
        [
            qc_rows("deconvolve", "wells_read", {PLATE: 3}),
            qc_rows("deconvolve", "count_mean", {f"{PLATE}:A01": 10.0, f"{PLATE}:A02": 30.0, f"{PLATE}:A03": 50.0}),
            qc_rows("normalize", "qc_slope", {f"{PLATE}:A01": 60.0, f"{PLATE}:A02": 20.0}, lower=52),
            qc_rows("normalize", "outlier", {f"{PLATE}:A02": "qc_slope 20"}, passed=False),
            qc_rows("normalize", "wells_kept", {PLATE: 2}),
        ]
    )


def test_a_plate_in_brief():
    found = plate_overview(PLATE, rows())
    assert (found.n_wells, found.n_kept) == (3, 2)
    assert found.metrics["count_mean"] == 30 and found.metrics["qc_slope"] == 40
    assert "outlier" not in found.metrics  # a text
    assert found.failed[["well", "metric"]].to_numpy().tolist() == [["A02", "qc_slope"], ["A02", "outlier"]]


def test_rows_as_they_are_read_from_a_file_count_the_same(tmp_path):
    from beadwork.io.files.tables import read_table, write_table

    write_table(rows(), tmp_path / "qc.tsv")
    read = plate_overview(PLATE, read_table(tmp_path / "qc.tsv"))
    made = plate_overview(PLATE, rows())
    assert read.metrics == made.metrics and len(read.failed) == len(made.failed) and read.n_kept == made.n_kept


def test_a_plate_without_rows_is_unknown_and_not_zero():
    found = plate_overview(PLATE, join_qc([]))
    assert (found.n_wells, found.n_kept) == (-1, -1) and not found.metrics and found.failed.empty


def brief(plate: str, **metrics: float) -> PlateOverview:
    return PlateOverview(plate, metrics, pd.DataFrame(), 1, 1)


def test_strips_are_of_metrics_that_differ_in_the_order_of_the_registry():
    plates = [brief(f"P{number}", qc_slope=60 + number, wells_read=384, count_mean=40 - number) for number in range(9)]
    strips = metric_strips(plates, {"replicate_match": {"P0": 0.4, "P1": float("nan"), "P2": 0.5}})
    assert [strip.metric for strip in strips] == ["count_mean", "qc_slope", "replicate_match"]
    assert list(strips[2].names) == ["P0", "P2"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_outliers_are_far_from_the_median(values):
    median, far = outliers(np.array(values))
    assert median == pytest.approx(np.median(values))
    spread = 1.4826 * np.median(np.abs(np.array(values) - median))
    expected = {place for place, value in enumerate(values) if abs(value - median) > FAR * spread > 0}
    assert set(far.tolist()) == (expected if len(values) >= 8 else set())
    distances = [abs(values[place] - median) for place in far]
    assert distances == sorted(distances, reverse=True)
