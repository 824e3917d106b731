"""An engine that does the epochs to come before the present one is told: nobody can see it.

The plain way, step by step on the reference engine, gives the same records and the same bits.
"""

import signal
import time

import numpy as np
import pytest
from test_engines import NETS, SETTINGS, SQUARED, WEIGHTS, Standin, X, Y, assert_same

import pullback as pb
from pullback.engines import choice
from pullback.errors import TrainingError
from pullback.training import Callback, ReduceOnPlateau, pieces
from pullback.training.keeper import Keeper
from pullback.training.steps import Variables

ENGINES, EPOCHS = ("reference", "native"), 60


@pytest.fixture(autouse=True)
def engines(monkeypatch):
    """All stand-ins that were made; their pieces have room for 100 steps."""
    made = []
    monkeypatch.setattr(choice, "missing_for_native", lambda: "")
    monkeypatch.setattr(
        choice, "native_steps", lambda *given: made.append(Standin(*given)) or made[-1]
    )
    give_room(monkeypatch, 100)
    return made


def give_room(monkeypatch, steps):
    """Let a piece have so many steps at most, however long they take."""
    monkeypatch.setattr(
        pieces.Pace, "steps", lambda self, left: min(left, steps) if self.seconds else 1
    )


def train(engine, callbacks=(), **settings):
    """A full batch of the plain network, unless settings say otherwise."""
    given = {"batch_size": "full", "optimizer": pb.optim.Adam(0.05), "epochs": EPOCHS, **settings}
    if "net" in given:
        given = {"loss": SQUARED, **given}
    make, y = NETS[given.pop("net", "plain")]
    return pb.train(make(), X, y, engine=engine, callbacks=callbacks, **given)


IN_ORDER = {"sampling": "ordered", "batch_size": 8}
DRAWS = {"net": "state and draws", "optimizer": pb.optim.AdamW(), "loss": pb.losses.CrossEntropy()}
REGIMES = {
    "full": {},
    "full, state and draws": DRAWS,
    "full, sum": {"loss": pb.losses.SquaredError(reduction="sum"), "net": "columns"},
    "full, penalty and schedule": {**SETTINGS["penalty"], "batch_size": "full"},
    "full, averaged weights": {"average": 0.9},
    "several steps": IN_ORDER,
    "several steps, state and draws": {**DRAWS, **IN_ORDER},
    "one row": {**IN_ORDER, "batch_size": 1, "epochs": 20, "net": "numbers"},
    "own schedule": {"schedule": lambda step: 1.0 if step < 20 else 0.5},
}


