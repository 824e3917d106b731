"""The form with buffers gives the bits of the readable one, and allocates nothing large."""

from dataclasses import replace

import numpy as np
import pytest

import pullback as pb
from pullback.engines.apart import taken_apart
from pullback.engines.buffered import Buffered, NotBuffered
from pullback.engines.draws import uniform_into
from pullback.engines.reference import executable
from pullback.errors import UsageError
from pullback.losses.losses import LOSSES
from pullback.nn.layers import ACTIVATIONS
from pullback.optim import OPTIMIZERS
from pullback.primitive import REGISTRY
from pullback.primitives.helpers import random_uniform
from pullback.training import prepare
from pullback.trees import flatten

ALL = [pytest.param(primitive, id=name) for name, primitive in sorted(REGISTRY.items())]


def same_bits(left, right):
    left, right = np.asarray(left), np.asarray(right)
    return (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())


def in_dtype(value, dtype):
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f":
        return value.astype(dtype)
    return np.dtype(dtype) if isinstance(value, np.dtype) and value.kind == "f" else value


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("primitive", ALL)
def test_each_operation(primitive, dtype):
    for case in primitive.cases(np.random.default_rng(0)):
        params = {name: in_dtype(value, dtype) for name, value in case.params.items()}
        values = {f"a{i}": in_dtype(x, dtype) for i, x in enumerate(case.inputs)}
        if not values:
            continue
        program = pb.trace(lambda p=params, **a: primitive(*a.values(), **p), **values)
        buffered, readable = Buffered(program), executable(program).flat
        for _ in range(2):  # the second time, the buffers hold what the first has left
            assert same_bits(buffered(*values.values()), readable(*values.values()))


FUNCTIONS = {
    "of_columns": lambda x, w: np.sum(np.tanh(w.T @ x.T) * (w.T @ x.T), axis=1),
    "in_transposed_order": lambda x, w: np.sum(np.exp(x.T) * x.T + 1.0, axis=0) + np.mean(w),
    "of_reversed_rows": lambda x, w: np.mean(np.exp(x[::-1]) * x[::-1], axis=0) @ w,
    "over_itself": lambda x, w: np.sum((x @ w) * (x @ w)[::-1] + (x @ w), axis=0),
    "of_three_axes": lambda x, w: np.sum(np.exp(x[:, :, None] * w), axis=1) / np.sqrt(5.0 + w[0]),
    "with_constants": lambda x, w: np.ones_like(x) * 2.0 - np.where(x > 0, x, 0.0) @ w @ w.T,
    "of_powers": lambda x, w: (x * x) ** 3 + (x * x) ** 0.5 + (x * x + 1.0) ** -1 + w[0, 0] ** 2,
    "twice": lambda x, w: (x @ w, x @ w, x, x.T, np.sum(x)),
}


# Enough columns and rows for sums in another order to have other bits.
@pytest.mark.parametrize("rows", [1, 70])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_and_their_gradients(name, rows):
    random = np.random.default_rng(0)
    x, w = random.normal(size=(rows, 33)), random.normal(size=(33, 33))
    program = pb.trace(FUNCTIONS[name], x="N 33", w="33 33")
    programs = [program]
    if name != "twice":
        of_sum = pb.trace(lambda x, w: np.sum(FUNCTIONS[name](x, w) ** 2), x="N 33", w="33 33")
        programs.append(pb.grad(of_sum, wrt=["x", "w"]))
    for one in programs:
        buffered = Buffered(one)
        for scale in (1.0, -2.0):
            got, want = buffered(x * scale, w), executable(one).flat(x * scale, w)
            assert all(map(same_bits, flatten(got)[0], flatten(want)[0]))


def carried(new_params, **avals):
    """A program that replaces its params, with one row of numbers besides."""

    def step(x, params):
        return {"loss": np.sum(x), "params": new_params(x, params)}

    params = {name: np.zeros(4) for name in avals}
    return pb.trace(step, x=np.zeros(4), params=params)


