"""The status of a folder of results: which files are missing, and which because their plates failed."""

import pytest

from beadwork.io.runs.status import results_status

PLATES = ("LAB1_A375_24H_X1_B20", "LAB1_A375_24H_X2_B20", "LAB1_PC3_24H_X1_B20")


def sheet(unused=()):
    return [{"det_plate": name, "use": "no" if name in unused else "yes", "batch": "", "brew": name.rsplit("_", 2)[0]}
            for name in PLATES]  # fmt: skip


@pytest.mark.parametrize(
    ("failed", "unused", "states"),
    [
        ((), (), {"LAB1_A375_24H": "missing", "LAB1_PC3_24H": "missing"}),
        (PLATES[:1], (), {"LAB1_A375_24H": "missing", "LAB1_PC3_24H": "missing"}),
        (PLATES[:1], PLATES[1:2], {"LAB1_A375_24H": "failed", "LAB1_PC3_24H": "missing"}),
        (PLATES, (), {"LAB1_A375_24H": "failed", "LAB1_PC3_24H": "failed"}),
    ],
)
def test_signatures_failed_where_all_plates_of_their_brew_did(tmp_path, failed, unused, states):
    rows = "".join(f"{plate}\tdeconvolve\twhy\tlog\t1\n" for plate in failed)
    (tmp_path / "failed.tsv").write_text("plate\tstage\tmessage\tlog\tattempt\n" + rows)
    found = results_status(tmp_path, sheet(unused))
    brews = found[found["level"] == "MODZ"]
    assert dict(zip(brews["entity"], brews["state"], strict=True)) == states
    plates = found[found["level"] == "ZSPC"].set_index("entity")["state"]
    assert all(state == ("failed" if plate in failed else "missing") for plate, state in plates.items())
