"""Compiled twin of :mod:`beadwork.kernels.connectivity`, sixteen signatures at a time.

The genes of a set are put in rank order by a sorting network, whose comparisons do not depend on the data: one vector
instruction serves sixteen signatures.  Keys are ``rank << 16 | position in the set``, so that the weight is found after
sorting.  Compilers do not vectorise these loops by themselves, hence the three vector operations below in LLVM's own
terms; without compilation (NUMBA_DISABLE_JIT=1) their plain forms run instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.kernels.accelerate import jit, jit_disabled
from beadwork.kernels.connectivity import sorting_network

LANES = 16
"""Signatures that are scored together."""
PANEL = 256
"""Signatures that are copied out of a block at a time when few genes are asked for: whole cache lines, and small."""
STEP = 8
"""Sets are padded to a multiple of this, so that few networks are needed."""
SET_MAX = 65_528

if jit_disabled():

    def _load_row(
        rank: Any, z: Any, source: int, keys: Any, weights: Any, total: Any, place: int, weighted: int
    ) -> None:
        for lane in range(LANES):
            keys[place * LANES + lane] = (int(rank[source + lane]) << 16) | place
            weights[place * LANES + lane] = abs(z[source + lane]) if weighted else 1.0
            total[lane] += float(weights[place * LANES + lane])

    def _exchange(keys: Any, a: Any, b: Any) -> None:
        first, second = keys[a : a + LANES].copy(), keys[b : b + LANES].copy()
        keys[a : a + LANES] = np.minimum(first, second)
        keys[b : b + LANES] = np.maximum(first, second)

    def _scan_row(
        keys: Any, weights: Any, running: Any, scale: Any, high: Any, low: Any, place: int, miss: float
    ) -> None:
        for lane in range(LANES):
            key = int(keys[place * LANES + lane])
            gap = ((key >> 16) - (place + 1)) * miss
            low[lane] = min(low[lane], running[lane] * scale[lane] - gap)
            running[lane] += float(weights[(key & 0xFFFF) * LANES + lane])
            high[lane] = max(high[lane], running[lane] * scale[lane] - gap)

else:
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic

    _I16, _I32, _F32, _F64 = ir.IntType(16), ir.IntType(32), ir.FloatType(), ir.DoubleType()
    _KEYS, _WEIGHTS = types.Array(types.uint32, 1, "C"), types.Array(types.float32, 1, "C")
    _STATE = types.Array(types.float64, 1, "C")
    _RANKS, _SCORES = types.Array(types.uint16, 1, "C"), types.Array(types.float32, 1, "C")

    def _vector(builder: Any, element: Any, pointer: Any, align: int) -> tuple[Any, Any]:
        """Pointer to, and value of, LANES consecutive elements."""
        where = builder.bitcast(pointer, ir.VectorType(element, LANES).as_pointer())
        value = builder.load(where, align=align)
        return where, value

    def _constant(element: Any, number: float) -> Any:
        return ir.Constant(ir.VectorType(element, LANES), [number] * LANES)

    def _splat(builder: Any, element: Any, value: Any) -> Any:
        vector = ir.Constant(ir.VectorType(element, LANES), ir.Undefined)
        for lane in range(LANES):
            vector = builder.insert_element(vector, value, ir.Constant(_I32, lane))
        return vector

    def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        return context.make_array(kind)(context, builder, value).data

    @intrinsic
    def _load_row(
        typing: Any, rank: Any, z: Any, source: Any, keys: Any, weights: Any, total: Any, place: Any, weighted: Any
    ) -> Any:
        """Make keys and weights of one gene of the set, and add the weights to the total."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            rank, z, source, keys, weights, total, place, weighted = args
            kinds = signature.args
            _, ranks = _vector(builder, _I16, builder.gep(_data(context, builder, kinds[0], rank), [source]), 2)
            _, scores = _vector(builder, _F32, builder.gep(_data(context, builder, kinds[1], z), [source]), 4)
            wide = builder.zext(ranks, ir.VectorType(_I32, LANES))
            position = _splat(builder, _I32, builder.trunc(place, _I32))
            key = builder.or_(builder.shl(wide, _constant(_I32, 16)), position)
            bits = builder.bitcast(scores, ir.VectorType(_I32, LANES))
            absolute = builder.bitcast(builder.and_(bits, _constant(_I32, 0x7FFFFFFF)), ir.VectorType(_F32, LANES))
            is_weighted = builder.icmp_signed("!=", weighted, ir.Constant(weighted.type, 0))
            weight = builder.select(is_weighted, absolute, _constant(_F32, 1.0))
            offset = builder.mul(place, ir.Constant(place.type, LANES))
            for element, array, kind, value in ((_I32, keys, kinds[3], key), (_F32, weights, kinds[4], weight)):
                pointer = builder.gep(_data(context, builder, kind, array), [offset])
                builder.store(value, builder.bitcast(pointer, ir.VectorType(element, LANES).as_pointer()), align=4)
            where, sums = _vector(builder, _F64, _data(context, builder, kinds[5], total), 8)
            builder.store(builder.fadd(sums, builder.fpext(weight, ir.VectorType(_F64, LANES))), where, align=8)
            return context.get_dummy_value()

        index = types.int64
        return types.void(_RANKS, _SCORES, index, _KEYS, _WEIGHTS, _STATE, index, index), generate

    @intrinsic
    def _exchange(typing: Any, keys: Any, a: Any, b: Any) -> Any:
        """Put the smaller key of each lane at `a`, the larger at `b`."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = _data(context, builder, signature.args[0], args[0])
            first, low = _vector(builder, _I32, builder.gep(data, [args[1]]), 4)
            second, high = _vector(builder, _I32, builder.gep(data, [args[2]]), 4)
            smaller = builder.icmp_unsigned("<", low, high)
            builder.store(builder.select(smaller, low, high), first, align=4)
            builder.store(builder.select(smaller, high, low), second, align=4)
            return context.get_dummy_value()

        return types.void(_KEYS, types.int64, types.int64), generate

    @intrinsic
    def _scan_row(
        typing: Any, keys: Any, weights: Any, running: Any, scale: Any, high: Any, low: Any, place: Any, miss: Any
    ) -> Any:
        """Take the hit at one place of the order into the running sums and their extremes."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = [_data(context, builder, kind, args[i]) for i, kind in enumerate(signature.args[:6])]
            place, miss = args[6], args[7]
            offset = builder.mul(place, ir.Constant(place.type, LANES))
            _, key = _vector(builder, _I32, builder.gep(data[0], [offset]), 4)
            rank = builder.lshr(key, _constant(_I32, 16))
            passed = _splat(builder, _I32, builder.trunc(builder.add(place, ir.Constant(place.type, 1)), _I32))
            gap = builder.fmul(
                builder.sitofp(builder.sub(rank, passed), ir.VectorType(_F64, LANES)), _splat(builder, _F64, miss)
            )
            where, sums = _vector(builder, _F64, data[2], 8)
            _, factor = _vector(builder, _F64, data[3], 8)
            top, highest = _vector(builder, _F64, data[4], 8)
            bottom, lowest = _vector(builder, _F64, data[5], 8)
            before = builder.fsub(builder.fmul(sums, factor), gap)
            position = builder.and_(key, _constant(_I32, 0xFFFF))
            weight = ir.Constant(ir.VectorType(_F32, LANES), ir.Undefined)
            for lane in range(LANES):
                number = ir.Constant(_I32, lane)
                row = builder.zext(builder.extract_element(position, number), ir.IntType(64))
                index = builder.add(builder.mul(row, ir.Constant(row.type, LANES)), ir.Constant(row.type, lane))
                weight = builder.insert_element(weight, builder.load(builder.gep(data[1], [index])), number)
            sums = builder.fadd(sums, builder.fpext(weight, ir.VectorType(_F64, LANES)))
            after = builder.fsub(builder.fmul(sums, factor), gap)
            builder.store(sums, where, align=8)
            builder.store(builder.select(builder.fcmp_ordered(">", after, highest), after, highest), top, align=8)
            builder.store(builder.select(builder.fcmp_ordered("<", before, lowest), before, lowest), bottom, align=8)
            return context.get_dummy_value()

        index = types.int64
        return types.void(_KEYS, _WEIGHTS, _STATE, _STATE, _STATE, _STATE, index, types.float64), generate


