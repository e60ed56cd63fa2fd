"""What programs written for clue.io say and hear: refusals, records, jobs, and our own lists beside them."""

import gc
import io
import json
import tarfile
import time
import weakref

import pandas as pd
import pytest

from beadwork.api import ConnectivityIndex

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from beadwork.serve.clue.jobs import ClueJobs
from beadwork.serve.lookup.states import IndexState

from .conftest import client_of


@pytest.fixture(scope="module")
def index(toy_files, tmp_path_factory):
    """Index with mechanisms and annotation of drugs."""
    folder = tmp_path_factory.mktemp("annotated")
    info = pd.read_csv(toy_files[1], sep="\t")
    number = pd.to_numeric(info["pert_iname"].str.removeprefix("drug-"), errors="coerce")
    info["moa"] = ["HDAC inhibitor|other" if one < 3 else "kinase inhibitor" if one < 6 else "" for one in number]
    info["target"] = ["HDAC1|HDAC2" if one < 3 else "" for one in number]
    info["is_gold"] = ["TRUE" if one % 2 else "FALSE" for one in range(len(info))]
    info.to_csv(folder / "siginfo.tsv", sep="\t", index=False)
    ConnectivityIndex.build(folder / "index", toy_files[0], folder / "siginfo.tsv")
    return ConnectivityIndex.open(folder / "index")


@pytest.fixture(scope="module")
def api(index):
    with client_of(index) as found:
        yield found


def search(api, name, **wanted):
    response = api.get(f"/api/{name}", params={"filter": json.dumps(wanted)})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/sigs/count?where[pert_inam]=x&user_key=k", 400, "there is no field 'pert_inam'"),
        ("/api/sigs?filter={x", 400, "filter: is not JSON"),
        ("/api/sigs?filter={}&filter[limit]=2", 400, "filter is given twice"),
        ("/api/profiles?user_key=k", 404, "its siginfo had no distil_id"),
        ("/api/perts/nix?user_key=k", 404, "none of the perts has the id 'nix'"),
        ("/api/perts/findOne?filter[where][pert_iname]=nix", 404, "none of the perts passes the filter"),
        ("/api/macchiato?user_key=k", 404, "there is nothing at this address"),
        ("/api/sigs?x=1", 422, "there is no parameter 'x'"),
        ("/api/sigs?limit=x", 422, "limit"),
        ("/api/jobs/findByJobId/nix", 404, "no such job"),
    ],
)
def test_refusals_are_said_as_loopback_does_too(api, path, status, words):
    response = api.get(path)
    found = response.json()
    assert response.status_code == status and words in found["words"]
    assert found["error"] == {"statusCode": status, "name": "Error", "message": found["words"]}, "slinky looks for it"


def test_refusals_of_the_guard_are_said_alike(index):
    with client_of(index, token="secret") as client:
        for found in (client.get("/api/sigs/count"), client.get("/api/sigs/count", headers={"Host": "elsewhere"}),
                      client.post("/api/jobs", headers={"Origin": "http://elsewhere"})):  # fmt: skip
            error = found.json()["error"]
            assert found.status_code in (400, 401, 403) and error["statusCode"] == found.status_code
            assert error["message"] == found.json()["words"]
        assert client.get("/api/sigs/count", headers={"user_key": "secret"}).json() == {"count": 150}


def test_brackets_and_json_find_the_same(api, index):
    gold = int((index.siginfo["is_gold"] == 1).sum())
    for query in ("filter[where][is_gold]=true", "filter[where][is_gold]=1", "filter[where][is_gold]=TRUE",
                  'filter={"where": {"is_gold": true}}', 'filter={"where": {"is_gold": "true"}}',
                  "filter[where][is_gold][inq][]=true", "filter[where][is_gold][neq]=false"):  # fmt: skip
        assert len(api.get(f"/api/sigs?{query}").json()) == gold > 0, query
    assert len(search(api, "sigs", where={"is_gold": False})) == len(index) - gold
    without = api.get("/api/sigs?filter[where][moa]=null").json()
    assert without == search(api, "sigs", where={"moa": None}) and all("moa" not in row for row in without)
    low_high = "filter[where][tas][between][1]=0.9&filter[where][tas][between][0]=0.1"
    assert api.get(f"/api/sigs?{low_high}").json() == search(api, "sigs", where={"tas": {"between": [0.1, 0.9]}}) != []
    ordered = api.get("/api/sigs?filter[order]=cell_id,tas DESC&filter[fields][]=sig_id").json()
    assert ordered == search(api, "sigs", order=["cell_id ASC", "tas DESC"], fields=["sig_id"])


def test_lists_of_a_drug_match_by_their_members(api):
    hdac = {row["pert_iname"] for row in search(api, "perts", where={"moa": "HDAC inhibitor"})}
    assert hdac == {"drug-0", "drug-1", "drug-2"}
    for where in ({"moa": {"inq": ["HDAC inhibitor", "nix"]}}, {"target": {"like": "HDAC[12]"}},
                  {"target": {"regexp": "^HDAC2$"}}, {"moa": {"like": "hdac", "options": "i"}},
                  {"and": [{"moa": {"exists": True}}, {"moa": {"neq": "kinase inhibitor"}}]}):  # fmt: skip
        assert {row["pert_iname"] for row in search(api, "perts", where=where)} == hdac, where


