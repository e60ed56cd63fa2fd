"""Annotation joined to an index that is there."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from beadwork.api import ConnectivityIndex
from beadwork.api.library.annotate_index import annotate_index
from beadwork.api.library.build import build_library
from beadwork.cli import cli
from beadwork.io.connectivity.index.positions import read_positions, write_positions
from beadwork.model.errors import BeadworkError
from beadwork.model.params import IndexParams


@pytest.fixture
def index(lincs2020: Path, tmp_path: Path) -> Path:
    for name in ("compoundinfo_beta.txt", "cellinfo_beta.txt"):
        (lincs2020 / name).rename(tmp_path / name)
    build_library(lincs2020, tmp_path / "index", params=IndexParams(background=4))
    return tmp_path / "index"


def test_values_stay_and_annotation_comes(index: Path, tmp_path: Path) -> None:
    before = ConnectivityIndex.open(index, threads=1)
    assert "moa" not in before.annotation
    drugs, cells = annotate_index(
        index, compounds=[tmp_path / "compoundinfo_beta.txt"], cells=[tmp_path / "cellinfo_beta.txt"]
    )
    after = ConnectivityIndex.open(index, threads=1)
    assert (drugs.n_given, drugs.by_id, drugs.by_name) == (3, 2, 0)
    assert [item[1] for item in drugs.unmatched] == ["10-DEBC"]
    assert cells.unmatched == [("MCF7", "", 11)]
    assert after.verify() == ([], [])
    assert after.info()["background_queries"] == 4
    assert (after.store.read_signatures(range(22)) == before.store.read_signatures(range(22))).all()
    ranked = after.query(up=list(after.genes["gene_id"][:20]))
    assert set(ranked.loc[ranked["pert_iname"] == "vorinostat", "moa"]) == {"HDAC inhibitor"}
    result = after.query_many({"q": list(after.genes["gene_id"][:20])})
    perts = result.perturbagens("q").set_index("pert_iname")
    assert perts.loc["vorinostat", "target"] == "HDAC1|HDAC2"
    assert "clinical_phase" not in perts


def test_a_map_of_the_signatures_stays(index: Path, tmp_path: Path) -> None:
    store = ConnectivityIndex.open(index).store
    write_positions(store, np.zeros((store.n_signatures, 2), np.uint16), {"made": "here"})
    annotate_index(index, compounds=[tmp_path / "compoundinfo_beta.txt"])
    after = ConnectivityIndex.open(index).store
    assert after.digest != store.digest and read_positions(after)[1]["made"] == "here"


def test_by_name_and_again_by_a_better_table(index: Path, tmp_path: Path) -> None:
    table = tmp_path / "own.tsv"
    table.write_text("pert_iname\tmoa\tChEMBL_ID\nVORINOSTAT\tmine\tCHEMBL98\nESR1\tno drug\t\n")
    (report,) = annotate_index(index, compounds=[table])
    assert (report.by_id, report.by_name) == (0, 1)
    info = ConnectivityIndex.open(index).siginfo.astype(object).set_index("pert_iname")
    assert set(info.loc["vorinostat", "chembl_id"]) == {"CHEMBL98"}
    assert info.loc["ESR1", "moa"].isna().all()  # a knock-out is no drug of that name
    annotate_index(index, compounds=[tmp_path / "compoundinfo_beta.txt"])
    info = ConnectivityIndex.open(index).siginfo.astype(object).set_index("pert_iname")
    assert set(info.loc["vorinostat", "moa"]) == {"HDAC inhibitor"}
    assert set(info.loc["vorinostat", "chembl_id"]) == {"CHEMBL98"}
    generation = ConnectivityIndex.open(index).info()["generation"]
    annotate_index(index, compounds=[tmp_path / "compoundinfo_beta.txt"])
    assert ConnectivityIndex.open(index).info()["generation"] == generation


def test_command(index: Path, tmp_path: Path) -> None:
    unmatched = tmp_path / "unmatched.tsv"
    arguments = ["index", "annotate", str(index), "--compounds", str(tmp_path / "compoundinfo_beta.txt")]
    result = CliRunner().invoke(cli, [*arguments, "--unmatched", str(unmatched)])
    assert result.exit_code == 0, result.output
    assert "2 of 3 compounds found (2 by id, 0 by name); not found: 1 (10-DEBC)" in result.output
    assert unmatched.read_text().splitlines()[1] == "compounds\tBRD-K70792160\t10-DEBC\t6"


def test_tables_that_say_nothing(index: Path, tmp_path: Path) -> None:
    with pytest.raises(BeadworkError, match="no table given"):
        annotate_index(index)
    table = tmp_path / "t.tsv"
    table.write_text("a\tb\n1\t2\n")
    with pytest.raises(BeadworkError, match=r"lacks pert_id \(or broad_id\) and pert_iname"):
        annotate_index(index, compounds=[table])