@jit
def _score_lanes(
    rank: Any, z: Any, base: int, genes: Any, start: int, stop: int, n_genes: int, weighted: int,
    network: Any, keys: Any, weights: Any, state: Any,
) -> None:  # fmt: skip
    """Enrichment scores of one set in LANES signatures, into ``state[0]``; rows lie LANES apart from `base` on."""
    total, running, high, low = state[0], state[1], state[2], state[3]
    size = stop - start
    for lane in range(LANES):
        total[lane] = 0.0
        running[lane] = 0.0
        high[lane] = -np.inf
        low[lane] = np.inf
    for place in range(size):
        _load_row(rank, z, base + genes[start + place] * LANES, keys, weights, total, place, weighted)
    padded = -(-size // STEP) * STEP
    for place in range(size * LANES, padded * LANES):
        keys[place] = 0xFFFFFFFF
    for pair in range(network.shape[0]):
        _exchange(keys, np.int64(network[pair, 0]) * LANES, np.int64(network[pair, 1]) * LANES)
    miss = 1.0 / (n_genes - size) if n_genes > size else 0.0
    for lane in range(LANES):
        total[lane] = 1.0 / total[lane] if total[lane] > 0 else np.nan
    for place in range(size):
        _scan_row(keys, weights, running, total, high, low, place, miss)
    for lane in range(LANES):
        if total[lane] != total[lane]:
            total[lane] = np.nan
        elif high[lane] >= -low[lane]:
            total[lane] = high[lane]
        else:
            total[lane] = low[lane]


@jit
def _score_block(
    rank: Any, z: Any, rows: Any, genes: Any, bounds: Any, networks: Any, network_bounds: Any, largest: int,
    weighted: int, out: Any, offset: int,
) -> None:  # fmt: skip
    """Score all queries against a block; `rows` are the genes asked for, `genes` point into `rows`."""
    n_genes, n_signatures = rank.shape
    n_rows = rows.shape[0]
    panel = PANEL if n_rows * PANEL <= 1 << 18 else 4 * LANES
    ranks = np.ones(panel * n_rows, np.uint16)
    scores = np.zeros(panel * n_rows, np.float32)
    keys = np.empty(largest * LANES, np.uint32)
    weights = np.empty(largest * LANES, np.float32)
    state = np.empty((4, LANES), np.float64)
    up = np.empty(LANES, np.float64)
    for first in range(0, n_signatures, panel):
        width = min(panel, n_signatures - first)
        for row in range(n_rows):
            source_ranks = rank[rows[row]]
            source_scores = z[rows[row]]
            for lanes in range(0, width, LANES):
                target = (lanes * n_rows) + row * LANES
                for lane in range(min(LANES, width - lanes)):
                    ranks[target + lane] = source_ranks[first + lanes + lane]
                    scores[target + lane] = source_scores[first + lanes + lane]
        for lanes in range(0, width, LANES):
            base = lanes * n_rows
            kept = min(LANES, width - lanes)
            for query in range(bounds.shape[0]):
                for side in range(2):
                    start, stop = bounds[query, 2 * side], bounds[query, 2 * side + 1]
                    if start < stop:
                        network = networks[network_bounds[query, side, 0] : network_bounds[query, side, 1]]
                        _score_lanes(
                            ranks, scores, base, genes, start, stop, n_genes, weighted, network, keys, weights, state
                        )
                    else:
                        for lane in range(LANES):
                            state[0, lane] = 0.0
                    if side == 0:
                        for lane in range(LANES):
                            up[lane] = state[0, lane]
                has_up = bounds[query, 0] < bounds[query, 1]
                has_down = bounds[query, 2] < bounds[query, 3]
                for lane in range(kept):
                    high, low = up[lane], state[0, lane]
                    if not has_down:
                        score = high
                    elif not has_up:
                        score = 0.0 - low
                    elif (high > 0 and low > 0) or (high < 0 and low < 0) or (high == 0 and low == 0):
                        score = 0.0
                    else:
                        score = (high - low) / 2
                    out[query, offset + first + lanes + lane] = score


class SetPlan:
    """Gene sets of many queries, laid out for the compiled kernel once and used for every block."""

    def __init__(self, genes: np.ndarray, bounds: np.ndarray, weighted: bool = True) -> None:
        self.rows, place = np.unique(np.asarray(genes, np.int64), return_inverse=True)
        self.genes = np.ascontiguousarray(place.reshape(-1), np.int64)
        self.bounds = np.ascontiguousarray(bounds, np.int64).reshape(-1, 4)
        self.weighted = int(weighted)
        sizes = self.bounds.reshape(-1, 2, 2)[:, :, 1] - self.bounds.reshape(-1, 2, 2)[:, :, 0]
        padded = -(-sizes // STEP) * STEP
        assert padded.max(initial=0) <= SET_MAX
        self.largest = int(padded.max(initial=STEP))
        distinct, which = np.unique(padded, return_inverse=True)
        networks = [sorting_network(int(size)) for size in distinct]
        ends = np.cumsum([0, *(len(network) for network in networks)])
        self.networks = np.ascontiguousarray(np.concatenate([np.empty((0, 2), np.uint16), *networks]))
        which = which.reshape(padded.shape)
        self.network_bounds = np.ascontiguousarray(np.stack([ends[which], ends[which + 1]], axis=-1), np.int64)

    def score(self, rank: np.ndarray, z: np.ndarray, out: np.ndarray, offset: int = 0) -> None:
        """Score a block.

        Parameters
        ----------
        rank, z
            uint16 and float32, shape (genes, signatures of the block).
        out
            float32, C order, shape (queries, all signatures).
        offset
            Column of `out` that the block's first signature goes to.
        """
        rank, z = rank.view(), z.view()
        rank.flags.writeable = z.flags.writeable = False  # one compiled version serves files and arrays
        _score_block(
            rank, z, self.rows, self.genes, self.bounds, self.networks, self.network_bounds, self.largest,
            self.weighted, out, offset,
        )  # fmt: skip


def score_sets(
    rank: np.ndarray, z: np.ndarray, genes: np.ndarray, bounds: np.ndarray, out: np.ndarray, *, weighted: bool = True
) -> None:
    """Compiled :func:`beadwork.kernels.connectivity.score_sets`."""
    SetPlan(genes, bounds, weighted).score(rank, z, out)


@jit
def _rank_columns(z: Any, rank: Any) -> None:
    """Ranks of each signature (row of `z`), by a stable radix sort of the values' bits, three digits of 11 bits."""
    n_signatures, n_genes = z.shape
    key = np.empty(n_genes, np.uint32)
    other = np.empty(n_genes, np.uint32)
    order = np.empty(n_genes, np.uint16)
    next_order = np.empty(n_genes, np.uint16)
    counts = np.empty((3, 2048), np.int64)
    for signature in range(n_signatures):
        counts[:] = 0
        bits = z[signature].view(np.uint32)
        for gene in range(n_genes):
            value = bits[gene]
            if value == np.uint32(0x80000000):
                value = np.uint32(0)
            # larger floats first: flip so that unsigned order is descending order
            value = value if value & np.uint32(0x80000000) else value ^ np.uint32(0x7FFFFFFF)
            key[gene] = value
            order[gene] = gene
            counts[0, value & np.uint32(2047)] += 1
            counts[1, (value >> np.uint32(11)) & np.uint32(2047)] += 1
            counts[2, value >> np.uint32(22)] += 1
        for digit in range(3):
            before = 0
            for bucket in range(2048):
                here = counts[digit, bucket]
                counts[digit, bucket] = before
                before += here
            shift = np.uint32(11 * digit)
            for item in range(n_genes):
                bucket = (key[item] >> shift) & np.uint32(2047)
                place = counts[digit, bucket]
                counts[digit, bucket] = place + 1
                other[place] = key[item]
                next_order[place] = order[item]
            key, other = other, key
            order, next_order = next_order, order
        for place in range(n_genes):
            rank[signature, order[place]] = place + 1


@jit
def _transpose(source: Any, target: Any, column: int) -> None:
    """``target[:, column + i] = source[i]`` in tiles."""
    n_signatures, n_genes = source.shape
    for first in range(0, n_genes, 64):
        last = min(first + 64, n_genes)
        for start in range(0, n_signatures, 64):
            stop = min(start + 64, n_signatures)
            for gene in range(first, last):
                for signature in range(start, stop):
                    target[gene, column + signature] = source[signature, gene]


def fill_block(z: np.ndarray, rank_block: np.ndarray, z_block: np.ndarray, column: int) -> None:
    """Rank signatures and put ranks and scores into a gene-major block.

    Parameters
    ----------
    z
        float32, shape (signatures, genes), C order, finite.
    rank_block, z_block
        uint16 and float32, shape (genes, signatures of the block); columns from `column` on are written.
    """
    rank = np.empty(z.shape, np.uint16)
    _rank_columns(z, rank)
    _transpose(rank, rank_block, column)
    _transpose(z, z_block, column)
