"""Penalties: what is added to a loss to keep weights small.

Each is called on one weight matrix and gives a number. Training adds up those of all weight
matrices and tells the sum apart from the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..errors import UsageError
from ..tracing import varying
from .settings import number_in


class Penalty(Protocol):
    """A weight matrix -> a number; any NumPy function that `pb.trace` accepts is one."""

    def __call__(self, W: Any, /) -> Any:
        """The penalty of one weight matrix: a floating scalar."""


@dataclass(frozen=True)
class L1:
    """strength * sum |W|, which pulls every weight towards 0 alike and makes some exactly 0.

    Its gradient is strength * sign(W), 0 at 0.

    Args:
        strength: A finite number >= 0; the input `l1` of the program.

    Raises:
        UsageError: When the strength is anything else.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.L1(0.1)(np.array([[3.0, -4.0]])).round(12)
        np.float64(0.7)

    Source: Tibshirani, Regression shrinkage and selection via the lasso (1996).
    """

    strength: float

    def __post_init__(self) -> None:
        number_in("L1", "strength", self.strength, ">= 0")

    def __call__(self, W: Any, /) -> Any:
        """strength * sum |W|: a floating scalar."""
        return _absolute(W, varying(float(self.strength), "l1", like=W, shared=True))


@dataclass(frozen=True)
class L2:
    """strength / 2 * sum W^2, which pulls weights towards 0 in proportion to their size.

    Its gradient is strength * W: PyTorch's weight_decay of SGD, and the convention of CS231n.
    scikit-learn's `alpha` is the same number when divided by the rows of a batch.

    Args:
        strength: A finite number >= 0; the input `l2` of the program.

    Raises:
        UsageError: When the strength is anything else.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.L2(0.1)(np.array([[3.0, -4.0]]))
        np.float64(1.25)

    Source: Hoerl and Kennard, Ridge regression (1970).
    """

    strength: float

    def __post_init__(self) -> None:
        number_in("L2", "strength", self.strength, ">= 0")

    def __call__(self, W: Any, /) -> Any:
        """strength / 2 * sum W^2: a floating scalar."""
        return _squared(W, varying(float(self.strength), "l2", like=W, shared=True))


@dataclass(frozen=True)
class ElasticNet:
    """l1 * sum |W| + l2 / 2 * sum W^2: `L1` and `L2` in one.

    Args:
        l1: A finite number >= 0; an input of the program.
        l2: A finite number >= 0; an input of the program.

    Raises:
        UsageError: When one of them is anything else.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.ElasticNet(0.1, 0.1)(np.array([[3.0, -4.0]])).round(12)
        np.float64(1.95)

    Source: Zou and Hastie, Regularization and variable selection via the elastic net (2005).
    """

    l1: float
    l2: float

    def __post_init__(self) -> None:
        number_in("ElasticNet", "l1", self.l1, ">= 0")
        number_in("ElasticNet", "l2", self.l2, ">= 0")

    def __call__(self, W: Any, /) -> Any:
        """l1 * sum |W| + l2 / 2 * sum W^2: a floating scalar."""
        l1, l2 = (
            varying(float(getattr(self, name)), name, like=W, shared=True) for name in ("l1", "l2")
        )
        return _absolute(W, l1) + _squared(W, l2)


def _absolute(W: Any, strength: Any) -> Any:
    return strength * np.sum(np.abs(W))


def _squared(W: Any, strength: Any) -> Any:
    return strength / 2 * np.sum(W**2)


PENALTIES: dict[str, Callable[[float], Penalty]] = {"l1": L1, "l2": L2}
"""Penalties of one number by the name that the command line takes."""


def as_penalty(penalty: Any) -> Penalty | None:
    """What `pb.train` makes of its `penalty`.

    Args:
        penalty: None, a penalty, or a NumPy function of one weight matrix that gives a number.

    Returns:
        The same.

    Raises:
        UsageError: When it is anything else.

    Example:
        >>> import numpy as np, pullback as pb
        >>> largest = pb.losses.as_penalty(lambda W: 0.01 * np.max(np.abs(W)))
        >>> largest(np.array([[3.0, -4.0]]))
        np.float64(0.04)
    """
    if isinstance(penalty, type):
        raise UsageError(
            f"penalty={penalty.__name__} is no penalty yet; write {penalty.__name__}(0.001)."
        )
    if penalty is None or callable(penalty):
        checked: Penalty | None = penalty
        return checked
    raise UsageError(
        f"penalty={penalty!r} is no penalty; write pb.losses.L2(0.001), a function or None."
    )
