"""All signatures of a made index against all, whole or in shares: CPU seconds and peak memory of each command.

    python benchmarks/speed/introspect_size.py DIR SIGNATURES                 whole
    python benchmarks/speed/introspect_size.py DIR SIGNATURES --shares 20     in shares, joined, compared with the whole
    python benchmarks/speed/introspect_size.py DIR SIGNATURES --shares 20 --only 7      one of the shares
    python benchmarks/speed/introspect_size.py DIR SIGNATURES --shares 20 --sample 50 --genes 24 --lean
        all shares, joined; 50 signatures are compared with what the index answers when it is asked directly

DIR/made_SIGNATURES_GENES and DIR/index_SIGNATURES_GENES are made when needed (``index_size.py``).  Few genes make each
pair cheap, and so does ``--lean``, neither tau nor FDR: what shares leave and what is joined is as large as ever.  What
was answered stays in DIR, and shares that are there are not made again.
"""

from __future__ import annotations

import argparse
import filecmp
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.commands import measured
from speed.index_size import main as make_files

from beadwork.api.index.introspect import own_queries
from beadwork.api.index.opened import ConnectivityIndex

TOP = 20
LEAN = 1_000_000_000
"""Null scores that FDR asks for with ``--lean``: more than there are."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("signatures", type=int)
    parser.add_argument("--shares", type=int)
    parser.add_argument("--only", type=int, help="this share alone")
    parser.add_argument("--sample", type=int, help="of so many signatures the answer is compared, not with a whole one")
    parser.add_argument("--genes", type=int, default=978)
    parser.add_argument("--lean", action="store_true", help="neither tau nor FDR")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    name = f"{args.signatures}_{args.genes}"
    made, index, whole, joined = (args.folder / f"{kind}_{name}" for kind in ("made", "index", "whole", "joined"))
    if not (index / "manifest.json").exists():
        make_files(made, args.signatures, n_genes=args.genes)
        background = ("--background", 0) if args.lean else ()
        measured("index", "build", index, made / "modz.gctx", "--siginfo", made / "siginfo.tsv", *background)
    words = ("introspect", index, "--threads", args.threads, *(("--min-null", LEAN) if args.lean else ()), "-o")
    if args.only:
        measured(*words, joined, "--share", f"{args.only}/{args.shares}")
        return
    if not args.sample and not (whole / "recall.tsv").exists():
        measured(*words, whole)
    if not args.shares:
        return
    for number in range(1, args.shares + 1):
        if not (joined / "shares" / f"{number}_of_{args.shares}").exists():
            measured(*words, joined, "--share", f"{number}/{args.shares}")
    measured(*words, joined, "--merge")
    if args.sample:
        print(f"{compare(index, joined, args.sample)} signatures: the same as asked directly")
        return
    names = sorted(path.name for path in whole.iterdir())
    _, differ, lost = filecmp.cmpfiles(whole, joined, names, shallow=False)
    same = not (differ or lost) and names == sorted(path.name for path in joined.iterdir())
    print(f"{', '.join(names)}: {'the same bytes' if same else 'OTHER BYTES'}")


def compare(path: Path, joined: Path, count: int) -> int:
    """Compare connections, and similarity of perturbagens, of signatures from all over; ends where one differs."""
    index = ConnectivityIndex.open(path)
    listed = pd.read_csv(joined / "connections.tsv", sep="\t", usecols=["query", "sig_id", "rank", "ncs"])
    recall = pd.read_csv(joined / "recall.tsv", sep="\t").set_index("pert_iname")
    if len(listed) != TOP * len(index):
        sys.exit(f"connections.tsv: {len(listed)} rows for {len(index)} signatures")
    info = index.siginfo
    chosen = np.linspace(0, len(index) - 1, count).astype(int)
    size = min(150, index.store.n_genes // 6)
    for place in chosen.tolist():
        kind = info["pert_iname"].iloc[place]
        mates = np.flatnonzero((info["pert_iname"] == kind) & (info["pert_type"] == "trt_cp"))
        asked = np.unique([place, *mates])
        ncs = index.answer(own_queries(index, asked, size), p_control=False).values("ncs").astype(np.float32)
        ncs[np.arange(len(asked)), asked] = np.nan
        own = ncs[np.flatnonzero(asked == place)[0]]
        order = np.argsort(-own, kind="stable")[:TOP]
        rows = listed.iloc[TOP * place : TOP * (place + 1)]
        same = rows["sig_id"].tolist() == info["sig_id"].iloc[order].tolist()
        same &= bool(np.allclose(rows["ncs"], own[order], atol=1e-6)) and set(rows["query"]) == {
            info["sig_id"].iloc[place]
        }
        if len(mates) > 1:
            pairs = ncs[np.ix_(np.isin(asked, mates), mates)]
            same &= bool(np.isclose(recall.loc[kind, "similarity"], np.nanmedian(pairs), atol=1e-6))
        if not same:
            sys.exit(f"{info['sig_id'].iloc[place]}: OTHER ANSWERS than asked directly")
    return count


if __name__ == "__main__":
    main()
