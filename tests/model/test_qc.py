"""QC rows: tidy, with registered metrics only."""

import pandas as pd
import pytest

from beadwork.model.fields import FIELDS, field_kind
from beadwork.model.qc import COLUMNS, METRICS, RENAMED, Metric, current_names, join_qc, qc_rows, register_metrics


def test_rows_of_an_earlier_version_get_the_names_of_today():
    old = pd.DataFrame({"metric": ["moved", "tas"], "value": [1.0, 2.0]})
    assert current_names(old)["metric"].tolist() == ["perturbation", "tas"]
    assert set(RENAMED.values()) <= set(METRICS)
    assert not set(RENAMED) & set(METRICS)


def test_rows_pass_within_their_bounds():
    rows = qc_rows("normalize", "qc_slope", {"P:A01": 60.0, "P:A02": 45.0, "P:A03": 44.9, "P:A04": None}, lower=45)
    assert rows.columns.tolist() == COLUMNS
    assert rows["pass"].tolist() == [True, True, False, False]
    assert rows["lower"].tolist() == [45] * 4
    rows = qc_rows("normalize", "qc_iqr", pd.Series({"a": 5.0, "b": 12.0}), lower=5, upper=10)
    assert rows["pass"].tolist() == [True, False]


def test_text_rows_say_themselves_whether_they_pass():
    rows = qc_rows("deconvolve", "well_unusable", {"A01": "empty"}, passed=False)
    assert (rows["value"].item(), rows["pass"].item()) == ("empty", False)
    assert qc_rows("deconvolve", "well_unusable", {"A01": "note"})["pass"].item()
    assert qc_rows("x", "wells_read", {"a": 1, "b": 2}, passed=[True, False])["pass"].tolist() == [True, False]


def test_joining():
    one = qc_rows("deconvolve", "wells_read", {"P": 384})
    none = qc_rows("deconvolve", "well_unusable", {})
    assert join_qc([one, none, one])["entity"].tolist() == ["P", "P"]
    assert join_qc([none]).columns.tolist() == COLUMNS
    assert join_qc([]).empty


def test_metrics_are_registered_once():
    with pytest.raises(AssertionError, match="metric invented is not registered"):
        qc_rows("x", "invented", {"a": 1})
    register_metrics(METRICS["qc_slope"])
    with pytest.raises(AssertionError, match="registered twice"):
        register_metrics(Metric("qc_slope", "radians", "another"))


def test_registries_explain_themselves():
    for metric in METRICS.values():
        assert metric.name and metric.unit and metric.doc
    for name, field in FIELDS.items():
        assert field.name == name
        assert field.kind in (str, float, int)
        assert 1 <= field.level <= 5
        assert field.doc
    assert field_kind("pert_dose") is float
    assert field_kind("whatever") is None
