"""Labels of every kind go to indices and come back as they were; what cannot is refused."""

import datetime
import decimal
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.data.labels import Classes
from pullback.errors import DataError

TEXT = st.text(max_size=6).filter(lambda text: not text.endswith("\0"))
KINDS = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "unsigned": st.integers(0, 2**64 - 1),
    "float": st.floats(allow_nan=False),
    "str": TEXT,
    "bool": st.booleans(),
}


def columns():
    """Lists of one kind with at least two distinct labels, not sorted and with repeats."""
    each = [st.lists(values, min_size=2, max_size=12) for values in KINDS.values()]
    return st.one_of(each).filter(lambda column: len(set(column)) > 1)


@given(columns())
def test_labels_come_back_as_they_were(column):
    classes = Classes.of(column)
    decoded = classes.decode(classes.encode(column))
    assert decoded.tolist() == column
    assert classes.labels.tolist() == sorted(set(column))


@given(columns())
def test_json_keeps_labels_exactly(column):
    classes = Classes.of(column)
    again = Classes.from_json(json.loads(json.dumps(classes.to_json())))
    assert again == classes
    assert again.labels.dtype == classes.labels.dtype
    assert [type(label) for label in again.labels] == [type(label) for label in classes.labels]
    assert again.labels.tolist() == classes.labels.tolist()


@given(columns())
def test_object_arrays_and_arrays_agree(column):
    objects = np.empty(len(column), dtype=object)
    objects[:] = column
    classes = Classes.of(objects)
    assert classes.labels.dtype == object
    assert classes.encode(column).tolist() == Classes.of(column).encode(objects).tolist()
    again = Classes.from_json(json.loads(json.dumps(classes.to_json())))
    assert again == classes


@pytest.mark.parametrize(
    "dtype",
    ["?", "i1", "u1", "i2", "i4", ">i4", "i8", "u8", "f2", "f4", "f8", ">f8", "U1", "U9", ">U3"],
)
def test_decoded_labels_have_the_dtype_that_came_in(dtype):
    y = np.array([1, 0, 1]).astype(dtype)
    classes = Classes.of(y)
    assert classes.decode([0, 1]).dtype == y.dtype
    again = Classes.from_json(classes.to_json())
    assert again == classes
    assert again.labels.dtype == y.dtype


def test_variable_width_strings():
    y = np.array(["b", "a", "longer", "a"], dtype=np.dtypes.StringDType())
    classes = Classes.of(y)
    assert classes.encode(["longer", "a"]).tolist() == [2, 0]
    assert classes.decode([1]).dtype == y.dtype
    assert Classes.from_json(classes.to_json()) == classes


def test_neighbours_beyond_two_to_the_53_stay_apart():
    y = np.array([2**53, 2**53 + 1, 2**63 - 1], dtype=np.int64)
    classes = Classes.of(y)
    assert len(classes) == 3
    assert classes.encode(y.astype(np.uint64)).tolist() == [0, 1, 2]
    assert Classes.of([2**63, 1]).labels.tolist() == [1, 2**63]


def test_indices_are_int64_and_labels_cannot_be_written():
    classes = Classes.of(["a", "b"])
    assert classes.encode(["b"]).dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        classes.labels[0] = "z"


def test_decode_keeps_the_shape():
    assert Classes.of([5, 7]).decode([[0, 1], [1, 1]]).tolist() == [[5, 7], [7, 7]]


