"""``beadwork index`` and ``beadwork query`` as a user runs them."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.io.matrix.formats import read_matrix

from ..api.index.conftest import *  # noqa: F403


@pytest.fixture
def sets(toy_index, tmp_path):
    genes = ConnectivityIndex.open(toy_index).genes["gene_id"].tolist()
    up, down = tmp_path / "up.gmt", tmp_path / "down.gmt"
    up.write_text(
        "\n".join(["\t".join([f"{n}_UP", "x", *genes[i : i + 30]]) for n, i in (("mech/../a 1", 0), ("noise", 500))])
    )
    down.write_text(
        "\n".join(["\t".join([f"{n}_DN", "x", *genes[i : i + 30]]) for n, i in (("noise", 600), ("mech/../a 1", 30))])
    )
    return up, down


def test_build_info_verify_append(run, toy_files, tmp_path):
    index = tmp_path / "index"
    outcome = run("index", "build", index, toy_files[0], "--siginfo", toy_files[1], "--qc", tmp_path / "qc.tsv")
    assert outcome.code == 0, outcome.err
    assert "150 signatures x 978 genes, background of 120 queries" in outcome.err
    qc = pd.read_csv(tmp_path / "qc.tsv", sep="\t").set_index("metric")
    assert qc["value"].to_dict() == {"n_signatures": 150, "n_null": 30, "n_background": 120} and qc["pass"].all()
    outcome = run("index", "info", index)
    assert "null signatures        30\n" in outcome.out and "space                  LM\n" in outcome.out
    outcome = run("index", "verify", index)
    assert outcome.code == 0 and outcome.out.endswith("index: sound\n")
    outcome = run("index", "append", index, toy_files[0], "--siginfo", toy_files[1])
    assert outcome.code == 0 and "150 signatures are in the index already" in outcome.err
    (next(index.glob("segments/*/ids.bin"))).unlink()
    outcome = run("index", "verify", index)
    assert outcome.code == 2 and "ids.bin: is missing" in outcome.err and outcome.err.count("\n") == 1


def test_query_writes_the_contract(run, toy_index, sets, tmp_path):
    out = tmp_path / "answers"
    outcome = run(
        "query", toy_index, "--up", sets[0], "--down", sets[1], "-o", out, "--metric", "ks", "--qc", tmp_path / "qc.tsv"
    )
    assert outcome.code == 0, outcome.err
    names = {path.name for path in out.iterdir()}
    assert {"wtcs.gctx", "ncs.gctx", "tau.gctx", "fdr.gctx", "ks.gctx", "missing_genes.tsv", "queries.tsv"} <= names
    assert {"mech_.._a_1.tsv", "noise.tsv"} <= names
    ncs = read_matrix(out / "ncs.gctx")
    assert ncs.values.shape == (150, 2) and list(ncs.cids) == ["mech/../a 1", "noise"]
    assert {"pert_id", "pert_iname", "cell_id", "tas"} <= set(ncs.rows.columns)
    assert ncs.provenance["command"] == "query" and set(ncs.provenance["inputs"]) == {"index", "up", "down"}
    table = pd.read_csv(out / "mech_.._a_1.tsv", sep="\t")
    clue = ["sig_id", "pert_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime", "raw_cs", "norm_cs",
            "fdr_q_nlog10", "tau"]  # fmt: skip
    assert set(clue) <= set(table.columns) and len(table) == 150
    assert table["norm_cs"].is_monotonic_decreasing
    np.testing.assert_allclose(table.set_index("sig_id")["norm_cs"][ncs.rids], ncs.values[:, 0], atol=1e-6)
    expected = ConnectivityIndex.open(toy_index).query_many(*sets).table("noise")
    written = pd.read_csv(out / "noise.tsv", sep="\t")
    assert written["sig_id"].tolist() == expected["sig_id"].tolist()
    np.testing.assert_allclose(written["wtcs"], expected["wtcs"], atol=1e-6)
    qc = pd.read_csv(tmp_path / "qc.tsv", sep="\t").set_index(["metric", "entity"])
    assert qc["pass"]["genes_found"].all() and qc.loc[("n_background", "noise"), "value"] == 120


def test_folder_of_a_query(run, toy_index, sets, tmp_path):
    """Roll-ups, clue.io's query_result.gct, the page, the sets as scored."""
    out, classes = tmp_path / "answers", tmp_path / "moa.tsv"
    rows = [f"drug-{i}\t{'planted <mechanism>' if i < 5 else 'other|third'}" for i in range(12)]
    classes.write_text("pert_iname\tmoa\n" + "\n".join(rows) + "\n")
    outcome = run("query", toy_index, "--up", sets[0], "--down", sets[1], "-o", out, "--classes", classes)
    assert outcome.code == 0, outcome.err
    folder = out / "mech_.._a_1"
    perts = pd.read_csv(folder / "perturbagens.tsv", sep="\t")
    assert set(perts["pert_iname"].head(5)) == {f"drug-{i}" for i in range(5)}
    assert len(perts) == 12 and perts["n_signatures"].sum() == 120 and (perts["tau"].head(5) > 50).all()
    cells = pd.read_csv(folder / "cells.tsv", sep="\t")
    assert cells["n_signatures"].sum() == 120 and set(cells["cell_id"]) == {"A375", "MCF7"}
    moa = pd.read_csv(folder / "classes.tsv", sep="\t")
    assert moa["class"].iloc[0] == "planted <mechanism>" and moa["n_perturbagens"].tolist() == [5, 7, 7]
    gct = read_matrix(folder / "query_result.gct")
    assert (np.diff(gct.values[:, 0]) <= 0).all() and {"raw_cs", "fdr_q_nlog10", "tau", "pert_iname"} <= set(gct.rows)
    page = (folder / "index.html").read_text()
    assert "planted &lt;mechanism&gt;" in page and "planted <mechanism>" not in page
    assert "http" not in page.replace("http-equiv", "") and page.count("<svg") == 8
    assert (out / "up.gmt").read_text().startswith("mech/../a 1_UP\tas scored\t")
    lean = tmp_path / "lean"
    run("query", toy_index, "--up", sets[0], "-o", lean, "--no-rollup", "--no-html", "--no-gct")
    assert not any(path.is_dir() for path in lean.iterdir())


