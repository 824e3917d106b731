"""pullback check: verdict and exit code, the inputs, the picture, and what is refused."""

import pytest

NET = """
import sys
import numpy as np
import pullback as pb


def forward(x, y, W1, W2):
    h = np.maximum(x @ W1, 0)
    return np.sum((h @ W2 - y) ** 2)


def backward(x, y, W1, W2):
    h = np.maximum(x @ W1, 0)
    dy = 2 * (h @ W2 - y)
    return x.T @ (dy @ W2.T * (h > 0)), h.T @ dy


def unmasked(x, y, W1, W2):
    h = np.maximum(x @ W1, 0)
    dy = 2 * (h @ W2 - y)
    dh = dy @ W2.T
    return x.T @ dh, h.T @ dy


def cube_rule(ct, out, x):
    return ct * 2 * x**2


@pb.custom_vjp(rule=cube_rule)
def cube(x):
    return x**3


def cubed(x):
    return np.sum(np.tanh(x) * cube(x))


def rooted(x):
    return np.sum(np.sqrt(x))


def scaled(x, seed):
    return np.sum(x) * seed


def counted(labels):
    return labels.sum()


def nothing(x):
    pass


def divided(x):
    return x * (1 / 0)


def leaving(x):
    sys.exit("no")


def printing(x):
    print("x is", x.shape)
    return np.sum(x**2)


def bent(x, W):
    return np.sum(np.abs(x @ W))


class Net:
    pass


def example_inputs():
    random = np.random.default_rng(0)
    shapes = {"x": (6, 5), "y": (6, 3), "W1": (5, 4), "W2": (4, 3)}
    return {name: random.normal(size=shape) for name, shape in shapes.items()}
"""


@pytest.fixture
def check(in_process, tmp_path):
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    return lambda words: in_process("check", *words.split())


def test_a_right_gradient(check):
    done = check("net.py:forward")
    assert done.code == 0
    assert done.err == ""
    lines = done.out.splitlines()
    assert lines[0] == "CHECKED  net.py:forward in float64; inputs: example_inputs() of net.py"
    assert lines[1] == "  the derived gradient is right"
    assert [line.split()[0] for line in lines[2:]] == ["variable", "x", "y", "W1", "W2"]


def test_a_wrong_rule_is_named_with_its_line(check):
    done = check("net.py:cubed --shape x=5")
    assert done.code == 1
    assert done.err == ""
    assert "the derived gradient is wrong" in done.out
    assert "The rule of cube is to blame (its input number 1)." in done.out
    assert "net.py, line 35: return np.sum(np.tanh(x) * cube(x))" in done.out


def test_where_nothing_can_be_said(check):
    done = check("net.py:rooted --shape x=8")
    assert done.code == 2
    assert "the derived gradient is undecided" in done.out
    assert "sqrt gives nan" in done.out


def test_options_reach_the_check(check):
    words = "--wrt W2,x --order 2 --dtype float32 --entries 12 --seed 3 --rtol 0.01"
    done = check(f"net.py:forward {words}")
    assert done.code == 0
    assert "net.py:forward in float32" in done.out
    rows = [line.split() for line in done.out.splitlines()[3:]]
    assert [row[0].strip(",") for row in rows] == ["x", "W2", "x", "W2"]
    assert ["6", "directions"] in [row[2:4] for row in rows]
    assert ["12", "entries"] in [row[2:4] for row in rows]
    assert check("net.py:cubed --shape x=5 --rtol 9").code == 0


def test_inputs_of_given_shapes(check):
    fixed = check("net.py:forward --shape x=3x2 --shape y=3,1 --shape W1=2x4 --shape W2=4x1")
    assert fixed.code == 0
    assert "inputs: random, seed 0" in fixed.out
    axes = "--shape x=NxD --shape W=DxC --size N=6 --size D=2 --size C=2"
    assert "6x2" in check(f"net.py:bent {axes}").out
    assert check("net.py:scaled --shape x=3 --shape seed=").code == 0


def test_entries_on_kinks_are_told(check, tmp_path):
    text = "import numpy as np\ndef f(x):\n    return np.sum(np.abs(x))\n"
    text += "def example_inputs():\n    return {'x': np.array([0.0, 2.0])}\n"
    (tmp_path / "kink.py").write_text(text, encoding="utf-8")
    done = check("kink.py:f")
    assert done.code == 0
    assert "1 entry of abs lies exactly on a kink" in done.out
    assert "x[0]: slopes" in done.out


@pytest.mark.parametrize("name", ["error.svg", "error.png"])
def test_the_picture(check, tmp_path, name):
    done = check(f"net.py:forward --plot {name} --steps 1e-2,1e-5")
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith(f"SAVED  {name}: ")
    content = (tmp_path / name).read_bytes()
    if name.endswith(".svg"):
        assert content.count(b"<circle") == 4 * 2
    else:
        assert content.startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "code"), [("backward", 0), ("unmasked", 1)])
