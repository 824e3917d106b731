"""Writes to traced values equal NumPy's own, in value and gradient."""

import numpy as np
import pytest

import pullback as pb

X = np.array([[0.5, -1.5, 2.0], [-0.3, 0.8, -0.7]])


def negative_to_zero(x):
    h = x * 1.5
    h[h < 0] = 0
    return h


def negative_to_others(x):
    h = x * 1.5
    h[h < 0] = np.exp(h)[h < 0]
    return h


def mask_of_rows(x):
    h = np.sin(x)
    h[np.array([True, False])] = 2.0
    return h


def mask_of_rows_with_a_row(x):
    h = np.sin(x)
    h[np.array([True, True])] = h[0] * 2
    return h


def mask_of_columns(x):
    h = np.sin(x)
    h[:, np.array([True, False, True])] = 0.5
    return h


def ordinary_mask(x):
    h = np.cos(x)
    h[np.array([[True, False, True], [False, True, False]])] = -1
    return h


def one_row(x):
    h = np.exp(x)
    h[1] = h[0] * 3
    return h


def one_entry(x):
    h = np.exp(x)
    h[0, -1] = x[1, 0] * 2
    return h


def a_slice(x):
    h = np.exp(x)
    h[:, 1:] = x[:, :2] ** 2
    return h


def broadcast_value(x):
    h = np.exp(x)
    h[...] = x[0]
    return h


def backwards(x):
    h = np.exp(x)
    h[::-1, ::2] = x[:, :2]
    return h


def integer_array(x):
    h = np.exp(x)
    h[np.array([1, 0])] = x * 2
    return h


def duplicate_integers(x):
    h = np.exp(x)
    h[np.array([1, 1])] = np.sin(x)
    return h


def duplicate_pairs(x):
    h = np.exp(x)
    h[np.array([0, 1, 0]), np.array([2, 0, 2])] = x[1] * x[0]
    return h


def added_in_place(x):
    h = np.exp(x)
    h += x
    h -= 2
    h *= x
    h /= 3.0
    h **= 2
    return h


def added_to_entries(x):
    h = np.exp(x)
    h[0] = h[0] + x[1]
    h[np.array([1, 1])] += 1
    h[h > 2] *= 0.5
    return h


def into_out(x):
    h = np.exp(x)
    np.multiply(h, x, out=h)
    np.add(h, 1, out=h)
    return h


def into_zeros_like(x):
    h = np.zeros_like(x)
    h[0] = x[1] * 2
    h[1] = np.tanh(x[0])
    return h


def into_out_of_a_function(x):
    h = np.zeros_like(x)
    np.clip(x, -1.0, 1.0, out=h)
    return h


def in_a_loop(x):
    h = np.exp(x)
    for i in range(2):
        h[i] = h[1 - i] * x[i]
    return h


def copied_first(x):
    h = np.copy(x)
    h[h > 0] = 1
    return h * x


def of_a_method_copy(x):
    h = x.copy()
    h[0] = 0
    return h


def rows_of_a_new_axis(x):
    h = np.exp(x)
    h[None, 0] = x[1]
    return h


WRITES = [
    negative_to_zero,
    mask_of_rows,
    mask_of_rows_with_a_row,
    mask_of_columns,
    ordinary_mask,
    one_row,
    one_entry,
    a_slice,
    broadcast_value,
    backwards,
    integer_array,
    duplicate_integers,
    duplicate_pairs,
    added_in_place,
    into_out,
    into_zeros_like,
    into_out_of_a_function,
    in_a_loop,
    copied_first,
    of_a_method_copy,
    rows_of_a_new_axis,
]
EAGER_ONLY = [negative_to_others, added_to_entries]


def numeric_vjp(function, x, ct, step=1e-5):
    gradient = np.zeros_like(x)
    for position in np.ndindex(x.shape):
        moved = [np.array(x), np.array(x)]
        moved[0][position] += step
        moved[1][position] -= step
        gradient[position] = np.sum(ct * (function(moved[0]) - function(moved[1]))) / (2 * step)
    return gradient


@pytest.mark.parametrize("function", WRITES + EAGER_ONLY)
def test_the_value_is_that_of_numpy_and_the_gradient_that_of_differences(function):
    expected = function(X)
    out, pullback = pb.vjp(function, X)
    assert np.array_equal(out, expected)
    ct = np.random.default_rng(0).normal(size=expected.shape)
    # Central differences with step 1e-5 of values of size 20 are right to about 1e-9.
    assert np.allclose(pullback(ct)[0], numeric_vjp(function, X, ct), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("function", WRITES)
@pytest.mark.parametrize("spec", ["2 3", "f4 2 3"])
def test_the_program_for_all_inputs_computes_the_same(function, spec):
    program = pb.trace(function, x=spec)
    x = X.astype(program.inputs[0].aval.dtype)
    result = pb.compile(program)(x)
    assert np.array_equal(result, function(x))
    assert result.dtype == x.dtype


@pytest.mark.parametrize("function", WRITES + EAGER_ONLY)
def test_the_caller_keeps_its_array(function):
    x = X.copy()
    pb.vjp(function, x)[1](np.ones_like(x))
    assert np.array_equal(x, X)


def test_the_mask_follows_its_condition_as_written():
    assert pb.grad(lambda x: np.sum(negative_to_zero(x)))(np.array([0.0, -0.0])).tolist() == [
        1.5,
        1.5,
    ]


def test_a_write_is_cast_to_the_dtype_of_the_array():
    def f(x, y):
        h = np.exp(x)
        h[0] = y[0]
        h += 1
        return h

    program = pb.trace(f, x="f4 2", y="2")
    x, y = np.array([1, 2], "f4"), np.array([1 / 3, 2.0])
    result = pb.compile(program)(x, y)
    assert result.dtype == np.float32
    assert np.array_equal(result, f(x, y))


@pytest.mark.parametrize("way", ["mask", "mask array", "add", "out"])
def test_wide_numbers_do_not_widen_the_array_they_are_stored_into(way):
    def f(x, y):
        h = np.exp(x)
        if way == "mask":
            h[h > 1] = y[0]
        elif way == "mask array":
            h[np.array([True, False])] = y[:1]
        elif way == "add":
            h += y
        else:
            np.add(h, h, out=h)
        return h

    x, y = np.array([1, -2], "f4"), np.array([1 / 3, 2.0])
    result, pullback = pb.vjp(f, x, y)
    assert result.dtype == np.float32
    assert np.array_equal(result, f(x, y))
    assert [ct.dtype for ct in pullback(np.ones(2, "f4"))] == [np.float32, np.float64]


def test_scalars_have_the_semantics_of_numpy_scalars():
    def f(x):
        total = np.sum(x)
        before = total
        total += 1
        total *= 2
        return before, total

    (before, total), pullback = pb.vjp(f, np.array([1.0, 2.0]))
    assert (before, total) == f(np.array([1.0, 2.0])) == (3.0, 8.0)
    assert pullback((1.0, 1.0))[0].tolist() == [3.0, 3.0]


def test_a_loop_that_adds_up_a_number():
    def f(x):
        total = 0.0
        for i in range(3):
            total += x[i] ** 2
        return total

    assert pb.grad(f)(np.array([1.0, 2.0, 3.0])).tolist() == [2.0, 4.0, 6.0]
