"""The LXB reader against the official text dump, flowio, and files damaged in every way we could think of."""

import gzip
import io
import logging
import tarfile
import zipfile

import flowio
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.io.beads import lxb
from beadwork.io.beads.fcs import read_layout
from beadwork.io.beads.lxb import CHANNELS, lxb_bytes, read_events, read_plate
from beadwork.io.beads.sources import MAX_FILE
from beadwork.io.files.digest import digest_bytes
from beadwork.model.errors import FileError

PLATE = "P1_A375_24H_X1_B20"


def make_well(well="A01", n=300, seed=0, **options):
    rng = np.random.default_rng([seed, int(well[1:])])
    return lxb_bytes(rng.integers(0, 501, n), rng.integers(0, 60_000, n), well, **options)


def write_plate(folder, wells=("A01", "A02", "B01"), plate=PLATE, **options):
    folder.mkdir(exist_ok=True)
    for well in wells:
        (folder / f"{plate}_{well}.lxb").write_bytes(make_well(well, **options))
    return folder


def reasons(plate):
    return dict(zip(plate.bad_wells["well"], plate.bad_wells["reason"], strict=True))


# ---- right files ----------------------------------------------------------------------------------------------------


def test_official_dump_is_equal(shared_data):
    folder = shared_data / "platform" / "instrument"
    events = read_events(gzip.decompress((folder / "A10.lxb.gz").read_bytes()))
    dump = pd.read_csv(folder / "A10.txt.gz", sep="\t")
    assert len(events) == 34_488
    assert list(events.dtype.names) == list(dump.columns)
    for name in dump.columns:
        np.testing.assert_array_equal(events[name], dump[name])


def test_masking_touches_only_ddg(shared_data):
    data = gzip.decompress((shared_data / "platform" / "instrument" / "A10.lxb.gz").read_bytes())
    raw, masked = read_events(data), read_events(data, masked=True)
    changed = [name for name in raw.dtype.names if (raw[name] != masked[name]).any()]
    assert changed == ["DDG"]
    np.testing.assert_array_equal(masked["DDG"], raw["DDG"] & 1)


def test_flowio_reads_the_same(shared_data):
    path = next((shared_data / "plates" / "REP.A028_MCF7_24H_X1_B25" / "lxb").glob("*_D01.lxb.gz"))
    data = gzip.decompress(path.read_bytes())
    oracle = flowio.FlowData(io.BytesIO(data))  # masks by $PnR
    events = read_events(data, masked=True)
    ours = np.column_stack([events[name] for name in events.dtype.names])
    assert oracle.pnn_labels == list(events.dtype.names)
    np.testing.assert_array_equal(np.asarray(oracle.events).reshape(ours.shape), ours)


def test_flowio_reads_what_we_write():
    data = lxb_bytes(np.array([1, 0, 500]), np.array([5, 7, 561_831]), "A01")
    oracle = flowio.FlowData(io.BytesIO(data))
    table = np.asarray(oracle.events).reshape(3, len(CHANNELS))
    assert oracle.text["smno"] == "A1"
    assert table[:, 0].tolist() == [1, 0, 500]
    assert table[:, 4].tolist() == [5, 7, 561_831]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 2**32 - 1)), min_size=1, max_size=60))
def test_beads_come_back_grouped_and_ascending(beads):
    analyte, reporter = np.array(beads, dtype=np.int64).T
    counts, kept, _, sample = lxb._read_well(lxb_bytes(analyte, reporter, "C07", rng=np.random.default_rng(1)))
    expected = sorted((a, r) for a, r in beads if 1 <= a <= 500)
    assert kept.tolist() == [r for _, r in expected]
    np.testing.assert_array_equal(counts, np.bincount([a for a, _ in expected], minlength=501)[1:])
    assert sample == "C07"


