"""What training needs of an update rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Arrays = dict[str, Any]
"""Arrays (or traced values) by the name of their parameter."""
State = dict[str, Arrays]
"""What a rule keeps from step to step: each part has the parameters' names, shapes and dtypes."""
Numbers = dict[str, Any]
"""Numbers by name: the inputs of a training step that vary without a new trace."""


class Optimizer(Protocol):
    """An update rule: pure functions that are traced into the training step.

    A rule whose parameters to predict with differ from those that it trains has a further
    method, `final(params, state)`; see `final_params`.

    Example:
        >>> import numpy as np, pullback as pb
        >>> class BySign:
        ...     learning_rate = 0.01
        ...     def init(self, params):
        ...         return {}
        ...     def numbers(self, step, learning_rate):
        ...         return {"learning_rate": learning_rate}
        ...     def update(self, gradients, state, params, numbers):
        ...         rate = numbers["learning_rate"]
        ...         moved = {k: w - rate * np.sign(gradients[k]) for k, w in params.items()}
        ...         return moved, state
        >>> rule: pb.optim.Optimizer = BySign()
        >>> rule.update({"w": np.array([3.0])}, {}, {"w": np.ones(1)}, rule.numbers(1, 0.01))
        ({'w': array([0.99])}, {})
    """

    @property
    def learning_rate(self) -> float | None:
        """A number above 0; None for the rule's own default of loss and batch size.

        Only rules with the methods `default_learning_rate(rates, batch_size, reduction)` and
        `describe_default_rate(rates, reduction)` may have None here.
        """

    def init(self, params: Arrays) -> State:
        """The state before the first step; {} for a rule that keeps nothing.

        Args:
            params: The initial parameters.

        Returns:
            Parts by name, such as {"m": {"W1": ...}}; new arrays, none of them shared.
        """

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """All numbers of a step, in float64: settings, and factors that depend on the step alone.

        Args:
            step: Which update it is, from 1.
            learning_rate: The learning rate of this step, at least 0.

        Returns:
            Python floats; the names are the same at every step.
        """

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step: NumPy over dicts, which computes with arrays and is recorded when traced.

        Args:
            gradients: The loss's gradient, with the names and shapes of params.
            state: What `init` or the last step returned.
            params: The parameters.
            numbers: What `numbers` returned, as Python numbers or traced inputs; weak, so
                float32 stays float32.

        Returns:
            New parameters and new state; nothing that was passed in is written to.
        """


def final_params(rule: Any, params: Arrays, state: State) -> Arrays:
    """The parameters to evaluate and predict with: the rule's `final`, else params themselves.

    Args:
        rule: An update rule.
        params: The parameters after some steps.
        state: The rule's state then.

    Returns:
        Arrays with the names and shapes of params.

    Example:
        >>> import numpy as np
        >>> from pullback.optim import SGD, final_params
        >>> final_params(SGD(0.1), {"w": np.ones(2)}, {})
        {'w': array([1., 1.])}
    """
    own: Callable[[Arrays, State], Arrays] | None = getattr(rule, "final", None)
    return params if own is None else own(params, state)