@pytest.mark.parametrize("room", [5, 13, 29, 1000])
@pytest.mark.parametrize("name", REGIMES)
def test_no_bit_changes(engines, monkeypatch, name, room):
    give_room(monkeypatch, room)
    native = train("native", **REGIMES[name])
    assert_same(train("reference", **REGIMES[name]), native)
    of_epoch = -(-60 // {"full": 60}.get(size := native.settings["batch_size"], size))
    assert (max(engines[0].calls) > of_epoch) == (room > of_epoch)
    assert sum(engines[0].calls) == (len(native.history) - 1) * of_epoch


@pytest.mark.parametrize("room", [3, 100])
def test_steps_without_weight_are_left_out(engines, monkeypatch, room):
    give_room(monkeypatch, room)
    settings = {"sampling": "ordered", "batch_size": 7}
    for weights in (WEIGHTS, WEIGHTS[::-1], np.roll(WEIGHTS, 30)):
        runs = [train(e, sample_weight=weights, **settings) for e in ENGINES]
        losses = [[record["loss"] for record in run.history] for run in runs]
        assert losses[0] == pytest.approx(losses[1], rel=1e-6)  # sums in float64, not in float32
        for name, value in runs[0].model.params.items():
            assert np.array_equal(value, runs[1].model.params[name])
        assert (max(engines[-1].calls) > 9) == (room > 9)


def test_other_orders_and_validation_keep_to_their_epoch(engines):
    for settings in ({"batch_size": 20}, {"validation": 0.2}):
        assert_same(train("reference", **settings), train("native", **settings))
        assert max(engines[-1].calls) == (3 if "batch_size" in settings else 1)


def test_the_first_epoch_is_done_alone(engines):
    """So what its record takes hides no other epoch."""
    train("native", sampling="ordered", batch_size=20)
    assert engines[0].calls[:2] == [0, 3]


class Looks(Callback):
    """Keeps all that can be seen of a run after some of its epochs."""

    def __init__(self, *epochs):
        self.epochs, self.seen, self.told = epochs, [], []

    def on_epoch(self, training, record):
        self.told.append(training.epoch)
        if training.epoch in self.epochs:
            self.seen.append(self.look(training))

    @staticmethod
    def look(training):
        numbers = training.epoch, training.step, training.updates, training.learning_rate
        rule = training.variables.rule_state
        arrays = [*training.params.values(), *training.state.values()]
        arrays += [value for part in rule.values() for value in part.values()]
        history = [record["loss"] for record in training.history]
        return (*numbers, *map(float, history)), [np.array(value) for value in arrays]


LOOKED_AT = {
    "never": (),
    "once": (30,),
    "at the end": (EPOCHS,),
    "three in a row": (20, 21, 22),
    "each third": range(0, EPOCHS, 3),
    "each eleventh": range(0, EPOCHS, 11),
    "always": range(EPOCHS + 1),
}


@pytest.mark.parametrize("name", LOOKED_AT)
@pytest.mark.parametrize("regime", ["full, state and draws", "several steps"])
def test_who_looks_sees_the_present_epoch(engines, monkeypatch, name, regime):
    monkeypatch.setattr(pieces, "COPIES", 0)  # a copy before each piece that may be ahead
    plain, ahead = Looks(*LOOKED_AT[name]), Looks(*LOOKED_AT[name])
    whole = train("reference", [plain], **REGIMES[regime])
    assert_same(whole, train("native", [ahead], **REGIMES[regime]))
    assert plain.told == ahead.told
    for (numbers, arrays), (others, other_arrays) in zip(plain.seen, ahead.seen, strict=True):
        assert numbers == others
        assert all(map(np.array_equal, arrays, other_arrays))
    # A piece is done twice or in vain at each look that comes while the engine is ahead: at most
    # what came before the first look, then an eighth.
    of_epoch = 1 if "full" in regime else 8
    surprise = next((epoch for epoch in LOOKED_AT[name] if epoch), 0)
    assert sum(engines[0].calls) <= (1.125 * EPOCHS + surprise) * of_epoch
    if name in ("never", "at the end", "each third", "always"):  # looks fall on ends of pieces
        assert sum(engines[0].calls) == EPOCHS * of_epoch
    if name == "always":
        assert max(engines[0].calls) == of_epoch


def test_all_is_repeated_since_the_variables_were_copied(monkeypatch):
    monkeypatch.setattr(pieces, "COPIES", 1e9)
    plain, ahead = Looks(*range(0, 200, 11)), Looks(*range(0, 200, 11))
    runs = [train(e, [looks], epochs=200) for e, looks in zip(ENGINES, (plain, ahead), strict=True)]
    assert_same(*runs)
    for (_, arrays), (_, other_arrays) in zip(plain.seen, ahead.seen, strict=True):
        assert all(map(np.array_equal, arrays, other_arrays))


def test_a_look_back_repeats_little(engines, monkeypatch):
    """Also where the variables were not copied for long."""
    monkeypatch.setattr(pieces, "KEPT_FOR", 1e9)
    monkeypatch.setattr(pieces, "COPIES", 0)
    train("native", [Looks(*range(0, 600, 100))], epochs=600)
    assert sum(engines[0].calls) <= 1.25 * 600


class Acts(Callback):
    """Does something after an epoch."""

    def __init__(self, act, epoch=30):
        self.act, self.epoch = act, epoch

    def on_epoch(self, training, record):
        if training.epoch == self.epoch:
            self.act(training)


def stop(training):
    training.stop("enough")


def slow_down(training):
    training.rate_factor = 0.125


def move(training):
    values = training.variables
    params = {name: value / 2 for name, value in values.params.items()}
    training.variables = Variables(params, values.state, values.rule_state)


def move_unseen(training, params=NETS["plain"][0]):
    """Set variables without having looked at those of the run."""
    fresh = pb.training.prepare(params(), X, Y, optimizer=pb.optim.Adam(0.05)).training()
    training.variables = fresh.variables


def watch_each_step(training):
    training.callbacks.append(EachStep())


class EachStep(Callback):
    def on_step(self, training, progress):
        training.rate_factor = 1 / (1 + training.updates)


@pytest.mark.parametrize("act", [stop, slow_down, move, move_unseen, watch_each_step])
@pytest.mark.parametrize("regime", ["full", "several steps"])
@pytest.mark.parametrize("epoch", [30, 31, 32])
def test_what_a_callback_does_counts_from_then_on(act, regime, epoch):
    runs = [train(e, [Acts(act, epoch)], **REGIMES[regime]) for e in ENGINES]
    assert_same(*runs)
    assert runs[0].ended == runs[1].ended == ("enough" if act is stop else "")
    assert len(runs[1].history) == (epoch + 1 if act is stop else EPOCHS + 1)


@pytest.mark.parametrize("epoch", [30, 31, 32])
def test_who_comes_later_is_told_of_each_epoch(epoch):
    told = []
    later = Callback()
    later.each_step = False
    later.on_step = lambda training, progress: told.append(progress.epoch)
    train("native", [Acts(lambda training: training.callbacks.append(later), epoch)])
    assert told == list(range(epoch + 1, EPOCHS + 1))


def test_there_is_time_for_a_checkpoint_after_each_epoch(engines, monkeypatch):
    seen = []
    monkeypatch.setattr(Keeper, "after_step", lambda self: seen.append(self._training.epoch))
    train("native")
    assert seen == list(range(EPOCHS + 1))
    assert max(engines[0].calls) > 2


def test_a_plateau(engines):
    settings = {"net": "numbers", "epochs": 200, "optimizer": pb.optim.SGD(0.2)}
    runs = [train(e, [ReduceOnPlateau(0.5, 4, "loss", 0.1)], **settings) for e in ENGINES]
    assert_same(*runs)
    assert len({record["learning_rate"] for record in runs[1].history}) > 3


def test_an_error_in_a_callback_leaves_the_model_of_its_epoch():
    def fail(training):
        raise LookupError

    with pytest.raises(LookupError) as caught:
        train("native", [Acts(fail)])
    assert_same(train("reference", epochs=30), caught.value.run)


@pytest.mark.parametrize("batch", ["full", 8])
@pytest.mark.parametrize("growth", [1.2, 1.5, 1e20])
def test_a_later_epoch_that_diverges(engines, batch, growth):
    """Those before it are told first; then the error names the right epoch and step."""
    settings = {"net": "numbers", "sampling": "ordered", "batch_size": batch, "epochs": 500}
    settings["optimizer"] = pb.optim.SGD(1e-3)
    settings["schedule"] = lambda step: growth ** max(0, step - 150)
    errors, told = [], []
    for engine in ENGINES:
        looks = Looks()
        with pytest.raises(TrainingError, match="diverged at epoch") as caught:
            train(engine, [looks], **settings)
        errors.append(caught.value)
        told.append(looks.told)
    assert str(errors[0]) == str(errors[1])
    assert told[0] == told[1]
    assert len(told[0]) > 15
    assert_same(errors[0].run, errors[1].run)
    assert max(engines[0].calls) > (1 if batch == "full" else 8)


def test_a_schedule_that_ends(engines):
    def schedule(step):
        if step >= 40:
            raise ZeroDivisionError
        return 1.0

    for engine in ENGINES:
        with pytest.raises(ZeroDivisionError) as caught:
            train(engine, schedule=schedule)
        assert [record["epoch"] for record in caught.value.run.history] == list(range(41))


@pytest.mark.parametrize("every", [0, 1e-4, 10])
@pytest.mark.parametrize("regime", ["full, state and draws", "several steps"])
def test_a_run_resumed_from_any_checkpoint(tmp_path, every, regime):
    file = tmp_path / "run.safetensors"
    settings = REGIMES[regime]

    class Breaks(Looks):
        broken = False

        def on_epoch(self, training, record):
            super().on_epoch(training, record)
            if training.epoch == 37 and not Breaks.broken:
                Breaks.broken = True
                raise InterruptedError

    with pytest.raises(InterruptedError):
        train("native", [Breaks()], checkpoint=file, checkpoint_every=every, **settings)
    resumed = train("native", [Breaks(EPOCHS)], resume=file, checkpoint_every=every, **settings)
    assert_same(train("reference", **settings), resumed)


@pytest.mark.parametrize("call", [2, 4, 6])
def test_ctrl_c_while_the_engine_is_ahead(tmp_path, monkeypatch, call):
    file = tmp_path / "run.safetensors"
    run = Standin.run

    def pressed(self, *given):
        if len(self.calls) == call:
            signal.raise_signal(signal.SIGINT)
        return run(self, *given)

    monkeypatch.setattr(Standin, "run", pressed)
    with pytest.warns(UserWarning, match="stopped by Ctrl-C"):
        stopped = train("native", checkpoint=file)
    monkeypatch.setattr(Standin, "run", run)
    done = int(stopped.history[-1]["epoch"])
    assert 0 < done < EPOCHS
    assert_same(train("reference", epochs=done), stopped)
    assert_same(train("reference"), train("native", resume=file))


def test_what_steps_tell_now_and_then(engines):
    class Bar(Callback):
        each_step = False

        def __init__(self):
            self.told = []

        def on_step(self, training, progress):
            self.told.append((progress, training.updates))

    bars = Bar(), Bar()
    assert_same(*(train(e, [bar]) for e, bar in zip(ENGINES, bars, strict=True)))
    assert bars[0].told == bars[1].told
    assert max(engines[0].calls) > 1


@pytest.mark.parametrize(("regime", "steps"), [("full", 1), ("several steps", 8)])
def test_the_seconds_of_a_piece_are_shared_by_its_epochs(monkeypatch, regime, steps):
    run = Standin.run

    def slow(self, starts, *given):
        time.sleep(0.001 * len(starts))
        return run(self, starts, *given)

    monkeypatch.setattr(Standin, "run", slow)
    began = time.perf_counter()
    history = train("native", **REGIMES[regime]).history
    wall = time.perf_counter() - began
    seconds = [record["seconds"] for record in history[1:]]
    assert min(seconds) >= 0.001 * steps
    assert sum(seconds) <= wall
    assert len(set(seconds)) < EPOCHS / 2
    for record in history[1:]:
        assert record["samples_per_second"] == pytest.approx(60 / record["seconds"])


def test_a_callback_for_each_step_lets_nothing_run_ahead(engines):
    assert_same(train("native", [lambda progress: None]), train("native"))
    assert max(engines[0].calls) == 1 < max(engines[1].calls)
