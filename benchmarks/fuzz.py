"""Feed mutated and random bytes to every reader: none may crash, hang, take memory or answer with a traceback.

    python benchmarks/fuzz.py [--runs 1000000] [--reader NAME ...] [--seed 1] [--keep DIR]
    python benchmarks/fuzz.py --atheris lxb -max_total_time=60        coverage-guided, where atheris is installed

Each reader runs in a child process with limits on memory and on the time of one input, so that a crash of compiled code
is seen as well.  A sound answer is a result or a BeadworkError (at most twenty lines, for a sheet).  Inputs that get
another answer are kept in a folder, one file each, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import gzip
import io
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tarfile
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.model.errors import BeadworkError

Read = Callable[[bytes], object]
SECONDS, MEGABYTES, MESSAGE = 20, 1500, 9000
NUMBERS = (b"0", b"1", b"-1", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648", b"4294967295",
           b"4294967296", b"9223372036854775807", b"99999999999999999999", b"1e308", b"1e309", b"nan", b"inf", b"-666",
           b"0x10", b"1_000", b"", b" ")  # fmt: skip
WORDS = (b"\t", b"\n", b"\r", b"\r\n", b"\x00", b'"', b"#", b"/", b"..", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
         b"\x1f\x8b", b"\x89HDF\r\n\x1a\n", b"#1.3\n", b"FCS3.0", b"$TOT", b"$PAR", "é".encode(), b"\x85")  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One reader: sound inputs to start from, and what is called; `share` of all runs."""

    seeds: tuple[bytes, ...]
    read: Read
    share: float


# ---- targets -------------------------------------------------------------------------------------------------------


