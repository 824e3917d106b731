"""FILE.py:NAME: functions of the user's own, as activation, loss, penalty, schedule, weights."""

import csv
import json
import sys

import numpy as np
import pytest

import pullback as pb
from conftest import run_here
from pullback.cli import main
from pullback.cli.files import Files, is_of_file

pytestmark = pytest.mark.usefixtures("unpainted")

MINE = """
import numpy as np
from helpers import STRENGTH

with open("ran", "a") as log:
    log.write("once ")


class Bent:
    pass


def rectified(x):
    return np.maximum(x, 0)


def squared(outputs, targets):
    return np.sum((outputs - targets) ** 2, axis=1)


def mean_squared(outputs, targets):
    return np.mean(np.sum((outputs - targets) ** 2, axis=1))


def shrinking(W):
    return STRENGTH / 2 * np.sum(W**2)


def falling(step):
    return 0.25 ** (step / 10)


def even(random, inputs, outputs):
    return random.uniform(-0.5, 0.5, (inputs, outputs))


def two(x, y):
    return x


def rooted(x):
    return np.cbrt(x)


def divided(x):
    return 1 / 0


def lacking(x):
    return x.shine()


def silent(x):
    pass


def whole(outputs, targets):
    return (outputs - targets) ** 2


def breaking(step):
    return abs(1 / (step - 1))


def unknown(step):
    return float("nan")
"""

OWN = (
    "--activation mine.py:rectified,relu --hidden 6,5 --loss mine.py:squared "
    "--penalty mine.py:shrinking --schedule mine.py:falling --weights mine.py:even"
)


@pytest.fixture
def folder(flowers, monkeypatch):
    """A folder with data, a file of functions, and a file that this one imports."""
    monkeypatch.chdir(flowers.parent)
    (flowers.parent / "mine.py").write_text(MINE, encoding="utf-8")
    (flowers.parent / "helpers.py").write_text("STRENGTH = 1e-3\n", encoding="utf-8")
    return flowers.parent


def train(words: str, out: str = "run", code: int = 0) -> None:
    common = f"train flowers.csv --target kind --epochs 3 --batch-size 8 -q --out {out}"
    assert main([*common.split(), *words.split()]) == code


def outcome(run) -> tuple[bytes, list[list[str]]]:
    with (run / "history.csv").open() as file:
        records = [row[:-2] for row in csv.reader(file)]  # the last two columns are times
    return (run / "model.safetensors").read_bytes(), records


def test_functions_of_a_file_train_as_the_named_ones_of_the_same_formulas(folder):
    train(f"{OWN} --dtype float64", "own")
    named = (
        "--activation relu --hidden 6,5 --loss squared-error --penalty l2:strength=0.001 "
        "--schedule exponential:factor=0.25:per=10 --weights mine.py:even"
    )
    train(f"{named} --dtype float64 --learning-rate 0.01", "named")
    settings = json.loads((folder / "own" / "settings.json").read_text())
    told = {name: settings[name] for name in ("loss", "penalty", "schedule", "learning_rate")}
    assert told == {
        "loss": "CustomLoss(squared)",
        "penalty": "shrinking",
        "schedule": "falling",
        "learning_rate": 0.01,
    }
    assert settings["model"].startswith("Sequential: Dense(6, weights=even), rectified, Dense(5")
    assert settings["command"]["activation"] == "mine.py:rectified,relu"
    own, others = (pb.load(folder / name).params for name in ("own", "named"))
    for name in others:  # 18 steps that round in another order
        np.testing.assert_allclose(own[name], others[name], rtol=1e-10, atol=1e-13)


def test_a_file_is_run_once_and_leaves_nothing_behind(folder):
    files = {path.name for path in folder.iterdir()}
    before = set(sys.modules), sys.path[:], sys.dont_write_bytecode
    sys.dont_write_bytecode = False
    try:
        train(OWN)
        assert not sys.dont_write_bytecode
        train(f"{OWN} --activation mine.py:nothing", "none", code=2)
    finally:
        sys.dont_write_bytecode = before[2]
    new = set(sys.modules) - before[0]
    assert not [name for name in new if "mine" in name or name == "helpers"]
    assert sys.path == before[1]
    assert {path.name for path in folder.iterdir()} == files | {"ran", "run"}
    assert (folder / "ran").read_text() == "once once "


