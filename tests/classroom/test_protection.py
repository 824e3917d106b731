"""What a system cannot close is found by trying, and said."""

import platform
import shutil
import subprocess
import sys

import pytest

from pullback.classroom import Limits, Protection, Sandbox, protection_of
from pullback.classroom import protection as module
from pullback.classroom.inside.kernel import system_call
from pullback.errors import UsageError

ROOT_CAN = [
    "read files outside its folder",
    "write files",
    "change the permissions of files",
    "start processes",
    "reach the network",
    "send signals to other processes",
    "take more memory than allowed",
    "use more CPU time than allowed",
    "act as root",
]


def test_a_system_with_landlock_and_seccomp_is_protected(protection):
    try:
        version = system_call(444, None, 0, 1)  # which Landlock there is
    except OSError:
        pytest.skip("needs Landlock")
    if version < 4 or platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip(f"needs Landlock 4 and a known machine, not {version} and {platform.machine()}")
    assert protection.open_ways == ()


@pytest.mark.parametrize(
    ("put_on", "closed"),
    [
        ("", ""),
        ("user", "write change send act"),
        ("limits", "write take use"),
        ("user limits", "write change start send take use act"),
        ("landlock", "read write reach send"),
        ("seccomp", "change start reach send"),
        ("limits landlock seccomp", "read write change start reach send take use"),
        ("user limits landlock seccomp", "read write change start reach send take use act"),
    ],
)
def test_the_trial_tells_what_is_open(put_on, closed, all_layers, monkeypatch):
    monkeypatch.setattr(module, "LAYERS", tuple(put_on.split()))
    protection = protection_of(Limits())
    assert protection.layers == tuple(put_on.split())
    assert list(protection.open_ways) == [
        way for way in ROOT_CAN if way.split()[0] not in closed.split()
    ]


def test_a_layer_that_the_system_lacks_is_left_out_in_the_trial_alone(all_layers):
    """The trial goes on without it; a submission never does."""
    lacking = Sandbox(layers=("limits", "user"))
    request = {"user": -1}  # no user has this number
    with lacking._room({"trial": True, "outside": "", "port": 1, **request}, [], {}) as room:
        ended = lacking._run(room, 1 << 16)
    assert b'"applied": ["limits"]' in ended.answer
    with lacking._room({"file": "", "function": "", "sets": [], **request}, [], {}) as room:
        ended = lacking._run(room, 1 << 16)
    assert b"it could not be closed in (user: " in ended.answer


def test_root_of_a_container_without_other_users_is_told():
    alone = ["unshare", "--user", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("needs unshare, and the right to make a container")
    ask = "from pullback.classroom import *; print(protection_of(Limits()).open_ways)"
    done = subprocess.run(
        [*alone, sys.executable, "-c", ask], capture_output=True, text=True, check=False
    )
    assert (done.stderr, "'act as root'" in done.stdout) == ("", True)


def test_the_sentence_names_all_that_is_open():
    assert Protection((), ()).sentence == ""
    one = Protection((), ("write files",)).sentence
    assert one.endswith(") a submission can write files.")
    three = Protection((), ("write files", "reach the network", "act as root")).sentence
    assert three.endswith(" a submission can write files, reach the network and act as root.")


def test_limits_in_which_nothing_runs_are_refused(layers):
    with pytest.raises(UsageError, match="No submission can run within the limits: in a trial it"):
        protection_of(Limits(memory_mib=40))


def test_limits_are_above_zero():
    with pytest.raises(UsageError, match="memory_mib is 0, and must be above 0"):
        Limits(memory_mib=0)


def test_another_kind_of_system_is_refused(monkeypatch):
    monkeypatch.setattr(module, "os", type("Windows", (), {"name": "nt"}))
    with pytest.raises(UsageError, match="needs Linux or macOS"):
        protection_of(Limits())
