"""Correct backward passes of the other networks, written in many ways; none may be accused."""

import numpy as np

CORRECT = []


def of(network):
    def register(function):
        CORRECT.append((network, function))
        return function

    return register


@of("softmax")
def probabilities_minus_one_hot(x, labels, W1, b1, W2, b2):
    N = len(labels)
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    scores = h @ W2 + b2
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    dscores = p.copy()
    dscores[np.arange(N), labels] -= 1
    dscores /= N
    dW2 = h.T @ dscores
    db2 = dscores.sum(axis=0)
    dh = dscores @ W2.T
    dz = dh * (z > 0)
    dW1 = x.T @ dz
    db1 = dz.sum(axis=0)
    return dW1, db1, dW2, db2


@of("softmax")
def one_hot_matrix(x, labels, W1, b1, W2, b2):
    h = np.maximum(x @ W1 + b1, 0)
    s = np.exp(h @ W2 + b2)
    s = s / s.sum(1)[:, None]
    y = np.eye(3)[labels]
    g = (s - y) / len(y)
    gh = g @ W2.T
    gh[h <= 0] = 0
    return {"dW2": h.T @ g, "db2": g.sum(0), "dW1": x.T @ gh, "db1": gh.sum(0)}


@of("softmax")
def mean_at_the_end(x, labels, W1, b1, W2, b2):
    h = np.maximum(x @ W1 + b1, 0)
    logits = h @ W2 + b2
    logits = logits - logits.max(1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    d = np.exp(log_p)
    d[range(len(labels)), labels] -= 1
    dh = (d @ W2.T) * (h > 0)
    n = len(labels)
    return x.T @ dh / n, dh.sum(0) / n, h.T @ d / n, d.sum(0) / n


@of("softmax")
def through_the_logarithm(x, labels, W1, b1, W2, b2):
    N = x.shape[0]
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    scores = h @ W2 + b2
    e = np.exp(scores)
    total = e.sum(axis=1, keepdims=True)
    p = e / total
    dp = np.zeros_like(p)
    dp[np.arange(N), labels] = -1 / (N * p[np.arange(N), labels])
    de = dp / total
    dtotal = -(dp * e).sum(axis=1, keepdims=True) / total**2
    de = de + dtotal
    dscores = de * e
    dh = dscores @ W2.T
    dz = dh * (z > 0)
    return x.T @ dz, dz.sum(0), h.T @ dscores, dscores.sum(0)


@of("softmax")
def softmax_jacobian_times_vector(x, labels, W1, b1, W2, b2):
    h = np.maximum(x @ W1 + b1, 0)
    a = h @ W2 + b2
    p = np.exp(a) / np.exp(a).sum(1, keepdims=True)
    v = -np.eye(p.shape[1])[labels] / p / len(p)
    ds = p * (v - (v * p).sum(1, keepdims=True))
    dz = (ds @ W2.T) * (h > 0)
    return x.T @ dz, dz.sum(0), h.T @ ds, ds.sum(0)


@of("softmax")
def one_sample_at_a_time(x, labels, W1, b1, W2, b2):
    grads = {"W1": 0 * W1, "b1": 0 * b1, "W2": 0 * W2, "b2": 0 * b2}
    for xi, label in zip(x, labels, strict=True):
        z = xi @ W1 + b1
        h = np.maximum(z, 0)
        s = h @ W2 + b2
        p = np.exp(s - s.max())
        p /= p.sum()
        p[label] -= 1
        dz = (W2 @ p) * (z > 0)
        grads["W1"] += np.outer(xi, dz) / len(x)
        grads["b1"] += dz / len(x)
        grads["W2"] += np.outer(h, p) / len(x)
        grads["b2"] += p / len(x)
    return grads


@of("softmax")
def columns(x, labels, W1, b1, W2, b2):
    X = x.T
    Z = W1.T @ X + b1.reshape(-1, 1)
    H = np.maximum(Z, 0)
    S = W2.T @ H + b2.reshape(-1, 1)
    P = np.exp(S) / np.exp(S).sum(axis=0)
    Y = (np.arange(3)[:, None] == labels).astype(float)
    dS = (P - Y) / X.shape[1]
    dH = W2 @ dS
    dZ = np.where(Z > 0, dH, 0)
    return (dZ @ X.T).T, dZ.sum(axis=1), H @ dS.T, dS.sum(axis=1)


@of("softmax")
def weights_of_each_row(x, labels, W1, b1, W2, b2):
    h = np.maximum(x @ W1 + b1, 0)
    scores = h @ W2 + b2
    top = scores.max(axis=1, keepdims=True)
    lse = top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
    g = np.exp(scores - lse)
    np.subtract.at(g, (np.arange(len(g)), labels), 1.0)
    w = np.full((len(g), 1), 1 / len(g))
    g = g * w
    back = np.dot(g, W2.T)
    mask = h == 0
    back[mask] = 0
    return np.dot(x.T, back), back.sum(0), np.dot(h.T, g), g.sum(0)


@of("batchnorm")
def step_by_step(x, y, W, gamma, beta):
    N = x.shape[0]
    z = x @ W
    mu = z.mean(axis=0)
    var = ((z - mu) ** 2).mean(axis=0)
    std = np.sqrt(var + 1e-5)
    z_hat = (z - mu) / std
    dout = 2 * (gamma * z_hat + beta - y)
    dgamma = np.sum(dout * z_hat, axis=0)
    dbeta = dout.sum(axis=0)
    dz_hat = dout * gamma
    dvar = np.sum(dz_hat * (z - mu) * -0.5 * (var + 1e-5) ** -1.5, axis=0)
    dmu = np.sum(-dz_hat / std, axis=0) + dvar * np.mean(-2 * (z - mu), axis=0)
    dz = dz_hat / std + dvar * 2 * (z - mu) / N + dmu / N
    dW = x.T @ dz
    return dW, dgamma, dbeta


@of("batchnorm")
def closed_form(x, y, W, gamma, beta):
    N = len(x)
    z = x @ W
    istd = 1 / np.sqrt(z.var(axis=0) + 1e-5)
    z_hat = (z - z.mean(axis=0)) * istd
    dout = 2 * (gamma * z_hat + beta - y)
    dgamma, dbeta = (dout * z_hat).sum(0), dout.sum(0)
    dz = gamma * istd / N * (N * dout - dbeta - z_hat * dgamma)
    return x.T @ dz, dgamma, dbeta


@of("batchnorm")
def in_stages(x, y, W, gamma, beta):
    z = x @ W
    centred = z - z.mean(0)
    scale = (centred**2).mean(0) + 1e-5
    z_hat = centred * scale**-0.5
    d = 2 * (z_hat * gamma + beta - y)
    grads = {"dbeta": d.sum(0), "dgamma": (d * z_hat).sum(0)}
    d = d * gamma
    dz = d - d.mean(0)
    dz -= z_hat * (d * z_hat).mean(0)
    dz *= scale**-0.5
    grads["dW"] = x.T @ dz
    return grads


@of("batchnorm")
def through_the_standard_deviation(x, y, W, gamma, beta):
    N = x.shape[0]
    z = x @ W
    zmu = z - 1.0 / N * np.sum(z, axis=0)
    sq = zmu**2
    var = 1.0 / N * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + 1e-5)
    ivar = 1.0 / sqrtvar
    z_hat = zmu * ivar
    dout = 2 * (gamma * z_hat + beta - y)
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * z_hat, axis=0)
    dz_hat = dout * gamma
    divar = np.sum(dz_hat * zmu, axis=0)
    dzmu1 = dz_hat * ivar
    dsqrtvar = -1.0 / sqrtvar**2 * divar
    dvar = 0.5 / np.sqrt(var + 1e-5) * dsqrtvar
    dsq = 1.0 / N * np.ones(z.shape) * dvar
    dzmu2 = 2 * zmu * dsq
    dz1 = dzmu1 + dzmu2
    dmu = -np.sum(dzmu1 + dzmu2, axis=0)
    dz2 = 1.0 / N * np.ones(z.shape) * dmu
    dz = dz1 + dz2
    return x.T @ dz, dgamma, dbeta


