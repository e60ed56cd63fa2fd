"""Questions and their answers: ids, pages, filters, order, strips, files, heat maps, enrichment."""

import base64
import io
import itertools
import json
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def rows_of(client, url, **parameters):
    response = client.get(url, params=parameters)
    assert response.status_code == 200, response.text
    found = response.json()
    return pd.DataFrame(found["rows"], columns=found["columns"]), found


def test_one_question_of_one_state_is_one_answer(client, ask, planted, answer):
    again = client.post("/api/queries", json=planted).json()
    assert again["id"] == answer["id"] and again["status"] == "done"
    assert ask({**planted, "name": "other"})["id"] != answer["id"]
    assert answer["question"]["up"] == planted["up"] and not answer["older"]


def test_how_sure_comes_with_reasons(ask, answer, open_index):
    assert answer["verdict"] == "treat as a hint"
    assert any("12 perturbagens are compared, fewer than 20" in item["words"] for item in answer["how_sure"])
    genes = open_index.genes["gene_id"].tolist()
    few = ask({"up": genes[:2], "min_set": 1})
    assert few["verdict"] == "do not rank" and "2 genes are used" in few["how_sure"][0]["words"]
    same = ask({"up": genes[:20], "down": genes[:20]})
    assert same["verdict"] == "do not rank" and "both up and down" in same["how_sure"][0]["words"]
    assert any("one set only" in item["words"] for item in ask({"up": genes[:20]})["how_sure"])


def test_perturbagens_carry_the_strip_of_all_their_signatures(client, answer, open_index, planted):
    rows, found = rows_of(client, f"/api/queries/{answer['id']}/perts", limit=500)
    expected = open_index.query(up=planted["up"], down=planted["down"])
    limit = found["strip"]["high"]
    for _, row in rows.iterrows():
        ncs = expected.loc[expected["pert_iname"] == row["pert_iname"], "ncs"].to_numpy()
        counts, _ = np.histogram(ncs, 64, (-limit, limit))
        assert row["strip"] == counts.tolist() and sum(row["strip"]) == row["n_signatures"]
        assert row["n_positive"] == (ncs > 0).sum() and row["n_negative"] == (ncs < 0).sum()
        assert row["q25"] == pytest.approx(np.percentile(ncs, 25), abs=1e-5)


@pytest.mark.parametrize("table", ["perts", "classes", "genes", "cells", "sigs"])
def test_tables_in_pages_are_the_whole_table(client, answer, table):
    whole, found = rows_of(client, f"/api/queries/{answer['id']}/{table}", limit=500)
    assert found["state"] == answer["state"] and found["total"] == len(whole)
    parts, cursor = [], ""
    for _ in range(100):
        part, page = rows_of(client, f"/api/queries/{answer['id']}/{table}", limit=7, cursor=cursor)
        parts.append(part)
        cursor = page["next"]
        if cursor is None:
            break
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True).astype(object), whole.astype(object))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 60),
    sort=st.sampled_from(["", "ncs", "-ncs", "-tas", "pert_iname,-ncs", "cell_id,rank"]),
    cell=st.sampled_from(["", "cell_id:A375", "cell_id:A375|MCF7", "tas>=0.5", "pert_iname~drug-1"]),
)
def test_any_page_size_order_and_filter(client, answer, open_index, planted, limit, sort, cell):
    url, parameters = f"/api/queries/{answer['id']}/sigs", {"limit": limit, "sort": sort, "f": cell}
    seen, cursor = [], ""
    for _ in itertools.count():
        part, page = rows_of(client, url, **parameters, cursor=cursor)
        seen += part["sig_id"].tolist()
        cursor = page["next"]
        if cursor is None:
            break
    table = open_index.query(up=planted["up"], down=planted["down"])
    table["cell_id"], table["pert_iname"] = table["cell_id"].astype(str), table["pert_iname"].astype(str)
    keep = {
        "": slice(None),
        "cell_id:A375": table["cell_id"] == "A375",
        "cell_id:A375|MCF7": slice(None),
        "tas>=0.5": table["tas"] >= 0.5,
        "pert_iname~drug-1": table["pert_iname"].str.contains("drug-1"),
    }[cell]
    table = table[keep]
    names = [name for name in sort.split(",") if name]
    if names:
        ascending = [not name.startswith("-") for name in names]
        table = table.sort_values([name.lstrip("-") for name in names], ascending=ascending, kind="stable")
    assert seen == table["sig_id"].tolist()


