"""cmapPy's client of clue.io's API against our server, unchanged; jobs and their archives as cluequery reads them."""

import io
import json
import tarfile
import time

import numpy as np
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.io.matrix.formats import read_matrix

pytest.importorskip("requests")
from cmapPy.clue_api_client import cell_queries, clue_api_client, gene_queries, pert_queries

from .test_app import serving


@pytest.fixture(scope="module")
def site(toy_index):
    with serving(ConnectivityIndex.open(toy_index)) as address:
        yield address


@pytest.fixture(scope="module")
def clue(site):
    return clue_api_client.ClueApiClient(base_url=f"{site}/api", user_key="any key")


def test_client_of_cmappy_works_unchanged(clue, open_index):
    assert cell_queries.is_cell_line_in_api(clue, "A375") and not cell_queries.is_cell_line_in_api(clue, "NIX")
    symbols = open_index.genes["symbol"].tolist()[:3]
    assert gene_queries.are_genes_in_api(clue, [*symbols, "NIX_1"]) == set(symbols)
    names = pert_queries.retrieve_pert_id_pert_iname_map(["BRD-K003", "BRD-K004"], clue)
    assert names == {"BRD-K003": "drug-3", "BRD-K004": "drug-4"}
    assert pert_queries.retrieve_pert_id_pert_type_map(["BRD-K003"], clue) == {"BRD-K003": "trt_cp"}


def test_a_base_address_may_end_in_a_slash(site):
    clue = clue_api_client.ClueApiClient(base_url=f"{site}/api/")
    assert cell_queries.is_cell_line_in_api(clue, "A375")


def test_filters_of_the_client(clue, site, open_index):
    import requests

    info = open_index.siginfo
    where = {"and": [{"cell_id": "MCF7"}, {"tas": {"gte": 0.5}}, {"pert_iname": {"like": "drug-1"}}]}
    found = clue.run_filter_query("sigs", {"where": where, "fields": ["sig_id", "tas"], "order": "tas DESC"})
    keep = (info["cell_id"] == "MCF7") & (info["tas"] >= 0.5) & info["pert_iname"].astype(str).str.contains("drug-1")
    expected = info[keep].sort_values("tas", ascending=False, kind="stable")["sig_id"].astype(str).tolist()
    assert [row["sig_id"] for row in found] == expected and set(found[0]) == {"sig_id", "tas"}
    assert clue.run_count_query("sigs", where) == {"count": len(expected)}
    assert clue.run_count_query("sigs", {}) == {"count": len(info)}
    counted = requests.get(f"{site}/api/sigs/count", params={"filter": json.dumps({"where": where})}, timeout=60)
    assert counted.json() == {"count": len(expected)}
    part = clue.run_filter_query("sigs", {"where": where, "order": ["tas DESC"], "limit": 2, "skip": 1})
    assert [row["sig_id"] for row in part] == expected[1:3]
    (pert,) = clue.run_filter_query("perts", {"where": {"pert_iname": "drug-3"}})
    assert pert["pert_id"] == "BRD-K003" and pert["cell_id"] == ["MCF7"] and pert["num_sig"] > 3


def test_what_the_index_does_not_know_has_a_reason(site, clue):
    import requests

    for name, words in (("profiles", "had no distil_id"), ("rep_drugs", "no annotation of drugs")):
        response = requests.get(f"{site}/api/{name}", params={"filter": "{}"}, timeout=60)
        assert response.status_code == 404 and words in response.json()["words"]
    bad = requests.get(f"{site}/api/perts", params={"filter": "{x"}, timeout=60)
    assert bad.status_code == 400 and bad.json()["field"] == "filter"


