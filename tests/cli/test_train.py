"""`pullback train` on every kind of data, and what it shows."""

import gzip
import json
import re

import numpy as np
import pytest

import pullback as pb
from conftest import MNIST, idx, test_accuracy

ESCAPE = "\x1b"


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer"])
def test_built_in_data_is_learned(in_process, data):
    done = in_process("train", data, "--epochs", 10)
    assert (done.code, done.err) == (0, "")
    assert test_accuracy(done) > 0.8


def test_digits_is_the_default_and_is_learned_in_full(in_process, tmp_path):
    done = in_process("train")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("DATA  digits: 1,797 rows, 64 columns (8 x 8 images), 10 classes")
    assert test_accuracy(done) >= 0.96
    assert (tmp_path / "runs" / "0001" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("batch", "epochs", "least"), [("full", 60, 0.85), ("64", 5, 0.85), ("1", 1, 0.75)]
)
def test_every_batch_size_learns(in_process, batch, epochs, least):
    done = in_process("train", "--batch-size", batch, "--epochs", epochs)
    assert test_accuracy(done) > least
    rows = {"full": "1,438 rows", "64": "64 rows", "1": "1 row"}[batch]
    assert f"{rows} each" in done.out


def test_a_csv_file(in_process, flowers):
    done = in_process("train", flowers, "--target", "kind", "--epochs", 20, "--batch-size", 8)
    assert (done.code, done.err) == (0, "")
    assert "DATA  flowers: 60 rows, 3 columns, 3 classes; 12 rows held out to test" in done.out
    assert test_accuracy(done) == 1.0
    assert re.search(r"^  oak +1\.000 +1\.000 +1\.000 +4$", done.out, re.MULTILINE)
    assert "pullback predict runs/0001" in done.out


def test_a_csv_file_with_another_separator(in_process, flowers):
    flowers.write_text(flowers.read_text().replace(",", ";"))
    words = ("--target", "kind", "--separator", ";", "--epochs", 1)
    done = in_process("train", flowers, *words)
    assert done.code == 0
    assert done.out.splitlines()[-1].endswith("flowers.csv --separator ';'")


def test_a_folder_of_idx_files_without_a_test_file(in_process, stripes):
    done = in_process("train", stripes, "--epochs", 20, "--batch-size", 4, "--out", "run")
    assert "40 rows, 20 columns (5 x 4 images), 2 classes; 8 rows held out to test" in done.out
    assert "every value is divided by 250" in done.out
    assert test_accuracy(done) == 1.0


def test_a_folder_of_gzipped_idx_files_with_its_own_test_file(in_process, stripes):
    for part, kind in (("images", 3), ("labels", 1)):
        plain = stripes / f"train-{part}-idx{kind}-ubyte"
        data = plain.read_bytes()
        plain.unlink()
        (stripes / f"{plain.name}.gz").write_bytes(gzip.compress(data))
    bright = np.zeros((2, 5, 4))
    bright[0, 2, :] = bright[1, :, 1] = 250
    (stripes / "t10k-images-idx3-ubyte").write_bytes(idx(bright))
    (stripes / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([0, 1])))
    done = in_process("train", stripes, "--epochs", 20, "--batch-size", 4)
    assert "2 rows in a test file of their own" in done.out
    assert test_accuracy(done) == 1.0


@pytest.mark.skipif(not MNIST.is_dir(), reason="../shared/data/mnist is not here")
def test_mnist(in_process):
    words = ("--hidden", 128, "--batch-size", 128, "--epochs", 5, "--seed", 0)
    done = in_process("train", MNIST, *words)
    assert "10,000 rows in a test file of their own" in done.out
    assert test_accuracy(done) >= 0.97


def test_a_run_that_made_it_worse_says_so(in_process):
    done = in_process("train", "digits", "--learning-rate", 1e6, "--epochs", 2)
    assert "made the loss worse" in done.out
    assert "try a learning rate below 1e+06" in done.out
    assert done.err == ""


