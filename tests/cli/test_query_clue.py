"""``query --layout clue``: the folders and names of clue.io's tools, read back by cmapPy."""

import warnings

import numpy as np
import pandas as pd
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.model.cmappy import corrected_cmappy
from beadwork.model.connectivity.query import Query

from ..api.index.conftest import *  # noqa: F403

GUTC = ["cs_sig", "ns_sig", "ps_sig", "ns_pert_cell", "ps_pert_cell", "ns_pert_summary", "ps_pert_summary",
        "ns_pcl_cell", "ps_pcl_cell", "ns_pcl_summary", "ps_pcl_summary"]  # fmt: skip


@pytest.fixture(scope="module")
def index(toy_files, tmp_path_factory):
    """Index with mechanisms: drugs 0 to 4 share one, 5 to 8 another."""
    folder = tmp_path_factory.mktemp("moa")
    info = pd.read_csv(toy_files[1], sep="\t")
    number = pd.to_numeric(info["pert_iname"].str.removeprefix("drug-"), errors="coerce")
    info["moa"] = np.where(number < 5, "HDAC inhibitor", np.where(number < 9, "other / agonist", ""))
    info.to_csv(folder / "siginfo.tsv", sep="\t", index=False)
    ConnectivityIndex.build(folder / "index", toy_files[0], folder / "siginfo.tsv")
    return folder / "index"


@pytest.fixture(scope="module")
def queries(index):
    genes = ConnectivityIndex.open(index).genes["gene_id"].tolist()
    return [Query("first one", tuple(genes[:30]), tuple(genes[30:60])), Query("second", tuple(genes[60:90]))]


@pytest.fixture(scope="module")
def answers(index, queries, tmp_path_factory):
    from beadwork.cli import main

    folder = tmp_path_factory.mktemp("clue")
    for side in ("up", "down"):
        lines = ["\t".join([query.name, "na", *getattr(query, side)]) for query in queries if getattr(query, side)]
        (folder / f"{side}.gmt").write_text("\n".join(lines) + "\n")
    out = folder / "out"
    command = ["query", index, "--up", folder / "up.gmt", "--down", folder / "down.gmt", "--layout", "clue", "-o", out]
    main([str(item) for item in command])
    return out


@pytest.fixture(scope="module")
def read():
    """Reader of cmapPy."""

    def parse(path):
        with warnings.catch_warnings(), corrected_cmappy():
            warnings.simplefilter("ignore")
            from cmapPy.pandasGEXpress.parse import parse as cmappy

            return cmappy(str(path))

    return parse


def test_files_of_both_tools_are_there(answers):
    files = {path.relative_to(answers).as_posix() for path in answers.rglob("*") if "arfs" not in path.parts}
    assert {path for path in files if "." in path} == {
        "missing_genes.tsv", "ncs.gct", "up.gmt", "dn.gmt", "matrices/query/up.gmt", "matrices/query/dn.gmt",
        "matrices/gutc/query_info.txt",
        *(f"matrices/gutc/{name}.gctx" for name in GUTC),
        *(f"matrices/query/{name}.gctx" for name in ("cs", "ncs", "fdr_qvalue")),
    }  # fmt: skip
    assert (answers / "matrices/query/up.gmt").read_bytes() == (answers / "up.gmt").read_bytes()
    listed = pd.read_csv(answers / "arfs" / "index.txt", sep="\t")
    assert (answers / "matrices/gutc/query_info.txt").read_bytes() == (answers / "arfs/index.txt").read_bytes()
    assert listed["query_id"].tolist() == ["first one", "second"]
    for path in listed["path"]:
        assert {item.name for item in (answers / path).iterdir()} == {
            "query_info.txt", "query_result.gct", "pert_id_cell.gct", "pert_id_summary.gct", "pcl_cell.gct",
            "pcl_summary.gct",
        }  # fmt: skip
    assert (answers / "up.gmt").read_text().startswith("first one_UP\t")


def test_scores_are_those_of_the_library(answers, read, index, queries):
    opened = ConnectivityIndex.open(index)
    result = opened.query_many(queries)
    for path, kind in (("query/ncs", "ncs"), ("query/cs", "wtcs"), ("gutc/ns_sig", "ncs"), ("gutc/ps_sig", "tau"),
                       ("query/fdr_qvalue", "fdr")):  # fmt: skip
        gct = read(answers / "matrices" / f"{path}.gctx")
        assert gct.data_df.columns.tolist() == ["first one", "second"]
        order = opened.siginfo["sig_id"].astype(str)
        np.testing.assert_allclose(gct.data_df.loc[order].to_numpy().T, result.values(kind), atol=1e-6)
    perts = result.perturbagens("second").set_index("pert_id")
    for short, column in (("ns", "ncs"), ("ps", "tau")):
        gct = read(answers / "matrices" / "gutc" / f"{short}_pert_summary.gctx")
        np.testing.assert_allclose(gct.data_df["second"], perts.loc[gct.data_df.index, column], atol=1e-4)
        assert set(gct.row_metadata_df["pert_iname"]) == {f"drug-{number}" for number in range(12)}


