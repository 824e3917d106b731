"""Planted diseases are found, healthy networks come out healthy."""

import json

import numpy as np
import pytest

import pullback as pb
from pullback.data import load_builtin
from pullback.errors import DataError, UsageError
from pullback.experiments import EXPERIMENTS

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 6))
Y = np.argmax(X[:, :3], axis=1)


def deep(activation, depth=3, units=24, weights=None):
    layers = [
        layer
        for _ in range(depth - 1)
        for layer in (pb.nn.Dense(units, weights=weights), activation())
    ]
    return pb.nn.Sequential(*layers, pb.nn.Dense(3, weights=weights))


def scaled_by(factor):
    return lambda random, inputs, outputs: factor * pb.nn.glorot_uniform(random, inputs, outputs)


def test_a_healthy_network():
    found = pb.diagnose(deep(pb.nn.ReLU), X, Y)
    assert [finding.what for finding in found.ailments] == []
    assert found["loss at the start"].numbers["log_classes"] == pytest.approx(np.log(3))


def test_a_healthy_network_on_real_digits():
    data = load_builtin("digits")
    net = pb.nn.Sequential(pb.nn.Dense(64), pb.nn.ReLU(), pb.nn.Dense(10))
    run = pb.train(net, data.X, data.y, scaling="unit", epochs=3)
    found = pb.diagnose(run, data.X, data.y)
    names = {finding.what for finding in found.ailments}
    assert names <= {"constant columns", "dead units", "saturated units"}
    assert "column 0" in found["constant columns"].seen


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_usual_network_on_scaled_data_is_healthy(name, seed):
    data = load_builtin(name)
    net = pb.nn.Sequential(pb.nn.Dense(64), pb.nn.ReLU(), pb.nn.Dense(len(set(data.y))))
    ready = pb.training.prepare(net, data.X, data.y, scaling="standard", seed=seed)
    assert not pb.diagnose(ready, data.X, data.y).ailments


def with_biases(value):
    run = pb.train(deep(pb.nn.ReLU), X, Y, epochs=1)
    run.model.params["b1"][:10] = value
    return run


def test_dead_units_are_counted():
    found = pb.diagnose(with_biases(-100.0), X, Y)["dead units"]
    assert found.level != "fine"
    assert found.numbers["h1"] == 10
    assert "10 in h1" in found.seen
    assert pb.diagnose(with_biases(0.0), X, Y)["dead units"].numbers["h1"] < 3


def test_saturated_units():
    net = deep(pb.nn.Sigmoid, weights=scaled_by(2000.0))
    found = pb.diagnose(net, X, Y)
    assert found["saturated units"].level == "problem"
    assert found["loss at the start"].level == "problem"
    assert pb.diagnose(deep(pb.nn.Sigmoid), X, Y)["saturated units"].level == "fine"


def test_a_unit_that_is_mostly_off_is_not_saturated():
    """A ReLU has no flat end that it creeps along: it is on or off."""
    found = pb.diagnose(with_biases(-4.0), X, Y)
    assert found["saturated units"].level == "fine"
    wide = pb.diagnose(deep(pb.nn.Tanh, weights=pb.nn.normal(100.0)), X, Y)
    assert wide["saturated units"].level == "problem"
    assert wide["dead units"].level == "fine"


@pytest.mark.parametrize("activation", [pb.nn.ReLU, pb.nn.Tanh])
def test_weights_that_begin_at_zero(activation):
    found = pb.diagnose(deep(activation, weights="zeros"), X, Y)
    assert found["gradient norms"].seen.startswith("zero: W1 0, W2 0, W3 0")
    assert found["update to weight"].seen == "W1, W2: all weights are 0."
    assert "random weights" in found["update to weight"].advice
    assert not pb.diagnose(pb.nn.Sequential(pb.nn.Dense(3, weights="zeros")), X, Y).ailments


def test_weights_that_are_too_small_and_too_large():
    small = pb.diagnose(deep(pb.nn.Tanh, depth=6, weights=pb.nn.normal(1e-4)), X, Y)
    assert small["gradient norms"].seen.startswith("vanishing: W1 ")
    large = pb.diagnose(deep(pb.nn.ReLU, depth=6, weights=pb.nn.normal(3.0)), X, Y)
    assert large["gradient norms"].seen.startswith("exploding: W1 ")
    wild = pb.diagnose(deep(pb.nn.Identity, depth=8, weights=pb.nn.normal(1e6)), X, Y)
    assert wild["gradient norms"].seen.startswith("not finite: W1 nan")
    assert wild["update to weight"].level == wild["loss at the start"].level == "problem"


