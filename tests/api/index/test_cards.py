"""Cards of an index."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from beadwork.api import ConnectivityIndex
from beadwork.api.index import cards
from beadwork.api.index.cards.gene import gene_row
from beadwork.api.index.cards.rows import by_amount
from beadwork.api.index.writing.build import build_index
from beadwork.cli import cli
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.io.platform.inference_model import inference_accuracies
from beadwork.model.errors import GeneSetError
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import IndexParams


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three drugs of two classes in two cells at three doses; the first two share genes; a knock-out of DDR1."""
    folder = tmp_path_factory.mktemp("cards")
    rng = np.random.default_rng(5)
    genes = gene_table().index[:400]
    effect = {"a1": rng.normal(size=400) * 3, "b1": rng.normal(size=400) * 3}
    effect["a2"] = effect["a1"]
    rows, values = [], []
    for name, moa in (("a1", "A inhibitor"), ("a2", "A inhibitor|C agonist"), ("b1", "B inhibitor")):
        for cell in ("A375", "MCF7"):
            for dose in ("0.1 uM", "1 uM", "10 uM"):
                rows.append((f"{name}:{cell}:{dose[:-3]}", f"id-{name}", name, "trt_cp", cell, dose, "24 h", moa, 0.3))
                values.append(effect[name] * float(dose[:-3]) ** 0.25 + rng.normal(size=400))
    for cell in ("A375", "MCF7"):
        rows.append((f"ko:{cell}", "id-ko", "DDR1", "trt_xpr", cell, None, "96 h", None, 0.1))
        values.append(rng.normal(size=400))
        values[-1][0] = -8
        rows.append((f"dmso:{cell}", "DMSO", "DMSO", "ctl_vehicle", cell, None, "24 h", None, 0.0))
        values.append(rng.normal(size=400))
    names = ["sig_id", "pert_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime", "moa", "tas"]
    cols = pd.DataFrame(rows, columns=names).set_index("sig_id").rename_axis(None)
    matrix = Matrix(np.array(values, np.float32).T, pd.DataFrame(index=genes), cols, level=Level.MODZ)
    write_matrix(matrix, folder / "modz.gctx")
    build_index(folder / "index", [folder / "modz.gctx"], params=IndexParams(background=0))
    return folder / "index"


@pytest.fixture
def opened(index: Path) -> ConnectivityIndex:
    return ConnectivityIndex.open(index, threads=1)


def test_gene(opened: ConnectivityIndex) -> None:
    card = cards.show_gene(opened, "DDR1")
    z = [float(opened.signature(sig)["780"]) for sig in opened.siginfo["sig_id"]]
    assert gene_row(opened, 0).tolist() == pytest.approx(z)
    assert card.facts["gene_id"] == "780"
    assert card.facts["values"] == "measured (landmark)"
    assert card.tables["own"]["sig_id"].tolist() == ["ko:A375", "ko:MCF7"]
    assert card.tables["own"]["z"].tolist() == [-8, -8]
    assert card.tables["perturbagens"]["pert_iname"].iloc[-1] == "DDR1"
    medians = card.tables["perturbagens"].set_index("pert_iname")["median_z"]
    info = opened.siginfo
    assert medians["a1"] == pytest.approx(np.median(np.array(z)[(info["pert_iname"] == "a1").to_numpy()]))
    assert set(card.tables["doses"]["pert_idose"]) == {"0.1 uM", "1 uM", "10 uM"}
    with pytest.raises(GeneSetError, match="NOGENE"):
        cards.show_gene(opened, "NOGENE")


def test_perturbagen(opened: ConnectivityIndex) -> None:
    card = cards.show_perturbagen(opened, "A1")
    assert card.facts["pert_id"] == "id-a1"
    assert (card.facts["signatures"], card.facts["cells"]) == (6, 2)
    assert card.tables["doses"]["pert_idose"].tolist() == ["0.1 uM", "1 uM", "10 uM"] * 2
    assert card.tables["nearest"]["pert_iname"].iloc[0] == "a2"
    assert "a1" not in set(card.tables["nearest"]["pert_iname"])
    assert (card.tables["agreement"]["cosine_with_others"] > 0.9).all()
    assert (card.tables["genes"]["share_same_sign"] == 1).all()
    assert cards.show_perturbagen(opened, "id-a1").facts == card.facts
    with pytest.raises(GeneSetError, match="has no pert_iname or pert_id 'a11'; near it: "):
        cards.show_perturbagen(opened, "a11")
    with pytest.raises(GeneSetError, match="has no cell_id 'mcf'; near it: MCF7"):
        cards.show_cell(opened, "mcf")


