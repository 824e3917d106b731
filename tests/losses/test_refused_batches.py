"""Outputs, targets and weights that do not fit: one sentence each, and never a broadcast."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import DataError, ShapeError, UsageError
from pullback.losses.losses import LOSSES, as_loss

ONES = np.ones((5, 2)) / 2
each = pytest.mark.parametrize("loss", [make() for make in LOSSES.values()], ids=str)


@each
@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        ((5, 1), (5,)),  # which would make 25 residuals
        ((5, 3), (5, 1)),
        ((5, 1), (5, 3)),
        ((5,), (5,)),
        ((5, 3), (4, 3)),
        ((5, 3, 1), (5, 3, 1)),
        ((), ()),
    ],
)
def test_shapes_that_are_not_the_same(loss, outputs, targets):
    for call in (loss, loss.rows):
        with pytest.raises(ShapeError) as caught:
            call(np.full(outputs, 0.5), np.full(targets, 0.5))
        assert str(caught.value) == (
            f"{type(loss).__name__}: outputs have the shape {outputs} and targets {targets}; "
            "both must be (rows, columns)."
        )


@each
def test_a_trace_refuses_them_too(loss):
    with pytest.raises(ShapeError, match=r"outputs have the shape \(N, 3\) and targets \(N,\)"):
        pb.trace(loss, outputs="N 3", targets="N")
    with pytest.raises(ShapeError, match=r"weights have the shape \(N, 1\); it must be \(N,\)"):
        pb.trace(loss, outputs="N 3", targets="N 3", weights="N 1")


@each
@pytest.mark.parametrize("shape", [(3,), (5, 1), (1,), (), (5, 2)])
def test_weights_of_another_shape(loss, shape):
    with pytest.raises(ShapeError) as caught:
        loss(ONES, ONES, np.ones(shape))
    assert str(caught.value) == (
        f"{type(loss).__name__}: weights have the shape {shape}; it must be (5,), one for each row."
    )


@each
@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_weights_that_are_no_finite_numbers_of_at_least_zero(loss, bad):
    with pytest.raises(DataError) as caught:
        loss(ONES, ONES, np.array([1.0, 0.0, bad, 1.0, bad]))
    assert str(caught.value) == (
        f"{type(loss).__name__}: weights[2] is {bad:g}; allowed are finite numbers >= 0."
    )
    with pytest.raises(DataError, match="every weight is 0; at least one row must count"):
        loss(ONES, ONES, np.zeros(5))


@each
def test_a_batch_without_a_row(loss):
    with pytest.raises(ShapeError, match="a batch without a row has no loss"):
        loss(np.ones((0, 2)), np.ones((0, 2)))


@each
def test_what_holds_no_real_numbers(loss):
    for bad, told in (
        (np.array([["a"]]), "the dtype <U1"),
        ([[1j]], r"\[\[1j\]\]"),
        (None, "None"),
    ):
        with pytest.raises(UsageError, match=f"outputs must hold real numbers, not {told}"):
            loss(bad, np.ones((1, 1)))
        with pytest.raises(UsageError, match=f"targets must hold real numbers, not {told}"):
            loss(np.ones((1, 1)), bad)
    with pytest.raises(UsageError, match="weights must hold real numbers, not the dtype <U1"):
        loss(ONES, ONES, np.array(list("abcde")))


@each
def test_nested_lists_are_arrays(loss):
    y = [[0.25, 0.75], [1.0, 0.0]]
    z = [[0.5, -1.0], [2.0, 0.0]]
    assert loss(z, y, [1, 2]) == loss(np.array(z), np.array(y), np.array([1, 2]))


@pytest.mark.parametrize("y", [[-0.5, 1.5], [0.5, 0.6], [np.nan, 1.0]])
def test_entropy_of_what_is_no_distribution(y):
    with pytest.raises(DataError):
        pb.losses.entropy(np.array([y]))
    with pytest.raises(UsageError, match="entropy: y must hold real numbers, not 'a'"):
        pb.losses.entropy("a")


def columns(outputs, targets):
    return np.sum(np.abs(outputs - targets), axis=0)


def entries(outputs, targets):
    return np.abs(outputs - targets)


@pytest.mark.parametrize(("function", "shape"), [(columns, "(2,)"), (entries, "(5, 2)")])
def test_a_custom_loss_that_gives_something_else_than_rows(function, shape):
    loss = as_loss(function)
    for call in (loss, loss.rows, lambda z, y: loss(z, y, np.ones(5))):
        with pytest.raises(UsageError) as caught:
            call(ONES, ONES)
        assert str(caught.value) == (
            f"The loss must give one number per row or one number, not {shape}."
        )


def test_weights_of_a_custom_loss():
    loss = as_loss(lambda outputs, targets: np.sum(np.abs(outputs - targets), axis=1))
    with pytest.raises(ShapeError, match=r"weights have the shape \(5, 1\); it must be \(5,\)"):
        loss(ONES, ONES, np.ones((5, 1)))
    with pytest.raises(DataError, match=r"weights\[0\] is -1"):
        loss(ONES, ONES, -np.ones(5))


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.1, np.inf, None, "0.1", True, 1j, [0.1]])
def test_label_smoothing_out_of_range(value):
    with pytest.raises(UsageError) as caught:
        pb.losses.CrossEntropy(label_smoothing=value)
    assert str(caught.value) == (
        f"CrossEntropy(label_smoothing={value!r}): it must be a number in [0, 1]."
    )


@pytest.mark.parametrize("value", [np.nan, -1, 0, np.inf, None, "1", True, 1j, np.ones(2)])
def test_a_bad_delta(value):
    with pytest.raises(UsageError) as caught:
        pb.losses.Huber(delta=value)
    assert str(caught.value) == f"Huber(delta={value!r}): it must be a finite number > 0."


def test_a_reduction_that_is_an_array():
    with pytest.raises(UsageError, match="allowed are 'mean' and 'sum'"):
        pb.losses.SquaredError(np.array(["mean", "sum"]))
