"""Plate maps: what they may look like, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.beads.maps import read_map
from beadwork.model.errors import FileError, MapError


def write(tmp_path, text):
    path = tmp_path / "plate.map"
    path.write_text(text)
    return path


def test_fields_are_typed_and_carried(tmp_path):
    path = write(
        tmp_path,
        "rna_well\tpert_id\tpert_type\tpert_dose\tpert_dose_unit\tcell_id\tbatch\tx_flag\n"
        "a3\tBRD-1\tTRT_CP\t10.0\tum\t0293\t007\t1\n"
        "A04\tDMSO\tCtl_Vehicle\t-666\t-666\t\t008\t0\n",
    )
    table = read_map(path)
    assert list(table.index) == ["A03", "A04"]
    assert table["rna_well"].tolist() == ["A03", "A04"]
    assert table["pert_type"].tolist() == ["trt_cp", "ctl_vehicle"]
    assert table["pert_dose"].dtype == float
    assert np.isnan(table.loc["A04", "pert_dose"])
    assert table["cell_id"].tolist()[0] == "0293"
    assert pd.isna(table.loc["A04", "cell_id"])
    assert table["batch"].tolist() == ["007", "008"]
    assert table["x_flag"].tolist() == [1, 0]


@pytest.mark.parametrize("column", ["det_well", "rna_well", "well_position"])
def test_any_well_column_will_do(tmp_path, column):
    assert list(read_map(write(tmp_path, f"{column}\tpert_id\tpert_type\nP24\tX\ttrt_cp\n")).index) == ["P24"]


def test_det_well_beats_rna_well(tmp_path):
    table = read_map(write(tmp_path, "rna_well\tdet_well\tpert_id\tpert_type\nA01\tB01\tX\ttrt_cp\n"))
    assert list(table.index) == ["B01"]
    assert table["rna_well"].tolist() == ["A01"]


def test_description_serves_as_name(tmp_path):
    table = read_map(write(tmp_path, "rna_well\tpert_id\tpert_type\tpert_desc\nA01\tX\ttrt_cp\tAspirin\n"))
    assert table["pert_iname"].tolist() == ["Aspirin"]
    text = "rna_well\tpert_id\tpert_type\tpert_desc\tpert_iname\nA01\tX\ttrt_cp\tlong\tshort\n"
    assert read_map(write(tmp_path, text))["pert_iname"].tolist() == ["short"]


def test_rows_of_other_plates_are_left_out(tmp_path):
    path = write(tmp_path, "det_plate\trna_well\tpert_id\tpert_type\nP1\tA01\tX\ttrt_cp\nP2\tA01\tY\ttrt_cp\n")
    assert read_map(path, "P2")["pert_id"].tolist() == ["Y"]
    with pytest.raises(MapError, match=r"its det_plate is P1, P2, not P3; give the map of this plate"):
        read_map(path, "P3")


@pytest.mark.parametrize("plate", ["TEST_A375_24H_X1_B20", "LJP009AH_A375_24H_X1_B20", "REP.A028_MCF7_24H_X1_B25"])
def test_real_maps(shared_data, plate):
    table = read_map(shared_data / "plates" / plate / f"{plate}.map")
    assert {"pert_iname", "pert_dose", "pert_time", "cell_id"} <= set(table.columns)
    assert set(table["pert_type"]) <= {"trt_cp", "trt_poscon", "ctl_vehicle", "lma_x"}
    assert table["pert_time"].eq(24).all()


BAD_MAPS = {
    "no well": (
        "pert_id\tpert_type\nX\ttrt_cp\n",
        r"lacks the column\(s\) rna_well; a map needs one of det_well, rna_well, well_position, and pert_id and",
    ),
    "no type": ("rna_well\tpert_id\nA01\tX\n", r"lacks the column\(s\) pert_type; .* it has rna_well, pert_id$"),
    "commas": ("rna_well,pert_id,pert_type\nA01,X,trt_cp\n", r"; columns must be separated by tabs$"),
    "no rows": ("rna_well\tpert_id\tpert_type\n", r"has a header line but no wells"),
    "unknown well": ("rna_well\tpert_id\tpert_type\nA25\tX\ttrt_cp\n", r"rna_well 'A25': no well of a 384-well plate"),
    "empty well": ("rna_well\tpert_id\tpert_type\n\tX\ttrt_cp\n", r"rna_well '': no well of a 384-well plate"),
    "well twice": (
        "rna_well\tpert_id\tpert_type\nA1\tX\ttrt_cp\nA01\tY\ttrt_cp\n",
        r"wells stand twice: A01; keep one row for each",
    ),
}


@pytest.mark.parametrize("kind", BAD_MAPS)
def test_bad_maps(tmp_path, kind):
    text, message = BAD_MAPS[kind]
    with pytest.raises(MapError, match=message) as caught:
        read_map(write(tmp_path, text))
    assert str(tmp_path / "plate.map") in str(caught.value)


def test_not_a_map_at_all(tmp_path):
    (tmp_path / "plate.map").write_bytes(b"PK\x03\x04\x00\x00")
    with pytest.raises(FileError, match=r"is not a text file.*; a tab-separated table is needed"):
        read_map(tmp_path / "plate.map")
    with pytest.raises(FileError, match=r"gone.map: no such file; check the name"):
        read_map(tmp_path / "gone.map")


def test_one_text_dose_changes_no_other_well(tmp_path, caplog):
    path = tmp_path / "x.map"
    path.write_text(
        "rna_well\tpert_id\tpert_type\tpert_dose\tpert_dose_unit\tpert_time\n"
        "A01\tC1\ttrt_cp\t10\tum\t24\nA02\tC2\ttrt_cp\t0,37\tum\t24 h\nA03\tC3\ttrt_cp\t3.3µM\tum\t24\n"
        "A04\tDMSO\tctl_vehicle\t0.1%\t-666\t24\n"
    )
    with caplog.at_level("WARNING", logger="beadwork"):
        table = read_map(path, "P1")
    assert table["pert_dose"].tolist() == [10, 0.37, 3.3, 0.1] and table["pert_time"].tolist() == [24.0] * 4
    assert table["pert_dose_unit"].tolist() == ["um", "um", "um", "%"]
    assert "P1: well A02: pert_dose '0,37' as 0.37, P1: well A03: pert_dose '3.3µM' as 3.3" in caplog.text


@pytest.mark.parametrize("value", ["high", "1,000", "10 nM", "~3", "0.1%"])
def test_a_dose_that_is_no_plain_number_is_refused_by_plate_well_and_value(tmp_path, value):
    path = tmp_path / "x.map"
    path.write_text(f"rna_well\tpert_id\tpert_type\tpert_dose\tpert_dose_unit\nA1\tC\ttrt_cp\t{value}\tum\n")
    with pytest.raises(MapError, match=rf"x\.map: P1: well A01: pert_dose '{value}' .*; give a plain number"):
        read_map(path, "P1")
    with pytest.raises(MapError, match=rf"x\.map: well A01: pert_dose '{value}'"):
        read_map(path)
