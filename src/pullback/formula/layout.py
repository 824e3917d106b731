"""Formula -> boxes: where parentheses stand, which signs are written, what running indices
are called. Every printer draws these boxes, so the decisions are taken once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..dims import Dim, Dimension
from ..numbers import number_text
from . import boxes, tree
from .boxes import ATOM, BARE, HADAMARD, OPEN, PRODUCT, RATIO, SCRIPT, SUM, Box, Laid, Row, within
from .names import box_of_name, joined
from .tree import Formula, Index

APPLY = boxes.Sign("\u2061", prefix=True)
"""Between a function and its arguments; readers speak it, nobody sees it."""


@dataclass(frozen=True)
class Manner:
    """How formulas are written.

    Attributes:
        one_line: Whether fractions stay within the line: a/b.
        batch: The named axis that is written as the set B of samples: sums over it run over
            i in B, and its length is |B|. None for no axis.
        taken: Names that running indices must not have.
    """

    one_line: bool = False
    batch: str | None = None
    taken: Collection[str] = ()


def layout(formula: Formula, manner: Manner) -> Laid:
    """A formula as boxes."""
    return _Layout(manner, {}).of(formula)


def layout_of_size(dim: Dimension, manner: Manner) -> Laid:
    """The length of an axis as boxes."""
    return _Layout(manner, {}).length(dim)


class _Layout:
    def __init__(self, manner: Manner, letters: Mapping[Index, str]) -> None:
        self.manner = manner
        self.letters = letters

    def of(self, formula: Formula) -> Laid:
        return _LAYOUTS[type(formula)](self, formula)

    def within(self, formula: Formula, level: int) -> Box:
        return within(self.of(formula), level)

    # Letters and numbers.

    def symbol(self, x: tree.Symbol) -> Laid:
        box = boxes.Letters(x.name, upright=True) if x.word else box_of_name(x.name, x.bar)
        return Laid(boxes.Marked(box, x.key), ATOM)

    def number(self, x: tree.Number) -> Laid:
        return _number(x.value)

    def size(self, x: tree.Size) -> Laid:
        return self.length(x.dim)

    def ones(self, x: tree.Ones) -> Laid:
        return self._everywhere("1", x)

    def zeros(self, x: tree.Zeros) -> Laid:
        return self._everywhere("0", x)

    def _everywhere(self, digit: str, x: Formula) -> Laid:
        dims = [self.length(dim).box for dim in x.shape]
        below: list[Box] = []
        for dim in dims:
            below += [boxes.Sign("×"), dim] if below else [dim]
        return Laid(boxes.Script(boxes.Letters(digit, upright=True), Row(tuple(below))), ATOM)

    def length(self, dim: Dimension) -> Laid:
        """N as N (or |B|), 2*N*D as 2 N D, N-1 as N - 1."""
        if not isinstance(dim, Dim):
            return Laid(boxes.Digits(str(dim)), ATOM)
        terms: list[Box] = []
        for monomial, factor in dim.terms:
            factors: list[Box] = [self._axis(name) for name in monomial]
            if abs(factor) != 1 or not factors:
                factors.insert(0, boxes.Digits(str(abs(factor))))
            if factor < 0 or terms:
                terms.append(boxes.Sign("−" if factor < 0 else "+", prefix=not terms))
            terms.append(factors[0] if len(factors) == 1 else Row(tuple(factors), apart=True))
        if len(terms) > 1:
            return Laid(Row(tuple(terms)), SUM)
        return Laid(terms[0], PRODUCT if isinstance(terms[0], Row) else ATOM)

    def _axis(self, name: str) -> Box:
        if name == self.manner.batch:
            return boxes.Fence("|", boxes.Letters("B"), "|")
        return box_of_name(name)

    # Arithmetic.

    def add(self, x: Formula) -> Laid:
        left, right = x.parts
        if isinstance(right, tree.Negative):
            return self._difference(left, right.parts[0])
        row = (self.within(left, SUM), boxes.Sign("+"), self._later_term(right))
        return Laid(Row(row), SUM)

    def subtract(self, x: Formula) -> Laid:
        return self._difference(*x.parts)

    def _difference(self, left: Formula, right: Formula) -> Laid:
        row = (self.within(left, SUM), boxes.Sign("−"), self.within(right, OPEN))
        return Laid(Row(row), SUM)

    def _later_term(self, x: Formula) -> Box:
        """A term after a plus sign: a sum needs no parentheses, a leading minus does."""
        laid = self.of(x)
        return within(laid, ATOM if _starts_with_minus(laid.box) else SUM)

    def negative(self, x: Formula) -> Laid:
        return Laid(Row((boxes.Sign("−", prefix=True), self.within(x.parts[0], OPEN))), SUM)

    def times(self, x: Formula) -> Laid:
        """Numbers first, then other scalars side by side, then arrays with ⊙ between them."""
        factors = _factors(x)
        scalars = [f for f in factors if f.rank == 0]
        scalars = [
            *(f for f in scalars if isinstance(f, tree.Number)),
            *(f for f in scalars if not isinstance(f, tree.Number)),
        ]
        arrays = [f for f in factors if f.rank]
        return self._product([*(self.of(f) for f in scalars), *self._hadamard(arrays)])

    def _hadamard(self, arrays: list[Formula]) -> list[Laid]:
        if len(arrays) < 2:
            return [self.of(array) for array in arrays]
        row: list[Box] = []
        for array in arrays:
            laid = self.of(array)
            tight = isinstance(array, tree.Matmul) or laid.level < RATIO
            loosest = SCRIPT if tight else PRODUCT if row else RATIO
            box = within(laid, loosest)
            row += [boxes.Sign("⊙"), box] if row else [box]
        return [Laid(Row(tuple(row)), HADAMARD)]

    def _product(self, factors: list[Laid]) -> Laid:
        """Factors side by side; the last one may reach on to the right: a sum, a ⊙ b, a/b."""
        if len(factors) == 1:
            return factors[0]
        *first, last = factors
        row = [within(factor, PRODUCT) for factor in first]
        reaches_on = last.level in (OPEN, HADAMARD, RATIO)
        row.append(last.box if reaches_on else within(last, PRODUCT))
        dotted: list[Box] = []
        for box in row:
            if dotted and _starts_with_digits(box):
                dotted.append(boxes.Sign("·"))
            dotted.append(box)
        return Laid(Row(tuple(dotted), apart=True), last.level if reaches_on else PRODUCT)

    def matmul(self, x: Formula) -> Laid:
        left, right = x.parts
        row = (self.within(left, PRODUCT), self.within(right, PRODUCT))
        return Laid(Row(row, apart=True), PRODUCT)

    def outer(self, x: Formula) -> Laid:
        left, right = (self.within(part, PRODUCT) for part in x.parts)
        return Laid(Row((left, boxes.Sign("⊗"), right)), HADAMARD)

    def quotient(self, x: Formula) -> Laid:
        top, bottom = x.parts
        if not self.manner.one_line:
            return Laid(boxes.Over(self.of(top).box, self.of(bottom).box), PRODUCT)
        row = (self.within(top, RATIO), boxes.Sign("/", prefix=True), self.within(bottom, SCRIPT))
        return Laid(Row(row), RATIO)

    def power(self, x: Formula) -> Laid:
        base, exponent = x.parts
        above = self.of(exponent).box
        if base.rank:
            above = Row((boxes.Sign("⊙", prefix=True), above))
        return self._raised(base, above)

    def transpose(self, x: Formula) -> Laid:
        return self._raised(x.parts[0], boxes.Sign("⊤", prefix=True))

    def _raised(self, base: Formula, above: Box) -> Laid:
        return Laid(_script(self.within(base, ATOM), above=above), SCRIPT)

    def root(self, x: Formula) -> Laid:
        return Laid(boxes.Radical(self.of(x.parts[0]).box), ATOM)

    def absolute(self, x: Formula) -> Laid:
        return Laid(boxes.Fence("|", self.of(x.parts[0]).box, "|"), ATOM)

    def norm(self, x: Formula) -> Laid:
        return Laid(boxes.Fence("‖", self.of(x.parts[0]).box, "‖"), ATOM)

    # Conditions.

    def condition(self, x: Formula) -> Laid:
        """A condition as a number: 1 where it holds."""
        return Laid(boxes.Fence("[", self.bare(x).box, "]"), ATOM)

    def bare(self, x: Formula) -> Laid:
        """A condition as a statement."""
        match x:
            case tree.Relation():
                left, right = (self.within(part, SUM) for part in x.parts)
                return Laid(Row((left, boxes.Sign(x.sign), right)), BARE)
            case tree.Junction():
                left, right = (self._joined_condition(part) for part in x.parts)
                return Laid(Row((left, boxes.Sign(x.sign), right)), BARE)
            case tree.Not():
                body = self._joined_condition(x.parts[0])
                return Laid(Row((boxes.Sign("¬", prefix=True), body)), BARE)
        return self.of(x)

    def _joined_condition(self, x: Formula) -> Box:
        laid = self.bare(x)
        return within(laid, SUM if isinstance(x, tree.Relation | tree.Not) else ATOM)

    def cases(self, x: Formula) -> Laid:
        condition, yes, no = x.parts
        row = (self.of(yes).box, Row((boxes.Words("if"), self.bare(condition).box), apart=True))
        otherwise = (self.of(no).box, boxes.Words("otherwise"))
        return Laid(boxes.Choice((row, otherwise)), OPEN)

    # Functions, indices, sums.

    def function(self, x: tree.Function) -> Laid:
        name: Box = boxes.Letters(x.name, upright=True)
        if x.subscript:
            name = boxes.Script(name, boxes.Words(x.subscript))
        arguments = joined([self.of(part).box for part in x.parts]) if x.parts else Row(())
        return Laid(Row((name, APPLY, boxes.Fence("(", arguments, ")"))), ATOM)

    def entries(self, x: tree.Entries) -> Laid:
        items: list[Box] = [
            self.of(x.parts[item]).box if isinstance(item, int) else boxes.Words(item)
            for item in x.items
        ]
        if all(isinstance(item, str) for item in x.items):
            items = [boxes.Words(", ".join(map(str, x.items)))]
        inside = joined(items)
        return Laid(Row((self.within(x.parts[0], ATOM), boxes.Fence("[", inside, "]"))), ATOM)

    def silent(self, x: tree.Silent) -> Laid:
        return self.of(x.parts[0])

    def indexed(self, x: tree.Indexed) -> Laid:
        shown = [s for s in x.subscripts if not isinstance(s, tree.First)]
        while shown and shown[-1] is None:
            shown.pop()
        base = self.within(x.parts[0], ATOM)
        if not shown:
            return Laid(base, ATOM)
        below: list[Box] = [
            boxes.Sign(":", prefix=True) if s is None else boxes.Letters(self.letters[s])
            for s in shown
        ]
        return Laid(_script(base, below=self._tight(below)), ATOM)

    def _tight(self, items: list[Box]) -> Box:
        if any(isinstance(item, boxes.Sign) for item in items):
            return joined(items)
        return items[0] if len(items) == 1 else Row(tuple(items))

    def over(self, x: tree.Over) -> Laid:
        inner = self
        row: list[Box] = []
        used = {*self.manner.taken, *self.letters.values(), *_names_in(x)}
        for index in x.indices:
            letter = _letter(index, self.manner, used)
            used.add(letter)
            inner = _Layout(self.manner, {**inner.letters, index: letter})
            row.append(self._limits(x.sign, index, letter))
        row.append(inner.within(x.parts[0], OPEN))
        return Laid(Row(tuple(row), apart=True), OPEN)

    def _limits(self, sign: str, index: Index, letter: str) -> Box:
        name = boxes.Letters(letter)
        if self.manner.batch is not None and str(index.dim) == self.manner.batch:
            return boxes.Limits(sign, Row((name, boxes.Sign("∈"), boxes.Letters("B"))))
        if sign not in "∑∏":
            return boxes.Limits(sign, name)
        start = Row((name, boxes.Sign("="), boxes.Digits("1")))
        return boxes.Limits(sign, start, self.length(index.dim).box)


def _letter(index: Index, manner: Manner, used: set[str]) -> str:
    """The letter of the axis, N as n; i, j, k, ... where that is taken or there is none."""
    name = str(index.dim)
    own = name.lower() if len(name) == 1 and name != manner.batch else "i"
    letters = [own, *"ijklmpqrstuv"]
    free = [letter for letter in letters if letter not in used and letter.isalpha()]
    return free[0] if free else next(f"i{n}" for n in range(2, 99) if f"i{n}" not in used)


def _names_in(x: Formula) -> set[str]:
    return {part.name for part in x.walk() if isinstance(part, tree.Symbol)}


def _factors(x: Formula) -> list[Formula]:
    if isinstance(x, tree.Times):
        return [factor for part in x.parts for factor in _factors(part)]
    if isinstance(x, tree.Silent):
        inner = _factors(x.parts[0])
        return inner if len(inner) == 1 and inner[0].rank == x.rank else [x]
    return [x]


def _script(base: Box, below: Box | None = None, above: Box | None = None) -> Box:
    """A base with scripts; one that has a subscript already gets the other beside it."""
    if isinstance(base, boxes.Marked):
        return replace(base, box=_script(base.box, below, above))
    if isinstance(base, boxes.Script) and base.above is None:
        both = [box for box in (base.below, below) if box is not None]
        return boxes.Script(base.base, joined(both) if both else None, above)
    return boxes.Script(base, below, above)


def _starts_with_minus(box: Box) -> bool:
    if isinstance(box, Row) and box.items:
        return _starts_with_minus(box.items[0])
    if isinstance(box, boxes.Digits):
        return box.text.startswith("−")
    return isinstance(box, boxes.Sign) and box.text == "−"


def _starts_with_digits(box: Box) -> bool:
    if isinstance(box, Row) and box.items:
        return _starts_with_digits(box.items[0])
    if isinstance(box, boxes.Script):
        return _starts_with_digits(box.base)
    return isinstance(box, boxes.Digits)


def _number(value: Any) -> Laid:
    if isinstance(value, bool):
        return Laid(boxes.Digits(str(int(value))), ATOM)
    text = number_text(value).removesuffix(".0").replace("-", "−").replace("inf", "∞")
    mantissa, e, exponent = text.partition("e")
    if e:
        tens = boxes.Script(boxes.Digits("10"), above=boxes.Digits(_exponent(exponent)))
        parts = (boxes.Digits(mantissa), boxes.Sign("·"), tens)
        level = SUM if text.startswith("−") else RATIO
        return Laid(tens if mantissa == "1" else Row(parts), SCRIPT if mantissa == "1" else level)
    return Laid(boxes.Digits(text), SUM if text.startswith("−") else ATOM)


def _exponent(text: str) -> str:
    """-08 as -8, with the sign of mathematics."""
    return str(int(text.replace("−", "-"))).replace("-", "−")


_LAYOUTS: dict[type, Callable[[_Layout, Any], Laid]] = {
    tree.Symbol: _Layout.symbol,
    tree.Number: _Layout.number,
    tree.Size: _Layout.size,
    tree.Ones: _Layout.ones,
    tree.Zeros: _Layout.zeros,
    tree.Add: _Layout.add,
    tree.Subtract: _Layout.subtract,
    tree.Negative: _Layout.negative,
    tree.Times: _Layout.times,
    tree.Quotient: _Layout.quotient,
    tree.Power: _Layout.power,
    tree.Root: _Layout.root,
    tree.Absolute: _Layout.absolute,
    tree.Norm: _Layout.norm,
    tree.Relation: _Layout.condition,
    tree.Junction: _Layout.condition,
    tree.Not: _Layout.condition,
    tree.Cases: _Layout.cases,
    tree.Function: _Layout.function,
    tree.Entrywise: _Layout.function,
    tree.Matmul: _Layout.matmul,
    tree.Outer: _Layout.outer,
    tree.Transpose: _Layout.transpose,
    tree.Indexed: _Layout.indexed,
    tree.Over: _Layout.over,
    tree.Entries: _Layout.entries,
    tree.Silent: _Layout.silent,
}
