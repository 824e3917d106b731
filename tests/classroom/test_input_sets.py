"""Inputs like the example's."""

import numpy as np
import pytest

from pullback.classroom import input_sets
from pullback.errors import UsageError


def example():
    return {
        "x": np.arange(12.0).reshape(4, 3),
        "labels": np.array([0, 1, 2, 1]),
        "params": {"W": np.arange(6.0).reshape(3, 2), "rate": 0.1},
        "n": 4,
    }


def test_rows_are_permuted_each_array_in_its_own_way():
    first, *others = input_sets(example, 4, seed=0)
    np.testing.assert_array_equal(first["x"], example()["x"])
    assert len(others) == 3
    for other in others:
        assert (other["n"], other["params"]["rate"]) == (4, 0.1)
        for one, two in ((first, other), (first["params"], other["params"])):
            for name in {"x", "labels", "W"} & set(one):
                rows = sorted(map(repr, two[name].tolist()))
                assert rows == sorted(map(repr, one[name].tolist()))
    assert any(np.any(other["params"]["W"] != first["params"]["W"]) for other in others)


def test_the_same_seed_gives_the_same_inputs():
    one, two, three = (input_sets(example, 3, seed)[2]["x"].tolist() for seed in (5, 5, 6))
    assert one == two != three


def test_no_two_sets_are_equal():
    assert len(input_sets(lambda: {"x": np.ones((4, 2)), "r": 2.0}, 5, seed=0)) == 1


def test_a_seed_is_used_where_one_is_taken():
    sets = input_sets(lambda seed=0: {"x": np.full(2, seed)}, 3, seed=7)
    assert [inputs["x"][0] for inputs in sets] == [7, 8, 9]


def test_there_is_at_least_one_set():
    with pytest.raises(UsageError, match="at least 1"):
        input_sets(example, 0, seed=0)