def test_libraries_below_the_folder_of_a_file_stay_imported(folder, monkeypatch):
    (folder / "libraries").mkdir()
    (folder / "libraries" / "a_library_of_this_test.py").write_text("STRENGTH = 1e-3\n")
    (folder / "helpers.py").write_text("from a_library_of_this_test import STRENGTH\n")
    monkeypatch.syspath_prepend(folder / "libraries")
    Files().making("x", pb.nn.Activation)("--activation", "mine.py:rectified")
    assert sys.modules.pop("a_library_of_this_test").STRENGTH == 1e-3
    assert "helpers" not in sys.modules


def test_the_model_needs_the_file_no_more(folder, pullback):
    train(OWN)
    before = run_here(folder, "predict", "run", "flowers.csv")
    (folder / "mine.py").unlink()
    (folder / "helpers.py").unlink()
    after = pullback("predict", "run", "flowers.csv")
    assert (after.code, after.out) == (0, before.out)
    assert after.out.count("\n") == 61


def test_a_run_goes_on_with_the_functions_of_its_file(folder):
    train(f"{OWN} --epochs 5", "whole")
    train(f"{OWN} --epochs 2", "parts")
    note = "# What a function computes counts, not how its file is laid out.\n"
    (folder / "mine.py").write_text(note + MINE)
    assert main(["train", "--resume", "parts", "--epochs", "5", "-q"]) == 0
    assert outcome(folder / "parts") == outcome(folder / "whole")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("mine.py", None, None, "--weights mine.py:even: there is no file mine.py."),
        (
            "mine.py",
            "def squared",
            "def cubed",
            "there is no function 'squared'; it has rectified,",
        ),
        ("mine.py", "np.maximum(x, 0)", "np.maximum(x, 1)", "functions of your own must be those"),
        ("helpers.py", "1e-3", "2e-3", "with another network, loss or penalty; functions of"),
        ("mine.py", "/ 10)", "/ 20)", "a schedule that gave 0.870551 at step 1, not 0.933033."),
    ],
)
def test_a_file_that_is_not_what_it_was_is_refused(folder, capsys, file, old, new, said):
    train(OWN)
    before = {path.name: path.read_bytes() for path in (folder / "run").iterdir()}
    text = (folder / file).read_text()
    (folder / file).unlink()
    if old is not None:
        assert old in text
        (folder / file).write_text(text.replace(old, new))
    assert main(["train", "--resume", "run", "--epochs", "9"]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert {path.name: path.read_bytes() for path in (folder / "run").iterdir()} == before


FILES = {
    "wrong.py": "import numpy as np\n\ndef f(x) return x\n",
    "absent.py": "\nimport no_such_library\n",
    "leaving.py": "import sys\nsys.exit('bye')\n",
    "through.py": "import inner\n",
    "inner.py": "VALUE = 1 / 0\n",
    "bytes.py": b"\xff\x00",
    "empty.py": "NUMBER = 1\n",
}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--activation nowhere.py:f", "--activation nowhere.py:f: there is no file nowhere.py."),
        ("--activation there.py:f", "--activation there.py:f: there.py is a folder."),
        ("--activation mine.py", "--activation mine.py: write FILE.py:NAME; it has rectified,"),
        ("--loss mine.py:squarred", "unknown. Did you mean 'squared'?"),
        ("--loss empty.py:squared", "there is no function 'squared'; it has no function."),
        ("--loss empty.py:NUMBER", "empty.py:NUMBER: it must be a function, not 1."),
        ("--loss mine.py:Bent", "mine.py:Bent: it must be a function, not the class Bent."),
        ("--loss mine.py:rectified", "it must be a function of (outputs, targets), not of (x)."),
        ("--activation mine.py:two", "it must be a function of (x), not of (x, y)."),
        ("--schedule mine.py:two", "it must be a function of (step), not of (x, y)."),
        ("--penalty mine.py:two", "it must be a function of (W), not of (x, y)."),
        ("--weights mine.py:two", "a function of (random, inputs, outputs), not of (x, y)."),
        ("--activation mine.py:two:y=1", "has no settings, so 'y=1' cannot follow it."),
        (
            "--schedule warmup:then=mine.py:up",
            "--schedule warmup: then mine.py:up: there is no function",
        ),
        ("--optimizer mine.py:two", "--optimizer 'mine.py': allowed are sgd,"),
        ("--loss mine.py:squared --reduction sum", "which is the mean over the rows of a step."),
        ("--loss mine.py:squared --task multi-label", "allowed are binary-cross-entropy."),
        (
            "--loss mine.py:mean_squared --class-weight balanced",
            "A loss that returns one number is a mean and has no rows to weight.",
        ),
        ("--activation wrong.py:f", "SyntaxError: expected ':' at wrong.py, line 3: def f(x) ret"),
        ("--activation absent.py:f", "at absent.py, line 2: import no_such_library"),
        ("--activation leaving.py:f", "SystemExit: bye at leaving.py, line 2: sys.exit('bye')"),
        ("--activation through.py:f", "ZeroDivisionError: division by zero at inner.py, line 1:"),
        ("--activation bytes.py:f", "--activation bytes.py:f: SyntaxError: "),
        ("--activation mine.py:rooted", "np.cbrt is not in the vocabulary"),
        (
            "--activation mine.py:divided",
            "ZeroDivisionError: division by zero at mine.py, line 46:",
        ),
        ("--activation mine.py:lacking", "AttributeError: A traced array has no attribute 'shine'"),
        ("--activation mine.py:silent", "silent: what it gives must hold real numbers, not None."),
        ("--loss mine.py:whole", "must give one number per row or one number, not (N, 3)."),
        ("--penalty mine.py:rectified", "penalty rectified: it must give one number for a weight"),
        ("--penalty mine.py:silent", "penalty silent: what it gives must hold real numbers"),
        ("--schedule mine.py:unknown", "The schedule unknown gave nan at step 0:"),
        ("--schedule mine.py:silent", "The schedule silent gave None at step 0:"),
    ],
)
def test_bad_functions_are_one_sentence_and_leave_nothing(folder, capsys, words, said):
    for name, content in FILES.items():
        content = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(content)
    (folder / "there.py").mkdir()
    (folder / "ran").touch()
    before = sorted(folder.rglob("*"))
    train(words, code=2)
    told = capsys.readouterr().err
    assert told.startswith("pullback: ")
    assert said in told
    assert told.count("\n") == 1
    assert told.count("at mine.py") <= 1
    assert sorted(folder.rglob("*")) == before