def test_a_long_signature_is_not_sent_with_every_state_but_can_be_asked_again(client, ask, open_index):
    z = open_index.signature(str(open_index.siginfo["sig_id"].iloc[7]))
    values = {str(gene): float(value) for gene, value in z.items()}
    values |= {str(990_000_000 + number): 0.5 for number in range(1500)}
    state = ask({"signature": values, "where": ["cell_id=MCF7"]})
    assert state["question"] == {"name": "query", "where": ["cell_id=MCF7"], "signature_size": 2478}
    assert client.post("/api/queries", json={"again": state["id"]}).json()["id"] == state["id"]
    assert client.post("/api/queries", json={"again": "nix"}).status_code == 404


def test_no_table_is_empty_without_a_reason(client, answer):
    base = f"/api/queries/{answer['id']}"
    assert "`beadwork index annotate` joins them" in client.get(f"{base}/classes").json()["reason"]
    assert "no gene was lost or gained" in client.get(f"{base}/genes").json()["reason"]
    assert client.get(f"{base}/sigs?text=nothing-like-it").json()["reason"] == "no row passes the filters"
    assert client.get(f"{base}/perts").json()["reason"] is None


def test_a_cursor_of_other_rows_is_refused(client, answer):
    url = f"/api/queries/{answer['id']}/sigs"
    cursor = client.get(url, params={"limit": 5}).json()["next"]
    response = client.get(url, params={"limit": 5, "cursor": cursor, "sort": "-ncs"})
    assert response.status_code == 409 and response.json()["code"] == "stale_cursor"
    assert client.get(url, params={"cursor": "nonsense"}).json()["field"] == "cursor"


@pytest.mark.parametrize(
    ("parameters", "field", "words"),
    [
        ({"sort": "nix"}, "sort", "no column 'nix'; there are rank, "),
        ({"f": "nix:1"}, "f", "these rows have no nix"),
        ({"f": "tas>=much"}, "f", "'much' is no number"),
        ({"f": "tas"}, "f", "field=value, field!=value or field>=number is needed"),
        ({"fields": "sig_id,nix"}, "fields", "no column 'nix'"),
    ],
)
def test_refusals_name_their_field(client, answer, parameters, field, words):
    response = client.get(f"/api/queries/{answer['id']}/sigs", params=parameters)
    body = response.json()
    assert response.status_code == 422 and body["field"] == field and words in body["words"] == body["detail"]


def test_files_have_the_rows_of_the_screen(client, answer):
    base, view = f"/api/queries/{answer['id']}", {"f": "cell_id:MCF7", "sort": "-tas"}
    screen, _ = rows_of(client, f"{base}/sigs", limit=500, **view)
    response = client.get(f"{base}/export", params={"as": "tsv", "table": "sigs", **view})
    assert 'filename="planted_signatures_cell_id-MCF7_by-tas.tsv"' in response.headers["content-disposition"]
    table = pd.read_csv(io.StringIO(response.text), sep="\t")
    assert table["sig_id"].tolist() == screen["sig_id"].tolist()
    as_json = client.get(f"{base}/sigs.json", params=view).json()
    assert [row[as_json["columns"].index("sig_id")] for row in as_json["rows"]] == screen["sig_id"].tolist()
    assert client.get(f"{base}/sigs.tsv", params=view).text == response.text


def test_gct_gmt_html_and_zip(client, answer, planted, tmp_path):
    from beadwork.io.matrix.formats import read_matrix

    base = f"/api/queries/{answer['id']}/export"
    (tmp_path / "a.gct").write_text(client.get(base, params={"as": "gct", "table": "perts"}).text)
    matrix = read_matrix(tmp_path / "a.gct")
    screen, _ = rows_of(client, f"/api/queries/{answer['id']}/perts", limit=500)
    assert list(matrix.rids) == screen["pert_iname"].tolist()
    np.testing.assert_allclose(matrix.values[:, 0], screen["ncs"], atol=1e-5)
    up, down = client.get(base, params={"as": "gmt"}).text.strip().split("\n")
    assert up.startswith("planted_UP\t") and down.count("\t") == 31
    page = client.get(base, params={"as": "html"})
    assert "<svg" in page.text and "sandbox" in page.headers["content-security-policy"]
    packed = client.get(base, params={"as": "zip"}).content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert set(archive.namelist()) == {
            "index.html", "question.json", "perts.tsv", "classes.tsv", "genes.tsv", "cells.tsv", "sigs.tsv"
        }  # fmt: skip
        assert json.loads(archive.read("question.json"))["question"]["up"] == planted["up"]
    assert client.get(base, params={"as": "zip"}).content == packed


