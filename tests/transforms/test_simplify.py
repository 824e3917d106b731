"""What simplification does beside its identities: repeated and dead work, names, stages."""

import numpy as np
import pytest

import pullback as pb
from pullback.transforms.simplify import simplify


def test_what_the_user_wrote_stays_as_written():
    program = pb.trace(lambda x: (x * 1.0 + 0.0) - -x, x="N")
    names = [equation.primitive.name for equation in simplify(program).equations]
    assert names == ["multiply", "add", "negative", "subtract"]


def test_repeated_work_is_done_once():
    def f(x):
        return np.exp(x) * np.exp(x) + np.sum(x, axis=0) + np.sum(x, axis=1)

    names = [e.primitive.name for e in simplify(pb.trace(f, x="3 3")).equations]
    assert sorted(names) == ["add", "add", "exp", "multiply", "sum", "sum"]


@pytest.mark.parametrize(
    "pair", [(1, 1.0), (1, True), (0.0, -0.0), (np.float32(2), np.float64(2)), (1, 2)]
)
def test_numbers_that_differ_in_type_or_sign_are_not_taken_for_each_other(pair):
    left, right = pair
    program = pb.trace(lambda x: (x / left, x / right), x="f4 N")
    assert len(simplify(program).equations) == 2


def test_dead_work_and_unused_captured_arrays_go():
    unused = np.ones(3)

    def f(x):
        np.exp(x * unused)
        return x * 2

    program = simplify(pb.trace(f, x="3"))
    assert [e.primitive.name for e in program.equations] == ["multiply"]
    assert len(program.inputs) == 1


def test_a_name_survives_the_value_that_bore_it():
    def f(x):
        a = np.exp(x)
        b = np.exp(x)
        return b * 2 + a

    program = simplify(pb.trace(f, x="N"))
    assert [program.names[e.out] for e in program.equations] == ["a", "multiply", "add"]


def test_simplifying_again_changes_nothing():
    program = pb.grad(pb.trace(lambda x, W: np.mean(np.tanh(x @ W)), x="N D", W="D H"), wrt="W")
    assert simplify(program).fingerprint() == program.fingerprint()
