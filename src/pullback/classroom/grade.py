"""A class graded: each submission in its closed room, each gradient worth one point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .exam import Exam, Marks
from .sandbox import Answer, Sandbox
from .submissions import Submission


def grade(
    exam: Exam,
    submissions: Sequence[Submission],
    sandbox: Sandbox,
    function: str = "backward",
    jobs: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, parts: None,
) -> list[Marks]:
    """The marks of a class, in the order of the submissions.

    Args:
        exam: What is asked for.
        submissions: What was handed in.
        sandbox: How each is called.
        function: The name of the submitted function.
        jobs: How many run at the same time.
        on_progress: Called with (submissions done, submissions in all).

    Raises:
        KeyboardInterrupt: When it was interrupted; every process is gone then.
    """

    def answer(submission: Submission) -> Answer:
        if submission.failed:
            return Answer(failed=submission.failed)
        return sandbox.call(submission.files, function, exam.sets)

    marks: list[Marks] = []
    on_progress(0, len(submissions))
    with _workers(jobs, sandbox) as workers:
        waiting = [workers.submit(answer, each) for each in submissions]
        for submission, answered in zip(submissions, waiting, strict=True):
            marks.append(exam.marks(submission.name, answered.result()))
            on_progress(len(marks), len(submissions))
    return marks


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
