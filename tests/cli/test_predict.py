"""`pullback predict`: a saved model's answers as CSV."""

import csv
import io
import shutil

import numpy as np
import pytest

import pullback as pb
from conftest import run_here, write_flowers
from pullback.data import load

pytestmark = pytest.mark.usefixtures("unpainted")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on string labels, made once."""
    folder = tmp_path_factory.mktemp("trained")
    words = ("--target", "kind", "--epochs", 30, "--batch-size", 8, "--out", "trees")
    assert run_here(folder, "train", write_flowers(folder), *words).code == 0
    return folder / "trees"


@pytest.fixture
def trees(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "trees")


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_string_labels_there_and_back(in_process, flowers, trees):
    done = in_process("predict", "trees", flowers)
    answers = table(done.out)
    with flowers.open() as file:
        truth = [row["kind"] for row in csv.DictReader(file)]
    assert [row["prediction"] for row in answers] == truth
    assert [row["row"] for row in answers] == [str(n) for n in range(1, 61)]
    assert done.err == f"accuracy 1.0000: 60 of 60 rows, {flowers}\n"


def test_columns_are_found_by_name_and_the_target_is_not_needed(in_process, trees, tmp_path):
    (tmp_path / "new.csv").write_text("length,extra,note,width\n-4,text,30,6\n0,,30,0\n")
    done = in_process("predict", "trees", "new.csv")
    assert done.out == "row,prediction\n1,oak\n2,ash\n"
    assert done.err == ""


def test_rows_with_a_missing_or_unknown_label(in_process, trees, tmp_path):
    text = "width,note,length,kind\n6,30,-4,oak\n0,30,0,\n0,30,0,yew\n0,30,0,elm\n"
    (tmp_path / "new.csv").write_text(text)
    done = in_process("predict", "trees", "new.csv")
    assert [row["prediction"] for row in table(done.out)] == ["oak", "ash", "ash", "ash"]
    assert done.err == "accuracy 0.3333: 1 of 3 rows, new.csv\n"


def test_probabilities(in_process, flowers, trees, tmp_path):
    rows = table(in_process("predict", "trees", flowers, "--proba").out)
    assert list(rows[0]) == ["row", "prediction", "p_ash", "p_elm", "p_oak"]
    shares = np.array([[float(row[f"p_{kind}"]) for kind in ("ash", "elm", "oak")] for row in rows])
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert [row["prediction"] for row in rows] == [
        ("ash", "elm", "oak")[i] for i in shares.argmax(1)
    ]


def test_a_file_is_written_and_never_overwritten_unless_forced(
    in_process, flowers, trees, tmp_path
):
    words = ("predict", "trees/model.safetensors", flowers, "--out", "answers.csv")
    done = in_process(*words)
    assert (done.code, done.out) == (0, "")
    first = (tmp_path / "answers.csv").read_text()
    assert len(table(first)) == 60
    (tmp_path / "answers.csv").write_text("precious")
    assert "answers.csv exists already" in in_process(*words).complaint
    assert (tmp_path / "answers.csv").read_text() == "precious"
    assert in_process(*words, "--force").code == 0
    assert (tmp_path / "answers.csv").read_text() == first


def test_built_in_data(in_process, tmp_path):
    assert in_process("train", "digits", "--epochs", 2, "--out", "run").code == 0
    done = in_process("predict", "run", "digits")
    data = load("digits")
    expected = pb.load(tmp_path / "run").predict(data.X)
    assert [int(row["prediction"]) for row in table(done.out)] == expected.tolist()
    right = int(np.sum(expected == data.y))
    assert done.err == (
        f"accuracy {right / 1797:.4f}: {right:,} of 1,797 rows, digits (training rows included)\n"
    )
    assert "it has 4, the model 64" in in_process("predict", "run", "iris").complaint


def test_a_folder_of_images(in_process, stripes):
    assert (
        in_process("train", "stripes", "--epochs", 20, "--batch-size", 4, "--out", "run").code == 0
    )
    done = in_process("predict", "run", "stripes")
    assert [row["prediction"] for row in table(done.out)] == ["0", "1"] * 20
    assert "40 of 40 rows" in done.err


@pytest.mark.parametrize(
    ("labels", "written"),
    [
        (["1.50", "2", "1.50"], ["1.5", "2.0", "1.5"]),
        (["true", "false", "true"], ["True", "False", "True"]),
        (["+7", "-3", "+7"], ["7", "-3", "7"]),
    ],
)
def test_labels_are_compared_as_what_they_mean(in_process, tmp_path, labels, written):
    lines = [f"{x},{label}" for x, label in zip((1, 9, 1), labels, strict=True)] * 5
    (tmp_path / "data.csv").write_text("\n".join(["x,y", *lines]) + "\n")
    words = ("--target", "y", "--task", "classification", "--epochs", 40, "--out", "run")
    words += ("--batch-size", "full")
    assert in_process("train", "data.csv", *words).code == 0
    done = in_process("predict", "run", "data.csv")
    assert [row["prediction"] for row in table(done.out)][:3] == written
    assert "15 of 15 rows" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing", "flowers.csv"), "There is no file missing."),
        (("trees", "missing.csv"), "There is no file missing.csv."),
        (("trees", "missing"), "'missing' cannot be loaded"),
        (("flowers.csv", "flowers.csv"), "flowers.csv is no safetensors file"),
        (("trees", "narrow.csv"), "narrow.csv has no column"),
        (("trees", "flowers.csv", "--out", "no/such/folder.csv"), "its folder does not exist"),
        (("trees",), "Missing argument 'DATA'."),
    ],
)
def test_bad_input(in_process, flowers, trees, tmp_path, words, said):
    (tmp_path / "narrow.csv").write_text("width,length\n1,2\n")
    done = in_process("predict", *words)
    assert done.code == 2
    assert said in done.complaint


def test_a_model_without_probabilities_says_so(in_process, flowers):
    words = ("--target", "kind", "--epochs", 1, "--loss", "squared-error", "--out", "run")
    assert in_process("train", flowers, *words).code == 0
    done = in_process("predict", "run", flowers, "--proba")
    assert done.code == 2
    assert "--loss cross-entropy" in done.complaint
