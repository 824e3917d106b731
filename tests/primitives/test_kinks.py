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
    """Away from kinks `slopes` is equal below and above, and is the rule's own slope."""
    primitive = REGISTRY[name]
    compared = 0
    for inputs, params in checker.cases(primitive):
        out = primitive.evaluate(*inputs, **params)
        derived = primitive.rule(np.ones(np.shape(out)), out, *inputs, **params)
        told = primitive.slopes(*inputs, **params)
        for slope, (below, above) in zip(derived, told, strict=True):
            assert np.array_equal(below, above)
            if primitive.smooth_elsewhere:
                assert not np.any(below)
            elif slope is not None:
                assert np.array_equal(np.broadcast_to(slope, np.shape(below)), below)
            compared += np.size(below)
    assert compared > 0


@pytest.mark.parametrize("name", KINKED)
def test_a_convention_is_told_in_words(name):
    primitive = REGISTRY[name]
    jumps_only = name in ("sign", "floor")
    assert jumps_only or primitive.kink.startswith(f"{name}: ")


def test_the_source_of_a_derivative_tells_the_convention():
    program = pb.trace(lambda x: np.sum(np.maximum(x, 0) + np.abs(x)), x="N")
    assert "Kink" not in program.to_numpy()
    for derived in (pb.grad(program), pb.value_and_grad(program), pb.grad(program).astype("f4")):
        for text in (derived.to_numpy(), pb.Program.from_json(derived.to_json()).to_numpy()):
            assert "Kink of maximum: slope 0 where x ties with a number" in text
            assert "Kink of abs: slope 0 at 0." in text
        assert "kink of abs: slope 0 at 0" in str(derived)


def test_clip_between_arrays_shares_ties_as_maximum_does():
    tied = np.zeros(1)
    parts = pb.grad(lambda x, low: np.sum(np.clip(x, low, 9.0)), wrt=["x", "low"])(tied, tied)
    assert [part.tolist() for part in parts] == [[0.5], [0.5]]
    assert pb.grad(lambda x: np.sum(np.clip(x, x, 9.0)))(np.ones(1)).tolist() == [1.0]
