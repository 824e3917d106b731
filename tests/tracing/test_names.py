"""A value is named by the name it is stored to in the user's function, or not at all."""

import numpy as np
import pytest

import pullback as pb
from pullback.primitives import fused


def names_of(function, **specs):
    """The name of each equation's value and whether it is the user's own."""
    program = pb.trace(function, **specs)
    return [(program.names[e.out], e.out.named) for e in program.equations]


def own_names(function, **specs):
    return [name for name, named in names_of(function, **specs) if named]


def test_a_value_has_the_name_it_is_stored_to():
    def f(x, W):
        h = x @ W
        out = np.tanh(h)
        return out

    assert names_of(f, x="N D", W="D H") == [("h", True), ("out", True)]


def test_a_value_stored_again_is_h_2():
    def f(x):
        h = np.exp(x)
        h = np.tanh(h)
        h = h * 2
        return h

    assert own_names(f, x="N") == ["h", "h_2", "h_3"]


def test_a_value_that_is_not_stored_has_the_name_of_its_operation():
    def f(x):
        h = np.exp(np.tanh(x) + 1)
        return np.mean(h)

    assert names_of(f, x="N") == [("tanh", False), ("add", False), ("h", True), ("mean", False)]


def dense(x, W):
    z = x @ W
    return z


def direct(x, W):
    return x @ W


def test_a_value_that_a_helper_returns_has_the_name_of_the_caller():
    def f(x, W):
        first = dense(x, W)
        second = direct(x, W)
        return first * second

    assert own_names(f, x="N D", W="D H") == ["first", "second"]


def test_a_value_that_the_caller_does_not_store_keeps_the_name_of_the_helper():
    def f(x, W):
        return np.sum(np.tanh(dense(x, W)))

    assert names_of(f, x="N D", W="D H")[0] == ("z", True)


def test_a_name_goes_through_several_helpers():
    def inner(x):
        return np.exp(x)

    def outer(x):
        return inner(x)

    def f(x):
        score = outer(x)
        return score + 1

    assert own_names(f, x="N") == ["score"]


def test_a_sum_over_a_list_is_never_misnamed():
    def f(x):
        parts = [np.exp(x), np.tanh(x)]
        total = sum(parts)
        return total

    assert set(own_names(f, x="N")) <= {"total"}
    assert ("exp", False) in names_of(f, x="N")


def test_a_map_is_never_misnamed():
    def f(x):
        both = list(map(np.exp, [x, x * 2]))
        last = both[-1]
        return both[0] + last

    assert "both" not in own_names(f, x="N")
    program = pb.trace(f, x="N")
    (scaled,) = [e for e in program.equations if e.primitive.name == "multiply"]
    assert not scaled.out.named


def test_a_conditional_expression_is_never_misnamed():
    def f(x):
        first = np.exp(x) if x.ndim == 1 else np.tanh(x)
        second = (np.sin(x), np.cos(x))
        return first + second[0]

    assert set(own_names(f, x="N")) <= {"first"}


def test_unpacking_names_only_what_is_proven():
    def f(x):
        a, b = np.exp(x), np.tanh(x)
        return a + b

    program = pb.trace(f, x="N")
    for equation in program.equations:
        if equation.out.named:
            wanted = {"exp": "a", "tanh": "b"}[equation.primitive.name]
            assert program.names[equation.out] == wanted


def test_an_attribute_or_an_item_is_not_a_name():
    class Box:
        pass

    def f(x):
        box, table = Box(), {}
        box.value = np.exp(x)
        table["key"] = np.tanh(x)
        return box.value + table["key"]

    assert own_names(f, x="N") == []


def test_a_walrus_and_a_tuple_do_not_lend_wrong_names():
    def f(x):
        y = (h := np.exp(x)) + np.tanh(x)
        return y * h

    program = pb.trace(f, x="N")
    by_operation = {e.primitive.name: e.out for e in program.equations}
    assert not by_operation["exp"].named or by_operation["exp"].hint == "h"
    assert not by_operation["tanh"].named
    assert by_operation["add"].hint == "y"


def test_another_object_under_the_name_is_no_proof():
    def twice(x):
        result = np.exp(x)
        result = [result]  # the variable holds a list when the next operation runs
        return result[0] + 1

    assert own_names(twice, x="N") == []


def test_loops_count_up():
    def f(x):
        for _ in range(3):
            x = np.tanh(x)
        return x

    assert own_names(f, x="N") == ["x_2", "x_3", "x_4"]


def test_a_written_value_keeps_the_name_of_its_variable():
    def f(x):
        h = np.exp(x)
        h[h < 1] = 0
        h += 1
        return h

    assert own_names(f, x="N") == ["h", "h_2", "h_3"]


def test_two_names_for_one_value_are_one_value():
    def f(x):
        a = np.exp(x)
        b = a
        return b * 2

    assert own_names(f, x="N") == ["a"]


def test_names_of_leaves():
    program = pb.trace(
        lambda params, layers: params["W1"] * layers[0],
        params={"W1": "N", "b": "N"},
        layers=["N"],
    )
    assert [program.names[v] for v in program.inputs] == ["W1", "b", "layers_0"]


def test_helpers_in_the_source_do_not_collide_with_names():
    def f(x):
        sigmoid = fused.sigmoid(x)
        return sigmoid * 2

    program = pb.trace(f, x="N")
    assert own_names(f, x="N") == ["sigmoid_2"]
    assert np.allclose(pb.compile(program)(np.zeros(2)), 1.0)


def test_captured_arrays_are_named_after_their_variable():
    local = np.array([1.0, 2.0])
    program = pb.trace(lambda x: np.sum(x * local) + np.sum(x * TABLE), x="2")
    assert [program.names[v] for v in program.inputs] == ["x", "local", "TABLE"]


TABLE = np.array([3.0, 4.0])


@pytest.mark.parametrize("profiled", [False, True])
def test_a_profiler_does_not_change_the_names(profiled):
    import sys

    def f(x):
        h = np.exp(x)
        return np.sum(h)

    sys.setprofile((lambda *event: None) if profiled else None)
    try:
        names = own_names(f, x="N")
    finally:
        sys.setprofile(None)
    assert names == ["h"]


def test_an_unknown_python_version_means_plain_names(monkeypatch):
    import pullback.tracing.names as names

    def f(x):
        h = np.exp(x)
        return np.sum(h)

    monkeypatch.setattr(names, "_STORES", set())
    monkeypatch.setattr(names, "_FUSED_STORES", set())
    names._following.cache_clear()
    try:
        assert own_names(f, x="N") == []
    finally:
        monkeypatch.undo()
        names._following.cache_clear()
    assert own_names(f, x="N") == ["h"]
