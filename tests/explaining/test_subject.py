"""What is explained, as one value: programs, functions, gradients, vector results."""

import numpy as np
import pytest
from networks import SHARED, SPECS, VALUES, forked, shared, two_layer

import pullback as pb
from pullback.explaining import subject_at
from pullback.explaining.notes import SIZES, notes_subject

WEIGHTS = ["W1", "W2"]


def signals(subject):
    return {subject.name(var): subject.signal(var) for var in subject.wrt}


def assert_is_gradient(subject, function, values, wrt):
    derived = pb.grad(function, wrt=wrt)(**values)
    assert list(signals(subject)) == wrt
    for name, gradient in zip(wrt, derived, strict=True):
        assert np.allclose(signals(subject)[name], gradient, rtol=1e-12)


@pytest.mark.parametrize("make", [lambda f: f, lambda f: pb.trace(f, **SPECS)])
def test_the_signals_of_a_function_or_program_are_its_gradient(make):
    subject = subject_at(make(forked), (), VALUES, wrt=WEIGHTS)
    assert_is_gradient(subject, forked, VALUES, WEIGHTS)


def test_a_gradient_program_stands_for_what_it_was_derived_from():
    program = pb.trace(forked, **SPECS)
    subject = subject_at(pb.grad(program, wrt=["W2", "W1"]), (), VALUES)
    assert subject.forward is program
    assert_is_gradient(subject, forked, VALUES, ["W2", "W1"])


def test_all_floating_arguments_are_explained_when_none_is_named():
    subject = subject_at(shared, (), SHARED)
    assert [subject.name(var) for var in subject.wrt] == ["x", "W", "W_out"]
    assert_is_gradient(subject, shared, SHARED, ["x", "W", "W_out"])


def test_a_container_stands_for_all_that_is_in_it():
    def f(params, scale):
        return np.sum(params["a"] * params["b"]) * scale

    params = {"a": np.ones(2), "b": np.arange(2.0)}
    for function in (f, pb.trace(f, params={"a": "N", "b": "N"}, scale="")):
        subject = subject_at(function, (params, np.float64(3.0)), wrt="params")
        assert [subject.name(var) for var in subject.wrt] == ["a", "b"]
        assert np.array_equal(signals(subject)["a"], [0.0, 3.0])


def test_shapes_are_numbers_where_the_program_has_axes():
    subject = subject_at(pb.trace(two_layer, **SPECS), (), VALUES)
    (x, *_) = subject.forward.inputs
    assert subject.shape(x) == (4, 5)
    assert "(N, H)" in subject.source


def test_a_vector_result_gets_a_cotangent_at_random_or_as_given():
    x = np.array([0.0, 1.0])
    drawn = subject_at(np.exp, (x,))
    assert drawn.random_cotangents
    (ct,) = drawn.cotangents
    assert np.allclose(signals(drawn)["x"], ct * np.exp(x))
    assert not np.array_equal(ct, subject_at(np.exp, (x,), seed=1).cotangents[0])
    given = subject_at(np.exp, (x,), cotangent=np.array([2, 3]))
    assert not given.random_cotangents
    assert np.allclose(signals(given)["x"], [2.0, 3.0 * np.e])


def test_the_lines_of_error_signals_are_found_in_the_source():
    subject = subject_at(two_layer, (), VALUES, wrt=WEIGHTS)
    lines = subject.source.splitlines()
    found = {
        name: lines[line - 1].split("#")[0].strip() for name, line in subject.signal_lines.items()
    }
    assert found == {
        "y_pred": "dy_pred = 2 * subtract",
        "h_relu": "dh_relu = dy_pred @ W2.T",
        "W2": "dW2 = h_relu.T @ dy_pred",
        "h": "dh = dh_relu * (h > 0)",
        "W1": "dW1 = x.T @ dh",
    }


def test_the_network_of_the_notes():
    subject = notes_subject()
    shapes = {subject.name(var): subject.shape(var) for var in subject.forward.inputs}
    assert shapes == {"x": (64, 1000), "y": (64, 10), "W1": (1000, 100), "W2": (100, 10)}
    assert SIZES["N"] == 64
    values = {subject.name(var): value for var, value in subject.inputs.items()}
    assert_is_gradient(subject, two_layer, values, WEIGHTS)
    assert all(equation.where is None for equation in subject.forward.equations)
    assert "W1_2 = W1 - learning_rate * (dW1 / x.shape[0])" in subject.step.to_numpy()


@pytest.mark.parametrize(
    ("function", "args", "settings", "sentence"),
    [
        (lambda n: n + 1, (3,), {}, "no floating argument"),
        (lambda x: x > 0, (np.ones(2),), {}, "no floating result"),
        (np.exp, (np.ones(2),), {"wrt": "y"}, "wrt='y' is not an argument; there are x"),
        (np.exp, (np.ones(2),), {"cotangent": np.ones(3)}, r"has shape \(3,\), the result \(2,\)"),
        (np.exp, (np.ones(2),), {"cotangent": {"a": 1.0}}, "structure of the function's result"),
    ],
)
def test_what_has_no_backward_pass_is_refused(function, args, settings, sentence):
    with pytest.raises(pb.PullbackError, match=sentence):
        subject_at(function, args, **settings)


def test_a_program_refuses_a_gradient_of_whole_numbers():
    program = pb.trace(lambda x, n: np.sum(x * n), x="N", n="i8 N")
    with pytest.raises(pb.PullbackError, match="n is not floating"):
        subject_at(program, (np.ones(2), np.arange(2)), wrt="n")
