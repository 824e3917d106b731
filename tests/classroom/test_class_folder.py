"""Which files of a folder are submissions."""

import errno
import os
from pathlib import Path

import pytest

from pullback.classroom import find_submissions
from pullback.errors import UsageError


def found(folder):
    return {each.name: each for each in find_submissions(folder, folder / "forward.py")}


def test_a_student_hands_in_a_file_or_a_folder(tmp_path):
    (tmp_path / "forward.py").write_text("the teacher's")
    (tmp_path / "_notes.py").write_text("")
    (tmp_path / ".hidden.py").write_text("")
    (tmp_path / "readme.txt").write_text("")
    (tmp_path / "ada.py").write_text("one")
    for name, files in {
        "bob": ["any.py", "._any.py"],
        "cyd": ["backward.py", "a.py", "data.csv"],
    }.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text(f"{name}'s {file}")
    submissions = found(tmp_path)
    assert {name: dict(each.files) for name, each in submissions.items()} == {
        "ada": {"submission.py": b"one"},
        "bob": {"any.py": b"bob's any.py"},
        "cyd": {"backward.py": b"cyd's backward.py", "a.py": b"cyd's a.py"},
    }
    assert next(iter(submissions["cyd"].files)) == "backward.py"
    assert not any(each.failed for each in submissions.values())


def test_two_of_one_name_are_told_apart(tmp_path):
    (tmp_path / "ada.py").write_text("")
    (tmp_path / "ada").mkdir()
    assert list(found(tmp_path)) == ["ada", "ada.py"]


def _closed(folder):
    """Listing folders as it is where one of them is not the teacher's, root or not."""
    listing = Path.iterdir

    def iterdir(path):
        if path == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listing(path)

    return iterdir


def test_what_cannot_be_graded_says_why(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "none").mkdir()
    (tmp_path / "several").mkdir()
    (tmp_path / "several" / "a.py").touch()
    (tmp_path / "several" / "b.py").touch()
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    (tmp_path / "linked").symlink_to("/etc")
    (tmp_path / "loop.py").symlink_to("loop.py")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "backward.py").symlink_to("/etc/passwd")
    (tmp_path / "large.py").write_bytes(b" " * (2**20 + 1))
    monkeypatch.setattr(Path, "iterdir", _closed(tmp_path / "closed"))
    assert {name: each.failed for name, each in found(tmp_path).items()} == {
        "closed": "its folder cannot be read: permission denied",
        "none": "its folder holds 0 Python files",
        "several": "its folder holds 2 Python files, none of them backward.py",
        "link": "it is a link, which is not followed",
        "linked": "it is a link, which is not followed",
        "loop": "it is a link, which is not followed",
        "pipe": "pipe.py is no regular file",
        "inner": "backward.py cannot be read: too many levels of symbolic links",
        "large": "large.py is larger than 1 MiB",
    }


def test_an_empty_class_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no submission: write one NAME.py"):
        found(tmp_path)
    with pytest.raises(UsageError, match="There is no folder"):
        found(tmp_path / "missing")
