"""What a program cannot record raises, with the user's own line and the remedy."""

import gc
import weakref

import numpy as np
import pytest

import pullback as pb
from pullback.errors import PullbackError, ShapeError, TraceError, UsageError

STORED = np.zeros((2, 3))
X = np.arange(6.0).reshape(2, 3)


def as_array(x):
    return np.sum(np.asarray(x) * 2)


def array_of(x):
    return np.sum(np.array(x) * 2)


def to_float(x):
    return float(np.sum(x)) * 2


def to_int(x):
    return int(np.sum(x)) * 2


def to_item(x):
    return np.sum(x).item() * 2


def to_list(x):
    return np.sum(x.tolist())


def unknown_function(x):
    return np.sum(np.fft.fft(x))


def unknown_ufunc(x):
    return np.sum(np.arctan2(x, x))


def unknown_method(x):
    return x.searchsorted(1)


def ufunc_method(x):
    return np.add.reduce(x)


def stored(x):
    out = np.zeros((2, 3))
    out[0] = x[0]
    return out


def stored_under_a_mask(x):
    out = np.zeros((2, 3))
    out[out == 0] = x[0, 0]
    return out


def added_to_an_ordinary_array(x):
    out = np.zeros((2, 3))
    out += x
    return out


def out_is_an_ordinary_array(x):
    out = np.zeros((2, 3))
    np.exp(x, out=out)
    return out


def list_of_traced(x):
    return np.sum(x) + np.sum([x[0, 0], x[1, 1]])


def list_of_traced_in_an_operator(x):
    return x[0] * [x[0, 0], x[0, 1], x[0, 2]]


def masked(x):
    return x * np.ma.masked_array(X, X > 2)


def complex_numbers(x):
    return x * np.array([1j, 2, 3])


def objects(x):
    return x * np.array([None, 1, 2])


def text(x):
    return np.sum(x, axis=1) + "a"


def unknown_argument(x):
    return np.sum(x, where=X > 2)


def ufunc_where(x):
    return np.exp(x, where=X > 2)


def dot_of_an_ordinary_array(x):
    return STORED.dot(x.T)


def filled_like_an_ordinary_array(x):
    return np.full_like(STORED, x[0, 0])


BOTH_WAYS = {
    as_array: "np.stack",
    array_of: "np.copy",
    to_float: "A 0-d array works",
    to_int: "A 0-d array works",
    to_item: "convert what the function returns",
    to_list: "convert what the function returns",
    unknown_function: "pb.vocabulary()",
    unknown_ufunc: "pb.vocabulary()",
    unknown_method: "its methods are",
    ufunc_method: "np.sum",
    stored: "np.zeros_like(x)",
    stored_under_a_mask: "np.zeros_like(x)",
    added_to_an_ordinary_array: "np.zeros_like(x)",
    out_is_an_ordinary_array: "np.zeros_like(x)",
    list_of_traced: "np.stack([...]) joins",
    list_of_traced_in_an_operator: "np.stack",
    dot_of_an_ordinary_array: "write a @ b for a.dot(b)",
    filled_like_an_ordinary_array: "pb.vocabulary()",
    text: "allowed are numbers",
    masked: "fill it first",
    complex_numbers: "allowed are",
    objects: "allowed are",
    unknown_argument: "'where'",
    ufunc_where: "np.where",
}


@pytest.mark.parametrize("function", BOTH_WAYS)
@pytest.mark.parametrize("way", ["trace", "vjp"])
def test_it_raises_with_the_line_and_the_remedy(function, way):
    with pytest.raises((TraceError, AttributeError)) as caught:
        pb.trace(function, x="2 3") if way == "trace" else pb.vjp(function, X)
    message = str(caught.value)
    assert BOTH_WAYS[function] in message
    number = int(message.split("test_refusals.py, line ")[1].split(":")[0])
    first = function.__code__.co_firstlineno
    assert first < number <= max(line for *_, line in function.__code__.co_lines() if line)


