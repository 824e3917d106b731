"""NumPy functions that emitted source carries along: what NumPy itself does not have.

Each is complete in itself, since its text is copied above the emitted function.
"""

from __future__ import annotations

import numpy as np


def sigmoid(x):  # type: ignore[no-untyped-def]
    """1 / (1 + exp(-x)), without overflow on either side."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softmax(z, axis):  # type: ignore[no-untyped-def]
    """exp(z) / sum(exp(z)) along an axis; shifted by the maximum, so it cannot overflow."""
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(z, axis):  # type: ignore[no-untyped-def]
    """log(softmax(z)) along an axis, exact where softmax rounds to 0."""
    shifted = z - np.max(z, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def logsumexp(z, axis, keepdims):  # type: ignore[no-untyped-def]
    """log(sum(exp(z))) along an axis; shifted by the maximum, so it cannot overflow."""
    top = np.max(z, axis=axis, keepdims=True)
    out = top + np.log(np.sum(np.exp(z - top), axis=axis, keepdims=True))
    return out if keepdims else np.squeeze(out, axis=axis)


def product_of_others(x):  # type: ignore[no-untyped-def]
    """For each entry the product of all other entries of its row, right for zeros too."""
    ones = np.ones_like(x[..., :1])
    before = np.cumprod(np.concatenate([ones, x[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([ones, x[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return before * after


def with_item(x, index, value):  # type: ignore[no-untyped-def]
    """A copy of x in which x[index] is value."""
    out = np.array(x)
    out[index] = value
    return out


def placed(value, index, shape):  # type: ignore[no-untyped-def]
    """Zeros of a shape, with value at index (a slice)."""
    out = np.zeros(shape, value.dtype)
    out[index] = value
    return out


def scatter_add(value, index, shape):  # type: ignore[no-untyped-def]
    """Zeros of a shape, with value added at index, once for each time an entry is named."""
    out = np.zeros(shape, value.dtype)
    np.add.at(out, index, value)
    return out


def scatter_along_axis(value, indices, axis, shape):  # type: ignore[no-untyped-def]
    """Zeros of a shape, with value added where `np.take_along_axis` reads."""
    out = np.zeros(shape, value.dtype)
    index = list(np.indices(indices.shape, sparse=True))
    index[axis] = indices
    np.add.at(out, tuple(index), value)
    return out
