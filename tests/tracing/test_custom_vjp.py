"""Functions with a VJP rule of their own: traced, written, stored, differentiated again."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import ShapeError, TraceError, UsageError


def softsign_rule(ct, out, x):
    damped = 1 - np.abs(out)
    return ct * damped**2


@pb.custom_vjp(rule=softsign_rule)
def softsign(x):
    """x / (1 + |x|)."""
    return x / (1 + np.abs(x))


def plain_softsign(x):
    return x / (1 + np.abs(x))


def product_rule(ct, out, a, b):
    return ct * b, ct * a


product = pb.custom_vjp(lambda a, b: a * b, rule=product_rule)


def loss(x, W):
    h = softsign(x @ W)
    return np.sum(h**2)


def plain_loss(x, W):
    return np.sum(plain_softsign(x @ W) ** 2)


@pytest.fixture
def point():
    random = np.random.default_rng(0)
    return random.normal(size=(5, 3)), random.normal(size=(3, 2))


def test_the_rule_is_used_and_the_value_is_the_functions(point):
    assert np.array_equal(softsign(point[0]), plain_softsign(point[0]))
    expected = pb.grad(plain_loss, ["x", "W"])(*point)
    for got, right in zip(pb.grad(loss, ["x", "W"])(*point), expected, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-13, atol=1e-14)


def test_its_body_is_not_differentiated():
    tripled = pb.custom_vjp(plain_softsign, rule=lambda ct, out, x: 3 * ct)
    np.testing.assert_array_equal(pb.grad(lambda x: np.sum(tripled(x)))(np.ones(4)), 3 * np.ones(4))


def test_the_source_shows_function_and_rule_without_a_trace_of_the_seam():
    source = pb.grad(pb.trace(loss, x="N D", W="D H"), "W").to_numpy()
    assert "h = matmul / (1 + np.abs(matmul))" in source
    assert "damped = 1 - np.abs(h)" in source.split("# backward")[1]
    assert "with_rule" not in source


def test_one_program_serves_every_batch_size_and_precision(point):
    x, W = point
    program = pb.grad(pb.trace(loss, x="N D", W="D H"), "W")
    for rows in (1, 2, 5):
        right = pb.grad(plain_loss, "W")(x[:rows], W)
        np.testing.assert_allclose(program(x[:rows], W), right, rtol=1e-12, atol=1e-13)
    single = program.astype("f4")(x.astype("f4"), W.astype("f4"))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, pb.grad(plain_loss, "W")(x, W), rtol=1e-5, atol=1e-5)


def test_the_file_form_holds_the_rule(point):
    program = pb.trace(loss, x="N D", W="D H")
    again = pb.Program.from_json(program.to_json())
    assert again.fingerprint() == program.fingerprint()
    got = pb.grad(again, "W")(*point)
    np.testing.assert_array_equal(got, pb.grad(program, "W")(*point))


def test_second_derivatives_come_from_the_rule(point):
    x, W = point

    def squared_slope(of):
        return pb.grad(lambda W: np.sum(pb.grad(of, "W")(x, W) ** 2))(W)

    np.testing.assert_allclose(squared_slope(loss), squared_slope(plain_loss), rtol=1e-12)


def test_inputs_and_results_of_the_check_of_the_whole(point):
    assert pb.check_gradients(loss, *point, order=2).is_right


def test_several_inputs_the_same_value_twice_and_constants():
    x = np.array([1.0, 2, -3])
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(product(x, x)))(x), 2 * x)
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(product(2.0, x)))(x), 2 * np.ones(3))
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(product(x, np.arange(3))))(x), np.arange(3))


def test_a_cotangent_that_broadcasting_made_larger_is_summed():
    x, row = np.arange(6.0).reshape(2, 3), np.array([1.0, 2, 4])
    got = pb.grad(lambda row: np.sum(product(x, row)))(row)
    np.testing.assert_allclose(got, x.sum(axis=0))


def test_none_is_no_cotangent_and_settings_reach_the_rule():
    def scaled_rule(ct, out, x, labels, factor=1.0):
        return factor * ct, None

    scaled = pb.custom_vjp(lambda x, labels, factor=1.0: factor * x, rule=scaled_rule)
    grad = pb.grad(lambda x: np.sum(scaled(x, np.array([0, 1]), factor=5.0)))
    np.testing.assert_array_equal(grad(np.ones(2)), [5.0, 5.0])


def test_what_the_rule_captures(point):
    x, _ = point
    scale = np.linspace(1, 2, 3)
    scaled = pb.custom_vjp(lambda x: x * scale, rule=lambda ct, out, x: ct * scale)
    program = pb.grad(pb.trace(lambda x: np.sum(scaled(x) ** 2), x="N 3"))
    np.testing.assert_allclose(program(x), 2 * x * scale**2)
    again = pb.Program.from_json(program.to_json())
    np.testing.assert_allclose(again(x), 2 * x * scale**2)


def test_rules_of_one_name_are_kept_apart():
    """Simplification takes equal equations for one, and these differ by their rule alone."""

    def with_slope(slope):
        def rule(ct, out, x):
            return slope * ct

        return pb.custom_vjp(np.tanh, rule=rule)

    two, five = with_slope(2.0), with_slope(5.0)
    program = pb.trace(lambda x: np.sum(two(x) + five(x)), x="N")
    assert pb.grad(program)(np.zeros(1)).tolist() == [7.0]


def test_methods_and_functions_that_hand_their_input_on():
    class Layer:
        @pb.custom_vjp(rule=lambda ct, out, self, x: (None, -ct))
        def reversed(self, x):
            return x

    with pytest.raises(UsageError, match="settings by keyword"):
        pb.grad(lambda x: np.sum(Layer().reversed(x)))(np.ones(2))
    back = pb.custom_vjp(lambda x: x, rule=lambda ct, out, x: -ct)
    assert pb.grad(lambda x: np.sum(back(x)))(np.ones(2)).tolist() == [-1.0, -1.0]


def gradient(custom, x=None):
    return pb.grad(lambda x: np.sum(custom(x)))(np.ones((4, 3)) if x is None else x)


@pytest.mark.parametrize(
    ("rule", "error", "sentence"),
    [
        (
            lambda ct, out, x: (ct, ct),
            ShapeError,
            "<lambda> must return one cotangent per input of tanh (x), so 1 and not 2.",
        ),
        (
            lambda ct, out, x: ct[0],
            ShapeError,
            "<lambda>: the cotangent of x has shape (3,), x itself (4, 3).",
        ),
        (
            lambda ct, out, x: ct[:, :2],
            ShapeError,
            "<lambda>: the cotangent of x has shape (4, 2), x itself (4, 3).",
        ),
        (
            lambda ct, out, x: "ct",
            UsageError,
            "<lambda>: the cotangent of x is no array, but 'ct'.",
        ),
    ],
)
def test_what_a_rule_must_return(rule, error, sentence):
    with pytest.raises(error) as caught:
        gradient(pb.custom_vjp(np.tanh, rule=rule))
    assert str(caught.value) == sentence


def test_a_rule_is_recorded_once_for_all_inputs():
    steered = pb.custom_vjp(np.tanh, rule=lambda ct, out, x: ct if x.sum() > 0 else -ct)
    with pytest.raises(TraceError, match="An `if`"):
        gradient(steered)


def test_what_a_custom_function_may_not_do():
    W = np.ones((3, 2))

    def hidden(x, W):
        return np.sum(pb.custom_vjp(lambda x: x @ W, rule=softsign_rule)(x))

    with pytest.raises(UsageError) as caught:
        pb.grad(hidden)(np.ones((4, 3)), W)
    assert "custom_vjp of <lambda>: it reads W, which is not among its arguments" in str(
        caught.value
    )
    assert "test_custom_vjp.py, line" in str(caught.value)
    with pytest.raises(UsageError, match="must return one array or number"):
        gradient(pb.custom_vjp(lambda x: (x, x), rule=softsign_rule))
    # Within a container too, where the rule would be left out in silence.
    with pytest.raises(UsageError, match="arrays and numbers are given by position"):
        pb.grad(lambda x: pb.custom_vjp(lambda xs: xs[0], rule=softsign_rule)([x]))(1.0)
    scaled = pb.custom_vjp(lambda x, scale: x * scale, rule=softsign_rule)
    with pytest.raises(UsageError, match="scale is differentiated; give it by position"):
        pb.grad(lambda s: np.sum(scaled(np.ones(2), scale=s)))(2.0)
    with pytest.raises(TraceError, match="writes to an argument"):
        gradient(pb.custom_vjp(_writes, rule=softsign_rule))
    for function, rule in [(3, softsign_rule), (np.tanh, None), (np.tanh, int)]:
        with pytest.raises(UsageError, match="must be a function"):
            pb.custom_vjp(function, rule=rule)


def _writes(x):
    x[0] = 0
    return x


def test_arrays_of_the_surrounding_code_are_constants():
    W = np.ones((3, 2))
    linear = pb.custom_vjp(lambda x: x @ W, rule=lambda ct, out, x: ct @ W.T)
    np.testing.assert_array_equal(gradient(linear), 2 * np.ones((4, 3)))


def test_it_keeps_its_name_and_words():
    assert softsign.__name__ == "softsign"
    assert softsign.__doc__ == "x / (1 + |x|)."
    assert repr(softsign) == "<softsign with a rule of its own>"
