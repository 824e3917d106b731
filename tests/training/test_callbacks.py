"""Callbacks: when they are called, how they stop a run, early stopping, plateaus."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError
from pullback.training import Callback, EarlyStopping, ReduceOnPlateau

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(40, 4)), RANDOM.integers(0, 2, size=40)


def network():
    return pb.nn.Sequential(pb.nn.Dense(32), pb.nn.ReLU(), pb.nn.Dense(2))


class Diary(Callback):
    def __init__(self):
        self.lines = []

    def on_begin(self, training):
        self.lines.append("begin")

    def on_step(self, training, progress):
        self.lines.append(f"step {progress.epoch}.{progress.step}")

    def on_epoch(self, training, record):
        self.lines.append(f"epoch {record['epoch']}")

    def on_end(self, training):
        self.lines.append("end")


def test_the_order_of_calls():
    diary = Diary()
    pb.train(network(), X, Y, batch_size=20, epochs=2, callbacks=[diary])
    assert diary.lines == (
        "begin|epoch 0|step 1.1|step 1.2|epoch 1|step 2.1|step 2.2|epoch 2|end".split("|")
    )


def test_a_function_is_called_after_each_step():
    seen = []
    pb.train(network(), X, Y, batch_size=20, epochs=2, callbacks=seen.append)
    assert [(p.epoch, p.step, p.steps) for p in seen] == [
        (1, 1, 2),
        (1, 2, 2),
        (2, 1, 2),
        (2, 2, 2),
    ]


def test_stopping_after_a_step():
    class Stop(Callback):
        def on_step(self, training, progress):
            if training.updates == 3:
                training.stop("enough")

    diary = Diary()
    run = pb.train(network(), X, Y, batch_size=20, epochs=9, callbacks=[Stop(), diary])
    assert run.ended == "enough"
    assert diary.lines[-2:] == ["step 2.1", "end"]
    assert [record["epoch"] for record in run.history] == [0, 1]


def test_an_error_in_a_callback_reaches_the_caller_and_the_end_is_told():
    class Broken(Callback):
        def on_epoch(self, training, record):
            if record["epoch"] == 1:
                raise ZeroDivisionError

    diary = Diary()
    with pytest.raises(ZeroDivisionError) as caught:
        pb.train(network(), X, Y, callbacks=[Broken(), diary])
    assert diary.lines[-1] == "end"
    (note,) = caught.value.__notes__
    assert note.startswith("Training ended by it in epoch 1, after 2 updates; the `run` of this")
    run = caught.value.run
    assert [record["epoch"] for record in run.history] == [0, 1]
    whole = pb.train(network(), X, Y, epochs=1)
    assert np.array_equal(run.model.outputs(X), whole.model.outputs(X))


@pytest.mark.parametrize("method", ["on_begin", "on_step", "on_end"])
def test_an_error_in_any_method_ends_the_run_for_all_callbacks(method):
    class Broken(Callback):
        pass

    def fail(*_):
        raise LookupError("no such log")

    setattr(Broken, method, fail)
    diary, other = Diary(), Diary()
    with pytest.raises(LookupError, match="no such log"):
        pb.train(network(), X, Y, callbacks=[diary, Broken(), other])
    assert diary.lines[-1] == other.lines[-1] == "end"


def test_a_run_that_is_stopped_after_the_last_step_of_an_epoch_has_its_record():
    class Stop(Callback):
        def on_step(self, training, progress):
            if training.updates == 4:
                training.stop("enough")

    run = pb.train(network(), X, Y, batch_size=20, epochs=9, callbacks=[Stop()])
    assert [record["epoch"] for record in run.history] == [0, 1, 2]


@pytest.mark.parametrize("reason", ["", " ", None, 5])
def test_a_stop_has_a_reason(reason):
    class Stop(Callback):
        def on_step(self, training, progress):
            training.stop(reason)

    with pytest.raises(UsageError, match="it must be a reason in words"):
        pb.train(network(), X, Y, callbacks=[Stop()])


@pytest.mark.parametrize("factor", [-1, np.nan, np.inf, "half", None])
def test_the_rate_factor_that_a_callback_sets_is_checked(factor):
    class Set(Callback):
        def on_epoch(self, training, record):
            training.rate_factor = factor

    with pytest.raises(UsageError, match=r"rate_factor=.*finite number of at least 0"):
        pb.train(network(), X, Y, callbacks=[Set()])


def test_early_stopping_brings_the_best_weights_back():
    run = pb.train(
        network(),
        X,
        Y,
        validation=0.4,
        optimizer=pb.optim.Adam(0.02),
        epochs=400,
        early_stopping=8,
    )
    losses = [record["validation_loss"] for record in run.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 9
    assert f"the best was {losses[best]:.6g} after epoch {best}" in run.ended
    again = pb.train(
        network(), X, Y, validation=0.4, optimizer=pb.optim.Adam(0.02), epochs=max(best, 1)
    )
    assert best > 0
    for name, value in run.model.params.items():
        assert np.array_equal(value, again.model.params[name])


def test_accuracy_is_better_when_larger():
    watch = EarlyStopping(patience=3, monitor="accuracy")
    run = pb.train(network(), X, Y, epochs=300, callbacks=[watch], optimizer=pb.optim.Adam(0.05))
    accuracies = [record["accuracy"] for record in run.history]
    assert watch.best["value"] == max(accuracies)


def test_a_plateau_reduces_the_learning_rate_from_then_on():
    plateau = ReduceOnPlateau(factor=0.5, patience=2, monitor="loss", least_improvement=10.0)
    run = pb.train(network(), X, Y, epochs=9, optimizer=pb.optim.SGD(0.08), callbacks=[plateau])
    rates = [record["learning_rate"] for record in run.history]
    # The record of an epoch is written before the callbacks hear of it.
    assert rates == [0.08] * 3 + [0.04] * 2 + [0.02] * 2 + [0.01] * 2 + [0.005]


def test_bad_settings():
    with pytest.raises(UsageError, match="patience=0"):
        EarlyStopping(patience=0)
    with pytest.raises(UsageError, match=r"monitor=5\): it must name a column"):
        EarlyStopping(monitor=5)
    with pytest.raises(UsageError, match="factor=1"):
        ReduceOnPlateau(factor=1)
    with pytest.raises(UsageError, match="least_improvement=-1"):
        EarlyStopping(least_improvement=-1)
    with pytest.raises(UsageError, match=r"monitor='validation_los'.*did you mean|has epoch"):
        pb.train(network(), X, Y, callbacks=[EarlyStopping(monitor="validation_los")])


def test_a_callback_serves_two_runs():
    watch = EarlyStopping(patience=2, monitor="loss", least_improvement=10.0)
    lengths = [
        len(pb.train(network(), X, Y, epochs=30, callbacks=[watch]).history) for _ in range(2)
    ]
    assert lengths == [3, 3]
