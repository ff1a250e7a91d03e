"""The inner loops of lattice filtering as vector instructions, on one row of channels at a time.

LLVM does not turn such loops into vector code. It cannot prove that two arrays do not overlap, so it guards every row
with a check that costs as much as the row, and it unrolls the exponentials. Each function here works on C-contiguous
float32 tables of `len(lanes)` channels, with one row for each vertex or pixel. It emits its instructions while numba
compiles the calling function.
"""

from collections.abc import Callable
from math import factorial, log
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.extending import intrinsic

FLAGS = ("contract", "nnan", "nsz")
VECTOR = 8  # lanes of a vector, as many as AVX2 has; wider vectors were not faster
LOWEST_EXPONENT = -126.0  # of the smallest normal float32 number
ROUNDER = 1.5 * 2**23  # adding and subtracting it rounds a float32 to a whole number
INT32, INT64, FLOAT = ir.IntType(32), ir.IntType(64), ir.FloatType()

Pieces = list[Any]


@intrinsic
def slice_row(context, row, base, start, table, vertices, weights, pixel, corners, lanes):
    """`row[0] = base[start] + Σ_k weights[pixel, k] · table[vertices[pixel, k]]`."""

    def generate(target, builder, signature, arguments):
        rows = _Rows(target, builder, signature, arguments, lanes.count)
        total = rows.load(1, arguments[2])
        for vertex, weight in rows.corners(4, 5, arguments[6], corners.count):
            total = rows.add(total, rows.scale(rows.load(3, vertex), rows.spread(weight)))
        rows.store(0, rows.first, total)
        return target.get_dummy_value()

    return types.void(row, base, types.int64, table, vertices, weights, types.int64, corners, lanes), generate


@intrinsic
def splat_row(context, row, table, vertices, weights, pixel, corners, lanes):
    """`table[vertices[pixel, k]] += weights[pixel, k] · row[0]` for every k."""

    def generate(target, builder, signature, arguments):
        rows = _Rows(target, builder, signature, arguments, lanes.count)
        values = rows.load(0, rows.first)
        for vertex, weight in rows.corners(2, 3, arguments[4], corners.count):
            rows.store(1, vertex, rows.add(rows.load(1, vertex), rows.scale(values, rows.spread(weight))))
        return target.get_dummy_value()

    return types.void(row, table, vertices, weights, types.int64, corners, lanes), generate


@intrinsic
def blur_row(context, blurred, table, vertex, before, after, lanes):
    """`blurred[vertex] = table[vertex] + ½ (table[before] + table[after])`."""

    def generate(target, builder, signature, arguments):
        rows = _Rows(target, builder, signature, arguments, lanes.count)
        middle, *sides = (rows.load(1, place) for place in arguments[2:5])
        half = rows.scale(rows.add(*sides), rows.fill(0.5))
        rows.store(0, arguments[2], rows.add(middle, half))
        return target.get_dummy_value()

    return types.void(blurred, table, types.int64, types.int64, types.int64, lanes), generate


@intrinsic
def softmax_row(context, row, lanes):
    """`row[0]`: logits relative to a last label, whose logit is 0 → probabilities minus the last label's."""

    def generate(target, builder, signature, arguments):
        rows = _Rows(target, builder, signature, arguments, lanes.count)
        logits = rows.load(0, rows.first)
        top = rows.fold(rows.maximum, [*logits, rows.fill(0.0)])
        powers = [rows.exp(builder.fsub(logit, top, flags=FLAGS)) for logit in logits]
        last = rows.exp(builder.fsub(rows.fill(0.0), top, flags=FLAGS))
        total = builder.fadd(rows.fold(builder.fadd, powers), last)
        rows.store(0, rows.first, [builder.fdiv(builder.fsub(power, last), total) for power in powers])
        return target.get_dummy_value()

    return types.void(row, lanes), generate