def test_equality_and_hash():
    assert Classes.of([1, 2]) == Classes.of([2, 1, 1])
    assert hash(Classes.of([1, 2])) == hash(Classes.of([2, 1]))
    assert Classes.of([1, 2]) != Classes.of([1, 3])
    assert Classes.of([1, 2]) != Classes.of([1.0, 2.0])


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        ([], "no labels: the column is empty"),
        (np.zeros(0), "no labels: the column is empty"),
        ([1, 1, 1], "All 3 labels are 1: a classifier needs at least two classes"),
        (["a", "a"], "All 2 labels are 'a'"),
        ([1.0, float("nan")], r"label in row 1 \(counted from 0\) is NaN"),
        (np.array([1.0, np.nan]), r"label in row 1 \(counted from 0\) is NaN"),
        (np.array(["a", float("nan")], dtype=object), "row 1 .* is NaN"),
        (["a", None], "row 1 .* is None"),
        ([None, "a"], "row 0 .* is None"),
        ([1, "a"], r"mix kinds: row 0 holds 1 \(int\), row 1 holds 'a' \(str\)"),
        ([1, 2.5], r"mix kinds: row 0 holds 1 \(int\), row 1 holds 2.5 \(float\)"),
        ([True, 1, 0], r"mix kinds: row 0 holds True \(bool\), row 1 holds 1 \(int\)"),
        (np.array([1, "a"], dtype=object), "mix kinds"),
        ([[1], [2]], "row 0 .* is a list"),
        (np.zeros((3, 1)), r"must be 1-D, one a row; these have the shape \(3, 1\)"),
        (5, "not a single int"),
        ("abc", "not a single str"),
        (np.ma.masked_array([1, 2], mask=[True, False]), "masked array"),
        (np.array(["2024-01-01", "2024-01-02"], dtype="M8[D]"), "dtype datetime64"),
        (np.array([1, 2], dtype="m8[s]"), "dtype timedelta64"),
        ([np.timedelta64(1, "s"), np.timedelta64(2, "s")], "is a timedelta64"),
        ([datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)], "is a date: allowed are"),
        (np.array([1j, 2j]), "dtype complex128"),
        ([b"a", b"b"], "is a bytes"),
        (np.array([b"a", b"b"]), r"dtype \|S1"),
        ([decimal.Decimal(1), decimal.Decimal(2)], "is a Decimal"),
        ([2**64, 1], "do not fit in 64 bits"),
        ([2**63, -1], "do not fit in 64 bits"),
        (["a\0", "a"], "NUL"),
    ],
)
def test_what_cannot_be_classes_is_refused_in_one_sentence(y, sentence):
    with pytest.raises(DataError, match=sentence) as caught:
        Classes.of(y)
    assert "\n" not in str(caught.value)


def test_an_unknown_label_is_named_with_its_row_and_the_allowed_ones():
    classes = Classes.of(["cat", "dog"])
    with pytest.raises(
        DataError, match=r"label 'cow' in row 2 .* none of the classes 'cat', 'dog'"
    ):
        classes.encode(["dog", "cat", "cow"])
    with pytest.raises(DataError, match="label 'zebra' in row 0"):
        classes.encode(["zebra"])
    with pytest.raises(DataError, match="label 'catalogue' in row 0"):
        classes.encode(["catalogue"])


def test_labels_of_another_kind_are_refused():
    with pytest.raises(DataError, match="of kind str, but the classes are 0, 1"):
        Classes.of([0, 1]).encode(["0", "1"])
    with pytest.raises(DataError, match="of kind float"):
        Classes.of([0, 1]).encode([0.0, 1.0])


def test_many_classes_are_not_all_listed():
    with pytest.raises(DataError, match=r"10, 11 and 88 more\.$"):
        Classes.of(list(range(100))).encode([100])


@pytest.mark.parametrize("indices", [[-1], [2], [0.0], [True], ["0"]])
def test_indices_that_name_no_class_are_refused(indices):
    with pytest.raises(DataError, match=r"[Cc]lass ind"):
        Classes.of(["a", "b"]).decode(indices)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "complex"},
        {"kind": ["int"]},
        {"kind": "str"},
        {"dtype": "<f8"},
        {"dtype": "<i1"},
        {"dtype": "|O"},
        {"dtype": "<i3"},
        {"dtype": "text"},
        {"dtype": 8},
        {"labels": [1, 300]},
        {"labels": ["300", "1"]},
        {"labels": ["1", "1"]},
        {"labels": ["1"]},
        {"labels": []},
        {"labels": ["1", "x"]},
        {"labels": ["1", "9" * 30]},
        {"labels": "12"},
        {"extra": 1},
    ],
)
def test_damaged_json_is_refused(change):
    stored = Classes.of([1, 300]).to_json() | change
    with pytest.raises(DataError, match=r"^The stored classes are damaged: "):
        Classes.from_json(stored)


@pytest.mark.parametrize(
    ("dtype", "kind", "labels"),
    [("<f4", "float", [(0.1).hex(), (0.5).hex()]), ("<U1", "str", ["aa", "b"])],
)
def test_stored_labels_that_their_dtype_would_change_are_refused(dtype, kind, labels):
    with pytest.raises(DataError, match=f"its labels do not fit in {dtype}"):
        Classes.from_json({"dtype": dtype, "kind": kind, "labels": labels})


@pytest.mark.parametrize("stored", [None, [], {}, "x"])
def test_json_of_another_form_is_refused(stored):
    with pytest.raises(DataError, match=r"^The stored classes are damaged: "):
        Classes.from_json(stored)


def test_a_stored_width_takes_no_memory_by_itself():
    stored = {"dtype": "<U999999999", "kind": "str", "labels": ["a", "b"]}
    assert Classes.from_json(stored).labels.nbytes < 10_000
