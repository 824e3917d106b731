"""The checker of the rules is itself tested: every planted fault must make it complain.

A mutant that computes what the rule computes is no fault. Such mutants are found by comparing
their cotangents with the rule's, and stand in `EQUIVALENT` with the reason.
"""

from contextlib import contextmanager

import numpy as np
import pytest
import rule_checker as checker

import pullback as pb
from pullback.primitive import REGISTRY
from pullback.transforms import vjp as sweep_module


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
    def mutate(rule):
        def mutant(ct, out, *inputs, **params):
            parts = list(rule(ct, out, *inputs, **params))
            if place < len(parts):
                parts[place] = None
            return tuple(parts)

        return mutant

    return mutate


def output_doubled(rule):
    return lambda ct, out, *inputs, **params: rule(ct, 2 * out, *inputs, **params)


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


MUTATIONS = {
    "sign": each_part(lambda part: -1 * part),
    "factor": each_part(lambda part: 1.5 * part),
    "zero": each_part(lambda part: 0.0 * part),
    "flipped": each_part(flipped),
    "missing reduction": each_part(unsummed),
    "averaged": each_part(lambda part: np.mean(part, keepdims=True)),
    "ones for the cotangent": of_cotangent(np.ones_like),
    "cotangent squared": of_cotangent(np.square),
    "cotangent flipped": of_cotangent(flipped),
    "output doubled": output_doubled,
    "inputs swapped": inputs_swapped,
    "parts swapped": swapped,
    "first dropped": dropped(0),
    "second dropped": dropped(1),
    "third dropped": dropped(2),
}

NO_INPUTS = {"full", "size"}
"""Their rule returns no cotangent at all."""

WITH_RULE = sorted(name for name, each in REGISTRY.items() if each.rule and name not in NO_INPUTS)


@contextmanager
def planted(primitive, mutation):
    rule = primitive.rule
    primitive._rules[:] = [mutation(rule)]
    try:
        yield
    finally:
        primitive._rules[:] = [rule]


def cotangents(primitive):
    """What the rule gives at every case, or the error that it ends in."""
    random = np.random.default_rng(7)
    found = []
    for function in checker.functions(primitive):
        ct = checker.random_like(random, function.of(*function.inputs))
        try:
            found.append(pb.vjp(function.of, *function.inputs)[1](ct))
        except Exception as error:  # a mutant may fail in any way
            found.append(repr(error))
    return found


def are_equal(left, right):
    return all(
        not isinstance(a, str)
        and not isinstance(b, str)
        and all(not checker.far_apart(x, y, 1e-12) for x, y in zip(a, b, strict=True))
        for a, b in zip(left, right, strict=True)
    )


def is_equivalent(primitive, mutation):
    expected = cotangents(primitive)
    with planted(primitive, mutation):
        return are_equal(cotangents(primitive), expected)


@pytest.mark.parametrize("name", WITH_RULE)
def test_every_fault_is_caught_and_equivalent_mutants_are_known(name):
    primitive = REGISTRY[name]
    missed = set()
    equivalent = set()
    for fault, mutation in MUTATIONS.items():
        if is_equivalent(primitive, mutation):
            equivalent.add(fault)
            continue
        with planted(primitive, mutation):
            if not checker.problems(primitive):
                missed.add(fault)
    print(name, sorted(equivalent))
    assert missed == set()
