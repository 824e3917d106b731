"""The gradient check: derived gradients against float64 differences that no kink disturbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..dims import Dim
from ..engines.binding import Signature
from ..errors import GradientError, UsageError, nearest
from ..program import Equation, Program, Var
from ..tracing import trace_eager
from ..tracing.replay import replay
from ..transforms import vjp_program
from ..transforms.retype import specialize
from ..trees import flatten, unflatten
from .branches import Branches
from .differences import central_slopes, one_sided_slopes

KINKS_NAMED = 3


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
        >>> print(pb.check_gradients(lambda x: np.sum(np.maximum(x, 0)), np.array([-1.0, 0, 2])))
        the derived gradient is right
          x            3                3 entries, error 0.0e+00
          1 entries of maximum lie exactly on a kink

    Source: Griewank and Walther, Evaluating Derivatives (2008); step sizes as in Numerical
    Recipes, section 5.7.
    """
    program, inputs, names = _at_point(function, args, kwargs)
    wanted = _wanted(program, names, wrt)
    check = _Check(program, inputs, names, np.random.default_rng(seed), rtol)
    checks = [check.variable(var, entries, directions) for var in wanted]
    kinks: dict[str, int] = {}
    for equation, count in check.branches.kinks.items():
        name = equation.primitive.name
        kinks[name] = kinks.get(name, 0) + count
    return GradientCheck(tuple(checks), kinks)


