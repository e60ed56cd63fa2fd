# mypy: disallow-untyped-calls=False
"""Sixteen single-precision numbers side by side, as a type that compiled kernels can calculate with.

Compilers do not vectorise sums over beads unless they may reorder them, and then the last bits hang on who compiled.
Here the order is written down: each lane runs its own sum or product, and lanes are joined in halves.  What is summed
and multiplied is the same on every machine; one without vectors of sixteen uses several smaller ones.  Without
compilation (NUMBA_DISABLE_JIT=1) the plain forms of :mod:`beadwork.kernels.numeric.lanes` run instead.

Lanes know ``+ - * /`` and the functions below.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from beadwork.kernels.numeric import lanes as plain
from beadwork.kernels.numeric.jit import jit, jit_disabled

LANES = plain.LANES
scratch = jit(plain.scratch)

if jit_disabled():
    load, store, spread, fused = plain.load, plain.store, plain.spread, plain.fused
    least, most, natural_log = plain.least, plain.most, plain.natural_log
    store_sums, store_products = plain.store_sums, plain.store_products
else:
    from llvmlite import ir
    from numba.core import types
    from numba.core.typing.templates import AbstractTemplate, infer_global, signature
    from numba.extending import intrinsic, lower_builtin, models, register_model

    _I32, _F32 = ir.IntType(32), ir.FloatType()
    _VECTOR = ir.VectorType(_F32, LANES)
    _ARRAY = types.Array(types.float32, 1, "C")

    class _LanesType(types.Type):
        """The numba type of lanes."""

        def __init__(self) -> None:
            super().__init__(name="Lanes")

    _LANES = _LanesType()

    @register_model(_LanesType)
    class _LanesModel(models.PrimitiveModel):
        """Lanes are one LLVM vector."""

        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, _VECTOR)

    def _add_operator(symbol: Any, instruction: str) -> None:
        class _Operator(AbstractTemplate):
            def generic(self, args: Any, kws: Any) -> Any:
                return signature(_LANES, _LANES, _LANES) if args == (_LANES, _LANES) else None

        infer_global(symbol)(_Operator)
        lower_builtin(symbol, _LanesType, _LanesType)(
            lambda context, builder, kind, args: getattr(builder, instruction)(*args)
        )

    for _symbol, _instruction in (
        (operator.add, "fadd"),
        (operator.sub, "fsub"),
        (operator.mul, "fmul"),
        (operator.truediv, "fdiv"),
    ):
        _add_operator(_symbol, _instruction)

    def _address(context: Any, builder: Any, array: Any, start: Any, element: Any) -> Any:
        data = context.make_array(_ARRAY)(context, builder, array).data
        return builder.bitcast(builder.gep(data, [start]), element.as_pointer())

    def _pick(builder: Any, a: Any, b: Any, places: list[int]) -> Any:
        """Lanes of a followed by b, at the places given."""
        return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(places)), places))

    def _call(builder: Any, name: str, *args: Any) -> Any:
        """Call an LLVM intrinsic of lanes."""
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(args))
        module = builder.module
        name = f"llvm.{name}.v{LANES}f32"
        function = module.globals.get(name) or ir.Function(module, kind, name)
        return builder.call(function, args)

    @intrinsic
    def load(typing: Any, array: Any, start: Any) -> Any:
        """LANES consecutive numbers of a float32 array of one dimension."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            array, start = args
            return builder.load(_address(context, builder, array, start, _VECTOR), align=4)

        return _LANES(_ARRAY, types.intp), generate

    @intrinsic
    def store(typing: Any, array: Any, start: Any, lanes: Any) -> Any:
        """Write lanes into a float32 array of one dimension."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            array, start, lanes = args
            builder.store(lanes, _address(context, builder, array, start, _VECTOR), align=4)
            return context.get_dummy_value()

        return types.void(_ARRAY, types.intp, _LANES), generate

    @intrinsic
    def spread(typing: Any, number: Any) -> Any:
        """One number in all lanes."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            nothing = ir.Constant(_VECTOR, ir.Undefined)
            first = builder.insert_element(nothing, args[0], ir.Constant(_I32, 0))
            return _pick(builder, first, nothing, [0] * LANES)

        return _LANES(types.float32), generate

    @intrinsic
    def fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
        """Give a b + c, rounded once."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return _call(builder, "fma", *args)

        return _LANES(_LANES, _LANES, _LANES), generate

    @intrinsic
    def least(typing: Any, a: Any, b: Any) -> Any:
        """Lane by lane the smaller one."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return builder.select(builder.fcmp_ordered("<", *args), *args)

        return _LANES(_LANES, _LANES), generate

    @intrinsic
    def most(typing: Any, a: Any, b: Any) -> Any:
        """Lane by lane the larger one."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", *args), *args)

        return _LANES(_LANES, _LANES), generate

    @intrinsic
    def natural_log(typing: Any, lanes: Any) -> Any:
        """Logarithm of positive lanes.

        Of 2^e m, m between the roots of 1/2 and 2: e log 2 + 2 atanh((m - 1) / (m + 1)), five terms of its series.
        """

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            integers = ir.VectorType(_I32, LANES)

            def constant(number: float, of: Any = _VECTOR) -> Any:
                return ir.Constant(of, [number] * LANES)

            bits = builder.bitcast(args[0], integers)
            root = constant(int(np.float32(0.5**0.5).view(np.int32)), integers)
            exponent = builder.ashr(builder.sub(bits, root), constant(23, integers))
            m = builder.bitcast(builder.sub(bits, builder.shl(exponent, constant(23, integers))), _VECTOR)
            one = constant(1.0)
            s = builder.fdiv(builder.fsub(m, one), builder.fadd(m, one))
            square = builder.fmul(s, s)
            series = constant(2.0 / 9.0)
            for odd in (7.0, 5.0, 3.0, 1.0):
                series = _call(builder, "fma", series, square, constant(2.0 / odd))
            return _call(
                builder, "fma", builder.sitofp(exponent, _VECTOR), constant(math.log(2.0)), builder.fmul(series, s)
            )

        return _LANES(_LANES), generate

    def _joined(builder: Any, instruction: str, a: Any, b: Any, c: Any, d: Any) -> Any:
        """Join the lanes of each of four by an instruction; the first four lanes of the result are the answers."""

        def fold(a: Any, b: Any, size: int) -> Any:
            """Join the halves of each group of `size` lanes of a and b; those of b come after those of a."""
            places = [at for at in range(2 * LANES) if at % size < size // 2]
            halves = (_pick(builder, a, b, [at + shift for at in places]) for shift in (0, size // 2))
            return getattr(builder, instruction)(*halves)

        part = fold(fold(a, b, LANES), fold(c, d, LANES), LANES // 2)
        for size in (LANES // 4, LANES // 8):  # what is computed twice here is left out by the compiler
            part = fold(part, part, size)
        return part

    @intrinsic
    def store_sums(typing: Any, array: Any, start: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        """Write the sums of the lanes of a, b, c and d, halves first, to four consecutive numbers of an array."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            array, start, *four = args
            sums = _joined(builder, "fadd", *four)
            sums = _pick(builder, sums, sums, [0, 1, 2, 3])
            builder.store(sums, _address(context, builder, array, start, ir.VectorType(_F32, 4)), align=4)
            return context.get_dummy_value()

        return types.void(_ARRAY, types.intp, *[_LANES] * 4), generate

    @intrinsic
    def store_products(typing: Any, array: Any, start: Any, below: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        """Write the products of the lanes of a and b, halves first, to two numbers, and those of c and d below them."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            array, start, below, *four = args
            products, pair = _joined(builder, "fmul", *four), ir.VectorType(_F32, 2)
            for place, first in ((start, 0), (below, 2)):
                two = _pick(builder, products, products, [first, first + 1])
                builder.store(two, _address(context, builder, array, place, pair), align=4)
            return context.get_dummy_value()

        return types.void(_ARRAY, types.intp, types.intp, *[_LANES] * 4), generate
