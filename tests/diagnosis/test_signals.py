"""The slopes of activations are those of the activation alone, whatever comes behind it."""

import numpy as np
import pytest

import pullback as pb
from pullback.diagnosis.signals import signals_of
from pullback.diagnosis.units import units_of

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(40, 4))
Y = np.arange(40) % 3


def signals(*layers, seed=0):
    """On all rows, before the first step."""
    net = pb.nn.Sequential(*layers)
    problem = pb.training.prepare(net, X, Y, dtype="float64", seed=seed).problem
    flat = [X, Y, *problem.params.values(), *problem.state.values()]
    return signals_of(problem.loss_program(), flat, problem.params)


CLOSED = {
    "relu": lambda z: (z > 0) * 1.0,
    "leaky-relu": lambda z: np.where(z > 0, 1.0, 0.01),
    "prelu": lambda z: np.where(z > 0, 1.0, 0.25),
    "sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    "tanh": lambda z: 1 / np.cosh(z) ** 2,
    "softplus": lambda z: 1 / (1 + np.exp(-z)),
    "elu": lambda z: np.where(z > 0, 1.0, np.exp(z)),
}


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize(
    "between", [[], [pb.nn.BatchNorm()], [pb.nn.LayerNorm()], [pb.nn.Dropout(0.5)]], ids=str
)
def test_slopes_are_the_closed_formulas(name, between):
    activation = pb.nn.layers.ACTIVATIONS[name]()
    found = signals(pb.nn.Dense(6), *between, activation, pb.nn.Dense(3))
    (slopes,) = found.slopes
    assert slopes.name == "h1"
    in_front = {"BatchNorm": "normed1", "LayerNorm": "normed1", "Dropout": "dropped1"}
    front = found.values[in_front[type(between[0]).__name__] if between else "z1"]
    # 1 - tanh(z)^2 is off by a rounding of 1.
    assert slopes.values == pytest.approx(CLOSED[name](front), rel=1e-12, abs=2e-16)
    assert slopes.kinked == (name in ("relu", "leaky-relu", "prelu", "elu"))


def test_a_layer_that_no_error_signal_reaches_has_slopes_too():
    wild = pb.nn.normal(1e4)
    layers = [layer for _ in range(3) for layer in (pb.nn.Dense(8, weights=wild), pb.nn.Sigmoid())]
    found = signals(*layers, pb.nn.Dense(3))
    assert not np.any(found.gradients["W1"]), "nothing arrives"
    assert [slopes.name for slopes in found.slopes] == ["h1", "h2", "h3"]
    assert [int(np.sum(units.saturated)) for units in units_of(found)] == [8, 8, 8]
    assert not any(np.any(units.dead) for units in units_of(found))


def test_custom_activations_and_layers_without_a_slope():
    found = signals(
        pb.nn.Dense(6), lambda z: z * np.abs(z), pb.nn.Dense(4), pb.nn.Identity(), pb.nn.Dense(3)
    )
    assert [slopes.name for slopes in found.slopes] == ["h1"]
    assert found.slopes[0].values == pytest.approx(2 * np.abs(found.values["z1"]), rel=1e-12)
