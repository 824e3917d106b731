import numpy as np
import pytest

import pullback as pb
from pullback.errors import PullbackError, UsageError


def random():
    return np.random.default_rng(0)


def initialized(network, columns):
    return network.init(random(), (columns,))


X = np.random.default_rng(1).normal(size=(5, 4))


# --------------------------------------------------------------------------- the layer contract


@pytest.mark.parametrize(
    "layer",
    [pb.nn.Dense(3), pb.nn.Dense(3, bias=False), pb.nn.ReLU(), pb.nn.Sigmoid()],
    ids=str,
)
@pytest.mark.parametrize("training", [False, True])
def test_every_layer_keeps_the_contract(layer, training):
    assert isinstance(layer, pb.nn.Layer)
    params, state = layer.init(random(), (4,))
    assert isinstance(params, dict)
    assert state == {}
    y, new_state = layer.apply(params, state, X, training=training)
    assert y.shape[0] == 5
    assert new_state == {}


def test_dense():
    params, state = pb.nn.Dense(3).init(random(), (4,))
    params["b"] = np.array([1.0, 2, 3])
    y, _ = pb.nn.Dense(3).apply(params, state, X, training=True)
    assert np.array_equal(y, X @ params["W"] + [1.0, 2, 3])


def test_dense_without_bias():
    layer = pb.nn.Dense(3, bias=False)
    params, _ = layer.init(random(), (4,))
    assert list(params) == ["W"]
    assert np.array_equal(layer.apply(params, {}, X, training=True)[0], X @ params["W"])


@pytest.mark.parametrize("units", [0, -1, 2.0, "3", None])
def test_units_must_be_a_whole_number(units):
    with pytest.raises(UsageError) as caught:
        pb.nn.Dense(units)
    assert str(caught.value) == (f"Dense(units={units!r}): units must be a whole number >= 1.")


def test_units_may_be_a_numpy_integer_but_no_bool():
    assert pb.nn.Dense(np.int64(3)).init(random(), (2,))[0]["W"].shape == (2, 3)
    with pytest.raises(UsageError, match="units=True"):
        pb.nn.Dense(True)


def test_dense_refuses_images():
    with pytest.raises(UsageError, match=r"not samples of shape \(8, 8\)"):
        pb.nn.Dense(3).init(random(), (8, 8))


# ----------------------------------------------------------------------------------- Sequential


def test_parameters_are_numbered_by_their_dense_layer():
    network = pb.nn.Sequential(
        pb.nn.Dense(6), pb.nn.ReLU(), pb.nn.Dense(5, bias=False), np.tanh, pb.nn.Dense(3)
    )
    params, _ = initialized(network, 4)
    shapes = {name: value.shape for name, value in params.items()}
    assert shapes == {"W1": (4, 6), "b1": (6,), "W2": (6, 5), "W3": (5, 3), "b3": (3,)}


def test_apply_is_the_layers_one_after_the_other():
    network = pb.nn.Sequential(pb.nn.Dense(6), pb.nn.ReLU(), pb.nn.Dense(5), np.tanh)
    params, state = initialized(network, 4)
    params["b1"] += 0.1
    y, new_state = network.apply(params, state, X, training=False)
    h = np.maximum(X @ params["W1"] + params["b1"], 0)
    assert np.array_equal(y, np.tanh(h @ params["W2"] + params["b2"]))
    assert new_state == {}


def test_gradients_through_a_network_are_right():
    network = pb.nn.Sequential(pb.nn.Dense(3), pb.nn.ReLU(), pb.nn.Dense(2), pb.nn.Sigmoid())
    params, state = initialized(network, 4)
    check = pb.check_gradients(
        lambda params, x: np.sum(network.apply(params, state, x, training=True)[0] ** 2), params, X
    )
    names = [v.name for v in check.variables]
    assert names == ["params['W1']", "params['b1']", "params['W2']", "params['b2']", "x"]


def test_nested_networks_are_flat():
    inner = pb.nn.Sequential(pb.nn.Dense(6), pb.nn.ReLU())
    network = pb.nn.Sequential(inner, pb.nn.Sequential(inner, pb.nn.Dense(2)))
    assert str(network) == "Sequential: Dense(6), ReLU, Dense(6), ReLU, Dense(2)"
    params, _ = initialized(network, 4)
    assert list(params) == ["W1", "b1", "W2", "b2", "W3", "b3"]


def test_more_than_nine_layers():
    network = pb.nn.Sequential(*[pb.nn.Dense(size) for size in range(2, 14)])
    params, state = initialized(network, 4)
    assert params["W12"].shape == (12, 13)
    y, _ = network.apply(params, state, X, training=True)
    expected = X
    for k in range(1, 13):
        expected = expected @ params[f"W{k}"] + params[f"b{k}"]
    assert np.array_equal(y, expected)