def test_doses_of_cards_follow_their_amounts() -> None:
    rows = [("24 h", "10 uM"), ("6 h", "10 uM"), ("24 h", "3.33 uM"), ("24 h", None), ("24 h", "0.0412 uM")]
    table = pd.DataFrame(rows, columns=["pert_itime", "pert_idose"])
    assert table.sort_values(["pert_itime", "pert_idose"], key=by_amount).index.tolist() == [1, 4, 2, 0, 3]


def test_cell_signature_and_class(opened: ConnectivityIndex) -> None:
    cell = cards.show_cell(opened, "mcf7")
    assert cell.facts == {"cell_id": "MCF7", "signatures": 11, "perturbagens": 4}, "DMSO is none"
    assert cell.tables["tried"]["n_signatures"].sum() == 11
    card = cards.show_signature(opened, "a1:A375:10")
    assert card.facts["file"] == "modz.gctx"
    assert card.tables["profile"]["list_score"].is_monotonic_decreasing
    assert card.tables["nearest"]["pert_iname"].iloc[0] in ("a1", "a2")
    found = cards.show_class(opened, "a Inhibitor")
    assert found.tables["members"]["pert_iname"].tolist() in (["a1", "a2"], ["a2", "a1"])
    assert found.facts["cohesion"] > 0.9
    assert cards.show_class(opened, "a Inhibitor").facts == found.facts
    with pytest.raises(GeneSetError, match="has no class 'A inhibitr'; near it: a inhibitor"):
        cards.show_class(opened, "A inhibitr")


@pytest.mark.parametrize("scale", [None, "own", "measured"])
def test_inferred_genes_of_a_signature_count_by_their_accuracy(tmp_path: Path, scale: str | None) -> None:
    table = gene_table()
    genes = table.index[table["pr_is_lm"] == 1][:300].append(table.index[table["pr_is_lm"] == 0][:100])
    z = np.random.default_rng(2).normal(size=(400, 3)).astype(np.float32)
    cols = pd.DataFrame({"pert_iname": list("abc"), "cell_id": "A375"}, index=["s0", "s1", "s2"])
    step = {"command": "zscore", "version": "1", "parameters": {"scale": scale}}
    record = {} if scale is None else {"command": "consensus", "version": "1", "parameters": {}, "history": [step]}
    matrix = Matrix(z, pd.DataFrame(index=genes), cols, level=Level.MODZ, provenance=record)
    write_matrix(matrix, tmp_path / "modz.gctx")
    write_matrix(matrix.take_rows(genes[:300]), tmp_path / "landmarks.gctx")
    for name, file in (("index", "modz.gctx"), ("lm", "landmarks.gctx")):
        build_index(tmp_path / name, [tmp_path / file], params=IndexParams(background=0))
    landmarks = cards.show_signature(ConnectivityIndex.open(tmp_path / "lm", threads=1), "s1")
    assert "list_score" not in landmarks.tables["profile"] and "profile_ranked_by" not in landmarks.facts
    assert landmarks.tables["profile"]["z"].is_monotonic_decreasing
    drug = cards.show_perturbagen(ConnectivityIndex.open(tmp_path / "lm", threads=1), "b")
    assert "list_score" not in drug.tables["genes"] and "genes_ranked_by" not in drug.facts
    card = cards.show_signature(ConnectivityIndex.open(tmp_path / "index", threads=1), "s1")
    profile = card.tables["profile"]
    if scale == "measured":
        assert profile["z"].is_monotonic_decreasing and "zscore --scale measured" in card.facts["profile_ranked_by"]
        return
    assert card.facts["profile_ranked_by"] == "inferred genes by z times the accuracy of their inference"
    assert profile["list_score"].is_monotonic_decreasing and not profile["z"].is_monotonic_decreasing
    factor = profile["gene_id"].map(inference_accuracies()).fillna(1.0)
    assert factor.lt(1).sum() == 100
    np.testing.assert_allclose(profile["list_score"], profile["z"] * factor, rtol=1e-6)