def test_classes_say_what_they_matched(run, toy_index, sets, tmp_path):
    """The Repurposing Hub's shape: comments above the header; ids of another build; and a table of other drugs."""
    hub = tmp_path / "drugs.txt"
    rows = "".join(f"drug-{i}\tLaunched\t{'a|b' if i < 3 else 'b'}\tGENE\t\t\n" for i in range(6))
    hub.write_text("!Source\thub\npert_iname\tclinical_phase\tmoa\ttarget\tdisease_area\tindication\n" + rows)
    samples = tmp_path / "samples.txt"
    samples.write_text("!Source\thub\nbroad_id\tpert_iname\tInChIKey\nBRD-K000\tdrug-0\tAAA\n")
    outcome = run("query", toy_index, "--up", sets[0], "-o", tmp_path / "a", "--classes", hub, "--classes", samples)
    assert outcome.code == 0, outcome.err
    assert "6 of the 12 perturbagens here have a class (1 by id, 5 by name); 2 classes are scored" in outcome.err
    table = pd.read_csv(tmp_path / "a" / "noise" / "classes.tsv", sep="\t").set_index("class")
    assert table["n_perturbagens"].to_dict() == {"a": 3, "b": 6} and set(table["pert_type"]) == {"trt_cp"}
    others = tmp_path / "others.tsv"
    others.write_text("pert_iname\tmoa\nnobody\ta\n")
    outcome = run("query", toy_index, "--up", sets[0], "-o", tmp_path / "b", "--classes", others)
    assert outcome.code == 0 and "warning: others.tsv: none of its 1 perturbagens is among the 12 here" in outcome.err
    assert "none of its 1 perturbagens is among the 12 here" in (tmp_path / "b" / "noise" / "index.html").read_text()
    assert "lacks moa" in run("query", toy_index, "--up", sets[0], "-o", tmp_path / "c", "--classes", samples).err


def test_a_filter_is_said_and_roll_ups_follow_it(run, toy_index, sets, tmp_path):
    outcome = run("query", toy_index, "--up", sets[0], "-o", tmp_path, "--where", "cell_id=MCF7")
    assert outcome.code == 0 and "filter cell_id=MCF7: 75 of 150 signatures are shown" in outcome.err
    perts = pd.read_csv(tmp_path / "noise" / "perturbagens.tsv", sep="\t")
    head = ["rank", "pert_iname", "pert_id", "pert_type", "n_signatures", "n_cells", "ncs", "tau", "median_ncs"]
    assert list(perts) == [*head, "n_positive", "n_negative"]
    assert perts["n_signatures"].sum() == 60 and set(perts["n_cells"]) == {1} and perts["tau"].notna().all()
    assert "rolled up from these alone" in (tmp_path / "noise" / "index.html").read_text()
    assert "rolled up from these alone" in (tmp_path / "queries.tsv").read_text()
    for table in (tmp_path / "noise.tsv", *(tmp_path / "noise").glob("*.tsv")):
        assert "\t-0\t" not in table.read_text() and "\t-0\n" not in table.read_text()


