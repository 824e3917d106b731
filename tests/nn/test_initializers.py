from functools import partial

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError
from pullback.nn.initializers import INITIALIZERS


def random(seed=0):
    return np.random.default_rng(seed)


SIZES = [(400, 300), (300, 400), (784, 128)]

# name: initializer, variance, uniform
VARIANCES = {
    "normal": (pb.nn.normal(0.3), lambda inputs, outputs: 0.09, False),
    "uniform": (pb.nn.uniform(0.3), lambda inputs, outputs: 0.03, True),
    "glorot-normal": (pb.nn.glorot_normal, lambda i, o: 2 / (i + o), False),
    "glorot-uniform": (pb.nn.glorot_uniform, lambda i, o: 2 / (i + o), True),
    "he-normal": (pb.nn.he_normal, lambda inputs, outputs: 2 / inputs, False),
    "he-uniform": (pb.nn.he_uniform, lambda inputs, outputs: 2 / inputs, True),
    "he-normal leaky": (partial(pb.nn.he_normal, slope=0.5), lambda i, o: 1.6 / i, False),
    "he-uniform leaky": (partial(pb.nn.he_uniform, slope=0.5), lambda i, o: 1.6 / i, True),
    "he-normal outputs": (
        partial(pb.nn.he_normal, slope=0.5, fan="outputs"),
        lambda i, o: 1.6 / o,
        False,
    ),
    "he-uniform outputs": (INITIALIZERS["he-uniform-outputs"], lambda i, o: 2 / o, True),
    "he-normal-outputs": (INITIALIZERS["he-normal-outputs"], lambda i, o: 2 / o, False),
    "lecun-normal": (pb.nn.lecun_normal, lambda inputs, outputs: 1 / inputs, False),
}


@pytest.mark.parametrize("name", VARIANCES)
@pytest.mark.parametrize(("inputs", "outputs"), SIZES)
def test_mean_variance_and_shape_of_the_distribution(name, inputs, outputs):
    initializer, variance, is_uniform = VARIANCES[name]
    W = initializer(random(), inputs, outputs)
    assert W.shape == (inputs, outputs)
    assert W.dtype == np.float64
    expected = variance(inputs, outputs)
    kurtosis = 1.8 if is_uniform else 3.0  # E x^4 / (E x^2)^2, which tells the two apart
    error_of_variance = expected * np.sqrt((kurtosis - 1) / W.size)
    assert abs(np.mean(W)) < 4 * np.sqrt(expected / W.size)
    assert abs(np.mean(W**2) - expected) < 4 * error_of_variance
    assert np.mean(W**4) / np.mean(W**2) ** 2 == pytest.approx(kurtosis, rel=0.03)
    if is_uniform:
        assert np.max(np.abs(W)) <= np.sqrt(3 * expected)


def test_a_huge_slope_does_not_overflow():
    """Its square would: 2 / ((1 + slope^2) n) is sqrt(2 / n) / slope, squared."""
    W = pb.nn.he_normal(random(), 200, 100, slope=1e200)
    assert np.allclose(W * 1e200, pb.nn.he_normal(random(), 200, 100), rtol=1e-14)


def test_zeros():
    assert np.array_equal(pb.nn.zeros(random(), 3, 2), np.zeros((3, 2)))


@pytest.mark.parametrize(("inputs", "outputs"), [(6, 6), (9, 4), (4, 9), (1, 5), (5, 1)])
def test_orthogonal_rows_or_columns(inputs, outputs):
    W = pb.nn.orthogonal(random(), inputs, outputs)
    assert W.shape == (inputs, outputs)
    product = W.T @ W if inputs >= outputs else W @ W.T
    assert np.allclose(product, np.eye(min(inputs, outputs)), atol=1e-14)


def test_orthogonal_ones_are_drawn_uniformly():
    """Every entry has mean 0 and variance 1 / n; without a choice of signs the mean is not 0."""
    draws = np.array([pb.nn.orthogonal(random(seed), 3, 3) for seed in range(3000)])
    assert np.all(np.abs(draws.mean(axis=0)) < 4 * np.sqrt(1 / 3 / 3000))
    assert np.allclose(draws.var(axis=0), 1 / 3, atol=0.02)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_name_is_taken_by_dense(name):
    W = weights(pb.nn.Dense(100, weights=name))["W1"]
    assert np.array_equal(W, INITIALIZERS[name](random(), 200, 100))
    assert str(pb.nn.Dense(100, weights=name)) == f"Dense(100, weights={name!r})"


def test_dense_takes_a_function():
    W = weights(pb.nn.Dense(3, weights=lambda random, inputs, outputs: np.eye(inputs, outputs)))
    assert np.array_equal(W["W1"], np.eye(200, 3))


def test_a_function_that_gives_another_shape():
    layer = pb.nn.Dense(3, weights=lambda random, inputs, outputs: np.zeros((outputs, inputs)))
    with pytest.raises(UsageError, match=r"must have the shape \(200, 3\), not \(3, 200\)"):
        weights(layer)


@pytest.mark.parametrize("scale", [0, -1.0, np.inf, np.nan, "a", True])
def test_scales_out_of_range(scale):
    for make, name in ((pb.nn.normal, "scale"), (pb.nn.uniform, "bound")):
        with pytest.raises(UsageError, match=f"{name} must be a finite number above 0"):
            make(scale)