@of("batchnorm")
def column_by_column(x, y, W, gamma, beta):
    N, D = y.shape
    z = x @ W
    dgamma, dbeta, dz = np.empty(D), np.empty(D), np.empty_like(z)
    for j in range(D):
        col = z[:, j]
        s = np.sqrt(col.var() + 1e-5)
        hat = (col - col.mean()) / s
        d = 2 * (gamma[j] * hat + beta[j] - y[:, j])
        dgamma[j] = d @ hat
        dbeta[j] = d.sum()
        dz[:, j] = gamma[j] / s * (d - d.mean() - hat * (d @ hat) / N)
    return x.T @ dz, dgamma, dbeta


@of("batchnorm")
def with_a_projection(x, y, W, gamma, beta):
    N = len(x)
    P = np.eye(N) - np.ones((N, N)) / N
    c = P @ (x @ W)
    s = np.sqrt((c * c).mean(axis=0) + 1e-5)
    u = c / s
    g = 2 * (gamma * u + beta - y)
    gu = g * gamma
    gs = -(gu * c).sum(axis=0) / s**2
    gc = gu / s + c * gs / (N * s)
    return {"W": x.T @ (P @ gc), "gamma": (g * u).sum(axis=0), "beta": g.sum(axis=0)}


@of("shared")
def added_up(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    dy = h2 @ V - y
    dV = h2.T @ dy
    dz2 = (dy @ V.T) * (1 - h2**2)
    dW = h1.T @ dz2
    dz1 = (dz2 @ W.T) * (1 - h1**2)
    dW += x.T @ dz1
    return dW, dV


@of("shared")
def two_parts(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    d = h2 @ V - y
    d2 = d @ V.T * (1 - h2 * h2)
    d1 = d2 @ W.T * (1 - h1 * h1)
    first = x.T @ d1
    second = h1.T @ d2
    return {"dV": h2.T @ d, "dW": first + second}


@of("shared")
def loop_over_steps(x, y, W, V):
    hs = [x]
    for _ in range(2):
        hs.append(np.tanh(hs[-1] @ W))
    error = hs[-1] @ V - y
    dV = hs[-1].T @ error
    dW = np.zeros_like(W)
    dh = error @ V.T
    for t in range(2, 0, -1):
        dz = dh * (1 - hs[t] ** 2)
        dW += hs[t - 1].T @ dz
        dh = dz @ W.T
    return dW, dV


@of("shared")
def stacked(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    e = h2 @ V - y
    g2 = (1 - h2**2) * (e @ V.T)
    g1 = (1 - h1**2) * (g2 @ W.T)
    dW = np.vstack([x, h1]).T @ np.vstack([g1, g2])
    return dW, h2.T @ e


@of("shared")
def columns_of_states(x, y, W, V):
    a = np.tanh(W.T @ x.T)
    b = np.tanh(W.T @ a)
    d = V.T @ b - y.T
    gV = d @ b.T
    db = (V @ d) / np.cosh(W.T @ a) ** 2
    gW = db @ a.T
    da = (W @ db) * (1 - a**2)
    gW = gW + da @ x
    return gW.T, gV.T


@of("shared")
def list_of_parts(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    dy_pred = h2 @ V - y
    parts = []
    dh = dy_pred @ V.T
    for before, after in ((h1, h2), (x, h1)):
        dz = dh * (1 - after**2)
        parts.append(before.T @ dz)
        dh = dz @ W.T
    return sum(parts), h2.T @ dy_pred


@of("shared")
def only_one(x, y, W, V):
    h2 = np.tanh(np.tanh(x @ W) @ W)
    return {"V": h2.T @ (h2 @ V - y)}
