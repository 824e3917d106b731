"""Machine code on disk: what it depends on, and whatever may happen to it there."""

import dataclasses
import errno
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from native_cache_process import SOURCE
from native_cache_process import loaded_anew as load

from pullback.engines.choice import COMPILING
from pullback.engines.native import cache, machine

KEY = cache.key("a program")
PROGRAM = Path(__file__).with_name("native_cache_process.py")


# Where it lies, and under which key.


@pytest.mark.skipif(sys.platform != "linux", reason="the folders of Linux")
@pytest.mark.parametrize(
    ("own", "general", "home", "folder"),
    [
        ("/own", "/general", "/h", "/own"),
        (None, "/general", "/h", "/general/pullback"),
        (None, "relative", "/h", "/h/.cache/pullback"),
        (None, None, "/h", "/h/.cache/pullback"),
    ],
)
def test_the_folder(monkeypatch, own, general, home, folder):
    for name, value in zip(
        ("PULLBACK_CACHE_DIR", "XDG_CACHE_HOME", "HOME"), (own, general, home), strict=True
    ):
        monkeypatch.delenv(name, raising=False)
        if value:
            monkeypatch.setenv(name, value)
    assert cache.folder() == Path(folder)


def test_without_a_home_nothing_is_kept(monkeypatch, place):
    monkeypatch.delenv("PULLBACK_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert cache.folder() is None
    assert not cache.store(KEY, b"data")
    assert cache.load(KEY) is None
    assert "no home" in cache.state()


def test_a_key_tells_its_parts_apart():
    keys = [cache.key(*parts) for parts in [("ab", "c"), ("a", "bc"), ("abc",), ("c", "ab"), ()]]
    assert len(set(keys)) == 5
    assert cache.key("ab", "c") == keys[0]


def test_the_key_changes_with_any_source_of_the_engine(tmp_path):
    (tmp_path / "functions").mkdir()
    inner = tmp_path / "functions" / "powers.py"
    inner.write_text("a = 1\n")
    before = machine.sources_digest(tmp_path)
    assert machine.sources_digest(tmp_path) == before
    inner.write_text("a = 2\n")
    changed = machine.sources_digest(tmp_path)
    inner.rename(tmp_path / "powers.py")
    assert len({before, changed, machine.sources_digest(tmp_path)}) == 3


def test_the_key_changes_with_a_setting_of_numba(monkeypatch):
    before = machine.stamp.__wrapped__()
    monkeypatch.setenv("NUMBA_OPT", "1")
    assert machine.stamp.__wrapped__() != before


# Damage.

DAMAGE = {
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-100]),
    "cut off in its head": lambda file: file.write_bytes(file.read_bytes()[:40]),
    "one bit": lambda file: file.write_bytes(
        (data := file.read_bytes())[:-200] + bytes([data[-200] ^ 1]) + data[-199:]
    ),
    "garbage": lambda file: file.write_bytes(bytes(range(256)) * 20),
    "empty": lambda file: file.write_bytes(b""),
    "gone": lambda file: file.unlink(),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "zeros at its end": lambda file: file.write_bytes(file.read_bytes() + bytes(64)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_compiled_anew(filled, compiles, damage):
    load()
    assert compiles == []
    DAMAGE[damage](filled)
    load()
    assert compiles == [SOURCE]
    load()
    assert compiles == [SOURCE]


def test_code_with_a_right_digest_that_cannot_be_used(place, code, compiles):
    made = machine._unpacked(code[1][len(cache._FORMAT) + 65 :])
    # LLVM ends the process when it meets a symbol that nobody has.
    foreign = dataclasses.replace(made, symbols=("pullback_of_no_process",))
    for payload in (b"no number\n", b"5\n{{}}}", machine._packed(foreign)):
        cache.store(code[0], payload)
        compiles.clear()
        load()
        assert compiles == [SOURCE]


# A folder that does not serve.


def test_a_full_disk(place, compiles, monkeypatch):
    real = os.fdopen

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            self.file.write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", lambda *given: Full(real(*given)))
    load()
    load()
    assert len(compiles) == 2
    assert "No space left" in cache.state()
    assert [path for path in place.rglob("*") if path.suffix != ".lock"] == []
    monkeypatch.undo()


def test_a_folder_that_cannot_be_made(place, compiles):
    place.write_text("a file")
    load()
    assert len(compiles) == 1
    assert "not kept" in cache.state()


def test_a_folder_that_is_read_only_serves_what_it_holds(filled, compiles, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("open", "mkdir", "utime", "replace", "unlink"):
        monkeypatch.setattr(os, name, refuse)
    load()
    assert compiles == []


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="a system without owners of files")
@pytest.mark.parametrize("which", ["folder", "entry", "file"])
def test_code_that_others_could_have_written_is_not_run(filled, compiles, which):
    {"folder": filled.parent.parent, "entry": filled.parent, "file": filled}[which].chmod(0o777)
    load()
    assert compiles == [SOURCE]


def test_a_folder_of_another_user(filled, compiles, monkeypatch):
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    load()
    assert compiles == [SOURCE]
    assert "another user" in cache.state()


# Several processes.


def process(*words):
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *words], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_two_processes_compile_it_once_and_fork(place):
    pytest.importorskip("numba")
    both = [process("load"), process("load")]
    said = sorted(each.communicate(timeout=120)[0].split("\n")[:2] for each in both)
    assert said == [["compiled 0 child 0", "no compiler"], ["compiled 1 child 0", "numba"]]
    (log,) = place.glob("*/log")
    assert len(log.read_text().splitlines()) == 1


