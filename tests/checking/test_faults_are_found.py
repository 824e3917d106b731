"""The prover is itself tested: a faulty rule is always found, and named with the user's line."""

import re

import numpy as np
import pytest

import pullback as pb
from pullback.errors import GradientError, PullbackError
from pullback.primitive import REGISTRY


def each_part(change):
    def mutate(rule):
        def mutant(ct, out, *inputs, **params):
            parts = rule(ct, out, *inputs, **params)
            return tuple(None if part is None else change(part) for part in parts)

        return mutant

    return mutate


def swapped(rule):
    """Each input gets the cotangent of another (for one input: entries in another order)."""

    def mutant(ct, out, *inputs, **params):
        parts = rule(ct, out, *inputs, **params)
        given = [i for i, part in enumerate(parts) if part is not None]
        if len(given) == 1:
            return tuple(None if part is None else part[..., ::-1] for part in parts)
        turned = list(parts)
        for i, j in zip(given, [*given[1:], *given[:1]], strict=True):
            turned[i] = parts[j]
        return tuple(turned)

    return mutant


FAULTS = {
    "sign": each_part(lambda part: -1.0 * part),
    "1.0001": each_part(lambda part: 1.0001 * part),
    "twice": each_part(lambda part: 2.0 * part),
    "zero": each_part(lambda part: 0.0 * part),
    "swapped": swapped,
}

# Operations of arrays that are positive and differ; both arguments of two have one shape.
USERS = {
    "exp": lambda x, y: np.exp(x) * y,
    "log": lambda x, y: np.log(x) * y,
    "tanh": lambda x, y: np.tanh(x) + y,
    "sin": lambda x, y: np.sin(x) + y,
    "sqrt": lambda x, y: np.sqrt(x) * y,
    "multiply": lambda x, y: np.multiply(x, y),
    "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y,
    "subtract": lambda x, y: x - y,
    "matmul": lambda x, y: x @ y,
    "maximum": lambda x, y: np.maximum(x, y),
    "minimum": lambda x, y: np.minimum(x, y),
    "abs": lambda x, y: np.abs(x) + y,
    "norm": lambda x, y: np.linalg.norm(x, axis=1) + y[:, 0],
    "max": lambda x, y: np.max(x, axis=1) + y[:, 0],
    "sigmoid": lambda x, y: pb.nn.sigmoid(x) * y,
    "softmax": lambda x, y: pb.nn.softmax(x) * y,
    "log_softmax": lambda x, y: pb.nn.log_softmax(x) * y,
    "logsumexp": lambda x, y: pb.nn.logsumexp(x) * y[:, 0],
    "logaddexp": lambda x, y: np.logaddexp(x, y),
    "where": lambda x, y: np.where(x > y, x, y),
    "prod": lambda x, y: np.prod(x, axis=1) + y[:, 0],
    "cumsum": lambda x, y: np.cumsum(x, axis=1) * y,
}

TEXT = re.compile(
    r"The derived gradient of (?P<name>[xy]) is wrong at entry \[(?P<entry>[\d, ]+)\]: "
    r"analytic (?P<analytic>\S+), numeric (?P<numeric>\S+)\. "
    r"The rule of (?P<rule>\w+) is to blame \(its input number (?P<place>\d)\)\.\n"
    r"  at (?P<file>[\w.]+), line (?P<line>\d+): (?P<code>.+)"
)


def sample(shape):
    random = np.random.default_rng(1)
    return random.uniform(0.5, 2, size=shape), random.uniform(0.5, 2, size=shape)


def error_of(function, *arrays, **options):
    with pytest.raises(GradientError) as caught:
        pb.check_gradients(function, *arrays, **options)
    return str(caught.value)


def plant(monkeypatch, name, fault):
    replace_rule(monkeypatch, name, FAULTS[fault](REGISTRY[name].rule))


