"""CSV files are read as they stand; every fault is named with its line and column."""

import csv
import io
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.data.csv import column_names, read_csv, read_features
from pullback.errors import DataError, MissingExtraError


@pytest.fixture
def file(tmp_path):
    """A function that writes a file and gives its path."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


def test_features_and_target(file):
    data = read_csv(file("a,kind,b\n1,x,2.5\n-3e2,y,.5\n"), "kind")
    assert data.name == "data"
    assert data.feature_names == ("a", "b")
    assert data.X.dtype == np.float32
    assert data.X.flags.c_contiguous
    assert data.X.tolist() == [[1, 2.5], [-300, 0.5]]
    assert data.y.tolist() == ["x", "y"]
    assert data.X_test is None


@pytest.mark.parametrize(
    ("cells", "dtype", "labels"),
    [
        (["1", "-2", "0"], np.int64, [1, -2, 0]),
        ([str(2**53 + 1), str(2**63 - 1)], np.int64, [2**53 + 1, 2**63 - 1]),
        ([str(2**63), "1"], np.str_, [str(2**63), "1"]),
        (["007", "7"], np.str_, ["007", "7"]),
        (["+1", "-1", "-0"], np.int64, [1, -1, 0]),
        (["1.0", "2"], np.float64, [1.0, 2.0]),
        (["1e3", "0.1"], np.float64, [1000.0, 0.1]),
        (["True", "False"], np.bool_, [True, False]),
        (["true", "false"], np.bool_, [True, False]),
        (["TRUE", "FALSE"], np.str_, ["TRUE", "FALSE"]),
        (["yes", "1"], np.str_, ["yes", "1"]),
        ([" a ", "ü"], np.str_, ["a", "ü"]),
    ],
)
def test_the_kind_of_the_target(file, cells, dtype, labels):
    path = file("x,y\n" + "".join(f"1,{cell}\n" for cell in cells))
    y = read_csv(path, "y").y
    assert y.dtype.type == dtype
    assert y.flags.writeable
    assert y.tolist() == labels


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa,y\n1,0\n2,1\n",
        b"a,y\r\n1,0\r\n2,1\r\n",
        b"a,y\r1,0\r2,1\r",
        b"a,y\n1,0\n2,1",
        b"a,y\n1,0\n2,1\n\n\n",
        b" a , y \n 1 , 0 \n 2 , 1 \n",
        b'"a","y"\n"1","0"\n"2","1"\n',
    ],
)
def test_ways_to_write_the_same_file(file, content):
    data = read_csv(file(content), "y")
    assert (data.X.tolist(), data.y.tolist(), data.feature_names) == ([[1], [2]], [0, 1], ("a",))


def test_another_separator(file):
    assert read_csv(file("a;y\n1;0\n2;1\n"), "y", separator=";").X.tolist() == [[1], [2]]
    assert column_names(file("a\ty\n1\t0\n"), separator="\t") == ("a", "y")


CELL = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(CELL, CELL, st.text(min_size=1, max_size=5)), min_size=1, max_size=8)
)
def test_what_is_written_is_read(tmp_path_factory, rows):
    rows = [(a, b, text.strip() or "-") for a, b, text in rows]
    rows = [(a, b, "".join(c for c in t if c.isprintable()) or "-") for a, b, t in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([("a", "b", "a label"), *((a, b, f"_{label}") for a, b, label in rows)])
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_bytes(text.getvalue().encode("utf-8"))
    data = read_csv(path, "a label")
    assert data.X.tolist() == [[a, b] for a, b, _ in rows]
    assert data.y.tolist() == [f"_{label}".strip() for _, _, label in rows]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,y\n1,0\nx1,1\n", "line 3, column 'a': text where numbers belong: 'x1'."),
        ("a,y\n1,0\n1_000,1\n", "line 3, column 'a': text where numbers belong: '1_000'."),
        ("a,b,y\n1,2,0\n1,q,0\np,2,1\n", "line 3, column 'b': text where numbers belong: 'q'."),
        ("a,y\n,0\n1,1\n", "line 2, column 'a': the cell is empty."),
        ("a,y\n1,0\n  ,1\n", "line 3, column 'a': the cell is empty."),
        ('a,y\n1,0\n"",1\n', "line 3, column 'a': the cell is empty."),
        ("a,y\n1,0\n1,\n", "line 3, column 'y': the cell is empty."),
        ("a,y\n1,0\n1,  \n", "line 3, column 'y': the cell is empty."),
        ("a,y\n1,0\nNaN,1\n", "line 3, column 'a': 'NaN' is not allowed"),
        ("a,y\n1,0\n-inf,1\n", "line 3, column 'a': '-inf' is not allowed"),
        ("a,y\n1,0\n1e39,1\n", "line 3, column 'a': 1e39 is beyond the range of float32."),
        ("a,y\n1,0.5\n1,nan\n", "line 3, column 'y': 'nan' is not allowed"),
        ("a,y\n1,0\n2\n", "line 3 has 1 cells, but the header names 2 columns."),
        ("a,y\n1,0\n2,1,\n", "line 3 has 3 cells, but the header names 2 columns."),
        ("a,y\n1,0\n2,1,5", "line 3 has 3 cells, but the header names 2 columns."),
        ("a,y\n1,0,\n2,1\n", "line 2 has 3 cells, but the header names 2 columns."),
        ("a,y\n1,0\n\n2,1\n", "line 3 is blank"),
        ("\na,y\n1,0\n", "line 1 is blank"),
        ('a,y\n1,"two\nlines"\nx,1\n', "line 4, column 'a': text where numbers belong: 'x'."),
        ('a,y\n1,"open\n2,1\n', "line 2: the row cannot be cut into cells"),
        ("a,a,y\n1,2,3\n", "line 1: the columns 1 and 2 are both called 'a'."),
        ("a,,y\n1,2,3\n", "line 1: column 2 has no name."),
        ("y\n1\n", "has only the target column 'y', no features."),
        ("a,y\n", "has a header but no rows."),
        ("", "is empty."),
        (" \n\n", "is empty."),
        (b"\xef\xbb\xbf", "is empty."),
        ("a,b\n1,2\n", "has no column 'y'; its columns are: a, b."),
        ("a;y\n1;0\n", "its columns are: a;y. Is the separator ';' instead of ','?"),
        ("a;y\n1,5;0\n", "Is the separator ';' instead of ','?"),
        (b"a,y\n1,caf\xe9\n", "line 2: the byte 0xe9 is not UTF-8, the only encoding"),
        ("a,y\n1,0\n".encode("utf-16"), "line 1: the byte 0xff is not UTF-8, the only encoding"),
    ],
)
def test_each_fault_is_named_with_its_place(file, content, sentence):
    path = file(content)
    with pytest.raises(DataError) as caught:
        read_csv(path, "y")
    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_column_suggests_the_nearest(file):
    path = file("length,species\n1,a\n")
    with pytest.raises(DataError, match=r"are: length, species\. Did you mean 'species'\?"):
        read_csv(path, "specis")


def test_many_columns_are_not_all_listed(file):
    path = file(",".join(f"c{i}" for i in range(100)) + "\n" + ",".join(["1"] * 100) + "\n")
    with pytest.raises(DataError, match="c19 and 80 more"):
        read_csv(path, "target")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        read_csv(tmp_path / "no.csv", "y")
    with pytest.raises(DataError, match="is a folder, not a CSV file"):
        read_csv(tmp_path, "y")


@pytest.mark.parametrize("separator", ["", ", ", '"', "\n", "é"])
def test_a_separator_is_one_character(file, separator):
    with pytest.raises(DataError, match="separator must be one ASCII character"):
        read_csv(file("a,y\n1,0\n"), "y", separator=separator)


def test_without_polars_the_remedy_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtraError, match=r"needs polars: pip install 'pullback\[cli\]'"):
        read_csv(file("a,y\n1,0\n"), "y")


def test_features_are_taken_by_name(file):
    path = file("b,note,a\n2,,1\n4,free text,3\n")
    assert read_features(path, ("a", "b")).tolist() == [[1, 2], [3, 4]]
    assert read_features(path, ("b",)).tolist() == [[2], [4]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("b,c\n1,2\n", "has no column 'a'; its columns are: b, c."),
        ("c,d\n1,2\n", "has no columns 'a', 'b'; its columns are: c, d."),
        ("a,b,y\n1,2,x\n1,z,x\n", "line 3, column 'b': text where numbers belong: 'z'."),
        ("a,b,y\n1,2,\n1,,x\n", "line 3, column 'b': the cell is empty."),
        ("a,b,y\n1,2,3\n1,2\n", "line 3 has 2 cells"),
    ],
)
def test_faults_in_files_to_predict(file, content, sentence):
    with pytest.raises(DataError) as caught:
        read_features(file(content), ("a", "b"))
    assert sentence in str(caught.value)
