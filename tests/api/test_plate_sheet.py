"""Plate sheets from what people have: folders, archives, series of GEO, tables of LINCS."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beadwork.api.plate_sheet import write_sheet
from beadwork.io.beads import found_plates
from beadwork.io.beads.lxb import lxb_bytes, read_plate
from beadwork.io.beads.maps import read_map
from beadwork.model.errors import FileError
from beadwork.model.plates.sheet import parse_plate_sheet

P1, P2, DUO = "LJP009_A375_24H_X1_B20", "LJP009_MCF7_24H_X1_B20", "CPC005_A375_6H_X1_B3_DUO52HI53LO"
WELLS = ("A01", "A02", "B01")


def map_text(wells=WELLS):
    return "rna_well\tpert_id\tpert_type\n" + "".join(f"{well}\tDMSO\tctl_vehicle\n" for well in wells)


def inst_info(*plates, wells=WELLS):
    lines = ["inst_id\trna_plate\trna_well\tpert_id\tpert_iname\tpert_type\tpert_dose\tpert_dose_unit\tpert_time\t"
             "pert_time_unit\tcell_id"]  # fmt: skip
    for plate in plates:
        cell = plate.split("_")[1]
        lines += [f"{plate}:{well}\tX\t{well}\tBRD-1\tvorinostat\ttrt_cp\t10.0\tµM\t6\th\t{cell}" for well in wells]
    return "\n".join(lines) + "\n"


def beta(*plates, wells=WELLS):
    lines = ["bead_batch\tnearest_dose\tpert_dose\tpert_dose_unit\tpert_time\tpert_time_unit\tcell_iname\tdet_plate\t"
             "det_well\trna_plate\trna_well\tpert_id\tsample_id\tpert_type\tcmap_name\tfailure_mode"]  # fmt: skip
    for plate in plates:
        cell = plate.split("_")[1]
        head = f"b3\t10\t9.7\tuM\t6\th\t{cell}\t{plate}"
        lines += [f"{head}\t{well}\tX\t{well}\tBRD-1\t{plate}:{well}\ttrt_cp\tvorinostat\t"
                  for well in wells]  # fmt: skip
    return "\n".join(lines) + "\n"


def ours(*plates, wells=WELLS):
    lines = ["det_plate\trna_well\tpert_id\tpert_type\tnote"]
    lines += [f"{plate}\t{well}\t001\ttrt_cp\t1e3" for plate in plates for well in wells]
    return "\n".join(lines) + "\n"


def fill(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"not looked at")
    return folder


def tar(path, members, mode="w"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def packed(members, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read_sheet(output):
    """Rows as the workflow reads them; each with a map that can be read."""
    rows = parse_plate_sheet((output / "plates.tsv").read_text(), "plates.tsv")
    for row in rows:
        read_map(row.map, row.det_plate)
    return {row.det_plate: row for row in rows}


def reasons(report):
    return dict(report.left_out)


# ---- where the files lie --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["folders", "flat", "GEO", "wells", "tar", "tgz", "zip", "series", "tars in tars"])
def test_what_people_have(tmp_path, form):
    raw, plates = tmp_path / "raw", (P1, P2)
    for number, plate in enumerate(plates):
        files = [f"{plate}_{well}.lxb" for well in WELLS]
        geo = {f"GSM{10 * number + place}_{name}.gz": b"x" for place, name in enumerate(files)}
        if form == "folders":
            fill(raw / plate / "lxb", files)
        elif form == "flat":
            fill(raw, files)
        elif form == "GEO":
            fill(raw, geo)
        elif form == "wells":
            fill(raw / f"GSM{number}_{plate}" / "lxb", [f"{well}.lxb" for well in WELLS])
        elif form == "tar":
            tar(raw / f"GSM1{number}_{plate}.tar", dict.fromkeys(geo, b"x"))
        elif form == "tgz":
            tar(raw / f"{plate}.tgz", {f"{plate}/{well}.lxb": b"x" for well in WELLS}, "w:gz")
        elif form == "zip":
            raw.mkdir(exist_ok=True)
            with zipfile.ZipFile(raw / f"{plate}.zip", "w") as archive:
                for name in files:
                    archive.writestr(name, b"x")
    if form == "series":
        members = {
            f"GSM{n}{m}_{plate}_{well}.lxb.gz": b"x" for n, plate in enumerate(plates) for m, well in enumerate(WELLS)
        }
        tar(raw / "GSE1_RAW.tar", members)
    elif form == "tars in tars":
        inner = {f"GSM{n}_{plate}.tar.gz": packed({f"{plate}_{well}.lxb": b"x" for well in WELLS})
                 for n, plate in enumerate(plates)}  # fmt: skip
        tar(raw / "GSE1_RAW.tar", inner)
    (tmp_path / "inst_info.txt.gz").write_bytes(gzip.compress(inst_info(*plates).encode()))
    report = write_sheet(raw, tmp_path / "out", tmp_path / "inst_info.txt.gz")
    assert (report.plates, report.wells, report.left_out) == ([P1, P2], 6, [])
    rows = read_sheet(tmp_path / "out")
    assert [row.cell_id for row in rows.values()] == [None, None]
    assert not (tmp_path / "out" / "left_out.tsv").exists()
    if form in ("series", "tars in tars"):
        assert any("GSE1_RAW.tar holds 2 plates, and each plate reads all of it; unpack it once" in note
                   for note in report.notes)  # fmt: skip
        assert write_sheet(raw / "GSE1_RAW.tar", tmp_path / "other", tmp_path / "inst_info.txt.gz").plates == [P1, P2]


@pytest.mark.parametrize("kind", ["truncated", "not packed", "zip"])
def test_a_damaged_archive_takes_no_other_of_its_series_with_it(tmp_path, kind, caplog):
    ending = "zip" if kind == "zip" else "tar.gz"
    plates = ("LAB1_A375_24H_X1_B20", "LAB1_A375_24H_X2_B20", "LAB1_A375_24H_X3_B20")
    members, beads = {}, lxb_bytes(np.arange(1, 21), np.arange(20) + 100, "A1")
    for number, plate in enumerate(plates):
        inner = packed({f"{plate}_A01.lxb": beads, f"{plate}_notes.txt": bytes(1000)})
        if number == 1:
            inner = inner[: len(inner) // 2] if kind == "truncated" else b"no archive at all"
        members[f"GSM{number}_{plate}.{ending if number == 1 else 'tar.gz'}"] = inner
    series = tar(tmp_path / "raw" / "GSE1_RAW.tar", members)
    (tmp_path / "table.tsv").write_text(inst_info(*plates, wells=("A01",)))
    report = write_sheet(tmp_path / "raw", tmp_path / "out", tmp_path / "table.tsv")
    assert report.plates == [plates[0], plates[2]]
    [(name, reason)] = report.left_out
    assert name == f"GSE1_RAW.tar: GSM1_{plates[1]}.{ending}" and "damaged or truncated archive" in reason
    for plate in report.plates:  # before and behind it
        caplog.clear()
        assert read_plate(series, plate).wells == ("A01",)
        assert f"it is not that of {plate} and is passed over" in caplog.text
    for plate in (plates[1], None):
        with pytest.raises(FileError, match=rf"GSM1_{plates[1]}\.{ending}: damaged or truncated archive"):
            read_plate(series, plate)


def test_a_series_that_ends_early_is_no_sound_series(tmp_path):
    series = tar(tmp_path / "GSE1_RAW.tar", {f"{plate}.tar.gz": packed({f"{plate}_A01.lxb": bytes(5000)}, "w")
                                             for plate in (P1, P2)})  # fmt: skip
    series.write_bytes(series.read_bytes()[:9000])
    for plate in (P1, P2):
        with pytest.raises(FileError, match="damaged or truncated archive"):
            read_plate(series, plate)


@pytest.mark.parametrize("table", [inst_info, beta, ours])
def test_maps_come_from_one_table(tmp_path, table):
    raw = fill(tmp_path / "raw", [f"{plate}_{well}.lxb" for plate in (P1, DUO) for well in WELLS])
    (tmp_path / "t.txt").write_text(table(P1, DUO, "ELSEWHERE_A375_6H_X1_B3"))
    report = write_sheet(raw, tmp_path / "out", tmp_path / "t.txt")
    rows = read_sheet(tmp_path / "out")
    assert sorted(rows) == sorted([P1, DUO]) and report.left_out == []
    plate_map = read_map(rows[DUO].map, DUO)
    assert list(plate_map.index) == list(WELLS)
    if table is ours:
        assert "pert_id" in plate_map and plate_map["pert_id"].tolist() == ["001"] * 3, "a code keeps its zeros"
        assert (tmp_path / "out" / "maps" / f"{DUO}.tsv").read_text().count("1e3") == 3, "texts are not retyped"
    else:
        assert plate_map["pert_iname"].tolist() == ["vorinostat"] * 3
        assert plate_map["pert_dose"].tolist() == [9.7 if table is beta else 10.0] * 3
        assert (rows[DUO].bead_batch, rows[DUO].cell_id, rows[DUO].brew_prefix) == ("B3", "A375", "CPC005_A375_6H")
        assert rows[P1].brew_prefix is None
    assert any("1 plate of the table of wells has no LXB files here: ELSEWHERE" in note for note in report.notes)


@pytest.mark.parametrize("name", [f"{P1}.map", f"{P1}.txt", f"{P1}.tsv.gz", "LJP009.map", "LJP009_A375_24H.txt"])
def test_maps_that_lie_beside(tmp_path, name):
    raw = fill(tmp_path / "raw" / P1, [f"{P1}_{well}.lxb" for well in WELLS]).parent
    text = map_text().encode()
    (raw / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    (raw / "LJP0.map").write_text("no map at all")
    assert write_sheet(raw, tmp_path / "out").left_out == []
    assert read_sheet(tmp_path / "out")[P1].map == str(raw / name)
    assert not (tmp_path / "out" / "maps").exists(), "a map that is there is not copied"


def test_archives_called_after_their_plate_are_not_read_to_their_end(tmp_path, monkeypatch):
    monkeypatch.setattr(found_plates, "PEEKED", 100)
    files = {f"{P1}_{well}.lxb": b"x" * 600 for well in WELLS}
    path = tar(tmp_path / "raw" / f"{P1}.tar.gz", files, "w:gz")
    path.write_bytes(path.read_bytes()[:-8])
    (tmp_path / "raw" / f"{P1}.map").write_text(map_text())
    assert write_sheet(tmp_path / "raw", tmp_path / "out").plates == [P1]


# ---- what is left out, and why --------------------------------------------------------------------------------------


def test_names_that_cannot_be_read_are_listed(tmp_path):
    raw = fill(tmp_path / "raw", [f"{P1}_{well}.lxb" for well in WELLS])
    (raw / f"{P1}.map").write_text(map_text())
    fill(raw, [f"{P1}_A02.lxb.gz", f"{P1}_Q99.lxb", "notes.lxb", "._x_A01.lxb"])
    fill(raw / "lxb", ["C01.lxb"])
    fill(raw / "bad name", ["bad name_A01.lxb"])
    fill(raw / P2, [f"{P2}_A01.lxb"])
    tar(raw / f"{P2}.tar", {f"{P2}_A01.lxb": b"x"})
    fill(raw, ["broken.tar.gz", "readme.zip"])
    tar(raw / "tables.tar", {"table.txt": b"x"})
    no_map = "X1_A375_24H_X1_B20"
    fill(raw / "more", [f"{no_map}_A01.lxb"])
    report = write_sheet(raw, tmp_path / "out")
    assert report.plates == [P1]
    found = reasons(report)
    assert found[f"{P1}_Q99.lxb"] == found["notes.lxb"] == "its name does not end in a well, as PLATE_A01.lxb does"
    assert found[f"raw: {P1}"] == f"well A02 has 2 files ({P1}_A02.lxb, {P1}_A02.lxb.gz); keep the right one"
    assert found["lxb/C01.lxb"] == "its name says the well, but neither it nor its folder says the plate"
    assert "only letters, digits" in found["bad name"]
    assert found[P2].startswith("lies in 2 places (") and found[P2].endswith("keep one")
    assert "damaged or truncated archive" in found["broken.tar.gz"]
    assert "damaged or truncated archive" in found["readme.zip"]
    assert found["tables.tar"] == "holds no .lxb or .lxb.gz files"
    assert found[no_map].startswith("no map: give a table of wells with --inst-info")
    listed = (tmp_path / "out" / "left_out.tsv").read_text().splitlines()
    assert listed[0] == "name\treason" and len(listed) == len(report.left_out) + 1
    assert not any("._x" in line for line in listed)


def test_plates_without_rows_are_listed_with_a_near_name(tmp_path):
    raw = fill(tmp_path / "raw", [f"{plate}_A01.lxb" for plate in (P1, P2)])
    (tmp_path / "t.txt").write_text(inst_info(P1, P2.replace("B20", "B21"), wells=["A01"]))
    report = write_sheet(raw, tmp_path / "out", tmp_path / "t.txt")
    assert report.plates == [P1]
    assert reasons(report)[P2] == (
        f"no map: {tmp_path / 't.txt'} has no rows of it; did it mean {P2.replace('B20', 'B21')}?"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((f"{P2}:A02", f"{P2}:A01"), "wells stand twice: A01"),
        ((f"{P2}:A02", f"{P2}:Z99"), "no well of a 384-well plate"),
        (("10.0", "ten", 1), "ten"),
    ],
)  # fmt: skip
def test_a_plate_whose_rows_are_no_map_is_listed(tmp_path, change, reason):
    raw = fill(tmp_path / "raw", [f"{plate}_A01.lxb" for plate in (P1, P2)])
    text = inst_info(P1) + "".join(inst_info(P2).splitlines(keepends=True)[1:])
    head, tail = text[: text.index(P2)], text[text.index(P2) :]
    (tmp_path / "t.txt").write_text(head + tail.replace(*change))
    report = write_sheet(raw, tmp_path / "out", tmp_path / "t.txt")
    assert report.plates == [P1] and sorted(path.name for path in (tmp_path / "out" / "maps").iterdir()) == [
        f"{P1}.tsv"
    ]
    assert reason in reasons(report)[P2] and reasons(report)[P2].startswith(f"{tmp_path / 't.txt'}: {P2}: ")


def test_wells_apart_are_said(tmp_path):
    raw = fill(tmp_path / "raw", [f"{P1}_A01.lxb", f"{P1}_C01.lxb", f"{P2}_H12.lxb"])
    (tmp_path / "t.txt").write_text(inst_info(P1, P2))
    report = write_sheet(raw, tmp_path / "out", tmp_path / "t.txt")
    assert reasons(report)[P1] == "in the sheet, but wells without a row in the map: C01"
    assert reasons(report)[P2] == "in the sheet, but no file has a row in the map: is it the map of this plate?"


@pytest.mark.parametrize("name", ["$HOME", "a\tb", "end "])
def test_paths_that_a_sheet_cannot_hold(tmp_path, name):
    raw = fill(tmp_path / "raw" / name, [f"{P1}_A01.lxb"])
    fill(tmp_path / "raw" / "sound", [f"{P2}_A01.lxb"])
    (tmp_path / "t.txt").write_text(inst_info(P1, P2))
    report = write_sheet(tmp_path / "raw", tmp_path / "out", tmp_path / "t.txt")
    assert report.plates == [P2] and next(iter(reasons(report))) == P1, raw
    assert "a path with '$', a tab, a line end or a blank at its end" in reasons(report)[P1]


def test_maps_that_differ(tmp_path):
    raw = fill(tmp_path / "raw" / P1 / "lxb", [f"{P1}_{well}.lxb" for well in WELLS]).parent
    (raw / f"{P1}.map").write_text(map_text())
    (raw / "old").mkdir()
    (raw / "old" / f"{P1}.map").write_text(map_text().replace("DMSO", "X"))
    report = write_sheet(tmp_path / "raw", tmp_path / "out")
    assert "another differs" in reasons(report)[P1] and read_sheet(tmp_path / "out")[P1].map == str(raw / f"{P1}.map")
    (raw / f"{P1}.txt").write_text(map_text().replace("DMSO", "Y"))
    with pytest.raises(FileError, match=f"no plate can be used: {P1}: has maps that differ"):
        write_sheet(tmp_path / "raw", tmp_path / "other")
    assert not (tmp_path / "other").exists(), "nothing is written where no plate can be used"


def test_a_sheet_is_not_replaced_unasked(tmp_path):
    raw = fill(tmp_path / "raw", [f"{P1}_A01.lxb"])
    (raw / f"{P1}.map").write_text(map_text(["A01"]))
    (tmp_path / "plates.tsv").write_text("mine")
    with pytest.raises(
        FileError, match=r"plates\.tsv: is there already; choose another folder with -o, or give --overwrite"
    ):
        write_sheet(raw, tmp_path)
    assert (tmp_path / "plates.tsv").read_text() == "mine"
    assert write_sheet(raw, tmp_path, overwrite=True).plates == [P1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such folder; check the name"),
        (lambda path: path.mkdir(), "no plate can be used: it holds no LXB files or archives"),
        (lambda path: path.write_text("x"), "a folder with LXB files or archives of them, or one archive, is needed"),
    ],
)
def test_nothing_to_look_through(tmp_path, make, message):
    make(tmp_path / "raw")
    with pytest.raises(FileError, match=message):
        write_sheet(tmp_path / "raw", tmp_path / "out")


def test_folders_that_hold_themselves(tmp_path):
    raw = fill(tmp_path / "raw" / P1, [f"{P1}_A01.lxb"])
    (raw / "again").symlink_to(tmp_path / "raw")
    (tmp_path / "raw" / f"{P1}.map").write_text(map_text(["A01"]))
    assert write_sheet(tmp_path / "raw", tmp_path / "out").left_out == []


# ---- any names ------------------------------------------------------------------------------------------------------

ANY = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20)
NAMES = st.one_of(
    st.builds(lambda a, b, c: f"{a}{b}_{c}.lxb", st.sampled_from(["", "GSM1_"]), st.sampled_from([P1, P2, "x y", "é"]),
              st.sampled_from(["A01", "A1", "P24", "Q1", ""])),
    ANY.map(lambda text: f"{text}.lxb"),
    ANY,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=6))
def test_any_names_give_a_sound_sheet_or_a_reason(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("any")
    raw = fill(folder / "raw", [f"{P1}_A01.lxb"])
    (folder / "t.txt").write_text(inst_info(P1, P2))
    made = []
    for name in names:
        try:
            (raw / name).write_bytes(b"x")
            made.append(name)
        except OSError:
            continue  # names that no file can have
    report = write_sheet(raw, folder / "out", folder / "t.txt")
    rows = read_sheet(folder / "out")
    assert P1 in rows and set(rows) == set(report.plates)
    said = "\n".join(f"{name}: {reason}" for name, reason in report.left_out)
    for name in made:
        if found_plates.is_lxb(name):
            plate, well = found_plates.split_name(name)
            assert (well and (plate or "raw") in rows) or name in said or (plate and plate in said) or not plate, name
