"""The workflow on two simulated plates of 24 wells: it lints, runs, rests, re-runs what a change concerns, reports."""

import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from beadwork.io.matrix.formats import read_matrix
from beadwork.model.qc import COLUMNS

from .conftest import BIN, ROOT, run_command

pytestmark = pytest.mark.slow
PLATES = ("SIM001_A375_24H_X1_B20", "SIM001_A375_24H_X2_B20")
BREW = "SIM001_A375_24H"


def planned(output: str) -> dict[str, int]:
    """Jobs of a dry run by rule."""
    table = output.split("Job stats:")[1].split("total")[0] if "Job stats:" in output else ""
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}


def test_lint_is_clean(snakemake):
    linted = snakemake("--lint")
    assert linted.returncode == 0, linted.stdout
    assert "your workflow is in a good condition" in linted.stdout


def test_an_empty_plate_sheet_is_reported_and_does_nothing(snakemake, study):
    (study / "empty.tsv").write_text("det_plate\tlxb\tmap\n")
    done = snakemake("-n", "--config", "plates=empty.tsv")
    assert done.returncode == 0
    assert "empty.tsv: has no plates to process; add one row per plate" in done.stdout


def test_the_run_makes_the_files_of_the_contract(finished: Path):
    for plate in PLATES:
        for level in ("GEX", "CAL", "NORM", "QNORM", "INF", "ZSPC"):
            matrix = read_matrix(finished / plate / f"{plate}_{level}.gctx")
            assert matrix.level == level
            assert all(cid.startswith(f"{plate}:") for cid in matrix.cids)
        for stage in ("deconvolve", "normalize", "infer", "zscore"):
            assert list(pd.read_csv(finished / plate / "qc" / f"{stage}.tsv", sep="\t").columns) == COLUMNS
    signatures = read_matrix(finished / "signatures" / f"{BREW}_MODZ.gctx")
    siginfo = pd.read_csv(finished / "siginfo.tsv", sep="\t")
    assert list(siginfo["sig_id"]) == list(signatures.cids)
    qc = pd.read_csv(finished / "qc.tsv", sep="\t")
    assert {"deconvolve", "normalize", "infer", "zscore", "consensus"} <= set(qc["stage"])
    assert set(PLATES) <= set(qc["entity"].str.split(":").str[0])
    assert (finished / "queries" / "mechanisms" / "ncs.gctx").is_file()
    for figure in ("plates.svg", "tas.svg", f"{BREW}/replicates.svg", "queries/mechanisms/connections.svg"):
        assert (finished / "report" / figure).read_text().startswith("<?xml")
    for figure in ("wells", "calibration", "beads", "ambiguity", "worst_beads"):
        assert (finished / "report" / PLATES[0] / f"{figure}.svg").is_file()
    files = [path for path in finished.rglob("*") if PLATES[0] in str(path.relative_to(finished))]
    drawn = [path for path in files if {"report", "figures_plate"} & set(path.relative_to(finished).parts)]
    assert len(files) - len(drawn) <= 20 and len(drawn) <= 8, "inodes of a plate"
    for rule in ("plate", "figures_plate"):
        assert "s of CPU" in (finished / "logs" / rule / f"{PLATES[0]}.log").read_text()
    status = pd.read_csv(finished / "status.tsv", sep="\t", dtype=str)
    assert set(PLATES) | {BREW} <= set(status["entity"])
    changes = (finished / "report" / "changes.html").read_text()
    assert "Everything: this is the first run whose status was kept" in changes


def test_the_label_of_the_batch_goes_with_the_wells(finished: Path):
    for level in ("GEX", "QNORM", "ZSPC"):
        cols = read_matrix(finished / PLATES[0] / f"{PLATES[0]}_{level}.gctx").cols
        assert set(cols["batch"]) == {"simulated"}


def test_zsvc_is_made_where_the_map_has_enough_vehicle_wells(finished: Path, study: Path):
    for plate in PLATES:
        wells = pd.read_csv(study / "data" / "maps" / f"{plate}.map", sep="\t")["pert_type"]
        assert (finished / plate / f"{plate}_ZSVC.gctx").exists() == ((wells == "ctl_vehicle").sum() >= 3)


def test_a_second_run_does_nothing(finished: Path, snakemake):
    again = snakemake("--cores", 2)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout
    assert not planned(again.stdout)