def test_a_schedule_that_fails_on_the_way_keeps_the_run(folder, capsys):
    """Step 1 of 240 is none of the hundred at which a schedule is tried beforehand."""
    train("--schedule mine.py:breaking --epochs 40", code=1)
    told = capsys.readouterr().err
    assert "pullback: ZeroDivisionError: " in told
    assert "at mine.py, line " in told
    assert told.endswith("; resume with: python -m pullback train --resume run\n")
    names = {path.name for path in (folder / "run").iterdir()}
    assert names == {"checkpoint.safetensors", "settings.json"}


def test_an_error_that_did_not_come_through_the_users_file_is_not_told_as_theirs(folder):
    files = Files()
    files.making("x", pb.nn.Activation)("--activation", "mine.py:rectified")
    with pytest.raises(ZeroDivisionError), files.told():
        raise ZeroDivisionError


def test_what_a_loss_of_ones_own_takes_the_targets_for_is_told(folder, in_process):
    lines = (folder / "flowers.csv").read_text().splitlines()
    (folder / "numbers.csv").write_text("\n".join(line.partition(",")[2] for line in lines))
    words = ("--loss", "mine.py:squared", "--epochs", 1)
    classes = in_process("train", "flowers.csv", *words, "--target", "kind").out
    assert "to learn: kind: text taken as 3 classes" in classes
    assert "CustomLoss(squared), the mean over the rows of a step" in classes
    numbers = in_process("train", "numbers.csv", *words, "--target", "note").out
    assert "note: numbers from 0 to 59; --task classification takes them as classes" in numbers
    assert "target scaling: each column is brought to mean 0" in numbers


@pytest.mark.parametrize(
    ("word", "is_one"),
    [
        ("bent.py:bent", True),
        ("a folder/bent.py", True),
        ("C:\\models\\bent.py:bent", True),
        ("leaky-relu:slope=0.1", False),
        ("bent:bent", False),
        ("warmup:then=bent.py:bent", True),  # but the name of a registry goes first
    ],
)
def test_which_words_name_a_file(word, is_one):
    assert is_of_file(word) == is_one
