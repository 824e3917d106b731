"""Steps in pieces: what a run on an engine of machine code shares with one step by step.

The engine is a stand-in that does the steps of the reference one after the other, so all numbers
must be the same to the last bit, however the steps are cut into pieces.
"""

import signal
import threading
import time
import warnings

import numpy as np
import pytest

import pullback as pb
from pullback.engines import choice
from pullback.engines.native import NotCompilable
from pullback.engines.reference import executable
from pullback.errors import TrainingError, UsageError
from pullback.training import Callback, pieces
from pullback.training.steps import draws_of

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
NUMBERS = X @ [1.0, 2.0, 3.0]
SQUARED = pb.losses.SquaredError()
WEIGHTS = np.where(np.arange(60) < 20, 0.0, RANDOM.uniform(0.5, 2.0, 60))


class Standin:
    """`NativeSteps` of the reference engine."""

    made, most, source = 0, 10**9, "def steps(): ..."

    def __init__(self, step, inputs, variables, seed, lengths, threads):
        assert threads >= 1
        type(self).made += 1
        self.calls = []
        self.lengths = set(lengths)
        self.inputs, self.step, self.flat = inputs, step, executable(step).flat
        self.seed, self.values = seed, [np.array(value) for value in variables]
        self.told, width, self.order_of_told = [], 0, []
        paths = list(step.result.paths())
        for path, atom in zip(paths, step.outputs, strict=True):
            if path[0] in ("loss", "penalty", "metrics"):
                entries = int(np.prod(atom.aval.shape))
                self.told.append((path, slice(width, width + entries)))
                width += entries
        self.width = width

    def run(self, starts, lengths, order, first_update, numbers):
        self.calls.append(len(starts))
        told = np.zeros((len(starts), self.width))
        given = {"seed": self.seed, "first_row": 0}
        for i in range(min(len(starts), self.most)):
            assert lengths[i] in self.lengths
            chosen = slice(starts[i], starts[i] + lengths[i])
            rows = [a[chosen if order is None else order[chosen]] for a in self.inputs]
            draws = {n: {**given, "step": first_update + i}[n] for n in draws_of(self.step)}
            result = self.flat(*rows, *self.values, *numbers[i].tolist(), **draws)
            values = dict(zip(("params", "state"), ({}, {}), strict=True)) | result
            for path, columns in self.told:
                value = values[path[0]] if len(path) == 1 else values[path[0]][path[1]]
                told[i, columns] = value
            parts = [*values["params"].values(), *values["state"].values()]
            parts += [a for part in values.get("rule_state", {}).values() for a in part.values()]
            for old, new in zip(self.values, parts, strict=True):
                old[...] = new
            if not np.isfinite(result["loss"]):
                return i + 1, told
        return len(starts), told

    def is_finite(self):
        return all(np.all(np.isfinite(value)) for value in self.values)

    def variables(self):
        return self.values

    def restore(self, variables):
        for old, new in zip(self.values, variables, strict=True):
            old[...] = new

    def interrupt(self):
        pass

    def close(self):
        self.closed = True


@pytest.fixture
def engines(monkeypatch):
    """All stand-ins that were made."""
    made = []
    monkeypatch.setattr(choice, "missing_for_native", lambda: "")
    monkeypatch.setattr(
        choice, "native_steps", lambda *given: made.append(Standin(*given)) or made[-1]
    )
    return made


def network(outputs=2, *between):
    return pb.nn.Sequential(pb.nn.Dense(5), *between, pb.nn.ReLU(), pb.nn.Dense(outputs))


def records(run):
    """The history without its times, as text, since NaN is not equal to NaN."""
    return [repr({k: v for k, v in r.items() if "second" not in k}) for r in run.history]


def assert_same(one, other):
    assert records(one) == records(other)
    for name, value in one.model.params.items():
        assert np.array_equal(value, other.model.params[name]), name


