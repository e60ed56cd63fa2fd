"""``beadwork simulate``: files another program can read, the same from every run, and clear answers to bad wishes."""

import gzip

import flowio
import numpy as np
import pandas as pd
import pytest

from beadwork.io.beads.lxb import read_plate
from beadwork.io.beads.maps import read_map
from beadwork.io.matrix.formats import read_matrix
from beadwork.model.beads.plate import BeadBatch
from beadwork.model.plates.sheet import parse_plate_sheet

SMALL = ("--plates", 2, "--wells", 16, "--beads-mean", 12, "--replicates", 1, "--seed", 3, "--log-level", "warning")


@pytest.fixture
def study(run, tmp_path):
    outcome = run("simulate", "-o", tmp_path / "study", *SMALL)
    assert outcome == (0, "", "")
    return tmp_path / "study"


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_files(study):
    names = {str(name) for name in content(study)}
    assert {
        "plates.tsv", "truth/signatures.gctx", "truth/siginfo.tsv", "truth/mechanisms_up.gmt",
        "truth/mechanisms_dn.gmt", "truth/moa.gmt", "truth/wells.tsv", "truth/SIM001_A375_24H_X1_B20_GEX.gctx",
        "maps/SIM001_MCF7_24H_X1_B20.map", "lxb/SIM001_A375_24H_X1_B20/SIM001_A375_24H_X1_B20_A03.lxb",
    } <= names  # fmt: skip
    sheet = pd.read_csv(study / "plates.tsv", sep="\t")
    for _, row in sheet.iterrows():
        beads, wells = read_plate(study / row["lxb"]), read_map(study / row["map"])
        assert beads.det_plate == row["det_plate"]
        assert set(beads.wells) == set(wells.index)
        assert len(beads.wells) == 16
    signatures = read_matrix(study / "truth" / "signatures.gctx")
    assert signatures.cids.tolist() == pd.read_csv(study / "truth" / "siginfo.tsv", sep="\t")["sig_id"].tolist()
    assert signatures.provenance["parameters"]["seed"] == 3


def test_the_sheet_suits_the_workflow(study):
    plates = parse_plate_sheet((study / "plates.tsv").read_text(), "plates.tsv", data=str(study))
    assert [plate.det_plate for plate in plates] == ["SIM001_A375_24H_X1_B20", "SIM001_MCF7_24H_X1_B20"]


def test_another_reader_sees_the_same_beads(study):
    path = study / "lxb" / "SIM001_A375_24H_X1_B20" / "SIM001_A375_24H_X1_B20_A05.lxb"
    theirs = flowio.FlowData(str(path))
    events = np.reshape(theirs.events, (-1, theirs.channel_count))
    plate = read_plate(path.parent)
    analyte, reporter = plate.well_beads(plate.wells.index("A05"))
    known = events[events[:, 0] > 0]
    assert theirs.event_count > len(known) == len(analyte)
    order = np.lexsort((known[:, 4], known[:, 0]))
    np.testing.assert_array_equal(known[order, 0], analyte)
    np.testing.assert_array_equal(known[order, 4], reporter)


def test_same_bytes_from_two_runs_and_any_number_of_threads(run, study, tmp_path):
    assert run("simulate", "-o", tmp_path / "again", *SMALL, "--threads", 1).code == 0
    assert content(tmp_path / "again") == content(study)


def test_compressed_files_hold_the_same(run, study, tmp_path):
    assert run("simulate", "-o", tmp_path / "packed", *SMALL, "--compress").code == 0
    plain = {name: data for name, data in content(study).items() if name.suffix == ".lxb"}
    for name, data in plain.items():
        assert gzip.decompress((tmp_path / "packed" / f"{name}.gz").read_bytes()) == data


def test_bad_wells_are_written_as_such(run, tmp_path):
    words = ("--wells", 96, "--beads-mean", 5, "--bad-wells", 0.4, "--seed", 1, "--log-level", "error")
    assert run("simulate", "-o", tmp_path / "bad", *words, "--qc", tmp_path / "qc.tsv").code == 0
    wells = pd.read_csv(tmp_path / "bad" / "truth" / "wells.tsv", sep="\t", keep_default_na=False).set_index("det_well")
    folder = next((tmp_path / "bad" / "lxb").iterdir())
    written = {path.stem.split("_")[-1]: path.stat().st_size for path in folder.iterdir()}
    assert set(written) == set(wells.index[wells["fault"] != "absent"])
    expected = 13952 + 44 * wells["beads"] + 8
    for well, size in written.items():
        assert (size == expected[well]) == (wells.loc[well, "fault"] != "truncated")
    assert (wells.loc[wells["fault"] == "empty", "beads"] == 0).all()
    read = pd.read_csv(tmp_path / "qc.tsv", sep="\t")
    assert read["value"].item() == len(written)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--wells", 5), "--wells: input should be greater than or equal to 10, not 5"),
        (("--wells", 385), "--wells: input should be less than or equal to 384, not 385"),
        (("--plates", 0), "--plates: input should be greater than or equal to 1, not 0"),
        (("--plates", "two"), "'two' is not a valid integer"),
        (("--bead-batch", "Z9"), "--bead-batch: 'Z9' is not in the batch table"),
        (("--cells", "A/B"), "--cells: 'A/B' cannot stand in a plate name"),
        (("--cells", ","), "--cells:"),
        (("--bad-wells", 1), "--bad-wells: input should be less than 1, not 1.0"),
        (("--wels", 24), "No such option '--wels'"),
    ],
)
def test_bad_wishes(run, tmp_path, words, message):
    outcome = run("simulate", "-o", tmp_path / "none", *words)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_a_batch_of_another_bead_set(run, tmp_path, monkeypatch):
    batch = BeadBatch("b99", "deltap", "r1", 2.0)
    monkeypatch.setattr("beadwork.api.simulated.find_bead_batch", lambda name: batch)
    outcome = run("simulate", "-o", tmp_path / "none", "--bead-batch", "B99")
    assert outcome.code == 2
    assert "'B99' is of bead set deltap" in outcome.err
    assert "choose a batch of epsilon" in outcome.err


def test_output_in_the_way(run, tmp_path):
    (tmp_path / "file").write_text("mine")
    outcome = run("simulate", "-o", tmp_path / "file")
    assert (outcome.code, "is a file, but a folder is needed" in outcome.err) == (2, True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    outcome = run("simulate", "-o", tmp_path / "full")
    assert (outcome.code, "is not empty" in outcome.err) == (2, True)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]
    assert run("simulate").code == 2
