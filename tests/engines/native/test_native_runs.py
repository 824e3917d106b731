"""Whole runs on the native engine: what they share with the process, with other threads and with
other processes, what they take of its memory, and how they end when they are disturbed."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl
from native_beside_reference import PIECES, native_steps, on_native
from native_long_run import ADAM, data, network
from native_networks import SEVERAL, X, net

import pullback as pb
from pullback.engines import choice
from pullback.engines.native import epoch, machine, planning
from pullback.engines.native.helpers import Helpers
from pullback.engines.native.planning import Split
from pullback.training.loop import initial_variables
from pullback.trees import flatten

pytest.importorskip("numba")

ROWS, LABELS = data(300)


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    """Work in two pieces for two threads, however small it is."""
    monkeypatch.setattr(epoch, "split_of", lambda *sizes: Split(2, 10**6, False))
    monkeypatch.setattr(planning, "WORTH_WAITING", 0)
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "2")


def trained(seed=5, engine="native", **settings):
    settings = {"epochs": 6, "batch_size": 32, "optimizer": ADAM, **settings}
    return pb.train(network(), ROWS, LABELS, seed=seed, engine=engine, **settings)


def assert_same(one, other):
    for name, value in one.model.params.items():
        assert np.array_equal(value, other.model.params[name]), name
    assert [r["loss"] for r in one.history] == [r["loss"] for r in other.history]


def helpers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("pullback-")]


@pytest.fixture(scope="module")
def alone(machine_code):
    """A run with nothing beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULLBACK_CACHE_DIR", str(machine_code))
        patch.setattr(epoch, "split_of", lambda *sizes: Split(2, 10**6, False))
        patch.setattr(planning, "WORTH_WAITING", 0)
        return trained()


def test_a_run_follows_the_reference(alone):
    reference = trained(engine="reference")
    assert alone.settings["engine"] == "native"
    assert "def steps(" in alone.engine_source()
    for mine, other in zip(alone.history, reference.history, strict=True):
        # float32: 60 steps round some hundred times each.
        assert mine["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert mine["accuracy"] == pytest.approx(other["accuracy"], abs=2 / 300)


def test_a_forked_process_trains_too(alone):
    run = pb.training.prepare(network(), ROWS, LABELS, optimizer=ADAM, engine="reference")
    steps = native_steps(run, PIECES, None, threads=2)
    first = on_native(run, steps)  # its helper thread is there, and not in the child
    start = initial_variables(run.problem)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(30)
            steps.restore([*start.flat, *flatten(start.rule_state)[0]])
            told = on_native(run, steps).told
            again = trained().model.params
            same = all(np.array_equal(again[n], v) for n, v in alone.model.params.items())
            status = 0 if same and np.array_equal(told, first.told) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert_same(trained(), alone)
    steps.close()


def blas_threads():
    pools = threadpoolctl.threadpool_info()
    return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]


@pytest.fixture
def blas_on_two_threads():
    """BLAS on two threads, so that one can be told from what was there before."""
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        yield
        clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)


@pytest.mark.usefixtures("blas_on_two_threads")
def test_an_exception_in_a_callback_leaves_everything_usable(alone):
    before = blas_threads()
    assert set(before) == {2}

    class Failing(pb.training.Callback):
        def on_epoch(self, training, progress):
            if training.epoch == 3:
                raise ZeroDivisionError("of my own")

    with pytest.raises(ZeroDivisionError, match="of my own") as caught:
        trained(callbacks=[Failing()])
    assert caught.value.run.history[-1]["epoch"] == 3
    assert blas_threads() == before
    del caught
    assert_same(trained(), alone)
    for helper in helpers():  # told to end, they need a moment
        helper.join(10)
    assert helpers() == []


def test_a_place_outside_an_array_ends_all_threads():
    """One piece fails; the other waited for it for ever."""
    targets = SEVERAL.copy()
    targets[0, 0] = 60.0

    def loss(outputs, targets):
        places = (targets > 50).astype(int) * 3
        return np.mean((np.take_along_axis(outputs, places, axis=1) - targets) ** 2)

    run = pb.training.prepare(net(pb.nn.Tanh(), outputs=2), X, targets, loss=loss, batch_size=8)
    steps = native_steps(run, PIECES, None, threads=2)
    errors = []

    def work():
        try:
            on_native(run, steps)
        except IndexError as error:
            errors.append(str(error))

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(60)
    assert errors == ["An index is out of bounds."]


