"""Make noise_default.h5, the noise model that ships, from public plates.

    python resources/make_noise_model.py SHARED_DATA [-o noise_default.h5]

SHARED_DATA holds plates/LJP009AH_A375_24H_X1_B20 (beads.npz and map), plates/REP.A028_MCF7_24H_X1_B25 (lxb and map)
and signatures/CPC006_level3_n371x978.gctx.gz; tools/unpack_plate.py stands beside it.  The same data and version give
the same bytes.
"""

import argparse
import gzip
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from beadwork.io.platform.noise_model import read_noise_model, write_noise_model

SOURCE = (
    "LJP009_A375_24H_X1_B20, wells A01-H24: beads by mixture, vehicle wells and doses below 0.5 um (l1ktools, "
    "Connectivity Map, Broad Institute); REP.A028_MCF7_24H_X1_B25, 24 wells: beads by mixture, doses below 0.5 um "
    "(LINCS via L1000-bayesian); CPC006_A375_6H_X1: level 3, vehicle wells (l1ktools)"
)
LICENCE = "l1ktools BSD-3-Clause; L1000-bayesian Apache-2.0, data LINCS CC BY 4.0; what is stored is derived from them"
INERT_BELOW = "0.5"


def beadwork(*words: object) -> None:
    """Run a beadwork command."""
    subprocess.run([sys.executable, "-m", "beadwork", *map(str, words), "--log-level", "warning"], check=True)


def scores(lxb: Path, plate_map: Path, plate: str, work: Path) -> Path:
    """LXB to ZSPC of the landmarks, with the defaults of the commands."""
    gex, cal, qnorm, z = (work / f"{plate}_{level}.gctx" for level in ("GEX", "CAL", "QNORM", "ZSPC"))
    beadwork("deconvolve", lxb, "--map", plate_map, "--plate", plate, "-o", gex, "--calibrators", cal)
    beadwork("normalize", gex, "--calibrators", cal, "-o", qnorm)
    beadwork("zscore", qnorm, "-o", z)
    return z


def make(data: Path, output: Path) -> None:
    """Make the model."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        half, plate = data / "plates/LJP009AH_A375_24H_X1_B20", "LJP009_A375_24H_X1_B20"
        tool = data.parent / "tools" / "unpack_plate.py"
        subprocess.run([sys.executable, tool, half / "beads.npz", work / "lxb", plate], check=True)
        ljp = scores(work / "lxb", half / f"{half.name}.map", plate, work)
        other = data / "plates/REP.A028_MCF7_24H_X1_B25"
        rep = scores(other / "lxb", other / f"{other.name}.map", other.name, work)
        level3, cpc = work / "CPC006_QNORM.gctx", work / "CPC006_ZSPC.gctx"
        level3.write_bytes(gzip.decompress((data / "signatures/CPC006_level3_n371x978.gctx.gz").read_bytes()))
        beadwork("zscore", level3, "-o", cpc)
        model = work / "noise_default.h5"
        beadwork("train-noise", ljp, rep, cpc, "-o", model, "--inert-below", INERT_BELOW)
        # how it was made names files of a folder that is gone, with checksums that change with every version
        metadata = {"name": "noise_default", "source": SOURCE, "licence": LICENCE, "recipe": Path(__file__).name}
        write_noise_model(replace(read_noise_model(model), metadata=metadata), output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "noise_default.h5")
    words = parser.parse_args()
    make(words.data, words.output)
