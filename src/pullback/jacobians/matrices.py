"""Jacobians and Hessians, built row by row, only when asked for and only where they are small."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..avals import Aval
from ..differentiate import Wrt, grad
from ..dims import Dim, product
from ..errors import UsageError
from ..numbers import is_whole_number
from ..program import Program, Var
from ..transforms import vjp_program
from ..trees import unflatten
from .point import Point, Wanted, at_point

MOST_BYTES = 2**28
"""What a Jacobian may take unless more is allowed: 268 MB."""


def jacobian(
    function: Callable[..., Any] | Program, wrt: Wrt = None, *, most_bytes: int = MOST_BYTES
) -> Callable[..., Any]:
    """The Jacobian of a function: every dy_i/dx_j, as an array of shape out.shape + in.shape.

    Its rows are unit cotangents pulled back, e_i J; so it costs one backward pass for each entry
    of the output. `vjp` and `jvp` multiply by it for the price of one, and never build it.

    Args:
        function: A NumPy function or a `Program`.
        wrt: As for `grad`: names or positions of arguments; the first one when None.
        most_bytes: A Jacobian that takes more bytes than this is refused, with what it would take.

    Returns:
        A function of the same arguments. J has the dtype of the argument. Where the output or the
        argument is a container, or `wrt` a list, J is the container of the output whose leaves
        are containers of the argument: J[output][argument]. None stands for output leaves that
        are not floating.

    Raises:
        UsageError: When it would take more than `most_bytes`, or wrt names no floating argument.
        TraceError: When the function does what a program cannot record.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.jacobian(lambda x: np.array([1.0, 2.0]) * x[0] * x[1])(np.array([3.0, 5.0]))
        array([[ 5.,  3.],
               [10.,  6.]])
        >>> pb.jacobian(np.exp)(np.zeros(10**6))
        Traceback (most recent call last):
        ...
        pullback.errors.UsageError: The Jacobian of exp would take 8.0 TB (1000000 x 1000000 \
numbers), more than 268 MB; pb.vjp and pb.jvp multiply by it without building it, \
most_bytes=8000000000000 allows it.
    """
    return _built(function, wrt, most_bytes, "Jacobian")


def hessian(
    function: Callable[..., Any] | Program, wrt: Wrt = None, *, most_bytes: int = MOST_BYTES
) -> Callable[..., Any]:
    """The Hessian of a scalar function: d^2 f / dx_i dx_j, the Jacobian of its gradient.

    It costs one more backward pass for each entry of x; `hvp` multiplies by it without building
    it. At a kink it follows the conventions of the gradient.

    Args:
        function: A NumPy function or a `Program` that returns one floating number.
        wrt: As for `grad`; with a list, the result is a tuple of rows of blocks, H[i][j].
        most_bytes: As for `jacobian`.

    Returns:
        A function of the same arguments that returns an array of shape x.shape + x.shape, or
        containers of such blocks: that of the gradient, whose leaves are that of the argument.

    Raises:
        UsageError: As `grad` and `jacobian`.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
        array([[10.,  6.],
               [ 6.,  0.]])
    """
    return _built(grad(function, wrt), wrt, most_bytes, "Hessian")


def _built(
    function: Callable[..., Any] | Program, wrt: Wrt, most_bytes: int, what: str
) -> Callable[..., Any]:
    if not is_whole_number(most_bytes):
        raise UsageError(f"most_bytes must be a whole number of bytes, not {most_bytes!r}.")

    def matrix(*args: Any, **kwargs: Any) -> Any:
        point = at_point(function, args, kwargs)
        wanted = point.wanted(wrt)
        _refuse_large(point, wanted, most_bytes, what)
        return _matrix(point, wanted)

    return matrix if isinstance(function, Program) else wraps(function)(matrix)


def _matrix(point: Point, wanted: Wanted) -> Any:
    derived = vjp_program(point.program, wanted.inputs)
    leaves: list[Any] = []
    for position, atom in enumerate(point.program.outputs):
        if not atom.aval.is_float:
            leaves.append(None)
            continue
        rows = _rows(point, derived, position)
        blocks = _blocks(rows, atom.aval.shape, wanted.inputs, point.nested)
        leaves.append(unflatten(wanted.structure, blocks))
    return unflatten(point.program.result, leaves)


def _rows(point: Point, derived: Program, position: int) -> Iterator[list[Any]]:
    """One cotangent per input for each unit cotangent of one output, the others' being 0."""
    floating = {i: a.aval for i, a in enumerate(point.program.outputs) if a.aval.is_float}
    shapes: dict[int, Any] = {i: aval.shape for i, aval in floating.items()}
    zeros = {i: np.zeros(shape) for i, shape in shapes.items()}
    for entry in np.ndindex(shapes[position]):
        unit = zeros[position].copy()
        unit[entry] = 1
        yield point.run(derived, list({**zeros, position: unit}.values()))


def _blocks(rows: Iterator[list[Any]], out: Any, inputs: Sequence[Var], nested: bool) -> list[Any]:
    """For each input, its rows as one array of shape out.shape + in.shape."""
    shapes: list[Any] = [(*out, *var.aval.shape) for var in inputs]
    count: Any = product(out)
    if nested and count:
        columns = zip(*rows, strict=True)
        return [np.stack(c).reshape(shape) for c, shape in zip(columns, shapes, strict=True)]
    pairs = zip(shapes, inputs, strict=True)
    blocks: list[Any] = [np.empty(shape, var.aval.dtype) for shape, var in pairs]
    for entry, cotangents in zip(np.ndindex(out), rows, strict=True):
        for block, cotangent in zip(blocks, cotangents, strict=True):
            block[entry] = cotangent
    return [block[()] for block in blocks]


def _refuse_large(point: Point, wanted: Wanted, most_bytes: int, what: str) -> None:
    outputs = [atom.aval for atom in point.program.outputs if atom.aval.is_float]
    rows = sum(_entries(aval, point, what) for aval in outputs)
    columns = sum(_entries(var.aval, point, what) for var in wanted.inputs)
    widest = max(var.aval.dtype.itemsize for var in wanted.inputs)
    size = rows * columns * widest
    if size > most_bytes:
        raise UsageError(
            f"The {what} of {point.program.name} would take {_readable(size)} ({rows} x {columns} "
            f"numbers), more than {_readable(most_bytes)}; {_INSTEAD[what]} it without building "
            f"it, most_bytes={size} allows it."
        )


def _entries(aval: Aval, point: Point, what: str) -> int:
    count = product(aval.shape)
    if isinstance(count, Dim):
        raise UsageError(
            f"The {what} of {point.program.name} has a row for each entry, and the shape "
            f"{aval.shape_text} has no fixed length while tracing."
        )
    return count


_INSTEAD = {
    "Jacobian": "pb.vjp and pb.jvp multiply by",
    "Hessian": "pb.hvp multiplies by",
}


def _readable(size: float) -> str:
    """A number of bytes as people write it."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
