"""When one array is taken to follow from another, and when that would be chance."""

import numpy as np
import pytest

from pullback.grading.relations import How, is_scaled, relation

A = np.random.default_rng(0).normal(size=(4, 3))


@pytest.mark.parametrize(
    ("value", "how", "factor"),
    [
        (A.copy(), How.EQUAL, 1.0),
        (A[:, None], How.EQUAL, 1.0),
        (A * (1 + 1e-10), How.EQUAL, 1.0),
        (-2.5 * A, How.FACTOR, -2.5),
        (A.T, How.TRANSPOSED, 1.0),
        (3 * A.T, How.TRANSPOSED, 3.0),
        (A.sum(0), How.SUMMED, 1.0),
        (A.mean(1, keepdims=True), How.SUMMED, 1 / 3),
        (np.stack([A / 2, A / 2 + 0]), How.UNSUMMED, 1.0),
        (A[2], How.PART, 1.0),
        (2 * A[:, 1], How.PART, 2.0),
        (np.broadcast_to(A, (5, 4, 3)), How.UNSUMMED, 5.0),
    ],
)
def test_what_follows_from_a_value(value, how, factor):
    found = relation(np.array(value), A)
    assert found is not None
    assert found.how is how
    assert found.factor == pytest.approx(factor)


def test_a_row_that_is_repeated_follows_from_it():
    row = A[0]
    assert relation(np.tile(row, (5, 1)), row).how is How.UNSUMMED
    assert relation(np.array([row * 2, row * 2]), row + 0).how is How.UNSUMMED


@pytest.mark.parametrize(
    "value",
    [
        A * (1 + 1e-6 * np.arange(3)),
        A + 1e-6,
        A * [1, 2, 3],
        A[::-1],
        A**2,
        np.full((4, 3), 0.1),
        np.zeros((4, 3)),
        A * np.nan,
        np.zeros(3),
        A[:2],
        np.array(7.0),
    ],
)
def test_what_does_not(value):
    assert relation(value, A) is None


@pytest.mark.parametrize("other", [np.full((4, 3), 2.0), np.array(2.0), np.full(3, 2.0)])
def test_one_number_throughout_tells_no_factor(other):
    assert relation(other / 4, other) is None
    assert relation(other.copy(), other).how is How.EQUAL


def test_what_is_zero_but_for_rounding_is_equal_to_another_such():
    assert relation(np.full(3, 1e-17), np.array([0, 2e-17, -1e-17]), 1e-12).how is How.EQUAL
    assert relation(np.full(3, 1e-3), np.array([0, 2e-17, -1e-17]), 1e-12) is None


def test_rows_and_columns_with_a_factor_or_a_shift_of_their_own():
    assert is_scaled(A * np.arange(1, 5)[:, None], A)
    assert is_scaled(A - A.max(axis=1, keepdims=True), A)
    assert is_scaled(A * [1, 2, 3], A)
    assert not is_scaled(A**2, A)