def test_a_changed_parameter_reruns_what_depends_on_it_and_says_why(finished: Path, snakemake):
    dry = snakemake("-n", "--config", "consensus={min_weight: 0.02}")
    jobs = planned(dry.stdout)
    assert jobs["consensus"] == 1
    assert not {"plate", "figures_plate"} & set(jobs)
    dry = snakemake("-n", "--config", "zscore={min_mad: 0.2}")
    jobs = planned(dry.stdout)
    assert jobs["plate"] == 2  # which does its last steps only
    assert {"consensus", "collect_siginfo", "index", "query", "figures_study"} <= set(jobs)
    assert "Params have changed since last execution" in dry.stdout
    assert "--min-mad 0.1" in dry.stdout
    assert "--min-mad 0.2" in dry.stdout


def test_the_uncertainty_is_used_where_asked_and_only_that_is_made_anew(finished: Path, snakemake):
    scores = planned(snakemake("-n", "--config", "zscore_sd=true").stdout)
    assert scores["plate"] == 2 and scores["consensus"] == 1
    weights = snakemake("-n", "-p", "--config", "consensus_sd=true")
    assert planned(weights.stdout)["plate"] == 2 and planned(weights.stdout)["consensus"] == 1
    assert weights.stdout.count(f" --reliability results/{PLATES[0]}/{PLATES[0]}_RELIABILITY.gctx") == 1
    assert weights.stdout.count(" --reliability -o ") == 2 and "--zscore-sd" not in weights.stdout
    both = snakemake("-n", "-p", "--config", "consensus_sd=true", "zscore_sd=true").stdout
    assert both.count("--zscore-sd --reliability") == 2
    separate = snakemake("-n", "-p", "--config", "consensus_sd=true", "stages=separate").stdout
    assert separate.count("--no-shrink") == 2
    assert separate.count(f" --measured-sd results/{PLATES[0]}/{PLATES[0]}_SD.gctx --sd") == 1
    assert separate.count(f" --sd results/{PLATES[0]}/{PLATES[0]}_INFSD.gctx ") == 2  # written, and read
    refused = snakemake("-n", "--config", "consensus_sd=true", "deconvolve={method: kmeans}")
    assert "consensus_sd: needs uncertainties, which deconvolve.method kmeans does not give" in refused.stdout
    kmeans = snakemake("-n", "-p", "--config", "deconvolve={method: kmeans}").stdout
    assert planned(kmeans)["figures_plate"] == 2 and "ODDS" not in kmeans


def test_noise_control_adds_levels_and_leaves_the_others_as_they_are(finished: Path, study: Path, tmp_path: Path):
    """In a copy, for other tests expect a study without it."""
    shutil.copytree(study, tmp_path / "study")
    study, finished = tmp_path / "study", tmp_path / "study" / finished.name

    def snakemake(*words: object):
        return run_command(BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", study, "--configfile",
                           study / "config.yaml", *words, cwd=study)  # fmt: skip

    official = [finished / "signatures" / f"{BREW}_MODZ.gctx", finished / "index" / "manifest.json"]
    before = [path.read_bytes() for path in official]
    plan = snakemake("-n", "--config", "noise=own").stdout
    assert "Exception" not in plan
    jobs = planned(plan)
    assert jobs["train_noise"] == jobs["index_cleaned"] == jobs["consensus_cleaned"] == 1
    assert jobs["denoise"] == 2
    assert not {"plate", "consensus", "index", "query"} & set(jobs)
    done = snakemake("--cores", 2, "--config", "noise=own")
    assert done.returncode == 0, done.stdout
    assert read_matrix(finished / PLATES[0] / f"{PLATES[0]}_ZSNC.gctx").level == "ZSNC"
    mnz = read_matrix(finished / "signatures" / f"{BREW}_MNZ.gctx")
    assert mnz.level == "MNZ"
    assert list(pd.read_csv(finished / "MNZ_siginfo.tsv", sep="\t")["sig_id"]) == list(mnz.cids)
    assert (finished / "index_MNZ" / "manifest.json").is_file()
    assert (finished / "report" / PLATES[0] / "noise.svg").read_text().startswith("<?xml")
    assert "noise.svg" in (finished / "report" / "plates" / f"{PLATES[0]}.html").read_text()
    assert [path.read_bytes() for path in official] == before
    assert "denoise" in set(pd.read_csv(finished / "qc.tsv", sep="\t")["stage"])
    status = pd.read_csv(finished / "status.tsv", sep="\t", dtype=str)
    assert {"ZSNC", "MNZ", "index MNZ"} <= set(status["level"])
    assert status.set_index(["entity", "level"]).loc[(PLATES[0], "ZSNC"), "reference"].startswith("own.h5 ")
    again = snakemake("-n", "--config", "noise=own")
    assert "Nothing to be done" in again.stdout
    snakemake("--cores", 2)
    page = (finished / "report" / "plates" / f"{PLATES[0]}.html").read_text()  # the figure is there, of that run
    assert "noise.svg" not in page and "wells.svg" in page


