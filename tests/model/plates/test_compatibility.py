"""Compatibility numbers, and the shipped tables that bytes of a step depend on."""

import shutil
from pathlib import Path

import pytest

from beadwork.io.files.digest import digest_bytes
from beadwork.io.files.provenance import make_provenance
from beadwork.io.platform.shipped import edited_tables
from beadwork.model.plates.compatibility import COMPATIBILITY, RECORDED, SHIPPED, comparable, compatibility_of

RESOURCES = Path(__file__).parents[3] / "resources"
BEAD_SETS = ("beadset_deltap-r1.tsv", "beadset_epsilon-r1.tsv", "beadset_epsilon-r2.tsv")
TABLES = {
    ("deconvolve", 1): (("bead_batches.tsv", *BEAD_SETS), "b61c7edca7ecd44ba8b6bdda3c287131"),
    ("normalize", 1): (("liss_reference_epsilon.tsv",), "db49fa0f533a64ac986de60f608d6b7e"),
    ("infer", 1): (("genes.tsv", "inference_default.h5"), "b53d39d7f2fd024e851296c10c1e228a"),
    ("denoise", 1): (("noise_default.h5",), "62adbacd05946826066ac3625144a02f"),
}
"""Digest of the tables of a step under its number: where one changes, raise the number and note the new digest."""


@pytest.mark.parametrize("step", sorted(step for step, _ in TABLES))
def test_a_shipped_table_that_changes_raises_the_number_of_its_steps(step):
    names, digest = TABLES[step, COMPATIBILITY[step]]
    assert digest_bytes(b"".join((RESOURCES / name).read_bytes() for name in names)) == f"xxh3_128:{digest}"


def test_the_tables_are_as_they_ship():
    assert edited_tables(RESOURCES) == {}  # else raise the numbers of their steps, and note what ships now
    assert set(SHIPPED) == {name for names, _ in TABLES.values() for name in names}


def test_an_edited_table_is_named_with_what_it_is(tmp_path):
    for name in SHIPPED:
        shutil.copy(RESOURCES / name, tmp_path / name)
    assert edited_tables(tmp_path) == {}
    with open(tmp_path / "genes.tsv", "a") as file:
        file.write("\n")
    (tmp_path / "noise_default.h5").unlink()
    edited_tables.cache_clear()
    found = edited_tables(tmp_path)
    assert set(found) == {"genes.tsv", "noise_default.h5"} and found["noise_default.h5"] == "not there"


def test_records_carry_the_number_of_their_step():
    for command in RECORDED:
        assert compatibility_of(make_provenance(command, {}, {})) == COMPATIBILITY[command]
    assert "compatibility" not in make_provenance("query", {}, {})


def test_records_name_edited_tables_and_compare_by_them():
    plain = make_provenance("infer", {}, {})
    edited = make_provenance("infer", {}, {}, tables={"genes.tsv": "abc"})
    assert "tables" not in plain and edited["tables"] == {"genes.tsv": "abc"}
    assert comparable(plain) != comparable(edited)
    assert comparable(plain, keep=True) != comparable(edited, keep=True)


def test_records_compare_by_number_and_not_by_version():
    first = {"version": "0.1.0", "command": "infer", "history": [{"version": "0.1.0", "command": "normalize"}]}
    later = {"version": "0.9.0", "command": "infer", "compatibility": 1,
             "history": [{"version": "0.2.0", "command": "normalize", "compatibility": 1}]}  # fmt: skip
    assert comparable(first) == comparable(later)
    raised = later | {"history": [{"command": "normalize", "compatibility": 2}]}
    assert comparable(first) != comparable(raised)
    assert comparable(first, keep=True) == comparable(raised, keep=True)
    assert comparable(first, keep=True) != comparable(later | {"command": "zscore"}, keep=True)
