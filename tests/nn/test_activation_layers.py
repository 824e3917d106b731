"""Activations as layers: contract, settings, gradients through a network, random slopes."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError
from pullback.nn.layers import ACTIVATIONS
from pullback.primitive import REGISTRY

nn = pb.nn
X = np.random.default_rng(1).normal(size=(6, 4))


def random():
    return np.random.default_rng(0)


def applied(layer, x, training=False):
    params, state = layer.init(random(), x.shape[1:])
    return layer.apply(params, state, x, training=training)[0]


LAYERS = [
    (nn.Identity(), nn.identity),
    (nn.ReLU(), nn.relu),
    (nn.LeakyReLU(0.2), lambda x: nn.leaky_relu(x, 0.2)),
    (nn.PReLU(), lambda x: nn.leaky_relu(x, 0.25)),
    (nn.PReLU(0.5, per="unit"), lambda x: nn.leaky_relu(x, 0.5)),
    (nn.RandomizedLeakyReLU(0.2, 0.4), lambda x: nn.leaky_relu(x, 0.3)),
    (nn.ELU(0.5), lambda x: nn.elu(x, 0.5)),
    (nn.SELU(), nn.selu),
    (nn.GELU(), nn.gelu),
    (nn.GELU("tanh"), lambda x: nn.gelu(x, "tanh")),
    (nn.SiLU(), nn.silu),
    (nn.Softplus(), nn.softplus),
    (nn.Sigmoid(), nn.sigmoid),
    (nn.Tanh(), np.tanh),
    (nn.Softmax(), nn.softmax),
]


@pytest.mark.parametrize(("layer", "function"), LAYERS, ids=[str(l) for l, _ in LAYERS])
def test_a_layer_is_its_function(layer, function):
    assert isinstance(layer, nn.Layer)
    assert np.allclose(applied(layer, X), function(X), rtol=1e-15, atol=0)
    single = X.astype("f4")
    assert applied(layer, single).dtype == (np.float64 if layer.names else np.float32)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("training", [False, True])
def test_gradients_through_a_network_with_each_activation(name, training):
    network = nn.Sequential(nn.Dense(3), ACTIVATIONS[name](), nn.Dense(2))
    params, state = network.init(random(), (4,))

    def loss(params, x):
        return np.sum(network.apply(params, state, x, training=training)[0] ** 2)

    pb.check_gradients(loss, params, X)


def test_a_faulty_slope_is_noticed():
    """The fault that the tests above must be able to find."""
    network = nn.Sequential(nn.Dense(3), nn.LeakyReLU(0.1), nn.Dense(2))
    params, state = network.init(random(), (4,))
    rules = REGISTRY["leaky_relu"]._rules
    rule = rules[0]
    rules[0] = lambda ct, out, x, slope: (np.where(x > 0, ct, 0.5 * ct), None)
    try:
        with pytest.raises(pb.PullbackError, match="leaky_relu"):
            pb.check_gradients(
                lambda p: np.sum(network.apply(p, state, X, training=True)[0]), params
            )
    finally:
        rules[0] = rule


def test_the_names_of_the_command_line():
    assert (
        list(ACTIVATIONS)
        == (
            "relu leaky-relu prelu randomized-leaky-relu elu selu gelu gelu-tanh silu softplus "
            "sigmoid tanh identity"
        ).split()
    )
    assert str(ACTIVATIONS["gelu-tanh"]()) == "GELU('tanh')"
    assert str(ACTIVATIONS["leaky-relu"]()) == "LeakyReLU"


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.LeakyReLU(), "LeakyReLU"),
        (nn.LeakyReLU(0.1), "LeakyReLU(0.1)"),
        (nn.PReLU(), "PReLU"),
        (nn.PReLU(per="unit"), "PReLU(per='unit')"),
        (nn.PReLU(0.1, "unit"), "PReLU(0.1, per='unit')"),
        (nn.RandomizedLeakyReLU(upper=0.5), "RandomizedLeakyReLU(upper=0.5)"),
        (nn.ELU(2.0), "ELU(2.0)"),
        (nn.Softmax(), "Softmax"),
        (nn.Dropout(0.5), "Dropout(0.5)"),
        (nn.BatchNorm(), "BatchNorm"),
        (nn.BatchNorm(epsilon=1e-3), "BatchNorm(epsilon=0.001)"),
        (nn.LayerNorm(), "LayerNorm"),
        (nn.Dense(3, weights="he"), "Dense(3, weights='he')"),
        (nn.Dense(3, weights=nn.orthogonal), "Dense(3, weights=orthogonal)"),
        (nn.Dense(3, weights=nn.normal(0.5)), "Dense(3, weights=normal(0.5))"),
    ],
)
def test_layers_print_as_they_are_written(layer, text):
    assert str(layer) == text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.LeakyReLU(0), "LeakyReLU(slope=0): slope must be a number in (0, 1)."),
        (lambda: nn.LeakyReLU(1.0), "LeakyReLU(slope=1.0): slope must be a number in (0, 1)."),
        (lambda: nn.LeakyReLU("a"), "LeakyReLU(slope='a'): slope must be a number in (0, 1)."),
        (lambda: nn.LeakyReLU(True), "LeakyReLU(slope=True): slope must be a number in (0, 1)."),
        (lambda: nn.PReLU(np.inf), "PReLU(slope=inf): slope must be a finite number."),
        (
            lambda: nn.PReLU(per="units"),
            "PReLU(per='units'): allowed are layer, unit. Did you mean 'unit'?",
        ),
        (
            lambda: nn.RandomizedLeakyReLU(-0.1),
            "RandomizedLeakyReLU(lower=-0.1): lower must be a number in [0, 1].",
        ),
        (
            lambda: nn.RandomizedLeakyReLU(upper=1.5),
            "RandomizedLeakyReLU(upper=1.5): upper must be a number in [0, 1].",
        ),
        (
            lambda: nn.RandomizedLeakyReLU(0.5, 0.4),
            "RandomizedLeakyReLU(lower=0.5, upper=0.4): lower must be at most upper.",
        ),
        (lambda: nn.ELU(0), "ELU(alpha=0): alpha must be a finite number above 0."),
        (lambda: nn.ELU(np.nan), "ELU(alpha=nan): alpha must be a finite number above 0."),
        (lambda: nn.GELU("erf"), "GELU(approximate='erf'): allowed are none, tanh."),
        (lambda: nn.Dropout(1.0), "Dropout(rate=1.0): rate must be a number in [0, 1)."),
        (lambda: nn.Dropout(-0.1), "Dropout(rate=-0.1): rate must be a number in [0, 1)."),
        (
            lambda: nn.BatchNorm(momentum=0),
            "BatchNorm(momentum=0): momentum must be a number in (0, 1].",
        ),
        (
            lambda: nn.BatchNorm(epsilon=0),
            "BatchNorm(epsilon=0): epsilon must be a finite number above 0.",
        ),
        (
            lambda: nn.LayerNorm(-1),
            "LayerNorm(epsilon=-1): epsilon must be a finite number above 0.",
        ),
    ],
)
def test_settings_out_of_range(make, message):
    with pytest.raises(UsageError) as caught:
        make()
    assert str(caught.value) == message


def program_of(layer, training):
    return pb.trace(lambda x: layer.apply({}, {}, x, training=training)[0], x="N 4")


@pytest.mark.parametrize(
    ("layer", "other", "setting"),
    [
        (nn.LeakyReLU(0.1), nn.LeakyReLU(0.4), {"slope": 0.4}),
        (nn.ELU(0.5), nn.ELU(2.0), {"alpha": 2.0}),
        (
            nn.RandomizedLeakyReLU(0, 0.2),
            nn.RandomizedLeakyReLU(0.1, 1),
            {"lower": 0.1, "upper": 1},
        ),
        (nn.Dropout(0.2), nn.Dropout(0.7), {"rate": 0.7}),
    ],
    ids=str,
)
@pytest.mark.parametrize("training", [False, True])
def test_settings_are_inputs_with_a_default(layer, other, setting, training):
    program, expected = program_of(layer, training), program_of(other, training)(X)
    assert np.array_equal(program(X), applied(layer, X, training))
    if training or not isinstance(layer, nn.Dropout):
        assert np.array_equal(program(X, **setting), expected)
        assert not np.array_equal(program(X), expected)


def test_the_slope_of_the_randomized_one_is_drawn_per_entry_and_step():
    x = -np.ones((4000, 4))
    program = program_of(nn.RandomizedLeakyReLU(0.2, 0.6), training=True)
    slopes = -program(x, seed=1, step=1)
    assert 0.2 <= slopes.min() < 0.201
    assert 0.599 < slopes.max() <= 0.6
    assert len(np.unique(slopes)) > 0.99 * slopes.size
    error = 0.4 / np.sqrt(12 * slopes.size)
    assert abs(slopes.mean() - 0.4) < 4 * error
    assert np.array_equal(slopes, -program(x, seed=1, step=1))
    assert not np.array_equal(slopes, -program(x, seed=1, step=2))
    assert np.all(program_of(nn.RandomizedLeakyReLU(0.2, 0.6), training=False)(x) == -0.4)


def test_the_gradient_takes_the_slopes_of_the_value():
    random = np.random.default_rng(3)
    x, ct = -np.exp(random.normal(size=(50, 4))), random.normal(size=(50, 4))
    layer = nn.RandomizedLeakyReLU(0.2, 0.6)

    def total(x, ct):
        y = layer.apply({}, {}, x, training=True)[0]
        return np.sum(ct * y), y

    program = pb.trace(total, x="N 4", ct="N 4")
    derived = pb.value_and_grad(program, wrt="x", has_aux=True)
    for seed, step in ((0, 0), (1, 1), (1, 2)):
        (_, y), dx = derived(x, ct, seed=seed, step=step)
        assert np.allclose(dx, ct * (y / x), rtol=1e-14, atol=0)


def test_two_layers_draw_two_slopes():
    network = nn.Sequential(nn.RandomizedLeakyReLU(0.2, 0.6), nn.RandomizedLeakyReLU(0.2, 0.6))
    x = -np.ones((500, 4))
    program = pb.trace(lambda x: network.apply({}, {}, x, training=True)[0], x="N 4")
    first = -program_of(nn.RandomizedLeakyReLU(0.2, 0.6), training=True)(x)
    second = -program(x) / first
    assert 0.2 <= second.min() < 0.61 > second.max()
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / np.sqrt(2000)


def test_the_learned_slope_is_a_parameter():
    assert nn.PReLU(0.1).init(random(), (3,))[0]["slope"].tolist() == [0.1]
    assert nn.PReLU(0.1, per="unit").init(random(), (3,))[0]["slope"].tolist() == [0.1] * 3
