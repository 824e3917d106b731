"""Correct gradients pass, however many entries lie on or near a kink."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.checking.branches import Branches


def relu_net(x, y, W1, W2):
    h = np.maximum(x @ W1, 0)
    return np.sum((h @ W2 - y) ** 2)


def masked_net(x, y, W1, W2):
    h = x @ W1
    h[h < 0] = 0
    return np.sum((h @ W2 - y) ** 2)


def where_net(x, y, W1, W2):
    h = x @ W1
    h = np.where(h > 0, h, 0.1 * h)
    return np.sum((h @ W2 - y) ** 2)


def multiplied_net(x, y, W1, W2):
    h = x @ W1
    return np.sum(((h * (h > 0)) @ W2 - y) ** 2)


def abs_net(x, y, W1, W2):
    return np.sum((np.abs(x @ W1) @ W2 - y) ** 2)


def clipped_net(x, y, W1, W2):
    return np.sum((np.clip(x @ W1, -0.5, 0.5) @ W2 - y) ** 2)


NETS = [relu_net, masked_net, where_net, multiplied_net, abs_net, clipped_net]


def point(rows=6, seed=0):
    random = np.random.default_rng(seed)
    shapes = [(rows, 5), (rows, 3), (5, 4), (4, 3)]
    return [random.normal(size=shape) for shape in shapes]


def dead_columns(x, y, W1, W2):
    W1[:, ::2] = 0


def zero_rows(x, y, W1, W2):
    x[::2] = 0


def zero_weights(x, y, W1, W2):
    W1[...] = 0


def zero_output_weights(x, y, W1, W2):
    W2[...] = 0


def all_zero(x, y, W1, W2):
    for array in (x, y, W1, W2):
        array[...] = 0


def within_1e_12_of_a_kink(x, y, W1, W2):
    x[0], x[1] = 1e-12, -1e-12


def everything_tiny(x, y, W1, W2):
    W1 *= 1e-12


CHANGES = [
    dead_columns,
    zero_rows,
    zero_weights,
    zero_output_weights,
    all_zero,
    within_1e_12_of_a_kink,
    everything_tiny,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("net", NETS, ids=lambda f: f.__name__)
def test_networks_on_and_near_kinks(net, change):
    arrays = point()
    change(*arrays)
    check = pb.check_gradients(net, *arrays)
    assert [(v.name, v.checked, v.by_entry) for v in check.variables] == [
        ("x", 30, True),
        ("y", 18, True),
        ("W1", 20, True),
        ("W2", 12, True),
    ]


def test_kinks_are_counted_by_primitive():
    arrays = point()
    dead_columns(*arrays)
    assert pb.check_gradients(relu_net, *arrays).kinks == {"maximum": 12}
    assert pb.check_gradients(masked_net, *arrays).kinks == {"less": 12}
    assert pb.check_gradients(relu_net, *point()).kinks == {}


@pytest.mark.parametrize("net", NETS, ids=lambda f: f.__name__)
def test_a_batch_of_one_row(net):
    pb.check_gradients(net, *point(rows=1))


@pytest.mark.parametrize("net", NETS, ids=lambda f: f.__name__)
def test_float32_inputs_are_checked_in_float64(net):
    check = pb.check_gradients(net, *[array.astype("f4") for array in point()])
    # float32 differences would be wrong in the third digit.
    assert max(v.worst for v in check.variables) < 1e-8


AT_KINKS = {
    "maximum of two that tie": (
        lambda a, b: np.sum(np.maximum(a, b) * b),
        [np.array([1.0, 2, 3]), np.array([1.0, 2, 4])],
    ),
    "maximum of a value with itself": (lambda a: np.sum(np.maximum(a, a) * a), [np.arange(3.0)]),
    "minimum of two that tie": (lambda a, b: np.minimum(a, b), [np.ones(3), np.ones(3)]),
    "max with ties": (
        lambda a: np.sum(np.max(a, axis=1) ** 2),
        [np.array([[1.0, 1, 0], [2, 2, 2], [0, 1, 2]])],
    ),
    "max of zeros": (np.max, [np.zeros((3, 4))]),
    "max, nearly tied": (np.max, [np.array([1.0, 1 + 1e-12, 1 - 1e-12, 0])]),
    "min with ties": (lambda a: np.min(a, axis=0), [np.ones((3, 2))]),
    "abs at 0": (np.abs, [np.array([0.0, -0.0, 1, -1, 1e-13, -1e-13])]),
    "norm at 0": (np.linalg.norm, [np.zeros(4)]),
    "norm of rows, one at 0": (
        lambda a: np.linalg.norm(a, axis=1),
        [np.array([[0.0, 0], [3, 4], [1e-7, 0]])],
    ),
    "std at equal values": (np.std, [np.ones(5)]),
    "std of columns, one constant": (
        lambda a: np.std(a, axis=0),
        [np.array([[1.0, 2], [1, 3], [1, 7]])],
    ),
    "clip at its bounds": (
        lambda a: np.clip(a, -1, 1) ** 2,
        [np.array([-1.0, 1, 0, 2, -3, 1 + 1e-13, 1 - 1e-13])],
    ),
    "clip at array bounds": (
        lambda a, low, high: np.clip(a, low, high),
        [np.array([0.0, 1, 2, 0.5]), np.zeros(4), np.ones(4)],
    ),
    "where at its boundary": (
        lambda a: np.where(a >= 0, a, 0.1 * a),
        [np.array([0.0, 1, -1, 1e-13, -1e-13])],
    ),
    "combined conditions at their boundaries": (
        lambda a: np.where(np.logical_and(a >= 0, a <= 1), a**2, a),
        [np.array([0.0, 1, 0.5, -2, 2])],
    ),
    "sign at 0": (lambda a: np.sign(a) * a, [np.array([0.0, 1, -1])]),
    "a masked write": (lambda a: _masked(a), [np.array([[0.0, 1], [-1, 1e-13]])]),
    "prod with zeros": (np.prod, [np.array([0.0, 1, 2, 0])]),
}


def _masked(a):
    h = a * 2
    h[h < 0] = 0
    return h**2


@pytest.mark.parametrize("name", AT_KINKS)
def test_operations_on_their_kinks(name):
    function, arrays = AT_KINKS[name]
    pb.check_gradients(function, *arrays)


def test_integer_labels_stay_plain_numpy():
    labels = np.array([0, 4, 2, 2, 1, 3])

    def by_index(z, labels):
        return -np.mean(pb.nn.log_softmax(z)[np.arange(len(labels)), labels])

    def by_one_hot(z, labels):
        return -np.mean(pb.nn.log_softmax(z) * np.eye(5)[labels])

    for function in (by_index, by_one_hot):
        check = pb.check_gradients(function, point()[0], labels)
        assert [v.name for v in check.variables] == ["z"]


def test_containers_are_named_by_their_paths():
    def loss(params, x):
        return np.sum(np.maximum(x @ params["W"][0] + params["b"], 0))

    x, _, W1, _ = point()
    check = pb.check_gradients(loss, {"W": [W1], "b": np.zeros(4)}, x)
    assert [v.name for v in check.variables] == ["params['W'][0]", "params['b']", "x"]


def test_programs_with_named_axes_serve_every_batch_size():
    program = pb.trace(relu_net, x="N D", y="N C", W1="D H", W2="H C")
    for rows in (1, 2, 6):
        x, y, W1, W2 = point(rows=rows)
        W1[:, 1] = 0
        check = pb.check_gradients(program, x, y, W1=W1, W2=W2)
        assert check.kinks == {"maximum": rows}


def test_float32_programs_are_checked_in_float64():
    program = pb.trace(relu_net, x="f4 N D", y="f4 N C", W1="f4 D H", W2="f4 H C")
    check = pb.check_gradients(program, *[array.astype("f4") for array in point()])
    assert max(v.worst for v in check.variables) < 1e-8


def test_results_that_are_arrays_and_containers():
    x = point()[0]
    pb.check_gradients(lambda x: np.exp(x) * 2, x)
    pb.check_gradients(lambda x: (np.tanh(x), {"s": np.sum(x**2), "n": np.argmax(x)}), x)


def test_scalars_and_empty_arrays():
    pb.check_gradients(lambda z: z**3, 0.0)
    pb.check_gradients(np.abs, 0.0)
    check = pb.check_gradients(lambda z: np.sum(z**2), np.zeros((0, 3)))
    assert check.variables[0].checked == 0


def count_evaluations(monkeypatch):
    """A list that grows by one with every evaluation of a function."""
    evaluated = []
    for name in ("outputs", "unfrozen"):
        original = getattr(Branches, name)

        def counted(*args, _original=original, **options):
            evaluated.append(1)
            return _original(*args, **options)

        monkeypatch.setattr(Branches, name, counted)
    return evaluated


def test_one_million_entries_a_third_of_them_on_a_kink(monkeypatch):
    random = np.random.default_rng(0)
    x, W = random.normal(size=(20, 1000)), random.normal(size=(1000, 1000))
    W[:, ::3] = 0
    W[np.abs(W) < 0.5] = 0
    x[3] = 0
    evaluated = count_evaluations(monkeypatch)
    check = pb.check_gradients(lambda x, W: np.sum(np.maximum(x @ W, 0) ** 2), x, W)
    assert check.kinks == {"maximum": 334 * 20 + 666}
    assert [(v.by_entry, v.checked) for v in check.variables] == [(False, 6), (False, 6)]
    check = pb.check_gradients(lambda W: np.sum(np.maximum(W, 0)), W)
    assert check.kinks["maximum"] > 500_000
    # Per direction one step of four values and two times two one-sided slopes; then the curve.
    assert len(evaluated) <= 3 * (6 * (4 + 2 * 6) + 12 * 4)


def test_printed_result():
    text = str(pb.check_gradients(relu_net, *point()))
    assert text.splitlines()[0] == "the derived gradient is right"
    assert text.splitlines()[2].split()[:4] == ["x", "6x5", "30", "entries"]


ZEROED = st.sampled_from(["nothing", "entries", "columns", "rows", "all"])


def with_zeros(random, shape, how):
    array = random.normal(size=shape)
    if how == "entries":
        array[random.random(shape) < 0.5] = 0
    elif how == "columns":
        array[:, random.random(shape[1]) < 0.5] = 0
    elif how == "rows":
        array[random.random(shape[0]) < 0.5] = 0
    elif how == "all":
        array[...] = 0
    return array


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 5), min_size=3, max_size=5),
    zeroed=st.lists(ZEROED, min_size=5, max_size=5),
    activations=st.lists(st.sampled_from("relu mask leaky abs clip tanh".split()), min_size=5),
    scale=st.sampled_from([1e-8, 1e-3, 1.0, 1e3]),
)
@settings(max_examples=60)
def test_random_networks_with_random_zeros(seed, sizes, zeroed, activations, scale):
    random = np.random.default_rng(seed)
    rows = int(random.integers(1, 5))
    x = with_zeros(random, (rows, sizes[0]), zeroed[0])
    weights = [
        with_zeros(random, (left, right), how)
        for left, right, how in zip(sizes, sizes[1:], zeroed[1:], strict=False)
    ]
    biases = [np.zeros(size) for size in sizes[1:]]

    def network(x, weights, biases):
        for W, b, activation in zip(weights, biases, activations, strict=False):
            h = x @ W + b
            if activation == "mask":
                h[h < 0] = 0
            x = ACTIVATIONS[activation](h)
        return scale * np.mean(np.sum(x**2, axis=1))

    pb.check_gradients(network, x, weights, biases, steps=())


ACTIVATIONS = {
    "relu": lambda h: np.maximum(h, 0),
    "mask": lambda h: h,
    "leaky": lambda h: np.where(h > 0, h, 0.01 * h),
    "abs": np.abs,
    "clip": lambda h: np.clip(h, -1, 1),
    "tanh": np.tanh,
}
