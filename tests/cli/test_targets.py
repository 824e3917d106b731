"""Numbers, counts, several labels and shares of classes: trained, told, saved and predicted."""

import csv
import io
import json

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    hamming_loss,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

import pullback as pb
from pullback.cli import main
from pullback.data import load, read_csv, split
from pullback.errors import UsageError
from pullback.training.results import evaluate

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(150, 3)).round(3)
SCORES = (r2_score, mean_absolute_error, root_mean_squared_error)


def written(folder, **columns):
    """A CSV file with the columns u, v, w to learn from, and these."""
    rows = [dict(zip("uvw", x, strict=True)) for x in X.tolist()]
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name.replace("_", " ")] = value
    with (folder / "data.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


TARGETS = {
    "price": (50_000 + 9000 * X[:, 0] - 4000 * X[:, 1]).round(2),
    "age": (40 + 10 * X[:, 0] + RANDOM.normal(size=150)).round().astype(int),
    "visits": RANDOM.poisson(np.exp(0.5 + X[:, 0])),
    "group": np.argmax(X, axis=1),
    "red": (X[:, 0] > 0).astype(int),
    "big": np.where(X[:, 1] + X[:, 2] > 0, "true", "false"),
    "share_a": 1 / (1 + np.exp(-2 * X[:, 0])),
}
TARGETS["share_b"] = 1 - TARGETS["share_a"]


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """Train on some of the targets, in this process; gives what was printed."""
    monkeypatch.chdir(tmp_path)

    def run(names, words="", code=0):
        written(tmp_path, **{name: TARGETS[name] for name in names})
        target = ",".join(name.replace("_", " ") for name in names)
        command = ["train", "data.csv", "--target", target, "--epochs", "3", "--out", "run"]
        assert main([*command, *words.split()]) == code
        return capsys.readouterr()

    return run


@pytest.fixture
def predict(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        assert main(["predict", *words]) == 0
        shown = capsys.readouterr()
        return list(csv.DictReader(io.StringIO(shown.out))), shown.err

    return run


def settings(tmp_path):
    return json.loads((tmp_path / "run" / "settings.json").read_text())


def rows_of(out, word):
    """The numbers of a line of a table, by its first word."""
    (line,) = [line for line in out.splitlines() if line.split()[:1] == [word]]
    return [float(number.replace(",", "")) for number in line.split()[1:]]


@pytest.mark.usefixtures("unpainted")
@pytest.mark.parametrize(
    ("names", "words", "told", "loss"),
    [
        (["price"], "", "1 target; ", "SquaredError"),
        # About 40 different ages in 150 rows: too many to be classes.
        (["age"], "", "1 target; ", "SquaredError"),
        (["group"], "", "3 classes; ", "CrossEntropy"),
        (["group"], "--task regression", "1 target; ", "SquaredError"),
        (["group"], "--loss squared-error", "1 target; ", "SquaredError"),
        (["group"], "--loss huber --task classification", "3 classes; ", "Huber"),
        (["age"], "--loss cross-entropy", " classes; ", "CrossEntropy"),
        (["big"], "", "2 classes; ", "CrossEntropy"),
        (["big"], "--loss squared-error", "2 classes; ", "SquaredError"),
        (["visits"], "--loss poisson", "1 target; ", "Poisson"),
        (["red"], "--loss binary-cross-entropy", "2 classes; ", "BinaryCrossEntropy"),
        (["red"], "--task multi-label", "1 label; ", "BinaryCrossEntropy"),
        (["red", "big"], "", "2 labels; ", "BinaryCrossEntropy"),
        (["red", "visits"], "", "2 targets; ", "SquaredError"),
        (["price", "age"], "--loss huber", "2 targets; ", "Huber"),
        (
            ["share_a", "share_b"],
            "--loss relative-entropy",
            "shares of 2 classes; ",
            "RelativeEntropy",
        ),
    ],
)
def test_what_a_target_is_taken_for(train, tmp_path, names, words, told, loss):
    shown = train(names, words).out
    assert told in shown.splitlines()[0]
    assert settings(tmp_path)["loss"].startswith(f"{loss}(")


def test_what_auto_decides_is_told_with_the_way_out(train):
    shown = train(["price"]).out
    low, high = TARGETS["price"].min(), TARGETS["price"].max()
    hint = "--task classification takes them as classes"
    assert f"  to learn: price: numbers from {low:g} to {high:g}; {hint}\n" in shown


@pytest.mark.parametrize(
    ("names", "words", "line"),
    [
        (["group"], "", "group: numbers taken as 3 classes; --task regression takes them as num"),
        (["group"], "--loss cross-entropy", "group: numbers taken as 3 classes\n"),
        (["group"], "--task classification", "group: numbers taken as 3 classes\n"),
        (["big"], "", "big: true or false taken as 2 classes\n"),
        (["red", "big"], "", "red, big: labels that hold or not; --task regression takes them"),
        (["share_a", "share_b"], "--loss cross-entropy", "share a, share b: shares of classes\n"),
    ],
)
def test_the_line_of_what_is_learned(train, names, words, line):
    assert f"  to learn: {line}" in train(names, words).out


def test_the_results_of_numbers_are_scikit_learns(train, tmp_path):
    shown = train(["price", "age"], "--dtype float64").out
    data = split(read_csv(tmp_path / "data.csv", ["price", "age"], kind="numbers"), 0.2, 0)
    model = pb.load(tmp_path / "run")
    predicted = model.predict(data.X_test)
    assert model.info["target_names"] == ["price", "age"]
    assert predicted.mean(axis=0) == pytest.approx(data.y_test.mean(axis=0), rel=0.5)
    for column, name in enumerate(("price", "age")):
        expected = [s(data.y_test[:, column], predicted[:, column]) for s in SCORES]
        # As many digits as are printed.
        assert rows_of(shown, name) == pytest.approx(expected, rel=1e-3, abs=1e-4)
    rows, loss, mean_r2 = rows_of(shown, "test")
    assert (rows, mean_r2) == (30, pytest.approx(r2_score(data.y_test, predicted), abs=1e-4))
    with (tmp_path / "run" / "history.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert loss == pytest.approx(float(last["validation_loss"]), abs=1e-4)
    for name, score in zip(pb.training.metrics.NUMBERS, SCORES, strict=True):
        found = float(last[f"validation_{name}"])
        assert found == pytest.approx(score(data.y_test, predicted), rel=1e-9)


def test_the_results_of_labels_are_scikit_learns(train, tmp_path):
    shown = train(["red", "big"], "--epochs 2").out
    data = split(read_csv(tmp_path / "data.csv", ["red", "big"], kind="fractions"), 0.2, 0)
    model = pb.load(tmp_path / "run")
    result = evaluate(model, data.X_test, data.y_test)
    truth, guess = data.y_test > 0.5, model.predict(data.X_test)
    f1 = f1_score(truth, guess, average="macro", zero_division=0)
    expected = [accuracy_score(truth, guess), 1 - hamming_loss(truth, guess), f1]
    assert list(result.scores.values()) == pytest.approx(expected)
    assert rows_of(shown, "test")[2:] == pytest.approx(expected, abs=1e-4)
    by_label = f1_score(truth, guess, average=None, zero_division=0)
    assert [rows_of(shown, name)[2] for name in ("red", "big")] == pytest.approx(by_label, abs=1e-3)


def test_a_run_of_numbers_leaves_its_pictures(train, tmp_path):
    train(["price", "age"])
    files = {file.name for file in (tmp_path / "run").glob("*.png")}
    assert files == {"curves.png", "predictions.png"}


def test_predictions_are_in_the_unit_of_the_target_and_scored(train, predict, tmp_path):
    train(["price", "age"], "--epochs 20")
    rows, said = predict("run", "data.csv")
    model, data = pb.load(tmp_path / "run"), read_csv("data.csv", ["price", "age"], kind="numbers")
    expected = model.predict(data.X)
    assert list(rows[0]) == ["row", "prediction_price", "prediction_age"]
    found = np.array([[float(r[f"prediction_{n}"]) for n in ("price", "age")] for r in rows])
    np.testing.assert_array_equal(found.astype(np.float32), expected)
    r2, error, root = (score(data.y[:, 1], expected[:, 1]) for score in SCORES)
    assert said.splitlines()[1] == (
        f"age: R^2 {r2:.4f}, mean absolute error {error:.4f}, root mean squared error {root:.4f}: "
        "150 rows, data.csv"
    )


def test_counts_are_predicted_as_rates(train, predict, tmp_path):
    train(["visits"], "--loss poisson --epochs 20 --hidden none")
    rows, said = predict("run", "data.csv")
    rates = np.array([float(row["prediction"]) for row in rows])
    model = pb.load(tmp_path / "run")
    outputs = model.outputs(load("data.csv", "visits").X)
    np.testing.assert_allclose(rates, np.exp(outputs[:, 0]), rtol=1e-5)  # float32
    assert said.startswith("R^2 0.")


def test_labels_are_predicted_as_1_and_0_with_a_probability_each(train, predict):
    train(["red", "big"], "--epochs 20")
    rows, said = predict("run", "data.csv", "--proba")
    assert list(rows[0]) == ["row", "prediction_red", "prediction_big", "p_red", "p_big"]
    for row in rows:
        assert row["prediction_red"] == ("1" if float(row["p_red"]) > 0.5 else "0")
    assert said.startswith("all labels right 0.")


def test_shares_are_predicted_as_the_name_of_the_largest(train, predict):
    train(["share_a", "share_b"], "--loss relative-entropy --epochs 20")
    rows, said = predict("run", "data.csv", "--proba")
    wanted = np.where(TARGETS["share_a"] > 0.5, "share a", "share b")
    right = np.mean([row["prediction"] == name for row, name in zip(rows, wanted, strict=True)])
    assert right > 0.8
    assert said == f"accuracy {right:.4f}: 150 rows, data.csv\n"


def test_rows_without_a_target_are_predicted_and_not_scored(train, predict, tmp_path):
    train(["price"])
    (tmp_path / "new.csv").write_text("w,v,u,price\n1,2,3,\n1,2,3,40000\n3,2,1,50000\n")
    rows, said = predict("run", "new.csv")
    assert len(rows) == 3
    assert said.endswith(": 2 rows, new.csv\n")
    (tmp_path / "new.csv").write_text("w,v,u\n1,2,3\n")
    assert predict("run", "new.csv")[1] == ""


def test_a_target_that_cannot_be_compared_is_told_and_the_rows_are_predicted(
    train, predict, tmp_path
):
    train(["price", "age"])
    (tmp_path / "new.csv").write_text("w,v,u,price,age\n1,2,3,40000,4\n3,2,1,cheap,5\n")
    rows, said = predict("run", "new.csv")
    assert len(rows) == 2
    place = "new.csv, line 3, column 'price': text where numbers belong: 'cheap'"
    assert said == f"not scored: {place}; allowed are finite numbers.\n"
    (tmp_path / "new.csv").write_text("w,v,u,price\n1,2,3,40000\n")
    assert "not scored: new.csv has no column 'age'" in predict("run", "new.csv")[1]


def test_it_resumes_to_the_same_bits(train, tmp_path):
    train(["price"], "--epochs 2 --validation 0.2")
    assert main(["train", "--resume", "run", "--epochs", "4", "-q"]) == 0
    resumed = pb.load(tmp_path / "run").params
    (tmp_path / "run").rename(tmp_path / "first")
    train(["price"], "--epochs 4 --validation 0.2")
    whole = pb.load(tmp_path / "run").params
    assert all(np.array_equal(resumed[name], whole[name]) for name in whole)


@pytest.mark.usefixtures("unpainted")
def test_diabetes_is_learned_by_every_loss_on_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for loss in ("squared-error", "absolute-error", "huber", "log-cosh"):
        words = ["train", "diabetes", "--loss", loss, "--hidden", "none", "--epochs", "50"]
        assert main([*words, "--out", loss]) == 0
        # Linear regression of scikit-learn explains 0.52 of the variance of these test rows.
        assert rows_of(capsys.readouterr().out, "test")[2] > 0.35


def test_images_may_have_numbers_to_learn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["train", "digits", "--task", "regression", "--hidden", "none", "--epochs", "2"]
    assert main([*words, "--out", "run"]) == 0
    assert "  to learn: label: numbers from 0 to 9\n" in capsys.readouterr().out
    assert (tmp_path / "run" / "weights.png").is_file()


GOOD = {"price": TARGETS["price"], "visits": TARGETS["visits"]}
KIND = {"kind": ["ash"] * 75 + ["elm"] * 75}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--target kind --task regression", "line 2, column 'kind': text where numbers belong: 'a"),
        ("--target kind --loss poisson", "'ash'; allowed are finite numbers >= 0."),
        ("--target price,kind", "column 'kind': text where numbers belong: 'ash'; allowed are fin"),
        ("--target price,price", "--target price,price: 'price' is named twice."),
        ("--target price,prise", "has no column 'prise'; its columns are: "),
        ("--target visits --task multi-label", "is not allowed; allowed are numbers in [0, 1]."),
        (
            "--target visits --task regression --loss cross-entropy",
            "--task regression does not go with --loss cross-entropy: allowed are squared-error, "
            "absolute-error, huber, log-cosh, poisson.",
        ),
        (
            "--target visits --task multi-label --loss huber",
            "--task multi-label does not go with --loss huber: allowed are binary-cross-entropy.",
        ),
        (
            "--target price,visits --task classification --loss huber",
            "--task classification of several columns does not go with --loss huber: allowed are "
            "cross-entropy, relative-entropy.",
        ),
        ("--target price,visits --loss cross-entropy", "the target columns: row 0 sums to"),
        ("--target price --class-weight balanced", "class_weight needs class labels"),
        ("--target visits --loss poisson --target-scaling standard", "counts, which are not scal"),
        ("--target price --target-scaling max", "--target-scaling 'max': allowed are auto"),
        ("--target price --early-stopping 5:monitor=validation_accuracy --validation 0.2", "r2"),
    ],
)
def test_what_is_refused_leaves_nothing(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, **GOOD, **(KIND if "kind" in words else {}))
    assert main(["train", "data.csv", *words.split()]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize(
    ("column", "cell", "words", "said"),
    [
        ("price", "NA", "", "line 4, column 'price': text where numbers belong: 'NA'; allowed are"),
        ("price", "", "", "line 4, column 'price': the cell is empty."),
        ("price", "nan", "", "line 4, column 'price': 'nan' is not allowed"),
        ("visits", "-1", "--loss poisson", "line 4, column 'visits': -1 is not allowed; allowed "),
    ],
)
def test_a_cell_amiss_in_a_column_of_numbers_makes_it_no_column_of_classes(
    tmp_path, monkeypatch, capsys, column, cell, words, said
):
    monkeypatch.chdir(tmp_path)
    values = TARGETS[column].astype(str).tolist()
    values[2] = cell
    written(tmp_path, **{column: values})
    assert main(["train", "data.csv", "--target", column, *words.split()]) == 2
    assert f"pullback: data.csv, {said}" in capsys.readouterr().err


def test_text_labels_of_a_set_are_no_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "iris", "--task", "regression"]) == 2
    assert "iris: the label of row 1 is 'setosa'; --task regression needs numbers." in (
        capsys.readouterr().err
    )


def test_a_model_of_numbers_has_no_probabilities(train, capsys):
    train(["price"])
    assert main(["predict", "run", "data.csv", "--proba"]) == 2
    assert "gives no probabilities: it predicts numbers." in capsys.readouterr().err
    with pytest.raises(UsageError):
        pb.load("run").predict_proba(X)
