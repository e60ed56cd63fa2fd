"""Mechanisms, targets and genes behind an answer, of an index that knows them; rep_ collections and pcls of clue.io."""

import json

import numpy as np
import pandas as pd
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.api.index.asking.explain import explain_scores

from .conftest import client_of, wait

testclient = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")


@pytest.fixture(scope="module")
def index(toy_files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("moa")
    info = pd.read_csv(toy_files[1], sep="\t")
    number = pd.to_numeric(info["pert_iname"].str.removeprefix("drug-"), errors="coerce")
    info["moa"] = np.where(number < 5, "HDAC inhibitor|other", np.where(number < 9, "kinase / agonist", None))
    info["target"] = np.where(number < 5, "HDAC1|HDAC2", np.where(number < 8, "EGFR", None))
    info["clinical_phase"] = np.where(number < 3, "Launched", None)
    info["distil_id"] = [f"P{n % 3}:A{n % 24 + 1:02d}|Q{n % 3}:A{n % 24 + 1:02d}" for n in range(len(info))]
    info.to_csv(folder / "siginfo.tsv", sep="\t", index=False)
    ConnectivityIndex.build(folder / "index", toy_files[0], folder / "siginfo.tsv")
    return ConnectivityIndex.open(folder / "index")


@pytest.fixture(scope="module")
def site(index):
    with client_of(index) as found:
        yield found


@pytest.fixture(scope="module")
def key(site, planted):
    return wait(site, site.post("/api/queries", json=planted).json())["id"]


def table(site, url):
    found = site.get(url).json()
    return pd.DataFrame(found["rows"], columns=found["columns"])


def test_classes_have_both_scores_and_what_leads_them(site, key, index, planted):
    rows = table(site, f"/api/queries/{key}/classes?limit=500").set_index(["kind", "class"])
    result = index.query_many(planted["up"], planted["down"])
    names = ["pert_iname", "pert_id", "pert_type", "cell_id", "moa", "target"]
    expected = explain_scores("q", index.siginfo[names].astype(object), result.values("ncs")[0]).classes
    for row in expected.itertuples():
        own = rows.loc[(row.kind, row[2])]
        assert own["z"] == pytest.approx(row.z, rel=1e-5) and own["fdr"] == pytest.approx(row.fdr, rel=1e-5)
        assert own["leading"] == row.leading
    rolled = result.roll_up()[2]
    by_name = dict(zip(rolled.table["class"], rolled.ncs[0], strict=True))
    for name, score in by_name.items():
        assert rows.loc[("mechanism", name), "ncs"] == pytest.approx(score, abs=1e-5)
    assert rows.index[0][1] in ("HDAC inhibitor", "other", "HDAC1", "HDAC2") and rows["z"].is_monotonic_decreasing
    assert rows.loc[("target", "EGFR"), "n_perturbagens"] == 3 and np.isnan(rows.loc[("target", "EGFR"), "ncs"])


def test_classes_that_are_listed_can_be_looked_up(site):
    hits = site.get("/api/search", params={"q": "kinase / ago"}).json()["hits"]
    assert hits[0]["kind"] == "class" and hits[0]["id"] == "kinase / agonist"
    card = site.get("/api/classes/kinase%20%2F%20agonist").json()
    assert card["facts"]["members"] == 4 and len(card["members"]) == 4
    assert site.get("/class/kinase%20%2F%20agonist.json").json() == card


def test_filters_find_one_of_several_values(site, key):
    rows = table(site, f"/api/queries/{key}/perts?f=moa:other&limit=50")
    assert sorted(rows["pert_iname"]) == [f"drug-{number}" for number in range(5)]
    rows = table(site, f"/api/queries/{key}/perts?f=moa~kinase&f=target:EGFR&limit=50")
    assert sorted(rows["pert_iname"]) == ["drug-5", "drug-6", "drug-7"]


def clue(site, name, **wanted):
    response = site.get(f"/api/{name}", params={"filter": json.dumps(wanted)})
    assert response.status_code == 200, response.text
    return response.json()


def test_collections_of_drugs_classes_and_wells(site):
    drugs = clue(site, "rep_drugs", where={"final_status": "Launched"}, include=["rep_drug_moas", "rep_drug_targets"])
    assert [row["pert_iname"] for row in drugs] == ["drug-0", "drug-1", "drug-2"]
    assert {item["name"] for item in drugs[0]["rep_drug_moas"]} == {"HDAC inhibitor", "other"}
    assert len(clue(site, "rep_drug_targets", where={"name": "EGFR"})) == 3
    refused = site.get("/api/rep_drugs", params={"filter": '{"include": "nix"}'})
    assert refused.status_code == 400 and "include 'nix' is not known here; rep_drug_moas, " in refused.json()["words"]
    (pcl,) = clue(site, "pcls", where={"pcl_id": "CP_HDAC_INHIBITOR"})
    assert pcl["members"] == [f"drug-{number}" for number in range(5)] and pcl["num_perts"] == 5
    plates = clue(site, "plates", order="det_plate")
    assert [row["det_plate"] for row in plates] == ["P0", "P1", "P2", "Q0", "Q1", "Q2"]
    wells = clue(site, "profiles", where={"det_plate": "P0", "det_well": "A01"}, fields=["distil_id", "sig_id"])
    assert wells and all(set(row) == {"distil_id", "sig_id"} for row in wells)
    one = site.get("/api/perts/findOne", params={"filter": '{"where": {"moa": "other"}, "order": "pert_id"}'}).json()
    assert one["pert_iname"] == "drug-0" and one["moa"] == ["HDAC inhibitor", "other"]
