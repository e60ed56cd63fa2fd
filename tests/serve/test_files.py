"""Files that are sent: columns of tables are chosen, groups of samples compared, too much refused."""

import numpy as np
import pandas as pd
import pytest

testclient = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")


@pytest.fixture(scope="module")
def table(open_index):
    symbols = open_index.genes["symbol"].tolist()
    z = open_index.signature(open_index.siginfo["sig_id"].iloc[7]).to_numpy()
    numbers = {"lfc": z / 2, "stat": z, "pvalue": np.exp(-np.abs(z))}
    frame = pd.DataFrame({"symbol": symbols, "other": symbols[::-1], **numbers, "note": "x"})
    return frame.to_csv(index=False)


def send(client, name, content, **form):
    response = client.post("/api/signature", files={"file": (name, content)}, data=form)
    return response.status_code, response.json()


def taken(table):
    return [table["names"][at] for at in (*table["genes"], *table["values"])]


def ups(found):
    return [item["symbol"] for item in found["preview"]["up"]]


def test_columns_are_shown_and_chosen(client, table):
    _, found = send(client, "de.csv", table)
    shown = found["table"]
    assert shown["names"] == ["symbol", "other", "lfc", "stat", "pvalue", "note"] and shown["n_rows"] == 978
    assert shown["numeric"] == [False, False, True, True, True, False] and len(shown["first"]) == 5
    assert taken(shown) == ["symbol", "stat"]
    _, other = send(client, "de.csv", table, gene_column="other", value_column="lfc")
    assert taken(other["table"]) == ["other", "lfc"]
    assert ups(other) != ups(found)
    _, by_p = send(client, "de.csv", table, p_column="pvalue")
    assert "values: sign of lfc x -log10 pvalue" in by_p["columns"][0]
    assert ups(by_p) == ups(found)
    assert by_p["token"] != found["token"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"gene_column": "nix"}, "no column nix; it has symbol, other, lfc"),
        ({"value_column": "note"}, "column note"),
        ({"p_column": "stat"}, "column stat holds no p-values"),
    ],
)
def test_a_choice_that_does_not_fit_is_said_beside_the_columns(client, table, form, words):
    status, found = send(client, "de.csv", table, **form)
    assert status == 200 and found["kind"] == "table" and words in found["reason"] and "--" not in found["reason"]
    assert found["table"]["names"][0] == "symbol"


@pytest.mark.parametrize("name", ["genes.txt", "genes.csv", "genes.tsv", "genes.list", "genes.json", "genes"])
def test_a_list_is_a_list_whatever_its_name_ends_in(client, name):
    status, found = send(client, name, '"Gene"\n"CDK1"\n"PSME1"\n"TP53"\n')
    assert status == 200 and found["kind"] == "sets"
    assert [(item["up"], item["down"]) for item in found["queries"]] == [(["CDK1", "PSME1", "TP53"], [])]
    assert found["notes"] == [f"{name}: its first line, 'Gene', is taken for a header"]


@pytest.mark.parametrize("mark", ["\t", ","])
def test_counts_of_samples_are_no_ids_of_genes(client, open_index, mark):
    lines = [mark.join(["gene", "s1", "s2", "s3", "s4"])]
    lines += [
        mark.join([gene, *(str(100 * at + 7 * one + 3) for one in range(4))])
        for at, gene in enumerate(open_index.genes["symbol"][:40])
    ]
    _, found = send(client, "counts.txt", "\n".join(lines) + "\n")
    assert found["kind"] == "table" and found["table"]["numeric"] == [False, True, True, True, True]


def test_columns_of_genes_are_both_halves_of_a_question(client):
    _, found = send(client, "two.csv", "up,down\nCDK1,PSME1\nTP53,EGFR\nCCND1,MYC\n")
    assert [(item["name"], item["up"], item["down"]) for item in found["queries"]] == [
        ("two", ["CDK1", "TP53", "CCND1"], ["PSME1", "EGFR", "MYC"])
    ]


