"""Every signature of an index against all: who resembles whom, and whether the same perturbagen finds itself.

The work is cut by asking signatures into shares, which know nothing of each other; what they leave is joined to the
same bytes, however it was cut.  Nothing in memory is as large as all pairs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.api.index.asking.answers import QueryResult
from beadwork.api.index.asking.query_files import Matrices, writes_matrices
from beadwork.api.index.introspect_shares import PAIRED, Share, join_shares, read_shares, share_folder, write_facts
from beadwork.api.index.opened import ConnectivityIndex
from beadwork.io.connectivity.index.layout import MANIFEST
from beadwork.io.connectivity.ranked_tables import write_parts
from beadwork.io.files.atomic import check_folder
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.files.scratch import scratch_folder
from beadwork.kernels.connectivity.recall.histograms import N_BINS, add_to_histograms
from beadwork.kernels.connectivity.recall.ranks import closest, percentiles_among
from beadwork.kernels.numeric.groups import stable_order
from beadwork.model.connectivity.query import MappedQuery
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import ParameterError
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.filters import filter_signatures
from beadwork.stages.connectivity.groups import treatment_mask
from beadwork.stages.connectivity.perturbagens import PERTURBAGEN, RollUpPlan, plan_roll_up
from beadwork.stages.connectivity.score import signature_sets, use_compiled

RECALL_LIMIT = 20_000
"""Up to so many signatures the ranks of recall are exact; with more, ranks among the asking signatures are those of
histograms, since all pairs would have to be kept."""
PAIR_LIMIT = 20_000_000
"""Most pairs of signatures of one perturbagen; with more, recall is left out, and that is said."""
_LISTED = ("sig_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime")
_SCORES = ("wtcs", "ncs", "tau", "fdr")
Progress = Callable[[str], None]


def own_queries(index: ConnectivityIndex, positions: np.ndarray, size: int) -> list[MappedQuery]:
    """Make queries of signatures' own most positive and most negative genes, and of the whole profile."""
    rows = np.arange(index.store.n_genes)
    names = index.siginfo["sig_id"].to_numpy()
    queries = []
    for place, z in zip(positions, index.store.read_signatures(positions), strict=True):
        up, down = signature_sets(z, size)
        queries.append(MappedQuery(str(names[place]), up, down, rows, z.astype(np.float64)))
    return queries


