"""vjp, grad and value_and_grad: what they take, what they give, what they refuse."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import TraceError, UsageError

X = np.array([0.3, -1.2, 2.0])
W = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.7]])


def loss(x, W, scale=2.0):
    return np.sum(np.tanh(x @ W)) * scale


def test_vjp_gives_one_cotangent_per_primal():
    out, pullback = pb.vjp(lambda x, W: x @ W, X, W)
    ct = np.array([0.7, -0.4])
    assert np.array_equal(out, X @ W)
    dx, dW = pullback(ct)
    assert np.allclose(dx, W @ ct, rtol=1e-15)
    assert np.allclose(dW, np.outer(X, ct), rtol=1e-15)


def test_vjp_of_several_positional_arguments_of_one_parameter():
    _, pullback = pb.vjp(lambda first, *rest: first * rest[0] * rest[1], 2.0, 3.0, 5.0)
    assert pullback(1.0) == (15.0, 10.0, 6.0)
    _, pullback = pb.vjp(lambda *all: all[0] ** 2, 3.0)
    assert pullback(1.0) == (6.0,)


def test_vjp_can_be_pulled_again_and_is_linear():
    _, pullback = pb.vjp(np.exp, X)
    one, two = np.array([1.0, 0.0, -1.0]), np.array([0.5, 2.0, 0.25])
    both = pullback(one + two)[0]
    assert np.allclose(both, pullback(one)[0] + pullback(two)[0], rtol=1e-15)
    assert np.array_equal(pullback(one)[0], one * np.exp(X))


def test_keywords_are_held_constant():
    _, pullback = pb.vjp(loss, X, W=W, scale=3.0)
    (dx,) = pullback(1.0)
    assert np.allclose(dx, 3 * W @ (1 - np.tanh(X @ W) ** 2))


def test_results_are_owned_by_the_caller():
    x = X.copy()
    out, pullback = pb.vjp(lambda x: x, x)
    (dx,) = pullback(x)
    out[0] = dx[0] = 99.0
    assert np.array_equal(x, X)
    assert pullback(X)[0].flags.writeable
    gradient = pb.grad(lambda x: np.sum(x))(x)
    gradient += 1  # not a broadcast of one number
    assert gradient.tolist() == [2.0, 2.0, 2.0]


def test_fan_out_adds_the_contributions():
    def f(x):
        h = np.sin(x)
        return np.sum(h * h + 3 * h + x)

    expected = 2 * np.sin(X) * np.cos(X) + 3 * np.cos(X) + 1
    assert np.allclose(pb.grad(f)(X), expected, rtol=1e-14)


def test_an_input_used_twice_by_one_operation():
    assert np.allclose(pb.grad(lambda x: x @ x)(X), 2 * X)
    assert np.allclose(pb.grad(lambda x: np.sum(np.concatenate([x, x])))(X), 2.0)


def test_inputs_without_a_path_get_zeros_of_their_shape_and_dtype():
    def f(x, unused, compared):
        return np.sum(np.where(compared > 0, x, 2 * x))

    gradients = pb.grad(f, wrt=[0, 1, 2])(X, W.astype("f4"), X)
    assert gradients[0].tolist() == [1.0, 2.0, 1.0]
    assert np.array_equal(gradients[1], np.zeros((3, 2)))
    assert gradients[1].dtype == np.float32
    assert np.array_equal(gradients[2], np.zeros(3))
    program = pb.grad(pb.trace(f, x="N", unused="N D", compared="N"), wrt="unused")
    assert np.array_equal(pb.compile(program)(X, W, X), np.zeros((3, 2)))


def test_a_constant_function_has_gradient_zero():
    assert pb.grad(lambda x: 2.5)(X).tolist() == [0.0, 0.0, 0.0]


def test_none_stands_for_what_is_not_floating():
    _, pullback = pb.vjp(lambda p, n: p["a"] * n, {"a": 2.0, "k": 3}, 4)
    assert pullback(1.0) == ({"a": 4.0, "k": None}, None)


@pytest.mark.parametrize(
    ("wrt", "expected"),
    [
        (None, "x"),
        (0, "x"),
        ("x", "x"),
        (1, "W"),
        ("W", "W"),
        (-1, "W"),
        (["W"], ["W"]),
        (["W", "x"], ["W", "x"]),
        ([1, "x"], ["W", "x"]),
        ((0, 1), ["x", "W"]),
        ([], []),
    ],
)
def test_wrt_takes_names_positions_and_lists(wrt, expected):
    def f(x, W):
        return np.sum(x @ W * 1.5)

    known = {"x": 1.5 * W.sum(axis=1), "W": np.outer(X, [1.5, 1.5])}
    for found in (
        pb.grad(f, wrt=wrt)(X, W),
        pb.value_and_grad(f, wrt=wrt)(X, W)[1],
        pb.compile(pb.grad(pb.trace(f, x="D", W="D H"), wrt=wrt))(X, W),
    ):
        if isinstance(expected, str):
            assert np.allclose(found, known[expected])
        else:
            assert isinstance(found, tuple)
            assert len(found) == len(expected)
            for got, name in zip(found, expected, strict=True):
                assert np.allclose(got, known[name])


def test_the_gradient_of_a_container_is_such_a_container():
    params = {"layers": [{"W": W, "b": np.zeros(2)}, (X, 2.0)], "scale": 3.0}

    def f(params, x):
        first, (v, k) = params["layers"]
        return np.sum(x @ first["W"] + first["b"]) * params["scale"] + np.sum(v) * k

    gradient = pb.grad(f)(params, X)
    assert list(gradient) == ["layers", "scale"]
    assert isinstance(gradient["layers"], list)
    assert isinstance(gradient["layers"][1], tuple)
    assert np.allclose(gradient["layers"][0]["W"], np.outer(X, [3.0, 3.0]))
    assert gradient["layers"][0]["b"].tolist() == [3.0, 3.0]
    assert gradient["layers"][1][0].tolist() == [2.0, 2.0, 2.0]
    assert np.isclose(gradient["layers"][1][1], X.sum())
    assert np.isclose(gradient["scale"], (X @ W).sum())


def test_a_program_takes_the_names_of_leaves_too():
    def f(params, x):
        return np.sum(x @ params["W"] + params["b"])

    program = pb.trace(f, params={"W": "D H", "b": "H"}, x="N D")
    x = np.ones((4, 3))
    whole = pb.compile(pb.grad(program))(params={"W": W, "b": W[0]}, x=x)
    assert list(whole) == ["W", "b"]
    part = pb.compile(pb.grad(program, wrt="b"))(params={"W": W, "b": W[0]}, x=x)
    assert part.tolist() == whole["b"].tolist() == [4.0, 4.0]


def test_value_and_grad_gives_both():
    value, gradient = pb.value_and_grad(loss, wrt="W")(X, W)
    assert value == loss(X, W)
    assert np.array_equal(gradient, pb.grad(loss, wrt="W")(X, W))


def test_has_aux_hands_extra_outputs_on():
    def f(x):
        h = np.exp(x)
        return np.sum(h), {"h": h, "count": 3}

    (value, extra), gradient = pb.value_and_grad(f, has_aux=True)(X)
    assert np.isclose(value, np.exp(X).sum())
    assert np.array_equal(extra["h"], np.exp(X))
    assert extra["count"] == 3
    assert np.array_equal(gradient, np.exp(X))


def test_extra_outputs_are_not_differentiated():
    (_, _), gradient = pb.value_and_grad(lambda x: (x[0], np.sum(x**2)), has_aux=True)(X)
    assert gradient.tolist() == [1.0, 0.0, 0.0]


def test_several_outputs_each_have_their_cotangent():
    (a, b), pullback = pb.vjp(lambda x: (np.sin(x), {"k": np.sum(x)})[0:2], X)
    assert np.array_equal(a, np.sin(X))
    assert b == {"k": X.sum()}
    (dx,) = pullback((X, {"k": 2.0}))
    assert np.allclose(dx, X * np.cos(X) + 2)


def test_integer_outputs_need_a_place_but_no_cotangent():
    (_, place), pullback = pb.vjp(lambda x: (x * 2, np.argmax(x)), X)
    assert place == 2
    assert pullback((X, None))[0].tolist() == (2 * X).tolist()


def test_gradients_of_gradients():
    cube = pb.grad(lambda x: x**3)
    assert cube(2.0) == 12.0
    assert pb.grad(cube)(2.0) == 12.0
    assert pb.grad(pb.grad(cube))(2.0) == 6.0
    assert pb.grad(pb.grad(pb.grad(cube)))(2.0) == 0.0


def test_the_hessian_of_a_function_of_a_vector():
    def f(x):
        return np.sum(np.exp(x[:-1] * x[1:]))

    rows = [pb.grad(lambda x, i=i: pb.grad(f)(x)[i])(X) for i in range(3)]
    step = 1e-5
    for i in range(3):
        up, down = X.copy(), X.copy()
        up[i] += step
        down[i] -= step
        numeric = (pb.grad(f)(up) - pb.grad(f)(down)) / (2 * step)
        assert np.allclose(rows[i], numeric, rtol=1e-6, atol=1e-8)
    assert np.allclose(rows, np.transpose(rows))


def test_the_gradient_of_a_gradient_as_a_program():
    def f(x, W):
        return np.sum(np.tanh(x @ W) ** 2)

    def penalty(x, W):
        return np.sum(pb.grad(f)(x, W) ** 2)

    program = pb.trace(penalty, x="N D", W="D H")
    x = np.stack([X, -X * 0.5])
    assert np.isclose(pb.compile(program)(x, W), penalty(x, W), rtol=1e-14)
    derived = pb.compile(pb.grad(program, wrt="W"))(x, W)
    assert np.allclose(derived, pb.grad(penalty, wrt="W")(x, W), rtol=1e-12)
    step, up, down = 1e-5, W.copy(), W.copy()
    up[1, 0] += step
    down[1, 0] -= step
    numeric = (penalty(x, up) - penalty(x, down)) / (2 * step)
    assert np.isclose(derived[1, 0], numeric, rtol=1e-6)


def test_values_steer_what_is_traced():
    def f(x):
        return np.sum(x**2) if np.sum(x) > 0 else np.sum(x**3)

    assert np.allclose(pb.grad(f)(X), 2 * X)
    assert np.allclose(pb.grad(f)(-X), 3 * X**2)


def test_float32_stays_float32():
    x, weights = X.astype("f4"), W.astype("f4")
    value, gradients = pb.value_and_grad(loss, wrt=["x", "W"])(x, weights)
    assert value.dtype == np.float32
    assert {g.dtype for g in gradients} == {np.dtype("f4")}
    mixed = pb.grad(loss, wrt=["x", "W"])(x, W)
    assert [g.dtype for g in mixed] == [np.float32, np.float64]


def test_the_name_and_text_of_the_function_are_kept():
    assert pb.grad(loss).__name__ == "loss"
    assert pb.grad(pb.trace(loss, x="D", W="D H")).name == "grad_loss"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pb.grad(lambda x: x)(X), "one floating number"),
        (lambda: pb.grad(lambda x: np.argmax(x))(X), "one floating number"),
        (lambda: pb.grad(lambda x: (np.sum(x), x))(X), "has_aux"),
        (lambda: pb.grad(lambda x: [np.sum(x)])(X), "has_aux"),
        (lambda: pb.value_and_grad(lambda x: np.sum(x), has_aux=True)(X), "has_aux"),
        (lambda: pb.grad(loss, wrt="WW")(X, W), "Did you mean 'W'"),
        (lambda: pb.grad(loss, wrt=5)(X, W), "not an argument"),
        (lambda: pb.grad(loss, wrt=True)(X, W), "not an argument"),
        (lambda: pb.grad(lambda x: x * 2.0)(3), "3.0 instead of 3"),
        (lambda: pb.grad(lambda x: np.sum(x))(np.arange(3)), "not floating"),
        (lambda: pb.grad(loss)(X), "missing a required argument: 'W'"),
        (lambda: pb.grad(loss)(X, W, 1.0, 2.0), "too many"),
        (lambda: pb.grad(3)(X), "not a function"),
        (lambda: pb.vjp(lambda x: x, X)[1](np.ones(2)), "shape"),
        (lambda: pb.vjp(lambda x: x, X)[1]((X, X)), "structure"),
        (lambda: pb.vjp(lambda x: (x, x), X)[1](X), "structure"),
        (lambda: pb.grad(pb.trace(lambda x: x, x="N")), "one floating number"),
        (lambda: pb.grad(pb.trace(loss, x="D", W="D H"), wrt="V"), "not an argument"),
        (lambda: pb.grad(pb.trace(lambda x, i: np.sum(x[i]), x="4", i="i8 N"), "i"), "no gradient"),
        (lambda: pb.compile(loss, engine="magic"), "magic"),
    ],
)
def test_what_makes_no_sense_is_told_in_words(call, message):
    with pytest.raises((UsageError, TraceError), match=message):
        call()


def test_extra_outputs_of_programs_are_asked_for_as_those_of_functions():
    program = pb.trace(lambda x: (np.sum(x**2), x * 2), x="3")
    with pytest.raises(UsageError, match="has_aux"):
        pb.grad(program)
    (loss, extra), gradient = pb.value_and_grad(program, has_aux=True)(np.arange(3.0))
    assert (loss, extra.tolist(), gradient.tolist()) == (5.0, [0, 2, 4], [0, 2, 4])
    with pytest.raises(UsageError, match="has_aux"):
        pb.value_and_grad(pb.trace(lambda x: np.sum(x), x="3"), has_aux=True)
