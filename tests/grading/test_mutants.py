"""Mistakes planted by machine in the correct backward passes: no innocent line is accused.

Each is a small change of one line. The report names that line, or says that it can show none.
"""

import correct_dense
import correct_others
import graded_networks as networks
import pytest
from mutants import mutants

import pullback as pb
from pullback.errors import PullbackError

CORRECT = [*correct_dense.CORRECT, *correct_others.CORRECT]
EVERY = 9
"""Of all mutants every ninth is graded here; all of them take minutes."""

MUTANTS = [(network, m) for network, f in CORRECT for m in mutants(f)][::EVERY]


def accused(network, mutant):
    """The report on a mutant; None where it stops, is refused, or is right all the same."""
    backward = mutant.load()
    if backward is None:
        return None
    try:
        found = pb.check_backward(networks.FORWARD[network], backward, **networks.inputs(network))
    except (PullbackError, ArithmeticError, LookupError, TypeError, ValueError, NameError):
        return None
    return None if found.right else found


def is_fair(mutant, wrong):
    """Whether the accused line is the changed one.

    By value a factor is missing from the first error signal that lacks it, and a mask from the
    line that uses an error signal without it, wherever a line for them has become empty.
    """
    missing = {"factor left out": "missing factor", "mask left out": "mask missing"}
    change = mutant.name.split(":")[2]
    return wrong.line in mutant.lines or (wrong.kind and wrong.kind == missing.get(change))


@pytest.mark.parametrize(("network", "mutant"), MUTANTS, ids=lambda v: getattr(v, "name", v))
def test_no_innocent_line_is_accused(network, mutant):
    found = accused(network, mutant)
    if found is not None and found.first_wrong is not None:
        assert is_fair(mutant, found.first_wrong), str(found)


def test_lines_are_named_where_they_can_be():
    """An empty report would never be unfair."""
    chosen = [(n, m) for n, m in MUTANTS if "columns" not in m.name][:20]
    reports = [found for pair in chosen if (found := accused(*pair)) is not None]
    assert len(reports) > 8
    assert sum(found.first_wrong is not None for found in reports) > len(reports) / 2
