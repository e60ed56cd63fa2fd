"""`beadwork plate` against the single commands that make the same files, and `figures plate`; CPU seconds.

    python benchmarks/speed/one_process.py [--before CHECKOUT] [--wells 384] [--repeat 3] [--lxb LXB --map MAP]

A plate is simulated (or given), then `plate` and the five commands take turns, one thread, each time all files: GEX,
CAL, SUPPORT, SD, ODDS, NORM, QNORM, CURVES, INF, ZSPC, ZSVC and the QC rows of each step.  The files must be the same
to the byte; `plate` alone writes qc/plate.json, a few kilobytes.  With --before, a checkout of another version, its
commands take turns too, and all its files must be the same; figures are not compared, as they may be drawn otherwise.
The fewest CPU seconds (user and system) of each count.  The load of the machine is printed: other work raises CPU
seconds by half and more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.record import Aim, write_record

SOURCE = Path(__file__).resolve().parents[2] / "src"
AIM_RATIO, AIM_CPU, AIM_FIGURES = 0.60, 3.5, 1.5


def cpu_seconds(source: Path, words: list[object]) -> float:
    """Run `beadwork` of a source folder; user and system time of the process."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "beadwork", *map(str, words), "--log-level", "error"],
        env=os.environ | threads | {"PYTHONPATH": str(source)},
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"beadwork {' '.join(map(str, words))} failed")
    return usage.ru_utime + usage.ru_stime


def single_commands(lxb: Path, plate_map: Path, place: Path) -> list[list[object]]:
    """Commands of the steps, with all files that `plate` writes."""
    files = {name: place / f"{lxb.name}_{name}.gctx" for name in
             ("GEX", "CAL", "SUPPORT", "SD", "ODDS", "NORM", "QNORM", "INF", "ZSPC", "ZSVC")}  # fmt: skip
    qc = place / "qc"
    return [
        ["deconvolve", lxb, "--map", plate_map, "-o", files["GEX"], "--calibrators", files["CAL"], "--support",
         files["SUPPORT"], "--sd", files["SD"], "--odds", files["ODDS"], "--qc", qc / "deconvolve.tsv", "--threads", 1],
        ["normalize", files["GEX"], "--calibrators", files["CAL"], "-o", files["QNORM"], "--norm", files["NORM"],
         "--curves", place / f"{lxb.name}_CURVES.tsv", "--qc", qc / "normalize.tsv"],
        ["infer", files["QNORM"], "-o", files["INF"], "--qc", qc / "infer.tsv"],
        ["zscore", files["INF"], "-o", files["ZSPC"], "--qc", qc / "zscore.tsv"],
        ["zscore", files["INF"], "-o", files["ZSVC"], "--population", "vehicle", "--if-few", "missing", "--qc",
         qc / "zscore_vehicle.tsv"],
    ]  # fmt: skip


def figures(lxb: Path, place: Path, output: Path) -> list[object]:
    """Command of the figures of a plate."""
    name = place / lxb.name
    return ["figures", "plate", f"{name}_GEX.gctx", "--lxb", lxb, "--curves", f"{name}_CURVES.tsv", "--rows",
            place / "qc/deconvolve.tsv", "--rows", place / "qc/normalize.tsv", "--sd", f"{name}_SD.gctx", "--odds",
            f"{name}_ODDS.gctx", "-o", output, "--threads", 1]  # fmt: skip


def contents(place: Path) -> Iterator[tuple[str, bytes]]:
    """Files of a plate that all ways of making it have."""
    for path in sorted(place.rglob("*")):
        if path.is_file() and path.name != "plate.json":
            yield str(path.relative_to(place)), path.read_bytes()


def measure(lxb: Path, plate_map: Path, folder: Path, sources: dict[str, Path], repeat: int) -> dict[str, float]:
    """Fewest CPU seconds by what was run."""
    found: dict[str, list[float]] = {}
    for source in sources.values():  # compiles the kernels
        cpu_seconds(source, ["self-test"])
    for _ in range(repeat):
        for version, source in sources.items():
            apart, at_once = folder / f"{version}-apart", folder / f"{version}-at-once"
            for place in (apart, at_once):
                shutil.rmtree(place, ignore_errors=True)
            cost = {
                "five commands": sum(cpu_seconds(source, words) for words in single_commands(lxb, plate_map, apart)),
                "plate": cpu_seconds(source, ["plate", lxb, "--map", plate_map, "-o", at_once, "--threads", 1]),
                "figures plate": cpu_seconds(source, figures(lxb, at_once, folder / f"{version}-figures")),
            }
            if dict(contents(apart)) != dict(contents(at_once)):
                sys.exit(f"{version}: the files differ")
            for name, seconds in cost.items():
                found.setdefault(f"{name}, {version}", []).append(seconds)
        if len({tuple(contents(folder / f"{version}-at-once")) for version in sources}) > 1:
            sys.exit("the versions write different files")
    for name, costs in found.items():
        print(f"{name:28s} {' '.join(f'{one:.2f}' for one in costs)}")
    print(f"load {os.getloadavg()[0]:.1f}")
    return {name: min(costs) for name, costs in found.items()}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="checkout of another version, whose commands take turns with ours")
    parser.add_argument("--lxb", type=Path, help="folder of LXB files, instead of a simulated plate")
    parser.add_argument("--map", type=Path, help="its map")
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    sources = {"now": SOURCE} if arguments.before is None else {"before": arguments.before / "src", "now": SOURCE}
    with tempfile.TemporaryDirectory(prefix="beadwork-benchmark-") as name:
        folder, lxb, plate_map = Path(name), arguments.lxb, arguments.map
        if lxb is None:
            cpu_seconds(SOURCE, ["simulate", "-o", folder, "--wells", arguments.wells, "--threads", 1])
            (lxb,), (plate_map,) = (folder / "lxb").iterdir(), (folder / "maps").iterdir()
        costs = measure(lxb, plate_map, folder, sources, arguments.repeat)
    against = "before" if arguments.before else "now"
    aims = [
        Aim(f"`plate` of the CPU of the five commands ({against})", AIM_RATIO,
            round(costs["plate, now"] / costs[f"five commands, {against}"], 3)),
        Aim("`plate`, CPU s", AIM_CPU, round(costs["plate, now"], 2)),
        Aim("`figures plate`, CPU s", AIM_FIGURES, round(costs["figures plate, now"], 2)),
    ]  # fmt: skip
    for aim in aims:
        print(f"{aim.what}: {aim.measured:g} (aim {aim.aim:g})")
    if arguments.lxb is None:
        load = {"load of the machine at the end": round(os.getloadavg()[0], 1)}
        write_record("speed-plate-at-once", "python benchmarks/speed/one_process.py --before CHECKOUT", aims,
                     {f"{name}, CPU s": round(cost, 2) for name, cost in costs.items()} | load)  # fmt: skip


if __name__ == "__main__":
    main()
