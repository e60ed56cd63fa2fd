"""``beadwork explain``: the forms an answer comes in, and a real one."""

import numpy as np
import pandas as pd
import pytest

from beadwork.cli import main
from beadwork.io.files.tables import read_table, write_table


def explain(*words) -> int:
    try:
        main(["explain", *map(str, words)])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture
def ranked(tmp_path):
    """A ranked table under the names of LINCS 2020: five estrogen agonists on top, a table of mechanisms beside it."""
    rng = np.random.default_rng(0)
    names = [f"cpd{number:03d}" for number in range(200)]
    score = rng.normal(size=200)
    score[:5] += 3
    table = pd.DataFrame({"cmap_name": names, "pert_type": "trt_cp", "cell_iname": "MCF7", "norm_cs": score})
    write_table(table.sort_values("norm_cs", ascending=False), tmp_path / "ranked.tsv")
    moa = ["estrogen receptor agonist"] * 5 + [f"m{number % 20}" for number in range(195)]
    target = ["ESR1|ESR2"] * 5 + [""] * 195
    write_table(pd.DataFrame({"pert_iname": names, "moa": moa, "target": target}), tmp_path / "hub.tsv")
    return tmp_path


def test_a_ranked_table_with_classes_beside_it(ranked, capsys):
    assert explain(ranked / "ranked.tsv", "--classes", ranked / "hub.tsv", "-o", ranked / "out") == 0
    assert "mechanisms: 21 of 200 perturbagens" in capsys.readouterr().out
    classes = read_table(ranked / "out" / "classes.tsv")
    assert classes.loc[0, ["query", "class"]].tolist() == ["ranked", "estrogen receptor agonist"]
    genes = read_table(ranked / "out" / "genes.tsv")
    assert set(genes["symbol"]) == {"ESR1", "ESR2"} and (genes["score"] > 3).all() and (genes["n_drugs"] == 5).all()
    assert len(read_table(ranked / "out" / "perturbagens.tsv")) == 200


def test_sets_and_hits(ranked):
    (ranked / "sets.gmt").write_text("mine\tna\t" + "\t".join(f"CPD{n:03d}" for n in range(5)) + "\n")
    (ranked / "hits.txt").write_text("cpd001\ncpd002\ncpd003\n")
    assert explain(ranked / "ranked.tsv", "--classes", ranked / "hub.tsv", "--sets", ranked / "sets.gmt",
                   "--hits", ranked / "hits.txt", "-o", ranked / "out") == 0  # fmt: skip
    assert {"mechanism", "target", "set"} == set(read_table(ranked / "out" / "classes.tsv")["kind"])
    assert read_table(ranked / "out" / "hits.tsv")["n_hits"].max() == 3


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"pert_iname": ["a"], "value": [1.0]}, "has no column of scores; one of ncs, norm_cs"),
        ({"sig": ["a"], "ncs": [1.0]}, "its rows have neither pert_iname nor pert_id"),
        ({"pert_iname": ["a"], "ncs": [1.0]}, "nothing to explain it with"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_written(tmp_path, capsys, columns, said):
    write_table(pd.DataFrame(columns), tmp_path / "bad.tsv")
    assert explain(tmp_path / "bad.tsv", "-o", tmp_path / "out") == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_real_answer_to_oestradiol(shared_data, tmp_path):
    path = shared_data / "signatures" / "ncs_mcf7_frasor_er_n1x38773.gctx.gz"
    assert explain(path, "-o", tmp_path / "out") == 0
    classes = read_table(tmp_path / "out" / "classes.tsv")
    mechanisms = classes[classes["kind"] == "mechanism"]["class"].tolist()
    assert mechanisms[0] == "Estrogen receptor agonist"
    assert "Estrogen receptor antagonist" in mechanisms[-5:]
    genes = read_table(tmp_path / "out" / "genes.tsv")
    assert genes["symbol"].iloc[0] == "ESR1" and genes["score"].iloc[0] > 0 and genes["q"].iloc[0] < 1e-6
    assert genes.loc[0, ["shRNA", "CRISPR", "drugs"]].astype(float).min() > 3
