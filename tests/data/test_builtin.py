"""The sets that scikit-learn ships, and `load` that finds them and every other source."""

import sys

import numpy as np
import pytest

from pullback.data import BUILTIN, Classes, load, load_builtin
from pullback.errors import DataError, MissingExtraError


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("digits", (1797, 64), list(range(10))),
        ("iris", (150, 4), ["setosa", "versicolor", "virginica"]),
        ("wine", (178, 13), ["class_0", "class_1", "class_2"]),
        ("breast_cancer", (569, 30), ["benign", "malignant"]),
    ],
)
def test_a_built_in_set(name, shape, classes):
    data = load_builtin(name)
    assert data.name == name
    assert data.X.shape == shape
    assert data.X.dtype == np.float32
    assert data.X_test is None
    assert Classes.of(data.y).labels.tolist() == classes
    assert data.image_shape == ((8, 8) if name == "digits" else None)


def test_labels_belong_to_their_rows():
    iris, cancer, digits = load("iris"), load("breast_cancer"), load("digits")
    assert iris.y[[0, 50, 149]].tolist() == ["setosa", "versicolor", "virginica"]
    assert np.allclose(iris.X[0], [5.1, 3.5, 1.4, 0.2])
    assert cancer.y[0] == "malignant"
    assert digits.y[:4].tolist() == [0, 1, 2, 3]
    assert digits.X.max() == 16.0  # not scaled
    assert digits.feature_names[9] == "pixel_1_1"


def test_diabetes_is_a_set_of_numbers():
    """The numbers are facts about the set, from its page in scikit-learn's guide."""
    data = load("diabetes")
    assert (data.X.shape, data.y.shape) == ((442, 10), (442, 1))
    assert (data.y.min(), data.y.max(), data.y[0, 0]) == (25.0, 346.0, 151.0)
    assert data.target_names == ("progression",)
    assert data.feature_names[:3] == ("age", "sex", "bmi")


def test_an_unknown_name_lists_the_allowed_ones_and_the_nearest():
    with pytest.raises(DataError, match="allowed are digits, iris, wine, breast_cancer"):
        load_builtin("titanic")
    with pytest.raises(DataError, match=r"does not exist.* Did you mean 'iris'"):
        load("irys")


def test_without_scikit_learn_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pullback\[sklearn\]'"):
        load_builtin("iris")


def test_a_csv_file_needs_its_target_column(tmp_path):
    file = tmp_path / "pets.CSV"
    file.write_text("weight;kind\n4;cat\n30;dog\n")
    with pytest.raises(DataError, match=r"needs a target, .* it has: weight, kind\."):
        load(file, separator=";")
    assert load(file, "kind", separator=";").y.tolist() == ["cat", "dog"]
    with pytest.raises(DataError, match="There is no file"):
        load(tmp_path / "missing.csv", "kind")


def test_a_target_for_another_source_is_refused(tmp_path):
    for source in ("digits", tmp_path):
        with pytest.raises(DataError, match="goes with a CSV file only"):
            load(source, "kind")


def test_other_sources_are_refused_with_what_is_allowed(tmp_path):
    other = tmp_path / "table.xlsx"
    other.write_bytes(b"PK")
    for source, found in ((other, "is a file of another kind"), (tmp_path / "no", "not exist")):
        with pytest.raises(
            DataError, match=f"{found}: allowed are .*folder of IDX files"
        ) as caught:
            load(source)
        assert all(name in str(caught.value) for name in BUILTIN)


def test_a_folder_is_read_as_idx(tmp_path):
    with pytest.raises(DataError, match="has no train-images-idx3-ubyte"):
        load(tmp_path)
