"""Equal work on many arrays as one operation: parameters that lie side by side are updated at once.

An update rule does the same few operations on every parameter. Where the arrays of a group (all
parameters, all first moments) lie one behind the other, each such operation is done once on the
whole stretch. Only operations that work entry by entry and round each entry correctly are
joined, so every entry keeps its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..primitive import Literal, Params, Primitive
from ..program import Atom, Equation, Var
from .apart import Body

Pack = tuple[Var, ...]
"""Values that lie one behind the other."""

EXACT = frozenset(
    "add subtract multiply divide sqrt square negative maximum minimum abs power".split()
)
"""Operations whose results do not depend on where in an array an entry stands."""


@dataclass(frozen=True, eq=False)
class Joined:
    """One operation on packs: `outs = primitive(*inputs)`, entry by entry.

    Attributes:
        primitive: The operation.
        params: Its params.
        inputs: A pack for each array, and the numbers that all members share.
        outs: The results.
    """

    primitive: Primitive
    params: Params
    inputs: tuple[Pack | Atom, ...]
    outs: Pack


Work = Equation | Joined


def packed(
    body: Body, given: Sequence[tuple[Pack, Pack]], placeable: Callable[[Var], bool]
) -> tuple[list[Work], set[Pack]]:
    """The equations with equal work joined, and all packs.

    Args:
        body: A program's, whose packs of results are each written by equations of their own.
        given: Packs of inputs with the packs of results that take their place.
        placeable: Whether a value may be written to a place that was chosen for it.

    Returns:
        The work in an order in which each value is there when it is needed.
    """
    packer = _Packer(body, placeable)
    for before, _ in given:
        packer.add(before)
    for _, after in given:
        packer.add(after)
    for _, after in given:
        packer.join(after)
    work = packer.in_order()
    if work is None:  # joining would have put something before what it needs
        return list(body.equations), {pack for pair in given for pack in pair}
    return work, packer.packs


class _Packer:
    def __init__(self, body: Body, placeable: Callable[[Var], bool]) -> None:
        self.body, self.placeable = body, placeable
        self.producers: Mapping[Var, Equation] = {e.out: e for e in body.equations}
        self.pack_of: dict[Var, Pack] = {}
        self.packs: set[Pack] = set()
        self.joined: dict[Var, Joined] = {}

    def add(self, pack: Pack) -> None:
        self.packs.add(pack)
        self.pack_of.update(dict.fromkeys(pack, pack))

    def join(self, outs: Pack) -> bool:
        """Do the work that makes these values at once, if possible, and what makes its operands.

        Where only an operand's place forbids it, the work on the other operands may still be
        joined.
        """
        equations = [self.producers[var] for var in outs if var in self.producers]
        if len(equations) < len(outs) or len(outs) < 2:
            return False
        first = equations[0]
        if outs[0] in self.joined or not all(_is_alike(first, e) for e in equations):
            return False
        new: list[Pack] = []
        columns = zip(*(equation.inputs for equation in equations), strict=True)
        inputs = [self._operand(column, new) for column in columns]
        if None in inputs:
            for pack in new:
                self._try(pack)
            return False
        for pack in new:
            self.add(pack)
        found = tuple(operand for operand in inputs if operand is not None)
        work = Joined(first.primitive, first.params, found, outs)
        self.joined.update(dict.fromkeys(outs, work))
        for operand in found:
            if isinstance(operand, tuple):
                self.join(operand)
        return True

    def _operand(self, column: Sequence[Atom], new: list[Pack]) -> Pack | Atom | None:
        """One operand of each member as one: a pack, or a number they share; None for neither."""
        if not column[0].aval.shape:
            return column[0] if all(_same_number(column[0], atom) for atom in column) else None
        pack = tuple(atom for atom in column if isinstance(atom, Var))
        if pack not in self.packs and pack not in new:
            if not self._can_lie_together(pack, new):
                return None
            new.append(pack)
        return pack

    def _try(self, pack: Pack) -> None:
        """Let values lie together if that lets the work that makes them be joined."""
        if self._can_lie_together(pack, ()):
            self.add(pack)
            if not self.join(pack):
                self.packs.remove(pack)
                for var in pack:
                    del self.pack_of[var]

    def _can_lie_together(self, pack: Pack, new: Sequence[Pack]) -> bool:
        """Whether all are values of equations that nothing has placed yet."""
        taken = {var for other in new for var in other}
        return len(set(pack)) == len(pack) and all(
            var in self.producers
            and var not in self.pack_of
            and var not in taken
            and self.placeable(var)
            for var in pack
        )

    def in_order(self) -> list[Work] | None:
        """Each piece of work once, where its last member stood or where it is needed before that.

        None if two pieces need each other.
        """
        work_of: dict[Var, Work] = {**self.producers, **self.joined}
        last = {id(self.joined[e.out]): e for e in self.body.equations if e.out in self.joined}
        order: list[Work] = []
        there = set(self.body.inputs)
        begun: set[int] = set()

        def do(work: Work) -> bool:
            """Do a piece of work after all that it needs; False if that needs it in turn."""
            if id(work) in begun:
                return False
            begun.add(id(work))
            for var in operands(work):
                if var not in there and not do(work_of[var]):
                    return False
            order.append(work)
            there.update(work.outs if isinstance(work, Joined) else (work.out,))
            return True

        for equation in self.body.equations:
            work = work_of[equation.out]
            waits = isinstance(work, Joined) and last[id(work)] is not equation
            if not waits and equation.out not in there and not do(work):
                return None
        return order


def operands(work: Work) -> list[Var]:
    """The values that a piece of work reads."""
    parts = (part if isinstance(part, tuple) else (part,) for part in work.inputs)
    return [atom for part in parts for atom in part if isinstance(atom, Var)]


def _is_alike(first: Equation, other: Equation) -> bool:
    """Whether both do the same operation on arrays of their result's shape and equal dtypes."""
    return (
        first.primitive is other.primitive
        and first.primitive.name in EXACT
        and dict(first.params) == dict(other.params)
        and first.out.aval.dtype == other.out.aval.dtype
        and all(
            mine.aval.dtype == theirs.aval.dtype
            and (theirs.aval.shape == other.out.aval.shape or not theirs.aval.shape)
            and bool(mine.aval.shape) == bool(theirs.aval.shape)
            for mine, theirs in zip(first.inputs, other.inputs, strict=True)
        )
        and (first.primitive.name != "power" or (_is_square(first) and _is_square(other)))
    )


def _is_square(equation: Equation) -> bool:
    exponent = equation.inputs[1]
    return (
        isinstance(exponent, Literal)
        and type(exponent.value) in (int, float)
        and (exponent.value == 2)
    )


def _same_number(one: Atom, other: Atom) -> bool:
    if isinstance(one, Literal) and isinstance(other, Literal):
        return type(one.value) is type(other.value) and bool(
            np.array_equal(one.value, other.value, equal_nan=True)
        )
    return one is other
