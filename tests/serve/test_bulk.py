"""Many signatures at once, and names with any letters in them: every way to them gives the same."""

import csv
import io
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.model.matrix import Matrix

from .conftest import client_of

ODD = ["drug one", "x/y", "50%", "a,b", "a#b", "a?b=c&d", '"q"', "é~ü µM", "a+b", "[x]", "a;b", "a'b", "<b>",
       "..", "a\\b", "{n}", "a|b"]  # fmt: skip


@pytest.fixture(scope="module")
def index(toy_files, tmp_path_factory):
    """Index whose first signatures have odd ids, and perturbagens odd names."""
    folder = tmp_path_factory.mktemp("odd")
    info = pd.read_csv(toy_files[1], sep="\t")
    matrix = read_matrix(toy_files[0])
    names = dict(zip(info["sig_id"].head(len(ODD)), (f"P_A:{one}:1" for one in ODD), strict=True))
    info.loc[: len(ODD) - 1, "pert_iname"] = ODD
    info["sig_id"] = info["sig_id"].replace(names)
    info.to_csv(folder / "siginfo.tsv", sep="\t", index=False)
    ids = pd.Index([names.get(one, one) for one in matrix.cids], dtype=object)
    write_matrix(Matrix(matrix.values, matrix.rows, pd.DataFrame(index=ids)), folder / "modz.gctx")
    ConnectivityIndex.build(folder / "index", folder / "modz.gctx", folder / "siginfo.tsv")
    return ConnectivityIndex.open(folder / "index")


@pytest.fixture(scope="module")
def api(index):
    with client_of(index) as found:
        yield found


def test_values_are_the_same_in_every_format(api, index):
    ids = [f"P_A:{one}:1" for one in ODD]
    wanted = {"sig_ids": ids, "genes": ["PSME1", "ATF1"]}
    rows = index.genes.set_index("symbol").index.get_indexer(["PSME1", "ATF1"])
    expected = np.stack([index.signature(one).to_numpy()[rows] for one in ids])
    found = api.post("/api/sigs/values", json=wanted).json()
    assert found["sig_ids"] == ids and found["symbols"] == ["PSME1", "ATF1"]
    np.testing.assert_allclose(found["values"], expected, rtol=1e-6)
    text = api.post("/api/sigs/values", json=wanted, headers={"Accept": "text/csv"}).text
    table = pd.read_csv(io.StringIO(text))
    assert table.columns[2:].tolist() == ids
    np.testing.assert_allclose(table[ids].to_numpy().T, expected, rtol=1e-5)
    raw = api.post("/api/sigs/values", json=wanted, headers={"Accept": "application/vnd.apache.arrow.stream"}).content
    arrow = pa.ipc.open_stream(raw).read_all()
    assert arrow.column_names[2:] == ids
    np.testing.assert_allclose(arrow.select(ids).to_pandas().to_numpy().T, expected)


@pytest.mark.parametrize("name", ODD)
def test_a_name_with_any_letters_is_found(api, name):
    sig_id = f"P_A:{name}:1"
    path = quote(sig_id, safe="")
    assert api.get(f"/api/sigs/{path}").json()["id"] == sig_id
    assert api.get(f"/api/sigs/{path}/neighbours").json()["sig_id"] == sig_id
    assert api.get(f"/sig/{path}.json").json()["id"] == sig_id and api.get(f"/sig/{path}.tsv").status_code == 200
    (record,) = api.get("/api/sigs", params={"filter[where][pert_iname]": name}).json()
    assert record["sig_id"] == sig_id and api.get(f"/api/sigs/{path}?user_key=k").json() == record
    listed = api.get("/api/sigs", params={"f": f"pert_iname:{name}", "fields": "sig_id"}).json()
    if "|" not in name:  # which says several values
        assert listed["rows"] == [[sig_id]]
    holds = api.get("/api/sigs", params={"f": f"pert_iname~{name}", "fields": "sig_id"}).json()
    assert [sig_id] in holds["rows"]


@pytest.mark.parametrize("kind", ["sigs", "perts", "genes", "cells"])
@pytest.mark.parametrize("view", [{}, {"text": "3"}, {"sort": "-FIRST"}])
def test_all_pages_are_the_file(api, kind, view):
    columns = api.get(f"/api/{kind}?limit=1").json()["columns"]
    view = {name: item.replace("FIRST", columns[0]) for name, item in view.items()}
    rows, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/api/{kind}", params={**view, "limit": 499 if kind == "genes" else 7, "cursor": cursor}).json()
        rows, cursor = rows + page["rows"], page["next"]
    assert len(rows) == page["total"] > 0
    whole = api.get(f"/api/{kind}.json", params=view).json()
    assert (whole["columns"], whole["rows"]) == (page["columns"], rows)
    text = api.get(f"/api/{kind}.tsv", params=view).text
    lines = list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert lines[0] == page["columns"] and [line[0] for line in lines[1:]] == [str(row[0]) for row in rows]
    arrow = pa.ipc.open_stream(api.get(f"/api/{kind}.arrow", params=view).content).read_all()
    assert arrow.column_names == page["columns"] and arrow.column(0).to_pylist() == [row[0] for row in rows]
