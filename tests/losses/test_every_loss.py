"""Every loss against SciPy and closed forms: rows, reductions, gradients, extremes, float32."""

import math

import numpy as np
import pytest
from scipy import special, stats

import pullback as pb
from pullback.losses.losses import LOSSES

RANDOM = np.random.default_rng(7)
Z = RANDOM.normal(size=(6, 4)) * 3
Y = RANDOM.normal(size=(6, 4)) * 2
HARD = np.eye(4)[[0, 3, 1, 1, 2, 0]]
SOFT = RANDOM.dirichlet(np.ones(4), size=6)
SOFT[2] = [0.0, 0.5, 0.5, 0.0]
BITS = np.round(RANDOM.random((6, 4)), 1)
BITS[0] = [0.0, 1.0, 1.0, 0.0]
COUNTS = RANDOM.poisson(3, size=(6, 4)).astype(float)
WEIGHTS = RANDOM.random(6)

L = pb.losses


def p(z):
    return special.softmax(z, axis=1)


def cross_entropy(z, y):
    return -np.sum(y * special.log_softmax(z, axis=1), axis=1)


def binary(z, y):
    return -np.sum(y * special.log_expit(z) + (1 - y) * special.log_expit(-z), axis=1)


def smoothed(y):
    return 0.7 * y + 0.3 / 4


# name: loss, targets, rows, their gradient with respect to the outputs
CASES = {
    "cross-entropy": (L.CrossEntropy, HARD, cross_entropy, lambda z, y: p(z) - y),
    "soft cross-entropy": (L.CrossEntropy, SOFT, cross_entropy, lambda z, y: p(z) - y),
    "smoothed cross-entropy": (
        lambda reduction="mean": L.CrossEntropy(reduction, label_smoothing=0.3),
        HARD,
        lambda z, y: cross_entropy(z, smoothed(y)),
        lambda z, y: p(z) - smoothed(y),
    ),
    "relative entropy": (
        L.RelativeEntropy,
        SOFT,
        lambda z, y: np.sum(special.rel_entr(y, p(z)), axis=1),
        lambda z, y: p(z) - y,
    ),
    "binary cross-entropy": (
        L.BinaryCrossEntropy,
        BITS,
        binary,
        lambda z, y: special.expit(z) - y,
    ),
    "squared error": (
        L.SquaredError,
        Y,
        lambda z, y: np.sum(np.square(z - y), axis=1),
        lambda z, y: 2 * (z - y),
    ),
    "absolute error": (
        L.AbsoluteError,
        Y,
        lambda z, y: np.sum(np.abs(z - y), axis=1),
        lambda z, y: np.sign(z - y),
    ),
    "Huber": (
        lambda reduction="mean": L.Huber(reduction, delta=1.5),
        Y,
        lambda z, y: np.sum(special.huber(1.5, z - y), axis=1),
        lambda z, y: np.clip(z - y, -1.5, 1.5),
    ),
    "log-cosh": (
        L.LogCosh,
        Y,
        lambda z, y: np.sum(np.log(np.cosh(z - y)), axis=1),
        lambda z, y: np.tanh(z - y),
    ),
    "Poisson": (
        L.Poisson,
        COUNTS,
        lambda z, y: -np.sum(stats.poisson.logpmf(y, np.exp(z)) + special.gammaln(y + 1), axis=1),
        lambda z, y: np.exp(z) - y,
    ),
}
each = pytest.mark.parametrize("name", CASES)


def test_every_loss_is_here():
    assert {type(case[0]()) for case in CASES.values()} == set(LOSSES.values())


@each
def test_rows_and_their_reductions(name):
    """SciPy's formulas round differently: 1e-12 is a few thousand of its roundings."""
    make, y, rows, _ = CASES[name]
    expected = rows(Z, y)
    assert np.allclose(make().rows(Z, y), expected, rtol=1e-12, atol=1e-13)
    weighted = np.sum(WEIGHTS * expected)
    assert make()(Z, y) == pytest.approx(np.mean(expected), rel=1e-12)
    assert make("sum")(Z, y) == pytest.approx(np.sum(expected), rel=1e-12)
    assert make()(Z, y, WEIGHTS) == pytest.approx(weighted / np.sum(WEIGHTS), rel=1e-12)
    assert make("sum")(Z, y, WEIGHTS) == pytest.approx(weighted, rel=1e-12)


