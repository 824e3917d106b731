"""The checker of the rules is itself tested: every planted fault must make it complain.

A mutant that computes what the rule computes is no fault. Such mutants are found by comparing
their cotangents with the rule's, and stand in `EQUIVALENT` with the reason.
"""

from contextlib import contextmanager

import numpy as np
import pytest
import rule_checker as checker

import pullback as pb
import pullback.transforms.sweep as sweep_module
from pullback.primitive import REGISTRY


def each_part(change):
    """A mutation of every cotangent that a rule returns."""

    def mutate(rule):
        def mutant(ct, out, *inputs, **params):
            parts = rule(ct, out, *inputs, **params)
            return tuple(None if part is None else change(part) for part in parts)

        return mutant

    return mutate


def of_cotangent(change):
    """A rule that is given another cotangent than the one that arrived."""

    def mutate(rule):
        def mutant(ct, out, *inputs, **params):
            return rule(change(ct), out, *inputs, **params)

        return mutant

    return mutate


def swapped(rule):
    def mutant(ct, out, *inputs, **params):
        parts = list(rule(ct, out, *inputs, **params))
        given = [i for i, part in enumerate(parts) if part is not None]
        for i, j in zip(given, [*given[1:], *given[:1]], strict=True):
            parts[i] = rule(ct, out, *inputs, **params)[j]
        return tuple(parts)

    return mutant


def dropped(place):
    """The cotangent of one floating input is left out, as if no path led there."""

    def mutate(rule):
        def mutant(ct, out, *inputs, **params):
            parts = list(rule(ct, out, *inputs, **params))
            given = [i for i, part in enumerate(parts) if part is not None]
            if place < len(given):
                parts[given[place]] = None
            return tuple(parts)

        return mutant

    return mutate


def inputs_swapped(rule):
    def mutant(ct, out, *inputs, **params):
        floating = [i for i, x in enumerate(inputs) if checker.is_floating(x)]
        turned = list(inputs)
        for i, j in zip(floating, reversed(floating), strict=True):
            turned[i] = inputs[j]
        return rule(ct, out, *turned, **params)

    return mutant


def flipped(x):
    return x[..., ::-1] if np.ndim(x) else -x


def unsummed(x):
    """What is left when a reduction is forgotten: one entry stands for all."""
    return x[..., :1] if np.ndim(x) else 0 * x


FOR_ANY_RULE = {
    "sign": each_part(lambda part: -1 * part),
    "factor": each_part(lambda part: 1.5 * part),
    "zero": each_part(lambda part: 0.0 * part),
    "flipped": each_part(flipped),
    "missing reduction": each_part(unsummed),
    "averaged": each_part(lambda part: np.mean(part, keepdims=True)),
    "ones for the cotangent": of_cotangent(np.ones_like),
    "cotangent squared": of_cotangent(np.square),
    "cotangent flipped": of_cotangent(flipped),
    "first dropped": dropped(0),
}
FOR_SEVERAL_INPUTS = {
    "second dropped": dropped(1),
    "inputs swapped": inputs_swapped,
    "parts swapped": swapped,
}

EQUIVALENT = {
    "add": {"inputs swapped", "parts swapped"},  # both get ct, whatever the inputs are
    "subtract": {"inputs swapped"},  # the rule does not read them
    "setitem": {"inputs swapped"},  # nor this one
    "where": {"inputs swapped"},  # it reads the condition only
    "stack": {"inputs swapped"},  # it counts them
    "as_scalar": {"averaged"},  # its cotangent is one number, the mean of itself
    "with_rule": set(FOR_ANY_RULE),  # its sample is of whole numbers, which have no slope
    "sign": set(FOR_ANY_RULE),  # its cotangent is 0, and no change of 0 is a fault
    "floor": set(FOR_ANY_RULE),  # nor of this one
}

WITH_RULE = sorted(
    name
    for name, primitive in REGISTRY.items()
    if primitive.rule is not None and list(checker.functions(primitive))
)


@contextmanager
def planted(primitive, mutation):
    rule = primitive.rule
    primitive._rules[:] = [mutation(rule)]
    try:
        yield
    finally:
        primitive._rules[:] = [rule]


def mutations_of(primitive):
    several = max(len(function.places) for function in checker.functions(primitive)) > 1
    return FOR_ANY_RULE | (FOR_SEVERAL_INPUTS if several else {})


def cotangents(primitive):
    """What the rule gives at each case, or the error that it ends in."""
    random = np.random.default_rng(7)
    for function in checker.functions(primitive):
        ct = checker.random_like(random, function.of(*function.inputs))
        try:
            yield pb.vjp(function.of, *function.inputs)[1](ct)
        except Exception as error:  # a mutant may fail in any way
            yield repr(error)


def are_equal(left, right):
    return all(
        not isinstance(a, str)
        and not isinstance(b, str)
        and all(not checker.far_apart(x, y, 1e-12) for x, y in zip(a, b, strict=True))
        for a, b in zip(left, right, strict=True)
    )


def is_equivalent(primitive, mutation, expected):
    with planted(primitive, mutation):
        return are_equal(cotangents(primitive), expected)


@pytest.mark.parametrize("name", WITH_RULE)
def test_every_fault_is_caught_and_equivalent_mutants_are_listed(name):
    primitive = REGISTRY[name]
    equivalent = set()
    missed = set()
    expected = list(cotangents(primitive))
    for fault, mutation in mutations_of(primitive).items():
        if is_equivalent(primitive, mutation, expected):
            equivalent.add(fault)
            continue
        with planted(primitive, mutation):
            if next(checker.each_problem(primitive), None) is None:
                missed.add(fault)
    assert missed == set()
    assert equivalent == EQUIVALENT.get(name, set())


def test_the_rules_are_back_in_their_place():
    assert [name for name in WITH_RULE if REGISTRY[name].rule.__name__ == "mutant"] == []
    assert checker.problems(REGISTRY["matmul"]) == []


@pytest.mark.parametrize(
    "instead_of_summing",
    [
        pytest.param(lambda x, **how: np.mean(x, **how), id="averages"),
        pytest.param(lambda x, **how: np.max(x, **how), id="takes the largest"),
        pytest.param(lambda x, **how: -np.sum(x, **how), id="turns the sign"),
    ],
)
def test_a_sweep_that_does_not_sum_over_repeated_axes_is_caught(monkeypatch, instead_of_summing):
    class Faulty:
        sum = staticmethod(instead_of_summing)
        broadcast_to = staticmethod(np.broadcast_to)

    monkeypatch.setattr(sweep_module, "np", Faulty)
    for name in ("add", "multiply", "power", "logaddexp", "where", "maximum", "broadcast_to"):
        assert checker.problems(REGISTRY[name]), name