def test_same_bytes_whatever_the_threads(run, toy_index, sets, tmp_path):
    for threads in (1, 2):
        arguments = ("--up", sets[0], "--down", sets[1], "--permutations", 20, "--threads", threads)
        assert run("query", toy_index, *arguments, "-o", tmp_path / str(threads)).code == 0
    files = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path / "2") for path in (tmp_path / "2").rglob("*") if path.is_file())
    for name in files:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--up", "nix.gmt"], "nix.gmt: no such file; check the name"),
        ([], "no query given; use --up, --down, --signature or --like"),
        (
            ["--up", "UP", "--where", "cell_id"],
            "filter 'cell_id': field=value, field!=value or field>=number is needed",
        ),
        (["--up", "UP", "--where", "tas>=much"], "filter 'tas>=much': 'much' is no number"),
        (["--up", "UP", "--metric", "wtcs,magic"], "--metric, item 2: input should be 'wtcs', 'ks', 'pearson'"),
        (["--up", "UP", "--metric", "cosine"], "cosine compares full signatures, but this query has gene sets only"),
        (["--up", "UP", "--up", "UP", "--down", "DOWN"], "have the same name without _UP and _DN; rename one"),
    ],
)
def test_mistakes_exit_2_with_one_line_and_write_nothing(run, toy_index, sets, tmp_path, words, message):
    words = [{"UP": sets[0], "DOWN": sets[1]}.get(word, word) for word in words]
    outcome = run("query", toy_index, *words, "-o", tmp_path / "out")
    assert outcome.code == 2
    assert message in outcome.err and outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_answers_load_in_cmappy(run, toy_index, sets, tmp_path):
    """Matrices and query_result.gct open in cmapPy, ids and annotation intact."""
    import warnings

    from beadwork.model.cmappy import corrected_cmappy

    with warnings.catch_warnings(), corrected_cmappy():
        warnings.simplefilter("ignore")
        from cmapPy.pandasGEXpress.parse import parse

        run("query", toy_index, "--up", sets[0], "--down", sets[1], "-o", tmp_path)
        for path in (tmp_path / "ncs.gctx", tmp_path / "noise" / "query_result.gct"):
            theirs, ours = parse(str(path)), read_matrix(path)
            assert set(theirs.data_df.index) == set(ours.rids)
            np.testing.assert_allclose(theirs.data_df.loc[ours.rids].to_numpy(), ours.values, atol=1e-5)
            assert theirs.row_metadata_df.loc[ours.rids, "cell_id"].tolist() == ours.rows["cell_id"].tolist()


def test_portions_give_the_same_answers(run, toy_index, sets, tmp_path, monkeypatch):
    """With memory for one query at a time the files are the same."""
    from beadwork.api.index import opened as connectivity

    arguments = ("query", toy_index, "--up", sets[0], "--down", sets[1], "--metric", "ks")
    assert run(*arguments, "-o", tmp_path / "whole").code == 0
    monkeypatch.setattr(connectivity, "BATCH_BYTES", 1)
    assert run(*arguments, "-o", tmp_path / "parts").code == 0
    files = sorted(path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file())
    assert files == sorted(
        path.relative_to(tmp_path / "parts") for path in (tmp_path / "parts").rglob("*") if path.is_file()
    )
    for file in files:
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "parts" / file).read_bytes(), file


