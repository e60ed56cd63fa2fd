"""Genes while they are typed, files, search, lists, cards, values of signatures."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

testclient = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")


def test_genes_are_checked_one_by_one(client, open_index):
    symbol, entrez = open_index.genes["symbol"][0], open_index.genes["gene_id"][0]
    found = client.post("/api/genes/check", json={"text": f"{symbol}, {symbol}\nA1BG;FOOBAR9 TP54"}).json()
    verdicts = [item["verdict"] for item in found["genes"]]
    assert verdicts == ["used", "used", "not here", "unknown", "unknown"]
    assert found["genes"][0]["entrez"] == entrez and not found["genes"][0]["repeated"] and found["genes"][1]["repeated"]
    assert found["genes"][2]["entrez"] == "1" and "not among the 978 genes" in found["genes"][2]["why"]
    assert found["counts"] == {"used": 2, "not here": 1, "unknown": 2, "repeated": 1}


def test_unknown_genes_come_with_suggestions(client):
    found = client.post("/api/genes/check", json={"text": "TP54 2-Mar NOTHINGLIKEIT"}).json()["genes"]
    assert [item["verdict"] for item in found] == ["unknown"] * 3
    assert found[0]["suggest"] == ["TPM4"] and found[0]["why"] == "unknown gene; did you mean TPM4?"
    assert found[1]["suggest"] == ["MARCHF2", "MTARC2", "PEG10"] and found[2]["suggest"] == []

    text = "44805 SEP2 Trp53 PSME1|CDK1"
    found = client.post("/api/genes/check", json={"text": text}).json()["genes"]
    assert [item["suggest"] for item in found] == [["SEPTIN1", "XRN1"], ["SEPT6", "SEPT8"], ["TP53"], ["PSME1", "CDK1"]]


def test_a_table_becomes_a_question(client, ask, open_index):
    z = open_index.signature(str(open_index.siginfo["sig_id"].iloc[7]))
    text = "gene\tstat\tpvalue\n" + "".join(f"{gene}\t{value:.4f}\t0.01\n" for gene, value in z.items())
    found = client.post("/api/signature", files={"file": ("../de.tsv", text)}).json()
    assert found["kind"] == "signature" and found["file"] == "de.tsv" and found["quality"]["used"] == 978
    assert found["preview"]["up"][0]["gene"] == z.idxmax() and found["warnings"] == []
    bare = "gene\tstat\n" + "".join(f"{gene}\t{value:.4f}\n" for gene, value in list(z.items())[:300])
    few = client.post("/api/signature", files={"file": ("few.tsv", bare)}).json()
    assert any("no p-values" in words for words in few["warnings"])
    assert any("only 300 of the 978" in words for words in few["warnings"])
    state = ask({"name": "of a file", "token": found["token"]})
    top = client.get(f"/api/queries/{state['id']}/sigs?limit=1&fields=sig_id").json()["rows"][0][0]
    assert top == str(open_index.siginfo["sig_id"].iloc[7])
    assert client.post("/api/queries", json={"token": "nix"}).json()["field"] == "token"


def test_groups_of_samples_become_a_question(client, ask, open_index, tmp_path):
    anndata = pytest.importorskip("anndata", reason="the extra h5ad is not installed")
    pytest.importorskip("pylimma", reason="the extra signature is not installed")
    genes = open_index.genes["symbol"].tolist()
    rng = np.random.default_rng(1)
    values = rng.normal(8, 0.4, (10, 978)).astype(np.float32)
    values[:5, :30] += 2.0
    values[:5, 30:60] -= 2.0
    obs = pd.DataFrame({"arm": ["ill"] * 5 + ["well"] * 5}, index=[f"s{n}" for n in range(10)])
    anndata.AnnData(values, obs, pd.DataFrame(index=genes)).write_h5ad(tmp_path / "values.h5ad")
    sent = {"file": ("values.h5ad", (tmp_path / "values.h5ad").read_bytes())}
    form = {"groupby": "arm", "case": "ill", "control": "well"}
    found = client.post("/api/signature", files=sent, data=form).json()
    assert {item["gene"] for item in found["preview"]["up"]} <= set(open_index.genes["gene_id"][:30])
    assert found["queries"][0]["n_case"] == 5 and all("halves" in words for words in found["warnings"])
    state = ask({"token": found["token"]})
    top = client.get(f"/api/queries/{state['id']}/perts?limit=5&fields=pert_iname").json()["rows"]
    assert {row[0] for row in top} == {f"drug-{number}" for number in range(5)}
    refused = client.post("/api/signature", files=sent, data={"groupby": "arm"})
    assert refused.status_code == 422 and "control: name the group to compare with" in refused.json()["words"]
    refused = client.post("/api/signature", files=sent, data={"groupby": "nix", "control": "well"})
    assert refused.status_code == 422 and "nix" in refused.json()["words"] and "/tmp" not in refused.json()["words"]


def test_a_gmt_becomes_sets(client, open_index):
    genes = open_index.genes["symbol"].tolist()
    text = "one\tna\t" + "\t".join(genes[:12]) + "\n"
    found = client.post("/api/signature", files={"file": ("sets.gmt", text)}).json()
    assert found["kind"] == "sets" and found["queries"][0]["up"] == genes[:12] and found["quality"]["used"] == 12


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [("a.tsv", b"a\tb\nc\td\n", 422), ("x.tsv", b"", 422), ("big.txt", b"x" * (9 << 20), 413)],
)
def test_files_that_cannot_be_used(client, name, content, status):
    response = client.post("/api/signature", files={"file": (name, content)})
    assert response.status_code == status and response.json()["words"]


@pytest.mark.parametrize(
    ("name", "plain"),
    [("../../etc/passwd", "passwd"), ("..", "signature.txt"), ("C:\\a\\b.tsv", "b.tsv"), (".hidden", "hidden"),
     ("a\nb.tsv", "a_b.tsv"), ("", "signature.txt"), ("x" * 300, "x" * 100)],
)  # fmt: skip
def test_names_of_files_are_only_names(name, plain):
    from beadwork.serve.routes.signatures import plain_name

    assert plain_name(name) == plain


@pytest.mark.parametrize(
    ("words", "kind", "first"), [("drug-3", "pert", "drug-3"), ("BRD-K003", "pert", "drug-3"), ("mcf7", "cell", "MCF7")]
)
def test_search_finds_names_and_ids(client, words, kind, first):
    hits = client.get("/api/search", params={"q": words}).json()["hits"]
    assert (hits[0]["kind"], hits[0]["id"]) == (kind, first)
    assert any(hit["kind"] == "sig" for hit in hits) or words == "drug-3"


def test_search_for_genes_and_nothing(client, open_index):
    symbol = open_index.genes["symbol"][5]
    hits = client.get("/api/search", params={"q": symbol.lower(), "kind": "gene"}).json()["hits"]
    assert hits[0]["id"] == symbol and all(hit["kind"] == "gene" for hit in hits)
    assert client.get("/api/search", params={"q": "  "}).json()["hits"] == []
    assert client.get("/api/search", params={"q": "x", "kind": "nix"}).status_code == 422


@pytest.mark.parametrize(("kind", "total"), [("perts", 12), ("genes", 978), ("cells", 2), ("sigs", 150)])
def test_lists(client, kind, total):
    found = client.get(f"/api/{kind}", params={"limit": 5}).json()
    assert client.get("/api/classes", params={"filter": "{}"}).json()["columns"], "classes is no collection of clue.io"
    assert found["total"] == total and len(found["rows"]) == min(5, total)


@pytest.mark.parametrize(
    ("path", "table"), [("perts/drug-3", "signatures"), ("genes/{symbol}", "perturbagens"), ("cells/MCF7", "tried"),
                        ("sigs/{sig}", "profile")]
)  # fmt: skip
def test_cards(client, open_index, path, table):
    sig_id, symbol = str(open_index.siginfo["sig_id"].iloc[3]), open_index.genes["symbol"][3]
    found = client.get(f"/api/{path.format(sig=sig_id, symbol=symbol)}").json()
    assert found["facts"] and found[table]
    assert client.get(f"/api/{path.split('/')[0]}/no such thing").status_code == 404


def test_neighbours_are_by_cosine(client, open_index):
    sig_id = str(open_index.siginfo["sig_id"].iloc[0])
    found = client.get(f"/api/sigs/{sig_id}/neighbours", params={"top": 3}).json()
    z = open_index.store.read_signatures(range(150)).astype(float)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    cosine = unit @ unit[0]
    cosine[0] = -2
    assert found["like"][0]["sig_id"] == str(open_index.siginfo["sig_id"].iloc[int(np.argmax(cosine))])
    assert found["like"][0]["cosine"] == pytest.approx(cosine.max(), abs=1e-5) and len(found["unlike"]) == 3


def test_values_as_json_csv_and_arrow(client, open_index):
    ids = open_index.siginfo["sig_id"].astype(str).tolist()[4:7][::-1]
    expected = np.stack([open_index.signature(one).to_numpy() for one in ids])
    found = client.post("/api/sigs/values", json={"sig_ids": ids}).json()
    np.testing.assert_allclose(found["values"], expected, rtol=1e-6)
    text = client.post("/api/sigs/values", json={"sig_ids": ids}, headers={"Accept": "text/csv"}).text
    np.testing.assert_allclose(pd.read_csv(io.StringIO(text))[ids].to_numpy().T, expected, rtol=1e-5)
    headers = {"Accept": "application/vnd.apache.arrow.stream"}
    genes = open_index.genes["symbol"].tolist()[:3]
    raw = client.post("/api/sigs/values", json={"sig_ids": ids, "genes": genes}, headers=headers).content
    table = pa.ipc.open_stream(raw).read_all()
    assert table.column_names == ["gene_id", "symbol", *ids] and table.column("symbol").to_pylist() == genes
    np.testing.assert_array_equal(table.column(ids[1]).to_numpy(), expected[1, :3])
    assert client.post("/api/sigs/values", json={"sig_ids": ["nix"]}).status_code == 404


@pytest.fixture
def rich(toy_files, tmp_path):
    from beadwork.api import ConnectivityIndex
    from beadwork.serve.app import create_app

    info = pd.read_csv(toy_files[1], sep="\t")
    own = np.flatnonzero(info["pert_iname"] == "drug-1")
    info.loc[own, "pert_type"] = ["trt_sh", "trt_oe"] * (len(own) // 2) + ["trt_sh"] * (len(own) % 2)
    info.to_csv(tmp_path / "siginfo.tsv", sep="\t", index=False)
    ConnectivityIndex.build(tmp_path / "index", toy_files[0], tmp_path / "siginfo.tsv")
    app = create_app(ConnectivityIndex.open(tmp_path / "index"), hosts=["127.0.0.1"])
    with testclient.TestClient(app, base_url="http://127.0.0.1") as found:
        yield found


def test_loss_and_gain_of_one_name_are_asked_with_apart(rich):
    hits = [hit for hit in rich.get("/api/search?q=drug-1").json()["hits"] if hit["id"] == "drug-1"]
    assert sorted(hit["type"] for hit in hits) == ["trt_oe", "trt_sh"]
    both = rich.post("/api/queries", json={"like": "drug-1"}).json()
    assert any("signatures of drug-1 are of several types (trt_oe, trt_sh)" in note for note in both["notes"])
    parts = [rich.post("/api/queries", json={"like": f"drug-1:{kind}"}).json() for kind in ("trt_sh", "TRT_OE")]
    assert len({both["id"], *(part["id"] for part in parts)}) == 3
    for part in parts:
        assert not any("several types" in note for note in part["notes"])
    refused = rich.post("/api/queries", json={"like": "drug-2:trt_oe"})
    assert refused.status_code == 404 and "drug-2 has no signatures of type trt_oe; it has trt_cp" in str(
        refused.json()
    )
