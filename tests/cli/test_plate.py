"""``beadwork plate``: the bytes of the single commands, restarted where it stopped, mistakes in one line."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest

from beadwork.api.plates import PlateParams, process_plate
from beadwork.cli import cli, main
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.io.runs.plate_state import made_with
from beadwork.model.params import PLATE_STEPS, DeconvolveParams, flag_name, plate_names, render_flags
from beadwork.model.plates.compatibility import COMPATIBILITY

PLATE = "SIM001_A375_24H_X1_B20"
LEVELS = ("GEX", "CAL", "SUPPORT", "SD", "ODDS", "NORM", "QNORM", "INF", "ZSPC", "ZSVC")


def beadwork(*words: object) -> None:
    main([str(word) for word in words])


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A simulated plate of 24 wells."""
    folder = tmp_path_factory.mktemp("plate") / "data"
    beadwork("simulate", "-o", folder, "--plates", 1, "--wells", 24, "--beads-mean", 25, "--seed", 4)
    return folder


def source(data: Path) -> tuple[object, ...]:
    return data / "lxb" / PLATE, "--map", data / "maps" / f"{PLATE}.map"


def single_commands(data: Path, folder: Path, *, sd: bool = False, noise: bool = False, deconvolve=(), normalize=()):
    """Files of the single commands, called as the workflow does."""

    def file(level: str) -> Path:
        return folder / f"{PLATE}_{level}.gctx"

    def qc(step: str) -> tuple[object, ...]:
        return "--qc", folder / "qc" / f"{step}.tsv"

    with_sd = "kmeans" not in deconvolve
    more = ("--sd", file("SD"), "--odds", file("ODDS")) if with_sd else ()
    beadwork("deconvolve", *source(data), "-o", file("GEX"), "--calibrators", file("CAL"), "--support", file("SUPPORT"),
             *more, *deconvolve, *qc("deconvolve"))  # fmt: skip
    beadwork("normalize", file("GEX"), "--calibrators", file("CAL"), "-o", file("QNORM"), "--norm", file("NORM"),
             "--curves", folder / f"{PLATE}_CURVES.tsv", *normalize, *qc("normalize"))  # fmt: skip
    uncertain = ("--measured-sd", file("SD"), "--sd", file("INFSD")) if sd else ()
    beadwork("infer", file("QNORM"), "-o", file("INF"), *uncertain, *qc("infer"))
    reliable = ("--sd", file("INFSD"), "--no-shrink", "--reliability", file("RELIABILITY")) if sd else ()
    beadwork("zscore", file("INF"), "-o", file("ZSPC"), *reliable, *qc("zscore"))
    beadwork("zscore", file("INF"), "--population", "vehicle", "--if-few", "missing", "-o", file("ZSVC"),
             *qc("zscore_vehicle"))  # fmt: skip
    if noise:
        beadwork("denoise", file("ZSPC"), "-o", file("ZSNC"), *qc("denoise"))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "plate.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def separate(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("separate")
    single_commands(data, folder)
    return folder


