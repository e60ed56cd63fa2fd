"""What shares of an introspection leave, and how they are joined."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from beadwork.io.connectivity.signature_fields import row_fields
from beadwork.io.files.atomic import atomic_path, write_text
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.gctx.writer import gctx_columns
from beadwork.kernels.connectivity.recall.histograms import percentiles_by_histogram
from beadwork.kernels.connectivity.recall.ranks import composite, percentiles_among
from beadwork.model.connectivity.query import SIGNATURE_FIELDS
from beadwork.model.errors import FileError, ParameterError, name_some
from beadwork.stages.connectivity.perturbagens import PERTURBAGEN

if TYPE_CHECKING:
    from beadwork.api.index.introspect import Introspection

SHARES, FACTS, PAIRED = "shares", "share.json", "similarity"
_NAMES = {"connections": "connections.tsv", "pairs": "pairs.npz"}
_BLOCK = 64 << 20
"""Bytes of a portion of scores that is read at a time."""


class Share(NamedTuple):
    """What one share left: asking signatures from `first` to `last`."""

    folder: Path
    first: int
    last: int

    def file(self, name: str) -> Path:
        """One of its files."""
        return self.folder / _NAMES.get(name, f"{name}.bin")

    def scores(self, name: str, width: int) -> np.ndarray:
        """Scores of its queries, shape (queries, width), mapped."""
        shape = (self.last - self.first, width)
        if 0 in shape:
            return np.empty(shape, np.float32)
        return np.memmap(self.file(name), np.float32, "r", shape=shape)


def share_folder(output: Path, number: int, of: int) -> Path:
    """Folder of a share."""
    return output / SHARES / f"{number}_of_{of}"


def write_facts(folder: Path, facts: Mapping[str, Any], number: int, of: int, first: int, last: int) -> None:
    """Write what a share is a share of."""
    said = {**facts, "share": number, "of": of, "first": first, "last": last}
    write_text(folder / FACTS, json.dumps(said, sort_keys=True))


def read_shares(output: Path, facts: Mapping[str, Any]) -> list[Share]:
    """All shares of an answer, in order.

    Raises
    ------
    FileError
        Some are missing, or there are shares of several cuts.
    ParameterError
        They were made of another index or with other options.
    """
    found: dict[int, Share] = {}
    counts = set()
    expected = json.loads(json.dumps(facts))
    for folder in sorted((output / SHARES).glob("*_of_*")):
        if not re.fullmatch(r"\d+_of_\d+", folder.name):
            continue
        try:
            said = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            found[said["share"]] = Share(folder, said["first"], said["last"])
        except (OSError, ValueError, KeyError) as error:
            raise FileError(f"{folder / FACTS}: cannot be read ({error}); make this share anew") from None
        counts.add(said["of"])
        differ = [name for name, value in expected.items() if said.get(name) != value]
        if differ:
            what = "options or of another index" if "record" in differ else f"{name_some(differ)}"
            raise ParameterError(
                f"{folder}: was made with other {what}; merge with those of the shares, or make it anew"
            )
    if not found:
        raise FileError(f"{output}: holds no shares; make them with --share 1/N to --share N/N")
    if len(counts) > 1:
        raise FileError(
            f"{output / SHARES}: shares of {' and of '.join(map(str, sorted(counts)))}; remove those of one cut"
        )
    of = counts.pop()
    absent = [f"{number}/{of}" for number in range(1, of + 1) if number not in found]
    if absent:
        raise FileError(f"{output}: lacks the shares {name_some(absent)}; make them with --share")
    return [found[number] for number in range(1, of + 1)]


def join_shares(
    asked: Introspection, shares: Sequence[Share], output: Path, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Write the whole answer of all its shares; returns the summary."""
    progress("joining")
    with atomic_path(output / "connections.tsv") as temporary, open(temporary, "wb") as joined:
        for number, share in enumerate(shares):
            with open(share.file("connections"), "rb") as part:
                if number:
                    part.readline()
                shutil.copyfileobj(part, joined)
    for kind in asked.kinds:
        if asked.matrices:
            _join_matrix(asked, shares, kind, output / f"{kind}.gctx")
        else:  # one of an earlier answer would be taken for one of this
            (output / f"{kind}.gctx").unlink(missing_ok=True)
    summary: dict[str, Any] = {"signatures": len(asked.positions), "genes_each_side": asked.size}
    if not asked.has_recall:
        (output / "recall.tsv").unlink(missing_ok=True)
        return summary
    recall = _recall(asked, shares)
    write_table(recall, output / "recall.tsv")
    return summary | {"perturbagens_with_pairs": len(recall), "median_rank": float(recall["rank"].median())}


