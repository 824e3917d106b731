"""Activations as functions: values, error bounds, slopes and curvature where spellings fail."""

import math

import numpy as np
import pytest
from scipy import special

import pullback as pb
from pullback.errors import UsageError

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772


def logistic(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def probability(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def tanh_gate(x):
    return logistic(math.sqrt(8 / math.pi) * (x + 0.044715 * x**3))


def tanh_gelu_slope(x):
    gate, rest = tanh_gate(x), tanh_gate(-x)
    return gate + x * gate * rest * math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * x * x)


def leaky(x):
    return pb.nn.leaky_relu(x, 0.1)


def gelu_tanh(x):
    return pb.nn.gelu(x, approximate="tanh")


# name: function, value, slope (the left one at a kink), values at -inf and inf
CASES = {
    "identity": (pb.nn.identity, lambda x: x, lambda x: 1, -np.inf, np.inf),
    "relu": (pb.nn.relu, lambda x: max(x, 0), lambda x: float(x > 0), 0, np.inf),
    "leaky_relu": (
        leaky,
        lambda x: x if x > 0 else 0.1 * x,
        lambda x: 1 if x > 0 else 0.1,
        -np.inf,
        np.inf,
    ),
    "elu": (
        lambda x: pb.nn.elu(x, 0.5),
        lambda x: x if x > 0 else 0.5 * math.expm1(x),
        lambda x: 1 if x > 0 else 0.5 * math.exp(x),
        -0.5,
        np.inf,
    ),
    "smooth elu": (
        pb.nn.elu,
        lambda x: x if x > 0 else math.expm1(x),
        lambda x: 1 if x > 0 else math.exp(x),
        -1,
        np.inf,
    ),
    "selu": (
        pb.nn.selu,
        lambda x: SCALE * (x if x > 0 else ALPHA * math.expm1(x)),
        lambda x: SCALE * (1 if x > 0 else ALPHA * math.exp(x)),
        -SCALE * ALPHA,
        np.inf,
    ),
    "gelu": (
        pb.nn.gelu,
        lambda x: x * probability(x),
        lambda x: probability(x) + x * density(x),
        0,
        np.inf,
    ),
    "gelu_tanh": (gelu_tanh, lambda x: x * tanh_gate(x), tanh_gelu_slope, 0, np.inf),
    "silu": (
        pb.nn.silu,
        lambda x: x * logistic(x),
        lambda x: logistic(x) * (1 + x * logistic(-x)),
        0,
        np.inf,
    ),
    "softplus": (
        pb.nn.softplus,
        lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))),
        logistic,
        0,
        np.inf,
    ),
    "sigmoid": (pb.nn.sigmoid, logistic, lambda x: logistic(x) * logistic(-x), 0, 1),
    "tanh": (pb.nn.tanh, math.tanh, lambda x: 1 / math.cosh(min(abs(x), 300)) ** 2, -1, 1),
    "erf": (
        pb.nn.erf,
        math.erf,
        lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x),
        -1,
        1,
    ),
}
POINTS = [0.0, -0.0, 1e4, -1e4, 1.0, -1.0, 0.3, -7.5, 40.0, -40.0, 1e-20, -1e-20]
BOUNDS = dict.fromkeys(("selu", "gelu", "silu", "gelu_tanh"), (6e-16, 3e-7))
BOUNDS |= {"erf": (5e-16, 5e-7), "identity": (0, 0), "relu": (0, 0)}
"""Largest errors in float64 and float32 as the docstrings state them; else those of sigmoid."""
SLOPE_BOUNDS = BOUNDS | {"silu": (8e-15, 2e-6), "gelu_tanh": (2e-14, 4e-6), "tanh": (6e-16, 4e-7)}
"""The same of slopes."""

each = pytest.mark.parametrize("name", CASES)
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def slope_at(function, x):
    return pb.grad(lambda x: np.sum(function(x)))(x)


@each
@pytest.mark.parametrize("point", POINTS)
def test_value_and_slope(name, point):
    function, value, slope, *_ = CASES[name]
    x = np.array([point])
    assert np.allclose(function(x), value(point), rtol=1e-14, atol=1e-30)
    assert np.allclose(slope_at(function, x), slope(point), rtol=1e-13, atol=1e-15)


