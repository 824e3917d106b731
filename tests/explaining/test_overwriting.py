"""The pass that overwrites, against one that is written out: the last contribution alone counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from networks import SHARED, SPECS, VALUES, forked, shared, two_layer
from random_expressions import EXPRESSIONS, INPUTS, expression

import pullback as pb
from pullback.explaining import Overwriting, subject_at
from pullback.transforms import derive, local_program


def written_out(subject):
    """The cotangents of a pass that says `dx = ...` at every use."""
    values, names = subject.values, subject.forward.names
    signals = {seed.target: subject.value(seed.cotangent) for seed in subject.derivation.seeds}
    for pull in subject.derivation.pulls:
        out = pull.equation.out
        known = {names[a]: subject.value(a) for a in pull.equation.inputs if a in values}
        known |= {names[out]: values[out]}
        ct = signals[out]
        for contribution in pull.contributions:
            rule = local_program(subject.forward, contribution)
            reads = zip(rule.arguments, rule.argument_inputs, strict=True)
            arguments = {a.name: ct if v.cotangent_of else known[a.name] for a, v in reads}
            signals[contribution.target] = rule(**arguments)
    return signals


def assert_overwritten(subject):
    overwriting, expected = Overwriting(subject), written_out(subject)
    assert set(expected) == set(overwriting.derivation.cotangents)
    for var, value in expected.items():
        assert np.allclose(overwriting.signal(var), value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("function", "values", "wrt"),
    [(two_layer, VALUES, None), (forked, VALUES, None), (shared, SHARED, ["W", "W_out"])],
)
def test_each_contribution_replaces_those_before_it(function, values, wrt):
    assert_overwritten(subject_at(function, (), values, wrt=wrt))


@settings(max_examples=15)
@given(steps=EXPRESSIONS)
def test_each_contribution_of_random_expressions_replaces_those_before_it(steps):
    assert_overwritten(subject_at(expression(steps), (), INPUTS))


def test_the_right_derivation_stays_as_it_was():
    subject = subject_at(forked, (), VALUES, wrt=["W1", "W2"])
    before = {var: np.array(subject.signal(var)) for var in subject.wrt}
    assert Overwriting(subject).spoilt
    for var, value in before.items():
        assert np.array_equal(subject.signal(var), value)


def test_it_tells_where_the_pass_goes_wrong_first_and_what_is_spoilt():
    subject = subject_at(forked, (), VALUES, wrt=["W1", "W2"])
    overwriting = Overwriting(subject)
    assert [subject.name(var) for var in overwriting.forks] == ["W1", "h"]
    lost = overwriting.first_wrong
    assert subject.name(lost.var) == "h"
    assert subject.name(lost.pull.equation.out) == "multiply"
    h = VALUES["x"] @ VALUES["W1"]
    assert np.allclose(lost.wrong, h)
    assert np.allclose(lost.right, 2 * h)
    (spoilt,) = overwriting.spoilt
    assert subject.name(spoilt.var) == "W1"
    wrong = VALUES["x"].T @ ((h > 0) * written_out_h_relu())
    assert np.allclose(spoilt.wrong, wrong)
    expected = np.max(np.abs(wrong - spoilt.right)) / np.max(np.abs(spoilt.right))
    assert np.isclose(spoilt.error, expected)


def written_out_h_relu():
    x, y, W1, W2 = VALUES.values()
    return 2 * (np.maximum(x @ W1, 0) @ W2 - y) @ W2.T


def test_without_a_fork_nothing_changes():
    overwriting = Overwriting(subject_at(two_layer, (), VALUES, wrt=["W1", "W2"]))
    assert overwriting.forks == overwriting.spoilt == ()
    assert overwriting.first_wrong is None


def test_a_lost_contribution_of_zeros_does_no_harm():
    def f(x):
        return np.sum(x * 3.0) + np.sum(x * 0.0)

    first = Overwriting(subject_at(f, (np.ones(2),)))
    assert len(first.forks) == 1
    assert first.first_wrong is None
    assert first.spoilt == ()


def test_equal_contributions_to_two_values_are_told_apart():
    """b gets the two of a, and one more behind them."""

    def f(a, b):
        return 3.0 * np.sum(b) + np.sum(a + b) + np.sum(a + b)

    subject = subject_at(f, (np.ones(2), np.ones(2)))
    assert_overwritten(subject)
    assert [Overwriting(subject).signal(var)[0] for var in subject.wrt] == [1.0, 3.0]


def test_a_value_that_is_returned_twice_is_a_fork_too():
    def f(x):
        h = np.exp(x)
        return h, h

    ct = np.array([1.0, 2.0])
    subject = subject_at(f, (np.zeros(2),), cotangent=(ct, 10 * ct))
    overwriting = Overwriting(subject)
    assert np.array_equal(overwriting.signal(subject.wrt[0]), 10 * ct)
    assert overwriting.first_wrong.pull is None
    assert np.array_equal(overwriting.first_wrong.right, 11 * ct)


def test_sums_of_the_forward_pass_stay():
    """Its additions may add the very values that the backward pass adds."""

    @pb.custom_vjp(rule=lambda ct, out, x: out)
    def doubled(x):
        return 2.0 * x

    def f(x):
        first = doubled(x)
        second = doubled(x + 1.0)
        return np.sum(second + first)

    subject = subject_at(f, (np.ones(2),))
    (x,) = subject.wrt
    assert np.array_equal(subject.signal(x), [6.0, 6.0])
    wrong = Overwriting(subject)
    for equation in subject.forward.equations:
        assert np.array_equal(wrong.values[equation.out], subject.values[equation.out])


def test_the_gradient_of_a_gradient_is_overwritten_too():
    program = pb.grad(pb.trace(forked, **SPECS), wrt="W1")
    again = pb.trace(lambda **values: np.sum(program(**values) ** 2), **SPECS)
    subject = subject_at(again, (), VALUES, wrt=["W2"])
    wrong = Overwriting(subject).derivation
    outs = {equation.out for equation in wrong.program.equations}
    assert outs >= {equation.out for equation in derive(again).forward.equations}
    assert_overwritten(subject)
