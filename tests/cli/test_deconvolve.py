"""``beadwork deconvolve`` from files to files, and what it says to mistakes."""

import numpy as np
import pytest

from beadwork.cli import main
from beadwork.io.beads.lxb import lxb_bytes
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_matrix
from beadwork.model.matrix import Level, Space

PLATE = "P1_A375_24H_X1_B20"
WELLS = ("A01", "A02", "B01", "B02")


def well_bytes(well, n=6000):
    rng = np.random.default_rng([ord(well[0]), int(well[1:])])
    analyte = rng.integers(0, 501, n)
    lonely = rng.random(n)
    analyte[(analyte == 11) & (lonely > 2 / 3) | (analyte == 499) & (lonely > 1 / 3)] = 0  # these carry one gene
    return lxb_bytes(analyte, np.round(2 ** rng.normal(7 + analyte % 5, 0.5)).astype(int), well)


@pytest.fixture
def plate(tmp_path):
    """Folder ``lxb`` of four wells and their map."""
    folder = tmp_path / "lxb"
    folder.mkdir()
    for well in WELLS:
        (folder / f"{PLATE}_{well}.lxb").write_bytes(well_bytes(well))
    write_map(tmp_path)
    return tmp_path


def write_map(folder, wells=WELLS):
    rows = "".join(f"{well}\tBRD-{well}\tTRT_CP\t10\tum\n" for well in wells)
    (folder / "plate.map").write_text("rna_well\tpert_id\tpert_type\tpert_dose\tpert_dose_unit\n" + rows)


def run(folder, *options, lxb="lxb", output="out/GEX.gctx", min_wells="2"):
    method = [] if "--method" in options else ["--method", "kmeans"]
    main(["deconvolve", str(folder / lxb), "--map", str(folder / "plate.map"), "-o", str(folder / output),
          "--min-wells", min_wells, *method, *[str(option) for option in options]])  # fmt: skip
    return read_matrix(folder / output)


def fail(capsys, folder, *options, **places):
    """Error line of a command that must exit with 2 and leave nothing behind."""
    with pytest.raises(SystemExit) as stop:
        run(folder, *options, **places)
    assert stop.value.code == 2
    assert not (folder / "out").exists() or not list((folder / "out").iterdir())
    lines = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert len(lines) == 1
    return lines[0].removeprefix("beadwork: error: ").replace(f"{folder}/", "")


@pytest.mark.slow
def test_mixture_writes_uncertainty_and_odds_and_says_that_a_small_plate_has_no_prior(plate, capsys):
    out = plate / "out"
    options = ["--method", "mixture", "--sd", out / "SD.gctx", "--odds", out / "O.gctx", "--qc", out / "qc.tsv"]
    gex = run(plate, *options)
    sd, odds = read_matrix(out / "SD.gctx"), read_matrix(out / "O.gctx")
    assert list(sd.rids) == list(odds.rids) == list(gex.rids)
    assert (sd.values > 0).all()
    paired = ~np.isnan(odds.values).any(axis=1)
    assert paired.sum() == 976
    assert (odds.values[paired] >= 1).all()
    qc = read_table(out / "qc.tsv").set_index("metric")
    assert set(qc.index) >= {"ambiguous", "effective_beads", "outlier_beads", "perturbation", "prior_used"}
    assert qc.loc["prior_used", "value"] == "too few wells"
    assert "too few wells for a prior from the other wells; each well is fitted alone" in capsys.readouterr().err


# ---- what it writes -------------------------------------------------------------------------------------------------


