"""What a release holds reads back into an index that is equal to that of the results."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.api.library.build import build_library
from beadwork.api.runs.release import Scope, release
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.errors import FileError, ParameterError
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import IndexParams


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Signatures of two brews, with all kinds of fields."""
    rng = np.random.default_rng(3)
    table = gene_table()
    genes = table.index[table["pr_is_lm"] == 1]
    rows = pd.DataFrame({"pr_gene_symbol": table.loc[genes, "pr_gene_symbol"]}, index=genes)
    for brew in ("ONE", "TWO"):
        n = 14
        cols = pd.DataFrame(
            {
                "brew_prefix": brew, "pert_id": [f"BRD-{k}" for k in range(n)],
                "pert_iname": ["=SUM(A1)", "-", "(+)-jq1", "+/-x", "@home", "é", *[f"d{k}" for k in range(6, n)]],
                "pert_type": ["ctl_vehicle", *["trt_cp"] * (n - 1)], "cell_id": "A375",
                "pert_dose": [np.nan, *(10 / 3 ** np.arange(n - 1))], "pert_dose_unit": [np.nan, *["um"] * (n - 1)],
                "pert_time": 24.0, "pert_time_unit": "h", "distil_id": "a|b", "distil_cc_q75": rng.uniform(size=n),
                "tas": rng.uniform(size=n).astype(np.float32), "is_gold": rng.integers(0, 2, n), "own_field": "kept",
            },
            index=[f"{brew}:{k}" for k in range(n)],
        )  # fmt: skip
        matrix = Matrix(rng.normal(size=(978, n)), rows, cols, level=Level.MODZ)
        write_matrix(matrix, tmp_path / "results" / "signatures" / f"{brew}_MODZ.gctx")
    return tmp_path / "results"


def test_a_release_reads_back_into_an_equal_index(results, tmp_path):
    (name,) = release(results, tmp_path / "release", name="LAB", levels=["5"])
    folder = tmp_path / "release"
    tables = [folder / "LAB_sig_info.txt", folder / "LAB_sig_metrics.txt"]
    sources = sorted((results / "signatures").iterdir())
    own = ConnectivityIndex.build(tmp_path / "own", sources, background=20)
    again = ConnectivityIndex.build(tmp_path / "again", folder / name, tables, background=20)
    facts, others = own.info(), again.info()
    assert {key: facts[key] for key in facts if key not in ("path", "bytes")} == {
        key: others[key] for key in others if key not in ("path", "bytes")
    }
    assert own.store.manifest["level"] == again.store.manifest["level"] == "MODZ"
    one, two = (item.siginfo.drop(columns="source") for item in (own, again))
    pd.testing.assert_frame_equal(two[one.columns.tolist()], one, check_dtype=False, check_categorical=False)
    pd.testing.assert_frame_equal(own.genes, again.genes)
    up = own.genes["gene_id"].tolist()[:30]
    pd.testing.assert_frame_equal(again.query(up=up), own.query(up=up), check_dtype=False, check_categorical=False)


def test_library_build_takes_the_folder_of_a_release(results, tmp_path):
    release(results, tmp_path / "release", name="LAB", levels=["5"])
    said: list[str] = []
    build_library(tmp_path / "release", tmp_path / "library", params=IndexParams(background=20), said=said.append)
    assert any("matrix of level 5" in line for line in said)
    sources = sorted((results / "signatures").iterdir())
    own = ConnectivityIndex.build(tmp_path / "own", sources, background=20)
    library = ConnectivityIndex.open(tmp_path / "library")
    assert len(library) == len(own) == 28
    order = [list(library.siginfo["sig_id"]).index(item) for item in own.siginfo["sig_id"]]
    assert (library.store.read_signatures(order) == own.store.read_signatures(range(28))).all()
    for field in ("pert_iname", "pert_type", "cell_id", "pert_idose", "tas", "own_field"):
        assert library.siginfo[field].astype(str).iloc[order].tolist() == own.siginfo[field].astype(str).tolist(), field


def test_no_cell_of_a_release_is_a_formula(results, tmp_path):
    release(results, tmp_path / "release", levels=["5"])
    cells = [cell for line in (tmp_path / "release/beadwork_sig_info.txt").read_text().splitlines()
             for cell in line.split("\t")]  # fmt: skip
    assert " =SUM(A1)" in cells and " @home" in cells and "(+)-jq1" in cells and "-666" in cells
    assert not [cell for cell in cells if cell[:1] in "=+@" and cell]


def test_brews_can_be_chosen_and_mistakes_leave_nothing(results, tmp_path):
    (name,) = release(results, tmp_path / "one", levels=["5"], scope=Scope([], frozenset({"TWO"})))
    assert name == "beadwork_Level5_COMPZ.MODZ_n14x978.gctx"
    with pytest.raises(FileError, match="lacks matrices of level GEX; finish the run, or leave out --levels 2"):
        release(results, tmp_path / "two")
    with pytest.raises(ParameterError, match="--levels: none; give some of 2, 3, 4, 4vc, 4nc, 5, 5nc"):
        release(results, tmp_path / "two", levels=[])
    assert not (tmp_path / "two").exists() and not list(tmp_path.glob(".two*"))