class Scale:
    """A user's own layer, with a parameter and a state."""

    def init(self, random, shape):
        return {"gain": np.ones(shape)}, {"seen": np.zeros(())}

    def apply(self, params, state, x, *, training):
        seen = state["seen"] + 1.0 if training else state["seen"]
        return x * params["gain"], {"seen": seen}

    def __str__(self):
        return "Scale"


def test_a_users_own_layer_with_state():
    network = pb.nn.Sequential(pb.nn.Dense(3), Scale(), pb.nn.Dense(2), Scale())
    params, state = initialized(network, 4)
    assert list(params) == ["W1", "b1", "gain2", "W3", "b3", "gain4"]
    assert list(state) == ["seen2", "seen4"]
    params["gain2"] = np.array([2.0, 3, 4])
    y, new_state = network.apply(params, state, X, training=True)
    h = (X @ params["W1"]) * [2.0, 3, 4]
    assert np.allclose(y, h @ params["W3"], rtol=1e-14)
    assert new_state == {"seen2": 1.0, "seen4": 1.0}
    assert network.apply(params, state, X, training=False)[1] == state


class Linear:
    """A user's own layer, whose parameter has a name that ends in a digit."""

    def __init__(self, units):
        self.units = units

    def init(self, random, shape):
        return {"w1": random.normal(size=(*shape, self.units))}, {}

    def apply(self, params, state, x, *, training):
        return x @ params["w1"], state


def test_layers_of_a_users_own_may_stand_anywhere_and_name_their_parameters_freely():
    network = pb.nn.Sequential(Linear(5), pb.nn.ReLU(), Linear(3), Linear(2))
    params, _ = initialized(network, 4)
    assert {name: value.shape for name, value in params.items()} == {
        "w1_1": (4, 5),
        "w1_2": (5, 3),
        "w1_3": (3, 2),
    }
    y, _ = network.apply(params, {}, X, training=True)
    expected = np.maximum(X @ params["w1_1"], 0) @ params["w1_2"] @ params["w1_3"]
    assert np.array_equal(y, expected)


def test_plain_functions_are_layers():
    network = pb.nn.Sequential(pb.nn.Dense(3), np.tanh, lambda h: h**2)
    params, state = initialized(network, 4)
    y, _ = network.apply(params, state, X, training=True)
    assert np.array_equal(y, np.tanh(X @ params["W1"] + params["b1"]) ** 2)


def test_functions_that_change_the_shape():
    network = pb.nn.Sequential(lambda x: np.concatenate([x, x**2], axis=1), pb.nn.Dense(2))
    params, _ = initialized(network, 4)
    assert params["W0" if "W0" in params else "W1"].shape == (8, 2)


def test_printing():
    assert str(pb.nn.Dense(3)) == "Dense(3)"
    assert str(pb.nn.Dense(3, bias=False)) == "Dense(3, bias=False)"
    assert str(pb.nn.ReLU()) == "ReLU"
    assert str(pb.nn.Sigmoid()) == "Sigmoid"
    assert str(pb.nn.Activation(np.tanh)) == "tanh"
    assert str(pb.nn.Activation(np.tanh, "Tanh")) == "Tanh"
    assert str(pb.nn.Sequential(pb.nn.Dense(100), np.sin)) == "Sequential: Dense(100), sin"


def test_a_network_needs_layers():
    with pytest.raises(UsageError, match="at least one layer"):
        pb.nn.Sequential()


@pytest.mark.parametrize("layer", [10, "relu", None, [pb.nn.Dense(3)]])
def test_what_is_no_layer(layer):
    with pytest.raises(UsageError) as caught:
        pb.nn.Sequential(pb.nn.Dense(3), layer)
    assert str(caught.value).startswith(f"{layer!r} is not a layer; write pb.nn.Dense(10)")


@pytest.mark.parametrize("layer", [pb.nn.Dense, pb.nn.ReLU, pb.nn.Sigmoid])
def test_a_layer_without_its_parentheses(layer):
    with pytest.raises(UsageError) as caught:
        pb.nn.Sequential(layer, pb.nn.Dense(3))
    assert f"{layer.__name__}(" in str(caught.value)


def test_a_function_that_is_not_traceable_is_named():
    def strange(x):
        return np.asarray(x).sort()

    with pytest.raises(PullbackError):
        initialized(pb.nn.Sequential(pb.nn.Dense(3), strange), 4)
