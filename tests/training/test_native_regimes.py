"""What Python steps through runs natively too: accumulated batches, L-BFGS, the look at all rows.

The emitted loops run as they stand, without a compiler.
"""

from collections import Counter

import numpy as np
import pytest

import pullback as pb
from pullback.engines import choice
from pullback.engines.native import NotCompilable, machine
from pullback.errors import UsageError
from pullback.training import pieces

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(26, 3))
Y = RANDOM.integers(0, 3, size=26)


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    """The native engine without Numba; how often each loaded source was called."""
    loaded = Counter()

    def plain(source, entry, arguments):
        function = machine.load_plain(source)[entry]
        loaded[source] += 0

        def counted(*given):
            loaded[source] += 1
            return function(*given)

        return counted

    monkeypatch.setattr(machine, "load_native", plain)
    monkeypatch.setattr(choice, "missing_for_native", lambda: "")
    return loaded


def network():
    layers = [pb.nn.Dense(4), pb.nn.BatchNorm(), pb.nn.Tanh(), pb.nn.Dropout(0.3), pb.nn.Dense(3)]
    return pb.nn.Sequential(*layers)


def both(make=network, **settings):
    return [pb.train(make(), X, Y, engine=e, **settings) for e in ("reference", "native")]


def losses(run):
    return [record["loss"] for record in run.history]


def test_accumulated_batches(uncompiled):
    weights = np.where(np.arange(26) % 5, 1.0, 0.0)
    settings = {"batch_size": 4, "accumulate": 3, "dtype": "float64", "penalty": pb.losses.L2(0.1)}
    reference, native = both(epochs=3, sample_weight=weights, **settings)
    assert np.allclose(losses(native), losses(reference), rtol=1e-10)
    for name, value in reference.model.params.items():
        assert np.allclose(native.model.params[name], value, rtol=1e-10, atol=1e-12)
    assert native.settings == {**reference.settings, "engine": "native"}
    assert native.engine_source().count("def call(") == 2
    # 26 rows are 7 batches, which make 3 steps, in each of 3 epochs.
    assert sorted(uncompiled.values()) == [3 * 3, 3 * 7]
    assert native.model.engine == "native"


def test_a_solver(uncompiled):
    def smooth():
        return pb.nn.Sequential(pb.nn.Dense(4), pb.nn.Tanh(), pb.nn.Dense(3))

    rule = pb.optim.LBFGS(iterations=8)
    reference, native = both(smooth, batch_size="full", optimizer=rule, dtype="float64")
    assert np.allclose(losses(native), losses(reference), rtol=1e-8)
    assert native.settings["engine"] == "native"
    assert native.engine_source().count("def call(") == 1
    (called,) = uncompiled.values()
    assert called >= 8


def test_auto_decides_from_sizes():
    kinds = (
        {"accumulate": 2, "batch_size": 4, "epochs": 2},
        {"batch_size": "full", "optimizer": pb.optim.LBFGS()},
    )
    for settings in kinds:
        net = pb.nn.Sequential(pb.nn.Dense(3))
        few = pb.training.prepare(net, X, Y, **settings)
        assert few.engine == "reference"
    many = pb.training.prepare(network(), X, Y, **{**kinds[0], "epochs": 50_000})
    assert many.engine == "native"


@pytest.mark.parametrize("accumulate", [1, 2])
def test_all_rows_are_looked_at_natively_where_that_is_worth_it(
    accumulate, uncompiled, monkeypatch
):
    monkeypatch.setattr(choice, "SECONDS_TO_COMPILE", 0.0)
    settings = {"batch_size": 13, "accumulate": accumulate, "dtype": "float64"}
    reference, native = both(epochs=2, validation=0.3, **settings)
    assert sum("evaluate, once" in source for source in uncompiled) == 1
    for record, other in zip(native.history, reference.history, strict=True):
        for name in ("validation_loss", "validation_accuracy", "loss"):
            assert np.isclose(record[name], other[name], rtol=1e-10)


def test_a_failure_is_told_as_by_the_reference_engine():
    told = []
    settings = {"accumulate": 2, "batch_size": 4, "dtype": "float64", "epochs": 3}
    settings["optimizer"] = pb.optim.SGD(learning_rate=1e200)
    for engine in ("reference", "native"):
        with pytest.raises(pb.PullbackError) as caught:
            pb.train(network(), X, Y, engine=engine, **settings)
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_what_cannot_be_compiled(monkeypatch):
    def refuse(program):
        raise NotCompilable("h1 = sort(...) cannot be compiled: there are no loops.")

    monkeypatch.setattr(choice, "native_executable", refuse)
    settings = {"batch_size": 4, "accumulate": 2}
    with pytest.raises(UsageError, match=r"engine='native': h1 = sort\(\.\.\.\)"):
        pb.train(network(), X, Y, engine="native", epochs=1, **settings)
    monkeypatch.setattr(choice, "SECONDS_TO_COMPILE", 0.0)
    with pytest.warns(UserWarning, match="This runs on the reference engine: h1"):
        run = pb.train(network(), X, Y, epochs=1, **settings)
    assert run.settings["engine"] == "reference"


@pytest.mark.parametrize(("batch", "steps", "epochs"), [("full", 1, 150), (3, 3, 50)])
def test_epochs_in_one_call(uncompiled, monkeypatch, batch, steps, epochs):
    """The same bits as step by step, in calls of more steps than there was room for at first."""
    monkeypatch.setattr(pieces.Pace, "steps", lambda self, left: left if self.seconds else 1)
    settings = {"batch_size": batch, "sampling": "ordered", "epochs": epochs, "engine": "native"}
    one, ahead = (
        pb.train(network(), X[:8], Y[:8], callbacks=callbacks, **settings)
        for callbacks in ([lambda progress: None], [])
    )
    assert losses(one) == losses(ahead)
    for name, value in one.model.params.items():
        assert np.array_equal(value, ahead.model.params[name])
    (calls,) = uncompiled.values()
    assert steps * epochs < calls < steps * epochs + 20
