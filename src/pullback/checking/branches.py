"""Evaluating a program with its branches frozen as they are at one point.

Around a point a piecewise linear operation is linear on each of its pieces. Freezing replaces
it by the piece that the point lies on, so that a difference quotient never crosses a kink and
approximates the derivative of the very function whose gradient was derived. Entries exactly on
a kink lie on two pieces: their slope is the one that the VJP rule chose, which must lie between
the two; how the whole behaves on either side is seen by keeping such entries live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import GradientError, at
from ..primitive import Literal, Slopes
from ..primitives.custom import with_rule
from ..program import Equation, Program, Var
from ..tracing import trace_eager
from .own_rules import OwnRule, differentiated, rule_name
from .precision import DOUBLE, Precision

CLOSE = 1e-9
"""How far a rule's slope at a kink may lie outside the two one-sided slopes (rounding)."""


@dataclass(frozen=True)
class _Piece:
    """The linear piece of one equation: out + sum(weight * (x - x0)) over its inputs."""

    out: Any
    points: tuple[Any, ...]
    weights: tuple[Any, ...]
    on_kink: Any
    slopes: tuple[Slopes | None, ...] = ()


class Branches:
    """A program's values and branches at one point.

    Args:
        program: A program without named axes.
        inputs: A number or array per input.
        precision: Decides how closely functions with a rule of their own are looked at.

    Attributes:
        kinks: How many entries of an equation's result lie exactly on a kink.
        moving: The values that depend on a floating input.
        differentiated: The values whose cotangents go through a primitive's rule.

    Raises:
        GradientError: When a rule chooses a slope at a kink outside its one-sided slopes.
    """

    def __init__(
        self, program: Program, inputs: Mapping[Var, Any], precision: Precision = DOUBLE
    ) -> None:
        self.program, self.precision = program, precision
        self.values: dict[Var, Any] = {**program.defaults, **inputs}
        self._pieces: dict[Var, _Piece] = {}
        self._curves: dict[Var, Branches] = {}
        self.kinks: dict[Equation, int] = {}
        self._own: dict[Var, OwnRule] = {}
        self.moving = _moving(program)
        self.differentiated = differentiated(program)
        for equation in program.equations:
            operands = [self.value(atom) for atom in equation.inputs]
            out = equation.primitive.evaluate(*operands, **equation.params)
            self.values[equation.out] = out
            if equation.out in self.moving:
                self._freeze(equation, operands, out)

    def outputs(self, inputs: Mapping[Var, Any], live: bool = False) -> list[Any]:
        """The outputs at other inputs, branches frozen; `live` frees entries on a kink."""
        values: dict[Var, Any] = {**self.program.defaults, **inputs}
        for equation in self.program.equations:
            if equation.out not in self.moving:
                values[equation.out] = self.values[equation.out]
                continue
            operands = [self._value(atom, values) for atom in equation.inputs]
            values[equation.out] = self.local(equation, operands, live)
        return [self._value(atom, values) for atom in self.program.outputs]

    def local(self, equation: Equation, operands: list[Any], live: bool = False) -> Any:
        """One equation's value at other operands, on its frozen branch."""
        if equation.out in self._own:
            return self._own[equation.out].value(operands, live)
        piece = self._pieces.get(equation.out)
        if piece is None:
            return equation.primitive.evaluate(*operands, **equation.params)
        if not equation.out.aval.is_float:
            if not live or not np.any(piece.on_kink):
                return piece.out
            exact = equation.primitive.evaluate(*operands, **equation.params)
            return np.where(piece.on_kink, exact, piece.out)
        linear = piece.out
        for x, point, weight in zip(operands, piece.points, piece.weights, strict=True):
            if weight is not None:
                linear = linear + _reduced(equation, weight * (x - point))
        smooth = equation.primitive.smooth_elsewhere
        if not (live or smooth) or not np.any(piece.on_kink):
            return self._curved(equation, operands) if smooth else linear
        exact = equation.primitive.evaluate(*operands, **equation.params)
        if not smooth:
            return np.where(piece.on_kink, exact, linear)
        return np.where(piece.on_kink, exact if live else linear, self._curved(equation, operands))

    def _curved(self, equation: Equation, operands: list[Any]) -> Any:
        """The value of what is curved where it has no kink, on the side that the point lies on."""
        exact = equation.primitive.evaluate(*operands, **equation.params)
        curve = self._curves.get(equation.out)
        if curve is None:
            return exact
        (value,) = curve.outputs(dict(zip(curve.program.inputs, operands, strict=True)))
        ties = np.logical_or.reduce(
            np.broadcast_arrays(*(piece.on_kink for piece in curve._pieces.values()))
        )
        return np.where(ties, exact, value)

    def unfrozen(self, inputs: Mapping[Var, Any]) -> tuple[list[Any], int]:
        """The outputs at other inputs, and how many entries lie on another branch there."""
        values: dict[Var, Any] = {**self.program.defaults, **inputs}
        crossings = 0
        for equation in self.program.equations:
            operands = [self._value(atom, values) for atom in equation.inputs]
            out = equation.primitive.evaluate(*operands, **equation.params)
            values[equation.out] = out
            if equation.out in self._pieces:
                crossings += _crossed(equation, self._pieces[equation.out], operands, out)
        return [self._value(atom, values) for atom in self.program.outputs], crossings

    @property
    def has_pieces(self) -> bool:
        """Whether the program has any branches."""
        return bool(self._pieces)

    def _freeze(self, equation: Equation, operands: list[Any], out: Any) -> None:
        if equation.primitive is with_rule:
            self._freeze_own(equation)
        elif not equation.out.aval.is_float:
            ties = _ties(equation, operands, out)
            self._count(equation, ties)
            self._pieces[equation.out] = _Piece(out, (), (), self._follows(equation, ties))
        elif equation.primitive.slopes is not None:
            slopes = equation.primitive.slopes(*operands, **equation.params)
            chosen = _rule_slopes(equation, operands, out)
            kinked: list[Any] = [None if s is None else s.below != s.above for s in slopes]
            if equation.out in self.differentiated:
                self._judge(equation, slopes, chosen)
            weights = tuple(
                None
                if s is None or not _may_move(atom)
                else np.where(k, 0.0 if c is None else c, s.below)
                for atom, s, c, k in zip(equation.inputs, slopes, chosen, kinked, strict=True)
            )
            marks = [
                _reduced(equation, np.asarray(k, float)) > 0
                for atom, k in zip(equation.inputs, kinked, strict=True)
                if k is not None and _may_move(atom)
            ]
            on_kink = np.logical_or.reduce(np.broadcast_arrays(*marks)) if marks else False
            on_kink = np.broadcast_to(on_kink, np.shape(out))
            self._pieces[equation.out] = _Piece(out, tuple(operands), weights, on_kink, slopes)
            self._count(equation, on_kink)
            if equation.primitive.smooth_elsewhere and equation.primitive.elementwise:
                self._curves[equation.out] = self._branches_within(equation, operands)

    def _branches_within(self, equation: Equation, operands: list[Any]) -> Branches:
        """Those of the NumPy function that the primitive stands for."""
        traced = trace_eager(equation.primitive.helpers[-1], operands, equation.params)
        return Branches(traced.program, traced.values, self.precision)

    def _freeze_own(self, equation: Equation) -> None:
        own = OwnRule(self.program, equation, self.values, self.local, self.precision)
        self._own[equation.out] = own
        pieces = [self._pieces[e.out] for e in own.inside if e.out in self._pieces]
        if any(np.any(piece.on_kink) for piece in pieces):
            # Directions of its own: what the check draws does not depend on kinks.
            own.find_kinks(np.random.default_rng(0))
            self._count(equation, own.on_kink)

    def _follows(self, equation: Equation, ties: Any) -> Any:
        """The ties of a condition, and those of the conditions that it combines."""
        if equation.primitive.elementwise:
            for atom in equation.inputs:
                if atom in self._pieces and not atom.aval.is_float:
                    ties = np.logical_or(ties, self._pieces[atom].on_kink)
        return ties

    def _count(self, equation: Equation, on_kink: Any) -> None:
        count = int(np.count_nonzero(on_kink))
        if count and equation.out in self.differentiated:
            self.kinks[equation] = count

    def _judge(
        self, equation: Equation, slopes: tuple[Slopes | None, ...], chosen: list[Any]
    ) -> None:
        for one_sided, slope in zip(slopes, chosen, strict=True):
            if one_sided is None or slope is None:
                continue
            low = np.minimum(one_sided.below, one_sided.above) - CLOSE
            high = np.maximum(one_sided.below, one_sided.above) + CLOSE
            kinked = np.asarray(one_sided.below != one_sided.above)
            outside = kinked & ~((low <= slope) & (slope <= high))
            if np.any(outside):
                entry = tuple(int(i) for i in np.argwhere(outside)[0])
                below, above = (np.broadcast_to(s, outside.shape)[entry] for s in one_sided)
                message = (
                    f"The rule of {rule_name(equation)} is to blame: it chooses the slope "
                    f"{np.broadcast_to(slope, outside.shape)[entry]:g} at a kink (entry "
                    f"{list(entry)}), outside its one-sided slopes {below:g} and {above:g}."
                )
                raise GradientError(at(message, equation.where))

    def in_precision(self, value: Any) -> Any:
        """A floating number or array in the precision of the check."""
        return np.asarray(value, self.precision.dtype)[()]

    def value(self, atom: Any) -> Any:
        """The value of an atom at the point."""
        return self._value(atom, self.values)

    @staticmethod
    def _value(atom: Any, values: Mapping[Var, Any]) -> Any:
        return atom.value if isinstance(atom, Literal) else values[atom]


