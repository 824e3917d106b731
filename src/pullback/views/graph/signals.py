"""The error signals of a picture: what comes back to each value, and what is stopped on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...lazy import cached_property
from ...primitive import Literal
from ...program import Atom, Equation, Program, Var
from ...transforms.derivation import Derivation, local_program
from ...transforms.sweep import Contribution
from .gates import Sent, gate_of
from .texts import expression_text, long_summary, shortened, summary

LONGEST_FORMULA = 22


@dataclass(frozen=True)
class Signals:
    """A program's error signals, in words.

    Attributes:
        derivation: The derivation of its backward pass.
        values: The value of each variable of the derivation; None before it has run.
    """

    derivation: Derivation
    values: Mapping[Var, Any] | None = None

    @property
    def forward(self) -> Program:
        """The program whose error signals these are."""
        return self.derivation.forward

    def reaches(self, var: Var) -> bool:
        """Whether an error signal comes back to a value."""
        return var in self.derivation.cotangents

    def lines(self, var: Var, name: str) -> tuple[str, ...]:
        """The complete error signal of a value, as it stands beside its wire."""
        cotangent = self.derivation.cotangents.get(var)
        if cotangent is None:
            return ()
        count = len(self.derivation.children(var))
        head = f"d{name}" if name else ""
        if count > 1:
            head = f"{head} = sum of {count}".lstrip(" =")
        value = summary(self._value(cotangent)) if self.values is not None else ""
        return tuple(line for line in (head, value) if line)

    def details(self, var: Var) -> tuple[str, ...]:
        """The complete error signal of a value, in sentences."""
        cotangent = self.derivation.cotangents.get(var)
        if cotangent is None:
            return ()
        told = [f"Error signal d{self.forward.names[var]}, shape {var.aval.shape_text}"]
        if self.values is not None:
            told[0] += f": {long_summary(self._value(cotangent))}"
        children = self.derivation.children(var)
        if len(children) > 1:
            told.append(f"It is the sum of {len(children)} contributions")
        return tuple(f"{sentence}." for sentence in told)

    def contribution(self, equation: Equation | None, position: int, var: Var) -> str:
        """What one use sends back, in a few characters, where it is one of several."""
        if len(self.derivation.children(var)) < 2:
            return ""
        found = self._sent.get((_out(equation), position, var))
        if found is None:
            return ""
        if self.values is not None:
            return summary(self._value(found.cotangent))
        return shortened(self.formula(found), LONGEST_FORMULA)

    def seed(self, var: Var) -> str:
        """The error signal that enters at an output: its value, or its name before it has run."""
        found = next((seed for seed in self.derivation.seeds if seed.target is var), None)
        if found is None:
            return ""
        if isinstance(found.cotangent, Literal) or self.values is not None:
            return summary(self._value(found.cotangent))
        return found.cotangent.hint

    def sends(self, equation: Equation | None, position: int, var: Var) -> bool:
        """Whether a use sends anything back."""
        return (_out(equation), position, var) in self._sent

    def told(self, equation: Equation, position: int, var: Var) -> str:
        """What one use sends back, in a sentence; "" if nothing."""
        found = self._sent.get((equation.out, position, var))
        if found is None:
            return ""
        told = f"{self.forward.names[equation.out]} sends back {self.formula(found)}"
        if self.values is not None:
            told += f": {long_summary(self._value(found.cotangent))}"
        return f"{told}."

    def gate(self, equation: Equation) -> str:
        """How the operation treats the error signal, in a word."""
        names = self.forward.names
        sent = []
        for contribution in self._contributions(equation):
            others = [
                names[atom]
                for place, atom in enumerate(equation.inputs)
                if isinstance(atom, Var) and place != contribution.position
            ]
            sent.append(Sent(self._local(contribution), frozenset(others)))
        return gate_of(sent)

    def stopped(self, equation: Equation) -> tuple[int, int] | None:
        """How many entries of the error signal an operation stops, and of how many.

        Those whose cotangent is not 0 and whose contribution is exactly 0: the local slope is 0.
        None where it has not run, or where it is no matter of entries.
        """
        contributions = self._contributions(equation)
        if self.values is None or len(contributions) != 1:
            return None
        (contribution,) = contributions
        cotangent = self._value(self._pulls[equation.out])
        arriving = _spread(equation, np.asarray(cotangent), contribution.target)
        if arriving is None:
            return None
        sent = np.asarray(self._value(contribution.cotangent))
        return int(np.count_nonzero((arriving != 0) & (sent == 0))), sent.size

    def formula(self, contribution: Contribution) -> str:
        """A contribution as NumPy text: dy_pred @ W2.T."""
        if contribution.equation is None:
            return "the seed"
        return expression_text(self._local(contribution))

    def _value(self, atom: Atom) -> Any:
        return self.derivation.value_of(atom, self.values or {})

    def _contributions(self, equation: Equation) -> tuple[Contribution, ...]:
        return self._by_equation.get(equation.out, ())

    def _local(self, contribution: Contribution) -> Program:
        known = self._locals
        if contribution not in known:
            known[contribution] = local_program(self.forward, contribution)
        return known[contribution]

    @cached_property
    def _locals(self) -> dict[Contribution, Program]:
        return {}

    @cached_property
    def _by_equation(self) -> dict[Var, tuple[Contribution, ...]]:
        return {pull.equation.out: pull.contributions for pull in self.derivation.pulls}

    @cached_property
    def _pulls(self) -> dict[Var, Atom]:
        return {pull.equation.out: pull.cotangent for pull in self.derivation.pulls}

    @cached_property
    def _sent(self) -> dict[tuple[Var | None, int, Var], Contribution]:
        sent = [
            *self.derivation.seeds,
            *(c for p in self.derivation.pulls for c in p.contributions),
        ]
        return {(_out(c.equation), c.position, c.target): c for c in sent}


def _out(equation: Equation | None) -> Var | None:
    return None if equation is None else equation.out


def _spread(equation: Equation, cotangent: Any, target: Var) -> Any:
    """The cotangent of the output, entry by entry of an operand; None where they do not match."""
    primitive = equation.primitive
    if primitive.elementwise and target.aval.shape == equation.out.aval.shape:
        return cotangent
    if primitive.slopes is None or "axis" not in equation.params:
        return None
    axis = equation.params["axis"]
    if axis is not None and not equation.params["keepdims"]:
        cotangent = np.expand_dims(cotangent, axis)
    return cotangent
