"""Bad input: one sentence on standard error, exit code 2, nothing left behind."""

import subprocess
import sys

import numpy as np
import pytest

import pullback as pb

pytestmark = pytest.mark.usefixtures("unpainted")

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
        (
            "good.csv",
            "needs --target COLUMN, the column to learn, or several, as in a,b; it has: a, b,",
        ),
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
            "identity, FILE.py:NAME (did you mean 'relu'?)",
        ),
        (
            "--activation leaky-relu:slop=0.1",
            "leaky-relu has no setting 'slop'; it has slope=0.01. Did you mean 'slope'",
        ),
        ("--activation leaky-relu:slope", "write a value behind slope, as in slope=...; allowed"),
        ("--activation leaky-relu:slope=x", "leaky-relu: slope='x': it must be a number."),
        ("--activation leaky-relu:slope=2", "slope must be a number in (0, 1)."),
        ("--activation relu:slope=1", "relu has no settings, so 'slope=1' cannot follow it."),
        ("--activation prelu:per=column", "allowed are layer, unit."),
        ("--activation relu,tanh --hidden 8", "--activation names 2 for 1 hidden layers"),
        ("--activation relu,tahn --hidden none", "(did you mean 'tanh'?)"),
        ("--normalization bach", "--normalization 'bach': allowed are none, batch, layer"),
        ("--normalization batch:momentum=2", "--normalization batch: BatchNorm(momentum=2.0)"),
        ("--normalization batch --batch-size 1", "needs at least 2 rows in a batch"),
        ("--dropout 1", "--dropout 1: it must be in [0, 1)."),
        ("--dropout=-0.1", "--dropout -0.1: it must be in [0, 1)."),
        ("--weights xavier", "--weights 'xavier': allowed are zeros, normal,"),
        ("--weights normal:scale=-1", "--weights normal: "),
        ("--loss huber:delta=0", "--loss huber: Huber(delta=0.0): it must be a finite number > 0."),
        ("--loss huber:reduction=sum", "reduction has an option of its own, --reduction."),
        ("--optimizer adam:learning_rate=1", "has an option of its own, --learning-rate."),
        ("--optimizer adam:beta1=0.5:beta1=0.6", "--optimizer adam: beta1 is given twice."),
        ("--optimizer rmsprop:centered=yes", "centered='yes': it must be true or false."),
        ("--optimizer adam --weight-decay=-1", "--weight-decay -1: it must be a finite number of"),
        (
            "--optimizer lbfgs",
            "--optimizer lbfgs works on all rows at once: add --batch-size full.",
        ),
        (
            "--optimizer lbfgs --batch-size full --learning-rate 1",
            "--learning-rate does not go with --optimizer lbfgs",
        ),
        ("--schedule step:every=1.5", "every='1.5': it must be a whole number or none."),
        ("--schedule warmup:then=cosin", "--schedule warmup: then 'cosin': allowed are constant"),
        ("--penalty l2", "--penalty l2: it needs strength, such as l2:strength=0.001."),
        ("--penalty l2:strength=-1", "L2(strength=-1.0): it must be a finite number >= 0."),
        ("--penalty l3:strength=1", "--penalty 'l3': allowed are l1, l2, elastic-net"),
        ("--clip-value 0", "--clip-value 0: it must be a finite number above 0."),
        ("--clip-norm nan", "--clip-norm nan: it must be a finite number above 0."),
        ("--average 1", "--average 1: it must be between 0 and 1"),
        ("--accumulate 0", "--accumulate 0: it must be a whole number of at least 1."),
        ("--sampling random", "--sampling 'random': allowed are shuffle, replacement, ordered."),
        ("--validation 1", "--validation 1: it must be between 0 and 1"),
        ("--early-stopping 5", "--early-stopping needs --validation SHARE"),
        ("--reduce-on-plateau 5", "--reduce-on-plateau needs --validation SHARE"),
        ("--early-stopping soon", "--early-stopping 'soon': write how many epochs to wait"),
        ("--early-stopping 0", "--early-stopping '0': write how many epochs to wait"),
        ("--reduce-on-plateau 5:factor=2 --validation 0.2", "(factor=2.0): it must be in (0, 1)."),
        ("--class-weight rare", "--class-weight 'rare': allowed are balanced."),
        ("--task regresion", "allowed are auto, classification, multi-label, regression (did you"),
        ("--checkpoint-every=-1", "--checkpoint-every -1: it must be a finite number of at least"),
        ("--resume nowhere", "nowhere is no run that can go on: it has no settings.json."),
        ("--loss crossentropy", "poisson, FILE.py:NAME (did you mean 'cross-entropy'?)"),
        ("--reduction max", "--reduction 'max': allowed are mean, sum."),
        ("--optimizer adamm", "--optimizer 'adamm': allowed are sgd"),
        ("--scaling minmax", "allowed are auto, standard, unit, none."),
        ("--dtype int8", "--dtype 'int8': allowed are float32, float64."),
        ("--learning-rate 0", "--learning-rate 0: it must be a finite number above 0."),
        ("--learning-rate=-1", "--learning-rate -1: it must be a finite number above 0."),
        ("--learning-rate nan", "--learning-rate nan: it must be"),
        ("--learning-rate inf", "--learning-rate inf: it must be"),
        ("--learning-rate fast", "--learning-rate 'fast': it must be a number."),
        ("--batch-size 0", "--batch-size '0': allowed are full and whole numbers of at least 1."),
        ("--batch-size=-5", "--batch-size '-5': allowed are"),
        ("--batch-size half", "--batch-size 'half': allowed are"),
        ("--epochs 0", "--epochs 0: it must be a whole number of at least 1."),
        ("--epochs 1.5", "--epochs '1.5': it must be a whole number."),
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
def test_bad_input_of_train(in_process, files, words, said):
    before = sorted(files.rglob("*"))
    done = in_process("train", *words.split())
    assert done.code == 2
    assert said in done.complaint
    assert sorted(files.rglob("*")) == before
    assert (files / "used" / "thesis.tex").read_text() == "precious"


