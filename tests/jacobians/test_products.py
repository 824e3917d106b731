"""jvp and hvp: against what is known, against the VJP, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.errors import ProgramError, UsageError
from pullback.primitive import REGISTRY
from pullback.program import FORWARD
from pullback.tracing import trace_eager
from pullback.transforms import gradient_program, vjp_program
from pullback.transforms.jvp import jvp_program

RANDOM = np.random.default_rng(3)
X = np.array([0.3, -1.2, 2.0])
T = np.array([1.5, 0.25, -2.0])
W = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.7]])


def two_layers(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    return np.sum((y_pred - y) ** 2)


NETWORK = {
    "x": RANDOM.normal(size=(5, 4)),
    "y": RANDOM.normal(size=(5, 2)),
    "W1": RANDOM.normal(size=(4, 3)),
    "W2": RANDOM.normal(size=(3, 2)),
}
TRACED = pb.trace(two_layers, x="N D", y="N C", W1="D H", W2="H C")


def like(leaves):
    return [RANDOM.normal(size=np.shape(leaf)) for leaf in leaves]


def test_jvp_of_known_functions():
    out, tangent = pb.jvp(np.exp, (X,), (T,))
    assert np.array_equal(out, np.exp(X))
    assert np.allclose(tangent, np.exp(X) * T, rtol=1e-15)
    out, tangent = pb.jvp(lambda x, W: x @ W, (X, W), (T, 2 * W))
    assert np.allclose(tangent, T @ W + X @ (2 * W), rtol=1e-14)
    assert pb.jvp(lambda x: x**3, (2.0,), (5.0,)) == (8.0, 60.0)


def test_jvp_follows_the_kinks_of_the_gradient():
    at = np.array([-1.0, 0.0, 2.0])
    for f in (lambda x: np.maximum(x, 0), np.abs, lambda x: np.maximum(x, -x)):
        _, tangent = pb.jvp(f, (at,), (np.ones(3),))
        assert tangent.tolist() == pb.vjp(f, at)[1](np.ones(3))[0].tolist()


def test_jvp_is_the_transpose_of_the_vjp():
    tangents = like(NETWORK.values())
    out, moved = pb.jvp(two_layers, tuple(NETWORK.values()), tuple(tangents))
    assert out == two_layers(**NETWORK)
    gradients = pb.grad(two_layers, wrt=list(NETWORK))(**NETWORK)
    dots = (np.sum(g * t) for g, t in zip(gradients, tangents, strict=True))
    assert np.isclose(moved, sum(dots), rtol=1e-12)


def test_jvp_of_containers_numbers_and_whole_numbers():
    def f(params, labels, *more):
        z = params["W"][labels] * params["layers"][0]
        return {"z": z, "count": labels + 1, "sum": np.sum(z) * more[0]}

    params = {"W": W, "layers": [3.0]}
    labels = np.array([0, 2])
    tangents = ({"W": None, "layers": [1.0]}, None, 0.5)
    out, moved = pb.jvp(f, (params, labels, 2.0), tangents)
    assert np.allclose(moved["z"], W[labels], rtol=1e-15)
    assert moved["count"] is None
    assert out["count"].tolist() == [1, 3]
    assert np.isclose(moved["sum"], 2 * np.sum(W[labels]) + 0.5 * np.sum(out["z"]), rtol=1e-14)


def test_a_primal_that_does_not_move_gives_zeros():
    for f in (lambda x: x * 2, lambda x: np.ones(3), lambda x: x):
        _, tangent = pb.jvp(f, (X,), (None,))
        assert tangent.tolist() == [0.0, 0.0, 0.0]
    assert pb.jvp(lambda x, k: x * k, (X, 3.0), (T, None))[1].tolist() == (3 * T).tolist()


def test_jvp_keeps_dtypes():
    narrow = X.astype("f4")
    out, tangent = pb.jvp(lambda x: 2.0 * np.sin(x), (narrow,), (T,))
    assert out.dtype == tangent.dtype == np.float32
    assert np.allclose(tangent, 2 * np.cos(narrow) * T, rtol=1e-6)


def test_jvp_can_be_differentiated_and_traced():
    def slope(x):
        return pb.jvp(np.sin, (x,), (T,))[1]

    _, second = pb.jvp(slope, (X,), (T,))
    assert np.allclose(second, -np.sin(X) * T * T, rtol=1e-14)
    assert np.allclose(pb.grad(lambda x: np.sum(slope(x)))(X), -np.sin(X) * T, rtol=1e-14)
    assert np.allclose(pb.trace(slope, x=X)(x=X), np.cos(X) * T, rtol=1e-14)


def test_jvp_of_a_program():
    tangents = like(NETWORK.values())
    expected = pb.jvp(two_layers, tuple(NETWORK.values()), tuple(tangents))
    found = pb.jvp(TRACED, list(NETWORK.values()), tangents)
    assert np.allclose(found, expected, rtol=1e-14)
    with pytest.raises(ProgramError, match="float32"):
        pb.jvp(TRACED, [v.astype("f4") for v in NETWORK.values()], tangents)


def test_the_jvp_program_reads_as_forward_mode_does():
    program = jvp_program(TRACED, TRACED.inputs[2:])
    assert [argument.name for argument in program.arguments] == [*NETWORK, "W1_dot", "W2_dot"]
    assert {equation.stage for equation in program.equations} == {FORWARD}
    lines = [line.split("#")[0].strip() for line in program.to_numpy().splitlines()]
    for line in [
        "h_dot = x @ W1_dot",
        "h_relu_dot = h_dot * (h > 0)",
        "y_pred_dot = h_relu @ W2_dot + h_relu_dot @ W2",
    ]:
        assert line in lines
    assert pb.Program.from_json(program.to_json()).fingerprint() == program.fingerprint()


def functions_of(primitive):
    """The primitive at its own samples, as functions of the floating inputs, and these."""
    for case in primitive.cases(np.random.default_rng(5)):
        places = [i for i, v in enumerate(case.inputs) if np.asarray(v).dtype.kind == "f"]

        def f(*floating, case=case, places=places):
            inputs = list(case.inputs)
            for place, value in zip(places, floating, strict=True):
                inputs[place] = value
            return primitive(*inputs, **case.params)

        if places:
            yield f, [case.inputs[i] for i in places]


DIFFERENTIABLE = sorted(name for name, each in REGISTRY.items() if each.rule is not None)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_jvp_of_every_primitive_is_the_transpose_of_its_rule(name):
    for f, primals in functions_of(REGISTRY[name]):
        tangents = like(primals)
        out, moved = pb.jvp(f, primals, tangents)
        if np.asarray(out).dtype.kind != "f":
            continue
        cotangent = RANDOM.normal(size=np.shape(out))
        pulled = pb.vjp(f, *primals)[1](cotangent)
        backwards = sum(np.sum(a * b) for a, b in zip(pulled, tangents, strict=True))
        assert np.isclose(np.sum(cotangent * moved), backwards, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_no_tangent_of_a_primitive_depends_on_a_cotangent(name):
    for f, primals in functions_of(REGISTRY[name]):
        program = trace_eager(f, primals, {}).program
        pulled = vjp_program(program, program.argument_inputs)
        cotangents = pulled.argument_inputs[len(primals) :]
        twice = vjp_program(pulled, cotangents)
        read = {atom for equation in twice.equations for atom in equation.inputs}
        assert not read & set(cotangents)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_hvp_is_the_derivative_of_the_gradient(seed):
    random = np.random.default_rng(seed)
    v = tuple(random.normal(size=NETWORK[name].shape) for name in ("W1", "W2"))
    product = pb.hvp(two_layers, wrt=["W1", "W2"])
    found = product(*NETWORK.values(), v)

    def gradient(step):
        moved = {n: NETWORK[n] + step * t for n, t in zip(("W1", "W2"), v, strict=True)}
        return pb.grad(two_layers, wrt=["W1", "W2"])(**{**NETWORK, **moved})

    for got, ahead, behind in zip(found, gradient(1e-5), gradient(-1e-5), strict=True):
        assert np.allclose(got, (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-5)


def test_hvp_of_known_functions():
    A = RANDOM.normal(size=(3, 3))
    found = pb.hvp(lambda x: x @ A @ x)(X, T)
    assert np.allclose(found, (A + A.T) @ T, rtol=1e-14)
    assert pb.hvp(lambda x, k: k * x**3, wrt="x")(2.0, 5.0, 10.0) == 600.0
    found = pb.hvp(lambda p: np.sum(p["a"] ** 2 * p["b"]))(
        {"a": X, "b": T}, {"a": np.ones(3), "b": np.zeros(3)}
    )
    assert np.allclose(found["a"], 2 * T, rtol=1e-15)
    assert np.allclose(found["b"], 2 * X, rtol=1e-15)


def test_hvp_of_a_program_is_a_program():
    product = pb.hvp(TRACED, wrt=["W1", "W2"])
    v = like([NETWORK["W1"], NETWORK["W2"]])
    assert [argument.name for argument in product.arguments] == [*NETWORK, "W1_dot", "W2_dot"]
    expected = pb.hvp(two_layers, wrt=["W1", "W2"])(*NETWORK.values(), tuple(v))
    found = product(**NETWORK, W1_dot=v[0], W2_dot=v[1])
    assert all(np.allclose(a, b, rtol=1e-12) for a, b in zip(found, expected, strict=True))
    one = pb.hvp(TRACED, wrt="W2")(**NETWORK, W2_dot=v[1])
    assert one.shape == (3, 2)


def test_the_hvp_program_never_builds_a_hessian():
    program = pb.trace(lambda x: np.sum(np.exp(x) * x), x="D")
    derived = jvp_program(gradient_program(program, program.inputs), program.inputs)
    assert all(equation.out.aval.ndim <= 1 for equation in derived.equations)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: pb.jvp(np.exp, X, (T,)), "both are tuples"),
        (lambda: pb.jvp(np.exp, (X,), ()), "There are 1 primals and 0 tangents"),
        (lambda: pb.jvp(np.exp, (X,), (np.ones(2),)), "The tangent of x has shape (2,); it must"),
        (lambda: pb.jvp(lambda p: p["a"], ({"a": X},), (T,)), "must have the structure of p"),
        (lambda: pb.jvp(lambda x, i: x * i, (X, 3), (T, 1)), "i is not floating: its tangent is"),
        (lambda: pb.hvp(np.sum)(), "needs v after the arguments"),
        (lambda: pb.hvp(np.sum)(X, np.ones(2)), "v has shape (2,); it must have (3,)"),
        (lambda: pb.hvp(lambda p: p[0])([2.0], 1.0), "structure of the gradient"),
        (lambda: pb.hvp(np.exp)(X, X), "must return one floating number"),
        (lambda: pb.hvp(lambda x: x, wrt="z")(1.0, 1.0), "is not an argument"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(UsageError) as told:
        call()
    assert sentence in str(told.value)
