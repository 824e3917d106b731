"""Random programs over rows, matrices, vectors and whole numbers, as lists of steps."""

import numpy as np
from hypothesis import strategies as st

from pullback import nn
from pullback.errors import PullbackError

UNARY = [
    np.tanh,
    np.abs,
    np.negative,
    np.copy,
    lambda x: np.exp(-(x**2)),
    lambda x: np.maximum(x, 0.1),
    lambda x: np.where(x > 0.07, x, 0.3 * x),
    lambda x: np.clip(x, -0.6, 0.7),
    lambda x: np.sqrt(1 + x * x),
    lambda x: (x > 0.03) * x,
    lambda x: x * 2,
    nn.sigmoid,
]
BINARY = [
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: x / (1 + y * y),
    lambda x, y: np.maximum(x, y + 0.013),
    lambda x, y: np.where(x > y + 0.017, x, 0.5 * y),
    lambda x, y: np.logaddexp(x, 0.4 * y),
    lambda x, y: np.concatenate([x, np.tanh(y)], axis=0),
    lambda x, y: np.concatenate([x, np.tanh(y)], axis=-1),
    lambda x, y: np.stack([x, 2 * y]),
    lambda x, y: np.stack([x, 2 * y], axis=-1),
]
REDUCTIONS = [
    np.sum,
    np.mean,
    np.max,
    np.min,
    np.var,
    nn.logsumexp,
    lambda x, axis, keepdims: np.prod(1 + 0.2 * np.tanh(x), axis=axis, keepdims=keepdims),
    lambda x, axis, keepdims: np.any(x > 0.2, axis=axis, keepdims=keepdims) * 0.7,
    lambda x, axis, keepdims: np.all(x > -0.2, axis=axis, keepdims=keepdims) * 0.7,
]
ALONG = [
    np.cumsum,
    nn.softmax,
    nn.log_softmax,
    lambda x, axis: np.argmax(x, axis=axis) * 0.3,
    lambda x, axis: np.argmin(x, axis=axis) * 0.3,
    lambda x, axis: np.take_along_axis(x, np.expand_dims(np.argmax(x, axis=axis), axis), axis),
    lambda x, axis: np.expand_dims(x, axis),
]
MOVES = [
    lambda x: x.T,
    lambda x: x.reshape(-1),
    lambda x: x[::-1],
    lambda x: x[..., ::-1],
    lambda x: x[1:],
    lambda x: x[..., 1:],
    lambda x: x[:-1],
    lambda x: x[::2],
    lambda x: x[0],
    lambda x: x[..., -1],
    lambda x: x[:, None],
    lambda x: np.broadcast_to(x, (2, *x.shape)),
    lambda x: x[np.array([1, 0, 1])],
    lambda x: x[:, np.array([1, 1, 0])],
]
PRODUCTS = [
    lambda x, y: x @ y,
    lambda x, y: x.T @ y,
    lambda x, y: x @ y.T,
    lambda x, y: x.T @ y.T,
    lambda x, y: np.einsum("ij,kj->ik", x, y),
    lambda x, y: np.einsum("ij,kl->jl", x, y),
    lambda x, y: np.outer(x, y),
]
PLACED = [
    lambda x, k: x[k],
    lambda x, k: x[:, k],
    lambda x, k: nn.one_hot(k, 3, x.dtype) * 0.5,
    lambda x, k: np.take_along_axis(x, k[:, None], axis=1),
]
"""With whole numbers k, one a row."""

STEP = st.tuples(
    st.sampled_from("uubbbrrrampg"), *(st.integers(0, 999) for _ in range(3)), st.booleans()
)
EXPRESSIONS = st.lists(STEP, min_size=3, max_size=9)


def pool_of(steps, given, k):
    """The values that steps make of some and of whole numbers; what does not fit is left out."""
    pool = list(given)
    for family, which, first, second, keep in steps:
        x, y = pool[-1 - first % len(pool)], pool[-1 - second % len(pool)]
        try:
            new = applied(family, which, x, y, k, second, keep)
        except (PullbackError, IndexError, ValueError):
            continue
        if new.ndim <= 3:
            pool.append(np.tanh(new) if which % 3 else new)
    return pool[len(given) :]


def applied(family, which, x, y, k, second, keep):
    """One step: an operation of a family on one value or two."""
    if family == "u":
        return UNARY[which % len(UNARY)](x)
    if family == "b":
        return BINARY[which % len(BINARY)](x, y)
    if family == "m":
        return MOVES[which % len(MOVES)](x)
    if family == "p":
        return PRODUCTS[which % len(PRODUCTS)](x, y)
    if family == "g":
        if any(length in (1, 2) for length in x.shape):
            raise IndexError("k goes up to 2")
        return PLACED[which % len(PLACED)](x, k)
    if family == "a":
        return ALONG[which % len(ALONG)](x, axis=second % max(x.ndim, 1))
    axes = [None, *range(x.ndim), *((0, 1), (0, 2), (1, 2))[: max(0, 2 * x.ndim - 3)]]
    return REDUCTIONS[which % len(REDUCTIONS)](x, axis=axes[second % len(axes)], keepdims=keep)


def total(values):
    """One number that depends on every entry of every value."""
    return sum(np.sum(np.sin(value) * (0.3 + 0.1 * i)) for i, value in enumerate(values))
