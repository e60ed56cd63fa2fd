"""Many questions at once: asked a few at a time, kept as a list, answered as a matrix."""

import threading
import time

import numpy as np
import pytest

from beadwork.api.index.asking.library_files import tau_within

from .conftest import client_of

testclient = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")


def until(client, key, running=False):
    end = time.monotonic() + 120
    while (state := client.get(f"/api/batches/{key}").json())["running"] != running:
        assert time.monotonic() < end, state
        time.sleep(0.02)
    return state


def ask(client, name, questions):
    response = client.post("/api/batches", json={"name": name, "questions": questions})
    assert response.status_code == 202, response.text
    return until(client, response.json()["id"])


@pytest.fixture(scope="module")
def questions(open_index):
    genes = open_index.genes["symbol"].tolist()
    return [{"name": f"disease {n}", "up": genes[n * 20 : n * 20 + 20], "down": genes[200 + n * 20 : 220 + n * 20]}
            for n in range(5)]  # fmt: skip


@pytest.fixture(scope="module")
def library(client, questions):
    return ask(client, "library", questions)


def test_each_question_is_answered_as_it_would_be_alone(client, library, questions):
    assert library["done"] == library["of"] == 5 and [item["status"] for item in library["members"]] == ["done"] * 5
    page = client.get(f"/api/batches/{library['id']}/perts?limit=500").json()
    assert page["total"] > 5 and page["state"]
    rows = [dict(zip(page["columns"], row, strict=True)) for row in page["rows"]]
    for member in library["members"]:
        table = client.get(f"/api/queries/{member['id']}/perts?limit=500&fields=pert_iname,pert_type,ncs").json()
        alone = {(name, kind): ncs for name, kind, ncs in table["rows"]}
        assert {(row["pert_iname"], row["pert_type"]): row[member["column"]] for row in rows} == alone
        ordered = [name for name, _, ncs in table["rows"] if ncs is not None]
        assert [row["pert_iname"] for row in member["resembles"]][:1] == ordered[:1]
        assert [row["pert_iname"] for row in member["opposes"]][:1] == ordered[-1:]
    names = [f"q{n}" for n in range(1, 6)]
    values = np.array([[row[name] for name in names] for row in rows], float)
    assert [row["lowest"] for row in rows] == values.min(axis=1).tolist()
    assert [row["lowest_in"] for row in rows] == [names[place] for place in values.argmin(axis=1)]
    assert (np.diff(values.min(axis=1)) >= 0).all(), "what opposes most comes first"
    assert np.allclose([row["mean"] for row in rows], values.mean(axis=1), atol=1e-6)


def test_the_matrix_is_sorted_filtered_and_paged(client, library):
    base = f"/api/batches/{library['id']}/perts"
    page = client.get(f"{base}?sort=-q3&f=pert_type:trt_cp&limit=4").json()
    place = page["columns"].index("q3")
    scores = [row[place] for row in page["rows"]]
    assert len(scores) == 4 and scores == sorted(scores, reverse=True) and page["next"]
    assert client.get(f"{base}?score=nix").status_code == 422
    assert client.get(f"{base}?sort=q9").json()["words"].startswith("there is no column 'q9'")
    few = client.get(f"{base}?score=tau_own")
    assert few.status_code == 422 and "needs more than 50 answers; there are 5" in few.json()["words"]
    empty = client.get(f"{base}?f=pert_type:nix").json()
    assert empty["total"] == 0 and empty["reason"] == "no row passes the filters"


@pytest.mark.parametrize("score", ["median_ncs", "tau"])
def test_other_scores(client, library, score):
    page = client.get(f"/api/batches/{library['id']}/perts?score={score}&limit=500").json()
    member = library["members"][1]
    table = client.get(f"/api/queries/{member['id']}/perts?limit=500&fields=pert_iname,{score}").json()
    known = {name: value for name, value in table["rows"] if value is not None}
    names, column = page["columns"].index("pert_iname"), page["columns"].index(member["column"])
    assert {row[names]: row[column] for row in page["rows"] if row[column] is not None} == known


def test_tau_within_the_library(client, open_index, questions):
    from beadwork.serve.library.matrix import answer_matrix

    service = client.app.state.service
    answers = [(f"q{place}", service.answers.find(item["id"]))
               for place, item in enumerate(ask(client, "own", questions)["members"], start=1)]  # fmt: skip
    many = [(f"q{place}", answers[place % 5][1]) for place in range(55)]
    own, ncs = answer_matrix(many, "perts", "tau_own"), answer_matrix(many, "perts", "ncs")
    frames = [table.arrow.to_pandas().set_index(["pert_iname", "pert_type"]) for table in (own, ncs)]
    columns = [name for name, _ in many]
    expected = tau_within(frames[1][columns].to_numpy(np.float32))
    assert np.array_equal(frames[0].loc[frames[1].index, columns].to_numpy(np.float32), expected, equal_nan=True)


def test_what_cannot_be_asked_is_said_and_the_others_are_answered(client, questions):
    state = ask(client, "mixed", [questions[0], {"name": "no genes", "up": ["FOO", "BAR"]}, questions[1]])
    refused = state["members"][1]
    assert state["done"] == 2 and refused["status"] == "refused" and refused["id"] == "" and "FOO" in refused["message"]
    none = client.post("/api/batches", json={"questions": [{"name": "x", "up": ["FOO"]}]})
    assert none.status_code == 422 and "the question cannot be asked: " in none.json()["words"]
    assert client.post("/api/batches", json={"questions": []}).status_code == 422
    assert client.post("/api/batches", json={"questions": [questions[0]] * 201}).status_code == 422


