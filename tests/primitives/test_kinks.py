"""One convention per primitive at its kinks, the same eagerly and as a program."""

import numpy as np
import pytest
import rule_checker as checker

import pullback as pb
from pullback.primitive import REGISTRY

CT = 3.0  # a cotangent of 1 would hide a forgotten factor


def slopes(function, *inputs):
    """The gradient of CT * function at each input, by both ways in."""

    def scaled(*values):
        return np.sum(CT * function(*values))

    names = [f"a{i}" for i in range(len(inputs))]
    eager = pb.vjp(scaled, *inputs)[1](1.0)
    program = pb.trace(
        lambda **kw: scaled(*(kw[n] for n in names)), **dict(zip(names, inputs, strict=True))
    )
    compiled = pb.compile(pb.grad(program, wrt=names))(*inputs)
    for left, right in zip(eager, compiled, strict=True):
        assert np.array_equal(left, right)
    return [(np.asarray(part) / CT).tolist() for part in eager]


def test_against_a_number_a_tie_has_slope_zero():
    x = np.array([-1.0, 0.0, -0.0, 2.0])
    assert slopes(lambda x: np.maximum(x, 0), x) == [[0.0, 0.0, 0.0, 1.0]]
    assert slopes(lambda x: np.maximum(0, x), x) == [[0.0, 0.0, 0.0, 1.0]]
    assert slopes(lambda x: np.minimum(x, 0), x) == [[1.0, 0.0, 0.0, 0.0]]
    assert slopes(lambda x: np.minimum(0.0, x), x) == [[1.0, 0.0, 0.0, 0.0]]
    assert slopes(lambda x: x.clip(0, 2), x) == [[0.0, 0.0, 0.0, 0.0]]
    assert slopes(lambda x: np.clip(x, -2, 1), x) == [[1.0, 1.0, 1.0, 0.0]]


def test_two_arrays_that_tie_share_evenly():
    x, y = np.array([1.0, 2.0, 0.0]), np.array([1.0, 1.0, -0.0])
    assert slopes(np.maximum, x, y) == [[0.5, 1.0, 0.5], [0.5, 0.0, 0.5]]
    assert slopes(np.minimum, x, y) == [[0.5, 0.0, 0.5], [0.5, 1.0, 0.5]]
    assert slopes(lambda x: np.maximum(x, x), x) == [[1.0, 1.0, 1.0]]


def test_an_extreme_is_shared_evenly_among_ties():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.0, -1.0, 5.0]])
    third = 1 / 3
    of_max = [[0.0, 0.5, 0.5], [third, third, third], [0.0, 0.0, 1.0]]
    for options in ({"axis": 1}, {"axis": 1, "keepdims": True}):
        assert np.allclose(slopes(lambda x, o=options: np.max(x, **o), x), [of_max], rtol=1e-15)
    assert slopes(np.max, x) == [[[0.0] * 3, [0.0] * 3, [0.0, 0.0, 1.0]]]
    assert slopes(lambda x: np.min(x, axis=0), np.array([[1.0, 2.0], [1.0, 3.0]])) == [
        [[0.5, 1.0], [0.5, 0.0]]
    ]


def test_at_zero_abs_sign_norm_and_std_have_slope_zero():
    zero = np.zeros(3)
    assert slopes(np.abs, np.array([-2.0, 0.0, -0.0, 2.0])) == [[-1.0, 0.0, 0.0, 1.0]]
    assert slopes(np.sign, np.array([-2.0, 0.0, 2.0])) == [[0.0, 0.0, 0.0]]
    assert slopes(np.linalg.norm, zero) == [[0.0, 0.0, 0.0]]
    assert slopes(np.std, zero + 2) == [[0.0, 0.0, 0.0]]
    (rows,) = slopes(lambda x: np.linalg.norm(x, axis=1), np.array([[0.0, 0.0], [3.0, 4.0]]))
    assert np.allclose(rows, [[0.0, 0.0], [0.6, 0.8]], rtol=1e-15)


def test_where_and_masks_follow_their_condition_as_written():
    x = np.array([-1.0, 0.0, 1.0])
    assert slopes(lambda x: np.where(x > 0, x, 0.0), x) == [[0.0, 0.0, 1.0]]
    assert slopes(lambda x: np.where(x >= 0, x, 0.0), x) == [[0.0, 1.0, 1.0]]

    def masked(x):
        h = x * 1
        h[h < 0] = 0
        return h

    assert slopes(masked, x) == [[0.0, 1.0, 1.0]]


def test_the_cotangent_does_not_pass_nan_through_a_branch_that_is_not_taken():
    x = np.array([0.0, 4.0])
    safe = slopes(lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0), x)
    assert safe == [[0.0, 0.25]]


KINKED = sorted(name for name, primitive in REGISTRY.items() if primitive.slopes is not None)


@pytest.mark.parametrize("name", KINKED)
def test_the_slopes_beside_a_kink_are_those_of_differences(name):
    """`slopes` of an entry's own, away from kinks: equal below and above, and the derived one."""
    primitive = REGISTRY[name]
    for function, case in zip(checker.functions(primitive), checker.cases(primitive), strict=False):
        if len(function.places) != len(case.inputs) or not primitive.elementwise:
            continue
        shape = np.shape(function.of(*function.inputs))
        if any(x.shape != shape for x in function.inputs):
            continue
        derived = pb.vjp(function.of, *function.inputs)[1](np.ones(shape))
        told = primitive.slopes(*function.inputs, **case.params)
        for got, (below, above) in zip(derived, told, strict=True):
            assert np.array_equal(below, above)
            assert np.array_equal(got, np.broadcast_to(below, shape))


@pytest.mark.parametrize("name", KINKED)
def test_a_convention_is_told_in_words(name):
    primitive = REGISTRY[name]
    jumps_only = name == "sign"
    assert jumps_only or primitive.kink.startswith(f"{name}: ")


def test_the_source_of_a_derivative_tells_the_convention():
    program = pb.trace(lambda x: np.sum(np.maximum(x, 0) + np.abs(x)), x="N")
    assert "Kink" not in program.to_numpy()
    source = pb.value_and_grad(program).to_numpy()
    assert "Kink of maximum: slope 0 where x ties with a number" in source
    assert "Kink of abs: slope 0 at 0." in source