def values_of(open_index, seed=1):
    rng = np.random.default_rng(seed)
    values = rng.normal(8, 0.4, (12, 978)).astype(np.float32)
    values[:4, :30] += 2.0
    fields = pd.DataFrame(
        {"arm": ["ill"] * 4 + ["well"] * 4 + ["treated"] * 4, "donor": list("abcd") * 3, "same": "x",
         "own": [f"o{n}" for n in range(12)]}, index=[f"s{n}" for n in range(12)],
    )  # fmt: skip
    return values, fields, open_index.genes["symbol"].tolist()


def test_fields_of_samples_are_offered_and_groups_compared(client, open_index, tmp_path):
    anndata = pytest.importorskip("anndata", reason="the extra h5ad is not installed")
    pytest.importorskip("pylimma", reason="the extra signature is not installed")
    values, fields, genes = values_of(open_index)
    held = anndata.AnnData(values, fields, pd.DataFrame(index=genes))
    held.layers["smooth"] = values
    held.write_h5ad(tmp_path / "cohort.h5ad")
    raw = (tmp_path / "cohort.h5ad").read_bytes()
    _, found = send(client, "cohort.h5ad", raw)
    assert (found["kind"], found["n_samples"], found["n_genes"], found["layers"]) == ("values", 12, 978, ["smooth"])
    assert [field["name"] for field in found["fields"]] == ["arm", "donor"], "what is the same for all, or for none"
    levels = {item["name"]: item["n"] for item in found["fields"][0]["levels"]}
    assert levels == {"ill": 4, "treated": 4, "well": 4}
    _, all_cases = send(client, "cohort.h5ad", raw, groupby="arm", control="well")
    assert [item["name"] for item in all_cases["queries"]] == ["ill_vs_well", "treated_vs_well"]
    form = {"case": "ill", "control": "rest", "covariate": "donor", "layer": "smooth", "values": "log"}
    _, made = send(client, "cohort.h5ad", raw, groupby="arm", **form)
    assert set(ups(made)) <= set(genes[:30]) and made["queries"][0]["n_control"] == 8
    _, columns = send(client, "cohort.h5ad", raw, by_column="true")
    assert columns["kind"] == "signature" and columns["count"] == 12
    for form, words in (({"control": "nix"}, "arm has no group 'nix'"), ({}, "control: name the group to compare with"),
                        ({"control": "well", "layer": "nix"}, "no layer 'nix'")):  # fmt: skip
        status, refused = send(client, "cohort.h5ad", raw, groupby="arm", **form)
        assert status == 422 and words in refused["words"] and "/tmp" not in refused["words"]


def test_a_comparison_that_takes_too_long_is_said(client, open_index, monkeypatch):
    from beadwork.serve.routes import signatures

    values, fields, genes = values_of(open_index)
    table = pd.DataFrame(values.T, genes, fields.index).to_csv(sep="\t")
    monkeypatch.setattr(signatures, "MOST_SECONDS", 0.0)
    sent = {"file": ("values.tsv", table), "design": ("samples.tsv", fields.to_csv(sep="\t"))}
    slow = client.post("/api/signature", files=sent, data={"groupby": "arm", "control": "well"})
    assert slow.status_code == 503 and "`beadwork signature` has no such limit" in slow.json()["words"]
    monkeypatch.undo()
    pytest.importorskip("pylimma", reason="the extra signature is not installed")
    again = client.post("/api/signature", files=sent, data={"groupby": "arm", "control": "well"})
    assert again.status_code == 200 and again.json()["count"] == 2, again.text


def test_a_choice_of_groups_needs_their_field(client, table):
    status, refused = send(client, "de.csv", table, case="ill")
    assert (status, refused["field"]) == (422, "case") and "case needs groupby" in refused["words"]


def test_a_matrix_of_signatures_may_hold_samples_too(client, open_index, tmp_path):
    from beadwork.io.matrix.formats import write_matrix
    from beadwork.model.matrix import Matrix

    values, fields, _ = values_of(open_index)
    rows = pd.DataFrame(index=open_index.genes["gene_id"].tolist())
    write_matrix(Matrix(values.T, rows, fields[["arm"]]), tmp_path / "v.gct")
    _, found = send(client, "v.gct", (tmp_path / "v.gct").read_bytes())
    assert found["kind"] == "signature" and found["count"] == 12 and found["samples"]["fields"][0]["name"] == "arm"


