"""`beadwork introspect --merge` of shares whose scores are made up: CPU seconds, peak memory, and whether it is right.

    python benchmarks/speed/introspect_merge.py INDEX DIR SHARES

Asking all signatures of a large index takes core-hours; joining what they leave does not depend on where scores come
from.  Each share has the files of a real one, as large as they are.  Similarities are sums of two random products, and
so can be had again for the columns that are compared at the end.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.commands import measured

from beadwork.api.index.introspect import Introspection
from beadwork.api.index.introspect_shares import Share, share_folder, write_facts
from beadwork.api.index.opened import ConnectivityIndex
from beadwork.kernels.connectivity.recall import N_BINS, percentiles_by_histogram
from beadwork.kernels.connectivity.recall_numba import add_to_histograms
from beadwork.model.params import QueryParams

TOP = 20
ROWS = 256
SAMPLE = 20
"""Perturbagens whose recall is compared."""


class Made:
    """Similarities of all pairs, and ranks among the asked, made up."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(3)
        self.asking, self.asked = (rng.normal(size=(2, count)).astype(np.float32) for _ in range(2))
        self.rank = rng.uniform(0, 100, count)

    def rows(self, first: int, last: int) -> np.ndarray:
        """Similarities of some asking signatures to all, none to themselves."""
        found = self.asking[0, first:last, None] * self.asked[0] + self.asking[1, first:last, None] * self.asked[1]
        found[np.arange(last - first), np.arange(first, last)] = np.nan
        return found

    def column(self, place: int) -> np.ndarray:
        """Similarities of all asking signatures to one."""
        found = self.asking[0] * self.asked[0, place] + self.asking[1] * self.asked[1, place]
        found[place] = np.nan
        return found


def write_share(asked: Introspection, made: Made, paired: np.ndarray, share: Share) -> None:
    """Write what a share leaves."""
    share.folder.mkdir(parents=True)
    values, ranks = [], []
    histograms = np.zeros((len(paired), N_BINS), np.uint32)
    info = asked.info[["sig_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime"]].astype(str)
    names, perts = info["sig_id"].tolist(), info["pert_iname"].tolist()
    lines = ("\t" + info.agg("\t".join, axis=1) + "\t0.123456" * 4 + "\n").tolist()
    with open(share.file("connections"), "w") as stream:
        stream.write(
            "\t".join(["query", "query_pert_iname", "rank", *info.columns, "wtcs", "ncs", "tau", "fdr"]) + "\n"
        )
        for first in range(share.first, share.last, ROWS):
            ncs = made.rows(first, min(first + ROWS, share.last))
            add_to_histograms(histograms, ncs, paired)
            for row, place in enumerate(range(first, first + len(ncs))):
                head = f"{names[place]}\t{perts[place]}\t"
                stream.writelines(f"{head}{at + 1}{lines[(place + at + 1) % len(lines)]}" for at in range(TOP))
                if asked.code[place] >= 0:
                    mates = asked.partners[asked.code[place]]
                    mates = mates[mates != place]
                    values.append(ncs[row, mates])
                    ranks.append(made.rank[mates])
    np.savez_compressed(
        share.file("pairs"), values=np.concatenate(values), ranks=np.concatenate(ranks),
        histograms=histograms.astype(np.min_scalar_type(histograms.max())),
    )  # fmt: skip


def main(index: Path, folder: Path, of: int) -> None:
    """Make the shares, join them, and compare the recall of some perturbagens with a plain calculation."""
    asked = Introspection(ConnectivityIndex.open(index), QueryParams(), (), TOP, matrices=False)
    count = len(asked.positions)
    made = Made(count)
    paired = np.flatnonzero(asked.code >= 0)
    for number in range(1, of + 1):
        share = Share(share_folder(folder, number, of), *(count * place // of for place in (number - 1, number)))
        if not share.folder.exists():
            write_share(asked, made, paired, share)
            write_facts(share.folder, asked.facts(), number, of, share.first, share.last)
    measured("introspect", index, "-o", folder, "--merge")
    rows = sum(1 for _ in open(folder / "connections.tsv")) - 1
    recall = pd.read_csv(folder / "recall.tsv", sep="\t", float_precision="round_trip").set_index("pert_iname")
    for at in np.linspace(0, len(asked.partners) - 1, SAMPLE).astype(int).tolist():
        mates = asked.partners[at]
        if len(mates) < 2:
            continue
        ranks, values = [], []
        for place in mates.tolist():
            column = made.column(place)
            histogram = np.zeros((1, N_BINS), np.uint32)
            add_to_histograms(histogram, column[:, None], np.zeros(1, np.int64))
            chosen = column[mates[mates != place]]
            values.append(chosen)
            ranks.append((made.rank[place] + percentiles_by_histogram(histogram[0], chosen)) / 2)
        name = asked.plan.perts["pert_iname"][at].as_py()
        expected = float(np.median(np.concatenate(ranks))), float(np.median(np.concatenate(values)))
        if not np.allclose(recall.loc[name, ["rank", "similarity"]].to_numpy(float), expected, rtol=1e-6):
            sys.exit(f"{name}: OTHER NUMBERS: {recall.loc[name].to_dict()}, not {expected}")
    print(f"{rows:,} rows of connections, {len(recall):,} perturbagens; recall of {SAMPLE} is as calculated plainly")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