def test_a_gct_of_what_is_shown(client, answer, tmp_path):
    from beadwork.io.matrix.formats import read_matrix

    base = f"/api/queries/{answer['id']}"
    view = {"f": "cell_id:MCF7", "sort": "-ncs"}
    screen, _ = rows_of(client, f"{base}/sigs", limit=500, **view)
    asked = {"as": "gct", "table": "sigs", "fields": "pert_iname,ncs,tas,sig_id", **view}
    (tmp_path / "a.gct").write_text(client.get(f"{base}/export", params=asked).text)
    matrix = read_matrix(tmp_path / "a.gct")
    assert list(matrix.rids) == screen["sig_id"].tolist() and list(matrix.cids) == ["ncs", "tas"]
    assert matrix.rows["pert_iname"].tolist() == screen["pert_iname"].tolist()
    np.testing.assert_allclose(matrix.values, screen[["ncs", "tas"]].to_numpy(float), atol=1e-5)
    (tmp_path / "b.gct").write_text(client.get("/api/sigs.gct", params={"f": "cell_id:MCF7"}).text)
    listed = read_matrix(tmp_path / "b.gct")
    assert sorted(listed.rids) == sorted(matrix.rids) and "tas" in listed.cids
    text = client.get("/api/sigs.tsv", params={"words": True, "fields": "tas"}).text
    assert text.startswith("# tas: transcriptional")


def test_a_gmt_of_the_signatures_shown(client, answer, open_index):
    base = f"/api/queries/{answer['id']}"
    view = {"f": "cell_id:MCF7", "sort": "-tas"}
    screen, _ = rows_of(client, f"{base}/sigs", limit=500, **view)
    lines = client.get(f"{base}/export", params={"as": "gmt", "table": "sigs", "top": 7, **view}).text.splitlines()
    names = [line.split("\t")[0] for line in lines]
    assert names == [f"{key}_{side}" for key in screen["sig_id"] for side in ("UP", "DN")]
    assert all(len(line.split("\t")) == 9 for line in lines)
    one = client.get("/api/signature", params={"sig_id": screen["sig_id"][0], "top": 7}).json()
    assert lines[0].split("\t")[2:] == [gene["symbol"] for gene in one["up"]]
    assert lines[1].split("\t")[2:] == [gene["symbol"] for gene in one["down"]]
    refused = client.get(f"{base}/export", params={"as": "gmt", "table": "perts", "top": 7})
    assert refused.status_code == 422 and "sets of genes are of signatures" in refused.json()["words"]


def test_what_a_score_is_read_against(client, answer, open_index):
    base = f"/api/queries/{answer['id']}"
    screen, _ = rows_of(client, f"{base}/sigs", limit=1)
    row = screen.iloc[0]
    found = client.get(f"{base}/beside", params={"sig": row["sig_id"]}).json()
    assert found["score"] == pytest.approx(row["ncs"], rel=1e-6) and found["tau"] == pytest.approx(row["tau"], abs=1e-3)
    back = found["background"]
    assert sum(back["counts"]) == back["n"] and abs(found["tau"]) == pytest.approx(100 * back["below"] / back["n"])
    assert sum(found["null"]) == found["n_null"] and sum(found["treated"]) == found["n_treated"]
    assert found["n_null"] == sum(open_index.siginfo["pert_type"] == "ctl_vehicle")
    pert, _ = rows_of(client, f"{base}/perts", limit=1)
    own = client.get(f"{base}/beside", params={"pert": pert["pert_iname"][0]}).json()
    assert own["score"] == pytest.approx(pert["ncs"][0], rel=1e-6)
    assert abs(own["tau"]) == pytest.approx(100 * own["background"]["below"] / own["background"]["n"], abs=1e-3)
    assert client.get(f"{base}/beside").json()["score"] is None
    assert client.get(f"{base}/beside", params={"sig": "nosuch"}).status_code == 404
    refused = client.get(f"{base}/beside", params={"pert": "nosuch"})
    assert refused.status_code == 404 and "this answer has no perturbagen 'nosuch'" in refused.json()["words"]


