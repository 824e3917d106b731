"""Gradient descent with momentum: the heavy ball, and Nesterov's look ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .parts import copies_of, each
from .protocol import Arrays, Numbers, State
from .settings import ABOVE_0_OR_NONE, FROM_0_BELOW_1, Checked, Range
from .sgd import default_learning_rate, describe_default_rate


@dataclass(frozen=True, repr=False)
class Momentum(Checked):
    """v <- momentum * v + g, then w <- w - learning_rate * v. v begins at 0.

    A gradient that stays the same makes v = g / (1 - momentum): ten times the step at 0.9. The
    default learning rate is therefore that of `SGD` times (1 - momentum).

    As `torch.optim.SGD(momentum=...)`: the learning rate stands outside of v, so a schedule
    takes effect at once. Polyak's form, v <- momentum * v - learning_rate * g, differs from it
    when the learning rate varies. There is no dampening, and no weight_decay, which is an L2
    penalty on all parameters there; here `pb.losses.L2` adds one on weight matrices to the loss.

    Args:
        learning_rate: A finite number above 0; None for the default.
        momentum: In [0, 1): the share of v that stays; 0 is `SGD`.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.Momentum(0.1)
        >>> params, state = {"w": np.array([2.0])}, rule.init({"w": np.array([2.0])})
        >>> for step in (1, 2):
        ...     gradients, numbers = {"w": np.array([1.0])}, rule.numbers(step, 0.1)
        ...     params, state = rule.update(gradients, state, params, numbers)
        >>> params, state
        ({'w': array([1.71])}, {'v': {'w': array([1.9])}})

    Source: Polyak, Some methods of speeding up the convergence of iteration methods (1964); the
    form is that of Sutskever et al., On the importance of initialization and momentum in deep
    learning (2013), with the learning rate taken out of v.
    """

    learning_rate: float | None = None
    momentum: float = 0.9
    ranges: ClassVar[dict[str, Range]] = {
        "learning_rate": ABOVE_0_OR_NONE,
        "momentum": FROM_0_BELOW_1,
    }

    def default_learning_rate(
        self, rates: tuple[float, float], batch_size: int, reduction: str
    ) -> float:
        """That of plain SGD times (1 - momentum), so that steady steps have the same length."""
        return default_learning_rate(rates, batch_size, reduction) * (1 - self.momentum)

    def describe_default_rate(self, rates: tuple[float, float], reduction: str) -> str:
        """The rule of `default_learning_rate` as text."""
        return f"{describe_default_rate(rates, reduction)} * (1 - {self.momentum!r})"

    def init(self, params: Arrays) -> State:
        """v = 0 for every parameter."""
        return copies_of(np.zeros_like, params, "v")

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The learning rate and the momentum."""
        return {"learning_rate": float(learning_rate), "momentum": self.momentum}

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        v = _velocity(gradients, state, numbers["momentum"])
        learning_rate = numbers["learning_rate"]
        moved = each("", lambda w, v: w - learning_rate * v, params, v)
        return moved, {"v": v}


@dataclass(frozen=True, repr=False)
class Nesterov(Momentum):
    """v <- momentum * v + g, then w <- w - learning_rate * (g + momentum * v). v begins at 0.

    The step goes along the velocity that the next step would have with the same gradient, so it
    brakes earlier than `Momentum`. The parameters held are those at which Nesterov's method
    takes its gradients. The default learning rate is that of `SGD` times (1 - momentum).

    As `torch.optim.SGD(momentum=..., nesterov=True)`; there momentum must be above 0. Weight
    decay is as with `Momentum`.

    Args:
        learning_rate: A finite number above 0; None for the default.
        momentum: In [0, 1): the share of v that stays; 0 is `SGD`.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.Nesterov(0.1)
        >>> params = {"w": np.array([2.0])}
        >>> gradients, numbers = {"w": np.array([1.0])}, rule.numbers(1, 0.1)
        >>> rule.update(gradients, rule.init(params), params, numbers)
        ({'w': array([1.81])}, {'v': {'w': array([1.])}})

    Source: Nesterov, A method of solving a convex programming problem with convergence rate
    O(1/k^2) (1983); the form is that of Sutskever et al. (2013), in the variables of Bengio et
    al., Advances in optimizing recurrent networks (2013).
    """

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        learning_rate, momentum = numbers["learning_rate"], numbers["momentum"]
        v = _velocity(gradients, state, momentum)
        moved = each(
            "", lambda w, g, v: w - learning_rate * (g + momentum * v), params, gradients, v
        )
        return moved, {"v": v}


def _velocity(gradients: Arrays, state: State, momentum: Any) -> Arrays:
    return each("v", lambda v, g: momentum * v + g, state["v"], gradients)
