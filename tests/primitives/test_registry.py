"""One walk over the registry: a primitive added tomorrow is tested without new code."""

import numpy as np
import pytest
import rule_checker as checker

import pullback as pb
from pullback.avals import aval_of
from pullback.primitive import REGISTRY
from pullback.transforms import vjp_program

CONSTANTS = {"one_hot", "uniform"}
"""Primitives with a floating result and no rule: what they read is not floating."""

ALL = [pytest.param(primitive, id=name) for name, primitive in sorted(REGISTRY.items())]
WITH_RULE = [
    pytest.param(primitive, id=name)
    for name, primitive in sorted(REGISTRY.items())
    if primitive.rule is not None
]


def traced(primitive, case):
    """The program of a case, its array inputs as arguments, and their values."""
    arrays = {f"a{i}": x for i, x in enumerate(case.inputs) if isinstance(x, np.ndarray)}

    def f(**values):
        inputs = [values.get(f"a{i}", x) for i, x in enumerate(case.inputs)]
        return primitive(*inputs, **case.params)

    return pb.trace(f, **arrays), arrays


def run_with_numpy_alone(source, values):
    """The result of the emitted function where nothing but NumPy can be imported."""

    def only_numpy(name, *rest):
        assert name == "numpy", f"the emitted source imports {name}"
        return np

    builtins = {"__import__": only_numpy, "list": list, "tuple": tuple}
    scope = {"__builtins__": builtins}
    exec(source, scope)
    (function,) = (scope[name] for name in scope if name in ("f", "vjp_f"))
    return function(*values)


def same_bits(left, right):
    left, right = np.asarray(left), np.asarray(right)
    return (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())


@pytest.mark.parametrize("primitive", ALL)
def test_there_are_cases_that_examine_it(primitive):
    cases = checker.cases(primitive)
    assert cases
    if primitive.rule is not None and any(case.inputs for case in cases):
        assert list(checker.functions(primitive)), "no case has a floating input"


@pytest.mark.parametrize("primitive", ALL)
def test_the_value_has_the_shape_and_dtype_of_the_aval_rule(primitive):
    for case in checker.cases(primitive):
        value = primitive.evaluate(*case.inputs, **case.params)
        aval = primitive.aval(*map(aval_of, case.inputs), **case.params)
        assert np.shape(value) == aval.shape
        assert np.asarray(value).dtype == aval.dtype


@pytest.mark.parametrize("primitive", ALL)
def test_float32_stays_float32(primitive):
    for case in checker.cases(primitive):
        inputs = [
            x.astype("f4") if isinstance(x, np.ndarray) and x.dtype == np.float64 else x
            for x in case.inputs
        ]
        value = primitive.evaluate(*inputs, **case.params)
        aval = primitive.aval(*map(aval_of, inputs), **case.params)
        assert np.asarray(value).dtype == aval.dtype
        arrays = any(isinstance(x, np.ndarray) and x.dtype == np.float32 for x in inputs)
        if arrays and "dtype" not in case.params:
            assert aval.dtype.kind != "f" or aval.dtype == np.float32


@pytest.mark.parametrize("primitive", ALL)
def test_without_a_rule_nothing_floating_depends_on_it(primitive):
    if primitive.rule is None:
        for case in checker.cases(primitive):
            aval = primitive.aval(*map(aval_of, case.inputs), **case.params)
            assert not aval.is_float or primitive.name in CONSTANTS
        if primitive.name in CONSTANTS:
            inputs = [x for case in checker.cases(primitive) for x in case.inputs]
            assert not any(checker.is_floating(x) for x in inputs)


@pytest.mark.parametrize("primitive", WITH_RULE)
def test_the_rule_gives_one_cotangent_per_input(primitive):
    random = np.random.default_rng(0)
    for case in checker.cases(primitive):
        out = primitive.evaluate(*case.inputs, **case.params)
        ct = checker.random_like(random, out)
        parts = primitive.rule(ct, out, *case.inputs, **case.params)
        assert isinstance(parts, tuple)
        assert len(parts) == len(case.inputs)
        for part, value in zip(parts, case.inputs, strict=True):
            assert part is None or checker.is_floating(value), "a cotangent of an integer"


@pytest.mark.parametrize("primitive", WITH_RULE)
def test_the_vjp_agrees_with_central_differences_and_is_linear(primitive):
    assert checker.problems(primitive) == []


@pytest.mark.parametrize("primitive", WITH_RULE)
def test_the_sweep_gives_each_input_its_own_shape(primitive):
    for function in checker.functions(primitive):
        out, pullback = pb.vjp(function.of, *function.inputs)
        parts = pullback(np.ones(np.shape(out)))
        assert [np.shape(part) for part in parts] == [x.shape for x in function.inputs]


@pytest.mark.parametrize("primitive", WITH_RULE)
def test_the_vjp_in_float32_agrees_with_float64(primitive):
    assert checker.precision_problems(primitive) == []


@pytest.mark.parametrize("primitive", WITH_RULE)
def test_the_vjp_of_the_vjp_agrees_with_central_differences(primitive):
    assert checker.second_order_problems(primitive) == []


@pytest.mark.parametrize("primitive", WITH_RULE)
def test_at_zero_the_slope_is_a_one_sided_slope_or_between_them(primitive):
    wrong = [
        (place, derived, sides)
        for place, derived, sides in checker.slopes_at_zero(primitive)
        if not checker.lies_between(derived, sides)
    ]
    assert wrong == []


@pytest.mark.parametrize("primitive", ALL)
def test_the_program_agrees_with_direct_evaluation_in_every_form(primitive):
    for case in checker.cases(primitive):
        program, arrays = traced(primitive, case)
        expected = primitive.evaluate(*case.inputs, **case.params)
        assert same_bits(pb.compile(program)(**arrays), expected)
        read = pb.Program.from_json(program.to_json())
        assert read.to_json() == program.to_json()
        assert read.fingerprint() == program.fingerprint()
        assert same_bits(pb.compile(read)(**arrays), expected)
        assert same_bits(run_with_numpy_alone(program.to_numpy(), arrays.values()), expected)


@pytest.mark.parametrize("primitive", WITH_RULE)
def test_the_derived_program_agrees_with_itself_in_every_form(primitive):
    for case in checker.cases(primitive):
        program, arrays = traced(primitive, case)
        floating = [v for v in program.argument_inputs if v.aval.is_float]
        if not floating or not program.outputs[0].aval.is_float:
            continue
        derived = vjp_program(program, floating)
        random = np.random.default_rng(1)
        out = primitive.evaluate(*case.inputs, **case.params)
        values = [*arrays.values(), checker.random_like(random, out)]
        expected = pb.compile(derived)(*values)
        read = pb.Program.from_json(derived.to_json())
        assert read.fingerprint() == derived.fingerprint()
        alone = run_with_numpy_alone(derived.to_numpy(), values)
        for left, right, third in zip(expected, pb.compile(read)(*values), alone, strict=True):
            assert same_bits(left, right)
            assert same_bits(left, third)
