"""Each activation, loss and update rule trains a network on real or planted data."""

import numpy as np
import pytest

import pullback as pb
from pullback.losses.losses import LOSSES
from pullback.nn.initializers import INITIALIZERS
from pullback.nn.layers import ACTIVATIONS
from pullback.optim import OPTIMIZERS, SCHEDULES

RANDOM = np.random.default_rng(0)
CENTRES = RANDOM.normal(size=(3, 6)) * 1.5
LABELS = np.arange(150) % 3
X = CENTRES[LABELS] + RANDOM.normal(size=(150, 6)) * 0.4
VALUES = np.sin(X[:, 0]) + 0.5 * X[:, 1]


def trained(net, y, **settings):
    settings = {"optimizer": pb.optim.Adam(0.01), "epochs": 30, "batch_size": 25} | settings
    return pb.train(net, X, y, scaling="standard", **settings)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation(name):
    net = pb.nn.Sequential(pb.nn.Dense(16), ACTIVATIONS[name](), pb.nn.Dense(3))
    run = trained(net, LABELS)
    assert run.history[-1]["accuracy"] >= 0.97
    learned = [key for key in run.model.params if key.startswith("slope")]
    start, _ = net.init(np.random.default_rng(0), (6,))
    assert all(np.any(run.model.params[key] != start[key]) for key in learned)
    assert learned == (["slope1"] if name == "prelu" else [])


def targets_for(loss):
    if loss.targets == "distribution":
        return LABELS
    if loss.targets == "fractions":
        return np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(float)
    if loss.targets == "counts":
        return np.random.default_rng(1).poisson(np.exp(np.clip(VALUES, -2, 2)))
    return VALUES


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
def test_each_loss(name, reduction):
    loss = LOSSES[name](reduction=reduction)
    y = targets_for(loss)
    outputs = 3 if y is LABELS else np.reshape(y, (150, -1)).shape[1]
    net = pb.nn.Sequential(pb.nn.Dense(24), pb.nn.Tanh(), pb.nn.Dense(outputs))
    run = trained(net, y, loss=loss, epochs=60)
    predicted = run.model.predict(X)
    if y is LABELS:
        assert np.mean(predicted == y) >= 0.97
    elif loss.targets == "fractions":
        assert np.mean(predicted == y) >= 0.95
        assert np.all((run.model.predict_proba(X) > 0.5) == predicted)
    elif loss.targets == "counts":
        assert np.all(predicted > 0)
        assert np.corrcoef(np.ravel(predicted), np.exp(VALUES))[0, 1] > 0.8
    else:
        assert np.sqrt(np.mean((np.ravel(predicted) - y) ** 2)) < 0.2 * np.std(y)


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_with_its_default_learning_rate(name):
    loss = LOSSES[name]()
    y = targets_for(loss)
    outputs = 3 if y is LABELS else np.reshape(y, (150, -1)).shape[1]
    net = pb.nn.Sequential(pb.nn.Dense(24), pb.nn.ReLU(), pb.nn.Dense(outputs))
    run = trained(net, y, loss=loss, optimizer=None, epochs=60)
    best = run.history[0]["loss"]
    assert run.history[-1]["loss"] < (0.9 if loss.targets == "counts" else 0.6) * best


RATES = {"adadelta": 1.0, "sgd": None, "momentum": None, "nesterov": None, "lion": 0.003}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_update_rule(name):
    rule = OPTIMIZERS[name](learning_rate=RATES.get(name, 0.01))
    net = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.ReLU(), pb.nn.Dense(3))
    run = trained(net, LABELS, optimizer=rule, epochs=40)
    assert run.history[-1]["accuracy"] >= 0.97


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_schedule(name):
    net = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.ReLU(), pb.nn.Dense(3))
    run = trained(net, LABELS, schedule=SCHEDULES[name]())
    assert run.history[-1]["accuracy"] >= 0.97
    rates = {record["learning_rate"] for record in run.history}
    assert (len(rates) == 1) == (name == "constant")


@pytest.mark.parametrize("name", INITIALIZERS)
def test_each_initializer(name):
    net = pb.nn.Sequential(pb.nn.Dense(3, weights=name))
    assert trained(net, LABELS).history[-1]["accuracy"] >= 0.97


@pytest.mark.parametrize("layer", [pb.nn.BatchNorm(), pb.nn.LayerNorm(), pb.nn.Dropout(0.2)])
def test_each_layer(layer):
    net = pb.nn.Sequential(pb.nn.Dense(16), layer, pb.nn.ReLU(), pb.nn.Dense(3))
    run = trained(net, LABELS)
    assert np.mean(run.model.predict(X) == LABELS) >= 0.97
    pb.training.prepare(net, X, LABELS).check()


def test_functions_of_ones_own():
    def bump(x):
        return x * np.exp(-(x**2))

    def cubic(outputs, targets):
        return np.sum(np.abs(outputs - targets) ** 3, axis=1)

    net = pb.nn.Sequential(pb.nn.Dense(16), bump, pb.nn.Dense(1))
    run = trained(net, VALUES, loss=cubic, penalty=lambda W: 1e-4 * np.sum(W**4), epochs=60)
    assert run.history[-1]["loss"] < 0.05 * run.history[0]["loss"]
    assert run.history[-1]["penalty"] > 0


def test_soft_targets_and_their_relative_entropy():
    soft = 0.8 * np.eye(3)[LABELS] + 0.2 / 3
    net = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.ReLU(), pb.nn.Dense(3))
    runs = [
        trained(net, soft, loss=loss, dtype="float64")
        for loss in (pb.losses.CrossEntropy(), pb.losses.RelativeEntropy())
    ]
    entropy = np.mean(pb.losses.entropy(soft))
    for cross, relative in zip(runs[0].history, runs[1].history, strict=True):
        assert cross["loss"] == pytest.approx(relative["loss"] + entropy, rel=1e-9)
    for name, value in runs[0].model.params.items():
        assert np.allclose(value, runs[1].model.params[name], rtol=1e-6)
    assert np.mean(runs[0].model.predict(X) == LABELS) >= 0.97
