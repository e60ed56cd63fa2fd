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
