"""Names of LXB files: plate and well come apart whatever the plate is called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.io.beads.names import holder_name, is_archive, is_lxb, split_name
from beadwork.model.ids import DET_PLATE_PATTERN, WELLS_384

PLATES = st.from_regex(re.compile(DET_PLATE_PATTERN, re.ASCII), fullmatch=True).filter(
    lambda name: not re.match(r"GSM[0-9]+(_|$)", name, re.IGNORECASE)
)
WELLS = st.sampled_from(WELLS_384)
FORMS = st.sampled_from(
    [str, str.lower, lambda well: well[0] + str(int(well[1:])), lambda well: f"{well[0]}0{well[1:]}"]
)
ACCESSIONS = st.sampled_from(["", "GSM1_", "GSM2125345_", "gsm99_"])
LXB = st.sampled_from([".lxb", ".lxb.gz", ".LXB", ".Lxb.GZ"])


@given(PLATES, WELLS, FORMS, ACCESSIONS, LXB)
def test_plate_and_well_come_back(plate, well, form, accession, ending):
    name = f"{accession}{plate}_{form(well)}{ending}"
    assert is_lxb(name)
    assert split_name(name) == (plate, well)


@given(WELLS, FORMS, ACCESSIONS, LXB)
def test_names_of_wells_alone(well, form, accession, ending):
    assert split_name(f"{accession}{form(well)}{ending}") == ("", well)


@given(PLATES, st.sampled_from(["Q01", "A25", "A00", "AA1", "", "A1x", "01A", "A-1"]), LXB)
def test_what_is_no_well_is_none(plate, well, ending):
    assert split_name(f"{plate}_{well}{ending}")[1] is None


@given(PLATES.filter(lambda name: not re.search(r"\.(tar|tgz|zip|tar\.gz)$", name, re.IGNORECASE)), ACCESSIONS,
       st.sampled_from([".tar", ".tar.gz", ".tgz", ".zip", ".TAR", ".Zip"]))  # fmt: skip
def test_archives_are_called_after_their_plate(plate, accession, ending):
    name = f"{accession}{plate}{ending}"
    assert is_archive(name)
    if plate.lower() not in ("lxb", "lxbs", "lxb_files", "raw", "raw_data", "data", "beads", "level1", "level_1"):
        assert holder_name(f"some/folder/{name}") == plate


@pytest.mark.parametrize(
    ("path", "name"),
    [("/data/P1/lxb", "P1"), ("P1/raw/LXB", "P1"), ("lxb", ""), ("", ""), ("/", ""), (".", ""), ("a\\P2\\lxb", "P2")],
)
def test_folders_that_say_only_what_they_hold(path, name):
    assert holder_name(path) == name


@pytest.mark.parametrize("name", ["._P_A01.lxb", ".P_A01.lxb.gz", "P_A01.lxb.txt", "P_A01.csv", "lxb"])
def test_other_files(name):
    assert not is_lxb(name)