def test_a_solver_refuses_a_loss_that_is_another_at_each_look(in_process, files):
    before = sorted(files.rglob("*"))
    done = in_process("train", "--optimizer", "lbfgs", "--batch-size", "full", "--dropout", 0.1)
    assert done.code == 2
    assert "L-BFGS needs the same loss at every look" in done.err
    assert sorted(files.rglob("*")) == before


def test_an_unknown_command(pullback):
    done = pullback("trian")
    assert done.code == 2
    assert "Did you mean 'train'?" in done.complaint


@pytest.mark.parametrize("out", [(), ("--out", "deep/er/run"), ("--out", "nothing")])
def test_a_diverging_run_fails_and_keeps_the_last_good_weights(in_process, files, out):
    done = in_process("train", "--learning-rate", "1e9", "--epochs", 2, "--quiet", *out)
    assert done.code == 1
    assert done.complaint.startswith("Training diverged at epoch 1, step ")
    assert "The first infinity is in " in done.complaint or "The first NaN is in " in done.complaint
    assert "try a learning rate below 1e+09" in done.complaint
    model = pb.load(files / (out[1] if out else "runs/0001"))
    assert all(np.all(np.isfinite(value)) for value in model.params.values())


def test_a_run_that_fails_beside_another_leaves_the_other(in_process, files):
    assert in_process("train", "iris", "--epochs", 1).code == 0
    before = sorted(files.rglob("*"))
    assert in_process("train", "--learning-rate", "1e9", "--epochs", 2).code == 1
    assert set(before) <= set(files.rglob("*"))
    assert in_process("predict", "runs/0001", "iris").code == 0


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


def test_a_reader_that_leaves_early_sees_no_traceback(in_process, tmp_path):
    assert in_process("train", "--epochs", 1, "--out", "run").code == 0
    command = [sys.executable, "-m", "pullback", "predict", "run", "digits", "--proba"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        err = process.stderr.read().decode()
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