def test_all_outputs(plate, capsys):
    out = plate / "out"
    gex = run(plate, "--calibrators", out / "CAL.gctx", "--support", out / "S.gctx", "--qc", out / "qc.tsv")
    assert (gex.level, gex.space, gex.values.shape) == (Level.GEX, Space.LM, (978, 4))
    assert list(gex.cids) == [f"{PLATE}:{well}" for well in WELLS]
    row = gex.cols.loc[f"{PLATE}:A02"]
    expected = {
        "det_plate": PLATE, "det_well": "A02", "rna_well": "A02", "bead_batch": "b20", "bead_set": "dp52,dp53",
        "bead_revision": "r2", "pert_type": "trt_cp", "pert_dose": 10.0, "cell_id": "A375",
        "brew_prefix": "P1_A375_24H",
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected
    calibrators, support = read_matrix(out / "CAL.gctx"), read_matrix(out / "S.gctx")
    assert (calibrators.level, calibrators.values.shape) == (Level.CAL, (10, 4))
    assert list(support.rids) == list(gex.rids)
    assert set(read_table(out / "qc.tsv")["metric"]) >= {"wells_read", "count_mean", "single_peak", "flipped"}
    assert gex.provenance["command"] == "deconvolve"
    assert gex.provenance["parameters"] | {"method": "kmeans", "ratio": 2.0} == gex.provenance["parameters"]
    assert set(gex.provenance["inputs"]) == {"lxb", "map"}
    assert capsys.readouterr().err == ""


def test_same_bytes_from_any_number_of_threads(plate):
    for threads in (1, 3):
        run(plate, "--threads", threads, output=f"out/{threads}.gctx")
    run(plate, output="out/again.gctx")
    contents = {(plate / "out" / f"{name}.gctx").read_bytes() for name in ("1", "3", "again")}
    assert len(contents) == 1


def test_kspeak_and_options(plate):
    gex = run(plate, "--method", "kspeak", "--cell-id", "MCF7", "--brew-prefix", "B", "--plate", "MINE_X_Y_Z_B1")
    assert set(gex.cols["cell_id"]) == {"MCF7"}
    assert set(gex.cols["brew_prefix"]) == {"B"}
    assert gex.cids[0] == "MINE_X_Y_Z_B1:A01"
    assert set(gex.cols["bead_revision"]) == {"r1"}
    assert gex.provenance["parameters"]["ratio"] == 1.67
    assert gex.provenance["parameters"]["bead_set"] == "epsilon-r1"


def test_bead_batch_is_found_in_any_case(plate):
    gex = run(plate, "--bead-batch", "f3B3")
    assert (set(gex.cols["bead_batch"]), gex.provenance["parameters"]["ratio"]) == ({"f3b3"}, 3.0)


def test_bead_set_of_ones_own(plate, capsys):
    from beadwork.io.platform.gene_table import resource_path

    table = plate / "beadset_own.tsv"
    lines = resource_path("beadset_epsilon-r2.tsv").read_text().splitlines()
    table.write_text("\n".join(lines[:-5]) + "\n")
    gex = run(plate, "--beadset", table, "--ratio", "1.5")
    assert (gex.space, gex.values.shape[0]) == (None, 973)
    assert gex.provenance["parameters"]["ratio"] == 1.5
    assert "bead_set" in gex.provenance["inputs"]
    assert f"bead batch B20 has bead set epsilon-r2, but {table} was asked for" in capsys.readouterr().err


# ---- what it warns of -----------------------------------------------------------------------------------------------


def test_unknown_bead_batch(plate, capsys):
    gex = run(plate, "--plate", "P1_A375_24H_X1_B999")
    assert (
        "warning: P1_A375_24H_X1_B999: bead batch B999 is not in the batch table; taking bead set epsilon-r2 and "
        "ratio 2 (else give --bead-batch, or --beadset and --ratio)"
    ) in capsys.readouterr().err
    assert set(gex.cols["bead_batch"]) == {"B999"}
    run(plate, "--plate", "short")
    assert "short: the plate's name has no bead batch; taking bead set epsilon-r2" in capsys.readouterr().err


def test_wells_that_leave(plate, capsys):
    (plate / "lxb" / f"{PLATE}_C01.lxb").write_bytes(b"")
    (plate / "lxb" / f"{PLATE}_C02.lxb").write_bytes(well_bytes("C02")[:20_000])
    (plate / "lxb" / f"{PLATE}_C03.lxb").write_bytes(well_bytes("C03", 30))
    (plate / "lxb" / f"{PLATE}_D01.lxb").write_bytes(well_bytes("D01"))
    (plate / "lxb" / "notes.txt").write_text("lunch at noon")
    write_map(plate, (*WELLS, "C01", "C02", "C03", "P24"))
    gex = run(plate, "--qc", plate / "qc.tsv")
    assert list(gex.cols["det_well"]) == list(WELLS)
    said = capsys.readouterr().err.replace(f"{plate}/", "")
    for line in (
        "info: lxb: 1 file that is no LXB file is ignored",
        f"warning: {PLATE}:C01: {PLATE}_C01.lxb is empty; the well is left out",
        f"warning: {PLATE}:C02: {PLATE}_C02.lxb is truncated: it holds 137 of 6,000 events; the well is left out",
        "classified beads; at least 1,000 are needed; the well is left out",
        f"warning: wells without a row in the plate map are left out: {PLATE}:D01",
        f"warning: rows of the plate map without an LXB file: {PLATE}:P24",
    ):
        assert line in said
    qc = read_table(plate / "qc.tsv")
    failed = qc[qc["pass"].astype(str) == "False"]
    assert sorted(zip(failed["entity"].str[-3:], failed["metric"], strict=True)) == [
        ("C01", "well_unusable"),
        ("C02", "well_unusable"),
        ("C03", "well_unusable"),
        ("D01", "well_without_map"),
        ("P24", "map_without_well"),
    ]


def test_missing_calibrator(plate, capsys):
    rng = np.random.default_rng(0)
    analyte = rng.integers(11, 501, 6000)
    (plate / "lxb" / f"{PLATE}_A01.lxb").write_bytes(lxb_bytes(analyte, rng.integers(50, 9000, 6000), "A01"))
    run(plate, "--calibrators", plate / "CAL.gctx")
    assert f"wells with calibrators without beads, which become NaN: {PLATE}:A01" in capsys.readouterr().err
    assert np.isnan(read_matrix(plate / "CAL.gctx").values).all(axis=0).tolist() == [True, False, False, False]


def test_wells_of_one_analyte_are_named(plate, capsys):
    rng = np.random.default_rng(0)
    analyte = np.full(6000, 77)
    (plate / "lxb" / f"{PLATE}_A01.lxb").write_bytes(lxb_bytes(analyte, rng.integers(50, 9000, 6000), "A01"))
    run(plate)
    said = f"wells without good beads for most analytes, whose values mean little: {PLATE}:A01\n"
    assert said in capsys.readouterr().err


# ---- what it refuses ------------------------------------------------------------------------------------------------


def broken_map(text):
    def apply(folder):
        (folder / "plate.map").write_text(text)

    return apply


def all_files(change):
    def apply(folder):
        for path in sorted((folder / "lxb").iterdir()):
            change(path)

    return apply


def swap_two(folder):
    (folder / "lxb" / f"{PLATE}_A01.lxb").write_bytes(well_bytes("A02"))


def rename_plate(path):
    if "_A0" in path.name:
        path.rename(path.with_name(path.name.replace("P1", "P2")))


def strip_plate(path):
    path.rename(path.with_name(path.name.rsplit("_", 1)[1]))


def nothing(_):
    pass


MISTAKES = {
    "no such folder": (nothing, [], {"lxb": "gone"}, "gone: no such folder or archive; check the name"),
    "not an archive": (
        nothing,
        [],
        {"lxb": "plate.map"},
        "plate.map: a folder or one of .tar, .tar.gz, .tgz, .zip with",
    ),
    "no lxb files": (all_files(lambda path: path.unlink()), [], {}, "lxb: holds no .lxb or .lxb.gz files; give the"),
    "several plates": (all_files(rename_plate), [], {}, "choose one with --plate"),
    "no plate name": (
        all_files(strip_plate),
        [],
        {},
        "lxb: the file names say only the well; name the plate with --pl",
    ),
    "bad plate name": (
        nothing,
        ["--plate", "my plate"],
        {},
        "plate name 'my plate': only letters, digits, '.', '-' and",
    ),
    "swapped files": (
        swap_two,
        [],
        {},
        f"lxb: names and contents ($SMNO) disagree on the well: {PLATE}_A01.lxb was read from well A02; rename",
    ),
    "all truncated": (
        all_files(lambda path: path.write_bytes(path.read_bytes()[:9000])),
        [],
        {},
        f"{PLATE}: 0 usable wells, but at least 2 (min_wells) are needed; left out: A01: {PLATE}_A01.lxb is truncated: "
        "it holds 0 of 6,000 events",
    ),
    "too few wells": (
        nothing,
        [],
        {"min_wells": "10"},
        f"{PLATE}: 4 usable wells, but at least 10 (min_wells) are need",
    ),
    "map of other wells": (
        lambda folder: write_map(folder, ("P01", "P02")),
        [],
        {},
        f"{PLATE}: none of its wells (A01, A02, B01, B02) has a row in the plate map; give the right map",
    ),
    "map without a column": (
        broken_map("rna_well\tpert_id\nA01\tX\n"),
        [],
        {},
        "plate.map: lacks the column(s) pert_type; a map needs one of det_well, rna_well, well_position, and pert_id",
    ),
    "map with commas": (
        broken_map("rna_well,pert_id,pert_type\nA01,X,Y\n"),
        [],
        {},
        "columns must be separated by tabs",
    ),
    "map with a well twice": (
        broken_map("rna_well\tpert_id\tpert_type\nA01\tX\tY\nA1\tX\tY\n"),
        [],
        {},
        "plate.map: wells stand twice: A01; keep one row for each",
    ),
    "map with a foreign well": (
        broken_map("rna_well\tpert_id\tpert_type\nH25\tX\tY\n"),
        [],
        {},
        "plate.map: rna_well 'H25': no well of a 384-well plate; A01 to P24 are",
    ),
    "empty map": (broken_map(""), [], {}, "plate.map: is empty; a tab-separated table with a header line is needed"),
    "sd without uncertainty": (
        nothing,
        ["--sd", "sd.gctx"],
        {},
        "--sd: method kmeans gives no uncertainty (methods that do: mixture); drop --sd",
    ),
    "unknown bead set": (
        nothing,
        ["--beadset", "epsilon-r9"],
        {},
        "bead set 'epsilon-r9' is unknown; there are deltap-r1, epsilon-r1, epsilon-r2, or give a .tsv table",
    ),
    "unknown method": (nothing, ["--method", "magic"], {}, "Invalid value for '--method': 'magic' is not one of"),
    "parameter out of bounds": (
        nothing,
        ["--max-k", "1"],
        {},
        "--max-k: input should be greater than or equal to",
    ),
    "contradicting limits": (nothing, ["--low-exp", "16"], {}, "low_exp 16 must be below the upper limit 15"),
    "zero ratio": (nothing, ["--ratio", "0"], {}, "Invalid value for '--ratio': 0.0 is not in the range x>0."),
    "one name for two outputs": (
        nothing,
        ["--calibrators", "x.gctx", "--support", "x.gctx"],
        {},
        "x.gctx: two outputs have the same name; give each its own",
    ),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes(plate, capsys, kind):
    spoil, options, places, message = MISTAKES[kind]
    spoil(plate)
    assert message in fail(capsys, plate, *options, **places)


def test_output_that_cannot_be_written(plate, capsys):
    (plate / "file").write_text("in the way")
    assert "file/GEX.gctx: cannot be written, since " in fail(capsys, plate, output="file/GEX.gctx")


# ---- real plates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "n_wells"), [("TEST_A375_24H_X1_B20", 26), ("REP.A028_MCF7_24H_X1_B25", 24)])
def test_real_plates(shared_data, tmp_path, capsys, name, n_wells):
    folder = shared_data / "plates" / name
    gex_path = tmp_path / "GEX.gctx"
    main(["deconvolve", str(folder / "lxb"), "--map", str(folder / f"{name}.map"), "-o", str(gex_path)])
    gex = read_matrix(gex_path)
    assert gex.values.shape == (978, n_wells)
    assert set(gex.cols["det_plate"]) == {name}
    assert gex.cols["count_mean"].between(30, 130).all()
    assert np.isfinite(gex.values).all()
    assert capsys.readouterr().err == ""
