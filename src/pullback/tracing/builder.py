"""The list of equations that a trace grows, and how an operation is recorded in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..avals import Aval, aval_of
from ..dims import Dimension
from ..errors import PullbackError, TraceError, at, user_location
from ..primitive import Literal, Primitive
from ..program import (
    FORWARD,
    Argument,
    Atom,
    Equation,
    Origin,
    Program,
    Var,
    captured_default,
)
from ..trees import Structure
from . import names

if TYPE_CHECKING:
    from .traced import TracedArray

_serials = itertools.count()


class Builder:
    """Records operations as equations and finishes them into a program.

    Args:
        eager: Whether values are known while tracing, so that they may steer the function.
        name_values: Whether values are named after the user's variables.
        parent: The builder of the surrounding trace whose values the function gets.
    """

    def __init__(
        self, eager: bool = False, name_values: bool = True, parent: Builder | None = None
    ) -> None:
        self.eager = eager
        self.parent = parent
        self.draws = 0
        """How many operations have drawn random numbers."""
        self._numbers: dict[str, TracedArray] = {}
        self.stage = FORWARD
        self.open = True
        self.refusal: PullbackError | None = None
        """An error that NumPy may hide behind its own."""
        self.serial = next(_serials)
        """Traces nest, and the one that began last is the innermost."""
        self.inputs: list[Var] = []
        self.equations: list[Equation] = []
        self.values: dict[Var, Any] = {}
        self.conventions: dict[str, None] = {}
        self._defaults: dict[Var, Any] = {}
        self._captured: list[tuple[Any, Any, Var]] = []
        self._name_values = name_values
        self._hints: dict[Var, tuple[str, bool]] = {}
        self._cotangents: dict[Var, str] = {}
        self._adopted: set[Var] = set()
        self._promised: tuple[TracedArray, Var, list[names.Promise]] | None = None

    def add_input(self, aval: Aval, hint: str, value: Any = None, *, cotangent_of: str = "") -> Var:
        """A new input of the program; `value` is its number where the trace is eager."""
        var = Var(aval, hint, named=True, cotangent_of=cotangent_of)
        self.inputs.append(var)
        if self.eager:
            self.values[var] = value
        return var

    def adopt(self, program: Program) -> None:
        """Continue a finished program: its inputs and equations come first."""
        self.inputs += program.inputs
        self.equations += program.equations
        self._adopted.update(program.inputs, (equation.out for equation in program.equations))
        self._defaults |= program.defaults
        self.conventions.update(dict.fromkeys(program.conventions))

    def bind(
        self,
        primitive: Primitive,
        inputs: Sequence[Any],
        params: Mapping[str, Any],
        hint: str | None = None,
    ) -> TracedArray:
        """Record `primitive(*inputs, **params)` and return the traced result.

        Raises `TraceError` when the trace is over, and `ShapeError`, with the user's line, when
        the inputs do not fit.
        """
        where = user_location() if self._name_values else None
        if not self.open:
            raise TraceError(
                at(
                    "A traced value was used after its trace had ended; "
                    "return it from the traced function instead of keeping it elsewhere.",
                    where,
                )
            )
        self._settle_name()
        atoms = tuple(self.atom(value) for value in inputs)
        params = {name: _with_dimensions(value) for name, value in params.items()}
        try:
            aval = primitive.aval(*(atom.aval for atom in atoms), **params)
        except PullbackError as error:
            raise type(error)(at(str(error), where)) from None
        out = Var(aval, hint or primitive.name, named=hint is not None)
        stage, frozen = self.stage, MappingProxyType(params)
        self.equations.append(Equation(primitive, atoms, frozen, out, stage, where))
        if self.eager:
            self.values[out] = primitive.evaluate(*map(self.value_of, atoms), **params)
        traced = self.wrap(out)
        traced.is_scalar = primitive.gives_scalar(aval, params)
        if primitive.view and len(inputs) == 1 and not traced.is_scalar:
            self._remember_view(inputs[0], traced)
        if self._name_values and hint is None:
            promised = names.promises()
            self._promised = (traced, out, promised) if promised else None
        return traced

    def wrap(self, atom: Atom) -> TracedArray:
        """The traced value that stands for an atom of this builder."""
        from .traced import TracedArray

        return TracedArray(self, atom)

    @staticmethod
    def _remember_view(source: Any, view: TracedArray) -> None:
        if isinstance(source, type(view)):
            source.add_view(view)

    def literal(self, value: Any, aval: Aval) -> TracedArray:
        """A traced constant with the dtype of an aval."""
        return self.wrap(Literal(value if aval.weak else aval.dtype.type(value)))

    def value_of(self, atom: Atom) -> Any:
        """The number behind an atom of an eager trace."""
        return atom.value if isinstance(atom, Literal) else self.values[atom]

    def atom(self, value: Any) -> Atom:
        """The atom for whatever a user hands to an operation."""
        from .sizes import TracedSize
        from .traced import TracedArray

        if isinstance(value, TracedArray):
            return value.atom if value.builder is self else self._capture_traced(value)
        if isinstance(value, TracedSize):
            return self.size(value.dim).atom
        if isinstance(value, bool | int | float):
            return Literal(value)
        if isinstance(value, np.generic) and value.dtype.kind in "biuf":
            return Literal(value)
        if isinstance(value, list | tuple):
            value = _array_of_numbers(value)
        if isinstance(value, np.matrix):
            raise TraceError(
                at("An np.matrix multiplies by other rules; use np.asarray of it.", user_location())
            )
        if isinstance(value, np.ma.MaskedArray):
            raise TraceError(
                at("A masked array would lose its mask; fill it first.", user_location())
            )
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return self._capture(value)
        kind = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value)
        raise TraceError(
            at(
                f"{kind} cannot take part in a traced operation; "
                "allowed are numbers and arrays of numbers.",
                user_location(),
            )
        )

    def size(self, dim: Dimension) -> TracedArray:
        """A dimension as a traced number."""
        from ..primitives.shapes import size

        return self.bind(size, (), {"dim": dim})

    def _capture(self, array: Any) -> Var:
        """The input that stands for an array of the surrounding code, copied as it is now."""
        for original, copy, var in self._captured:
            if original is array and np.array_equal(copy, array, equal_nan=copy.dtype.kind == "f"):
                return var
        copy = captured_default(array)
        var = Var(aval_of(copy), names.variable_holding(array) or "constant", named=True)
        self._add_captured(array, copy, var)
        return var

    def _capture_traced(self, value: TracedArray) -> Var:
        """The input that stands for a value of a surrounding trace."""
        if value.builder.serial > self.serial or not value.builder.open:
            raise TraceError(
                at(
                    "A traced value left the function in which it was traced; "
                    "return it from that function instead.",
                    user_location(),
                )
            )
        for original, _, var in self._captured:
            if isinstance(original, type(value)) and original.atom is value.atom:
                return var
        if isinstance(value.atom, Var):
            hint, named = value.builder.hint_of(value.atom)
        else:
            hint, named = "constant", False
        var = Var(value.aval, hint, named)
        self._add_captured(value.snapshot(), value.snapshot(), var)
        return var

    def _add_captured(self, original: Any, default: Any, var: Var) -> None:
        self._captured.append((original, default, var))
        self._defaults[var] = default
        if self.eager:
            traced = getattr(default, "builder", None)
            self.values[var] = default if traced is None else traced.value_of(default.atom)

    def varying(self, value: float, name: str, shared: bool = False) -> TracedArray:
        """A number as an input with a default; of the outermost trace, so that it stays one.

        Shared ones are the same input wherever they are asked for by this name.
        """
        if shared and name in self._numbers:
            return self._numbers[name].snapshot()
        if self.parent is not None:
            outer = self.parent.varying(value, name, shared)
            number = self.wrap(self._capture_traced(outer))
        else:
            var = Var(aval_of(value), name, named=True)
            self._defaults[var] = value
            if self.eager:
                self.values[var] = value
            number = self.wrap(var)
        if shared:
            self._numbers[name] = number.snapshot()
        return number

    def next_draw(self) -> int:
        """The number of an operation that draws random numbers: 0, 1, ... in a whole trace."""
        if self.parent is not None:
            return self.parent.next_draw()
        self.draws += 1
        return self.draws - 1

    def hint_of(self, var: Var) -> tuple[str, bool]:
        """The wished-for name of a variable and whether it is the user's own."""
        return self._hints.get(var, (var.hint, var.named))

    def may_vary(self, var: Var) -> bool:
        """Whether a derivative may be asked for with respect to a variable or what it is made of.

        An array of the surrounding code is a constant; a value of a surrounding trace is not.
        """
        is_constant = var in self._defaults and not hasattr(self._defaults[var], "builder")
        return var.aval.is_float and not var.aval.weak and not is_constant

    def suggest(self, atom: Atom, hint: str) -> None:
        """Name a value that has no name of its own yet."""
        if isinstance(atom, Var) and not self.hint_of(atom)[1]:
            self._hints[atom] = (hint, True)

    def mark_cotangent(self, atom: Atom, primal: str, hint: str | None = None) -> None:
        """A value is the cotangent of a primal; `hint` names it where the primal has a name.

        Where it is the cotangent of several (a sum hands it on unchanged), a named primal counts
        more than one without a name, and the first more than later ones. Values of an adopted
        program stay what they are.
        """
        if not isinstance(atom, Var) or atom in self._adopted or self.hint_of(atom)[1]:
            return
        if hint is None:
            self._cotangents.setdefault(atom, primal)
        else:
            self._cotangents[atom] = primal
            self.suggest(atom, hint)

    def _settle_name(self) -> None:
        """Give the last value the name that the user's code stored it under, if it did."""
        if self._promised is None:
            return
        traced, var, promised = self._promised
        self._promised = None
        for promise in promised:
            if traced.atom is var and promise.holds(traced):
                self.suggest(var, promise.variable)
                return

    def rename_rebound(self, old: Atom, new: Atom) -> None:
        """A value written into keeps the name of what it was."""
        self._settle_name()
        if isinstance(old, Var):
            hint, named = self.hint_of(old)
            if named:
                self.suggest(new, hint)

    @contextmanager
    def in_stage(self, stage: str) -> Iterator[None]:
        """Record operations as part of a stage: forward, backward or update."""
        before, self.stage = self.stage, stage
        try:
            yield
        finally:
            self.stage = before

    def finish(
        self,
        name: str,
        outputs: Sequence[Atom],
        arguments: Sequence[Argument],
        result: Structure,
        output_names: Sequence[str | None] | None = None,
        origin: Origin | None = None,
    ) -> tuple[Program, Callable[[Var], Var]]:
        """The program, and the map from this builder's variables to the program's."""
        self._settle_name()
        renamed = {var: self._renamed(var) for var in (*self._hints, *self._cotangents)}

        def final(atom: Any) -> Any:
            return renamed.get(atom, atom) if isinstance(atom, Var) else atom

        inputs = [final(var) for var in self.inputs if var not in self._defaults]
        equations = tuple(
            replace(equation, inputs=tuple(map(final, equation.inputs)), out=final(equation.out))
            if any(atom in renamed for atom in (*equation.inputs, equation.out))
            else equation
            for equation in self.equations
        )
        defaults = {final(var): value for var, value in self._defaults.items()}
        program = Program(
            name=name,
            inputs=(*inputs, *defaults),
            equations=equations,
            outputs=tuple(map(final, outputs)),
            arguments=tuple(arguments),
            result=result,
            output_names=tuple(output_names or [None] * len(outputs)),
            defaults=MappingProxyType(defaults),
            conventions=tuple(self.conventions),
            origin=origin,
        )
        return program, final

    def _renamed(self, var: Var) -> Var:
        hint, named = self.hint_of(var)
        return replace(var, hint=hint, named=named, cotangent_of=self._cotangents.get(var, ""))


def _array_of_numbers(value: Any) -> Any:
    from .traced import TracedArray

    pending = list(value)
    while pending:
        item = pending.pop()
        if isinstance(item, TracedArray):
            raise TraceError(
                at(
                    "A list of traced values is not an array; use np.stack([...]) or "
                    "np.concatenate([...]).",
                    user_location(),
                )
            )
        if isinstance(item, list | tuple):
            pending.extend(item)
    return np.array(value)


def _with_dimensions(param: Any) -> Any:
    """A param in which lengths that the user's code handled are dimensions again."""
    from .sizes import TracedSize

    if isinstance(param, tuple):
        return tuple(map(_with_dimensions, param))
    return param.dim if isinstance(param, TracedSize) else param