NETS = {"plain": (network, Y), "numbers": (lambda: network(1), NUMBERS)}
NETS["columns"] = lambda: network(2), np.stack([NUMBERS, -NUMBERS], 1)
NETS["state and draws"] = lambda: network(2, pb.nn.BatchNorm(), pb.nn.Dropout(0.3)), Y

SETTINGS = {
    "plain": {},
    "ordered": {"sampling": "ordered", "optimizer": pb.optim.Adam()},
    "replacement": {"sampling": "replacement", "average": 0.9},
    "full": {"batch_size": "full", "optimizer": pb.optim.Momentum(0.1)},
    "one row": {"loss": SQUARED, "batch_size": 1, "epochs": 2, "net": "numbers"},
    "weights": {"sample_weight": WEIGHTS, "sampling": "ordered", "batch_size": 7},
    "shuffled weights": {"sample_weight": WEIGHTS, "batch_size": 2, "optimizer": pb.optim.Adam()},
    "penalty": {"penalty": pb.losses.L2(1e-2), "schedule": pb.optim.Cosine(), "clip_norm": 1.0},
    "sum": {"loss": pb.losses.SquaredError(reduction="sum"), "net": "columns", "validation": 0.2},
    "state": {"net": "state and draws", "optimizer": pb.optim.AdamW(), "dtype": "float64"},
    "own schedule": {"schedule": lambda step: 1.0 if step < 20 else 0.5},
}


@pytest.mark.parametrize("seconds", [0.0, 0.002, 0.1])
@pytest.mark.parametrize("name", SETTINGS)
def test_pieces_change_no_bit(engines, monkeypatch, name, seconds):
    monkeypatch.setattr("pullback.training.keeper.SECONDS", seconds)
    settings = {"epochs": 5, "batch_size": 8, **SETTINGS[name]}
    make, y = NETS[settings.pop("net", "plain")]
    whole = pb.train(make(), X, y, engine="reference", **settings)
    pieces = pb.train(make(), X, y, engine="native", **settings)
    assert pieces.settings == {**whole.settings, "engine": "native"}
    assert pieces.engine_source() == Standin.source
    if name in ("weights", "shuffled weights"):  # their sums are in float64, not in float32
        losses = [[record["loss"] for record in run.history] for run in (whole, pieces)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-6)
        for key, value in whole.model.params.items():
            assert np.array_equal(value, pieces.model.params[key])
    else:
        assert_same(whole, pieces)
    assert engines[0].closed


def test_running_twice_takes_an_engine_for_each(engines):
    ready = pb.training.prepare(network(), X, Y, engine="native", epochs=2)
    assert_same(ready.run(), ready.run())
    assert len(engines) == 2


def test_callbacks_see_each_step_or_each_piece(engines):
    class Seen(Callback):
        def __init__(self):
            self.steps, self.weights = [], []

        def on_step(self, training, progress):
            self.steps.append((progress.epoch, progress.step, progress.loss))
            self.weights.append(training.variables.params["W1"])

    class Seldom(Seen):
        each_step = False

    settings = {"epochs": 3, "batch_size": 8, "optimizer": pb.optim.Adam()}
    expected, each, seldom, functions = Seen(), Seen(), Seldom(), []
    pb.train(network(), X, Y, callbacks=[expected], engine="reference", **settings)
    pb.train(network(), X, Y, callbacks=[each], engine="native", **settings)
    assert each.steps == expected.steps
    assert all(map(np.array_equal, each.weights, expected.weights))
    pb.train(network(), X, Y, callbacks=[seldom], engine="native", **settings)
    assert len(seldom.steps) < len(expected.steps)
    assert set(seldom.steps) <= set(expected.steps)
    assert {(epoch, 8) for epoch in (1, 2, 3)} <= {step[:2] for step in seldom.steps}
    pb.train(network(), X, Y, callbacks=functions.append, engine="native", **settings)
    assert len(functions) == len(expected.steps)


