"""BatchNorm and LayerNorm against formulas evaluated independently, in exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError

nn = pb.nn
X = np.random.default_rng(1).normal(size=(6, 4)) * [1, 2, 3, 4] + [0, 5, -5, 50]


def started(layer, columns=4):
    random = np.random.default_rng(0)
    params, state = layer.init(random, (columns,))
    params = {name: value + random.normal(size=value.shape) for name, value in params.items()}
    return params, state


def standardized(column, epsilon):
    """The entries of one column (or row), its mean and its sum of squared deviations."""
    exact = [Fraction(float(entry)) for entry in column]
    mean = sum(exact) / len(exact)
    squares = sum((entry - mean) ** 2 for entry in exact)
    deviation = math.sqrt(squares / len(exact) + Fraction(epsilon))
    return [float(entry - mean) / deviation for entry in exact], float(mean), float(squares)


def test_batch_norm_in_training():
    layer = nn.BatchNorm(momentum=0.25, epsilon=1e-3)
    params, state = started(layer)
    state = {"mean": np.array([1.0, 2, 3, 4]), "variance": np.array([1.0, 4, 9, 16])}
    before = {name: value.copy() for name, value in state.items()}
    y, new = layer.apply(params, state, X, training=True)
    for k in range(4):
        column, mean, squares = standardized(X[:, k], 1e-3)
        expected = params["gamma"][k] * np.array(column) + params["beta"][k]
        assert np.allclose(y[:, k], expected, rtol=1e-12, atol=1e-12)
        assert math.isclose(new["mean"][k], 0.75 * state["mean"][k] + 0.25 * mean, rel_tol=1e-14)
        unbiased = squares / 5
        running = 0.75 * state["variance"][k] + 0.25 * unbiased
        assert math.isclose(new["variance"][k], running, rel_tol=1e-13)
    assert all(np.array_equal(state[name], before[name]) for name in state)


def test_batch_norm_in_prediction_takes_the_running_statistics():
    layer = nn.BatchNorm(epsilon=1e-3)
    params, _ = started(layer)
    state = {"mean": np.array([1.0, 2, 3, 4]), "variance": np.array([1.0, 4, 9, 16])}
    expected = (X - state["mean"]) / np.sqrt(state["variance"] + 1e-3)
    expected = params["gamma"] * expected + params["beta"]
    for rows in (6, 1):
        y, new = layer.apply(params, state, X[:rows], training=False)
        assert np.allclose(y, expected[:rows], rtol=1e-14)
        assert new == state


def test_the_running_statistics_come_to_those_of_the_data():
    layer = nn.BatchNorm()
    params, state = layer.init(np.random.default_rng(0), (4,))
    assert state["mean"].tolist() == [0] * 4
    assert state["variance"].tolist() == [1] * 4
    for _ in range(400):
        _, state = layer.apply(params, state, X, training=True)
    assert np.allclose(state["mean"], X.mean(axis=0), rtol=1e-12)
    assert np.allclose(state["variance"], X.var(axis=0, ddof=1), rtol=1e-12)


def test_layer_norm():
    layer = nn.LayerNorm(epsilon=1e-3)
    params, state = started(layer)
    y, new = layer.apply(params, state, X, training=True)
    for row, got in zip(X, y, strict=True):
        expected = params["gamma"] * np.array(standardized(row, 1e-3)[0]) + params["beta"]
        assert np.allclose(got, expected, rtol=1e-12, atol=1e-12)
    assert new == {}
    assert np.array_equal(y, layer.apply(params, state, X, training=False)[0])
    assert np.allclose(layer.apply(params, state, X[2:3], training=True)[0], y[2:3], rtol=1e-14)


@pytest.mark.parametrize("layer", [nn.BatchNorm(), nn.LayerNorm()], ids=str)
@pytest.mark.parametrize("training", [False, True])
def test_gradients(layer, training):
    params, state = started(layer)
    weights = np.random.default_rng(5).normal(size=X.shape)
    pb.check_gradients(
        lambda params, x: np.sum(weights * layer.apply(params, state, x, training=training)[0]),
        params,
        X,
    )


@pytest.mark.parametrize(("layer", "axis"), [(nn.BatchNorm(), 0), (nn.LayerNorm(), 1)], ids=str)
def test_the_gradient_is_that_of_the_closed_form(layer, axis):
    """dx = (g - mean(g) - u mean(g u)) / deviation with g = gamma ct, u the standardized input."""
    params, state = started(layer)
    ct = np.random.default_rng(5).normal(size=X.shape)
    derived = pb.grad(lambda x: np.sum(ct * layer.apply(params, state, x, training=True)[0]))(X)
    g = params["gamma"] * ct
    deviation = np.sqrt(X.var(axis=axis, keepdims=True) + 1e-5)
    u = (X - X.mean(axis=axis, keepdims=True)) / deviation
    means = [np.mean(part, axis=axis, keepdims=True) for part in (g, g * u)]
    assert np.allclose(derived, (g - means[0] - u * means[1]) / deviation, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("layer", [nn.BatchNorm(), nn.LayerNorm()], ids=str)
def test_a_large_mean_does_not_cost_the_variance(layer):
    """The mean of squares minus the squared mean would be 0 or negative here."""
    params, state = layer.init(np.random.default_rng(0), (4,))
    pattern = np.array([[1.0, -1.0, -1.0, 1.0], [-1.0, 1.0, 1.0, -1.0]])
    y = layer.apply(params, state, 1e9 + pattern, training=True)[0]
    assert np.allclose(y, pattern, atol=1e-5)
    single = layer.apply(params, state, (1e6 + pattern).astype("f4"), training=True)[0]
    assert np.allclose(single, pattern, atol=1e-5)


@pytest.mark.parametrize("layer", [nn.BatchNorm(), nn.LayerNorm()], ids=str)
def test_what_is_constant_gives_the_shift_and_finite_gradients(layer):
    params, state = started(layer)
    same = np.full((5, 4), 3.0)
    y = layer.apply(params, state, same, training=True)[0]
    assert np.allclose(y, np.broadcast_to(params["beta"], y.shape), rtol=1e-14)
    derived = pb.grad(lambda x: np.sum(layer.apply(params, state, x, training=True)[0] ** 2))(same)
    assert np.all(np.isfinite(derived))


def test_the_state_is_not_differentiated():
    layer = nn.BatchNorm()
    params, state = started(layer)

    def loss(params):
        y, new = layer.apply(params, state, X, training=True)
        return np.sum(y), new

    (_, new), gradients = pb.value_and_grad(loss, has_aux=True)(params)
    assert set(new) == {"mean", "variance"}
    assert np.allclose(gradients["beta"], 6)


def test_batch_norm_is_not_trained_on_one_row():
    layer = nn.BatchNorm()
    params, state = started(layer)
    assert layer.least_rows == 2
    with pytest.raises(UsageError, match="BatchNorm: training needs batches of at least 2 rows"):
        layer.apply(params, state, X[:1], training=True)
    assert np.all(np.isfinite(layer.apply(params, state, X[:2], training=True)[0]))


def test_momentum_and_epsilon_are_inputs():
    def program_of(layer):
        params, state = layer.init(np.random.default_rng(0), (4,))
        return pb.trace(lambda x: layer.apply(params, state, x, training=True), x="N 4")

    one, other = program_of(nn.BatchNorm()), program_of(nn.BatchNorm(0.5, 0.1))
    y, state = one(X, momentum=0.5, epsilon=0.1)
    expected, expected_state = other(X)
    assert np.array_equal(y, expected)
    assert all(np.array_equal(state[name], expected_state[name]) for name in state)
    assert not np.array_equal(one(X)[0], expected)


@pytest.mark.parametrize("layer", [nn.BatchNorm(), nn.LayerNorm()], ids=str)
def test_float32_stays_float32(layer):
    params, state = layer.init(np.random.default_rng(0), (4,))
    single = [{name: v.astype("f4") for name, v in d.items()} for d in (params, state)]
    y, new = layer.apply(*single, X.astype("f4"), training=True)
    assert {y.dtype, *(value.dtype for value in new.values())} == {np.dtype("f4")}