def he(slope):
    return pb.nn.he_normal(random(), 200, 100, slope=slope)


SUITED = [
    (pb.nn.ReLU(), he(0.0)),
    (pb.nn.LeakyReLU(0.5), he(0.5)),
    (pb.nn.PReLU(), he(0.25)),
    (pb.nn.PReLU(0.5, per="unit"), he(0.5)),
    (pb.nn.RandomizedLeakyReLU(0.5, 0.5), he(0.5)),
    (pb.nn.RandomizedLeakyReLU(0.0, 1.0), he(np.sqrt(1 / 3))),
    (pb.nn.ELU(), he(0.0)),
    (pb.nn.GELU(), he(0.0)),
    (pb.nn.GELU("tanh"), he(0.0)),
    (pb.nn.SiLU(), he(0.0)),
    (pb.nn.Softplus(), he(0.0)),
    (pb.nn.SELU(), pb.nn.lecun_normal(random(), 200, 100)),
    (pb.nn.Identity(), pb.nn.glorot_uniform(random(), 200, 100)),
    (pb.nn.Tanh(), pb.nn.glorot_uniform(random(), 200, 100)),
    (pb.nn.Sigmoid(), pb.nn.glorot_uniform(random(), 200, 100)),
    (pb.nn.Softmax(), pb.nn.glorot_uniform(random(), 200, 100)),
    (pb.nn.Dense(3, weights="he"), pb.nn.glorot_uniform(random(), 200, 100)),
]


@pytest.mark.parametrize(("following", "expected"), SUITED, ids=[str(s[0]) for s in SUITED])
def test_the_weights_that_suit_each_activation(following, expected):
    assert np.allclose(weights(pb.nn.Dense(100), following)["W1"], expected, rtol=1e-15)
    between = [pb.nn.Dense(100), pb.nn.LayerNorm(), pb.nn.Dropout(0.5), following]
    assert np.allclose(weights(*between)["W1"], expected, rtol=1e-15)
    network = pb.nn.Sequential(pb.nn.Dense(100), pb.nn.BatchNorm(), following)
    params, _ = network.init(random(), (200,))
    assert np.allclose(params["W1"], expected, rtol=1e-15)


def test_the_last_dense_layer_has_glorot_weights_also_under_a_normalization():
    for rest in ([], [pb.nn.LayerNorm()], [pb.nn.Dropout(0.1)]):
        W = weights(pb.nn.Dense(100), *rest)["W1"]
        assert np.array_equal(W, pb.nn.glorot_uniform(random(), 200, 100))


def bounded_by_glorot(W):
    return np.max(np.abs(W)) <= np.sqrt(6 / sum(W.shape))


def weights(*layers, inputs=200, seed=0):
    params, state = pb.nn.Sequential(*layers).init(random(seed), (inputs,))
    assert state == {}
    return params


def test_he_stands_in_front_of_a_relu_and_glorot_elsewhere():
    params = weights(
        pb.nn.Dense(100), pb.nn.ReLU(), pb.nn.Dense(100), pb.nn.Sigmoid(), pb.nn.Dense(100)
    )
    assert not bounded_by_glorot(params["W1"])
    assert np.var(params["W1"]) == pytest.approx(2 / 200, rel=0.05)
    assert bounded_by_glorot(params["W2"])
    assert bounded_by_glorot(params["W3"])


@pytest.mark.parametrize("following", [np.tanh, pb.nn.Activation(np.tanh), pb.nn.Dense(3)])
def test_glorot_stands_in_front_of_anything_else(following):
    assert bounded_by_glorot(weights(pb.nn.Dense(100), following)["W1"])


def test_an_activation_can_ask_for_he():
    leaky = pb.nn.Activation(lambda x: np.where(x > 0, x, 0.01 * x), weights="he")
    assert not bounded_by_glorot(weights(pb.nn.Dense(100), leaky)["W1"])


def test_what_the_user_asks_for_is_what_he_gets():
    params = weights(
        pb.nn.Dense(100, weights="glorot"), pb.nn.ReLU(), pb.nn.Dense(100, weights="he")
    )
    assert bounded_by_glorot(params["W1"])
    assert not bounded_by_glorot(params["W2"])


def test_nested_networks_see_the_layer_that_follows():
    params = weights(pb.nn.Sequential(pb.nn.Dense(100)), pb.nn.ReLU())
    assert not bounded_by_glorot(params["W1"])


def test_biases_start_at_zero():
    assert np.all(weights(pb.nn.Dense(7))["b1"] == 0)


def test_the_same_seed_gives_the_same_weights():
    layers = [pb.nn.Dense(4), pb.nn.ReLU(), pb.nn.Dense(3)]
    first, again, other = (weights(*layers, seed=seed) for seed in (1, 1, 2))
    for name in ("W1", "W2"):
        assert np.array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])


@pytest.mark.parametrize("name", ["xavier", "He", "", 3, ["he"]])
def test_unknown_initial_weights(name):
    with pytest.raises(UsageError, match="allowed are zeros, normal, uniform, glorot, ") as caught:
        pb.nn.Dense(3, weights=name)
    assert f"Dense(weights={name!r})" in str(caught.value)
