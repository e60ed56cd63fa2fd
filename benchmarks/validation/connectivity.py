"""Connectivity: golden contest and HDAC scores, a public query result, recall on public signatures and real plates."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.api import ConnectivityIndex
from beadwork.api.index.introspect import introspect, recall_table
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.kernels.connectivity.ncs import scale_scores
from beadwork.kernels.connectivity.wtcs.score import combine_scores, enrichment_score
from beadwork.model.connectivity.query import Query
from beadwork.model.matrix import Level, Matrix


def section(shared: Path) -> str:
    """Run all checks; Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [contest(shared, Path(folder)), hdac(shared), frasor(shared), recall_272(shared, Path(folder)),
                 ljp009(shared, Path(folder)), cpc006(shared, Path(folder))]  # fmt: skip
    return "\n\n".join(["## Connectivity", *parts])


def contest(shared: Path, folder: Path) -> str:
    data = shared / "golden" / "query_contest"
    index = ConnectivityIndex.build(folder / "contest", data / "contest_modzs_ezid_n10x10174.gctx.gz")
    rank = read_matrix(data / "contest_rank_ezid_n10x10174.gctx.gz").values
    result = index.query_many(data / "contest_query_ezid_up_n10.gmt", data / "contest_query_ezid_down_n10.gmt")
    found = result.matrix("wtcs").to_frame()
    expected = read_matrix(data / "contest_results_n10x10.gctx").to_frame().loc[found.index, found.columns]
    same = bool((np.concatenate([block.rank for block in index.store.blocks], axis=1) == rank).all())
    return (
        "**Contest** (10 signatures x 10,174 genes, 10 up/down queries; official tolerance 1e-4, aim 1e-6). Largest "
        f"difference of WTCS {np.abs(found - expected).to_numpy().max():.1e}; rank matrix equal to the official one: "
        f"{'yes, all 101,740 ranks' if same else 'NO'}."
    )


def hdac(shared: Path) -> str:
    data = shared / "golden" / "query_hdac"
    rank, z = (
        read_matrix(data / f"trichostatina_mcf7_10um_{name}.gct.gz").to_frame().iloc[:, 0]
        for name in ("rank_full", "score")
    )
    lines = ["**HDAC** (trichostatin A, 22,268 probes, given ranks; official unit test, tolerance 1e-4).", "",
             "| score | combined | up | down | expected |", "|---|---|---|---|---|"]  # fmt: skip
    for weighted, expected in ((True, "0.7733, 0.7449, -0.8016"), (False, "0.5551, 0.5516, -0.5585")):
        scores = []
        for side in ("UP", "DN"):
            genes = [gene for gene in (data / f"HDAC_{side}.grp").read_text().split() if gene in rank.index]
            scores.append(enrichment_score(rank[genes].to_numpy(), z[genes].to_numpy(), len(rank), weighted=weighted))
        both = float(combine_scores(*scores))
        name = "weighted" if weighted else "unweighted"
        lines.append(f"| {name} | {both:.4f} | {scores[0]:.4f} | {scores[1]:.4f} | {expected} |")
    return "\n".join(lines)


def frasor(shared: Path) -> str:
    result = read_matrix(shared / "signatures" / "ncs_mcf7_frasor_er_n1x38773.gctx.gz")
    raw, ncs = result.rows["raw_cs"].to_numpy(), result.values[:, 0]
    found = scale_scores(raw, np.full(len(raw), 0.2949), np.full(len(raw), 0.3072), 0.01)
    percentile = pd.Series(ncs, index=result.rows["moa"].astype(str)).rank(pct=True)
    medians = [
        percentile[percentile.index.str.contains(f"strogen receptor {kind}", regex=False)].median()
        for kind in ("agonist", "antagonist")
    ]
    return (
        "**A public query result** (FRASOR_ER against 38,773 signatures; scores only). NCS from the raw scores with "
        f"the two means that were published: largest difference {np.nanmax(np.abs(found - ncs)):.1e} (raw scores have "
        f"four decimals). Median percentile of ER agonists {medians[0]:.3f} (0.895 expected), of antagonists "
        f"{medians[1]:.3f} (0.007 expected)."
    )


