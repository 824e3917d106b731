"""What NumPy computes in one function and loops compute in several: the same, spelled out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...primitives import elementwise, kinked, linear, reductions


def _logaddexp(x: Any, y: Any) -> Any:
    apart = -np.abs(x - y)
    return np.maximum(x, y) + np.log1p(np.exp(np.where(x == y, 0.0, apart)))


def _var(x: Any, axis: Any, ddof: int, keepdims: bool) -> Any:
    centred = x - np.mean(x, axis=axis, keepdims=True)
    total = np.sum(np.square(centred), axis=axis, keepdims=keepdims)
    return total / (reductions.count(x, axis) - ddof)


def _std(x: Any, axis: Any, ddof: int, keepdims: bool) -> Any:
    return np.sqrt(_var(x, axis, ddof, keepdims))


def _norm(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))


def _clip(x: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


def _reciprocal(x: Any) -> Any:
    return 1.0 / x


def _outer(x: Any, y: Any) -> Any:
    return np.expand_dims(x, 1) * np.expand_dims(y, 0)


SPELLED_OUT: dict[str, Any] = {
    elementwise.logaddexp.name: _logaddexp,
    reductions.var.name: _var,
    reductions.std.name: _std,
    reductions.norm.name: _norm,
    kinked.clip.name: _clip,
    elementwise.reciprocal.name: _reciprocal,
    linear.outer.name: _outer,
}
"""Operations that are one NumPy function and more than one loop."""
