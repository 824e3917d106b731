"""The parts of the command line that need no process of their own."""

import io
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import precision_recall_fscore_support

import pullback as pb
from pullback.cli import options
from pullback.cli.command import Command
from pullback.cli.console import console_for, is_styled
from pullback.cli.folder import resumed_folder, run_folder
from pullback.cli.outcome import EndedEarlyError
from pullback.cli.progress import SECONDS_BETWEEN_UPDATES, Bar, watched
from pullback.cli.source import stage_lines
from pullback.errors import StorageError, TrainingError, UsageError
from pullback.nn.layers import ACTIVATIONS
from pullback.primitives import kinked
from pullback.training import Progress, prepare
from pullback.training.results import confusion_matrix, evaluate, per_class, worst


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def guesses():
    random = np.random.default_rng(0)
    truth = random.integers(0, 7, 300)
    truth[truth == 5] = 0  # class 5 has no rows
    predicted = np.where(random.random(300) < 0.6, truth, random.integers(0, 6, 300))
    return truth, predicted  # class 6 is never predicted where it is not the truth


def test_results_by_class_are_scikit_learns(guesses):
    truth, predicted = guesses
    results = per_class(truth, predicted, list("abcdefg"))
    expected = precision_recall_fscore_support(truth, predicted, labels=range(7), zero_division=0)
    found = [(r.precision, r.recall, r.f1, r.rows) for r in results]
    np.testing.assert_allclose(np.array(found).T, np.array(expected))
    assert [r.label for r in results] == list("abcdefg")


def test_the_confusion_matrix_is_scikit_learns(guesses):
    expected = sklearn_confusion(*guesses, labels=range(7))
    np.testing.assert_array_equal(confusion_matrix(*guesses, 7), expected)


def test_the_worst_classes_stand_in_their_own_order(guesses):
    results = per_class(*guesses, list("abcdefg"))
    limit = sorted(r.f1 for r in results)[2]
    assert worst(results, 3) == [r for r in results if r.f1 <= limit]
    assert worst(results, 9) == results


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_results_on_a_set_are_those_of_the_history(reduction):
    X, y = np.random.default_rng(0).normal(size=(30, 3)).astype("f4"), ["a", "b", "c"] * 10
    loss = pb.losses.CrossEntropy(reduction)
    net = pb.nn.Sequential(pb.nn.Dense(3))
    run = pb.train(net, X, y, loss=loss, epochs=2, validation=(X[:9], y[:9]), dtype="float64")
    result = evaluate(run.model, X[:9], y[:9])
    np.testing.assert_allclose(result.loss, run.history[-1]["validation_loss"])
    assert result.accuracy == run.history[-1]["validation_accuracy"]
    assert result.rows == 9


def test_the_stages_of_a_step_are_cut_without_loss():
    net = pb.nn.Sequential(pb.nn.Dense(3), pb.nn.ReLU(), pb.nn.Dense(2))
    source = prepare(net, np.eye(4), [0, 1, 0, 1]).step.to_numpy()
    forward, backward, update = (stage_lines(source, s) for s in ("forward", "backward", "update"))
    assert forward.startswith("y = np.eye(2")
    assert backward.startswith("dlogits = ")
    assert [line.split()[0] for line in update.splitlines()] == ["W1_2", "b1_2", "W2_2", "b2_2"]
    body = [line.strip() for line in source.split("# forward\n")[1].split("return")[0].splitlines()]
    kept = [line.strip() for part in (forward, backward, update) for line in part.splitlines()]
    assert kept == [line for line in body if line and not line.startswith("#")]


def test_checking_finds_a_wrong_rule():
    """The CHECKED line is no decoration: a wrong rule of relu does not get past it."""
    net = pb.nn.Sequential(pb.nn.Dense(3), pb.nn.ReLU(), pb.nn.Dense(2))
    X = np.random.default_rng(0).normal(size=(20, 4))
    ready = prepare(net, X, [0, 1] * 10)
    checked = ready.check()
    assert [v.name for v in checked.variables] == [f"params['{n}']" for n in ready.problem.params]
    rules = kinked.maximum._rules
    (rule,) = rules
    rules[0] = lambda *args: (-rule(*args)[0], None)
    try:
        with pytest.raises(pb.PullbackError, match="maximum"):
            prepare(net, X, [0, 1] * 10).check()
    finally:
        rules[0] = rule