def make_targets(folder: Path) -> dict[str, Target]:
    """All readers, with seeds; files are written to `folder`."""
    from beadwork.api import ConnectivityIndex
    from beadwork.api.index.build import build_index, verify_index
    from beadwork.io.beads.lxb import lxb_bytes, read_events, read_plate
    from beadwork.io.beads.maps import read_map
    from beadwork.io.connectivity.gene_sets import pair_sets, read_gene_sets
    from beadwork.io.connectivity.signature_tables import read_signatures
    from beadwork.io.files.tables import read_table
    from beadwork.io.matrix.expression import read_expression
    from beadwork.io.matrix.formats import read_annotation, read_any, read_matrix, write_matrix
    from beadwork.model.config import count_wells, parse_plate_sheet
    from beadwork.model.matrix import Level, Matrix
    from beadwork.model.params import IndexParams

    rng = np.random.default_rng(1)

    def at(name: str, call: Callable[[Path], object]) -> Read:
        path = folder / name

        def read(data: bytes) -> object:
            path.write_bytes(data)
            return call(path)

        return read

    beads = [lxb_bytes(rng.integers(0, 501, 40), rng.integers(1, 30000, 40), well) for well in ("A1", "B12", "P24")]
    small = [data[:1040] + data[13952:] for data in beads]  # without the long blank, so that more mutations matter
    for old, new in ((13952, 1040), (13952 + 40 * 44 - 1, 1040 + 40 * 44 - 1)):
        small = [data.replace(b"%8d" % old, b"%8d" % new).replace(b"%010d" % old, b"%010d" % new) for data in small]

    def lxb(data: bytes) -> object:
        return read_events(data, masked=len(data) % 2 == 0)

    tar, packed, zipped = io.BytesIO(), io.BytesIO(), io.BytesIO()
    names = ("P_A01.lxb", "P_B12.lxb", "P_P24.lxb")
    for stream, mode in ((tar, "w"), (packed, "w:gz")):
        with tarfile.open(fileobj=stream, mode=mode) as archive:
            for name, data in zip(names, small, strict=True):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in zip(names, small, strict=True):
            archive.writestr(name, data)

    rows = pd.DataFrame({"pr_gene_symbol": [f"G{n}" for n in range(12)]}, index=[str(n) for n in range(100, 112)])
    cols = pd.DataFrame({"pert_id": ["BRD-1", "BRD-é", np.nan, "x"], "pert_dose": [1.0, np.nan, 10.0, 3.3]},
                        index=[f"s{n}" for n in range(4)])  # fmt: skip
    matrix = Matrix(rng.normal(size=(12, 4)).astype(np.float32), rows, cols, level=Level.MODZ, provenance={"a": 1})
    made = {}
    for ending in ("gct", "gct.gz", "gctx", "parquet"):
        path = folder / f"seed.{ending}"
        if ending == "parquet":
            from beadwork.io.matrix.formats import write_any

            write_any(matrix, path)
        else:
            write_matrix(matrix, path)
        made[ending] = path.read_bytes()
    gct12 = b"#1.2\n2\t2\nName\tDescription\ta\tb\n1\tx\t1.5\t2\n2\ty\t-666\t4e3\n"
    plate_map = (b"rna_well\tpert_id\tpert_type\tpert_dose\nA01\tDMSO\tctl_vehicle\t-666\n"
                 b"A02\tBRD\ttrt_cp\t3.3\nP24\tX\tlma_x\t\n")  # fmt: skip
    table = b"# note\nentity\tstage\tvalue\nA:1\tx\t1.5\nB:2\ty\t-666\n\n"
    sheet = b"det_plate\tlxb\tmap\tbead_batch\tuse\nP1_A375_24H_X1_B20\tlxb/P1\tm.map\tB20\tyes\nP2\ta\tb\t\tno\n"
    gmt = b"one_UP\tna\t100\t101\t102\none_DN\tna\t103\t104\ntwo\thttp://x\tTP53\tMYC\n"
    gmx = b"one_UP\tone_DN\nna\tna\n100\t103\n101\t104\n\t105\n"
    grp = b"# genes\n100\n101\nTP53\n"
    long = b"set\tgene\tdirection\na\t100\tup\na\t101\tdown\n"
    de = b"gene\tlogFC\tpadj\n100\t1.5\t0.01\n101\t-2\t0.5\n"
    npz = io.BytesIO()
    np.savez(npz, expr=np.ones((3, 2), np.float16), gene=np.array(["1", "2", "3"]), sample=np.array(["a", "b"]),
             dataset=np.array(["s", "t"]))  # fmt: skip

    modz = folder / "modz.gctx"
    signatures = Matrix(rng.normal(size=(12, 30)).astype(np.float32), rows,
                        pd.DataFrame({"pert_id": [f"c{n}" for n in range(30)]}, index=[f"g{n}" for n in range(30)]),
                        level=Level.MODZ)  # fmt: skip
    write_matrix(signatures, modz)
    index = folder / "index"
    build_index(index, [modz], None, params=IndexParams(background=4, background_set=2), threads=1)
    parts = sorted(path for path in index.rglob("*") if path.is_file() and path.name != "lock")
    sound = {path: path.read_bytes() for path in parts}

    def read_index(data: bytes) -> object:
        """Query an index in which the rest of `data` replaces the file that its first byte chooses."""
        path = parts[data[0] % len(parts)] if data else parts[0]
        path.write_bytes(data[1:])
        try:
            opened = ConnectivityIndex.open(index, threads=1)
            opened.info()
            query = pair_sets(read_gene_sets(gene_sets))
            found = opened.query_many(query)
            verify_index(index, quick=True, threads=1)
            return found
        finally:
            path.write_bytes(sound[path])

    gene_sets = folder / "queries.gmt"
    gene_sets.write_bytes(b"one_UP\tna\t100\t101\t102\none_DN\tna\t103\t104\n")

    def texts(call: Callable[[str], object]) -> Read:
        return lambda data: call(data.decode("utf-8", errors="replace"))

    def both(path: Path) -> object:
        return read_annotation(path), read_matrix(path)

    return {
        "lxb": Target((*small, beads[0]), lxb, 0.34),
        "lxb.gz": Target((gzip.compress(small[0]),), at("P_A01.lxb.gz", lambda path: read_plate(path.parent)), 0.02),
        "tar": Target((tar.getvalue(),), at("plate.tar", read_plate), 0.02),
        "tar.gz": Target((packed.getvalue(),), at("plate.tar.gz", read_plate), 0.02),
        "zip": Target((zipped.getvalue(),), at("plate.zip", read_plate), 0.02),
        "gct": Target((made["gct"], gct12, made["gct.gz"]), at("x.gct", read_matrix), 0.10),
        "gctx": Target((made["gctx"],), at("x.gctx", both), 0.03),
        "parquet": Target((made["parquet"],), at("x.parquet", read_any), 0.01),
        "npz": Target((npz.getvalue(),), at("x.npz", read_expression), 0.02),
        "map": Target((plate_map,), at("x.map", read_map), 0.08),
        "table": Target((table,), at("x.tsv", read_table), 0.10),
        "sheet": Target((sheet,), texts(lambda text: parse_plate_sheet(text, "sheet", files=False)), 0.05),
        "counts": Target((plate_map,), texts(lambda text: count_wells(text, "map")), 0.05),
        "gmt": Target((gmt,), at("x.gmt", lambda path: pair_sets(read_gene_sets(path))), 0.08),
        "gmx": Target((gmx,), at("x.gmx", read_gene_sets), 0.02),
        "grp": Target((grp,), at("x.grp", read_gene_sets), 0.02),
        "sets": Target((long,), at("x2.tsv", read_gene_sets), 0.02),
        "signature": Target((de,), at("x3.tsv", read_signatures), 0.02),
        "index": Target(tuple(bytes([number]) + data for number, data in enumerate(sound.values())), read_index, 0.01),
    }  # fmt: skip


