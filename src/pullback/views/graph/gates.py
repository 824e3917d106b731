"""How an operation treats the error signal that comes back to it, in a word.

The word is read off the local programs of its contributions, the little programs (v, operands)
-> v J that its rule yields, not off the operation's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...primitives.elementwise import multiply, negative
from ...primitives.indexing import placed, scatter_add, scatter_along_axis
from ...primitives.linear import einsum, matmul, outer
from ...primitives.reductions import sum_
from ...primitives.shapes import broadcast_to
from ...program import Program

PASSES, TURNS, ROUTES, SWAPS, SPREADS, MOVES, SCALES = (
    "passes",
    "passes, sign turned",
    "routes",
    "swaps",
    "spreads",
    "moves",
    "scales",
)

BILINEAR = frozenset((multiply, matmul, einsum, outer, negative, sum_))
"""What a rule is made of when it is linear in the other operand too."""

MOVERS = frozenset((placed, scatter_add, scatter_along_axis))
"""What puts entries back where an index took them from."""

MEANING = {
    "distributes": "hands the error signal on to each operand unchanged",
    "distributes, signs differ": "hands the error signal on to each operand, to one with its sign "
    "turned",
    PASSES: "hands the error signal on unchanged",
    TURNS: "hands the error signal on with its sign turned",
    ROUTES: "sends each entry of the error signal to the operand that it came from",
    SWAPS: "multiplies the error signal of each operand by the other operand",
    SPREADS: "hands each entry of the error signal to all entries that went into it",
    MOVES: "moves the entries of the error signal back to where they came from",
    SCALES: "multiplies the error signal by the local slope",
}


@dataclass(frozen=True)
class Sent:
    """What an operation's rule sends to one operand: the local program, and who else is there.

    Attributes:
        local: The little program (v, out, operands) -> v J.
        others: The names of the operation's other operands.
    """

    local: Program
    others: frozenset[str]


def gate_of(sent: Sequence[Sent]) -> str:
    """The word for an operation, given what it sends to each operand; "" if it sends nothing."""
    patterns = {_pattern(each) for each in sent}
    if len(sent) > 1 and patterns == {PASSES}:
        return "distributes"
    if patterns == {PASSES, TURNS}:
        return "distributes, signs differ"
    order = (ROUTES, SWAPS, SCALES, SPREADS, MOVES, TURNS, PASSES)
    return next((pattern for pattern in order if pattern in patterns), "")


def _pattern(sent: Sent) -> str:
    """How one operand's error signal comes about."""
    local = sent.local
    signal = next((var for var in local.inputs if var.cotangent_of), None)
    if signal is None:
        return SCALES
    used = [equation.primitive for equation in local.equations]
    if any(e.out.aval.dtype.kind == "b" for e in local.equations):
        return ROUTES
    if any(var.aval.dtype.kind == "b" for var in local.inputs):
        return ROUTES
    if used and all(primitive in MOVERS or primitive.view for primitive in used):
        return SPREADS if broadcast_to in used else MOVES
    operands = {atom for equation in local.equations for atom in equation.inputs}
    read = {local.names[var] for var in local.inputs if var in operands and var is not signal}
    if read:
        bilinear = all(primitive in BILINEAR or primitive.view for primitive in used)
        return SWAPS if bilinear and read <= sent.others else SCALES
    if all(primitive in (negative, sum_) for primitive in used):
        return TURNS if used.count(negative) % 2 else PASSES
    return SPREADS if broadcast_to in used else SCALES