@each
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
def test_gradients(name, reduction, weights):
    make, y, _, gradient = CASES[name]
    loss = make(reduction)
    share = np.ones(6) if weights is None else weights
    share = share / (np.sum(share) if reduction == "mean" else 1)
    derived = pb.grad(lambda z: loss(z, y, weights))(Z)
    assert np.allclose(derived, share[:, None] * gradient(Z, y), rtol=1e-11, atol=1e-15)
    pb.check_gradients(lambda z: loss(z, y, weights), Z)


@each
def test_a_row_of_weight_zero_is_a_row_less(name):
    make, y, *_ = CASES[name]
    weights = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    kept = weights > 0
    assert make()(Z, y, weights) == pytest.approx(make()(Z[kept], y[kept]), rel=1e-14)


@each
def test_float32_stays_float32_and_close(name):
    """A row sums four terms, each with a few roundings of 6e-8 of numbers up to exp(9) = 8e3."""
    make, y, rows, gradient = CASES[name]
    z, y = Z.astype("f4"), y.astype("f4")
    wide = z.astype(float), y.astype(float)
    value, derived = make().rows(z, y), pb.grad(lambda z: make("sum")(z, y))(z)
    assert value.dtype == derived.dtype == np.float32
    assert np.allclose(value, rows(*wide), rtol=2e-6, atol=2e-6)
    assert np.allclose(derived, gradient(*wide), rtol=2e-6, atol=2e-6)


EXTREME = np.array(
    [[1e4, -1e4, 0.0, 1.0], [-1e4, 1e4, 1e4, 0.0], [1e4] * 4, [-1e4] * 4, [0.0] * 4, [-0.0] * 4]
)


@each
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_value_and_gradient_are_finite_and_right_at_extremes(name, dtype):
    """At 1e4, -1e4, 0 and -0.0; float32 rounds values of 1e4 by 5e-4 each."""
    make, y, rows, gradient = CASES[name]
    z = EXTREME.astype(dtype)
    if name == "Poisson":  # whose rate exp(z) is infinite there, as its docstring says
        z = np.minimum(z, np.asarray(80, dtype))
    y = y.astype(dtype)
    wide = z.astype(float), y.astype(float)
    value, derived = make().rows(z, y), pb.grad(lambda z: make("sum")(z, y))(z)
    assert np.all(np.isfinite(value))
    assert np.all(np.isfinite(derived))
    if name == "Poisson":  # SciPy's gammaln and logpmf are infinite
        expected = np.sum(np.exp(wide[0]) - wide[1] * wide[0], axis=1)
    elif name == "relative entropy":  # SciPy takes the logarithm of a probability that rounds to 0
        expected = cross_entropy(*wide) - np.sum(special.entr(wide[1]), axis=1)
    elif name == "log-cosh":  # and cosh(1e4) is infinite
        e = np.abs(wide[0] - wide[1])
        expected = np.sum(e + np.log1p(np.exp(-2 * e)) - math.log(2), axis=1)
    else:
        expected = rows(*wide)
    bound = 1e-12 if dtype == "f8" else 1e-6
    assert np.allclose(value, expected, rtol=bound, atol=bound)
    assert np.allclose(derived, gradient(*wide), rtol=bound, atol=bound)


def test_a_poisson_rate_overflows_to_infinity_where_the_docstring_says():
    for dtype, last in (("f8", 709.0), ("f4", 88.0)):
        for z, finite in ((last, True), (last + 1, False)):
            outputs = np.full((1, 1), z, dtype)
            with np.errstate(over="ignore"):
                value = L.Poisson()(outputs, np.ones((1, 1), dtype))
            assert np.isfinite(value) == finite


# ------------------------------------------------------------------------------ the label space


@pytest.mark.parametrize("targets", [HARD, SOFT, np.full((6, 4), 0.25)])
def test_cross_entropy_is_relative_entropy_plus_the_entropy_of_the_targets(targets):
    cross, relative = L.CrossEntropy().rows(Z, targets), L.RelativeEntropy().rows(Z, targets)
    assert np.allclose(cross, relative + L.entropy(targets), rtol=1e-14, atol=1e-15)
    assert np.allclose(L.entropy(targets), stats.entropy(targets, axis=1), rtol=1e-14, atol=1e-15)
    slopes = [pb.grad(loss)(Z, targets) for loss in (L.CrossEntropy(), L.RelativeEntropy())]
    assert np.array_equal(*slopes)