def test_ctrl_c_ends_a_long_epoch(machine_code):
    """The epoch would take half a minute; a loaded machine may take some seconds to end it."""
    environment = {**os.environ, "PULLBACK_CACHE_DIR": str(machine_code)}
    program = [sys.executable, str(Path(__file__).with_name("native_long_run.py"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout.readline() == "begins native\n"
            time.sleep(1.0)
            pressed = time.perf_counter()
            process.send_signal(signal.SIGINT)
            ended = process.stdout.readline()
            seconds = time.perf_counter() - pressed
        finally:
            process.kill()
    assert ended.startswith("stopped by Ctrl-C: ")
    assert seconds < 10


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_long_call_and_the_threads_that_work_on_it(machine_code, threads):
    """Until they end they read the caller's arrays."""
    own = {"PULLBACK_CACHE_DIR": str(machine_code), "PULLBACK_NUM_THREADS": str(threads)}
    environment = {**os.environ, **own}
    program = [sys.executable, str(Path(__file__).with_name("native_interrupted_calls.py"))]
    output = subprocess.run(
        program, capture_output=True, text=True, env=environment, timeout=120, check=True
    ).stdout
    assert output.splitlines() == ["interrupted 0 True"] * 5


def test_whoever_calls_helpers_off_waits_for_those_who_work():
    ended, go_on = [], threading.Event()

    def work(number):
        assert go_on.wait(60)
        time.sleep(0.2)
        ended.append(number)

    class Interrupted:
        """A lock whose first wait a signal interrupts."""

        def acquire(self, timeout):
            if not go_on.is_set():
                go_on.set()
                raise KeyboardInterrupt
            time.sleep(timeout)

        def release(self):
            pass

    helpers = Helpers(work)
    helpers._has_ended = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        helpers.run(range(3), lambda: None)
    assert not ended
    helpers.call_off()
    assert sorted(ended) == [0, 1, 2]


def test_helpers_that_come_after_the_call_was_called_off_do_nothing():
    worked = []
    helpers = Helpers(worked.append)
    helpers.call_off()
    helpers.run(range(2), lambda: None)
    assert not worked


def test_several_runs_at_once_have_the_bits_of_one_after_the_other(alone):
    wanted = {seed: trained(seed) for seed in (5, 6, 7)}
    assert_same(wanted[5], alone)
    found, errors = {}, []

    def train(seed):
        try:
            found[seed] = trained(seed)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=train, args=(seed,)) for seed in wanted]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert not errors
    for seed, run in wanted.items():
        assert_same(found[seed], run)


@pytest.fixture
def made(monkeypatch):
    """The native steps that runs make."""
    steps = []
    make = choice.native_steps
    monkeypatch.setattr(
        choice, "native_steps", lambda *given: steps.append(make(*given)) or steps[-1]
    )
    return steps


@pytest.mark.parametrize("variable", ["PULLBACK_NUM_THREADS", "OMP_NUM_THREADS"])
def test_the_environment_limits_the_threads(alone, made, monkeypatch, variable):
    monkeypatch.delenv("PULLBACK_NUM_THREADS")
    monkeypatch.setenv(variable, "1")
    assert_same(trained(), alone)
    assert [steps.threads for steps in made] == [1]
    monkeypatch.setenv(variable, "2")
    assert_same(trained(), alone)
    assert made[-1].threads == min(2, len(os.sched_getaffinity(0)))


def threads_in_a_worker():
    """How many threads native steps take here, and how much was compiled for that."""
    epoch.split_of, planning.WORTH_WAITING = lambda *sizes: Split(2, 10**6, False), 0
    run = pb.training.prepare(network(), ROWS, LABELS, engine="native", optimizer=ADAM)
    assert run.engine == "native"
    return vars(run)["_first_steps"].threads, len(machine.compiled_here)


def test_a_worker_of_joblib_takes_one_thread_and_the_machine_code_at_hand(alone, monkeypatch):
    joblib = pytest.importorskip("joblib")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.delenv("PULLBACK_NUM_THREADS")
    with joblib.parallel_config("loky", n_jobs=1, inner_max_num_threads=2):
        work = [joblib.delayed(threads_in_a_worker)() for _ in range(2)]
        assert joblib.Parallel(n_jobs=2)(work) == [(1, 0), (1, 0)]


def test_a_daemonic_process_takes_one_thread():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(threads_in_a_worker)[0] == 1


# Memory.


def test_steps_allocate_nothing():
    run = pb.training.prepare(network(), ROWS, LABELS, batch_size=32, optimizer=ADAM)
    steps = native_steps(run, PIECES, None, threads=2)
    count = 5000
    starts, lengths = np.zeros(count, np.int64), np.full(count, 32)
    numbers = np.tile(list(run.problem.optimizer.numbers(1, 1e-3).values()), (count, 1))
    order = np.arange(300)
    steps.run(starts, lengths, order, 0, numbers)  # the tables are made
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        done, told = steps.run(starts, lengths, order, count, numbers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert done == count
    # What is told is handed out as a copy; beside it some small objects of the call.
    assert peak <= told.nbytes + 32_768
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most <= 4096  # KiB


def test_blocks_of_one_thread_do_not_reach_into_those_of_another():
    run = pb.training.prepare(network(), ROWS, LABELS, optimizer=ADAM, batch_size=32)
    steps = native_steps(run, PIECES, threads=2)
    W1, W2, W3 = (steps._views[n].nbytes for n in (0, 2, 4))
    assert len({W1, W2, W3}) == 3  # blocks of other sizes lie in one stripe
    begins = {h.value.name: steps._places[:, n] for n, h in enumerate(steps._emitted.held)}
    for name, size in {"dW1": W1, "dW2": W2, "dW3": W3}.items():
        for other in ("dW1", "dW2", "dW3"):
            assert begins[name][0] + size <= begins[other][1]


@pytest.mark.parametrize(("width", "rows"), [(64, 256), (256, 64)])
def test_memory_is_that_of_variables_rows_and_two_batches_of_activations(width, rows):
    depth = 10
    hidden = [each for _ in range(depth) for each in (pb.nn.Dense(width), pb.nn.ReLU())]
    random = np.random.default_rng(1)
    x, y = random.normal(size=(512, width)), random.integers(0, 10, 512)
    deep = pb.nn.Sequential(*hidden, pb.nn.Dense(10))
    run = pb.training.prepare(deep, x, y, batch_size=rows, optimizer=pb.optim.Adam())
    steps = native_steps(run, Split(1, 10**6, False))
    variables = sum(view.nbytes for view in steps.variables())
    gathered = rows * (width * 4 + 8)
    batch = depth * rows * width  # activations, and where they are positive; error signals
    # Of one gradient of a weight matrix after the other a block of rows.
    (block,) = [life.entries for life in steps.plan.lifetimes if life.name.startswith("blocks")]
    assert steps.plan.total <= variables + gathered + 1.05 * batch * (4 + 1 + 4) + block
    assert block <= variables / 20
    assert "at once" in str(steps.plan)
