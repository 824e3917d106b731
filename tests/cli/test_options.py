"""Every choice of training is reached from `pullback train`."""

import csv
import json
from itertools import cycle, islice

import numpy as np
import pytest

import pullback as pb
from pullback.cli import main, options
from pullback.cli.command import Command
from pullback.cli.named import made
from pullback.data import load, split
from pullback.data.dataset import held_out_rows
from pullback.losses.losses import LOSSES
from pullback.nn.layers import ACTIVATIONS
from pullback.optim import SCHEDULES

pytestmark = pytest.mark.usefixtures("unpainted")

NEEDED = {"l1": "l1:strength=0.001", "l2": "l2:strength=0.001"}
NEEDED |= {"elastic-net": "elastic-net:l1=0.001:l2=0.001"}


@pytest.fixture
def train(flowers, monkeypatch):
    """`pullback train` in this process; returns the settings that the run folder tells."""
    monkeypatch.chdir(flowers.parent)

    def run(words, code=0):
        common = ["train", "flowers.csv", "--target", "kind", "--epochs", "2", "-q"]
        assert main([*common, "--out", "run", *words.split()]) == code
        return json.loads((flowers.parent / "run" / "settings.json").read_text())

    return run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "--hidden 8,5 --activation leaky-relu:slope=0.2,tanh",
            {"model": "Sequential: Dense(8), LeakyReLU(0.2), Dense(5), Tanh, Dense(3)"},
        ),
        (
            "--hidden 8 --activation prelu:per=unit --normalization batch:momentum=0.2",
            {"model": "Sequential: Dense(8), BatchNorm(0.2), PReLU(per='unit'), Dense(3)"},
        ),
        (
            "--hidden 8,4 --normalization layer --dropout 0.25",
            {
                "model": "Sequential: Dense(8), LayerNorm, ReLU, Dropout(0.25), "
                "Dense(4), LayerNorm, ReLU, Dropout(0.25), Dense(3)"
            },
        ),
        (
            "--hidden 8 --weights he-uniform",
            {
                "model": "Sequential: Dense(8, weights='he-uniform'), ReLU, "
                "Dense(3, weights='he-uniform')"
            },
        ),
        (
            "--loss cross-entropy:label_smoothing=0.1 --reduction sum",
            {"loss": "CrossEntropy(reduction='sum', label_smoothing=0.1)"},
        ),
        ("--penalty elastic-net:l1=0.1:l2=0.2", {"penalty": "ElasticNet(l1=0.1, l2=0.2)"}),
        (
            "--optimizer rmsprop:centered=true:decay=0.9 --learning-rate 0.02",
            {
                "optimizer": "RMSProp(learning_rate=0.02, decay=0.9, centered=True)",
                "learning_rate": 0.02,
            },
        ),
        ("--optimizer adam", {"optimizer": "Adam(learning_rate=0.001)", "learning_rate": 0.001}),
        (
            "--weight-decay 0.1 --clip-value 2 --clip-norm 3 --average 0.9",
            {
                "optimizer": "Averaged(ClippedByNorm(ClippedByValue(Decayed(SGD(), "
                "weight_decay=0.1), 2.0), 3.0), decay=0.9)"
            },
        ),
        (
            "--optimizer lbfgs:memory=5 --batch-size full",
            {"optimizer": "LBFGS(iterations=2, memory=5)", "learning_rate": None},
        ),
        (
            "--schedule warmup:steps=3:then=cosine:period=4:growth=2",
            {"schedule": "Warmup(steps=3, then=Cosine(period=4, growth=2.0))"},
        ),
        ("--schedule step:every=none:factor=0.5", {"schedule": "Step(factor=0.5)"}),
        (
            "--batch-size 8 --accumulate 3 --sampling replacement",
            {"rows_per_step": 24, "accumulate": 3, "sampling": "replacement"},
        ),
        ("--validation 0.25", {"rows": 36, "validation_rows": 12}),
        ("--class-weight balanced", {"weighted": True}),
        ("--task classification", {"rows": 48}),
    ],
)
def test_an_option_reaches_the_training(train, words, told):
    settings = train(words)
    assert {name: settings[name] for name in told} == told


def choices(registry, needed=NEEDED):
    return [needed.get(name, name) for name in registry]


LISTS = {
    "--activation": choices(ACTIVATIONS),
    "--loss": choices(LOSSES),
    "--optimizer": [rule for rule in options.RULES if rule != "lbfgs"],
    "--schedule": choices(SCHEDULES),
    "--weights": [name for name in options.WEIGHTS if name != "zeros"],
    "--penalty": choices(options.PENALTY_CHOICES),
    "--normalization": choices(options.NORMALIZATIONS),
    "--sampling": list(options.SAMPLINGS),
}
MOST = max(map(len, LISTS.values()))
TOGETHER = list(zip(*(islice(cycle(LISTS[name]), MOST) for name in LISTS), strict=True))


