"""Correct backward passes of the dense networks, written in many ways; none may be accused."""

import numpy as np

CORRECT = []


def of(network):
    def register(function):
        CORRECT.append((network, function))
        return function

    return register


@of("two_layer")
def as_in_the_notes(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    dy_pred = 2 * (y_pred - y)
    dW2 = h_relu.T @ dy_pred
    dh_relu = dy_pred @ W2.T
    dh = dh_relu * (h > 0)
    dW1 = x.T @ dh
    return dW1, dW2


@of("two_layer")
def mask_in_place(x, y, W1, W2):
    h = x.dot(W1)
    h_relu = h * (h > 0)
    grad_y = 2.0 * (h_relu.dot(W2) - y)
    grad_w2 = h_relu.T.dot(grad_y)
    grad_h = grad_y.dot(W2.T)
    grad_h[h < 0] = 0
    grad_w1 = x.T.dot(grad_h)
    return grad_w1, grad_w2


@of("two_layer")
def columns(x, y, W1, W2):
    a = W1.T @ x.T
    r = np.maximum(a, 0)
    d = 2 * (W2.T @ r - y.T)
    dW2 = d @ r.T
    g = W2 @ d
    g = g * (a > 0)
    dW1 = g @ x
    return dW1.T, dW2.T


@of("two_layer")
def factor_last(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    d = r @ W2 - y
    dW2 = 2 * r.T @ d
    e = (d @ W2.T) * (h > 0)
    dW1 = 2 * (x.T @ e)
    return dW1, dW2


@of("two_layer")
def one_name(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    g = r @ W2
    g = g - y
    g = g * 2
    dW2 = r.T @ g
    g = g @ W2.T
    g = np.where(h > 0, g, 0)
    g = x.T @ g
    return g, dW2


@of("two_layer")
def sample_by_sample(x, y, W1, W2):
    dW1, dW2 = np.zeros_like(W1), np.zeros_like(W2)
    for i in range(len(x)):
        h = x[i] @ W1
        r = np.maximum(h, 0)
        d = 2 * (r @ W2 - y[i])
        dW2 += np.outer(r, d)
        dh = W2 @ d
        dh[h <= 0] = 0
        dW1 += np.outer(x[i], dh)
    return dW1, dW2


@of("two_layer")
def einsum(x, y, W1, W2):
    h = np.einsum("nd,dh->nh", x, W1)
    r = np.clip(h, 0, None)
    d = 2 * (np.einsum("nh,hc->nc", r, W2) - y)
    per_sample = np.einsum("nh,nc->nhc", r, d)
    dW2 = per_sample.sum(axis=0)
    dh = np.einsum("nc,hc->nh", d, W2) * (h > 0)
    return {"W1": np.einsum("nd,nh->dh", x, dh), "W2": dW2}


@of("two_layer")
def helpers(x, y, W1, W2):
    h, r, y_pred = _forward(x, W1, W2)
    dr, dW2 = _through_product(2 * (y_pred - y), r, W2)
    _, dW1 = _through_product(_through_relu(dr, h), x, W1)
    return {"dW1": dW1, "dW2": dW2}


def _forward(x, W1, W2):
    h = x @ W1
    r = np.maximum(0, h)
    return h, r, r @ W2


def _through_product(d, a, W):
    return d @ W.T, a.T @ d


def _through_relu(d, h):
    out = d.copy()
    out[h <= 0] = 0
    return out


@of("two_layer")
def one_expression(x, y, W1, W2):
    h = x @ W1
    return (
        x.T @ ((2 * (np.maximum(h, 0) @ W2 - y)) @ W2.T * (h > 0)),
        np.maximum(h, 0).T @ (2 * (np.maximum(h, 0) @ W2 - y)),
    )


@of("two_layer")
def walrus(x, y, W1, W2):
    r = np.maximum(h := x @ W1, 0)
    dW2 = r.T @ (d := 2 * (r @ W2 - y))
    dW1 = x.T @ (d @ W2.T * np.heaviside(h, 0))
    return [dW1, dW2]


@of("two_layer")
def dead_part_taken_away(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    d = 2 * (r @ W2 - y)
    back = d @ W2.T
    dead = back * (h <= 0)
    dh = back - dead
    return x.T @ dh, r.T @ d


@of("two_layer")
def all_inputs(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    d = 2 * (r @ W2 - y)
    dh = d @ W2.T * (h > 0)
    return dh @ W1.T, -d, x.T @ dh, r.T @ d


@of("two_layer")
def batches(x, y, W1, W2):
    dW1 = np.zeros(W1.shape)
    dW2 = np.zeros(W2.shape)
    for rows in (slice(0, 4), slice(4, 6)):
        h = x[rows] @ W1
        r = np.maximum(h, 0)
        d = 2 * (r @ W2 - y[rows])
        dW2 = dW2 + r.T @ d
        dh = d @ W2.T * (h > 0)
        dW1 = dW1 + x[rows].T @ dh
    return dW1, dW2


@of("two_layer")
def in_float32(x, y, W1, W2):
    x, y, W1, W2 = (a.astype(np.float32) for a in (x, y, W1, W2))
    h = x @ W1
    r = np.maximum(h, 0)
    d = 2 * (r @ W2 - y)
    return x.T @ (d @ W2.T * (h > 0)), r.T @ d


@of("three_layer")
def straight(x, y, W1, b1, W2, b2, W3, b3):
    N = len(x)
    z1 = x @ W1 + b1
    a1 = np.tanh(z1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    dy_pred = 2 * (a2 @ W3 + b3 - y) / N
    dW3, db3 = a2.T @ dy_pred, dy_pred.sum(axis=0)
    dz2 = (dy_pred @ W3.T) * (z2 > 0)
    dW2, db2 = a1.T @ dz2, dz2.sum(axis=0)
    dz1 = (dz2 @ W2.T) * (1 - a1**2)
    dW1, db1 = x.T @ dz1, dz1.sum(axis=0)
    return dW1, db1, dW2, db2, dW3, db3


@of("three_layer")
def loop_over_layers(x, y, W1, b1, W2, b2, W3, b3):
    weights, biases = [W1, W2, W3], [b1, b2, b3]
    slopes = [lambda a: 1 - a * a, lambda a: (a > 0).astype(float)]
    values = [x]
    for k, (W, b) in enumerate(zip(weights, biases, strict=True)):
        z = values[-1] @ W + b
        values.append([np.tanh, lambda z: np.maximum(z, 0), lambda z: z][k](z))
    delta = 2 * (values[3] - y) / len(x)
    grads = {}
    for k in (2, 1, 0):
        grads[f"dW{k + 1}"] = values[k].T @ delta
        grads[f"db{k + 1}"] = np.sum(delta, axis=0)
        if k:
            delta = (delta @ weights[k].T) * slopes[k - 1](values[k])
    return grads


@of("three_layer")
def lists(x, y, W1, b1, W2, b2, W3, b3):
    a1 = np.tanh(x @ W1 + b1)
    a2 = np.maximum(a1 @ W2 + b2, 0)
    deltas = [(a2 @ W3 + b3 - y) / (0.5 * len(x))]
    deltas.append(deltas[-1] @ W3.T * (a2 > 0))
    deltas.append(deltas[-1] @ W2.T * (1 - a1) * (1 + a1))
    dW = [a.T @ d for a, d in zip((x, a1, a2), deltas[::-1], strict=True)]
    db = [d.sum(0) for d in deltas[::-1]]
    return dW[0], db[0], dW[1], db[1], dW[2], db[2]


@of("three_layer")
def mean_last(x, y, W1, b1, W2, b2, W3, b3):
    a1 = np.tanh(x @ W1 + b1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    d3 = 2 * (a2 @ W3 + b3 - y)
    d2 = d3 @ W3.T
    d2[z2 < 0] = 0
    d1 = (d2 @ W2.T) / np.cosh(x @ W1 + b1) ** 2
    n = x.shape[0]
    return {
        "W1": x.T @ d1 / n,
        "b1": d1.mean(0),
        "W2": a1.T @ d2 / n,
        "b2": d2.mean(0),
        "W3": a2.T @ d3 / n,
        "b3": d3.mean(0),
    }


@of("three_layer")
def columns_with_ones(x, y, W1, b1, W2, b2, W3, b3):
    z1 = W1.T @ x.T + b1[:, None]
    a1 = np.tanh(z1)
    z2 = W2.T @ a1 + b2[:, None]
    a2 = np.maximum(z2, 0)
    d3 = (W3.T @ a2 + b3[:, None] - y.T) * 2 / x.shape[0]
    ones = np.ones((x.shape[0], 1))
    d2 = (W3 @ d3) * (z2 > 0)
    d1 = (W2 @ d2) * (1 - a1**2)
    return (
        (d1 @ x).T,
        (d1 @ ones)[:, 0],
        (d2 @ a1.T).T,
        (d2 @ ones)[:, 0],
        (d3 @ a2.T).T,
        (d3 @ ones)[:, 0],
    )


class _Layers:
    def __init__(self):
        self.grads = {}

    def dense(self, name, d, a, W):
        self.grads["W" + name] = a.T @ d
        self.grads["b" + name] = d.sum(axis=0)
        return d @ W.T


@of("three_layer")
def an_object(x, y, W1, b1, W2, b2, W3, b3):
    layers = _Layers()
    a1 = np.tanh(x @ W1 + b1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    d = 2 / len(x) * (a2 @ W3 + b3 - y)
    d = layers.dense("3", d, a2, W3)
    d *= z2 > 0
    d = layers.dense("2", d, a1, W2)
    d *= 1 - a1**2
    layers.dense("1", d, x, W1)
    return layers.grads


@of("three_layer")
def other_order_with_loss(x, y, W1, b1, W2, b2, W3, b3):
    a1 = np.tanh(x @ W1 + b1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    error = a2 @ W3 + b3 - y
    loss = (error**2).sum() / len(x)
    g3 = 2 * error / len(x)
    g2 = np.where(z2 > 0, g3 @ W3.T, 0.0)
    g1 = (g2 @ W2.T) * (1 - np.square(a1))
    grads = {"b3": g3.sum(0), "b2": g2.sum(0), "b1": g1.sum(0)}
    grads.update(W3=a2.T @ g3, W2=a1.T @ g2, W1=x.T @ g1)
    return loss, grads


@of("three_layer")
def sample_loop_with_lists(x, y, W1, b1, W2, b2, W3, b3):
    dW1, db1, dW2, db2, dW3, db3 = (np.zeros_like(a) for a in (W1, b1, W2, b2, W3, b3))
    for row, target in zip(x, y, strict=True):
        a1 = np.tanh(row @ W1 + b1)
        z2 = a1 @ W2 + b2
        a2 = np.maximum(z2, 0)
        d3 = 2 * (a2 @ W3 + b3 - target) / len(x)
        d2 = (W3 @ d3) * (z2 > 0)
        d1 = (W2 @ d2) * (1 - a1**2)
        dW3 += a2[:, None] * d3
        db3 += d3
        dW2 += a1[:, None] * d2
        db2 += d2
        dW1 += row[:, None] * d1
        db1 += d1
    return dW1, db1, dW2, db2, dW3, db3
