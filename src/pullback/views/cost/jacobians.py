"""The VJP of each operation against its Jacobian, which is never built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...dims import Dimension, Shape, product
from ...program import BACKWARD, FORWARD, Equation, Program, Var
from ...transforms.derivation import Derivation, derivation_of
from ...transforms.vjp import vjp_program
from ..equations.rules import on_letters, same_case
from .amounts import Amount, amount_of


@dataclass(frozen=True)
class JacobianCost:
    """One operation and one of its inputs: v J by its rule, and by the matrix J.

    Attributes:
        output: The name of the result.
        input: The name of the input.
        shape: The shape of J: the result's shape, then the input's.
        vjp: What the rule costs.
        bytes: What J would take.
        flops: What the product v J would cost, a product and an addition per entry of J.
    """

    output: str
    input: str
    shape: Shape
    vjp: Amount
    bytes: Dimension
    flops: Dimension


def jacobian_costs(
    program: Program, at: Callable[[Dimension], Dimension]
) -> Iterator[JacobianCost]:
    """For each step of a gradient's derivation; of a forward program for each slope it has."""
    derivation = derivation_of(program)
    forward = program if derivation is None else derivation.forward
    known: dict[tuple[object, ...], Amount] = {}
    for equation, position in _slopes(program) if derivation is None else _steps(derivation):
        out, atom = equation.out, equation.inputs[position]
        assert isinstance(atom, Var)
        entries = product(out.aval.shape) * product(atom.aval.shape)
        case = (*same_case(equation), position)
        if case not in known:
            known[case] = _vjp_amount(equation, position)
        vjp = known[case]
        yield JacobianCost(
            forward.names[out],
            forward.names[atom],
            tuple(map(at, (*out.aval.shape, *atom.aval.shape))),
            Amount(*map(at, (vjp.flops, vjp.read, vjp.written))),
            at(entries * out.aval.dtype.itemsize),
            at(2 * entries),
        )


def _steps(derivation: Derivation) -> Iterator[tuple[Equation, int]]:
    for pull in reversed(derivation.pulls):
        for contribution in pull.contributions:
            yield pull.equation, contribution.position


def _slopes(program: Program) -> Iterator[tuple[Equation, int]]:
    for equation in program.equations:
        forward = equation.stage == FORWARD and equation.out.aval.is_float
        if forward and equation.primitive.rule is not None:
            for position, atom in enumerate(equation.inputs):
                if isinstance(atom, Var) and atom.aval.is_float:
                    yield equation, position


def _vjp_amount(equation: Equation, position: int) -> Amount:
    single = on_letters(equation)
    target = single.equations[0].inputs[position]
    assert isinstance(target, Var)
    backward = vjp_program(single, [target])
    amounts = [amount_of(e) for e in backward.equations if e.stage == BACKWARD]
    return sum(amounts, Amount())
