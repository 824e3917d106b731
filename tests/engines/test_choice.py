"""Which engine runs what is decided by the sizes of the work; threads by what is allowed."""

import importlib.util
import multiprocessing
import os
from pathlib import Path
from unittest import mock

import joblib
import numpy as np
import pytest

import pullback as pb
from pullback.engines import choice, threads
from pullback.engines.choice import chosen_engine, estimated_seconds, notice, telling
from pullback.errors import UsageError

X = np.random.default_rng(0).normal(size=(40, 20))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def step():
    net = pb.nn.Sequential(pb.nn.Dense(64), pb.nn.ReLU(), pb.nn.Dense(2))
    return pb.training.prepare(net, X, Y, optimizer=pb.optim.Adam()).step


def test_small_work_is_never_compiled_and_large_work_is(step, monkeypatch):
    monkeypatch.setattr(choice, "missing_for_native", lambda: "")
    assert chosen_engine(step, {"N": 32}, 20 * 57) == "reference"
    assert chosen_engine(step, {"N": 32}, 100_000) == "native"
    assert chosen_engine(step, {"N": 100_000}, 2_000) == "native"


def test_estimates_grow_with_the_work(step):
    seconds = [estimated_seconds(step, {"N": rows}, 10) for rows in (1, 1_000, 100_000)]
    assert seconds == sorted(seconds)
    assert seconds[0] == pytest.approx(
        10 * choice.SECONDS_PER_EQUATION * len(step.equations), rel=0.2
    )
    assert seconds[2] > 30 * seconds[1] / 2  # what grows with the rows, not the overhead
    assert estimated_seconds(step, {"N": 1_000}, 20) == 2 * seconds[1]


def test_without_its_libraries_the_native_engine_is_not_chosen(step, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "numba" else found(name)
    )
    assert chosen_engine(step, {"N": 32}, 10**9) == "reference"
    assert choice.missing_for_native().startswith("The native engine needs Numba")


@pytest.mark.parametrize("wrong", ["nativ", 3, None, ("native",)])
def test_no_engine(wrong):
    with pytest.raises(UsageError, match=r"engine=.*: allowed are 'auto', 'reference', 'native'"):
        choice.checked_engine(wrong)


def test_notices_reach_who_listens():
    heard = []
    notice("to nobody")
    with telling(heard.append):
        notice("one")
        with pytest.raises(ZeroDivisionError), telling(lambda line: None):
            raise ZeroDivisionError
        notice("two")
    notice("to nobody")
    assert heard == ["one", "two"]


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A process that may use 8 CPUs, without settings, in no container."""
    for name in (threads.OWN, threads.GENERAL):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "_available", lambda: 8)
    monkeypatch.setattr(threads, "ROOT", tmp_path)
    return tmp_path


def write(root: Path, file: str, text: str) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)


@pytest.mark.parametrize(
    ("own", "general", "count"),
    [
        (None, None, 8),
        ("3", None, 3),
        ("3", "5", 3),
        (None, "5", 5),
        (None, "4,2", 4),
        (None, "many", 8),
        (None, "0", 8),
        ("", "2", 2),
        ("100", None, 8),
    ],
)
def test_settings(machine, monkeypatch, own, general, count):
    if own is not None:
        monkeypatch.setenv(threads.OWN, own)
    if general is not None:
        monkeypatch.setenv(threads.GENERAL, general)
    assert threads.thread_count() == count
    assert threads.thread_count(most=2) == min(2, count)


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5"])
def test_a_setting_that_is_no_count(machine, monkeypatch, wrong):
    monkeypatch.setenv(threads.OWN, wrong)
    with pytest.raises(UsageError, match=rf"{threads.OWN}={wrong}: it must be a whole number"):
        threads.thread_count()


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "370000 100000\n"}, 3),
        (
            {
                "proc/self/cgroup": "0::/jobs/one\n",
                "sys/fs/cgroup/jobs/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/jobs/one/cpu.max": "max 100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/a\n4:cpu,cpuacct:/a\n",
                "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, 8),
        ({}, 8),
    ],
)
def test_what_a_container_allows(machine, files, count):
    for file, text in files.items():
        write(machine, file, text)
    assert threads.thread_count() == count


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_the_cpus_that_the_process_may_use(monkeypatch):
    cpus = os.sched_getaffinity(0)
    monkeypatch.setenv(threads.OWN, "1000")
    try:
        os.sched_setaffinity(0, {min(cpus)})
        assert threads.thread_count() == 1
    finally:
        os.sched_setaffinity(0, cpus)


def counted() -> int:
    """The count where eight CPUs are free and seven threads are asked for."""
    free = mock.patch.object(threads, "_available", return_value=8)
    with free, mock.patch.dict(os.environ, {threads.OWN: "7"}):
        return threads.thread_count()


def test_one_thread_in_a_worker_of_joblib():
    assert joblib.Parallel(n_jobs=2, backend="loky")([joblib.delayed(counted)()] * 2) == [1, 1]


def test_one_thread_in_a_worker_of_a_pool(machine, monkeypatch):
    assert counted() == 7
    process = multiprocessing.Process(daemon=True)
    monkeypatch.setattr(multiprocessing, "current_process", lambda: process)
    assert counted() == 1
