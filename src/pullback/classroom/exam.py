"""What a class is asked for, and the points for an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import UsageError, printable
from ..grading import GradientVerdict, Point, UnmatchedError, graded, point_at
from ..lazy import cached_property
from ..tracing.trace import signature_of
from .inside.exchange import encode
from .sandbox import Answer, Arguments

RIGHT, WRONG, FAILED = "right", "wrong", "failed"

_LONGEST_SENTENCE = 400


@dataclass(frozen=True)
class Marks:
    """What one submission is worth.

    Attributes:
        name: Whose it is.
        points: 1 or 0 for each gradient, by name.
        status: "right": all gradients are; "wrong": one is not; "failed": there is no answer.
        why: One sentence when it is not right.
    """

    name: str
    points: Mapping[str, int] = field(default_factory=dict)
    status: str = RIGHT
    why: str = ""

    @property
    def total(self) -> int:
        """All points together."""
        return sum(self.points.values())


@dataclass(frozen=True, eq=False)
class Exam:
    """What a class is asked for; the derived gradients never leave this process.

    Attributes:
        points: Where the backward pass is called, the example inputs first.
        wrt: Names of the inputs whose gradients are wanted; all floating ones when None.
    """

    points: Sequence[Point]
    wrt: Sequence[str] | None = None

    @cached_property
    def gradients(self) -> tuple[str, ...]:
        """The inputs whose gradients are worth a point each, as the caller writes them.

        Raises:
            UsageError: When `wrt` names something else than a floating input.
        """
        first = self.points[0]
        return tuple(first.path(var) for var in first.wanted(self.wrt))

    @property
    def sets(self) -> list[Arguments]:
        """The arguments of each call, floating values in float64."""
        return [(point.args, point.kwargs) for point in self.points]

    def marks(self, name: str, answer: Answer) -> Marks:
        """The points for an answer: a gradient must be right for all sets of inputs.

        Args:
            name: Whose answer it is.
            answer: What the submission returned for each set.
        """
        none = dict.fromkeys(self.gradients, 0)
        if answer.failed:
            return Marks(name, none, FAILED, _sentence(answer.failed))
        try:
            pairs = zip(self.points, answer.results, strict=True)
            found = [self._verdicts(point, returned) for point, returned in pairs]
        except UsageError as error:
            return Marks(name, none, FAILED, _sentence(str(error)))
        except Exception as error:  # whatever one has found, the class is graded
            return Marks(name, none, FAILED, _sentence(f"its answer cannot be compared: {error}"))
        wrong = {each: how for each in self.gradients if (how := _how_wrong(each, found))}
        points = {each: int(each not in wrong) for each in self.gradients}
        return Marks(name, points, WRONG if wrong else RIGHT, _why(wrong) if wrong else "")

    def _verdicts(self, point: Point, returned: Any) -> dict[str, GradientVerdict]:
        try:
            grade = graded(point, returned, self.wrt)
        except UnmatchedError as error:
            if self.wrt is None:
                raise
            try:  # more may be returned than is asked for
                grade = graded(point, returned)
            except UsageError:
                raise error from None
        return {verdict.name: verdict for verdict in grade.verdicts.values()}


def exam_of(
    forward: Callable[..., Any], sets: Sequence[Mapping[str, Any]], wrt: Sequence[str] | None = None
) -> Exam:
    """The exam that asks for the gradients of a forward pass.

    Args:
        forward: A NumPy function that returns the loss.
        sets: Its arguments by name, several times; see `input_sets`. Where they can be, they are
            given by position, so that a submission may call them otherwise.
        wrt: Names of the inputs whose gradients are wanted; all floating ones when None.

    Raises:
        UsageError: When it has no finite gradient at one of the sets, or `wrt` names none.
        TraceError: When it does what a program cannot record.

    Example:
        >>> import numpy as np
        >>> exam = exam_of(lambda x: np.sum(x**2), [{"x": np.arange(3.0)}])
        >>> exam.marks("ada", Answer((np.array([0, 2, 4]),))).points
        {'x': 1}
    """
    for inputs in sets:
        try:
            encode(dict(inputs), [])
        except TypeError as error:
            raise UsageError(f"The inputs hold {error}, which no process can be given.") from None
    calls = [signature_of(forward).bind(**inputs) for inputs in sets]
    exam = Exam([point_at(forward, call.args, call.kwargs) for call in calls], wrt)
    assert exam.gradients
    for number, point in enumerate(exam.points):
        _refuse_unless_finite(point, wrt, number)
    return exam


def _refuse_unless_finite(point: Point, wrt: Sequence[str] | None, number: int) -> None:
    unbounded = point.unbounded(point.wanted(wrt))
    if unbounded is not None:
        which = f"set {number + 1} of the inputs" if number else "the example inputs"
        raise UsageError(
            f"The gradient of {point.path(unbounded)} is not finite for {which}, so nothing can "
            "be graded: give other inputs, or leave it out of wrt."
        )


def _how_wrong(gradient: str, found: Sequence[Mapping[str, GradientVerdict]]) -> str:
    """What is wrong with a gradient for the first set for which it is; empty when none is."""
    for number, verdicts in enumerate(found):
        verdict = verdicts.get(gradient)
        if verdict is None:
            return "it was not returned"
        if not verdict.right:
            return f"{verdict.how}{' (for other inputs than the example)' if number else ''}"
    return ""


def _why(wrong: Mapping[str, str]) -> str:
    """What is wrong with each gradient; those of one mistake are named together."""
    together: dict[str, list[str]] = {}
    for name, how in wrong.items():
        together.setdefault(how, []).append(name)
    parts = (f"gradient of {', '.join(names)}: {how}" for how, names in together.items())
    return _sentence("; ".join(parts))


def _sentence(text: str) -> str:
    """The text in one line, with a capital and a full stop."""
    text = printable(" ".join(text.split()))
    if len(text) > _LONGEST_SENTENCE:
        text = f"{text[:_LONGEST_SENTENCE]} ..."
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