def _crossed(equation: Equation, piece: _Piece, operands: list[Any], out: Any) -> int:
    """How many entries lie on another branch than the piece does."""
    if not equation.out.aval.is_float:
        return int(np.count_nonzero(out != piece.out))
    assert equation.primitive.slopes is not None
    counts = [
        np.count_nonzero((now.below != then.below) | (now.above != then.above))
        for now, then in zip(
            equation.primitive.slopes(*operands, **equation.params), piece.slopes, strict=True
        )
        if now is not None and then is not None
    ]
    return int(max(counts, default=0))


def _moving(program: Program) -> set[Var]:
    """The values that depend on a floating input."""
    moving = {var for var in program.inputs if var.aval.is_float}
    for equation in program.equations:
        if any(atom in moving for atom in equation.inputs):
            moving.add(equation.out)
    return moving


def _ties(equation: Equation, operands: list[Any], out: Any) -> Any:
    """Where a comparison of floating values stands exactly on its boundary."""
    floating = all(atom.aval.is_float or atom.aval.weak for atom in equation.inputs)
    if equation.primitive.elementwise and len(operands) == 2 and floating:
        return np.broadcast_to(np.equal(*operands), np.shape(out))
    return np.zeros(np.shape(out), bool)


def _rule_slopes(equation: Equation, operands: list[Any], out: Any) -> list[Any]:
    """The slope that the VJP rule gives each entry: its cotangent for a cotangent of ones."""
    rule = equation.primitive.rule
    if rule is None:
        return [None] * len(operands)
    arrays = rule_operands(equation, operands)
    slopes = rule(np.ones(np.shape(out)), out, *arrays, **equation.params)
    return [
        slope if _may_move(atom) else None
        for atom, slope in zip(equation.inputs, slopes, strict=True)
    ]


def rule_operands(equation: Equation, operands: list[Any]) -> list[Any]:
    """The inputs of a rule as tracing hands them over: numbers only where a literal stands."""
    return [
        value if isinstance(atom, Literal) else np.asarray(value)
        for atom, value in zip(equation.inputs, operands, strict=True)
    ]


def _may_move(atom: Any) -> bool:
    return isinstance(atom, Var) and atom.aval.is_float


def _reduced(equation: Equation, entries: Any) -> Any:
    """Per-entry changes summed the way a reduction sums its inputs."""
    if "axis" not in equation.params:
        return entries
    axis, keepdims = equation.params["axis"], equation.params["keepdims"]
    return np.sum(entries, axis=axis, keepdims=keepdims)
