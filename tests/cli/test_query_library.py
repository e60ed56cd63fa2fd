"""``query --library``: many diseases at once become one matrix of perturbagens by queries."""

import shutil

import numpy as np
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.api.index.asking.library_files import tau_within
from beadwork.api.library.starter import starter_index
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_matrix
from toys import call


@pytest.fixture(scope="module")
def diseases(tmp_path_factory):
    """Eighty diseases: the first is what vemurafenib undoes in one cell, the others are random genes."""
    folder = tmp_path_factory.mktemp("diseases")
    index = ConnectivityIndex.open(starter_index())
    info = index.siginfo
    own = np.flatnonzero(info["pert_iname"].astype(str) == "vemurafenib")
    z = index.store.read_signatures(own).mean(axis=0)
    genes, order = np.array(index.store.gene_ids), np.argsort(z)
    rng = np.random.default_rng(0)
    tab = "\t"
    up = [f"melanoma_UP\tna\t{tab.join(genes[order[:100]])}"]
    down = [f"melanoma_DN\tna\t{tab.join(genes[order[-100:]])}"]
    for number in range(1, 80):
        drawn = rng.permutation(genes)
        up.append("\t".join([f"random{number}_UP", "na", *drawn[:100]]))
        down.append("\t".join([f"random{number}_DN", "na", *drawn[100:200]]))
    (folder / "up.gmt").write_text("\n".join(up) + "\n")
    (folder / "down.gmt").write_text("\n".join(down) + "\n")
    (folder / "classes.gmt").write_text("raf\tna\tvemurafenib\tdabrafenib\nstatin\tna\tatorvastatin\tvenlafaxine\n")
    return folder


def sets(folder):
    return "--up", folder / "up.gmt", "--down", folder / "down.gmt", "--classes", folder / "classes.gmt"


@pytest.fixture(scope="module")
def answer(diseases):
    out = diseases / "answer"
    assert call("query", *sets(diseases), "--direction", "reverse", "--min-cells", 3, "--library", "-o", out) == 0
    return out


def test_one_matrix_for_each_level(answer):
    for level, count in (("perturbagens", 300), ("cells", 400), ("classes", 2)):
        for kind in ("ncs", "tau", "tau_own"):
            matrix = read_matrix(answer / f"{level}_{kind}.gctx")
            assert matrix.values.shape[1] == 80 and matrix.values.shape[0] >= count
            assert matrix.cids[0] == "melanoma"
            if kind != "ncs":
                assert np.nanmax(np.abs(matrix.values)) <= 100
    assert not (answer / "melanoma").exists() and not (answer / "melanoma.tsv").exists()
    assert len(read_table(answer / "queries.tsv")) == 80


def test_the_planted_drug_reverses_the_disease_and_is_special_to_it(answer):
    top = read_table(answer / "library_top.tsv")
    assert (top.groupby("query").size() == 25).all()
    own = read_matrix(answer / "perturbagens_tau_own.gctx")
    row = list(own.rows["pert_iname"]).index("vemurafenib")
    assert own.values[row, 0] == 100
    assert read_matrix(answer / "classes_ncs.gctx").values[:, 0].max() > 1
    drugs = read_table(answer / "repurposing.tsv")
    assert "vemurafenib" in set(drugs.loc[drugs["query"] == "melanoma", "pert_iname"])
    assert (drugs["passes"] == 1).all() and (drugs["n_cells_agree"] >= 3).all() and drugs["against"].notna().all()


def test_the_same_scores_as_single_queries(answer, diseases):
    out = diseases / "single"
    for name in ("up", "down"):
        line = (diseases / f"{name}.gmt").read_text().splitlines()[7]
        (diseases / f"one_{name}.gmt").write_text(line + "\n")
    assert call("query", "--up", diseases / "one_up.gmt", "--down", diseases / "one_down.gmt", "--no-html", "--no-gct",
                "--direction", "reverse", "-o", out) == 0  # fmt: skip
    one = read_table(out / "random7" / "perturbagens.tsv").set_index("pert_iname")
    for kind in ("ncs", "tau"):
        many = read_matrix(answer / f"perturbagens_{kind}.gctx")
        column = dict(zip(many.rows["pert_iname"], many.values[:, 7], strict=True))
        for name in ("vemurafenib", "atorvastatin", "dasatinib"):
            assert column[name] == pytest.approx(one.loc[name, kind], abs=1e-4)


def test_few_queries_have_no_tau_of_their_own(diseases, capsys):
    lines = (diseases / "up.gmt").read_text().splitlines()[:5]
    (diseases / "few.gmt").write_text("\n".join(lines) + "\n")
    out = diseases / "few"
    assert call("query", "--up", diseases / "few.gmt", "--library", "-o", out) == 0
    assert "5 queries are too few for tau within the library (50 others are needed)" in capsys.readouterr().err
    assert (out / "perturbagens_ncs.gctx").exists() and not (out / "perturbagens_tau_own.gctx").exists()
    assert not (out / "repurposing.tsv").exists()


def test_tau_within_counts_others_only():
    scores = np.array([[1.0, -2.0, 2.0, 0.0], [np.nan, 1.0, 3.0, -5.0]], np.float32)
    found = tau_within(scores)
    expected = [[100 / 3, -200 / 3, 200 / 3, 0], [np.nan, 0, 50, -100]]
    assert found == pytest.approx(np.array(expected, np.float32), nan_ok=True, abs=1e-4)


def test_launched_drugs_only_and_a_phase_that_is_not_there(diseases, capsys):
    out = diseases / "launched"
    words = [
        "--up",
        diseases / "one_up.gmt",
        "--direction",
        "reverse",
        "--library",
        "--where",
        "clinical_phase=Launched",
    ]
    (diseases / "one_up.gmt").write_text((diseases / "up.gmt").read_text().splitlines()[0] + "\n")
    assert call("query", *words, "-o", out) == 2
    assert "has no field 'clinical_phase'" in (said := capsys.readouterr().err)
    assert "`beadwork index annotate` joins it" in said and not (out / "queries.tsv").exists()
    shutil.copytree(starter_index(), diseases / "index")
    rows = [
        "pert_iname\tclinical_phase\tmoa",
        "vemurafenib\tLaunched\tRAF inhibitor",
        "dabrafenib\tPhase 2\tRAF inhibitor",
    ]
    (diseases / "hub.tsv").write_text("\n".join(rows) + "\n")
    assert call("index", "annotate", diseases / "index", "--compounds", diseases / "hub.tsv") == 0
    assert call("query", diseases / "index", *words, "-o", out) == 0
    assert set(read_matrix(out / "perturbagens_ncs.gctx").rows["pert_iname"]) == {"vemurafenib"}
    drugs = read_table(out / "repurposing.tsv")
    assert drugs["pert_iname"].tolist() == ["vemurafenib"] and drugs["clinical_phase"].tolist() == ["Launched"]


def test_no_compound_that_passes_is_said(diseases, capsys):
    lines = (diseases / "up.gmt").read_text().splitlines()[:3]
    (diseases / "none.gmt").write_text("\n".join(lines) + "\n")
    out = diseases / "none"
    assert call("query", "--up", diseases / "none.gmt", "--direction", "reverse", "--min-cells", 99, "--library",
                "-o", out) == 0  # fmt: skip
    assert "repurposing.tsv: no compound passes in any query (99 cells and a share of" in capsys.readouterr().err
    header = (out / "repurposing.tsv").read_text().splitlines()
    assert len(header) == 1 and header[0].startswith("query\tpert_iname\tpasses\tscore\t")
    assert header[0].endswith("\tagainst")
