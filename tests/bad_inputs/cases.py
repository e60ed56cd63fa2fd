"""Bad inputs by name: what is wrong, which reader gets it, and its bytes.  messages.tsv pins each answer."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from functools import cache

import numpy as np

from beadwork.io.beads.lxb import lxb_bytes

SHEET = "det_plate\tlxb\tmap\tbead_batch\tuse\n"
MAP = "rna_well\tpert_id\tpert_type\n"


@cache
def sound_lxb() -> bytes:
    """Forty beads of well A1."""
    rng = np.random.default_rng(1)
    return lxb_bytes(rng.integers(0, 501, 40), rng.integers(1, 30000, 40), "A1")


def changed(old: bytes, new: bytes) -> bytes:
    data = sound_lxb()
    assert old in data
    return data.replace(old, new, 1)


def tar(members: dict[str, bytes], link: tuple[str, str] | None = None, kind: bytes = tarfile.SYMTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo(link[0])
            info.type, info.linkname = kind, link[1]
            archive.addfile(info)
    return stream.getvalue()


def zipped(members: dict[str, bytes], mode: int = 0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def gzip_bomb(size: int) -> bytes:
    """A gzip of zeros, made in portions."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*parts, packer.flush()])


def gct(text: str) -> bytes:
    return text.encode()


