"""Rules of one's own are checked like those of primitives, and named when they are wrong."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import GradientError
from pullback.primitive import REGISTRY


def softsign_rule(ct, out, x):
    return ct * (1 - np.abs(out)) ** 2


@pb.custom_vjp(rule=softsign_rule)
def softsign(x):
    return x / (1 + np.abs(x))


@pb.custom_vjp(rule=lambda ct, out, z: ct * pb.nn.sigmoid(z))
def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


@pb.custom_vjp(rule=lambda ct, out, a, b: (ct @ b.T, a.T @ ct))
def product(a, b):
    return a @ b


FAULTS = {
    "sign": lambda *parts: tuple(-part for part in parts),
    "factor": lambda *parts: tuple(1.0001 * part for part in parts),
    "zero": lambda *parts: tuple(0 * part for part in parts),
    "second missing": lambda first, *rest: (first, *(None for _ in rest)),
}


def broken(custom, fault):
    def rule(ct, out, *inputs):
        parts = custom.rule(ct, out, *inputs)
        return FAULTS[fault](*(parts if isinstance(parts, tuple) else (parts,)))

    return pb.custom_vjp(custom.function, rule=rule)


def network(x, W1, W2, softsign=softsign, product=product, softplus=softplus):
    h = softsign(product(x, W1))
    for _ in range(2):
        h = np.tanh(softplus(product(h, W2)) * 0.5 + pb.nn.sigmoid(h))
    return np.sum(np.log(1 + h**2))


def point():
    random = np.random.default_rng(0)
    return [random.normal(size=shape) for shape in [(4, 3), (3, 5), (5, 5)]]


def error_of(function, *arrays, **options):
    with pytest.raises(GradientError) as caught:
        pb.check_gradients(function, *arrays, **options)
    return str(caught.value)


@pytest.mark.parametrize("options", [{}, {"order": 2}, {"dtype": "f4"}, {"entries": 0}], ids=str)
def test_right_rules_among_many_pass(options):
    assert pb.check_gradients(network, *point(), **options).is_right


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["softsign", "softplus", "product"])
@pytest.mark.parametrize("entries", [300, 0])
def test_a_faulty_rule_is_named_among_many(name, fault, entries):
    right = {"softsign": softsign, "softplus": softplus, "product": product}[name]
    if fault == "second missing" and name != "product":
        return

    def with_fault(x, W1, W2):
        return network(x, W1, W2, **{name: broken(right, fault)})

    text = error_of(with_fault, *point(), entries=entries)
    assert f"The rule of {name} is to blame (its input number" in text
    assert "at test_own_rules.py, line" in text


def test_the_number_is_that_of_the_functions_input():
    second = pb.custom_vjp(product.function, rule=lambda ct, out, a, b: (ct @ b.T, 2 * (a.T @ ct)))
    text = error_of(lambda a, b: np.sum(second(a, b) ** 2), np.ones((2, 3)), np.ones((3, 2)))
    assert "gradient of b is wrong at entry [0, 0]" in text
    assert "is to blame (its input number 2)" in text


def test_a_wrong_rule_in_float32():
    half = pb.custom_vjp(np.tanh, rule=lambda ct, out, x: 1.1 * ct * (1 - out**2))
    text = error_of(lambda x: np.sum(half(x) * np.exp(x)), np.linspace(-1, 1, 5), dtype="f4")
    assert "The rule of tanh is to blame" in text


def test_a_faulty_rule_inside_is_not_used_and_not_blamed(monkeypatch):
    """What a function with a rule of its own computes with has no say in the gradient."""
    monkeypatch.setitem(vars(REGISTRY["log1p"]), "_rules", [lambda ct, out, x: (7.0 * ct,)])
    z = np.array([-1.0, 0.5, 3])
    assert pb.check_gradients(softplus, z).is_right
    wrong = broken(softplus, "factor")
    assert "The rule of softplus is to blame" in error_of(wrong, z)


def test_a_faulty_primitive_outside_is_named(monkeypatch):
    monkeypatch.setitem(vars(REGISTRY["exp"]), "_rules", [lambda ct, out, x: (2 * ct * out,)])
    text = error_of(lambda z: np.sum(softsign(np.exp(z)) * softplus(z)), np.array([-1.0, 1]))
    assert "The rule of exp is to blame" in text


# ------------------------------------------------------------------------------------- kinks


def test_kinks_inside_that_cancel_are_none():
    check = pb.check_gradients(softplus, np.array([0.0, 1, -1]), order=2)
    assert check.is_right
    assert check.kinks == {}
    text = error_of(softplus.function, np.array([0.0, 1, -1]))
    assert "cancel; write the function without them" in text


def relu_with(slope):
    def rule(ct, out, x):
        return ct * np.where(x == 0, slope, x > 0)

    return pb.custom_vjp(lambda x: np.maximum(x, 0), rule=rule)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_a_rule_may_choose_any_slope_between_at_a_kink(slope):
    relu = relu_with(slope)
    x = np.array([-1.0, 0, 0, 2])
    check = pb.check_gradients(lambda x: np.sum(np.arange(4) * relu(x) ** 1), x)
    assert check.kinks == {"<lambda>": 2}
    (variable,) = check.variables
    assert [kink.entry for kink in variable.kinks] == [(1,), (2,)]
    for kink, weight in zip(variable.kinks, (1, 2), strict=True):
        assert kink.derived == pytest.approx(slope * 0.12573022 * weight)
        assert kink.is_between


@pytest.mark.parametrize("slope", [-0.1, 1.1])
def test_no_slope_outside_the_one_sided_ones(slope):
    relu = relu_with(slope)
    text = error_of(lambda x: np.sum(relu(x)), np.array([-1.0, 0, 2]))
    assert f"it chooses the slope {slope:g} at a kink (entry [1] of its input number 1)" in text
    assert "outside its one-sided slopes" in text


def test_a_wrong_rule_away_from_kinks_is_found_beside_one_on_them():
    relu = pb.custom_vjp(lambda x: np.maximum(x, 0), rule=lambda ct, out, x: 2 * ct * (x > 0))
    text = error_of(lambda x: np.sum(relu(x) ** 2), np.array([-1.0, 0, 2]))
    assert "at entry [2]: analytic 1.00584177, numeric 0.502920884" in text
    assert "The rule of <lambda> is to blame" in text


def first_of_ties(ct, out, x):
    best = x == out[:, None]
    return ct[:, None] * (best & (np.cumsum(best, axis=1) == 1))


def test_a_rule_for_ties_that_differs_from_the_primitives():
    top = pb.custom_vjp(lambda x: np.max(x, axis=1), rule=first_of_ties)
    x = np.array([[1.0, 1, 0], [2, 2, 2], [0, 3, 1]])
    check = pb.check_gradients(lambda x: np.sum(top(x) ** 2), x)
    assert check.kinks == {"<lambda>": 2}
    assert len(check.variables[0].kinks) == 5


@pytest.mark.parametrize("x", [np.array([-1.0, 0.3, 2]), np.zeros(3)], ids=str)
def test_a_straight_through_estimator_is_not_the_gradient(x):
    """Deliberately so; the check says it and names it."""
    step = pb.custom_vjp(np.sign, rule=lambda ct, out, x: ct)
    text = error_of(lambda x: np.sum(step(x) * np.exp(x)), x)
    assert "The rule of sign is to blame" in text


def test_a_custom_function_inside_another():
    outer = pb.custom_vjp(
        lambda x: softplus(x) ** 2, rule=lambda ct, out, x: 2 * ct * softplus(x) * pb.nn.sigmoid(x)
    )
    assert pb.check_gradients(outer, np.array([0.0, 1, -2]), order=2).is_right
    twice = broken(outer, "factor")
    assert "The rule of <lambda> is to blame" in error_of(twice, np.array([0.0, 1, -2]))
