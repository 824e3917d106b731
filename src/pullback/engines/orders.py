"""In which order of memory NumPy lays out the values of a program.

NumPy gives the result of an operation on a transposed array a transposed order, and sums it in
that order; so a value may only be written into an array of rows where NumPy would have made one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..primitive import Primitive
from ..program import Atom, Equation, Var
from .apart import Body

SAME = frozenset(("with_rule", "distribution"))
"""Operations whose result is their first operand itself."""

_OWN_ORDER = frozenset(
    "matmul outer one_hot full placed scatter_add cumsum uniform argmax argmin".split()
)
"""Operations whose result has rows one behind the other, whatever the order of their operands."""

_KEEP_ORDER = frozenset(("astype", "copy", "concatenate", "stack", "setitem"))
_REDUCE = frozenset("sum mean prod max min any all var std norm".split())


@dataclass
class Orders:
    """What is known of the memory of a program's values.

    Attributes:
        ordered: Values whose axes lie in order, the last the closest.
        dense: Those of them without gaps, which can be reshaped without a copy.
        views: Values that share the memory of an operand.
    """

    ordered: set[Var] = field(default_factory=set)
    dense: set[Var] = field(default_factory=set)
    views: set[Var] = field(default_factory=set)

    def of(self, atoms: Iterable[Atom]) -> bool:
        """Whether all arrays among these are in order."""
        return all(a in self.ordered for a in atoms if isinstance(a, Var) and a.aval.shape)


def orders_of(body: Body) -> Orders:
    """The order of every value when all inputs have rows without gaps."""
    found = Orders(set(body.inputs), set(body.inputs))
    for equation in body.equations:
        _add(found, equation)
    return found


def _add(found: Orders, equation: Equation) -> None:
    out, primitive = equation.out, equation.primitive
    if is_view(equation):
        source = equation.inputs[0]
        found.views.add(out)
        if not isinstance(source, Var) or (
            primitive.name == "reshape" and source not in found.dense
        ):
            return
        if source in found.ordered and _keeps_order(equation):
            found.ordered.add(out)
            if source in found.dense and primitive.name in ("reshape", "squeeze", *SAME):
                found.dense.add(out)
        return
    if not out.aval.shape or _makes_order(primitive, equation, found):
        found.ordered.add(out)
        found.dense.add(out)


def is_view(equation: Equation) -> bool:
    """Whether the result may share the memory of the first operand."""
    primitive = equation.primitive
    return primitive.name in SAME or (primitive.view and len(equation.inputs) == 1)


def _keeps_order(equation: Equation) -> bool:
    name, params = equation.primitive.name, equation.params
    if name == "transpose":
        return list(params["axes"]) == sorted(params["axes"])
    return True  # a slice that runs backwards too: results never do


def _makes_order(primitive: Primitive, equation: Equation, found: Orders) -> bool:
    inputs = equation.inputs
    if primitive.name in _OWN_ORDER and equation.out.aval.ndim <= 2:
        return True
    if primitive.elementwise or primitive.name in _KEEP_ORDER:
        return found.of(inputs)
    return equation.out.aval.ndim == 1 or (primitive.name in _REDUCE and found.of(inputs))