def branches(x):
    if np.sum(x) > 0:
        return x
    return -x


def loops_until_small(x):
    while np.max(x) > 1:
        x = x / 2
    return x


def joins_with_and(x):
    return np.exp(x) if np.any(x) and x.ndim else x


def reads_a_mask(x):
    return x[x > 0]


def length(x):
    return len(x)


def ranges(x):
    return sum(x[i] for i in range(x.shape[0]))


def iterates(x):
    return sum(row for row in x)


def arange(x):
    return np.arange(x.shape[0]) * np.sum(x)


def zeros(x):
    return np.zeros((x.shape[0], 3)) + x


def floats_the_length(x):
    return np.sum(x) / float(x.shape[0])


def compares_the_length(x):
    return x if x.shape[0] > 3 else -x


def part_of_a_named_axis(x):
    return x[:2]


FOR_ALL_INPUTS_ONLY = {
    branches: "np.where(condition, a, b)",
    loops_until_small: "pb.vjp or pb.grad",
    joins_with_and: "np.where(condition, a, b)",
    reads_a_mask: "np.where(condition, a, b)",
    length: "np.zeros_like(x)",
    ranges: "np.cumsum(np.ones_like(x))",
    iterates: "declare the axis as a number",
    arange: "np.cumsum(np.ones_like(x))",
    zeros: "np.zeros_like(x)",
    floats_the_length: "divide by it directly",
    compares_the_length: "Declare it as a number",
    part_of_a_named_axis: "declare the axis as a number",
}


@pytest.mark.parametrize("function", FOR_ALL_INPUTS_ONLY)
def test_what_needs_numbers_raises_in_a_program_for_all_inputs(function):
    with pytest.raises((TraceError, ShapeError)) as caught:
        pb.trace(function, x="N 3")
    assert FOR_ALL_INPUTS_ONLY[function] in str(caught.value)
    assert "test_refusals.py, line" in str(caught.value)


@pytest.mark.parametrize(
    "function",
    [branches, loops_until_small, joins_with_and, reads_a_mask, ranges, iterates, zeros, length],
)
def test_with_the_values_at_hand_it_works(function):
    assert np.array_equal(pb.vjp(function, X)[0], function(X))


def test_a_value_steers_an_eager_trace():
    assert pb.grad(lambda x: np.sum(branches(x)))(X).tolist() == np.ones((2, 3)).tolist()
    assert pb.grad(lambda x: np.sum(branches(x)))(-X).tolist() == (-np.ones((2, 3))).tolist()


def test_the_shape_error_names_the_axes_and_the_line():
    def f(x, W):
        return x @ W

    with pytest.raises(ShapeError) as caught:
        pb.trace(f, x="N D", W="H C")
    assert "left is (N, D), right is (H, C): D is not H" in str(caught.value)
    assert "test_refusals.py, line" in str(caught.value)
    assert str(caught.value).endswith("return x @ W")


def test_use_after_the_trace_ended_raises():
    kept = []

    def f(x):
        kept.append(np.exp(x))
        return np.sum(kept[0])

    pb.trace(f, x="N")
    with pytest.raises(TraceError, match="after its trace had ended"):
        kept[0] + 1
    with pytest.raises(TraceError, match="return it"):
        np.tanh(kept[0])


def test_a_leak_from_an_inner_trace_raises():
    kept = []

    def inner(y):
        kept.append(np.exp(y))
        return np.sum(y)

    def outer(x):
        pb.grad(inner)(x)
        return np.sum(x * kept[0])

    with pytest.raises(TraceError, match="return it"):
        pb.grad(outer)(np.ones(2))
    with pytest.raises(TraceError, match="return it"):
        pb.trace(outer, x="N")