def test_other_layouts_are_read_from_the_header():
    """Big-endian, 16-bit channels in another order, another delimiter, offsets only in TEXT."""
    events = np.zeros(4, dtype=[("RP1", ">u4"), ("FOO", ">u2"), ("RID", ">u2")])
    events["RP1"], events["RID"] = [9, 8, 7, 6], [2, 2, 1, 0]
    keys = {"$PAR": 3, "$TOT": 4, "$BYTEORD": "4,3,2,1", "$DATATYPE": "I", "$MODE": "L", "$SMNO": "", "$SRC": "a|b"}
    keys |= {"$P1B": 32, "$P1N": "RP1", "$P2B": 16, "$P2N": "FOO", "$P3B": 16, "$P3N": "RID"}
    keys |= {"$BEGINDATA": 600, "$ENDDATA": 600 + events.nbytes - 1}
    text = "|" + "".join(f"{key}|{str(value).replace('|', '||')}|" for key, value in keys.items())
    head = f"FCS3.0    {100:>8}{100 + len(text) - 1:>8}{0:>8}{0:>8}{0:>8}{0:>8}"
    data = (head.ljust(100) + text).ljust(600).encode() + events.tobytes()
    counts, beads, _, sample = lxb._read_well(data)
    assert (beads.tolist(), counts[:3].tolist(), sample) == ([7, 8, 9], [1, 2, 0], None)
    assert read_layout(data).text["$SRC"] == "a|b"


@pytest.mark.parametrize("kind", ["folder", "gz", "tar", "tar.gz", "tgz", "zip"])
def test_all_sources_give_the_same_plate(tmp_path, kind):
    folder = write_plate(tmp_path / "lxb")
    (folder / "notes.txt").write_text("not a well")
    expected = read_plate(folder)
    files = sorted(folder.iterdir())
    source = tmp_path / f"plate.{kind}"
    if kind == "gz":
        source.mkdir()
        for file in files:
            (source / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        (source / "notes.txt.gz").unlink()
    elif kind == "zip":
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, f"deep/er/{file.name}")
    elif kind != "folder":
        with tarfile.open(source, "w:gz" if "gz" in kind else "w") as archive:
            for file in files:
                archive.add(file, f"deep/er/{file.name}")
    plate = read_plate(folder if kind == "folder" else source, threads=2)
    assert (plate.det_plate, plate.wells, plate.digests) == (PLATE, ("A01", "A02", "B01"), expected.digests)
    np.testing.assert_array_equal(plate.starts, expected.starts)
    np.testing.assert_array_equal(plate.reporter, expected.reporter)
    assert plate.digests["A01"] == digest_bytes((folder / f"{PLATE}_A01.lxb").read_bytes())


def test_wells_keep_their_beads(tmp_path):
    plate = read_plate(write_plate(tmp_path / "lxb"))
    events = read_events(make_well("B01"))
    analyte, reporter = plate.well_beads(2)
    kept = events[(events["RID"] >= 1) & (events["RID"] <= 500)]
    np.testing.assert_array_equal(analyte, np.sort(kept["RID"]))
    for number in (1, 250, 500):
        np.testing.assert_array_equal(reporter[analyte == number], np.sort(kept["RP1"][kept["RID"] == number]))
    taken = plate.take_wells(np.array([False, True, True]))
    assert taken.wells == ("A02", "B01")
    np.testing.assert_array_equal(taken.well_beads(1)[1], reporter)
    np.testing.assert_array_equal(taken.counts, plate.counts[1:])


def test_threads_do_not_matter(tmp_path):
    folder = write_plate(tmp_path / "lxb", wells=[f"C{number:02d}" for number in range(1, 25)])
    one, three = read_plate(folder, threads=1), read_plate(folder, threads=3)
    assert one.wells == three.wells
    np.testing.assert_array_equal(one.reporter, three.reporter)


def test_names_of_wells_only(tmp_path):
    (tmp_path / "a1.LXB").write_bytes(make_well("A01"))
    (tmp_path / "._A02.lxb").write_bytes(b"resource fork of another system")
    assert read_plate(tmp_path, "X").wells == ("A01",)
    with pytest.raises(FileError, match="the file names say only the well; name the plate with --plate"):
        read_plate(tmp_path)


def test_other_files_are_counted(tmp_path, caplog):
    folder = write_plate(tmp_path / "lxb")
    (folder / "readme.txt").write_text("x")
    (folder / "run.csv").write_text("x")
    with caplog.at_level(logging.INFO, logger="beadwork"):
        read_plate(folder)
    assert "2 files that are not LXB files are ignored" in caplog.text


