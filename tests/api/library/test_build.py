"""An index of a folder of downloads: LINCS 2020, GEO, lower levels, stops and appends."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from beadwork.api import ConnectivityIndex
from beadwork.api.library import build as build_module
from beadwork.api.library.build import Tables, build_library
from beadwork.api.library.plan import plan_library
from beadwork.cli import cli
from beadwork.io.matrix.formats import read_any
from beadwork.model.errors import BeadworkError, FileError
from beadwork.model.params import IndexParams

NO_BACKGROUND = IndexParams(background=0)


def build(folder: Path, target: Path, **options: object) -> ConnectivityIndex:
    build_library(folder, target, params=NO_BACKGROUND, **options)  # type: ignore[arg-type]
    return ConnectivityIndex.open(target, threads=1)


def test_lincs_2020_is_joined_and_filtered_before_values_are_read(lincs2020: Path, tmp_path: Path) -> None:
    index = build(lincs2020, tmp_path / "index", filters=["is_exemplar_sig=1"])
    info = index.siginfo.astype(object)
    assert len(index) == 6 + 4
    assert set(info["pert_type"]) == {"trt_cp", "trt_xpr"}
    vorinostat = info[info["pert_iname"] == "vorinostat"].iloc[0]
    assert vorinostat["moa"] == "HDAC inhibitor"
    assert vorinostat["target"] == "HDAC1|HDAC2"
    assert vorinostat["inchi_key"] == "WAEXFXRVDQXREF-UHFFFAOYSA-N"
    assert vorinostat["tas"] == 0.25
    assert vorinostat["distil_nsample"] == 3
    assert info.loc[info["cell_id"] == "A375", "cell_lineage"].tolist() == ["skin"] * 5
    assert "det_wells" not in info
    assert index.info()["cells"] == 2
    matrix = read_any(lincs2020 / "level5_beta_trt_cp_n18x300.gctx")
    for sig_id in info.loc[info["pert_type"] == "trt_cp", "sig_id"]:
        assert (index.signature(sig_id).to_numpy() == matrix.values[:, list(matrix.cids).index(sig_id)]).all()


def test_what_was_taken_for_what_is_said(lincs2020: Path, tmp_path: Path) -> None:
    said: list[str] = []
    build(lincs2020, tmp_path / "index", said=said.append)
    assert "level5_beta_trt_cp_n18x300.gctx: matrix of level 5" in said
    assert "siginfo_beta.txt: table of signatures" in said
    assert "compoundinfo_beta.txt: table of compounds" in said
    assert "cellinfo_beta.txt: table of cells" in said
    assert "geneinfo_beta.txt: table of genes" in said
    assert "instinfo_beta.txt: left, tables of wells go with levels 3 and 4" in said
    assert "level3_beta_ctl_n2x300.gctx: left, level 5 is taken (level5_beta_trt_cp_n18x300.gctx)" in said
    assert any(line.startswith("md5sums.html: left, neither a matrix") for line in said)


def test_gse70138_packed_with_metrics(gse70138: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    index = build(gse70138, tmp_path / "index")
    info = index.siginfo.astype(object).set_index("sig_id")
    assert len(index) == 8
    assert info.loc["REP.A001_A375_24H:A03", "pert_type"] == "ctl_vehicle"  # as sig_info says, not sig_metrics
    assert info.loc["REP.A001_A375_24H:A03", "tas"] == 0.73
    assert info.loc["REP.A001_MCF7_24H:B08", "inchi_key"] == "WAEXFXRVDQXREF-UHFFFAOYSA-N"
    assert "" not in info.columns
    assert "pert_type of 2 signatures is not that of the table of signatures, which is taken" in caplog.text
    assert not list(tmp_path.glob(".index*"))


def test_level_3_is_scored_by_plate_and_made_into_signatures(gse92742_level3: Path, tmp_path: Path) -> None:
    index = build(gse92742_level3, tmp_path / "index", filters=["pert_type=trt_cp"])
    info = index.siginfo.astype(object)
    assert set(info["distil_nsample"]) <= {4.0, 6.0}
    assert len(index) == 9
    assert (info["pert_type"] == "trt_cp").all()
    assert info["cell_id"].unique().tolist() == ["A375"]
    assert index.store.manifest["level"] == "MODZ"


def test_plate_with_too_few_wells_is_left_out(
    gse92742_level3: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = build(gse92742_level3, tmp_path / "index")
    assert "1 well of CPC007_A375_6H_X1_B3 left out for missing scores" in caplog.text
    assert len(index) == 9 + 8


def test_a_build_that_was_stopped_goes_on(
    lincs2020: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / "index"
    build(lincs2020, tmp_path / "whole")
    monkeypatch.setattr(build_module, "BLOCK", 4)
    monkeypatch.setattr(build_module, "PORTION_BYTES", 4 * 300 * 6)
    real, calls = build_module.add_segment, []

    def stop(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(build_module, "add_segment", stop)
    with pytest.raises(KeyboardInterrupt):
        build(lincs2020, target)
    assert not target.exists()
    caplog.set_level("INFO")
    index = build(lincs2020, target)
    assert "goes on with a build that was stopped, 2 portions are there" in caplog.text
    assert len(calls) == 3 + 4
    whole = ConnectivityIndex.open(tmp_path / "whole", threads=1)
    assert index.siginfo["sig_id"].tolist() == whole.siginfo["sig_id"].tolist()
    assert (index.store.read_signatures(range(22)) == whole.store.read_signatures(range(22))).all()
    assert index.verify() == ([], [])
    assert not list(tmp_path.glob(".index*"))


def test_several_builds_in_one_index(lincs2020: Path, gse70138: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    build_library(lincs2020, target, params=IndexParams(background=8))
    index = build(gse70138, target, append=True)
    assert len(index) == 22 + 8
    again = build(gse70138, target, append=True)
    assert len(again) == 30
    assert again.info()["background_queries"] == 8
    assert again.verify() == ([], [])


def test_index_in_the_way(lincs2020: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    build(lincs2020, target, filters=["cell_id=A375"])
    with pytest.raises(BeadworkError, match="--append adds to it, --overwrite replaces it"):
        build(lincs2020, target)
    assert len(build(lincs2020, target, overwrite=True)) == 22
    assert not list(tmp_path.glob(".index*"))


def test_hub_as_it_is(lincs2020: Path, tmp_path: Path) -> None:
    hub = tmp_path / "repurposing_drugs_20200324.txt"
    hub.write_text(
        '!Source\t"The Drug Repurposing Hub"\n!Terms\t"non-commercial"\n'
        "pert_iname\tclinical_phase\tmoa\ttarget\tdisease_area\tindication\n"
        "vorinostat\tLaunched\tHDAC inhibitor\tHDAC1|HDAC3\thematologic malignancy\tcutaneous T-cell lymphoma (CTCL)\n"
    )
    index = build(lincs2020, tmp_path / "index", tables=Tables(compounds=(hub,)), filters=["clinical_phase=Launched"])
    info = index.siginfo.astype(object)
    assert len(index) == 6
    assert info["target"].iloc[0] == "HDAC1|HDAC2|HDAC3"
    assert info["indication"].iloc[0] == "cutaneous T-cell lymphoma (CTCL)"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "siginfo_beta.txt").unlink(), "no table of signatures knows its columns"),
        (
            lambda folder: (folder / "level5_beta_trt_cp_n18x300.gctx").rename(
                folder / "level5_beta_trt_cp_n19x300.gctx"
            ),
            "holds 18 columns of 300 genes, but its name says 19 of 300",
        ),
        (lambda folder: [path.unlink() for path in folder.glob("*.gctx")], "no matrix of level 3, 4 or 5"),
    ],
)
def test_what_cannot_be_is_refused(
    lincs2020: Path, tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(lincs2020)
    with pytest.raises(BeadworkError, match=words):
        build(lincs2020, tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_damaged_download(gse70138: Path, tmp_path: Path) -> None:
    path = next(gse70138.glob("*.gctx.gz"))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(FileError, match="is cut off or damaged"):
        build(gse70138, tmp_path / "index")


def test_plan_says_what_it_would_make(lincs2020: Path, gse70138: Path) -> None:
    lines = plan_library(lincs2020, filters=["is_exemplar_sig=1"])
    assert "signatures: 10 of 300 genes" in lines
    assert any(line.startswith("index: ") and "on disk" in line for line in lines)
    assert any(line.startswith("memory: about") for line in lines)
    assert any(line.startswith("time: about") for line in lines)
    lines = plan_library(gse70138)
    assert "signatures: 8 of 300 genes" in lines
    assert "packed matrices are taken to hold all other signatures of the tables" in lines


def test_commands(lincs2020: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    result = runner.invoke(cli, ["library", "plan", str(lincs2020)])
    assert result.exit_code == 0, result.output
    assert "signatures: 22 of 300 genes" in result.output
    target, qc = tmp_path / "index", tmp_path / "qc.tsv"
    result = runner.invoke(cli, ["library", "build", str(lincs2020), "-o", str(target), "--qc", str(qc)])
    assert result.exit_code == 0, result.output
    assert "siginfo_beta.txt: table of signatures" in result.output
    assert "signatures             22" in result.output
    assert "n_signatures" in qc.read_text()
    assert np.isfinite(ConnectivityIndex.open(target, threads=1).store.read_signatures([0])).all()
