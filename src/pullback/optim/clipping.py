"""Gradients that are made shorter before a rule sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .parts import each, squares
from .protocol import Arrays, Numbers, State
from .settings import ABOVE_0, Range
from .wrapper import Wrapper


@dataclass(frozen=True, repr=False)
class ClippedByValue(Wrapper):
    """Any rule, with every entry of the gradient brought into [-limit, limit] first.

    It changes the gradient's direction. As `torch.nn.utils.clip_grad_value_`.

    Args:
        rule: An update rule.
        limit: A finite number above 0.

    Raises:
        UsageError: When the limit is out of range, or the rule clips by value itself.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.ClippedByValue(pb.optim.SGD(1.0), limit=0.5)
        >>> gradients, params = {"w": np.array([3.0, 0.25])}, {"w": np.zeros(2)}
        >>> rule.update(gradients, {}, params, rule.numbers(1, 1.0))
        ({'w': array([-0.5 , -0.25])}, {})

    Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks
    (2013), section 3.2, where it is Mikolov's.
    """

    limit: float
    ranges: ClassVar[dict[str, Range]] = {"limit": ABOVE_0}

    def own_numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The limit."""
        return {"value_limit": self.limit}

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        limit = numbers["value_limit"]
        clipped = each("clipped", lambda g: np.clip(g, -limit, limit), gradients)
        return self.rule.update(clipped, state, params, numbers)


@dataclass(frozen=True, repr=False)
class ClippedByNorm(Wrapper):
    """Any rule, with the whole gradient shortened first where its norm is above the limit.

    norm = sqrt(sum of g^2 over all entries of all parameters), then
    g <- g * limit / max(norm, limit), which keeps the direction.

    As `torch.nn.utils.clip_grad_norm_`, but that divides by norm + 1e-6, so its gradients are
    shorter by the share 1e-6 / norm; here the norm becomes the limit to rounding. Where the
    squares overflow (float32 entries above about 1e19) the gradient becomes 0, there and here.

    Args:
        rule: An update rule.
        limit: A finite number above 0: the largest norm that passes unchanged.

    Raises:
        UsageError: When the limit is out of range, or the rule clips by norm itself.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.ClippedByNorm(pb.optim.SGD(1.0), limit=1.0)
        >>> gradients = {"W": np.array([[3.0]]), "b": np.array([4.0])}
        >>> params = {"W": np.zeros((1, 1)), "b": np.zeros(1)}
        >>> rule.update(gradients, {}, params, rule.numbers(1, 1.0))
        ({'W': array([[-0.6]]), 'b': array([-0.8])}, {})

    Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks
    (2013), algorithm 1.
    """

    limit: float
    ranges: ClassVar[dict[str, Range]] = {"limit": ABOVE_0}

    def own_numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The limit."""
        return {"norm_limit": self.limit}

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        limit = numbers["norm_limit"]
        first, *others = (np.sum(square) for square in squares(gradients).values())
        norm = np.sqrt(sum(others, first))
        scale = limit / np.maximum(norm, limit)
        clipped = each("clipped", lambda g: scale * g, gradients)
        return self.rule.update(clipped, state, params, numbers)
