"""Dimensions are polynomials over axis names in one normal form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.dims import (
    Dim,
    Slice,
    axis,
    evaluate,
    exact_quotient,
    format_shape,
    parse_dim,
    product,
)
from pullback.errors import ProgramError, ShapeError

SIZES = {"N": 5, "D": 7, "H": 11}
N, D, H = axis("N"), axis("D"), axis("H")

DIMS = st.recursive(
    st.one_of(st.integers(-4, 6), st.sampled_from([N, D, H])),
    lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner).map(
        lambda parts: {
            "+": lambda a, b: a + b,
            "-": lambda a, b: a - b,
            "*": lambda a, b: a * b,
        }[parts[0]](*parts[1:])
    ),
    max_leaves=6,
)


@given(DIMS, DIMS)
def test_arithmetic_is_that_of_the_numbers(a, b):
    for combine in (lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y):
        numbers = combine(evaluate(a, SIZES), evaluate(b, SIZES))
        assert evaluate(combine(a, b), SIZES) == numbers
    assert evaluate(-a, SIZES) == -evaluate(a, SIZES)


@given(DIMS, DIMS, DIMS)
def test_equal_polynomials_are_equal_values(a, b, c):
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert a - b == -(b - a)
    assert hash((a + b) * c) == hash(c * b + c * a)


@given(DIMS, DIMS)
def test_equal_values_are_equal_polynomials(a, b):
    many = [{"N": n, "D": d, "H": h} for n in (3, 50) for d in (7, 90) for h in (2, 41)]
    if a == b:
        assert all(evaluate(a, sizes) == evaluate(b, sizes) for sizes in many)
    else:
        points = [{"N": 10**3, "D": 10**9, "H": 10**27}]  # digits cannot run into each other
        assert any(evaluate(a, sizes) != evaluate(b, sizes) for sizes in points)


@given(DIMS)
def test_a_number_is_an_int_and_nothing_else_is(a):
    assert isinstance(a, Dim) == bool(a.axes if isinstance(a, Dim) else ())


@given(DIMS)
def test_what_is_written_can_be_read(a):
    assert parse_dim(str(a)) == a


@given(DIMS, DIMS)
def test_a_product_can_be_divided_again(a, b):
    if isinstance(b, int) and b == 0:
        assert exact_quotient(a, b) is None
        return
    quotient = exact_quotient(a * b, b)
    single = isinstance(b, int) or len(b.terms) == 1
    if single:
        assert quotient == a
    elif quotient is not None:
        assert quotient * b == a * b


@given(DIMS, DIMS)
def test_a_quotient_is_exact_or_none(a, b):
    quotient = exact_quotient(a, b)
    if quotient is not None:
        assert quotient * b == a


def test_a_division_with_a_rest_has_no_quotient():
    assert exact_quotient(N * D, H) is None
    assert exact_quotient(N + D, N) is None
    assert exact_quotient(3 * N, 2) is None
    assert exact_quotient(7, 2) is None
    assert exact_quotient(N * D, N) == D
    assert exact_quotient(N + 1, N + 1) == 1


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (N, "N"),
        (N * D, "D*N"),
        (N - 1, "N-1"),
        (2 * N - D + 3, "-D+2*N+3"),
        (-N, "-N"),
        (N * N * 2, "2*N*N"),
    ],
)
def test_how_it_is_written(dim, text):
    assert str(dim) == text


@pytest.mark.parametrize(
    "text", ["", " ", "N D", "N**2", "N/2", "2N", "(N)", "N+", "-", "N-+1", "é!"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(ProgramError, match="not a dimension"):
        parse_dim(text)


def test_shapes_are_written_as_people_do():
    assert format_shape(()) == "()"
    assert format_shape((N,)) == "(N,)"
    assert format_shape((N, 10)) == "(N, 10)"
    assert product((N, 2, D)) == 2 * N * D
    assert product(()) == 1


@given(
    st.integers(0, 9),
    st.one_of(st.none(), st.integers(-10, 10)),
    st.one_of(st.none(), st.integers(-10, 10)),
    st.sampled_from([None, 1, 2, 3, -1, -2]),
)
def test_the_length_of_a_slice_is_pythons(length, start, stop, step):
    assert Slice(start, stop, step).length(length) == len(range(length)[start:stop:step])


@pytest.mark.parametrize(
    ("piece", "length"),
    [
        (Slice(), N),
        (Slice(1, None), N - 1),
        (Slice(None, -2), N - 2),
        (Slice(None, None, -1), N),
        (Slice(N - 3, N), 3),
    ],
)
def test_the_length_of_a_slice_of_a_named_axis(piece, length):
    assert piece.length(N) == length


@pytest.mark.parametrize("piece", [Slice(None, 3), Slice(None, None, 2), Slice(2, 5)])
def test_a_slice_whose_length_is_not_known_is_refused(piece):
    with pytest.raises(ShapeError):
        piece.length(N)
