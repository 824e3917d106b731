"""Threads that train do not wait for each other, nor does a process forked meanwhile."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from forking import child_says

import pullback as pb

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3)).astype(np.float32)
Y = RANDOM.integers(0, 2, 60)
NUMBERS = RANDOM.normal(size=60)

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def last_loss(engine):
    network = pb.nn.Sequential(pb.nn.Dense(4), pb.nn.Tanh(), pb.nn.Dense(2))
    run = pb.train(network, X, Y, engine=engine, batch_size=20, epochs=3, seed=3)
    return run.history[-1]["loss"]


def train_with(loss):
    network = pb.nn.Sequential(pb.nn.Dense(1))
    return pb.train(network, X, NUMBERS, loss=loss, engine="reference", epochs=1)


@pytest.fixture(params=["reference", "native"])
def engine(request):
    if request.param == "native":
        pytest.importorskip("numba")
    return request.param


def test_threads_that_prepare_at_once_do_not_wait_for_each_other():
    both = threading.Barrier(2, timeout=10)

    def loss(z, y):
        both.wait()  # it is being traced in the other thread too
        return np.mean((z - y) ** 2)

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(train_with, [loss, loss])
    assert first.history[-1]["loss"] == second.history[-1]["loss"]


@forks
def test_a_child_forked_while_another_thread_derives_its_step_trains(engine):
    right = last_loss(engine)
    tracing, forked = threading.Event(), threading.Event()

    def loss(z, y):
        tracing.set()
        forked.wait(60)
        return np.mean((z - y) ** 2)

    other = threading.Thread(target=train_with, args=(loss,))
    other.start()
    try:
        assert tracing.wait(10)
        assert child_says(lambda: last_loss(engine) == right)
    finally:
        forked.set()
        other.join(10)


@forks
def test_children_forked_while_another_thread_trains_train_too(engine):
    right = last_loss(engine)
    end = threading.Event()

    def train():
        while not end.is_set():
            last_loss(engine)

    other = threading.Thread(target=train)
    other.start()
    try:
        for number in range(6):
            time.sleep(0.005 * number)  # at other moments of its training
            assert child_says(lambda: last_loss(engine) == right)
    finally:
        end.set()
        other.join(10)