def test_a_leak_from_an_earlier_trace_raises():
    kept = []

    def first(x):
        kept.append(np.exp(x))
        return np.sum(x)

    pb.grad(first)(np.ones(2))
    with pytest.raises(TraceError, match="return it"):
        pb.grad(lambda x: np.sum(x * kept[0]))(np.ones(2))


def test_a_value_of_an_outer_trace_may_be_used_inside():
    def outer(x):
        return pb.grad(lambda y: np.sum(x * y * y))(x)

    derivative = pb.vjp(outer, np.array([1.0, 3.0]))
    assert derivative[0].tolist() == [2.0, 18.0]
    assert derivative[1](np.ones(2))[0].tolist() == [4.0, 12.0]


def test_an_exception_leaves_nothing_behind():
    class OwnError(Exception):
        pass

    alive = []

    def f(x):
        h = np.exp(x)
        alive.append(weakref.ref(h.builder))
        raise OwnError("mine")

    for way in (lambda: pb.trace(f, x="N"), lambda: pb.vjp(f, X), lambda: pb.grad(f)(X)):
        with pytest.raises(OwnError, match="mine"):
            way()
    gc.collect()
    assert [ref() for ref in alive] == [None] * 3
    assert pb.grad(lambda x: np.sum(x**2))(X).tolist() == (2 * X).tolist()


def test_the_users_own_type_error_stays_his():
    def f(x):
        return None + x.ndim

    with pytest.raises(TypeError) as caught:
        pb.trace(f, x="N")
    assert not isinstance(caught.value, PullbackError)


def test_a_masked_argument_is_refused():
    with pytest.raises(UsageError, match="masked"):
        pb.vjp(lambda x: x, np.ma.masked_array([1.0, 2.0], [True, False]))


@pytest.mark.parametrize("value", [np.array([1j]), np.array([None]), np.array(["a", 1], object)])
def test_an_argument_of_another_kind_is_refused(value):
    with pytest.raises(UsageError, match="dtype"):
        pb.vjp(lambda x: x, value)


@pytest.mark.parametrize("result", ["text", None, object(), {1, 2}])
def test_a_result_of_another_kind_is_refused(result):
    with pytest.raises(TraceError, match="returned"):
        pb.trace(lambda x: (x, result), x="N")


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ({}, "needs a spec for 'x'"),
        ({"x": "N", "z": "N"}, "no argument 'z'"),
        ({"x": "N +"}, "not a dimension"),
        ({"x": "f5 N"}, "'f5' is not a dtype"),
        ({"x": "float32 N"}, "'float32' is not a dtype"),
        ({"x": "bool N"}, "'bool' is not a dtype; .* Did you mean 'b1'\\?"),
        ({"x": "float N D"}, "'float' is not a dtype; .* Did you mean 'f8'\\?"),
        ({"x": "complex N"}, "'complex' is not a dtype; .* such as x='f4 N D'.$"),
        ({"x": "-1 N"}, "below 0"),
        ({"x": object()}, "describes no array"),
        ({"x": None}, "describes no array"),
    ],
)
def test_a_spec_that_describes_nothing_is_refused(specs, message):
    def f(x, y=2.0):
        return x * y

    with pytest.raises(PullbackError, match=message):
        pb.trace(f, **specs)


def test_a_matrix_with_rules_of_its_own_is_refused():
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(PullbackError, match=r"np\.asarray"):
        pb.grad(lambda x: np.sum(x * x))(matrix)
    with pytest.raises(PullbackError, match=r"np\.asarray"):
        pb.grad(lambda x: np.sum(x * matrix))(np.ones((2, 2)))
    program = pb.trace(lambda x: x * x, x="N N")
    assert np.array_equal(program(matrix), np.asarray(matrix) ** 2)


def test_a_refusal_shows_the_users_line_and_not_one_of_pythons_library():
    from statistics import fmean

    def through_the_library(x):
        return fmean([x, x])  # the user's line

    with pytest.raises(pb.PullbackError, match="the user's line"):
        pb.trace(through_the_library, x="")
