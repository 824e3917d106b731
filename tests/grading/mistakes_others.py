"""Backward passes of the other networks with one mistake each, on the line marked `# wrong`."""

import numpy as np

MISTAKES = []


def mistake(network, first, kind):
    """Register a wrong backward pass with the name and kind that the report must give."""

    def register(function):
        MISTAKES.append((network, function, first, kind))
        return function

    return register


@mistake("softmax", "dscores", "missing factor")
def not_averaged(x, labels, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    scores = h @ W2 + b2
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    dscores = p - np.eye(3)[labels]  # wrong
    dz = (dscores @ W2.T) * (z > 0)
    return x.T @ dz, dz.sum(0), h.T @ dscores, dscores.sum(0)


@mistake("softmax", "dscores", "")
def one_hot_forgotten(x, labels, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    scores = h @ W2 + b2
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    dscores = (p - 1) / len(x)  # wrong
    dz = (dscores @ W2.T) * (z > 0)
    return x.T @ dz, dz.sum(0), h.T @ dscores, dscores.sum(0)


@mistake("softmax", "p", "")
def normalized_over_the_batch(x, labels, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    scores = h @ W2 + b2
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=0)  # wrong
    dscores = (p - np.eye(3)[labels]) / len(x)
    dz = (dscores @ W2.T) * (z > 0)
    return x.T @ dz, dz.sum(0), h.T @ dscores, dscores.sum(0)


@mistake("softmax", "dscores", "sign")
def target_minus_probability(x, labels, W1, b1, W2, b2):
    N = len(labels)
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    s = np.exp(h @ W2 + b2)
    p = s / s.sum(axis=1, keepdims=True)
    dscores = (np.eye(3)[labels] - p) / N  # wrong
    dh = dscores @ W2.T
    dz = dh * (z > 0)
    return {"dW1": x.T @ dz, "db1": dz.sum(0), "dW2": h.T @ dscores, "db2": dscores.sum(0)}


@mistake("softmax", "dz", "mask from the wrong side")
def mask_of_the_dead(x, labels, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    scores = h @ W2 + b2
    g = np.exp(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))
    g[np.arange(len(g)), labels] -= 1
    g /= len(g)
    dz = g @ W2.T
    dz[h > 0] = 0  # wrong
    return x.T @ dz, dz.sum(0), h.T @ g, g.sum(0)


@mistake("softmax", "db2", "missing sum over the batch")
def bias_per_sample(x, labels, W1, b1, W2, b2):
    h = np.maximum(x @ W1 + b1, 0)
    s = np.exp(h @ W2 + b2)
    g = (s / s.sum(1, keepdims=True) - np.eye(3)[labels]) / len(x)
    gz = (g @ W2.T) * (h > 0)
    dW2 = h.T @ g
    db2 = 1.0 * g  # wrong
    return {"W1": x.T @ gz, "b1": gz.sum(axis=0), "W2": dW2, "b2": db2}


@mistake("softmax", "dh", "")
def weights_of_the_wrong_layer(x, labels, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    s = np.exp(h @ W2 + b2)
    g = (s / s.sum(1, keepdims=True) - np.eye(3)[labels]) / len(x)
    dW2, db2 = h.T @ g, g.sum(0)
    dh = g @ W1[:3, :] * 1.0  # wrong
    dz = dh * (z > 0)
    return x.T @ dz, dz.sum(0), dW2, db2


@mistake("softmax", "dW1", "")
def hidden_instead_of_scores(x, labels, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    s = np.exp(h @ W2 + b2)
    g = (s / s.sum(1, keepdims=True) - np.eye(3)[labels]) / len(x)
    dz = (g @ W2.T) * (z > 0)
    dW1 = x.T @ (dz * h)  # wrong
    return dW1, dz.sum(0), h.T @ g, g.sum(0)


@mistake("batchnorm", "dgamma", "missing sum over the batch")
def gamma_not_summed(x, y, W, gamma, beta):
    N = len(x)
    z = x @ W
    std = np.sqrt(z.var(axis=0) + 1e-5)
    z_hat = (z - z.mean(axis=0)) / std
    dout = 2 * (gamma * z_hat + beta - y)
    dbeta = dout.sum(axis=0)
    dgamma = dout * z_hat  # wrong
    d = dout * gamma
    dz = (d - d.mean(0) - z_hat * (d * z_hat).sum(0) / N) / std
    return {"dW": x.T @ dz, "dgamma": dgamma, "dbeta": dbeta}


@mistake("batchnorm", "dvar", "")
def exponent_of_the_variance(x, y, W, gamma, beta):
    N = x.shape[0]
    z = x @ W
    mu, var = z.mean(axis=0), z.var(axis=0)
    std = np.sqrt(var + 1e-5)
    z_hat = (z - mu) / std
    dout = 2 * (gamma * z_hat + beta - y)
    dz_hat = dout * gamma
    dvar = np.sum(dz_hat * (z - mu) * -0.5 * (var + 1e-5) ** -0.5, axis=0)  # wrong
    dmu = np.sum(-dz_hat / std, axis=0)
    dz = dz_hat / std + dvar * 2 * (z - mu) / N + dmu / N
    return x.T @ dz, np.sum(dout * z_hat, axis=0), dout.sum(axis=0)


@mistake("batchnorm", "dz", "a contribution is missing")
def mean_forgotten(x, y, W, gamma, beta):
    N = x.shape[0]
    z = x @ W
    mu, var = z.mean(axis=0), z.var(axis=0)
    std = np.sqrt(var + 1e-5)
    z_hat = (z - mu) / std
    dout = 2 * (gamma * z_hat + beta - y)
    dz_hat = dout * gamma
    dvar = np.sum(dz_hat * (z - mu) * -0.5 * (var + 1e-5) ** -1.5, axis=0)
    dz = dz_hat / std + dvar * 2 * (z - mu) / N  # wrong
    return x.T @ dz, np.sum(dout * z_hat, axis=0), dout.sum(axis=0)


@mistake("batchnorm", "dz_hat", "")
def gamma_forgotten(x, y, W, gamma, beta):
    N = x.shape[0]
    z = x @ W
    std = np.sqrt(z.var(axis=0) + 1e-5)
    z_hat = (z - z.mean(axis=0)) / std
    dout = 2 * (gamma * z_hat + beta - y)
    dz_hat = dout  # wrong
    dz = (dz_hat - dz_hat.mean(0) - z_hat * (dz_hat * z_hat).sum(0) / N) / std
    return x.T @ dz, (dout * z_hat).sum(0), dout.sum(0)


@mistake("batchnorm", "dgamma", "another value in its place")
def not_normalized(x, y, W, gamma, beta):
    z = x @ W
    std = np.sqrt(z.var(axis=0) + 1e-5)
    z_hat = (z - z.mean(axis=0)) / std
    dout = 2 * (gamma * z_hat + beta - y)
    dgamma = np.sum(dout * z, axis=0)  # wrong
    d = dout * gamma
    dz = (d - d.mean(0) - z_hat * (d * z_hat).mean(0)) / std
    return x.T @ dz, dgamma, dout.sum(0)


@mistake("batchnorm", "dout", "missing factor")
def square_without_two(x, y, W, gamma, beta):
    z = x @ W
    std = np.sqrt(z.var(axis=0) + 1e-5)
    z_hat = (z - z.mean(axis=0)) / std
    dout = gamma * z_hat + beta - y  # wrong
    d = dout * gamma
    dz = (d - d.mean(0) - z_hat * (d * z_hat).mean(0)) / std
    return [x.T @ dz, (dout * z_hat).sum(0), dout.sum(0)]


@mistake("batchnorm", "dW", "")
def straight_through(x, y, W, gamma, beta):
    z = x @ W
    std = np.sqrt(z.var(axis=0) + 1e-5)
    z_hat = (z - z.mean(axis=0)) / std
    dout = 2 * (gamma * z_hat + beta - y)
    dz_hat = dout * gamma
    dW = x.T @ (dz_hat / std)  # wrong
    return dW, (dout * z_hat).sum(0), dout.sum(0)


@mistake("batchnorm", "g", "overwritten instead of added")
def second_use_of_the_centred_overwrites(x, y, W, gamma, beta):
    N = x.shape[0]
    z = x @ W
    c = z - z.mean(axis=0)
    std = np.sqrt((c**2).mean(axis=0) + 1e-5)
    z_hat = c / std
    dout = 2 * (gamma * z_hat + beta - y)
    d = dout * gamma
    dvar = np.sum(d * c, axis=0) * -0.5 / std**3
    g = d / std
    g = dvar * 2 * c / N  # wrong
    dz = g - g.mean(axis=0)
    return x.T @ dz, (dout * z_hat).sum(axis=0), dout.sum(axis=0)


@mistake("shared", "dW", "overwritten instead of added")
def second_use_overwrites(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    dy = h2 @ V - y
    dV = h2.T @ dy
    dz2 = (dy @ V.T) * (1 - h2**2)
    dW = h1.T @ dz2
    dz1 = (dz2 @ W.T) * (1 - h1**2)
    dW = x.T @ dz1  # wrong
    return dW, dV


@mistake("shared", "dW", "a contribution is missing")
def first_use_forgotten(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    dy = h2 @ V - y
    dz2 = (dy @ V.T) * (1 - h2**2)
    dW = h1.T @ dz2  # wrong
    return {"dV": h2.T @ dy, "dW": dW}


@mistake("shared", "grads['W']", "overwritten instead of added")
def overwritten_in_a_loop(x, y, W, V):
    hs = [x]
    for _ in range(2):
        hs.append(np.tanh(hs[-1] @ W))
    error = hs[-1] @ V - y
    grads = {"V": hs[-1].T @ error}
    dh = error @ V.T
    for t in (2, 1):
        dz = dh * (1 - hs[t] ** 2)
        grads["W"] = hs[t - 1].T @ dz  # wrong
        dh = dz @ W.T
    return grads


@mistake("shared", "dh1", "transposed")
def square_matrix_not_transposed(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    dy = h2 @ V - y
    dV = h2.T @ dy
    dz2 = (dy @ V.T) * (1 - h2**2)
    dh1 = dz2 @ W  # wrong
    dz1 = dh1 * (1 - h1**2)
    dW = h1.T @ dz2 + x.T @ dz1
    return dW, dV


@mistake("shared", "dW", "sign")
def subtracted_instead_of_added(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    dy = h2 @ V - y
    dz2 = (dy @ V.T) * (1 - h2**2)
    dz1 = (dz2 @ W.T) * (1 - h1**2)
    dW = h1.T @ dz2
    dW -= x.T @ dz1  # wrong
    return dW, h2.T @ dy


@mistake("shared", "dz2", "another value in its place")
def slope_of_the_other_state(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    dy = h2 @ V - y
    dz2 = (dy @ V.T) * (1 - h1**2)  # wrong
    dz1 = (dz2 @ W.T) * (1 - h1**2)
    return h1.T @ dz2 + x.T @ dz1, h2.T @ dy


@mistake("shared", "dW", "transposed")
def shared_gradient_transposed(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    dy = h2 @ V - y
    dz2 = (dy @ V.T) * (1 - h2**2)
    dz1 = (dz2 @ W.T) * (1 - h1**2)
    dW = dz2.T @ h1 + dz1.T @ x  # wrong
    return dW, h2.T @ dy


@mistake("shared", "dy", "missing factor")
def two_too_much(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    dy = 2 * (h2 @ V - y)  # wrong
    dz2 = (dy @ V.T) * (1 - h2**2)
    dz1 = (dz2 @ W.T) * (1 - h1**2)
    return h1.T @ dz2 + x.T @ dz1, h2.T @ dy
