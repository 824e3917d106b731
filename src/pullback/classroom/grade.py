"""A class graded: each submission in its closed room, each gradient worth one point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..errors import UsageError
from .sandbox import Sandbox
from .submissions import Submission

RIGHT, WRONG, FAILED = "right", "wrong", "failed"

Inputs = Mapping[str, Any]
Judge = Callable[[Inputs, Any], Mapping[str, str]]
"""(inputs, what was returned) -> for each gradient why it is wrong, empty when it is right."""


@dataclass(frozen=True)
class Marks:
    """What one submission is worth.

    Attributes:
        name: Whose it is.
        points: 1 or 0 for each gradient, by name.
        status: "right": all gradients are; "wrong": one is not; "failed": there are none.
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


@dataclass(frozen=True)
class Exam:
    """What is asked for.

    Attributes:
        gradients: The names of the gradients, each worth one point.
        sets: The sets of inputs; a gradient must be right for all of them.
        judge: Tells right from wrong; it runs here and never in a submission's process.
        function: The name of the submitted function.
    """

    gradients: Sequence[str]
    sets: Sequence[Inputs]
    judge: Judge
    function: str = "backward"

    def marks(self, submission: Submission, sandbox: Sandbox) -> Marks:
        """Run a submission and give it its points.

        Raises:
            Stopped: When the sandbox was stopped.
        """
        if submission.failed:
            return self._failed(submission, submission.failed)
        answer = sandbox.call(submission.files, self.function, self.sets)
        if answer.failed:
            return self._failed(submission, answer.failed)
        wrong: dict[str, str] = {}
        try:
            for inputs, returned in zip(self.sets, answer.results, strict=True):
                for name, why in self.judge(inputs, returned).items():
                    if why:
                        wrong.setdefault(name, why)
        except UsageError as error:
            return self._failed(submission, str(error))
        points = {name: int(name not in wrong) for name in self.gradients}
        why = next((wrong[name] for name in self.gradients if name in wrong), "")
        return Marks(submission.name, points, WRONG if wrong else RIGHT, why)

    def _failed(self, submission: Submission, why: str) -> Marks:
        points = dict.fromkeys(self.gradients, 0)
        return Marks(submission.name, points, FAILED, _sentence(why))


def grade(
    exam: Exam,
    submissions: Sequence[Submission],
    sandbox: Sandbox,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, parts: None,
) -> list[Marks]:
    """The marks of a class, in the order of the submissions.

    Args:
        exam: What is asked for.
        submissions: What was handed in.
        sandbox: How each is called.
        jobs: How many run at the same time.
        on_progress: Called with (submissions done, submissions in all).

    Raises:
        KeyboardInterrupt: When it was interrupted; every process is gone then.
    """
    done = 0
    on_progress(done, len(submissions))
    with _workers(jobs, sandbox) as workers:
        waiting = [workers.submit(exam.marks, each, sandbox) for each in submissions]
        for marks in waiting:
            marks.result()
            done += 1
            on_progress(done, len(submissions))
    return [marks.result() for marks in waiting]


@contextmanager
def _workers(jobs: int, sandbox: Sandbox) -> Iterator[ThreadPoolExecutor]:
    """Threads that wait for processes; should anything fail, none of these is left."""
    workers = ThreadPoolExecutor(max_workers=jobs)
    try:
        yield workers
    except BaseException:
        sandbox.stop.set()
        raise
    finally:
        workers.shutdown(wait=True, cancel_futures=sandbox.stop.is_set())


def _sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
