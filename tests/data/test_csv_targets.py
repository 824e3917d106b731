"""Target columns of a CSV file as numbers; a cell that is not allowed is told with its place."""

import numpy as np
import pytest

from pullback.data import load, read_csv
from pullback.data.csv import read_floats, read_targets
from pullback.data.table import open_table
from pullback.errors import DataError

TEXT = "x,a,kind,b\n1,0.5,ash,1\n2,-3,elm,0\n3,007,oak,1\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "trees.csv"
    path.write_text(TEXT)
    return path


def changed(file, old, new):
    file.write_text(TEXT.replace(old, new, 1))
    return file


def test_columns_in_the_order_wanted(file):
    data = read_csv(changed(file, ",kind,", ",k,").with_name("trees.csv"), "k")
    assert data.target_names == ("k",)
    file.write_text("x,a,b\n1,0.5,1\n2,-3,0\n")
    data = load(file, ["b", "a"], kind="numbers")
    assert data.y.tolist() == [[1.0, 0.5], [0.0, -3.0]]
    assert (data.X.tolist(), data.feature_names) == ([[1.0], [2.0]], ("x",))
    assert (data.y.dtype, data.target_names) == (np.float64, ("b", "a"))


def test_one_column_of_numbers_is_a_column(file):
    table = open_table(file)
    assert read_targets(table, ["a"], "numbers").tolist() == [[0.5], [-3.0], [7.0]]


@pytest.mark.parametrize(
    ("old", "new", "kind", "said"),
    [
        ("-3", "nine", "numbers", "'a': text where numbers belong: 'nine'; allowed are finite num"),
        ("-3", "nan", "numbers", "'a': 'nan' is not allowed, every cell needs a number; allowed"),
        ("-3", "inf", "numbers", "'a': 'inf' is not allowed, numbers must be finite; allowed are"),
        ("-3", "1e40", "numbers", "'a': 1e40 is beyond the range of float32; allowed are finite"),
        ("-3", "", "numbers", "'a': the cell is empty."),
        ("-3", "  ", "numbers", "'a': the cell is empty."),
        ("-3", "-3", "counts", "'a': -3 is not allowed; allowed are finite numbers >= 0."),
        ("-3", "1.5", "fractions", "'a': 1.5 is not allowed; allowed are numbers in [0, 1]."),
        ("-3", "yes", "fractions", "'a': text where numbers belong: 'yes'; allowed are numbers in"),
        ("-3", "true", "numbers", "'a': text where numbers belong: 'true'; allowed are finite"),
    ],
)
def test_a_cell_that_its_kind_does_not_allow(file, old, new, kind, said):
    table = open_table(changed(file, old, new))
    with pytest.raises(DataError) as caught:
        read_targets(table, ["b", "a"], kind)
    assert str(caught.value).startswith(f"{file}, line 3, column {said}")


def test_a_place_is_told_below_a_cell_of_several_lines(file):
    file.write_text('x,note,a\n1,"two\nlines",1\n2,short,-1\n')
    with pytest.raises(DataError, match="line 4, column 'a': -1 is not allowed"):
        read_targets(open_table(file), ["a"], "counts")


def test_rows_of_a_distribution_sum_to_1(file):
    file.write_text("x,a,b\n1,0.25,0.75\n2,0.5,0.4\n")
    with pytest.raises(DataError, match=r"trees\.csv, the target columns: "):
        read_targets(open_table(file), ["a", "b"], "distribution")


def test_truth_counts_as_1_and_0_among_fractions(file):
    file.write_text("x,a,b\n1,true,1\n2,False,0.5\n")
    assert read_targets(open_table(file), ["a", "b"], "fractions").tolist() == [[1, 1], [0, 0.5]]


def test_a_gap_is_nan_where_gaps_are_allowed(file):
    table = open_table(changed(file, "-3", ""))
    found = read_targets(table, ["a"], "counts", gaps=True)
    assert np.array_equal(found, [[0.5], [np.nan], [7.0]], equal_nan=True)
    with pytest.raises(DataError, match="text where numbers belong: 'ash'"):
        read_targets(table, ["kind"], "numbers", gaps=True)


def test_what_is_no_number_is_nan_to_one_who_looks(file):
    found = read_floats(open_table(file), ["kind", "b"])
    assert np.array_equal(found, [[np.nan, 1], [np.nan, 0], [np.nan, 1]], equal_nan=True)


def test_a_file_of_targets_alone_is_refused(file):
    file.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="has only the target columns, no features"):
        read_csv(file, ["a", "b"], kind="numbers")
