"""``beadwork signature``: from tables and values in all forms to files that ``query`` takes."""

import sys

import numpy as np
import pandas as pd
import pytest

from beadwork.api.signature.recall import recall_of_halves
from beadwork.api.signature.values import read_values
from beadwork.io.files.tables import read_table, write_table
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.connectivity.contrast import Contrast
from beadwork.stages.connectivity.contrast.groups import levels_of
from toys import call


def signature(*words) -> int:
    return call("signature", *words)


@pytest.fixture(scope="module")
def genes():
    table = gene_table()
    return table.index[table["pr_is_lm"] == 1][:600].tolist()


@pytest.fixture
def logs(tmp_path, genes):
    """Log values as TSV, twelve samples, and their design table."""
    rng = np.random.default_rng(0)
    values = rng.normal(8, 1, (600, 12))
    values[:80, :6] += 2
    values[80:120, :6] -= 2
    samples = [f"s{number:02d}" for number in range(12)]
    pd.DataFrame(values, index=genes, columns=samples).rename_axis("gene").to_csv(tmp_path / "logs.tsv", sep="\t")
    write_table(pd.DataFrame({"sample": samples, "arm": ["ill"] * 6 + ["well"] * 6, "batch": list("xyxyxyxyxyxy")}),
                tmp_path / "design.tsv")  # fmt: skip
    return tmp_path


def test_log_values_with_a_design_table(logs, genes, capsys):
    pytest.importorskip("pylimma")
    out = logs / "out"
    assert signature(logs / "logs.tsv", "--design", logs / "design.tsv", "--groupby", "arm", "--case", "ill",
                     "--control", "well", "--covariate", "batch", "-o", out) == 0  # fmt: skip
    assert "ill_vs_well: 6 against 6 samples, 600 genes reach the index (600 measured)" in capsys.readouterr().out
    table = read_table(out / "ill_vs_well.tsv", text_only=True)
    assert list(table) == ["gene", "symbol", "log2_fold_change", "statistic", "p", "fdr"]
    assert set(table["gene"][:50]) <= set(genes[:80])
    quality = read_table(out / "quality.tsv").iloc[0]
    assert quality["trust"] == "yes" and quality["split_half"] > 0.3 and quality["n_significant"] > 80
    up = (out / "up.gmt").read_text().split("\t")
    assert up[0] == "ill_vs_well_UP" and set(up[2:60]) <= {*genes[:80]}
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert signature(logs / "logs.tsv", "--design", logs / "design.tsv", "--groupby", "arm", "--case", "ill",
                     "--control", "well", "--covariate", "batch", "-o", out) == 0  # fmt: skip
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_query_takes_all_three_outputs(logs, capsys):
    pytest.importorskip("pylimma")
    out = logs / "out"
    assert signature(logs / "logs.tsv", "--design", logs / "design.tsv", "--groupby", "arm", "--control", "well",
                     "-o", out) == 0  # fmt: skip
    asked = (["--signature", out / "ill_vs_well.tsv"], ["--signature", out / "signatures.gctx"],
             ["--up", out / "up.gmt", "--down", out / "dn.gmt"])  # fmt: skip
    scores = []
    for number, words in enumerate(asked):
        assert call("query", *words, "--no-html", "--no-rollup", "-o", out / f"answer{number}") == 0
        scores.append(read_table(out / f"answer{number}" / "ill_vs_well.tsv").set_index("sig_id")["wtcs"])
    assert scores[0].corr(scores[1]) == pytest.approx(1) and scores[0].corr(scores[2]) > 0.3
    assert "values: statistic" in capsys.readouterr().err


