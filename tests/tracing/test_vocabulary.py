"""Functions, operators and methods all reach the tracer, and mean what NumPy means."""

import operator

import numpy as np
import pytest

import pullback as pb
from pullback.errors import PullbackError
from pullback.tracing.numpy_functions import _ON_MASKS, FUNCTIONS, METHODS, UFUNCS

RANDOM = np.random.default_rng(3)
X = RANDOM.uniform(0.2, 0.9, size=(3, 4))
Y = RANDOM.uniform(1.1, 1.9, size=(3, 4))
B = RANDOM.uniform(1.1, 1.9, size=4)
V = RANDOM.uniform(0.2, 0.9, size=3)
I = np.array([[0, 2], [1, 1], [3, 0]])


def check(function, *arrays):
    """Program, eager trace and NumPy agree, in value, dtype and shape."""
    expected = function(*arrays)
    specs = {f"a{i}": a for i, a in enumerate(arrays)}
    program = pb.trace(lambda **values: function(*values.values()), **specs)
    for found in (pb.compile(program)(*arrays), pb.vjp(function, *arrays)[0]):
        assert np.array_equal(found, expected)
        assert np.asarray(found).dtype == np.asarray(expected).dtype
        assert np.shape(found) == np.shape(expected)
    return program


@pytest.mark.parametrize("ufunc", sorted({**UFUNCS}, key=lambda ufunc: ufunc.__name__))
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_each_ufunc_is_numpys_and_keeps_the_precision(ufunc, dtype):
    arrays = [X.astype(dtype), Y.astype(dtype)][: ufunc.nin]
    if ufunc is np.matmul:
        arrays[1] = arrays[1].T
    if ufunc.__name__ in ("fabs", "absolute", "negative"):
        arrays[0] = -arrays[0]
    program = check(ufunc, *arrays)
    out = program.outputs[0].aval.dtype
    assert out == np.dtype(dtype) or out.kind == "b"


@pytest.mark.parametrize(
    "symbol",
    "add sub mul truediv pow matmul gt ge lt le eq ne".split(),
)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_each_operator_reaches_the_tracer_from_both_sides(symbol, dtype):
    of = getattr(operator, symbol)
    x, y = X.astype(dtype), (Y.T if symbol == "matmul" else Y).astype(dtype)
    check(of, x, y)
    check(lambda x: of(x, y), x)
    check(lambda y: of(x, y), y)
    if symbol != "matmul":
        check(lambda x: of(x, 2), x)
        check(lambda x: of(2.5, x), x)
        check(lambda x: of(np.float32(2.5), x), x)
        check(lambda x: of(True, x), x)


@pytest.mark.parametrize("of", [operator.neg, operator.pos, operator.abs])
def test_each_prefix_operator(of):
    check(of, X - 0.5)


def test_masks_combine_with_operators_and_functions():
    check(lambda x, y: (x > 0.5) & (y > 1.5), X, Y)
    check(lambda x, y: (x > 0.5) | ~(y > 1.5), X, Y)
    check(lambda x, y: (x > 0.5) ^ (y > 1.5), X, Y)
    check(lambda x, y: np.logical_xor(x > 0.5, np.logical_not(y > 1.5)), X, Y)
    left, right = X > 0.5, Y > 1.5
    for of in (operator.and_, operator.or_, operator.xor):
        check(of, left, right)
        check(lambda b, of=of: of(True, b), left)
    check(operator.invert, left)
    check(lambda x: x * (x > 0.5), X)
    check(lambda x: np.sum(x > 0.5), X)
    check(lambda x: np.mean(x > 0.5), X)


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (lambda x: x & (x > 0), "bitwise_and"),
        (lambda x: True | x, "bitwise_or"),
        (lambda x: (x > 0) ^ 1, "bitwise_xor"),
        (lambda x: ~x, "invert"),
    ],
)
def test_bits_of_numbers_are_refused(of, name):
    with pytest.raises(PullbackError, match=rf"np\.{name} \(one of .* is traced for masks alone"):
        pb.trace(of, x="N")


