"""The notes' program and the spiral: whole runs against what is known about them."""

import dataclasses

import numpy as np
import pytest

import pullback as pb
from pullback.engines.blas import one_blas_thread
from pullback.engines.reference import executable
from pullback.training import prepare

RATE, STEPS = 1e-6, 500


def notes_data():
    random = np.random.RandomState(0)
    shapes = [(64, 1000), (64, 10), (1000, 100), (100, 10)]
    x, y, W1, W2 = (random.randn(*shape) for shape in shapes)
    return x, y, W1, W2


def program(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    return np.sum((y_pred - y) ** 2)


@pytest.fixture(scope="module")
def by_hand():
    """The losses of the notes' hand-written backward pass, and the weights it ends with."""
    x, y, W1, W2 = notes_data()
    losses = []
    with one_blas_thread():
        for _ in range(STEPS):
            h = x.dot(W1)
            h_relu = np.maximum(h, 0)
            y_pred = h_relu.dot(W2)
            losses.append(np.square(y_pred - y).sum())
            grad_y_pred = 2.0 * (y_pred - y)
            grad_w2 = h_relu.T.dot(grad_y_pred)
            grad_h_relu = grad_y_pred.dot(W2.T)
            grad_h = grad_h_relu.copy()
            grad_h[h < 0] = 0
            grad_w1 = x.T.dot(grad_h)
            W1 = W1 - RATE * grad_w1
            W2 = W2 - RATE * grad_w2
    return np.array(losses), (W1, W2)


def assert_same_losses(losses, expected):
    assert len(losses) == STEPS
    assert np.max(np.abs(np.array(losses) / expected - 1)) < 1e-9


def test_the_losses_are_the_known_ones(by_hand):
    losses, _ = by_hand
    assert losses[0] == pytest.approx(26365524.19345431, rel=1e-9)
    assert losses[-1] == pytest.approx(6.947e-05, rel=1e-3)


@pytest.mark.parametrize("made_of", ["function", "program"])
def test_the_derived_program_gives_the_same_loss_at_every_step(by_hand, made_of):
    x, y, W1, W2 = notes_data()
    wrt = ["W1", "W2"]
    if made_of == "function":
        step = pb.compile(pb.value_and_grad(program, wrt=wrt))
    else:
        traced = pb.trace(program, x="N D", y="N C", W1="D H", W2="H C")
        step = pb.compile(pb.value_and_grad(traced, wrt=wrt))
    losses = []
    with one_blas_thread():
        for _ in range(STEPS):
            loss, (dW1, dW2) = step(x, y, W1, W2)
            losses.append(loss)
            W1 = W1 - RATE * dW1
            W2 = W2 - RATE * dW2
    assert_same_losses(losses, by_hand[0])
    assert np.allclose(W1, by_hand[1][0], rtol=1e-9, atol=1e-12)


def notes_network():
    return pb.nn.Sequential(pb.nn.Dense(100, bias=False), pb.nn.ReLU(), pb.nn.Dense(10, bias=False))


def test_the_same_network_of_layers_gives_the_same_loss_at_every_step(by_hand):
    """Through the training loop itself, started at the notes' weights."""
    x, y, W1, W2 = notes_data()
    ready = prepare(
        notes_network(),
        x,
        y,
        loss=pb.losses.SquaredError(reduction="sum"),
        optimizer=pb.optim.SGD(RATE),
        batch_size="full",
        epochs=STEPS,
        dtype="float64",
    )
    problem = dataclasses.replace(ready.problem, params={"W1": W1, "W2": W2})
    run = dataclasses.replace(ready, problem=problem).run()
    assert_same_losses([record["loss"] for record in run.history[1:]], by_hand[0])
    assert run.history[0]["loss"] == run.history[1]["loss"]
    for name, expected in zip(("W1", "W2"), by_hand[1], strict=True):
        assert np.allclose(run.model.params[name], expected, rtol=1e-9, atol=1e-12)
    assert "accuracy" not in run.history[0]


def test_the_step_of_the_network_is_the_step_by_hand():
    x, y, W1, W2 = notes_data()
    ready = prepare(
        notes_network(), x, y, loss=pb.losses.SquaredError(reduction="sum"), dtype="float64"
    )
    result = executable(ready.step)(x, y, {"W1": W1, "W2": W2}, {}, {}, {"learning_rate": RATE})
    h = x @ W1
    difference = np.maximum(h, 0) @ W2 - y
    dW2 = np.maximum(h, 0).T @ (2 * difference)
    dW1 = x.T @ ((2 * difference @ W2.T) * (h > 0))
    assert result["loss"] == pytest.approx(np.sum(difference**2), rel=1e-13)
    assert np.allclose(result["params"]["W1"], W1 - RATE * dW1, rtol=1e-12)
    assert np.allclose(result["params"]["W2"], W2 - RATE * dW2, rtol=1e-12)


# --------------------------------------------------------------------------------- the spiral


def spiral(rows=100, classes=3):
    """The toy data of CS231n: as many arms as classes, wound around each other."""
    random = np.random.RandomState(0)
    X, y = [], []
    for arm in range(classes):
        radius = np.linspace(0.0, 1, rows)
        angle = np.linspace(arm * 4, (arm + 1) * 4, rows) + random.randn(rows) * 0.2
        X.append(np.c_[radius * np.sin(angle), radius * np.cos(angle)])
        y += [arm] * rows
    return np.concatenate(X), np.array(y)


def accuracy_on_spiral(network, rate):
    X, y = spiral()
    run = pb.train(
        network, X, y, optimizer=pb.optim.SGD(rate), batch_size="full", epochs=2500, seed=0
    )
    shares = np.mean(run.model.predict(X) == y)
    assert shares == pytest.approx(run.history[-1]["accuracy"], abs=0.02)
    return shares


def test_a_network_learns_the_spiral():
    hidden = pb.nn.Sequential(pb.nn.Dense(100), pb.nn.ReLU(), pb.nn.Dense(3))
    assert accuracy_on_spiral(hidden, 1.0) > 0.95


def test_a_linear_model_cannot():
    assert accuracy_on_spiral(pb.nn.Sequential(pb.nn.Dense(3)), 1.0) < 0.6