def test_one_record_takes_fields_and_include(api, index):
    sig_id = str(index.siginfo["sig_id"][4])
    for query in ("filter[fields][0]=sig_id&filter[fields][1]=tas", 'filter={"fields": {"sig_id": true, "tas": true}}'):
        assert set(api.get(f"/api/sigs/{sig_id}?{query}").json()) == {"sig_id", "tas"}
    drug = api.get('/api/rep_drugs/drug-1?filter={"include": ["rep_drug_moas", "rep_drug_targets"]}').json()
    assert [item["name"] for item in drug["rep_drug_moas"]] == ["HDAC inhibitor", "other"]
    assert [item["name"] for item in drug["rep_drug_targets"]] == ["HDAC1", "HDAC2"]
    for wanted in ({"where": {"tas": 1}}, {"limit": 1}, {"skip": 1}, {"order": "tas"}):
        refused = api.get(f"/api/sigs/{sig_id}", params={"filter": json.dumps(wanted)})
        assert refused.status_code == 400 and "of one record it takes fields and include" in refused.json()["words"]
    scope = api.get('/api/rep_drugs?filter={"include": {"relation": "rep_drug_moas", "scope": {"limit": 1}}}')
    assert scope.status_code == 400 and "include takes relation alone, without scope" in scope.json()["words"]


def test_a_key_does_not_make_parameters_of_ours_void(api):
    whole = api.get("/api/sigs?limit=3&sort=-tas").json()
    for given in ({"params": {"user_key": "k", "limit": 3, "sort": "-tas"}},
                  {"params": {"limit": 3, "sort": "-tas"}, "headers": {"user_key": "k"}}):  # fmt: skip
        assert api.get("/api/sigs", **given).json() == whole, "it is a list of ours with a key"
    assert isinstance(api.get("/api/sigs?user_key=k").json(), list)
    both = api.get('/api/sigs?filter={"limit": 3}&sort=-tas')
    assert both.status_code == 400 and "sort beside a filter: write it into the filter" in both.json()["words"]
    classes = api.get('/api/classes?filter={"where": {"class": "x"}}')
    assert classes.status_code == 400 and "classes take f=FIELD:VALUE; clue.io's classes are /api/pcls" in classes.text


def finished(api, key):
    state = api.get(f"/api/jobs/findByJobId/{key}").json()
    while state["status"] not in ("completed", "error"):
        time.sleep(0.02)
        state = api.get(f"/api/jobs/findByJobId/{key}").json()
    return state


def test_what_a_job_did_with_its_sets_is_said(api, index, tmp_path):
    genes = index.genes["gene_id"].tolist()
    sets = (("TAG", [*genes[:20], "NOGENE1"]), ("TAG", genes[20:40]))
    up = "".join("\t".join([name, "", *own]) + "\r\n" for name, own in sets)
    job = api.post("/api/jobs", data={"tool_id": "sig_queryl1k_tool", "name": "n" * 300, "uptag-cmapfile": up}).json()
    state = finished(api, job["result"]["job_id"])
    assert state["errorMessage"] == "" and state["params"]["name"] == "n" * 300
    assert any("TAG" in note for note in state["notes"]), "two sets of one name: one line says what became of them"
    assert any("NOGENE1" in note for note in state["notes"]), "and a gene that is none"
    with tarfile.open(fileobj=io.BytesIO(api.get(state["download_url"].partition("127.0.0.1")[2]).content)) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers()}
    assert {"ncs.gct", "arfs/TAG/query_result.gct", "arfs/index.txt", "matrices/query/cs.gctx"} <= names
    assert not any(name.startswith("matrices/gutc") for name in names)
    for name, file in (("β / ../x?y", "x-y.tar.gz"), ("µ", "job.tar.gz"), ("a b", "a-b.tar.gz")):
        job = api.post("/api/jobs", data={"tool_id": "sig_queryl1k_tool", "name": name, "uptag-cmapfile": up}).json()
        state = finished(api, job["result"]["job_id"])
        assert state["params"]["name"] == name and state["download_url"].endswith(f"/{file}"), (
            "R takes it as an address"
        )
    refused = api.post("/api/jobs", data={"name": "n" * 301, "uptag-cmapfile": up})
    assert refused.status_code == 400 and "name: has 301 letters; 300 at most" in refused.json()["words"]


def test_archives_go_with_the_server(index):
    genes = index.genes["gene_id"].tolist()
    jobs = ClueJobs()
    sets = ("up.gmt", ("TAG\tna\t" + "\t".join(genes[:20])).encode())
    job = jobs.submit(IndexState(index), "sig_queryl1k_tool", "mine", sets, None, {})
    while job.archive is None:
        assert job.status != "error", job.error
        time.sleep(0.02)
    folder = job.archive.parent
    assert folder.is_dir()
    end = weakref.ref(jobs)
    del jobs
    while end() is not None:  # its thread leaves it a moment after the archive is there
        gc.collect()
        time.sleep(0.02)
    assert not folder.exists()
