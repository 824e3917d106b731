"""The numbers of layers: who shares one, what is called how, and what is refused."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError

nn = pb.nn
X = np.random.default_rng(1).normal(size=(5, 4))


def names_of(*layers):
    params, state = nn.Sequential(*layers).init(np.random.default_rng(0), (4,))
    return " ".join(params), " ".join(state)


class Gain:
    """A user's own layer that may declare its names."""

    def __init__(self, **attributes):
        self.__dict__ |= attributes

    def init(self, random, shape):
        return {"gain": np.full(shape, 2.0)}, {"seen": np.zeros(())}

    def apply(self, params, state, x, *, training):
        assert set(params) == {"gain"}
        assert set(state) == {"seen"}
        return x * params["gain"], {"seen": state["seen"] + 1}

    def __str__(self):
        return "Gain"


DECLARED = Gain(names=("gain", "seen"))


@pytest.mark.parametrize(
    ("layers", "params", "state"),
    [
        (
            [nn.Dense(3), nn.BatchNorm(), nn.PReLU(), nn.Dropout(0.5), nn.Dense(2)],
            "W1 b1 gamma1 beta1 slope1 W2 b2",
            "mean1 variance1",
        ),
        (
            [nn.Dense(3), nn.LayerNorm(), nn.ReLU(), nn.Dense(2, bias=False), nn.LayerNorm()],
            "W1 b1 gamma1 beta1 W2 gamma2 beta2",
            "",
        ),
        (
            [nn.Dense(3), nn.BatchNorm(), nn.LayerNorm(), nn.ReLU(), nn.PReLU(), nn.Dense(2)],
            "W1 b1 gamma1 beta1 gamma2 beta2 slope2 W3 b3",
            "mean1 variance1",
        ),
        ([nn.BatchNorm(), nn.Dense(2)], "gamma0 beta0 W1 b1", "mean0 variance0"),
        ([nn.PReLU(), nn.PReLU(), nn.Dense(2)], "slope0 slope1 W2 b2", ""),
        ([nn.Dense(3), Gain(), nn.Dense(2)], "W1 b1 gain2 W3 b3", "seen2"),
        ([nn.Dense(3), DECLARED, DECLARED, nn.ReLU()], "W1 b1 gain1 gain2", "seen1 seen2"),
        ([Gain(), nn.PReLU(), nn.Dense(2)], "gain1 slope1 W2 b2", "seen1"),
    ],
)
def test_who_shares_a_number(layers, params, state):
    assert names_of(*layers) == (params, state)


def test_each_layer_gets_its_own_values_and_no_others():
    network = nn.Sequential(Gain(), DECLARED, nn.PReLU(), nn.Dense(2), DECLARED)
    with pytest.raises(UsageError, match="has a 'gain' too"):
        network.init(np.random.default_rng(0), (4,))
    network = nn.Sequential(Gain(), nn.PReLU(), nn.Dense(2), DECLARED, nn.BatchNorm())
    params, state = network.init(np.random.default_rng(0), (4,))
    params["gain2"] = np.array([3.0, 4.0])
    y, new = network.apply(params, state, X, training=False)
    h = nn.leaky_relu(2 * X, 0.25) @ params["W2"] * [3.0, 4.0]
    assert np.allclose(y, h / np.sqrt(1 + 1e-5), rtol=1e-13)
    assert list(new) == list(state)
    assert (new["seen1"], new["seen2"]) == (1, 1)


def test_the_state_of_every_layer_comes_back_under_its_name():
    network = nn.Sequential(nn.Dense(3), nn.BatchNorm(), nn.ReLU(), nn.Dense(2), nn.BatchNorm())
    params, state = network.init(np.random.default_rng(0), (4,))
    _, new = network.apply(params, state, X, training=True)
    assert list(new) == list(state) == ["mean1", "variance1", "mean2", "variance2"]
    z1 = X @ params["W1"]
    assert np.allclose(new["mean1"], 0.1 * z1.mean(axis=0), rtol=1e-12)
    assert not np.allclose(new["mean2"][0], 0)


@pytest.mark.parametrize("given", [{}, {"seen": 0, "more": 0}, {"other": 0}])
def test_a_layer_that_changes_the_names_of_its_state(given):
    class Forgetful(Gain):
        def apply(self, params, state, x, *, training):
            return x, given

    network = nn.Sequential(nn.Dense(3), Forgetful())
    params, state = network.init(np.random.default_rng(0), (4,))
    with pytest.raises(UsageError) as caught:
        network.apply(params, state, X, training=True)
    told = ", ".join(sorted(given)) or "none"
    assert str(caught.value) == (
        f"Gain: apply must hand back the state that it got, seen; it gave {told}."
    )


@pytest.mark.parametrize("names", ["gain", ["gain"], (1,)])
def test_names_must_be_a_tuple_of_names(names):
    with pytest.raises(UsageError, match="Gain: names must be a tuple of names, not"):
        nn.Sequential(nn.Dense(3), Gain(names=names))


def test_a_layer_that_makes_what_it_does_not_declare():
    with pytest.raises(UsageError, match=r"Gain: 'seen' is not one of its names \(gain\)\."):
        names_of(nn.Dense(3), Gain(names=("gain",)))


def test_a_name_of_the_layer_that_opened_the_number():
    class Bias(Gain):
        def init(self, random, shape):
            return {"b": np.zeros(shape)}, {}

    with pytest.raises(UsageError, match="another layer of number 1 has a 'b' too"):
        names_of(nn.Dense(3), Bias(names=("b",)))


def test_traced_values_are_named_after_their_layers():
    network = nn.Sequential(
        nn.Dense(3),
        nn.BatchNorm(),
        nn.LeakyReLU(),
        nn.Dropout(0.5),
        Gain(),
        Gain(output_name="scaled"),
        nn.Dense(2),
    )
    params, state = network.init(np.random.default_rng(0), (4,))
    program = pb.trace(lambda x: network.apply(params, state, x, training=True)[0], x="N 4")
    source = program.to_numpy()
    for name in ("z1", "normed1", "h1", "dropped1", "z2", "scaled3"):
        assert f"    {name} = " in source