def test_counts_pseudobulk_of_h5ad(tmp_path, genes, capsys):
    anndata = pytest.importorskip("anndata")
    pytest.importorskip("pydeseq2")
    from scipy import sparse

    rng = np.random.default_rng(1)
    owners = np.repeat([f"d{k}" for k in range(8)], 30)
    arms = np.where(np.repeat(np.arange(8), 30) < 4, "ill", "well")
    level = rng.gamma(2, 1, 300)
    donor = rng.gamma(20, 1 / 20, (8, 300)).repeat(30, axis=0)
    mean = level * donor
    mean[arms == "ill", :40] *= 4
    counts = rng.poisson(mean).astype(np.float32)
    obs = pd.DataFrame({"arm": pd.Categorical(arms), "donor": owners}, index=[f"cell{k}" for k in range(240)])
    data = anndata.AnnData(sparse.csr_matrix(counts), obs, pd.DataFrame(index=pd.Index(genes[:300])))
    data.layers["counts"] = data.X.copy()
    data.X = sparse.csr_matrix(np.log1p(counts))
    data.write_h5ad(tmp_path / "cells.h5ad")
    assert signature(tmp_path / "cells.h5ad", "--groupby", "arm", "--case", "ill", "--control", "well",
                     "--sample", "donor", "--layer", "counts", "-o", tmp_path / "out") == 0  # fmt: skip
    table = read_table(tmp_path / "out" / "ill_vs_well.tsv", text_only=True)
    assert len(set(table["gene"][:40]) & set(genes[:40])) > 36
    quality = read_table(tmp_path / "out" / "quality.tsv").iloc[0]
    assert quality["method"] == "Wald statistic (pydeseq2)" and quality["n_case"] == 4
    assert "240 cells were summed to 8 samples by donor" in quality["notes"]
    assert "of the 978 measured genes are there" in quality["warnings"] and quality["trust"] == "no"
    assert "warning: 240 cells were summed to 8 samples by donor" in capsys.readouterr().err
    assert signature(tmp_path / "cells.h5ad", "--groupby", "arm", "--control", "well", "--layer", "x",
                     "-o", tmp_path / "none") == 2  # fmt: skip
    assert "no layer 'x'; it has counts" in capsys.readouterr().err and not (tmp_path / "none").exists()


def test_a_table_of_deseq2_keeps_its_p_and_padj(tmp_path, genes):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"log2FoldChange": rng.normal(size=600), "stat": rng.normal(0, 4, 600)}, index=genes)
    table["pvalue"] = np.exp(-np.abs(table["stat"]))
    table["padj"] = np.minimum(1, table["pvalue"] * 3)
    table.to_csv(tmp_path / "de.csv")
    assert signature(tmp_path / "de.csv", "-o", tmp_path / "out") == 0
    found = read_table(tmp_path / "out" / "de.tsv").astype({"gene": str}).set_index("gene")
    assert found.loc[genes, "p"].to_numpy() == pytest.approx(table["pvalue"].to_numpy(), rel=1e-5)
    assert found.loc[genes, "fdr"].to_numpy() == pytest.approx(table["padj"].to_numpy(), rel=1e-5)
    assert found["statistic"].is_monotonic_decreasing
    table.drop(columns=["pvalue", "padj"]).to_csv(tmp_path / "de.csv")
    assert signature(tmp_path / "de.csv", "-o", tmp_path / "out") == 0
    quality = read_table(tmp_path / "out" / "quality.tsv").iloc[0]
    assert "no p-values: what is noise is not known" in quality["warnings"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--case", "ill"], "--case needs --groupby FIELD"),
        (["--groupby", "arm", "--control", "well"], "samples have no field 'arm'; there are none; --design may name"),
        (["--groupby", "arm", "--design", "design.tsv", "--control", "wel"],
         "arm has no group 'wel'; it has ill (6), well (6)"),
        (["--groupby", "arm", "--design", "design.tsv", "--control", "well", "--covariate", "age"],
         "samples have no field 'age'; there are arm, batch"),
        (["--groupby", "arm", "--design", "design.tsv", "--control", "well", "--layer", "counts"],
         "has no layers; only h5ad files have"),
        (["--groupby", "arm", "--design", "other.tsv", "--control", "well"],
         "no column names samples of the values (s00, s01"),
        (["--groupby", "arm", "--design", "design.tsv", "--contrasts", "c.tsv"], "c.tsv: lacks the column control"),
    ],
)  # fmt: skip
def test_mistakes_are_one_clear_line(logs, capsys, monkeypatch, words, said):
    monkeypatch.chdir(logs)
    (logs / "other.tsv").write_text("sample\tarm\nq1\till\n")
    (logs / "c.tsv").write_text("case\nill\n")
    assert signature("logs.tsv", *words, "-o", "none") == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not (logs / "none").exists()


def test_only_samples_that_pass_a_filter(logs, capsys, monkeypatch):
    pytest.importorskip("pylimma")
    monkeypatch.chdir(logs)
    words = ["logs.tsv", "--design", "design.tsv", "--groupby", "arm", "--control", "well"]
    assert signature(*words, "--where", "batch=x", "-o", "out") == 0
    assert read_table("out/quality.tsv")[["n_case", "n_control"]].iloc[0].tolist() == [3, 3]
    capsys.readouterr()
    assert signature(*words, "--where", "dose=1", "-o", "none") == 2
    assert "filter 'dose=1': samples have no field 'dose'; there are arm, batch" in capsys.readouterr().err
    assert signature(*words, "--where", "batch=z", "-o", "none") == 2
    assert "logs.tsv: no sample passes 'batch=z'" in capsys.readouterr().err


