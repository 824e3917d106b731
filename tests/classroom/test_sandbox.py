"""What a submission must not be able to do, tried: with all layers, without, and layer by layer."""

import os
import socket
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rooms import SMALL, called_with, files_of

import pullback
from pullback.classroom import Sandbox
from pullback.classroom.inside.kernel import system_call

ATTACKS = {
    "reads_a_file": ["landlock"],
    "reads_a_file_of_the_group": ["user", "landlock"],
    "reads_the_graders_memory": ["user", "landlock"],
    "reads_the_graders_environment": ["user", "landlock"],
    "traces_the_grader": ["user", "landlock", "seccomp"],
    "opens_numpy_to_write": ["user", "landlock"],
    "writes_a_file": ["user", "limits", "landlock"],
    "writes_another_file": ["limits", "landlock"],
    "empties_another_file": ["landlock"],
    "changes_permissions": ["user", "seccomp"],
    "kills_the_grader": ["user", "landlock", "seccomp"],
    "starts_a_process": ["user limits", "seccomp"],
    "starts_a_program": ["landlock", "seccomp"],
    "fork_bomb": ["user limits", "seccomp"],
    "starts_threads": ["user limits", "seccomp"],
    "connects": ["landlock", "seccomp"],
    "sends_a_datagram": ["seccomp"],
    "slows_the_grader": ["user", "seccomp"],
    "outlives_the_grader": ["seccomp"],
    "leaves_shared_memory": ["seccomp"],
    "makes_a_namespace": ["seccomp"],
    "raises_its_limits": ["user limits"],
    "imports_pullback": ["landlock"],
}
"""Each attack, and the layers any of which is enough against it."""


@pytest.fixture
def aims(others, victim):
    """What the attacks are told of what they aim at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {
            **others,
            "victim": victim,
            "port": server.getsockname()[1],
            "package": str(Path(pullback.__file__).parents[1]),
        }


@pytest.fixture
def attack(aims):
    """Whether an attack succeeds behind given layers."""

    def succeeds(name, layers):
        answer = Sandbox(SMALL, layers).call(files_of(name), "backward", called_with(aims))
        if name == "starts_a_program" and not answer.results:
            return answer.failed == "it ended without an answer (exit code 0)"
        assert answer.results or "raised" in answer.failed
        return bool(answer.results) and answer.results[0] > 0

    return succeeds


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_would_succeed_without_the_layers_against_it(name, attack, all_layers):
    against = " ".join(ATTACKS[name]).split()
    assert attack(name, [layer for layer in all_layers if layer not in against])


ONE_AFTER_ANOTHER = b"""
import importlib

def backward(names, **inputs):
    return {name: attempt(importlib.import_module(name), inputs) for name in names}

def attempt(attack, inputs):
    try:
        return attack.backward(**inputs) > 0
    except (OSError, RuntimeError, ValueError, ImportError):
        return False
