"""Same bytes from one and two threads and from two runs; every matrix of the path loads in cmapPy."""

import hashlib
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from real_plates import beadwork

STEPS = ("GEX", "CAL", "SUP", "NORM", "QNORM", "INF", "ZSPC", "ZSVC", "MODZ", "siginfo", "index", "answers", "qc")


def whole_path(study: Path, out: Path, threads: int) -> None:
    """LXB to ranked answers by commands, all outputs in `out`."""
    t = ("--threads", threads)
    plates = sorted(path.name for path in (study / "lxb").iterdir())
    for plate in plates:
        file = {level: out / f"{plate}_{level}.gctx" for level in STEPS}
        qc = {stage: out / f"{plate}_{stage}.tsv" for stage in ("deconvolve", "normalize", "infer", "zscore")}
        beadwork("deconvolve", study / "lxb" / plate, "--map", study / "maps" / f"{plate}.map", "-o", file["GEX"],
                 "--calibrators", file["CAL"], "--support", file["SUP"], "--qc", qc["deconvolve"], *t)  # fmt: skip
        beadwork("normalize", file["GEX"], "--calibrators", file["CAL"], "-o", file["QNORM"], "--norm", file["NORM"],
                 "--qc", qc["normalize"])  # fmt: skip
        beadwork("infer", file["QNORM"], "-o", file["INF"], "--qc", qc["infer"])
        beadwork("zscore", file["INF"], "-o", file["ZSPC"], "--qc", qc["zscore"])
        beadwork("zscore", file["INF"], "-o", file["ZSVC"], "--population", "vehicle")
    z = [out / f"{plate}_ZSPC.gctx" for plate in plates]
    beadwork("consensus", *z, "-o", out / "MODZ.gctx", "--siginfo", out / "siginfo.tsv")
    beadwork("index", "build", out / "index", out / "MODZ.gctx", "--siginfo", out / "siginfo.tsv", *t)
    truth = study / "truth"
    beadwork("query", out / "index", "--up", truth / "mechanisms_up.gmt", "--down", truth / "mechanisms_dn.gmt",
             "-o", out / "answers", *t)  # fmt: skip


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder by relative name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def load_in_cmappy(path: Path) -> bool:
    """Whether cmapPy reads the same ids, values and fields as we do."""
    from beadwork.io.matrix.formats import read_matrix
    from beadwork.model.cmappy import corrected_cmappy, load_cmappy

    ours = read_matrix(path)
    with warnings.catch_warnings(), corrected_cmappy():
        warnings.simplefilter("ignore")
        theirs = load_cmappy("parse").parse(str(path))
    return (
        list(theirs.data_df.index.astype(str)) == list(ours.rids)
        and list(theirs.data_df.columns.astype(str)) == list(ours.cids)
        and np.array_equal(theirs.data_df.to_numpy(np.float32), ours.values, equal_nan=True)
        and {*theirs.row_metadata_df.columns} == {*ours.rows.columns}
        and {*theirs.col_metadata_df.columns} == {*ours.cols.columns}
    )


def section(shared: Path) -> str:
    """Markdown: files that are equal between runs, and that cmapPy loads."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        beadwork("simulate", "-o", folder / "study", "--plates", 3, "--wells", 48, "--seed", 7, "--beads-mean", 40)
        found = {}
        for run, threads in (("one thread", 1), ("two threads", 2), ("two threads, again", 2)):
            out = folder / run.replace(" ", "-").replace(",", "")
            out.mkdir()
            whole_path(folder / "study", out, threads)
            found[run] = checksums(out)
        first = found["one thread"]
        rows = [
            f"| one thread / {run} | {len(first)} | {sum(first.get(key) == value for key, value in sums.items())} |"
            for run, sums in found.items()
            if run != "one thread"
        ]
        matrices = sorted(folder.glob("one-thread/**/*.gctx"))
        loaded = [path for path in matrices if load_in_cmappy(path)]
        shutil.rmtree(folder / "study")
    return f"""## Same bytes, and files that others read

Three simulated plates of 48 wells, LXB to ranked answers by commands (matrices at every level, QC tables, siginfo,
index, answers), compared file by file (SHA-256).

| runs | files | equal |
|---|---|---|
{chr(10).join(rows)}

Of the {len(matrices)} GCTX files of such a run, cmapPy loads {len(loaded)} with the same ids, values and fields.
Other directions and hard cases (cmapPy's files here, numbers, missing values, non-ASCII text, "/" in a field's name,
Latin-1 strings) are tests: `pytest tests/io`.
"""


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    print(section(Path(sys.argv[1]) if len(sys.argv) > 1 else Path()))
