"""Checked configuration and plate sheet, and the functions that rules share.

Every mistake in the configuration, the plate sheet or a plate map is reported here, before any job.  Jobs on other nodes
read this file again, for one plate each: they look at the files of that plate only.
"""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from beadwork.io.files.text import decode
from beadwork.io.files.unpack import GZIP_MAGIC, unpack
from beadwork.io.platform.shipped import edited_tables
from beadwork.io.runs.plate_state import (
    PlateState,
    batch_of,
    current_numbers,
    made_with,
    numbers_text,
)
from beadwork.io.runs.recorded import (
    index_record,
    is_known,
    matrix_record,
    other_inputs,
    other_tables,
)
from beadwork.model.plates.compatibility import (
    BEAD_BATCHES,
    COMPATIBILITY,
    GENES,
    NOISE,
    compatibility_of,
)
from beadwork.model.config import check_config
from beadwork.model.plates.sheet import count_wells, is_stored, parse_plate_sheets
from beadwork.model.errors import BeadworkError, agree, all_at_once, counted, name_some
from beadwork.model.ids import DET_PLATE_PATTERN
from beadwork.model.params import plate_names, render_flags


def read_text(path, key):
    """Text of a file that the configuration names."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise BeadworkError(
            f"{key}: {path} cannot be read ({error.strerror}); check the path"
        ) from None
    if raw.startswith(GZIP_MAGIC):
        raw = unpack(raw, path)
    found = decode(raw, f"{key}: {path}", "tab-separated text is needed")
    if found.note and PLANNING:
        logger.warning(f"{key}: {path}: {found.note}")
    return found.text


PLANNING = workflow.is_main_process


def has_level_2(results, plate):
    """Whether level 2 of a plate is there, so that a run can do without its beads."""
    folder = Path(results, plate)
    names = [f"{plate}_{level}.gctx" for level in ("GEX", "CAL", "SUPPORT")]
    return PlateState.read(folder).has_level_2 or all(
        exists(str(folder / name)) for name in [*names, "qc/deconvolve.tsv"]
    )


def read_inputs():
    """Configuration and plates to process."""
    source = str(workflow.configfiles[-1]) if workflow.configfiles else "config"
    settings = check_config(config, source)
    for query in settings.queries if PLANNING else ():
        for side in filter(None, (query.up, query.down)):
            if not Path(side).is_file():
                raise BeadworkError(
                    f"{source}: queries: {query.name}: there is no gene-set file {side}; check the path"
                )
    if PLANNING and settings.noise not in ("off", "default", "own"):
        if not Path(settings.noise).is_file():
            raise BeadworkError(
                f"{source}: noise: there is no noise model {settings.noise}; give off, default, own or a file"
            )
    rows = parse_plate_sheets(
        [(read_text(path, f"{source}: plates"), path) for path in settings.sheets],
        data=settings.data,
        files=PLANNING,
        done=lambda plate: STORED or has_level_2(settings.results, plate),
    )
    return settings, {row.det_plate: row for row in rows}


class Known(dict):
    """Plates or brews by name; an unknown one is a mistake of the user."""

    def __missing__(self, name):
        raise WorkflowError(f"{CFG.plates}: has no plate or brew {name} to process")


class Counts(dict):
    """What the maps of plates hold, each map read when it is asked for first."""

    def __missing__(self, plate):
        path = PLATES[plate].map
        self[plate] = count_wells(read_text(path, CFG.plates), path)
        return self[plate]


def check_maps():
    """Count the wells of all maps; mistakes in them are reported all at once."""
    mistakes = []
    for plate in PLATES:
        try:
            COUNTS[plate]
        except BeadworkError as error:
            mistakes.append(f"{error}; or say use: no of {plate} in the plate sheet")
    if mistakes:
        raise BeadworkError(all_at_once(mistakes))


COUNTS = Counts()
try:
    CFG, PLATES = read_inputs()
    PLATES = Known(PLATES)
    if PLANNING:
        check_maps()
    for path in CFG.sheets:
        here(path)
except BeadworkError as error:
    raise WorkflowError(str(error)) from None

if not PLATES:
    logger.warning(f"{CFG.plates}: has no plates to process; add one row per plate")

NOTHING = {"plates": (), "figures": (), "queries": ()}


def left_out():
    """What failed in a run that now goes on without it (failures.smk)."""
    file = os.getenv("BEADWORK_LEFT_OUT")
    if not file:
        return NOTHING
    workflow.register_envvars("BEADWORK_LEFT_OUT")  # of jobs on other machines as well
    return json.loads(Path(here(file)).read_text())


LEFT_OUT = left_out()
for plate in LEFT_OUT["plates"]:
    PLATES.pop(plate, None)


def figure_name(path):
    """A figure by what stands beneath the folder of the report."""
    return path.rpartition("report")[2]


LOST_FIGURES = {figure_name(path) for path in LEFT_OUT["figures"]}
QUERIES = [query.name for query in CFG.queries if query.name not in LEFT_OUT["queries"]]
PLATES_OF = Known()
for plate, row in PLATES.items():
    PLATES_OF.setdefault(row.brew, []).append(plate)
BREWS = sorted(PLATES_OF)
STAGES = ["deconvolve", "normalize", "infer", "zscore"]
STAGES += ["denoise"] if CFG.noise != "off" else []
OWN_NOISE = f"{CFG.results}/noise/own.h5"
NOISE_MODEL = {"off": "", "default": "", "own": OWN_NOISE}.get(CFG.noise, CFG.noise)


USES_SD = CFG.zscore_sd or CFG.consensus_sd
# whether the steps of the whole study run where Snakemake runs: those of a small one wait longer in a queue than they
# work, and a storage that jobs elsewhere have filled is not always seen to hold a new folder
STUDY_HERE = len(PLATES) <= CFG.local_study or not SHARED


pathvars:
    results=CFG.results,
    logs=f"{CFG.results}/logs",
    benchmarks=f"{CFG.results}/benchmarks",


# a name that is not in the sheet is reported by Known; 3,500 names in one expression would take minutes to match
wildcard_constraints:
    plate=DET_PLATE_PATTERN,
    brew=DET_PLATE_PATTERN,
    query="|".join(re.escape(query.name) for query in CFG.queries) or "(?!)",


def sheet_flags():
    """The plate sheets as flags of a command."""
    return " ".join(f"--plates {shlex.quote(path)}" for path in CFG.sheets)


def flags(section):
    """A section of the configuration as flags of the command, so that a changed value re-runs the rule."""
    return render_flags(getattr(CFG, section))


def plate_flags(wildcards):
    """What the plate sheet says of a plate, as flags of `beadwork deconvolve`."""
    row = PLATES[wildcards.plate]
    words = [
        ("--plate", row.det_plate),
        ("--bead-batch", row.bead_batch),
        ("--beadset", row.bead_set),
    ]
    words += [("--brew-prefix", row.brew_prefix), ("--cell-id", row.cell_id)]
    words += [("--batch", row.batch)]
    return " ".join(f"{flag} {shlex.quote(value)}" for flag, value in words if value)


def doubt_files(*names):
    """Files of a plate that a method with uncertainty gives beside GEX (SD, ODDS), by lower-case name."""
    if not CFG.deconvolve.gives_sd:
        return {}
    return {
        name.lower(): f"<results>/{{plate}}/{{plate}}_{name}.gctx" for name in names
    }


def kept(files):
    """Outputs that stay until their job replaces them."""
    return {name: keep(path) for name, path in files.items()}


def score_doubt():
    """Uncertainties of INF, measured and inferred genes, that z-scores read as --sd."""
    return {"sd": "<results>/{plate}/{plate}_INFSD.gctx"}


def doubt_figures():
    """Figures of a plate that need uncertainties."""
    figures = {
        "ambiguity": "how sure the values are",
        "worst_beads": "pairs least sure",
    }
    return {
        name: report(
            keep(f"<results>/report/{{plate}}/{name}.svg"),
            caption=f"../report/{name}.rst",
            category="Plates",
            subcategory="{plate}",
            labels={"figure": words},
        )
        for name, words in figures.items()
        if CFG.deconvolve.gives_sd
    }


def file_flags(files, *names):
    """Those of the files that there are, as flags of the same name."""
    return " ".join(
        f"--{name.replace('_', '-')} {shlex.quote(str(files.get(name)))}"
        for name in names
        if files.get(name)
    )


def plates_of(brew):
    """Plates that are replicates of each other."""
    return PLATES_OF[brew]


def has_vehicles(plate):
    """Whether ZSVC is made: the map has enough vehicle wells for a population."""
    return CFG.zsvc and COUNTS[plate].vehicles >= CFG.zscore.min_population


def plate_files(vehicles):
    """Files of the rule that makes all levels of a plate; they stay until it replaces them.

    INFSD is among them in a storage only: nothing asks for it, and with an output that was never made Snakemake would
    not see that parameters changed.
    """
    levels = ["GEX", "CAL", "SUPPORT", "NORM", "QNORM", "INF", "ZSPC"]
    levels += ["SD", "ODDS"] if CFG.deconvolve.gives_sd else []
    levels += ["RELIABILITY"] if CFG.consensus_sd else []
    levels += ["ZSVC"] if vehicles else []
    levels += ["INFSD"] if STORED and USES_SD else []
    steps = ["deconvolve", "normalize", "infer", "zscore"]
    steps += ["zscore_vehicle"] if vehicles else []
    files = {level: f"<results>/{{plate}}/{{plate}}_{level}.gctx" for level in levels}
    files["record"] = "<results>/{plate}/qc/plate.json"
    files["CURVES"] = "<results>/{plate}/{plate}_CURVES.tsv"
    files |= {f"qc_{step}": f"<results>/{{plate}}/qc/{step}.tsv" for step in steps}
    return kept(files)


def all_plate_flags():
    """The sections of the steps of a plate as flags of `beadwork plate`."""
    words = [
        render_flags(getattr(CFG, section), plate_names(section))
        for section in ("deconvolve", "normalize", "infer", "zscore")
    ]
    words += ["--zsvc" if CFG.zsvc else "--no-zsvc"]
    words += ["--zscore-sd"] if CFG.zscore_sd else []
    words += ["--reliability"] if CFG.consensus_sd else []
    return " ".join(words)


def names_of(plates):
    """Expression that a folder of one of some plates matches; short, for it is tried on every file."""
    chosen = list(plates)
    others = sorted(set(PLATES) - set(chosen))
    if len(chosen) > len(others):
        left_out = "|".join(map(re.escape, others))
        return (f"(?!(?:{left_out})/)" if others else "") + DET_PLATE_PATTERN
    return "|".join(map(re.escape, chosen)) or "(?!)"


def names_with_vehicles(wanted=True):
    """Plates that have enough vehicle wells, or too few; a job on a node knows its rule and reads no other map."""
    if not PLANNING:
        return DET_PLATE_PATTERN
    if not CFG.zsvc:
        return names_of(PLATES)
    return names_of(plate for plate in PLATES if has_vehicles(plate) == wanted)


def report_what_there_is():
    """Write the report after a run in which something failed, so that one plate or figure blocks no other."""
    if not (CFG.report and PLANNING and not STORED and Path(CFG.results).is_dir()):
        return
    words = ["beadwork", "report", CFG.results, "-o", f"{CFG.results}/report"]
    words += [word for path in CFG.sheets for word in ("--plates", path)]
    words += shlex.split(report_parts())
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except OSError:  # beadwork is in the environments of the jobs only
        return
    if done.returncode == 0:
        print(
            f"report of what there is: {CFG.results}/report/index.html; start again for the rest"
        )


def query_item(wildcards):
    """Configuration of one query."""
    return next(query for query in CFG.queries if query.name == wildcards.query)


def memory(base, per_well):
    """Megabytes for a job of one plate, more with each attempt."""
    return lambda wildcards, attempt: attempt * round(
        base + per_well * COUNTS[wildcards.plate].wells
    )


def minutes(base, per_plate=0):
    """Minutes for a job, more with each attempt and with the number of plates."""
    return lambda wildcards, attempt: attempt * round(base + per_plate * len(PLATES))


def per_plate(pattern, plates=None):
    """Files of all plates, or of those given."""
    return expand(pattern, plate=PLATES if plates is None else plates)


def report_figures():
    """Figures of the report."""
    figures = per_plate(
        "<results>/report/{plate}/wells.svg", filter(can_be_drawn, PLATES)
    )
    figures += expand("<results>/report/{brew}/replicates.svg", brew=BREWS)
    if CFG.noise != "off":
        figures += per_plate("<results>/report/{plate}/noise.svg")
    figures += ["<results>/report/plates.svg", "<results>/report/tas.svg"]
    figures += expand("<results>/report/queries/{query}/connections.svg", query=QUERIES)
    return [path for path in figures if figure_name(path) not in LOST_FIGURES]


def report_parts():
    """What of the folder of results the report shows, as flags: earlier runs may have left more."""
    figures = ["wells", "calibration", "beads", *doubt_figures()]
    figures += ["noise"] if CFG.noise != "off" else []
    steps = [*STAGES, "zscore_vehicle"] if CFG.zsvc else STAGES
    parts = {"figures": figures, "steps": steps, "queries": QUERIES}
    return " ".join(
        f"--{name} {shlex.quote(','.join(names))}" for name, names in parts.items()
    )


def closing_lines():
    """Where the results of a finished run are."""
    lines, results = [], address_of(CFG.results)
    if CFG.report:
        lines.append(f"report      {results}/report/index.html")
    lines += [
        f"signatures  {results}/signatures/ and {results}/siginfo.tsv",
        f"QC rows     {results}/qc.tsv",
        f"index       {results}/index (ask it: beadwork query, beadwork serve)",
    ]
    return "\n".join(lines)


def all_targets():
    """What a run makes."""
    if not (PLATES and PLANNING):
        return []
    targets = per_plate(
        "<results>/{plate}/{plate}_ZSVC.gctx", filter(has_vehicles, PLATES)
    )
    targets += ["<results>/qc.tsv", "<results>/siginfo.tsv"]
    targets += [index_of("index"), "<results>/plate_check.tsv"]
    targets += ["<results>/status.tsv"]
    targets += [index_of("index_MNZ")] if CFG.noise != "off" else []
    targets += expand("<results>/queries/{query}", query=QUERIES)
    if CFG.report:
        targets += [*report_figures(), "<results>/report/index.html"]
    return targets
