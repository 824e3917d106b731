"""Backward passes of the dense networks with one mistake each, on the line marked `# wrong`."""

import numpy as np

MISTAKES = []


def mistake(network, first, kind):
    """Register a wrong backward pass with the name and kind that the report must give."""

    def register(function):
        MISTAKES.append((network, function, first, kind))
        return function

    return register


@mistake("two_layer", "dh", "mask from the wrong side")
def mask_from_the_wrong_side(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    dy_pred = 2 * (h_relu @ W2 - y)
    dW2 = h_relu.T @ dy_pred
    dh = dy_pred @ W2.T
    dh[h > 0] = 0  # wrong
    dW1 = x.T @ dh
    return dW1, dW2


@mistake("two_layer", "dh", "mask missing")
def mask_forgotten(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    dy_pred = 2 * (h_relu @ W2 - y)
    dW2 = h_relu.T @ dy_pred
    dh = dy_pred @ W2.T  # wrong
    dW1 = x.T @ dh
    return dW1, dW2


@mistake("two_layer", "grad_w1", "mask missing")
def mask_forgotten_under_another_name(x, y, W1, W2):
    h = x.dot(W1)
    grad = 2 * (np.maximum(h, 0).dot(W2) - y)
    grad_w2 = np.maximum(h, 0).T.dot(grad)
    back = grad.dot(W2.T)
    grad_w1 = x.T.dot(back)  # wrong
    return grad_w1, grad_w2


@mistake("two_layer", "dy_pred", "missing factor")
def factor_two_forgotten(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    dy_pred = h_relu @ W2 - y  # wrong
    dW2 = h_relu.T @ dy_pred
    dh = (dy_pred @ W2.T) * (h > 0)
    dW1 = x.T @ dh
    return dW1, dW2


@mistake("two_layer", "dW1", "missing factor")
def factor_last_forgotten_once(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    d = 2 * (r @ W2 - y)
    e = (d @ W2.T) * (h > 0)
    dW2 = r.T @ d
    dW1 = x.T @ e / len(x)  # wrong
    return dW1, dW2


@mistake("two_layer", "dy_pred", "sign")
def difference_the_wrong_way_round(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    dy_pred = 2 * (y - h_relu @ W2)  # wrong
    return x.T @ (dy_pred @ W2.T * (h > 0)), h_relu.T @ dy_pred


@mistake("two_layer", "dW2", "another value in its place")
def before_the_activation(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    dy_pred = 2 * (h_relu @ W2 - y)
    dW2 = h.T @ dy_pred  # wrong
    dW1 = x.T @ (dy_pred @ W2.T * (h > 0))
    return {"dW1": dW1, "dW2": dW2}


@mistake("two_layer", "dW1", "transposed")
def gradient_transposed(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    d = 2 * (r @ W2 - y)
    dh = (d @ W2.T) * (h > 0)
    dW1 = dh.T @ x  # wrong
    return {"dW1": dW1, "dW2": r.T @ d}


@mistake("two_layer", "h_relu", "")
def forward_value_recomputed_wrongly(x, y, W1, W2):
    h = x @ W1
    h_relu = np.abs(h)  # wrong
    dy_pred = 2 * (h_relu @ W2 - y)
    dW2 = h_relu.T @ dy_pred
    dh = (dy_pred @ W2.T) * (h > 0)
    return x.T @ dh, dW2


@mistake("two_layer", "g", "mask from the wrong side")
def columns_with_the_wrong_mask(x, y, W1, W2):
    a = W1.T @ x.T
    r = np.maximum(a, 0)
    d = 2 * (W2.T @ r - y.T)
    g = W2 @ d
    g = g * (a <= 0)  # wrong
    dW1 = g @ x
    return dW1.T, r @ d.T


@mistake("two_layer", "return", "mask from the wrong side")
def wrong_inside_a_helper(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    d = 2 * (r @ W2 - y)
    return x.T @ _relu_slope_turned(d @ W2.T, h), r.T @ d


def _relu_slope_turned(d, h):
    return d * (h < 0)  # wrong


@mistake("two_layer", "dW1", "mask from the wrong side")
def everything_in_one_expression(x, y, W1, W2):
    h = x @ W1
    r = np.maximum(h, 0)
    d = 2 * (r @ W2 - y)
    dW2 = r.T @ d
    dW1 = x.T @ (d @ W2.T * (h < 0))  # wrong
    return dW1, dW2


@mistake("three_layer", "dz2", "mask from the wrong side")
def hidden_mask(x, y, W1, b1, W2, b2, W3, b3):
    a1 = np.tanh(x @ W1 + b1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    d = 2 * (a2 @ W3 + b3 - y) / len(x)
    dz2 = np.where(z2 > 0, 0, d @ W3.T)  # wrong
    dz1 = (dz2 @ W2.T) * (1 - a1**2)
    return x.T @ dz1, dz1.sum(0), a1.T @ dz2, dz2.sum(0), a2.T @ d, d.sum(0)


@mistake("three_layer", "db1", "missing sum over the batch")
def bias_not_summed(x, y, W1, b1, W2, b2, W3, b3):
    a1 = np.tanh(x @ W1 + b1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    d3 = 2 * (a2 @ W3 + b3 - y) / len(x)
    d2 = (d3 @ W3.T) * (z2 > 0)
    d1 = (d2 @ W2.T) * (1 - a1**2)
    grads = {"dW3": a2.T @ d3, "db3": d3.sum(0), "dW2": a1.T @ d2, "db2": d2.sum(0)}
    dW1 = x.T @ d1
    db1 = d1  # wrong
    grads.update(dW1=dW1, db1=db1)
    return grads


@mistake("three_layer", "dy_pred", "missing factor")
def mean_forgotten(x, y, W1, b1, W2, b2, W3, b3):
    a1 = np.tanh(x @ W1 + b1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    dy_pred = 2 * (a2 @ W3 + b3 - y)  # wrong
    dz2 = (dy_pred @ W3.T) * (z2 > 0)
    dz1 = (dz2 @ W2.T) * (1 - a1**2)
    return (
        x.T @ dz1,
        dz1.sum(0),
        a1.T @ dz2,
        dz2.sum(0),
        a2.T @ dy_pred,
        dy_pred.sum(0),
    )


@mistake("three_layer", "dz1", "")
def slope_of_tanh(x, y, W1, b1, W2, b2, W3, b3):
    z1 = x @ W1 + b1
    a1 = np.tanh(z1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    dy = 2 * (a2 @ W3 + b3 - y) / len(x)
    dz2 = (dy @ W3.T) * (z2 > 0)
    dz1 = (dz2 @ W2.T) * (1 - a1)  # wrong
    return x.T @ dz1, dz1.sum(0), a1.T @ dz2, dz2.sum(0), a2.T @ dy, dy.sum(0)


@mistake("three_layer", "db2", "missing factor")
def mean_instead_of_sum(x, y, W1, b1, W2, b2, W3, b3):
    a1 = np.tanh(x @ W1 + b1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    dy = 2 * (a2 @ W3 + b3 - y) / len(x)
    dW3, db3 = a2.T @ dy, dy.sum(axis=0)
    dz2 = (dy @ W3.T) * (z2 > 0)
    dW2 = a1.T @ dz2
    db2 = dz2.mean(axis=0)  # wrong
    dz1 = (dz2 @ W2.T) * (1 - a1**2)
    return x.T @ dz1, dz1.sum(axis=0), dW2, db2, dW3, db3


@mistake("three_layer", "dW[1]", "mask missing")
def loop_over_layers_without_slope(x, y, W1, b1, W2, b2, W3, b3):
    a1 = np.tanh(x @ W1 + b1)
    a2 = np.maximum(a1 @ W2 + b2, 0)
    weights, values = [W1, W2, W3], [x, a1, a2]
    slopes = [None, 1 - a1**2, np.ones_like(a2)]
    delta = 2 * (a2 @ W3 + b3 - y) / len(x)
    dW, db = [None] * 3, [None] * 3
    for k in (2, 1, 0):
        dW[k], db[k] = values[k].T @ delta, delta.sum(axis=0)  # wrong
        if k:
            delta = (delta @ weights[k].T) * slopes[k]
    return {"W1": dW[0], "W2": dW[1], "W3": dW[2], "b1": db[0], "b2": db[1], "b3": db[2]}


@mistake("three_layer", "dW2", "another value in its place")
def input_of_another_layer(x, y, W1, b1, W2, b2, W3, b3):
    z1 = x @ W1 + b1
    a1 = np.tanh(z1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    dy = 2 * (a2 @ W3 + b3 - y) / len(x)
    dz2 = (dy @ W3.T) * (z2 > 0)
    dW2 = z1.T @ dz2  # wrong
    dz1 = (dz2 @ W2.T) * (1 - a1**2)
    return x.T @ dz1, dz1.sum(0), dW2, dz2.sum(0), a2.T @ dy, dy.sum(0)


@mistake("three_layer", "self.d", "sign")
def wrong_in_an_object(x, y, W1, b1, W2, b2, W3, b3):
    net = _Net()
    a1 = np.tanh(x @ W1 + b1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    net.begin(a2 @ W3 + b3, y)
    grads = {"W3": a2.T @ net.d, "b3": net.d.sum(0)}
    d2 = (net.d @ W3.T) * (z2 > 0)
    d1 = (d2 @ W2.T) * (1 - a1**2)
    return grads | {"W2": a1.T @ d2, "b2": d2.sum(0), "W1": x.T @ d1, "b1": d1.sum(0)}


class _Net:
    def begin(self, y_pred, y):
        self.d = 2 * (y - y_pred) / len(y)  # wrong