# ---- bad wells ------------------------------------------------------------------------------------------------------


def patched(data, old, new):
    assert old in data
    return data.replace(old, new.ljust(len(old), b" "), 1)


def float_file():
    return patched(make_well(), b"$DATATYPE/I/", b"$DATATYPE/F/")


BAD_FILES = {
    "empty": (b"", "is empty"),
    "text": (b"well\tbeads\nA01\t3\n" * 9, "is not an LXB file (FCS 3.0): it does not start with 'FCS'"),
    "header only": (make_well()[:40], "is truncated: 40 bytes are less than a header"),
    "cut in text": (make_well()[:700], "is truncated: 700 bytes, but its TEXT goes to 1,039"),
    "cut in data": (make_well()[: 13952 + 44 * 120 + 7], "is truncated: it holds 120 of 300 events"),
    "cut before data": (make_well()[:5000], "is truncated: it holds 0 of 300 events"),
    "no events": (lxb_bytes(np.zeros(0, int), np.zeros(0, int), "A01"), "holds no events"),
    "floats": (float_file(), "is not an LXB file: $DATATYPE F, $MODE L, but integers (I) in a list (L) are needed"),
    "lying total": (
        patched(make_well(), b"$TOT/0000000300/", b"$TOT/0009000300/"),
        "has a header that contradicts itself: 9,000,300 events of 44 bytes do not fit into DATA from 13,952 to 27,151",
    ),
    "not a number": (
        patched(make_well(), b"$TOT/0000000300/", b"$TOT/ three      /"),
        "has a damaged header: 'three' in $TOT is not a number",
    ),
    "negative offset": (
        patched(make_well(), b"      96", b"     -96"),
        "has a damaged header: '     -96' in header is not a number",
    ),
    "absurd channels": (patched(make_well(), b"$PAR/11/", b"$PAR/99999/"), None),
    "no total": (patched(make_well(), b"$TOT/", b"$TXT/"), "has a damaged header: $TOT is missing"),
    "odd bits": (
        patched(make_well(), b"$P4B/32/", b"$P4B/31/"),
        "has a damaged header: $P4B is 31; 8, 16, 32 or 64 bits are expected",
    ),
    "byte order": (
        patched(make_well(), b"$BYTEORD/1,2,3,4/", b"$BYTEORD/2,1,4,3/"),
        "has an unknown $BYTEORD '2,1,4,3'; 1,2,3,4 or 4,3,2,1 is expected",
    ),
    "other channels": (
        patched(make_well(), b"$P5N/RP1/", b"$P5N/FL9/"),
        "is not an LXB file: it has no channel RP1, but RID, DDG, DBL, DD, FL9, RP1ATT, CL1, CL2, CL3, Aux1, TIME",
    ),
    "channel twice": (
        patched(make_well(), b"$P2N/DDG/", b"$P2N/RID/"),
        "has a damaged header: channels without a name or named twice "
        "(RID, RID, DBL, DD, RP1, RP1ATT, CL1, CL2, CL3, Aux1, TIME)",
    ),
}


def header(data, start, end):
    """The file with other offsets of DATA in its fixed header."""
    return data[:26] + f"{start:>8}{end:>8}".encode() + data[42:]


def text(data, key, value):
    """The file with another value, of ten digits, of a key of TEXT."""
    at = data.index(f"{key}/".encode()) + len(key) + 1
    return data[:at] + f"{value:010d}".encode() + data[at + 10 :]


