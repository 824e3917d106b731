"""BLAS runs on one thread while a network is trained, and on as many as before afterwards."""

import os
import threading
import time

import numpy as np
import pytest
import threadpoolctl
from forking import child_says

import pullback as pb
from pullback.engines import blas
from pullback.engines.blas import one_blas_thread
from pullback.errors import TrainingError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(10, 3))
Y = np.array([0, 1] * 5)


def network():
    return pb.nn.Sequential(pb.nn.Dense(4), pb.nn.ReLU(), pb.nn.Dense(2))


def blas_threads():
    pools = threadpoolctl.threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}


@pytest.fixture(params=["by the library", "by nobody"])
def two_threads(request):
    """BLAS on two threads, so that one thread can be told from what was there before."""
    limits = threadpoolctl.threadpool_limits(2, user_api="blas")
    if request.param == "by nobody":
        # The calling thread does not keep the control that threadpoolctl gave it.
        clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)
    assert blas_threads() == {2}
    yield
    limits.restore_original_limits()


pytestmark = [
    pytest.mark.usefixtures("two_threads"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def limits_and_gives_back():
    """Whether BLAS has one thread inside, and two before and afterwards."""
    seen = [blas_threads()]
    with one_blas_thread():
        seen.append(blas_threads())
    return [*seen, blas_threads()] == [{2}, {1}, {2}]


def test_one_thread_while_training_and_two_afterwards():
    seen = []
    pb.train(network(), X, Y, epochs=1, callbacks=lambda progress: seen.append(blas_threads()))
    assert seen == [{1}]
    assert blas_threads() == {2}


def test_training_in_another_thread():
    seen = []

    def train():
        pb.train(network(), X, Y, epochs=1, callbacks=lambda progress: seen.append(blas_threads()))

    worker = threading.Thread(target=train)
    worker.start()
    worker.join(60)
    assert seen == [{1}]
    assert blas_threads() == {2}


def test_the_threads_come_back_after_an_exception():
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pb.train(network(), X, Y, epochs=1, callbacks=stop)
    assert blas_threads() == {2}
    with pytest.raises(TrainingError):
        pb.train(network(), X, Y, loss=lambda z, y: np.sum(z) * np.inf, epochs=1)
    assert blas_threads() == {2}


@pytest.mark.parametrize("lives_on", [False, True])
def test_overlapping_holders_give_the_threads_back_once_the_last_has_left(lives_on):
    entered, leave, left, end = (threading.Event() for _ in range(4))

    def hold():
        with one_blas_thread():
            entered.set()
            leave.wait(10)
        left.set()
        if lives_on:
            end.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert entered.wait(10)
        with one_blas_thread():
            leave.set()  # the first holder leaves first: the limits do not nest
            assert left.wait(10)
            assert blas_threads() == {1}
        assert blas_threads() == {2}
    finally:
        end.set()
        other.join(10)
    assert blas_threads() == {2}


def test_training_within_training():
    seen = []

    def inner(progress):
        pb.train(network(), X, Y, epochs=1)
        seen.append(blas_threads())

    pb.train(network(), X, Y, epochs=1, callbacks=inner)
    assert seen == [{1}]
    assert blas_threads() == {2}


@forks
def test_a_child_forked_inside_begins_with_all_threads():
    with one_blas_thread():
        assert child_says(limits_and_gives_back)
        assert blas_threads() == {1}
    assert blas_threads() == {2}


@forks
def test_a_child_may_leave_what_was_entered_before_the_fork():
    entered = one_blas_thread()

    def leaves():
        entered.__exit__(None, None, None)
        return limits_and_gives_back()

    with entered:
        assert child_says(leaves)
        assert blas_threads() == {1}
    assert blas_threads() == {2}


@forks
def test_a_child_forked_while_another_thread_sets_the_number_begins_with_all_threads(monkeypatch):
    limit, setting = blas._limit, threading.Event()

    def slowly():
        limits = limit()
        setting.set()
        time.sleep(0.1)
        return limits

    def hold():
        with one_blas_thread():
            time.sleep(0.1)

    monkeypatch.setattr(blas, "_limit", slowly)
    other = threading.Thread(target=hold)
    other.start()
    try:
        assert setting.wait(10)
        assert child_says(limits_and_gives_back)
    finally:
        other.join(10)


def test_without_threadpoolctl_nothing_is_limited(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "threadpoolctl", None)
    with one_blas_thread():
        pass
    monkeypatch.undo()
    assert blas_threads() == {2}
