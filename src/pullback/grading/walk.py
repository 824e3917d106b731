"""The first wrong line: shown by what the derived rules make of the value that it stores.

Four things show a line wrong when all that it read is right:

- From there on everything is off by one constant factor (`_by_factor`).
- Put in place of an error signal, its value makes the derived rules compute the very numbers that
  later lines store: it plays that error signal's part, and is not it (`_by_part`).
- It has the name and shape of a value of the forward pass, and is not it (`_by_name`).
- It stores a returned gradient, which is wrong (`_by_result`).

Where none of these can be shown, no line is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..lazy import cached_property
from ..program import Var
from .facts import COTANGENT, PARTIAL
from .faults import FACTOR, NOT_ADDED, NOT_SUMMED, OVERWRITTEN, SIGN, Fault, faults
from .kinds import Kind, kind_of
from .recorder import ancestors
from .relations import close_relation, is_scaled
from .returns import spelled
from .stored import Stored
from .suspects import Suspects
from .sweeping import as_floats
from .verdict import constant_factor, factor_text


@dataclass(frozen=True, eq=False)
class Accusation:
    """A stored value that is shown to be the first wrong one.

    Attributes:
        stored: The value.
        kind: What kind of wrong it is; empty when that cannot be shown.
        why: A sentence on it.
        var: The forward variable whose value or error signal it ought to be.
    """

    stored: Stored
    kind: str
    why: str
    var: Var


class Part(NamedTuple):
    """The part that a stored value may play.

    Attributes:
        var: A forward variable.
        is_primal: Whether it is the variable's value; else it is its error signal.
        value: The stored value in the shape that the part has.
    """

    var: Var
    is_primal: bool
    value: Any


class Walk:
    """The search for the first wrong line of a backward pass.

    Args:
        suspects: What its lines stored, and what speaks for and against each value.

    Attributes:
        doubtful: Values that are explained and may be to blame all the same.
    """

    def __init__(self, suspects: Suspects) -> None:
        self.suspects = suspects
        self.grade = suspects.grade
        self.point, self.choice = self.grade.point, self.grade.choice
        self.names = self.point.forward.names
        inputs = self.point.forward.inputs
        self.doubtful: list[Stored] = []
        self._named = {var for var in self.names if var.named or var in inputs}

    def first_wrong(self) -> Accusation | None:
        """The first value that can be shown wrong; None where none can."""
        found = [*self._by_factor()]
        for search in (self._by_part, self._by_name, self._by_result):
            accusation = next(search(), None)
            if accusation is not None and not self._may_be_older(accusation):
                found.append(accusation)
        return min(found, key=lambda a: a.stored.number, default=None)

    def _may_be_older(self, accusation: Accusation) -> bool:
        """Whether what the value was computed from may be to blame, although it is explained.

        A factor may have been left for later, a step of a rule may be meant as an error signal.
        """
        older = [s for s in ancestors(accusation.stored) if s is not accusation.stored]
        doubtful = [s for s in older if self.suspects.is_half_way(s)]
        if accusation.kind in (FACTOR, SIGN, ""):
            behind = self.suspects.behind_right
            doubtful += [s for s in older if self._has_new_factor(s) and s not in behind]
        if accusation.kind in (NOT_ADDED, OVERWRITTEN, ""):
            doubtful += [s for s in older if self._is_incomplete(s, accusation.var)]
        if not accusation.kind:
            read = accusation.stored.inputs
            doubtful += [s for s in older if self._is_misnamed(s)]
            if not all(map(self.suspects.is_explained, read)):
                doubtful += [s for s in older if not self.suspects.is_explained(s)]
        self.doubtful += doubtful
        return bool(doubtful)

    def _is_incomplete(self, stored: Stored, var: Var) -> bool:
        """Whether it is only a part of the error signal of another variable, and stayed one."""
        found = None if stored.given else self.suspects.facts.explain(stored)
        is_part = found is not None and found.fact.role == PARTIAL and found.fact.var is not var
        return is_part and stored not in self.suspects.vindicated

    def _is_misnamed(self, stored: Stored) -> bool:
        """Whether it has the name of a forward value, and is not it."""
        return not stored.given and any(
            self._is_named(stored, var, True) and close_relation(stored.value, as_floats(v)) is None
            for var, v in self.choice.values.items()
        )

    def _has_new_factor(self, stored: Stored) -> bool:
        """Whether a value has a factor that no error signal which it was computed from has."""
        explanation = None if stored.given else self.suspects.facts.explain(stored)
        if explanation is None or explanation.fact.role not in (COTANGENT, PARTIAL):
            return False
        factor = explanation.relation.factor
        read = (own for r in stored.inputs for _, own in self.suspects.facts.cotangent_factors(r))
        return abs(factor - 1) > 1e-6 and all(abs(own - factor) > 1e-6 for own in read)

    # ------------------------------------------------------------------ off by a constant factor

    @cached_property
    def factors(self) -> dict[Var, float]:
        """The wrong gradients that are a constant factor times the right one."""
        found = {}
        for var in self.suspects.wrong:
            returned = as_floats(self.grade.matched.arrays[var])
            derived = as_floats(self.choice.cotangents.get(var, 0.0))
            if returned.shape == derived.shape:
                factor = constant_factor(returned, derived, self.grade.scales[var])
                if factor:
                    found[var] = factor
        return found

    def _by_factor(self) -> Iterator[Accusation]:
        for factor in dict.fromkeys(round(f, 9) for f in self.factors.values()):
            results = [
                stored
                for var, stored in self.suspects.wrong.items()
                if abs(self.factors.get(var, np.inf) - factor) <= 1e-6 * abs(factor)
            ]
            first = self._first_off_by(factor, results)
            if first is None:
                continue
            stored, var = first
            below = [r for r in results if r is not stored and _led_to(stored, r)]
            if stored in results:
                is_shown = len(results) == 1
            else:
                is_shown = len(below) > 1 or factor < 0 or self._has_other_signal(stored, factor)
            if not is_shown:  # a factor may be left for later, and be forgotten there
                upstream = self.suspects.upstream
                self.doubtful += [
                    stored,
                    *results,
                    *(s for s in upstream if self._has_new_factor(s)),
                ]
                continue
            yield Accusation(stored, *_factor_kind(factor, self.point.called(var)), var)

    def _first_off_by(self, factor: float, results: list[Stored]) -> tuple[Stored, Var] | None:
        """The first error signal with a factor that leads to wrong gradients only."""
        all_results = self.suspects.results
        right = [result for var, result in all_results.items() if var not in self.suspects.wrong]
        for stored in self.suspects.upstream:
            if not any(_led_to(stored, r) for r in results):
                continue
            if any(_led_to(stored, r) for r in right):
                continue
            found = [
                var
                for var, own in self.suspects.facts.cotangent_factors(stored)
                if abs(own - factor) <= 1e-6 * abs(factor)
            ]
            if found:
                return stored, min(found, key=lambda var: self._strangeness(stored, var))
        return None

    def _strangeness(self, stored: Stored, var: Var) -> tuple[bool, bool]:
        """Of several with the same error signal, the one to speak of is that with a name."""
        return not self._is_named(stored, var, False), var not in self._named

    def _has_other_signal(self, stored: Stored, factor: float) -> bool:
        """Whether it was computed from an error signal without the factor."""
        for read in stored.inputs:
            factors = [own for _, own in self.suspects.facts.cotangent_factors(read)]
            if factors and not any(abs(own - factor) <= 1e-6 * abs(factor) for own in factors):
                return True
        return False

    # --------------------------------------------------------- in the part of an error signal

    def _by_part(self) -> Iterator[Accusation]:
        for stored in self.suspects.upstream:
            if stored.is_mask or stored.value.size < 2:
                continue
            if stored in self.suspects.vindicated or not self.suspects.has_good_inputs(stored):
                continue
            for part in self._parts_of(stored):
                if self._is_played_by(stored, part):
                    accused = self._accused(stored, part)
                    if accused is not None:
                        yield accused

    def _parts_of(self, stored: Stored) -> Iterator[Part]:
        """The values and error signals whose part a value may play.

        All of its shape for a value that nothing explains; for one that is right for something
        else only what it is named after, and the sum that it is a part of.
        """
        explained = self.suspects.is_explained(stored)
        for is_primal, derived in ((True, self.choice.values), (False, self.choice.cotangents)):
            for var in sorted(derived, key=lambda v: not self._is_named(stored, v, is_primal)):
                if is_primal and (var in self.point.forward.inputs or not var.aval.is_float):
                    continue
                is_named = self._is_named(stored, var, is_primal)
                is_unsummed = not is_primal and (is_named or self.suspects.is_half_way(stored))
                is_part = not is_primal and self._is_partial(stored, var)
                if explained and not (is_named or is_unsummed or is_part):
                    continue
                wanted = as_floats(derived[var])
                for value in _arranged(stored.value, wanted.shape):
                    if explained and not (is_named or is_part):
                        break
                    relation = close_relation(value, wanted)
                    if relation is None or relation.factor != 1.0:
                        yield Part(var, is_primal, value)
                if is_unsummed and wanted.size < stored.value.size:
                    yield Part(var, is_primal, stored.value)

    def _is_played_by(self, stored: Stored, part: Part) -> bool:
        """Whether a wrong gradient is what the derived rules make of this value.

        For a value that is named after the part, another later value tells enough.
        """
        later = [
            (s, graded)
            for s, graded in self.suspects.after(stored)
            if not any(g in self.factors for g in graded)
        ]
        is_named = self._is_named(stored, part.var, part.is_primal)
        told = None if is_named else {var for _, graded in later for var in graded}
        made = self._made(part, told) if later else []
        return any(
            close_relation(s.value, value) is not None
            for s, graded in later
            for target, value in made
            if target in graded or (is_named and not graded)
        )

    def _made(self, part: Part, told: set[Var] | None) -> list[tuple[Var, Any]]:
        """What follows from a value in its part: all that is not what it was, nor the value.

        Only for some variables, where these are `told`.
        """
        sweep, choice = self.point.sweep, self.choice
        try:
            if part.is_primal:
                values = sweep.forward({part.var: part.value})
                cotangents = sweep.backward(values)
            else:
                values, cotangents = (
                    choice.values,
                    sweep.backward(choice.values, {part.var: part.value}),
                )
        except (ValueError, TypeError, IndexError):  # a shape that does not fit
            return []
        found = []
        for made, derived in ((values, choice.values), (cotangents, choice.cotangents)):
            for var, value in made.items():
                if var is part.var or var not in derived or value is derived[var]:
                    continue
                if told is not None and var not in told:
                    continue
                new, old = as_floats(value), as_floats(derived[var])
                same = close_relation(new, old) or close_relation(new, part.value)
                if same is None and new.size > 1:
                    found.append((var, new))
        return found

    def _accused(self, stored: Stored, part: Part) -> Accusation | None:
        """The accusation of a value that plays a part, unless it is right for something else."""
        var, name = part.var, self.point.called(part.var)
        if part.is_primal:
            kind = Kind("", f"it is not the {name} of the forward pass.")
        else:
            kind = kind_of(self.point, self.choice, var, part.value, self.planted)
        explained = self.suspects.is_explained(stored)
        is_named = self._is_named(stored, var, part.is_primal)
        overwrites = kind.name == NOT_ADDED and self._was_partial_before(stored, var)
        is_unsummed = kind.name.startswith(NOT_SUMMED)
        if explained and not (is_named or overwrites or is_unsummed):
            return None
        return self._accuse(stored, var, kind)

    def _accuse(self, stored: Stored, var: Var, kind: Kind) -> Accusation:
        if kind.name == NOT_ADDED and self._was_partial_before(stored, var):
            return Accusation(stored, OVERWRITTEN, kind.why, var)
        return Accusation(stored, kind.name, kind.why, var)

    def _was_partial_before(self, stored: Stored, var: Var) -> bool:
        """Whether the same variable held another part of the same sum before."""
        earlier = self.suspects.recorder.stored[: max(stored.number, 0)]
        return any(s.name == stored.name and self._is_partial(s, var) for s in earlier)

    def _is_partial(self, stored: Stored, var: Var) -> bool:
        """Whether a value is the sum of some of the contributions to an error signal."""
        return any(
            close_relation(stored.value, fact.value) is not None
            for fact in self.suspects.facts.facts
            if fact.role == PARTIAL and fact.var is var
        )

    def _is_named(self, stored: Stored, var: Var, is_primal: bool) -> bool:
        """Whether a variable's name says that it is a value, or the error signal of it."""
        name = self.names[var]
        if is_primal:
            is_input = var in self.point.forward.inputs
            return var.named and not is_input and stored.variable == name
        return var in self._named and stored.variable in spelled(name)

    # ------------------------------------------------------------------ a forward value's name

    def _by_name(self) -> Iterator[Accusation]:
        """A value of the forward pass that is computed again, under its name, and differs.

        Not where it differs by a factor or a shift of each row or column, as exp(z - max(z)) does.
        """
        for stored in self.suspects.suspects:
            if stored.is_mask or not self.suspects.has_good_inputs(stored):
                continue
            for var, value in self.choice.values.items():
                derived = as_floats(value)
                if (
                    self._is_named(stored, var, True)
                    and derived.shape == stored.value.shape
                    and not is_scaled(stored.value, derived)
                ):
                    why = f"it is not the {self.names[var]} of the forward pass."
                    yield Accusation(stored, "", why, var)

    # ------------------------------------------------------------------ a returned gradient

    def _by_result(self) -> Iterator[Accusation]:
        for var, stored in sorted(self.suspects.wrong.items(), key=lambda w: w[1].number):
            if var in self.factors or not self.suspects.has_good_inputs(stored):
                continue
            wanted = self.choice.cotangents.get(var)
            if wanted is None:
                why = f"the loss does not depend on {self.names[var]}."
                yield Accusation(stored, "", why, var)
                continue
            kind = kind_of(self.point, self.choice, var, stored.value, self.planted)
            yield self._accuse(stored, var, kind)

    @cached_property
    def planted(self) -> tuple[Fault, ...]:
        """Every single fault of the derived backward pass."""
        with np.errstate(all="ignore"):
            return tuple(faults(self.point, self.choice))


def _led_to(stored: Stored, later: Stored) -> bool:
    return any(each is stored for each in ancestors(later))


def _arranged(value: Any, shape: tuple[int, ...]) -> Iterator[Any]:
    """A value in a shape, where it has it but for axes of length one; and its transpose."""
    for each in (value, value.T) if value.ndim == 2 else (value,):
        if [dim for dim in each.shape if dim != 1] == [dim for dim in shape if dim != 1]:
            yield each.reshape(shape)


def _factor_kind(factor: float, name: str) -> tuple[str, str]:
    if factor == -1.0:
        return SIGN, f"the error signal of {name} has the opposite sign."
    text = factor_text(factor)
    return FACTOR, f"the error signal of {name} is {text} times as large as it must be."