def test_levels_that_pass_for_changes_are_said(logs, capsys):
    """A matrix of expression without --groupby: each sample were a signature of genes that all go up."""
    frame = pd.read_csv(logs / "logs.tsv", sep="\t")[["gene", "s00"]].rename(columns={"s00": "value"})
    frame.to_csv(logs / "one.csv", index=False)
    assert signature(logs / "one.csv", "-o", logs / "out") == 0
    assert "no gene goes down: these look like levels, not changes; --groupby" in capsys.readouterr().out


def test_contrasts_of_a_table_and_one_that_cannot_be_made(logs, monkeypatch, capsys):
    pytest.importorskip("pylimma")
    monkeypatch.chdir(logs)
    design = read_table("design.tsv")
    design.loc[11, "arm"], design.loc[10, "arm"] = "odd", "one"
    write_table(design, "design.tsv")
    (logs / "c.csv").write_text("name,case,control\nfirst,ill,well\nlast,odd,one\n")
    assert signature("logs.tsv", "--groupby", "arm", "--design", "design.tsv", "--contrasts", "c.csv", "-o", "out") == 0
    assert read_table("out/quality.tsv")["contrast"].tolist() == ["first"]
    assert "leave nothing to estimate the variance from" in read_table("out/skipped.tsv")["reason"][0]
    assert "last: skipped: contrast last: 2 samples" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["pylimma", "pydeseq2"])
def test_without_the_libraries_one_line_says_what_to_install(logs, capsys, monkeypatch, name):
    monkeypatch.chdir(logs)
    for module in [module for module in sys.modules if module.partition(".")[0] == name] + [name]:
        monkeypatch.setitem(sys.modules, module, None)
    kind = {"pylimma": "log", "pydeseq2": "counts"}[name]
    assert signature("logs.tsv", "--groupby", "arm", "--design", "design.tsv", "--control", "well", "--values", kind,
                     "-o", "out") == 2  # fmt: skip
    assert capsys.readouterr().err == (
        f"beadwork: error: comparing groups of samples needs the package {name}; install beadwork[signature]\n"
    )


@pytest.mark.slow
def test_halves_of_real_contrasts_recall_each_other_first(shared_data):
    """Huntington against control, breast against colon, six types of sarcoma against the others."""
    pytest.importorskip("pylimma")
    values = read_values(shared_data / "expression" / "u133a_log2_float16.npz", "label")
    studies = {"Huntington": ("symptomatic", "control"), "breast": ("breast", "colon")}
    apart = [label for pair in studies.values() for label in pair]
    contrasts = [Contrast(name, case, control) for name, (case, control) in studies.items()]
    levels = levels_of([label for label in values.labels if label is not None])
    contrasts += [Contrast(name, name, "rest") for name, n in levels.items() if n >= 4 and name not in apart]
    table = recall_of_halves(values, contrasts, apart=apart, seed=1)
    assert len(table) == 9
    table = table[table["n_case"] >= 8]  # of fewer, a half has two or three cases: too few, as quality.tsv says
    assert len(table) == 7 and (table["rank"] == 1).all() and (table["own"] > table["next"]).all()


def test_names_that_are_no_genes_are_reported(logs, genes, capsys):
    pytest.importorskip("pylimma")
    text = (logs / "logs.tsv").read_text()
    for gene, name in zip(genes[-2:], ("notagene", "1-Sep"), strict=True):
        text = text.replace(f"\n{gene}\t", f"\n{name}\t")
    (logs / "logs.tsv").write_text(text)
    assert signature(logs / "logs.tsv", "--design", logs / "design.tsv", "--groupby", "arm", "--case", "ill",
                     "--control", "well", "-o", logs / "out") == 0  # fmt: skip
    words = "2 of 600 row names are no known genes (notagene, 1-Sep); queries leave them out"
    assert words in capsys.readouterr().err
    assert words in read_table(logs / "out" / "quality.tsv")["notes"][0]
    table = read_table(logs / "out" / "ill_vs_well.tsv", text_only=True)
    table.loc[0, "gene"] = "nogene"
    write_table(table.drop(columns="symbol"), logs / "de.tsv")
    assert signature(logs / "de.tsv", "-o", logs / "again") == 0
    assert "nogene" in capsys.readouterr().err
    assert "nogene" in read_table(logs / "again" / "quality.tsv")["notes"][0]
