"""Random expressions over four arrays, as functions that a list of steps describes."""

import numpy as np
from hypothesis import strategies as st

from pullback.primitives import fused

RANDOM = np.random.default_rng(11)
INPUTS = {
    "a": RANDOM.normal(size=(3, 2)),
    "b": RANDOM.normal(size=2),
    "c": RANDOM.normal(size=(3, 1)),
    "d": RANDOM.normal(size=()),
}

UNARY = [
    np.tanh,
    np.sin,
    np.cos,
    np.negative,
    np.copy,
    fused.sigmoid,
    lambda x: np.exp(np.tanh(x)),
    lambda x: np.log(1.5 + np.sin(x)),
    lambda x: np.sqrt(1 + x**2),
    lambda x: np.logaddexp(x, 0),
    lambda x: np.logaddexp(x, 0.3 * x),
    lambda x: 1 / (1 + np.square(x)),
    lambda x: np.where(np.ones(x.shape) > 0, x, 2 * x),
    lambda x: x * 1.0 + 0.0,
    lambda x: (2 + np.cos(x)) ** 1.7,
]
BINARY = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / (1.5 + np.cos(y)),
    lambda x, y: (1.5 + np.sin(x)) ** np.tanh(y),
    lambda x, y: -x + y,
    lambda x, y: x - -y,
    np.logaddexp,
]
REDUCE = [
    lambda x: np.sum(x),
    lambda x: np.mean(x),
    lambda x: np.sum(x, axis=-1, keepdims=True) if x.ndim else np.sum(x),
    lambda x: np.mean(x, axis=0) if x.ndim else np.mean(x),
    lambda x: np.prod(np.tanh(x) + 1.5, axis=-1) if x.ndim else np.prod(x),
    lambda x: np.var(x, axis=0, keepdims=True) if x.ndim else np.var(x),
    lambda x: fused.logsumexp(x, axis=0, keepdims=False) if x.ndim else x,
    lambda x: np.linalg.norm(1.5 + np.sin(x), axis=-1) if x.ndim else np.abs(x + 9),
]
MOVE = [
    lambda x: x.T,
    lambda x: np.expand_dims(x, 0) if x.ndim < 3 else np.ravel(x),
    lambda x: x.reshape(-1),
    lambda x: np.concatenate([x, 2 * x], axis=0) if x.ndim else np.stack([x, x]),
    lambda x: x[..., ::-1] if x.ndim else x,
    lambda x: x[1:] if x.ndim and x.shape[0] > 1 else x,
    lambda x: x[np.array([0, 0])] if x.ndim else x,
    lambda x: np.cumsum(x, axis=-1) if x.ndim else x,
    lambda x: fused.softmax(x, axis=x.ndim - 1) if x.ndim else x,
    lambda x: fused.log_softmax(x, axis=0) if x.ndim else x,
    lambda x: np.broadcast_to(x, (2, *x.shape)) if x.ndim < 3 else x,
]
PRODUCT = [
    lambda x, y: x @ y,
    lambda x, y: np.outer(x, y),
    lambda x, y: np.einsum("i,j->ij", np.ravel(x), np.ravel(y)),
]

STEP = st.tuples(
    st.sampled_from("ububurmp"),
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(0, 100),
)
EXPRESSIONS = st.lists(STEP, min_size=2, max_size=8)
FAMILIES = {"u": UNARY, "b": BINARY, "r": REDUCE, "m": MOVE, "p": PRODUCT}


def expression(steps):
    """The function that a list of steps describes; steps that do not fit are left out."""

    def f(a, b, c, d):
        pool = [a, b, c, d]
        for family, which, first, second in steps:
            operation = FAMILIES[family][which % len(FAMILIES[family])]
            x, y = pool[-1 - first % len(pool)], pool[-1 - second % len(pool)]
            if family in "urm":
                new = operation(x)
            elif fits(family, which, x, y):
                new = operation(x, y)
            else:
                continue
            if np.size(new) <= 60:
                pool.append(new)
        return sum(np.sum(np.sin(value)) * (0.3 + i) for i, value in enumerate(pool[3:]))

    return f


def fits(family, which, x, y):
    if family == "b":
        pairs = zip(x.shape[::-1], y.shape[::-1], strict=False)
        return all(i == j or 1 in (i, j) for i, j in pairs)
    if which % len(PRODUCT) == 0:
        inner = y.shape[-2 if y.ndim > 1 else 0] if y.ndim else None
        return 0 < x.ndim < 3 and 0 < y.ndim < 3 and x.shape[-1] == inner
    return x.size * y.size <= 60