CASES: dict[str, tuple[str, bytes]] = {
    # one LXB file
    "lxb empty": ("lxb", b""),
    "lxb is text": ("lxb", b"well\tbeads\n"),
    "lxb is a picture": ("lxb", b"\x89PNG\r\n\x1a\n" + bytes(200)),
    "lxb header cut": ("lxb", sound_lxb()[:40]),
    "lxb text cut": ("lxb", sound_lxb()[:500]),
    "lxb data cut by half": ("lxb", sound_lxb()[: 13952 + 44 * 20]),
    "lxb data absent": ("lxb", sound_lxb()[:13952]),
    "lxb last bead cut": ("lxb", sound_lxb()[: 13952 + 44 * 40 - 1]),
    "lxb offsets not numbers": ("lxb", b"FCS3.0    " + b"abcdefgh" * 6 + sound_lxb()[58:]),
    "lxb offsets negative": ("lxb", b"FCS3.0    " + b"      -5" * 6 + sound_lxb()[58:]),
    "lxb text after its end": ("lxb", b"FCS3.0    " + b"    1039      96" + sound_lxb()[26:]),
    "lxb text of a gigabyte": ("lxb", b"FCS3.0    " + b"      9699999999" + sound_lxb()[26:]),
    "lxb promises a billion beads": ("lxb", changed(b"$TOT/0000000040", b"$TOT/1000000000")),
    "lxb promises one bead more": ("lxb", changed(b"$TOT/0000000040", b"$TOT/0000000041")),
    "lxb negative beads": ("lxb", changed(b"$TOT/0000000040", b"$TOT/-000000040")),
    "lxb beads in words": ("lxb", changed(b"$TOT/0000000040", b"$TOT/fortybeads")),
    "lxb no $TOT": ("lxb", changed(b"$TOT/", b"$TOX/")),
    "lxb no $PAR": ("lxb", changed(b"$PAR/", b"$PAX/")),
    "lxb no channels": ("lxb", changed(b"$PAR/11", b"$PAR/00")),
    "lxb too many channels": ("lxb", changed(b"$PAR/11", b"$PAR/9999")),
    "lxb floats": ("lxb", changed(b"$DATATYPE/I", b"$DATATYPE/F")),
    "lxb histogram": ("lxb", changed(b"$MODE/L", b"$MODE/C")),
    "lxb byte order unknown": ("lxb", changed(b"$BYTEORD/1,2,3,4", b"$BYTEORD/3,1,4,2")),
    "lxb channel of 12 bits": ("lxb", changed(b"$P1B/32", b"$P1B/12")),
    "lxb channel twice": ("lxb", changed(b"$P2N/DDG", b"$P2N/RID")),
    "lxb channel without a name": ("lxb", changed(b"$P2N/DDG", b"$P2X/DDG")),
    # plates
    "plate without files": ("tar", tar({})),
    "plate of other files": ("tar", tar({"notes.txt": b"x"})),
    "plate with a name that is no well": ("tar", tar({"P_Q01.lxb": sound_lxb()})),
    "plate of two plates": ("tar", tar({"P_A01.lxb": sound_lxb(), "Q_A01.lxb": sound_lxb()})),
    "plate whose files name only wells": ("tar", tar({"A01.lxb": sound_lxb()})),
    "plate with names and contents that disagree": ("tar", tar({"P_B05.lxb": sound_lxb()})),
    "tar cut": ("tar", tar({"P_A01.lxb": sound_lxb()})[:900]),
    "tar is noise": ("tar", b"noise" * 300),
    "tar empty": ("tar", b""),
    "tar.gz cut": ("tar.gz", gzip.compress(tar({"P_A01.lxb": sound_lxb()}), mtime=0)[:200]),
    "tar.gz is plain text": ("tar.gz", b"hello"),
    "tar with an absolute path": ("tar", tar({"/etc/P_A01.lxb": sound_lxb()})),
    "tar with a path upwards": ("tar", tar({"../P_A01.lxb": sound_lxb()})),
    "tar with a path up and down": ("tar", tar({"a/../../P_A01.lxb": sound_lxb()})),
    "tar with a symbolic link": ("tar", tar({}, ("P_A01.lxb", "/etc/passwd"))),
    "tar with a hard link": ("tar", tar({}, ("P_A01.lxb", "x"), tarfile.LNKTYPE)),
    "zip is noise": ("zip", b"PK\x03\x04" + b"noise" * 30),
    "zip cut": ("zip", zipped({"P_A01.lxb": sound_lxb()})[:-30]),
    "zip with a path upwards": ("zip", zipped({"../P_A01.lxb": sound_lxb()})),
    "zip with a path of Windows": ("zip", zipped({"C:\\P_A01.lxb": sound_lxb()})),
    "zip with backslashes upwards": ("zip", zipped({"..\\P_A01.lxb": sound_lxb()})),
    "zip with a link": ("zip", zipped({"P_A01.lxb": b"/etc/passwd"}, 0o120777)),
    # plate maps
    "map empty": ("map", b""),
    "map binary": ("map", b"rna_well\x00\x01"),
    "map with only a header": ("map", MAP.encode()),
    "map without wells": ("map", b"pert_id\tpert_type\nx\ty\n"),
    "map without pert_id": ("map", b"rna_well\tpert_type\nA01\tx\n"),
    "map separated by commas": ("map", b"rna_well,pert_id,pert_type\nA01,x,y\n"),
    "map with an unknown well": ("map", (MAP + "Q01\tx\ttrt_cp\n").encode()),
    "map with column 25": ("map", (MAP + "A25\tx\ttrt_cp\n").encode()),
    "map with a well twice": ("map", (MAP + "A01\tx\ttrt_cp\nA1\ty\ttrt_cp\n").encode()),
    "map with an empty well": ("map", (MAP + "\tx\ttrt_cp\n").encode()),
    "map with too many cells": ("map", (MAP + "A01\tx\ttrt_cp\tmore\n").encode()),
    "map with a column twice": ("map", b"rna_well\tpert_id\tpert_id\tpert_type\nA01\tx\ty\tz\n"),
    # plate sheets
    "sheet empty": ("sheet", b""),
    "sheet without map": ("sheet", b"det_plate\tlxb\nP\tx\n"),
    "sheet with spaces for tabs": ("sheet", b"det_plate lxb map\nP x y\n"),
    "sheet with a mistyped column": ("sheet", b"det_plate\tlxb\tmap\tbeadbatch\nP\tx\ty\tB20\n"),
    "sheet with a column twice": ("sheet", b"det_plate\tlxb\tlxb\tmap\nP\tx\ty\tz\n"),
    "sheet with a plate twice": ("sheet", (SHEET + "P\tx\ty\tB20\tyes\nP\tx\ty\tB20\tyes\n").encode()),
    "sheet with a slash in a plate": ("sheet", (SHEET + "P/1\tx\ty\tB20\tyes\n").encode()),
    "sheet with a plate of spaces": ("sheet", (SHEET + " \tx\ty\tB20\tyes\n").encode()),
    "sheet without lxb": ("sheet", (SHEET + "P\t\ty\tB20\tyes\n").encode()),
    "sheet with use: maybe": ("sheet", (SHEET + "P\tx\ty\tB20\tmaybe\n").encode()),
    "sheet with too many cells": ("sheet", (SHEET + "P\tx\ty\tB20\tyes\tmore\n").encode()),
    "sheet with an unset variable": ("sheet", (SHEET + "P\t$NOT_SET_9/x\ty\tB20\tyes\n").encode()),
    "sheet of replicates of two cell lines": (
        "sheet",
        b"det_plate\tlxb\tmap\tbrew_prefix\nP_A375_24H_X1_B20\tx\ty\tP\nP_MCF7_24H_X1_B20\tx\ty\tP\n",
    ),
    "counted map without pert_type": ("counts", b"rna_well\tpert_id\nA01\tx\n"),
    "counted map empty": ("counts", b""),
    # matrices
    "gct empty": ("gct", b""),
    "gct is a table": ("gct", b"id\ta\n1\t2\n"),
    "gct of version 1.9": ("gct", gct("#1.9\n1\t1\nName\tDescription\ta\n1\tx\t2\n")),
    "gct without sizes": ("gct", gct("#1.2\n")),
    "gct with sizes in words": ("gct", gct("#1.2\none\ttwo\nName\tDescription\ta\n")),
    "gct with negative sizes": ("gct", gct("#1.2\n-1\t1\nName\tDescription\ta\n")),
    "gct that promises a billion rows": ("gct", gct("#1.2\n1000000000\t1\nName\tDescription\ta\n1\tx\t2\n")),
    "gct cut": ("gct", gct("#1.2\n2\t1\nName\tDescription\ta\n1\tx\t2\n")),
    "gct with a short line": ("gct", gct("#1.2\n1\t2\nName\tDescription\ta\tb\n1\tx\t2\n")),
    "gct with a word for a number": ("gct", gct("#1.2\n1\t1\nName\tDescription\ta\n1\tx\ttwo\n")),
    "gct with a column id twice": ("gct", gct("#1.2\n1\t2\nName\tDescription\ta\ta\n1\tx\t1\t2\n")),
    "gct with a row id twice": ("gct", gct("#1.2\n2\t1\nName\tDescription\ta\n1\tx\t1\n1\tx\t2\n")),
    "gct.gz cut": ("gct", gzip.compress(gct("#1.2\n1\t1\nName\tDescription\ta\n1\tx\t2\n"), mtime=0)[:30]),
    "gct.gz bomb": ("gct", gzip_bomb(300 << 20)),
    "gctx cut to its signature": ("gctx", b"\x89HDF\r\n\x1a\n"),
    "gctx of noise": ("gctx", b"\x89HDF\r\n\x1a\n" + b"\xff" * 3000),
    "npz of text": ("npz", b"hello"),
    "npz cut": ("npz", zipped({"expr.npy": b"x"})[:-10]),
    "npz without arrays": ("npz", zipped({"other.npy": b"\x93NUMPY\x01\x00v\x00" + b" " * 117 + b"\n"})),
    "parquet of noise": ("parquet", b"PAR1" + bytes(50) + b"PAR1"),
    # gene sets and tables
    "gmt empty": ("gmt", b""),
    "gmt of sets without names": ("gmt", b"\tna\t1\n\tna\t2\n"),
    "gmt with a set without genes": ("gmt", b"a_UP\tna\n"),
    "gmt that is a web page": ("gmt", b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"),
    "gmt that is a workbook": ("gmt", b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00\xff"),
    "gmt that is a gct": ("gmt", b"#1.2\n1\t1\nNAME\tDescription\ts\nTP53\tna\t1\n"),
    "gmt in half of utf-16": ("gmt", "a_UP\tna\t1\n".encode("utf-16")[:-1]),
    "gmt binary": ("gmt", b"a\x00b"),
    "grp of values of both signs": ("grp", b"TP53\t2.5\nMDM2\t-2.5\n"),
    "gmx empty": ("gmx", b"\n"),
    "sets without a gene column": ("sets", b"set\tdirection\na\tup\n"),
    "sets with a direction sideways": ("sets", b"set\tgene\tdirection\na\t1\tsideways\n"),
    "table binary": ("table", b"a\tb\n\x00"),
    "table with a column twice": ("table", b"a\ta\n1\t2\n"),
    "table with a line too long": ("table", b"a\tb\n1\t2\t3\n"),
    "table of comments": ("table", b"# only\n# comments\n"),
}