def test_rows_by_cell_have_the_ids_that_scripts_split(answers, read):
    gct = read(answers / "matrices" / "gutc" / "ps_pert_cell.gctx")
    meta = gct.row_metadata_df
    assert [one.split(":")[1] for one in meta.index] == meta["cell_id"].tolist()
    assert [one.split(":")[0] for one in meta.index] == meta["pert_id"].tolist()
    gct = read(answers / "matrices" / "gutc" / "ns_pcl_cell.gctx")
    assert {one.split(":")[0] for one in gct.data_df.index} == {"CP_HDAC_INHIBITOR", "CP_OTHER_AGONIST"}
    assert [one.split(":")[1] for one in gct.data_df.index] == gct.row_metadata_df["cell_id"].tolist()
    assert gct.data_df.loc["CP_HDAC_INHIBITOR:MCF7", "first one"] > 1


def test_tables_of_a_query(answers, read):
    folder = answers / pd.read_csv(answers / "arfs" / "index.txt", sep="\t")["path"][0]
    ranked = read(folder / "query_result.gct")
    assert ranked.data_df.columns.tolist() == ["norm_cs"] and {"raw_cs", "fdr_q_nlog10"} <= set(
        ranked.row_metadata_df.columns
    )
    for file, level in (("pert_id_summary", "pert_summary"), ("pert_id_cell", "pert_cell"), ("pcl_cell", "pcl_cell"),
                        ("pcl_summary", "pcl_summary")):  # fmt: skip
        own, whole = read(folder / f"{file}.gct"), read(answers / "matrices" / "gutc" / f"ps_{level}.gctx")
        assert own.data_df.columns.tolist() == ["first one"], "the column has the name of the query, as TAG there"
        assert own.row_metadata_df.shape[1] == 0 and set(own.data_df.index) == set(whole.data_df.index)
        np.testing.assert_allclose(
            own.data_df["first one"], whole.data_df.loc[own.data_df.index, "first one"], atol=1e-3
        )
        ncs = read(answers / "matrices" / "gutc" / f"ns_{level}.gctx").data_df.loc[own.data_df.index, "first one"]
        assert (np.diff(ncs) <= 0).all(), "the best first"
        lines = (folder / f"{file}.gct").read_text().splitlines()
        first = lines[3].split("\t")
        assert len(first) == 2 and float(first[1]) == pytest.approx(own.data_df["first one"].iloc[0]), (
            "read as text too"
        )


def test_scores_of_all_queries_stand_beside_the_names(answers, read, index, queries):
    opened = ConnectivityIndex.open(index)
    gct = read(answers / "ncs.gct")
    assert gct.data_df.columns.tolist() == ["first one", "second"]
    assert gct.data_df.index.tolist() == opened.siginfo["sig_id"].astype(str).tolist()
    np.testing.assert_allclose(gct.data_df.to_numpy().T, opened.query_many(queries).values("ncs"), atol=1e-5)
    assert {"pert_id", "pert_iname", "pert_type", "cell_iname", "moa"} <= set(gct.row_metadata_df.columns)
    table = pd.read_csv(answers / "ncs.gct", sep="\t", skiprows=2, low_memory=False)
    assert table["id"][0] == "desc" and len(table) == 151 and table["moa"].eq("-666").any()


def test_fields_that_scripts_keep_rows_by_are_there(run, toy_files, tmp_path):
    info = pd.read_csv(toy_files[1], sep="\t")
    info["qc_pass"] = np.arange(len(info)) % 2
    info["is_exemplar_sig"], info["ss_ngene"] = np.where(info["qc_pass"] == 1, "TRUE", "FALSE"), 70 + info["qc_pass"]
    info.to_csv(tmp_path / "siginfo.tsv", sep="\t", index=False)
    ConnectivityIndex.build(tmp_path / "index", toy_files[0], tmp_path / "siginfo.tsv")
    given = ["--like", "drug-3", "--where", "cell_id=MCF7", "--layout", "clue", "-o", tmp_path / "out"]
    assert run("query", tmp_path / "index", *given).code == 0
    (found,) = (tmp_path / "out" / "arfs").glob("*/query_result.gct")
    expected = info.set_index("sig_id")
    for path in (found, tmp_path / "out" / "ncs.gct"):
        table = pd.read_csv(path, sep="\t", skiprows=2, low_memory=False)[1:].set_index("id")
        assert set(table.index) == set(expected.index[expected["cell_id"] == "MCF7"]), (
            "also where filters left some out"
        )
        assert table["moa"].eq("-666").all() and table["target_name"].eq("-666").all(), "fields that scripts filter by"
        for name in ("qc_pass", "is_exemplar_sig"):
            assert pd.to_numeric(table[name]).tolist() == expected.loc[table.index, "qc_pass"].tolist()
        assert pd.to_numeric(table["ss_ngene"]).tolist() == expected.loc[table.index, "ss_ngene"].tolist()