def test_scores_as_binary_columns(client, answer, open_index, planted):
    url = f"/api/queries/{answer['id']}/scores"
    response = client.get(url, params={"fields": "ncs,es_up,es_down,wtcs"})
    values = np.frombuffer(response.content, "<f4").reshape(4, -1)
    assert response.headers["x-columns"] == "ncs,es_up,es_down,wtcs" and values.shape[1] == len(open_index)
    expected = open_index.query(up=planted["up"], down=planted["down"]).set_index("sig_id")
    order = open_index.siginfo["sig_id"].astype(str)
    np.testing.assert_allclose(values[0], expected.loc[order, "ncs"], atol=1e-6)
    both = np.sign(values[1]) != np.sign(values[2])
    np.testing.assert_allclose(np.where(both, (values[1] - values[2]) / 2, 0), values[3], atol=1e-6)
    arrow = client.get(url, params={"fields": "tau"}, headers={"Accept": "application/vnd.apache.arrow.stream"})
    table = pa.ipc.open_stream(arrow.content).read_all()
    assert table.column_names == ["tau"] and table.num_rows == len(open_index)


@pytest.mark.parametrize("cols", ["cell_id", "pert_idose"])
def test_heat_map(client, answer, cols, open_index, planted):
    found = client.get(f"/api/queries/{answer['id']}/heat", params={"cols": cols, "cluster": True}).json()
    shape = len(found["row_ids"]), len(found["col_ids"])
    values = np.frombuffer(base64.b64decode(found["values"]), "<f4").reshape(shape)
    counts = np.frombuffer(base64.b64decode(found["n"]), "<u2").reshape(shape)
    assert sorted(found["order"]["rows"]) == list(range(shape[0]))
    assert sorted(found["order"]["cols"]) == list(range(shape[1]))
    table = open_index.query(up=planted["up"], down=planted["down"])
    from beadwork.kernels.connectivity.max_quantile import max_quantile

    for (row, name), (col, value) in itertools.product(enumerate(found["row_ids"]), enumerate(found["col_ids"])):
        own = table[(table["pert_iname"] == name) & (table[cols].astype(str) == value)]["ncs"].to_numpy()
        assert counts[row, col] == len(own)
        if len(own):
            assert values[row, col] == pytest.approx(max_quantile(own), abs=1e-5)
        else:
            assert np.isnan(values[row, col])


def test_enrichment_of_one_signature(client, answer, open_index):
    sig_id = str(open_index.siginfo["sig_id"].iloc[0])
    found = client.get(f"/api/queries/{answer['id']}/enrichment", params={"sig": sig_id}).json()
    assert len(found["up"]["hits"]) == 30 and len(found["up"]["x"]) <= 2000
    peak = found["up"]["y"][int(np.argmax(np.abs(found["up"]["y"])))]
    assert peak == pytest.approx(found["up"]["es"], abs=1e-4)
    assert [hit["rank"] for hit in found["up"]["hits"]] == sorted(hit["rank"] for hit in found["up"]["hits"])


def test_like_and_reverse(client, ask, open_index, answer, planted):
    sig_id = str(open_index.siginfo["sig_id"].iloc[2])
    state = ask({"like": sig_id})
    top, _ = rows_of(client, f"/api/queries/{state['id']}/sigs", limit=1)
    assert state["name"] == sig_id and top["sig_id"][0] == sig_id
    turned = ask({**planted, "direction": "reverse"})
    one, _ = rows_of(client, f"/api/queries/{answer['id']}/sigs", limit=500, sort="sig_id")
    two, _ = rows_of(client, f"/api/queries/{turned['id']}/sigs", limit=500, sort="sig_id")
    np.testing.assert_allclose(one["wtcs"], -two["wtcs"], atol=1e-6)
    assert client.post("/api/queries", json={"like": "nix"}).json()["field"] == "like"


