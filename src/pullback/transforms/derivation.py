"""The derivation of a backward pass as a value: each step of the sweep, and what it sent where.

A gradient program says what is computed; its derivation says why: which use of a value sent
which contribution, and what they add up to. Graph, stepping, equations and grading read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..dims import Dim, axis_lengths
from ..errors import UsageError
from ..lazy import cached_property
from ..primitive import Literal
from ..program import BACKWARD, Argument, Atom, Program, Var
from ..tracing.builder import Builder
from ..tracing.replay import replay_values
from ..trees import LEAF
from .retype import specialize
from .simplify import simplify
from .sweep import Contribution, Pull, Sweep, in_shape_of
from .vjp import continued, cotangent_inputs, tuple_of, unit_seed


@dataclass(frozen=True, eq=False)
class Derivation:
    """How the backward pass of a program is derived, one step of the sweep at a time.

    Attributes:
        forward: The program that is differentiated.
        wrt: The inputs to which the gradient flows.
        program: The equations of `forward`, then those of the backward pass as the sweep
            recorded them, not simplified. Its inputs are those of `forward`, then one cotangent
            per floating output unless the derivation is seeded.
        pulls: The steps, in the order of the sweep.
        seeds: The cotangents that enter at outputs.
        cotangents: The complete cotangent of each variable of `forward` that has one.
    """

    forward: Program
    wrt: tuple[Var, ...]
    program: Program
    pulls: tuple[Pull, ...]
    seeds: tuple[Contribution, ...]
    cotangents: Mapping[Var, Atom]

    def children(self, var: Var) -> tuple[Contribution, ...]:
        """What arrives at a variable of `forward`, in the order in which it arrives.

        Its cotangent is the sum: the sum over children of the chain rule.
        """
        return self._arriving.get(var, ())

    @cached_property
    def _arriving(self) -> dict[Var, tuple[Contribution, ...]]:
        arriving: dict[Var, tuple[Contribution, ...]] = {}
        sent = [*self.seeds, *(c for pull in self.pulls for c in pull.contributions)]
        for contribution in sent:
            before = arriving.get(contribution.target, ())
            arriving[contribution.target] = (*before, contribution)
        return arriving

    def values(self, inputs: Mapping[Var, Any]) -> dict[Var, Any]:
        """The number or array behind every variable of `program`.

        Args:
            inputs: A value per input; captured arrays and numbers with defaults may be left out.
        """
        program = self.program
        sizes = axis_lengths((var.aval.shape, np.shape(value)) for var, value in inputs.items())
        fixed = specialize(program, sizes)
        given = {
            new: inputs[old]
            for new, old in zip(fixed.inputs, program.inputs, strict=True)
            if old in inputs
        }
        values = replay_values(fixed, given)
        return {
            old: values[new]
            for old, new in zip(_variables(program), _variables(fixed), strict=True)
        }

    @staticmethod
    def value_of(atom: Atom, values: Mapping[Var, Any]) -> Any:
        """The value of an atom, given those of the variables."""
        return atom.value if isinstance(atom, Literal) else values[atom]


def derive(program: Program, wrt: Sequence[Var] | None = None, seeded: bool = True) -> Derivation:
    """The derivation of a program's backward pass.

    Args:
        program: The forward program.
        wrt: Floating inputs of it; all floating arguments when None.
        seeded: Whether the first output, which must be a floating number, gets the cotangent 1;
            else each floating output's cotangent is an input.

    Raises:
        UsageError: When it is seeded and the first output is no floating number, or when there
            is no floating argument.
    """
    chosen = tuple(v for v in program.argument_inputs if v.aval.is_float) if wrt is None else wrt
    if not chosen:
        raise UsageError(f"{program.name} has no floating argument, so it has no gradient.")
    builder = continued(program)
    arguments: Sequence[Argument] = program.arguments
    if seeded:
        cotangents = unit_seed(builder, program)
    else:
        cotangents, arguments = cotangent_inputs(builder, program)
    sweep = Sweep(builder, program, chosen)
    results = [value.atom for value in sweep.run(cotangents)]
    names = [f"d{program.names[var]}" for var in chosen]
    finished, final = builder.finish(
        f"derivation_of_{program.name}", results, arguments, tuple_of(len(chosen)), names
    )
    return Derivation(
        forward=program,
        wrt=tuple(chosen),
        program=finished,
        pulls=tuple(_final_pull(pull, final) for pull in sweep.pulls),
        seeds=tuple(_final_contribution(seed, final) for seed in sweep.seeds),
        cotangents=MappingProxyType(
            {var: _final_atom(value.atom, final) for var, value in sweep.arrived.items()}
        ),
    )


def derivation_of(program: Program) -> Derivation | None:
    """The derivation behind a gradient or VJP program; None where it is no such program.

    A program that was read from a file does not know any more what it was derived from.
    """
    origin = program.origin
    return None if origin is None else derive(origin.program, origin.wrt, origin.seeded)


def local_program(forward: Program, contribution: Contribution) -> Program:
    """The little program of one contribution: (ct, out, inputs) -> v J, simplified.

    Its arguments are what the primitive's rule reads, under their names in the forward program;
    the cotangent is named d + the output's name.

    Raises:
        UsageError: When the contribution enters from outside, at an output.
    """
    equation = contribution.equation
    if equation is None or equation.primitive.rule is None:
        raise UsageError("The cotangent of an output enters from outside; no rule computes it.")
    builder, names = Builder(name_values=False), forward.names
    out = names[equation.out]
    ct = builder.wrap(
        builder.add_input(replace(equation.out.aval, weak=False), f"d{out}", cotangent_of=out)
    )
    known = {
        var: builder.wrap(builder.add_input(var.aval, names[var]))
        for var in dict.fromkeys((equation.out, *equation.inputs))
        if isinstance(var, Var)
    }
    inputs = [a.value if isinstance(a, Literal) else known[a] for a in equation.inputs]
    target = contribution.target
    with builder.in_stage(BACKWARD):
        parts = equation.primitive.rule(ct, known[equation.out], *inputs, **equation.params)
        result = in_shape_of(builder, parts[contribution.position], target.aval)
    arguments = [Argument(var.hint, LEAF) for var in builder.inputs]
    name = f"from_{out}_to_{names[target]}"
    program, _ = builder.finish(name, [result.atom], arguments, LEAF)
    return _reading_only_what_it_needs(simplify(program))


def _variables(program: Program) -> list[Var]:
    return [*program.inputs, *(equation.out for equation in program.equations)]


def _reading_only_what_it_needs(program: Program) -> Program:
    """Without the arguments that no equation reads, unless their shape tells an axis's length."""
    needed: set[Atom] = {atom for equation in program.equations for atom in equation.inputs}
    needed.update(program.outputs)
    lengths = {axis for equation in program.equations for axis in _axes(equation.out)}
    lengths -= {axis for var in program.argument_inputs if var in needed for axis in _axes(var)}
    kept = []
    for argument, var in zip(program.arguments, program.argument_inputs, strict=True):
        if var in needed or lengths & _axes(var):
            kept.append((argument, var))
            lengths -= _axes(var)
    return replace(
        program,
        arguments=tuple(argument for argument, _ in kept),
        inputs=(*(var for _, var in kept), *program.defaults),
    )


def _axes(var: Var) -> frozenset[str]:
    return frozenset(name for dim in var.aval.shape if isinstance(dim, Dim) for name in dim.axes)


Final = Callable[[Var], Var]


def _final_atom(atom: Atom, final: Final) -> Atom:
    return final(atom) if isinstance(atom, Var) else atom


def _final_contribution(contribution: Contribution, final: Final) -> Contribution:
    return replace(contribution, cotangent=_final_atom(contribution.cotangent, final))


def _final_pull(pull: Pull, final: Final) -> Pull:
    contributions = tuple(_final_contribution(c, final) for c in pull.contributions)
    return replace(pull, cotangent=_final_atom(pull.cotangent, final), contributions=contributions)