def recall_272(shared: Path, folder: Path) -> str:
    index = ConnectivityIndex.build(folder / "m272", shared / "signatures" / "modzs_n272x978.gctx.gz")
    rows = []
    for name, gold in (("all 272", ()), ("is_gold 1", ("is_gold=1",))):
        for size in (50, 150):
            introspect(index, folder / "intro", params=_params(size), filters=gold)
            table = pd.read_csv(folder / "intro" / "recall.tsv", sep="\t")
            for row in table.itertuples():
                rows.append(
                    f"| {name} | {size} | {row.pert_iname} | {row.n_signatures} | {row.n_cells} | {row.rank:.1f} |"
                )
    z = np.concatenate([block.z for block in index.store.blocks], axis=1)
    pearson = np.corrcoef(z.T.astype(np.float64))
    np.fill_diagonal(pearson, np.nan)
    for row in recall_table(pearson, index.siginfo).itertuples():
        rows.append(f"| all 272 | Pearson | {row.pert_iname} | {row.n_signatures} | {row.n_cells} | {row.rank:.1f} |")
    head = "| set | genes per side | drug | signatures | cells | median rank of pairs of the same drug |"
    head += "\n|---|---|---|---|---|---|"
    return (
        "**Recall on 272 public signatures** (3 drugs in 65 cell contexts, LM; rank 0 is best, 50 is chance; "
        "pairs mostly cross cells, doses and batches).\n\n" + head + "\n" + "\n".join(rows)
    )


def _params(size: int):
    from beadwork.model.params import QueryParams

    return QueryParams(set_size=size)


CONNECTS, UNCLEAR = 10.0, 35.0
"""Median ranks up to which a group is said to connect, and from which on it is said not to."""
LJP = "LJP009AH_A375_24H_X1_B20"
MIN_DOSE = 1.0


def robust_z(values: np.ndarray) -> np.ndarray:
    """Robust z-scores against all columns."""
    middle = np.median(values, axis=1, keepdims=True)
    mad = np.maximum(np.median(np.abs(values - middle), axis=1, keepdims=True), 0.1)
    return (values - middle) / (1.4826 * mad)


def rank_groups(index: ConnectivityIndex, treated: np.ndarray, groups: dict[str, np.ndarray]) -> pd.DataFrame:
    """Rank the other members of a group when each asks with its 50 genes per side.

    Returns one row a group: wells, and the median percentage of wells outside the group that score higher than another
    member (0 is best, 50 is chance); in ``attrs`` the share of random groups of three that seem to connect.
    """
    scores = _self_scores(index, np.flatnonzero(treated))
    place = np.cumsum(treated) - 1

    def rank(members: np.ndarray) -> float:
        others = treated.copy()
        others[members] = False
        ranks = [
            (scores[place[one], others] > scores[place[one], other]).mean()
            for one in members
            for other in members
            if other != one
        ]
        return 100 * float(np.median(ranks))

    rows = [{"group": name, "wells": len(members), "rank": rank(members)} for name, members in groups.items()]
    table = pd.DataFrame(rows).sort_values(["rank", "group"], ignore_index=True)
    rng = np.random.default_rng(0)
    drawn = [rank(rng.choice(np.flatnonzero(treated), 3, replace=False)) for _ in range(1000)]
    table.attrs["chance"] = float(np.mean(np.array(drawn) <= CONNECTS))
    return table


def describe_groups(table: pd.DataFrame, what: str) -> str:
    """Markdown: groups that connect, those that do not, and how many lie between."""
    connects = table[table["rank"] <= CONNECTS]
    fails = table[table["rank"] >= UNCLEAR]
    between = table[~table.index.isin([*connects.index, *fails.index])]
    lines = [f"| {what} | wells | median rank | |", "|---|---|---|---|"]
    for part, word in ((connects, "connects"), (between, "unclear")):
        lines += [f"| {row.group} | {row.wells} | {row.rank:.1f} | {word} |" for row in part.itertuples()]
    names = ", ".join(f"{row.group} ({row.rank:.0f})" for row in fails.itertuples())
    return "\n".join(lines) + (
        f"\n\nOf {len(table)}, {len(connects)} connect (rank up to {CONNECTS:g}), {len(between)} are unclear, "
        f"{len(fails)} do not (rank {UNCLEAR:g} and more): {names or 'none'}. Of random groups of three wells "
        f"{100 * table.attrs['chance']:.1f} % have a rank up to {CONNECTS:g}."
    )


