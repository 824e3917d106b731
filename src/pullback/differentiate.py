"""Derivatives of functions and programs: vjp, grad, value_and_grad.

The derivative of a function is a function, the derivative of a program is a program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, overload

import numpy as np

from .errors import UsageError, nearest
from .program import Program, Var
from .tracing import EagerTrace, TracedArray, trace_eager
from .tracing.replay import replay
from .tracing.trace import signature_of
from .transforms import gradient_program, vjp_program
from .trees import LEAF, Structure, flatten, unflatten

Wrt = str | int | Sequence[str | int] | None


def vjp(
    function: Callable[..., Any], /, *primals: Any, **keywords: Any
) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The value of a function and the function that pulls cotangents back through it.

    For y = f(x_1, ..., x_n) with Jacobians J_i = dy/dx_i, the second result maps a cotangent v
    of y's shape to (v J_1, ..., v J_n). No Jacobian is built.

    Args:
        function: A NumPy function; values may steer it (`if`, loops).
        *primals: Its arguments: arrays, numbers, nested tuples, lists and dicts of them.
        **keywords: Further arguments, held constant.

    Returns:
        (out, pullback). `pullback(ct)` takes a value with out's structure and shapes and returns
        one cotangent per primal with the primal's structure, shape and dtype; None stands for
        leaves that are not floating (they are not differentiable).

    Raises:
        TraceError: When the function does what a program cannot record.
        UsageError: When the cotangent's shape is not that of the output.

    Example:
        >>> import numpy as np, pullback as pb
        >>> out, pullback = pb.vjp(lambda x: np.exp(x), np.array([0.0, 1.0]))
        >>> pullback(np.array([1.0, 0.0]))
        (array([1., 0.]),)

    Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3.
    """
    traced = trace_eager(function, primals, keywords)
    inputs = inputs_of(traced)
    names = list(signature_of(function).bind_partial(*primals).arguments)
    wanted = [var for name in names for var in traced.leaves[name].inputs if var is not None]
    program = vjp_program(traced.program, wanted)
    known = {} if is_nested(inputs, program) else traced.values
    out_leaves = replay(traced.program, inputs, known)

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        extra = _cotangent_inputs(traced.program, program, cotangent)
        results = iter(replay(program, {**inputs, **extra}, known))
        cotangents = [
            unflatten(
                traced.leaves[name].structure,
                [
                    None if var is None else owned(next(results))
                    for var in traced.leaves[name].inputs
                ],
            )
            for name in names
        ]
        return _one_per_primal(function, cotangents)

    return unflatten(traced.program.result, [owned(leaf) for leaf in out_leaves]), pullback


@overload
def grad(function: Program, wrt: Wrt = None) -> Program: ...
@overload
def grad(function: Callable[..., Any], wrt: Wrt = None) -> Callable[..., Any]: ...
def grad(function: Any, wrt: Wrt = None) -> Any:
    """The gradient of a scalar function, as a function, or of a program, as a program.

    Args:
        function: A NumPy function or a `Program` that returns one floating number.
        wrt: Names or positions of the arguments to differentiate with respect to: one gives one
            gradient, a list a tuple in its order; the first argument when None. The gradient of
            a container has the container's structure.

    Returns:
        For a function: a function of the same arguments that returns the gradient (arrays with
        the arguments' shapes and dtypes); it traces at each call, so values may steer it, and it
        can be differentiated again. For a program: a program of the same inputs.

    Raises:
        UsageError: When the result is no floating scalar, or wrt names no floating argument.
        TraceError: When the function does what a program cannot record.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
        array([ 3., 12.])
        >>> pb.grad(pb.grad(lambda x: x**3))(2.0)
        np.float64(12.0)
    """
    if isinstance(function, Program):
        return _program_gradient(function, wrt, with_value=False)

    @wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return _gradient_at(function, wrt, args, kwargs)[1]

    return gradient


@overload
def value_and_grad(function: Program, wrt: Wrt = None, has_aux: bool = False) -> Program: ...
@overload
def value_and_grad(
    function: Callable[..., Any], wrt: Wrt = None, has_aux: bool = False
) -> Callable[..., Any]: ...
def value_and_grad(function: Any, wrt: Wrt = None, has_aux: bool = False) -> Any:
    """The value and the gradient together: (value, gradient).

    Args:
        function: As for `grad`. With `has_aux`, it returns (loss, extra), and extra outputs
            (metrics, state) are handed on without being differentiated.
        wrt: As for `grad`.
        has_aux: Whether there are extra outputs.

    Returns:
        A function (or program) that returns (value, gradient), or ((value, extra), gradient).

    Raises:
        UsageError: As `grad`.

    Example:
        >>> import pullback as pb
        >>> pb.value_and_grad(lambda x, y: x * y, wrt=["x", "y"])(3.0, 4.0)
        (12.0, (np.float64(4.0), np.float64(3.0)))
    """
    if isinstance(function, Program):
        return _program_gradient(function, wrt, with_value=True, has_aux=has_aux)

    @wraps(function)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        return _gradient_at(function, wrt, args, kwargs, with_value=True, has_aux=has_aux)

    return value_and_gradient


