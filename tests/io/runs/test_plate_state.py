"""What the plan of a run reads of a plate."""

import json
from pathlib import Path

import pytest

from beadwork.io.files.digest import digest_file
from beadwork.io.runs.plate_state import PlateState, batch_of, current_numbers, made_with, numbers_text
from beadwork.io.runs.recorded import content_of
from beadwork.model.params import DeconvolveParams, NormalizeParams, ZscoreParams

SECTIONS = {"normalize": NormalizeParams(), "zscore": ZscoreParams()}
LABELS = {"batch": "one", "cell_id": None, "brew_prefix": None}


@pytest.fixture(autouse=True)
def unread():
    """Files are read anew in each test."""
    content_of.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of a plate with level 2 and z-scores."""
    (tmp_path / "qc").mkdir()
    (tmp_path / "P_GEX.gctx").write_text("values")
    (tmp_path / "map.tsv").write_text("rna_well\n")

    def step(params, inputs, files=()):
        parameters = params.model_dump(mode="json") | {"det_plate": "P", "bead_set": "epsilon-r2", "batch": "one"}
        return {"record": {"parameters": parameters, "inputs": inputs}, "files": dict.fromkeys(files, "")}

    digest = digest_file(tmp_path / "map.tsv")
    steps = {"deconvolve": step(DeconvolveParams(), {"map": [{"name": "m", "digest": digest}]}, ["P_GEX.gctx"]),
             "zscore": step(ZscoreParams(), {}), "zscore_vehicle": step(ZscoreParams(), {})}  # fmt: skip
    content = {"made_with": "deconvolve 3, zscore 1", "schema": 1, "steps": steps}
    (tmp_path / "qc/plate.json").write_text(json.dumps(content))
    return tmp_path


def test_level_2_is_there_with_its_files_only(folder: Path):
    assert PlateState.read(folder).has_level_2
    (folder / "P_GEX.gctx").unlink()
    assert not PlateState.read(folder).has_level_2
    assert not PlateState.read(folder / "absent").has_level_2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"steps": 3}'])
def test_a_record_that_cannot_be_read_says_nothing(folder: Path, text):
    (folder / "qc/plate.json").write_text(text)
    assert not PlateState.read(folder).has_level_2


def test_parameters_of_deconvolution_need_the_beads(folder: Path):
    state = PlateState.read(folder)
    assert state.other_beads(DeconvolveParams(), None) == []
    assert state.other_beads(DeconvolveParams(min_bead=7), None) == [f"min_bead was {DeconvolveParams().min_bead}"]
    assert state.other_beads(DeconvolveParams(), "epsilon-r1") == ["bead_set was epsilon-r2"]
    assert state.other_beads(DeconvolveParams(), "Epsilon-R2") == []
    assert state.other_beads(DeconvolveParams(), "tables/epsilon-r2.tsv") == []  # recorded by the name of its table


@pytest.mark.parametrize(
    ("sections", "labels", "other"),
    [
        ({}, {}, False),
        ({"zscore": ZscoreParams(min_mad=0.3)}, {}, True),
        ({"normalize": NormalizeParams(min_iqr=1)}, {}, False),  # which was not done in this folder
        ({}, {"batch": "two"}, True),
        ({}, {"cell_id": "A375"}, True),
    ],
)
def test_labels_and_later_steps_do_not(folder: Path, sections, labels, other):
    state = PlateState.read(folder)
    assert state.other_rest(SECTIONS | sections, LABELS | labels) == other


def test_a_map_counts_by_its_content(folder: Path):
    state, own = PlateState.read(folder), {"map": folder / "map.tsv"}
    (folder / "map.tsv").touch()
    assert state.other_content(own, {}) == []
    (folder / "map.tsv").write_text("other")
    content_of.cache_clear()  # a plan reads each file once
    digits = digest_file(folder / "map.tsv").partition(":")[2][:8]
    assert state.other_content(own, {}) == [f"map {digits}"]
    assert state.other_content({"model": folder / "map.tsv"}, {}) == []  # no model is recorded
    (folder / "map.tsv").unlink()
    content_of.cache_clear()
    assert state.other_content(own, {}) == []


@pytest.mark.parametrize(
    ("edited", "own", "found"),
    [
        ("beadset_epsilon-r2.tsv", {}, ["beadset_epsilon-r2.tsv 12345678"]),
        ("beadset_epsilon-r2.tsv", {"bead_set": Path("own.tsv")}, []),
        ("beadset_epsilon-r1.tsv", {}, []),  # of plates with other beads
        ("beadset_deltap-r1.tsv", {}, []),
        ("noise_default.h5", {}, []),  # that of another step
        ("liss_reference_epsilon.tsv", {}, []),  # normalize was not done in this folder
    ],
)
def test_an_edited_table_concerns_the_plates_that_use_it(folder: Path, edited, own, found):
    assert PlateState.read(folder).other_content(own, {edited: "1234567890"}) == found


def test_a_table_that_is_again_as_it_ships_counts_too(folder: Path):
    record = json.loads((folder / "qc/plate.json").read_text())
    record["steps"]["deconvolve"]["record"]["tables"] = {"beadset_epsilon-r2.tsv": "1234567890"}
    (folder / "qc/plate.json").write_text(json.dumps(record))
    state = PlateState.read(folder)
    assert state.other_content({}, {"beadset_epsilon-r2.tsv": "1234567890"}) == []
    assert state.other_content({}, {}) == ["beadset_epsilon-r2.tsv as it ships"]


BATCHES = (
    "# header\nbead_batch\tbead_set\trevision\tratio\nb1\tdeltap\tr1\t1.86\nb1\tepsilon\tr1\t1.67\nb2\tepsilon\tr2\t2\n"
)


@pytest.mark.parametrize(
    ("plate", "batch", "bead_set", "found"),
    [
        ("P_A375_24H_X1_B2", None, None, ("epsilon-r2", 2.0)),
        ("P_A375_24H_X1_B2", "B1", None, ("epsilon-r1", 1.67)),
        ("P_A375_24H_X1_B2", None, "Epsilon-R1", ("epsilon-r1", 2.0)),
        ("P_A375_24H_X1_B2", None, "tables/mine.tsv", ("mine", 2.0)),
        ("P_A375_24H_X1_B20", None, None, None),
    ],
)
def test_the_batch_of_a_plate_is_read_as_commands_read_it(plate, batch, bead_set, found):
    assert batch_of(BATCHES, plate, batch, bead_set) == found


def test_another_batch_counts_where_it_differs(folder: Path):
    recorded = ("epsilon-r2", 2.0)
    record = json.loads((folder / "qc/plate.json").read_text())
    record["steps"]["deconvolve"]["record"]["parameters"]["ratio"] = 2.0
    (folder / "qc/plate.json").write_text(json.dumps(record))
    state = PlateState.read(folder)
    assert state.other_content({}, {}, recorded) == []
    assert state.other_content({}, {}, ("epsilon-r2", 1.67)) == ["bead_batches.tsv epsilon-r2 1.67"]


def test_numbers(folder: Path):
    assert made_with(folder) == {"deconvolve": 3, "zscore": 1}
    assert numbers_text(made_with(folder)) == "deconvolve 3, normalize 1, infer 1, zscore 1"
    assert made_with(folder / "absent") == {}
    (folder / "qc/plate.json").write_text('{"schema": 1, "steps": {}}')  # as earlier versions wrote it
    assert set(made_with(folder).values()) == {1}
    assert set(current_numbers()) == {"deconvolve", "normalize", "infer", "zscore"}
