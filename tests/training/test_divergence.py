"""A run that meets NaN or infinity stops at that step and says which operation made it."""

import re

import numpy as np
import pytest

import pullback as pb
from pullback.errors import TrainingError, UsageError
from pullback.training import Callback, EarlyStopping

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
NUMBERS = X @ [1.0, 2.0, 3.0]
SQUARED = pb.losses.SquaredError()


def network(outputs=2, activation=None):
    return pb.nn.Sequential(pb.nn.Dense(4), activation or pb.nn.ReLU(), pb.nn.Dense(outputs))


class Witness(Callback):
    """Keeps the variables after each step."""

    def __init__(self):
        self.seen = []

    def on_step(self, training, progress):
        self.seen.append(training.variables)


def diverged(model, y, **settings):
    """The error of a run, its text, and what was seen after each good step."""
    witness = Witness()
    with pytest.raises(TrainingError) as caught:
        pb.train(model, X, y, **{"callbacks": [witness], "epochs": 300, **settings})
    text = str(caught.value)
    assert text.startswith("Training diverged at epoch ")
    assert "\n" not in text
    assert text.endswith(".")
    for variables in witness.seen:
        for part in (variables.params, variables.state):
            assert all(np.all(np.isfinite(array)) for array in part.values())
    assert all(np.all(np.isfinite(W)) for W in caught.value.run.model.params.values())
    return caught.value, text, witness.seen


def row(value):
    """A loss of a row: the sum over the columns of an expression of outputs and targets."""
    return lambda outputs, targets: np.sum(value(outputs) * targets, axis=1)


HIDDEN = "0.0 hides a NaN that the gradient meets again"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("model", "loss", "told"),
    [
        (network(), row(lambda o: np.exp(1e3 * o)), r"infinity is in exp \(forward\), made by exp"),
        (network(), row(lambda o: np.log(np.maximum(o, 0))), r"in log \(forward\), made by log"),
        (network(), row(lambda o: (o - o) / (o - o)), r"NaN is in divide \(forward\).* and subtra"),
        (network(), row(np.sqrt), r"NaN is in sqrt \(forward\), made by sqrt of outputs in \[-"),
        (network(), row(lambda o: np.sqrt(np.maximum(o, 0))), r"in divide_\d \(backward\), made"),
        (
            network(activation=lambda z: np.where(z > 0, np.sqrt(z), 0.0)),  # see HIDDEN
            pb.losses.CrossEntropy(),
            r"NaN is in sqrt \(forward\), made by sqrt of z1 in \[-",
        ),
    ],
    ids=["exp", "log 0", "0/0", "sqrt -1", "sqrt 0", HIDDEN],
)
def test_what_is_no_fault_of_training(model, loss, dtype, told):
    _, text, seen = diverged(model, Y, loss=loss, dtype=dtype, batch_size="full")
    assert text.startswith("Training diverged at epoch 1, step 1. The first ")
    assert re.search(told, text)
    assert text.endswith("look at the data, the initial weights and the loss.")
    assert seen == []


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_learning_rate_too_large(dtype, accumulate):
    rule = pb.optim.SGD(1e4)
    error, text, seen = diverged(
        network(1),
        NUMBERS,
        loss=SQUARED,
        optimizer=rule,
        dtype=dtype,
        batch_size=5,
        accumulate=accumulate,
    )
    steps = -(-40 // (5 * accumulate))
    epoch, step = len(seen) // steps + 1, len(seen) % steps + 1
    assert text.startswith(f"Training diverged at epoch {epoch}, step {step}. The first ")
    assert text.endswith("below 10000, or inputs with scaling 'standard'.")
    for name, value in seen[-1].params.items():
        assert np.array_equal(error.run.model.params[name], value)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_update_that_overflows_is_the_step_that_is_told(accumulate):
    """The loss of that step is finite: nobody may see the weights that it made."""
    rule = pb.optim.SGD(1e300)
    _, text, seen = diverged(network(), Y, optimizer=rule, accumulate=accumulate)
    assert text.startswith("Training diverged at epoch 1, step 1. The first infinity is in ")
    assert "(update), made by multiply of learning_rate = 1e+300 and " in text
    assert seen == []


def test_running_statistics_that_overflow():
    net = pb.nn.Sequential(pb.nn.Dense(4), pb.nn.BatchNorm(), pb.nn.ReLU(), pb.nn.Dense(1))
    diverged(net, NUMBERS, loss=SQUARED, optimizer=pb.optim.SGD(1e4), dtype="float64")


def test_gradients_that_overflow_when_they_are_joined():
    """Ten batches of four rows: their gradients are 4e37 each, float32 ends at 3.4e38."""
    with pytest.raises(TrainingError, match="The first infinity is in .*W1.*, the sum over the b"):
        pb.train(
            pb.nn.Sequential(pb.nn.Dense(1, weights="zeros")),
            np.full((40, 1), 1e37),
            np.full(40, -1.0),
            loss=pb.losses.AbsoluteError(reduction="sum"),
            batch_size=4,
            accumulate=10,
        )


def test_early_stopping_brings_the_best_weights_back_from_a_run_that_diverges():
    watch = EarlyStopping(patience=1000)
    error, text, _ = diverged(
        network(1),
        NUMBERS,
        loss=SQUARED,
        optimizer=pb.optim.SGD(1e2),
        validation=0.3,
        callbacks=[watch],
    )
    assert "The last good weights stay" in text
    for name, value in watch.best["params"].items():
        assert np.array_equal(error.run.model.params[name], value)


def test_no_step_that_is_fine_is_refused():
    """Sums of squares overflow long before the numbers do."""
    huge = pb.nn.Sequential(pb.nn.Dense(2, weights=lambda r, i, o: np.full((i, o), 1e25)))
    run = pb.train(huge, X, Y, epochs=2)
    assert np.max(run.model.params["W1"]) > 1e24


def test_initial_weights_that_the_dtype_cannot_hold_are_refused():
    beyond = pb.nn.Dense(2, weights=lambda random, inputs, outputs: np.full((3, 2), 1e300))
    with pytest.raises(UsageError, match="W1 begins with inf in float32: initial weights must"):
        pb.train(pb.nn.Sequential(beyond), X, Y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_solver_that_cannot_begin_tells_the_operation(dtype):
    with pytest.raises(TrainingError) as caught:
        pb.train(
            network(),
            X,
            Y,
            loss=row(np.sqrt),
            optimizer=pb.optim.LBFGS(),
            batch_size="full",
            dtype=dtype,
        )
    text = str(caught.value)
    assert text.startswith("L-BFGS cannot begin: ")
    assert "The first NaN is in sqrt (forward), made by sqrt of outputs in [-" in text
    assert caught.value.run.model.predict(X).shape == (40,)