def test_a_question_that_waits_or_runs_can_be_cancelled(toy_index, planted):
    import threading

    from beadwork.api import ConnectivityIndex
    from beadwork.serve.app import create_app

    from .conftest import wait

    testclient = pytest.importorskip("fastapi.testclient")
    index, go = ConnectivityIndex.open(toy_index), threading.Event()
    answer = index.answer
    index.answer = lambda *args, **kwargs: (go.wait(20), answer(*args, **kwargs))[1]
    app = create_app(index, hosts=["127.0.0.1"], root_path="/l1000")
    with testclient.TestClient(app, base_url="http://127.0.0.1") as client:
        workers = app.state.service.jobs.workers
        states = [client.post("/api/queries", json={**planted, "name": f"{n}"}).json() for n in range(workers + 2)]
        assert states[0]["state_url"] == f"/l1000/api/queries/{states[0]['id']}"
        url = [f"/api/queries/{state['id']}" for state in states]
        assert client.get(f"/l1000{url[0]}").json()["id"] == states[0]["id"], "a proxy may leave the prefix on"
        assert "/l1000/" in client.get("/").text
        assert [client.get(one).json()["place"] for one in url[-2:]] == [1, 2]
        stopped = client.delete(url[-2]).json()
        assert stopped["phase"] == "cancelled" and client.get(url[-1]).json()["place"] == 1
        client.delete(url[0])
        go.set()
        assert wait(client, {"status": "running", "state_url": url[-1]})["status"] == "done"
        assert wait(client, {"status": "running", "state_url": url[0]})["status"] == "cancelled"
        refused = client.get(f"{url[0]}/perts")
        assert refused.status_code == 422 and refused.json()["code"] == "cancelled"
        again = client.post("/api/queries", json={**planted, "name": "0"}).json()
        assert wait(client, {**again, "state_url": url[0]})["status"] == "done", "it can be asked again"


def test_addresses_of_the_page_give_the_same_rows_as_files(client, answer):
    key = answer["id"]
    assert (
        client.get(f"/q/{key}/perts.tsv?sort=-tau").text == client.get(f"/api/queries/{key}/perts.tsv?sort=-tau").text
    )
    assert client.get(f"/q/{key}.json").json()["counts"] == answer["counts"]
    assert client.get("/pert/drug-3.json").json() == client.get("/api/perts/drug-3").json()
    assert client.get("/history.json").json()["total"] >= 1 and client.get("/about.json").json()["version"]
    assert client.get(f"/q/{key}/perts").headers["content-type"].startswith("text/html")
    assert client.get("/pert/no such thing.json").status_code == 404


def test_an_answer_that_is_known_is_not_sent_again(client, answer):
    url = f"/api/queries/{answer['id']}/perts"
    first = client.get(url)
    assert client.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    assert client.get(f"{url}?limit=3", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_a_batch_is_asked_as_a_whole_or_not_at_all(client, open_index, planted):
    genes = open_index.genes["gene_id"].tolist()
    questions = [planted, {"name": "second", "up": genes[60:90]}, {"name": "third", "like": "drug-3"}]
    response = client.post("/api/queries/batch", json={"questions": questions})
    assert response.status_code == 202
    states = response.json()["queries"]
    assert [state["name"] for state in states] == ["planted", "second", "third"]
    for state, question in zip(states, questions, strict=True):
        while state["status"] in ("waiting", "running"):
            state = client.get(f"{state['state_url']}?wait=5").json()
        assert state["status"] == "done"
        assert client.post("/api/queries", json=question).json()["id"] == state["id"]
    before = client.get("/api/history").json()["total"]
    wrong = client.post("/api/queries/batch", json={"questions": [{"up": genes[:9]}, {"name": "bad", "up": ["FOO1"]}]})
    assert wrong.status_code == 422 and wrong.json()["field"] == "questions"
    assert wrong.json()["words"].startswith("question 2 (bad): ")
    assert client.get("/api/history").json()["total"] == before
    for body, words in (
        ({"questions": []}, "questions: at least 1 needed"),
        ({"question": []}, "did you mean 'questions'"),
    ):
        refused = client.post("/api/queries/batch", json=body)
        assert refused.status_code == 422 and words in refused.json()["words"]


def test_doses_and_times_of_a_table_sort_by_what_they_amount_to():
    import pyarrow as pa

    from beadwork.model.connectivity.signature_table import SignatureTable
    from beadwork.serve.answer.pages import View, rows_of

    doses, times = ["10 uM", "3.33 uM", "500 nM", None, "0.0412 uM"], ["24 h", "6 h", "6 h", "96 h", None]
    table = SignatureTable(pa.table({"pert_idose": doses, "pert_itime": times, "sig_id": list("edcba")}))
    assert rows_of(table, View(sort="pert_idose")).tolist() == [4, 2, 1, 0, 3]
    assert rows_of(table, View(sort="-pert_idose")).tolist() == [0, 1, 2, 4, 3]
    assert rows_of(table, View(sort="pert_itime,pert_idose")).tolist() == [2, 1, 0, 3, 4]
    assert rows_of(table, View(sort="sig_id")).tolist() == [4, 3, 2, 1, 0]
