"""Correct backward passes are right, however they are written."""

import correct_dense
import correct_others
import graded_networks as networks
import pytest

import pullback as pb

CORRECT = [*correct_dense.CORRECT, *correct_others.CORRECT]


def check(network, backward):
    return pb.check_backward(networks.FORWARD[network], backward, **networks.inputs(network))


@pytest.mark.parametrize(
    ("network", "backward"), CORRECT, ids=[f"{n}-{f.__name__}" for n, f in CORRECT]
)
def test_a_correct_backward_is_right(network, backward):
    found = check(network, backward)
    assert found.right, str(found)
    assert found.first_wrong is None


def test_there_are_many_of_them():
    assert len(CORRECT) >= 40