def ljp009(shared: Path, folder: Path) -> str:
    """Half a plate from beads to an index of single wells, and whether a compound finds itself."""
    lxb, plate_map = folder / "lxb", shared / f"plates/{LJP}/{LJP}.map"
    tool = shared.parent / "tools" / "unpack_plate.py"
    subprocess.run([sys.executable, tool, shared / f"plates/{LJP}/beads.npz", lxb, LJP], check=True)
    file = {level: folder / f"{LJP}_{level}.gctx" for level in ("GEX", "CAL", "QNORM", "INF", "ZSPC")}
    for words in (
        ["deconvolve", lxb, "--map", plate_map, "--plate", LJP, "-o", file["GEX"], "--calibrators", file["CAL"]],
        ["normalize", file["GEX"], "--calibrators", file["CAL"], "-o", file["QNORM"]],
        ["infer", file["QNORM"], "-o", file["INF"]],
        ["zscore", file["INF"], "-o", file["ZSPC"]],
        ["index", "build", folder / "ljp009", file["ZSPC"], "--space", "LM"],
    ):
        command = [sys.executable, "-m", "beadwork", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    index = ConnectivityIndex.open(folder / "ljp009")
    info = index.siginfo
    dose = pd.to_numeric(info["pert_dose"], errors="coerce").to_numpy()
    treated = (info["pert_type"].astype(str).str.startswith("trt_").to_numpy()) & (dose >= MIN_DOSE)
    names = info["pert_iname"].astype(str)
    groups = {
        name: members
        for name in sorted(set(names[treated]))
        if len(members := np.flatnonzero((names == name).to_numpy() & treated)) >= 2
    }
    null = index.info()["null_signatures"]
    return (
        f"**{LJP}: what connects and what does not** (half a plate, 24 h, from LXB files with default parameters; "
        f"{len(index)} wells left, {treated.sum()} with a compound at {MIN_DOSE:g} um or more, {null} DMSO). The wells "
        "are single replicates, so this asks whether doses of one compound find each other: each well asks with its 50 "
        "genes per side; rank: median percentage of wells of other compounds that score higher than another well of "
        "the same (0 is best, 50 is chance).\n\n" + describe_groups(rank_groups(index, treated, groups), "compound")
    )


def cpc006(shared: Path, folder: Path) -> str:
    """Single replicates of one plate: what connects by mechanism."""
    level3 = read_matrix(shared / "signatures" / "CPC006_level3_n371x978.gctx.gz")
    cols = level3.cols.assign(cell_id=level3.cols["cell_id"], pert_iname=level3.cols["pert_desc"])
    matrix = Matrix(robust_z(level3.values.astype(np.float64)), level3.rows, cols, level=Level.ZSPC)
    write_matrix(matrix, folder / "cpc006.gctx")
    index = ConnectivityIndex.build(folder / "cpc006", folder / "cpc006.gctx")
    siginfo = index.siginfo
    lists = mechanisms(shared, siginfo)
    treated = (siginfo["pert_type"] == "trt_cp").to_numpy()
    groups = {}
    for label in sorted({part for parts in lists[treated] for part in parts if part}):
        members = np.flatnonzero(lists.map(lambda parts, label=label: label in parts) & treated)
        if len(members) >= 3 or (label == "HSP inhibitor" and len(members) > 1):
            groups[label] = members
    annotated = int(lists[treated].map(lambda parts: parts != [""]).sum())
    null = index.info()["null_signatures"]
    return (
        f"**CPC006_A375_6H_X1: what connects and what does not** (one plate, 6 h, single replicates; {treated.sum()} "
        f"compound wells, of which {annotated} have a mechanism in the Repurposing Hub, {null} DMSO wells). Each "
        "member of a class of three compounds or more (and HSP inhibitors) asks the plate with its 50 genes per side; "
        "rank as above, against wells outside the class. On one plate of single replicates few mechanisms can be "
        "expected to "
        "connect.\n\n" + describe_groups(rank_groups(index, treated, groups), "class")
    )


def mechanisms(shared: Path, siginfo: pd.DataFrame) -> pd.Series:
    """Mechanisms of each signature in the Repurposing Hub, by id, by name, or by the name LINCS has for the id."""
    hub = pd.read_csv(shared / "annotation" / "repurposing_simple.tsv.gz", sep="\t").dropna(subset=["moa"])
    lincs = pd.read_csv(shared / "annotation" / "GSE70138_Broad_LINCS_pert_info.txt.gz", sep="\t")
    by_id = dict(zip(hub["pert_id"].str[:13], hub["moa"], strict=True))
    by_name = dict(zip(hub["pert_iname"].str.lower(), hub["moa"], strict=True))
    names = dict(zip(lincs["pert_id"].str[:13], lincs["pert_iname"].str.lower(), strict=True))
    ids = siginfo["pert_id"].astype(str).str[:13]
    found = ids.map(by_id)
    for name in (siginfo["pert_iname"].astype(str).str.lower(), ids.map(names)):
        found = found.fillna(name.map(by_name))
    return found.fillna("").str.split("|")


def _self_scores(index: ConnectivityIndex, members: np.ndarray) -> np.ndarray:
    ids = index.store.gene_ids
    queries = []
    for z, place in zip(index.store.read_signatures(members), members, strict=True):
        order = np.argsort(-z, kind="stable")
        queries.append(Query(str(place), tuple(ids[i] for i in order[:50]), tuple(ids[i] for i in order[-50:])))
    return index.query_many(queries).values("ncs")
