"""Checkpoints: a resumed run has the bits of one that was never stopped."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import pullback as pb
from pullback.errors import StorageError, UsageError
from pullback.storage import atomic
from pullback.training import Callback, EarlyStopping, ReduceOnPlateau

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(60, 5)).astype("f4"), RANDOM.integers(0, 3, size=60)


def network():
    return pb.nn.Sequential(
        pb.nn.Dense(8),
        pb.nn.BatchNorm(),
        pb.nn.RandomizedLeakyReLU(),
        pb.nn.Dropout(0.3),
        pb.nn.Dense(3),
    )


def settings(**others):
    return {
        "optimizer": pb.optim.AMSGrad(0.01),
        "schedule": pb.optim.Cosine(),
        "batch_size": 16,
        "epochs": 6,
        "seed": 4,
        "validation": 0.2,
        "average": 0.9,
        "penalty": pb.losses.L1(1e-3),
        "clip_norm": 1.0,
    } | others


def callbacks():
    return [
        EarlyStopping(patience=5),
        ReduceOnPlateau(patience=1, factor=0.5, least_improvement=0.5),
    ]


class StopAt(Callback):
    """Breaks off as a kill would: after a number of updates, by an error."""

    def __init__(self, update):
        self.update = update

    def on_step(self, training, progress):
        if training.updates == self.update:
            raise InterruptedError


def untimed(history):
    return [
        {k: v for k, v in record.items() if k not in ("seconds", "samples_per_second")}
        for record in history
    ]


def assert_same(run, other):
    assert untimed(run.history) == untimed(other.history)
    assert run.ended == other.ended
    for name, value in run.model.params.items():
        assert np.array_equal(value, other.model.params[name]), name
    assert np.array_equal(run.model.outputs(X), other.model.outputs(X))


@pytest.mark.parametrize("update", [1, 2, 3, 4, 5, 9, 17])
def test_resumed_after_any_step(tmp_path, update):
    whole = pb.train(network(), X, Y, callbacks=[*callbacks(), StopAt(-1)], **settings())
    file = tmp_path / "run.safetensors"
    with pytest.raises(InterruptedError):
        pb.train(
            network(),
            X,
            Y,
            callbacks=[*callbacks(), StopAt(update)],
            checkpoint=file,
            checkpoint_every=0,
            **settings(),
        )
    resumed = pb.train(
        network(), X, Y, callbacks=[*callbacks(), StopAt(-1)], resume=file, **settings()
    )
    assert_same(whole, resumed)


def test_more_epochs_continue_a_finished_run(tmp_path):
    file = tmp_path / "run.safetensors"
    fixed = {"schedule": None, "callbacks": [ReduceOnPlateau(patience=1, least_improvement=9.0)]}
    whole = pb.train(network(), X, Y, **settings(epochs=6, **fixed))
    pb.train(network(), X, Y, checkpoint=file, **settings(epochs=2, **fixed))
    assert_same(whole, pb.train(network(), X, Y, resume=file, **settings(epochs=6, **fixed)))
    again = pb.train(network(), X, Y, resume=file, **settings(epochs=6, **fixed))
    assert_same(whole, again)


def test_the_first_checkpoint_is_written_before_the_first_step(tmp_path):
    file = tmp_path / "run.safetensors"
    with pytest.raises(InterruptedError):
        pb.train(network(), X, Y, callbacks=StopAt(1), checkpoint=file, **settings())
    assert pb.training.load_checkpoint(file).position["updates"] == 0


def test_what_differs_is_named(tmp_path):
    file = tmp_path / "run.safetensors"
    pb.train(network(), X, Y, checkpoint=file, **settings())
    for changed, told in [
        ({"batch_size": 8}, "batch_size=16, not 8"),
        ({"seed": 5}, "seed=4, not 5"),
        ({"optimizer": pb.optim.AMSGrad(0.02)}, "learning_rate=0.01, not 0.02"),
        ({"optimizer": pb.optim.AMSGrad(0.01, beta1=0.8)}, "optimizer="),
        ({"penalty": None}, "penalty="),
        ({"schedule": None}, "schedule="),
        ({"epochs": 2}, "epochs=2"),
        ({"callbacks": callbacks()}, r"the callbacks \[\], not \[EarlyStopping\(patience=5, mon"),
    ]:
        with pytest.raises(UsageError, match=told):
            pb.train(network(), X, Y, resume=file, **settings(**changed))
    with pytest.raises(UsageError, match="other data"):
        pb.train(network(), X + 1, Y, resume=file, **settings())
    with pytest.raises(UsageError, match="model="):
        pb.train(pb.nn.Sequential(pb.nn.Dense(3)), X, Y, resume=file, **settings())


def test_callbacks_that_differ_are_named(tmp_path):
    file = tmp_path / "run.safetensors"
    pb.train(network(), X, Y, checkpoint=file, callbacks=callbacks(), **settings())
    stopping, plateau = callbacks()
    for others in (
        [plateau, stopping],
        [stopping, ReduceOnPlateau(patience=2, factor=0.5, least_improvement=0.5)],
        [EarlyStopping(patience=6), plateau],
        [stopping, StopAt(-1)],
    ):
        with pytest.raises(UsageError, match="give the same ones in the same order"):
            pb.train(network(), X, Y, resume=file, callbacks=others, **settings())


def test_a_run_that_has_ended_for_good_gets_no_more_epochs(tmp_path):
    file = tmp_path / "run.safetensors"
    watch = {"callbacks": [EarlyStopping(patience=1, monitor="loss", least_improvement=9.0)]}
    ended = pb.train(network(), X, Y, checkpoint=file, **settings(**watch, schedule=None))
    assert_same(ended, pb.train(network(), X, Y, resume=file, **settings(**watch, schedule=None)))
    with pytest.raises(UsageError, match="epochs=7: .* has ended for good: loss has not become"):
        pb.train(network(), X, Y, resume=file, **settings(**watch, schedule=None, epochs=7))


class Notebook(Callback):
    """Has a state of the kinds that a checkpoint keeps."""

    def __init__(self, state):
        self.kept = state

    def state(self):
        return self.kept

    def restore(self, state):
        self.restored = state


def test_the_state_of_a_callback_comes_back(tmp_path):
    state = {
        "a/b": np.arange(3),
        "a": {"b": np.float32(0.1), "c~1": [1, None, "text", True, 0.1, np.nan]},
        "": {"": np.zeros((0, 2))},
    }
    file = tmp_path / "run.safetensors"
    pb.train(network(), X, Y, callbacks=Notebook(state), checkpoint=file, **settings())
    again = Notebook(state)
    pb.train(network(), X, Y, callbacks=again, resume=file, **settings())
    np.testing.assert_equal(again.restored, state)


@pytest.mark.parametrize("state", [{"seen": {1, 2}}, {1: "one"}, {"call": print}, {"z": 1j}])
def test_a_state_that_no_file_can_keep_is_refused_before_the_first_step(tmp_path, state):
    steps = []
    with pytest.raises(UsageError, match=r"A checkpoint cannot keep /callbacks/0/state") as told:
        pb.train(
            network(),
            X,
            Y,
            callbacks=[Notebook(state), steps.append],
            checkpoint=tmp_path / "run",
            **settings(),
        )
    assert "\n" not in str(told.value)
    assert steps == []


def test_no_changed_byte_goes_unseen(tmp_path):
    """Every bit of the file is in some checksum or in its format."""
    file = tmp_path / "run.safetensors"
    small = {"validation": None, "batch_size": "full", "epochs": 1}
    pb.train(network(), X, Y, checkpoint=file, **settings(**small))
    whole = file.read_bytes()
    random = np.random.default_rng(5)
    for place in sorted(random.choice(len(whole), 400, replace=False)):
        changed = bytearray(whole)
        changed[place] ^= 1 << random.integers(8)
        file.write_bytes(changed)
        try:
            checkpoint = pb.training.load_checkpoint(file)
        except StorageError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:  # white space within the header
            file.write_bytes(whole)
            assert repr(checkpoint) == repr(pb.training.load_checkpoint(file))
    for length in (0, 1, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(StorageError):
            pb.train(network(), X, Y, resume=file, **settings(**small))


def test_files_that_are_no_checkpoint(tmp_path):
    for path in (5, "", b"run", ["run"]):
        with pytest.raises(UsageError, match="it must be the path of a file, or of a run folder"):
            pb.train(network(), X, Y, resume=path, **settings())
        with pytest.raises(UsageError, match="it must be the path of a file, or of a run folder"):
            pb.train(network(), X, Y, checkpoint=path, **settings())
    with pytest.raises(StorageError, match="no file"):
        pb.train(network(), X, Y, resume=tmp_path / "none", **settings())
    run = pb.train(network(), X, Y, **settings(epochs=1))
    run.model.save(tmp_path / "model")
    with pytest.raises(StorageError, match="not a Pullback checkpoint"):
        pb.train(network(), X, Y, resume=tmp_path / "model", **settings())


def test_a_full_disk_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    file = tmp_path / "run.safetensors"
    writes = []

    def fsync(handle):
        writes.append(handle)
        if len(writes) > 5:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    with pytest.raises(StorageError, match=r"the disk is full; the old file is unchanged") as told:
        pb.train(network(), X, Y, checkpoint=file, checkpoint_every=0, **settings())
    assert "\n" not in str(told.value)
    assert told.value.run.model.predict(X).shape == (60,)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    whole = pb.train(network(), X, Y, **settings())
    assert_same(whole, pb.train(network(), X, Y, resume=file, **settings()))


PROGRAM = """
import sys
sys.path.insert(0, FOLDER)
from test_checkpoints import *
file = sys.argv[1]
resume = {"resume": file} if len(sys.argv) > 2 else {"checkpoint": file}
run = pb.train(network(), X, Y, callbacks=callbacks(), checkpoint_every=0, **resume,
               **settings(epochs=40))
