"""What a run leaves behind: files that are complete, right, and the same for the same seed."""

import csv
import json
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import pullback as pb
from conftest import run_here
from pullback.data import load, split

FILES = {
    "checkpoint.safetensors",
    "confusion.png",
    "curves.png",
    "history.csv",
    "model.safetensors",
    "settings.json",
    "training_step.py",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run on images, made once."""
    folder = tmp_path_factory.mktemp("made")
    done = run_here(folder, "train", "digits", "--epochs", 2, "--hidden", "12", "--out", "run")
    assert done.code == 0
    return folder / "run"


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def trained_here():
    """The same run through the library."""
    data = split(load("digits"), 0.2, 0)
    network = pb.nn.Sequential(pb.nn.Dense(12), pb.nn.ReLU(), pb.nn.Dense(10))
    test = (data.X_test, data.y_test)
    run = pb.train(network, data.X, data.y, validation=test, scaling="unit", epochs=2)
    return data, run


def test_the_files(run):
    assert {file.name for file in run.iterdir()} == FILES | {"weights.png"}
    for picture in run.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_model_needs_nothing_else_and_predicts_as_trained(run, tmp_path):
    alone = tmp_path / "alone.safetensors"
    (run / "model.safetensors").rename(alone)
    model = pb.load(alone)
    data, here = trained_here()
    np.testing.assert_array_equal(
        model.predict_proba(data.X_test), here.model.predict_proba(data.X_test)
    )
    assert model.classes == here.model.classes
    assert tuple(model.info["image_shape"]) == (8, 8)


def test_the_history(run):
    _, here = trained_here()
    with (run / "history.csv").open() as file:
        records = list(csv.DictReader(file))
    assert [int(record["epoch"]) for record in records] == [0, 1, 2]
    names = ["loss", "accuracy", "validation_loss", "validation_accuracy"]
    assert list(records[0]) == ["epoch", *names, "learning_rate", "seconds", "samples_per_second"]
    for record, expected in zip(records, here.history, strict=True):
        assert [float(record[name]) for name in names] == [expected[name] for name in names]


def test_the_settings(run):
    settings = json.loads((run / "settings.json").read_text())
    assert settings["learning_rate_rule"] == "min(1 * rows_per_step / 128, 0.5)"
    assert settings["data"] == {"name": "digits", "rows_to_test": 359}
    assert settings["command"]["hidden"] == ["12"]
    assert settings["versions"]["pullback"] == pb.__version__


def test_the_training_step_runs_with_numpy_alone_and_trains(run, tmp_path):
    """One full-batch step of the saved source equals one step of the library."""
    data, _ = trained_here()
    network = pb.nn.Sequential(pb.nn.Dense(12), pb.nn.ReLU(), pb.nn.Dense(10))
    X = data.X / np.float32(16)
    params, _ = network.init(np.random.default_rng(0), (64,))
    step = pb.train(network, X, data.y, epochs=1, batch_size="full")
    given = {name: value.astype(np.float32) for name, value in params.items()}
    np.savez(tmp_path / "given.npz", x=X, labels=data.y, **given)
    script = """
        import sys
        import numpy as np
        from training_step import training_step
        given = dict(np.load("../given.npz"))
        result = training_step(**given, learning_rate=0.5)
        np.savez("../result.npz", loss=result["loss"], **result["params"])
        assert "pullback" not in sys.modules
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    subprocess.run(command, cwd=run, check=True)
    result = np.load(tmp_path / "result.npz")
    np.testing.assert_allclose(result["loss"], step.history[1]["loss"], rtol=1e-6)
    for name, trained in step.model.params.items():
        np.testing.assert_allclose(result[name], trained, rtol=1e-4, atol=1e-7)
        assert not np.array_equal(result[name], given[name])


def test_same_seed_same_bits_and_another_seed_others(run, pullback, in_process, tmp_path):
    words = ("train", "digits", "--epochs", 2, "--hidden", "12", "--quiet")
    pullback(*words, "--out", "again")
    in_process(*words, "--out", "other", "--seed", 1)
    model = (run / "model.safetensors").read_bytes()
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == model
    assert (tmp_path / "other" / "model.safetensors").read_bytes() != model


def test_an_empty_folder_is_taken_and_without_images_there_are_no_weights(
    in_process, flowers, tmp_path
):
    (tmp_path / "mine").mkdir()
    words = ("--target", "kind", "--epochs", 1, "--out", "mine")
    assert in_process("train", flowers, *words).code == 0
    assert {file.name for file in (tmp_path / "mine").iterdir()} == FILES