class _Check:
    """One point, one random cotangent, and the gradient derived for them."""

    def __init__(
        self,
        program: Program,
        inputs: dict[Var, Any],
        names: dict[Var, str],
        random: np.random.Generator,
        rtol: float,
    ) -> None:
        self.program, self.inputs, self.names = program, inputs, names
        self.random, self.rtol = random, rtol
        self.branches = Branches(program, inputs)
        self.wrt = [var for var in program.argument_inputs if var.aval.is_float]
        outputs = [self.branches._value(atom, self.branches.values) for atom in program.outputs]
        self.cotangents = [
            random.normal(size=np.shape(out)) if atom.aval.is_float else None
            for atom, out in zip(program.outputs, outputs, strict=True)
        ]
        self.magnitude = 1e-300 + sum(
            float(np.sum(np.abs(ct * out)))
            for ct, out in zip(self.cotangents, outputs, strict=True)
            if ct is not None
        )
        derived = vjp_program(program, self.wrt)
        given = [ct for ct in self.cotangents if ct is not None]
        extra = derived.argument_inputs[len(program.argument_inputs) :]
        results = replay(derived, {**inputs, **dict(zip(extra, given, strict=True))})
        self.gradients = dict(zip(self.wrt, results, strict=True))

    def variable(self, var: Var, entries: int, directions: int) -> VariableCheck:
        """Check one variable; raises `GradientError` at the first entry that is wrong."""
        shape = np.shape(self.inputs[var])
        size = int(np.prod(shape))
        by_entry = size <= entries
        lines = _unit_vectors(shape) if by_entry else self._directions(shape, directions)
        worst = 0.0
        count = 0
        for direction in lines:
            error, numeric = self._compare(var, direction)
            if error is None:
                self._fail(var, direction, numeric)
            worst = max(worst, error or 0.0)
            self._compare_whole(var, direction)
            count += 1
        return VariableCheck(self.names[var], shape, count, by_entry, worst)

    def _directions(self, shape: tuple[int, ...], count: int) -> list[Any]:
        return [self.random.normal(size=shape) for _ in range(count)]

    def _analytic(self, var: Var, direction: Any) -> float:
        return float(np.sum(self.gradients[var] * direction))

    def _along(self, var: Var, direction: Any, live: bool = False) -> Callable[[float], float]:
        def along(t: float) -> float:
            moved = {**self.inputs, var: self.inputs[var] + t * direction}
            outputs = self.branches.outputs(moved, live)
            pairs = zip(self.cotangents, outputs, strict=True)
            return float(sum(np.sum(ct * out) for ct, out in pairs if ct is not None))

        return along

    def _step_size(self, var: Var, direction: Any) -> float:
        """Steps are relative to the entries that move, and small for directions of many."""
        moving = np.abs(self.inputs[var])[direction != 0]
        reach = max(1.0, float(np.max(moving, initial=0.0)))
        return reach / max(1.0, float(np.max(np.abs(direction))))

    def _compare(self, var: Var, direction: Any) -> tuple[float | None, float]:
        """The relative error along a direction, None when it is too large; the best numeric."""
        analytic = self._analytic(var, direction)
        best, best_error = np.nan, np.inf
        along, size = self._along(var, direction), self._step_size(var, direction)
        for numeric, noise in central_slopes(along, size, self.magnitude):
            error = abs(numeric - analytic)
            scale = max(abs(analytic), abs(numeric))
            if error <= self.rtol * scale + noise:
                return error / max(scale, 1.0), numeric
            if error < best_error:
                best, best_error = numeric, error
        return None, best

    def _compare_whole(self, var: Var, direction: Any) -> None:
        """Where kinks cancel to something smooth, the derived slope must be its slope."""
        if not self.branches.kinks:
            return
        analytic = self._analytic(var, direction)
        along, size = self._along(var, direction, live=True), self._step_size(var, direction)
        below, above = one_sided_slopes(along, size)
        scale = max(abs(below), abs(above), abs(analytic))
        close = 1e-5 * scale + 1e-9 * self.magnitude
        if abs(above - below) <= close and min(abs(above - analytic), abs(below - analytic)) > (
            10 * close
        ):
            self._fail_at_kinks(var, direction, analytic, (below + above) / 2)

    def _fail(self, var: Var, direction: Any, numeric: float) -> None:
        entry = self._wrong_entry(var, direction)
        unit = np.zeros(np.shape(self.inputs[var]))
        unit[entry] = 1.0
        _, at_entry = self._compare(var, unit)
        blamed = _to_blame(self.branches, self.random, self.rtol)
        raise GradientError(
            f"The derived gradient of {self.names[var]} is wrong at entry {_entry_text(entry)}: "
            f"analytic {self._analytic(var, unit):.9g}, numeric {at_entry:.9g}. "
            + _blame_text(blamed)
        )

    def _fail_at_kinks(self, var: Var, direction: Any, analytic: float, slope: float) -> None:
        kinks = [
            f"{equation.primitive.name} ({count} entries"
            + (f", {equation.where})" if equation.where else ")")
            for equation, count in list(self.branches.kinks.items())[:KINKS_NAMED]
        ]
        entry = tuple(int(i) for i in np.argwhere(direction != 0)[0])
        raise GradientError(
            f"The function is smooth here but its derived gradient is not its slope: "
            f"{self.names[var]}, entry {_entry_text(entry)}: analytic {analytic:.9g}, numeric "
            f"{slope:.9g} from both sides. The kinks of {', '.join(kinks)} cancel; write the "
            "function without them (np.logaddexp, pb.nn.sigmoid, pb.nn.softplus, "
            "pb.nn.log_softmax)."
        )

    def _wrong_entry(self, var: Var, direction: Any) -> tuple[int, ...]:
        """An entry whose gradient is wrong, by halving a direction along which it is."""
        moving = np.flatnonzero(direction)
        while len(moving) > 1:
            half = np.zeros(direction.size)
            first = moving[: len(moving) // 2]
            half[first] = direction.ravel()[first]
            error, _ = self._compare(var, half.reshape(direction.shape))
            moving = first if error is None else moving[len(moving) // 2 :]
        return tuple(int(i) for i in np.unravel_index(moving[0], direction.shape))


def _to_blame(
    branches: Branches, random: np.random.Generator, rtol: float
) -> tuple[Equation, int] | None:
    """The last equation whose own rule disagrees with its own differences, and which input."""
    for equation in reversed(branches.program.equations):
        rule = equation.primitive.rule
        if rule is None or not equation.out.aval.is_float:
            continue
        operands = [branches._value(atom, branches.values) for atom in equation.inputs]
        out = branches.values[equation.out]
        cotangent = random.normal(size=np.shape(out))
        parts = rule(cotangent, out, *operands, **equation.params)
        for position, (atom, part) in enumerate(zip(equation.inputs, parts, strict=True)):
            if not isinstance(atom, Var) or not atom.aval.is_float or part is None:
                continue
            direction = random.normal(size=np.shape(operands[position]))
            analytic = float(np.sum(part * direction))
            along = _local_along(branches, equation, operands, position, cotangent, direction)
            magnitude = float(np.sum(np.abs(cotangent * out))) + 1e-300
            slopes = central_slopes(along, 1.0, magnitude)
            if not any(
                abs(numeric - analytic) <= rtol * max(abs(numeric), abs(analytic)) + noise
                for numeric, noise in slopes
            ):
                return equation, position
    return None


def _local_along(
    branches: Branches,
    equation: Equation,
    operands: list[Any],
    position: int,
    cotangent: Any,
    direction: Any,
) -> Callable[[float], float]:
    def along(t: float) -> float:
        moved = list(operands)
        moved[position] = moved[position] + t * direction
        return float(np.sum(cotangent * branches.local(equation, moved)))

    return along


def _blame_text(blamed: tuple[Equation, int] | None) -> str:
    if blamed is None:
        return "No single rule is to blame; an input may lie outside the function's domain."
    equation, position = blamed
    place = f"\n  at {equation.where}" if equation.where else ""
    name = equation.primitive.name
    return f"The rule of {name} is to blame (its input number {position + 1}).{place}"


def _entry_text(entry: tuple[int, ...]) -> str:
    return str(list(entry)) if entry else "[]"


def _unit_vectors(shape: tuple[int, ...]) -> Any:
    for position in range(int(np.prod(shape))):
        unit = np.zeros(int(np.prod(shape)))
        unit[position] = 1.0
        yield unit.reshape(shape)


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
    sizes = {
        str(dim): length
        for var, value in zip(program.inputs, flat, strict=True)
        for dim, length in zip(var.aval.shape, np.shape(value), strict=True)
        if isinstance(dim, Dim)
    }
    fixed = specialize(program, sizes).astype("f8")
    inputs = {
        var: _in_float64(value)
        for var, value in zip(fixed.inputs, flat, strict=True)
        if var not in fixed.defaults
    }
    return fixed, inputs, fixed.input_paths


def _in_float64(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f":
        return np.asarray(leaf, np.float64)
    return leaf


def _wanted(program: Program, names: dict[Var, str], wrt: Any) -> list[Var]:
    floating = [var for var in program.argument_inputs if var.aval.is_float]
    if wrt is not None:
        chosen = [wrt] if isinstance(wrt, str) else list(wrt)
        known = {names[var].split("[")[0] for var in floating} | {names[v] for v in floating}
        for name in chosen:
            if name not in known:
                raise UsageError(
                    f"wrt={name!r} is not a floating argument; there are "
                    f"{', '.join(sorted(known))}.{nearest(name, sorted(known))}"
                )
        floating = [v for v in floating if {names[v], names[v].split("[")[0]} & set(chosen)]
    if not floating or not any(atom.aval.is_float for atom in program.outputs):
        raise UsageError(
            f"{program.name} has no floating argument and result, so there is no gradient to check."
        )
    return floating