def test_a_bias_that_batch_norm_takes_away_has_no_ratio():
    """Its gradient and its value are what rounding leaves of 0."""
    net = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.BatchNorm(), pb.nn.ReLU(), pb.nn.Dense(3))
    run = pb.train(net, X, Y, epochs=5)
    found = pb.diagnose(run, X, Y)["update to weight"]
    assert list(found.numbers) == ["W1", "gamma1", "beta1", "W2", "b2"]
    assert max(found.numbers.values()) < 0.5


def test_batch_norm_is_looked_at_as_it_trains():
    """With the mean of the rows; before the first step its running mean knows nothing of them."""

    def deep_sigmoid(*normalization):
        layers = [
            layer for _ in range(11) for layer in (pb.nn.Dense(24), *normalization, pb.nn.Sigmoid())
        ]
        return pb.nn.Sequential(*layers, pb.nn.Dense(3))

    assert not pb.diagnose(deep_sigmoid(pb.nn.BatchNorm()), X, Y).ailments
    assert pb.diagnose(deep_sigmoid(), X, Y)["gradient norms"].seen.startswith("vanishing")


@pytest.mark.parametrize(
    "loss",
    [
        pb.losses.CrossEntropy(),
        pb.losses.CrossEntropy(reduction="sum"),
        pb.losses.CrossEntropy(label_smoothing=0.1),
        pb.losses.RelativeEntropy(),
    ],
)
def test_no_loss_makes_a_healthy_network_ill(loss):
    found = pb.diagnose(deep(pb.nn.ReLU), X, Y, loss=loss)
    assert not found.ailments
    rows = 200 if loss.reduction == "sum" else 1
    assert found["loss at the start"].numbers["chance"] == pytest.approx(rows * np.log(3), rel=1e-6)


@pytest.mark.parametrize(
    "activation",
    ["LeakyReLU", "PReLU", "ELU", "SELU", "GELU", "SiLU", "Softplus", "Sigmoid", "Tanh"],
)
@pytest.mark.parametrize("depth", [2, 4])
def test_no_activation_makes_a_healthy_network_ill(activation, depth):
    assert not pb.diagnose(deep(getattr(pb.nn, activation), depth=depth), X, Y).ailments


def test_what_is_prepared_is_looked_at_with_its_own_settings():
    settings = {"scaling": "standard", "optimizer": pb.optim.SGD(40.0)}
    ready = pb.training.prepare(deep(pb.nn.ReLU), 1e3 * X, Y, **settings)
    found = pb.diagnose(ready, 1e3 * X, Y)
    assert [finding.what for finding in found.ailments] == ["update to weight"]
    assert "(learning rate 40)" in found["update to weight"].seen
    assert "a guess among 3 classes costs 1.099" in found["loss at the start"].seen
    run = pb.train(deep(pb.nn.ReLU), X, Y, optimizer=pb.optim.SGD(0.03), epochs=1)
    later = pb.diagnose(run, X, Y, optimizer=pb.optim.SGD())["update to weight"]
    assert "(learning rate 0.03)" in later.seen
    assert set(later.numbers) == set(run.model.params)


def test_each_ailment_has_advice_and_an_experiment_that_shows_it():
    ill = [
        pb.diagnose(deep(pb.nn.Sigmoid, depth=20), X * [1, 1, 1, 1e5, 0, 1], Y),
        pb.diagnose(deep(pb.nn.ReLU, weights="zeros"), X, Y),
        pb.diagnose(deep(pb.nn.Tanh, weights=pb.nn.normal(100.0)), X, Y),
        pb.diagnose(deep(pb.nn.ReLU), X, Y, optimizer=pb.optim.SGD(50.0)),
    ]
    ailments = [finding for found in ill for finding in found.ailments]
    assert {finding.what for finding in ailments} == {finding.what for finding in ill[0].findings}
    for finding in ailments:
        assert finding.advice
        assert finding.experiment in EXPERIMENTS


def test_vanishing_and_exploding_gradients():
    vanishing = pb.diagnose(deep(pb.nn.Sigmoid, depth=20), X, Y)["gradient norms"]
    assert vanishing.seen.startswith("vanishing")
    norms = vanishing.numbers
    assert norms["W1"] < 1e-6 * norms["W20"]
    assert pb.diagnose(deep(pb.nn.ReLU, depth=20), X, Y)["gradient norms"].level == "fine"
    wild = deep(pb.nn.Identity, depth=8, weights=scaled_by(10.0))
    assert pb.diagnose(wild, X, Y)["gradient norms"].seen.startswith("exploding")