def _gradient_at(
    function: Callable[..., Any],
    wrt: Wrt,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    with_value: bool = False,
    has_aux: bool = False,
) -> tuple[Any, Any]:
    """The value (None unless asked for) and the gradient of a function at its arguments."""
    traced = trace_eager(function, args, kwargs)
    _refuse_extra_outputs(traced.program, has_aux)
    names, many = wanted_arguments(wrt, list(traced.leaves))
    wanted = [var for name in names for var in _floating(traced, name)]
    structures = tuple(traced.leaves[name].structure for name in names)
    result = Structure("tuple", tuple(range(len(names))), structures) if many else structures[0]
    program = gradient_program(traced.program, wanted, with_value, result)
    inputs = inputs_of(traced)
    known = {} if is_nested(inputs, program) else traced.values
    outputs = unflatten(program.result, [owned(leaf) for leaf in replay(program, inputs, known)])
    return outputs if with_value else (None, outputs)


def wanted_arguments(wrt: Wrt, names: list[str]) -> tuple[list[str], bool]:
    """The names of the arguments that `wrt` means, and whether it is a list."""
    many = isinstance(wrt, list | tuple)
    items = list(wrt) if isinstance(wrt, list | tuple) else [0 if wrt is None else wrt]
    return [_argument_name(item, names) for item in items], many


def _argument_name(item: Any, names: list[str]) -> str:
    if isinstance(item, int) and not isinstance(item, bool) and -len(names) <= item < len(names):
        return names[item]
    if item in names:
        return str(item)
    hint = nearest(str(item), names)
    raise UsageError(f"wrt={item!r} is not an argument; there are {', '.join(names)}.{hint}")


def _floating(traced: EagerTrace, name: str) -> list[Var]:
    inputs = traced.leaves[name].inputs
    if not inputs or any(var is None for var in inputs):
        raise UsageError(
            f"{name} holds values that are not floating, which have no gradient; "
            "convert them (3.0 instead of 3, x.astype(float))."
        )
    return [var for var in inputs if var is not None]


def inputs_of(traced: EagerTrace) -> dict[Var, Any]:
    """The value of each input of an eager trace: a number, or a value of an outer trace."""
    return {
        var: leaf if isinstance(leaf, TracedArray) else traced.values.get(var, leaf)
        for argument in traced.leaves.values()
        for var, leaf in zip(argument.inputs, argument.values, strict=True)
        if var is not None
    }


def _one_per_primal(function: Callable[..., Any], cotangents: list[Any]) -> tuple[Any, ...]:
    """The cotangents of `*args`, which make up one container, stand one by one."""
    parameters = list(signature_of(function).parameters.values())[: len(cotangents)]
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return (*cotangents[:-1], *cotangents[-1])
    return tuple(cotangents)


def is_nested(inputs: Mapping[Var, Any], program: Program) -> bool:
    """Whether it is differentiated inside the trace of another function."""
    values = (*inputs.values(), *program.defaults.values())
    return any(isinstance(value, TracedArray) for value in values)


def _refuse_extra_outputs(program: Program, has_aux: bool) -> None:
    if has_aux != (program.result.kind == "tuple") or program.result.kind in ("list", "dict"):
        raise UsageError(
            f"{program.name} must return (loss, extra) with has_aux=True, and one number without."
        )


def _cotangent_inputs(forward: Program, derived: Program, cotangent: Any) -> dict[Var, Any]:
    leaves, structure = flatten(cotangent)
    if structure != forward.result:
        raise UsageError("The cotangent must have the structure of the function's result.")
    count = len(forward.argument_inputs)
    pairs = zip(forward.outputs, leaves, strict=True)
    given = [(atom, leaf) for atom, leaf in pairs if atom.aval.is_float]
    inputs = derived.argument_inputs[count:]
    for (atom, leaf), _ in zip(given, inputs, strict=True):
        if not isinstance(leaf, TracedArray) and np.shape(leaf) != atom.aval.shape:
            raise UsageError(
                f"The cotangent has shape {np.shape(leaf)}, the result {atom.aval.shape_text}."
            )
    return {
        var: leaf if isinstance(leaf, TracedArray) else np.asarray(leaf, var.aval.dtype)
        for var, (_, leaf) in zip(inputs, given, strict=True)
    }


def owned(value: Any) -> Any:
    """A result that shares no memory with anything, as a caller expects; 0-d as a scalar."""
    if isinstance(value, TracedArray):
        return value.snapshot()
    if isinstance(value, np.ndarray):
        return value[()] if value.ndim == 0 else np.array(value)
    return value


def _program_gradient(
    program: Program, wrt: Wrt, with_value: bool, has_aux: bool = False
) -> Program:
    """`grad` of a program: wrt names arguments, or leaves such as W1 of params['W1']."""
    _refuse_extra_outputs(program, has_aux)
    by_name = named_inputs(program)
    names, many = wanted_arguments(wrt, list(by_name))
    parts = [by_name[name] for name in names]
    for name, (_, inputs) in zip(names, parts, strict=True):
        if not all(var.aval.is_float for var in inputs):
            raise UsageError(f"{name} is not floating and has no gradient.")
    structures = tuple(structure for structure, _ in parts)
    result = Structure("tuple", tuple(range(len(parts))), structures) if many else structures[0]
    inputs = [var for _, some in parts for var in some]
    return gradient_program(program, inputs, with_value, result)


def named_inputs(program: Program) -> dict[str, tuple[Structure, list[Var]]]:
    """Each argument, and each leaf that has a name of its own: its structure and its inputs."""
    named: dict[str, tuple[Structure, list[Var]]] = {}
    remaining = list(program.argument_inputs)
    for argument in program.arguments:
        count = argument.structure.size
        named[argument.name] = (argument.structure, remaining[:count])
        remaining = remaining[count:]
    for var in program.argument_inputs:
        named.setdefault(program.names[var], (LEAF, [var]))
    return named