def finished(site, key):
    import requests

    end = time.monotonic() + 120
    while time.monotonic() < end:
        job = requests.get(f"{site}/api/jobs/findByJobId/{key}", headers={"user_key": "x"}, timeout=60).json()
        if job["status"] in ("completed", "error"):
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def test_a_job_gives_the_archive_that_cluequery_reads(site, open_index, tmp_path):
    import requests

    genes = open_index.genes["gene_id"].tolist()
    up, down = ("\t".join([f"q_{side}", "na", *own]) + "\n" for side, own in (("UP", genes[:30]), ("DN", genes[30:60])))
    sent = {"uptag-cmapfile": ("up.gmt", up), "dntag-cmapfile": ("dn.gmt", down)}
    data = {"tool_id": "sig_fastgutc_tool", "name": "my query", "data_type": "L1000", "dataset": "Touchstone",
            "ignoreWarnings": "false"}  # fmt: skip
    key = requests.post(f"{site}/api/jobs", data=data, files=sent, timeout=60).json()["result"]["job_id"]
    job = finished(site, key)
    assert job["errorMessage"] == "" and job["download_status"] == "completed" and job["params"]["name"] == "my query"
    assert job["download_url"].startswith("//127.0.0.1")
    raw = requests.get(f"http:{job['download_url']}", timeout=60).content
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    assert root.name.startswith("my_analysis.sig_fastgutc_tool.")
    gct = read_matrix(root / "matrices" / "gutc" / "ns_pert_summary.gctx")
    expected = open_index.query_many(genes[:30], genes[30:60]).perturbagens().set_index("pert_id")
    np.testing.assert_allclose(gct.values[:, 0], expected.loc[gct.rids, "ncs"], atol=1e-5)
    for name in ("ps_pert_cell", "ns_pert_cell", "ps_pert_summary", "ps_pcl_cell", "ns_pcl_summary", "ps_pcl_summary"):
        assert (root / "matrices" / "gutc" / f"{name}.gctx").is_file()


@pytest.mark.parametrize(
    ("data", "up", "words"),
    [
        ({"tool_id": "sig_slice_tool"}, "a\tna\tPSME1\n", "tool_id 'sig_slice_tool': there are sig_gutc_tool"),
        ({"tool_id": "sig_gutc_tool"}, None, "uptag-cmapfile: gene sets are missing"),
        ({"tool_id": "sig_gutc_tool"}, "a\tna\tFOO1\tFOO2\tFOO3\n", "is in the index"),
        (
            {"tool_id": "sig_gutc_tool"},
            "".join(f"s{i}\tna\tPSME1\tATF1\tTP53\n" for i in range(26)),
            "26 queries; 25 at a",
        ),
    ],
)
def test_jobs_that_are_refused(site, data, up, words):
    import requests

    files = {} if up is None else {"uptag-cmapfile": ("up.gmt", up)}
    response = requests.post(f"{site}/api/jobs", data=data, files=files or {"name": ("x", "")}, timeout=60)
    assert 400 <= response.status_code < 500 and words in response.json()["words"]


def test_what_is_cut_or_left_out_is_said(site, open_index):
    import requests

    def get(path, **params):
        return requests.get(f"{site}/api/{path}", params=params, timeout=60)

    cut = get("sigs", filter=json.dumps({"limit": 10, "skip": 5, "fields": ["sig_id", "pert_vehicle"]}))
    assert len(cut.json()) == 10 and cut.headers["X-Total-Count"] == "150"
    assert cut.headers["X-Notes"] == "not in this index: pert_vehicle; rows 6 to 15 of 150, by limit and skip"
    beyond = get("sigs", filter=json.dumps({"skip": 500}))
    assert beyond.json() == [] and beyond.headers["X-Notes"] == "no row of 150, by limit and skip"
    whole = get("cells", filter="{}")
    assert whole.headers["X-Total-Count"] == str(len(whole.json())) and "X-Notes" not in whole.headers
    for path, params in (
        ("sigs", {"filter": json.dumps({"where": {"pert_inam": "drug-3"}})}),
        ("sigs/count", {"where": json.dumps({"pert_inam": "drug-3"})}),
        ("sigs/count", {"where[pert_inam]": "drug-3"}), ("sigs/findOne", {"filter[where][pert_inam]": "drug-3"}),
        ("perts", {"filter[where][pert_inam]": "drug-3"}),
    ):  # fmt: skip
        wrong = get(path, **params)
        assert wrong.status_code == 400 and "did you mean 'pert_iname'" in wrong.json()["words"], path
    pcls = get("pcls")
    assert pcls.status_code == 404 and "no mechanisms and targets" in pcls.json()["words"]


