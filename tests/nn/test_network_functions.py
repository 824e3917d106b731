"""What NumPy lacks: values, stability, gradients, dtypes, errors."""

import math

import numpy as np
import pytest
from scipy import special

import pullback as pb
from pullback.errors import ShapeError, UsageError

Z = np.array([[1.0, -2.0, 0.5], [0.0, -0.0, 30.0], [1e4, -1e4, 0.0]])

AGAINST_SCIPY = [
    (pb.nn.sigmoid, special.expit),
    (pb.nn.softplus, lambda x: np.logaddexp(x, 0)),
    (pb.nn.softmax, lambda z: special.softmax(z, axis=-1)),
    (pb.nn.log_softmax, lambda z: special.log_softmax(z, axis=-1)),
    (pb.nn.logsumexp, lambda z: special.logsumexp(z, axis=-1)),
    (pb.nn.relu, lambda x: np.where(x > 0, x, 0)),
]


@pytest.mark.parametrize(("ours", "theirs"), AGAINST_SCIPY, ids=lambda f: f.__name__)
def test_values_without_overflow(ours, theirs):
    assert np.allclose(ours(Z), theirs(Z), rtol=1e-14, atol=0)
    assert ours(Z.astype("f4")).dtype == np.float32


@pytest.mark.parametrize("function", [pair[0] for pair in AGAINST_SCIPY], ids=lambda f: f.__name__)
def test_gradients(function):
    pb.check_gradients(function, Z)
    pb.check_gradients(function, np.zeros((2, 3)))


@pytest.mark.parametrize("function", [pb.nn.softmax, pb.nn.log_softmax, pb.nn.logsumexp])
@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_axes(function, axis):
    turned = axis in (0, -2)
    expected = function(Z.T if turned else Z)
    if turned and expected.ndim == 2:
        expected = expected.T
    assert np.allclose(function(Z, axis=axis), expected, rtol=1e-15)
    program = pb.trace(lambda z: function(z, axis=axis), z="N C")
    assert np.array_equal(pb.compile(program)(Z), function(Z, axis=axis))


@pytest.mark.parametrize("function", [pb.nn.softmax, pb.nn.log_softmax, pb.nn.logsumexp])
@pytest.mark.parametrize("axis", [2, -3])
def test_axes_that_do_not_exist(function, axis):
    with pytest.raises(ShapeError):
        pb.trace(lambda z: function(z, axis=axis), z="N C")


def test_logsumexp_may_keep_its_axis():
    assert pb.nn.logsumexp(Z, axis=1, keepdims=True).shape == (3, 1)


def test_probabilities_sum_to_one_and_saturate():
    p = pb.nn.softmax(Z)
    assert np.allclose(p.sum(axis=1), 1, rtol=1e-15)
    assert p[2].tolist() == [1, 0, 0]
    assert pb.nn.sigmoid(np.array([-1e4, 1e4])).tolist() == [0, 1]


@pytest.mark.parametrize("x", [0.0, -0.0, 1e4, -1e4])
def test_slopes_of_the_smooth_functions_where_others_fail(x):
    sigmoid = 0.5 if x == 0 else float(x > 0)
    assert pb.grad(pb.nn.softplus)(x) == sigmoid
    assert pb.grad(pb.nn.sigmoid)(x) == sigmoid * (1 - sigmoid)
    assert pb.grad(lambda x: np.logaddexp(x, 0) - x)(x) == sigmoid - 1


def test_relu_has_slope_zero_at_zero():
    assert pb.grad(lambda x: np.sum(pb.nn.relu(x)))(np.array([0.0, -0.0, 1, -1])).tolist() == [
        0,
        0,
        1,
        0,
    ]


def test_one_hot():
    assert pb.nn.one_hot(np.array([1, 0, 2]), 3).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert pb.nn.one_hot(np.array([[1], [0]]), 2).shape == (2, 1, 2)
    assert pb.nn.one_hot(np.array([1, 0]), 2).dtype == np.float64
    assert pb.nn.one_hot(np.array([1, 0]), 2, np.float32).dtype == np.float32
    assert pb.nn.one_hot(np.array([], int), 2).shape == (0, 2)


@pytest.mark.parametrize(("labels", "wrong"), [([0, 3], 3), ([-1, 0], -1), ([5, -2], -2)])
def test_one_hot_refuses_labels_outside_the_classes(labels, wrong):
    with pytest.raises(UsageError) as caught:
        pb.nn.one_hot(np.array(labels), 3)
    assert str(caught.value) == f"The label {wrong} is not one of the classes 0 to 2."


def test_one_hot_takes_a_list_and_one_label():
    assert pb.nn.one_hot([1, 0], 2).tolist() == [[0, 1], [1, 0]]
    assert pb.nn.one_hot(1, 3).tolist() == [0, 1, 0]
    for labels in ([1, 2], 2, -1):
        with pytest.raises(UsageError, match="is not one of the classes 0 to 1"):
            pb.nn.one_hot(labels, 2)


def test_one_hot_refuses_labels_that_are_no_integers():
    for labels in (np.array([0.5, 1.0]), np.array(["a"])):
        with pytest.raises(UsageError):
            pb.nn.one_hot(labels, 2)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_softmax_at_the_infinities_is_its_limit(dtype):
    rows = [[np.inf, 0.0], [-np.inf, 0.0], [np.inf, np.inf], [np.inf, -np.inf]]
    z = np.array(rows, dtype)
    assert pb.nn.softmax(z).tolist() == [[1, 0], [0, 1], [0.5, 0.5], [1, 0]]
    assert pb.nn.softmax(z).dtype == z.dtype
    program = pb.trace(pb.nn.softmax, z=f"{dtype} N 2")
    assert np.array_equal(pb.compile(program)(z), pb.nn.softmax(z))
    (dz,) = pb.vjp(pb.nn.softmax, z)[1](np.array([[3.0, -1.0]] * 4, dtype))
    assert dz.tolist() == [[0, 0], [0, 0], [1, -1], [0, 0]]
    assert np.all(np.isnan(pb.nn.softmax(np.array([[np.nan, 1.0]], dtype))))
    largest = np.finfo(dtype).max
    assert pb.nn.softmax(np.array([largest, largest / 2], dtype)).tolist() == [1, 0]


def test_log_softmax_and_logsumexp_at_minus_infinity():
    z = np.array([[-np.inf, 0.0]])
    assert pb.nn.log_softmax(z).tolist() == [[-np.inf, 0]]
    assert pb.nn.logsumexp(z).tolist() == [0]


@pytest.mark.parametrize(("dtype", "wide", "bound"), [("f4", "f8", 5e-7), ("f8", "g", 1e-15)])
@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("scale", [1.0, 10.0, 1e3])
def test_the_stated_error_bounds_hold(dtype, wide, bound, classes, scale):
    """Against the formula in a wider type, where the machine has one."""
    z = (np.random.default_rng(0).normal(size=(20_000 // classes, classes)) * scale).astype(dtype)
    exact = z.astype(wide) - np.max(z, axis=1, keepdims=True)
    total = np.sum(np.exp(exact), axis=1, keepdims=True)
    logs = exact - np.log(total)
    assert np.max(np.abs(pb.nn.softmax(z) - np.exp(exact) / total)) <= bound
    assert np.max(np.abs(pb.nn.log_softmax(z) - logs) / np.maximum(1, np.abs(logs))) <= bound


def test_softplus_at_zero_is_log_two():
    assert pb.nn.softplus(0.0) == math.log(2)
