"""The server's side of the page: one document for every view, under a prefix too, with the policy; nothing else."""

import re
from pathlib import Path

import pytest

from beadwork.model.errors import FileError

from ..test_app import fetch, serving

WEB = Path(__file__).parents[3] / "web" / "src"


def test_every_view_has_the_document_and_the_policy(site):
    for path in ("/", "/q/abc/perts", "/pert/a%2Fb", "/sig/X:1", "/history", "/compare?q=a,b", "/map"):
        status, headers, text = fetch(site + path)
        assert status == 200 and '<script type="module" src="/app.js">' in text, path
        assert "script-src 'self'; style-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
    assert fetch(f"{site}/nosuch")[0] == 404 and fetch(f"{site}/q2")[0] == 404
    for name in ("app.js", "style.css", "THIRD_PARTY.txt", "bundle.json"):
        assert fetch(f"{site}/{name}")[0] == 200


def test_a_prefix_stands_in_the_document(rich_index):
    with serving(rich_index, root_path="/l1000/x") as site:
        text = fetch(f"{site}/q/abc")[2]
    assert 'src="/l1000/x/app.js"' in text and 'data-prefix="/l1000/x"' in text and "{prefix}" not in text


def test_the_server_and_the_page_know_the_same_views():
    from beadwork.serve.page import VIEWS

    text = (WEB / "main.js").read_text(encoding="utf-8")
    views = re.search(r"const VIEWS = \{(.*?)\};", text, re.DOTALL)[1]
    assert set(re.findall(r"(\w+): \[", views)) == set(VIEWS)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("plates", "plate"), ("queries", "history"), ("pert", "lookup?list=perts"), ("drugs/a%20b", "pert/a%20b"),
     *((name, f"lookup?list={name}") for name in ("perts", "genes", "cells", "classes", "sigs")),
     ("perts/drug-0?q=x", "pert/drug-0?q=x"), ("sigs/X%3A1", "sig/X:1"), ("plates/P1/A01", "plate/P1/A01"),
     ("queries/abc/perts?sort=-ncs", "q/abc/perts?sort=-ncs"), ("genes?find=TP", "lookup?list=genes&find=TP")],
)  # fmt: skip
def test_addresses_in_other_words_lead_to_what_is_meant(rich_index, given, meant):
    from fastapi.testclient import TestClient

    from beadwork.serve.app import create_app

    for prefix in ("", "/l1000"):
        app = create_app(rich_index, root_path=prefix)
        with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
            response = client.get(f"{prefix}/{given}")
            assert response.status_code == 307 and response.headers["location"] == f"{prefix}/{meant}"


def test_unknown_addresses_are_404_as_a_page_or_in_json(rich_index):
    from fastapi.testclient import TestClient

    from beadwork.serve.app import create_app

    with TestClient(create_app(rich_index), base_url="http://127.0.0.1") as client:
        page = client.get("/plat/x", headers={"Accept": "text/html,*/*"})
        assert page.status_code == 404 and 'src="/app.js"' in page.text
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        for path, accept in (("/plat", "*/*"), ("/api/plat", "text/html"), ("/api", "text/html")):
            found = client.get(path, headers={"Accept": accept})
            assert found.status_code == 404 and found.json()["code"] == "not_found", path
        assert client.post("/plat", headers={"Accept": "text/html"}).status_code == 404


def test_all_columns_of_a_table_can_be_asked_for(site):
    names = ",".join(["sig_id", *(f"{name:>90}" for name in ("tas", "cell_id", "pert_iname"))]).replace(" ", "%20")
    assert len(names) > 250 and fetch(f"{site}/api/sigs.tsv?fields={names}")[0] == 200


def test_every_field_and_figure_has_words():
    from beadwork.model.fields import FIELDS
    from beadwork.model.qc import METRICS
    from beadwork.serve.answer.columns import column_words

    names = {*FIELDS, *METRICS}
    assert len(names) > 90 and names <= set(column_words())


