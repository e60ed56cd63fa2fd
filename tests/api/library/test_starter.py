"""The library that ships, and questions asked with what is in an index."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from beadwork.api import ConnectivityIndex
from beadwork.api.index.asking.like import queries_like, reverse_queries
from beadwork.api.library.starter import starter_index, starter_words
from beadwork.cli import cli
from beadwork.io.matrix.formats import read_any
from beadwork.io.platform.folder import resource_path
from beadwork.io.platform.gene_table import with_entrez_ids
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import GeneSetError
from beadwork.model.params import RepurposingParams
from beadwork.stages.connectivity.library.repurposing import doses_um, repurposing_table


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def starter(cache: Path, monkeypatch: pytest.MonkeyPatch) -> ConnectivityIndex:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return ConnectivityIndex.open(starter_index(), threads=1)


def test_what_ships(starter: ConnectivityIndex, cache: Path) -> None:
    assert resource_path("starter_library.gctx.gz").stat().st_size < 4e6
    info = starter.siginfo.astype(object)
    assert len(starter) == 823
    assert info.groupby("origin").size().to_dict() == {
        "CPC006_A375_6H_X1": 371, "LJP009AH_A375_24H_X1_B20": 180, "level 5": 272,
    }  # fmt: skip
    assert info["licence"].eq("BSD-3-Clause").all()
    assert (info.loc[info["origin"] == "CPC006_A375_6H_X1", "distil_nsample"] == 1).mean() > 0.9
    assert info.loc[info["pert_iname"] == "vorinostat", "inchi_key"].iloc[0] == "WAEXFXRVDQXREF-UHFFFAOYSA-N"
    assert "moa" not in info  # nothing of the Repurposing Hub ships
    assert starter.info()["null_signatures"] == 26
    assert "823 public signatures" in starter_words(823)
    first = (starter.store.path / "manifest.json").stat().st_mtime_ns
    assert (starter_index() / "manifest.json").stat().st_mtime_ns == first
    assert starter.store.path.is_relative_to(cache)


def test_official_values_to_the_last_bit(starter: ConnectivityIndex, shared_data: Path) -> None:
    official = with_entrez_ids(read_any(shared_data / "signatures" / "modzs_n272x978.gctx.gz"))
    place = pd.Index(official.rids).get_indexer(starter.store.gene_ids)
    places = [starter.position(sig_id) for sig_id in official.cids]
    assert (starter.store.read_signatures(places) == official.values[place].T).all()


def test_like_finds_itself_and_reverse_turns(starter: ConnectivityIndex) -> None:
    sig_id = starter.siginfo["sig_id"].iloc[5]
    (query,) = queries_like(starter, [sig_id])
    ranked = starter.query_many([query]).table(0)
    assert ranked["sig_id"].iloc[0] == sig_id
    turned = starter.query_many(reverse_queries([query])).table(0)
    assert turned["sig_id"].iloc[-1] == sig_id
    assert turned.set_index("sig_id")["wtcs"][sig_id] == pytest.approx(-ranked.set_index("sig_id")["wtcs"][sig_id])
    (mean,) = queries_like(starter, ["ATORVASTATIN"])
    assert mean.profile is not None
    assert len(mean.profile) == 978
    with pytest.raises(
        GeneSetError, match="--like: no signature of that id, and the index has no pert_iname or pert_id 'nothing'"
    ):
        queries_like(starter, ["nothing"])


def test_commands_without_an_index(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    runner = CliRunner()
    result = runner.invoke(cli, ["query", "--like", "atorvastatin", "--direction", "mimic", "-o", str(tmp_path / "q")])
    assert result.exit_code == 0, result.output
    assert "no index named: the starter library is asked" in result.output
    table = pd.read_csv(tmp_path / "q" / "atorvastatin" / "repurposing.tsv", sep="\t")
    assert table["pert_iname"].iloc[0] == "atorvastatin"
    assert table["passes"].iloc[0] == 1
    result = runner.invoke(cli, ["show", "--pert", "vorinostat"])
    assert result.exit_code == 0, result.output


def test_repurposing_counts_cells_and_doses() -> None:
    table = pd.DataFrame(
        [
            ("good", "A", "1 uM", 0.9), ("good", "B", "500 nM", 0.8), ("good", "B", "100 uM", -3.0),
            ("one cell", "A", "1 uM", 2.0), ("high", "A", "50 uM", 2.0), ("high", "B", "50 uM", 2.0),
            ("mixed", "A", "1 uM", 1.0), ("mixed", "B", "1 uM", -1.0), ("gene", "A", None, 9.0),
        ],
        columns=["pert_iname", "cell_id", "pert_idose", "ncs"],
    )  # fmt: skip
    table["pert_type"] = ["trt_cp"] * 8 + ["trt_xpr"]
    table["tas"] = 0.3
    table["clinical_phase"] = ["Launched"] * 3 + [None] + ["Phase 2"] * 2 + ["Launched"] * 3
    siginfo = SignatureTable.of(table.drop(columns="ncs"))
    assert doses_um(siginfo)[:3].tolist() == [1, 0.5, 100]
    found = repurposing_table(siginfo, table["ncs"].to_numpy(), None, RepurposingParams()).set_index("pert_iname")
    assert found["passes"].to_dict() == {"good": 1, "one cell": 0, "mixed": 0, "high": 0}
    assert found.loc["good", "lowest_dose_um"] == 0.5
    assert found.loc["good", "against"] == "not at 100 uM"
    assert found.loc["one cell", "against"] == "1 cell only; clinical phase not known"
    assert found.loc["high", "against"] == "tried above 10 uM only; phase: Phase 2"
    assert "not so in 1 of 2 cells" in found.loc["mixed", "against"]
    assert np.isnan(found.loc["high", "score"])