def test_lists_are_kept_and_deleted_and_their_answers_stay(client, questions):
    state = ask(client, "to go", questions[:2])
    row = next(row for row in client.get("/api/batches").json()["rows"] if row["id"] == state["id"])
    assert (row["name"], row["done"], row["of"], row["running"]) == ("to go", 2, 2, False)
    assert client.delete(f"/api/batches/{state['id']}").json() == {"deleted": 1}
    gone = client.get(f"/api/batches/{state['id']}")
    assert gone.status_code == 404 and "no such list of questions" in gone.json()["words"]
    assert client.get(f"/api/queries/{state['members'][0]['id']}").json()["status"] == "done"


def test_cancel_and_ask_the_rest(open_index, questions, tmp_path):
    from beadwork.serve.app import create_app
    from beadwork.serve.store import Store

    go, answer = threading.Event(), open_index.answer

    class Held:
        def __getattr__(self, name):
            return getattr(open_index, name)

        def __len__(self):
            return len(open_index)

        def answer(self, *args, **kwargs):
            go.wait(120)
            return answer(*args, **kwargs)

    app = create_app(Held(), hosts=["127.0.0.1"], store=Store(tmp_path / "kept.sqlite"))
    with testclient.TestClient(app, base_url="http://127.0.0.1") as client:
        key = client.post("/api/batches", json={"name": "held", "questions": questions}).json()["id"]
        assert client.get(f"/api/batches/{key}").json()["running"]
        client.post(f"/api/batches/{key}/cancel")
        go.set()
        state = until(client, key)
        assert state["done"] == 0 and {item["status"] for item in state["members"]} <= {"cancelled", "not asked"}
        assert client.get(f"/api/batches/{key}/perts").status_code == 404
        assert client.post(f"/api/batches/{key}/again").status_code == 202
        assert until(client, key)["done"] == 5
    later = create_app(open_index, hosts=["127.0.0.1"], store=Store(tmp_path / "kept.sqlite"))
    with testclient.TestClient(later, base_url="http://127.0.0.1") as client:
        assert client.get(f"/api/batches/{key}").json()["done"] == 5, "another server reads the same file"


def test_background_beside_a_perturbagen_is_its_own(toy_files, tmp_path):
    import pandas as pd

    from beadwork.api import ConnectivityIndex

    info = pd.read_csv(toy_files[1], sep="\t")
    drugs = np.flatnonzero(info["pert_iname"] != "DMSO")[::3]
    for field in ("pert_iname", "pert_id"):
        info.loc[drugs, field] = [f"single-{number:03d}" for number in range(len(drugs))]
    info.to_csv(tmp_path / "siginfo.tsv", sep="\t", index=False)
    ConnectivityIndex.build(tmp_path / "index", toy_files[0], tmp_path / "siginfo.tsv")
    index = ConnectivityIndex.open(tmp_path / "index")
    genes = index.genes["symbol"].tolist()
    with client_of(index) as client:
        state = ask(client, "one", [{"name": "one", "up": genes[:20], "down": genes[20:40]}])
        base = f"/api/queries/{state['members'][0]['id']}"
        rows = client.get(f"{base}/perts?limit=500&fields=pert_iname,n_signatures,ncs,tau").json()["rows"]
        checked = {1: 0, 2: 0}
        for name, size, ncs, tau in rows[::4]:
            if tau is None or ncs == 0:
                continue
            behind = client.get(f"{base}/beside", params={"pert": name}).json()["background"]
            assert 100 * behind["below"] / behind["n"] == pytest.approx(abs(tau), abs=1e-3), name
            checked[min(size, 2)] += 1
        assert checked[1] > 3 and checked[2] > 0, "both of one signature and of several"


def test_reasons_of_what_was_refused_outlive_the_server(open_index, questions, tmp_path):
    from beadwork.serve.app import create_app
    from beadwork.serve.store import Store

    def client_of():
        app = create_app(open_index, hosts=["127.0.0.1"], store=Store(tmp_path / "kept.sqlite"))
        return testclient.TestClient(app, base_url="http://127.0.0.1")

    with client_of() as client:
        before = ask(client, "mixed", [{"name": "no genes", "up": ["FOO", "BAR"]}, questions[0], {"like": "nix"}])
        assert [item["status"] for item in before["members"]] == ["refused", "done", "refused"]
    with client_of() as later:
        after = later.get(f"/api/batches/{before['id']}").json()
        assert after["members"] == before["members"]
        assert "FOO" in after["members"][0]["message"] and "nix" in after["members"][2]["message"]
        again = later.post(f"/api/batches/{before['id']}/again").json()
        assert [item["message"] for item in again["members"]] == [item["message"] for item in before["members"]]
        later.delete(f"/api/batches/{before['id']}")
        base = later.app.state.service.store._base
        assert base.execute("select count(*) from refused_question").fetchone()[0] == 0


def test_a_store_of_before_reasons_were_kept_is_read(open_index, questions, tmp_path):
    import sqlite3

    from beadwork.serve.store import KeptBatch, Store

    path = tmp_path / "kept.sqlite"
    Store(path).put_batch(KeptBatch("old", "old", [{"up": ["FOO"]}], [""], {0: "lost"}))
    with sqlite3.connect(path) as base:
        base.execute("drop table refused_question")
    base.close()
    found = Store(path).find_batch("old")
    assert found.ids == [""] and found.reasons == {}