def test_a_plate_left_out_reruns_its_brew_only(finished: Path, study: Path, snakemake):
    sheet = pd.read_csv(study / "data" / "plates.tsv", sep="\t", dtype=str)
    sheet.loc[1, "use"] = "no"
    sheet.to_csv(study / "one.tsv", sep="\t", index=False)
    jobs = planned(snakemake("-n", "--config", "plates=one.tsv").stdout)
    assert jobs["consensus"] == 1
    assert "plate" not in jobs


def test_a_failing_job_shows_the_one_line_of_its_command(study: Path, snakemake):
    bad = study / "bad"
    bad.mkdir()
    (bad / "BAD_A01.lxb").write_bytes(b"not beads")
    (bad / "bad.map").write_text("rna_well\tpert_id\tpert_type\nA01\tBRD\ttrt_cp\n")
    (bad / "plates.tsv").write_text("det_plate\tlxb\tmap\nBAD_A375_24H_X1_B20\tbad\tbad/bad.map\n")
    settings = {"plates": "bad/plates.tsv", "results": "bad/results"}
    (bad / "config.yaml").write_text(yaml.safe_dump(settings))
    failed = snakemake("--cores", 1, "--retries", 2, configfile="bad/config.yaml")
    assert failed.returncode == 1
    assert re.search(r"^beadwork: error: BAD_A375_24H_X1_B20: 0 usable wells", failed.stdout, re.MULTILINE)
    assert "Traceback" not in failed.stdout
    # what is wrong with the input is final: no second attempt
    assert "Trying to restart" not in failed.stdout
    assert (bad / "results/failed.tsv").read_text().splitlines()[1].endswith("\t1")


def test_the_run_ends_with_a_report_of_its_own(finished: Path):
    page = (finished / "report" / "index.html").read_text()
    assert "2 plates, 2 of them complete" in page
    for plate in PLATES:
        assert f'href="plates/{plate}.html"' in page
        own = (finished / "report" / "plates" / f"{plate}.html").read_text()
        figures = re.findall(r'<img src="([^"]+)"', own)
        assert {Path(path).stem for path in figures} == {"wells", "calibration", "beads", "ambiguity", "worst_beads"}
        assert all((finished / "report" / "plates" / path).resolve().is_file() for path in figures)
    assert "HDAC inhibitor" in page and BREW in page


def test_a_finished_run_says_where_everything_is(finished: Path, snakemake):
    done = snakemake("--cores", 1, "-R", "report")
    assert done.returncode == 0, done.stdout
    assert "report      results/report/index.html" in done.stdout


def test_the_report_builds_with_all_figures(finished: Path, snakemake):
    made = snakemake("--report", "results/report/report.html")
    assert made.returncode == 0, made.stdout
    page = (finished / "report" / "report.html").read_text()
    for words in (
        "wells.svg",
        "calibration.svg",
        "beads.svg",
        "replicates.svg",
        "tas.svg",
        "connections.svg",
        "changes.html",
    ):
        assert words in page


HOSTILE = "it's $(touch PWNED) & `touch PWNED`; x"
"""A folder name in which a shell would find quotes and commands."""


@pytest.mark.parametrize("more", [(), ("--config", "stages=separate")])
def test_every_path_reaches_the_commands_as_it_stands_in_the_configuration(study: Path, snakemake, more):
    sets = study / HOSTILE
    sets.mkdir(exist_ok=True)
    for side in ("up", "down"):
        (sets / f"{side}.grp").write_text("CDK1\nCCNB1\n")
    query = {"name": "mine", "up": f"{HOSTILE}/up.grp", "down": f"{HOSTILE}/down.grp"}
    settings = {"plates": "data/plates.tsv", "data": "data", "results": f"{HOSTILE}/results", "queries": [query],
                "consensus_sd": True, "zscore_sd": True}  # fmt: skip
    (study / "hostile.yaml").write_text(yaml.safe_dump(settings))
    done = snakemake("-n", "-p", *more, configfile="hostile.yaml")
    assert done.returncode == 0, done.stdout
    commands = re.findall(r"^\s*(?:Shell command: )?(beadwork .*)$", done.stdout, re.MULTILINE)
    assert {shlex.split(line)[1] for line in commands} >= {
        *(("deconvolve", "normalize", "infer", "zscore") if more else ("plate",)),
        "consensus", "collect", "check-plates", "index", "query", "figures", "status",
    }  # fmt: skip
    for line in commands:
        words = shlex.split(line)
        paths = [word for word in words if "touch" in word or "results" in word]
        assert paths and all(word.startswith(HOSTILE) for word in paths), line
        assert words.count("2>") + words.count(">") == 1, line
    asked = next(shlex.split(line) for line in commands if " query " in line)
    assert asked[asked.index("--down") + 1] == f"{HOSTILE}/down.grp"
    assert not (study / "PWNED").exists()


