"""Compiled twin of :mod:`beadwork.kernels.connectivity.wtcs`, sixteen signatures at a time.

The genes of a set are put in rank order by a sorting network, whose comparisons do not depend on the data: one vector
instruction serves sixteen signatures.  Keys are ``rank << 16 | position in the set``, so that the weight is found after
sorting.  Compilers do not vectorise these loops by themselves, hence the three vector operations below in LLVM's own
terms; without compilation (NUMBA_DISABLE_JIT=1) their plain forms run instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.kernels.connectivity.wtcs import fused_network, sorting_network
from beadwork.kernels.numeric.jit import jit, jit_disabled

LANES = 16
"""Signatures that are scored together."""
RUN = 16
"""Genes that are sorted at once, in registers; sets are padded to a multiple of it with keys that sort last."""
STEP = 8
"""Networks are made for multiples of this, so that few are needed."""
PANEL = 256
"""Signatures that are copied out of a block at a time when few genes are asked for: whole cache lines, and small."""
AHEAD = 12
"""Genes that are asked for ahead of their use."""
SET_MAX = 65_520

if jit_disabled():

    def _load_set(
        rank: Any,
        z: Any,
        base: int,
        genes: Any,
        start: int,
        size: int,
        keys: Any,
        weights: Any,
        total: Any,
        weighted: int,
    ) -> None:
        for place in range(size):
            source = base + int(genes[start + place]) * LANES
            for lane in range(LANES):
                at = place * LANES + lane
                keys[at] = (int(rank[source + lane]) << 16) | place
                weights[at] = abs(z[source + lane]) if weighted else 1.0
                total[lane] += float(weights[at])

    def _copy_lanes(rank: Any, z: Any, row: int, column: int, ranks: Any, scores: Any, target: int) -> None:
        ranks[target : target + LANES] = rank[row, column : column + LANES]
        scores[target : target + LANES] = z[row, column : column + LANES]

    def _ask_lanes(rank: Any, z: Any, row: int, column: int) -> None:
        pass

    def _sort_run(keys: Any, start: int) -> None:
        part = keys[start : start + RUN * LANES].reshape(RUN, LANES)
        part.sort(axis=0)

    def _exchange(keys: Any, a: Any, b: Any) -> None:
        first, second = keys[a : a + LANES].copy(), keys[b : b + LANES].copy()
        keys[a : a + LANES] = np.minimum(first, second)
        keys[b : b + LANES] = np.maximum(first, second)

    def _exchange_four(keys: Any, a: Any, b: Any, c: Any, d: Any) -> None:
        _exchange(keys, a, c)
        _exchange(keys, b, d)
        _exchange(keys, b, c)

    def _scan_set(keys: Any, weights: Any, size: int, scale: Any, miss: float, high: Any, low: Any) -> None:
        for lane in range(LANES):
            running = 0.0
            for place in range(size):
                key = int(keys[place * LANES + lane])
                gap = ((key >> 16) - (place + 1)) * miss
                low[lane] = min(low[lane], running * scale[lane] - gap)
                running += float(weights[(key & 0xFFFF) * LANES + lane])
                high[lane] = max(high[lane], running * scale[lane] - gap)

else:
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic

    _I16, _I32, _I64, _F32, _F64 = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.DoubleType()
    _KEYS, _WEIGHTS = types.Array(types.uint32, 1, "C"), types.Array(types.float32, 1, "C")
    _STATE, _GENES = types.Array(types.float64, 1, "C"), types.Array(types.uint16, 1, "C")
    _RANKS, _SCORES = types.Array(types.uint16, 1, "C"), types.Array(types.float32, 1, "C")

    def _vector(element: Any) -> Any:
        return ir.VectorType(element, LANES)

    def _at(builder: Any, element: Any, data: Any, offset: Any) -> Any:
        """Pointer to LANES consecutive elements."""
        return builder.bitcast(builder.gep(data, [offset]), _vector(element).as_pointer())

    def _constant(element: Any, number: float) -> Any:
        return ir.Constant(_vector(element), [number] * LANES)

    def _splat(builder: Any, element: Any, value: Any) -> Any:
        vector = ir.Constant(_vector(element), ir.Undefined)
        for lane in range(LANES):
            vector = builder.insert_element(vector, value, ir.Constant(_I32, lane))
        return vector

    def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        return context.make_array(kind)(context, builder, value).data

    def _variable(builder: Any, value: Any) -> Any:
        """Hold a vector that a loop changes; the optimiser keeps it in a register."""
        where = cgutils.alloca_once(builder, value.type)  # type: ignore[no-untyped-call]
        builder.store(value, where)
        return where

    def _prefetch(builder: Any, pointer: Any) -> None:
        """Ask for a cache line that is read soon."""
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), _I32, _I32, _I32])
        name = "llvm.prefetch.p0i8"
        function = cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]
        numbers = [ir.Constant(_I32, number) for number in (0, 3, 1)]
        builder.call(function, [builder.bitcast(pointer, ir.IntType(8).as_pointer()), *numbers])

    def _ordered(builder: Any, first: Any, second: Any) -> tuple[Any, Any]:
        smaller = builder.icmp_unsigned("<", first, second)
        return builder.select(smaller, first, second), builder.select(smaller, second, first)

    @intrinsic
    def _load_set(
        typing: Any, rank: Any, z: Any, base: Any, genes: Any, start: Any, size: Any, keys: Any, weights: Any,
        total: Any, weighted: Any,
    ) -> Any:  # fmt: skip
        """Make the keys and weights of a set, and add the weights to the totals."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kinds = signature.args
            rank, z, genes, keys, weights, total = (
                _data(context, builder, kinds[place], args[place]) for place in (0, 1, 3, 6, 7, 8)
            )
            base, start, size, weighted = args[2], args[4], args[5], args[9]
            width = ir.Constant(_I64, LANES)
            is_weighted = builder.icmp_signed("!=", weighted, ir.Constant(_I64, 0))
            totals = _at(builder, _F64, total, ir.Constant(_I64, 0))
            sums = _variable(builder, builder.load(totals, align=8))
            with cgutils.for_range(builder, size) as loop:
                gene = builder.zext(builder.load(builder.gep(genes, [builder.add(start, loop.index)])), _I64)
                source = builder.add(base, builder.mul(gene, width))
                ahead = builder.gep(genes, [builder.add(builder.add(start, loop.index), ir.Constant(_I64, AHEAD))])
                later = builder.add(base, builder.mul(builder.zext(builder.load(ahead), _I64), width))
                _prefetch(builder, builder.gep(rank, [later]))
                _prefetch(builder, builder.gep(z, [later]))
                ranks = builder.load(_at(builder, _I16, rank, source), align=2)
                bits = builder.load(_at(builder, _I32, builder.bitcast(z, _I32.as_pointer()), source), align=4)
                absolute = builder.bitcast(builder.and_(bits, _constant(_I32, 0x7FFFFFFF)), _vector(_F32))
                weight = builder.select(is_weighted, absolute, _constant(_F32, 1.0))
                position = _splat(builder, _I32, builder.trunc(loop.index, _I32))
                key = builder.or_(builder.shl(builder.zext(ranks, _vector(_I32)), _constant(_I32, 16)), position)
                target = builder.mul(loop.index, width)
                builder.store(key, _at(builder, _I32, keys, target), align=4)
                builder.store(weight, _at(builder, _F32, weights, target), align=4)
                builder.store(builder.fadd(builder.load(sums), builder.fpext(weight, _vector(_F64))), sums)
            builder.store(builder.load(sums), totals, align=8)
            return context.get_dummy_value()

        number = types.int64
        return (
            types.void(_RANKS, _SCORES, number, _GENES, number, number, _KEYS, _WEIGHTS, _STATE, number),
            generate,
        )

    @intrinsic
    def _copy_lanes(typing: Any, rank: Any, z: Any, row: Any, column: Any, ranks: Any, scores: Any, target: Any) -> Any:
        """Copy LANES signatures of one gene out of a block."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kinds = signature.args
            block = context.make_array(kinds[0])(context, builder, args[0])
            width = builder.extract_value(block.shape, 1)
            source = builder.add(builder.mul(args[2], width), args[3])
            for element, size, from_, to in ((_I16, 2, 0, 4), (_F32, 4, 1, 5)):
                data = _data(context, builder, kinds[from_], args[from_])
                values = builder.load(_at(builder, element, data, source), align=size)
                target = _data(context, builder, kinds[to], args[to])
                builder.store(values, _at(builder, element, target, args[6]), align=size)
            return context.get_dummy_value()

        number = types.int64
        return types.void(rank, z, number, number, _RANKS, _SCORES, number), generate

    @intrinsic
    def _ask_lanes(typing: Any, rank: Any, z: Any, row: Any, column: Any) -> Any:
        """Ask for LANES signatures of a gene of a block, which are copied soon."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kinds = signature.args
            block = context.make_array(kinds[0])(context, builder, args[0])
            source = builder.add(builder.mul(args[2], builder.extract_value(block.shape, 1)), args[3])
            for place in (0, 1):
                _prefetch(builder, builder.gep(_data(context, builder, kinds[place], args[place]), [source]))
            return context.get_dummy_value()

        return types.void(rank, z, types.int64, types.int64), generate

    @intrinsic
    def _sort_run(typing: Any, keys: Any, start: Any) -> Any:
        """Sort RUN consecutive keys of each lane, in registers."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = _data(context, builder, signature.args[0], args[0])
            places = [
                _at(builder, _I32, data, builder.add(args[1], ir.Constant(_I64, LANES * item))) for item in range(RUN)
            ]
            items = [builder.load(place, align=4) for place in places]
            for a, b in sorting_network(RUN).tolist():
                items[a], items[b] = _ordered(builder, items[a], items[b])
            for place, item in zip(places, items, strict=True):
                builder.store(item, place, align=4)
            return context.get_dummy_value()

        return types.void(_KEYS, types.int64), generate

    @intrinsic
    def _exchange(typing: Any, keys: Any, a: Any, b: Any) -> Any:
        """Put the smaller key of each lane at `a`, the larger at `b`."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = _data(context, builder, signature.args[0], args[0])
            places = [_at(builder, _I32, data, offset) for offset in args[1:]]
            items = _ordered(builder, *(builder.load(place, align=4) for place in places))
            for place, item in zip(places, items, strict=True):
                builder.store(item, place, align=4)
            return context.get_dummy_value()

        return types.void(_KEYS, types.int64, types.int64), generate

    @intrinsic
    def _exchange_four(typing: Any, keys: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        """Compare and exchange (a, c), (b, d) and then (b, c)."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = _data(context, builder, signature.args[0], args[0])
            places = [_at(builder, _I32, data, offset) for offset in args[1:]]
            first, second, third, fourth = (builder.load(place, align=4) for place in places)
            first, third = _ordered(builder, first, third)
            second, fourth = _ordered(builder, second, fourth)
            second, third = _ordered(builder, second, third)
            for place, item in zip(places, (first, second, third, fourth), strict=True):
                builder.store(item, place, align=4)
            return context.get_dummy_value()

        number = types.int64
        return types.void(_KEYS, number, number, number, number), generate

    @intrinsic
    def _scan_set(typing: Any, keys: Any, weights: Any, size: Any, scale: Any, miss: Any, high: Any, low: Any) -> Any:
        """Walk the hits in rank order and keep the extremes of the running sum."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kinds = signature.args
            keys, weights, scale, high, low = (
                _data(context, builder, kinds[place], args[place]) for place in (0, 1, 3, 5, 6)
            )
            size, miss = args[2], _splat(builder, _F64, args[4])
            zero, width = ir.Constant(_I64, 0), ir.Constant(_I64, LANES)
            factor = builder.load(_at(builder, _F64, scale, zero), align=8)
            tops, bottoms = _at(builder, _F64, high, zero), _at(builder, _F64, low, zero)
            running = _variable(builder, _constant(_F64, 0.0))
            highest = _variable(builder, builder.load(tops, align=8))
            lowest = _variable(builder, builder.load(bottoms, align=8))
            with cgutils.for_range(builder, size) as loop:
                key = builder.load(_at(builder, _I32, keys, builder.mul(loop.index, width)), align=4)
                rank = builder.lshr(key, _constant(_I32, 16))
                passed = builder.trunc(builder.add(loop.index, ir.Constant(_I64, 1)), _I32)
                missed = builder.sub(rank, _splat(builder, _I32, passed))
                gap = builder.fmul(builder.sitofp(missed, _vector(_F64)), miss)
                sums = builder.load(running)
                before = builder.fsub(builder.fmul(sums, factor), gap)
                position = builder.shl(builder.and_(key, _constant(_I32, 0xFFFF)), _constant(_I32, 4))
                weight = ir.Constant(_vector(_F32), ir.Undefined)
                for lane in range(LANES):
                    number = ir.Constant(_I32, lane)
                    row = builder.zext(builder.extract_element(position, number), _I64)
                    where = builder.gep(builder.gep(weights, [ir.Constant(_I64, lane)]), [row])
                    weight = builder.insert_element(weight, builder.load(where), number)
                sums = builder.fadd(sums, builder.fpext(weight, _vector(_F64)))
                after = builder.fsub(builder.fmul(sums, factor), gap)
                builder.store(sums, running)
                best, worst = builder.load(highest), builder.load(lowest)
                builder.store(builder.select(builder.fcmp_ordered(">", after, best), after, best), highest)
                builder.store(builder.select(builder.fcmp_ordered("<", before, worst), before, worst), lowest)
            builder.store(builder.load(highest), tops, align=8)
            builder.store(builder.load(lowest), bottoms, align=8)
            return context.get_dummy_value()

        number = types.int64
        return types.void(_KEYS, _WEIGHTS, number, _STATE, types.float64, _STATE, _STATE), generate


@jit
def _score_lanes(
    rank: Any, z: Any, base: int, genes: Any, start: int, stop: int, n_genes: int, weighted: int,
    network: Any, phases: Any, keys: Any, weights: Any, state: Any,
) -> None:  # fmt: skip
    """Enrichment scores of one set in LANES signatures, into ``state[0]``; rows lie LANES apart from `base` on."""
    total, high, low = state[0], state[1], state[2]
    size = stop - start
    for lane in range(LANES):
        total[lane] = 0.0
        high[lane] = -np.inf
        low[lane] = np.inf
    _load_set(rank, z, base, genes, start, size, keys, weights, total, weighted)
    padded = -(-size // RUN) * RUN
    for place in range(size * LANES, padded * LANES):
        keys[place] = 0xFFFFFFFF
    for place in range(0, padded, RUN):
        _sort_run(keys, place * LANES)
    for phase in range(phases.shape[0]):
        if phases[phase, 0]:
            for at in range(phases[phase, 1], phases[phase, 2]):
                a, b, c, d = network[at, 0], network[at, 1], network[at, 2], network[at, 3]
                _exchange_four(keys, np.int64(a) * LANES, np.int64(b) * LANES, np.int64(c) * LANES, np.int64(d) * LANES)
        else:
            for at in range(phases[phase, 1], phases[phase, 2]):
                _exchange(keys, np.int64(network[at, 0]) * LANES, np.int64(network[at, 1]) * LANES)
    miss = 1.0 / (n_genes - size) if n_genes > size else 0.0
    for lane in range(LANES):
        total[lane] = 1.0 / total[lane] if total[lane] > 0 else np.nan
    _scan_set(keys, weights, size, total, miss, high, low)
    for lane in range(LANES):
        if total[lane] != total[lane]:
            total[lane] = np.nan
        elif high[lane] >= -low[lane]:
            total[lane] = high[lane]
        else:
            total[lane] = low[lane]


@jit
def _score_block(
    rank: Any, z: Any, rows: Any, genes: Any, bounds: Any, networks: Any, phases: Any, which: Any, largest: int,
    weighted: int, out: Any, offset: int,
) -> None:  # fmt: skip
    """Score all queries against a block; `rows` are the genes asked for, `genes` point into `rows`."""
    n_genes, n_signatures = rank.shape
    n_rows = rows.shape[0]
    panel = PANEL if n_rows * PANEL <= 3 << 18 else 4 * LANES
    ranks = np.ones(panel * n_rows, np.uint16)
    scores = np.zeros(panel * n_rows, np.float32)
    keys = np.empty(largest * LANES, np.uint32)
    weights = np.empty(largest * LANES, np.float32)
    state = np.empty((3, LANES), np.float64)
    up = np.empty(LANES, np.float64)
    for first in range(0, n_signatures, panel):
        width = min(panel, n_signatures - first)
        for row in range(n_rows):
            gene = rows[row]
            later = rows[min(row + AHEAD, n_rows - 1)]
            for lanes in range(0, width, LANES):
                _ask_lanes(rank, z, later, first + lanes)
                target = lanes * n_rows + row * LANES
                if lanes + LANES <= width:
                    _copy_lanes(rank, z, gene, first + lanes, ranks, scores, target)
                else:
                    for lane in range(width - lanes):
                        ranks[target + lane] = rank[gene, first + lanes + lane]
                        scores[target + lane] = z[gene, first + lanes + lane]
        for lanes in range(0, width, LANES):
            base = lanes * n_rows
            kept = min(LANES, width - lanes)
            for query in range(bounds.shape[0]):
                for side in range(2):
                    start, stop = bounds[query, 2 * side], bounds[query, 2 * side + 1]
                    if start < stop:
                        first_phase, last_phase = which[query, side, 0], which[query, side, 1]
                        _score_lanes(
                            ranks, scores, base, genes, start, stop, n_genes, weighted, networks,
                            phases[first_phase:last_phase], keys, weights, state,
                        )  # fmt: skip
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
        self.genes = np.concatenate([place.reshape(-1), np.zeros(AHEAD)]).astype(np.uint16)
        self.bounds = np.ascontiguousarray(bounds, np.int64).reshape(-1, 4)
        self.weighted = int(weighted)
        sizes = self.bounds.reshape(-1, 2, 2)[:, :, 1] - self.bounds.reshape(-1, 2, 2)[:, :, 0]
        padded = -(-sizes // STEP) * STEP
        assert padded.max(initial=0) <= SET_MAX
        self.largest = int(padded.max(initial=STEP)) + RUN
        distinct, place = np.unique(padded, return_inverse=True)
        networks, phases, ends, operations = [np.empty((0, 4), np.uint16)], [np.empty((0, 3), np.int64)], [0], 0
        for size in distinct:
            items, steps = fused_network(int(size), RUN)
            networks.append(items)
            phases.append(steps + np.array([0, operations, operations]))
            operations += len(items)
            ends.append(ends[-1] + len(steps))
        self.networks = np.ascontiguousarray(np.concatenate(networks))
        self.phases = np.ascontiguousarray(np.concatenate(phases))
        place, bound = place.reshape(padded.shape), np.array(ends)
        self.which = np.ascontiguousarray(np.stack([bound[place], bound[place + 1]], axis=-1), np.int64)

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
            rank, z, self.rows, self.genes, self.bounds, self.networks, self.phases, self.which,
            self.largest, self.weighted, out, offset,
        )  # fmt: skip


def score_sets(
    rank: np.ndarray, z: np.ndarray, genes: np.ndarray, bounds: np.ndarray, out: np.ndarray, *, weighted: bool = True
) -> None:
    """Compiled :func:`beadwork.kernels.connectivity.wtcs.score_sets`."""
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
