"""The backward pass one equation at a time, forwards and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from ..differentiate import Wrt
from ..errors import UsageError, nearest
from ..lazy import cached_property
from ..program import Program
from .overwriting import Overwriting
from .step import Step, steps_of
from .step_text import overwriting_text, start_text, step_text
from .subject import Subject, subject_at


class BackwardSteps(Sequence[Step]):
    """The steps of a backward pass, and a place among them.

    Each step takes v, the complete cotangent of one equation's output, through the rule of its
    primitive to v J for each input. What arrives at a value that several equations read is added.

    Attributes:
        subject: The program, its values and its derivation.
        position: The place, from 0.

    Example:
        >>> import numpy as np, pullback as pb
        >>> steps = pb.step_through(lambda x: np.sum(x * np.exp(x)), np.array([0.0, 1.0]))
        >>> [step.source for step in steps]
        ['sum_1 = np.sum(multiply)', 'multiply = x * exp', 'exp = np.exp(x)']
        >>> steps.next().sends[0].source
        'dmultiply * exp'
        >>> [arrived.name for arrived in steps.current.waiting]
        ['x', 'exp']
    """

    def __init__(self, subject: Subject, overwrites: bool = False) -> None:
        self.subject = subject
        self.overwriting = Overwriting(subject)
        self.position = 0
        self._overwrites = overwrites

    @property
    def overwrites(self) -> bool:
        """Whether contributions are overwritten instead of added, which is wrong at forks."""
        return self._overwrites

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        return steps_of(self.subject, self.overwriting if self._overwrites else None)

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | Sequence[Step]:
        return self._steps[index]

    @property
    def current(self) -> Step:
        """The step at the place."""
        return self._steps[self.position]

    def next(self) -> Step:
        """Go one step on; at the last, stay there.

        Returns:
            The step that is reached.
        """
        self.position = min(self.position + 1, len(self) - 1)
        return self.current

    def back(self) -> Step:
        """Go one step back; at the first, stay there.

        Returns:
            The step that is reached.
        """
        self.position = max(self.position - 1, 0)
        return self.current

    def jump(self, name: str) -> Step:
        """Go to the step of the equation that computes a value.

        Args:
            name: The value's name in the forward pass, such as h_relu.

        Returns:
            The step that is reached.

        Raises:
            UsageError: When no step is of that name.
        """
        names = [step.name for step in self]
        if name not in names:
            known = ", ".join(names)
            raise UsageError(f"No step is of {name!r}; there are {known}.{nearest(name, names)}")
        self.position = names.index(name)
        return self.current

    def overwritten(self) -> BackwardSteps:
        """The same place in the pass that overwrites contributions instead of adding them.

        Returns:
            Its steps: each has what comes out as `cotangent`, what is right as
            `right_cotangent`. `overwriting` tells where the pass goes wrong first.
        """
        return self._at_same_place(overwrites=True)

    def added(self) -> BackwardSteps:
        """The same place in the right pass."""
        return self._at_same_place(overwrites=False)

    def _at_same_place(self, overwrites: bool) -> BackwardSteps:
        steps = BackwardSteps(self.subject, overwrites)
        steps.position = self.position
        return steps

    def __str__(self) -> str:
        parts = [step_text(self.current)]
        if self.position == 0:
            parts.insert(0, start_text(self.subject))
        if self.position == len(self) - 1 and self._overwrites:
            parts.append(overwriting_text(self.overwriting))
        return "\n".join(parts)

    def __repr__(self) -> str:
        name = self.subject.forward.name
        return f"<BackwardSteps of {name}: step {self.position + 1} of {len(self)}>"

    def _repr_html_(self) -> str:
        from .step_html import steps_html

        return steps_html(self)


def step_through(
    function: Callable[..., Any] | Program,
    /,
    *args: Any,
    wrt: Wrt = None,
    cotangent: Any = None,
    overwrite: bool = False,
    **kwargs: Any,
) -> BackwardSteps:
    """The backward pass of a function at given values, one equation at a time.

    Args:
        function: A NumPy function, a `Program`, or a gradient program (of which the pass that it
            computes is shown).
        *args: Its arguments: arrays, numbers, nested tuples, lists and dicts of them.
        wrt: Names or positions of the arguments that the gradient flows to; all floating ones
            when None.
        cotangent: What enters at the result, of its structure and shapes. When None: 1 for a
            result that is one floating number, else normal random numbers (seed 0), which is
            said.
        overwrite: Whether contributions are overwritten instead of added where a value is read
            more than once: the usual mistake, to see where it goes wrong.
        **kwargs: Arguments by name.

    Returns:
        The steps, at the first: print it, then `next()` and `back()`; a sequence of `Step`.

    Raises:
        UsageError: When nothing floating goes in or comes out, wrt names no floating argument, or
            the cotangent does not fit.
        TraceError: When the function does what a program cannot record.

    Example:
        >>> import numpy as np, pullback as pb
        >>> def f(x):
        ...     return np.sum(np.maximum(x, 0))
        >>> steps = pb.step_through(f, np.array([-1.0, 2.0]))
        >>> print(steps.jump("maximum").sends[0].source)
        dmaximum * (x > 0)

    Source: Griewank and Walther, Evaluating Derivatives (2008), section 3.2.
    """
    subject = subject_at(function, args, kwargs, wrt, cotangent)
    if not subject.derivation.pulls:
        raise UsageError(
            f"The backward pass of {subject.forward.name} has no steps: no operation leads from "
            "its floating arguments to its result."
        )
    return BackwardSteps(subject, overwrite)
