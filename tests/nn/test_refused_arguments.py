"""Arguments and settings of `pullback.nn` that are not allowed: one clear sentence each."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import ShapeError, UsageError

nn = pb.nn

FUNCTIONS = {
    "relu": nn.relu,
    "leaky_relu": nn.leaky_relu,
    "prelu": lambda x: nn.prelu(x, np.array([0.25])),
    "elu": nn.elu,
    "selu": nn.selu,
    "gelu": nn.gelu,
    "silu": nn.silu,
    "softplus": nn.softplus,
    "sigmoid": nn.sigmoid,
    "tanh": nn.tanh,
    "erf": nn.erf,
    "softmax": nn.softmax,
    "log_softmax": nn.log_softmax,
    "logsumexp": nn.logsumexp,
}
each = pytest.mark.parametrize("name", FUNCTIONS)


@each
@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (np.array(["a", "b"]), "the dtype <U1"),
        (np.array([1j]), "the dtype complex128"),
        (np.array([object()]), "the dtype object"),
        (None, "None"),
        ("abc", "'abc'"),
    ],
    ids=["texts", "complex", "objects", "None", "a text"],
)
def test_what_holds_no_real_numbers(name, bad, told):
    with pytest.raises(UsageError) as caught:
        FUNCTIONS[name](bad)
    argument = "z" if name in ("softmax", "log_softmax", "logsumexp") else "x"
    assert str(caught.value) == f"{name}: {argument} must hold real numbers, not {told}."


@each
def test_lists_whole_numbers_and_booleans_are_arrays(name):
    function = FUNCTIONS[name]
    expected = function(np.array([1.0, 0.0]))
    for given in ([1.0, 0.0], (1, 0), np.array([1, 0]), np.array([True, False])):
        assert np.array_equal(function(given), expected)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "erf", "relu", "sigmoid", "gelu"])
def test_one_number_gives_one_number(name):
    assert isinstance(FUNCTIONS[name](1.5), np.float64)


@pytest.mark.parametrize("call", [nn.leaky_relu, nn.prelu, nn.elu])
def test_a_slope_that_does_not_fit(call):
    name = "alpha" if call is nn.elu else "slope"
    with pytest.raises(ShapeError) as caught:
        call(np.ones((5, 3)), np.ones(5))
    assert str(caught.value) == (
        f"{call.__name__}: {name} has the shape (5,), which does not broadcast against the shape "
        "(5, 3) of x."
    )
    with pytest.raises(UsageError, match=f"{call.__name__}: {name} must hold real numbers"):
        call(np.ones(3), "a")


@pytest.mark.parametrize("function", [nn.softmax, nn.log_softmax, nn.logsumexp])
def test_axes_that_are_none(function):
    z = np.ones((5, 3))
    for axis in (1.5, None, (0, 1), "a", True):
        with pytest.raises(UsageError, match="axis must be a whole number, not"):
            function(z, axis=axis)
    for axis in (2, -3):
        with pytest.raises(ShapeError, match=f"axis {axis} does not exist, the array has 2 axes"):
            function(z, axis=axis)
    with pytest.raises(ShapeError, match=r"axis 1 of z has no entries; z has the shape \(5, 0\)"):
        function(np.ones((5, 0)))


NUMBERS = {
    "LeakyReLU(slope={}): slope must be a number in (0, 1).": nn.LeakyReLU,
    "PReLU(slope={}): slope must be a finite number.": nn.PReLU,
    "RandomizedLeakyReLU(lower={}): lower must be a number in [0, 1].": nn.RandomizedLeakyReLU,
    "RandomizedLeakyReLU(upper={}): upper must be a number in [0, 1].": (
        lambda value: nn.RandomizedLeakyReLU(upper=value)
    ),
    "ELU(alpha={}): alpha must be a finite number above 0.": nn.ELU,
    "Dropout(rate={}): rate must be a number in [0, 1).": nn.Dropout,
    "BatchNorm(momentum={}): momentum must be a number in (0, 1].": nn.BatchNorm,
    "BatchNorm(epsilon={}): epsilon must be a finite number above 0.": (
        lambda value: nn.BatchNorm(epsilon=value)
    ),
    "LayerNorm(epsilon={}): epsilon must be a finite number above 0.": nn.LayerNorm,
    "normal(scale={}): scale must be a finite number above 0.": nn.normal,
    "uniform(bound={}): bound must be a finite number above 0.": nn.uniform,
    "he_normal(slope={}): slope must be a finite number.": (
        lambda value: nn.he_normal(np.random.default_rng(0), 2, 3, slope=value)
    ),
    "he_uniform(slope={}): slope must be a finite number.": (
        lambda value: nn.he_uniform(np.random.default_rng(0), 2, 3, slope=value)
    ),
}


@pytest.mark.parametrize("message", NUMBERS)
@pytest.mark.parametrize(
    "value", [np.nan, np.inf, -np.inf, None, "0.5", True, 1j, np.complex128(0.5), [0.5], np.ones(1)]
)
def test_settings_that_are_no_numbers_or_not_finite(message, value):
    with pytest.raises(UsageError) as caught:
        NUMBERS[message](value)
    assert str(caught.value) == message.format(repr(value))


WORDS = {
    "GELU(approximate={}): allowed are none, tanh.": nn.GELU,
    "PReLU(per={}): allowed are layer, unit.": lambda value: nn.PReLU(per=value),
    "he_normal(fan={}): allowed are inputs, outputs.": (
        lambda value: nn.he_normal(np.random.default_rng(0), 2, 3, fan=value)
    ),
    "Activation(name={}): it must be text.": lambda value: nn.Activation(np.tanh, value),
    "Dense(bias={}): bias must be True or False.": lambda value: nn.Dense(3, bias=value),
    "Activation(function={}): it must be a NumPy function of one array.": nn.Activation,
}


@pytest.mark.parametrize("message", WORDS)
@pytest.mark.parametrize("value", [3, 1.5, [1], np.ones(2), 1j], ids=repr)
def test_words_and_functions_that_are_none(message, value):
    with pytest.raises(UsageError) as caught:
        WORDS[message](value)
    assert str(caught.value) == message.format(repr(value))


def test_a_class_is_no_activation():
    with pytest.raises(UsageError, match="it must be a NumPy function of one array"):
        nn.Activation(nn.ReLU)


def test_the_weights_that_an_activation_asks_for():
    with pytest.raises(UsageError, match=r"Activation\(weights='xavier'\): allowed are zeros, "):
        nn.Activation(np.tanh, weights="xavier")


def init(*layers, shape=(4,), random=None):
    return nn.Sequential(*layers).init(
        np.random.default_rng(0) if random is None else random, shape
    )


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (lambda x: x > 0, r"b1\[N, 3\]"),
        (lambda x: np.sum(x), r"f8\[\]"),
        (lambda x: np.sum(x, axis=0), r"f8\[3\]"),
        (lambda x: x.T, r"f8\[3, N\]"),
        (lambda x: np.argmax(x, axis=1), r"i8\[N\]"),
    ],
)
def test_a_custom_activation_must_give_floating_rows(function, given):
    message = rf"floating numbers, a row for each row of its input; for \(N, 3\) it gives {given}\."
    with pytest.raises(UsageError, match=message):
        init(nn.Dense(3), function, nn.Dense(2))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.nan, "the initial weights must be finite numbers."),
        (np.inf, "the initial weights must be finite numbers."),
        (1j, "W must hold real numbers, not the dtype complex128."),
    ],
)
def test_initial_weights_that_cannot_be_trained(weights, message):
    def fill(random, inputs, outputs):
        return np.full((inputs, outputs), weights)

    with pytest.raises(UsageError) as caught:
        init(nn.Dense(3, weights=fill))
    assert str(caught.value) == f"Dense(3, weights=fill): {message}"


@pytest.mark.parametrize("shape", [3, None, [3], (0,), (-1,), (1.5,), ("a",), (True,)])
def test_shapes_of_a_sample_that_are_none(shape):
    with pytest.raises(UsageError) as caught:
        init(nn.Dense(3), shape=shape)
    assert str(caught.value) == (
        f"init(shape={shape!r}): it must be a tuple of whole numbers above 0, the shape of one "
        "sample, such as (4,)."
    )


def test_a_seed_is_no_generator():
    with pytest.raises(UsageError, match=r"init\(random=5\): it must be a generator, such as"):
        init(nn.Dense(3), random=5)