def after_three_steps(program, *params):
    """The params of the form with buffers and of the readable one, and the former's text."""
    x, names = np.array([0.3, -1.0, 2.0, 0.1]), "abc"[: len(params)]
    buffered, flat = Buffered(program, ["params"]), executable(program).flat
    buffered.load(params)
    theirs = dict(zip(names, params, strict=True))
    for _ in range(3):
        told, wanted = buffered(x), flat(x, *theirs.values())
        theirs = wanted["params"]
        assert told == {"loss": wanted["loss"]}
    assert [p.tobytes() for p in buffered.present] == [p.tobytes() for p in theirs.values()]
    return buffered.layout.source


A, B = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.5, 0.25, -3.0, 1.0])


def test_equal_work_on_parameters_is_done_at_once():
    program = carried(lambda x, p: {"a": p["a"] * 0.9 - x, "b": p["b"] * 0.9 - x * x}, a=1, b=1)
    text = after_three_steps(program, A, B)
    assert text.count("np.multiply(") == 2  # x * x and both others
    assert text.count("np.subtract(") == 2  # x itself has no place of its own


def test_work_that_waits_for_other_work_is_not_joined_with_it():
    def chained(x, p):
        a = p["a"] + np.exp(x)
        return {"a": a, "b": p["b"] + np.sin(a)}

    after_three_steps(carried(chained, a=1, b=1), A, B)


def test_values_that_change_places_or_stay():
    after_three_steps(carried(lambda x, p: {"a": p["b"], "b": p["a"]}, a=1, b=1), A, B)
    after_three_steps(carried(lambda x, p: {"a": p["a"], "b": p["a"] + x}, a=1, b=1), A, B)
    after_three_steps(carried(lambda x, p: {"a": x, "b": np.zeros(4) + p["b"]}, a=1, b=1), A, B)
    after_three_steps(carried(lambda x, p: {"a": p["b"][::-1] * x, "b": p["b"]}, a=1, b=1), A, B)


def test_what_is_not_carried_on_is_refused():
    program = pb.trace(lambda x, params: {"loss": np.sum(x * params)}, x="4", params="4")
    with pytest.raises(NotBuffered, match="params is not carried on by a result"):
        Buffered(program, ["params"])
    program = pb.trace(lambda params: {"params": 2.0 * params.T}, params="4 4")
    with pytest.raises(NotBuffered, match="the axes of a result do not lie in order"):
        Buffered(program, ["params"])


def test_what_a_call_returns_stays_as_it_is():
    buffered = Buffered(pb.trace(lambda x: (np.exp(x), np.exp(x).T), x="N 2"))
    first = buffered(np.zeros((3, 2)))
    buffered(np.ones((3, 2)))
    assert np.all(first[0] == 1)
    assert np.all(first[1] == 1)


def test_the_plan_of_a_program():
    def two_layers(x, w):
        h = np.maximum(x @ w, 0)
        return np.sum((np.tanh(h @ w) - 1) ** 2)

    program = pb.grad(pb.trace(two_layers, x="N 33", w="33 33"), wrt="w")
    small, large = program.memory_plan(N=10), program.memory_plan(N=1000)
    assert large.bytes > 50 * small.bytes
    assert large.peak <= large.total < large.apart
    for sizes, message in [
        ({}, "memory_plan: the length of N is missing"),
        ({"N": 0}, "memory_plan: N must be a whole number >= 1, not 0"),
        ({"n": 3}, "memory_plan: n is no axis of grad_two_layers; its named axes are: N"),
    ]:
        with pytest.raises(UsageError, match=message):
            program.memory_plan(**sizes)


def test_draws():
    for shape in [(7,), (3, 5), (0, 2), (2, 3, 4)]:
        for dtype in (np.float32, np.float64):
            out = np.empty(shape, dtype)
            draw = uniform_into(out)
            for arguments in [(0, 0, 0, 0), (2**63 - 1, 2**32 - 1, 9, 3), (5, 2**31, 2**33, 1)]:
                draw(*arguments)
                assert same_bits(out, random_uniform(*arguments, shape, out.dtype))