SOUND = make_well()
FIRST, LAST = 13952, 13952 + 300 * 44 - 1
BAD_FILES |= {
    "header one byte on": (
        header(SOUND, FIRST + 1, LAST + 1),
        "has offsets that disagree: DATA begins at 13,953 in its header, but $BEGINDATA is 13,952; fetch the file anew",
    ),
    "TEXT one byte back": (text(SOUND, "$BEGINDATA", FIRST - 1), None),
    "TEXT one event on": (text(SOUND, "$BEGINDATA", FIRST + 44), None),
    "only the first offset of the header is 0": (header(SOUND, 0, LAST), None),
    "total below the events": (
        text(SOUND, "$TOT", 299),
        "has a header that contradicts itself: 299 events of 44 bytes do not fill DATA from 13,952 to 27,151",
    ),
    "total above the events": (text(SOUND, "$TOT", 301), None),
    "total and offsets below the events": (
        text(text(header(SOUND, FIRST, LAST - 88), "$ENDDATA", LAST - 88), "$TOT", 298),
        "holds 88 bytes behind its events that its header does not explain, as many as 2 events; $TOT may be too low",
    ),
    "a channel less": (patched(SOUND, b"$PAR/11/", b"$PAR/10/"), None),
    "a narrower channel": (patched(SOUND, b"$P7B/32/", b"$P7B/16/"), None),
    "a wider channel": (patched(SOUND, b"$P7B/32/", b"$P7B/64/"), None),
    "DATA beyond the file": (text(header(SOUND, 99952, 99952 + 13199), "$BEGINDATA", 99952), None),
    "DATA within TEXT": (
        text(header(SOUND, 1000, 1000 + 13199), "$BEGINDATA", 1000),
        "has a header that contradicts itself: DATA from 1,000 lies within header or TEXT",
    ),
    "a second data set": (
        text(SOUND, "$NEXTDATA", 27160),
        "holds a second data set ($NEXTDATA is 0000027160); give a file for each well",
    ),
    "a key twice": (
        patched(SOUND, b"$P2R/2", b"$P1R/2"),
        "has a damaged header: $P1R stands twice, as 32768 and as 2",
    ),
    "both offsets within an event": (
        text(header(SOUND, FIRST - 36, LAST - 36), "$BEGINDATA", FIRST - 36), None
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_well_is_left_out_with_its_reason(tmp_path, kind):
    data, reason = BAD_FILES[kind]
    folder = write_plate(tmp_path / "lxb")
    (folder / f"{PLATE}_C01.lxb").write_bytes(data)
    plate = read_plate(folder)
    assert plate.wells == ("A01", "A02", "B01")
    found = reasons(plate)["C01"]
    assert found.startswith(f"{PLATE}_C01.lxb ")
    if reason is not None:
        assert found == f"{PLATE}_C01.lxb {reason}"


@pytest.mark.parametrize(
    "data",
    [
        header(SOUND, 0, 0),
        header(SOUND, FIRST, LAST + 1),
        text(SOUND, "$ENDDATA", LAST + 1),
        text(header(SOUND, FIRST, LAST + 1), "$ENDDATA", LAST + 1),
        text(SOUND, "$ENDDATA", 7),
        patched(patched(SOUND, b"$BEGINDATA", b"$BEGINDAXA"), b"$ENDDATA", b"$ENDDAXA"),
        SOUND[:-8],
        SOUND + bytes(5000),
    ],
    ids=["header too short", "header's end", "end of TEXT", "both ends one on", "end of TEXT absurd", "FCS 2.0",
         "no checksum", "padded"],
)  # fmt: skip
def test_what_cannot_be_misread_is_read(data):
    np.testing.assert_array_equal(read_events(data), read_events(SOUND))


def small_well(n=9):
    """As little as a file can have, so that each byte of its header matters."""
    events = np.zeros((n, 3), "<u4")
    events[:, 0], events[:, 1], events[:, 2] = np.arange(1, n + 1), 0x01020304 * np.arange(1, n + 1), 7
    keys = {"$BEGINDATA": 320, "$ENDDATA": 319 + events.nbytes, "$TOT": n, "$BYTEORD": "1,2,3,4", "$DATATYPE": "I"}
    keys |= {"$MODE": "L", "$NEXTDATA": 0, "$PAR": 3, "$P1B": 32, "$P1N": "RID", "$P2B": 32, "$P2N": "RP1"}
    keys |= {"$P3B": 32, "$P3N": "RP1ATT", "$P1R": 32768, "$P2R": 2**30, "$P3R": 32768, "$SMNO": "A1"}
    content = "/" + "".join(f"{key}/{value}/" for key, value in keys.items())
    offsets = (64, 63 + len(content), 320, 319 + events.nbytes, 0, 0)
    head = "FCS3.0    " + "".join(f"{offset:>8d}" for offset in offsets)
    return (head.ljust(64) + content).ljust(320).encode() + events.tobytes() + b"0" * 8


def values(data):
    counts, reporter, _, _ = lxb._read_well(data)
    return counts.tolist(), reporter.tolist()


@pytest.mark.parametrize("sound", [small_well(), make_well(n=20)], ids=["small", "as the scanner writes it"])
def test_no_changed_byte_of_a_header_gives_other_beads(sound):
    """Every byte, and the bytes that mean something there: right values, or a refusal."""
    right, read, text_end = values(sound), 0, int(sound[18:26])
    for place in range(text_end + 1):
        for byte in b"0123456789 /$PBNRX\0\xff":
            data = sound[:place] + bytes([byte]) + sound[place + 1 :]
            try:
                assert values(data) == right, (place, bytes([byte]))
            except lxb.BadFile:
                continue
            read += 1
    assert read > text_end  # not all is refused


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 319), st.integers(0, 255))
def test_no_byte_in_a_header_gives_other_beads(place, byte):
    sound = small_well()
    try:
        assert values(sound[:place] + bytes([byte]) + sound[place + 1 :]) == values(sound)
    except lxb.BadFile:
        pass


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1100), st.binary(min_size=1, max_size=12))
def test_no_damaged_header_is_more_than_a_bad_well(at, junk):
    data = make_well(n=20)
    data = data[:at] + junk + data[at + len(junk) :]
    try:
        events = read_events(data, name="X_A01.lxb")
    except FileError as error:
        assert str(error).startswith("X_A01.lxb: ")
    else:
        assert len(events) <= 2000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (gzip.compress(make_well(), mtime=0)[:-900], "is truncated: the gzip stream ends early"),
        (make_well(), "is not a sound gzip file (Not a gzipped file (b'FC'))"),
        (gzip.compress(make_well(), mtime=0)[:-8] + b"\0" * 8, "is not a sound gzip file (CRC check failed"),
        (gzip.compress(bytes(MAX_FILE + 1), 1), "is larger than 256 MB, far more than one well"),
    ],
    ids=["empty", "truncated", "not gzip", "checksum", "bomb"],
)
def test_damaged_gzip(tmp_path, data, reason):
    folder = write_plate(tmp_path / "lxb")
    (folder / f"{PLATE}_C01.lxb.gz").write_bytes(data)
    assert reasons(read_plate(folder))["C01"].startswith(f"{PLATE}_C01.lxb.gz {reason}")