def test_a_new_entry_in_a_registry_is_an_option_by_itself(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "cube", lambda: pb.nn.Activation(lambda x: x**3, "cube"))
    words = Command(hidden=["4"], activation="cube")
    assert str(options.checked(words).network(2)) == "Sequential: Dense(4), cube, Dense(2)"
    with pytest.raises(UsageError, match="allowed are relu, .*, cube"):
        options.checked(Command(activation="sphere"))


@pytest.mark.parametrize(
    ("words", "units"),
    [(["64,32"], [64, 32]), (["8", "4, 2"], [8, 4, 2]), (["none"], []), (["1"], [1]), (None, [64])],
)
def test_hidden_units(words, units):
    assert options.hidden_units(words) == units


def test_no_color_and_dumb_terminals_mean_no_escape_codes(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert is_styled(Terminal())
    assert not is_styled(io.StringIO())
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            screen = Terminal()
            console = console_for(screen)
            with watched(console) as watch:
                watch.show(Progress(1, 1, 1, 1, 0.5, 0.75))
            console.print("bold", style="bold red")
            assert "\x1b" not in screen.getvalue()
            assert "loss 0.5000   accuracy 0.7500" in screen.getvalue()


def test_the_bar_is_drawn_a_few_times_and_ends_at_the_last_step(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Terminal()
    with watched(console_for(screen)) as watch:
        for step in range(1, 20_001):
            watch.show(Progress(2, 2, step, 20_000, 1 / step, step / 20_000))
    drawn = screen.getvalue()
    assert "\x1b" in drawn
    assert "loss 5e-05   accuracy 1.0000" in drawn  # the last step, although others are skipped
    assert drawn.count("epoch") < 200


def test_a_step_of_microseconds_does_not_wait_for_the_bar(monkeypatch):
    updates = []
    monkeypatch.setattr(Bar, "update", lambda *args, **fields: updates.append(fields))
    started = time.perf_counter()
    with watched(console_for(Terminal())) as watch:
        for step in range(1, 20_001):
            watch.show(Progress(1, 1, step, 20_000, 1.0, None))
    seconds = time.perf_counter() - started
    assert updates[-1]["completed"] == 20_000
    assert len(updates) <= seconds / SECONDS_BETWEEN_UPDATES + 2


@pytest.mark.parametrize("there_before", [True, False])
def test_a_run_that_fails_before_its_first_checkpoint_leaves_nothing(tmp_path, there_before):
    folder = tmp_path / "a" / "run"
    if there_before:
        folder.mkdir(parents=True)

    def interrupted(claimed):
        (claimed / "settings.json").write_text("half")
        (claimed / "tensorboard").mkdir()
        (claimed / "tensorboard" / "events").write_text("some")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), run_folder(folder) as claimed:
        interrupted(claimed)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert folder.is_dir() == there_before
    assert (tmp_path / "a").is_dir() == there_before


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C; resume with: "),
        (StorageError("The disk is full."), 1, "The disk is full; resume with: "),
        (TrainingError("It diverged."), 1, "It diverged. The model and its history are in "),
    ],
)
@pytest.mark.parametrize("folder_of", [run_folder, resumed_folder])
def test_what_fails_after_a_checkpoint_keeps_its_folder(tmp_path, folder_of, error, code, said):
    (tmp_path / "run").mkdir()

    def failing(claimed):
        (claimed / "checkpoint.safetensors").write_text("whole")
        raise error

    with pytest.raises(EndedEarlyError) as told, folder_of(tmp_path / "run") as claimed:
        failing(claimed)
    assert (told.value.code, told.value.sentence.startswith(said)) == (code, True)
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()


def test_a_run_that_ends_well_stays(tmp_path):
    with run_folder(tmp_path / "run") as claimed:
        (claimed / "model.safetensors").write_text("whole")
    assert (tmp_path / "run" / "model.safetensors").read_text() == "whole"


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal is needed")
def test_on_a_terminal_the_derived_lines_are_highlighted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    script = (
        "import os, pty, sys\n"
        "seen = bytearray()\n"
        "def read(handle):\n"
        "    seen.extend(os.read(handle, 4096)); return b'.'\n"
        "command = [sys.executable, '-m', 'pullback', 'train', 'iris', '--epochs', '3']\n"
        "code = pty.spawn(command, read)\n"
        "open('seen', 'wb').write(seen); sys.exit(os.waitstatus_to_exitcode(code))\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
    text = (tmp_path / "seen").read_bytes().decode()
    derived = text.split("DERIVED")[1].split("CHECKED")[0]
    assert "\x1b[" in derived
    assert "3/3" in text
    assert "━" in text
