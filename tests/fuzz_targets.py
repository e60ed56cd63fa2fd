"""Every reader of the project with sound inputs to start from, for the tests and for benchmarks/robustness/fuzz.py."""

from __future__ import annotations

import gzip
import io
import signal
import tarfile
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.model.errors import BeadworkError

Read = Callable[[bytes], object]
SECONDS, MESSAGE = 20, 9000


@dataclass(frozen=True)
class Target:
    """One reader: sound inputs to start from, and what is called; `share` of all runs."""

    seeds: tuple[bytes, ...]
    read: Read
    share: float


def make_targets(folder: Path) -> dict[str, Target]:
    """All readers, with seeds; files are written to `folder`."""
    from beadwork.api import ConnectivityIndex
    from beadwork.api.index.writing.build import build_index, verify_index
    from beadwork.io.beads.lxb import lxb_bytes, read_events, read_plate
    from beadwork.io.beads.maps import read_map
    from beadwork.io.connectivity.gene_sets import pair_sets, read_gene_sets
    from beadwork.io.connectivity.signature_tables import read_signatures
    from beadwork.io.files.tables import read_table
    from beadwork.io.matrix.expression import read_expression
    from beadwork.io.matrix.formats import read_annotation, read_any, read_matrix, write_matrix
    from beadwork.model.matrix import Level, Matrix
    from beadwork.model.params import IndexParams
    from beadwork.model.plates.sheet import count_wells, parse_plate_sheet

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


class TooSlow(Exception):
    """One input took longer than it may."""


def stop_slow(*_: object) -> None:
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