def test_one_job_for_each_stage_gives_the_same_bytes(finished: Path, study: Path, snakemake):
    names = [f"{plate}/{plate}_{level}.gctx" for plate in PLATES for level in ("SUPPORT", "NORM", "ZSPC", "ZSVC")]
    names += ["siginfo.tsv", "qc.tsv"]
    targets = [f"separate/{name}" for name in names]
    done = snakemake("--cores", 2, "--config", "results=separate", "stages=separate", "--", *targets)
    assert done.returncode == 0, done.stdout
    made = [path.relative_to(study / "separate") for path in (study / "separate").rglob("*") if path.is_file()]
    made = [path for path in made if path.parts[0] not in ("logs", "benchmarks")]
    assert len(made) > 2 * 16
    for path in made:
        assert (study / "separate" / path).read_bytes() == (finished / path).read_bytes(), path


def test_plates_with_too_few_vehicle_wells_are_made_by_a_rule_without_zsvc(study: Path, snakemake):
    sheet = pd.read_csv(study / "data" / "plates.tsv", sep="\t", dtype=str)
    table = pd.read_csv(study / "data" / sheet.loc[1, "map"], sep="\t", dtype=str)
    table.loc[table["pert_type"] == "ctl_vehicle", "pert_type"] = "trt_cp"
    table.to_csv(study / "without.map", sep="\t", index=False)
    sheet["lxb"], sheet["map"] = "data/" + sheet["lxb"], "data/" + sheet["map"]
    sheet.loc[1, "map"] = "without.map"
    sheet.to_csv(study / "mixed.tsv", sep="\t", index=False)
    (study / "mixed.yaml").write_text(yaml.safe_dump({"plates": "mixed.tsv", "results": "mixed"}))

    def dry_run(*settings: str) -> str:
        more = ("--config", *settings) if settings else ()
        return snakemake("-n", "-p", *more, configfile="mixed.yaml").stdout

    jobs = planned(dry := dry_run())
    assert jobs["plate"] == jobs["plate_without_vehicles"] == 1
    assert f"{PLATES[0]}_ZSVC" in dry and f"{PLATES[1]}_ZSVC" not in dry
    separate = planned(dry_run("stages=separate"))
    assert separate["zscore"] == 2 and separate["zscore_vehicle"] == 1
    assert planned(dry_run("zsvc=false"))["plate"] == 2


def test_results_do_not_depend_on_the_number_of_threads(finished: Path, study: Path, snakemake):
    names = [f"{PLATES[0]}/{PLATES[0]}_{level}.gctx" for level in ("GEX", "QNORM", "ZSPC")]
    again = snakemake("--cores", 1, "--config", "results=one thread", "--", f"one thread/{names[-1]}")
    assert again.returncode == 0, again.stdout
    for name in names:
        assert (study / "one thread" / name).read_bytes() == (finished / name).read_bytes()


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (
            {"zscore": {"min_madd": 0.2}, "normalize": {"smoother": "spline"}},
            [
                "bad.yaml: normalize.smoother: must be 'cmap' or 'stable', not 'spline'",
                "bad.yaml: zscore.min_madd: unknown key; did you mean min_mad?",
            ],
        ),
        (
            {"noise": "absent.h5"},
            ["bad.yaml: noise: there is no noise model absent.h5; give off, default, own or a file"],
        ),
        ({"plates": "absent.tsv"}, ["bad.yaml: plates: absent.tsv cannot be read (No such file or directory)"]),
        (
            {"data": "elsewhere"},
            ["data/plates.tsv: line 2: map: there is no file elsewhere/maps/SIM001_A375_24H_X1_B20.map"],
        ),
        (
            {"queries": [{"name": "q", "up": "absent.gmt"}]},
            ["bad.yaml: queries: q: there is no gene-set file absent.gmt; check the path"],
        ),
    ],
)
def test_mistakes_are_reported_before_any_job(study: Path, snakemake, settings, lines):
    (study / "bad.yaml").write_text(yaml.safe_dump({"plates": "data/plates.tsv", "data": "data", **settings}))
    refused = snakemake("-n", configfile="bad.yaml")
    assert refused.returncode == 1
    for line in lines:
        assert line in refused.stdout
    assert "Traceback" not in refused.stdout
    assert "Building DAG" not in refused.stdout
