"""All signatures of a made index against all, whole or in shares: CPU seconds and peak memory of each command.

    python benchmarks/speed/introspect_size.py DIR SIGNATURES                 whole
    python benchmarks/speed/introspect_size.py DIR SIGNATURES --shares 20     in shares, joined, compared with the whole
    python benchmarks/speed/introspect_size.py DIR SIGNATURES --shares 20 --only 7      one of the shares

DIR/made_SIGNATURES and DIR/index_SIGNATURES are made when needed (``index_size.py``); ``--genes`` takes fewer than the
978 landmarks.  What was answered stays in DIR.
"""

from __future__ import annotations

import argparse
import filecmp
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.commands import measured
from speed.index_size import main as make_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("signatures", type=int)
    parser.add_argument("--shares", type=int)
    parser.add_argument("--only", type=int, help="this share alone")
    parser.add_argument("--genes", type=int, default=978)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    made, index = (args.folder / f"{kind}_{args.signatures}" for kind in ("made", "index"))
    if not (index / "manifest.json").exists():
        make_files(made, args.signatures, n_genes=args.genes)
        measured("index", "build", index, made / "modz.gctx", "--siginfo", made / "siginfo.tsv")
    whole, joined = (args.folder / f"{kind}_{args.signatures}" for kind in ("whole", "joined"))
    words = ("introspect", index, "--threads", args.threads, "-o")
    if args.only:
        measured(*words, joined, "--share", f"{args.only}/{args.shares}")
        return
    if not (whole / "recall.tsv").exists():
        measured(*words, whole)
    if args.shares:
        for number in range(1, args.shares + 1):
            measured(*words, joined, "--share", f"{number}/{args.shares}")
        measured(*words, joined, "--merge")
        names = sorted(path.name for path in whole.iterdir())
        _, differ, lost = filecmp.cmpfiles(whole, joined, names, shallow=False)
        same = not (differ or lost) and names == sorted(path.name for path in joined.iterdir())
        print(f"{', '.join(names)}: {'the same bytes' if same else 'OTHER BYTES'}")


if __name__ == "__main__":
    main()