def test_pandas_is_loaded_alone_and_pyarrow_can_be_had_later(data, tmp_path):
    code = "import sys; from beadwork.cli import main; main(sys.argv[1:])\n"
    code += "print('pandas' in sys.modules, 'pyarrow' in sys.modules)\n"
    code += "import pandas, pyarrow; print(pyarrow.table(pandas.DataFrame({'a': ['x', None]})).to_pydict())"
    words = [str(word) for word in ("plate", *source(data), "-o", tmp_path / "alone")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout == "True False\n{'a': ['x', None]}\n"
    assert re.search(r"info: \d+\.\d s of CPU, \d+ MB of memory at the peak$", done.stderr.strip())


def fail(capsys, *words: object) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        beadwork(*words)
    assert stop.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert len(lines) == 1
    return lines[0].removeprefix("beadwork: error: ")


def test_the_bytes_of_the_single_commands(data, separate, tmp_path):
    beadwork("plate", *source(data), "-o", tmp_path / "one")
    assert contents(tmp_path / "one") == contents(separate)
    assert len(contents(separate)) == len(LEVELS) + 1 + 5


def test_the_bytes_of_the_single_commands_with_other_options(data, tmp_path):
    options = ("--method", "kmeans", "--max-k", 3)
    single_commands(data, tmp_path / "two", deconvolve=options, normalize=("--min-wells", 5, "--fence-iqr", 3))
    beadwork("plate", *source(data), "-o", tmp_path / "one", *options, "--normalize-min-wells", 5, "--fence-iqr", 3)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert not list((tmp_path / "one").glob("*_SD.gctx"))


def test_the_bytes_of_level_3_where_no_kernel_is_compiled(data, tmp_path):
    """`plate` has compiled kernels at hand when it normalises; the single command has not."""
    one, name = tmp_path / "one", f"{PLATE}_QNORM.gctx"
    beadwork("plate", *source(data), "-o", one, "--method", "kmeans", "--smoother", "stable")
    words = ["normalize", one / f"{PLATE}_GEX.gctx", "--calibrators", one / f"{PLATE}_CAL.gctx", "--smoother", "stable",
             "-o", tmp_path / name, "--qc", tmp_path / "normalize.tsv"]  # fmt: skip
    subprocess.run([sys.executable, "-m", "beadwork", *map(str, words)], check=True, capture_output=True)
    assert (tmp_path / name).read_bytes() == (one / name).read_bytes()
    assert (tmp_path / "normalize.tsv").read_bytes() == (one / "qc" / "normalize.tsv").read_bytes()


def test_what_a_killed_process_left_unfinished_is_removed(data, made):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = {
        f".{PLATE}_INF.gctx.{gone.pid}.part.gctx": False,
        f"qc/.infer.tsv.{gone.pid}.part.tsv": False,
        f".{PLATE}_INF.gctx.{os.getpid()}.part.gctx": True,  # of a process that works
        ".notes.part.txt": True,  # of somebody else
    }
    new = f".{PLATE}_GEX.gctx.{gone.pid}.part.gctx"  # maybe of a process on another machine
    for name in (*names, new):
        (made / name).write_text("half")
        if name != new:
            os.utime(made / name, (1e9, 1e9))
    assert reused(data, made) == STEPS
    assert {name: (made / name).exists() for name in names} == names and (made / new).exists()


def test_what_an_earlier_run_left_is_named(data, made, capsys):
    one = made
    capsys.readouterr()
    beadwork("plate", *source(data), "-o", one, "--no-zsvc")  # all that is asked for is whole
    assert "earlier run" not in capsys.readouterr().err
    beadwork("plate", *source(data), "-o", one, "--no-zsvc", "--fence-iqr", 3)
    told = f"{PLATE}: ZSVC of an earlier run is still there, beside levels that were made anew; remove it if not needed"
    assert told in capsys.readouterr().err
    beadwork("plate", *source(data), "-o", one, "--no-zsvc", "--method", "kspeak")
    assert "SD, ODDS, ZSVC of an earlier run are still there" in capsys.readouterr().err


def test_the_bytes_with_reliabilities_and_noise_control(data, tmp_path):
    single_commands(data, tmp_path / "two", sd=True, noise=True)
    beadwork("plate", *source(data), "-o", tmp_path / "one", "--reliability", "--noise", "default")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    reliability = read_matrix(tmp_path / "one" / f"{PLATE}_RELIABILITY.gctx")
    assert len(reliability.rids) == 12_328  # inferred genes too
    assert reliability.values[(reliability.rows["pr_is_lm"] == 0).to_numpy()].min() < 0.99
    assert {f"{PLATE}_INFSD.gctx", f"{PLATE}_RELIABILITY.gctx", f"{PLATE}_ZSNC.gctx"} <= set(contents(tmp_path / "one"))


def test_without_enough_vehicle_wells_there_is_no_zsvc(data, tmp_path):
    table = pd.read_csv(data / "maps" / f"{PLATE}.map", sep="\t", dtype=str)
    vehicle = table.index[table["pert_type"] == "ctl_vehicle"]
    table.loc[vehicle[2:], "pert_type"] = "trt_cp"
    table.to_csv(tmp_path / "few.map", sep="\t", index=False)
    beadwork("plate", data / "lxb" / PLATE, "--map", tmp_path / "few.map", "-o", tmp_path / "one")
    assert "qc/zscore_vehicle.tsv" not in contents(tmp_path / "one")
    assert not list((tmp_path / "one").glob("*_ZSVC.gctx"))


@pytest.fixture(scope="module")
def made_once(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "one"
    beadwork("plate", *source(data), "-o", folder)
    return folder


@pytest.fixture
def made(made_once, tmp_path) -> Path:
    return shutil.copytree(made_once, tmp_path / "one")


def reused(data: Path, folder: Path, **more) -> tuple[str, ...]:
    lxb, _, table = source(data)
    return process_plate(lxb, table, folder=folder, **more).reused


STEPS = ("deconvolve", "normalize", "infer", "zscore", "zscore_vehicle")


def test_what_is_whole_is_not_made_again(data, made):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*") if path.is_file()}
    assert reused(data, made) == STEPS
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("file", "kept"),
    [
        (f"{PLATE}_SUPPORT.gctx", STEPS[1:]),
        (f"{PLATE}_QNORM.gctx", ("deconvolve", "infer", "zscore", "zscore_vehicle")),
        (f"{PLATE}_CURVES.tsv", ("deconvolve", "infer", "zscore", "zscore_vehicle")),
        (f"{PLATE}_INF.gctx", ("deconvolve", "normalize", "zscore", "zscore_vehicle")),
        (f"{PLATE}_ZSPC.gctx", ("deconvolve", "normalize", "infer", "zscore_vehicle")),
        ("qc/zscore_vehicle.tsv", STEPS[:-1]),
        ("qc/plate.json", ()),
    ],
)
@pytest.mark.parametrize("damage", ["removed", "cut", "changed"])
def test_what_is_missing_or_damaged_is_made_again(data, made, separate, file, kept, damage):
    path = made / file
    whole = path.read_bytes()
    if damage == "removed":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif file == "qc/plate.json":
        path.write_text(json.dumps({"schema": 1, "steps": [1]}))
    else:
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert reused(data, made) == kept
    assert contents(made) == contents(separate)


def test_other_inputs_and_parameters_make_again_what_depends_on_them(data, made, tmp_path):
    lxb, _, table = source(data)
    assert reused(data, made, params=PlateParams(zscore=PlateParams().zscore.model_copy(update={"min_mad": 0.2}))) == (
        "deconvolve", "normalize", "infer")  # fmt: skip
    changed = tmp_path / "changed.map"
    changed.write_text(Path(str(table)).read_text() + "\n")
    assert process_plate(lxb, changed, folder=made).reused == ()
    fewer = tmp_path / "lxb"
    fewer.mkdir()
    for file in sorted(Path(str(lxb)).iterdir())[:-1]:
        (fewer / file.name).symlink_to(file)
    assert process_plate(fewer, changed, folder=made).reused == ()
    (fewer / f"{PLATE}_P24.lxb").write_bytes(b"nothing")  # QC rows name it, GEX does not
    assert "deconvolve" not in process_plate(fewer, changed, folder=made).reused


def test_a_run_that_stopped_in_the_middle_goes_on(data, made, separate):
    for level in ("INF", "ZSPC", "ZSVC"):
        (made / f"{PLATE}_{level}.gctx").unlink()
    assert reused(data, made) == ("deconvolve", "normalize")
    assert contents(made) == contents(separate)


def test_in_a_notebook_each_level_is_a_matrix_and_nothing_is_written(data, separate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lxb, _, table = source(data)
    result = process_plate(lxb, table)
    assert list(tmp_path.iterdir()) == []
    assert result.det_plate == PLATE
    assert result.levels == LEVELS
    for level in LEVELS:
        write_matrix(result[level], tmp_path / "again.gctx")
        assert (tmp_path / "again.gctx").read_bytes() == (separate / f"{PLATE}_{level}.gctx").read_bytes(), level
    assert result.zspc is result["ZSPC"]
    assert result.zsnc is None
    assert len(result.qc) == sum(len(read_table(path)) for path in (separate / "qc").glob("*.tsv"))
    assert len(result.curves) == len(read_table(separate / f"{PLATE}_CURVES.tsv"))
    assert repr(result).startswith(f"<PlateResult {PLATE}: GEX, CAL, SUPPORT, SD, ODDS, NORM, QNORM, INF, ZSPC, ZSVC; ")
    with pytest.raises(KeyError, match="has no MODZ; it has GEX"):
        _ = result["MODZ"]


def test_mistakes_are_one_line_and_leave_nothing(data, tmp_path, capsys):
    out = tmp_path / "out"
    lxb, _, table = source(data)
    (tmp_path / "bad.map").write_text("rna_well\tpert_id\nA01\tX\n")
    (tmp_path / "model.h5").write_bytes(b"no model")
    (tmp_path / "file").write_text("x")
    for words, expected in (
        ((tmp_path / "none", "--map", table), "none: no such folder or archive; check the name"),
        ((lxb, "--map", tmp_path / "none.map"), "none.map: "),
        ((lxb, "--map", tmp_path / "bad.map"), "bad.map: lacks the column(s) pert_type"),
        ((lxb, "--map", table, "--method", "kmeans", "--zscore-sd"), "method kmeans gives no uncertainty"),
        ((lxb, "--map", table, "--model", tmp_path / "model.h5"), "model.h5"),
        ((lxb, "--map", table, "--noise", tmp_path / "model.h5"), "model.h5"),
        ((lxb, "--map", table, "--reference", tmp_path / "none.tsv"), "none.tsv"),
        ((lxb, "--map", table, "--beadset", "omega"), "omega"),
        ((lxb, "--map", table, "--deconvolve-min-wells", 0), "--deconvolve-min-wells: "),
    ):
        assert expected in fail(capsys, "plate", *words, "-o", out)
        assert not out.exists(), words
    assert "is a file, but the folder of a plate is needed" in fail(
        capsys, "plate", lxb, "--map", table, "-o", tmp_path / "file"
    )
    assert (tmp_path / "file").read_text() == "x"


def test_a_step_that_fails_leaves_what_was_whole(data, tmp_path, capsys):
    out = tmp_path / "out"
    assert "(--min-wells)" in fail(capsys, "plate", *source(data), "-o", out, "--normalize-min-wells", 1000)
    assert {path.name for path in out.glob("*.gctx")} == {
        f"{PLATE}_{level}.gctx" for level in ("GEX", "CAL", "SUPPORT", "SD", "ODDS")
    }
    assert reused(data, out) == ("deconvolve",)


def test_every_parameter_of_every_step_is_a_flag_once():
    command = cli.get_command(click.Context(cli), "plate")
    flags = [flag for option in command.params for flag in (*option.opts, *option.secondary_opts)]
    assert len(flags) == len(set(flags))
    for section, model in PLATE_STEPS.items():
        names = plate_names(section)
        for name in model.model_fields:
            assert flag_name(names.get(name, name)) in flags
    assert plate_names("deconvolve") == {"min_wells": "deconvolve_min_wells"}
    assert "--deconvolve-min-wells 10" in render_flags(DeconvolveParams(), plate_names("deconvolve"))


def test_levels_are_those_of_files(made, data):
    lxb, _, table = source(data)
    result = process_plate(lxb, table, folder=made)
    assert result.reused == STEPS
    again = read_matrix(made / f"{PLATE}_QNORM.gctx")
    np.testing.assert_array_equal(result.qnorm.values, again.values)
    pd.testing.assert_frame_equal(result.qnorm.cols, again.cols)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_labels_and_maps_are_joined_without_deconvolution_to_the_bytes_of_a_fresh_run(data, tmp_path, capsys):
    lxb, _, plate_map = source(data)
    lines = plate_map.read_text().splitlines()
    other = tmp_path / "other.map"
    other.write_text("\n".join([lines[0] + "\tnote", *(f"{line}\tannotated" for line in lines[1:])]) + "\n")
    call = ("plate", lxb, "-o", tmp_path / "a", "--deconvolve-min-wells", 10)
    beadwork(*call, "--map", plate_map, "--batch", "one")
    for more in (("--map", plate_map, "--batch", "two"), ("--map", other, "--cell-id", "OTHER", "--brew-prefix", "B")):
        capsys.readouterr()
        beadwork(*call, *more)
        assert "labels or map have changed; level 2 is not computed again" in capsys.readouterr().err
        fresh = tmp_path / f"fresh{len(more[1].name)}"
        beadwork("plate", lxb, "-o", fresh, "--deconvolve-min-wells", 10, *more)
        assert bytes_of(tmp_path / "a") == bytes_of(fresh)


def test_a_map_of_other_wells_needs_the_beads(data, tmp_path, capsys):
    lxb, _, plate_map = source(data)
    beadwork("plate", lxb, "--map", plate_map, "-o", tmp_path / "a")
    shorter = tmp_path / "shorter.map"
    shorter.write_text("\n".join(plate_map.read_text().splitlines()[:-1]) + "\n")
    capsys.readouterr()
    beadwork("plate", lxb, "--map", shorter, "-o", tmp_path / "a")
    assert "not computed again" not in capsys.readouterr().err
    assert read_matrix(tmp_path / "a" / f"{PLATE}_GEX.gctx").values.shape[1] == 23


def test_archived_beads_are_not_looked_for(data, tmp_path, capsys):
    lxb, _, plate_map = source(data)
    folder, absent = tmp_path / "a", tmp_path / "absent"
    call = ("plate", absent, "--map", plate_map, "-o", folder, "--archived")
    with pytest.raises(SystemExit) as stop:
        beadwork(*call)
    assert stop.value.code == 2
    assert "has no level 2 of this plate, whose beads are archived; bring" in capsys.readouterr().err
    beadwork("plate", lxb, "--map", plate_map, "-o", folder)
    before = bytes_of(folder)
    beadwork(*call)
    assert bytes_of(folder) == before
    beadwork(*call, "--min-mad", 0.2, "--batch", "late")
    assert set(read_matrix(folder / f"{PLATE}_ZSPC.gctx").cols["batch"]) == {"late"}
    with pytest.raises(SystemExit):
        beadwork(*call, "--method", "kmeans")
    told = capsys.readouterr().err
    assert "its beads are archived, but its level 2 was made with other parameters (method mixture, now kmeans" in told
    assert len([line for line in told.splitlines() if "error" in line]) == 1


@pytest.mark.parametrize(("on_upgrade", "again"), [("keep", False), ("rerun", True)])
def test_what_another_version_made_is_kept_or_made_anew(data, tmp_path, monkeypatch, on_upgrade, again):
    lxb, _, plate_map = source(data)
    call = ("plate", lxb, "--map", plate_map, "-o", tmp_path)
    beadwork(*call)
    monkeypatch.setattr("beadwork.io.files.provenance.__version__", "9.9.9")
    made = process_plate(lxb, plate_map, folder=tmp_path)
    assert len(made.reused) == 5  # another version alone is no reason
    for step in ("infer", "deconvolve"):
        monkeypatch.setitem(COMPATIBILITY, step, 2)
        made = process_plate(lxb, plate_map, folder=tmp_path, keep_older=on_upgrade == "keep")
        assert (step not in made.reused) == again
        assert made_with(tmp_path)[step] == (2 if again else 1)