def test_command(index: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    result = runner.invoke(cli, ["show", str(index), "--gene", "DDR1", "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "measured (landmark)" in result.output
    assert "perturbagens.tsv" in {path.name for path in (tmp_path / "out").iterdir()}
    result = runner.invoke(cli, ["show", str(index), "--sig", "ko:A375", "--json"])
    assert json.loads(result.output)["facts"]["pert_iname"] == "DDR1"
    for option, name in (("--pert", "b1"), ("--cell", "A375"), ("--class", "B inhibitor")):
        result = runner.invoke(cli, ["show", str(index), option, name])
        assert result.exit_code == 0, result.output
    assert runner.invoke(cli, ["show", str(index)]).exit_code != 0


def mixed_index(tmp_path: Path, scales: list[str | None]) -> Path:
    """Signatures of one drug, a matrix for each scale of z; the first 300 genes are landmarks, 100 are inferred."""
    table, rng = gene_table(), np.random.default_rng(2)
    genes = table.index[table["pr_is_lm"] == 1][:300].append(table.index[table["pr_is_lm"] == 0][:100])
    effect, files = rng.normal(size=(400, 1)), []
    for number, scale in enumerate(scales):
        step = {"command": "zscore", "version": "1", "parameters": {"scale": scale}}
        record = {} if scale is None else {"command": "consensus", "version": "1", "parameters": {}, "history": [step]}
        cols = pd.DataFrame({"pert_iname": "drug", "pert_type": "trt_cp", "cell_id": "A375"},
                            index=[f"s{number}{letter}" for letter in "ab"])  # fmt: skip
        values = (effect + rng.normal(size=(400, 2)) / 2).astype(np.float32)
        files.append(tmp_path / f"modz{number}.gctx")
        matrix = Matrix(values, pd.DataFrame(index=genes), cols, level=Level.MODZ, provenance=record)
        write_matrix(matrix, files[-1])
    build_index(tmp_path / "index", files, params=IndexParams(background=0))
    return tmp_path / "index"


@pytest.mark.parametrize("scales", [["own"], ["measured"], ["own", "measured"], ["measured", "own", None]])
def test_constant_genes_count_inferred_ones_by_their_accuracy(tmp_path: Path, scales: list[str | None]) -> None:
    index = ConnectivityIndex.open(mixed_index(tmp_path, scales), threads=1)
    card = cards.show_perturbagen(index, "drug")
    z = index.store.read_signatures(range(2 * len(scales)))
    factor = np.array([inference_accuracies().get(gene, 1.0) for gene in index.store.gene_ids])
    own = np.repeat([scale != "measured" for scale in scales], 2)
    listed = np.where(own[:, None], z * np.clip(factor, 0, 1), z)
    expected = listed.mean(axis=0) * np.sqrt(len(z)) / np.sqrt(listed.std(axis=0) ** 2 + 1)
    found = card.tables["genes"].set_index("gene_id")["list_score"]
    np.testing.assert_allclose(found, pd.Series(expected, index.store.gene_ids)[found.index], rtol=1e-6)
    assert found.is_monotonic_decreasing and found.iloc[0] == pytest.approx(expected.max())
    said = card.facts["genes_ranked_by"]
    assert ("times the accuracy" in said) == own.any()
    assert ("zscore --scale measured" in said) == (not own.all())
    assert ("2 of " in said) == (own.any() and not own.all())


@pytest.mark.parametrize(("option", "name"), [("--sig", "s0a"), ("--pert", "drug")])
def test_gene_sets_of_a_signature_or_perturbagen(tmp_path: Path, option: str, name: str) -> None:
    index = mixed_index(tmp_path, ["own"])
    result = CliRunner().invoke(
        cli, ["show", str(index), option, name, "--gmt", str(tmp_path / "x.gmt"), "--genes", "30"]
    )
    assert result.exit_code == 0, result.output
    up, down = (line.split("\t") for line in (tmp_path / "x.gmt").read_text().splitlines())
    assert (up[0], down[0]) == (f"{name}_UP", f"{name}_DN") and len(up) == len(down) == 32
    assert up[1].endswith("ranked by: inferred genes by z times the accuracy of their inference")
    opened = ConnectivityIndex.open(index, threads=1)
    card = (cards.show_signature if option == "--sig" else cards.show_perturbagen)(opened, name)
    table = card.tables["profile" if option == "--sig" else "genes"]
    assert up[2:27] == table["symbol"].head(25).tolist() and down[2:27] == table["symbol"].tolist()[::-1][:25]
    answer = CliRunner().invoke(cli, ["query", str(index), "--up", str(tmp_path / "x.gmt"), "-o", str(tmp_path / "q")])
    assert answer.exit_code == 0, answer.output
    assert (tmp_path / "q" / f"{name}.tsv").is_file()  # one query of both sets


def test_gene_sets_are_refused_or_short_in_one_line(index: Path, tmp_path: Path) -> None:
    wrong = CliRunner().invoke(cli, ["show", str(index), "--cell", "A375", "--gmt", str(tmp_path / "x.gmt")])
    assert str(wrong.exception) == "--gmt: gene sets are those of a signature or perturbagen; give --sig or --pert"
    assert not (tmp_path / "x.gmt").exists()
    few = CliRunner().invoke(
        cli, ["show", str(index), "--sig", "ko:A375", "--gmt", str(tmp_path / "x.gmt"), "--genes", "399"]
    )
    assert few.exit_code == 0, few.output
    sets = [set(line.split("\t")[2:]) for line in (tmp_path / "x.gmt").read_text().splitlines()]
    assert len(sets) == 2 and not sets[0] & sets[1]
