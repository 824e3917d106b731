"""jacobian and hessian: against what is known, against vjp and jvp, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from random_expressions import EXPRESSIONS, INPUTS, expression

import pullback as pb
from pullback.errors import UsageError

RANDOM = np.random.default_rng(8)
X = np.array([0.3, -1.2, 2.0])
W = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.7]])


def test_known_jacobians():
    assert np.array_equal(pb.jacobian(np.exp)(X), np.diag(np.exp(X)))
    assert np.array_equal(pb.jacobian(lambda x: x @ W)(X), W.T)
    rotated = pb.jacobian(lambda x: np.stack([x[0] * np.cos(x[1]), x[0] * np.sin(x[1])]))
    r, a = 2.0, 0.7
    known = [[np.cos(a), -r * np.sin(a)], [np.sin(a), r * np.cos(a)]]
    assert np.allclose(rotated(np.array([r, a])), known, rtol=1e-15)


def test_the_shape_is_that_of_the_output_then_that_of_the_input():
    J = pb.jacobian(lambda x, W: x @ W, wrt="W")(np.ones((4, 3)), W)
    assert J.shape == (4, 2, 3, 2)
    assert J[1, 0, :, 0].tolist() == [1.0, 1.0, 1.0]
    assert J[1, 0, :, 1].tolist() == [0.0, 0.0, 0.0]
    assert pb.jacobian(lambda x: x**3)(2.0) == 12.0
    assert np.ndim(pb.jacobian(lambda x: x**3)(2.0)) == 0
    assert pb.jacobian(np.sum)(X).tolist() == [1.0, 1.0, 1.0]
    assert pb.jacobian(lambda t: t * X)(2.0).tolist() == X.tolist()
    assert pb.jacobian(lambda x: x[:0])(X).shape == (0, 3)
    assert pb.jacobian(lambda x, y: x, wrt="y")(X, W).tolist() == np.zeros((3, 3, 2)).tolist()


def test_containers_stand_inside_those_of_the_output():
    def f(p, x):
        return {"a": p["W"] * x, "n": np.array([1, 2]), "b": (np.sum(x),)}

    J = pb.jacobian(f, wrt=["p", "x"])({"W": X}, 2.0)
    assert np.array_equal(J["a"][0]["W"], 2 * np.eye(3))
    assert np.array_equal(J["a"][1], X)
    assert J["n"] is None
    assert J["b"][0][0]["W"].tolist() == [0.0, 0.0, 0.0]
    assert J["b"][0][1] == 1.0


def test_the_dtype_is_that_of_the_argument():
    assert pb.jacobian(np.sin)(X.astype("f4")).dtype == np.float32
    J = pb.jacobian(lambda x, W: x @ W, wrt=["x", "W"])(X.astype("f4"), W)
    assert [block.dtype for block in J] == [np.float32, np.float64]


def test_kinks_follow_the_conventions_of_the_gradient():
    at = np.array([-1.0, 0.0, 2.0])
    assert np.diag(pb.jacobian(lambda x: np.maximum(x, 0))(at)).tolist() == [0.0, 0.0, 1.0]
    assert np.diag(pb.jacobian(np.abs)(at)).tolist() == [-1.0, 0.0, 1.0]
    assert pb.hessian(lambda x: np.sum(np.maximum(x, 0) ** 2))(at)[1, 1] == 0.0


@settings(max_examples=15)
@given(steps=EXPRESSIONS)
def test_jacobian_vjp_and_jvp_agree_on_random_programs(steps):
    f = expression(steps)

    def curved(a, b, c, d):
        return np.stack([f(a, b, c, d), np.sum(a @ b) * d])

    v, arrays = RANDOM.normal(size=2), list(INPUTS.values())
    tangents = [RANDOM.normal(size=array.shape) for array in arrays]
    blocks = pb.jacobian(curved, wrt=[0, 1, 2, 3])(*arrays)
    pulled = pb.vjp(curved, *arrays)[1](v)
    for block, cotangent in zip(blocks, pulled, strict=True):
        assert np.allclose(np.tensordot(v, block, 1), cotangent, rtol=1e-9, atol=1e-9)
    _, moved = pb.jvp(curved, arrays, tangents)
    pushed = sum(
        block.reshape(2, -1) @ t.ravel() for block, t in zip(blocks, tangents, strict=True)
    )
    scale = 1 + max(np.abs(block).max() for block in blocks)
    assert np.allclose(moved, pushed, rtol=1e-9, atol=1e-9 * scale)


@settings(max_examples=8)
@given(steps=EXPRESSIONS)
def test_the_hessian_of_random_programs_is_symmetric_and_hvp_multiplies_by_it(steps):
    f, arrays = expression(steps), list(INPUTS.values())
    names = list(INPUTS)
    H = pb.hessian(f, wrt=names)(*arrays)
    sizes = [array.size for array in arrays]
    flat = np.block([[H[i][j].reshape(sizes[i], sizes[j]) for j in range(4)] for i in range(4)])
    scale = 1 + np.abs(flat).max()
    assert np.allclose(flat, flat.T, rtol=1e-8, atol=1e-8 * scale)
    v = tuple(RANDOM.normal(size=array.shape) for array in arrays)
    product = pb.hvp(f, wrt=names)(*arrays, v)
    along = flat @ np.concatenate([part.ravel() for part in v])
    found = np.concatenate([part.ravel() for part in product])
    assert np.allclose(found, along, rtol=1e-8, atol=1e-8 * scale)


def test_known_hessians():
    A = RANDOM.normal(size=(3, 3))
    assert np.allclose(pb.hessian(lambda x: x @ A @ x)(X), A + A.T, rtol=1e-14)
    assert pb.hessian(lambda x: x**3)(2.0) == 12.0
    p = np.exp(X) / np.sum(np.exp(X))
    softmax = pb.hessian(lambda x: np.log(np.sum(np.exp(x))))(X)
    assert np.allclose(softmax, np.diag(p) - np.outer(p, p), rtol=1e-12)
    H = pb.hessian(lambda p: np.sum(p["a"] * p["b"] ** 2))({"a": X, "b": 2 * X})
    assert H["a"]["a"].tolist() == np.zeros((3, 3)).tolist()
    assert np.allclose(H["a"]["b"], np.diag(4 * X), rtol=1e-15)
    assert np.allclose(H["b"]["b"], np.diag(2 * X), rtol=1e-15)


def test_a_program_has_the_jacobian_of_its_function():
    def f(p, x):
        return np.tanh(x @ p["W"])

    x = RANDOM.normal(size=(2, 3))
    program = pb.trace(f, p={"W": "D H"}, x="N D")
    expected = pb.jacobian(f, wrt=["p", "x"])({"W": W}, x)
    found = pb.jacobian(program, wrt=["p", "x"])({"W": W}, x)
    assert np.allclose(found[0]["W"], expected[0]["W"], rtol=1e-14)
    assert np.allclose(found[1], expected[1], rtol=1e-14)
    by_leaf = pb.jacobian(program, wrt="W")(x=x, p={"W": W})
    assert np.array_equal(by_leaf, found[0]["W"])
    loss = pb.trace(lambda x: np.sum(np.exp(x)), x="D")
    assert np.allclose(pb.hessian(loss)(X), np.diag(np.exp(X)), rtol=1e-15)


def test_jacobians_nest_and_steer_by_values():
    def f(x):
        return np.sin(x) if x[0] > 0 else np.cos(x)

    second = pb.jacobian(pb.jacobian(f))(X)
    assert np.allclose(np.einsum("iii->i", second), -np.sin(X), rtol=1e-14)
    assert np.count_nonzero(second) == 3
    twice = pb.jacobian(pb.jacobian(lambda x: np.exp(np.exp(x))))(X)
    assert np.allclose(
        np.einsum("iii->i", twice), np.exp(np.exp(X)) * np.exp(X) * (1 + np.exp(X)), rtol=1e-13
    )
    trace = pb.grad(lambda x: np.sum(pb.jacobian(np.sin)(x) * np.eye(3)))
    assert np.allclose(trace(X), -np.sin(X), rtol=1e-14)
    assert np.allclose(pb.jacobian(f)(-X), np.diag(-np.sin(-X)), rtol=1e-14)


def test_a_result_is_owned_by_the_caller():
    J = pb.jacobian(lambda x: x)(X)
    J += 1
    assert J.flags.writeable
    assert X.tolist() == [0.3, -1.2, 2.0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: pb.jacobian(np.exp)(np.zeros(10**6)),
            "The Jacobian of exp would take 8.0 TB (1000000 x 1000000 numbers), more than 268 MB; "
            "pb.vjp and pb.jvp multiply by it without building it, most_bytes=8000000000000 allows",
        ),
        (
            lambda: pb.hessian(lambda x: np.sum(x * x))(np.zeros(10**4, "f4")),
            "The Hessian of <lambda> would take 400 MB (10000 x 10000 numbers), more than 268 MB; "
            "pb.hvp multiplies by it",
        ),
        (lambda: pb.jacobian(np.sin, most_bytes=71)(X), "72 bytes (3 x 3 numbers), more than 71"),
        (lambda: pb.jacobian(np.sin, most_bytes="1"), "a whole number of bytes, not '1'"),
        (lambda: pb.jacobian(lambda i: i * 2.0)(3), "i holds values that are not floating"),
        (lambda: pb.jacobian(np.sin, wrt="y")(X), "wrt='y' is not an argument"),
        (
            lambda: pb.trace(lambda x: pb.jacobian(np.sin)(x), x="N"),
            "the shape (N,) has no fixed length",
        ),
        (lambda: pb.hessian(np.sin)(X), "must return one floating number"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(UsageError) as told:
        call()
    assert sentence in str(told.value)


def test_what_is_small_enough_is_built():
    assert pb.jacobian(np.sin, most_bytes=72)(X).shape == (3, 3)
