"""`pullback export FILE.py:NAME --to numpy`: what is written, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest

import pullback as pb

NET = """
import numpy as np


def unit(v):
    return v / np.sqrt(np.sum(v**2) + 1e-3)


def forward(x, labels, params, depth=3):
    print("tracing")
    h = x
    for _ in range(depth):
        h = np.tanh(h @ params["W"] + params["b"])
    picked = unit(h)[np.arange(labels.shape[0]), labels]
    return np.mean(np.log1p((picked - 1) ** 2))


def scores(x, params):
    return x @ params["W"]


def branchy(x, labels):
    if x[0, 0] > 0:
        x = x * 2
    return np.sum(x ** 2)


def broken(x, labels):
    return np.sum(x) / [0][1]


def counts(labels):
    return np.sum(labels)


def example_inputs():
    random = np.random.default_rng(0)
    return {
        "x": random.normal(size=(4, 3)),
        "labels": np.array([0, 2, 1, 1]),
        "params": {"W": random.normal(size=(3, 3)), "b": np.zeros(3)},
    }
"""
PAIRS = """
from net import *
import net


def example_inputs():
    return {name: net.example_inputs()[name] for name in NAMES}


NAMES = [%s]
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    for name, arguments in [("x_labels", '"x", "labels"'), ("x_params", '"x", "params"')]:
        (tmp_path / f"{name}.py").write_text(PAIRS % arguments, encoding="utf-8")
    (tmp_path / "only_labels.py").write_text(PAIRS % '"labels"', encoding="utf-8")
    return tmp_path


def run(file):
    """Run a file where Pullback cannot be imported."""
    forbid = "import sys, runpy; sys.modules['pullback'] = None; "
    start = "runpy.run_path(sys.argv[1], run_name='__main__')"
    command = [sys.executable, "-I", "-c", forbid + start, str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def defined_in(text):
    scope = {"__name__": "file"}
    exec(text, scope)
    return scope


def test_the_file_checks_itself_and_is_the_derived_gradient(net, in_process):
    done = in_process("export", "net.py:forward", "--to", "numpy", "--out", "out.py")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines()[-1] == "written: out.py"
    ended = run(net / "out.py")
    assert ended.returncode == 0, ended.stderr
    assert [line.split()[0] for line in ended.stdout.splitlines()[1:-1]] == ["x", "W", "b"]
    inputs = defined_in(NET)["example_inputs"]()
    assert "'labels': np.array([0, 2, 1, 1]" in (net / "out.py").read_text()
    dx, dparams = defined_in((net / "out.py").read_text())["grad_forward"](**inputs)
    expected = pb.grad(defined_in(NET)["forward"], wrt=["x", "params"])(**inputs)
    assert np.allclose(dx, expected[0], rtol=1e-12)
    assert np.allclose(dparams["W"], expected[1]["W"], rtol=1e-12)


def test_without_out_the_text_alone_goes_to_standard_output(net, in_process):
    done = in_process("export", "net.py:forward", "--to", "numpy", "--wrt", "params")
    assert done.code == 0
    assert "tracing" in done.err
    assert done.out.startswith('"""forward and its backward pass grad_forward')
    assert "def grad_forward(x, labels, params, constant=constant):" in done.out
    assert "return ({'W': dW, 'b': db},)" in done.out


def test_named_axes_make_a_file_for_all_lengths(net, in_process):
    shapes = ["--shape", "x=NxD", "--shape", "labels=i8:N", "--size", "N=3", "--size", "D=2"]
    done = in_process("export", "net.py:branchy", "--to", "numpy", *shapes)
    assert done.code == 2
    assert "An `if`" in done.err
    (net / "free.py").write_text(NET.replace('params["W"]', "params"), encoding="utf-8")
    shapes = ["--shape", "x=NxD", "--shape", "params=DxH", "--size", "N=3", "--size", "D=2"]
    done = in_process("export", "free.py:scores", "--to", "numpy", *shapes, "--size", "H=5")
    assert done.code == 0
    scope = defined_in(done.out)
    x, params, ct = np.ones((7, 4)), np.ones((4, 2)), np.ones((7, 2))
    assert scope["vjp_scores"](x, params, ct)[1].shape == (4, 2)


def test_a_branch_is_taken_as_for_the_inputs_and_the_file_says_so(net, in_process):
    done = in_process("export", "x_labels.py:branchy", "--to", "numpy", "--out", "out.py")
    assert done.code == 0
    assert "note: Branches are taken" in done.err
    text = (net / "out.py").read_text()
    assert "Branches are taken and whole numbers are as for the inputs" in text
    assert run(net / "out.py").returncode == 0


def test_an_existing_file_is_kept_unless_force_is_given(net, in_process):
    (net / "out.py").write_text("mine")
    words = ["export", "net.py:forward", "--to", "numpy", "--out", "out.py"]
    refused = in_process(*words)
    assert refused.code == 2
    assert refused.complaint == "out.py exists already: choose another file or add --force."
    assert (net / "out.py").read_text() == "mine"
    assert in_process(*words, "--force").code == 0
    assert "def forward" in (net / "out.py").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["net.py:forward", "--to", "onnx"], "--to 'onnx': allowed is 'numpy', for now."),
        (["net.py:forward"], "Missing option '--to'."),
        (["runs/0001", "--to", "numpy"], "trained runs cannot be exported yet"),
        (["net.py:forward:backward", "--to", "numpy"], "write FILE.py:NAME."),
        (["net.py:foward", "--to", "numpy"], "Did you mean 'forward'?"),
        (["net.py:forward", "--to", "numpy", "--wrt", "W9"], "wrt='W9' is not an argument"),
        (["net.py:forward", "--to", "numpy", "--wrt", "labels"], "labels is not floating"),
        (["x_labels.py:broken", "--to", "numpy"], "IndexError"),
        (["only_labels.py:counts", "--to", "numpy"], "has no floating argument and result"),
        (["net.py:forward", "--to", "numpy", "--out", "."], "it is a folder"),
        (["net.py:forward", "--to", "numpy", "--out", "no/such/out.py"], "no/such"),
        (["net.py:scores", "--to", "numpy", "--shape", "x=2x3"], "missing"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_sentence(net, in_process, words, sentence):
    done = in_process("export", *words)
    assert done.code == 2
    told = [line for line in done.err.splitlines() if line != "tracing"]
    assert len(told) == 1, told
    assert sentence in told[0]
