"""`pullback grade`: a class in a folder."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pullback.classroom import Protection, protection_of
from pullback.classroom.limits import Limits

FORWARD = """
import numpy as np

wrt = ["W1", "W2"]


def forward(x, y, W1, W2):
    return np.sum((np.maximum(x @ W1, 0) @ W2 - y) ** 2)


def example_inputs():
    random = np.random.default_rng(0)
    shapes = {"x": (5, 4), "y": (5, 2), "W1": (4, 3), "W2": (3, 2)}
    return {name: random.normal(size=shape) for name, shape in shapes.items()}
"""
RIGHT = """
import numpy as np

def backward(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    dp = 2 * (r @ W2 - y)
    dh = dp @ W2.T * (h > 0)
    return {"dW1": x.T @ dh, "dW2": r.T @ dp}
"""


@pytest.fixture(scope="session")
def protection():
    return protection_of(Limits())


@pytest.fixture
def graded(in_process, tmp_path, protection):
    """Grade a class of given sources."""
    if protection.open_ways:
        pytest.skip(protection.sentence)
    (tmp_path / "forward.py").write_text(FORWARD)
    (tmp_path / "class").mkdir()

    def grade(sources, *words):
        for name, source in sources.items():
            (tmp_path / "class" / f"{name}.py").write_text(source)
        return in_process("grade", "class", "--against", "forward.py", *words)

    return grade


def lines_of(out: str) -> dict[str, list[str]]:
    return {words[0]: words for line in out.splitlines() if (words := line.split())}


def test_a_class_is_graded(graded, tmp_path):
    done = graded(
        {
            "ada": RIGHT,
            "bob": RIGHT.replace("r.T @ dp", "-r.T @ dp"),
            "cyd": RIGHT.replace("h = x @ W1", "import sys; sys.exit(0)"),
            "=1+1": RIGHT.replace("backward", "backwards"),
        },
        *("--csv", "marks.csv"),
    )
    assert (done.code, done.err) == (0, "")
    lines = lines_of(done.out)
    assert lines["ada"][1:] == ["1", "1", "2/2", "right"]
    assert lines["bob"][1:5] == ["1", "0", "1/2", "wrong"]
    assert lines["cyd"][1:5] == ["0", "0", "0/2", "failed"]
    assert " ".join(lines["MARKS"][1:]) == "1 right, 1 wrong, 2 failed; 0.75 of 2 points on average"
    with open(tmp_path / "marks.csv", newline="", encoding="utf-8") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["'=1+1", "ada", "bob", "cyd"]
    assert rows["bob"] == {
        **{"submission": "bob", "W1": "1", "W2": "0", "total": "1", "of": "2", "status": "wrong"},
        "why": "Gradient of W2: its sign is wrong.",
    }
    assert rows["cyd"]["why"] == "It called sys.exit."
    assert rows["'=1+1"]["why"] == "It has no function backward."


def test_an_answer_for_the_example_alone_is_wrong(graded):
    typed = RIGHT.replace(
        "h = x @ W1", "x = x if np.isclose(x[0, 0], 0.12573022) else 2 * x\n    h = x @ W1"
    )
    done = graded({"typed": typed}, "--sets", "6")
    assert lines_of(done.out)["typed"][4] == "wrong"
    assert "for other inputs" in " ".join(done.out.split())


def test_gradients_and_function_can_be_named(graded):
    done = graded({"ada": RIGHT.replace("backward", "pull")}, "--function", "pull", "--wrt", "W2")
    assert lines_of(done.out)["ada"][1:] == ["1", "1/1", "right"]
    done = graded({"ada": RIGHT.replace("backward", "pull")}, "--function", "pull", "--wrt", "W2,x")
    assert lines_of(done.out)["ada"][1:5] == ["1", "0", "1/2", "wrong"]


def test_inputs_that_cannot_be_varied_are_told(graded, tmp_path):
    source = "def backward(x):\n    return 2 * x"
    (tmp_path / "forward.py").write_text(
        "def forward(x):\n    return x * x\ndef example_inputs():\n    return {'x': 3.0}\n"
    )
    done = graded({"ada": source})
    assert "1 set of inputs; permuted rows give no more" in done.out
    assert lines_of(done.out)["ada"][1:] == ["1", "1/1", "right"]


def test_files_that_are_no_submissions_are_told(graded, tmp_path):
    (tmp_path / "class").joinpath("bob.ipynb").write_text("{}")
    assert "LEFT OUT  no Python files: bob.ipynb" in graded({"ada": RIGHT}).out


def test_the_forward_file_may_lie_in_the_folder(graded, tmp_path, in_process):
    graded({"ada": RIGHT, "forward": FORWARD})
    done = in_process("grade", "class", "--against", Path("class", "forward.py"))
    assert "1 submission against" in done.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere", "--against", "forward.py"], "There is no folder nowhere."),
        (["class", "--against", "no.py"], "--against no.py: there is no file no.py."),
        (["class", "--against", "forward"], "--against 'forward': write FILE.py:NAME."),
        (
            ["class", "--against", "forward.py:forwards"],
            "--against forward.py: there is no function 'forwards'; it has forward, "
            "example_inputs. Did you mean 'forward'?",
        ),
        (
            ["class", "--against", "forward.py", "--wrt", "W3"],
            "wrt='W3' is not a floating argument; there are x, y, W1, W2.",
        ),
        (["class", "--against", "forward.py", "--sets", "0"], "--sets 0: it must be at least 1."),
        (["class", "--against", "forward.py", "--jobs", "0"], "--jobs 0: it must be at least 1."),
        (
            ["class", "--against", "forward.py", "--seconds", "0"],
            "seconds is 0.0, and must be above 0 and below 1e9.",
        ),
        (
            ["class", "--against", "forward.py", "--csv", "forward.py"],
            "forward.py exists already: choose another file or add --force.",
        ),
        (
            ["class", "--against", "forward.py", "--csv", "new/marks.csv"],
            "--csv new/marks.csv: there is no folder new.",
        ),
        (
            ["class", "--against", "forward.py", "--csv", "class", "--force"],
            "--csv class: it is a folder; name a file in it.",
        ),
        (["class", "--against", "forward.py"], "class holds no submission"),
    ],
)
def test_what_cannot_be_graded_is_refused(words, sentence, in_process, tmp_path):
    (tmp_path / "forward.py").write_text(FORWARD)
    (tmp_path / "class").mkdir()
    done = in_process("grade", *words)
    assert done.code == 2
    assert done.complaint.startswith(sentence)


def test_wrt_of_the_file_is_a_list_of_names(in_process, tmp_path):
    (tmp_path / "forward.py").write_text(FORWARD.replace('["W1", "W2"]', "None"))
    (tmp_path / "class").mkdir()
    done = in_process("grade", "class", "--against", "forward.py")
    assert (done.code, done.complaint) == (
        2,
        "wrt of forward.py is None: write a list of names.",
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("    return [1]", "example_inputs() of forward.py must return a dict of arguments"),
        ("    return {'x': 1.0}", "example_inputs() of forward.py does not fit forward: missing"),
        ("    raise OSError('no data')", "OSError: no data at forward.py, line 12: raise OSError"),
    ],
)
def test_example_inputs_must_fit(change, sentence, in_process, tmp_path):
    source = FORWARD.partition("    random")[0]
    (tmp_path / "forward.py").write_text(source + change)
    (tmp_path / "class").mkdir()
    done = in_process("grade", "class", "--against", "forward.py")
    assert done.code == 2
    assert sentence in " ".join(done.err.split())


def test_an_unprotected_system_is_told_before_the_first_runs(graded, monkeypatch):
    half = Protection(("limits",), ("read files outside its folder", "reach the network"))
    monkeypatch.setattr("pullback.cli.grade.protection_of", lambda limits: half)
    done = graded({"ada": RIGHT})
    assert done.code == 2
    assert "a submission can read files outside its folder and reach the network." in done.complaint
    assert "Nothing was run; --allow-unprotected goes on" in done.complaint
    done = graded({"ada": RIGHT}, "--allow-unprotected")
    assert done.code == 0
    assert done.out.index("UNPROTECTED") < done.out.index("ada")
    assert lines_of(done.out)["ada"][4] == "right"


@pytest.fixture
def running(tmp_path, graded):
    """The process of a class that never ends, and the processes of its submissions."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    for name in "abc":
        source = "import time\ndef backward(*args):\n    time.sleep(600)\n"
        (tmp_path / "class" / f"{name}.py").write_text(source)
    words = ("-m", "pullback", "grade", "class", "--against", "forward.py", "--jobs", "2")
    process = subprocess.Popen(
        [sys.executable, *words, "--seconds", "600"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # In the background of a shell it would ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        try:
            wait_until(lambda: len(closed_children_of(process.pid)) == 2)
            children = closed_children_of(process.pid)
            assert len(children) == 2
            yield process, children
        finally:  # else leaving would wait until the class has ended
            process.kill()


def test_an_interrupt_leaves_nothing_behind(tmp_path, running):
    process, children = running
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "pullback: stopped, nothing was saved.\n")
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def test_no_submission_outlives_the_grader(running):
    process, children = running
    process.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def closed_children_of(pid: int) -> list[int]:
    """The processes of a grader that have closed their doors behind them."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(word) for file in found for word in file.read_text().split()]
    return [c for c in children if "NoNewPrivs:\t1" in Path(f"/proc/{c}/status").read_text()]


def wait_until(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never came true")
