"""Real plates end to end: TEST against official z-scores, LJP009AH by same-compound correlation."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_table import with_entrez_ids
from beadwork.model.matrix import Matrix

TEST = "TEST_A375_24H_X1_B20"
LJP = "LJP009AH_A375_24H_X1_B20"
REP = "REP.A028_MCF7_24H_X1_B25"
METHODS = ("kmeans", "kspeak", "mixture")
MIN_DOSE = 1.0


def beadwork(*words: object) -> None:
    """Run a beadwork command; its own messages are shown only if it fails."""
    command = [sys.executable, "-m", "beadwork", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def run_path(lxb: Path, plate_map: Path, plate: str, folder: Path, method: str, smoother: str = "cmap") -> Matrix:
    """LXB to ZSPC in AIG space; returns the landmarks of ZSPC."""
    folder.mkdir(parents=True)
    file = {level: folder / f"{plate}_{level}.gctx" for level in ("GEX", "CAL", "QNORM", "INF", "ZSPC")}
    beadwork("deconvolve", lxb, "--map", plate_map, "--plate", plate, "--method", method, "-o", file["GEX"],
             "--calibrators", file["CAL"])  # fmt: skip
    beadwork("normalize", file["GEX"], "--calibrators", file["CAL"], "-o", file["QNORM"], "--smoother", smoother)
    beadwork("infer", file["QNORM"], "-o", file["INF"])
    beadwork("zscore", file["INF"], "-o", file["ZSPC"])
    z = read_matrix(file["ZSPC"])
    return z.take_rows(z.rids[z.rows["pr_is_lm"] == 1])


def same_compound(z: Matrix, min_dose: float = MIN_DOSE) -> dict[str, float]:
    """Spearman between wells of one compound and of different ones, treated wells at `min_dose` um and above."""
    dose = pd.to_numeric(z.cols["pert_dose"], errors="coerce")
    chosen = (z.cols["pert_type"].str.startswith("trt_") & (dose >= min_dose)).to_numpy()
    ranks = np.apply_along_axis(rankdata, 0, z.values[:, chosen].astype(np.float64))
    correlation = np.corrcoef(ranks.T)
    name = z.cols["pert_id"].to_numpy()[chosen]
    first, second = np.triu_indices(len(name), 1)
    same = name[first] == name[second]
    pairs = correlation[first, second]
    ranked = rankdata(pairs)
    n_same, n_other = same.sum(), (~same).sum()
    return {
        "wells": int(chosen.sum()),
        "pairs": int(n_same),
        "same": float(np.median(pairs[same])) if n_same else np.nan,
        "different": float(np.median(pairs[~same])),
        "auc": float((ranked[same].sum() - n_same * (n_same + 1) / 2) / (n_same * n_other)) if n_same else np.nan,
    }


def official_z(shared: Path) -> Matrix:
    """Official ZSPC of TEST with Entrez ids as row ids."""
    return with_entrez_ids(read_matrix(shared / f"plates/{TEST}/official/{TEST}_ZSPCQNORM_n23x978.gct.gz"))


def unpack(shared: Path, folder: Path) -> Path:
    """Write the packed plate out as LXB files."""
    tool = shared.parent / "tools" / "unpack_plate.py"
    packed = shared / f"plates/{LJP}/beads.npz"
    subprocess.run([sys.executable, tool, packed, folder, LJP], check=True)
    return folder


def section(shared: Path) -> str:
    """Markdown: correlation with official z-scores, same-compound correlation."""
    from beadwork.stages.beads.callers import METHODS as KNOWN

    methods = [method for method in METHODS if method in KNOWN]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lxb = {
            TEST: shared / f"plates/{TEST}/lxb",
            LJP: unpack(shared, folder / "lxb"),
            REP: shared / f"plates/{REP}/lxb",
        }
        maps = {plate: shared / f"plates/{plate}/{plate}.map" for plate in lxb}
        theirs = official_z(shared)
        agreement, connection = [], []
        for method in methods:
            ours = run_path(lxb[TEST], maps[TEST], TEST, folder / f"test-{method}", method)
            common = theirs.cids.intersection(ours.cids, sort=False)
            a = ours.take_rows(theirs.rids).take_cols(common).values
            b = theirs.take_cols(common).values
            wells = [np.corrcoef(a[:, well], b[:, well])[0, 1] for well in range(len(common))]
            agreement.append(
                f"| {method} | {len(ours.cids)} / {len(common)} | {np.median(wells):.3f} | {min(wells):.3f} "
                f"| {max(wells):.3f} | {np.corrcoef(a.ravel(), b.ravel())[0, 1]:.3f} |"
            )
            for plate in (LJP, REP):
                ours = run_path(lxb[plate], maps[plate], plate, folder / f"{plate}-{method}", method)
                found = same_compound(ours)
                connection.append(
                    f"| {plate} | {method} | {len(ours.cids)} | {found['wells']} | {found['pairs']} "
                    f"| {found['same']:.3f} | {found['different']:.3f} | {found['auc']:.3f} |"
                )
    return f"""## Real plates, end to end

From LXB files through `beadwork deconvolve | normalize | infer | zscore` with default parameters but the method named.

**{TEST}** (26 wells, l1ktools): Pearson correlation of our ZSPC with the official ZSPC over the 978 landmarks, by well.
Official values are those of k-means, so this says how close `kmeans` comes to them, and how far the other methods
depart; which of them are better is said by the next table and by [deconvolution](deconvolution.md). The official
run started its k-means at random, so agreement is bounded by level 2, not by what follows it. With 23
wells a plate the MAD of a gene is itself uncertain, which amplifies small differences of level 2.

| method | wells left, ours / common | median | lowest | highest | all values |
|---|---|---|---|---|---|
{chr(10).join(agreement)}

**{LJP}** (192 wells of a real plate) and **{REP}** (24 wells, 4 compounds): Spearman correlation over
the landmarks of ZSPC between treated wells at {MIN_DOSE:g} um and above: median of pairs of one compound and of pairs
of different compounds, and the probability (AUC) that a same-compound pair is the higher one. The published path gave
0.32, 0.01 and 0.735 on the whole LJP009 plate. This is reproducibility, not pharmacology: the doses of a compound are
adjacent wells there, which share noise ([noise](noise.md) has the tests that separate both).

| plate | method | wells left | wells compared | same-compound pairs | same | different | AUC |
|---|---|---|---|---|---|---|---|
{chr(10).join(connection)}
"""


if __name__ == "__main__":
    print(section(Path(sys.argv[1])))