@each
@each_dtype
def test_the_program_gives_the_same_value_and_slope_in_each_dtype(name, dtype):
    function, _, slope, *_ = CASES[name]
    x = np.array(POINTS, dtype)
    program = pb.trace(lambda x: np.sum(function(x)), x=f"{x.dtype.str[1:]} N")
    derived = pb.compile(pb.grad(program))(x)
    assert function(x).dtype == derived.dtype == dtype
    assert np.array_equal(derived, slope_at(function, x))
    expected = [slope(float(point)) for point in x]
    assert np.allclose(derived, expected, rtol=0, atol=1e-15 if dtype == np.float64 else 1e-6)


@each
@each_dtype
def test_values_at_the_infinities_and_nan(name, dtype):
    function, _, _, below, above = CASES[name]
    values = function(np.array([-np.inf, np.inf], dtype))
    assert np.allclose(values, [below, above], rtol=1e-7)
    with np.errstate(invalid="ignore"):  # np.logaddexp warns of a NaN that it gets
        assert np.isnan(function(np.array([np.nan], dtype)))


@each
def test_the_curvature_is_finite_and_that_of_differences(name):
    function = CASES[name][0]

    def slope(x):
        return pb.grad(lambda x: np.sum(function(x)))(x)

    assert np.all(np.isfinite(slope_at(slope, np.array(POINTS))))
    x, step = np.array([-2.2, -0.4, 0.7, 3.1]), 1e-5
    differences = (slope_at(function, x + step) - slope_at(function, x - step)) / (2 * step)
    assert np.allclose(slope_at(slope, x), differences, rtol=1e-6, atol=1e-8)


def many_points(dtype):
    """Both signs of numbers of every size up to 1e4, most of them where functions bend."""
    random = np.random.default_rng(0)
    grid = [np.linspace(-30, 30, 6001), random.normal(size=6000), 10 ** np.arange(-30, 4.01, 0.1)]
    return np.concatenate([*grid, -grid[-1]]).astype(dtype)


@each
@each_dtype
def test_the_stated_error_bounds_hold(name, dtype):
    function, value, *_ = CASES[name]
    x = many_points(dtype)
    exact = np.array([value(float(point)) for point in x])
    error = np.abs(function(x).astype(float) - exact) / np.maximum(1, np.abs(exact))
    assert np.max(error) <= BOUNDS.get(name, (3e-16, 2e-7))[dtype == np.float32]


@each
@each_dtype
def test_the_stated_error_bounds_of_the_slopes_hold(name, dtype):
    function, _, slope, *_ = CASES[name]
    x = many_points(dtype)
    exact = np.array([slope(float(point)) for point in x])
    error = np.abs(slope_at(function, x).astype(float) - exact)
    assert np.max(error) <= SLOPE_BOUNDS.get(name, (3e-16, 2e-7))[dtype == np.float32]


SWEPT = {
    "elu": (pb.nn.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    "selu": (
        pb.nn.selu,
        lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0))),
    ),
    "gelu": (pb.nn.gelu, lambda x: x * special.ndtr(x)),
    "gelu_tanh": (
        gelu_tanh,
        lambda x: x * special.expit(math.sqrt(8 / math.pi) * (x + 0.044715 * x**3)),
    ),
    "silu": (pb.nn.silu, lambda x: x * special.expit(x)),
    "softplus": (pb.nn.softplus, lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))),
    "sigmoid": (pb.nn.sigmoid, special.expit),
    "tanh": (pb.nn.tanh, np.tanh),
    "erf": (pb.nn.erf, special.erf),
}


@pytest.mark.parametrize("name", SWEPT)
def test_the_bounds_hold_over_float32_from_end_to_end(name):
    """Every 9973rd float32 of either sign up to 1e4, 240,000 of them, against float64."""
    function, exact = SWEPT[name]
    last = int(np.float32(1e4).view(np.uint32))
    half = np.arange(0, last + 1, 9973, dtype=np.uint32).view(np.float32)
    x = np.concatenate([half, -half])
    expected = exact(x.astype(float))
    error = np.abs(function(x).astype(float) - expected) / np.maximum(1, np.abs(expected))
    assert np.max(error) <= BOUNDS.get(name, (3e-16, 2e-7))[1]