"""


def check_that_none_succeeds(names, layers, aims):
    files = {f"{name}.py": files_of(name)["submission.py"] for name in names}
    inputs = {"names": names, **aims}
    answer = Sandbox(SMALL, layers).call(
        {"main.py": ONE_AFTER_ANOTHER, **files}, "backward", called_with(inputs)
    )
    assert answer.results == (dict.fromkeys(names, False),)


def test_no_attack_succeeds(aims, layers):
    check_that_none_succeeds(list(ATTACKS), layers, aims)


@pytest.mark.parametrize(
    "against", sorted({each for layers in ATTACKS.values() for each in layers})
)
def test_layers_are_enough_alone(against, aims, all_layers):
    names = [name for name in ATTACKS if against in ATTACKS[name]]
    check_that_none_succeeds(names, against.split(), aims)


def test_the_groups_of_the_grader_are_left(aims, all_layers):
    before = os.getgroups()
    os.setgroups([0])
    try:
        files = files_of("reads_a_file_of_the_group")
        answer = Sandbox(SMALL, ["user"]).call(files, "backward", called_with(aims))
    finally:
        os.setgroups(before)
    assert answer.failed.startswith("it raised PermissionError")


@pytest.mark.parametrize("closed_by", ["", "user", "landlock", "seccomp"])
def test_no_signal_goes_through_a_pipe(closed_by, victim, all_layers):
    if closed_by == "landlock" and system_call(444, None, 0, 1) < 6:
        pytest.skip("needs Landlock 6, which keeps signals in")
    files = files_of("signals_through_a_pipe")
    Sandbox(SMALL, closed_by.split()).call(files, "backward", called_with({"victim": victim}))
    if closed_by:
        assert is_alive(victim)
    else:
        wait_until_gone(victim)


FAILURES = {
    "endless_loop": "it used more than 1 s of CPU time",
    "sleeps": "it ran for more than 1 s",
    "ignores_signals": "it was killed (SIGKILL), as happens when CPU time or memory runs out",
    "exits": "it called sys.exit",
    "exits_at_once": "it ended without an answer (exit code 0)",
    "aborts": "it crashed (SIGABRT)",
    "crashes": "it crashed (SIGSEGV)",
    "floods_the_output": "it printed more than 64 KiB",
    "floods_the_pipe": "it handed on more than its inputs could need",
    "allocates": "it raised MemoryError: Unable to allocate",
    "returns_too_much": "it handed on more than its inputs could need",
    "returns_objects": "it returned an array of object",
    "returns_itself": "it returned a container that holds itself",
    "raises_what_cannot_be_told": "it ended without an answer (exit code 1)",
    "has_no_backward": "it has no function backward",
    "forges_a_pickle": "it handed on a .npy file that holds more than numbers",
    "returns_many_values": "it handed on a container of too many values; each gradient must be",
    "returns_deep_containers": "it handed on something that is no answer",
    "fails_without_a_word": "it handed on something that is no answer",
}


SHORT = {
    "endless_loop": replace(SMALL, cpu_seconds=1),
    "ignores_signals": replace(SMALL, cpu_seconds=1),
    "sleeps": replace(SMALL, seconds=1),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_told_in_a_sentence(name, layers):
    answer = Sandbox(SHORT.get(name, SMALL), layers).call(
        files_of(name), "backward", called_with({"x": np.ones(3)})
    )
    assert answer.results == ()
    assert answer.failed.startswith(FAILURES[name])


def test_the_line_of_an_error_is_told(layers):
    sources = {
        b"def backward(x)\n    return x": "it raised SyntaxError: expected ':'",
        b"\nimport np": "it raised ModuleNotFoundError: No module named 'np'",
        b"def backward(x):\n    return x @ np": "it raised NameError: name 'np' is not defined",
    }
    for (source, why), line in zip(sources.items(), (1, 2, 2), strict=True):
        answer = Sandbox(SMALL, layers).call(
            {"a.py": source}, "backward", called_with({"x": np.ones(())})
        )
        assert answer.failed.startswith(why)
        assert answer.failed.endswith(f" (line {line})")


def test_a_submission_gets_nothing_but_its_inputs(layers, monkeypatch):
    monkeypatch.setenv("SECRET", "the answer")
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    try:
        answer = Sandbox(SMALL, layers).call(files_of("looks_around"), "backward", called_with({}))
    finally:
        os.close(reading)
        os.close(writing)
    assert answer.results == (0,)


def test_values_arrive_as_they_were_sent(layers):
    echo = b"def backward(**given):\n    given['W'] += 0\n    return given"
    inputs = {
        "W": np.arange(6.0).reshape(2, 3).T,
        "labels": np.array([2, 0], np.int32),
        "mask": np.array(True),
        "half": np.float16(0.5),
        "empty": np.zeros((0, 4), np.float32),
        "names": np.array(["a", "bc"]),
        "nested": [1, (2.5, None), {"key": "text"}],
        "big": np.array([1, 2], ">i8"),
        "special": [float("nan"), float("inf"), True],
    }
    del inputs["names"]
    answer = Sandbox(SMALL, layers).call({"a.py": echo}, "backward", called_with(inputs, inputs))
    assert answer.failed == ""
    for returned in answer.results:
        assert list(returned) == list(inputs)
        assert returned["nested"] == inputs["nested"]
        assert returned["special"][1:] == inputs["special"][1:]
        for name in ("W", "labels", "mask", "half", "empty", "big"):
            sent, back = np.asarray(inputs[name]), returned[name]
            assert (back.shape, back.dtype) == (sent.shape, sent.dtype.newbyteorder("<"))
            np.testing.assert_array_equal(back, sent)


def test_each_set_of_inputs_arrives_fresh(layers):
    greedy = b"def backward(x):\n    x *= 2\n    return x"
    x = np.ones(2)
    answer = Sandbox(SMALL, layers).call(
        {"a.py": greedy}, "backward", called_with({"x": x}, {"x": x})
    )
    assert [result.tolist() for result in answer.results] == [[2, 2], [2, 2]]


def test_modules_of_the_same_folder_can_be_imported(layers):
    files = {"backward.py": b"from parts import backward", "parts.py": b"backward = dict"}
    answer = Sandbox(SMALL, layers).call(files, "backward", called_with({"x": 1}))
    assert answer.results == ({"x": 1},)


def test_numpy_can_be_used_in_full(layers):
    source = b"""
import functools, itertools, math, collections
import numpy as np
def backward(x):
    np.random.default_rng(0).normal(size=3)
    np.testing.assert_allclose(np.linalg.inv(np.eye(2)), np.fft.ifft2(np.fft.fft2(np.eye(2))))
    return np.einsum("i,i->", x, x)
"""
    answer = Sandbox(SMALL, layers).call(
        {"a.py": source}, "backward", called_with({"x": np.ones(3)})
    )
    assert (answer.results, answer.failed) == ((3.0,), "")


def test_the_whole_group_of_processes_ends():
    """Also where a submission can start processes, and they hold its pipes open."""
    answer = Sandbox(SMALL).call(files_of("leaves_a_child"), "backward", called_with({}))
    assert answer.failed == ""
    wait_until_gone(answer.results[0])


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_nothing_is_left_of_a_submission(layers, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("exits_at_once", "floods_the_output"):
        Sandbox(SMALL, layers).call(files_of(name), "backward", called_with({}))
    assert list(tmp_path.iterdir()) == []
