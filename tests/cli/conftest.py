"""The command line as a process or without one, and files for it to read."""

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pullback.cli import main

MNIST = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one sentence on standard error of a command that was refused."""
        assert "Traceback" not in self.err
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("pullback: ")
        assert line.endswith((".", "?", ")"))
        return line.removeprefix("pullback: ")


def run_in(folder: Path, *words: object, **environment: str) -> Finished:
    """Run `python -m pullback ...` in a folder."""
    clean = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR")}
    # One thread each: the tests run side by side, and waiting BLAS threads would slow them down.
    clean |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pullback", *map(str, words)],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def run_here(folder: Path, *words: object) -> Finished:
    """The same in this process: a new one takes longer than most of what it is asked to do."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        code = main([*map(str, words)])
    told = []
    for stream in (out, err):
        stream.seek(0)
        told.append(stream.read())
    return Finished(code, *told)


@pytest.fixture
def pullback(tmp_path):
    """Run a command in an empty folder, in a process of its own."""
    return partial(run_in, tmp_path)


@pytest.fixture
def in_process(tmp_path, monkeypatch, capsys):
    """The same without a process of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: object) -> Finished:
        code = main([*map(str, words)])
        told = capsys.readouterr()
        return Finished(code, told.out, told.err)

    return run


@pytest.fixture
def unpainted():
    """Pictures are composed but not painted, which takes most of the time of a short run.

    What is painted is looked at by the tests of training, of its targets and of its folder.
    """
    from matplotlib.figure import Figure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda figure, file, **how: file.write(b"unpainted"))
        yield


def write_flowers(folder: Path, noise: float = 0.3) -> Path:
    """A CSV file with string labels: three clouds of points, with little noise easy to tell."""
    random = np.random.default_rng(0)
    lines = ["kind,width,note,length"]
    for row in range(60):
        kind = row % 3
        width, length = random.normal((3 * kind, -2 * kind), noise)
        lines.append(f"{['ash', 'elm', 'oak'][kind]},{width:.4f},{row},{length:.4f}")
    file = folder / "flowers.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def flowers(tmp_path):
    return write_flowers(tmp_path)


def idx(array) -> bytes:
    """An array of bytes as an IDX file."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


@pytest.fixture
def stripes(tmp_path):
    """A folder of IDX files without a test file: 5 x 4 images with a bright row or column."""
    random = np.random.default_rng(0)
    images = random.integers(0, 60, (40, 5, 4))
    labels = np.arange(40) % 2
    images[labels == 0, 2, :] = 250
    images[labels == 1, :, 1] = 250
    folder = tmp_path / "stripes"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(idx(images))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


def test_accuracy(finished: Finished) -> float:
    """The test accuracy that a training run printed."""
    (line,) = [line for line in finished.out.splitlines() if line.split()[:1] == ["test"]]
    return float(line.split()[-1])


test_accuracy.__test__ = False