@pytest.mark.parametrize("chosen", TOGETHER, ids=lambda chosen: "-".join(chosen[:3]))
def test_every_name_of_every_list_trains(train, flowers, chosen):
    words = " ".join(f"{option} {word}" for option, word in zip(LISTS, chosen, strict=True))
    train(f"{words} --hidden 6,6 --batch-size 8 --task classification")
    params = pb.load(flowers.parent / "run").params
    assert all(np.all(np.isfinite(value)) for value in params.values())


def test_early_stopping_and_a_plateau(train, flowers):
    settings = train(
        "--validation 0.3 --early-stopping 2:monitor=validation_accuracy "
        "--reduce-on-plateau 1:factor=0.5 --epochs 40 --learning-rate 0.5"
    )
    with (flowers.parent / "run" / "history.csv").open() as file:
        records = list(csv.DictReader(file))
    assert len(records) < 41
    accuracy = [float(record["validation_accuracy"]) for record in records]
    best = int(np.argmax(accuracy))
    assert len(records) - 1 - best == 2
    data = split(load("flowers.csv", "kind"), 0.2, 0)
    model = pb.load(flowers.parent / "run")
    held_out = held_out_rows(data.y, 0.3, 0, "validation")
    assert settings["validation_rows"] == held_out.sum()
    right = model.predict(data.X[held_out]) == data.y[held_out]
    assert np.mean(right) == accuracy[best]


def test_validation_rows_are_neither_trained_on_nor_test_rows(in_process, flowers):
    words = ("--target", "kind", "--validation", 0.25, "--epochs", 1)
    done = in_process("train", flowers, *words)
    assert "  12 rows held out to validate, epoch by epoch" in done.out
    table = [line.split()[:2] for line in done.out.split("RESULT")[1].splitlines()]
    assert table[3:6] == [["train", "36"], ["validation", "12"], ["test", "12"]]


def test_a_run_that_ends_early_says_why(in_process, flowers):
    words = "--target kind --validation 0.3 --early-stopping 1 --epochs 99 --learning-rate 0.4"
    done = in_process("train", flowers, *words.split())
    assert "validation_loss has not become better for 1 epochs; the best was" in done.out


def test_a_solver_shows_its_iterations(in_process):
    words = "iris --optimizer lbfgs --batch-size full --epochs 4"
    done = in_process("train", *words.split())
    assert (done.code, done.err) == (0, "")
    assert "learning rate  found by a line search in each step" in done.out
    assert "  epoch 4 of 4   loss 0." in done.out
    assert "samples per second" not in done.out
    assert "a minimum was found" not in done.out


def test_a_solver_that_comes_to_a_minimum_says_so(in_process, tmp_path):
    words = "iris --hidden none --penalty l2:strength=0.1 --optimizer lbfgs --batch-size full"
    done = in_process("train", *words.split(), "--out", "run")
    with (tmp_path / "run" / "history.csv").open() as file:
        iterations = len(list(csv.DictReader(file))) - 1
    assert 0 < iterations < 50
    assert f"  a minimum was found after {iterations} of at most 50 iterations\n" in done.out


def test_what_is_chosen_is_shown(in_process, flowers):
    words = (
        "--target kind --penalty l1:strength=0.001 --optimizer adam --schedule cosine "
        "--average 0.9 --accumulate 2 --batch-size 8 --sampling ordered --epochs 1"
    )
    shown = in_process("train", flowers, *words.split()).out
    for line in (
        "  penalty        L1(strength=0.001), on weight matrices",
        "  update rule    Averaged(Adam(learning_rate=0.001), decay=0.9), Steps along the mean",
        "                 Any rule, with an exponential moving average of its parameters",
        "  learning rate  0.001: the update rule's own, as none is given",
        "                 times Cosine(period=3) of the step",
        "  steps          1 epoch of 3 steps, 16 rows each in batches of 8, in order; seed 0",
    ):
        assert line in shown


def test_diagnose_and_tensorboard(in_process, flowers, tmp_path):
    pytest.importorskip("tensorboardX")
    words = ("--target", "kind", "--epochs", 2, "--diagnose", "--tensorboard", "--out", "run")
    done = in_process("train", flowers, *words)
    assert (done.code, done.err) == (0, "")
    before, after = [line for line in done.out.splitlines() if line.startswith("DIAGNOSED")]
    assert before.startswith("DIAGNOSED  before the first step: ")
    assert after.startswith("DIAGNOSED  after training: ")
    assert "dead units: none of 64 hidden units" in done.out
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    assert "  tensorboard             event files" in done.out


def test_a_word_of_a_named_thing_is_of_its_settings_type():
    rules = {"rmsprop": pb.optim.RMSProp}
    rule = made("--optimizer", "rmsprop:epsilon=1e-4:centered=false", rules)
    assert rule == pb.optim.RMSProp(epsilon=1e-4)
    step = made("--schedule", "step:every=7", SCHEDULES)
    assert step.every == 7
    assert isinstance(step.every, int)


def test_the_defaults_are_those_of_the_command():
    settings = options.checked(Command())
    assert str(settings.network(3)) == "Sequential: Dense(64), ReLU, Dense(3)"
    assert settings.callbacks == []
    assert settings.training["optimizer"] == pb.optim.SGD()
    assert {settings.training[n] for n in ("schedule", "penalty", "average", "clip_norm")} == {None}