@dataclass(frozen=True, eq=False)
class Introspection:
    """What is asked: signatures of an index, each by its own genes, against those that are shown.

    Attributes
    ----------
    top
        Connections listed of each.
    matrices
        Whether whole matrices are written.
    """

    index: ConnectivityIndex
    params: QueryParams
    filters: tuple[str, ...]
    top: int
    matrices: bool

    @cached_property
    def shown(self) -> np.ndarray:
        """Signatures that ask and are asked."""
        return filter_signatures(self.index.annotation, self.filters)

    @cached_property
    def positions(self) -> np.ndarray:
        """Positions of these signatures in the index."""
        return np.flatnonzero(self.shown)

    @property
    def size(self) -> int:
        """Genes of each side of a query."""
        return min(self.params.set_size, self.index.store.n_genes // 6)

    @cached_property
    def info(self) -> pd.DataFrame:
        """Their annotation."""
        return self.index.siginfo[self.shown].reset_index(drop=True)

    @property
    def record(self) -> dict[str, Any]:
        """Provenance."""
        parameters = {**self.params.model_dump(mode="json"), "where": list(self.filters), "size": self.size}
        return make_provenance("introspect", parameters, {"index": [input_record(MANIFEST, self.index.store.digest)]})

    @property
    def kinds(self) -> list[str]:
        """Names of the matrices."""
        return [*dict.fromkeys(["wtcs", *self.params.metric]), "ncs", "tau", "fdr"]

    @property
    def exact(self) -> bool:
        """Whether ranks among the asking signatures are exact."""
        return len(self.positions) <= RECALL_LIMIT

    @cached_property
    def plan(self) -> RollUpPlan:
        """What a perturbagen is."""
        siginfo = SignatureTable.of(self.info)
        return plan_roll_up(siginfo, treatment_mask(siginfo, self.params), params=self.params)

    @cached_property
    def code(self) -> np.ndarray:
        """Perturbagen of each signature, -1 for none and for those of one signature."""
        code = np.append(self.plan.pert_of, -1)[self.plan.cell_of]
        several = np.append(self.plan.perts["n_signatures"] >= 2, False)
        return np.where(several[code], code, -1)

    @cached_property
    def partners(self) -> list[np.ndarray]:
        """Signatures of each perturbagen, in order; none of those that have no partner."""
        order = stable_order(self.code)
        starts = np.searchsorted(self.code[order], np.arange(len(self.plan.perts["n_signatures"]) + 1))
        return [order[first:last] for first, last in pairwise(starts.tolist())]

    @property
    def n_pairs(self) -> int:
        """Pairs of signatures of one perturbagen, in both directions."""
        return sum(len(item) * (len(item) - 1) for item in self.partners)

    @property
    def has_recall(self) -> bool:
        """Whether recall is found."""
        return self.n_pairs <= PAIR_LIMIT

    def facts(self) -> dict[str, Any]:
        """Facts that all shares of one answer have in common."""
        return {
            "record": self.record, "top": self.top, "matrices": self.matrices, "kinds": self.kinds,
            "n_signatures": len(self.positions), "exact": self.exact, "recall": self.has_recall,
        }  # fmt: skip


def introspect(
    index: ConnectivityIndex,
    output: Path,
    *,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    filters: Sequence[str] = (),
    top: int = 20,
    matrices: Matrices = "auto",
    share: tuple[int, int] | None = None,
    merge: bool = False,
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """Ask an index with its own signatures and write the answers.

    Parameters
    ----------
    output
        Folder; receives connections.tsv (the closest of each signature), recall.tsv (by perturbagen) and, as `matrices`
        says, wtcs, ncs, tau and fdr (and further metrics) as GCTX, signatures by signatures.
    filters
        Which signatures ask and are asked; normalisation is that of the whole index.
    top
        Connections listed per signature.
    matrices
        all, none, or auto: where they are no larger than 50 MB together.
    share
        (i, n): do the i-th of n shares only, from 1 on; what it leaves stands in a folder in `output`.
    merge
        Join all shares that stand in `output`, to the bytes of an answer that was never cut, and remove them.

    Returns
    -------
    Numbers of signatures and perturbagens, and the median recall, for a summary.
    """
    output = Path(output)
    check_folder(output, "the answers")
    asked = Introspection(index, params, tuple(filters), top, False)
    if asked.size < 1:
        raise ParameterError(f"an index of {index.store.n_genes} genes is too small to introspect")
    count = len(asked.positions)
    asked = Introspection(index, params, asked.filters, top, writes_matrices(matrices, len(asked.kinds), count, count))
    if merge:
        shares = read_shares(output, asked.facts())
        summary = join_shares(asked, shares, output, progress)
        shutil.rmtree(shares[0].folder.parent)
        return summary
    if share is not None:
        number, of = share
        first, last = (count * place // of for place in (number - 1, number))
        with scratch_folder(output) as scratch:
            _answer_share(asked, Share(scratch / "share", first, last), progress)
            write_facts(scratch / "share", asked.facts(), number, of, first, last)
            folder = share_folder(output, number, of)
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(exist_ok=True)
            (scratch / "share").rename(folder)
        return {"signatures": last - first, "genes_each_side": asked.size}
    with scratch_folder(output) as scratch:
        whole = Share(scratch / "share", 0, count)
        _answer_share(asked, whole, progress)
        return join_shares(asked, [whole], output, progress)


def _answer_share(asked: Introspection, share: Share, progress: Progress) -> None:
    """Answer the queries of a share, and keep of them what the whole answer needs."""
    index, total = asked.index, len(asked.positions)
    share.folder.mkdir()
    # by gene sets also where profiles are noise controlled, so that there is a tau
    by_sets = asked.params.model_copy(update={"rank_by": "wtcs"}) if asked.params.rank_by == "auto" else asked.params
    width = max(1, len(next(index.batches([None] * max(1, total), asked.params))))  # type: ignore[list-item]
    paired = np.flatnonzero(asked.code >= 0) if asked.has_recall else np.empty(0, np.int64)
    histograms = None if asked.exact else np.zeros((len(paired), N_BINS), np.uint32)
    count = add_to_histograms
    if histograms is not None and use_compiled((share.last - share.first) * len(index)):
        from beadwork.kernels.connectivity.recall.histograms_numba import add_to_histograms as count
    fields = _fields(asked.info)
    values: list[np.ndarray] = []
    ranks: list[np.ndarray] = []

    with ExitStack() as stack:
        streams = {
            kind: stack.enter_context(open(share.file(kind), "wb")) for kind in (asked.kinds if asked.matrices else ())
        }
        similarity = stack.enter_context(open(share.file(PAIRED), "wb"))

        def parts() -> Iterator[Mapping[str, Any]]:
            for first in range(share.first, share.last, width):
                progress(f"{first - share.first:,} of {share.last - share.first:,} signatures")
                here = np.arange(first, min(first + width, share.last))
                queries = own_queries(index, asked.positions[here], asked.size)
                result = index.answer(queries, by_sets, p_control=False)
                for kind, stream in streams.items():
                    stream.write(np.ascontiguousarray(result.values(kind)[:, asked.shown], np.float32).data)
                ncs = result.values("ncs")[:, asked.shown].astype(np.float32)
                ncs[np.arange(len(here)), here] = np.nan
                if histograms is None:
                    similarity.write(np.ascontiguousarray(ncs[:, paired]).data)
                else:
                    count(histograms, ncs, paired)
                for row, place in enumerate(here.tolist() if asked.has_recall else ()):
                    if asked.code[place] >= 0:
                        mates = asked.partners[asked.code[place]]
                        chosen = ncs[row, mates[mates != place]]
                        values.append(chosen)
                        ranks.append(percentiles_among(ncs[row], chosen))
                yield _closest(ncs, result, asked, fields, first)

        write_parts(_or_empty(parts(), asked, fields), share.file("connections"))
    if histograms is not None:  # packing takes as long as there are bytes: no more of each count than are needed
        histograms = histograms.astype(np.min_scalar_type(histograms.max(initial=0)))
    np.savez_compressed(
        share.file("pairs"),
        values=np.concatenate([*values, np.empty(0, np.float32)]).astype(np.float32),
        ranks=np.concatenate([*ranks, np.empty(0)]),
        histograms=np.empty(0) if histograms is None else histograms,
    )


def _fields(info: pd.DataFrame) -> dict[str, Any]:
    """Columns of the annotation that are listed, as texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = {}
    for name in _LISTED:
        array = pa.Array.from_pandas(info[name].astype(object))
        found[name] = array if pa.types.is_string(array.type) else pc.cast(array, pa.string())
    return found


def _or_empty(parts: Iterator[Mapping[str, Any]], asked: Introspection, fields: Mapping[str, Any]) -> Iterator[Any]:
    """Parts of a table, or one without rows, so that there are names of columns."""
    empty = True
    for part in parts:
        empty = False
        yield part
    if empty:
        nothing = np.empty(0)
        names = ("query", "query_pert_iname", "rank", *_LISTED)
        yield {**{name: fields["sig_id"].slice(0, 0) for name in names}, **dict.fromkeys(_SCORES, nothing)}


def _closest(
    ncs: np.ndarray, result: QueryResult, asked: Introspection, fields: Mapping[str, Any], first: int
) -> dict[str, Any]:
    """Columns of the closest signatures of some queries."""
    import pyarrow as pa

    count = min(asked.top, ncs.shape[1] - 1)
    order = np.stack([closest(row, count) for row in ncs])
    query = np.repeat(np.arange(len(ncs)), order.shape[1])
    found = order.reshape(-1)
    asking = pa.array(first + query)
    columns: dict[str, Any] = {
        "query": fields["sig_id"].take(asking),
        "query_pert_iname": fields["pert_iname"].take(asking),
        "rank": np.tile(np.arange(1, order.shape[1] + 1), len(ncs)),
    }
    columns |= {name: column.take(pa.array(found)) for name, column in fields.items()}
    return columns | {name: result.values(name)[:, asked.shown][query, found] for name in _SCORES}


__all__ = ["PERTURBAGEN", "Introspection", "introspect", "own_queries"]
