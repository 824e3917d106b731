"""Full batch, mini-batches, one sample at a time: the steps are those of a hand-written loop."""

import numpy as np
import pytest

import pullback as pb
from pullback.data.batches import batch_slices, epoch_order

RANDOM = np.random.default_rng(3)
ROWS = 23
X = RANDOM.normal(size=(ROWS, 4))
Y = RANDOM.integers(0, 3, size=ROWS)
TARGETS = RANDOM.normal(size=(ROWS, 2))


def network(outputs):
    return pb.nn.Sequential(pb.nn.Dense(6), pb.nn.ReLU(), pb.nn.Dense(outputs))


def by_hand(targets, kind, batch_size, epochs, rate, seed):
    """Losses of all steps, the rows of each, and the final parameters: NumPy alone."""
    outputs = targets.shape[1]
    params, _ = network(outputs).init(np.random.default_rng(seed), (4,))
    W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
    epochs_of_steps = []
    for epoch in range(1, epochs + 1):
        steps = []
        slices = batch_slices(ROWS, batch_size)
        order = epoch_order(ROWS, seed, epoch) if len(slices) > 1 else np.arange(ROWS)
        for rows in slices:
            x, y = X[order[rows]], targets[order[rows]]
            z = x @ W1 + b1
            h = np.maximum(z, 0)
            out = h @ W2 + b2
            if kind == "cross-entropy":
                p = np.exp(out) / np.sum(np.exp(out), axis=1, keepdims=True)
                loss = -np.mean(np.log(np.sum(p * y, axis=1)))
                d_out = (p - y) / len(x)
            else:
                loss = np.mean(np.sum((out - y) ** 2, axis=1))
                d_out = 2 * (out - y) / len(x)
            d_z = (d_out @ W2.T) * (z > 0)
            W2, b2 = W2 - rate * (h.T @ d_out), b2 - rate * d_out.sum(axis=0)
            W1, b1 = W1 - rate * (x.T @ d_z), b1 - rate * d_z.sum(axis=0)
            steps.append((loss, len(x)))
        epochs_of_steps.append(steps)
    return epochs_of_steps, {"W1": W1, "b1": b1, "W2": W2, "b2": b2}


@pytest.mark.parametrize("batch_size", ["full", ROWS, 100, 8, 1])
@pytest.mark.parametrize("kind", ["cross-entropy", "squared-error"])
def test_training_is_the_hand_written_loop(kind, batch_size):
    labelled = kind == "cross-entropy"
    targets = np.eye(3)[Y] if labelled else TARGETS
    progress = []
    run = pb.train(
        network(targets.shape[1]),
        X,
        Y if labelled else TARGETS,
        loss=pb.losses.CrossEntropy() if labelled else pb.losses.SquaredError(),
        optimizer=pb.optim.SGD(0.05),
        batch_size=batch_size,
        epochs=3,
        seed=11,
        dtype="float64",
        callbacks=progress.append,
    )
    size = ROWS if batch_size in ("full", 100) else batch_size
    epochs, params = by_hand(targets, kind, size, 3, 0.05, 11)
    for name, expected in params.items():
        assert np.allclose(run.model.params[name], expected, rtol=1e-10, atol=1e-13)

    # The history's loss is the mean over an epoch's rows, a smaller last batch included.
    for record, steps in zip(run.history[1:], epochs, strict=True):
        weighted = sum(loss * rows for loss, rows in steps) / ROWS
        assert record["loss"] == pytest.approx(weighted, rel=1e-12)

    # And so is what a progress bar shows.
    flat = [step for steps in epochs for step in steps]
    assert [p.epoch for p in progress] == [e for e, s in enumerate(epochs, 1) for _ in s]
    assert [p.step for p in progress] == [k for s in epochs for k in range(1, len(s) + 1)]
    assert {(p.epochs, p.steps) for p in progress} == {(3, len(epochs[0]))}
    assert len(flat) == len(progress)
    assert progress[0].loss == pytest.approx(flat[0][0], rel=1e-12)
    assert progress[-1].loss == pytest.approx(run.history[-1]["loss"], rel=1e-12)
    assert all((p.accuracy is not None) == labelled for p in progress)


def test_batches_of_8_leave_a_last_one_of_7():
    assert [s.stop - s.start for s in batch_slices(ROWS, 8)] == [8, 8, 7]


def test_the_first_record_is_before_the_first_step():
    run = pb.train(network(3), X, Y, batch_size=8, epochs=2, dtype="float64")
    params, _ = network(3).init(np.random.default_rng(0), (4,))
    logits = np.maximum(X @ params["W1"], 0) @ params["W2"]
    expected = pb.losses.CrossEntropy()(logits, np.eye(3)[Y])
    assert run.history[0]["epoch"] == 0
    assert run.history[0]["loss"] == pytest.approx(expected, rel=1e-12)
    assert run.history[0]["accuracy"] == np.mean(np.argmax(logits, axis=1) == Y)
    assert [record["epoch"] for record in run.history] == [0, 1, 2]