def test_the_ranked_table_has_the_rows_and_names_that_scripts_drop_and_read(answers):
    folder = answers / pd.read_csv(answers / "arfs" / "index.txt", sep="\t")["path"][0]
    lines = (folder / "query_result.gct").read_text().splitlines()
    table = pd.read_csv(folder / "query_result.gct", sep="\t", skiprows=2, low_memory=False)
    assert lines[0] == "#1.3" and table["id"][0] == "desc" and len(table) == 151
    scored = table[table["id"] != "desc"]
    for name, own in (("cell_iname", "cell_id"), ("nsample", "distil_nsample"), ("target_name", "target")):
        assert (own not in scored) or scored[name].tolist() == scored[own].tolist()
    assert "cell_iname" in scored and np.isfinite(pd.to_numeric(scored["fdr_q_nlog10"])).all()
    fdr = pd.to_numeric(scored["fdr"])
    np.testing.assert_allclose(pd.to_numeric(scored["fdr_q_nlog10"]), -np.log10(fdr + 2.0**-52), atol=1e-5)


def test_sets_are_read_by_cmappy_also_where_a_side_is_missing(answers, queries):
    from cmapPy.set_io import gmt

    up, down = gmt.read(str(answers / "up.gmt")), gmt.read(str(answers / "dn.gmt"))
    assert [(one["head"], len(one["entry"])) for one in up] == [("first one_UP", 30), ("second_UP", 30)]
    assert [one["head"] for one in down] == ["first one_DN"], "the second has no down set"


def test_annotation_is_read_by_cmappy_without_corrections(run, toy_files, tmp_path):
    import h5py

    info = pd.read_csv(toy_files[1], sep="\t")
    info["pert_idose"], info["pert_iname"] = "10 µM", "β-éstradiol"
    info.to_csv(tmp_path / "siginfo.tsv", sep="\t", index=False)
    ConnectivityIndex.build(tmp_path / "index", toy_files[0], tmp_path / "siginfo.tsv")
    sig_id = str(info["sig_id"][3])
    done = run("query", tmp_path / "index", "--like", sig_id, "--layout", "clue", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    files = sorted((tmp_path / "out" / "matrices").rglob("*.gctx"))
    for path in files:
        with h5py.File(path) as file:
            for side in ("ROW", "COL"):
                for name, values in file[f"0/META/{side}"].items():
                    if values.dtype.kind not in "fiu":
                        assert all(bytes(value).isascii() for value in values[()]), (path.name, name)
    with h5py.File(tmp_path / "out" / "matrices" / "gutc" / "cs_sig.gctx") as file:
        assert file["0/META/ROW/pert_idose"][0] == b"10 uM" and file["0/META/ROW/pert_iname"][0] == b"?-estradiol"
    assert len(files) == 14


def test_genes_that_are_not_used_are_listed(run, toy_index, tmp_path):
    genes = ConnectivityIndex.open(toy_index).genes["gene_id"].tolist()
    (tmp_path / "up.gmt").write_text("\t".join(["mine", "na", *genes[:20], "NOGENE1"]) + "\n")
    assert run("query", toy_index, "--up", tmp_path / "up.gmt", "--layout", "clue", "-o", tmp_path / "out").code == 0
    lacking = pd.read_csv(tmp_path / "out" / "missing_genes.tsv", sep="\t")
    assert lacking[["query", "set", "gene", "answer"]].to_numpy().tolist() == [["mine", "up", "NOGENE1", "not a gene"]]


def test_an_index_without_mechanisms_and_a_lone_down_set(run, toy_index, read, tmp_path):
    genes = ConnectivityIndex.open(toy_index).genes["gene_id"].tolist()
    (tmp_path / "down.gmt").write_text("\t".join(["lone_DN", "na", *genes[:30]]) + "\n")
    done = run("query", toy_index, "--down", tmp_path / "down.gmt", "--layout", "clue", "-o", tmp_path / "out")
    assert done.code == 0
    assert "files of pcl have no rows; `beadwork index annotate` joins mechanisms, --classes names classes" in done.err
    assert (tmp_path / "out" / "up.gmt").read_text() == ""
    assert (tmp_path / "out" / "dn.gmt").read_text().startswith("lone_DN\tas scored\t")
    for path in sorted((tmp_path / "out").rglob("*pcl*")):
        assert len(read(path).data_df) == 0, path


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["--direction", "reverse"], "--direction"),
        (["--no-html", "--top", "5"], "--html, --top"),
        (["--library"], "--library"),
        (["--matrices", "all"], "--matrices"),
    ],
)
def test_what_the_layout_has_no_place_for_is_refused(run, index, tmp_path, given, named):
    done = run("query", index, "--like", "drug-1", "--layout", "clue", *given, "-o", tmp_path)
    assert done.code == 2 and f"--layout clue has files of its own; leave {named} out" in done.err
