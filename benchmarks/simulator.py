"""Hold simulated beads against real ones, by the same crude measures on both; prints the table of docs/simulator.md.

python benchmarks/simulator.py SHARED_DATA_FOLDER
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.platform import find_bead_batch, read_bead_set, read_liss_reference
from beadwork.model.beads import BeadPlate, group_beads
from beadwork.model.params import SimulateParams
from beadwork.simulate import plan_study, simulate_beads

REAL = "LJP009AH_A375_24H_X1_B20"
EVERY = 4
"""Of so many wells one is looked at closely."""


def read_packed(path: Path) -> BeadPlate:
    """Half a real plate, packed by well and analyte."""
    packed = np.load(path)
    counts = packed["count"].astype(np.int64)
    analyte = np.tile(np.arange(1, 501), len(counts)).repeat(counts.ravel())
    bounds = np.concatenate([[0], np.cumsum(counts.sum(1))])
    wells = [group_beads(analyte[start:stop], packed["rp1"][start:stop]) for start, stop in itertools.pairwise(bounds)]
    return BeadPlate.from_wells(path.parent.name, packed["well"].tolist(), wells)


def split_two(beads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split sorted values in two groups of least variance."""
    total, size = np.cumsum(beads), np.arange(1, len(beads))
    low, high = total[:-1] / size, (total[-1] - total[:-1]) / (len(beads) - size)
    cut = int(np.argmax(size * (len(beads) - size) * (high - low) ** 2)) + 1
    return beads[:cut], beads[cut:]


def robust_sd(values: np.ndarray) -> float:
    """1.4826 * MAD."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def measure(plate: BeadPlate) -> dict[str, str]:
    """All measures of one plate, by name."""
    counts = plate.counts.astype(float)
    duo, per_well = counts[:, 11:-2], counts[:, 10:].mean(1, keepdims=True)
    factor = (duo / per_well).mean(0)
    expected = per_well * factor
    peaks, residuals, calibrators, medians = [], [], [], []
    for w in range(0, plate.n_wells, EVERY):
        analyte, reporter = plate.well_beads(w)
        values = np.log2(np.maximum(reporter, 0.5))
        groups = np.split(values, np.cumsum(plate.counts[w])[:-1])
        calibrators.append([(np.median(group), robust_sd(group)) for group in groups[:10]])
        medians.append(np.median(np.concatenate(groups[10:])))
        for number, group in enumerate(groups[11:498]):
            good = np.sort(group[(group > 4) & (group < 15)])
            if len(good) < 40:
                continue
            parts = split_two(good)
            if min(map(len, parts)) < 12 or np.median(parts[1]) - np.median(parts[0]) < 2.2:
                continue
            for mine in parts:
                middle, width = np.median(mine), robust_sd(mine)
                peaks.append((middle, width, len(mine) / len(good), number))
                residuals.append(np.abs((group - middle) / width)[np.abs(group - middle) < 6 * width])
    table = pd.DataFrame(peaks, columns=["level", "sd", "share", "analyte"])
    table["hi"] = table["share"] > 0.5
    hi = table[table["hi"]]
    rows = {
        "beads per analyte, 5/50/95 % of wells": _list(np.percentile(per_well, [5, 50, 95]), 0),
        "count_cv, 5/50/95 % of wells": _list(
            np.percentile(100 * counts[:, 10:].std(1, ddof=1) / per_well[:, 0], [5, 50, 95]), 1
        ),
        "count of an analyte about its expectation, sd / Poisson": _list(
            [np.sqrt(np.mean((duo / expected - 1) ** 2) / np.mean(1 / expected))], 2
        ),
        "beads of a calibrator / of an analyte": _list([(counts[:, :10] / per_well).mean()], 2),
        "beads with intensity 0, %": _list([100 * np.mean(plate.reporter == 0)], 2),
        "share of the hi gene, mean": _list([hi["share"].mean()], 3),
        "share of the hi gene, sd": _list([hi["share"].std()], 3),
    }
    for low in range(7, 13):
        part = table[table["level"].between(low - 0.5, low + 0.5)]
        rows[f"robust sd at log2 FI {low}, hi / lo"] = _list(
            [part.loc[part["hi"] == half, "sd"].median() for half in (True, False)], 3
        )
    beads = np.concatenate(residuals)
    rows["residuals / robust sd, 50/68/90/95 %"] = _list(np.percentile(beads, [50, 68, 90, 95]), 2)
    widths = table["sd"] / table.groupby([table["level"].round(), "hi"])["sd"].transform("median")
    rows["width of a gene / of its level, 5/95 %"] = _list(
        np.percentile(widths.groupby([table["analyte"], table["hi"]]).median(), [5, 95]), 2
    )
    cal = np.array(calibrators)
    rows["calibrators, log2 FI"] = _list(np.median(cal[:, :, 0], 0), 1)
    rows["calibrators, sd within a well"] = _list(np.median(cal[:, :, 1], 0), 1)
    rows["median log2 FI of a well, mean and sd"] = _list([np.mean(medians[1:]), np.std(medians[1:])], 2)
    return rows


def _list(numbers, digits: int) -> str:
    return " / ".join(f"{number:.{digits}f}" for number in numbers)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the shared data")
    real = read_packed(parser.parse_args().data / "plates" / REAL / "beads.npz")
    batch = find_bead_batch("B20")
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].to_numpy()
    params = SimulateParams(wells=192, beads_mean=97, cells=("A375",))
    study = plan_study(read_bead_set(batch.key), batch.ratio, levels, params)
    simulated = simulate_beads(study, study.plates[0], threads=2)
    columns = [measure(real), measure(simulated)]
    print(f"| measure | {REAL} | simulated |\n|---|---|---|")
    for name, value in columns[0].items():
        print(f"| {name} | {value} | {columns[1][name]} |")


if __name__ == "__main__":
    main()
