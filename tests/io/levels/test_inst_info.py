"""Tables of wells as LINCS, LINCS 2020 and we write them."""

import gzip

import numpy as np
import pytest

from beadwork.io.levels import inst_info
from beadwork.io.levels.inst_info import read_inst_info
from beadwork.model.errors import FileError

PLATE = "CPC005_A375_6H_X1_B3_DUO52HI53LO"
IDS = [f"{PLATE}:A01", f"{PLATE}:K06"]
LINCS = (
    "inst_id\trna_plate\trna_well\tpert_id\tpert_iname\tpert_type\tpert_dose\tpert_dose_unit\tpert_time\t"
    "pert_time_unit\tcell_id\n"
    f"{IDS[0]}\tCPC005_A375_6H_X1\tA01\tDMSO\tDMSO\tctl_vehicle\t-666\t-666\t6\th\tA375\n"
    f"OTHER:A01\tX\tA01\tDMSO\tDMSO\tctl_vehicle\t-666\t-666\t6\th\tA375\n"
    f"{IDS[1]}\tCPC005_A375_6H_X1\tK06\tBRD-A85280935\tquinpirole\ttrt_cp\t10.0\tµM\t6\th\tA375\n"
)
BETA = (
    "bead_batch\tnearest_dose\tpert_dose_unit\tpert_time\tpert_time_unit\tcell_iname\tdet_plate\tdet_well\trna_well\t"
    "pert_id\tsample_id\tpert_type\tcmap_name\tfailure_mode\n"
    f"b3\t\t\t6\th\tA375\t{PLATE}\tA01\tA01\tDMSO\t{IDS[0]}\tctl_vehicle\tDMSO\t\n"
    f"b3\t10\tuM\t6\th\tA375\t{PLATE}\tK06\tK06\tBRD-A85280935\t{IDS[1]}\ttrt_cp\tquinpirole\t\n"
)
OURS = (
    "det_plate\tdet_well\tpert_id\tpert_type\tpert_dose\tpert_dose_unit\tpert_iname\tcell_id\tpert_time\n"
    f"{PLATE}\tA1\tDMSO\tctl_vehicle\t\t\tDMSO\tA375\t6\n"
    f"{PLATE}\tK06\tBRD-A85280935\ttrt_cp\t10\tuM\tquinpirole\tA375\t6\n"
)


@pytest.mark.parametrize("pack", ["plain", "gz", "windows", "quotes", "bom", "utf-16"])
@pytest.mark.parametrize("text", [LINCS, BETA, OURS], ids=["LINCS", "LINCS 2020", "det_plate and det_well"])
def test_fields_come_under_our_names(tmp_path, text, pack):
    raw = {
        "plain": text.encode(), "gz": gzip.compress(text.encode()), "windows": text.replace("\n", "\r\n").encode(),
        "quotes": "\n".join("\t".join(f'"{cell}"' for cell in line.split("\t")) for line in text.split("\n")).encode(),
        "bom": text.encode("utf-8-sig"), "utf-16": text.encode("utf-16"),
    }[pack]  # fmt: skip
    path = tmp_path / "table.txt"
    path.write_bytes(raw)
    table = read_inst_info(path, [*IDS, "ABSENT:A01"])
    assert sorted(table.index) == IDS
    row = table.loc[IDS[1]]
    assert (row["pert_id"], row["pert_iname"], row["cell_id"], row["pert_type"]) == (
        "BRD-A85280935", "quinpirole", "A375", "trt_cp",
    )  # fmt: skip
    assert row["pert_dose"] == 10.0 and np.isnan(table.loc[IDS[0], "pert_dose"])
    assert table["pert_time"].tolist() == [6.0, 6.0] and table["pert_dose"].dtype == float
    assert not {"inst_id", "sample_id", "cmap_name", "cell_iname", "failure_mode"} & set(table.columns)


def test_large_tables_are_read_part_by_part(tmp_path, monkeypatch):
    monkeypatch.setattr(inst_info, "_ROWS", 1)
    (tmp_path / "t.txt").write_text(LINCS)
    assert sorted(read_inst_info(tmp_path / "t.txt", IDS).index) == IDS


def test_both_doses_of_lincs_2020_stay_apart(tmp_path):
    (tmp_path / "t.txt").write_text(f"sample_id\tnearest_dose\tpert_dose\n{IDS[0]}\t10\t9.99\n")
    assert read_inst_info(tmp_path / "t.txt", IDS).loc[IDS[0]].to_dict() == {"pert_dose": 9.99, "nearest_dose": 10}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no tab-separated table of wells"),
        ("a,b\n1,2\n", "has none of the columns inst_id, distil_id, sample_id, nor det_plate with one of det_well"),
        (
            "well\tpert_id\nA01\tx\n",
            "with one of det_well, rna_well, well_position; it has well, pert_id",
        ),
        (f"inst_id\tpert_id\n{IDS[0]}\ta\n{IDS[0]}\tb\n", f"wells stand twice with different values: {IDS[0]}"),
        (f"inst_id\tpert_id\n{IDS[0]}\ta\tb\tc\n{IDS[1]}\tb\tc\td\te\n", "no tab-separated table of wells"),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, message):
    path = tmp_path / "t.txt"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        read_inst_info(path, IDS)
    assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_equal_rows_may_stand_twice_and_absent_files_are_named(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text(f"inst_id\tpert_id\n{IDS[0]}\ta\n{IDS[0]}\ta\n")
    assert len(read_inst_info(path, IDS)) == 1
    with pytest.raises(FileError, match=r"gone.txt: cannot be read \(No such file or directory\); check the name"):
        read_inst_info(tmp_path / "gone.txt", IDS)
    path.write_bytes(gzip.compress(LINCS.encode())[:-30])
    with pytest.raises(FileError, match="no tab-separated table of wells"):
        read_inst_info(path, IDS)