def test_a_backward_pass_of_ones_own(check, name, code):
    done = check(f"net.py:forward:{name} --wrt W1,W2")
    assert done.code == code
    assert done.err == ""
    verdict = {0: "the backward pass is right", 1: "the backward pass is wrong"}[code]
    assert verdict in done.out
    assert done.out.startswith(f"GRADED  net.py:forward:{name}; inputs: ")


def test_what_a_function_prints_is_shown(check):
    done = check("net.py:printing --shape x=2")
    assert done.code == 0
    assert "x is (2,)" in done.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("no.py:f", "no.py: there is no file no.py."),
        ("net.py", "'net.py': write FILE.py:NAME."),
        ("net.py:f:g:h", "write FILE.py:FUNCTION or FILE.py:FORWARD:BACKWARD."),
        ("net.py:forwrad", "Did you mean 'forward'?"),
        ("net.py:forward:backwrad", "Did you mean 'backward'?"),
        ("net.py:Net", "net.py: there is no function 'Net'"),
        ("net.py:cubed", "example_inputs() of net.py does not fit cubed"),
        ("net.py:bent --shape x=3", "--shape does not fit bent: missing a required argument: 'W'"),
        ("net.py:bent --shape x=3x2 --shape W=3x2", "matmul: inner axes differ"),
        ("net.py:counted --shape labels=i8:4", "there is no gradient to check."),
        ("net.py:nothing --shape x=3", "The traced function returned None"),
        ("net.py:divided --shape x=3", "ZeroDivisionError: division by zero at net.py, line 55"),
        ("net.py:leaving --shape x=3", 'SystemExit: no at net.py, line 59: sys.exit("no")'),
        ("net.py:forward --wrt W3", "wrt='W3' is not a floating argument; there are W1, W2, x, y."),
        ("net.py:forward --hint", "--hint: it belongs to FILE.py:FORWARD:BACKWARD."),
        ("net.py:forward:backward --order 2", "--order: it belongs to FILE.py:FUNCTION."),
        ("net.py:forward:backward --plot a.svg", "--plot: it belongs to FILE.py:FUNCTION."),
        ("net.py:forward --plot a.gif", "--plot a.gif: it must end in .png or .svg."),
        ("net.py:forward --plot no/a.svg", "--plot no/a.svg: there is no folder no."),
        ("net.py:forward --order 3", "order=3: it must be 1"),
        ("net.py:forward --steps 1e-3,b", "--steps '1e-3,b': write numbers with commas"),
        ("net.py:forward --steps 0", "steps=0.0: it must be a number above 0."),
        ("net.py:forward --dtype f2", "dtype='f2': gradients are checked in 'f8' or 'f4'."),
        ("net.py:forward --entries x", "--entries 'x': it must be a whole number."),
    ],
)
def test_what_is_refused(check, words, sentence):
    done = check(words)
    assert done.code == 2
    assert sentence in done.complaint


@pytest.mark.parametrize(
    ("returns", "sentence"),
    [
        ("3", "example_inputs() of own.py must return a dict of arguments by name."),
        ("{'y': 1.0}", "example_inputs() of own.py does not fit f: missing a required argument"),
        ("{'x': 'word'}", "TypeError: can't multiply sequence"),
        ("(1 / 0)", "ZeroDivisionError: division by zero at own.py, line 4"),
    ],
)
def test_example_inputs_that_are_none(check, tmp_path, returns, sentence):
    text = f"def f(x):\n    return (x * 2.0)\ndef example_inputs():\n    return {returns}\n"
    (tmp_path / "own.py").write_text(text, encoding="utf-8")
    done = check("own.py:f")
    assert done.code == 2
    assert sentence in done.complaint


def test_a_file_without_example_inputs(check, tmp_path):
    (tmp_path / "own.py").write_text("def f(x):\n    return x * 2.0\n", encoding="utf-8")
    assert "give --shape NAME=SHAPE for each argument" in check("own.py:f").complaint


def test_a_keyword_only_argument_that_is_called_like_an_option(check, tmp_path):
    text = "def f(x, *, order):\n    return x * order\n"
    (tmp_path / "own.py").write_text(text, encoding="utf-8")
    told = check("own.py:f --shape x=2 --shape order=").complaint
    assert told.startswith("order is a keyword of the check itself")


def test_as_a_process(pullback, tmp_path):
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    right = pullback("check", "net.py:forward")
    assert (right.code, right.err) == (0, "")
    wrong = pullback("check", "net.py:cubed", "--shape", "x=5")
    assert (wrong.code, wrong.err) == (1, "")
    assert list(tmp_path.iterdir()) == [tmp_path / "net.py"]
