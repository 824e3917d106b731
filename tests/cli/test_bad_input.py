"""Bad input: one sentence on standard error, exit code 2, nothing left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

GOOD = "a,b,kind\n" + "1,2,x\n8,9,y\n" * 10
FILES = {
    "good.csv": GOOD,
    "text.csv": GOOD.replace("8,9,y", "8,nine,y", 1),
    "nan.csv": GOOD.replace("8,9,y", "8,nan,y", 1),
    "hole.csv": GOOD.replace("8,9,y", "8,,y", 1),
    "ragged.csv": GOOD.replace("8,9,y", "8,9", 1),
    "empty.csv": "",
    "header.csv": "a,b,kind\n",
    "one.csv": GOOD.replace("y\n", "x\n"),
    "notes.txt": "hello",
}


@pytest.fixture
def files(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "nothing").mkdir()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.tex").write_text("precious")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("missing.csv --target kind", "There is no file missing.csv."),
        ("missing", "'missing' cannot be loaded, it does not exist"),
        ("digitz", "Did you mean 'digits'?"),
        ("notes.txt", "it is a file of another kind"),
        ("nothing", "nothing has no train-images-idx3-ubyte"),
        ("good.csv", "good.csv needs --target COLUMN, the column of labels; it has: a, b, kind."),
        ("good.csv --target knd", "has no column 'knd'; its columns are: a, b, kind."),
        ("good.csv --target kind --separator ;", "Is the separator ',' instead of ';'?"),
        ("digits --target kind", "digits has its own labels"),
        ("text.csv --target kind", "line 3, column 'b': text where numbers belong: 'nine'."),
        ("nan.csv --target kind", "line 3, column 'b': 'nan' is not allowed"),
        ("hole.csv --target kind", "line 3, column 'b': the cell is empty."),
        ("ragged.csv --target kind", "line 3 has 2 cells"),
        ("empty.csv --target kind", "empty.csv is empty."),
        ("header.csv --target kind", "header.csv has a header but no rows."),
        ("one.csv --target kind", "All 20 labels are 'x': a classifier needs at least two"),
        (
            "--activation rleu",
            "--activation 'rleu': allowed are relu, sigmoid (did you mean 'relu'",
        ),
        ("--loss crossentropy", "allowed are cross-entropy, squared-error (did you mean"),
        ("--reduction max", "--reduction 'max': allowed are mean, sum."),
        ("--optimizer adamm", "--optimizer 'adamm': allowed are sgd"),
        ("--scaling minmax", "allowed are auto, standard, unit, none."),
        ("--dtype int8", "--dtype 'int8': allowed are float32, float64."),
        ("--learning-rate 0", "--learning-rate 0: it must be a finite number above 0."),
        ("--learning-rate=-1", "--learning-rate -1: it must be a finite number above 0."),
        ("--learning-rate nan", "--learning-rate nan: it must be"),
        ("--learning-rate inf", "--learning-rate inf: it must be"),
        ("--learning-rate fast", "Invalid value for '--learning-rate'"),
        ("--batch-size 0", "--batch-size '0': allowed are full and whole numbers of at least 1."),
        ("--batch-size=-5", "--batch-size '-5': allowed are"),
        ("--batch-size half", "--batch-size 'half': allowed are"),
        ("--epochs 0", "--epochs 0: it must be a whole number of at least 1."),
        ("--epochs 1.5", "Invalid value for '--epochs'"),
        ("--seed=-1", "--seed -1: it must be a whole number of at least 0."),
        ("--seed 18446744073709551616", "it must be a whole number of at most"),
        ("--held-out 0", "--held-out 0: it must be between 0 and 1"),
        ("--held-out 1", "--held-out 1: it must be between 0 and 1"),
        ("--hidden 64,none", "--hidden 'none': write the units"),
        ("--hidden 0", "--hidden '0': write the units"),
        ("--hidden 3.5", "--hidden '3.5': write the units"),
        ("--out used", "The folder used is already in use"),
        ("--out good.csv", "good.csv is a file, not a folder"),
        ("--lerning-rate 1", "No such option: --lerning-rate"),
        ("iris wine", "unexpected extra argument"),
    ],
)
def test_bad_input_of_train(pullback, files, words, said):
    before = sorted(files.rglob("*"))
    done = pullback("train", *words.split())
    assert done.code == 2
    assert said in done.complaint
    assert sorted(files.rglob("*")) == before
    assert (files / "used" / "thesis.tex").read_text() == "precious"


def test_an_unknown_command(pullback):
    done = pullback("trian")
    assert done.code == 2
    assert "Did you mean 'train'?" in done.complaint


@pytest.mark.parametrize("out", [(), ("--out", "deep/er/run"), ("--out", "nothing")])
def test_a_diverging_run_fails_and_leaves_nothing(pullback, files, out):
    before = sorted(files.rglob("*"))
    done = pullback("train", "--learning-rate", "1e9", "--epochs", 2, "--quiet", *out)
    assert done.code == 1
    assert "The loss became" in done.complaint
    assert "try a learning rate below 1e+09" in done.complaint
    assert sorted(files.rglob("*")) == before


def test_a_run_that_fails_beside_another_leaves_the_other(pullback, files):
    assert pullback("train", "iris", "--epochs", 1).code == 0
    before = sorted(files.rglob("*"))
    assert pullback("train", "--learning-rate", "1e9", "--epochs", 2).code == 1
    assert sorted(files.rglob("*")) == before


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX knows them")
def test_ctrl_c_is_one_line_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "pullback", "train", "--epochs", "1000000", "--out", "a/run"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "a" / "run").is_dir() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "pullback: stopped, nothing was saved.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_typer_or_rich_the_command_names_the_extra(tmp_path, missing):
    script = (
        f"import sys; sys.modules[{missing!r}] = None; import pullback.cli as c; sys.exit(c.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "train"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "pullback: the command line needs typer and rich: pip install 'pullback[cli]'.\n"
    )


def test_a_reader_that_leaves_early_sees_no_traceback(pullback, tmp_path):
    assert pullback("train", "--epochs", 1, "--out", "run").code == 0
    command = [sys.executable, "-m", "pullback", "predict", "run", "digits", "--proba"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        err = process.stderr.read().decode()
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
