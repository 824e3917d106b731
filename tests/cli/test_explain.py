"""`pullback explain`: what is explained, what is shown, what is written, what is refused."""

import io
import os
import re
from contextlib import nullcontext

import numpy as np
import pytest

import pullback as pb
from pullback.cli import stepping
from pullback.cli.console import console_for
from pullback.cli.keys import END, HAS_SINGLE_KEYS, LEFT, RIGHT, read_key, single_keys
from pullback.explaining.notes import notes_subject
from pullback.explaining.update import update_of

NET = """
import numpy as np


def loss(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    return np.sum((y_pred - y) ** 2) + np.sum(h * h)


def layer(h, W):
    out = np.tanh(h @ W)
    return out


def shared(x, W, labels):
    h = x
    for _ in range(3):
        h = layer(h, W)
    return -np.mean(np.sum(h * np.eye(4)[labels], axis=1)) + 0.01 * np.sum(W**2)


def vector(x):
    return np.exp(x)


def whole(n):
    return n + 1


def broken(x, W, labels):
    return x / nothing


def leaving(x, W, labels):
    raise SystemExit(0)


def example_inputs():
    random = np.random.default_rng(0)
    labels = np.array([0, 1, 2, 3, 1, 0])
    return {"x": random.normal(size=(6, 4)), "W": random.normal(size=(4, 4)), "labels": labels}
"""

SHAPES = "--shape x=4x3 --shape y=4x2 --shape W1=3x5 --shape W2=5x2".split()