def test_softmax_and_log_softmax_share_their_exponentials():
    program = pb.trace(lambda z: pb.nn.softmax(z) + pb.nn.log_softmax(z), z="N 3")
    names = [equation.primitive.name for equation in taken_apart(program).equations]
    assert names.count("exp") == 1


# Training steps.

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(22, 6))
LABELS = np.arange(22) % 3
VALUES = RANDOM.normal(size=22)
NET = [pb.nn.Dense(8), pb.nn.ReLU(), pb.nn.Dense(3)]
RICH = [pb.nn.Dense(8), pb.nn.BatchNorm(), pb.nn.Dropout(0.3), pb.nn.LayerNorm(), pb.nn.Dense(3)]
RULES = [
    *(OPTIMIZERS[name](learning_rate=0.02) for name in OPTIMIZERS),
    pb.optim.RMSProp(0.01, momentum=0.5, centered=True),
    pb.optim.Decayed(pb.optim.Momentum(0.05), 0.01),
    pb.optim.ClippedByValue(pb.optim.SGD(0.3), 0.1),
    pb.optim.ClippedByNorm(pb.optim.SGD(0.3), 0.5),
    pb.optim.Averaged(pb.optim.Adam(0.02), 0.9),
]


def targets_of(loss):
    if loss.targets == "distribution":
        return LABELS
    if loss.targets == "fractions":
        return np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(float)
    return np.floor(np.abs(VALUES) * 3) if loss.targets == "counts" else VALUES


def readable(program):
    return executable(program).flat


def in_both_forms(net, y, **settings):
    """The variables after each step, of the form with buffers and of the readable one."""
    settings = {"batch_size": 8, "optimizer": pb.optim.Adam(0.02)} | settings
    training = prepare(pb.nn.Sequential(*net), X, y, **settings).training()
    mine, theirs = training._stepper, replace(training._stepper, compiled=readable)
    found = []
    one = other = training.variables
    for update, chosen in enumerate(training.plan.slices * 2):
        rows = training.plan.rows.chosen(chosen)
        numbers = training.problem.optimizer.numbers(update + 1, 0.02)
        with np.errstate(all="ignore"):
            done, wanted = (s(rows, v, update, numbers) for s, v in ((mine, one), (theirs, other)))
        one, other = one.after(done), other.after(wanted)
        told = [{k: r.get(k) for k in ("loss", "metrics", "penalty")} for r in (done, wanted)]
        found.append(([told[0], one], [told[1], other]))
    assert mine._carrier is not None
    return found


def leaves(told, variables):
    return flatten([told, dict(variables.params), dict(variables.state), variables.rule_state])[0]


def equal(found):
    """Whether all steps told the same and left the same variables, to the last bit."""
    return all(
        [np.asarray(leaf).tobytes() for leaf in leaves(*mine)]
        == [np.asarray(leaf).tobytes() for leaf in leaves(*theirs)]
        for mine, theirs in found
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("net", [NET, RICH], ids=["plain", "rich"])
def test_steps_of_networks(net, dtype):
    assert equal(in_both_forms(net, LABELS, dtype=dtype, penalty=pb.losses.L2(0.01)))
    weights = np.arange(22.0)
    assert equal(in_both_forms(net, LABELS, dtype=dtype, sample_weight=weights))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_steps_of_each_activation(name):
    assert equal(in_both_forms([pb.nn.Dense(4), ACTIVATIONS[name](), pb.nn.Dense(3)], LABELS))


@pytest.mark.parametrize("name", LOSSES)
def test_steps_of_each_loss(name):
    loss = LOSSES[name]()
    y = targets_of(loss)
    outputs = 3 if y is LABELS else np.reshape(y, (22, -1)).shape[1]
    assert equal(in_both_forms([pb.nn.Dense(4), pb.nn.Dense(outputs)], y, loss=loss))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_steps_of_each_update_rule(rule):
    assert equal(in_both_forms(NET, LABELS, optimizer=rule))


def test_a_wrong_bit_would_be_seen():
    found = in_both_forms(NET, LABELS)
    assert equal(found)
    found[-1][0][1].params["W1"][0, 0] += 1e-6
    assert not equal(found)