CALLS = {
    "sum": [lambda x: np.sum(x), lambda x: np.sum(x, axis=0), lambda x: x.sum(-1, keepdims=True)],
    "mean": [lambda x: np.mean(x, axis=(0, 1)), lambda x: x.mean(axis=1), lambda x: x.mean()],
    "prod": [lambda x: np.prod(x, axis=0), lambda x: x.prod(), lambda x: np.prod(x[0, 0])],
    "var": [lambda x: np.var(x, axis=0, ddof=1), lambda x: x.var(), lambda x: x.var(1)],
    "std": [lambda x: np.std(x, axis=0), lambda x: x.std(ddof=1), lambda x: np.std(x, 1)],
    "max": [lambda x: np.max(x, axis=1), lambda x: x.max(), lambda x: np.amax(x, keepdims=True)],
    "min": [lambda x: np.min(x, axis=1), lambda x: x.min(), lambda x: np.amin(x, 0)],
    "argmax": [lambda x: np.argmax(x, axis=1), lambda x: x.argmax(), lambda x: x.argmax(0)],
    "argmin": [lambda x: np.argmin(x, axis=1), lambda x: x.argmin(axis=-1)],
    "any": [lambda x: np.any(x > 0.5, axis=1), lambda x: (x > 2).any()],
    "all": [lambda x: np.all(x > 0.5, axis=1), lambda x: (x > 0).all()],
    "cumsum": [lambda x: np.cumsum(x, axis=1), lambda x: x.cumsum(), lambda x: np.cumsum(x, -2)],
    "linalg.norm": [
        lambda x: np.linalg.norm(x),
        lambda x: np.linalg.norm(x, axis=1),
        lambda x: np.linalg.norm(x[0], 2),
        lambda x: np.linalg.norm(x, "fro"),
        lambda x: np.linalg.norm(x, axis=0, ord=1),
        lambda x: np.linalg.norm(x, axis=0, ord=np.inf, keepdims=True),
        lambda x: np.linalg.norm(x, axis=(0, 1), keepdims=True),
    ],
    "where": [
        lambda x: np.where(x > 0.5, x, 0),
        lambda x: np.where(x > 0.5, 1.0, x[:1]),
        lambda x: np.where([True, False, True, False], x, 0),
        lambda x: np.where([2, 0, 1, 0], x, -x),
        lambda x: np.where(True, x, 0),
    ],
    "clip": [
        lambda x: np.clip(x, 0.3, 0.6),
        lambda x: x.clip(0.3, 0.6),
        lambda x: np.clip(x, None, 0.6),
        lambda x: np.clip(x, 0.3, None),
        lambda x: np.clip(x, B - 1, 0.8),
        lambda x: np.clip(x, min=0.3, max=0.5),
    ],
    "dot": [
        lambda x: np.dot(x, Y.T),
        lambda x: x.dot(B),
        lambda x: np.dot(V, x),
        lambda x: np.dot(x, np.float32(2)),
        lambda x: x[0].dot(x[1]),
    ],
    "outer": [lambda x: np.outer(x[0], V), lambda x: np.outer(x, x)],
    "einsum": [
        lambda x: np.einsum("ij,kj->ik", x, Y),
        lambda x: np.einsum("ij,j", x, B),
        lambda x: np.einsum("ij->j", x),
        lambda x: np.einsum("ij , ij -> ", x, Y),
    ],
    "transpose": [
        lambda x: np.transpose(x),
        lambda x: x.T,
        lambda x: x.transpose(),
        lambda x: x.transpose(1, 0),
        lambda x: x.transpose((1, 0)),
        lambda x: np.transpose(x, (1, 0)),
    ],
    "swapaxes": [lambda x: np.swapaxes(x, 0, 1), lambda x: x.swapaxes(-1, 0)],
    "moveaxis": [lambda x: np.moveaxis(x, 0, -1), lambda x: np.moveaxis(x[None], 2, 0)],
    "reshape": [
        lambda x: np.reshape(x, (4, 3)),
        lambda x: x.reshape(2, -1),
        lambda x: x.reshape((2, 6)),
        lambda x: x.reshape(-1),
    ],
    "ravel": [lambda x: np.ravel(x), lambda x: x.ravel(), lambda x: x.flatten()],
    "broadcast_to": [
        lambda x: np.broadcast_to(x, (2, 3, 4)),
        lambda x: np.broadcast_to(x, x.shape),
    ],
    "expand_dims": [lambda x: np.expand_dims(x, 1), lambda x: np.expand_dims(x, (0, -1))],
    "squeeze": [lambda x: np.squeeze(x[:1]), lambda x: x[:, :1].squeeze(1), lambda x: x.squeeze()],
    "concatenate": [
        lambda x: np.concatenate([x, Y]),
        lambda x: np.concatenate((x, x * 2), axis=-1),
        lambda x: np.concatenate([x, B], axis=None),
    ],
    "stack": [lambda x: np.stack([x, Y]), lambda x: np.stack((x[0], B), axis=-1)],
    "flip": [lambda x: np.flip(x), lambda x: np.flip(x, 1), lambda x: np.flip(x, (0, 1))],
    "zeros_like": [lambda x: np.zeros_like(x), lambda x: np.zeros_like(x, dtype="f4")],
    "ones_like": [lambda x: np.ones_like(x), lambda x: np.ones_like(x, shape=(2,))],
    "empty_like": [lambda x: np.empty_like(x) * 0 + x],
    "full_like": [lambda x: np.full_like(x, 2), lambda x: np.full_like(x, x[0, 0])],
    "copy": [lambda x: np.copy(x), lambda x: x.copy()],
    "take_along_axis": [lambda x: np.take_along_axis(x, I, axis=1)],
    "astype": [
        lambda x: x.astype("f4"),
        lambda x: x.astype(int),
        lambda x: (x > 0.5).astype(float),
    ],
    "shape": [lambda x: np.sum(x) / np.shape(x)[0], lambda x: x / np.size(x), lambda x: x * x.ndim],
    "getitem": [
        lambda x: x[1],
        lambda x: x[-1, 2],
        lambda x: x[1:, ::2],
        lambda x: x[..., 0],
        lambda x: x[:, None, ::-1],
        lambda x: x[[2, 0, 2]],
        lambda x: x[np.array([0, 1]), np.array([3, 3])],
        lambda x: x[np.array([True, False, True])],
        lambda x: x[X > 0.5],
        lambda x: x[:, np.array([True, False, True, True])],
        lambda x: x[np.array([[0], [2]]), :, None],
        lambda x: x[None, 1, ..., None],
        lambda x: x[np.argmax(x[:, 0])],
    ],
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_each_function_and_method_is_numpys(name, dtype):
    for function in CALLS[name]:
        check(function, X.astype(dtype))


def test_every_function_of_the_vocabulary_is_called_above():
    named = {f"{f.__module__}.{f.__name__}".removeprefix("numpy.") for f in FUNCTIONS}
    assert named - set(CALLS) - {"amax", "amin", "ndim", "size", "result_type"} == set()


def test_the_dtype_of_a_result_is_known_while_tracing():
    program = pb.trace(lambda x: x * float(np.finfo(np.result_type(x, 1.0)).max), x="f4 N")
    assert program.equations[-1].inputs[1].value == np.finfo("f4").max
    assert set(METHODS) - set(CALLS) - {"flatten"} == set()


def test_the_vocabulary_lists_what_can_be_traced():
    listed = pb.vocabulary()
    assert listed == sorted(set(listed))
    assert {"np.add", "np.linalg.norm", "np.sum", "np.bitwise_and"} <= set(listed)
    assert len(listed) == len({f.__name__ for f in (*UFUNCS, *_ON_MASKS)}) + len(
        {f"{f.__module__}.{f.__name__}" for f in FUNCTIONS}
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.sum(x, axis=2), "axis 2 does not exist"),
        (lambda x: np.sum(x, axis=(0, 0)), "twice"),
        (lambda x: x.reshape(5, -1), "does not divide by 5"),
        (lambda x: np.reshape(x, (4, 3), order="F"), "order='C'"),
        (lambda x: np.concatenate([x, x[0]]), "concatenate"),
        (lambda x: np.stack([x, x[:2]]), "stack"),
        (lambda x: np.squeeze(x, 0), "squeeze"),
        (lambda x: np.einsum("ii", x), "repeats"),
        (lambda x: np.einsum("...j,j->...", x, x[0]), "letters"),
        (lambda x: np.einsum("ij,jk,kl", x, x.T, x), "two"),
        (lambda x: np.linalg.norm(x, 2), "ord=2"),
        (lambda x: x + x[0, :2], "4 is not 2"),
        (lambda x: x[5], "out of bounds"),
        (lambda x: x[0, 0, 0], "too many"),
        (lambda x: x["a"], "not an index"),
        (lambda x: x.astype("U5"), "floats, integers and booleans"),
        (lambda x: np.dot(x[None], x.T), "np.matmul"),
    ],
)
def test_what_does_not_fit_is_told_in_words(function, message):
    with pytest.raises(PullbackError, match=message):
        pb.trace(function, x="3 4")


