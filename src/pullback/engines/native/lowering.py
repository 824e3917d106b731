"""Program -> loops: statements, products and serial loops in the order of the equations."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...avals import Aval
from ...dims import Dimension
from ...primitive import Literal, Primitive
from ...program import Equation, Program, Var
from . import NotCompilable, arrays, barrier, functions, products, runtime, sharing, sums
from .axes import Axes, Axis
from .expand import expanded
from .scalars import converted, entry, is_scalar_operation, literal
from .statements import CHEAP, Item, Number, Place, Read, Statement, Value

Dims = tuple[Axis | None, ...]


@dataclass(frozen=True)
class View:
    """A value as an operation sees it: with axes moved, repeated, cut or added.

    Attributes:
        dims: Its axes; None for a length of 1.
        read: The entry behind the entry at the loops 0, 1, ..., one per axis.
    """

    dims: Dims
    read: Read

    @property
    def is_whole(self) -> bool:
        """Whether it is a value itself, entry by entry."""
        loops = [i for i, dim in enumerate(self.dims) if dim is not None]
        places = self.read.places
        return [p.loop for p in places] == loops and all(p.is_whole for p in places)


RESERVED = frozenset(
    name
    for module in (arrays, barrier, functions, products, runtime, sharing, sums)
    for name in module.__all__
) | frozenset(
    "np f4 f8 i4 i8 u4 memory places sizes settings constants order starts lengths rows told "
    "first_update control cuts busy shares began start stop pieces tile thread threads first last "
    "s piece begin end lo hi offset steps call report total".split()
)
"""The names of an emitted module that no value may have."""

_RESERVED_FORMS = re.compile(
    r"(at|size|all|from|flat|best_of|entry_of|make|phase)_.*|[i-n]|k\d+|.*_([i-n]+|now|in_all|parts?|offset)"
)
"""... and what such names are made of: lengths, loops, entries of values and parts of them."""

Operand = View | Number
Rule = Callable[["Lowering", Equation, Sequence[Operand]], Operand]
RULES: dict[Primitive, Rule] = {}
"""How each operation that is not entry by entry becomes loops."""


def loops_for(*primitives: Primitive) -> Callable[[Rule], Rule]:
    """Register the decorated rule for some operations."""

    def register(rule: Rule) -> Rule:
        for primitive in primitives:
            RULES[primitive] = rule
        return rule

    return register


@dataclass
class Loops:
    """A lowered program.

    Attributes:
        program: What was lowered, its composite operations replaced.
        axes: The axes and their sizes.
        inputs: The value of each input that is an array, the name of each that is a number.
        items: What is to be done, in order.
        numbers: Assignments of numbers that follow from settings: name, source.
        sized: The axes whose lengths the source names as @0@, @1@, ...
        outputs: What the program gives: a value, or a number.
    """

    program: Program
    axes: Axes
    inputs: list[Value | str]
    items: list[Item]
    numbers: list[tuple[str, str]]
    sized: list[Axis]
    outputs: list[Value | Number] = field(default_factory=list)


def lowered(program: Program) -> Loops:
    """The loops that compute a program.

    Raises:
        NotCompilable: When an equation has no loops; the error names it.
    """
    from . import moving, multiplying, placing, reducing  # noqa: F401 (they register their rules)

    return Lowering(expanded(program, _is_simple)).loops()


def _is_simple(primitive: Primitive) -> bool:
    return primitive in RULES or is_scalar_operation(primitive)


class Lowering:
    """The state of lowering one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.axes = Axes()
        self.items: list[Item] = []
        self.numbers: list[tuple[str, str]] = []
        self._known: dict[Var, Operand] = {}
        self.sized: list[Axis] = []
        self._taken = set(RESERVED)

    def loops(self) -> Loops:
        """Lower every equation."""
        inputs = [self._input(var) for var in self.program.inputs]
        for equation in self.program.equations:
            self._known[equation.out] = self._lowered(equation)
        loops = Loops(self.program, self.axes, inputs, self.items, self.numbers, self.sized)
        for atom in self.program.outputs:
            loops.outputs.append(self._output(atom))
        return loops

    def _input(self, var: Var) -> Value | str:
        name = self.unique(self.program.names[var])
        if var.aval.weak:
            self._known[var] = Number(name, var.aval.dtype, True)
            return name
        dims = self.dims_of(var.aval.shape)
        value = Value(name, var.aval.dtype, tuple(d for d in dims if d is not None))
        self._known[var] = self.whole(value, dims)
        return value

    def _lowered(self, equation: Equation) -> Operand:
        operands = [self.operand(atom) for atom in equation.inputs]
        rule = RULES.get(equation.primitive)
        name = self.program.names[equation.out]
        try:
            if rule is not None:
                return rule(self, equation, operands)
            return self.entrywise(equation, operands)
        except NotCompilable as error:
            raise NotCompilable(
                f"{name} = {equation.primitive.name}(...) cannot be compiled: {error}"
            ) from error

    def operand(self, atom: Any) -> Operand:
        """What stands for an atom of the program."""
        if not isinstance(atom, Literal):
            return self._known[atom]
        return Number(literal(atom.value, atom.aval.dtype), atom.aval.dtype, atom.aval.weak)

    def _output(self, atom: Any) -> Value | Number:
        operand = self.operand(atom)
        if isinstance(operand, Number) and not isinstance(atom, Literal):
            operand = self.copied(operand, "output")
        if isinstance(operand, View) and not operand.is_whole:
            operand = self.copied(operand, "output")
        return operand if isinstance(operand, Number) else operand.read.value

    # What rules use.

    def unique(self, name: str) -> str:
        """A name that no other value has."""
        if _RESERVED_FORMS.fullmatch(name) or keyword.iskeyword(name) or hasattr(builtins, name):
            name = f"value_{name}_"
        unique, count = name, 1
        while unique in self._taken:
            count += 1
            unique = f"{name}_{count}"
        self._taken.add(unique)
        return unique

    def name_of(self, equation: Equation) -> str:
        """The name that the result of an equation gets."""
        return self.unique(self.program.names[equation.out])

    def dims_of(self, shape: Sequence[Dimension]) -> Dims:
        """A new axis for each number of a shape, the one axis for each named length."""
        return tuple(self.axes.of(dim) for dim in shape)

    @staticmethod
    def whole(value: Value, dims: Dims) -> View:
        """A value seen as it is."""
        loops = [i for i, dim in enumerate(dims) if dim is not None]
        return View(dims, Read(value, tuple(Place(loop) for loop in loops)))

    def joined(self, *dims: Dims) -> Dims:
        """The axes of a result into which these broadcast, from the right; they become one."""
        rank = max(map(len, dims))
        padded = [(None,) * (rank - len(each)) + tuple(each) for each in dims]
        result: list[Axis | None] = []
        for meeting in zip(*padded, strict=True):
            found: Axis | None = None
            for axis in meeting:
                if axis is not None:
                    found = axis if found is None else found.join(axis)
            result.append(found)
        return tuple(result)

    def entrywise(self, equation: Equation, operands: Sequence[Operand]) -> Operand:
        """An operation that works entry by entry."""
        avals = [atom.aval for atom in equation.inputs]
        out = equation.out.aval
        exponent = None
        if len(avals) == 2 and isinstance(equation.inputs[1], Literal):
            exponent = equation.inputs[1].value
        template, dtypes, cost = entry(equation.primitive, avals, out, exponent)
        operands = operands[: len(dtypes)]
        return self.computed(self.name_of(equation), out, template, operands, dtypes, cost)

    def computed(
        self,
        name: str,
        aval: Aval,
        template: str,
        operands: Sequence[Operand],
        dtypes: Sequence[Any],
        cost: int = CHEAP,
    ) -> Operand:
        """A template applied to operands that broadcast, each brought to a dtype."""
        if aval.weak and all(isinstance(operand, Number) for operand in operands):
            texts = [
                converted(o.text, o.dtype, dtype)  # type: ignore[union-attr]
                for o, dtype in zip(operands, dtypes, strict=True)
            ]
            self.numbers.append((name, template.format(*texts)))
            return Number(name, aval.dtype, True)
        views = [operand for operand in operands if isinstance(operand, View)]
        dims = self.joined(*(view.dims for view in views)) if views else ()
        return self.entries(name, aval, dims, template, operands, dtypes, cost)

    def entries(
        self,
        name: str,
        aval: Aval,
        dims: Dims,
        template: str,
        operands: Sequence[Operand],
        dtypes: Sequence[Any],
        cost: int = CHEAP,
    ) -> View:
        """A statement that computes each entry of a result with these axes."""
        loop_of = {i: n for n, i in enumerate(i for i, d in enumerate(dims) if d is not None)}
        reads: list[Read | Number] = []
        texts = []
        for operand, dtype in zip(operands, dtypes, strict=True):
            if isinstance(operand, Number):
                texts.append(converted(operand.text, operand.dtype, dtype))
                continue
            shift = len(dims) - len(operand.dims)
            reads.append(moved(operand.read, {i: loop_of.get(i + shift) for i in range(len(dims))}))
            texts.append(converted(f"{{{len(reads) - 1}}}", operand.read.value.dtype, dtype))
        loops = tuple(dim for dim in dims if dim is not None)
        value = Value(name, aval.dtype, loops)
        loop_texts = {f"i{i}": f"{{i{n}}}" for i, n in loop_of.items()}
        expression = template.format(*texts, **loop_texts)
        kept = tuple(range(len(loops)))
        self.items.append(Statement(value, loops, kept, expression, tuple(reads), "", cost))
        return self.whole(value, dims)

    def copied(self, operand: Operand, name: str) -> View:
        """A value of its own with the entries of an operand."""
        if isinstance(operand, Number):
            aval = Aval(operand.dtype)
            return self.entries(self.unique(name), aval, (), "{0}", [operand], [operand.dtype])
        dtype = operand.read.value.dtype
        dims = operand.dims
        return self.entries(self.unique(name), Aval(dtype), dims, "{0}", [operand], [dtype])

    def stored(self, operand: Operand, name: str) -> View:
        """The operand as a whole value, copied where it is not one."""
        is_value = isinstance(operand, View) and operand.is_whole
        return operand if is_value else self.copied(operand, name)  # type: ignore[return-value]

    def size(self, axis: Axis | None) -> str:
        """The length of an axis in the source; what it is named is settled in the end."""
        if axis is None:
            return "1"
        self.sized.append(axis)
        return f"@{len(self.sized) - 1}@"


def moved(read: Read, loops: Mapping[int, int | None]) -> Read:
    """A read in terms of other loops; an axis without a loop has the length 1, its place is 0."""

    def place(old: Place) -> Place:
        gathered = old.gathered and moved(old.gathered, loops)
        if old.loop is None:
            return replace(old, gathered=gathered)
        return replace(old, loop=loops.get(old.loop), gathered=gathered)

    return Read(read.value, tuple(map(place, read.places)))