run.model.save(file + ".model")
"""


def test_killed_again_and_again_at_random_moments(tmp_path, kills):
    """SIGKILL, resume, SIGKILL, ...: the model has the bytes of the run that nothing stopped."""
    program = PROGRAM.replace("FOLDER", repr(os.path.dirname(__file__)))
    random = np.random.default_rng(7)

    def start(file, *more):
        return subprocess.Popen([sys.executable, "-c", program, str(file), *more])

    whole = tmp_path / "whole"
    assert start(whole).wait() == 0
    expected = whole.with_name("whole.model").read_bytes()
    killed, chains = 0, 0
    while killed < kills:
        file = tmp_path / f"chain{chains}"
        process = start(file)
        while True:
            kill_after = random.uniform(0.0, 0.25)
            _wait_for_change(file, process)
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
            assert process.returncode in (0, -signal.SIGKILL)  # it can always go on
            if process.returncode == 0 or killed >= kills:
                break
            process = start(file, "resume")
        if process.returncode != 0:
            assert start(file, "resume").wait() == 0
        assert file.with_name(f"{file.name}.model").read_bytes() == expected
        chains += 1


def _wait_for_change(file, process):
    """Until the process has written a checkpoint: the kills are to fall into its work."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    while process.poll() is None and (not file.exists() or file.stat().st_mtime_ns == before):
        time.sleep(0.005)