def test_a_weak_input_takes_part_without_widening():
    def f(x, rate, count):
        return x * rate + count

    program = pb.trace(f, x="f4 N", rate="float", count="int")
    result = pb.compile(program)(np.ones(2, "f4"), 0.1, 3)
    assert result.dtype == np.float32
    assert np.array_equal(result, f(np.ones(2, "f4"), 0.1, 3))
    assert str(program.inputs[1].aval) == "float"


def test_the_gradient_of_a_weak_input_is_a_number():
    def f(x, rate):
        return np.sum(x * rate)

    value = pb.grad(f, wrt="rate")(np.array([1.0, 2.0], "f4"), 0.5)
    assert np.ndim(value) == 0
    assert value == 3.0


def test_python_numbers_alone_stay_python_numbers():
    program = pb.trace(lambda x, a, b: x * (a * b + 1), x="f4 N", a="float", b="float")
    assert program.outputs[0].aval.dtype == np.float32


def test_a_named_axis_is_a_number_in_arithmetic():
    def f(x):
        n, d = x.shape
        return np.sum(x) / (n * d) + x.reshape(n * d)[0] + (n - 1) / n + 1 / n + 2 * n

    program = pb.trace(f, x="N D")
    for shape in [(3, 4), (1, 4), (5, 1)]:
        x = RANDOM.normal(size=shape)
        assert np.allclose(pb.compile(program)(x), f(x), rtol=1e-14)


def test_lengths_are_equal_unequal_or_unknown():
    seen = []

    def f(x, y):
        n, d = x.shape
        seen.append((n == x.shape[0], n == n - 1, n + d == d + n, n != 1, n == "n"))
        with pytest.raises(PullbackError, match="whether N is D is not known"):
            bool(n == d)
        with pytest.raises(PullbackError, match="whether N is 5 is not known"):
            bool(n == 5)
        return np.sum(x)

    pb.trace(f, x="N D", y="N")
    assert seen == [(True, False, True, True, False)]


def test_integers_and_booleans_stay_plain_in_an_eager_trace():
    def f(x, labels, flag):
        assert isinstance(labels, np.ndarray)
        assert isinstance(flag, bool)
        return np.sum(x * np.eye(3)[labels]) if flag else np.sum(x)

    labels = np.array([0, 2])
    gradient = pb.grad(f)(np.ones((2, 3)), labels, True)
    assert np.array_equal(gradient, np.eye(3)[labels])
