"""The general rule that an error signal's equation is an instance of.

The rule of a primitive is not written down here: the primitive is applied to plain letters,
its VJP rule is traced, and what comes out is printed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...avals import Aval
from ...errors import UsageError
from ...formula import Box, Formula, Manner, latex, layout, mathml, plain
from ...formula.boxes import Comma, Fence, Letters, Limits, Row, Sign
from ...formula.build import symbol
from ...formula.names import box_of_name
from ...primitive import Literal
from ...program import Argument, Atom, Equation, Program, Var
from ...transforms.derivation import derivation_of
from ...transforms.vjp import vjp_program
from ...trees import LEAF
from .columns import as_columns

if TYPE_CHECKING:
    from .line import Line


@dataclass(frozen=True, eq=False)
class Rule:
    """Z = f(X, ...), and the error signal that an input gets from that of Z.

    Attributes:
        primitive: The operation's name.
        forward: What it computes, of plain letters.
        backward: The error signal that it sends to `target`.
        result: Z.
        target: The input's letter.
    """

    primitive: str
    result: Formula
    forward: Formula
    target: Formula
    backward: Formula

    def latex(self) -> str:
        """The rule as LaTeX: Z = X Y implies the bar of X is that of Z times Y transposed."""
        return latex(self._box(Manner()))

    def mathml(self) -> str:
        """The rule as one MathML element."""
        return mathml(self._box(Manner()))

    def text(self) -> str:
        """The rule as Unicode text."""
        return plain(self._box(Manner(one_line=True)))

    def in_columns(self) -> Rule | None:
        """The rule with each side transposed, as `columns=True` writes; None where it has none."""
        sides = (self.result, self.forward, self.target, self.backward)
        try:
            return Rule(self.primitive, *map(as_columns, sides))
        except UsageError:
            return None

    def _box(self, manner: Manner) -> Box:
        result, forward, target, backward = (
            layout(x, manner).box for x in (self.result, self.forward, self.target, self.backward)
        )
        equal = Sign("=")
        return Row((result, equal, forward, Sign("⇒"), target, equal, backward))


def rule_of(equation: Equation, position: int) -> Rule:
    """The rule by which an equation sends its error signal to the input at a position."""
    from .program import formula_of

    single = on_letters(equation)
    (inner,) = single.equations
    target = inner.inputs[position]
    assert isinstance(target, Var)
    forward = {var: symbol(var.hint, var.aval.shape) for var in single.inputs}
    result = symbol(inner.out.hint, inner.out.aval.shape)
    written = formula_of(single, inner.out, forward)
    backward = vjp_program(single, [target])
    known = {var: _letter(var) for var in backward.inputs}
    known |= {e.out: result for e in backward.equations if e.out.hint == result.name}
    sent = formula_of(backward, backward.outputs[0], known)
    barred = symbol(target.hint, target.aval.shape, bar=True)
    return Rule(equation.primitive.name, result, written, barred, sent)


def _letter(var: Var) -> Formula:
    bar = bool(var.cotangent_of)
    return symbol(var.cotangent_of or var.hint, var.aval.shape, bar=bar, key=var.hint)


def on_letters(equation: Equation) -> Program:
    """The program of an equation alone, on inputs with plain letters; constants stay."""
    letters = iter("XYUVSTABC")
    inputs: list[Var] = []
    atoms: list[Atom] = []
    for atom in equation.inputs:
        if isinstance(atom, Literal):
            atoms.append(atom)
            continue
        aval = Aval(atom.aval.dtype, atom.aval.shape)
        var = Var(aval, _sized(next(letters, f"X{len(inputs) + 1}"), aval), named=True)
        inputs.append(var)
        atoms.append(var)
    out = equation.primitive.aval(*(atom.aval for atom in atoms), **equation.params)
    result = Var(out, _sized("Z", out), named=True)
    return Program(
        equation.primitive.name,
        tuple(inputs),
        (replace(equation, inputs=tuple(atoms), out=result),),
        (result,),
        tuple(Argument(var.hint, LEAF) for var in inputs),
        LEAF,
        (None,),
        MappingProxyType({}),
    )


def same_case(equation: Equation) -> tuple[str, str, str]:
    """What equations have in common that have the same rule: operation, types, params."""
    types = ", ".join(str(a.value if isinstance(a, Literal) else a.aval) for a in equation.inputs)
    return equation.primitive.name, types, repr(equation.params)


def _sized(letter: str, aval: Aval) -> str:
    return letter if aval.ndim > 1 else letter.lower()


def general_rule(target: str, children: Sequence[str], taken: Collection[str] = ()) -> Box:
    """The sum over children: the bar of x is the sum of the bar of c times dc / dx.

    A child without a name is an empty text. `taken` are letters of other values, which c must
    not be.
    """
    left = box_of_name(target, bar=True)
    child = next((x for x in "ckuvwpqrst" if x not in {target, *children, *taken}), "child")
    if len(children) == 1:
        return Row((left, Sign("="), _local(children[0] or child, target)))
    among = Row((Letters(child), Sign("∈"), _set_of(target, children)))
    total = Row((Limits("∑", among), _local(child, target)), apart=True)
    return Row((left, Sign("="), total))


def _set_of(target: str, children: Sequence[str]) -> Box:
    if not all(children):
        argument = Fence("(", box_of_name(target), ")")
        return Row((Letters("children", upright=True), argument))
    names: list[Box] = []
    for child in children:
        names += [Comma(), box_of_name(child)] if names else [box_of_name(child)]
    return Fence("{", Row(tuple(names)), "}")


def _local(child: str, target: str) -> Box:
    partial = Sign("∂", prefix=True)
    top, bottom = Row((partial, box_of_name(child))), Row((partial, box_of_name(target)))
    return Row((box_of_name(child, bar=True), Row((top, Sign("/", prefix=True), bottom))), True)


def rules_of_lines(program: Program, lines: list[Line], columns: bool) -> list[Line]:
    """The lines with the rules of the operations that send parts of each error signal."""
    derivation = derivation_of(program)
    if derivation is None:
        return lines
    names = derivation.forward.names
    by_name = {name: var for var, name in names.items()}
    finished = []
    for line in lines:
        primal = by_name.get(line.var.cotangent_of) if line.var is not None else None
        sent = derivation.children(primal) if primal is not None else ()
        uses = [(c.equation, c.position) for c in reversed(sent) if c.equation is not None]
        distinct = {(*same_case(equation), place): equation for equation, place in uses}
        found = [rule_of(equation, key[-1]) for key, equation in distinct.items()]
        rules = [rule.in_columns() for rule in found] if columns else found
        outs = dict.fromkeys(equation.out for equation, _ in uses)
        children = tuple(names[out] if out.named else "" for out in outs)
        kept = tuple(rule for rule in rules if rule is not None)
        finished.append(replace(line, rules=kept, children=children))
    return finished
