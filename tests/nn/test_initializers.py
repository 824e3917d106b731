import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError


def random(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("inputs", "outputs"), [(100, 400), (400, 100), (784, 128)])
def test_he_has_variance_two_over_inputs(inputs, outputs):
    W = pb.nn.he_normal(random(), inputs, outputs)
    assert W.shape == (inputs, outputs)
    assert W.dtype == np.float64
    assert np.var(W) == pytest.approx(2 / inputs, rel=0.03)
    assert abs(np.mean(W)) < 4 * np.sqrt(2 / inputs / W.size)
    assert np.max(np.abs(W)) > 3 * np.sqrt(2 / inputs)  # normal, not uniform


@pytest.mark.parametrize(("inputs", "outputs"), [(100, 400), (400, 100), (784, 128)])
def test_glorot_is_uniform_with_variance_two_over_the_mean_of_both(inputs, outputs):
    W = pb.nn.glorot_uniform(random(), inputs, outputs)
    bound = np.sqrt(6 / (inputs + outputs))
    assert W.shape == (inputs, outputs)
    assert np.var(W) == pytest.approx(2 / (inputs + outputs), rel=0.03)
    assert np.max(np.abs(W)) <= bound
    assert np.max(np.abs(W)) > 0.999 * bound


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


@pytest.mark.parametrize("name", ["xavier", "He", "", 3])
def test_unknown_initial_weights(name):
    with pytest.raises(UsageError, match=r"allowed are he, glorot\.") as caught:
        pb.nn.Dense(3, weights=name)
    assert f"Dense(weights={name!r})" in str(caught.value)