class _Rows:
    """Emits code that loads, combines and stores rows. A row is a list of vectors, of a single one if it is short."""

    def __init__(self, target: Any, builder: Any, signature: Any, arguments: Any, lanes: int):
        self.target, self.builder, self.arguments, self.types = target, builder, arguments, signature.args
        self.lanes = lanes
        self.width = VECTOR if lanes % VECTOR == 0 else lanes
        self.piece = ir.VectorType(FLOAT, self.width) if self.width > 1 else FLOAT
        self.first = ir.Constant(INT64, 0)

    def load(self, table: int, row: Any) -> Pieces:
        """The row with this number of the table that is the argument with this index."""
        return [self.builder.load(place, align=4) for place in self._places(table, row)]

    def store(self, table: int, row: Any, values: Pieces) -> None:
        """Write a row of a table; the inverse of `load`."""
        for value, place in zip(values, self._places(table, row), strict=True):
            self.builder.store(value, place, align=4)

    def corners(self, vertices: int, weights: int, pixel: Any, count: int) -> list[tuple[Any, Any]]:
        """(vertex, weight) of each corner of a pixel's simplex, from the arguments with these indices."""
        first = self.builder.mul(pixel, ir.Constant(INT64, count))
        offsets = [self.builder.add(first, ir.Constant(INT64, k)) for k in range(count)]
        pairs = [(self._entry(vertices, offset), self._entry(weights, offset)) for offset in offsets]
        return [(self.builder.sext(vertex, INT64), weight) for vertex, weight in pairs]

    def add(self, left: Pieces, right: Pieces) -> Pieces:
        """The sum, piece by piece."""
        return [self.builder.fadd(one, other, flags=FLAGS) for one, other in zip(left, right, strict=True)]

    def scale(self, pieces: Pieces, factor: Any) -> Pieces:
        """Every piece times one factor, which is a piece too."""
        return [self.builder.fmul(piece, factor, flags=FLAGS) for piece in pieces]

    def fill(self, value: float) -> Any:
        """A piece with one constant in every lane."""
        return ir.Constant(self.piece, [value] * self.width if self.width > 1 else value)

    def spread(self, number: Any) -> Any:
        """A piece with one number in every lane."""
        if self.width == 1:
            return number
        lone = self.builder.insert_element(ir.Constant(self.piece, ir.Undefined), number, ir.Constant(INT32, 0))
        return self._shuffle(lone, [0] * self.width)

    def maximum(self, left: Any, right: Any) -> Any:
        """The larger value, lane by lane."""
        return self.builder.select(self.builder.fcmp_ordered(">", left, right, flags=FLAGS), left, right)

    def fold(self, combine: Callable[[Any, Any], Any], pieces: Pieces) -> Any:
        """All lanes of all pieces combined into one number, which is then in every lane."""
        total = pieces[0]
        for piece in pieces[1:]:
            total = combine(total, piece)
        step = self.width // 2
        while step:
            total = combine(total, self._shuffle(total, [lane ^ step for lane in range(self.width)]))
            step //= 2
        return total

    def exp(self, piece: Any) -> Any:
        """e^x = 2^n · 2^f, n whole, |f| ≤ ½: the bits of 2^n times a Taylor polynomial of 2^f with error 1.2e-7."""
        builder = self.builder
        power = builder.fmul(piece, self.fill(1 / log(2)), flags=FLAGS)
        power = self.maximum(power, self.fill(LOWEST_EXPONENT))
        whole = builder.fsub(builder.fadd(power, self.fill(ROUNDER)), self.fill(ROUNDER))
        rest = builder.fsub(power, whole, flags=FLAGS)
        series = self.fill(log(2) ** 6 / factorial(6))
        for k in range(5, -1, -1):
            series = builder.fadd(
                builder.fmul(series, rest, flags=FLAGS), self.fill(log(2) ** k / factorial(k)), flags=FLAGS
            )
        integers = ir.VectorType(INT32, self.width) if self.width > 1 else INT32
        exponent = builder.add(builder.fptosi(whole, integers), self._integer(integers, 127))
        bits = builder.shl(exponent, self._integer(integers, 23))
        return builder.fmul(series, builder.bitcast(bits, self.piece), flags=FLAGS)

    def _integer(self, kind: Any, value: int) -> Any:
        return ir.Constant(kind, [value] * self.width if self.width > 1 else value)

    def _shuffle(self, vector: Any, lanes: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(INT32, self.width), lanes)
        return self.builder.shuffle_vector(vector, ir.Constant(self.piece, ir.Undefined), mask)

    def _places(self, table: int, row: Any) -> list[Any]:
        first = self.builder.mul(row, ir.Constant(INT64, self.lanes))
        offsets = [self.builder.add(first, ir.Constant(INT64, lane)) for lane in range(0, self.lanes, self.width)]
        places = [self.builder.gep(self._data(table), [offset]) for offset in offsets]
        return [self.builder.bitcast(place, self.piece.as_pointer()) for place in places]

    def _entry(self, table: int, offset: Any) -> Any:
        return self.builder.load(self.builder.gep(self._data(table), [offset]))

    def _data(self, table: int) -> Any:
        array = self.target.make_array(self.types[table])
        return array(self.target, self.builder, self.arguments[table]).data
