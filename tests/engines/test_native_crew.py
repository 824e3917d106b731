"""Threads that help with calls of machine code: awake between them, asleep when idle."""

import multiprocessing
import os
import threading
import time

import numpy as np
import pytest

from pullback.engines.native import crew
from pullback.engines.native.barrier import FAILED, new_control
from pullback.engines.native.crew import Crew

pytest.importorskip("numba")

SOURCE = """\
from pullback.engines.native.runtime import place_in


def count(counts, failing, thread):
    counts[8 * thread] += 1
    if failing[0] == thread:
        place_in(1, 1)
    return 10 + thread
"""
NOBODY = -1


class Counting:
    """A crew whose threads count their calls."""

    def __init__(self, threads=3):
        from pullback.engines.native.machine import load_native

        self.counts, self.failing = np.zeros(8 * threads, np.int64), np.full(1, NOBODY)
        arguments = self.counts, self.failing
        function = load_native(SOURCE, "count", (*arguments, 0))
        self.calls = [function.bind(*arguments, thread) for thread in range(threads)]
        self.control = new_control()
        self.crew = Crew(threads - 1, self.control)

    def run(self):
        return self.crew.run(self.calls)

    @property
    def done(self):
        return self.counts[::8].tolist()


@pytest.fixture
def counting():
    made = Counting()
    yield made
    made.crew.close()


def helpers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("pullback-")]


@pytest.mark.parametrize("gap", [0.0, 0.0001, 0.0003, 0.003])
def test_each_thread_makes_its_call(counting, gap):
    for call in range(1, 101):
        assert counting.run() == 10
        assert counting.done == [call] * 3
        time.sleep(gap)


def test_helpers_that_are_idle_take_no_time(counting):
    counting.run()
    time.sleep(0.1)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


@pytest.mark.parametrize("thread", [0, 1, 2])
def test_an_error_is_raised_when_all_have_ended_and_nobody_waits_for_who_failed(counting, thread):
    counting.failing[0] = thread
    with pytest.raises(IndexError, match="out of bounds"):
        counting.run()
    assert counting.done == [1, 1, 1]
    assert counting.control[FAILED] == 1
    counting.failing[0] = NOBODY
    assert counting.run() == 10
    assert counting.done == [2, 2, 2]


def test_what_fails_before_the_call_leaves_no_helper_waiting(counting):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        counting.crew.run([interrupted, *counting.calls[1:]])
    assert counting.done == [0, 1, 1]
    assert counting.run() == 10


def test_closed_and_used_again(counting):
    before = set(helpers())
    counting.run()
    assert len(set(helpers()) - before) == 2
    for _ in range(2):
        counting.crew.close()
    for helper in set(helpers()) - before:
        helper.join(10)
    assert set(helpers()) <= before
    assert counting.run() == 10


def test_closed_while_helpers_work_or_are_about_to(counting):
    for call in range(1, 101):
        assert counting.crew.run([counting.crew.close, *counting.calls[1:]]) is None
        assert counting.done == [0, call, call]


def test_helpers_end_with_their_crew():
    before = set(helpers())
    counting = Counting()
    counting.run()
    del counting
    for helper in set(helpers()) - before:
        helper.join(10)
    assert set(helpers()) <= before


def test_crews_of_several_threads_at_once():
    crews, wrong = [Counting(2) for _ in range(4)], []

    def work(counting):
        for _ in range(200):
            if counting.run() != 10:
                wrong.append(counting)

    threads = [threading.Thread(target=work, args=(counting,)) for counting in crews]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [counting.done for counting in crews] == [[200, 200]] * 4
    assert not wrong
    for counting in crews:
        counting.crew.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_helpers_of_its_own(counting):
    counting.run()

    def child(queue):
        counting.run()
        queue.put((counting.done, len(helpers())))
        counting.crew.close()

    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert queue.get() == ([2, 2, 2], 2)
    assert counting.run() == 10
    assert counting.done == [2, 2, 2]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux moves threads")
def test_a_helper_begins_on_another_core_and_may_then_go_anywhere(monkeypatch):
    moves, moved = [], threading.Event()

    def setting(thread, cores):
        moves.append(set(cores))
        if len(moves) == 2:
            moved.set()

    monkeypatch.setattr(crew, "current_core", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: {2, 4, 6})
    monkeypatch.setattr(os, "sched_setaffinity", setting)
    counting = Counting(2)
    counting.run()
    assert moved.wait(10)
    assert moves == [{6}, {2, 4, 6}]
    counting.crew.close()


@pytest.mark.parametrize(
    ("here", "allowed", "cores"),
    [
        (4, {2, 4, 6}, [6, 2, 6]),
        (0, {0}, [None] * 3),
        (9, {0}, [0, 0, 0]),  # moved since the question was asked
        (None, {0, 1}, [None] * 3),
    ],
)
def test_cores_of_helpers(monkeypatch, here, allowed, cores):
    monkeypatch.setattr(crew, "current_core", lambda: here)
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: allowed, raising=False)
    assert crew.other_cores(3) == cores


def test_a_sandbox_that_lets_no_thread_move(monkeypatch, counting):
    def refused(thread, cores):
        raise PermissionError

    monkeypatch.setattr(crew, "other_cores", lambda count: [0] * count)
    monkeypatch.setattr(os, "sched_setaffinity", refused, raising=False)
    assert counting.run() == 10
    assert counting.done == [1, 1, 1]
