"""The events that a run writes, read back record by record."""

import struct
import sys

import numpy as np
import pytest

import pullback as pb
from pullback.errors import MissingExtraError

pytest.importorskip("tensorboardX")
from tensorboardX.proto.event_pb2 import Event

X, Y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2


def events(folder):
    """Every scalar in the files of a folder: (name, epoch) -> value."""
    found = {}
    for file in sorted(folder.iterdir()):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])  # then four bytes of checksum on each side
            event = Event.FromString(data[12 : 12 + length])
            found |= {(v.tag, event.step): v.simple_value for v in event.summary.value}
            data = data[16 + length :]
    return found


def test_each_record_is_an_event(tmp_path):
    net = pb.nn.Sequential(pb.nn.Dense(4), pb.nn.ReLU(), pb.nn.Dense(2))
    board = pb.training.TensorBoard(tmp_path / "board")
    run = pb.train(net, X, Y, epochs=3, validation=0.2, callbacks=[board])
    found = events(tmp_path / "board")
    for record in run.history:
        for name in ("loss", "accuracy", "validation_loss", "learning_rate"):
            assert found[name, record["epoch"]] == pytest.approx(record[name], rel=1e-6)
    assert ("seconds", 1) not in found


def test_without_the_library_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pullback\[tensorboard\]'"):
        pb.training.TensorBoard(tmp_path)
