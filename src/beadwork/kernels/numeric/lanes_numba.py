# mypy: disallow-untyped-calls=False
"""Sixteen numbers side by side, as types that compiled kernels can calculate with: the words of all vector code here.

Compilers do not vectorise sums over beads unless they may reorder them, and then the last bits depend on who compiled;
nor do they see that sixteen signatures can be sorted side by side.  Here the order is written down: each lane runs its
own sum, product or comparison, and lanes are joined in halves.  The result is the same on every machine; one without
vectors of sixteen uses several smaller ones.  Without compilation (NUMBA_DISABLE_JIT=1) the plain forms of
:mod:`beadwork.kernels.numeric.lanes` run instead.

Lanes of float32 and float64 know ``+ - * /``, those of uint32 ``+ - | & << >>``, and the functions below; which lanes
an array has follows from its type.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from beadwork.kernels.numeric import lanes as plain
from beadwork.kernels.numeric.jit import jit, jit_disabled
from beadwork.kernels.numeric.networks import sorting_network

LANES = plain.LANES
scratch = jit(plain.scratch)

if jit_disabled():
    load, store, spread, fused = plain.load, plain.store, plain.spread, plain.fused
    least, most, natural_log, absolute = plain.least, plain.most, plain.natural_log, plain.absolute
    prefetch, gather, sort_rows = plain.prefetch, plain.gather, plain.sort_rows
    widen, to_float64 = plain.widen, plain.to_float64
    store_sums, store_products = plain.store_sums, plain.store_products
else:
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.core.typing.templates import AbstractTemplate, infer_global, signature
    from numba.extending import intrinsic, lower_builtin, models, register_model

    _I32, _I64 = ir.IntType(32), ir.IntType(64)
    _ELEMENTS = {
        types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.uint16: ir.IntType(16), types.uint32: _I32,
    }  # fmt: skip

    class _LanesType(types.Type):
        """The numba type of lanes."""

        def __init__(self, dtype: Any) -> None:
            self.dtype = dtype
            super().__init__(name=f"Lanes({dtype})")

    @register_model(_LanesType)
    class _LanesModel(models.PrimitiveModel):
        """Lanes are one LLVM vector."""

        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, _vector(kind.dtype))

    def _vector(dtype: Any) -> Any:
        return ir.VectorType(_ELEMENTS[dtype], LANES)

    def _is_float(dtype: Any) -> bool:
        return isinstance(dtype, types.Float)

    def _add_operator(symbol: Any, of_floats: str | None, of_integers: str | None) -> None:
        class _Operator(AbstractTemplate):
            def generic(self, args: Any, kws: Any) -> Any:
                if len(args) != 2 or args[0] != args[1] or not isinstance(args[0], _LanesType):
                    return None
                known = of_floats if _is_float(args[0].dtype) else of_integers
                return signature(args[0], *args) if known else None

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return getattr(builder, of_floats if _is_float(kind.args[0].dtype) else of_integers)(*args)  # type: ignore[arg-type]

        infer_global(symbol)(_Operator)
        lower_builtin(symbol, _LanesType, _LanesType)(generate)

    _add_operator(operator.add, "fadd", "add")
    _add_operator(operator.sub, "fsub", "sub")
    _add_operator(operator.mul, "fmul", None)
    _add_operator(operator.truediv, "fdiv", None)
    _add_operator(operator.or_, None, "or_")
    _add_operator(operator.and_, None, "and_")
    _add_operator(operator.lshift, None, "shl")
    _add_operator(operator.rshift, None, "lshr")

    def _holds_lanes(array: Any) -> bool:
        return isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C" and array.dtype in _ELEMENTS

    def _place(context: Any, builder: Any, kind: Any, array: Any, start: Any) -> Any:
        """Pointer to one number of an array."""
        return builder.gep(context.make_array(kind)(context, builder, array).data, [start])

    def _address(context: Any, builder: Any, kind: Any, array: Any, start: Any, size: int = LANES) -> Any:
        """Pointer to consecutive numbers of an array."""
        element = ir.VectorType(_ELEMENTS[kind.dtype], size)
        return builder.bitcast(_place(context, builder, kind, array, start), element.as_pointer())

    def _constant(dtype: Any, number: float) -> Any:
        return ir.Constant(_vector(dtype), [number] * LANES)

    def _pick(builder: Any, a: Any, b: Any, places: list[int]) -> Any:
        """Lanes of a followed by b, at the places given."""
        return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(places)), places))

    def _call(builder: Any, name: str, *args: Any) -> Any:
        """Call an LLVM intrinsic of lanes."""
        vector = args[0].type
        kind = ir.FunctionType(vector, [vector] * len(args))
        letter = "f64" if vector.element == ir.DoubleType() else "f32"
        name = f"llvm.{name}.v{LANES}{letter}"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        return builder.call(function, args)

    def _compare(builder: Any, dtype: Any, sign: str, a: Any, b: Any) -> Any:
        compare = builder.fcmp_ordered if _is_float(dtype) else builder.icmp_unsigned
        return builder.select(compare(sign, a, b), a, b)

    @intrinsic
    def load(typing: Any, array: Any, start: Any) -> Any:
        """LANES consecutive numbers of an array of one dimension."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            address = _address(context, builder, kind.args[0], *args)
            return builder.load(address, align=array.dtype.bitwidth // 8)

        return (_LanesType(array.dtype)(array, types.intp), generate) if _holds_lanes(array) else None

    @intrinsic
    def store(typing: Any, array: Any, start: Any, lanes: Any) -> Any:
        """Write lanes into an array of one dimension."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            address = _address(context, builder, kind.args[0], *args[:2])
            builder.store(args[2], address, align=array.dtype.bitwidth // 8)
            return context.get_dummy_value()

        if not _holds_lanes(array) or lanes != _LanesType(array.dtype) or not array.mutable:
            return None
        return types.void(array, types.intp, lanes), generate

    @intrinsic
    def prefetch(typing: Any, array: Any, start: Any) -> Any:
        """Ask for numbers of an array that are loaded soon."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            byte = ir.IntType(8).as_pointer()
            of = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
            function = cgutils.get_or_insert_function(builder.module, of, "llvm.prefetch.p0i8")
            place = builder.bitcast(_place(context, builder, kind.args[0], *args), byte)
            builder.call(function, [place, *(ir.Constant(_I32, number) for number in (0, 3, 1))])
            return context.get_dummy_value()

        return (types.void(array, types.intp), generate) if _holds_lanes(array) else None

    @intrinsic
    def gather(typing: Any, array: Any, rows: Any) -> Any:
        """Lane by lane the number of its own column in a row of an array that has rows of LANES numbers."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            data = context.make_array(kind.args[0])(context, builder, args[0]).data
            first = builder.shl(args[1], _constant(types.uint32, LANES.bit_length() - 1))
            found = ir.Constant(_vector(array.dtype), ir.Undefined)
            for lane in range(LANES):
                number = ir.Constant(_I32, lane)
                row = builder.zext(builder.extract_element(first, number), _I64)
                where = builder.gep(builder.gep(data, [ir.Constant(_I64, lane)]), [row])
                found = builder.insert_element(found, builder.load(where), number)
            return found

        if not _holds_lanes(array) or rows != _LanesType(types.uint32):
            return None
        return _LanesType(array.dtype)(array, rows), generate

    @intrinsic
    def spread(typing: Any, number: Any) -> Any:
        """One number in all lanes."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            nothing = ir.Constant(_vector(number), ir.Undefined)
            first = builder.insert_element(nothing, args[0], ir.Constant(_I32, 0))
            return _pick(builder, first, nothing, [0] * LANES)

        return (_LanesType(number)(number), generate) if number in _ELEMENTS else None

    @intrinsic
    def widen(typing: Any, lanes: Any) -> Any:
        """Give the same numbers with twice the bits."""
        wider = {_LanesType(types.uint16): types.uint32, _LanesType(types.float32): types.float64}.get(lanes)

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return (builder.fpext if _is_float(wider) else builder.zext)(args[0], _vector(wider))

        return (_LanesType(wider)(lanes), generate) if wider else None

    @intrinsic
    def to_float64(typing: Any, lanes: Any) -> Any:
        """Give differences of uint32 lanes, which may be below 0, as float64."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return builder.sitofp(args[0], _vector(types.float64))

        return (_LanesType(types.float64)(lanes), generate) if lanes == _LanesType(types.uint32) else None

    @intrinsic
    def fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
        """Give a b + c, rounded once."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return _call(builder, "fma", *args)

        return (a(a, b, c), generate) if a == b == c == _LanesType(types.float32) else None

    @intrinsic
    def least(typing: Any, a: Any, b: Any) -> Any:
        """Lane by lane the smaller one; of a NaN and a number the second."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return _compare(builder, a.dtype, "<", *args)

        return (a(a, b), generate) if a == b and isinstance(a, _LanesType) else None

    @intrinsic
    def most(typing: Any, a: Any, b: Any) -> Any:
        """Lane by lane the larger one; of a NaN and a number the second."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return _compare(builder, a.dtype, ">", *args)

        return (a(a, b), generate) if a == b and isinstance(a, _LanesType) else None

    @intrinsic
    def absolute(typing: Any, lanes: Any) -> Any:
        """Size without sign."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            return _call(builder, "fabs", args[0])

        return (lanes(lanes), generate) if isinstance(lanes, _LanesType) and _is_float(lanes.dtype) else None

    @intrinsic
    def sort_rows(typing: Any, array: Any, start: Any) -> Any:
        """Sort LANES consecutive rows of lanes, each lane by itself, in registers."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            starts = [builder.add(args[1], ir.Constant(_I64, LANES * row)) for row in range(LANES)]
            places = [_address(context, builder, kind.args[0], args[0], at) for at in starts]
            align = array.dtype.bitwidth // 8
            rows = [builder.load(place, align=align) for place in places]
            for a, b in sorting_network(LANES).tolist():
                smaller = _compare(builder, array.dtype, "<", rows[a], rows[b])
                rows[a], rows[b] = smaller, _compare(builder, array.dtype, ">", rows[a], rows[b])
            for place, row in zip(places, rows, strict=True):
                builder.store(row, place, align=align)
            return context.get_dummy_value()

        return (types.void(array, types.intp), generate) if _holds_lanes(array) and array.mutable else None

    @intrinsic
    def natural_log(typing: Any, lanes: Any) -> Any:
        """Logarithm of positive lanes.

        Of 2^e m, m between the roots of 1/2 and 2: e log 2 + 2 atanh((m - 1) / (m + 1)), five terms of its series.
        """

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            integers, floats = _vector(types.uint32), _vector(types.float32)

            def constant(number: float, of: Any = types.float32) -> Any:
                return _constant(of, number)

            bits = builder.bitcast(args[0], integers)
            root = constant(int(np.float32(0.5**0.5).view(np.int32)), types.uint32)
            exponent = builder.ashr(builder.sub(bits, root), constant(23, types.uint32))
            m = builder.bitcast(builder.sub(bits, builder.shl(exponent, constant(23, types.uint32))), floats)
            one = constant(1.0)
            s = builder.fdiv(builder.fsub(m, one), builder.fadd(m, one))
            square = builder.fmul(s, s)
            series = constant(2.0 / 9.0)
            for odd in (7.0, 5.0, 3.0, 1.0):
                series = _call(builder, "fma", series, square, constant(2.0 / odd))
            return _call(
                builder, "fma", builder.sitofp(exponent, floats), constant(math.log(2.0)), builder.fmul(series, s)
            )

        return (lanes(lanes), generate) if lanes == _LanesType(types.float32) else None

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
            builder.store(sums, _address(context, builder, kind.args[0], array, start, 4), align=4)
            return context.get_dummy_value()

        return types.void(array, types.intp, a, b, c, d), generate

    @intrinsic
    def store_products(typing: Any, array: Any, start: Any, below: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        """Write the products of the lanes of a and b, halves first, to two numbers, and those of c and d below them."""

        def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
            array, start, below, *four = args
            products = _joined(builder, "fmul", *four)
            for place, first in ((start, 0), (below, 2)):
                two = _pick(builder, products, products, [first, first + 1])
                builder.store(two, _address(context, builder, kind.args[0], array, place, 2), align=4)
            return context.get_dummy_value()

        return types.void(array, types.intp, types.intp, a, b, c, d), generate