def test_one_query_needs_neither_pandas_nor_compiled_kernels(toy_index, sets, tmp_path):
    """They take a second to load; the command would take twice as long."""
    code = (
        "import sys\nfrom beadwork.cli import main\n"
        f"try: main(['query', {str(toy_index)!r}, '--up', {str(sets[0])!r}, '-o', {str(tmp_path / 'out')!r}])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print(sorted({'pandas', 'numba', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
    assert {"ncs.gctx", "noise.tsv"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_one_query_that_cannot_be_used_does_not_stop_the_others(run, toy_index, tmp_path):
    genes = ConnectivityIndex.open(toy_index).genes["gene_id"].tolist()
    lines = ["\t".join(["good", "x", *genes[:30]]), "\t".join(["few", "x", *genes[:3]]), "empty\tx\t"]
    (tmp_path / "sets.gmt").write_text("\n".join(lines))
    out = tmp_path / "answers"
    outcome = run("query", toy_index, "--up", tmp_path / "sets.gmt", "-o", out, "--no-html", "--min-set", "10")
    assert outcome.code == 0, outcome.err
    assert "sets.gmt: 1 of 3 sets were skipped: set empty holds no genes" in outcome.err
    assert (
        "query few: 3 up genes are in the index, fewer than 10 each" in outcome.err and "; it is skipped" in outcome.err
    )
    assert pd.read_csv(out / "queries.tsv", sep="\t")["query"].tolist() == ["good"]
    assert pd.read_csv(out / "skipped.tsv", sep="\t")["query"].tolist() == ["few"]
    (tmp_path / "sets.gmt").write_text("\n".join(lines[1:]))
    outcome = run(
        "query", toy_index, "--up", tmp_path / "sets.gmt", "-o", tmp_path / "none", "--no-html", "--min-set", "10"
    )
    assert outcome.code == 2 and not (tmp_path / "none").exists()


def test_signature_tables_and_what_was_chosen(run, toy_index, tmp_path):
    genes = ConnectivityIndex.open(toy_index).genes
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"symbol": genes["symbol"], "logFC": rng.normal(size=978), "t": rng.normal(size=978)})
    table.to_csv(tmp_path / "de.csv", index_label="")
    out = tmp_path / "answers"
    options = ("--no-html", "--no-gct", "--no-rollup")
    outcome = run("query", toy_index, "--signature", tmp_path / "de.csv", "-o", out, *options)
    assert outcome.code == 0, outcome.err
    said = "genes: column symbol (978 of 978 rows known); values: t"
    assert f"query de: {said}" in outcome.err
    assert pd.read_csv(out / "queries.tsv", sep="\t")["notes"][0].startswith(said)
    assert read_matrix(out / "ncs.gctx").provenance["parameters"]["max_padj"] == 0.05
    outcome = run(
        "query", toy_index, "--signature", tmp_path / "de.csv", "-o", out, *options, "--value-column", "logFC"
    )
    assert outcome.code == 0 and "values: logFC" in outcome.err
    outcome = run("query", toy_index, "--signature", tmp_path / "de.csv", "-o", out, *options, "--gene-column", "nix")
    assert outcome.code == 2 and "no column nix; it has" in outcome.err


def test_whole_matrices_are_written_as_asked(run, toy_index, sets, tmp_path, monkeypatch):
    out, matrices = tmp_path / "out", ["fdr.gctx", "ncs.gctx", "tau.gctx", "wtcs.gctx"]

    def ask(*words):
        outcome = run("query", toy_index, "--up", sets[0], "-o", out, "--no-html", *words)
        assert outcome.code == 0, outcome.err
        return sorted(path.name for path in out.glob("*.gctx")), outcome.err

    assert ask()[0] == matrices, "small ones are written by themselves"
    found, said = ask("--matrices", "none")
    assert found == [] and "whole matrices are not written (--matrices all writes them)" in said
    monkeypatch.setattr("beadwork.api.index.asking.query_files.MATRIX_BYTES", 100)
    assert ask()[0] == []
    assert ask("--matrices", "all")[0] == matrices