def test_perturbagens_are_counted_alike_everywhere(site, ask, genes, rich_index):
    import json

    key = ask(name="w", up=genes[0])
    facts, answer = (json.loads(fetch(f"{site}/api/{path}")[2]) for path in ("index", f"queries/{key}"))
    listed = json.loads(fetch(f"{site}/api/perts")[2])["total"]
    assert facts["perturbagens"] == answer["counts"]["n_perturbagens"] == listed == 12, "DMSO is none of them"
    cells = json.loads(fetch(f"{site}/api/cells?fields=cell_id,n_perturbagens")[2])
    cell = json.loads(fetch(f"{site}/api/cells/A375")[2])
    assert dict(cells["rows"])["A375"] == cell["facts"]["perturbagens"] > 0
    own = [row["n_perturbagens"] for row in cell["tried"]]
    assert sum(own) == cell["facts"]["perturbagens"]
    assert next(row for row in cell["tried"] if row["pert_type"] == "ctl_vehicle")["n_perturbagens"] == 0


def test_missing_files_are_said(tmp_path):
    from fastapi import FastAPI

    from beadwork.serve.page import add_page

    with pytest.raises(FileError, match="the files of the page are not there; install beadwork anew"):
        add_page(FastAPI(), tmp_path)


def test_columns_have_words_and_stand_above_a_file(site, ask, genes):
    from beadwork.serve.answer.columns import column_words

    assert all(item["title"] and item["help"] for item in column_words().values())
    key = ask(name="w", up=genes[0])
    text = fetch(f"{site}/api/queries/{key}/export?as=tsv&table=perts&fields=pert_iname,ncs&words=true")[2]
    assert text.startswith("# question: w\n# state of the index: ") and "\n# how sure: " in text
    assert "\n# pert_iname: name of the perturbagen\n# ncs: score divided by" in text
    assert "#" not in fetch(f"{site}/api/queries/{key}/export?as=tsv&table=perts&fields=pert_iname,ncs")[2]


def test_points(site, ask, genes):
    import base64
    import json

    import numpy as np

    found = json.loads(fetch(f"{site}/api/map/field/cell_id")[2])
    tones = np.frombuffer(base64.b64decode(found["values"]), np.uint8)
    assert len(tones) == 240 and [item["n"] for item in found["legend"]] == [60] * 4 and np.bincount(tones).max() == 60
    tas = json.loads(fetch(f"{site}/api/map/field/tas")[2])
    assert tas["kind"] == "number" and len(base64.b64decode(tas["values"])) == 960
    status, _, text = fetch(f"{site}/api/map/field/nosuch")
    assert status == 404 and "the signatures of this index have no nosuch" in text
    key = ask(name="p", up=genes[0])
    rows = json.loads(fetch(f"{site}/api/queries/{key}/places", {"places": [5, 0]})[2])
    sigs = json.loads(fetch(f"{site}/api/sigs/places", {"places": [5, 0]})[2])
    place = sigs["columns"].index("sig_id")
    assert [row[place] for row in sigs["rows"]] == [row[rows["columns"].index("sig_id")] for row in rows["rows"]]
    assert sigs["rows"][1][place] == "TOY001_A375_24H:BRD-K000:0" and rows["columns"][-4:] == [
        "ncs",
        "tau",
        "fdr",
        "wtcs",
    ]
    status, _, text = fetch(f"{site}/api/sigs/places", {"places": [240]})
    assert status == 404 and "place 240: the index has 240 signatures" in text
    assert json.loads(fetch(f"{site}/api/map/find?text=drug-1+mcf7")[2])["places"]


def test_repurposing(site, ask, genes):
    import json

    key = ask(name="r", up=genes[0], down=genes[1])
    base = f"{site}/api/queries/{key}/repurposing"
    same = json.loads(fetch(f"{base}?direction=mimic&min_cells=2")[2])
    names = [row[0] for row in same["rows"]]
    assert set(names[:5]) == {f"drug-{number}" for number in range(5)} and same["columns"][-1] == "against"
    opposite = json.loads(fetch(base)[2])
    assert not set(row[0] for row in opposite["rows"][:3]) & set(names[:5])
    assert fetch(f"{base}?max_dose=0")[0] == 422


def test_a_mechanism_can_be_asked_with(site, rich_index):
    import json

    from ..test_app import ask as asked

    state = asked(site, {"name": "like it", "like": "Planted Inhibitor"})
    assert any("like mechanism Planted Inhibitor: mean of its 5 perturbagens" in note for note in state["notes"])
    rows = json.loads(fetch(f"{site}/api/queries/{state['id']}/perts?limit=5")[2])
    names = {row[rows["columns"].index("pert_iname")] for row in rows["rows"]}
    assert names == {f"drug-{number}" for number in range(5)}
    status, _, text = fetch(f"{site}/api/queries", {"like": "nosuch"})
    assert status == 404 and "no signature of that id, and the index has no " in text
