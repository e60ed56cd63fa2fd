"""MODZ, its siginfo and is_gold against official signatures; time of a brew."""

import time
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
from beadwork.model.ids import WELLS_384
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import ConsensusParams
from beadwork.model.spaces import space_genes
from beadwork.stages.levels.consensus import consensus, is_gold


def section(shared: Path) -> str:
    genes = gene_table()
    landmarks = space_genes(genes, Space.LM)
    folder = shared / "golden" / "modz"
    z = with_entrez_ids(read_matrix(folder / "distil_gct_n6x978.gctx.gz"))
    official = with_entrez_ids(read_matrix(folder / "modzs_gct_n3x978.gctx.gz"))
    params = ConsensusParams(group_by=("cell_id", "pert_time", "pert_id"))
    result = consensus(z, landmarks=landmarks, params=params)
    ours = result.matrix.take_cols(official.cids).take_rows(official.rids).values
    error = np.abs(ours - official.values).max(axis=0)
    info = result.siginfo.set_index("sig_id")
    out = [
        "## Consensus signatures (MODZ)",
        "",
        "Golden set `golden/modz` (cmapM): 978 x 6 replicates to 3 signatures. Ours / official.",
        "",
        "| signature | largest error | weights | cc_q75 | ss_ngene | distil_ss | tas |",
        "|---|---|---|---|---|---|---|",
    ]
    for position, cid in enumerate(official.cids):
        mine, theirs = info.loc[cid], official.cols.loc[cid]
        out.append(
            f"| {cid} | {error[position]:.1e} | {mine['distil_wt']} / {theirs['distil_wt']} | "
            f"{mine['distil_cc_q75']:.4f} / {theirs['distil_cc_q75']} | "
            f"{mine['ss_ngene']} / {theirs['distil_ss_ngene']:.0f} | "
            f"{mine['distil_ss']:.4f} / {theirs['distil_ss']:.4f} | {mine['tas']:.4f} / {theirs['distil_tas']:.4f} |"
        )
    cols = read_matrix(shared / "signatures" / "modzs_n272x978.gctx.gz").cols
    gold = is_gold(cols["distil_cc_q75"], cols["pct_self_rank_q25"]).eq(1)
    stored = cols["is_gold"] == 1
    seconds = time_brew(genes, landmarks)
    out += [
        "",
        "The official tas of the three-replicate signature (0.2092) does not follow from its own cc_q75 and ss_ngene; "
        "the definition gives 0.3234.",
        "",
        f"is_gold on the {len(cols)} signatures of `signatures/modzs_n272x978`: {(gold == stored).sum()} agree; "
        f"{(gold & stored).sum()} of the {stored.sum()} gold ones are found.",
        "",
        f"Time: three plates of 384 wells x 12,328 genes, in memory, one run: {seconds:.2f} s.",
    ]
    return "\n".join(out)


def time_brew(genes: pd.DataFrame, landmarks: pd.Index) -> float:
    """Seconds for the consensus of three made plates in AIG space."""
    rng = np.random.default_rng(0)
    plates = []
    for replicate in (1, 2, 3):
        name = f"TIME001_A375_24H_X{replicate}_B20"
        cols = pd.DataFrame(
            {
                "det_plate": name,
                "rna_well": WELLS_384,
                "pert_id": ["DMSO"] * 24 + [f"BRD-{k}" for k in range(360)],
                "pert_type": ["ctl_vehicle"] * 24 + ["trt_cp"] * 360,
                "pert_dose": [np.nan] * 24 + [10.0] * 360,
            },
            index=[f"{name}:{well}" for well in WELLS_384],
        )
        values = rng.standard_normal((len(genes), 384), dtype=np.float32)
        plates.append(Matrix(values, genes[["pr_gene_symbol", "pr_is_lm"]], cols, level=Level.ZSPC, space=Space.AIG))
    start = time.perf_counter()
    consensus(plates, landmarks=landmarks)
    return time.perf_counter() - start