def test_checkpoints_and_resume(engines, tmp_path):
    file = tmp_path / "run.safetensors"
    settings = {"batch_size": 8, "optimizer": pb.optim.Adam(), "engine": "native"}

    class Ends(Callback):
        def on_epoch(self, training, record):
            if record["epoch"] == 2 and not training.resumed:
                training.interrupted = True

    calls = {"callbacks": [Ends()]}
    whole = pb.train(network(), X, Y, epochs=6, **settings)
    with pytest.warns(UserWarning, match="stopped by Ctrl-C when 2 of 6"):
        pb.train(network(), X, Y, epochs=6, checkpoint=file, **settings, **calls)
    settings["engine"] = "reference"
    with pytest.raises(UsageError, match="was made with engine='native', not 'reference'"):
        pb.train(network(), X, Y, epochs=6, resume=file, **settings, **calls)
    settings["engine"] = "auto"  # which this work alone would not take to native
    resumed = pb.train(network(), X, Y, epochs=6, resume=file, **settings, **calls)
    assert resumed.settings["engine"] == "native"
    assert_same(whole, resumed)


def test_a_checkpoint_after_each_step(engines, tmp_path):
    settings = {"epochs": 2, "batch_size": 8, "engine": "native"}
    pb.train(network(), X, Y, checkpoint=tmp_path / "c", checkpoint_every=0, **settings)
    assert set(engines[0].calls) == {0, 1}


@pytest.mark.parametrize(
    ("rate", "loss", "batch"),
    [
        (1e4, pb.losses.SquaredError(), 5),
        (1e300, pb.losses.SquaredError(), 5),  # the update overflows before a loss does
        (1e2, pb.losses.SquaredError(), 1),
        (0.1, lambda outputs, targets: np.sum(np.sqrt(outputs), axis=1), 5),
    ],
)
@pytest.mark.parametrize("counts_itself", [True, False])
def test_a_run_that_diverges_tells_what_the_reference_tells(
    engines, monkeypatch, rate, loss, batch, counts_itself
):
    if not counts_itself:  # an engine may count the step that failed, or not
        run = Standin.run

        def uncounted(self, *given):
            done, told = run(self, *given)
            return done - (not np.isfinite(told[:done, 0]).all()), told

        monkeypatch.setattr(Standin, "run", uncounted)
    settings = {"loss": loss, "optimizer": pb.optim.SGD(rate), "batch_size": batch, "epochs": 300}
    errors = []
    for engine in ("reference", "native"):
        with pytest.raises(TrainingError) as caught:
            pb.train(network(1), X, NUMBERS, engine=engine, **settings)
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    assert records(errors[0].run) == records(errors[1].run)
    for name, value in errors[0].run.model.params.items():
        assert np.array_equal(value, errors[1].run.model.params[name])


def test_going_back_repeats_what_was_done_since_the_copy(engines, monkeypatch):
    """Many small epochs between two copies of the variables, and a rate that grows."""
    monkeypatch.setattr(pieces, "KEPT_FOR", 1e9)
    settings = {"loss": pb.losses.SquaredError(), "batch_size": 8, "epochs": 300}
    settings |= {"optimizer": pb.optim.Adam(), "schedule": lambda step: 1.3**step}
    errors = []
    for engine in ("reference", "native"):
        with pytest.raises(TrainingError) as caught:
            pb.train(network(1), X, NUMBERS, engine=engine, **settings)
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    assert len(errors[0].run.history) > 3
    assert_same(errors[0].run, errors[1].run)