# ---- mutations -----------------------------------------------------------------------------------------------------


def mutate(rng: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    """One input: a seed with one to six changes, or, one time in fifty, random bytes."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.choice((0, 1, 7, 58, 300, 5000)))
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        place = rng.randrange(len(data) + 1) if rng.random() < 0.5 else rng.randrange(min(len(data), 1100) + 1)
        kind = rng.randrange(10)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(data):
            data[place] = rng.choice((0, 1, 9, 10, 45, 47, 48, 57, 127, 128, 255))
        elif kind == 2:
            del data[place:]
        elif kind == 3:
            del data[place : place + rng.randrange(1, 40)]
        elif kind == 4:
            data[place:place] = rng.choice(WORDS) * rng.choice((1, 1, 2, 50))
        elif kind == 5:
            data[place:place] = data[place : place + rng.randrange(1, 200)] * rng.choice((1, 2, 30))
        elif kind == 6:
            _replace_number(rng, data, place)
        elif kind == 7:
            size = rng.choice((1, 2, 4, 8))
            value = rng.choice((0, 1, (1 << 8 * size) - 1, 1 << (8 * size - 1), rng.getrandbits(8 * size)))
            data[place : place + size] = value.to_bytes(size, rng.choice(("little", "big")))
        elif kind == 8:
            data[place : place + rng.randrange(1, 16)] = rng.randbytes(rng.randrange(1, 16))
        else:
            other = rng.choice(seeds)
            data[place:] = other[rng.randrange(len(other) + 1) :]
    return bytes(data)


def _replace_number(rng: random.Random, data: bytearray, place: int) -> None:
    """Put another number where the next digits stand."""
    start = place
    while start < len(data) and not 48 <= data[start] <= 57:
        start += 1
    stop = start
    while stop < len(data) and 48 <= data[stop] <= 57:
        stop += 1
    number = rng.choice(NUMBERS)
    data[start:stop] = number.rjust(stop - start) if rng.random() < 0.5 else number


# ---- running -------------------------------------------------------------------------------------------------------


class TooSlow(Exception):
    """One input took longer than it may."""


def _alarm(*_: object) -> None:
    raise TooSlow


def run_one(read: Read, data: bytes) -> str:
    """Answer to one input: ``read``, ``refused``, or the traceback of what should not be."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        read(data)
        return "read"
    except BeadworkError as error:
        message = str(error)
        return "refused" if 0 < len(message) <= MESSAGE else f"message of {len(message)} characters"
    except BaseException:
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _child(name: str, first: int, stop: int, seed: int, keep: Path, counts) -> None:
    """Run inputs `first` to `stop`; `counts` holds read, refused, wrong, and the number that runs now."""
    import logging
    import warnings

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _alarm)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        target = make_targets(Path(folder))[name]
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (MEGABYTES << 20),) * 2)
        for number in range(first, stop):
            counts[3] = number
            data = mutate(random.Random(f"{seed} {name} {number}"), target.seeds)
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