def test_entropy_at_the_corners_and_at_the_centre():
    corners = L.entropy(np.eye(3))
    assert corners.tolist() == [0, 0, 0]
    assert not np.any(np.signbit(corners))
    assert np.allclose(L.entropy(np.full(5, 0.2)), math.log(5), rtol=1e-15)
    assert L.entropy(SOFT.astype("f4")).dtype == np.float32
    pb.check_gradients(lambda z: L.entropy(pb.nn.softmax(z)), Z)


def test_relative_entropy_is_zero_where_answer_and_target_are_equal_and_above_elsewhere():
    assert np.all(np.abs(L.RelativeEntropy().rows(Z, p(Z))) < 1e-14)
    assert np.all(L.RelativeEntropy().rows(Z, SOFT) > 0)


@pytest.mark.parametrize("place", [0, 1])
def test_a_target_that_is_not_a_number_is_not_lost(place):
    y = SOFT[:1].copy()
    y[0, place] = np.nan
    for loss in (L.CrossEntropy(), L.RelativeEntropy()):
        assert np.isnan(loss(Z[:1], y))
    assert np.isnan(pb.compile(pb.trace(L.entropy, y="N 4"))(y))  # an array would be refused


def test_log_cosh_keeps_its_digits_near_zero():
    e = 10.0 ** np.arange(-150, -1)
    exact = e**2 / 2 - e**4 / 12 + e**6 / 45 - e**8 * 17 / 2520  # the rest is 1e-18 of it
    rows = L.LogCosh().rows(e[:, None], np.zeros((len(e), 1)))
    assert np.allclose(rows, exact, rtol=1e-14, atol=0)


# ---------------------------------------------------------------------- what the source shows


def backward(loss, targets, spec):
    """The body of the derived gradient without its margin, a line a string."""

    def f(logits, y):
        return loss(logits, targets(y))

    source = pb.grad(pb.trace(f, logits="N 4", y=spec)).to_numpy()
    body = source.split("def grad_f(")[1].splitlines()[2:]
    return [line.split("  #")[0].strip() for line in body]


def one_hot(labels):
    return pb.nn.one_hot(labels, 4)


def as_given(y):
    return y


COLLAPSED = {
    "one-hot": (one_hot, "i8 N", "softmax(logits, axis=1) - np.eye(4)[y]"),
    "softmax": (pb.nn.softmax, "N 4", "softmax(logits, axis=1) - softmax(y, axis=1)"),
    "declared": (
        pb.nn.distribution,
        "N 4",
        "softmax(logits, axis=1) - distribution(y, tolerance=1e-05)",
    ),
    "smoothed": (
        lambda y: pb.nn.smooth_labels(one_hot(y), 0.1),
        "i8 N",
        "softmax(logits, axis=1) - smooth_labels(np.eye(4)[y], 0.1)",
    ),
}


@pytest.mark.parametrize("kind", [L.CrossEntropy, L.RelativeEntropy])
@pytest.mark.parametrize("known", COLLAPSED)
def test_p_minus_y_where_the_rows_are_known_to_sum_to_one(kind, known):
    targets, spec, line = COLLAPSED[known]
    assert backward(kind("sum"), targets, spec) == [f"dlogits = {line}", "return dlogits"]


@pytest.mark.parametrize("loss", [L.CrossEntropy("sum"), L.RelativeEntropy("sum")])
def test_no_collapse_where_nothing_is_known_of_the_rows(loss):
    assert backward(loss, as_given, "N 4") == [
        "multiply = softmax(logits, axis=1) * np.sum(y, axis=1, keepdims=True)",
        "dlogits = multiply - y",
        "return dlogits",
    ]


def test_label_smoothing_of_the_loss_collapses_where_its_targets_would():
    loss = L.CrossEntropy("sum", label_smoothing=0.1)
    assert "dlogits = softmax(logits, axis=1) - smoothed" in backward(loss, one_hot, "i8 N")
    assert "dlogits = multiply - smoothed" in backward(loss, as_given, "N 4")


def test_sigmoid_minus_y_for_any_targets():
    lines = backward(L.BinaryCrossEntropy("sum"), as_given, "N 4")
    assert lines == ["dlogits = sigmoid(logits) - y", "return dlogits"]
