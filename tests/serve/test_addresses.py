"""Any address of the page with ``.json`` or ``.tsv`` behind it gives the rows of the view, never the page itself."""

import csv
import io
from urllib.parse import quote

import pyarrow as pa
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from beadwork.serve.page import VIEWS

from .conftest import wait


@pytest.fixture(scope="module")
def second(ask, open_index):
    return ask({"name": "second", "up": open_index.genes["gene_id"].tolist()[60:90]})


@pytest.fixture(scope="module")
def library(client, planted, second):
    genes = planted["up"]
    sent = {"name": "two", "questions": [planted, {"name": "other", "up": genes[:15], "down": genes[15:]}]}
    batch = client.post("/api/batches", json=sent).json()
    for member in batch["members"]:
        wait(client, {"status": "running", "state_url": f"/api/queries/{member['id']}"})
    return batch["id"]


@pytest.fixture(scope="module")
def addresses(answer, second, library):
    """An address of every view."""
    key = answer["id"]
    return {
        "q": [f"/q/{key}", *(f"/q/{key}/{view}" for view in ("perts", "cells", "sigs", "heat", "scatter"))],
        "pert": ["/pert/drug-3"], "gene": ["/gene/PSME1"], "cell": ["/cell/A375"], "class": [], "plate": [],
        "sig": [f"/sig/{quote('TOY001_A375_24H:BRD-K000:0')}"], "lookup": ["/lookup", "/lookup?list=genes"],
        "map": ["/map"], "repurposing": [f"/repurposing?q={key}&cells=1"],
        "library": ["/library", f"/library/{library}"],
        "compare": [f"/compare?q={key},{second['id']}"], "history": ["/history"], "about": ["/about"],
    }  # fmt: skip


def read(response):
    return list(csv.reader(io.StringIO(response.text), delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_view_has_its_rows(client, addresses):
    assert set(addresses) == set(VIEWS), "a view without rows for programs"
    for address in [one for some in addresses.values() for one in some]:
        path, _, query = address.partition("?")
        for ending, media in (("json", "application/json"), ("tsv", "text/tab-separated-values")):
            response = client.get(f"{path}.{ending}?{query}")
            assert response.status_code == 200, (address, ending, response.text)
            assert response.headers["content-type"].startswith(media), (address, ending)
        rows = read(response)
        assert len(rows) > 1 and {len(row) for row in rows} == {len(rows[0])}, address


def test_addresses_without_rows_are_no_pages(client, answer):
    for view in VIEWS:
        for ending in ("json", "tsv"):
            for path in (f"/{view}/no such thing/at all.{ending}", f"/{view}/no-such-name.{ending}"):
                response = client.get(path)
                assert response.status_code in (404, 422) and response.json()["words"], path
    assert client.get(f"/q/{answer['id']}/nix.tsv").status_code == 422
    plates = client.get("/plate.tsv")
    assert plates.status_code == 404 and "start with --results FOLDER of the run" in plates.json()["words"]


def test_parameters_of_the_page_choose_the_same_rows(client, answer):
    key = answer["id"]
    whole = client.get(f"/api/queries/{key}/sigs?text=drug-3&f=cell_id:MCF7&sort=-tau&limit=500").json()
    address = f"/q/{key}/scatter?find=drug-3&f=cell_id:MCF7&sort=-tau&row=x&colour=tas&tab=1".replace("?", ".{}?")
    found = client.get(address.format("json")).json()
    assert found["rows"] == whole["rows"] != [] and found["columns"] == whole["columns"]
    assert [row[1] for row in read(client.get(address.format("tsv")))[1:]] == [row[1] for row in whole["rows"]]
    wrong = client.get(f"/q/{key}/perts.tsv?limt=3")
    assert wrong.status_code == 422 and "there is no parameter 'limt'; did you mean 'limit'" in wrong.json()["words"]
    assert read(client.get("/lookup.tsv?list=genes&find=psme"))[0][0] == "symbol"
    assert "list: 'nix' is none of perts" in client.get("/lookup.tsv?list=nix").json()["words"]


def test_tables_of_a_card(client):
    card = client.get("/pert/drug-3.json").json()
    rows = read(client.get("/pert/drug-3.tsv"))
    assert [row[0] for row in rows[1:]] == [row["sig_id"] for row in card["signatures"]], "the first table of the card"
    doses = read(client.get("/pert/drug-3.tsv?table=doses"))
    assert doses[0] == list(card["doses"][0]) and len(doses) == len(card["doses"]) + 1
    facts = dict(read(client.get("/pert/drug-3.tsv?table=facts"))[1:])
    assert facts["pert_id"] == "BRD-K003" and len(facts) == len(
        [one for one in card["facts"].values() if one is not None]
    )
    assert "table: 'nix' is none of signatures, doses" in client.get("/pert/drug-3.tsv?table=nix").json()["words"]


def test_a_comparison_and_a_matrix_as_files(client, answer, second, library):
    ids = f"{answer['id']},{second['id']}"
    found = client.post("/api/compare", json={"ids": ids.split(","), "table": "sigs", "rows": 5}).json()
    rows = read(client.get(f"/compare.tsv?q={ids}&table=sigs&rows=5"))
    assert rows[0] == found["columns"] and [row[0] for row in rows[1:]] == [row[0] for row in found["rows"]]
    assert client.get(f"/compare.json?q={ids}&table=sigs&rows=5").json() == found
    for few in ("", answer["id"], f"{answer['id']},{answer['id']}"):
        refused = client.get(f"/compare.tsv?q={few}")
        assert refused.status_code == 422 and "ids of 2 to 10 answers are needed, each once" in refused.json()["words"]
    matrix = client.get(f"/api/batches/{library}/perts?score=median_ncs&sort=-mean&limit=500").json()
    whole = client.get(f"/api/batches/{library}/perts.json?score=median_ncs&sort=-mean").json()
    assert whole["rows"] == matrix["rows"] and whole["columns"] == matrix["columns"]
    rows = read(client.get(f"/library/{library}.tsv?score=median_ncs&sort=-mean"))
    assert rows[0] == matrix["columns"] and [row[0] for row in rows[1:]] == [row[0] for row in matrix["rows"]]
    arrow = pa.ipc.open_stream(client.get(f"/api/batches/{library}/perts.arrow").content).read_all()
    assert arrow.num_rows == matrix["total"]


def test_addresses_under_a_prefix(open_index):
    from fastapi.testclient import TestClient

    from beadwork.serve.app import create_app

    app = create_app(open_index, hosts=["127.0.0.1"], root_path="/cmap")
    with TestClient(app, base_url="http://127.0.0.1", root_path="/cmap") as client:
        for path in ("/cmap/library.json", "/library.json", "/cmap/pert/drug-3.tsv", "/cmap/about.tsv"):
            assert client.get(path).status_code == 200, path
