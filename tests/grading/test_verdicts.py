"""How gradients are compared: kinks, precision, shapes, and numbers that are not finite."""

import functools
import re
import sys

import numpy as np
import pytest

import pullback as pb
from pullback.errors import TraceError, UsageError
from pullback.grading.verdict import is_imprecise


def relu_loss(x, W):
    return np.sum(np.maximum(x @ W, 0) ** 1 * np.array([1.0, 2.0]))


def on_the_kink():
    x = np.array([[1.0, -1.0], [2.0, 1.0], [0.0, 0.0]])
    return x, np.ones((2, 2))


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_any_slope_between_the_two_is_right_on_a_kink_and_remarked_on(slope):
    def backward(x, W):
        h = x @ W
        d = np.array([1.0, 2.0]) * np.where(h == 0, slope, h > 0)
        return d @ W.T, x.T @ d

    found = pb.check_backward(relu_loss, backward, *on_the_kink())
    assert found.right, str(found)
    assert bool(found.remarks) == (slope != 0.0)
    if slope:
        assert "exactly on the kink of maximum(h" in found.remarks[0] or "kink" in found.remarks[0]


@pytest.mark.parametrize("slope", [-0.5, 1.5])
def test_a_slope_outside_the_two_is_wrong(slope):
    def backward(x, W):
        h = x @ W
        d = np.array([1.0, 2.0]) * np.where(h == 0, slope, h > 0)
        return d @ W.T, x.T @ d

    assert not pb.check_backward(relu_loss, backward, *on_the_kink())


def test_a_condition_may_be_decided_otherwise_where_both_sides_tie():
    def forward(x):
        h = x * 1.0
        h[h < 0] = 0
        return np.sum(h)

    point = np.array([-1.0, 0.0, 2.0])
    assert pb.check_backward(forward, lambda x: 1.0 * (x >= 0), point)
    found = pb.check_backward(forward, lambda x: 1.0 * (x > 0), point)
    assert found.right
    assert found.remarks


def test_a_condition_that_decides_a_jump_is_no_kink():
    def forward(x):
        return np.sum(np.where(x >= 1.0, 5.0 * x, x))

    x = np.array([1.0, 2.0, -1.0])
    assert pb.check_backward(forward, lambda x: np.where(x >= 1, 5.0, 1.0), x)
    assert not pb.check_backward(forward, lambda x: np.where(x > 1, 5.0, 1.0), x)


def test_a_wrong_mask_is_wrong_although_some_entries_lie_on_the_kink():
    def backward(x, W):
        h = x @ W
        d = np.array([1.0, 2.0]) * (h <= 0)
        return d @ W.T, x.T @ d

    assert not pb.check_backward(relu_loss, backward, *on_the_kink())


def test_a_gradient_that_is_zero_but_for_rounding():
    def forward(x, b):
        z = x + b
        return np.sum(((z - z.mean(axis=0)) * x) ** 2)

    x, b = np.random.default_rng(0).normal(size=(50, 3)) * 1e3, np.ones(3)
    assert pb.check_backward(forward, lambda x, b: 0 * b, x, b, wrt="b")
    noise = pb.check_backward(forward, lambda x, b: b * 1e-3, x, b, wrt="b")
    assert noise.right  # far below the rounding of the terms that cancel
    assert not pb.check_backward(forward, lambda x, b: b * 1e9, x, b, wrt="b")


@pytest.mark.parametrize("error", [1e-4, 1e-5 * 5])
def test_a_small_relative_error_is_wrong(error):
    found = pb.check_backward(
        lambda x: np.sum(x**2), lambda x: 2 * x * (1 + error), np.arange(1.0, 9.0)
    )
    assert not found


def test_float32_work_is_right_and_an_error_of_its_size_in_float64_is_remarked_on():
    x = np.linspace(1.0, 2.0, 201) + 0.1

    def forward(x):
        return np.sum(np.exp(8 * x))

    single = pb.check_backward(forward, lambda x: 8 * np.exp(8 * x.astype(np.float32)), x)
    assert single.right
    assert single.gradients[0].error > 1e-7
    assert single.remarks == ()
    rounded = pb.check_backward(forward, lambda x: 8 * np.exp(8 * x) * (1 + 1e-5), x)
    assert rounded.right
    assert "float32's precision" in rounded.remarks[0]


