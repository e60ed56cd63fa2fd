"""Feed mutated and random bytes to every reader: none may crash, hang, take memory or answer with a traceback.

    python benchmarks/robustness/fuzz.py [--runs 1000000] [--reader NAME ...] [--seed 1] [--keep DIR]
    python benchmarks/robustness/fuzz.py --atheris lxb -max_total_time=60    coverage-guided, where atheris is installed

Each reader runs in a child process with limits on memory and on the time of one input, so that a crash of compiled code
is seen as well.  A sound answer is a result or a BeadworkError (at most twenty lines, for a sheet).  Inputs that get
another answer are kept in a folder, one file each, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from beadwork.model.errors import BeadworkError
from beadwork.simulate.damage import damage

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "tests")]
from lib.record import Aim, write_record  # noqa: E402

from fuzz_targets import SECONDS, make_targets, run_one, stop_slow  # noqa: E402

MEGABYTES = 1500


def _child(name: str, first: int, stop: int, seed: int, keep: Path, counts) -> None:
    """Run inputs `first` to `stop`; `counts` holds read, refused, wrong, and the number that runs now."""
    import logging
    import warnings

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, stop_slow)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        target = make_targets(Path(folder))[name]
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (MEGABYTES << 20),) * 2)
        for number in range(first, stop):
            counts[3] = number
            data = damage(random.Random(f"{seed} {name} {number}"), target.seeds)
            answer = run_one(target.read, data)
            if answer in ("read", "refused"):
                counts["read refused".split().index(answer)] += 1
            else:
                counts[2] += 1
                (keep / f"{name}-{number}.bin").write_bytes(data)
                (keep / f"{name}-{number}.txt").write_text(answer)
        counts[3] = stop


def _watch(child, counts) -> None:
    """Wait for a child; one that works on the same input for too long hangs in compiled code and is killed."""
    number, used = -1, 0.0
    while child.is_alive():
        child.join(2)
        try:
            fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        now = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if counts[3] != number:
            number, used = counts[3], now
        elif now - used > 2 * SECONDS:
            child.kill()


def fuzz(name: str, runs: int, seed: int, keep: Path) -> tuple[list[int], float]:
    """Run one reader; a child that dies is counted as wrong and the next one goes on behind it."""
    context = multiprocessing.get_context("fork")
    counts = context.Array("q", 4)
    start = time.perf_counter()
    first = 0
    while first < runs:
        child = context.Process(target=_child, args=(name, first, runs, seed, keep, counts))
        child.start()
        _watch(child, counts)
        if child.exitcode == 0:
            break
        counts[2] += 1
        (keep / f"{name}-{counts[3]}.txt").write_text(f"the process died with exit code {child.exitcode}")
        first = counts[3] + 1
    return list(counts), time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs over all readers")
    parser.add_argument("--reader", action="append", help="only this reader (all runs go to it)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="folder for inputs that went wrong")
    args = parser.parse_args()
    shutil.rmtree(args.keep, ignore_errors=True)
    args.keep.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        shares = {name: target.share for name, target in make_targets(Path(folder)).items()}
    chosen = args.reader or list(shares)
    whole = sum(shares[name] for name in chosen)
    total = np.zeros(3, dtype=int)
    print(f"{'reader':<10} {'inputs':>9} {'read':>9} {'refused':>9} {'wrong':>6} {'per second':>11}")
    for name in chosen:
        counts, seconds = fuzz(name, round(args.runs * shares[name] / whole), args.seed, args.keep)
        total += counts[:3]
        print(f"{name:<10} {sum(counts[:3]):>9,} {counts[0]:>9,} {counts[1]:>9,} {counts[2]:>6} "
              f"{sum(counts[:3]) / seconds:>11,.0f}", flush=True)  # fmt: skip
    print(f"{'all':<10} {total.sum():>9,} {total[0]:>9,} {total[1]:>9,} {total[2]:>6}")
    command = f"python benchmarks/robustness/fuzz.py --runs {args.runs} --seed {args.seed}"
    if not args.reader:
        write_record("robustness-fuzz", command, [Aim("inputs answered wrongly", 0, int(total[2]))],
                     {"inputs": int(total.sum())})  # fmt: skip
    return 1 if total[2] else 0


def run_atheris(name: str, words: list[str]) -> None:
    """Coverage-guided fuzzing of one reader (pip install atheris)."""
    import atheris

    with atheris.instrument_imports(include=["beadwork"]):
        pass
    folder = Path(tempfile.mkdtemp())
    target = make_targets(folder)[name]
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(seed)

    def once(data: bytes) -> None:
        try:
            target.read(data)
        except BeadworkError:
            pass

    atheris.Setup([sys.argv[0], *words, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--atheris"]:
        run_atheris(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main())
