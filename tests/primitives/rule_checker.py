"""What every primitive must fulfil, checked from its registry entry alone.

`problems(primitive)` lists what is wrong with its VJP rule; an empty list means the rule passes.
Nothing here knows a primitive by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import pullback as pb
from pullback.primitive import Case, Primitive
from pullback.transforms import vjp_program

SEED = 20240
EXACT = 1e-7  # fourth-order differences with step 1e-3 are right to about 1e-10
SINGLE = 2e-5  # float32 has 1.2e-7 a step; the rules take a few dozen of them
ONE_SIDED = 1e-4  # second-order differences with step 1e-5, or a slope that still moves


class Function(NamedTuple):
    """A primitive at one case, as a function of its floating inputs only."""

    of: Callable[..., Any]
    inputs: list[Any]
    places: list[int]


def cases(primitive: Primitive) -> list[Case]:
    """The primitive's own samples, from a fixed seed."""
    return primitive.cases(np.random.default_rng(SEED))


def is_floating(value: Any) -> bool:
    return isinstance(value, float) or getattr(value, "dtype", np.dtype(int)).kind == "f"


def functions(primitive: Primitive) -> Iterator[Function]:
    """Each case with its plain numbers held as literals, and again with them as inputs."""
    for case in cases(primitive):
        places = [i for i, value in enumerate(case.inputs) if is_floating(value)]
        arrays = [i for i in places if type(case.inputs[i]) is not float]
        for chosen in [places] if arrays == places else [places, arrays]:
            if chosen:
                yield function_of(primitive, case, chosen)


def function_of(primitive: Primitive, case: Case, places: list[int]) -> Function:
    def of(*floating: Any) -> Any:
        inputs = list(case.inputs)
        for place, value in zip(places, floating, strict=True):
            inputs[place] = value
        return primitive(*inputs, **case.params)

    return Function(of, [np.asarray(case.inputs[i], "f8") for i in places], places)


def random_like(random: np.random.Generator, value: Any) -> Any:
    return random.normal(size=np.shape(value))


def with_entry(x: Any, position: tuple[int, ...], value: float) -> Any:
    changed = np.array(x)
    changed[position] = value
    return changed


def along_entry(
    scalar: Callable[..., float], inputs: list[Any], which: int, position: tuple[int, ...]
) -> Callable[[float], float]:
    """The scalar as a function of a step away from one entry of one input."""
    base = inputs[which][position]

    def at(step: float) -> float:
        moved = with_entry(inputs[which], position, base + step)
        return float(scalar(*inputs[:which], moved, *inputs[which + 1 :]))

    return at


def central_slope(at: Callable[[float], float], step: float = 1e-3) -> float:
    """Fourth-order central difference."""
    near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
    return (8 * near - far) / (12 * step)


def numeric_gradients(scalar: Callable[..., float], inputs: list[Any]) -> list[Any]:
    """Every entry of every input, by central differences."""
    gradients = [np.zeros(np.shape(x)) for x in inputs]
    for which, gradient in enumerate(gradients):
        for position in np.ndindex(gradient.shape):
            gradient[position] = central_slope(along_entry(scalar, inputs, which, position))
    return gradients


def far_apart(analytic: Any, numeric: Any, bound: float) -> bool:
    """Whether two arrays differ by more than the bound, relative to their size."""
    if np.shape(analytic) != np.shape(numeric):
        return True
    scale = 1 + float(np.max(np.abs(numeric), initial=0.0))
    return not bool(np.all(np.abs(np.asarray(analytic, "f8") - numeric) <= bound * scale))


def contraction(of: Callable[..., Any], cotangent: Any) -> Callable[..., float]:
    """x -> sum(ct * f(x)), whose gradient is the VJP."""
    return lambda *inputs: float(np.sum(np.multiply(cotangent, of(*inputs))))


def problems(primitive: Primitive) -> list[str]:
    """What is wrong with the rule, in words; compares entries, shapes and linearity."""
    return list(each_problem(primitive))


def each_problem(primitive: Primitive) -> Iterator[str]:
    """The same one by one, for those who need to know of the first alone."""
    random = np.random.default_rng(SEED + 1)
    for function in functions(primitive):
        yield from _problems_at(function, random)


def _problems_at(function: Function, random: np.random.Generator) -> list[str]:
    try:
        out, pullback = pb.vjp(function.of, *function.inputs)
        one, two = random_like(random, out), random_like(random, out)
        derived = pullback(one)
        other, both = pullback(two), pullback(0.7 * one - 1.3 * two)
    except Exception as error:  # a faulty rule may fail in any way; all are caught
        return [f"the rule raises {error!r}"]
    numeric = numeric_gradients(contraction(function.of, one), function.inputs)
    found = []
    for place, got, expected in zip(function.places, derived, numeric, strict=True):
        if far_apart(got, expected, EXACT):
            found.append(f"input {place}: derived {got}, numeric {expected}")
    for place, first, second, mixed in zip(function.places, derived, other, both, strict=True):
        if far_apart(mixed, 0.7 * first - 1.3 * second, 1e-12):
            found.append(f"input {place}: the rule is not linear in the cotangent")
    return found


