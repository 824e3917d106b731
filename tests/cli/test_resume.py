"""Runs that are killed, interrupted, out of disk: nothing is lost, and they go on bit for bit."""

import csv
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pullback as pb
from conftest import run_here, write_flowers
from pullback.cli import main
from pullback.storage import atomic

pytestmark = pytest.mark.usefixtures("unpainted")

TIMED = ("seconds", "samples_per_second")

# Everything that has a state of its own: the rule's averages, dropout's counter, a schedule, the
# best weights so far and the plateau's count. The last two act within these epochs.
WORDS = (
    "train flowers.csv --target kind --hidden 6 --epochs 40 --batch-size 8 --seed 3 --dropout 0.3 "
    "--optimizer adam:beta1=0.8 --learning-rate 0.05 --schedule cosine --average 0.9 "
    "--validation 0.3 --early-stopping 6 --reduce-on-plateau 2:factor=0.5 --checkpoint-every 0"
).split()

posix = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX knows them")


def history(run: Path) -> list[dict[str, str]]:
    with (run / "history.csv").open() as file:
        records = list(csv.DictReader(file))
    return [{k: v for k, v in record.items() if k not in TIMED} for record in records]


def outcome(run: Path) -> tuple[bytes, list[dict[str, str]]]:
    """What must not depend on interruptions: the model's bytes, and the history without times."""
    return (run / "model.safetensors").read_bytes(), history(run)


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pullback", *words],
        cwd=folder,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(happens, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not happens() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


def state_of(file: Path) -> int:
    return file.stat().st_mtime_ns if file.is_file() else 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    write_flowers(folder, noise=1.2)
    assert run_here(folder, *WORDS, "--out", "run").code == 0
    return folder / "run"


def test_the_run_that_is_killed_has_all_that_a_checkpoint_must_keep(whole):
    records = history(whole)
    assert 12 < len(records) < 41  # early stopping acts
    rates = [float(record["learning_rate"]) for record in records]
    settings = json.loads((whole / "settings.json").read_text())
    steps = -(-settings["rows"] // settings["rows_per_step"])
    schedule = pb.optim.Cosine(period=40 * steps)
    factors = {
        round(rate / settings["learning_rate"] / schedule(max(steps * epoch - 1, 0)), 6)
        for epoch, rate in enumerate(rates)
    }
    assert {1.0, 0.5} <= factors  # so does the plateau


@posix
def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(whole, tmp_path, kills):
    chance = random.Random(0)
    write_flowers(tmp_path, noise=1.2)
    run, killed, finished = tmp_path / "run", 0, 0
    checkpoint = run / "checkpoint.safetensors"
    while killed < kills or not finished:
        resumable = (run / "settings.json").is_file()
        words = ("train", "--resume", "run") if resumable else (*WORDS, "--out", "run")
        process = start(tmp_path, *words)
        if killed < kills:
            before = state_of(checkpoint)
            if killed % 4:  # while it trains, or saves the results
                wait_until(lambda: state_of(checkpoint) != before, process)  # noqa: B023
                time.sleep(chance.uniform(0, 0.4))
            else:  # while it starts
                time.sleep(chance.uniform(0, 1))
            process.kill()
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), err
        if process.returncode:
            killed += 1
            continue
        finished += 1
        assert outcome(run) == outcome(whole)
        assert not list(run.glob(".*.tmp"))
        run.rename(tmp_path / f"finished{finished}")


@posix
def test_ctrl_c_saves_all_files_and_says_how_to_resume(whole, tmp_path):
    write_flowers(tmp_path, noise=1.2)
    words = [*WORDS, "--out", "run"]
    process = start(tmp_path, *words)
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    wait_until(lambda: state_of(checkpoint), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    done = len(history(tmp_path / "run")) - 1
    when = f"after epoch {done}" if done else "in epoch 1"
    assert err == (
        f"pullback: stopped by Ctrl-C {when}; resume with: python -m pullback train --resume run\n"
    )
    files = {file.name for file in (tmp_path / "run").iterdir()}
    assert files == {file.name for file in whole.iterdir()}
    assert len(pb.load(tmp_path / "run").predict([[1.0, 2.0, 3.0]])) == 1
    resumed = run_here(tmp_path, "train", "--resume", "run")
    assert (resumed.code, resumed.err) == (0, "")
    assert "goes on with run" in resumed.out
    assert outcome(tmp_path / "run") == outcome(whole)


def test_more_epochs_go_on_where_the_run_ended(in_process, flowers, tmp_path):
    words = ("train", flowers, "--target", "kind", "--dropout", 0.2, "--optimizer", "adam")
    assert in_process(*words, "--epochs", 5, "--out", "long").code == 0
    assert in_process(*words, "--epochs", 2, "--out", "short").code == 0
    done = in_process("train", "--resume", "short", "--epochs", 5, "--quiet")
    assert (done.code, done.out, done.err) == (0, "short\n", "")
    assert outcome(tmp_path / "short") == outcome(tmp_path / "long")
    settings = json.loads((tmp_path / "short" / "settings.json").read_text())
    assert settings["epochs"] == settings["command"]["epochs"] == 5
    fewer = in_process("train", "--resume", "short", "--epochs", 3)
    assert fewer.code == 2
    assert "stands in epoch 5 already" in fewer.err


def test_a_run_that_is_over_says_so(in_process, flowers, tmp_path):
    words = ("train", flowers, "--target", "kind", "--epochs", 3, "--validation", 0.3)
    assert in_process(*words, "--out", "done").code == 0
    before = outcome(tmp_path / "done")
    done = in_process("train", "--resume", "done")
    assert "done has done all its 3 epochs; --epochs with a larger number adds more" in done.out
    assert (done.code, outcome(tmp_path / "done")) == (0, before)
    stop = ("--early-stopping", "1:least_improvement=9")
    assert in_process(*words, *stop, "--out", "stopped").code == 0
    done = in_process("train", "--resume", "stopped")
    assert "stopped has ended for good after epoch 1" in done.out
    kept = (tmp_path / "stopped" / "settings.json").read_bytes()
    done = in_process("train", "--resume", "stopped", "--epochs", 9)
    assert done.code == 2
    assert "epochs=9: stopped/checkpoint.safetensors is of a run that has ended for" in done.err
    assert done.err.count("\n") == 1
    assert (tmp_path / "stopped" / "settings.json").read_bytes() == kept


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    words = ("train", write_flowers(folder), "--target", "kind", "--epochs", 1)
    assert run_here(folder, *words, "--out", "run").code == 0
    assert run_here(folder, *words, "--seed", 9, "--out", "other").code == 0
    return folder


@pytest.mark.parametrize("harm", ["a bit", "cut", "empty", "a model", "another run"])
def test_a_checkpoint_that_cannot_be_used(two_runs, in_process, tmp_path, harm):
    """One sentence, without the advice to resume with it; nothing in the folder changes."""
    shutil.copytree(two_runs, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "run" / "checkpoint.safetensors"
    whole = file.read_bytes()
    file.write_bytes(
        {
            "a bit": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
            "cut": whole[:-7],
            "empty": b"",
            "a model": (tmp_path / "run" / "model.safetensors").read_bytes(),
            "another run": (tmp_path / "other" / "checkpoint.safetensors").read_bytes(),
        }[harm]
    )
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    done = in_process("train", "--resume", "run", "--epochs", 2)
    told = {
        "a bit": "is damaged: what it holds does not fit its checksum.",
        "cut": "is a damaged safetensors file",
        "empty": "is empty, not a safetensors file.",
        "a model": "is not a Pullback checkpoint (version 1).",
        "another run": "was made with seed=9, not 0.",
    }
    assert done.code == 2
    assert told[harm] in done.err
    assert done.err.count("\n") == 1
    assert "resume with" not in done.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@posix
def test_an_impatient_ctrl_c_does_not_wait_and_the_run_can_go_on(whole, tmp_path):
    write_flowers(tmp_path, noise=1.2)
    process = start(tmp_path, *WORDS, "--out", "run")
    wait_until(lambda: state_of(tmp_path / "run" / "checkpoint.safetensors"), process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.startswith("pullback: stopped by Ctrl-C")
    assert err.endswith("; resume with: python -m pullback train --resume run\n")
    assert run_here(tmp_path, "train", "--resume", "run").code == 0
    assert outcome(tmp_path / "run") == outcome(whole)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--resume run --hidden 9", "--hidden does not go with --resume"),
        ("iris --resume run", "DATA does not go with --resume"),
        ("--resume run --learning-rate 0.1", "--learning-rate does not go with --resume"),
        ("--resume run --out other", "--out does not go with --resume"),
        ("--resume run --diagnose", "--diagnose does not go with --resume"),
        ("--resume nowhere", "nowhere is no run that can go on: it has no settings.json."),
        ("--resume damaged", "damaged is no run that can go on: settings.json is damaged."),
        ("--resume other", "other is no run that can go on: settings.json holds no command."),
        ("--resume newer", "newer was made by another version of Pullback"),
        ("--resume solved", "--resume solved: L-BFGS keeps no checkpoints to go on from."),
        ("--resume changed", "was made with other data."),
    ],
)
def test_what_cannot_be_resumed(in_process, flowers, tmp_path, words, said):
    common = ("train", flowers.name, "--target", "kind", "--epochs", 2, "-q")
    if "solved" in words:
        solver = ("--optimizer", "lbfgs", "--batch-size", "full")
        assert in_process(*common, *solver, "--out", "solved").code == 0
    if "changed" in words:
        assert in_process(*common, "--out", "changed").code == 0
        flowers.write_text(flowers.read_text().replace("ash,0.", "ash,1."))
    for name, text in {
        "damaged": '{"command":',
        "other": '{"learning_rate": 1}',
        "newer": '{"command": {"data": "digits", "magic": 1}}',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.json").write_text(text)
    done = in_process("train", *words.split())
    assert done.code in (1, 2)
    assert said in done.err
    assert done.err.count("\n") == 1


def fill_disk_after(monkeypatch, writes: int) -> list[str]:
    """The disk is full from the given number of checkpoints on; all that is written later fails."""
    written = []
    write = atomic._write_new

    def full(temporary, content, mode):
        if written.count("checkpoint") < writes:
            written.append("checkpoint" if "checkpoint" in temporary.name else temporary.name)
            return write(temporary, content, mode)
        temporary.write_bytes(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "_write_new", full)
    return written


def test_a_full_disk_is_one_sentence_and_the_old_checkpoint_is_there(
    whole, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    write_flowers(tmp_path, noise=1.2)
    with monkeypatch.context() as patch:
        fill_disk_after(patch, 30)
        assert main([*WORDS, "--out", "run"]) == 1
    assert capsys.readouterr().err == (
        "pullback: run/checkpoint.safetensors cannot be written: the disk is full; the old file "
        "is unchanged; resume with: python -m pullback train --resume run\n"
    )
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == [
        "checkpoint.safetensors",
        "settings.json",
    ]
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    assert outcome(tmp_path / "run") == outcome(whole)


def test_a_disk_that_is_full_before_the_first_checkpoint_leaves_no_folder(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    write_flowers(tmp_path, noise=1.2)
    fill_disk_after(monkeypatch, 0)
    assert main([*WORDS, "--out", "deep/run"]) == 2
    assert "cannot be written: the disk is full." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["flowers.csv"]


def test_settings_without_a_checkpoint_begin_anew(whole, tmp_path, monkeypatch):
    """A kill between the settings and the first checkpoint."""
    monkeypatch.chdir(tmp_path)
    write_flowers(tmp_path, noise=1.2)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.json").write_bytes((whole / "settings.json").read_bytes())
    (tmp_path / "run" / ".checkpoint.safetensors.00ff.tmp").write_bytes(b"half")
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    assert outcome(tmp_path / "run") == outcome(whole)
    assert {f.name for f in (tmp_path / "run").iterdir()} == {f.name for f in whole.iterdir()}
