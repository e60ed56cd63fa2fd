"""status, provenance and release on a small made results folder."""

import hashlib
import json
import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from beadwork.io.files.digest import digest_file
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import write_matrix
from beadwork.model.cmappy import corrected_cmappy, load_cmappy
from beadwork.model.matrix import Level, Matrix

BREW, PLATES = "P001_A375_24H", ["P001_A375_24H_X1_B20", "P001_A375_24H_X2_B20"]
WELLS = ["A01", "A02", "B03"]
SHEET = "det_plate\tlxb\tmap\tbatch\tuse\n" + "".join(f"{plate}\tx\ty\tfirst\tyes\n" for plate in PLATES)


def made(plate: str, level: Level, inputs, earlier, n_genes: int = 6, **parameters) -> Matrix:
    rng = np.random.default_rng(len(plate) + len(level))
    cols = pd.DataFrame(
        {
            "det_plate": plate, "det_well": WELLS, "rna_well": WELLS, "pert_id": ["DMSO", "BRD-1", "BRD-2"],
            "pert_iname": ["DMSO", "é", "two"], "pert_type": ["ctl_vehicle", "trt_cp", "trt_cp"],
            "pert_dose": [np.nan, 10.0, 3.3], "pert_dose_unit": [np.nan, "um", "um"], "pert_time": 24.0,
            "pert_time_unit": "h", "cell_id": "A375", "brew_prefix": BREW,
            "lxb_digest": [f"xxh3_128:{plate[-6:-4]}{well}" for well in WELLS],
        },
        index=[f"{plate}:{well}" for well in WELLS],
    )  # fmt: skip
    rows = pd.DataFrame({"pr_gene_symbol": list("abcdef")[:n_genes]}, index=[str(n) for n in range(n_genes)])
    record = make_provenance(f"make_{level}".lower(), parameters, inputs, earlier)
    return Matrix(rng.normal(size=(n_genes, 3)), rows, cols, level=level, provenance=record)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two plates at all levels, one brew, an index manifest."""
    folder = tmp_path / "results"
    for plate in PLATES:
        earlier: list = []
        inputs = {"lxb": [{"name": plate, "digest": "xxh3_128:beads"}]}
        for level in (Level.GEX, Level.CAL, Level.NORM, Level.QNORM, Level.INF, Level.ZSPC):
            if level is Level.INF:
                inputs = {**inputs, "model": [{"name": "ours.h5", "digest": "xxh3_128:12345678abc"}]}
            matrix = made(plate, level, inputs, earlier, det_plate=plate, strength=1)
            path = folder / plate / f"{plate}_{level}.gctx"
            write_matrix(matrix, path)
            earlier, inputs = [matrix.provenance], {"matrix": [input_record(path)]}
    sources = [folder / plate / f"{plate}_ZSPC.gctx" for plate in PLATES]
    steps = [made(plate, Level.ZSPC, {}, []).provenance for plate in PLATES]
    from beadwork.io.matrix.formats import read_provenance

    steps = [read_provenance(path) for path in sources]
    record = make_provenance("consensus", {"z_clip": 10}, {"z": [input_record(path) for path in sources]}, steps)
    cols = pd.DataFrame(
        {"pert_id": ["BRD-1"], "pert_iname": ["é"], "pert_type": ["trt_cp"], "cell_id": ["A375"], "pert_dose": [10.0],
         "pert_dose_unit": ["um"], "pert_time": [24.0], "pert_time_unit": ["h"], "distil_cc_q75": [0.5],
         "distil_id": ["|".join(f"{plate}:A02" for plate in PLATES)], "distil_wt": ["0.6000,0.4000"]},
        index=[f"{BREW}:BRD-1:10"],
    )  # fmt: skip
    rows = pd.DataFrame({"pr_gene_symbol": list("abcdef")}, index=[str(n) for n in range(6)])
    modz = Matrix(np.ones((6, 1)), rows, cols, level=Level.MODZ, provenance=record)
    write_matrix(modz, folder / "signatures" / f"{BREW}_MODZ.gctx")
    (folder / "index").mkdir()
    manifest = {"segments": [{"name": "000001-ab", "n_signatures": 1}], "software": "beadwork 9", "parameters": {},
                "background": {"name": "000001-1-1", "n_signatures": 1}}  # fmt: skip
    (folder / "index/manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "plates.tsv").write_text(SHEET)
    return folder


def test_status_says_what_is_there(results: Path, run):
    code, out, _ = run("status", results, "--plates", results.parent / "plates.tsv", "-o", results / "s.tsv")
    assert code == 0
    assert "batch first: 2 plates (2 done), 6 profiles at level 4" in out
    assert "signatures: 1 brew, 1 signature" in out
    assert "index: 1 segment, 1 signature; background 000001-1-1 of 1 signature" in out
    assert "inference model: ours.h5 12345678" in out
    assert "sets of parameters" not in out
    table = read_table(results / "s.tsv")
    assert len(table) == 2 * 6 + 1 + 1
    assert table.loc[table["level"] == "INF", "reference"].tolist() == ["ours.h5 12345678"] * 2


def test_status_says_what_is_new_changed_missing_damaged_and_retired(results: Path, run):
    old = results.parent / "old.tsv"
    run("status", results, "--plates", results.parent / "plates.tsv", "-o", old)
    more = SHEET.replace("\tyes\n", "\tno\n", 1) + "P002_A375_24H_X1_B20\tx\ty\tsecond\tyes\n"
    (results.parent / "plates.tsv").write_text(more)
    plate = "P002_A375_24H_X1_B20"
    write_matrix(made(plate, Level.GEX, {}, []), results / plate / f"{plate}_GEX.gctx")
    (results / PLATES[1] / f"{PLATES[1]}_INF.gctx").write_bytes(b"\x89HDF\r\n\x1a\n" + b"x" * 100)
    changed = made(PLATES[1], Level.ZSPC, {}, [], strength=2)
    write_matrix(changed, results / PLATES[1] / f"{PLATES[1]}_ZSPC.gctx")
    out = run("status", results, "--plates", results.parent / "plates.tsv", "--since", old)[1]
    assert "batch second: 1 plate (1 missing)" in out
    assert f"retired: 6 files: {PLATES[0]} GEX" in out
    assert f"damaged: 1 file: {PLATES[1]} INF" in out
    assert f"new: 1 ({plate})" in out
    assert re.search(rf"changed: \d \({PLATES[1]}", out)
    assert f"retired since: 1 ({PLATES[0]})" in out
    assert "removed: 0" in out


def test_status_keeps_a_record_and_says_on_a_page_what_is_new(results: Path, run):
    sheet, record, page = (results.parent / name for name in ("plates.tsv", "record.tsv", "changes.html"))
    words = ("status", results, "--plates", sheet, "--record", record, "--page", page)
    assert run(*words)[0] == 0
    assert "Everything: this is the first run whose status was kept (2 plates, 1 brew, 1 index segment)" in (
        page.read_text()
    )
    run(*words)
    assert "Nothing: all is as it was after the run before." in page.read_text()
    plate = "P002_A375_24H_X1_B20"
    sheet.write_text(SHEET.replace("\tyes\n", "\tno\n", 1) + f"{plate}\tx\ty\t<second>\tyes\n")
    for level in (Level.GEX, Level.CAL, Level.NORM, Level.QNORM, Level.INF, Level.ZSPC):
        write_matrix(made(plate, level, {}, []), results / plate / f"{plate}_{level}.gctx")
    manifest = json.loads((results / "index/manifest.json").read_text())
    manifest["segments"] = [{"name": "000002-cd", "n_signatures": 2}]
    (results / "index/manifest.json").write_text(json.dumps(manifest))
    run(*words)
    text = page.read_text()
    assert "<p>retired: 1 plate; new: 1 plate, 1 index segment; removed: 1 index segment</p>" in text
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>", text)
    assert ("plate", PLATES[0], "first", "retired", "retired") in rows
    assert ("plate", plate, "&lt;second&gt;", "new", "done") in rows
    assert ("index segment", "000001-ab", "", "removed", "") in rows


def test_status_says_what_the_check_of_plates_suspects(results: Path, run):
    why = "its map seems to be shifted one row down"
    (results / "plate_check.tsv").write_text(
        f"det_plate\tverdict\tsuspicion\n{PLATES[0]}\tok\t\n{PLATES[1]}\tsuspected\t{why}\nelse\tsuspected\tx\n"
    )
    page = results.parent / "page.html"
    out = run("status", results, "--page", page)[1]
    assert [line for line in out.splitlines() if line.startswith("suspected")] == [f"suspected: {PLATES[1]}: {why}"]
    assert f"<li>{PLATES[1]}: {why}</li>" in page.read_text()


def test_status_verify_finds_an_input_that_is_not_what_it_was(results: Path, run):
    assert "stale" not in run("status", results, "--verify")[1]
    write_matrix(made(PLATES[0], Level.QNORM, {}, [], strength=3), results / PLATES[0] / f"{PLATES[0]}_QNORM.gctx")
    assert f"stale: 1 file: {PLATES[0]} INF" in run("status", results, "--verify")[1]


def test_provenance_prints_the_chain(results: Path, run):
    path = results / "signatures" / f"{BREW}_MODZ.gctx"
    code, out, _ = run("provenance", path, f"{BREW}:BRD-1:10")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == f"{BREW}:BRD-1:10  (MODZ, {path.name}, {digest_file(path)})"
    assert f"  {PLATES[0]}:A02  weight 0.6000" in lines
    assert f"  {PLATES[1]}:A02  weight 0.4000" in lines
    assert "    LXB of well A02: xxh3_128:X1A02" in lines
    assert "    LXB of well A02: xxh3_128:X2A02" in lines
    assert sum("model: ours.h5" in line for line in lines) == 2
    assert any(line.startswith("    make_gex (beadwork ") and "strength=1" in line for line in lines)
    chain = json.loads(run("provenance", path, f"{BREW}:BRD-1:10", "--json")[1])
    assert [item["weight"] for item in chain["replicates"]] == ["0.6000", "0.4000"]
    assert all(len(item["steps"]) == 6 for item in chain["replicates"])


def test_provenance_of_a_well(results: Path, run):
    out = run("provenance", results / PLATES[0] / f"{PLATES[0]}_QNORM.gctx", f"{PLATES[0]}:B03")[1]
    assert "LXB of well B03: xxh3_128:X1B03" in out


def test_provenance_without_the_matrices_of_the_plates(results: Path, run):
    for plate in PLATES:
        (results / plate / f"{plate}_ZSPC.gctx").unlink()
    out = run("provenance", results / "signatures" / f"{BREW}_MODZ.gctx", f"{BREW}:BRD-1:10")[1]
    assert "LXB of well A02: its matrix is not here any more" in out
    assert "xxh3_128:beads" in out


def test_a_release_has_the_names_and_columns_of_lincs(results: Path, tmp_path: Path, run):
    target = tmp_path / "release"
    code, _, err = run("release", results, "-o", target, "--name", "LAB1")
    assert code == 0, err
    names = {path.name for path in target.iterdir()}
    assert names == {
        "LAB1_Level2_GEX_n6x6.gctx", "LAB1_Level3_INF_n6x6.gctx", "LAB1_Level4_ZSPC_n6x6.gctx",
        "LAB1_Level5_COMPZ.MODZ_n1x6.gctx", "LAB1_inst_info.txt", "LAB1_sig_info.txt", "LAB1_sig_metrics.txt",
        "LAB1_gene_info.txt", "LAB1_README.txt", "SHA256SUMS",
    }  # fmt: skip
    inst = pd.read_csv(target / "LAB1_inst_info.txt", sep="\t")
    assert list(inst.columns[:2]) == ["inst_id", "rna_well"]
    assert inst.loc[0, "pert_dose"] == -666
    sig = pd.read_csv(target / "LAB1_sig_info.txt", sep="\t")
    assert list(sig.columns) == ["sig_id", "pert_id", "pert_iname", "pert_type", "cell_id", "pert_dose",
                                 "pert_dose_unit", "pert_idose", "pert_time", "pert_time_unit", "pert_itime",
                                 "distil_id"]  # fmt: skip
    assert sig.loc[0, "pert_idose"] == "10 um"
    for line in (target / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((target / name).read_bytes()).hexdigest() == digest
    assert "ours.h5 (xxh3_128:12345678abc)" in (target / "LAB1_README.txt").read_text()


def test_released_matrices_are_those_of_the_plates_and_load_in_cmappy(results: Path, tmp_path: Path, run):
    run("release", results, "-o", tmp_path / "release", "--levels", "4")
    path = tmp_path / "release" / "beadwork_Level4_ZSPC_n6x6.gctx"
    with corrected_cmappy():
        joined = load_cmappy("parse").parse(str(path)).data_df
    for plate in PLATES:
        with h5py.File(results / plate / f"{plate}_ZSPC.gctx") as file:
            own = file["0/DATA/0/matrix"][:]
        columns = [f"{plate}:{well}" for well in WELLS]
        assert np.array_equal(joined.loc[[str(n) for n in range(6)], columns].to_numpy().T, own)


def test_rows_in_another_order_are_put_right(results: Path, tmp_path: Path, run):
    second = made(PLATES[1], Level.GEX, {}, [])
    write_matrix(second.take_rows(second.rids[::-1]), results / PLATES[1] / f"{PLATES[1]}_GEX.gctx")
    run("release", results, "-o", tmp_path / "release", "--levels", "2")
    with h5py.File(tmp_path / "release" / "beadwork_Level2_GEX_n6x6.gctx") as file:
        assert np.array_equal(file["0/DATA/0/matrix"][3:], second.values.T)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status", "absent"], "absent: no such folder of results; give what `results` is in the configuration"),
        (["status", "results", "--plates", "absent.tsv"], "absent.tsv: no such file; check"),
        (["status", "results", "--since", "plates.tsv"], "plates.tsv: lacks the column(s) entity, level, state"),
        (["status", "results", "--record", "r.tsv", "-o", "s.tsv"], "--record: stands for --since and -o; drop these"),
        (["provenance", "results/signatures/P001_A375_24H_MODZ.gctx", "P001_A375_24H:BRD-1:1"],
         "has no column 'P001_A375_24H:BRD-1:1'; did you mean P001_A375_24H:BRD-1:10?"),
        (["provenance", "foreign.gct", "s1"],
         "foreign.gct: carries no provenance; it was not written by beadwork, or was converted since"),
        (["release", "absent", "-o", "r"], "absent: no such folder of results"),
        (["release", "results", "-o", "results"], "results: is there already; name a new folder"),
        (["release", "results", "-o", "r", "--levels", "6"], "--levels: 6; give some of 2, 3, 4, 4vc, 4nc, 5, 5nc"),
        (["release", "results", "-o", "r", "--name", "a/b"], "--name: 'a/b'; only letters, digits"),
        (["release", "results", "-o", "r", "--levels", "4vc"], "results: lacks matrices of level ZSVC"),
        (["release", "results", "-o", "r", "--plates", "more.tsv"], "lacks matrices of level GEX (results/P9"),
        (["check-plates", "empty", "-o", "t.tsv"], "empty: holds no {plate}/{plate}_GEX.gctx"),
        (["check-plates", "results", "--plates", "absent.tsv", "-o", "t.tsv"], "absent.tsv: no such file; check"),
    ],
)  # fmt: skip
def test_mistakes_are_reported_in_one_line(results: Path, tmp_path: Path, run, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foreign.gct").write_text("#1.2\n1\t1\nName\tDescription\ts1\n1\tx\t2\n")
    (tmp_path / "more.tsv").write_text(SHEET + "P9_A375_24H_X1_B20\tx\ty\t\tyes\n")
    (tmp_path / "empty").mkdir()
    code, _, err = run(*words)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert message in err
    assert not (tmp_path / "r").exists()
    assert not list(tmp_path.glob(".*.part"))


def test_a_release_needs_space(results: Path, tmp_path: Path, run, monkeypatch):
    from collections import namedtuple

    from beadwork.io.runs import release

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(release.shutil, "disk_usage", lambda _: usage(10, 10, 1000))
    code, _, err = run("release", results, "-o", tmp_path / "release")
    assert code == 2
    assert "are free; free some space" in err
    assert not (tmp_path / "release").exists()
