"""The gradient check: derived gradients against differences that no kink disturbs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..dims import axis_lengths
from ..engines.binding import Signature
from ..errors import GradientError, UndecidedError, UsageError, nearest
from ..program import Program, Var
from ..tracing import trace_eager
from ..transforms import vjp_program
from ..transforms.retype import specialize
from ..trees import flatten, unflatten
from .curve import error_curve
from .own_rules import rule_name
from .point import PointCheck
from .precision import Precision, precision_of
from .report import GradientCheck, VariableCheck


def check_gradients(
    function: Callable[..., Any] | Program,
    /,
    *args: Any,
    wrt: str | Sequence[str] | None = None,
    seed: int = 0,
    rtol: float | None = None,
    entries: int = 300,
    directions: int = 6,
    dtype: Any = "f8",
    order: int = 1,
    steps: Sequence[float] | None = None,
    raises: bool = True,
    **kwargs: Any,
) -> GradientCheck:
    """Compare the derived gradient of a function with differences of the function itself.

    The result y is contracted with a random cotangent v, and d(v . y)/dx is differenced with every
    branch frozen as it is at the given values, so entries on or near a kink do not blur it.
    Entries exactly on a kink are counted; each must have a slope between its two one-sided
    ones, and where the two one-sided slopes of the whole function agree, the derived value must
    agree with them too.

    Args:
        function: A NumPy function, or a `Program`.
        *args: Its arguments: the point at which to check.
        wrt: Names of arguments to check; all floating ones when None.
        seed: Seed of the cotangent and the directions, a whole number from 0.
        rtol: Allowed difference, relative to the larger of the two values; above 0. None: 1e-6
            in float64, 1e-3 in float32.
        entries: A variable with at most this many entries is checked entry by entry, a larger
            one along random directions; from 0.
        directions: How many random directions, from 1.
        dtype: The precision of function, gradient and differences: "f8", or "f4", in which
            differences have two to four digits and small faults stay unseen.
        order: 1 checks the gradient. 2 checks its derivative too: the Hessian-vector product that
            is derived for a random vector against differences of the derived gradient.
        steps: Step sizes, relative to the entries that move, for the curve of the error against
            the step along one random direction, which is kept in the result. None: from 1e-1
            down to rounding; (): no curve. The verdict chooses steps of its own.
        raises: Whether a wrong gradient raises. If not, the result says what is wrong with each
            variable.
        **kwargs: Arguments by name.

    Returns:
        What was checked: per variable its errors, band, kinks and curve; prints as a table.

    Raises:
        GradientError: When they differ: names the variable, the entry, both values, and the
            primitive, or function with a rule of its own, whose rule is to blame, with the
            user's line. An `UndecidedError`, which is one too, when function or gradient is not
            finite at the point, or too unsteady to be differenced.
        UsageError: When there is nothing to check, or an option has a value that is not allowed.

    Example:
        >>> import numpy as np, pullback as pb
        >>> def f(x):
        ...     return np.sum(np.maximum(x, 0))
        >>> print(pb.check_gradients(f, np.array([-1.0, 0, 2])))  # doctest: +ELLIPSIS
        the derived gradient is right
          variable  shape  checked    error    band   kinks
          x         3      3 entries  ...  right  1
          1 entry of maximum lies exactly on a kink
            x[1]: slopes 0 and 0.12573, derived 0, between them

    Source: Griewank and Walther, Evaluating Derivatives (2008); step sizes as in Numerical
    Recipes, section 5.7; bands after Stanford's CS231n, "Gradient checks".
    """
    settings = _settings(seed, rtol, entries, directions, dtype, order, steps)
    program, inputs, names = _at_point(function, args, kwargs, settings.precision)
    wanted = _wanted(program, names, wrt)
    with np.errstate(all="ignore"):
        check = _first_order(program, inputs, names, wanted, settings)
        if order == 2 and check.is_right:
            check = _with_second_order(check, program, inputs, names, wanted, settings)
    if raises and not check.is_right:
        kind = UndecidedError if check.verdict == "undecided" else GradientError
        raise kind(check.problems[0])
    return check


@dataclass(frozen=True)
class _Settings:
    seed: int
    precision: Precision
    entries: int
    directions: int
    steps: tuple[float, ...]


def _settings(
    seed: Any, rtol: Any, entries: Any, directions: Any, dtype: Any, order: Any, steps: Any
) -> _Settings:
    precision = precision_of(dtype)
    for name, value, least in (
        ("seed", seed, 0),
        ("entries", entries, 0),
        ("directions", directions, 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise UsageError(f"{name}={value!r}: it must be a whole number from {least}.")
    if order not in (1, 2):
        raise UsageError(f"order={order!r}: it must be 1 (the gradient) or 2 (its derivative too).")
    if rtol is not None:
        precision = replace(precision, rtol=_positive("rtol", rtol))
    sizes = precision.curve if steps is None else steps
    if not isinstance(sizes, Iterable) or isinstance(sizes, str):
        raise UsageError(f"steps={steps!r}: it must be a list of step sizes, such as [1e-3, 1e-6].")
    return _Settings(
        int(seed), precision, entries, directions, tuple(_positive("steps", h) for h in sizes)
    )


def _positive(name: str, value: Any) -> float:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not 0 < value < np.inf:
        raise UsageError(f"{name}={value!r}: it must be a number above 0.")
    return float(value)


Names = dict[Var, str]
Point = dict[Var, Any]


def _first_order(
    program: Program, inputs: Point, names: Names, wanted: list[Var], settings: _Settings
) -> GradientCheck:
    random = np.random.default_rng(settings.seed)
    dtype = settings.precision.dtype.str[1:]
    try:
        check = PointCheck(program, inputs, names, random, settings.precision)
    except GradientError as error:
        undecided = isinstance(error, UndecidedError)
        return GradientCheck((), problem=str(error), dtype=dtype, undecided=undecided)
    variables = _examined(check, wanted, settings)
    kinks: dict[str, int] = {}
    for equation, count in check.branches.kinks.items():
        kinks[rule_name(equation)] = kinks.get(rule_name(equation), 0) + count
    return GradientCheck(variables, kinks, dtype=dtype)


def _with_second_order(
    first: GradientCheck,
    program: Program,
    inputs: Point,
    names: Names,
    wanted: list[Var],
    settings: _Settings,
) -> GradientCheck:
    """The check of the derived gradient as a function of its own, for a fixed cotangent."""
    random = np.random.default_rng(settings.seed)
    gradient = vjp_program(program, wanted)
    cotangents = {
        var: np.asarray(random.normal(size=_lengths(var)), var.aval.dtype)
        for var in gradient.argument_inputs[len(program.argument_inputs) :]
    }
    point = {var: value for var, value in inputs.items() if var in gradient.inputs} | cotangents
    try:
        check = PointCheck(gradient, point, names, random, settings.precision, order=2)
    except GradientError as error:
        undecided = isinstance(error, UndecidedError)
        return replace(first, problem=f"Of the derived gradient: {error}", undecided=undecided)
    return replace(first, variables=(*first.variables, *_examined(check, wanted, settings)))


def _lengths(var: Var) -> tuple[int, ...]:
    """The shape of a variable of a program without named axes."""
    return tuple(dim for dim in var.aval.shape if isinstance(dim, int))


def _examined(
    check: PointCheck, wanted: list[Var], settings: _Settings
) -> tuple[VariableCheck, ...]:
    variables = [_variable_check(check, var, settings) for var in wanted]
    curves = [error_curve(check, var, settings.steps) for var in wanted]
    return tuple(replace(v, curve=c) for v, c in zip(variables, curves, strict=True))


def _variable_check(check: PointCheck, var: Var, settings: _Settings) -> VariableCheck:
    shape = np.shape(check.inputs[var])
    by_entry = int(np.prod(shape)) <= settings.entries
    found, problem = check.examine(var, by_entry, settings.directions)
    relative = min(found.worst, found.relative) if found.is_noise else found.relative
    return VariableCheck(
        name=check.names[var],
        shape=shape,
        checked=found.checked,
        by_entry=by_entry,
        worst=found.worst,
        relative=relative,
        band=settings.precision.band(0.0 if found.is_noise else relative),
        kinks=tuple(found.kinks),
        order=check.order,
        problem="" if problem is None else str(problem),
        undecided=isinstance(problem, UndecidedError),
    )


def _at_point(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], precision: Precision
) -> tuple[Program, Point, Names]:
    """The program in a precision without named axes, its inputs, and how the caller names them."""
    if isinstance(function, Program):
        return _program_at_point(function, args, kwargs, precision)
    leaves, structure = flatten([list(args), kwargs])
    given = [_in_precision(leaf, precision) for leaf in leaves]
    new_args, new_kwargs = unflatten(structure, given)
    traced = trace_eager(function, new_args, new_kwargs)
    program = traced.program.astype(precision.dtype)
    pairs = zip(program.inputs, traced.program.inputs, strict=True)
    inputs = {new: traced.values[old] for new, old in pairs if new not in program.defaults}
    return program, inputs, program.input_paths


def _program_at_point(
    program: Program, args: tuple[Any, ...], kwargs: dict[str, Any], precision: Precision
) -> tuple[Program, Point, Names]:
    flat = Signature(program).flat(args, kwargs)
    pairs = zip(program.inputs, flat, strict=True)
    sizes = axis_lengths((var.aval.shape, np.shape(value)) for var, value in pairs)
    fixed = specialize(program, sizes).astype(precision.dtype)
    inputs = {
        var: _in_precision(value, precision)
        for var, value in zip(fixed.inputs, flat, strict=True)
        if var not in fixed.defaults or var.aval.weak
    }
    return fixed, inputs, fixed.input_paths


def _in_precision(leaf: Any, precision: Precision) -> Any:
    if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f":
        return np.asarray(leaf, precision.dtype)
    return leaf


def _wanted(program: Program, names: Names, wrt: Any) -> list[Var]:
    floating = [var for var in program.argument_inputs if var.aval.is_float]
    if wrt is not None:
        chosen = list(wrt) if isinstance(wrt, list | tuple) else [wrt]
        known = {names[var].split("[")[0] for var in floating} | {names[v] for v in floating}
        if not chosen:
            raise UsageError(
                f"wrt={wrt!r} names no argument; there are {', '.join(sorted(known))}."
            )
        for name in chosen:
            if not isinstance(name, str) or name not in known:
                raise UsageError(
                    f"wrt={name!r} is not a floating argument; there are "
                    f"{', '.join(sorted(known))}.{nearest(str(name), sorted(known))}"
                )
        floating = [v for v in floating if {names[v], names[v].split("[")[0]} & set(chosen)]
    if not floating or not any(atom.aval.is_float for atom in program.outputs):
        raise UsageError(
            f"{program.name} has no floating argument and result, so there is no gradient to check."
        )
    return floating