def precision_problems(primitive: Primitive) -> list[str]:
    """The VJP in float32 against that in float64, at inputs that both can hold."""
    random = np.random.default_rng(SEED + 2)
    found = []
    for function in functions(primitive):
        single = [np.asarray(x, "f4") for x in function.inputs]
        double = [np.asarray(x, "f8") for x in single]
        out, pullback_single = pb.vjp(function.of, *single)
        exact, pullback_double = pb.vjp(function.of, *double)
        if far_apart(out, exact, SINGLE):
            found.append(f"value {out} in float32, {exact} in float64")
        cotangent = random_like(random, out).astype("f4")
        for place, narrow, wide in zip(
            function.places,
            pullback_single(cotangent),
            pullback_double(cotangent.astype("f8")),
            strict=True,
        ):
            if np.asarray(narrow).dtype != np.float32:
                found.append(f"input {place}: the cotangent is {np.asarray(narrow).dtype}")
            if far_apart(narrow, wide, SINGLE):
                found.append(f"input {place}: {narrow} in float32, {wide} in float64")
    return found


def second_order_problems(primitive: Primitive) -> list[str]:
    """The VJP of the VJP, with respect to the cotangent and to the inputs."""
    random = np.random.default_rng(SEED + 3)
    found = []
    for function in functions(primitive):
        out = function.of(*function.inputs)

        def pulled(cotangent: Any, *inputs: Any, of: Any = function.of) -> tuple[Any, ...]:
            return pb.vjp(of, *inputs)[1](cotangent)

        point = [random_like(random, out), *function.inputs]
        first, pullback = pb.vjp(pulled, *point)
        weights = tuple(random_like(random, part) for part in first)
        # The differences look hundreds of times: at a program that is derived once.
        again = derived_once(function)
        for place, one, other in zip(function.places, first, again(*point), strict=True):
            if far_apart(one, other, 1e-12):
                found.append(f"input {place}: the program gives {other}, the function {one}")

        def scalar(*at: Any, again: Any = again, weights: Any = weights) -> float:
            return float(sum(np.sum(w * p) for w, p in zip(weights, again(*at), strict=True)))

        numeric = numeric_gradients(scalar, point)
        for which, (got, expected) in enumerate(zip(pullback(weights), numeric, strict=True)):
            if far_apart(got, expected, 10 * EXACT):
                found.append(f"operand {which}: derived {got}, numeric {expected}")
    return found


def derived_once(function: Function) -> Callable[..., tuple[Any, ...]]:
    """(ct, *inputs) -> the VJP at these inputs, as one program for inputs of these shapes."""
    of, names = function.of, [f"x{i}" for i in range(len(function.inputs))]

    def named(**values: Any) -> Any:
        return of(*values.values())

    program = pb.trace(named, **dict(zip(names, function.inputs, strict=True)))
    derived = pb.compile(vjp_program(program, program.argument_inputs))
    # A result of whole numbers has no cotangent.
    count = int(program.outputs[0].aval.is_float)
    return lambda cotangent, *inputs: derived(*inputs, *[cotangent][:count])


def slopes_at_zero(primitive: Primitive, every: bool = False) -> Iterator[tuple[str, Any, Any]]:
    """(place, derived slope, one-sided slopes that exist), with one entry of an input 0.

    NumPy must define the value there and on at least one side, with a finite slope.
    """
    random = np.random.default_rng(SEED + 4)
    for function in functions(primitive):
        for which, x in enumerate(function.inputs):
            positions = list(np.ndindex(np.shape(x)))
            for position in positions if every else [positions[0], positions[-1]]:
                inputs = list(function.inputs)
                inputs[which] = with_entry(x, position, 0.0)
                yield from _slopes_of(function, inputs, which, random)


def _slopes_of(
    function: Function, inputs: list[Any], which: int, random: np.random.Generator
) -> Iterator[tuple[str, Any, Any]]:
    with np.errstate(all="ignore"):
        value = function.of(*inputs)
        if not np.all(np.isfinite(value)):
            return
        cotangent = random_like(random, value)
        derived = pb.vjp(function.of, *inputs)[1](cotangent)
        scalar = contraction(function.of, cotangent)
        for other, x in enumerate(inputs):
            for entry in np.ndindex(np.shape(x)):
                at = along_entry(scalar, inputs, other, entry)
                sides = [s for s in (one_sided(at, -1), one_sided(at, +1)) if s is not None]
                if sides:
                    place = f"input {function.places[other]}{list(entry)}, 0 in {which}"
                    yield place, float(derived[other][entry]), sides


def one_sided(at: Callable[[float], float], side: int) -> float | None:
    """The slope towards one side; None where it is infinite or the function undefined."""

    def slope(step: float) -> float:
        step *= side
        return (4 * at(step) - at(2 * step) - 3 * at(0.0)) / (2 * step)

    coarse, fine = slope(1e-4), slope(1e-5)
    settled = np.isfinite(fine) and abs(coarse - fine) <= ONE_SIDED / 10 * (1 + abs(fine))
    return fine if settled else None


def lies_between(value: float, sides: list[float]) -> bool:
    """Whether a slope is one of the one-sided slopes, or between them."""
    slack = ONE_SIDED * (1 + max(map(abs, sides)))
    return min(sides) - slack <= value <= max(sides) + slack