def test_a_table_of_samples_gives_the_groups_of_counts(client, open_index):
    values, fields, genes = values_of(open_index)
    counts = pd.DataFrame(np.round(2**values.T).astype(int), index=genes, columns=fields.index).to_csv(sep="\t")
    sent = {"file": ("counts.tsv", counts), "design": ("samples.tsv", fields.to_csv(sep="\t"))}
    found = client.post("/api/signature", files=sent).json()
    assert found["kind"] == "values" and "arm" in [field["name"] for field in found["fields"]]
    sent["design"] = ("samples.tsv", "id\tarm\nx\ty\n")
    refused = client.post("/api/signature", files=sent)
    assert refused.status_code == 422 and refused.json()["words"].startswith("samples.tsv: no column names samples")


def test_damaged_values_are_refused_by_their_name(client):
    pytest.importorskip("anndata", reason="the extra h5ad is not installed")
    status, refused = send(client, "x.h5ad", b"no hdf5")
    assert (
        status == 422 and refused["words"].startswith("x.h5ad: not a readable h5ad file") and "/tmp" not in str(refused)
    )


def test_files_have_limits_of_their_own(open_index, monkeypatch):
    from beadwork.serve.app import create_app
    from beadwork.serve.routes import signatures

    monkeypatch.setattr(signatures, "MOST_VALUES", 10 << 20)
    app = create_app(open_index, hosts=["127.0.0.1"])
    with testclient.TestClient(app, base_url="http://127.0.0.1") as client:
        status, found = send(client, "x.h5ad", b"x" * (11 << 20))
        assert status == 413 and found["code"] == "too_large" and "more than 10,485,760 bytes" in found["words"]
        status, found = send(client, "x.csv", b"x" * (9 << 20))
        assert status == 413 and "x.csv: more than 8,388,608 bytes" in found["words"]
        long = client.post("/api/genes/check", content=b"x" * (9 << 20), headers={"Content-Type": "application/json"})
        assert long.status_code == 413


def test_the_starter_library_says_what_it_is_and_empty_lists_why(open_index):
    from beadwork.serve.app import create_app

    app = create_app(open_index, hosts=["127.0.0.1"], starter=True)
    with testclient.TestClient(app, base_url="http://127.0.0.1") as client:
        line, more = client.get("/api/index").json()["starter_words"]
        assert "cannot rank drugs in general" in line and "knows no inferred genes" in more
        empty = client.get("/api/classes").json()
        assert empty["total"] > 0 or "`beadwork index annotate` joins them" in empty["reason"]
        assert client.get("/api/cells?f=cell_id:nix").json()["reason"] == "no row passes the filters"


def test_a_table_of_samples_that_is_too_large_is_refused_whole(client):
    table = "id\tarm\n" + "s\tx\n" * (2 << 20)
    for form in ({}, {"groupby": "arm", "control": "x"}):
        sent = {"file": ("counts.tsv", "gene\ts0\nTP53\t1\n"), "design": ("samples.tsv", table)}
        refused = client.post("/api/signature", files=sent, data=form)
        assert refused.status_code == 413 and refused.json()["field"] == "design", refused.text
        assert refused.json()["words"] == "samples.tsv: more than 8,388,608 bytes"


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"valuecolumn": "lfc"}, "valuecolumn", "there is no field 'valuecolumn'; did you mean 'value_column'?"),
        ({"group_by": "arm"}, "group_by", "did you mean 'groupby'?"),
        ({"tissue": "x"}, "tissue", "there is no field 'tissue'; there are file, design, gene_column"),
        ({"values": ["counts", "log"]}, "values", "values: is given 2 times; one at a time"),
        ({"values": "counts"}, "values", "values needs groupby"),
        ({"groupby": "arm", "p_column": "p"}, "p_column", "p_column is of tables; with groupby, groups of samples are"),
        ({"groupby": "arm", "by_column": "true"}, "by_column", "by_column is of tables"),
        ({"values": "raw"}, "values", "values: 'auto', 'counts', 'log' or 'linear' is needed"),
        ({"by_column": "much"}, "by_column", "by_column: true or false is needed"),
        ({"groupby": "x" * 201}, "groupby", "groupby: longer than 200 letters"),
    ],
)
def test_no_field_of_a_form_is_passed_over(client, table, form, field, words):
    status, refused = send(client, "de.csv", table, **form)
    assert status == 422 and refused["field"] == field and words in refused["words"], refused


