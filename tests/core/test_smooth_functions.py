"""Smooth functions are right where their usual spellings go wrong: 0, -0.0, +-1e4, infinity.

Rule by rule, max(z, 0) - z y + log1p(exp(-|z|)) has a wrong slope at 0, and `where` around exp
gives NaN at 1e4. Expected values are worked out by hand or with Python's own integers and math.
"""

import math

import numpy as np
import pytest

import pullback as pb
from pullback.primitives import fused

POINTS = [0.0, -0.0, 1e4, -1e4, 1.0, -1.0, 40.0, -40.0, 1e-20]
E = math.exp(-1)


def gradient_at(function, *inputs):
    """Eager and as a program, which must agree to the bit; no warning may appear."""
    eager = pb.grad(function)(*inputs)
    specs = {f"a{i}": value for i, value in enumerate(inputs)}
    names = list(specs)
    program = pb.trace(lambda **kw: function(*(kw[name] for name in names)), **specs)
    compiled = pb.compile(pb.grad(program))(*inputs)
    assert np.allclose(eager, compiled, rtol=1e-14, atol=0)
    return eager


def sigmoid(x):
    """1 / (1 + e^-x) by Python, for any x."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


SCALAR_FUNCTIONS = {
    "sigmoid": (fused.sigmoid, sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "softplus": (
        lambda x: np.logaddexp(x, 0),
        lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))),
        sigmoid,
    ),
    "softplus on the left": (
        lambda x: np.logaddexp(0, x),
        lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))),
        sigmoid,
    ),
    "log-sigmoid": (
        lambda x: -np.logaddexp(-x, 0),
        lambda x: min(x, 0) - math.log1p(math.exp(-abs(x))),
        lambda x: sigmoid(-x),
    ),
    "logaddexp": (
        lambda x: np.logaddexp(x, 1e4),
        lambda x: 1e4 + math.log1p(math.exp(min(x - 1e4, 0))),
        lambda x: sigmoid(x - 1e4),
    ),
    "tanh": (np.tanh, math.tanh, lambda x: 1 - math.tanh(x) ** 2),
}


@pytest.mark.parametrize("name", SCALAR_FUNCTIONS)
@pytest.mark.parametrize("point", POINTS)
def test_value_and_gradient_of_a_function_of_one_number(name, point):
    function, value, slope = SCALAR_FUNCTIONS[name]
    for x in (np.float64(point), np.array([point, point])):
        out = function(x)
        assert np.allclose(out, value(point), rtol=1e-14, atol=1e-300)
        derived = gradient_at(lambda x: np.sum(function(x)), x)
        assert np.all(np.isfinite(derived))
        assert np.allclose(derived, slope(point), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("name", SCALAR_FUNCTIONS)
@pytest.mark.parametrize("point", POINTS)
def test_the_second_derivative_is_finite_too(name, point):
    function = SCALAR_FUNCTIONS[name][0]
    first = pb.grad(lambda x: np.sum(function(x)))
    second = pb.grad(lambda x: np.sum(first(x)))(np.array([point]))
    assert np.all(np.isfinite(second))
    if point == 1.0 and name in ("sigmoid", "softplus", "softplus on the left"):
        s = sigmoid(1.0)
        expected = s * (1 - s) * (1 - 2 * s) if name == "sigmoid" else s * (1 - s)
        assert np.allclose(second, expected, rtol=1e-12)


@pytest.mark.parametrize("name", SCALAR_FUNCTIONS)
def test_float32_is_as_stable(name):
    function, value, slope = SCALAR_FUNCTIONS[name]
    x = np.array([p for p in POINTS if abs(p) != 1e-20], "f4")
    derived = gradient_at(lambda x: np.sum(function(x)), x)
    assert function(x).dtype == derived.dtype == np.float32
    assert np.allclose(function(x), [value(float(p)) for p in x], rtol=1e-6, atol=1e-30)
    assert np.allclose(derived, [slope(float(p)) for p in x], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "at_minus", "at_plus"),
    [
        (fused.sigmoid, 0.0, 1.0),
        (lambda x: np.logaddexp(x, 0), 0.0, np.inf),
        (np.tanh, -1.0, 1.0),
    ],
)
def test_values_at_the_infinities(function, at_minus, at_plus):
    assert function(np.array([-np.inf, np.inf])).tolist() == [at_minus, at_plus]


@pytest.mark.parametrize("function", [fused.sigmoid, np.tanh])
def test_slopes_at_the_infinities_are_zero(function):
    assert gradient_at(lambda x: np.sum(function(x)), np.array([-np.inf, np.inf])).tolist() == [
        0,
        0,
    ]


def test_logaddexp_shares_evenly_where_both_are_equal():
    for point in (0.0, -0.0, 1e4, -1e4):
        x = np.array([point])
        shares = pb.grad(lambda x, y: np.sum(np.logaddexp(x, y)), wrt=[0, 1])(x, x.copy())
        assert [share.tolist() for share in shares] == [[0.5], [0.5]]


LOGITS = [
    (np.zeros((2, 3)), np.full((2, 3), 1 / 3)),
    (np.full((1, 2), -0.0), np.full((1, 2), 0.5)),
    (np.array([[1e4, 0.0, -1e4]]), np.array([[1.0, 0.0, 0.0]])),
    (np.array([[1e4, 1e4]]), np.array([[0.5, 0.5]])),
    (np.array([[-1e4, -1e4, -1e4]]), np.full((1, 3), 1 / 3)),
    (np.array([[1.0, 0.0]]), np.array([[1 / (1 + E), E / (1 + E)]])),
    (np.array([[-np.inf, 0.0]]), np.array([[0.0, 1.0]])),
]


@pytest.mark.parametrize(("z", "p"), LOGITS)
def test_softmax_and_its_vjp(z, p):
    assert np.allclose(fused.softmax(z, axis=1), p, rtol=1e-14, atol=0)
    ct = np.arange(1.0, 1 + z.size).reshape(z.shape)
    (dz,) = pb.vjp(lambda z: fused.softmax(z, axis=1), z)[1](ct)
    expected = p * (ct - np.sum(ct * p, axis=1, keepdims=True))
    assert np.allclose(dz, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("z", "p"), LOGITS)
def test_logsumexp_and_its_gradient(z, p):
    out = fused.logsumexp(z, axis=1, keepdims=False)
    expected = [max(row) + math.log(sum(math.exp(v - max(row)) for v in row)) for row in z]
    assert np.allclose(out, expected, rtol=1e-15)
    derived = gradient_at(lambda z: np.sum(fused.logsumexp(z, axis=1, keepdims=True)), z)
    assert np.allclose(derived, p, rtol=1e-14, atol=0)


@pytest.mark.parametrize(("z", "p"), LOGITS)
def test_log_softmax_is_exact_where_softmax_rounds_to_zero(z, p):
    out = fused.log_softmax(z, axis=1)
    shifted = z - z.max(axis=1, keepdims=True)
    logs = np.array([[math.log(sum(math.exp(v) for v in row))] for row in shifted])
    assert np.allclose(out, shifted - logs, rtol=1e-15, atol=1e-15)
    ct = np.arange(1.0, 1 + z.size).reshape(z.shape)
    (dz,) = pb.vjp(lambda z: fused.log_softmax(z, axis=1), z)[1](ct)
    assert np.allclose(dz, ct - p * ct.sum(axis=1, keepdims=True), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("scale", [0.0, -0.0, 1.0, 1e4, -1e4])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_cross_entropy_on_logits_has_the_gradient_p_minus_y(scale, label):
    z = scale * np.array([[1.0, 0.0, -0.5]])
    labels = np.array([label])

    def loss(z, labels):
        y = fused.one_hot(labels, classes=3, dtype=np.dtype("f8"))
        return -np.sum(y * fused.log_softmax(z, axis=1))

    row = z[0] - max(z[0])
    expected = math.log(sum(math.exp(v) for v in row)) - row[label]
    assert np.isclose(loss(z, labels), expected, rtol=1e-14, atol=0)
    p = np.array([[math.exp(v) / sum(map(math.exp, row)) for v in row]])
    assert np.allclose(gradient_at(loss, z, labels), p - np.eye(3)[labels], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("z", POINTS)
@pytest.mark.parametrize("y", [0.0, 1.0, 0.3])
def test_binary_cross_entropy_on_logits_has_the_gradient_p_minus_y(z, y):
    """At z = 0 and y = 1 it is -1/2; relu in its textbook spelling gives -1 elsewhere."""

    def loss(z, y):
        return np.sum(np.logaddexp(z, 0) - z * y)

    derived = gradient_at(loss, np.array([z]), np.array([y]))
    assert np.allclose(derived, sigmoid(z) - y, rtol=1e-12, atol=1e-16)
    expected = max(z, 0) + math.log1p(math.exp(-abs(z))) - z * y
    assert np.isclose(loss(np.array([z]), np.array([y])), expected, rtol=1e-14, atol=0)


def test_zero_logits_are_where_a_classifier_starts():
    def loss(W, X, Y):
        return -np.mean(np.sum(Y * fused.log_softmax(X @ W, axis=1), axis=1))

    X, Y = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.eye(3)[[0, 2]]
    W = np.zeros((2, 3))
    value, derived = pb.value_and_grad(loss)(W, X, Y)
    assert np.isclose(value, math.log(3), rtol=1e-15)
    assert np.allclose(derived, X.T @ (np.full((2, 3), 1 / 3) - Y) / 2, rtol=1e-14)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axes_of_any_place(axis):
    z = np.random.default_rng(1).normal(size=(2, 3, 4)) * 50
    moved = np.moveaxis(z, axis, -1)
    for function in (fused.softmax, fused.log_softmax):
        along = np.moveaxis(function(z, axis=axis), axis, -1)
        assert np.array_equal(along, function(moved, axis=2))
    assert np.allclose(fused.softmax(z, axis=axis).sum(axis=axis), 1, rtol=1e-14)
