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
# Among 30 columns of noise, the few units of `narrow` must find the 6 that tell the classes apart:
# where the first layer does not learn, which takes a gradient through what stands behind it,
# accuracy stays at 0.33 to 0.7 (0.85 behind a norm), whatever the last layer does.
NOISY = np.concatenate([X, np.random.default_rng(3).normal(size=(150, 30))], axis=1)
VALUES = np.sin(X[:, 0]) + 0.5 * X[:, 1]


def trained(net, y, x=X, **settings):
    settings = {"optimizer": pb.optim.Adam(0.01), "epochs": 30, "batch_size": 25} | settings
    return pb.train(net, x, y, scaling="standard", **settings)


def narrow(*between, units=4):
    return pb.nn.Sequential(pb.nn.Dense(units), *between, pb.nn.Dense(3))


class LastLayerAlone(pb.optim.Adam):
    """Does to the first layer what a gradient of 0 would do."""

    def update(self, gradients, state, params, numbers):
        moved, state = super().update(gradients, state, params, numbers)
        return moved | {name: params[name] for name in ("W1", "b1")}, state


@pytest.mark.parametrize("name", ["identity", "relu", "sigmoid"])
def test_without_a_gradient_through_the_activation_it_would_be_seen(name):
    run = trained(narrow(ACTIVATIONS[name]()), LABELS, NOISY, optimizer=LastLayerAlone(0.03))
    assert run.history[-1]["accuracy"] < 0.8


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation(name):
    net = narrow(ACTIVATIONS[name]())
    run = trained(net, LABELS, NOISY, optimizer=pb.optim.Adam(0.03))
    assert run.history[-1]["accuracy"] >= 0.97
    learned = [key for key in run.model.params if key.startswith("slope")]
    start, _ = net.init(np.random.default_rng(0), (36,))
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


RATES = {"adadelta": 1.0, "sgd": None, "momentum": None, "nesterov": None, "adagrad": 0.1}
RATES["lion"] = 0.005
FURTHER_RULES = [
    pb.optim.RMSProp(0.01, momentum=0.5, centered=True),
    pb.optim.Lion(0.005, weight_decay=0.1),
    pb.optim.Decayed(pb.optim.Momentum(0.05), 0.01),
    pb.optim.ClippedByValue(pb.optim.SGD(0.3), 0.1),
    pb.optim.ClippedByNorm(pb.optim.SGD(0.3), 0.5),
    pb.optim.Averaged(pb.optim.Adam(0.02), 0.9),
]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_update_rule(name):
    rule = OPTIMIZERS[name](learning_rate=RATES.get(name, 0.02))
    run = trained(narrow(pb.nn.ReLU()), LABELS, NOISY, optimizer=rule, epochs=40)
    assert run.history[-1]["accuracy"] >= 0.97


@pytest.mark.parametrize("rule", FURTHER_RULES, ids=str)
def test_each_rule_around_a_rule(rule):
    run = trained(narrow(pb.nn.ReLU()), LABELS, NOISY, optimizer=rule, epochs=40)
    assert np.mean(run.model.predict(NOISY) == LABELS) >= 0.97


def test_the_solver():
    pytest.importorskip("scipy")
    settings = {"optimizer": pb.optim.LBFGS(), "batch_size": "full", "epochs": 200}
    run = trained(narrow(pb.nn.Tanh()), LABELS, NOISY, **settings)
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
    net = narrow(layer, pb.nn.ReLU(), units=8)
    run = trained(net, LABELS, NOISY, optimizer=pb.optim.Adam(0.02), epochs=40)
    assert np.mean(run.model.predict(NOISY) == LABELS) >= 0.97
    pb.training.prepare(net, NOISY, LABELS).check()


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