def test_two_files_or_none_are_refused(client, table):
    two = client.post("/api/signature", files=[("file", ("a.csv", table)), ("file", ("b.csv", table))])
    assert two.status_code == 422 and two.json()["words"] == "file: is given 2 times; one at a time"
    for sent in ({"data": {"gene_column": "x"}}, {"json": {"file": "x"}}, {"files": {"design": ("a.csv", table)}}):
        none = client.post("/api/signature", **sent)
        assert none.status_code == 422 and none.json()["words"] == "file: is missing", none.text
    text = client.post("/api/signature", data={"file": table}, files={"design": ("x.csv", "")})
    assert text.status_code == 422 and text.json()["field"] == "file" and "a file is needed" in text.json()["words"]
    both = client.post(
        "/api/signature", files={"file": ("a.csv", table), "design": ("b.csv", table)}, data={"by_column": "true"}
    )
    assert both.status_code == 422 and both.json()["field"] == "design" and "choose one of them" in both.json()["words"]


@pytest.mark.parametrize(
    "name", ["漢" * 100 + ".tsv", "a" * 300 + ".tsv", "../../etc/x.tsv", "..", "\\", "x\udcff.tsv"]
)
def test_any_name_of_a_file_is_taken(client, open_index, name):
    values, fields, genes = values_of(open_index)
    counts = pd.DataFrame(np.round(2**values.T).astype(int), genes, fields.index).to_csv(sep="\t")
    encoded = name.encode("utf-8", "surrogateescape").decode("latin-1")
    sent = {"file": (encoded, counts), "design": (encoded, fields.to_csv(sep="\t"))}
    found = client.post("/api/signature", files=sent)
    assert found.status_code == 200 and found.json()["kind"] == "values", found.text


def test_names_say_the_side_of_sets_in_one_file(client, open_index, tmp_path):
    """The same in a file that is sent, and by the command."""
    from beadwork.api.index.asking.query_inputs import load_queries

    genes = open_index.genes["symbol"].tolist()
    lines = ["A_UP", "A_DN", "LONE_DN", "B", "C (down)"]
    text = "".join("\t".join([name, "-", *genes[10 * n : 10 * n + 10]]) + "\n" for n, name in enumerate(lines))
    _, found = send(client, "x.gmt", text)
    shape = [(item["name"], len(item["up"]), len(item["down"])) for item in found["queries"]]
    assert shape == [("A", 10, 10), ("LONE", 0, 10), ("B", 10, 0), ("C", 0, 10)]
    assert found["queries"][1]["notes"] == ["LONE_DN is taken as a down set, by its name"]
    assert "LONE: LONE_DN is taken as a down set, by its name" in found["notes"]
    (tmp_path / "x.gmt").write_text(text)
    asked = load_queries([tmp_path / "x.gmt"])
    assert [(item.name, len(item.up), len(item.down)) for item in asked] == shape
    listed = client.post("/api/batches", json={"questions": [
        {key: item[key] for key in ("name", "up", "down")} for item in found["queries"]]})  # fmt: skip
    assert listed.status_code == 202


def test_sets_of_one_name_on_one_side_are_said(client, open_index):
    genes = open_index.genes["symbol"].tolist()
    text = "".join("\t".join([name, "-", *genes[:10]]) + "\n" for name in ("A_UP", "A", "A_DN"))
    status, refused = send(client, "x.gmt", text)
    assert status == 422 and refused["field"] == "file"
    assert refused["words"] == "sets A_UP and A have the same name without _UP and _DN; rename one"
