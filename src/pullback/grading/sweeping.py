"""The reverse sweep on numbers, with any value or error signal put in place of the derived one.

Each contribution is computed by its local program, so the rules stay in one place. Putting
something else somewhere and letting the sweep go on shows what a mistake makes of all that
comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..primitive import Literal
from ..program import Program, Var
from ..tracing.replay import replay_values
from ..transforms.derivation import Derivation, local_program
from ..transforms.sweep import Contribution

Values = Mapping[Var, Any]
Compute = Callable[[Contribution, Any], Any]


class NumericSweep:
    """The backward pass of a derivation at numbers.

    Args:
        derivation: A seeded derivation without named axes.
        inputs: A value per input.

    Attributes:
        values: The value of every forward variable.
    """

    def __init__(self, derivation: Derivation, inputs: Values) -> None:
        self.derivation = derivation
        self.values: dict[Var, Any] = replay_values(derivation.forward, inputs)
        self._inputs = {**derivation.forward.defaults, **inputs}
        forward = derivation.forward
        self._by_name = {name: var for var, name in forward.names.items()}
        self._locals: dict[Contribution, Program] = {}
        self._derived: dict[Contribution, tuple[Any, Any]] = {}

    def forward(self, put: Values) -> dict[Var, Any]:
        """The values of the forward pass with some of them put in place of what is computed."""
        return replay_values(self.derivation.forward, {**self._inputs, **put})

    def backward(
        self, values: Values, put: Values | None = None, compute: Compute | None = None
    ) -> dict[Var, Any]:
        """The cotangent of each forward variable.

        Args:
            values: The value of every forward variable.
            put: Cotangents to put in place of the derived ones.
            compute: What computes a contribution from a cotangent; the derived rule when None.
        """
        put = put or {}
        arrived: dict[Var, Any] = {}

        def arrive(target: Var, part: Any) -> None:
            before = arrived.get(target)
            arrived[target] = part if before is None else before + part

        for seed in self.derivation.seeds:
            arrive(seed.target, self.value_of(seed.cotangent, {}))
        for pull in self.derivation.pulls:
            ct = put.get(pull.equation.out, arrived[pull.equation.out])
            for contribution in pull.contributions:
                if compute is None:
                    arrive(contribution.target, self.contribution(contribution, ct, values))
                else:
                    arrive(contribution.target, compute(contribution, ct))
        return {**arrived, **put}

    def contribution(self, contribution: Contribution, ct: Any, values: Values) -> Any:
        """v J of one contribution, for a cotangent v of its equation's output."""
        ct_before, before = self._derived.get(contribution, (None, None))
        if values is self.values and np.array_equal(ct, ct_before):
            return before  # most of a sweep is not touched by what was put into it
        program = self.local(contribution)
        given = self.given(program, ct, values)
        found = self.value_of(program.outputs[0], replay_values(program, given))
        if values is self.values:
            self._derived.setdefault(contribution, (ct, found))
        return found

    def given(self, local: Program, ct: Any, values: Values) -> dict[Var, Any]:
        """The inputs of a local program."""
        return {
            var: ct if var.cotangent_of else values[self._by_name[var.hint]]
            for var in local.argument_inputs
        }

    def reads(self, contribution: Contribution) -> list[Var]:
        """The forward values that a contribution is computed from."""
        inputs = self.local(contribution).argument_inputs
        return [self._by_name[var.hint] for var in inputs if not var.cotangent_of]

    def local(self, contribution: Contribution) -> Program:
        """The little program of one contribution; derived once."""
        if contribution not in self._locals:
            forward = self.derivation.forward
            self._locals[contribution] = local_program(forward, contribution)
        return self._locals[contribution]

    def branches(self, contribution: Contribution) -> bool:
        """Whether the contribution depends on a comparison."""
        equations = self.local(contribution).equations
        return any(not equation.out.aval.is_float for equation in equations)

    @staticmethod
    def value_of(atom: Any, values: Values) -> Any:
        """The value of a variable or literal."""
        return atom.value if isinstance(atom, Literal) else values[atom]


def as_floats(value: Any) -> Any:
    """A number or array as an array of float64; masks as zeros and ones."""
    return np.asarray(value, np.float64)
