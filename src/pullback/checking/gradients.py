"""The gradient check: derived gradients against float64 differences that no kink disturbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..dims import axis_lengths
from ..engines.binding import Signature
from ..errors import UsageError, nearest
from ..program import Program, Var
from ..tracing import trace_eager
from ..transforms.retype import specialize
from ..trees import flatten, unflatten
from .point import PointCheck


@dataclass(frozen=True)
class VariableCheck:
    """What was checked of one variable.

    Attributes:
        name: As the caller writes it: x, params['W1'].
        shape: Its shape.
        checked: Number of entries, or of random directions, that were differenced.
        by_entry: Whether every entry was checked on its own.
        worst: Largest |analytic - numeric| / max(|analytic|, |numeric|, 1) that was met.
    """

    name: str
    shape: tuple[int, ...]
    checked: int
    by_entry: bool
    worst: float


@dataclass(frozen=True)
class GradientCheck:
    """The result of a gradient check that passed.

    Attributes:
        variables: One line per variable.
        kinks: Number of entries exactly on a kink, by primitive.

    Example:
        >>> import numpy as np, pullback as pb
        >>> check = pb.check_gradients(np.abs, np.array([-1.0, 0.0, 2.0]))
        >>> check.kinks, check.variables[0].checked
        ({'abs': 1}, 3)
    """

    variables: tuple[VariableCheck, ...]
    kinks: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = ["the derived gradient is right"]
        for v in self.variables:
            what = "entries" if v.by_entry else "random directions"
            shape = "x".join(map(str, v.shape)) or "scalar"
            lines.append(f"  {v.name:<12} {shape:<12} {v.checked:>5} {what}, error {v.worst:.1e}")
        for name, count in self.kinks.items():
            lines.append(f"  {count} entries of {name} lie exactly on a kink")
        return "\n".join(lines)


def check_gradients(
    function: Callable[..., Any] | Program,
    /,
    *args: Any,
    wrt: str | Sequence[str] | None = None,
    seed: int = 0,
    rtol: float = 1e-6,
    entries: int = 300,
    directions: int = 6,
    **kwargs: Any,
) -> GradientCheck:
    """Compare the derived gradient of a function with differences of the function itself.

    The result is contracted with a random cotangent and differenced in float64 with every
    branch frozen as it is at the given values, so entries on or near a kink do not blur it.
    Entries exactly on a kink are counted; each must have a slope between its two one-sided
    ones, and where the two one-sided slopes of the whole function agree, the derived value must
    agree with them too.

    Args:
        function: A NumPy function, or a `Program`.
        *args: Its arguments: the point at which to check.
        wrt: Names of arguments to check; all floating ones when None.
        seed: Seed of the cotangent and the directions.
        rtol: Allowed difference, relative to the larger of the two values.
        entries: A variable with at most this many entries is checked entry by entry, a larger
            one along random directions.
        directions: How many random directions.
        **kwargs: Arguments by name.

    Returns:
        What was checked.

    Raises:
        GradientError: When they differ: names the variable, the entry, both values, and the
            primitive whose rule is to blame, with the user's line.
        UsageError: When there is nothing to check.

    Example:
        >>> import numpy as np, pullback as pb
        >>> def f(x):
        ...     return np.sum(np.maximum(x, 0))
        >>> print(pb.check_gradients(f, np.array([-1.0, 0, 2])))  # doctest: +ELLIPSIS
        the derived gradient is right
          x            3                3 entries, error ...
          1 entries of maximum lie exactly on a kink

    Source: Griewank and Walther, Evaluating Derivatives (2008); step sizes as in Numerical
    Recipes, section 5.7.
    """
    program, inputs, names = _at_point(function, args, kwargs)
    wanted = _wanted(program, names, wrt)
    with np.errstate(all="ignore"):
        check = PointCheck(program, inputs, names, np.random.default_rng(seed), rtol)
        checks = [_variable_check(check, var, entries, directions) for var in wanted]
    kinks: dict[str, int] = {}
    for equation, count in check.branches.kinks.items():
        name = equation.primitive.name
        kinks[name] = kinks.get(name, 0) + count
    return GradientCheck(tuple(checks), kinks)


def _variable_check(check: PointCheck, var: Var, entries: int, directions: int) -> VariableCheck:
    shape = np.shape(check.inputs[var])
    by_entry = int(np.prod(shape)) <= entries
    count, worst = check.worst_error(var, by_entry, directions)
    return VariableCheck(check.names[var], shape, count, by_entry, worst)


def _at_point(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Program, dict[Var, Any], dict[Var, str]]:
    """The program in float64 without named axes, its inputs, and how the caller names them."""
    if isinstance(function, Program):
        return _program_at_point(function, args, kwargs)
    leaves, structure = flatten([list(args), kwargs])
    args_64, kwargs_64 = unflatten(structure, [_in_float64(leaf) for leaf in leaves])
    traced = trace_eager(function, args_64, kwargs_64)
    program = traced.program.astype("f8")
    pairs = zip(program.inputs, traced.program.inputs, strict=True)
    inputs = {new: traced.values[old] for new, old in pairs if new not in program.defaults}
    return program, inputs, program.input_paths


def _program_at_point(
    program: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Program, dict[Var, Any], dict[Var, str]]:
    flat = Signature(program).flat(args, kwargs)
    pairs = zip(program.inputs, flat, strict=True)
    sizes = axis_lengths((var.aval.shape, np.shape(value)) for var, value in pairs)
    fixed = specialize(program, sizes).astype("f8")
    inputs = {
        var: _in_float64(value)
        for var, value in zip(fixed.inputs, flat, strict=True)
        if var not in fixed.defaults or var.aval.weak
    }
    return fixed, inputs, fixed.input_paths


def _in_float64(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f":
        return np.asarray(leaf, np.float64)
    return leaf


def _wanted(program: Program, names: dict[Var, str], wrt: Any) -> list[Var]:
    floating = [var for var in program.argument_inputs if var.aval.is_float]
    if wrt is not None:
        chosen = list(wrt) if isinstance(wrt, list | tuple) else [wrt]
        known = {names[var].split("[")[0] for var in floating} | {names[v] for v in floating}
        if not chosen:
            raise UsageError(
                f"wrt={wrt!r} names no argument; there are {', '.join(sorted(known))}."
            )
        for name in chosen:
            if name not in known:
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