def test_the_learning_rate_against_the_weights():
    net = deep(pb.nn.ReLU)
    high = pb.diagnose(net, X, Y, optimizer=pb.optim.SGD(50.0))["update to weight"]
    low = pb.diagnose(net, X, Y, optimizer=pb.optim.SGD(1e-7))["update to weight"]
    good = pb.diagnose(net, X, Y, optimizer=pb.optim.SGD(0.1))["update to weight"]
    assert "leaps" in high.advice
    assert "creeps" in low.advice
    assert good.level == "fine"


def test_columns_by_name():
    wide = X.copy()
    wide[:, 2], wide[:, 4] = 7.0, wide[:, 4] * 1e5
    found = pb.diagnose(deep(pb.nn.ReLU), wide, Y)
    assert found["constant columns"].numbers["columns"] == ["column 2"]
    assert found["unscaled columns"].numbers["columns"] == ["column 4"]
    narrow = pb.diagnose(deep(pb.nn.ReLU), X * [1, 1, 1, 1, 1, 1e-6], Y)
    assert narrow["unscaled columns"].numbers["columns"] == ["column 5"]
    run = pb.train(
        deep(pb.nn.ReLU),
        wide,
        Y,
        scaling="standard",
        epochs=1,
        info={"feature_names": list("abcdef")},
    )
    found = pb.diagnose(run.model, wide, Y)
    assert found["constant columns"].numbers["columns"] == ["c"]
    assert found["unscaled columns"].level == "fine"


def test_equal_rows_with_different_labels_cannot_be_learned():
    same = np.ones((40, 6)) + 1e-9 * X[:40]
    found = pb.diagnose(deep(pb.nn.ReLU), same, np.arange(40) % 3)
    assert found["learning a few rows"].level == "problem"
    assert pb.diagnose(deep(pb.nn.ReLU), X, Y)["learning a few rows"].level == "fine"


def test_regression_and_several_labels():
    values = X[:, 0] * 2 + X[:, 1]
    net = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.Tanh(), pb.nn.Dense(1))
    assert not pb.diagnose(net, X, values, loss=pb.losses.Huber()).ailments
    labels = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(float)
    net = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.BatchNorm(), pb.nn.ReLU(), pb.nn.Dense(2))
    found = pb.diagnose(net, X, labels, loss=pb.losses.BinaryCrossEntropy())
    assert found["learning a few rows"].level == "fine"


def test_what_it_says():
    found = pb.diagnose(deep(pb.nn.ReLU), X, Y)
    assert len(str(found).splitlines()) == len(found.findings)
    assert json.loads(found.to_json())[0]["what"] == "constant columns"
    with pytest.raises(KeyError):
        found["headache"]


def test_bad_arguments():
    with pytest.raises(UsageError, match="must be a pb.nn.Sequential"):
        pb.diagnose(3, X, Y)
    run = pb.train(deep(pb.nn.ReLU), X, Y, epochs=1)
    with pytest.raises(DataError, match="the model needs"):
        pb.diagnose(run, X[:, :2], Y)
    with pytest.raises(UsageError, match="200 rows, y has 3"):
        pb.diagnose(run, X, Y[:3])


SHARES = np.random.default_rng(1).dirichlet(np.ones(3), len(X))


@pytest.mark.parametrize(
    ("loss", "y", "outputs"),
    [
        (pb.losses.CrossEntropy(), SHARES, 3),
        (pb.losses.CrossEntropy(label_smoothing=0.2), Y, 3),
        (pb.losses.Poisson(), np.random.default_rng(2).poisson(0.7, (len(X), 1)) * 1.0, 1),
        (pb.losses.SquaredError(), X[:, :2], 2),
        (pb.losses.BinaryCrossEntropy(), (X[:, :2] > 0) * 1.0, 2),
    ],
)
def test_rows_that_are_right_are_learned_though_the_loss_stays_above_0(loss, y, outputs):
    net = pb.nn.Sequential(pb.nn.Dense(48), pb.nn.ReLU(), pb.nn.Dense(outputs))
    found = pb.diagnose(net, X, y, loss=loss)["learning a few rows by heart"]
    assert found.level == "fine"
    lame = pb.nn.Sequential(pb.nn.Dense(1), pb.nn.ReLU(), pb.nn.Dense(outputs))
    run = pb.train(lame, X, y, loss=loss, epochs=1)
    run.model.params["b1"][:] = -1000.0  # its one hidden unit is dead
    assert pb.diagnose(run, X, y)["learning a few rows by heart"].level == "problem"