SUM = """\
import sys
import numpy as np
import pullback as pb
program = pb.trace(lambda x: np.sum(np.tanh(x)), x="N")
assert pb.compile(program, engine="native")(x=np.zeros(5)) == 0.0
print("numba" if "numba" in sys.modules else "no compiler")
"""


def test_a_program_without_products_is_loaded_without_the_compiler(place):
    """It calls the system to let other threads run, whose symbol LLVM must find by itself."""
    pytest.importorskip("numba")
    run = partial(subprocess.run, [sys.executable, "-c", SUM], capture_output=True, text=True)
    first, second = run(check=True), run(check=True)
    assert (first.stdout, second.stdout) == ("numba\n", "no compiler\n")
    assert first.stderr == f"pullback: {COMPILING}\n"  # nobody else says why it takes so long
    assert second.stderr == ""


@pytest.mark.skipif(cache.fcntl is None, reason="a system without locks of this kind")
def test_the_second_waits_and_a_killed_process_holds_nothing(place, monkeypatch):
    holder = process("hold", KEY)
    try:
        assert holder.stdout.readline() == "held\n"
        monkeypatch.setattr(cache, "PATIENCE", 0.1)
        assert cache._lock(place / f"{KEY}.lock") is None
        monkeypatch.setattr(cache, "PATIENCE", 60.0)
        holder.kill()
        holder.wait()
        descriptor = cache._lock(place / f"{KEY}.lock")
        assert descriptor is not None
        os.close(descriptor)
    finally:
        holder.kill()
        holder.communicate()


def test_a_lock_file_that_was_removed_meanwhile_locks_nothing(place):
    place.mkdir(mode=0o700)
    path = place / f"{KEY}.lock"
    real = os.open
    opened = []

    def opening(*given, **named):
        descriptor = real(*given, **named)
        if not opened:
            path.unlink()  # by another process, between opening and locking
        opened.append(descriptor)
        return descriptor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", opening)
        descriptor = cache._lock(path)
    assert len(opened) == 2
    assert os.path.samestat(os.fstat(descriptor), os.stat(path))
    os.close(descriptor)


# How much is kept.


def test_the_least_recently_used_leave_when_there_is_too_much(place, monkeypatch):
    monkeypatch.setattr(cache, "LARGEST", 3500)
    names = [cache.key(number) for number in range(4)]
    for age, name in enumerate(names[:3]):
        cache.store(name, bytes(1000))
        then = time.time() - 1000 + 100 * age
        os.utime(place / name / "code", (then, then))
    assert cache.load(names[0]) == bytes(1000)  # used now: the second is the oldest
    cache.store(names[3], bytes(1000))
    assert [cache.load(name) is not None for name in names] == [True, False, True, True]


def test_what_nobody_asks_for_leaves(place):
    names = [cache.key(number) for number in range(3)]
    for name, days in zip(names, (cache.OLDEST + 1, cache.OLDEST - 1), strict=False):
        cache.store(name, b"data")
        then = time.time() - 86_400 * days
        os.utime(place / name / "code", (then, then))
    cache.store(names[2], b"data")
    assert [cache.load(name) for name in names] == [None, b"data", b"data"]


def test_clear_removes_entries_and_nothing_else(place):
    with cache.claim(KEY):
        cache.store(KEY, b"data")
    (place / "notes").mkdir()
    (place / "notes" / "mine.txt").write_text("mine")
    cache.clear()
    assert [path.name for path in place.iterdir()] == ["notes"]
    assert cache.load(KEY) is None


def test_files_are_the_users_own(place):
    cache.store(KEY, b"data", "source", "remark")
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / KEY).stat().st_mode & 0o777 == 0o700
    assert (place / KEY / "code").stat().st_mode & 0o777 == 0o600
