"""`beadwork introspect --merge` of shares whose scores are made up: CPU seconds, peak memory, and whether it is right.

    python benchmarks/speed/introspect_merge.py INDEX DIR SHARES

Asking all signatures of a large index takes core-hours; joining what they leave does not depend on where scores come
from.  Each share has the files of a real one, with as many rows, pairs and histograms; the histogram of a signature is
one of a few shapes, so that the joined one can be calculated plainly for those that are compared at the end.
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
from beadwork.kernels.connectivity.recall.histograms import N_BINS, bins_of, percentiles_by_histogram
from beadwork.model.params import QueryParams

TOP = 20
SHAPES = 61
"""Shapes of histograms."""
SAMPLE = 50
"""Perturbagens whose recall is compared."""
FIELDS = ["sig_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime"]


class Made:
    """Similarities and ranks, made up: those of a signature to each of its partners, and the histograms of a share."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(3)
        self.similarity, self.rank = rng.normal(size=count).astype(np.float32), rng.uniform(0, 100, count)

    def histograms(self, columns: np.ndarray, share: Share, number: int) -> np.ndarray:
        """Histograms of some signatures: as many counts as signatures ask, around another middle each."""
        rng = np.random.default_rng(number)
        spread = bins_of(rng.normal(size=share.last - share.first))
        shape = np.bincount(spread, minlength=N_BINS)
        shapes = np.stack([np.roll(shape, place - SHAPES // 2) for place in range(SHAPES)])
        found: np.ndarray = shapes.astype(np.min_scalar_type(shape.max()))[(7 * columns + number) % SHAPES]
        return found


def write_share(asked: Introspection, made: Made, paired: np.ndarray, share: Share, number: int) -> None:
    """Write what a share leaves."""
    share.folder.mkdir(parents=True)
    info = asked.info[FIELDS].astype(str)
    names, perts = info["sig_id"].tolist(), info["pert_iname"].tolist()
    rest = ("\t" + info.agg("\t".join, axis=1) + "\t0.123456" * 4 + "\n").tolist()
    values, ranks = [], []
    with open(share.file("connections"), "w") as stream:
        stream.write("\t".join(["query", "query_pert_iname", "rank", *FIELDS, "wtcs", "ncs", "tau", "fdr"]) + "\n")
        for place in range(share.first, share.last):
            stream.writelines(
                f"{names[place]}\t{perts[place]}\t{at}{rest[(place + at) % len(rest)]}" for at in range(1, TOP + 1)
            )
            if asked.code[place] >= 0:
                mates = asked.partners[asked.code[place]]
                mates = mates[mates != place]
                values.append(made.similarity[mates])
                ranks.append(made.rank[mates])
    np.savez_compressed(
        share.file("pairs"), values=np.concatenate(values), ranks=np.concatenate(ranks),
        histograms=made.histograms(paired, share, number),
    )  # fmt: skip


def main(index: Path, folder: Path, of: int) -> None:
    """Make the shares, join them, and compare the recall of some perturbagens with a plain calculation."""
    asked = Introspection(ConnectivityIndex.open(index), QueryParams(), (), TOP, matrices=False)
    count = len(asked.positions)
    made, paired = Made(count), np.flatnonzero(asked.code >= 0)
    shares = [
        Share(share_folder(folder, number, of), *(count * place // of for place in (number - 1, number)))
        for number in range(1, of + 1)
    ]
    for number, share in enumerate(shares, start=1):
        write_share(asked, made, paired, share, number)
        write_facts(share.folder, asked.facts(), number, of, share.first, share.last)
    measured("introspect", index, "-o", folder, "--merge")
    with open(folder / "connections.tsv") as stream:
        rows = sum(1 for _ in stream) - 1
    recall = pd.read_csv(folder / "recall.tsv", sep="\t", float_precision="round_trip").set_index("pert_iname")
    several = [number for number, mates in enumerate(asked.partners) if len(mates) > 1]
    for number in [several[at] for at in np.linspace(0, len(several) - 1, SAMPLE).astype(int)]:
        mates = asked.partners[number]
        histograms = np.zeros((len(mates), N_BINS), np.int64)
        for at, share in enumerate(shares, start=1):
            histograms += made.histograms(mates, share, at)
        ranks = [
            (made.rank[place] + percentiles_by_histogram(histogram, made.similarity[[place]])[0]) / 2
            for place, histogram in zip(mates, histograms, strict=True)
        ]
        expected = np.median(ranks), np.median(made.similarity[mates])  # each stands once for each of its partners
        name = asked.plan.perts["pert_iname"][number].as_py()
        if not np.allclose(recall.loc[name, ["rank", "similarity"]].to_numpy(float), expected, rtol=1e-6):
            sys.exit(f"{name}: OTHER NUMBERS: {recall.loc[name].to_dict()}, not {expected}")
    print(f"{rows:,} rows of connections, {len(recall):,} perturbagens; recall of {SAMPLE} is as calculated plainly")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
