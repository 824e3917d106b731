"""A file is the old one or the new one, never a part; a run has a folder of its own."""

import errno
import multiprocessing
import os
import stat
import subprocess
import sys

import pytest

from pullback.errors import StorageError
from pullback.storage.atomic import (
    claim_folder,
    fresh_folder,
    remove_unfinished,
    write_atomic,
)


@pytest.fixture
def old(tmp_path):
    """A file that is there already, alone in its folder."""
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    return path


def test_bytes_and_text_are_written_as_they_are(tmp_path):
    path = tmp_path / "file"
    write_atomic(path, b"\0\r\n\xff")
    assert path.read_bytes() == b"\0\r\n\xff"
    write_atomic(str(path), "ü\r\n")
    assert path.read_bytes() == "ü\r\n".encode()
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "permission is missing")],
)
def test_a_failure_leaves_the_old_file_alone(old, monkeypatch, call, number, words):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StorageError, match=f"{words}; the old file is unchanged") as caught:
        write_atomic(old, b"new")
    assert str(old) in str(caught.value)
    assert old.read_bytes() == b"old"
    assert os.listdir(old.parent) == [old.name]


def test_an_interrupt_leaves_the_old_file_alone(old, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(old, b"new")
    assert old.read_bytes() == b"old"
    assert os.listdir(old.parent) == [old.name]


def test_the_bytes_are_on_the_disk_before_the_name_is(old, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(handle):
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        calls.append("fsync folder" if folder else f"fsync {os.fstat(handle).st_size} bytes")
        fsync(handle)

    def note_replace(source, target):
        assert os.path.dirname(source) == os.path.dirname(target)
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_atomic(old, b"newer")
    assert calls == ["fsync 5 bytes", "replace", "fsync folder"]


KILLED = """
import os, pathlib, signal, sys
from pullback.storage import atomic

OLD, NEW = b"old " * 5, b"newer" * 7
path = pathlib.Path(sys.argv[1], "file")


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


class Dying:
    # The file that is being written, and a kill after so many of its bytes.
    def __init__(self, file, bytes):
        self.file, self.bytes = file, bytes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, content):
        self.file.write(content[: self.bytes])
        self.file.flush()
        die()

    def __getattr__(self, name):
        return getattr(self.file, name)


def dying_open(bytes):
    opened = pathlib.Path.open
    pathlib.Path.open = lambda self, mode: Dying(opened(self, mode), bytes)


def dying_call(name, after):
    call = getattr(os, name)

    def last(*arguments):
        if after:
            call(*arguments)
        die()

    setattr(os, name, last)


moments = [lambda bytes=bytes: dying_open(bytes) for bytes in range(len(NEW) + 1)]
moments += [
    lambda name=name, after=after: dying_call(name, after)
    for name in ("fsync", "replace") for after in (False, True)
]
for prepare in moments:
    path.write_bytes(OLD)
    child = os.fork()
    if not child:
        prepare()
        atomic.write_atomic(path, NEW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    print(path.read_bytes() == OLD, path.read_bytes() == NEW, len(os.listdir(path.parent)))
    atomic.remove_unfinished(path)
    assert os.listdir(path.parent) == ["file"]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are what POSIX knows as such")
def test_a_kill_at_any_byte_leaves_the_old_file_or_the_new_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    *before, after = done.stdout.splitlines()
    assert len(before) == 36 + 3  # after each byte; around fsync; before the rename
    assert set(before) == {"True False 2"}
    assert after == "False True 1"


def test_only_what_a_kill_has_left_beside_the_file_is_removed(old):
    left = f".{old.name}.0123456789abcdef.tmp"
    others = [f".{old.name}.extra.0123456789abcdef.tmp", ".other.0123456789abcdef.tmp", "a.tmp"]
    for name in (left, *others):
        old.with_name(name).write_bytes(b"half")
    remove_unfinished(old)
    assert set(os.listdir(old.parent)) == {old.name, *others}
    remove_unfinished(old.parent / "no" / "such" / "file")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")
def test_a_small_write_to_a_full_disk(old, monkeypatch):
    # It fails only when it is flushed. The device stands in for the temporary file alone.
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.open", lambda self, mode: open("/dev/full", "wb"))  # noqa: SIM115
        with pytest.raises(StorageError, match="the disk is full; the old file is unchanged"):
            write_atomic(old, b"new")
    assert old.read_bytes() == b"old"


def test_a_missing_folder_and_a_folder_in_the_way(tmp_path):
    with pytest.raises(StorageError, match="its folder does not exist"):
        write_atomic(tmp_path / "no" / "file", b"")
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match="taken cannot be written: it is a folder"):
        write_atomic(tmp_path / "taken", b"")
    assert os.listdir(tmp_path) == ["taken"]


def test_permissions_stay(old):
    old.chmod(0o640)
    write_atomic(old, b"new")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    write_atomic(tmp_path / "atomic", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")}
    assert len(modes) == 1


def test_a_link_stays_a_link(old):
    link = old.parent / "link"
    link.symlink_to(old.name)
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_fresh_folders_are_numbered(tmp_path):
    base = tmp_path / "deep" / "runs"
    assert [fresh_folder(base).name for _ in range(3)] == ["0001", "0002", "0003"]
    (base / "0009").mkdir()
    (base / "notes").mkdir()
    assert fresh_folder(base) == base / "0010"
    (base / "9999").mkdir()
    assert fresh_folder(base).name == "10000"


def test_a_number_that_another_process_took_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "0001").mkdir()
    (tmp_path / "0002").mkdir()
    # The other process created both after this one had looked.
    monkeypatch.setattr("pathlib.Path.iterdir", lambda self: iter(()))
    assert fresh_folder(tmp_path).name == "0003"


def take(base, count, queue):
    queue.put([fresh_folder(base).name for _ in range(count)])


def test_processes_get_folders_of_their_own(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=take, args=(tmp_path, 40, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    names = [name for _ in workers for name in queue.get(timeout=60)]
    for worker in workers:
        worker.join()
    assert sorted(names) == [f"{number:04d}" for number in range(1, 81)]


def test_a_base_that_is_a_file_is_refused(old):
    with pytest.raises(StorageError, match="No folder can be created in"):
        fresh_folder(old)


def test_a_folder_is_claimed_when_new_or_empty(tmp_path):
    folder = claim_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert claim_folder(str(folder)) == folder


def test_a_folder_in_use_and_a_file_are_refused(old):
    with pytest.raises(StorageError, match="already in use: choose a new or an empty one"):
        claim_folder(old.parent)
    with pytest.raises(StorageError, match="is a file, not a folder"):
        claim_folder(old)
    assert old.read_bytes() == b"old"