def test_what_cannot_be_compiled_runs_on_the_reference_with_one_warning(monkeypatch):
    def refuse(*given):
        raise NotCompilable("There are no loops for sort (line 3).")

    monkeypatch.setattr(choice, "missing_for_native", lambda: "")
    monkeypatch.setattr(choice, "native_steps", refuse)
    monkeypatch.setattr(choice, "SECONDS_TO_COMPILE", 0.0)
    line = r"This runs on the reference engine: There are no loops for sort \(line 3\)\."
    with pytest.warns(UserWarning, match=line) as caught:
        run = pb.train(network(), X, Y, epochs=2)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert run.settings["engine"] == "reference"
    assert "def training_step(" in run.engine_source()
    with pytest.raises(UsageError, match=r"engine='native': There are no loops for sort \(line"):
        pb.train(network(), X, Y, engine="native")
    heard = []
    with choice.telling(heard.append), warnings.catch_warnings():
        warnings.simplefilter("error")
        pb.train(network(), X, Y, epochs=2)
    assert heard == ["This runs on the reference engine: There are no loops for sort (line 3)."]


def test_a_step_that_only_the_native_engine_finds_to_diverge(engines, monkeypatch):
    """As with sin and cos of angles beyond 2^50, which it does not know."""
    run = Standin.run

    def spoiled(self, starts, lengths, order, first_update, numbers):
        done, told = run(self, starts, lengths, order, first_update, numbers)
        if first_update <= 7 < first_update + done:
            told[7 - first_update, 0] = np.nan
            return 8 - first_update, told
        return done, told

    monkeypatch.setattr(Standin, "run", spoiled)
    sentence = "step 8. No operation .* The last good weights stay; try engine='reference', which"
    with pytest.raises(pb.errors.TrainingError, match=sentence):
        pb.train(network(), X, Y, batch_size=2, engine="native")


def test_auto_goes_by_the_sizes_of_the_work(engines):
    assert pb.train(network(), X, Y, epochs=3).settings["engine"] == "reference"
    assert not engines
    large = pb.training.prepare(network(), X, Y, batch_size=1, epochs=10_000)
    assert large.engine == large.settings["engine"] == "native"
    assert len(engines) == 1


def test_refused(monkeypatch):
    monkeypatch.setattr(choice, "missing_for_native", lambda: "The native engine needs numba.")
    assert pb.training.prepare(network(), X, Y, batch_size=1, epochs=9999).engine == "reference"
    with pytest.raises(UsageError, match=r"engine='native': The native engine needs numba\."):
        pb.train(network(), X, Y, engine="native")


class Slow(Standin):
    """A step that takes long and, as machine code does, leaves no room for a signal's handler."""

    presses = (0.1,)

    def run(self, *given):
        if len(given[0]):
            assert threading.current_thread() is not threading.main_thread()
            for after in self.presses:
                signals.append(threading.Timer(after, signal.raise_signal, [signal.SIGINT]))
                signals[-1].start()
            before = [np.array(value) for value in self.values]
            self.restore([value + 1 for value in before])  # half of the step is done
            time.sleep(max(self.presses) + 0.3)
            self.restore(before)
        return super().run(*given)


signals = []


@pytest.fixture
def slow(engines, monkeypatch):
    """The engine is `Slow`."""
    monkeypatch.setattr(choice, "native_steps", Slow)
    signals.clear()
    yield
    for timer in signals:
        timer.join()


@pytest.mark.usefixtures("slow")
def test_ctrl_c_during_a_long_step_ends_after_it():
    with pytest.warns(UserWarning, match="stopped by Ctrl-C when 0 of 50 epochs"):
        run = pb.train(network(), X, Y, engine="native", epochs=50)
    assert run.model.predict(X).shape == (60,)
    assert len(signals) == 1


@pytest.mark.usefixtures("slow")
def test_a_second_ctrl_c_does_not_wait_for_a_long_step(monkeypatch):
    interrupted = []
    monkeypatch.setattr(Slow, "presses", (0.1, 0.25))
    monkeypatch.setattr(Slow, "interrupt", lambda self: interrupted.append(self))
    with pytest.raises(KeyboardInterrupt) as caught:
        pb.train(network(), X, Y, engine="native", epochs=50)
    assert len(interrupted) == 1
    initial = pb.training.prepare(network(), X, Y).problem.params
    for name, value in caught.value.run.model.params.items():
        assert np.array_equal(value, initial[name])
