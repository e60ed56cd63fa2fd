"""Answers of states of the index that are not open any more: what was kept is read as before, the rest is refused."""

import shutil
import sqlite3

import pytest

from beadwork.api import ConnectivityIndex
from beadwork.serve.store import Store

from .conftest import wait

testclient = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")

QUESTIONS = {"all": {}, "one cell": {"where": ["cell_id=A375"]}, "one compound less": {"where": ["pert_iname!=drug-1"]},
             "strong": {"where": ["tas>=0.3", "pert_dose>=2"]}}  # fmt: skip
KEPT = [
    *(f"/{table}" for table in ("perts", "cells", "classes", "genes", "sigs")),
    "/perts?sort=-ncs&f=n_cells>=1", "/sigs?text=mcf7&sort=-tas&limit=7", "/scores?fields=ncs,tau",
    "/heat?rows=9&cluster=true", "/heat?cols=pert_idose", "/export?as=tsv&table=perts", "/sigs.json",
    "/export?as=gct&table=sigs", "/export?as=gmt", "/repurposing",
    "/beside",
]  # fmt: skip
OF_THE_INDEX = [
    "/enrichment?sig=TOY001_A375_24H:A01",
    "/view/page",
    "/export?as=html",
    "/export?as=zip",
    "/scores?fields=es_up",
]


@pytest.fixture(scope="module")
def reopened(tmp_path_factory, toy_files, open_index, planted):
    """Answers as they were while their state was open, and a client of another state with the same store."""
    from beadwork.serve.app import create_app

    folder = tmp_path_factory.mktemp("closed")
    app = create_app(open_index, hosts=["127.0.0.1"], store=Store(folder / "answers.sqlite"))
    before, ids = {}, {}
    with testclient.TestClient(app, base_url="http://127.0.0.1") as client:
        for name, more in QUESTIONS.items():
            ids[name] = wait(client, client.post("/api/queries", json={**planted, **more}).json())["id"]
            for path in KEPT:
                answer = client.get(f"/api/queries/{ids[name]}{path}")
                before[name, path] = answer.status_code, answer.content
    ConnectivityIndex.build(folder / "other", *toy_files, background=60)
    other = ConnectivityIndex.open(folder / "other")
    app = create_app(other, hosts=["127.0.0.1"], store=Store(folder / "answers.sqlite"))
    with testclient.TestClient(app, base_url="http://127.0.0.1") as client:
        yield client, before, ids, folder


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_was_kept_is_as_it_was(reopened, question):
    client, before, ids, _ = reopened
    assert client.get(f"/api/queries/{ids[question]}").json()["older"]
    for path in KEPT:
        answer = client.get(f"/api/queries/{ids[question]}{path}")
        assert (answer.status_code, answer.content) == before[question, path], path
        assert answer.status_code == 200, (path, answer.text)
    assert '"strip"' in client.get(f"/api/queries/{ids[question]}/perts").text


@pytest.mark.parametrize("path", OF_THE_INDEX)
def test_what_needs_the_index_is_refused(reopened, path):
    client, _, ids, _ = reopened
    answer = client.get(f"/api/queries/{ids['all']}{path}")
    assert answer.status_code == 410 and answer.json()["code"] == "older_state"
    assert "needs the index as it was; tables and scores of the answer can still be read; ask again" in answer.text


def test_places_of_a_plot_are_those_of_its_state(reopened):
    client, _, ids, _ = reopened
    found = client.post(f"/api/queries/{ids['all']}/places", json={"places": [0, 149]}).json()
    assert found["total"] == 2 and found["rows"][0][0].startswith("TOY001")


def test_signatures_that_are_not_kept_are_said_to_be(reopened, tmp_path):
    """A store of an earlier version has none."""
    from beadwork.serve.app import create_app

    client, _, ids, folder = reopened
    copy = tmp_path / "answers.sqlite"
    with sqlite3.connect(folder / "answers.sqlite") as base, sqlite3.connect(copy) as target:
        base.backup(target)
        target.execute("delete from state")
    base.close()
    target.close()
    shutil.copytree(folder / "answers.sqlite.columns", tmp_path / "answers.sqlite.columns")
    app = create_app(client.app.state.service.states.current.index, hosts=["127.0.0.1"], store=Store(copy))
    with testclient.TestClient(app, base_url="http://127.0.0.1") as other:
        perts = other.get(f"/api/queries/{ids['all']}/perts").json()
        answer = other.get(f"/api/queries/{ids['all']}/sigs")
    assert perts["total"] == 12 and "strip" not in perts["columns"]
    assert answer.status_code == 410 and "the signatures of that state are not kept; ask again" in answer.text
