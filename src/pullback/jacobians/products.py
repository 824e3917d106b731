"""Products with a Jacobian or a Hessian, neither of which is built: jvp, hvp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, overload

import numpy as np

from ..differentiate import Wrt, grad, named_inputs, owned, wanted_arguments
from ..errors import UsageError
from ..program import Program, Var
from ..tracing import TracedArray
from ..tracing.trace import signature_of
from ..transforms.jvp import jvp_program
from ..trees import Structure, format_path, leaves_in, unflatten
from .point import Part, at_point


def jvp(
    function: Callable[..., Any] | Program,
    primals: Sequence[Any],
    tangents: Sequence[Any],
    /,
    **keywords: Any,
) -> tuple[Any, Any]:
    """The value of a function and its derivative along a direction.

    For y = f(x_1, ..., x_n) with Jacobians J_i = dy/dx_i, and a tangent t_i for each x_i, it is
    (y, J_1 t_1 + ... + J_n t_n). No Jacobian is built, and there is no second set of rules: it
    is the transpose of the VJP, which is linear in the cotangent.

    Args:
        function: A NumPy function, or a `Program`.
        primals: Its arguments, as a tuple or list.
        tangents: One tangent per primal, with its structure and shapes. None says that a primal
            (or a leaf of one) does not move, and must stand where a leaf is not floating.
        **keywords: Further arguments, which do not move.

    Returns:
        (out, tangent). The tangent has out's structure, shapes and dtypes; None stands for leaves
        that are not floating.

    Raises:
        UsageError: When a tangent does not fit its primal.
        TraceError: When the function does what a program cannot record.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.jvp(np.sin, (np.array([0.0, 1.0]),), (np.array([1.0, 0.0]),))
        (array([0.        , 0.84147098]), array([1., 0.]))

    Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3; that the transpose of
    the VJP is enough: J. Townsend, A new trick for calculating Jacobian vector products (2017).
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise UsageError("jvp(f, primals, tangents): both are tuples, one entry per argument.")
    if len(primals) != len(tangents):
        raise UsageError(f"There are {len(primals)} primals and {len(tangents)} tangents.")
    point = at_point(function, primals, keywords)
    moving: dict[Var, Any] = {}
    for name, tangent in _by_name(function, tangents).items():
        moving |= _tangents_of(name, point.parts[name], tangent)
    derived = jvp_program(point.program, list(moving))
    outputs = point.run(point.program)
    moved = iter(point.run(derived, list(moving.values())))
    leaves = [owned(next(moved)) if atom.aval.is_float else None for atom in point.program.outputs]
    result = point.program.result
    return unflatten(result, list(map(owned, outputs))), unflatten(result, leaves)


@overload
def hvp(function: Program, wrt: Wrt = None) -> Program: ...
@overload
def hvp(function: Callable[..., Any], wrt: Wrt = None) -> Callable[..., Any]: ...
def hvp(function: Any, wrt: Wrt = None) -> Any:
    """Hessian-vector products of a scalar function: H v, where H is the derivative of its gradient.

    It is the derivative of the gradient along v, the JVP of the derived backward pass, and costs
    a few gradients. The Hessian is never built.

    Args:
        function: A NumPy function or a `Program` that returns one floating number.
        wrt: As for `grad`.

    Returns:
        For a function: `product(*args, v)`, a function of the same arguments and, last, of v,
        which has the structure and shapes of the gradient; so has H v. For a program: a program
        that has, after its own inputs, one for each leaf of v, named after what it moves (W1_dot).

    Raises:
        UsageError: When the result is no floating scalar, wrt names no floating argument, or v
            does not fit the gradient.

    Example:
        >>> import numpy as np, pullback as pb
        >>> product = pb.hvp(lambda x: np.sum(x**3))
        >>> product(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
        array([  6., 120.])

    Source: B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6
    (1994).
    """
    if isinstance(function, Program):
        return _program_hvp(function, wrt)

    @wraps(function)
    def product(*args: Any, **kwargs: Any) -> Any:
        if not args:
            raise UsageError("A Hessian-vector product needs v after the arguments.")
        *arguments, v = args
        point = at_point(grad(function, wrt), arguments, kwargs)
        inputs, structure = point.wanted(wrt)
        tangents = _leaves_like(structure, [var.aval.shape for var in inputs], v)
        derived = jvp_program(point.program, inputs)
        return unflatten(structure, list(map(owned, point.run(derived, tangents))))

    return product


def _program_hvp(program: Program, wrt: Wrt) -> Program:
    derived = grad(program, wrt)
    parts = named_inputs(derived)
    names, _ = wanted_arguments(wrt, list(parts))
    inputs = [var for name in names for var in parts[name][1]]
    return jvp_program(derived, inputs, derived.result)


def _by_name(function: Callable[..., Any] | Program, values: Sequence[Any]) -> dict[str, Any]:
    """The arguments that positional values are."""
    if isinstance(function, Program):
        names = [argument.name for argument in function.arguments]
        return dict(zip(names, values, strict=False))
    return dict(signature_of(function).bind_partial(*values).arguments)


def _tangents_of(name: str, part: Part, tangent: Any) -> dict[Var, Any]:
    """The tangent of each input of one argument that moves."""
    if tangent is None:
        return {}
    leaves = leaves_in(part.structure, tangent)
    if leaves is None:
        raise UsageError(f"The tangent of {name} must have the structure of {name}.")
    moving = {}
    for var, path, leaf in zip(part.inputs, part.structure.paths(), leaves, strict=True):
        if leaf is None:
            continue
        if var is None:
            raise UsageError(f"{format_path(name, path)} is not floating: its tangent is None.")
        _refuse_other_shape(f"The tangent of {format_path(name, path)}", leaf, var.aval.shape)
        moving[var] = leaf
    return moving


def _leaves_like(structure: Structure, shapes: Sequence[Any], v: Any) -> list[Any]:
    leaves = leaves_in(structure, v)
    if leaves is None:
        raise UsageError("v, the last argument, must have the structure of the gradient.")
    for leaf, shape, path in zip(leaves, shapes, structure.paths(), strict=True):
        _refuse_other_shape(format_path("v", path), leaf, shape)
    return leaves


def _refuse_other_shape(what: str, value: Any, shape: Any) -> None:
    actual = value.aval.shape if isinstance(value, TracedArray) else np.shape(value)
    if actual != shape:
        raise UsageError(f"{what} has shape {actual}; it must have {shape}.")
