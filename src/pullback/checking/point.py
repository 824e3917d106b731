"""The check at one point: a random cotangent, the gradient derived for it, and its judges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import GradientError, UndecidedError
from ..program import Program, Var
from ..tracing.replay import replay
from ..transforms import vjp_program
from .blame import blame_text, steep_text, undefined_text
from .branches import Branches
from .differences import Along, Line, agrees, one_sided_slopes, slope_at_zero
from .own_rules import rule_name, without_own_rules
from .precision import Precision
from .report import Kink

KINKS_NAMED = 3
UNSTEADY = 100
"""Tells nothing: a derived value that rounding of the point moves by so many tolerances."""

DERIVED = {1: "derived gradient", 2: "derived second derivative"}


@dataclass
class Found:
    """What was found along the directions of one variable so far."""

    checked: int = 0
    worst: float = 0.0
    derived: list[float] = field(default_factory=list)
    numeric: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    kinks: list[Kink] = field(default_factory=list)

    def add(self, derived: float, numeric: float, noise: float) -> None:
        """The derived slope along a direction, the measured one, and a bound of its error."""
        scale = max(abs(derived), abs(numeric), 1.0)
        self.checked += 1
        self.worst = max(self.worst, abs(derived - numeric) / scale)
        self.derived.append(derived)
        self.numeric.append(numeric)
        self.noise.append(noise)

    @property
    def relative(self) -> float:
        """The relative error over all directions, as Euclidean norms."""
        derived, numeric = np.array(self.derived), np.array(self.numeric)
        scale = max(np.linalg.norm(derived), np.linalg.norm(numeric))
        return float(np.linalg.norm(derived - numeric) / scale) if scale else 0.0

    @property
    def is_noise(self) -> bool:
        """Whether the measuring explains the difference."""
        difference = np.abs(np.array(self.derived) - np.array(self.numeric))
        return bool(np.all(difference <= np.array(self.noise)))


class PointCheck:
    """One point, one random cotangent, and the gradient derived for them.

    Args:
        program: A program of the precision's dtype without named axes.
        inputs: The point: a number or array per input.
        names: How the caller writes each input.
        random: The source of the cotangent and the directions.
        precision: What differences can show.
        order: What `program` computes: 1 a function, 2 a first derivative.

    Raises:
        UndecidedError: When the function is not finite at the point.
        GradientError: When a rule chooses a slope at a kink outside the one-sided slopes.
    """

    def __init__(
        self,
        program: Program,
        inputs: dict[Var, Any],
        names: dict[Var, str],
        random: np.random.Generator,
        precision: Precision,
        order: int = 1,
    ) -> None:
        self.inputs, self.names = inputs, names
        self.random, self.precision, self.order = random, precision, order
        self.branches = Branches(program, inputs, precision)
        outputs = [self.branches.value(atom) for atom in program.outputs]
        if not all(np.all(np.isfinite(out)) for out in outputs):
            raise UndecidedError(undefined_text(self.branches))
        self.cotangents = [
            self.branches.in_precision(random.normal(size=np.shape(out)))
            if atom.aval.is_float
            else None
            for atom, out in zip(program.outputs, outputs, strict=True)
        ]
        self.gradients = self._derived(program, inputs)
        self.magnitude = self._magnitude(outputs)

    def _derived(self, program: Program, inputs: dict[Var, Any]) -> dict[Var, Any]:
        """The cotangents of the floating inputs and of all that moves with them."""
        wrt = [var for var in program.argument_inputs if var.aval.is_float]
        inner = [e.out for e in program.equations if e.out in self.branches.moving]
        wanted = [*wrt, *(var for var in inner if var.aval.is_float)]
        derived = vjp_program(program, wanted)
        given = [ct for ct in self.cotangents if ct is not None]
        extra = derived.argument_inputs[len(program.argument_inputs) :]
        results = replay(derived, {**inputs, **dict(zip(extra, given, strict=True))})
        return dict(zip(wanted, results, strict=True))

    def _magnitude(self, outputs: list[Any]) -> float:
        """The magnitude of what is rounded on the way to the result.

        The rounding error of a value reaches the result multiplied by the value's cotangent,
        also inside functions that have a rule of their own. Where an operation has steps within
        (a reduction, log_softmax), its input is rounded there too.
        """
        found = [0.0]
        for ct, out in zip(self.cotangents, outputs, strict=True):
            found += [] if ct is None else [float(np.sum(np.abs(ct * out)))]
        plain = without_own_rules(self.branches.program)
        cotangents = (
            self.gradients if plain is self.branches.program else self._derived(plain, self.inputs)
        )
        for equation in plain.equations:
            ct = cotangents.get(equation.out)
            if ct is not None:
                found.append(float(np.sum(np.abs(ct * self.branches.value(equation.out)))))
                if not equation.primitive.elementwise and len(equation.inputs) == 1:
                    largest = np.max(np.abs(self.branches.value(equation.inputs[0])), initial=0.0)
                    found.append(float(largest * np.linalg.norm(np.ravel(ct))))
        return max(magnitude for magnitude in found if np.isfinite(magnitude))

    def examine(
        self, var: Var, by_entry: bool, directions: int
    ) -> tuple[Found, GradientError | None]:
        """Check a variable entry by entry, or along random directions.

        Returns:
            What was found up to the first entry or direction that is wrong, and what is wrong
            there, if anything is.
        """
        found = Found()
        try:
            self._refuse_infinite(var)
            shape = np.shape(self.inputs[var])
            lines = unit_vectors(shape) if by_entry else self._directions(shape, directions)
            for direction in lines:
                self._examine(var, direction, by_entry, found)
        except GradientError as error:
            return found, error
        return found, None

    def _examine(self, var: Var, direction: Any, by_entry: bool, found: Found) -> None:
        slope, error = self._slope(var, direction)
        found.add(self.analytic(var, direction), slope, 2 * error)
        if self._disagrees(var, direction, slope, error):
            self._fail(var, self._wrong_entry(var, direction, self._is_wrong))
        if self.branches.kinks:
            found.kinks += self._judged_at_kinks(var, direction, by_entry)

    def _directions(self, shape: tuple[int, ...], count: int) -> Iterator[Any]:
        return (self.random.normal(size=shape) for _ in range(count))

    def analytic(self, var: Var, direction: Any) -> float:
        """The derived slope along a direction."""
        return float(np.sum(self.gradients[var] * direction))

    def moved(self, var: Var, step: Any) -> dict[Var, Any]:
        """The inputs with one of them a step away."""
        return {**self.inputs, var: self.branches.in_precision(self.inputs[var] + step)}

    def along(self, var: Var, direction: Any, live: bool = False) -> Along:
        """The contracted result on a line; `live` frees entries that lie exactly on a kink."""
        return lambda t: self.contracted(
            self.branches.outputs(self.moved(var, t * direction), live)
        )

    def contracted(self, outputs: list[Any]) -> float:
        """sum(ct * out) over all floating outputs."""
        pairs = zip(self.cotangents, outputs, strict=True)
        terms = (np.asarray(ct * out, np.float64) for ct, out in pairs if ct is not None)
        return float(sum(np.sum(term) for term in terms))

    def step_size(self, var: Var, direction: Any) -> tuple[float, float]:
        """What steps are relative to, and the magnitude of the entries that move.

        Both in units of the direction, so that steps are small for directions of many entries.
        """
        moving = np.abs(self.inputs[var])[direction != 0]
        reach = float(np.max(moving, initial=0.0))
        length = max(1.0, float(np.max(np.abs(direction), initial=0.0)))
        return max(1.0, reach) / length, reach / length

    def _allowed(self, var: Var, direction: Any) -> float:
        """The allowed difference: relative to the terms that a direction's slope sums."""
        terms = np.ravel(self.gradients[var] * direction)
        return self.precision.rtol * float(np.linalg.norm(terms))

    def _slope(self, var: Var, direction: Any) -> tuple[float, float]:
        size, reach = self.step_size(var, direction)
        line = Line(self.along(var, direction), size, reach, self.magnitude, self.precision)
        return slope_at_zero(line, self.analytic(var, direction), self._allowed(var, direction))

    def _disagrees(self, var: Var, direction: Any, slope: float, error: float) -> bool:
        analytic, allowed = self.analytic(var, direction), self._allowed(var, direction)
        return not np.isfinite(slope) or not agrees(slope, error, analytic, allowed)

    def _is_wrong(self, var: Var, direction: Any) -> bool:
        return self._disagrees(var, direction, *self._slope(var, direction))

    # Entries exactly on a kink.

    def _one_sided(
        self, var: Var, direction: Any, live: bool, shorter: float = 1.0
    ) -> tuple[float, float]:
        h = self.precision.one_sided * self.step_size(var, direction)[0] * shorter
        return one_sided_slopes(self.along(var, direction, live), h)

    def _judged_at_kinks(self, var: Var, direction: Any, by_entry: bool) -> list[Kink]:
        """The kink of the whole function in a direction, if there is one.

        Raises:
            GradientError: When there is none, but the slope is not the derived one.
        """
        below, above = live = self._one_sided(var, direction, live=True)
        if self._is_smooth_elsewise(var, direction, live):
            self._fail_at_kinks(var, self._wrong_entry(var, direction, self._is_wrong_at_kinks))
        is_smooth = abs(above - below) <= self._close(*live)
        if is_smooth or not by_entry or self.order > 1 or self._jumps(var, direction, live):
            return []
        entry = tuple(int(i) for i in np.argwhere(direction)[0])
        return [Kink(entry, float(below), float(above), self.analytic(var, direction))]

    def _close(self, *slopes: float) -> float:
        """How far apart slopes may be that count as equal."""
        rounding = self.precision.flat * self.magnitude
        return self.precision.close * max(map(abs, slopes)) + rounding

    def _is_wrong_at_kinks(self, var: Var, direction: Any) -> bool:
        live = self._one_sided(var, direction, live=True)
        return self._is_smooth_elsewise(var, direction, live)

    def _is_smooth_elsewise(self, var: Var, direction: Any, live: tuple[float, float]) -> bool:
        """Whether the whole is smooth along a direction with another slope than the derived.

        The derived slope is differenced on the frozen branches in the same way, so that the
        curvature of the function cannot be mistaken for a difference between the two.
        """
        frozen = self._one_sided(var, direction, live=False)
        close = self._close(*live, *frozen)
        nearest = min(abs(side - other) for side, other in zip(live, frozen, strict=True))
        is_wrong = abs(live[1] - live[0]) <= close and nearest > 10 * close
        return is_wrong and not self._jumps(var, direction, live)

    def _jumps(self, var: Var, direction: Any, live: tuple[float, float]) -> bool:
        """Whether the function has no one-sided slopes: they grow as the step shrinks."""
        narrow = self._one_sided(var, direction, live=True, shorter=0.25)
        # A jump makes them four times as large, and rounding moves them no more than this.
        pairs = zip(live, narrow, strict=True)
        return any(abs(n) > 2 * abs(w) + 8 * self._close(w) for w, n in pairs)

    def _wrong_entry(
        self, var: Var, direction: Any, is_wrong: Callable[[Var, Any], bool]
    ) -> tuple[int, ...]:
        """An entry whose gradient is wrong, by halving a direction along which it is."""
        moving = np.flatnonzero(direction)
        while len(moving) > 1:
            first, second = moving[: len(moving) // 2], moving[len(moving) // 2 :]
            half = np.zeros(direction.size)
            half[first] = direction.ravel()[first]
            moving = first if is_wrong(var, half.reshape(direction.shape)) else second
        place = moving[0] if len(moving) else 0
        return tuple(int(i) for i in np.unravel_index(place, direction.shape))

    def _refuse_infinite(self, var: Var) -> None:
        gradient = np.asarray(self.gradients[var])
        if not np.all(np.isfinite(gradient)):
            entry = tuple(int(i) for i in np.argwhere(~np.isfinite(gradient))[0])
            raise UndecidedError(
                f"The {DERIVED[self.order]} of {self.names[var]} is not finite at entry "
                f"{list(entry)}: analytic {gradient[entry]}. {steep_text(self.branches)}"
            )

    def _fail(self, var: Var, entry: tuple[int, ...]) -> None:
        unit = _unit_vector(np.shape(self.inputs[var]), entry)
        slope, _ = self._slope(var, unit)
        moves = self._moved_by_rounding(var, unit)
        if moves > UNSTEADY * self.precision.rtol:
            raise UndecidedError(
                f"The {DERIVED[self.order]} of {self.names[var]} cannot be checked at entry "
                f"{list(entry)}: a change of the arguments in their last digit moves it by "
                f"{moves:.0e} of its value, so no difference is precise enough. Values that "
                "nearly tie are a usual cause; move them apart."
            )
        raise GradientError(
            f"The {DERIVED[self.order]} of {self.names[var]} is wrong at entry {list(entry)}: "
            f"analytic {self.analytic(var, unit):.9g}, numeric {slope:.9g}. "
            + blame_text(self.branches, self.random, self.precision.rtol)
        )

    def _moved_by_rounding(self, var: Var, direction: Any) -> float:
        """How much the derived slope moves with the last digit of the point, relative to it."""
        eps = float(np.finfo(self.precision.dtype).eps)
        nudged = {
            v: self.branches.in_precision(
                x * (1 + eps * np.sign(self.random.normal(size=np.shape(x))))
            )
            if v.aval.is_float
            else x
            for v, x in self.inputs.items()
        }
        before = self.analytic(var, direction)
        after = float(np.sum(self._derived(self.branches.program, nudged)[var] * direction))
        scale = max(abs(before), abs(after))
        return abs(after - before) / scale if scale else 0.0

    def _fail_at_kinks(self, var: Var, entry: tuple[int, ...]) -> None:
        kinks = [
            f"{rule_name(equation)} ({count} entries"
            + (f", {equation.where})" if equation.where else ")")
            for equation, count in list(self.branches.kinks.items())[:KINKS_NAMED]
        ]
        unit = _unit_vector(np.shape(self.inputs[var]), entry)
        below, above = self._one_sided(var, unit, live=True)
        raise GradientError(
            f"The function is smooth here but its {DERIVED[self.order]} is not its slope: "
            f"{self.names[var]}, entry {list(entry)}: analytic {self.analytic(var, unit):.9g}, "
            f"numeric {(below + above) / 2:.9g} from both sides. The kinks of {', '.join(kinks)} "
            "cancel; write the function without them (np.logaddexp, pb.nn.sigmoid, "
            "pb.nn.softplus, pb.nn.log_softmax)."
        )


def unit_vectors(shape: tuple[int, ...]) -> Iterator[Any]:
    """Each entry's own direction."""
    return (_unit_vector(shape, entry) for entry in np.ndindex(shape))


def _unit_vector(shape: tuple[int, ...], entry: tuple[int, ...]) -> Any:
    unit = np.zeros(shape)
    unit[entry] = 1.0
    return unit
