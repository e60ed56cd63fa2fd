"""A study that has aged: of six plates one is broken, purged, archived, made by an earlier version, or new."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import yaml

PURGED, ARCHIVED = "SIM001_A375_24H_X1_B20", "SIM001_A375_24H_X2_B20"
UPGRADED, SOUND = "SIM001_MCF7_24H_X1_B20", "SIM001_MCF7_24H_X2_B20"
BROKEN, NEW = "SIM002_A375_24H_X1_B20", "SIM002_A375_24H_X2_B20"
FIRST = (PURGED, ARCHIVED, UPGRADED, SOUND)
Run = Callable[..., str]


def configure(folder: Path, plates: tuple[str, ...], **settings: object) -> pd.DataFrame:
    """Write configuration and sheet of some plates; returns the sheet."""
    sheet = pd.read_csv(folder / "data/plates.tsv", sep="\t", dtype=str)
    sheet = sheet[sheet["det_plate"].isin(plates)]
    sheet.to_csv(folder / "plates.tsv", sep="\t", index=False)
    known = {"plates": "plates.tsv", "data": "data", "report": False}
    (folder / "config.yaml").write_text(yaml.safe_dump(known | settings))
    return sheet


def age(folder: Path) -> None:
    """Let a study of the first four plates, which was run, age."""
    raw, results = folder / "data/lxb", folder / "results"
    for file in (raw / PURGED).iterdir():
        file.unlink()
    (raw / PURGED).rmdir()
    shutil.rmtree(raw / ARCHIVED)
    for file in (raw / BROKEN).iterdir():
        file.write_bytes(b"not beads")
    record = results / UPGRADED / "qc/plate.json"
    found = json.loads(record.read_text())
    found["steps"]["deconvolve"]["record"]["compatibility"] = 0
    found["made_with"] = found["made_with"].replace("deconvolve 1", "deconvolve 0")
    record.write_text(json.dumps(found, sort_keys=True, indent=1))
    for note in (folder / ".snakemake/metadata").rglob("*"):  # what Snakemake keeps of the parameters
        if note.is_file() and f"plate/{UPGRADED}.log" in (text := note.read_text()):
            note.write_text(text.replace("deconvolve 1, normalize", "deconvolve 0, normalize"))
    sheet = configure(folder, (*FIRST, BROKEN, NEW), on_upgrade="rerun")
    sheet = sheet.assign(archived="no").set_index("det_plate")
    sheet.loc[ARCHIVED, ["archived", "batch"]] = "yes", "relabelled"
    sheet.to_csv(folder / "plates.tsv", sep="\t")


def files_of(folder: Path) -> dict[str, bytes]:
    """Files of results that a run makes, without logs and times."""
    kept = (path for path in (folder / "results").rglob("*") if path.is_file() and path.name != "lock")
    found = {path.relative_to(folder / "results"): path for path in kept}
    return {str(name): path.read_bytes() for name, path in found.items() if name.parts[0] not in ("logs", "benchmarks")}