def test_it_shows_the_network_derived_checked_and_trained_in_this_order(in_process):
    done = in_process("train", "iris", "--hidden", "6,5", "--epochs", 2, "--seed", 4)
    parts = "DATA NETWORK FORWARD DERIVED CHECKED TRAINED RESULT".split()
    headings = [line.split()[0] for line in done.out.splitlines() if line[:1].isupper()]
    assert headings == [*parts, "BY", "SAVED"]
    assert "4 inputs -> Dense(6) -> ReLU -> Dense(5) -> ReLU -> Dense(3)" in done.out
    assert "83 learned parameters, float32" in done.out
    assert "learning rate  0.25: min(1 * rows_per_step / 128, 0.5)" in done.out
    derived = done.out.split("DERIVED")[1].split("CHECKED")[0]
    assert re.findall(r"^  (\w+) = ", derived, re.MULTILINE)[0] == "dlogits"
    assert {"dW1", "db1", "dW2", "db2", "dW3", "db3"} <= set(re.findall(r"(\w+) = ", derived))
    assert "the derived gradient is right: 83 entries, largest error" in done.out
    assert "epoch 2 of 2" in done.out


def test_at_most_ten_lines_of_progress_in_plain_output(in_process, flowers):
    done = in_process("train", flowers, "--target", "kind", "--epochs", 37)
    epochs = re.findall(r"^  epoch +(\d+) of 37 ", done.out, re.MULTILINE)
    assert len(epochs) == 10
    assert epochs[-1] == "37"


def test_output_that_is_no_terminal_is_plain_text(pullback, flowers):
    words = ("train", flowers, "--target", "kind", "--epochs", 1)
    assert ESCAPE not in pullback(*words, FORCE_COLOR="1").out
    assert ESCAPE not in pullback("train", "--help", NO_COLOR="1").out


def test_quiet_prints_the_folder_alone(in_process, flowers):
    words = ("train", flowers, "--target", "kind", "--epochs", 1)
    assert in_process(*words, "--quiet").out == "runs/0001\n"
    assert in_process(*words, "-q").out == "runs/0002\n"


def test_every_option_reaches_the_training(in_process, tmp_path):
    words = (
        "train iris --hidden 7 --hidden 5 --activation sigmoid --loss squared-error "
        "--reduction sum --learning-rate 0.001 --batch-size 10 --epochs 2 --seed 3 "
        "--held-out 0.3 --scaling unit --dtype float64 --out here"
    )
    done = in_process(*words.split())
    assert (done.code, done.err) == (0, "")
    settings = json.loads((tmp_path / "here" / "settings.json").read_text())
    expected = {
        "model": "Sequential: Dense(7), Sigmoid, Dense(5), Sigmoid, Dense(3)",
        "loss": "SquaredError(reduction='sum')",
        "optimizer": "SGD(learning_rate=0.001)",
        "learning_rate": 0.001,
        "learning_rate_rule": "given",
        "batch_size": 10,
        "epochs": 2,
        "seed": 3,
        "scaling": "unit",
        "dtype": "float64",
        "rows": 105,
    }
    assert {name: settings[name] for name in expected} == expected
    assert settings["command"]["held_out"] == 0.3
    assert settings["command"]["out"] == "here"
    assert pb.load(tmp_path / "here").params["W1"].dtype == np.float64


def test_a_linear_model(in_process, tmp_path):
    done = in_process("train", "--hidden", "none", "--epochs", 1, "--out", "run")
    assert "64 inputs -> Dense(10)" in done.out
    assert list(pb.load(tmp_path / "run").params) == ["W1", "b1"]
    assert (tmp_path / "run" / "weights.png").is_file()


def test_names_from_a_file_cannot_steer_the_terminal_or_the_printing(in_process, flowers):
    text = flowers.read_text().replace("oak", "[bold]o\x1b[31mak[/]")
    flowers.write_text(text)
    done = in_process("train", flowers, "--target", "kind", "--epochs", 1)
    assert done.code == 0
    assert ESCAPE not in done.out
    assert "[bold]o\N{REPLACEMENT CHARACTER}[31mak[/]" in done.out


def test_help_and_version(in_process):
    alone = in_process()
    assert alone.code == 0
    assert alone.out == in_process("--help").out
    assert "pullback train" in alone.out
    assert in_process("--version").out == f"pullback {pb.__version__}\n"
    text = in_process("train", "--help").out
    assert "relu|leaky-relu|" in text
    assert "cross-entropy|squared-error" in text
    assert "pullback train iris --hidden 16,8 --epochs 100" in text
