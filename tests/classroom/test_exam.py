"""Points for what came back."""

import numpy as np
import pytest

from pullback.classroom import Answer, exam_of, input_sets
from pullback.errors import UsageError


def forward(x, y, W1, W2):
    return np.sum((np.maximum(x @ W1, 0) @ W2 - y) ** 2)


def example_inputs():
    random = np.random.default_rng(0)
    shapes = {"x": (5, 4), "y": (5, 2), "W1": (4, 3), "W2": (3, 2)}
    return {name: random.normal(size=shape) for name, shape in shapes.items()}


def gradients(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    dp = 2 * (r @ W2 - y)
    dh = dp @ W2.T * (h > 0)
    return {"dx": dh @ W1.T, "dy": -dp, "dW1": x.T @ dh, "dW2": r.T @ dp}


@pytest.fixture(scope="module")
def exam():
    return exam_of(forward, input_sets(example_inputs, 3, seed=0), ["W1", "W2"])


def answer(exam, change):
    return Answer(tuple(change(gradients(*args)) for args, _ in exam.sets))


@pytest.mark.parametrize(
    "form",
    [
        lambda g: g,
        lambda g: {"dW1": g["dW1"], "dW2": g["dW2"]},
        lambda g: (g["dW1"], g["dW2"]),
        lambda g: list(g.values()),
        lambda g: {"grad_W2": g["dW2"].astype("f4"), "W1": g["dW1"].tolist() and g["dW1"]},
    ],
)
def test_the_forms_of_check_backward_are_understood(exam, form):
    marks = exam.marks("ada", answer(exam, form))
    assert (marks.points, marks.total) == ({"W1": 1, "W2": 1}, 2)
    assert (marks.status, marks.why) == ("right", "")


def test_each_gradient_has_its_own_point(exam):
    marks = exam.marks("ada", answer(exam, lambda g: {**g, "dW1": g["dW1"] / 2}))
    assert marks.points == {"W1": 0, "W2": 1}
    assert marks.status == "wrong"
    assert marks.why == "Gradient of W1: it is 1/2 times the right one."


def test_gradients_that_are_wrong_in_one_way_are_named_together(exam):
    marks = exam.marks("ada", answer(exam, lambda g: {name: 2 * each for name, each in g.items()}))
    assert marks.why == "Gradient of W1, W2: it is 2 times the right one."


def test_a_gradient_that_was_not_returned_is_worth_nothing(exam):
    marks = exam.marks("ada", answer(exam, lambda g: {"dW2": g["dW2"]}))
    assert marks.points == {"W1": 0, "W2": 1}
    assert marks.why == "Gradient of W1: it was not returned."


def test_without_wrt_every_floating_input_counts():
    exam = exam_of(forward, input_sets(example_inputs, 2, seed=0))
    marks = exam.marks("ada", answer(exam, lambda g: {"dW1": g["dW1"]}))
    assert marks.points == {"x": 0, "y": 0, "W1": 1, "W2": 0}
    assert marks.status == "wrong"


def test_an_answer_typed_in_for_the_example_is_wrong(exam):
    typed = gradients(**example_inputs())
    marks = exam.marks("ada", Answer((typed,) * 3))
    assert marks.points == {"W1": 0, "W2": 0}
    assert "(for other inputs than the example)" in marks.why


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        (None, "The backward returned nothing"),
        ((None, None), "The backward returned nothing"),
        ((), "The backward returned nothing"),
        (("text", 1.0), "dtype <U4"),
        ({"dV": np.ones(2)}, "names an input"),
        ((1.0,) * 9, "wrt names W1, W2"),
        ({"\x1b[2J" * 200: 1.0}, "No key of what"),
    ],
)
def test_what_is_no_gradient_fails_in_one_printable_sentence(exam, returned, why):
    marks = exam.marks("ada", Answer((returned,) * 3))
    assert (marks.status, marks.total) == ("failed", 0)
    assert why in marks.why
    assert marks.why.isprintable()
    assert len(marks.why) < 500


def test_a_failure_is_told_as_a_sentence(exam):
    marks = exam.marks("ada", Answer(failed="it called\nsys.exit"))
    assert (marks.why, marks.points) == ("It called sys.exit.", {"W1": 0, "W2": 0})


def test_an_answer_that_breaks_the_comparison_is_that_submissions_failure(exam, monkeypatch):
    def breaks(*args):
        raise OverflowError("cannot convert float infinity to integer")

    monkeypatch.setattr("pullback.classroom.exam.graded", breaks)
    marks = exam.marks("ada", answer(exam, lambda g: g))
    assert (marks.status, marks.total) == ("failed", 0)
    assert marks.why.startswith("Its answer cannot be compared: cannot convert float infinity")


def test_huge_values_are_wrong_or_fail(exam):
    huge = {"dW1": np.full((4, 3), 1e308), "dW2": np.full((3, 2), -1.7e308)}
    assert exam.marks("ada", answer(exam, lambda g: huge)).total == 0


def test_a_wrong_name_is_refused_before_anything_runs():
    sets = [example_inputs()]
    with pytest.raises(UsageError, match="'W3' is not a floating argument"):
        exam_of(forward, sets, ["W3"])
    with pytest.raises(UsageError, match="a value of type object"):
        exam_of(forward, [{**sets[0], "x": object()}])


def test_a_gradient_that_is_not_finite_is_refused():
    """Beside an infinite one every answer would be right."""

    def rooted(x, w):
        return np.sum(np.sqrt(x) * w)

    one, two = {"x": np.ones(2), "w": np.ones(2)}, {"x": np.arange(2.0), "w": np.ones(2)}
    with pytest.raises(UsageError, match="The gradient of x is not finite for set 2 of the inp"):
        exam_of(rooted, [one, two])
    assert exam_of(rooted, [two], ["w"]).gradients == ("w",)


def test_many_arrays_of_one_shape_take_no_time():
    source = "def forward({0}):\n    return sum(np.sum(b * b) for b in ({0}))"
    names = [f"b{number}" for number in range(40)]
    space = {"np": np}
    exec(source.format(", ".join(names)), space)
    exam = exam_of(space["forward"], [dict.fromkeys(names, np.ones(3))])
    marks = exam.marks("ada", Answer(((np.ones(3),) * 20,)))
    assert marks.why.startswith("The backward returned 20 arrays of shape (3,), (3,)")