def test_validation_is_evaluated_after_each_epoch_and_never_trained_on():
    held_out = (RANDOM.normal(size=(9, 4)), RANDOM.integers(0, 3, size=9))
    settings = {"batch_size": 8, "epochs": 3, "dtype": "float64"}
    run = pb.train(network(3), X, Y, validation=held_out, **settings)
    without = pb.train(network(3), X, Y, **settings)
    for name, value in without.model.params.items():
        assert np.array_equal(run.model.params[name], value)
    record = run.history[-1]
    loss = pb.losses.CrossEntropy()(run.model.outputs(held_out[0]), np.eye(3)[held_out[1]])
    assert record["validation_loss"] == pytest.approx(loss, rel=1e-12)
    assert record["validation_accuracy"] == np.mean(run.model.predict(held_out[0]) == held_out[1])
    assert set(without.history[-1]) == set(record) - {"validation_loss", "validation_accuracy"}


def test_evaluation_in_parts_is_the_mean_over_all_rows():
    rows = 9001  # more than are evaluated at once, and no multiple of it
    X, y = RANDOM.normal(size=(rows, 2)), RANDOM.integers(0, 2, size=rows)
    model = pb.nn.Sequential(pb.nn.Dense(2))
    run = pb.train(model, X, y, batch_size=5000, epochs=1, validation=(X, y), dtype="float64")
    outputs = run.model.outputs(X)
    loss = pb.losses.CrossEntropy()(outputs, np.eye(2)[y])
    assert run.history[-1]["validation_loss"] == pytest.approx(loss, rel=1e-12)


def test_a_sum_is_a_sum_over_the_epoch():
    loss = pb.losses.SquaredError("sum")
    settings = {"optimizer": pb.optim.SGD(1e-300), "batch_size": 8, "epochs": 1}
    run = pb.train(network(2), X, TARGETS, loss=loss, dtype="float64", **settings)
    assert run.history[1]["loss"] == pytest.approx(loss(run.model.outputs(X), TARGETS), rel=1e-12)
    assert run.history[0]["loss"] == pytest.approx(run.history[1]["loss"], rel=1e-12)


@pytest.mark.parametrize("scalar", [False, True])
def test_custom_losses_train_like_the_built_in_one(scalar):
    def rows(outputs, targets):
        return np.sum((outputs - targets) ** 2, axis=1)

    def number(outputs, targets):
        return np.mean(np.sum((outputs - targets) ** 2, axis=1))

    settings = {"optimizer": pb.optim.SGD(0.05), "batch_size": 8, "epochs": 2, "dtype": "float64"}
    run = pb.train(network(2), X, TARGETS, loss=number if scalar else rows, **settings)
    built_in = pb.train(network(2), X, TARGETS, loss=pb.losses.SquaredError(), **settings)
    for name, value in built_in.model.params.items():
        assert np.allclose(run.model.params[name], value, rtol=1e-12, atol=1e-15)
    assert run.history[-1]["loss"] == pytest.approx(built_in.history[-1]["loss"], rel=1e-12)


def test_the_default_learning_rate_stands_in_the_settings():
    for batch_size, rate in [(8, 1 / 16), ("full", 23 / 128), (1, 1 / 128)]:
        run = pb.train(network(3), X, Y, batch_size=batch_size, epochs=1)
        assert run.settings["learning_rate"] == rate
        assert run.settings["learning_rate_rule"] == "min(1 * rows_per_step / 128, 0.5)"
    run = pb.train(network(3), X, Y, optimizer=pb.optim.SGD(0.1), epochs=1)
    assert run.settings["learning_rate"] == 0.1
    assert run.settings["learning_rate_rule"] == "given"


class CountsBatches:
    """A layer with a state that training changes."""

    def init(self, random, shape):
        return {}, {"batches": np.zeros(())}

    def apply(self, params, state, x, *, training):
        return x, {"batches": state["batches"] + 1.0} if training else state

    def __str__(self):
        return "CountsBatches"


class AddsItsState(CountsBatches):
    def apply(self, params, state, x, *, training):
        return x + state["batches"], {"batches": state["batches"] + 1.0} if training else state


def test_the_state_of_layers_is_carried_along_and_kept_in_the_model():
    model = pb.nn.Sequential(pb.nn.Dense(2, bias=False), AddsItsState())
    settings = {"loss": pb.losses.SquaredError(), "batch_size": 8, "epochs": 2}
    with pytest.warns(UserWarning, match="made the loss worse"):  # the state shifts the outputs
        run = pb.train(model, X, TARGETS, dtype="float64", **settings)
    expected = X @ run.model.params["W1"] + 6.0  # two epochs of three steps
    assert np.allclose(run.model.outputs(X), expected, rtol=1e-12)