def test_ends_of_ranked_tables_and_all_scores_in_one_file(run, toy_index, sets, tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    def ask(folder, *words):
        outcome = run("query", toy_index, "--up", sets[0], "--down", sets[1], "-o", tmp_path / folder, *words)
        assert outcome.code == 0, outcome.err
        tables = sorted((tmp_path / folder).glob("*/query_result.gct"))
        name = tables[0].parent.name
        lines = (tmp_path / folder / f"{name}.tsv").read_text().splitlines()
        return lines, tables[0].read_text().splitlines(), outcome.err

    whole, gct, _ = ask("whole")
    assert not (tmp_path / "whole" / "answers.parquet").exists()
    ends, short, said = ask("ends", "--top", 3)
    assert ends == [*whole[:4], *whole[-3:]]
    assert short[1].split("\t")[0] == "6" and short[4:] == [*gct[4:7], *gct[-3:]]
    assert f"the first and the last 3 of {len(whole) - 1} signatures (--top 0: all); answers.parquet has all" in said
    answers = pq.read_table(tmp_path / "ends" / "answers.parquet")
    names = set(answers.column("query").to_pylist())
    matrix = read_matrix(tmp_path / "whole" / "ncs.gctx")
    assert names == set(matrix.cids) and answers.num_rows == matrix.values.size
    for kind in ("wtcs", "ncs", "tau", "fdr"):
        expected = read_matrix(tmp_path / "whole" / f"{kind}.gctx").values.T.reshape(-1)
        np.testing.assert_array_equal(answers.column(kind).to_numpy(), expected)
    assert ask("ends", "--top", len(whole))[0] == whole and not (tmp_path / "ends" / "answers.parquet").exists()
    monkeypatch.setattr("beadwork.api.index.asking.query_files.TABLE_ROWS", 10)
    monkeypatch.setattr("beadwork.api.index.asking.query_files.TOP", 2)
    assert ask("ends")[0] == [*whole[:3], *whole[-2:]]
    assert ask("ends", "--top", 0)[0] == whole


def test_joined_fields_stand_beside_the_names_on_the_page_too(run, toy_index, sets, tmp_path):
    shutil.copytree(toy_index, tmp_path / "index")
    (tmp_path / "hub.tsv").write_text(
        "pert_iname\tmoa\ttarget\tclinical_phase\ndrug-0\t<odd> kinase inhibitor\tEGFR\tLaunched\n"
    )
    assert run("index", "annotate", tmp_path / "index", "--compounds", tmp_path / "hub.tsv").code == 0
    outcome = run("query", tmp_path / "index", "--up", sets[0], "-o", tmp_path / "a")
    assert outcome.code == 0, outcome.err
    page = (tmp_path / "a" / "noise" / "index.html").read_text()
    assert page.count("&lt;odd&gt; kinase inhibitor; EGFR; Launched") == 1
    assert '<th scope="col">mechanism</th><th scope="col">target</th><th scope="col">phase</th>' in page
    assert set(read_matrix(tmp_path / "a" / "ncs.gctx").rows["moa"].dropna()) == {"<odd> kinase inhibitor"}
    for name in ("noise.tsv", "noise/perturbagens.tsv"):
        table = pd.read_csv(tmp_path / "a" / name, sep="\t")
        own = table[table["pert_iname"] == "drug-0"]
        assert set(own["moa"]) == {"<odd> kinase inhibitor"} and set(own["clinical_phase"]) == {"Launched"}


def test_without_numba_the_answers_are_the_same_and_that_is_said(toy_index, sets, tmp_path):
    """A lean installation lacks it; more scores than pay for loading it are made by the plain form."""
    code = (
        "import sys\nclass Absent:\n    def find_spec(name, *more):\n"
        "        if name in {absent}: raise ModuleNotFoundError(name)\nsys.meta_path.insert(0, Absent)\n"
        "import beadwork.stages.connectivity.score as score\nscore.FEW = 0\n"
        "score.find_spec = lambda name: None if {absent} else True\nfrom beadwork.cli import main\n"
        f"try: main(['query', {str(toy_index)!r}, '--up', {str(sets[0])!r}, '-o', {str(tmp_path)!r} + '/{{out}}'])\n"
        "except SystemExit as stop: assert not stop.code\nassert ('numba' in sys.modules) != bool({absent})\n"
    )
    said = []
    for absent, out in ((["numba"], "lean"), ([], "whole")):
        script = code.format(absent=absent, out=out)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(done.stderr.count("numba is not installed: scores are the same, but take several times as long"))
    assert said == [1, 0]
    for file in (path for path in (tmp_path / "whole").rglob("*") if path.is_file()):
        assert file.read_bytes() == (tmp_path / "lean" / file.relative_to(tmp_path / "whole")).read_bytes(), file


def test_files_called_up_and_down_give_their_name(run, toy_index, tmp_path):
    genes = ConnectivityIndex.open(toy_index).genes["gene_id"].tolist()
    (tmp_path / "up.grp").write_text("\n".join(genes[:20]))
    (tmp_path / "down.grp").write_text("\n".join(genes[20:40]))
    done = run("query", toy_index, "--up", tmp_path / "up.grp", "--down", tmp_path / "down.grp", "-o", tmp_path / "a")
    assert done.code == 0, done.err
    assert (tmp_path / "a" / "up.tsv").is_file() and (tmp_path / "a" / "up" / "perturbagens.tsv").is_file()
    assert (tmp_path / "a" / "up.gmt").is_file()