def test_well_with_two_files(tmp_path):
    folder = write_plate(tmp_path / "lxb")
    (folder / f"{PLATE}_A1.lxb").write_bytes(make_well("A01"))
    plate = read_plate(folder)
    assert plate.wells == ("A02", "B01")
    assert reasons(plate) == {"A01": f"has 2 files ({PLATE}_A01.lxb, {PLATE}_A1.lxb); keep the right one"}


def test_name_without_a_well(tmp_path):
    folder = write_plate(tmp_path / "lxb")
    (folder / f"{PLATE}_Q01.lxb").write_bytes(make_well())
    assert reasons(read_plate(folder)) == {f"{PLATE}_Q01.lxb": "its name does not end in a well, as PLATE_A01.lxb does"}


def test_unreadable_file(tmp_path):
    folder = write_plate(tmp_path / "lxb")
    (folder / f"{PLATE}_C01.lxb").symlink_to(tmp_path / "gone")
    assert reasons(read_plate(folder)) == {"C01": f"{PLATE}_C01.lxb cannot be read (No such file or directory)"}


# ---- refused plates -------------------------------------------------------------------------------------------------


def test_swapped_files(tmp_path):
    folder = write_plate(tmp_path / "lxb")
    (folder / f"{PLATE}_C01.lxb").write_bytes(make_well("C02"))
    with pytest.raises(FileError, match=r"disagree on the well: .*_C01.lxb was read from well C02; rename the files"):
        read_plate(folder)


