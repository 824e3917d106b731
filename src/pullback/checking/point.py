"""The check at one point: a random cotangent, the gradient derived for it, and its judges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import GradientError
from ..program import Program, Var
from ..tracing.replay import replay
from ..transforms import vjp_program
from .blame import blame_text, steep_text, undefined_text
from .branches import Branches
from .differences import agrees, one_sided_slopes, slope_at_zero

KINKS_NAMED = 3


class PointCheck:
    """One point, one random cotangent, and the gradient derived for them.

    Args:
        program: A float64 program without named axes.
        inputs: The point: a number or array per input.
        names: How the caller writes each input.
        random: The source of the cotangent and the directions.
        rtol: Allowed relative difference.

    Raises:
        GradientError: When the function is not finite at the point, or a rule chooses a slope at
            a kink that lies outside the one-sided slopes.
    """

    def __init__(
        self,
        program: Program,
        inputs: dict[Var, Any],
        names: dict[Var, str],
        random: np.random.Generator,
        rtol: float,
    ) -> None:
        self.inputs, self.names = inputs, names
        self.random, self.rtol = random, rtol
        self.branches = Branches(program, inputs)
        self.wrt = [var for var in program.argument_inputs if var.aval.is_float]
        outputs = [self.branches.value(atom) for atom in program.outputs]
        if not all(np.all(np.isfinite(out)) for out in outputs):
            raise GradientError(undefined_text(self.branches))
        self.cotangents = [
            random.normal(size=np.shape(out)) if atom.aval.is_float else None
            for atom, out in zip(program.outputs, outputs, strict=True)
        ]
        inner = [e.out for e in program.equations if e.out in self.branches.moving]
        inner = [var for var in inner if var.aval.is_float]
        derived = vjp_program(program, [*self.wrt, *inner])
        given = [ct for ct in self.cotangents if ct is not None]
        extra = derived.argument_inputs[len(program.argument_inputs) :]
        results = replay(derived, {**inputs, **dict(zip(extra, given, strict=True))})
        self.gradients = dict(zip([*self.wrt, *inner], results, strict=True))
        self.magnitude = self._magnitude(outputs)

    def _magnitude(self, outputs: list[Any]) -> float:
        """The magnitude of what is rounded on the way to the result.

        The rounding error of a value reaches the result multiplied by the value's cotangent. Where
        an operation has steps within (a reduction, log_softmax), its input is rounded there too.
        """
        found = [0.0]
        for ct, out in zip(self.cotangents, outputs, strict=True):
            found += [] if ct is None else [float(np.sum(np.abs(ct * out)))]
        for equation in self.branches.program.equations:
            ct = self.gradients.get(equation.out)
            if ct is not None:
                found.append(float(np.sum(np.abs(ct * self.branches.value(equation.out)))))
                if not equation.primitive.elementwise and len(equation.inputs) == 1:
                    largest = np.max(np.abs(self.branches.value(equation.inputs[0])), initial=0.0)
                    found.append(float(largest * np.linalg.norm(np.ravel(ct))))
        return max(magnitude for magnitude in found if np.isfinite(magnitude))

    def worst_error(self, var: Var, by_entry: bool, directions: int) -> tuple[int, float]:
        """How many entries (or random directions) were checked, and the largest error.

        Raises:
            GradientError: At the first entry or direction that is wrong.
        """
        self._refuse_infinite(var)
        shape = np.shape(self.inputs[var])
        lines = unit_vectors(shape) if by_entry else self._directions(shape, directions)
        worst, count = 0.0, 0
        for direction in lines:
            wrong, error = self._judge(var, direction)
            if wrong:
                self._fail(var, self._wrong_entry(var, direction, self._judge))
            if self._is_wrong_at_kinks(var, direction):
                entry = self._wrong_entry(var, direction, self._judge_kinks)
                self._fail_at_kinks(var, entry)
            worst = max(worst, error)
            count += 1
        return count, worst

    def _directions(self, shape: tuple[int, ...], count: int) -> Iterator[Any]:
        return (self.random.normal(size=shape) for _ in range(count))

    def _analytic(self, var: Var, direction: Any) -> float:
        return float(np.sum(self.gradients[var] * direction))

    def _along(self, var: Var, direction: Any, live: bool = False) -> Callable[[float], float]:
        def along(t: float) -> float:
            moved = {**self.inputs, var: self.inputs[var] + t * direction}
            outputs = self.branches.outputs(moved, live)
            pairs = zip(self.cotangents, outputs, strict=True)
            return float(sum(np.sum(ct * out) for ct, out in pairs if ct is not None))

        return along

    def _step_size(self, var: Var, direction: Any) -> tuple[float, float]:
        """What steps are relative to, and the magnitude of the entries that move.

        Both in units of the direction, so that steps are small for directions of many entries.
        """
        moving = np.abs(self.inputs[var])[direction != 0]
        reach = float(np.max(moving, initial=0.0))
        length = max(1.0, float(np.max(np.abs(direction), initial=0.0)))
        return max(1.0, reach) / length, reach / length

    def _allowed(self, var: Var, direction: Any) -> float:
        """The allowed difference: relative to the terms that a direction's slope sums."""
        return self.rtol * float(np.linalg.norm(np.ravel(self.gradients[var] * direction)))

    def _slope(self, var: Var, direction: Any) -> tuple[float, float]:
        return slope_at_zero(
            self._along(var, direction),
            *self._step_size(var, direction),
            self.magnitude,
            self._analytic(var, direction),
            self._allowed(var, direction),
        )

    def _judge(self, var: Var, direction: Any) -> tuple[bool, float]:
        """Whether the derived slope along a direction is wrong, and its error."""
        analytic = self._analytic(var, direction)
        slope, error = self._slope(var, direction)
        if not np.isfinite(slope):
            return True, np.inf
        scale = max(abs(analytic), abs(slope), 1.0)
        wrong = not agrees(slope, error, analytic, self._allowed(var, direction))
        return wrong, abs(slope - analytic) / scale

    def _one_sided(self, var: Var, direction: Any, live: bool) -> tuple[float, float]:
        along = self._along(var, direction, live)
        return one_sided_slopes(along, self._step_size(var, direction)[0])

    def _is_wrong_at_kinks(self, var: Var, direction: Any) -> bool:
        """Whether the whole is smooth along a direction with another slope than the derived.

        The derived slope is differenced on the frozen branches in the same way, so that the
        curvature of the function cannot be mistaken for a difference between the two.
        """
        if not self.branches.kinks:
            return False
        below, above = self._one_sided(var, direction, live=True)
        frozen = self._one_sided(var, direction, live=False)
        close = 1e-5 * max(abs(below), abs(above), *map(abs, frozen)) + 1e-9 * self.magnitude
        nearest = min(abs(above - frozen[1]), abs(below - frozen[0]))
        return abs(above - below) <= close and nearest > 10 * close

    def _judge_kinks(self, var: Var, direction: Any) -> tuple[bool, float]:
        return self._is_wrong_at_kinks(var, direction), 0.0

    def _wrong_entry(
        self, var: Var, direction: Any, judge: Callable[[Var, Any], tuple[bool, float]]
    ) -> tuple[int, ...]:
        """An entry whose gradient is wrong, by halving a direction along which it is."""
        moving = np.flatnonzero(direction)
        while len(moving) > 1:
            first, second = moving[: len(moving) // 2], moving[len(moving) // 2 :]
            half = np.zeros(direction.size)
            half[first] = direction.ravel()[first]
            wrong, _ = judge(var, half.reshape(direction.shape))
            moving = first if wrong else second
        place = moving[0] if len(moving) else 0
        return tuple(int(i) for i in np.unravel_index(place, direction.shape))

    def _refuse_infinite(self, var: Var) -> None:
        gradient = np.asarray(self.gradients[var])
        if not np.all(np.isfinite(gradient)):
            entry = tuple(int(i) for i in np.argwhere(~np.isfinite(gradient))[0])
            raise GradientError(
                f"The derived gradient of {self.names[var]} is not finite at entry "
                f"{list(entry)}: analytic {gradient[entry]}. {steep_text(self.branches)}"
            )

    def _fail(self, var: Var, entry: tuple[int, ...]) -> None:
        unit = _unit_vector(np.shape(self.inputs[var]), entry)
        slope, _ = self._slope(var, unit)
        raise GradientError(
            f"The derived gradient of {self.names[var]} is wrong at entry {list(entry)}: "
            f"analytic {self._analytic(var, unit):.9g}, numeric {slope:.9g}. "
            + blame_text(self.branches, self.random, self.rtol)
        )

    def _fail_at_kinks(self, var: Var, entry: tuple[int, ...]) -> None:
        kinks = [
            f"{equation.primitive.name} ({count} entries"
            + (f", {equation.where})" if equation.where else ")")
            for equation, count in list(self.branches.kinks.items())[:KINKS_NAMED]
        ]
        unit = _unit_vector(np.shape(self.inputs[var]), entry)
        below, above = self._one_sided(var, unit, live=True)
        raise GradientError(
            f"The function is smooth here but its derived gradient is not its slope: "
            f"{self.names[var]}, entry {list(entry)}: analytic {self._analytic(var, unit):.9g}, "
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
