"""Backward passes through loops and forks: the right line, or none, and told in plain words."""

import inspect

import numpy as np
import pytest

import pullback as pb


def recurrent(x, h0, W):
    h = h0
    loss = 0.0
    for t in range(len(x)):
        h = np.tanh(x[t] + h @ W)
        loss = loss + np.sum(h**2)
    return loss


def recurrent_inputs(steps):
    random = np.random.default_rng(2)
    return {
        "x": random.normal(size=(steps, 5, 3)),
        "h0": random.normal(size=(5, 3)),
        "W": 0.5 * random.normal(size=(3, 3)),
    }


def states(x, h0, W):
    found = [h0]
    for each in x:
        found.append(np.tanh(each + found[-1] @ W))
    return found


def accumulated_by_a_wrong_factor(x, h0, W):
    h = states(x, h0, W)
    dh, dW = 0.0, np.zeros_like(W)
    for t in reversed(range(len(x))):
        dh = dh + 2 * h[t + 1]
        da = dh * (1 - h[t + 1] ** 2)
        dW += h[t].T @ da
        dh = da @ W.T
    return {"h0": dh, "W": 2 * dW}  # wrong


def overwritten_weights(x, h0, W):
    h = states(x, h0, W)
    dh, dW = 0.0, np.zeros_like(W)
    for t in reversed(range(len(x))):
        dh = dh + 2 * h[t + 1]
        da = dh * (1 - h[t + 1] ** 2)
        dW = h[t].T @ da  # wrong
        dh = da @ W.T
    return {"h0": dh, "W": dW}


def gated(x, W, V):
    c = np.zeros((4, 3))
    h = np.zeros((4, 3))
    for t in range(len(x)):
        g = np.tanh(x[t] @ W + h @ V)
        f = 1 / (1 + np.exp(-g))
        c = f * c + g
        h = np.tanh(c)
    return np.sum(h**2)


def carry_overwritten(x, W, V):
    h, c, kept = np.zeros((4, 3)), np.zeros((4, 3)), []
    for t in range(len(x)):
        before = h, c
        g = np.tanh(x[t] @ W + h @ V)
        f = 1 / (1 + np.exp(-g))
        c = f * c + g
        h = np.tanh(c)
        kept.append((*before, g, f, c))
    dh, dc = 2 * h, 0.0
    dW, dV = np.zeros_like(W), np.zeros_like(V)
    for t in reversed(range(len(x))):
        h_before, c_before, g, f, c = kept[t]
        dc = dh * (1 - np.tanh(c) ** 2)  # wrong
        df = dc * c_before
        dg = dc + df * f * (1 - f)
        da = dg * (1 - g**2)
        dW += x[t].T @ da
        dV += h_before.T @ da
        dh = da @ V.T
        dc = dc * f
    return {"W": dW, "V": dV}


def line_of(function):
    lines, first = inspect.getsourcelines(function)
    return first + next(k for k, line in enumerate(lines) if line.rstrip().endswith("# wrong"))


def gated_inputs():
    random = np.random.default_rng(3)
    shapes = {"x": (3, 4, 2), "W": (2, 3), "V": (3, 3)}
    return {name: random.normal(size=shape) for name, shape in shapes.items()}


def test_zeros_of_the_first_step_do_not_vouch_for_an_overwritten_carry():
    check = pb.check_backward(gated, carry_overwritten, **gated_inputs())
    found = check.first_wrong
    assert found is not None, str(check)
    assert (found.name, found.line) == ("dc", line_of(carry_overwritten)), str(check)
    assert found.kind == "overwritten instead of added"


@pytest.mark.parametrize("steps", [3, 6])
def test_the_last_of_many_contributions_alone_is_overwritten(steps):
    check = pb.check_backward(recurrent, overwritten_weights, **recurrent_inputs(steps))
    found = check.first_wrong
    assert found is not None, str(check)
    assert (found.line, found.kind) == (
        line_of(overwritten_weights),
        "overwritten instead of added",
    )
    assert f"W is used {steps} times; of what comes back, 1 is there." in found.why


@pytest.mark.parametrize("steps", [3, 6])
def test_running_sums_of_a_loop_are_innocent(steps):
    check = pb.check_backward(recurrent, accumulated_by_a_wrong_factor, **recurrent_inputs(steps))
    found = check.first_wrong
    assert found is not None, str(check)
    assert (found.line, found.kind) == (
        line_of(accumulated_by_a_wrong_factor),
        "missing factor",
    )


def leaky(x, W, V):
    g = np.tanh(x @ V)
    h = np.maximum(x @ W, 0.1 * (x @ W))
    return np.sum((g * h + x) ** 2)


def plain_relu(x, W, V):
    g, a = np.tanh(x @ V), x @ W
    h = np.where(a > 0, a, 0.1 * a)
    d = 2 * (g * h + x)
    da = d * g * (a > 0)
    dg = d * h * (1 - g**2)
    dx = d + da @ W.T + dg @ V.T
    return dx, x.T @ da, x.T @ dg


def test_what_reads_an_unfinished_sum_is_not_accused():
    random = np.random.default_rng(4)
    inputs = {name: random.normal(size=(4, 4)) for name in ("x", "W", "V")}
    check = pb.check_backward(leaky, plain_relu, **inputs)
    assert not check.right
    if check.first_wrong is not None:
        assert check.first_wrong.name == "da", str(check)
    else:
        assert any("da = " in text for _, text in check.suspects), str(check)


def squares(x, y, W):
    y_pred = x @ W
    return np.sum((y_pred - y) ** 2)


def test_the_value_with_a_name_is_spoken_of():
    def halved(x, y, W):
        error = x @ W - y
        return {"x": error @ W.T, "W": x.T @ error}

    random = np.random.default_rng(5)
    inputs = {name: random.normal(size=(3, 3)) for name in ("x", "y", "W")}
    found = pb.check_backward(squares, halved, **inputs).first_wrong
    assert found is not None
    assert found.why == "the error signal of y_pred is 1/2 times as large as it must be."


def test_a_value_without_a_name_is_told_by_its_line():
    def forward(x, W):
        return np.sum(np.tanh(x @ W) * x)

    def backward(x, W):
        h = np.tanh(x @ W)
        d = 2 * x * (1 - h**2)
        return {"x": d @ W.T + 2 * h, "W": x.T @ d}

    random = np.random.default_rng(5)
    found = pb.check_backward(
        forward, backward, random.normal(size=(3, 2)), random.normal(size=(2, 2))
    ).first_wrong
    assert found is not None
    line = inspect.getsourcelines(forward)[1] + 1
    assert f"of line {line} is 2 times" in found.why


def test_all_samples_of_a_scalar_are_a_missing_sum():
    def forward(x, c):
        return np.sum((x + c) ** 2)

    def backward(x, c):
        d = 2 * (x + c)
        dc = d
        return {"x": d, "c": dc}

    check = pb.check_backward(forward, backward, np.array([1.0, 2.0, 4.0]), 0.5)
    assert check.first_wrong is not None, str(check)
    assert check.first_wrong.kind == "missing sum over the batch"


def test_one_entry_is_no_factor_of_another():
    def forward(x, s):
        return np.sum((s[0] + s[1] * x + s[2] * x**2) ** 2)

    def backward(x, s):
        d = 2 * (s[0] + s[1] * x + s[2] * x**2)
        ds = np.array([d.sum(), d @ x, d @ x**3])
        return {"s": ds}

    check = pb.check_backward(forward, backward, np.array([1.0, 2.0, 4.0]), np.ones(3))
    assert check.first_wrong is not None, str(check)
    assert check.first_wrong.kind == ""