@pytest.fixture
def net(tmp_path):
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with BatchNorm, dropout and a penalty."""
    from pullback.cli import main

    folder = tmp_path_factory.mktemp("trained") / "run"
    words = "train iris --hidden 5 --normalization batch --dropout 0.2 --epochs 2 -q"
    penalty = ["--penalty", "l2:strength=0.01"]
    assert main([*words.split(), *penalty, "--out", str(folder)]) == 0
    return folder


def headings(text):
    return [line.split()[0] for line in text.splitlines() if re.match("[A-Z]{2,} ", f"{line} ")]


def test_the_network_of_the_notes_is_explained_when_nothing_is_given(in_process):
    finished = in_process("explain")
    assert (finished.code, finished.err) == (0, "")
    shown = ["EXPLAINED", "SOURCE", "EQUATIONS", "UPDATE", "COST", "KINK"]
    assert headings(finished.out) == shown
    for line in (
        "EXPLAINED  two_layer: x (64, 1000), y (64, 10), W1 (1000, 100), W2 (100, 10)",
        "      dh_relu = dy_pred @ W2.T      # (N, H)",
        "W̄₁ = xᵀ h̄",
        "W₁ ← W₁ − learning_rate W̄₁",
        "5.12 GB, (64, 100, 1000, 100)",
        "KINK  of maximum: slope 0 where x ties with a number",
    ):
        assert line in finished.out


def test_the_numbers_follow_the_seed(in_process, net):
    words = "explain net.py:vector --shape x=3 --step --seed".split()
    texts = [in_process(*words, seed).out for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_a_function_of_ones_own_at_its_example_inputs(in_process, net):
    finished = in_process("explain", "net.py:shared", "--wrt", "W")
    assert finished.code == 0
    assert "values: example_inputs() of net.py\n  gradient for W\n" in finished.out
    assert "EXPLAINED  shared: x (6, 4), W (4, 4)" in finished.out
    assert "UPDATE" not in finished.out
    assert "dx" not in finished.out


def test_a_function_of_ones_own_at_shapes(in_process, net):
    fixed = in_process("explain", "net.py:loss", *SHAPES, "--wrt", "W1, W2")
    assert "values: random, seed 0\n  gradient for W1, W2" in fixed.out
    assert "dW2 = h_relu.T @ dy_pred" in fixed.out
    assert "# (5, 2)" in fixed.out
    shapes = [word.replace("4x3", "NxD").replace("4x2", "NxC") for word in SHAPES]
    shapes = [word.replace("3x5", "DxH").replace("5x2", "HxC") for word in shapes]
    sizes = "--size N=4 --size D=3 --size H=5 --size C=2".split()
    named = in_process("explain", "net.py:loss", *shapes, *sizes)
    assert "# (H, C)" in named.out
    assert "x (4, 3)" in named.out


def test_a_vector_result_gets_a_random_cotangent(in_process, net):
    finished = in_process("explain", "net.py:vector", "--shape", "x=3")
    assert "the result is no single number: its cotangent is random" in finished.out


def test_what_the_file_prints_goes_to_standard_error(in_process, tmp_path):
    text = (
        "import numpy as np\nprint('of the file')\ndef f(x):\n    print('of f')\n    return x * x\n"
    )
    (tmp_path / "loud.py").write_text(text, encoding="utf-8")
    finished = in_process("explain", "loud.py:f", "--shape", "x=", "--latex", "-")
    assert finished.err == "of the file\nof f\n"
    assert finished.out.startswith("\\begin{align*}")


def test_a_terminal_without_the_letters_shows_the_rest(pullback):
    finished = pullback("explain", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (finished.code, finished.err) == (0, "")
    assert "dW1 = x.T @ dh" in finished.out
    assert "W?? = x? h?" in finished.out


def test_rules_columns_and_the_batch(in_process):
    rules = in_process("explain", "--rules").out
    assert "Z = X Y ⇒ X̄ = Z̄ Yᵀ" in rules
    assert "the only product of (N, H) and (N, C) with W2's shape (H, C)" in rules
    assert "W₁ x" in in_process("explain", "--columns").out
    assert "∑_{i∈B}" in in_process("explain", "--batch", "N").out.replace(" ∈ ", "∈")


def test_a_trained_run_is_explained_as_it_was_trained(in_process, run):
    finished = in_process("explain", run, "--rows", 6, "--wrt", "W1,gamma1")
    assert (finished.code, finished.err) == (0, "")
    assert "EXPLAINED  loss: x (6, 4), labels (6,)" in finished.out
    assert "values: 6 of the rows it was trained on, and its trained parameters" in finished.out
    assert "gradient for W1, gamma1\n" in finished.out
    for word in ("normed1 =", "kept =", "penalty =", "dnormed1 =", "UPDATE"):
        assert word in finished.out


def test_the_gradients_of_a_run_are_those_of_its_weights(run):
    from pathlib import Path

    from pullback.cli.trained import trained

    subject, _ = trained(Path(run), None, 8)
    params = pb.load(run).params
    assert [subject.name(var) for var in subject.wrt] == list(params)
    for var in subject.wrt:
        assert np.array_equal(subject.value(var), params[subject.name(var)])
        assert subject.signal(var).shape == params[subject.name(var)].shape


def test_without_a_terminal_all_steps_are_shown(in_process, net):
    finished = in_process("explain", "net.py:loss", *SHAPES, "--wrt", "W1,W2", "--step")
    assert finished.code == 0
    numbers = re.findall(r"^step (\d+) of (\d+)", finished.out, re.MULTILINE)
    assert [int(number) for number, _ in numbers] == list(range(1, int(numbers[0][1]) + 1))
    assert "wrong first at the fork h" in finished.out


class Typed(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self):
        return True


def stepped(monkeypatch, keys):
    """The steps that keys lead to: (number, whether the pass overwrites); and what is shown."""
    steps = pb.step_through(forked, np.arange(3.0), np.ones(3))
    shown, left = io.StringIO(), iter(keys)
    monkeypatch.setattr(stepping, "single_keys", lambda stream: nullcontext())
    monkeypatch.setattr(stepping, "read_key", lambda stream: next(left))
    stepping.step_through(console_for(shown), steps, Typed())
    assert next(left, None) is None
    found = re.findall(r"^step (\d+) of \d+(, overwriting)?", shown.getvalue(), re.MULTILINE)
    return [(int(number), bool(wrong)) for number, wrong in found], shown.getvalue()


def forked(x, w):
    h = x * w
    e = np.exp(h)
    return np.sum(e + h)


@pytest.mark.parametrize(
    ("keys", "places"),
    [
        ("q", [1]),
        ("\nn q", [1, 2, 3, 4]),
        ("nnbq", [1, 2, 3, 2]),
        ("bq", [1, 1]),
        ([RIGHT, RIGHT, LEFT, "q"], [1, 2, 3, 2]),
        ("x?éq", [1]),
        ("jf\x7fe\nq", [1, 3]),
        ("jnonsense\nnq", [1, 1, 2]),
        ("\x04", [1]),
        ([END], [1]),
        ("jh\nn", [1, 4]),
    ],
)
def test_keys_lead_forwards_and_back(monkeypatch, keys, places):
    found, _ = stepped(monkeypatch, keys)
    assert [number for number, _ in found] == places


def test_a_key_switches_to_the_pass_that_overwrites(monkeypatch):
    found, text = stepped(monkeypatch, "nojh\noq")
    assert found == [(1, False), (2, False), (2, True), (4, True), (4, False)]
    assert text.count("wrong, it should be") == 1
    assert text.count("wrong first at the fork h") == 1


@pytest.mark.skipif(not HAS_SINGLE_KEYS, reason="keys are read from a POSIX terminal")
def test_keys_of_a_terminal_which_stays_as_it_was():
    import pty
    import termios

    master, slave = pty.openpty()
    with os.fdopen(master, "wb", 0) as typing, os.fdopen(slave, "r") as terminal:
        before = termios.tcgetattr(terminal)
        with single_keys(terminal):
            assert termios.tcgetattr(terminal) != before
            typing.write("θ\nx\x1b[C".encode())
            assert [read_key(terminal) for _ in range(4)] == ["θ", "\n", "x", RIGHT]
        assert termios.tcgetattr(terminal) == before


def test_equations_as_latex(in_process, tmp_path):
    printed = in_process("explain", "--latex", "-")
    assert printed.out.startswith("\\begin{align*}\n")
    update = update_of(notes_subject().step).to_latex(batch="N", sums=True)
    assert printed.out == notes_subject().gradient.to_latex() + update
    written = in_process("explain", "--latex", "notes.tex", "--columns")
    assert (written.out, written.err) == ("", "written: notes.tex\n")
    assert (tmp_path / "notes.tex").read_text(encoding="utf-8") != printed.out


def test_the_picture_and_the_page(in_process, net, tmp_path):
    words = "--graph net.svg --html net.html --lang zh".split()
    finished = in_process("explain", "net.py:shared", *words)
    assert finished.code == 0
    assert finished.err == "written: net.svg\nwritten: net.html\n"
    assert (tmp_path / "net.svg").read_text(encoding="utf-8").startswith("<svg")
    assert '<html lang="zh' in (tmp_path / "net.html").read_text(encoding="utf-8")
    assert in_process("explain", "net.py:shared", "--graph", "net.dot").code == 0
    assert (tmp_path / "net.dot").read_text(encoding="utf-8").startswith("digraph")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("net.py", "write FILE.py:NAME"),
        ("net.py:los", "net.py: there is no function 'los'"),
        ("none.py:loss", "there is no file none.py"),
        ("net.py:loss:back", "pullback check grades a backward"),
        ("net.py:loss", "does not fit loss: missing a required argument: 'y'"),
        ("net.py:shared --wrt V", "wrt='V' is not an argument; there are x, W, labels"),
        ("net.py:shared --wrt labels", "labels holds values that are not floating"),
        ("net.py:whole --shape n=i8:3", "whole has no floating argument"),
        ("net.py:vector --shape x", "write NAME=SHAPE"),
        ("net.py:vector --shape z=3", "--shape z: it is not an argument; there are x."),
        ("net.py:vector --shape x=q", "how long is the axis q"),
        ("net.py:vector --shape x=3+", "is not a dimension"),
        ("net.py:vector --shape x=N --size N=0", "write AXIS=LENGTH"),
        ("net.py:vector --size N=3", "lengths belong to the axes of --shape"),
        ("--shape x=3", "--shape and --size go with FILE.py:NAME only"),
        ("--rows 3", "--rows goes with a RUN only"),
        ("--wrt W3", "wrt='W3' is not an argument; there are x, y, W1, W2."),
        ("--lang fr", "--lang 'fr': allowed are en, zh."),
        ("--batch M", "batch='M' is no axis"),
        ("--graph net.png", "--graph net.png: a picture is written as .svg or .dot."),
        ("--html net.py", "net.py exists already: choose another file or add --force."),
        ("--html here", "--html here: it is a folder."),
        ("--latex - --step", "--step and --latex do not go together"),
        ("--step --columns", "--columns changes nothing in --step; leave it out."),
        ("--graph net.svg --batch N", "--batch changes nothing in --graph"),
        ("--latex - --simplifications", "--simplifications changes nothing in --latex"),
        ("--lang zh", "--lang goes with --html only."),
        ("--seed -1", "--seed -1: it must be a whole number of at least 0."),
        ("here", "allowed are FILE.py:NAME and the folder of a run"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(in_process, net, tmp_path, words, sentence):
    (tmp_path / "here").mkdir()
    finished = in_process("explain", *words.split())
    assert finished.code == 2
    assert sentence in finished.complaint


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("broken", "NameError: name 'nothing' is not defined at net.py, line 33"),
        ("leaving", "SystemExit: 0 at net.py, line 37"),
    ],
)
def test_an_error_of_ones_own_function_is_told_with_its_line(in_process, net, name, sentence):
    finished = in_process("explain", f"net.py:{name}")
    assert (finished.code, finished.out) == (2, "")
    code = {"broken": "return x / nothing", "leaving": "raise SystemExit(0)"}
    assert finished.err == f"pullback: {sentence}: {code[name]}\n"


def test_runs_that_cannot_be_explained(in_process, run, tmp_path):
    import shutil

    finished = in_process("explain", run, "--rows", 0)
    assert finished.complaint == "--rows 0: it must be at least 1."
    finished = in_process("explain", run, "--wrt", "W7")
    assert "wrt='W7' is not an argument" in finished.complaint
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(run / "model.safetensors", bare)
    assert "no settings.json" in in_process("explain", bare).complaint
    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    settings = (moved / "settings.json").read_text(encoding="utf-8")
    settings = settings.replace('"data": "iris"', '"data": "gone.csv"')
    (moved / "settings.json").write_text(settings, encoding="utf-8")
    complaint = in_process("explain", moved).complaint
    assert "what it was trained on cannot be had again" in complaint
    assert "gone.csv" in complaint


def test_force_replaces_a_file(in_process, tmp_path):
    (tmp_path / "notes.tex").write_text("old", encoding="utf-8")
    assert in_process("explain", "--latex", "notes.tex", "--force").code == 0
    assert "align" in (tmp_path / "notes.tex").read_text(encoding="utf-8")


def test_its_help_has_examples(in_process):
    finished = in_process("explain", "--help")
    assert finished.code == 0
    assert "pullback explain net.py:loss --wrt W1,W2 --rules" in finished.out


def test_the_gradient_of_a_run_is_checked(in_process, run):
    checked = in_process("check", run)
    assert (checked.code, checked.err) == (0, "")
    assert "inputs: 8 of the rows it was trained on" in checked.out
    assert "params['W1']" in checked.out
    refused = in_process("check", run, "--shape", "x=2x2")
    assert refused.code == 2
    assert "go with FILE.py:NAME only" in refused.err
