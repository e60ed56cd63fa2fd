"""Is a wrong bead batch or bead set noticed?  Plates deconvolved as what they are and as what they are not.

    python benchmarks/referee/bead_batches.py [PLATES] [--seeds N] [--wells W] [--beads MEAN]

PLATES is the folder of the real plates (as for ``benchmarks/referee/uncertainty.py``).  Simulated plates are made of
both bead sets and of each mixing ratio, and deconvolved with every ratio, and with the other bead set.  Noticed means
a QC row ``beads_suspected``, which says in words what does not fit.
"""

import argparse
import itertools
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.beads.lxb import read_plate
from beadwork.io.platform.bead_sets import find_bead_batch, read_bead_set
from beadwork.model.beads.plate import BeadPlate
from beadwork.model.ids import parse_det_plate
from beadwork.model.params import DeconvolveParams, SimulateParams
from beadwork.simulate.draw import simulate_beads
from beadwork.stages.beads.deconvolve import deconvolve

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.plates import plan_plates, read_packed

SETS, RATIOS = ("epsilon-r2", "deltap-r1"), (1.67, 2.0, 3.0)
METRICS = ("ratio_fitted", "single_beads", "width_hi", "width_lo")


def simulated(seeds: int, wells: int, beads_mean: float) -> Iterator[tuple[str, BeadPlate, str, float]]:
    """Plates with the bead set and ratio that they have."""
    for seed, name, ratio in itertools.product(range(1, seeds + 1), SETS, RATIOS):
        params = SimulateParams(wells=wells, beads_mean=beads_mean, seed=seed)
        study = plan_plates(params, name, ratio)
        yield "simulated", simulate_beads(study, study.plates[0], threads=2), name, ratio


def real(folder: Path) -> Iterator[tuple[str, BeadPlate, str, float]]:
    """Real plates likewise."""
    for place in sorted(folder.iterdir()):
        packed = place / "beads.npz"
        beads = read_packed(packed) if packed.is_file() else read_plate(place / "lxb", threads=2)
        batch = find_bead_batch(str(parse_det_plate(beads.det_plate).bead_batch))
        assert batch is not None
        yield beads.det_plate, beads, batch.key, batch.ratio


def judged(beads: BeadPlate, name: str, ratio: float) -> tuple[bool, dict[str, float]]:
    """Whether something is suspected, and the values of the metrics."""
    result = deconvolve(
        beads, read_bead_set(name), ratio=ratio, params=DeconvolveParams(method="mixture"), threads=2
    ).qc  # fmt: skip
    values = result[result["metric"].isin(METRICS)].set_index("metric")["value"].astype(float)
    return bool((result["metric"] == "beads_suspected").any()), values.to_dict()


def main() -> None:
    """Print one line for each kind of plate and claim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plates", nargs="?", type=Path)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--wells", type=int, default=48)
    parser.add_argument("--beads", type=float, default=48.0)
    arguments = parser.parse_args()
    plates = itertools.chain(
        simulated(arguments.seeds, arguments.wells, arguments.beads), real(arguments.plates) if arguments.plates else ()
    )
    found: dict[tuple[str, str], list[tuple[bool, dict[str, float]]]] = defaultdict(list)
    for kind, beads, name, ratio in plates:
        for claimed in RATIOS:
            key = f"ratio {ratio:g}", f"ratio {claimed:g}"
            found[kind, "as they are" if claimed == ratio else " as ".join(key)].append(judged(beads, name, claimed))
        other = next(item for item in SETS if item.split("-")[0] != name.split("-")[0])
        found[kind, f"{name.split('-')[0]} as {other.split('-')[0]}"].append(judged(beads, other, ratio))
    print("| plates | deconvolved | noticed | " + " | ".join(METRICS) + " |\n" + "|---" * (len(METRICS) + 3) + "|")
    for (kind, claim), results in found.items():
        table = pd.DataFrame([values for _, values in results])
        noticed = np.sum([said for said, _ in results])
        cells = [f"{table[metric].min():.2f} to {table[metric].max():.2f}" for metric in METRICS]
        print(f"| {kind} | {claim} | {noticed} of {len(results)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
