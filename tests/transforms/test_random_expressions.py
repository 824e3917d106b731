"""Random expressions: the derived gradient is the numerical one, and simplification is exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_expressions import EXPRESSIONS, INPUTS, STEP, expression

import pullback as pb
from pullback.transforms import simplify


def numeric_gradient(f, arrays, which, step=1e-3):
    gradient = np.zeros(arrays[which].shape)
    for position in np.ndindex(gradient.shape):

        def at(distance, position=position):
            moved = [np.array(array) for array in arrays]
            moved[which][position] += distance
            return float(f(*moved))

        near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
        gradient[position] = (8 * near - far) / (12 * step)
    return gradient


FEW = settings(max_examples=120)


@FEW
@given(steps=EXPRESSIONS)
def test_the_derived_gradient_is_the_numerical_one(steps):
    f = expression(steps)
    arrays = list(INPUTS.values())
    derived = pb.grad(f, wrt=[0, 1, 2, 3])(*arrays)
    for which, gradient in enumerate(derived):
        numeric = numeric_gradient(f, arrays, which)
        # Fourth-order differences with step 1e-3 of nested functions of size 100.
        assert np.allclose(gradient, numeric, rtol=1e-5, atol=1e-5 * (1 + np.abs(numeric).max()))


@FEW
@given(steps=EXPRESSIONS)
def test_simplification_changes_no_value(steps):
    from pullback.transforms import vjp as sweep

    f = expression(steps)
    program = pb.trace(f, **INPUTS)
    wrt = list(program.argument_inputs)
    derived = pb.grad(program, wrt=list(INPUTS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "simplify", lambda program: program)
        as_swept = sweep.gradient_program(program, wrt)
    assert len(derived.equations) <= len(as_swept.equations)
    for left, right in zip(
        pb.compile(derived)(**INPUTS), pb.compile(as_swept)(**INPUTS), strict=True
    ):
        assert np.allclose(left, right, rtol=1e-9, atol=1e-9)
    value = pb.compile(simplify(program))(**INPUTS)
    assert value == pb.compile(program)(**INPUTS) == f(**INPUTS)


@FEW
@given(steps=EXPRESSIONS)
def test_every_form_of_the_derivative_agrees(steps):
    f = expression(steps)
    program = pb.trace(f, **INPUTS)
    derived = pb.value_and_grad(program, wrt=list(INPUTS))
    value, gradients = pb.compile(derived)(**INPUTS)
    eager_value, eager = pb.value_and_grad(f, wrt=list(INPUTS))(**INPUTS)
    read = pb.Program.from_json(derived.to_json())
    read_value, read_gradients = pb.compile(read)(**INPUTS)
    assert value == eager_value == read_value
    for left, right, again in zip(gradients, eager, read_gradients, strict=True):
        assert np.allclose(left, right, rtol=1e-12, atol=1e-12)
        assert np.array_equal(left, again)


@settings(max_examples=25)
@given(steps=st.lists(STEP, min_size=2, max_size=4))
def test_the_gradient_of_the_gradient_is_the_numerical_one(steps):
    f = expression(steps)
    arrays = list(INPUTS.values())
    weights = np.random.default_rng(2).normal(size=(3, 2))

    def directional(a, b, c, d):
        return np.sum(weights * pb.grad(f)(a, b, c, d))

    second = pb.grad(directional)(*arrays)
    numeric = numeric_gradient(directional, arrays, 0)
    assert np.allclose(second, numeric, rtol=1e-4, atol=1e-4 * (1 + np.abs(numeric).max()))