def _slices(share: Share, width: int, columns: slice) -> Iterator[np.ndarray]:
    """Copy some columns of similarities in portions: pages of a mapped file count as memory until it is closed."""
    step = max(1, _BLOCK // (4 * max(1, width)))
    for first in range(0, share.last - share.first, step):
        yield np.array(share.scores(PAIRED, width)[first : first + step, columns])


def _join_matrix(asked: Introspection, shares: Sequence[Share], kind: str, path: Path) -> None:
    """Write one matrix, in portions that do not depend on the cut."""
    count = len(asked.positions)
    ids = asked.info["sig_id"].astype(str).tolist()
    rows = row_fields(asked.index.annotation, SIGNATURE_FIELDS, asked.positions)
    step = max(1, _BLOCK // (4 * max(1, count)))
    with gctx_columns(path, rows, ids, asked.record) as write:
        for start in range(0, count, step):
            write(start, _rows(shares, kind, count, start, min(start + step, count)))


def _rows(shares: Sequence[Share], kind: str, width: int, start: int, stop: int) -> np.ndarray:
    """Scores of some queries, whatever shares they are in."""
    parts = []
    for share in shares:
        first, last = max(start, share.first), min(stop, share.last)
        if first < last:
            parts.append(share.scores(kind, width)[first - share.first : last - share.first])
    return np.concatenate(parts)


def _recall(asked: Introspection, shares: Sequence[Share]) -> pd.DataFrame:
    """Recall by perturbagen: how its signatures rank each other, among those asked and among those asking.

    One row a perturbagen (no controls) with two signatures or more: pairs, median similarity, rank (0: best, 50:
    chance), composite.
    """
    kept = [np.load(share.file("pairs")) for share in shares]
    values, ranks = (np.concatenate([part[name] for part in kept]) for name in ("values", "ranks"))
    # pairs stand by asking signature; those of one perturbagen are a square without its diagonal
    asking = np.flatnonzero(asked.code >= 0)
    sizes = np.array([len(asked.partners[code]) - 1 for code in asked.code[asking].tolist()], np.int64)
    starts = np.zeros(len(asked.code) + 1, np.int64)
    starts[asking] = np.cumsum([0, *sizes])[:-1]
    for column, rank in _columns(asked, shares, kept):
        mates = asked.partners[asked.code[column]]
        rows_of = mates[mates != column]
        of_pairs = starts[rows_of] + np.searchsorted(mates, column) - (column > rows_of)
        ranks[of_pairs] = (ranks[of_pairs] + rank(values[of_pairs])) / 2
    score = composite(values, ranks)
    own = pd.DataFrame({name: asked.plan.perts[name].to_pylist() for name in PERTURBAGEN}, dtype=object)
    rows = []
    for number, mates in enumerate(asked.partners):
        if len(mates) < 2:
            continue
        of = np.concatenate([np.arange(starts[row], starts[row] + len(mates) - 1) for row in mates.tolist()])
        rows.append(
            {
                **own.iloc[number].to_dict(),
                "n_signatures": len(mates),
                "n_cells": int(asked.info["cell_id"].iloc[mates].nunique()),
                "similarity": float(np.nanmedian(values[of])),
                "rank": float(np.nanmedian(ranks[of])),
                "composite": float(np.nanmedian(score[of])),
            }
        )
    columns = [*PERTURBAGEN, "n_signatures", "n_cells", "similarity", "rank", "composite"]
    return pd.DataFrame(rows, columns=columns).sort_values("rank", kind="stable", ignore_index=True)


_Rank = Callable[[np.ndarray], np.ndarray]


def _columns(asked: Introspection, shares: Sequence[Share], kept: Sequence[Any]) -> Iterator[tuple[int, _Rank]]:
    """Each signature that has partners, and how a similarity to it ranks among those of all that ask."""
    paired = np.flatnonzero(asked.code >= 0)
    if not asked.exact:
        total: np.ndarray = np.zeros_like(kept[0]["histograms"], np.uint32)
        for part in kept:
            total += part["histograms"]
        for place, column in enumerate(paired.tolist()):
            yield column, partial(percentiles_by_histogram, total[place])
        return
    width = max(1, _BLOCK // (4 * max(1, len(asked.code))))
    for start in range(0, len(paired), width):
        columns = slice(start, start + width)
        block = np.concatenate([part for share in shares for part in _slices(share, len(paired), columns)])
        for place, column in enumerate(paired[start : start + width].tolist()):
            yield column, partial(percentiles_among, block[:, place])
