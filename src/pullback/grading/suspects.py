"""Which stored values are right, which may be wrong, and which of these may be shown wrong.

A value is right when it follows from a derived one, and so is all that it was computed from:
what led to a right value was good enough. What a wrong gradient was computed from and is neither
right nor explained is a suspect.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..lazy import cached_property
from ..program import Var
from .facts import PARTIAL, STEP, Facts
from .grade import Grade
from .kinks import choices
from .recorder import Recorder, ancestors
from .relations import How, close_relation
from .returns import spelled
from .stored import Stored

MOST_CHOICES = 8


class Suspects:
    """The stored values of a backward pass that returned a wrong gradient.

    Args:
        grade: The verdict on what it returned.
        recorder: What its lines stored.

    Attributes:
        facts: All derived values.
        results: The stored value behind each returned gradient.
        wrong: Those whose gradient is wrong.
    """

    def __init__(self, grade: Grade, recorder: Recorder) -> None:
        self.grade, self.recorder = grade, recorder
        point = grade.point
        allowed = [choice for choice, _ in zip(choices(point), range(MOST_CHOICES), strict=False)]
        self.facts = Facts(point, [grade.choice, *allowed], grade.scales)
        places = grade.matched.places
        returned = recorder.returned
        self.results = {var: returned[p] for var, p in places.items() if p in returned}
        self.wrong = {
            var: self._origin(var, self.results[var]) for var in grade.wrong if var in self.results
        }

    def _origin(self, var: Var, result: Stored) -> Stored:
        """What computed a result that was only renamed on its way out.

        A value that is right for something else was not wrong before it got its last name.
        """
        while self._only_turns(result):
            before = result.inputs[0]
            if not before.renamed and self._is_of_another(var, before):
                break
            result = before
        return result

    def _only_turns(self, result: Stored) -> bool:
        """Whether a value is another one under a new name, or the transpose of one in doubt."""
        if len(result.inputs) != 1 or result.inputs[0].given:
            return False
        before = result.inputs[0]
        found = None if self.is_explained(before) else close_relation(result.value, before.value)
        return result.renamed or (found is not None and found.factor == 1.0)

    def _is_of_another(self, var: Var, stored: Stored) -> bool:
        """Whether a value is right for something else than the error signal of `var`."""
        found = self.facts.explain(stored)
        if found is None:
            return False
        if found.fact.var is var and found.relation.is_close:
            is_turned = found.relation.how is How.TRANSPOSED
            return is_turned and any(self._is_column(read) for read in stored.inputs)
        return stored.variable not in spelled(self.grade.point.forward.names[var])

    def _is_column(self, stored: Stored) -> bool:
        """Whether it holds its samples as columns: it is the transpose of a derived value."""
        found = self.facts.explain(stored)
        return found is not None and found.relation.how is How.TRANSPOSED

    def is_explained(self, stored: Stored) -> bool:
        """Whether a value follows from a derived one, or is given or one number throughout."""
        is_constant = not (stored.inputs or stored.may_read) and np.ptp(stored.value) == 0
        if stored.given or is_constant:
            return True
        return self.facts.explain(stored) is not None

    @cached_property
    def right(self) -> frozenset[Stored]:
        """The values that are right, or that a right value was computed from.

        Zeros speak for nothing: they come from anything.
        """
        wrong = set(self.wrong.values()) | {self.results[var] for var in self.wrong}
        found: set[Stored] = set()
        for stored in reversed([*self.recorder.stored, *self.results.values()]):
            if stored in wrong or stored in found or stored.is_mask:
                continue
            explanation = self.facts.explain(stored)
            if explanation is not None and stored.value.size > 1 and np.any(stored.value):
                found |= _surely_from(stored)
        return frozenset(found - wrong)

    @cached_property
    def vindicated(self) -> frozenset[Stored]:
        """The values from which a later one was computed that is right as it stands."""
        found: set[Stored] = set()
        for stored in self.right:
            explanation = None if stored.renamed else self.facts.explain(stored)
            if (
                explanation is not None
                and explanation.relation.is_close
                and explanation.fact.role != PARTIAL
            ):
                found |= _surely_from(stored) - {stored}
        return frozenset(found)

    @cached_property
    def behind_right(self) -> frozenset[Stored]:
        """What the right gradients were computed from, and they themselves."""
        right = [r for v, r in self.results.items() if v not in self.wrong and np.any(r.value)]
        return frozenset(stored for result in right for stored in _surely_from(result))

    def is_innocent(self, stored: Stored) -> bool:
        """Whether nothing speaks against a value."""
        return stored in self.right or self.is_explained(stored)

    @cached_property
    def upstream(self) -> tuple[Stored, ...]:
        """What the wrong gradients were computed from, and they themselves, in order."""
        found = {stored for result in self.wrong.values() for stored in ancestors(result)}
        return tuple(sorted((s for s in found if not s.given), key=lambda s: s.number))

    @cached_property
    def suspects(self) -> tuple[Stored, ...]:
        """Those among them that are neither right nor explained; wrong gradients always are."""
        wrong = set(self.wrong.values())
        return tuple(s for s in self.upstream if s in wrong or not self.is_innocent(s))

    def has_good_inputs(self, stored: Stored) -> bool:
        """Whether all that a value was computed from is innocent."""
        wrong = set(self.wrong.values())
        read = (*stored.inputs, *stored.may_read)
        return all(self.is_innocent(s) and s not in wrong for s in read if s is not stored)

    def is_half_way(self, stored: Stored) -> bool:
        """Whether a value is only known as a step of a rule, and led to nothing that is right.

        Where it was to be a complete error signal, it would be wrong.
        """
        found = None if stored.given else self.facts.explain(stored)
        is_step = found is not None and found.fact.role == STEP
        return is_step and stored not in self.vindicated

    def after(self, stored: Stored) -> Iterator[tuple[Stored, tuple[Var, ...]]]:
        """The suspects computed from a value, each with the inputs whose gradient it must be."""
        for later in self.suspects:
            if later.number > stored.number and stored in set(ancestors(later)):
                yield later, tuple(var for var, result in self.wrong.items() if result is later)


def _surely_from(stored: Stored) -> set[Stored]:
    """A value and all that it was surely computed from."""
    seen: set[Stored] = set()
    waiting = [stored]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += current.inputs
    return seen
