"""Planted mistakes: the report names the right line and, where it can be shown, the kind."""

import inspect

import graded_networks as networks
import mistakes_dense
import mistakes_others
import pytest

import pullback as pb

MISTAKES = [*mistakes_dense.MISTAKES, *mistakes_others.MISTAKES]


def wrong_line(function):
    """The line marked `# wrong`: in the function, or in what it calls, defined below it."""
    module = inspect.getmodule(function)
    lines = inspect.getsource(module).splitlines()
    first = function.__code__.co_firstlineno
    return next(n for n in range(first, len(lines) + 1) if lines[n - 1].endswith("# wrong"))


@pytest.mark.parametrize(
    ("network", "backward", "first", "kind"),
    MISTAKES,
    ids=[f"{network}-{function.__name__}" for network, function, *_ in MISTAKES],
)
def test_the_first_wrong_line_is_named(network, backward, first, kind):
    check = pb.check_backward(
        networks.FORWARD[network], backward, **networks.inputs(network), wrt=None
    )
    assert not check.right
    assert check.first_wrong is not None, str(check)
    found = check.first_wrong
    assert (found.name, found.line, found.kind) == (first, wrong_line(backward), kind), str(check)
    assert f"first wrong: {first}" in str(check)


def test_there_are_many_of_them():
    assert len(MISTAKES) >= 40
    assert {network for network, *_ in MISTAKES} == set(networks.FORWARD)
