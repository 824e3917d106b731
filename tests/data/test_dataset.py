"""A data set is whole when it is made, and its held-out rows are a fair share of each class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.data.dataset import Dataset, split
from pullback.errors import DataError


def numbered(y):
    """Rows that carry their own number, so that it shows where each one went."""
    X = np.arange(len(y), dtype=np.float32)[:, None]
    return Dataset("numbered", X, np.asarray(y), ("number",))


@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_each_class_gives_its_share_and_keeps_a_row(counts, share, seed):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    whole = numbered(y)
    try:
        parts = split(whole, share, seed)
    except DataError:
        assert round(share * len(y)) == 0 or max(counts) == 1
        return
    train, test = parts.X[:, 0].astype(int), parts.X_test[:, 0].astype(int)
    assert sorted([*train, *test]) == list(range(len(y)))
    assert np.array_equal(parts.y, y[train])
    assert np.array_equal(parts.y_test, y[test])
    assert np.array_equal(train, np.sort(train))
    for index, count in enumerate(counts):
        held_out = int((parts.y_test == index).sum())
        assert held_out <= count - 1
        # Classes of one row hold none out; the others make up for them.
        alone = sum(other == 1 for other in counts)
        assert min(np.floor(count * share), count - 1) <= held_out
        assert held_out <= np.ceil(count * share) + alone


def test_the_held_out_set_has_the_size_asked_for():
    y = np.repeat(np.arange(10), 7)
    assert len(split(numbered(y), 0.2, 0).y_test) == 14
    # Each class for itself would round 0.35 down to nothing.
    assert len(split(numbered(y), 0.05, 0).y_test) == 4


def test_the_seed_decides():
    whole = numbered([0, 1] * 50)
    first, second, other = (split(whole, 0.3, seed).X_test for seed in (4, 4, 5))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_set_with_held_out_rows_stays_as_it_is():
    once = split(numbered([0, 1] * 5), 0.4, 0)
    assert split(once, 0.2, 1) is once


def test_rows_of_numbers_are_drawn_from_all():
    """Numbers are no classes, of which each would keep a row: half of 10 rows is 5."""
    y = np.arange(20.0).reshape(10, 2)
    data = Dataset("t", np.zeros((10, 1), np.float32), y, ("x",), target_names=("a", "b"))
    parts = split(data, 0.5, 0)
    assert (parts.y.shape, parts.y_test.shape) == ((5, 2), (5, 2))
    assert sorted([*parts.y[:, 0], *parts.y_test[:, 0]]) == y[:, 0].tolist()
    assert parts.target_names == ("a", "b")


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(DataError, match="held-out share must be between 0 and 1"):
        split(numbered([0, 1] * 5), share, 0)


def test_a_negative_seed_is_refused():
    with pytest.raises(DataError, match="seed must be at least 0"):
        split(numbered([0, 1] * 5), 0.5, -1)


@pytest.mark.parametrize(("y", "share"), [([0, 1, 0, 1], 0.1), ([0, 1, 2], 0.5)])
def test_a_split_that_holds_out_nothing_is_refused(y, share):
    with pytest.raises(DataError, match="holds out no row"):
        split(numbered(y), share, 0)


X, Y = np.zeros((4, 2), np.float32), np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"X": X.astype(np.float64)}, "X must be float32"),
        ({"X": X[0]}, "X must be float32 of shape"),
        ({"X": X[:0], "y": Y[:0]}, "X is empty"),
        ({"y": Y[:3]}, r"X has 4 rows, so y must have the shape \(4,\) or \(4, columns\)"),
        ({"y": Y[:, None, None]}, r"y must have .*, not \(4, 1, 1\)"),
        ({"y": np.zeros((4, 0))}, r"y must have .*, not \(4, 0\)"),
        ({"y": Y[:, None]}, r"y has the shape \(4, 1\) but 0 target names"),
        ({"y": Y[:, None], "target_names": ("a", "b")}, r"\(4, 1\) but 2 target names"),
        ({"X_test": X, "y_test": Y[:, None]}, r"y has the shape \(4,\), y_test \(4, 1\)"),
        ({"feature_names": ("a",)}, "2 columns but 1 feature names"),
        ({"feature_names": ("a", "a")}, "distinct"),
        ({"image_shape": (2, 2)}, r"no image of \(2, 2\)"),
        ({"X_test": X}, "come together"),
        ({"y_test": Y}, "come together"),
        ({"X_test": X[:, :1], "y_test": Y}, "X has 2 columns but X_test has 1"),
        ({"X_test": X, "y_test": Y[:1]}, "X_test has 4 rows"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, sentence):
    parts = {"name": "tiny", "X": X, "y": Y, "feature_names": ("a", "b"), **change}
    with pytest.raises(DataError, match=sentence):
        Dataset(**parts)