def replace_rule(monkeypatch, name, rule):
    # A primitive is frozen; what it holds is not.
    monkeypatch.setitem(vars(REGISTRY[name]), "_rules", [rule])


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", USERS)
def test_small_inputs(monkeypatch, name, fault):
    x, y = sample((4, 4))
    pb.check_gradients(USERS[name], x, y)
    plant(monkeypatch, name, fault)
    found = TEXT.fullmatch(error_of(USERS[name], x, y))
    assert found is not None
    assert found["rule"] == name
    assert found["file"] == "test_faults_are_found.py"
    assert found["code"].startswith(f'"{name}": lambda')


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", USERS)
def test_large_inputs(monkeypatch, name, fault):
    """The entry that bisection finds is wrong, and its two values are what they are called."""
    shape = (40, 40)
    x, y = sample(shape)
    entries = 100
    pb.check_gradients(USERS[name], x, y, entries=entries)
    right = derived_with_the_same_cotangent(USERS[name], x, y)
    plant(monkeypatch, name, fault)
    wrong = derived_with_the_same_cotangent(USERS[name], x, y)
    found = TEXT.fullmatch(error_of(USERS[name], x, y, entries=entries))
    assert found is not None
    assert found["rule"] == name
    place = "xy".index(found["name"])
    entry = tuple(map(int, found["entry"].split(", ")))
    assert float(found["analytic"]) == pytest.approx(wrong[place][entry], rel=1e-8, abs=1e-300)
    assert float(found["numeric"]) == pytest.approx(right[place][entry], rel=1e-5, abs=1e-9)
    assert abs(wrong[place][entry] - right[place][entry]) > 1e-6 * abs(right[place][entry])


def derived_with_the_same_cotangent(function, x, y):
    """The gradients for the cotangent of seed 0, which is the first thing that is drawn."""
    out, pullback = pb.vjp(function, x, y)
    return pullback(np.random.default_rng(0).normal(size=out.shape))


def test_one_wrong_entry_among_many_is_the_one_that_is_named(monkeypatch):
    def mutate(rule):
        def mutant(ct, out, x):
            (part,) = rule(ct, out, x)
            wrong = np.zeros(x.shape)
            wrong[17, 31] = 1.0
            return (part + wrong,)

        return mutant

    replace_rule(monkeypatch, "tanh", mutate(REGISTRY["tanh"].rule))
    found = TEXT.match(error_of(lambda x: np.tanh(x), sample((50, 60))[0]))
    assert found["entry"] == "17, 31"
    assert float(found["analytic"]) == pytest.approx(float(found["numeric"]) + 1)


def test_the_faulty_rule_is_named_however_deep_it_stands(monkeypatch):
    plant(monkeypatch, "tanh", "1.0001")

    def deep(x, y):
        h = np.tanh(x @ y)
        for _ in range(3):
            h = pb.nn.sigmoid(h @ y) * 2
        return np.sum(h**2)

    x, y = sample((4, 4))
    text = error_of(deep, x - 1, y - 1)
    assert "The rule of tanh is to blame" in text
    assert text.endswith("h = np.tanh(x @ y)")


@pytest.mark.parametrize("fault", FAULTS)
def test_programs_are_checked_like_functions(monkeypatch, fault):
    program = pb.trace(lambda x, y: np.sum(np.exp(x) @ y), x="N D", y="D C")
    plant(monkeypatch, "exp", fault)
    text = error_of(program, *sample((4, 4)))
    assert "The rule of exp is to blame" in text


@pytest.mark.parametrize(
    ("factor", "offset"), [(1e6, 0.0), (1.0, 0.0), (1e-8, 0.0), (1e6, 1e6), (1.0, 1e6)]
)
def test_functions_of_any_magnitude(monkeypatch, factor, offset):
    x, _ = sample((4, 4))

    def function(x):
        return offset + factor * np.sum(np.sin(x))

    pb.check_gradients(function, x)
    plant(monkeypatch, "sin", "1.0001")
    assert "The rule of sin is to blame" in error_of(function, x)


def test_a_fault_in_one_variable_leaves_the_others_right(monkeypatch):
    plant(monkeypatch, "exp", "twice")

    def function(x, y):
        return np.sum(np.exp(x) + y**2)

    x, y = sample((3, 3))
    pb.check_gradients(function, x, y, wrt="y")
    assert "gradient of x is wrong" in error_of(function, x, y, wrt="x")


def test_a_missing_gradient_is_found(monkeypatch):
    """A rule that says None (not differentiable) where there is a slope."""
    replace_rule(monkeypatch, "sin", lambda ct, out, x: (None,))
    with pytest.raises(PullbackError):
        pb.check_gradients(lambda x: np.sum(np.sin(x) * x), sample((3, 3))[0])
