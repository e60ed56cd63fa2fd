"""Time and memory of every command on one 384-well plate, and write docs/validation/benchmarks.md.

    python benchmarks/speed/plates.py [--wells 384] [--threads 2] [--repeat 3] [--no-page]

A plate is simulated, then each command runs as a process of its own, `--repeat` times, and the fastest run counts.
Wall time includes start-up, imports, reading and writing.  CPU and peak memory are those that the operating system
reports for the process.  Kernels are compiled and files are in the disk cache beforehand, as in any run but the first.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.record import Aim, processor, write_record

ROOT = Path(__file__).resolve().parents[2]
BEADWORK = Path(sys.executable).parent / "beadwork"
PLATE = "SIM001_A375_24H_X1_B20"
PATH_STAGES = ("deconvolve (kmeans)", "normalize", "infer (AIG)", "zscore (ZSPC)")
AIM_SECONDS, AIM_MB, AIM_DECONVOLVE, AIM_HELP = 20.0, 1500.0, 8.0, 0.3


@dataclass(frozen=True)
class Cost:
    """What a process cost: seconds of wall and CPU time, peak resident memory in MB."""

    wall: float
    cpu: float
    peak_mb: float


def measure(words: list[object], repeat: int) -> Cost:
    """Run `beadwork` with the words given; the fastest of several runs."""
    costs = []
    for _ in range(repeat):
        start = time.perf_counter()
        process = subprocess.Popen([str(BEADWORK), *map(str, words)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"beadwork {' '.join(map(str, words))} failed")
        unit = 1024**2 if sys.platform == "darwin" else 1024
        costs.append(Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit))
    return min(costs, key=lambda cost: cost.wall)


def run(folder: Path, wells: int, threads: int, repeat: int) -> dict[str, Cost]:
    """Costs by what was run."""
    study, share = folder / "study", ["--threads", threads]
    lxb, plate_map = study / "lxb" / PLATE, study / "maps" / f"{PLATE}.map"
    files = {name: folder / f"{PLATE}_{name}.gctx" for name in ("GEX", "CAL", "NORM", "QNORM", "INF", "ZSPC", "K")}
    subprocess.run([BEADWORK, "self-test"], check=True, stdout=subprocess.DEVNULL)
    raw = ["deconvolve", lxb, "--map", plate_map, *share]
    costs = {f"simulate ({wells} wells)": measure(["simulate", "-o", study, "--wells", wells, *share], 1)}
    steps = {
        "deconvolve (kmeans)": [*raw, "-o", files["K"], "--method", "kmeans"],
        "deconvolve (mixture)": [*raw, "-o", files["GEX"], "--calibrators", files["CAL"]],
        "deconvolve (kspeak)": [*raw, "-o", files["K"], "--method", "kspeak"],
        "normalize": ["normalize", files["GEX"], "--calibrators", files["CAL"], "-o", files["QNORM"],
                      "--norm", files["NORM"]],
        "infer (AIG)": ["infer", files["QNORM"], "-o", files["INF"]],
        "zscore (ZSPC)": ["zscore", files["INF"], "-o", files["ZSPC"]],
    }  # fmt: skip
    for name, words in steps.items():
        costs[name] = measure([*words, "--log-level", "error"], repeat)
    costs["--help"] = measure(["--help"], max(repeat, 5))
    return costs


def whole_path(costs: dict[str, Cost]) -> Cost:
    """Cost of all stages from LXB to ZSPC."""
    return Cost(sum(costs[name].wall for name in PATH_STAGES), sum(costs[name].cpu for name in PATH_STAGES),
                max(costs[name].peak_mb for name in PATH_STAGES))  # fmt: skip


def path_aims(costs: dict[str, Cost], total: Cost) -> list[Aim]:
    """Compare with what was aimed at."""
    return [
        Aim("LXB to ZSPC, s", AIM_SECONDS, total.wall),
        Aim("LXB to ZSPC, GB", AIM_MB / 1000, total.peak_mb / 1000),
        Aim("deconvolve (kmeans), s", AIM_DECONVOLVE, costs["deconvolve (kmeans)"].wall),
        Aim("`beadwork --help`, s", AIM_HELP, costs["--help"].wall),
    ]


def page(costs: dict[str, Cost], wells: int, threads: int, repeat: int) -> str:
    """Render the figures as Markdown, with what was aimed at."""
    total = whole_path(costs)

    rows = [*costs.items()]
    path = " + ".join(name.split(" ")[0] for name in PATH_STAGES)
    rows.insert(len(rows) - 1, (f"**LXB to ZSPC, kmeans** ({path})", total))
    aims = path_aims(costs, total)
    lines = [
        "# Benchmarks", "",
        f"One simulated plate of {wells} wells (85 beads per analyte), LXB files to ZSPC in AIG space. Written by", "",
        "```", "python benchmarks/speed/plates.py", "```", "",
        f"on {processor()}, {os.cpu_count()} cores, {threads} threads, Python {platform.python_version()}; "
        f"the fastest of {repeat} runs. Each command is a process of its own, so start-up and files count.", "",
        "| command | wall, s | CPU, s | peak memory, MB |", "|---|---|---|---|",
        *(f"| {name} | {cost.wall:.2f} | {cost.cpu:.2f} | {cost.peak_mb:.0f} |" for name, cost in rows), "",
        "| aim | measured | |", "|---|---|---|",
        *(f"| {aim.what} under {aim.aim:g} | {aim.measured:.2f} | {'met' if aim.met else 'missed'} |" for aim in aims),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-page", action="store_true", help="print only, do not write docs/validation/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="beadwork-benchmark-") as folder:
        costs = run(Path(folder), arguments.wells, arguments.threads, arguments.repeat)
    text = page(costs, arguments.wells, arguments.threads, arguments.repeat)
    print(text)
    if not arguments.no_page:
        figures = {f"{name}, CPU s": round(cost.cpu, 3) for name, cost in costs.items()}
        write_record("speed-plates", "python benchmarks/speed/plates.py", path_aims(costs, whole_path(costs)), figures)
        place = ROOT / "docs" / "validation" / "benchmarks.md"
        _, head, others = (place.read_text(encoding="utf-8") if place.exists() else "").partition("\n## ")
        place.write_text(text + head + others, encoding="utf-8")  # other sections have writers of their own


if __name__ == "__main__":
    main()
