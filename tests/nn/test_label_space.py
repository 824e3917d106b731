"""The label space: its corners, its centre, and what lies in between."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import DataError, ShapeError, UsageError

nn = pb.nn
SOFT = np.random.default_rng(3).dirichlet(np.ones(4), size=(5,))


def test_smoothing_goes_from_a_corner_to_the_centre():
    corners = nn.one_hot(np.array([2, 0]), 4)
    assert nn.smooth_labels(corners, 0).tolist() == corners.tolist()
    assert nn.smooth_labels(corners, 1).tolist() == [[0.25] * 4] * 2
    assert np.allclose(nn.smooth_labels(corners, 0.2), 0.8 * corners + 0.05, rtol=1e-15)


@pytest.mark.parametrize("amount", [0.0, 0.1, 0.9, 1.0])
def test_smoothed_rows_still_sum_to_one(amount):
    smoothed = nn.smooth_labels(SOFT, amount)
    assert np.allclose(smoothed.sum(axis=-1), 1, rtol=1e-15)
    assert nn.smooth_labels(SOFT.astype("f4"), amount).dtype == np.float32
    assert np.array_equal(nn.distribution(smoothed), smoothed)


def test_smoothing_is_differentiated_in_both_arguments():
    ct = np.random.default_rng(5).normal(size=SOFT.shape)
    pb.check_gradients(lambda y, amount: np.sum(ct * nn.smooth_labels(y, amount)), SOFT, 0.3)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_rows_divided_by_their_sum_are_distributions(dtype):
    y = np.random.default_rng(0).random((50, 1000)).astype(dtype)
    y /= np.sum(y, axis=1, keepdims=True)
    assert np.array_equal(nn.distribution(y), y)


@pytest.mark.parametrize("row", [[0.5, 0.6], [1.5, -0.5], [0.0, 0.0], [np.nan, 1.0], [np.inf, 0]])
def test_what_is_no_distribution(row):
    y = np.array([[0.5, 0.5], row])
    with pytest.raises(DataError, match="row 1 sums to"):
        nn.distribution(y)
    program = pb.trace(nn.distribution, y="N 2")
    with pytest.raises(ValueError, match="row 1 sums to"):
        pb.compile(program)(y)


BAD = [np.nan, -0.1, 1.1, np.inf, None, "0.1", True, 1j, [0.1], np.ones(2)]


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_amounts_and_tolerances_out_of_range(value):
    for call, name in ((nn.smooth_labels, "amount"), (nn.distribution, "tolerance")):
        with pytest.raises(UsageError) as caught:
            call(SOFT, value)
        assert str(caught.value) == (
            f"{call.__name__}({name}={value!r}): {name} must be a number in [0, 1]."
        )


def test_targets_that_are_no_rows_of_numbers():
    for call in (lambda y: nn.smooth_labels(y, 0.1), nn.distribution):
        with pytest.raises(UsageError, match=r"y must hold real numbers, not the dtype <U1"):
            call(np.array(["a"]))
        with pytest.raises(ShapeError, match="must have an axis of classes; this is one number"):
            call(0.5)
        with pytest.raises(ShapeError, match="must have at least one class"):
            call(np.ones((3, 0)))


@pytest.mark.parametrize("classes", [0, -1, 1.5, "3", None, True])
def test_one_hot_needs_a_number_of_classes(classes):
    with pytest.raises(UsageError) as caught:
        nn.one_hot(np.array([0]), classes)
    assert str(caught.value) == (
        f"one_hot(classes={classes!r}): it must be a whole number of at least 1."
    )


@pytest.mark.parametrize("dtype", ["foo", "U1", "c16", object])
def test_one_hot_needs_a_dtype_of_numbers(dtype):
    with pytest.raises(UsageError, match="it must be a dtype of numbers"):
        nn.one_hot(np.array([0]), 2, dtype)