@each_dtype
def test_the_relative_error_of_a_leaky_relu(dtype):
    x = many_points(dtype)
    expected = np.where(x > 0, 1, 0.1) * x.astype(float)
    bound = 2e-7 if dtype == np.float32 else 3e-16
    assert np.all(np.abs(leaky(x) - expected) <= bound * np.abs(expected))
    assert np.all(np.abs(slope_at(leaky, x) - np.where(x > 0, 1, 0.1)) <= bound)


def test_erf_keeps_its_digits_near_zero():
    x = np.concatenate([10.0 ** np.arange(-300, 2), np.linspace(1e-3, 6, 5000)])
    x = np.concatenate([x, -x])
    for dtype, bound in ((np.float64, 5e-16), (np.float32, 5e-7)):
        narrow = x[np.abs(x) > 1e-30].astype(dtype)
        exact = np.array([math.erf(float(point)) for point in narrow])
        assert np.max(np.abs(pb.nn.erf(narrow) / exact - 1)) <= bound


def test_gelu_keeps_its_digits_far_below_zero():
    x = np.linspace(-37, 0, 2000)[:-1]
    error = np.abs(pb.nn.gelu(x) / (x * special.ndtr(x)) - 1)
    assert np.all(error <= 1e-15 + 2.3e-16 * np.square(x))


def test_the_tanh_form_of_gelu_is_close_to_the_exact_one():
    x = np.linspace(-30, 30, 10_001)
    difference = np.max(np.abs(pb.nn.gelu(x) - gelu_tanh(x)))
    assert 4e-4 < difference < 5e-4


@pytest.mark.parametrize("approximate", ["Tanh", "erf", None])
def test_gelu_has_two_forms(approximate):
    with pytest.raises(UsageError, match=r"allowed are none, tanh\."):
        pb.nn.gelu(np.ones(2), approximate)


@pytest.mark.parametrize("name", [n for n in CASES if n != "erf"])
def test_the_gradient_check_agrees(name):
    function = CASES[name][0]
    pb.check_gradients(function, np.random.default_rng(0).normal(size=(4, 3)) * 3)
    pb.check_gradients(function, np.array([0.0, -0.0, 1.0]))


def test_the_conventions_at_kinks_are_told():
    def shown(function):
        return pb.grad(pb.trace(lambda x: np.sum(function(x)), x="N")).to_numpy()

    assert "Kink of leaky_relu: at 0 the slope of its left side." in shown(leaky)
    assert "Kink of elu: at 0 the slope of its left side, alpha." in shown(pb.nn.elu)
    assert "Kink" not in shown(pb.nn.gelu)


def test_the_check_counts_entries_on_a_kink_and_none_where_both_sides_agree():
    x = np.array([0.0, 1.0, -1.0])
    assert pb.check_gradients(leaky, x).kinks == {"leaky_relu": 1}
    assert pb.check_gradients(lambda x: pb.nn.elu(x, 0.5), x).kinks == {"elu": 1}
    assert pb.check_gradients(pb.nn.elu, x).kinks == {}


@pytest.mark.parametrize("shape", [(1,), (3,)])
def test_the_slope_of_prelu_learns(shape):
    x, slope = np.random.default_rng(0).normal(size=(5, 3)), np.full(shape, 0.25)
    pb.check_gradients(pb.nn.prelu, x, slope)
    derived = pb.grad(lambda x, slope: np.sum(pb.nn.prelu(x, slope)), wrt="slope")(x, slope)
    expected = np.minimum(x, 0).sum(axis=0)
    assert np.allclose(derived, expected if shape == (3,) else [expected.sum()], rtol=1e-14)


def test_alpha_may_be_learned_too():
    x, alpha = np.random.default_rng(0).normal(size=(5, 3)), np.array([0.5, 1.0, 2.0])
    pb.check_gradients(pb.nn.elu, x, alpha)