def test_an_array_of_float32_need_not_be_more_precise_than_that():
    derived = np.array([1.0, 2.0])
    rounded = derived * (1 + 1e-6)
    assert is_imprecise(rounded, derived, scale=2.0)
    assert not is_imprecise(rounded.astype(np.float32), derived, scale=2.0)


@pytest.mark.parametrize(
    ("returned", "how"),
    [
        (
            lambda g: g[:, None],
            r"its shape is \(4, 1\), that of x is \(4,\); its entries are right",
        ),
        (lambda g: g[None], r"its shape is \(1, 4\)"),
        (lambda g: np.stack([g, g * 0]), r"it is not yet summed over axis 0"),
        (lambda g: np.append(g[:3], np.nan), r"1 of 4 entries are not finite"),
        (lambda g: g * np.inf, "not finite"),
        (lambda g: -g, "its sign is wrong"),
        (lambda g: g / 4, "it is 1/4 times the right one"),
        (lambda g: g * 0, "it is zero|4 of 4"),
        (lambda g: g + np.eye(4)[2], r"1 of 4 entries differ: 7 in place of 6 at entry \[2\]"),
        (lambda g: g.sum(), r"its shape is \(\)"),
    ],
)
def test_how_a_gradient_is_wrong_is_told(returned, how):
    found = pb.check_backward(
        lambda x: np.sum(x**2), lambda x: returned(2 * x), np.array([1.0, 2.0, 3.0, -1.0]), wrt="x"
    )
    assert not found.right
    assert re.search(how, found.gradients[0].how), found.gradients[0].how


def test_a_transposed_gradient_is_told():
    W = np.arange(6.0).reshape(2, 3)
    found = pb.check_backward(lambda W: np.sum(W**2), lambda W: 2 * W.T, W, wrt="W")
    assert "it is transposed" in found.gradients[0].how


def test_a_single_number_is_told_as_it_is():
    found = pb.check_backward(lambda x: x**3, lambda x: 3 * x, 2.0)
    assert found.gradients[0].how == "it is 6 in place of 12"


def test_a_backward_that_exits_has_not_passed():
    with pytest.raises(UsageError, match=r"sys\.exit"):
        pb.check_backward(lambda x: np.sum(x), lambda x: sys.exit(0), np.arange(3.0))
    found = pb.check_backward(lambda x: np.sum(x), lambda x: sys.exit(0), np.arange(3.0), hint=True)
    assert not found.right
    assert "it stops with SystemExit" in found.hint


def test_the_line_is_found_through_decorators_methods_and_generators():
    class Net:
        def backward(self, x):
            self.slope = 3 * x**2
            self.slope = self.slope * (x < 0)
            return self.slope

    def generated(x):
        def parts():
            slope = 3 * x**2
            dx = slope * (x < 0)
            yield dx

        (dx,) = parts()
        return dx

    @functools.wraps(generated)
    def wrapped(x):
        return generated(x)

    for backward, name in ((Net().backward, "self.slope"), (generated, "dx"), (wrapped, "dx")):
        found = pb.check_backward(lambda x: np.sum(x**3), backward, np.array([1.0, 2.0, -1.0]))
        assert not found.right
        assert found.first_wrong.name == name, str(found)
        assert "(x < 0)" in found.first_wrong.text


def test_whole_numbers_are_gradients_too():
    assert pb.check_backward(lambda x: np.sum(x), lambda x: np.ones(3, int), np.arange(3.0))


def test_the_backward_gets_copies():
    x = np.arange(3.0)

    def backward(x):
        x *= 2
        return x

    assert pb.check_backward(lambda x: np.sum(x**2), backward, x)
    assert x.tolist() == [0, 1, 2]


def test_an_error_of_the_backward_is_the_callers_and_leaves_no_tracer():
    before = sys.gettrace()

    def stops(x):
        if sys.gettrace() is not before:
            raise RuntimeError("seen")
        return x * 3.14

    with pytest.raises(RuntimeError, match="seen"):
        pb.check_backward(lambda x: np.sum(x**2), stops, np.arange(1.0, 4.0) ** 2)
    assert sys.gettrace() is before