def test_records_have_ids_and_are_found_by_them(site, open_index):
    import requests

    sig_id = str(open_index.siginfo["sig_id"][4])
    gene = open_index.store.gene_ids[7]
    for kind, key, field in (("sigs", sig_id, "sig_id"), ("perts", "BRD-K003", "pert_id"), ("cells", "A375", "cell_id"),
                             ("genes", gene, "entrez_id")):  # fmt: skip
        found = requests.get(f"{site}/api/{kind}/{key}", headers={"user_key": "any"}, timeout=60).json()
        assert found["id"] == found[field] == key
        listed = requests.get(f"{site}/api/{kind}/", params={"filter[where][id]": key}, timeout=60).json()
        assert listed == [found], "also with a slash behind, as slinky asks"
        card = requests.get(f"{site}/api/{kind}/{key}", timeout=60).json()
        assert "facts" in card and "id" in card, "without a key it is a card of our own"
    missing = requests.get(f"{site}/api/perts/nix?user_key=any", timeout=60)
    assert missing.status_code == 404 and missing.json()["words"] == "none of the perts has the id 'nix'"


def test_genes_of_signatures_are_given_where_they_are_asked_for(clue, open_index):
    found = clue.run_filter_query("sigs", {"fields": ["sig_id", "up50_lm", "dn100_full"], "limit": 3, "skip": 2})
    for row in found:
        z = open_index.signature(row["sig_id"])
        assert set(row) == {"sig_id", "up50_lm", "dn100_full"} and len(row["up50_lm"]) == 50
        assert row["dn100_full"] == z.sort_values(kind="stable").index[:100].tolist()
    assert set(clue.run_filter_query("sigs", {"limit": 1})[0]).isdisjoint({"up50_lm", "up100_bing"})


def test_other_calls_of_cmappys_client(clue, site, open_index):
    genes = "\t".join(open_index.genes["gene_id"].tolist()[:30])
    job = clue.run_post("jobs", {"tool_id": "sig_queryl1k_tool", "name": "mine", "uptag-cmapfile": f"TAG\tna\t{genes}"})
    key = job["result"]["job_id"]
    assert finished(site, key)["tool_id"] == "sig_queryl1k_tool"
    assert clue.run_delete("jobs", key) is True
    for call in (
        lambda: clue.run_delete("jobs", key),
        lambda: clue.run_put("perts", "BRD-K003", {"pert_iname": "x"}),
        lambda: clue.run_post("perts", {"pert_iname": "x"}),
        lambda: clue.run_count_query("macchiato", {"brew_prefix": "x"}),
        lambda: clue.run_filter_query("perts", {"where": {"pert_inam": "x"}}),
    ):
        with pytest.raises(AssertionError, match="request failed response"):
            call()
    import requests

    put = requests.put(f"{site}/api/perts/x", json={}, timeout=60)
    assert (
        put.status_code == 405 and "PUT cannot be used at /api/perts/x; the index is only read" in put.json()["words"]
    )
    assert (
        "there is nothing at this address; /openapi.json names"
        in requests.get(f"{site}/api/macchiato", timeout=60).json()["words"]
    )


def test_jobs_may_be_sent_as_json(site, open_index, tmp_path):
    import requests

    genes = "\t".join(open_index.genes["gene_id"].tolist()[:30])
    sent = {"tool_id": "sig_gutc_tool", "data_type": "L1000", "dataset": "Touchstone", "ignoreWarnings": True,
            "name": "as text", "uptag-cmapfile": f"TAG\tna\t{genes}"}  # fmt: skip
    key = requests.post(f"{site}/api/jobs", json=sent, timeout=60).json()["result"]["job_id"]
    job = finished(site, key)
    assert (
        job["params"]["ignoreWarnings"] == "true" and requests.get(f"{site}/api/jobs/{key}", timeout=60).json() == job
    )
    assert key in {one["job_id"] for one in requests.get(f"{site}/api/jobs", timeout=60).json()}
    for wrong, words in (
        ({"up-cmapfile": "TAG\tna\tPSME1"}, "there is no field 'up-cmapfile'; did you mean 'uptag-cmapfile'"),
        ({"uptag-cmapfile": ["PSME1"]}, "uptag-cmapfile: a text is needed; gene sets are the lines of a GMT"),
        ([], "request: is no JSON object"),
    ):
        response = requests.post(f"{site}/api/jobs", json=wrong, timeout=60)
        assert response.status_code == 400 and words in response.json()["words"]
