"""A class with all kinds of submissions: none of them harms another."""

import threading

import numpy as np
import pytest
from rooms import SMALL, files_of

from pullback.classroom import Sandbox, Submission, exam_of, grade
from pullback.classroom.process import Stopped

RIGHT = {"submission.py": b"def backward(z):\n    return 2 * z"}


@pytest.fixture(scope="module")
def exam():
    return exam_of(lambda x: np.sum(x**2), [{"x": np.arange(3.0)}, {"x": np.ones(2)}])


def test_no_submission_harms_another(exam, layers):
    names = ["exits_at_once", "floods_the_output", "patches_numpy", "allocates", "crashes"]
    names += ["fails_without_a_word"]
    class_ = [Submission("first", RIGHT), *(Submission(n, files_of(n)) for n in names)]
    class_ += [Submission("late", files_of("waits_for_the_end")), Submission("last", RIGHT)]
    class_ += [Submission("link", failed="it is a link, which is not followed")]
    seen = []
    marks = grade(
        exam, class_, Sandbox(SMALL, layers), jobs=2, on_progress=lambda *each: seen.append(each)
    )
    assert {each.name: each.status for each in marks} == {
        "first": "right",
        "exits_at_once": "failed",
        "floods_the_output": "failed",
        "patches_numpy": "wrong",
        "allocates": "failed",
        "crashes": "failed",
        "fails_without_a_word": "failed",
        "late": "right",
        "last": "right",
        "link": "failed",
    }
    assert [each.why for each in marks[1:3]] == [
        "It ended without an answer (exit code 0).",
        "It printed more than 64 KiB.",
    ]
    assert [each.name for each in marks] == [each.name for each in class_]
    assert marks[-1].why == "It is a link, which is not followed."
    assert seen == [(done, 10) for done in range(11)]


def test_the_arguments_may_be_called_otherwise(exam, layers):
    (marks,) = grade(exam, [Submission("ada", RIGHT)], Sandbox(SMALL, layers))
    assert marks.points == {"x": 1}


def test_a_gradient_must_be_right_for_all_inputs(exam, layers):
    typed = {"submission.py": b"import numpy as np\ndef backward(x): return np.arange(len(x)) * 2."}
    (marks,) = grade(exam, [Submission("ada", typed)], Sandbox(SMALL, layers))
    assert (marks.points, marks.status) == ({"x": 0}, "wrong")


@pytest.mark.parametrize(("name", "count"), [("sleeps", 3), ("closes_its_pipes", 1)])
def test_a_stop_ends_what_runs(name, count, exam, layers):
    sandbox = Sandbox(SMALL, layers)
    threading.Timer(0.5, sandbox.stop.set).start()
    with pytest.raises(Stopped):
        grade(exam, [Submission("slow", files_of(name))] * count, sandbox)