def test_missing_source(tmp_path):
    with pytest.raises(FileError, match="gone: no such folder or archive; check the name"):
        read_plate(tmp_path / "gone")
    (tmp_path / "x.rar").write_bytes(b"Rar!")
    with pytest.raises(
        FileError, match=r"x.rar: a folder or one of .tar, .tar.gz, .tgz, .zip with LXB files is needed"
    ):
        read_plate(tmp_path / "x.rar")


def test_folder_without_lxb(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(FileError, match=r"holds no .lxb or .lxb.gz files"):
        read_plate(tmp_path)


def test_no_file_names_a_well(tmp_path):
    (tmp_path / "run1.lxb").write_bytes(make_well())
    with pytest.raises(FileError, match=r"no file name ends in a well, as PLATE_A01.lxb does \(run1.lxb\); rename"):
        read_plate(tmp_path)


def test_several_plates_in_one_folder(tmp_path):
    folder = write_plate(tmp_path / "lxb")
    write_plate(folder, wells=("A01",), plate="P2_A375_24H_X1_B20", seed=3)
    with pytest.raises(FileError, match=rf"files of several plates \({PLATE}, P2_A375_24H_X1_B20\); choose one"):
        read_plate(folder)
    assert read_plate(folder, PLATE).wells == ("A01", "A02", "B01")
    with pytest.raises(FileError, match="but none of P3"):
        read_plate(folder, "P3")


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_damaged_archive(tmp_path, kind):
    path = tmp_path / f"plate.{kind}"
    path.write_bytes(b"this is no archive, whatever it is called" * 30)
    with pytest.raises(FileError, match="damaged or truncated archive"):
        read_plate(path)


def test_truncated_tar(tmp_path):
    path = tmp_path / "plate.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(write_plate(tmp_path / "lxb"), "lxb")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(FileError, match="damaged or truncated archive"):
        read_plate(path)


@pytest.mark.parametrize("name", ["/etc/P_A01.lxb", "../P_A01.lxb", "a/../../P_A01.lxb", "C:/P_A01.lxb"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_unsafe_member(tmp_path, kind, name):
    path = tmp_path / f"plate.{kind}"
    data = make_well()
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo(name), data)
    else:
        with tarfile.open(path, "w") as archive:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    with pytest.raises(FileError, match="points outside the archive; such an archive is not read, pack it anew"):
        read_plate(path)


def test_link_in_archive(tmp_path):
    path = tmp_path / "plate.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("P_A01.lxb")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(FileError, match=r"member 'P_A01.lxb' is a link; pack the files themselves"):
        read_plate(path)


def test_absurd_member_is_a_bad_well(tmp_path):
    path = tmp_path / "plate.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(f"{PLATE}_A01.lxb", make_well())
        with archive.open(f"{PLATE}_A02.lxb", "w") as member:
            for _ in range(257):
                member.write(bytes(1 << 20))
    plate = read_plate(path)
    assert plate.wells == ("A01",)
    assert reasons(plate) == {"A02": f"{PLATE}_A02.lxb is larger than 256 MB, far more than one well"}


@pytest.mark.parametrize("name", ["notes.bin", f"{PLATE}_A02.lxb", f"{PLATE}_A02.lxb.gz"])
@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_archives_that_grow_absurdly_are_refused(tmp_path, monkeypatch, kind, name):
    """Whatever the member is: one that is not wanted must not keep the reader busy either."""
    monkeypatch.setattr("beadwork.io.files.unpack._FREE", 1 << 20)
    monkeypatch.setattr("beadwork.io.files.unpack.MAX_GROWTH", 20)
    path, large = tmp_path / f"p.{kind}", bytes(8 << 20)
    members = {f"{PLATE}_A01.lxb": make_well(), name: gzip.compress(large) if name.endswith("gz") else large}
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for member, data in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    if kind == "zip" and name == "notes.bin":
        assert list(read_plate(path).wells) == ["A01"], "what is not wanted is not unpacked"
        return
    with pytest.raises(FileError, match="unpacks to more than 20 times its size, as no archive of LXB files does"):
        read_plate(path)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_of_too_many_members_are_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("beadwork.io.beads.sources._MOST_MEMBERS", 5)
    path = tmp_path / f"p.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(6):
                archive.writestr(f"x{number}", b"")
    else:
        with tarfile.open(path, "w") as archive:
            for number in range(6):
                archive.addfile(tarfile.TarInfo(f"x{number}"))
    with pytest.raises(FileError, match="holds more than 5 members, far more than a plate"):
        read_plate(path)


# ---- archives within archives, and names as GEO gives them -----------------------------------------------------------


def pack(members, kind):
    """Bytes of an archive of members by name."""
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(fileobj=out, mode="w:gz" if kind.endswith("gz") else "w") as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def geo_plate(plate, first, packed=True):
    """Files of a plate by the names that GEO gives them: an accession for each well."""
    wells = {f"GSM{first + number}_{plate}_{well}.lxb": make_well(well) for number, well in enumerate(("A01", "A02"))}
    return {f"{name}.gz": gzip.compress(data) for name, data in wells.items()} if packed else wells


def test_accessions_of_geo_are_no_part_of_the_plate(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    for name, data in geo_plate(PLATE, 2_000_000).items():
        (folder / name).write_bytes(data)
    plate = read_plate(folder)
    assert (plate.det_plate, plate.wells) == (PLATE, ("A01", "A02"))
    assert plate.digests == read_plate(write_plate(tmp_path / "plain", ("A01", "A02"))).digests


@pytest.mark.parametrize("inner", ["tar", "tar.gz", "tgz", "zip"])
@pytest.mark.parametrize("outer", ["tar", "tar.gz", "zip"])
def test_archives_in_archives(tmp_path, caplog, outer, inner):
    plates = (PLATE, "P2_MCF7_24H_X1_B20")
    members = {f"GSM{n}_{name}.{inner}": pack(geo_plate(name, 10 * n), inner) for n, name in enumerate(plates)}
    path = tmp_path / f"GSE1_RAW.{outer}"
    path.write_bytes(pack(members, outer))
    with pytest.raises(FileError, match=rf"files of several plates \({PLATE}, P2_MCF7_24H_X1_B20\); choose one"):
        read_plate(path)
    expected = read_plate(write_plate(tmp_path / "plain", ("A01", "A02")))
    for name in plates:
        caplog.clear()
        plate = read_plate(path, name, threads=2)
        assert (plate.det_plate, plate.wells, plate.digests) == (name, expected.wells, expected.digests)
        assert "2 files of other plates are left out" in caplog.text
        assert plate.bad_wells.empty


def test_plates_that_only_folders_in_the_archive_distinguish(tmp_path):
    members = {f"{plate}/lxb/{well}.lxb": make_well(well, seed=seed) for seed, plate in enumerate(("P1", "P2"))
               for well in ("A01", "B02")}  # fmt: skip
    (tmp_path / "both.tar").write_bytes(pack(members, "tar"))
    with pytest.raises(FileError, match="the file names say only the well; name the plate with --plate"):
        read_plate(tmp_path / "both.tar")
    first, second = (read_plate(tmp_path / "both.tar", name) for name in ("P1", "P2"))
    assert first.wells == second.wells == ("A01", "B02")
    assert first.digests["A01"] == digest_bytes(make_well("A01", seed=0)) != second.digests["A01"]


def test_beads_of_other_plates_are_not_kept(tmp_path, monkeypatch):
    """A series holds thousands of plates: those that are not asked for must not be parsed, one at most."""
    parsed = []
    monkeypatch.setattr(lxb, "_try_well", lambda source, group: parsed.append(source.name) or "is not looked at")
    members = {f"GSM{n}_{name}.tar": pack(geo_plate(name, 10 * n), "tar") for n, name in enumerate("ABCDEF")}
    (tmp_path / "series.tar").write_bytes(pack(members, "tar"))
    assert read_plate(tmp_path / "series.tar", "D").n_wells == 0
    assert [name.split("_")[1] for name in parsed] == ["A", "A", "D", "D"]


@pytest.mark.parametrize("kind", ["folder", "tar", "zip"])
def test_wells_that_are_not_asked_for_are_not_opened(tmp_path, monkeypatch, kind):
    names = {f"{PLATE}_{well}.lxb": make_well(well, seed=n) for n, well in enumerate(("A01", "A02", "B01"))}
    path = tmp_path / "p"
    if kind == "folder":
        path.mkdir()
        for name, data in names.items():
            (path / name).write_bytes(data)
    else:
        path = path.with_suffix(f".{kind}")
        path.write_bytes(pack(names, kind))
    whole, loaded = read_plate(path), []
    read = lxb._try_well
    monkeypatch.setattr(lxb, "_try_well", lambda source, group: loaded.append(source.name) or read(source, group))
    one = read_plate(path, PLATE, wells=["A02"])
    assert (one.wells, loaded) == (("A02",), [f"{PLATE}_A02.lxb"])
    assert one.digests["A02"] == whole.digests["A02"]
    first, last = whole.starts[1][[0, -1]]
    np.testing.assert_array_equal(one.reporter, whole.reporter[first:last])
    np.testing.assert_array_equal(np.diff(one.starts[0]), np.diff(whole.starts[1]))
    with pytest.raises(FileError, match="has no beads of well P24; give the beads that GEX was made of"):
        read_plate(path, PLATE, wells=["P24"])


def test_archives_too_deep_are_refused(tmp_path):
    data = pack(geo_plate(PLATE, 1), "tar")
    for _ in range(3):
        data = pack({"inner.tar": data}, "tar")
    (tmp_path / "p.tar").write_bytes(data)
    assert read_plate(tmp_path / "p.tar").wells == ("A01", "A02")
    (tmp_path / "p.tar").write_bytes(pack({"inner.tar": data}, "tar"))
    with pytest.raises(FileError, match="more than 3 archives within each other; unpack the outer ones"):
        read_plate(tmp_path / "p.tar")


@pytest.mark.parametrize("inner", ["tar.gz", "zip"])
@pytest.mark.parametrize("outer", ["tar.gz", "zip"])
def test_growth_of_all_archives_within_counts(tmp_path, monkeypatch, outer, inner):
    monkeypatch.setattr("beadwork.io.files.unpack._FREE", 1 << 20)
    monkeypatch.setattr("beadwork.io.files.unpack.MAX_GROWTH", 20)
    bomb = pack({f"{PLATE}_A02.lxb": bytes(8 << 20)}, inner)
    path = tmp_path / f"p.{outer}"
    path.write_bytes(pack({f"{PLATE}_A01.lxb": make_well(), f"{PLATE}.{inner}": bomb}, outer))
    with pytest.raises(FileError, match="unpacks to more than 20 times its size, as no archive of LXB files does"):
        read_plate(path)


@pytest.mark.parametrize("inner", ["tar", "tar.gz", "zip"])
@pytest.mark.parametrize("outer", ["tar", "zip"])
def test_a_damaged_archive_within_is_named(tmp_path, outer, inner):
    path = tmp_path / f"series.{outer}"
    damaged = pack(geo_plate(PLATE, 1), inner)[:-300]
    damaged = damaged[: len(damaged) // 2] if inner == "tar" else damaged
    path.write_bytes(pack({f"in/GSM1_{PLATE}.{inner}": damaged}, outer))
    with pytest.raises(FileError, match=rf"series.{outer}: in/GSM1_{PLATE}.{inner}: damaged or truncated archive"):
        read_plate(path)


@pytest.mark.parametrize("inner", ["tar", "zip"])
def test_unsafe_members_within_are_refused(tmp_path, inner):
    path = tmp_path / "series.tar"
    path.write_bytes(pack({f"p.{inner}": pack({"../P_A01.lxb": make_well()}, inner)}, "tar"))
    with pytest.raises(FileError, match="points outside the archive"):
        read_plate(path)


@pytest.mark.parametrize(("asked", "said"), [(PLATE, False), (None, False), ("LAB_A375_24H_X9_B20", True)])
def test_files_that_are_called_after_another_plate_are_named(tmp_path, caplog, asked, said):
    plate = read_plate(write_plate(tmp_path / "raw"), asked)
    assert plate.det_plate == (asked or PLATE)
    told = f"raw: the files are named after {PLATE}; they are taken for {asked}"
    assert (told in caplog.text) == said