def test_a_tracer_that_was_there_is_there_again():
    def tracer(frame, event, arg):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        pb.check_backward(lambda x: np.sum(x**2), lambda x: x * x, np.arange(4.0))
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


def test_a_backward_without_source_gets_a_verdict():
    backward = eval("lambda x: x", {})
    found = pb.check_backward(lambda x: np.sum(x**2), backward, np.arange(4.0))
    assert not found.right
    assert "no line can be shown wrong: its source is not at hand" in str(found)


class Doubling:
    def __call__(self, x):
        dx = x * 1.0
        return dx


@pytest.mark.parametrize("backward", [Doubling(), functools.partial(Doubling.__call__, None)])
def test_the_line_is_found_in_objects_and_partials(backward):
    found = pb.check_backward(lambda x: np.sum(x**2), backward, np.arange(4.0))
    assert found.first_wrong is not None, str(found)
    assert found.first_wrong.name == "dx"


def test_a_backward_that_stores_too_much_gets_a_verdict():
    def backward(x):
        total = x * 0
        for _ in range(6000):
            total = total + 1e-4
        return total

    found = pb.check_backward(lambda x: np.sum(x**2), backward, np.arange(4.0))
    assert not found.right
    assert "no line can be shown wrong: it stores more than 5000 values" in str(found)


@pytest.mark.parametrize(
    ("forward", "error"),
    [
        (lambda x: x, UsageError),
        (lambda x: np.sum(x) * np.inf, UsageError),
        (lambda x: np.linalg.svd(x.reshape(2, 2))[1].sum(), TraceError),
    ],
)
def test_a_forward_without_a_gradient_is_refused(forward, error):
    with pytest.raises(error):
        pb.check_backward(forward, lambda x: x, np.arange(4.0))


def test_a_program_is_refused_as_forward():
    program = pb.trace(lambda x: np.sum(x), x="N")
    with pytest.raises(UsageError, match="pass the forward pass as the function"):
        pb.check_backward(program, lambda x: x, np.arange(4.0))


def test_the_backward_must_be_a_function():
    with pytest.raises(UsageError, match="must be a function"):
        pb.check_backward(lambda x: np.sum(x), np.ones(3), np.arange(3.0))


def product_loss(x, W):
    return np.sum(x @ W)


@pytest.mark.parametrize("hint", [False, True])
def test_the_backward_takes_the_arguments_of_the_forward(hint):
    sentence = r"arguments of .*, \(x, W\); it takes \(x\): too many positional arguments\."
    with pytest.raises(UsageError, match=sentence):
        pb.check_backward(product_loss, lambda x: x, np.ones((2, 2)), np.ones((2, 2)), hint=hint)


def test_beside_an_infinite_gradient_nothing_is_graded():
    def root(x, W):
        return np.sum(np.sqrt(x)) + np.sum(W * W)

    x, W = np.array([0.0, 1, 2]), np.ones(2)
    with pytest.raises(pb.PullbackError, match="gradient of x is not finite here"):
        pb.check_backward(root, lambda x, W: {"x": np.array([5.0, 6, 7]), "W": 2 * W}, x, W)
    assert pb.check_backward(root, lambda x, W: 2 * W, x, W, wrt="W")


def test_a_gradient_near_the_largest_float_is_wrong_and_no_error():
    check = pb.check_backward(
        lambda x: np.sum(x * 1e-3), lambda x: np.full((2, 2), 1e308), np.ones((2, 2))
    )
    assert not check
    assert "differ" in check.gradients[0].how


def test_beside_a_hint_the_table_does_not_tell_how_a_gradient_is_wrong():
    def square(x):
        return np.sum(x**2)

    def half(x):
        dx = x
        return dx

    x = np.array([1.0, 2.0])
    assert "1/2 times" in str(pb.check_backward(square, half, x))
    told = str(pb.check_backward(square, half, x, hint=True))
    assert "WRONG" in told
    assert "1/2" not in told
