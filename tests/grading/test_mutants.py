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
EVERY = 17
"""Of all mutants every seventeenth is graded here; all of them take minutes."""

HARD = {
    "through_the_logarithm:12:square left out:0",
    "through_the_logarithm:13:sign turned:0",
    "through_the_standard_deviation:4:sign turned:0",
    "through_the_standard_deviation:5:square left out:0",
    "through_the_standard_deviation:18:factor left out:0",
    "with_a_projection:3:sign turned:0",
    "with_a_projection:9:square left out:0",
    "with_a_projection:10:sign turned:0",
    "one_hot_matrix:6:sign turned:0",
    "one_hot_matrix:2:sign turned:0",
    "closed_form:4:sign turned:0",
    "step_by_step:8:sign turned:0",
    "in_stages:9:sign turned:0",
    "columns_of_states:10:transpose left out:0",
    "columns:9:transpose left out:0",
    "loop_over_layers:3:mask side:0",
    "sample_loop_with_lists:11:overwritten:0",
}
"""Graded always: in each an innocent line was accused by some earlier way of looking."""

ALL = [(network, m) for network, f in CORRECT for m in mutants(f)]
MUTANTS = [*ALL[::EVERY], *(pair for pair in ALL if pair[1].name in HARD)]


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


def test_the_hard_ones_are_among_them():
    assert {m.name for _, m in MUTANTS} >= HARD


def test_lines_are_named_where_they_can_be():
    """An empty report would never be unfair."""
    chosen = MUTANTS[:20]
    reports = [found for pair in chosen if (found := accused(*pair)) is not None]
    assert len(reports) > 8
    assert sum(found.first_wrong is not None for found in reports) > len(reports) / 2
