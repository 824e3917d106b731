"""The events that a run writes, read back record by record."""

import os
import struct
import sys

import numpy as np
import pytest

import pullback as pb
from pullback.errors import MissingExtraError, StorageError
from pullback.training import Callback

pytest.importorskip("tensorboardX")
from tensorboardX.proto.event_pb2 import Event

X, Y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2


def network():
    return pb.nn.Sequential(pb.nn.Dense(4), pb.nn.ReLU(), pb.nn.Dense(2))


def all_events(folder):
    for file in sorted(folder.iterdir()):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])  # then four bytes of checksum on each side
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]


def events(folder):
    """Every scalar in the files of a folder: (name, epoch) -> value."""
    return {
        (value.tag, event.step): value.simple_value
        for event in all_events(folder)
        for value in event.summary.value
    }


def test_each_record_is_an_event(tmp_path):
    net = network()
    board = pb.training.TensorBoard(tmp_path / "board")
    run = pb.train(net, X, Y, epochs=3, validation=0.2, callbacks=[board])
    found = events(tmp_path / "board")
    for record in run.history:
        for name in ("loss", "accuracy", "validation_loss", "learning_rate"):
            assert found[name, record["epoch"]] == pytest.approx(record[name], rel=1e-6)
    assert ("seconds", 1) not in found


def test_a_resumed_run_adds_what_a_kill_has_cut_off(tmp_path):
    """The new file tells readers where it begins; together they hold each record once."""

    class Break(Callback):
        def on_epoch(self, training, record):
            if record["epoch"] == 2 and not training.resumed:
                raise InterruptedError

    settings = {"epochs": 4, "checkpoint_every": 99}
    file, folder = tmp_path / "run.safetensors", tmp_path / "board"

    def run(**more):
        callbacks = [pb.training.TensorBoard(folder), Break()]
        return pb.train(network(), X, Y, callbacks=callbacks, **settings, **more)

    with pytest.raises(InterruptedError):
        run(checkpoint=file)
    first = events(folder)
    assert {epoch for _, epoch in first} == {0, 1, 2}
    resumed = run(resume=file)  # from before the first step
    assert len(list(folder.iterdir())) == 2  # of the same second
    for record in resumed.history:
        assert events(folder)["loss", record["epoch"]] == pytest.approx(record["loss"], rel=1e-6)
    (start,) = [event.step for event in all_events(folder) if event.HasField("session_log")]
    assert start == 1


def test_a_folder_that_cannot_be_is_told_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("taken")
    steps = []
    callbacks = [pb.training.TensorBoard(tmp_path / "file"), steps.append]
    with pytest.raises(StorageError, match=r"TensorBoard files cannot be written to .*: file exis"):
        pb.train(network(), X, Y, callbacks=callbacks)
    assert steps == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")
def test_a_full_disk_ends_the_run_with_one_sentence(tmp_path, monkeypatch):
    """Not with a run that waits for ever, as with the library's own writer."""
    monkeypatch.setattr(
        "tensorboardX.record_writer.open_file",
        lambda path: open("/dev/full", "wb"),  # noqa: SIM115
    )
    with pytest.raises(StorageError, match="cannot be written to .*: the disk is full.$") as told:
        pb.train(network(), X, Y, epochs=50, callbacks=[pb.training.TensorBoard(tmp_path)])
    assert told.value.run.model.predict(X).shape == (30,)


def test_without_the_library_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pullback\[tensorboard\]'"):
        pb.training.TensorBoard(tmp_path)
